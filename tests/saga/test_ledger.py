"""What each event posts, whatever it is folded with; and that no transaction stands that does not balance."""

# ruff: noqa: S608 - text of our own

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection

from deploy.postgres import Cluster
from events import checkpoints, projection
from ops import health
from payroll import ledger
from payroll.ledger.accounts import ACCOUNTS, UnknownAccount, account, in_order
from payroll.ledger.balance import TrialBalance
from payroll.models import LedgerTransaction, PayRun
from tests.folding import fold
from tests.saga.ledger_log import (
    O1,
    O2,
    O3,
    P1,
    P2,
    P9,
    EmployerRun,
    accept,
    balances,
    come_back,
    legs,
    order,
    record,
    settle,
)
from tests.saga.paydays import as_owner

pytestmark = pytest.mark.usefixtures("db")

ANN = {"gross": 100_000, "net": 80_000, "federal_income_tax": 20_000}


def paid(*orders: str, checks_cents: int = 0) -> EmployerRun:
    """ACME has instructed the pay of ann (800.00 net of 1,000.00) and bob (500.00, nothing taken)."""
    part = EmployerRun("ACME")
    part.paycheck("ann", **ANN)
    part.paycheck("bob", gross=50_000, net=50_000)
    part.instruct(*orders, checks_cents=checks_cents)
    return part


ACCRUED = {"wages_expense": 150_000, "federal_income_tax": -20_000}


# What is posted


def test_an_instruction_accrues_the_run_and_nothing_does_before() -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", **ANN)
    assert balances() == {}
    posted = part.instruct(O1)
    assert legs(posted) == [
        ("wages_expense", 100_000),
        ("federal_income_tax", -20_000),
        ("wages_payable", -80_000),
    ]
    row = LedgerTransaction.objects.get(id=posted)
    assert (row.stream, row.version, row.event) == (part.stream, 2, "PaymentsInstructed")
    assert (row.employer, str(row.run), str(row.employer_run)) == ("ACME", part.run, part.id)


@pytest.mark.parametrize(
    "out", ["PaycheckExcluded", "PaycheckCarriedOver", "PaycheckSuperseded", "PaycheckCancelled"]
)
def test_who_is_out_is_not_accrued(out: str) -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", **ANN)
    record(part.paycheck("eve", gross=7, net=7), out, {"why": "out"})
    part.instruct(O1)
    assert balances() == {"wages_expense": 100_000, "federal_income_tax": -20_000, "wages_payable": -80_000}


def test_a_paycheck_that_is_not_complete_is_not_accrued() -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", **ANN)
    record(f"paycheck-{part.id}+eve", "PayCalculated", {"gross_cents": 9})
    part.instruct(O1)
    assert balances()["wages_expense"] == 100_000


def test_paychecks_of_an_employer_run_whose_id_begins_alike_are_another_s() -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", **ANN)
    for after in ("0+eve", ",eve", "*eve"):
        record(f"paycheck-{part.id}{after}", "PayCalculated", {"gross_cents": 9})
        record(f"paycheck-{part.id}{after}", "RetirementCalculated", {"net_cents": 9})
    part.instruct(O1)
    assert balances()["wages_expense"] == 100_000


def test_nothing_to_pay_posts_nothing() -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", gross=0, net=0)
    assert legs(part.instruct()) == []
    assert projection.differences() == []


def test_checks_leave_with_the_instruction() -> None:
    part = paid(O1, checks_cents=50_000)
    assert balances() == ACCRUED | {"wages_payable": -80_000, "checks_issued": -50_000}
    lines = legs(f"{part.stream}@2")
    assert [line for line in lines if line[0] == "wages_payable"] == [
        ("wages_payable", -130_000),
        ("wages_payable", 50_000),
    ], "the accrual and the checks are not netted"


def test_an_order_from_instruction_to_settlement() -> None:
    part = paid(O1)
    order(O1, part, 130_000)
    assert balances() == ACCRUED | {"wages_payable": -130_000}
    accept(O1, 130_000)
    assert balances() == ACCRUED | {"net_pay_clearing": -130_000}
    posted = settle(O1)
    assert balances() == ACCRUED | {"employer_funding": -130_000}
    assert LedgerTransaction.objects.get(id=posted).order_key == O1


