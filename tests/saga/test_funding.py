"""What pays for a payment file: a debit of the employer's account in the file itself, or offsets, or nothing in it."""

from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events import projection
from ops.proof import prove
from ops.reconcile import reconcile
from payroll import keys, objects
from payroll.ledger.balance import TrialBalance
from payroll.manifest import Pinned
from payroll.models import Employer
from payroll.payments import ach, bank, building, funding, gateways, instructions, pay_accounts
from payroll.payments.imports import import_file
from payroll.payments.repay import repay
from payroll.roster import read
from tests.saga import pay_inputs, paydays, returned_files, roster_files
from tests.saga.ach_parser import parse
from tests.saga.came_back_files import ACME, order, payment, returns, settlement
from tests.saga.paydays import NEXT, employer, salaried
from tests.saga.roster_files import GARNISHMENTS, PAYEE, SUPPORT, garnishment

pytestmark = pytest.mark.usefixtures("db")

AFTER_TAX = 2012_25  # of 2,400.00 every two weeks in Texas (tests/saga/test_pay_run.py)
ACCOUNT = "5386491042"
WAY = [
    # Two people, of whom one has 300.00 of support withheld: pay of 3,724.50, and 300.00 to the agency.
    ("", [("PPD", "220", 0), ("CCD", "220", 0)]),
    ("debit", [("PPD", "220", 0), ("CCD", "220", 0), ("CCD", "225", 2 * AFTER_TAX)]),
    ("offset", [("PPD", "200", 2 * AFTER_TAX - 300_00), ("CCD", "200", 300_00)]),
]


def load(folder: Path, way: str) -> None:
    people = [
        salaried("ACME", who, "62400.00", account_number=f"55500{who.upper()}") for who in ("ann", "bob")
    ]
    support = garnishment("ACME", "ann", "A-1", **SUPPORT | PAYEE | {"amount": "300.00"})
    pay_inputs.load(folder, [employer("ACME", funding=way)], people, more={GARNISHMENTS: [support]})


def wrong(run: UUID) -> list[str]:
    return [finding for line in prove(run) for finding in line.findings]


def balances() -> dict[str, int]:
    projection.catch_up()
    return {name: each.balance_cents for name, each in TrialBalance().accounts.items() if each.balance_cents}


@pytest.mark.parametrize(("way", "batches"), WAY)
def test_a_file_takes_what_it_pays_from_the_employer_as_it_was_frozen(
    tmp_path: Path, way: str, batches: list[tuple[str, str, int]]
) -> None:
    load(tmp_path, way)
    run = paydays.open_run("ACME")
    paydays.work()
    Employer.objects.update(funding="offset" if way != "offset" else "", account_ciphertext="later")
    paydays.approve(run)
    paydays.work()
    made = order()
    content = objects.get_verified(made.object, made.facts["sha256"])
    written = parse(content)
    assert [(each["sec"], each["service"], each["debits"]) for each in written] == batches
    debits = [entry for each in written for entry in each["entries"] if entry["code"] == "27"]
    assert {(entry["routing"], entry["account"]) for entry in debits} <= {("071000301", ACCOUNT)}
    total = 2 * AFTER_TAX
    assert (made.credits_cents, made.debits_cents) == (total, total if way else 0)
    assert made.accepted_cents == total, "what was accepted is what it pays, as the ledger takes it"
    moved = Counter[str]()
    for each in bank.movements(gateways.bank_dir()):
        moved[each.direction] += each.amount_cents
    assert moved == Counter(credit=total, debit=total if way else 0) - Counter()
    assert wrong(run) == [] and reconcile().findings == []
    import_file(settlement(made), name="settled")
    after = balances()
    funded = {"employer_bank": -total} if way else {"employer_funding": -total}
    assert {
        name: cents for name, cents in after.items() if name.startswith("employer_") and "tax" not in name
    } == funded
    assert wrong(run) == [] and reconcile().findings == []


