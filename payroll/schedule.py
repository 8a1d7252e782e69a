"""Pay periods and paydays, as arithmetic on dates.

    period = period_containing("biweekly", anchor=date(2026, 11, 1), day=date(2026, 11, 21))
    period.start, period.end            2026-11-15, 2026-11-28 (both belong to the period)
    pay_date(period, lag_days=6)        2026-12-04

Weekly and biweekly periods are counted from an anchor, the first day of any one of them, in both
directions. Semimonthly ones are the 1st to the 15th and the 16th to the end of the month; monthly ones are
calendar months.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

from payroll.calc import calendar

ONE_DAY = timedelta(days=1)
COUNTED_DAYS = {"weekly": 7, "biweekly": 14}
LENGTHS = {"weekly": (7, 7), "biweekly": (14, 14), "semimonthly": (13, 16), "monthly": (28, 31)}
DEFAULT_LAG_DAYS = {"weekly": 6, "biweekly": 6, "semimonthly": 5, "monthly": 5}
DEFAULT_ANCHOR = date(2026, 11, 1)  # a Sunday, as the workweek begins


class Period(NamedTuple):
    """First and last day of a pay period; both belong to it."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Calendar days in the period."""
        return (self.end - self.start).days + 1


def period_containing(frequency: str, anchor: date, day: date) -> Period:
    """The pay period that `day` falls in.

    anchor   first day of any weekly or biweekly period; not looked at for the two kinds bound to months
    raises   ValueError for an unknown frequency
    """
    if frequency in COUNTED_DAYS:
        length = COUNTED_DAYS[frequency]
        start = day - timedelta(days=(day - anchor).days % length)
        return Period(start, start + timedelta(days=length - 1))
    last = day.replace(day=monthrange(day.year, day.month)[1])
    if frequency == "monthly":
        return Period(day.replace(day=1), last)
    if frequency == "semimonthly":
        first_half = Period(day.replace(day=1), day.replace(day=15))
        return first_half if day.day <= 15 else Period(day.replace(day=16), last)
    raise ValueError(f"no pay frequency {frequency!r}; it is one of {', '.join(LENGTHS)}")


def next_period(frequency: str, period: Period) -> Period:
    """The period that begins the day after `period` ends."""
    return period_containing(frequency, period.start, period.end + ONE_DAY)


def pay_date(period: Period, lag_days: int) -> date:
    """Payday: `lag_days` after the period ends, or the banking day before where that is none."""
    return calendar.adjust_before(period.end + timedelta(days=lag_days))


def matches(frequency: str, start: date, end: date) -> bool:
    """Whether `start` to `end` has the length of one period of this frequency."""
    shortest, longest = LENGTHS[frequency]
    return shortest <= Period(start, end).days <= longest