def test_a_file_that_debits_the_employer_fills_the_funding_account() -> None:
    part = paid(O1)
    order(O1, part, 130_000, debits_cents=130_000)
    accept(O1, 130_000)
    posted = settle(O1)
    assert balances() == ACCRUED | {"employer_bank": -130_000}
    assert legs(posted) == [
        ("net_pay_clearing", 130_000),
        ("employer_funding", -130_000),
        ("employer_funding", 130_000),
        ("employer_bank", -130_000),
    ]


def test_what_is_remitted_with_the_file_is_taken_off_what_was_withheld_for_it() -> None:
    part = EmployerRun("ACME")
    stream = f"paycheck-{part.id}+ann"
    record(stream, "PayCalculated", {"gross_cents": 1_000})
    record(
        stream, "RetirementCalculated", {"net_cents": 700, "garnishments": [["c1", "support", 300, 300, ""]]}
    )
    part.instruct(O1)
    order(O1, part, 1_000, remitted={"support": 300})
    posted = accept(O1, 1_000)
    assert legs(posted) == [
        ("garnishment/support", 300),
        ("wages_payable", 700),
        ("net_pay_clearing", -1_000),
    ]
    assert balances() == {"wages_expense": 1_000, "net_pay_clearing": -1_000}


def test_what_the_bank_says_it_holds_is_posted_and_a_difference_to_the_file_stays_in_the_clearing() -> None:
    part = paid(O1)
    order(O1, part, 130_000)
    accept(O1, 129_000)
    assert balances() == ACCRUED | {"wages_payable": -1_000, "net_pay_clearing": -129_000}
    settle(O1)
    left = {"wages_payable": -1_000, "net_pay_clearing": 1_000, "employer_funding": -130_000}
    assert balances() == ACCRUED | left


def test_only_what_two_people_found_accepted_is_posted() -> None:
    part = paid(O1, O2)
    for key, resolved_as in ((O1, "accepted"), (O2, "rejected")):
        order(key, part, 65_000)
        record(f"order-{key}", "OrderUnknown", {"unknown": "no answer"})
        record(f"order-{key}", "OrderResolved", {"resolved_as": resolved_as})
    assert balances() == ACCRUED | {"wages_payable": -65_000, "net_pay_clearing": -65_000}


@pytest.mark.parametrize("event", ["OrderReserved", "OrderSending", "OrderUnknown", "OrderRejected"])
def test_an_order_that_is_not_accepted_posts_nothing(event: str) -> None:
    part = paid(O1)
    order(O1, part, 130_000)
    record(f"order-{O1}", event, {"fact": "x"})
    assert balances() == ACCRUED | {"wages_payable": -130_000}


@pytest.mark.parametrize("settled_first", [True, False])
def test_a_return_is_owed_again_and_paid_again(settled_first: bool) -> None:
    part = paid(O1)
    order(O1, part, 130_000)
    accept(O1, 130_000)
    steps: list[Callable[[], str]] = [lambda: settle(O1), lambda: come_back(P1, part, O1, 80_000)]
    first, second = steps if settled_first else steps[::-1]
    first()
    assert balances() == ACCRUED | (
        {"employer_funding": -130_000} if settled_first else {"net_pay_clearing": -50_000, "returns": -80_000}
    )
    second()
    assert balances() == ACCRUED | {"employer_funding": -50_000, "returns": -80_000}, "it ends the same"
    order(O2, part, 80_000, "repay")
    accept(O2, 80_000)
    assert balances() == ACCRUED | {"employer_funding": -50_000, "net_pay_clearing": -80_000}
    settle(O2)
    assert balances() == ACCRUED | {"employer_funding": -130_000}
    assert projection.differences() == []


def test_a_return_of_another_order_does_not_lower_the_settlement() -> None:
    part = paid(O1, O2)
    for key in (O1, O2):
        order(key, part, 65_000)
        accept(key, 65_000)
    come_back(P1, part, O2, 5_000)
    posted = settle(O1)
    assert legs(posted) == [("net_pay_clearing", 65_000), ("employer_funding", -65_000)]


