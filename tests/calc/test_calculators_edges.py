"""What shows only where all of it is looked at: a year of holidays, a limit reached, exact half cents."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from payroll.calc import (
    state,
    worksheets,  # noqa: F401 - every worksheet is known
)
from payroll.calc.calendar import legal_holidays
from payroll.calc.deferral import deferral
from payroll.calc.precedence import reduced
from payroll.calc.state import Election
from payroll.calc.timesheet import Bonus, Entry, hourly_period
from payroll.calc.worksheet import add_up
from payroll.rules import load

RULES = load(2026)


def test_the_legal_holidays_of_2026() -> None:
    """Independence Day is a Saturday and observed on Friday; Emancipation Day is D.C.'s own."""
    found = sorted(legal_holidays(2026))
    assert [f"{day:%m-%d}" for day in found] == [
        "01-01",
        "01-19",
        "02-16",
        "04-16",
        "05-25",
        "06-19",
        "07-03",
        "09-07",
        "10-12",
        "11-11",
        "11-26",
        "12-25",
    ]
    assert {day.year for day in found} == {2026}


def test_after_the_limit_all_is_catch_up_and_nothing_is_cut_that_fits() -> None:
    limits = RULES.retirement
    for ytd in (limits.deferral_limit_cents, limits.deferral_limit_cents + 1_00):
        taken = deferral(
            1000_00,
            1000,
            0,
            limits,
            age_at_year_end=50,
            ytd_deferrals_cents=ytd,
            prior_year_ss_wages_cents=0,
        )
        assert (taken.total_cents, taken.catch_up_cents) == (100_00, 100_00)
        assert reduced(taken, 100_00) is taken


def test_supplemental_wages_over_the_threshold_are_not_in_the_combined_payment() -> None:
    entries = (100_00, 500_00, 400_00, ["federal_exempt"], ["federal_exempt"], 370_000, 800_00)
    assert add_up([("supplemental_aggregate", *entries)])["combined"] == 500_00


def test_a_california_workweek_before_the_period_has_no_day_in_it() -> None:
    """Paid for 44 hours in five days; a bonus of 40.00 is 1.00 for 40 hours, 1.50 for each of the 4."""
    start = date(2026, 11, 1)
    worked = [
        Entry(start + timedelta(days=day), Decimal(hours)) for day, hours in enumerate((12, 8, 8, 8, 8))
    ]
    period = hourly_period(
        worked,
        Decimal(10),
        RULES.flsa,
        period_start=start + timedelta(days=14),
        period_end=start + timedelta(days=27),
        entries_from=start,
        bonuses=[Bonus(start, start + timedelta(days=6), 40_00)],
        daily_overtime=RULES.flsa.california,
    )
    assert period.premium_cents == 6_00
    assert [(week[1], week[2]) for week in period.working[1]] == [("closed", 7)]
    assert period.regular_hours == 0


@pytest.mark.parametrize(
    ("code", "wages", "frequency", "cents"),
    [
        # the year's FICA is deducted already: 5 % of 1,000.10 is 50.005
        ("MA", 1000_10, "weekly", 50_01),
        # no allowance, no deduction: 437.70 + 6 % x 81,770.25 is 5,343.915
        ("SC", 100_000_25, "annual", 5343_92),
    ],
)
def test_nothing_at_all_is_deducted_from_an_exact_half_cent(
    code: str, wages: int, frequency: str, cents: int
) -> None:
    day = date(2026, 9, 11)
    tax = state.withholding(
        code,
        wages,
        Election(),
        RULES,
        frequency=frequency,
        pay_date=day,
        period_end=day,
        fica_cents=76_50,
        ytd_fica_cents=2000_00,
    )
    assert tax.withholding_cents == cents