def test_over_the_limits_every_file_has_its_own_debit_and_room_for_it(tmp_path: Path, settings: Any) -> None:
    load(tmp_path, "debit")
    paydays.pay("ACME")
    part = paydays.part("ACME")
    pinned, manifests = Pinned.of(part["EmployerRunOpened"]), part["EmployerRunBegan"]["manifests"]
    owed = {
        keys.paycheck_stream(pinned.employer_run, who): paydays.facts("ACME", who)["net_cents"]
        for who in ("ann", "bob")
    }
    planned = instructions.planned(pinned, manifests, owed)
    settings.PAYROLL_OBJECTS = tmp_path / "elsewhere"
    funded = funding.FundedBy(
        funding.Funding.DEBIT, ach.FundingAccount("071000301", ACCOUNT, "checking", "ACME")
    )
    made = building.build(
        pinned,
        planned,
        kind="net-pay",
        effective=pinned.pay_date,
        funded=funded,
        limits=ach.Limits(file_records=2),
    )
    assert [(each.order.entries, each.order.credits_cents, each.order.debits_cents) for each in made] == [
        (2, AFTER_TAX - 300_00, AFTER_TAX - 300_00),
        (2, AFTER_TAX, AFTER_TAX),
    ]
    assert ACCOUNT not in repr(funded)


def test_what_came_back_is_paid_again_from_where_it_lies_and_what_was_held_is_debited_first(
    tmp_path: Path,
) -> None:
    load(tmp_path, "debit")
    paydays.pay("ACME")
    paydays.user("maker2", "decide_payorder")
    paydays.user("checker2", "decide_payorder")
    import_file(settlement(order()), name="settled")
    import_file(returns(payment("bob", method="ach")), name="returns")
    projection.catch_up()
    later = paydays.pay("ACME", period=NEXT)  # bob's account is held, so his pay is
    held = payment("bob", run=later)
    assert held.method == "held"
    assert pay_accounts.listed()
    rows = [salaried("ACME", who, "62400.00", account_number=f"55511{who.upper()}") for who in ("ann", "bob")]
    paydays.load(tmp_path, [employer("ACME", funding="debit")], rows)
    for by in ("maker2", "checker2"):
        repay(by=by)
    again, first = order(kind="repay"), order(kind="held-pay")
    assert (again.credits_cents, again.debits_cents) == (AFTER_TAX, 0)
    assert (first.credits_cents, first.debits_cents) == (held.amount_cents, held.amount_cents)


def test_a_debit_that_the_employers_bank_returns_is_told(tmp_path: Path) -> None:
    load(tmp_path, "debit")
    paydays.pay("ACME")
    made = order()
    (batch,) = [
        each for each in parse(objects.get_verified(made.object, made.facts["sha256"])) if each["debits"]
    ]
    (debit,) = batch["entries"]
    record = returned_files.returned(
        "R01", trace=debit["trace"], cents=debit["cents"], sent_as="26", who=debit["who"]
    )
    told = import_file(
        returned_files.file_of(returned_files.batch_of(record, sec="CCD", company=ACME)), name="returns"
    )
    assert told.matched == 0
    assert told.findings[0].startswith("line 4: the return R01 is of a debit: if it funded a payment file")


def test_a_debit_that_the_bank_did_not_make_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path, "debit")
    run = paydays.pay("ACME")
    credits = [each for each in bank.movements(gateways.bank_dir()) if each.direction == "credit"]
    monkeypatch.setattr(bank, "movements", lambda _: credits)
    (finding,) = reconcile().findings
    assert "the bank has debited 0.00 by it, it was made of 4024.50" in finding
    assert [line.name for line in prove(run) if not line.holds] == ["books"]


def test_the_way_is_one_of_two_words(tmp_path: Path) -> None:
    roster = roster_files.good()
    roster[roster_files.EMPLOYERS][0] |= {"funding": "cash"}
    _, findings = read(roster_files.write(tmp_path, roster))
    assert [(each.column, each.problem) for each in findings.kept] == [
        ("funding", "is not one of the allowed words - write debit, offset")
    ]