def test_a_void_turns_the_paycheck_s_signs() -> None:
    part = paid(O1)
    order(O1, part, 130_000)
    accept(O1, 130_000)
    settle(O1)
    posted = record(f"paycheck-{part.id}+ann", "PaycheckVoided", {"voided_by": "maker"})
    assert legs(posted) == [
        ("federal_income_tax", 20_000),
        ("wages_payable", 80_000),
        ("wages_expense", -100_000),
    ]
    assert balances() == {
        "wages_expense": 50_000,
        "wages_payable": 80_000,
        "employer_funding": -130_000,
    }, "in debit: 800.00 can be recovered"
    order(O2, part, 0, "reversal", debits_cents=80_000)
    accept(O2, 80_000)
    settle(O2)
    assert balances() == {
        "wages_expense": 50_000,
        "wages_payable": 80_000,
        "reversals": -80_000,
        "employer_funding": -50_000,
    }
    come_back(P9, part, O2, 80_000)
    assert balances() == {"wages_expense": 50_000, "wages_payable": 80_000, "employer_funding": -130_000}


def test_a_void_before_the_instruction_posts_nothing() -> None:
    part = EmployerRun("ACME")
    stream = part.paycheck("ann", **ANN)
    part.paycheck("bob", gross=50_000, net=50_000)
    posted = record(stream, "PaycheckVoided", {"voided_by": "maker"})
    part.instruct(O1)
    assert legs(posted) == []
    assert balances() == {"wages_expense": 50_000, "wages_payable": -50_000}
    assert projection.differences() == []


@pytest.mark.parametrize(("orders", "clearing"), [({"orders": [O1]}, 0), ({}, -80_000)])
def test_money_moved_posts_only_in_a_log_without_orders(orders: dict[str, Any], clearing: int) -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", **ANN)
    record(part.stream, "PaymentsInstructed", {"payments": 1, "payments_cents": 80_000} | orders)
    record(part.stream, "MoneyMoved", {"paid": 1, "paid_cents": 80_000})
    assert balances().get("net_pay_clearing", 0) == clearing


# Live and rebuilt


