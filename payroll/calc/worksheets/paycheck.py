"""What holds a paycheck together: sums over what other worksheets give."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from payroll.calc.worksheet import Lines, worksheet
from payroll.calc.worksheets.federal import tax_of

FRIDAY = 5  # as date.isoweekday() counts


@worksheet("Gross pay", source="the sum of all wages of the period; reimbursements are no wages")
def gross_pay(
    salary_cents: int,
    straight_time_cents: int,
    overtime_premium_cents: int,
    leave_cents: int,
    holiday_cents: int,
    supplemental_cents: int,
) -> Lines:
    hours = straight_time_cents + overtime_premium_cents + leave_cents + holiday_cents
    yield (
        "gross_cents",
        "salary, hours with their premium, and supplemental wages",
        salary_cents + hours + supplemental_cents,
    )


@worksheet("Federal income tax: regular and supplemental wages", source="IRS Pub. 15 sec. 7")
def federal_together(regular_working: Sequence[Any], supplemental_working: Sequence[Any]) -> Lines:
    regular = yield from tax_of("regular", regular_working)
    supplemental = yield from tax_of("supplemental", supplemental_working)
    yield "supplemental_income_tax_cents", "withheld on supplemental wages", supplemental
    yield "federal_income_tax_cents", "both together", regular + supplemental


@worksheet(
    "Premiums before tax, within the pay",
    source="payroll/calc/precedence.py, rank 4: each whole or not at all (a convention of this product)",
)
def premiums_within_pay(room: Sequence[Sequence[Any]]) -> Lines:
    """Entries: name of the premium, cents elected, cents that pay had room for beside taxes and garnishments."""
    taken = {}
    for name, elected_cents, room_cents in room:
        taken[name] = elected_cents if elected_cents <= room_cents else 0
        yield f"{name}_cents", "taken when the pay bears it whole beside taxes and garnishments", taken[name]
    yield "section125_cents", "all of Section 125", taken["section125_premiums"] + taken["dependent_care"]


@worksheet("Premiums before tax", source="IRC 125, 129, 223; the employee's election")
def premiums(section125_premiums_cents: int, dependent_care_cents: int, hsa_cents: int) -> Lines:
    yield "section125_cents", "premiums and dependent care", section125_premiums_cents + dependent_care_cents
    yield "hsa_cents", "health savings account", hsa_cents


@worksheet(
    "Deductions after tax", source="payroll/calc/precedence.py, rank 7: in their order, as far as each fits"
)
def post_tax_deductions(taken_cents: Sequence[int]) -> Lines:
    yield "post_tax_cents", "all of them", sum(taken_cents)


@worksheet("Sum", source="arithmetic")
def total(name: str, amounts_cents: Sequence[int]) -> Lines:
    yield name, "the sum", sum(amounts_cents)


@worksheet("The first of a row", source="arithmetic")
def first_of(name: str, holds: Sequence[bool]) -> Lines:
    found = [number for number, each in enumerate(holds, 1) if each]
    yield name, "the number of the first check for which it holds", found[0] if found else None


@worksheet(
    "Banking day",
    source="Federal Reserve holiday schedule: a holiday on a Saturday closes nothing, one on a Sunday the Monday",
)
def banking_day(day: str, op: str, banking_days: int, holidays: Sequence[str]) -> Lines:
    at = date.fromisoformat(day)

    def is_open() -> bool:
        return at.isoweekday() <= FRIDAY and at.isoformat() not in holidays

    if op == "is_banking_day":
        yield "result", "a weekday that is no holiday of the Reserve Banks", is_open()
        return
    step = timedelta(days=-1 if op == "adjust_before" or banking_days < 0 else 1)
    left = abs(banking_days)
    while left or (op != "add" and not is_open()):
        at += step
        left -= op == "add" and is_open()
        yield at.isoformat(), "a banking day" if is_open() else "a weekend or a holiday", is_open()
    yield "result", "the day that is reached", at.isoformat()
