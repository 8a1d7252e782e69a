"""Pay frequencies, banking days and deposit due dates, all by rule.

Two calendars differ and are kept apart. The Reserve Banks do not move a Saturday holiday, so the Friday
before is a banking day. Tax deposits follow the legal holidays of the District of Columbia, which do move.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.worksheet import Working

PERIODS_PER_YEAR = {
    "weekly": 52,
    "biweekly": 26,
    "semimonthly": 24,
    "monthly": 12,
    "quarterly": 4,
    "semiannual": 2,
    "annual": 1,
    "daily": 260,
}
DAYS_BETWEEN_PAYDAYS = {"weekly": 7, "biweekly": 14}
MONDAY, TUESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = 0, 1, 3, 4, 5, 6
LAST = -1
_DAY = timedelta(days=1)

LEAD_BANKING_DAYS = 2  # convention: what most banks ask for a direct deposit file
MONTHLY, SEMIWEEKLY = "monthly", "semiweekly"
# Pub. 15 sec. 11 and sec. 14
MONTHLY_UP_TO_CENTS = 50_000_00
NEXT_DAY_FROM_CENTS = 100_000_00
WITH_RETURN_BELOW_CENTS = 2_500_00
FUTA_DEPOSIT_OVER_CENTS = 500_00
MONTHLY_DUE_DAY = 15
MONTHS_OF_A_QUARTER = 3

# (month, day): the same date every year
FIXED_HOLIDAYS = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))
# (month, weekday, which one of the month)
FLOATING_HOLIDAYS = (
    (1, MONDAY, 3),
    (2, MONDAY, 3),
    (5, MONDAY, LAST),
    (9, MONDAY, 1),
    (10, MONDAY, 2),
    (11, THURSDAY, 4),
)


class Deposit(NamedTuple):
    """When the Form 941 taxes of a payday are due, and the schedule the employer follows from then on."""

    due: date
    schedule: str


def periods_per_year(frequency: str) -> int:
    """Tell how many pay periods the tax year has; a year with 53 or 27 paydays changes nothing.

    raises   NeedsReview for a frequency Pub. 15-T does not know
    source   Pub. 15-T Table 3, Worksheet 1A line 1b
    """
    try:
        return PERIODS_PER_YEAR[frequency]
    except KeyError:
        known = ", ".join(PERIODS_PER_YEAR)
        raise NeedsReview(f"pay frequency {frequency!r} is unknown: use one of {known}") from None


@lru_cache(maxsize=64)
def holidays(year: int) -> tuple[date, ...]:
    """List the days the Reserve Banks close for a holiday, in order; one on a Saturday closes nothing.

    source   Federal Reserve holiday schedule: Saturday leaves the Friday open, Sunday closes the Monday
    """
    fixed = [date(year, month, day) for month, day in FIXED_HOLIDAYS]
    moved = [day + _DAY if day.weekday() == SUNDAY else day for day in fixed if day.weekday() != SATURDAY]
    return tuple(sorted(moved + _floating(year)))


@lru_cache(maxsize=64)
def legal_holidays(year: int) -> frozenset[date]:
    """Collect the legal holidays of the District of Columbia on the days they are observed.

    source   Pub. 15 sec. 11, D.C. Code 28-2701: also Emancipation Day and, every fourth year, Inauguration
             Day; Saturday moves to Friday, Sunday to Monday
    """
    fixed = [date(year, month, day) for month, day in (*FIXED_HOLIDAYS, (4, 16))]
    fixed.append(date(year + 1, 1, 1))
    if year % 4 == 1:
        fixed.append(date(year, 1, 20))
    shift = {SATURDAY: -_DAY, SUNDAY: _DAY}
    observed = [day + shift.get(day.weekday(), timedelta(0)) for day in fixed]
    return frozenset(day for day in observed + _floating(year) if day.year == year)


@lru_cache(maxsize=4096)
def is_banking_day(day: date) -> bool:
    """Say whether ACH entries settle on a day: a weekday that is no Reserve Bank holiday."""
    return day.weekday() < SATURDAY and day not in holidays(day.year)


def adjust_before(day: date) -> date:
    """Give the day itself if it is a banking day, else the banking day before it.

    source   convention: a payday that is no banking day is paid on the preceding one
    """
    while not is_banking_day(day):
        day -= _DAY
    return day


def adjust_after(day: date) -> date:
    """Give the day itself if it is a banking day, else the next one."""
    while not is_banking_day(day):
        day += _DAY
    return day


def add_banking_days(day: date, count: int) -> date:
    """Count banking days from a day, forward or (below zero) back; the day itself is never counted.

    count   0 gives the day itself, banking day or not
    """
    step = _DAY if count > 0 else -_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_banking_day(day)
    return day


def file_cutoff(payday: date) -> date:
    """Tell on which banking day a direct deposit file is sent at the latest: two before the payday.

    payday   nominal; one that is no banking day is paid on the preceding one
    source   convention of this product: lead time of 2 banking days
    """
    return add_banking_days(adjust_before(payday), -LEAD_BANKING_DAYS)


def paydays_in_year(year: int, frequency: str, first_payday: date) -> int:
    """Count the nominal paydays of a year, from the first payday on.

    first_payday   any payday of the schedule; weekly and biweekly paydays before it are not counted
    raises         NeedsReview for an unknown frequency, ValueError for one that names no paydays (daily)
    source         arithmetic: a weekday occurs 53 times when the year starts on it
    """
    if frequency not in DAYS_BETWEEN_PAYDAYS:
        if frequency == "daily":
            raise ValueError("daily pay has no schedule of paydays to count")
        return periods_per_year(frequency)
    apart = DAYS_BETWEEN_PAYDAYS[frequency]
    last_day = date(year, 12, 31)
    missed = max(0, (date(year, 1, 1) - first_payday).days)
    first = first_payday + timedelta(days=-(-missed // apart) * apart)
    return max(0, (last_day - first).days // apart + 1)


def semiweekly_due(payday: date) -> date:
    """Tell when a semiweekly depositor owes the taxes of a payday.

    source   Pub. 15 sec. 11: Wednesday to Friday is due the following Wednesday, Saturday to Tuesday the
             following Friday: three business days after the period, so a legal holiday gives one more day
    """
    day = payday
    while day.weekday() not in (TUESDAY, FRIDAY):
        day += _DAY
    left = 3
    while left:
        day += _DAY
        left -= is_business_day(day)
    return day


def is_business_day(day: date) -> bool:
    """Say whether a tax deposit can be due: a weekday that is no legal holiday in the District of Columbia."""
    return day.weekday() < SATURDAY and day not in legal_holidays(day.year)


def business_day_from(day: date) -> date:
    """Give the day itself if it is a business day, else the next one.

    source   IRC 7503; Pub. 15 sec. 11
    """
    while not is_business_day(day):
        day += _DAY
    return day


def quarter_end(day: date) -> date:
    """Give the last day of the calendar quarter that a day is in.

    source   Form 941: wages are reported in the quarter in which they are paid
    """
    month = (day.month + 2) // 3 * 3
    return date(day.year + month // 12, month % 12 + 1, 1) - _DAY


def lookback_period(year: int) -> tuple[date, date]:
    """Give the four quarters whose taxes decide a calendar year's deposit schedule, both days included.

    source   Pub. 15 sec. 11: for 2026 it is July 1, 2024 to June 30, 2025
    """
    return date(year - 2, 7, 1), date(year - 1, 6, 30)


def deposit_schedule(lookback_cents: int) -> str:
    """Choose the year's deposit schedule: MONTHLY up to 50,000 dollars in the lookback period, else SEMIWEEKLY.

    lookback_cents   Form 941 taxes of the lookback period; a new employer has 0
    source           Pub. 15 sec. 11
    """
    return MONTHLY if lookback_cents <= MONTHLY_UP_TO_CENTS else SEMIWEEKLY


def monthly_due(payday: date) -> date:
    """Tell when a monthly depositor owes the taxes of a payday: the 15th of the following month.

    source   Pub. 15 sec. 11; on a weekend or legal holiday, the next business day
    """
    year, month = divmod(payday.year * 12 + payday.month, 12)
    return business_day_from(date(year, month + 1, MONTHLY_DUE_DAY))


def deposit(payday: date, schedule: str, accumulated_cents: int) -> Deposit:
    """Tell when the taxes of a payday are due.

    schedule            MONTHLY or SEMIWEEKLY
    accumulated_cents   Form 941 taxes undeposited in the deposit period so far, this payday included. From 100,000
                        dollars on they are due the next business day, and a monthly depositor follows the
                        semiweekly schedule for the rest of this year and the next
    raises              NeedsReview for an unknown schedule
    source              Pub. 15 sec. 11
    """
    if schedule not in (MONTHLY, SEMIWEEKLY):
        raise NeedsReview(f"deposit schedule {schedule!r} is unknown: use {MONTHLY} or {SEMIWEEKLY}")
    if accumulated_cents >= NEXT_DAY_FROM_CENTS:
        return Deposit(business_day_from(payday + _DAY), SEMIWEEKLY)
    return Deposit(monthly_due(payday) if schedule == MONTHLY else semiweekly_due(payday), schedule)


def may_pay_with_return(quarter_cents: int, prior_quarter_cents: int, *, next_day_rule_met: bool) -> bool:
    """Say whether a quarter's Form 941 taxes may be paid with the return and need no deposit.

    next_day_rule_met   a 100,000 dollar next-day deposit was owed in this quarter
    source              Pub. 15 sec. 11: below 2,500 dollars for this quarter or for the one before
    """
    return not next_day_rule_met and min(quarter_cents, prior_quarter_cents) < WITH_RETURN_BELOW_CENTS


def futa_deposit_owed(accumulated_cents: int) -> bool:
    """Say whether a quarter's federal unemployment tax, with what was carried into it, must be deposited.

    source   Pub. 15 sec. 14: over 500 dollars; else it is carried to the next quarter
    """
    return accumulated_cents > FUTA_DEPOSIT_OVER_CENTS


def futa_due(year: int, quarter: int) -> date:
    """Tell when a quarter's federal unemployment tax is due: the last day of the month after it.

    quarter   1 to 4
    raises    ValueError for another
    source    Pub. 15 sec. 14; on a weekend or legal holiday, the next business day
    """
    if not 1 <= quarter <= 4:
        raise ValueError(f"quarter {quarter}: a year has 1 to 4")
    after, month = divmod(quarter * MONTHS_OF_A_QUARTER + 1, 12)
    return business_day_from(date(year + after, month + 1, 1) - _DAY)


def paydays_working(year: int, frequency: str, first_payday: date) -> Working:
    """Give the working of `paydays_in_year`."""
    return "paydays_in_year", year, frequency, first_payday.isoformat()


def semiweekly_working(payday: date) -> Working:
    """Give the working of `semiweekly_due`: the payday, and the legal holidays of its year and the next."""
    days = sorted(legal_holidays(payday.year) | legal_holidays(payday.year + 1))
    return "semiweekly_deposit", payday.isoformat(), [day.isoformat() for day in days]


def _floating(year: int) -> list[date]:
    return [_nth_weekday(year, month, weekday, nth) for month, weekday, nth in FLOATING_HOLIDAYS]


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    if nth == LAST:
        end = date(year, month + 1, 1) - _DAY
        return end - timedelta(days=(end.weekday() - weekday) % 7)
    start = date(year, month, 1)
    return start + timedelta(days=(weekday - start.weekday()) % 7 + 7 * (nth - 1))
