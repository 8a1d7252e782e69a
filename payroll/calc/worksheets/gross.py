"""A salary, period by period."""

from datetime import date
from fractions import Fraction

from payroll.calc.worksheet import Lines, half_up, worksheet


@worksheet(
    "Salary of a pay period",
    source="convention of this product: salary / pay periods x weekdays employed / weekdays in the period, "
    "holidays counted; the first and the last day of employment are paid",
    rounding="half up to the cent, once",
)
def salary(
    annual_salary_e4: int,
    periods: int,
    period_start: str,
    period_end: str,
    hire_date: str,
    termination_date: str | None,
) -> Lines:
    whole = Fraction(annual_salary_e4, 100 * periods)
    yield "period_salary_cents", "the yearly salary / pay periods, exact", whole
    days = range(date.fromisoformat(period_start).toordinal(), date.fromisoformat(period_end).toordinal() + 1)
    weekdays = [day for day in map(date.fromordinal, days) if day.isoweekday() not in (6, 7)]
    yield "weekdays_in_period", "Mondays to Fridays in the period", len(weekdays)
    until = period_end if termination_date is None else termination_date
    employed = [day for day in weekdays if hire_date <= day.isoformat() <= until]
    yield "weekdays_employed", "of them from the hire date to the last day of employment", len(employed)
    earned = half_up(whole * Fraction(len(employed), len(weekdays)))
    yield "salary_cents", "the part of the period's salary that falls on them", earned
