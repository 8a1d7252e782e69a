"""A salary, period by period."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.hours import rate_e4
from payroll.calc.money import ratio_half_up

DAYS_OF_WEEK = 7
WEEKDAYS_OF_WEEK = 5


class Salary(NamedTuple):
    """A period's salary, and the weekdays it is prorated by (equal when the whole period is paid)."""

    cents: int
    weekdays_employed: int
    weekdays_in_period: int


def salary(
    annual_salary: Decimal,
    frequency: str,
    period_start: date,
    period_end: date,
    *,
    hire_date: date,
    termination_date: date | None = None,
) -> Salary:
    """Give one period's part of a yearly salary, prorated when employment starts or ends inside it.

    annual_salary   dollars a year with up to four decimals; divided by 52, 26, 24 or 12
    dates           all inclusive; the hire and termination dates are days of employment
    raises          NeedsReview for an unknown frequency, or a period without a weekday to prorate by
    source          convention of this product: salary x weekdays (Monday to Friday) employed / weekdays in
                    the period, holidays counted, rounded half up once
    """
    periods = periods_per_year(frequency)
    in_period = weekdays(period_start, period_end)
    first = max(period_start, hire_date)
    last = period_end if termination_date is None else min(period_end, termination_date)
    employed = in_period if (first, last) == (period_start, period_end) else weekdays(first, last)
    if not in_period:
        raise NeedsReview(f"no weekday from {period_start} to {period_end}: correct the pay period")
    cents = ratio_half_up(rate_e4(annual_salary) * employed, 100 * periods * in_period)
    return Salary(cents, employed, in_period)


def weekdays(first: date, last: date) -> int:
    """Count Mondays to Fridays from one day to another, both included; none when the last is before."""
    if last < first:
        return 0
    weeks, rest = divmod(last.toordinal() - first.toordinal() + 1, DAYS_OF_WEEK)
    start = first.weekday()
    return weeks * WEEKDAYS_OF_WEEK + sum(
        (start + day) % DAYS_OF_WEEK < WEEKDAYS_OF_WEEK for day in range(rest)
    )
