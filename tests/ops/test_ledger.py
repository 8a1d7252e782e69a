"""The ledger is held against the log leg by leg, and shown by command."""

# ruff: noqa: S608 - text of our own

import json

import psycopg
import pytest
from django.core.management import CommandError, call_command

from deploy.postgres import Cluster
from events import projection, store
from events.store import NewEvent
from ops.ledger import ledger_findings
from payroll import keys
from payroll.models import LedgerTransaction
from tests.saga.ledger_log import (
    O1,
    O2,
    O3,
    P1,
    P2,
    RUN,
    EmployerRun,
    accept,
    come_back,
    order,
    record,
    settle,
)

pytestmark = pytest.mark.usefixtures("db")

OTHER = "00000000-0000-0000-0000-000000000009"


@pytest.fixture
def part() -> EmployerRun:
    """ACME's run, paid, one payment returned before and one after settlement, one paycheck voided."""
    return everything()


def everything() -> EmployerRun:
    """And CORP's in another run, that has posted nothing."""
    acme, bolt = EmployerRun("ACME"), EmployerRun("BOLT")
    employer_runs = {"ACME": acme.id, "BOLT": bolt.id}
    store.append(
        [NewEvent(keys.payrun_stream(RUN), 1, "PayRunOpened", {"run": RUN, "employer_runs": employer_runs})]
    )
    acme.paycheck("ann", gross=100_000, net=80_000, federal_income_tax=20_000)
    stream = acme.paycheck("bob", gross=50_000, net=50_000)
    acme.instruct(O1, checks_cents=10_000)
    order(O1, acme, 120_000, debits_cents=120_000)
    accept(O1, 120_000)
    come_back(P1, acme, O1, 1_000)
    settle(O1)
    come_back(P2, acme, O1, 2_000)
    order(O2, acme, 3_000, "repay")
    accept(O2, 3_000)
    record(stream, "PaycheckVoided", {"voided_by": "maker"})
    EmployerRun("CORP", OTHER).instruct()
    projection.catch_up()
    return acme


def findings() -> list[str]:
    return list(ledger_findings(RUN))


def test_a_ledger_that_is_what_the_log_says_has_no_findings(part: EmployerRun) -> None:
    assert LedgerTransaction.objects.filter(run=RUN).count() == 7
    assert findings() == []


def test_a_run_that_has_posted_nothing_has_none_either() -> None:
    part = EmployerRun("ACME")
    record(keys.payrun_stream(RUN), "PayRunOpened", {"run": RUN, "employer_runs": {"ACME": part.id}})
    projection.catch_up()
    assert findings() == []


OF = "transaction_id = (select id from payroll_ledgertransaction where event = '{}' order by id limit 1)"
LEG = "insert into payroll_ledgerleg (transaction_id, number, account, amount_cents)"
INSTRUCTED, ACCEPTED = OF.format("PaymentsInstructed"), OF.format("OrderAccepted")

