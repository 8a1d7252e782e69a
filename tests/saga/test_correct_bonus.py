"""Corrections of bonus runs: items that changed after they were paid; no day is paid by one, and no deduction taken.

Discretionary bonuses of single people in Texas, 22 % federal income tax (Pub. 15, supplemental wages, flat rate), 6.2 %
Social Security and 1.45 % Medicare.
"""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from payroll import correct, runs
from payroll.late.changes import CORRECTED, OPEN, SETTLED
from payroll.late.compare import compare
from payroll.models import Recovery
from tests.saga import correcting, late, pay_inputs, paydays
from tests.saga.correcting import facts
from tests.saga.roster_files import PAY_ITEMS, TIME_ENTRIES, Rows, pay_item

pytestmark = pytest.mark.usefixtures("db")
EARLY = paydays.PAYDAY.replace(day=13)  # a Friday, a week before payday
BEFORE = (
    paydays.START.replace(month=10, day=18),
    paydays.START.replace(month=10, day=31),
    EARLY.replace(day=6),
)


def prize(cents: str, employee_id: str = "ann") -> dict[str, str]:
    return pay_item("ACME", employee_id, "2026-11-05", cents, kind="discretionary_bonus", reference="Q3")


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Rows:
    """ann and bob are to have 1,000.00 each; both have been paid, and taxed, before."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [paydays.salaried("ACME", each, "62400.00") for each in ("ann", "bob")]
    people[1] |= {"section125_per_period": "100.00"}
    items = {PAY_ITEMS: [prize("1000.00"), prize("1000.00", "bob")]}
    rows = pay_inputs.load(tmp_path, [paydays.employer("ACME")], people, more=items)
    paydays.pay("ACME", period=BEFORE)
    return rows


@pytest.fixture
def bonus(roster: Rows) -> UUID:
    """The bonus run of ACME, paid."""
    days = (paydays.START, paydays.END, EARLY)
    opened = runs.open_run(*days, opened_by="maker", kind="bonus", employers=["ACME"])
    return correcting.finish(opened.run)


def test_what_was_paid_too_little_is_paid(tmp_path: Path, roster: Rows, bonus: UUID) -> None:
    """500.00 more: 110.00, 31.00 and 7.25 are taxes, 351.75 are paid."""
    assert correct.propose(bonus) == []
    late.change(tmp_path, roster, {PAY_ITEMS: [prize("1500.00"), prize("1000.00", "bob")]})
    assert late.stands(bonus) == {"ann": (OPEN, ["items"])}
    fix = correcting.correct(bonus)
    got = facts(fix, "ann")
    names = (
        "gross_cents",
        "federal_income_tax_cents",
        "social_security_cents",
        "medicare_cents",
        "net_cents",
    )
    assert [got[name] for name in names] == [500_00, 110_00, 31_00, 7_25, 351_75]
    assert sorted(line[1] for line in got["items"]) == [-1000_00, 1500_00], "one item for another"
    assert paydays.credits()["ann"][-1] == 351_75
    assert facts(fix, "bob") == {}
    assert late.stands(bonus) == {"ann": (CORRECTED, ["items"])}
    later = paydays.pay("ACME")
    assert facts(later, "ann")["items"] == [], "the regular run of the period pays none of it again"
    correcting.sound(bonus, fix, later)


def test_what_was_paid_too_much_is_owed_back(tmp_path: Path, roster: Rows, bonus: UUID) -> None:
    late.change(tmp_path, roster, {PAY_ITEMS: [prize("400.00"), prize("1000.00", "bob")]})
    fix = correcting.correct(bonus)
    assert (facts(fix, "ann")["gross_cents"], facts(fix, "ann")["net_cents"]) == (-600_00, -422_10)
    (recovery,) = Recovery.objects.all()
    assert (recovery.employee_id, recovery.amount_cents) == ("ann", 422_10)
    correcting.sound(bonus, fix)


def test_an_item_that_two_runs_are_late_with_is_paid_by_one(
    tmp_path: Path, roster: Rows, bonus: UUID
) -> None:
    """Its day is in the period of the bonus run and of the regular one; neither has taken it."""
    regular = paydays.pay("ACME")
    taxi = pay_item("ACME", "ann", "2026-11-06", "80.00", kind="reimbursement", reference="taxi")
    late.change(tmp_path, roster, {PAY_ITEMS: [*roster[PAY_ITEMS], taxi]})
    assert late.stands(bonus) == late.stands(regular) == {"ann": (OPEN, ["items"])}
    fix = correcting.correct(regular)
    assert facts(fix, "ann")["net_cents"] == 80_00
    compare()
    assert (late.stands(bonus), late.stands(regular)) == (
        {"ann": (SETTLED, ["items"])},
        {"ann": (CORRECTED, ["items"])},
    )
    assert correct.propose(bonus) == []
    correcting.sound(bonus, regular, fix)


def test_hours_and_standing_deductions_are_no_part_of_it(tmp_path: Path, roster: Rows, bonus: UUID) -> None:
    """The salary, the hours and the benefits of the period are the regular run's, which has not been opened yet."""
    rows = late.change(tmp_path, roster, {TIME_ENTRIES: paydays.worked("ACME", "bob", {3: "8.00"})})
    late.mend(tmp_path, rows, "bob", pay_rate="65000.00", section125_per_period="50.00")
    assert correct.propose(bonus) == []
    late.mend(tmp_path, rows, "ann", pay_rate="60000.00")
    assert [each.cents("gross") for each in correct.propose(bonus)] == []
    with pytest.raises(correct.Refused, match="nothing differs"):
        correcting.opened(bonus)
