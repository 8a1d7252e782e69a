"""A salary, period by period."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.hours import rate_e4
from payroll.calc.money import ratio_half_up
from payroll.calc.worksheet import Working

DAYS_OF_WEEK = 7
WEEKDAYS_OF_WEEK = 5


class Salary(NamedTuple):
    """A period's salary, and the weekdays it is prorated by (equal when the whole period is paid)."""

    cents: int
    weekdays_employed: int
    weekdays_in_period: int
    working: Working


def salary(
    annual_salary: Decimal,
    frequency: str,
    period_start: date,
    period_end: date,
    *,
    hire_date: date,
    termination_date: date | None = None,
    periods: int | None = None,
) -> Salary:
    """Give one period's part of a yearly salary, prorated when employment starts or ends inside it.

    annual_salary   dollars a year with up to four decimals; divided by 52, 26, 24 or 12
    dates           all inclusive; the hire and termination dates are days of employment
    periods         by how many paydays the salary is divided: an employer's policy in a year that has one payday
                    more (27 or 53) may be to pay the same salary in so many parts. None is the usual number
    raises          NeedsReview for an unknown frequency, for other `periods` than the usual number or one more,
                    or a period without a weekday to prorate by
    source          convention of this product: salary x weekdays (Monday to Friday) employed / weekdays in
                    the period, holidays counted, rounded half up once
    """
    periods = salary_periods(frequency, periods)
    in_period = weekdays(period_start, period_end)
    first = max(period_start, hire_date)
    last = period_end if termination_date is None else min(period_end, termination_date)
    employed = in_period if (first, last) == (period_start, period_end) else weekdays(first, last)
    if not in_period:
        raise NeedsReview(f"no weekday from {period_start} to {period_end}: correct the pay period")
    salary_e4 = rate_e4(annual_salary)
    cents = ratio_half_up(salary_e4 * employed, 100 * periods * in_period)
    last_day = None if termination_date is None else termination_date.isoformat()
    dates = period_start.isoformat(), period_end.isoformat(), hire_date.isoformat(), last_day
    return Salary(cents, employed, in_period, ("salary", salary_e4, periods, *dates))


def salary_periods(frequency: str, periods: int | None = None) -> int:
    """Tell into how many parts a yearly salary is divided: as many as the year has paydays, or one more by policy.

    raises   NeedsReview for an unknown frequency, or another number
    """
    usual = periods_per_year(frequency)
    if periods is None:
        return usual
    if not usual <= periods <= usual + 1:
        raise NeedsReview(
            f"a salary paid {frequency} in {periods} parts: a year has {usual} paydays, or {usual + 1}"
        )
    return periods


def weekdays(first: date, last: date) -> int:
    """Count Mondays to Fridays from one day to another, both included; none when the last is before."""
    if last < first:
        return 0
    weeks, rest = divmod(last.toordinal() - first.toordinal() + 1, DAYS_OF_WEEK)
    start = first.weekday()
    return weeks * WEEKDAYS_OF_WEEK + sum(
        (start + day) % DAYS_OF_WEEK < WEEKDAYS_OF_WEEK for day in range(rest)
    )