PLANTED = {
    "a leg deleted": (
        [f"delete from payroll_ledgerleg where {INSTRUCTED} and account = 'federal_income_tax'"],
        ["has 4 legs that sum to 200.00", "leg 2 is missing, and the log posts federal_income_tax -200.00"],
    ),
    "a leg changed": (
        [f"update payroll_ledgerleg set amount_cents = amount_cents + 1 where {ACCEPTED} and number = 1"],
        [
            "has 2 legs that sum to 0.01",
            "leg 1 is wages_payable 1200.01, and the log posts wages_payable 1200.00",
        ],
    ),
    "a cent moved between two legs": (
        [
            f"update payroll_ledgerleg set amount_cents = amount_cents + 1 where {ACCEPTED} and number = 1",
            f"update payroll_ledgerleg set amount_cents = amount_cents - 1 where {ACCEPTED} and number = 2",
        ],
        ["leg 1 is wages_payable 1200.01", "leg 2 is net_pay_clearing -1200.01"],
    ),
    "another account": (
        [f"update payroll_ledgerleg set account = 'hsa' where {ACCEPTED} and number = 2"],
        ["leg 2 is hsa -1200.00, and the log posts net_pay_clearing -1200.00"],
    ),
    "legs added": (
        [
            f"{LEG} select transaction_id, 8 + n, 'hsa', 3 - 2 * n from payroll_ledgerleg, generate_series(1, 2) n"
            f" where {ACCEPTED} and number = 1"
        ],
        ["leg 9 is hsa 0.01, and the log posts missing", "leg 10 is hsa -0.01, and the log posts missing"],
    ),
    "a transaction added": (
        [
            "insert into payroll_ledgertransaction select 'x@1', 'x', 1, event, employer, run, employer_run, order_key,"
            " recorded_at from payroll_ledgertransaction where event = 'OrderSettled'",
            f"{LEG} select 'x@1', n, 'hsa', 3 - 2 * n from generate_series(1, 2) n",
        ],
        ["x@1 is in the ledger, and the log posts nothing for it"],
    ),
    **{
        f"{event} deleted": (
            [
                f"delete from payroll_ledgerleg where {OF.format(event)}",
                "delete from payroll_ledgertransaction t where not exists"
                " (select from payroll_ledgerleg l where l.transaction_id = t.id)",
            ],
            ["@", "is not in the ledger, and the log posts it"],
        )
        for event in (
            "PaymentsInstructed",
            "OrderAccepted",
            "OrderSettled",
            "PaymentReturned",
            "PaycheckVoided",
        )
    },
    "a transaction of another run": (
        [f"update payroll_ledgertransaction set run = '{OTHER}' where event = 'OrderSettled'"],
        ["has another run than the log says"],
    ),
    "a transaction of another employer": (
        ["update payroll_ledgertransaction set employer = 'BOLT' where event = 'OrderSettled'"],
        ["has another employer than the log says"],
    ),
    "net pay raised with the wages": (
        [
            f"update payroll_ledgerleg set amount_cents = amount_cents - 1 where {INSTRUCTED}"
            " and account = 'wages_payable' and amount_cents < 0",
            f"update payroll_ledgerleg set amount_cents = amount_cents + 1 where {INSTRUCTED}"
            " and account = 'wages_expense'",
        ],
        ["ACME has wages payable of 1300.01, the log net pay of 1300.00"],
    ),
}


def plant(db: Cluster, statements: list[str]) -> None:
    """As the owner, who can switch the triggers off."""
    with psycopg.connect(db.owner_url) as owner:
        for table in ("payroll_ledgerleg", "payroll_ledgertransaction"):
            owner.execute(f"alter table {table} disable trigger user")
        for statement in statements:
            assert owner.execute(statement).rowcount > 0
        owner.execute("set constraints all immediate")
        for table, trigger in (("leg", "legs"), ("transaction", "transactions")):
            owner.execute(
                f"alter table payroll_ledger{table} enable always trigger payroll_ledger_{trigger}_balance"
            )


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_changed_is_named(db: Cluster, part: EmployerRun, what: str) -> None:
    statements, words = PLANTED[what]
    plant(db, statements)
    found = findings()
    for each in words:
        assert any(each in finding for finding in found), found
    assert projection.differences() != []
    projection.rebuild()
    assert findings() == []


def test_an_event_altered_after_it_was_folded_is_named(db: Cluster, part: EmployerRun) -> None:
    with psycopg.connect(db.owner_url, autocommit=True) as owner:
        owner.execute("alter table events_event disable trigger user")
        owner.execute(
            "update events_event set data = data || '{\"net_cents\": 80001}'"
            " where type = 'RetirementCalculated' and stream like '%+ann'"
        )
        owner.execute("alter table events_event enable always trigger events_event_no_change")
    found = findings()
    assert any(
        "wages_payable -1300.00, and the log posts wages_payable -1300.01" in each for each in found
    ), found
    assert any("wages payable of 1300.00, the log net pay of 1300.01" in each for each in found), found