def test_what_is_posted_does_not_depend_on_when_it_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded after every event, at once, and in pieces of every size up to five: the same rows."""
    part, other = paid(O1), EmployerRun("BOLT")
    steps: list[Callable[[], object]] = [
        lambda: order(O1, part, 130_000, debits_cents=130_000),
        lambda: accept(O1, 130_000),
        lambda: come_back(P1, part, O1, 50_000),
        lambda: settle(O1),
        lambda: come_back(P2, part, O1, 80_000),
        lambda: other.paycheck("cal", gross=10, net=10),
        lambda: other.instruct(O3),
        lambda: order(O2, part, 50_000, "repay"),
        lambda: accept(O2, 50_000),
        lambda: record(f"paycheck-{part.id}+ann", "PaycheckVoided", {"voided_by": "x"}),
        lambda: record(f"paycheck-{part.id}+bob", "PaycheckExcluded", {"excluded_by": "x"}),
    ]
    for step in steps:
        step()
        projection.catch_up(ledger.NAME)
    assert LedgerTransaction.objects.count() == 8
    assert projection.differences() == []
    live = rows()
    for chunk in (1, 2, 3, 5):
        monkeypatch.setattr(projection, "CHUNK", chunk)
        projection.rebuild()
        assert rows() == live


def rows() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select t.*, l.number, l.account, l.amount_cents from payroll_ledgertransaction t"
            " join payroll_ledgerleg l on l.transaction_id = t.id order by t.id, l.number"
        )
        return list(cursor.fetchall())


def test_each_employer_run_is_zero_by_itself() -> None:
    paid(O1)
    part = EmployerRun("BOLT")
    part.paycheck("cal", gross=10, net=10)
    part.instruct(O2)
    assert balances(employer="BOLT") == {"wages_expense": 10, "wages_payable": -10}
    assert balances(employer_run=part.id) == balances(employer="BOLT")
    balance = TrialBalance(run=part.run)
    assert {of.employer: each.balance_cents for of, each in balance.parts.items()} == {"ACME": 0, "BOLT": 0}
    assert (balance.total.debits_cents, balance.total.credits_cents) == (150_010, -150_010)
    assert list(balance.accounts) == sorted(balance.accounts, key=in_order)


# What cannot stand

LEG = "insert into payroll_ledgerleg (transaction_id, number, account, amount_cents)"
COPY = (
    "insert into payroll_ledgertransaction select 'x@2', stream, version, event, employer, run, employer_run,"
    " order_key, recorded_at from payroll_ledgertransaction"
)
UNBALANCED = {
    "a leg changed": "update payroll_ledgerleg set amount_cents = amount_cents + 1 where number = 1",
    "a leg gone": "delete from payroll_ledgerleg where number = 1",
    "all legs gone": "delete from payroll_ledgerleg",
    "a leg more": f"{LEG} select id, 9, 'hsa', 1 from payroll_ledgertransaction",
    "a leg moved": "update payroll_ledgerleg set transaction_id = 'x@1' where number = 1",
    "a leg moved to another": f"{COPY}; update payroll_ledgerleg set transaction_id = 'x@2' where number > 1",
    "a transaction without legs": COPY,
    "a leg of nothing": f"{LEG} select id, 9, 'hsa', 0 from payroll_ledgertransaction",
}


@pytest.mark.parametrize("change", UNBALANCED)
def test_the_owner_too_is_refused_what_does_not_balance(db: Cluster, change: str) -> None:
    paid(O1)
    before = balances()
    with psycopg.connect(db.owner_url) as owner:
        with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation)):
            owner.execute(UNBALANCED[change])
            owner.commit()
        owner.rollback()
    assert balances() == before


def test_the_balance_is_checked_where_ordinary_triggers_are_silent(db: Cluster) -> None:
    found = as_owner(
        db,
        "select tgname, tgenabled, tgdeferrable, tginitdeferred from pg_trigger where tgname like 'payroll_ledger%'"
        " order by tgname",
    )
    assert found == [
        ("payroll_ledger_legs_balance", "A", True, True),
        ("payroll_ledger_transactions_balance", "A", True, True),
    ]


def test_what_balances_and_is_not_of_the_log_differs_from_it(db: Cluster) -> None:
    paid(O1)
    projection.catch_up()
    legs_of_it = f"{LEG} select 'x@2', n, 'hsa', 3 - 2 * n from generate_series(1, 2) n"
    as_owner(db, f"begin; {COPY}; {legs_of_it}; commit")
    assert projection.differences() == ["payroll_ledgertransaction", "payroll_ledgerleg"]


def test_the_application_cannot_change_a_leg() -> None:
    paid(O1)
    balances()
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="permission denied"):
        cursor.execute("update payroll_ledgerleg set amount_cents = amount_cents")


def test_a_paycheck_that_does_not_add_up_stops_the_ledger_and_nothing_else(
    db: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", gross=100_000, net=80_001, federal_income_tax=20_000)
    posted = part.instruct(O1)
    record("payrun-x", "PayRunOpened", {"run": part.run})
    for _ in range(3):
        assert not projection.catch_up()
    assert PayRun.objects.count() == 1
    assert LedgerTransaction.objects.count() == 0
    assert caplog.text.count("the read model ledger cannot be folded any further") == 1
    (trouble,) = health.troubles()
    assert trouble.startswith("ledger cannot be folded any further: IntegrityError")
    assert posted in trouble
    assert "-1 cents" in trouble
    with pytest.raises(IntegrityError):
        projection.catch_up(ledger.NAME)
    as_owner(
        db,
        "begin; alter table events_event disable trigger user;"
        " update events_event set data = '{\"net_cents\": 80000}' where type = 'RetirementCalculated';"
        " alter table events_event enable always trigger events_event_no_change; commit",
    )
    fold()
    assert checkpoints.stopped() == {}
    assert list(health.troubles()) == []


def test_the_statement_of_the_fold_pins_no_session() -> None:
    assert len(ledger.FOLD.encode()) < 16 * 1024


def test_every_account_that_is_posted_is_in_the_chart() -> None:
    assert account("programme/CA_SDI").words == account("programme/NY_PFL").words
    assert len({each.name for each in ACCOUNTS}) == len(ACCOUNTS)
    with pytest.raises(UnknownAccount):
        account("slush/fund")
    paid(O1)
    assert [account(name).name for name in balances()] == list(balances())