def test_a_ledger_that_is_behind_says_so(part: EmployerRun) -> None:
    settle(O2)
    (finding,) = findings()
    assert "has not folded" in finding
    projection.catch_up()
    assert findings() == []


def test_a_ledger_that_is_stopped_says_why(part: EmployerRun) -> None:
    duck = EmployerRun("DUCK")
    duck.paycheck("eve", gross=5, net=6)
    duck.instruct(O3)
    projection.catch_up()
    assert any("cannot be folded any further: IntegrityError" in each for each in findings())
    with pytest.raises(CommandError, match="the ledger lacks what the log holds"):
        call_command("ledger", "trial-balance")


# By command


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    call_command("ledger", *arguments)
    return capsys.readouterr().out


def test_the_trial_balance_by_account_and_by_employer(capsys: pytest.CaptureFixture[str]) -> None:
    everything()
    lines = shown(capsys, "trial-balance", "--run", RUN[:8]).splitlines()
    assert lines[0].split() == ["account", "debits", "credits", "balance"]
    assert lines[1].split() == ["wages_expense", "1500.00", "-500.00", "1000.00"]
    assert ["net_pay_clearing", "1200.00", "-1230.00", "-30.00"] in [line.split() for line in lines]
    assert any(line.startswith("ACME 00000000") and line.endswith(" 0.00") for line in lines)
    assert lines[-1].split()[0] == "sum"
    assert lines[-1].endswith(" 0.00")


def test_the_trial_balance_for_a_program_is_caught_up(capsys: pytest.CaptureFixture[str]) -> None:
    everything()
    settle(O2)  # nobody has folded it
    told = json.loads(shown(capsys, "trial-balance", "--run", RUN, "--employer", "ACME", "--json"))
    assert (told["run"], told["employer"], told["balance_cents"]) == (RUN, "ACME", 0)
    by_account = {each["account"]: each["balance_cents"] for each in told["accounts"]}
    assert by_account == {
        "wages_expense": 100_000,
        "federal_income_tax": -20_000,
        "wages_payable": 50_000,  # bob's is voided, and was paid
        "returns": 0,
        "checks_issued": -10_000,
        "net_pay_clearing": 0,
        "employer_funding": 0,
        "employer_bank": -120_000,
    }
    assert [part["employer"] for part in told["parts"]] == ["ACME"]


def test_the_legs_of_a_run_and_the_events_that_posted_them(capsys: pytest.CaptureFixture[str]) -> None:
    part = everything()
    text = shown(capsys, "legs", RUN)
    assert f"{part.stream}@2" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["Dr", "wages_expense", "1500.00"] in lines
    assert ["Cr", "wages_payable", "-1300.00"] in lines
    told = json.loads(shown(capsys, "legs", RUN, "--json"))["transactions"]
    assert [each["event"] for each in told] == [
        *("PaymentsInstructed", "OrderAccepted", "PaymentReturned", "OrderSettled"),
        *("PaymentReturned", "OrderAccepted", "PaycheckVoided"),
    ]
    assert all(sum(leg["cents"] for leg in each["legs"]) == 0 for each in told)
    assert "nothing is posted" in shown(capsys, "legs", RUN, "--employer", "BOLT")


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["trial-balance", "--run", "ffff"], "no pay run"),
        (["legs", "ffff"], "no pay run"),
        (["legs", RUN, "--employer", "CORP"], "CORP is not in the pay run"),
        (["trial-balance", "--employer", "CORP"], "there is no employer CORP"),
    ],
)
def test_what_is_not_there_is_refused(arguments: list[str], refusal: str) -> None:
    everything()
    with pytest.raises(CommandError, match=refusal):
        call_command("ledger", *arguments)


def test_a_ledger_that_does_not_balance_fails_the_command(
    db: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    everything()
    plant(db, PLANTED["a leg changed"][0])
    with pytest.raises(CommandError, match=r"does not balance: its legs sum to 0\.01"):
        call_command("ledger", "trial-balance")
    assert capsys.readouterr().out.splitlines()[-1].endswith(" 0.01")
