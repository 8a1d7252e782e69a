"""From dated time entries to the hours, straight time and overtime premium of one pay period.

Straight time follows the day: it is paid in the period in which the hours were worked. The premium follows
the workweek: it is paid in the period in which the workweek ends (29 CFR 778.106), from all of its entries,
also those before the period began. So a semimonthly period needs entries from `first_entry_day` on.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.hours import (
    E4_PER_CENT,
    KINDS,
    WORK,
    as_hours,
    hundredths,
    overtime_hundredths,
    premium_cents,
    rate_e4,
    salaried_workweek,
    unknown_kind,
)
from payroll.calc.money import ratio_half_up
from payroll.calc.tables import Flsa

_by_date = attrgetter("work_date")


class Entry(NamedTuple):
    """Hours of one kind on one day.

    rate   dollars per hour for this work; None is the employee's own rate
    """

    work_date: date
    hours: Decimal
    kind: str = WORK
    rate: Decimal | None = None


class EarningsLine(NamedTuple):
    """A line of the stub: hours of one kind at one rate, and their pay rounded half up once."""

    kind: str
    rate: Decimal
    hours: Decimal
    cents: int


class HourlyPeriod(NamedTuple):
    """An hourly employee's pay period.

    hours_worked     worked inside the period, all paid at straight time
    regular_hours    those of them within the first 40 of their workweek, in the order of their dates
    overtime_hours   hours beyond 40 of the workweeks that end inside the period: the premium is for these.
                     Over all periods regular + overtime are the hours worked; in one they may differ,
                     where a workweek straddles
    lines            sum to straight time + leave + holiday; the premium is an earnings line of its own
    """

    hours_worked: Decimal
    regular_hours: Decimal
    overtime_hours: Decimal
    leave_hours: Decimal
    holiday_hours: Decimal
    straight_time_cents: int
    premium_cents: int
    leave_cents: int
    holiday_cents: int
    lines: tuple[EarningsLine, ...]

    @property
    def gross_cents(self) -> int:
        return self.straight_time_cents + self.premium_cents + self.leave_cents + self.holiday_cents


class SalariedPeriod(NamedTuple):
    """What a nonexempt salaried employee's pay period adds to the salary; hours as in HourlyPeriod."""

    hours_worked: Decimal
    regular_hours: Decimal
    overtime_hours: Decimal
    leave_hours: Decimal
    holiday_hours: Decimal
    extra_straight_cents: int
    premium_cents: int


def first_entry_day(period_start: date, workweek_start: int = 0) -> date:
    """Tell from which day on a pay period needs time entries: the start of its first day's workweek.

    workweek_start   0 Sunday to 6 Saturday
    """
    return date.fromordinal(_first_day(period_start.toordinal(), workweek_start))


def hourly_period(
    entries: Iterable[Entry],
    pay_rate: Decimal,
    flsa: Flsa,
    *,
    period_start: date,
    period_end: date,
    workweek_start: int = 0,
    last_day: date | None = None,
) -> HourlyPeriod:
    """Pay an hourly employee's time entries for one period.

    entries    from first_entry_day(period_start) to period_end, both included, in any order
    last_day   of employment; its workweek ends that day, so no premium waits for a period that never comes
    raises     NeedsReview for hours that cannot be; ValueError for entries outside the dates: a caller's bug
    source     29 CFR 778.104 (each workweek alone), 778.106 (when it is paid), 778.115 (several rates)
    """
    sheet = _Sheet(period_start, period_end, flsa, workweek_start, last_day)
    sheet.read(entries, rate_e4(pay_rate))
    overtime = premium = 0
    for week, worked in sheet.closing_weeks():
        over = overtime_hundredths(worked, flsa)
        overtime += over
        premium += premium_cents(sheet.pay_by_week[week], worked, over, flsa)
    lines = tuple(
        EarningsLine(
            kind, Decimal(rate).scaleb(-4), as_hours(hours), ratio_half_up(hours * rate, E4_PER_CENT)
        )
        for (kind, rate), hours in sheet.by_line.items()
    )
    straight, leave, holiday = (sum(line.cents for line in lines if line.kind == kind) for kind in KINDS)
    hours, regular, on_leave, on_holiday = sheet.hours()
    return HourlyPeriod(
        hours, regular, as_hours(overtime), on_leave, on_holiday, straight, premium, leave, holiday, lines
    )


def salaried_period(
    entries: Iterable[Entry],
    annual_salary: Decimal,
    standard_hours: Decimal,
    flsa: Flsa,
    *,
    period_start: date,
    period_end: date,
    workweek_start: int = 0,
    last_day: date | None = None,
) -> SalariedPeriod:
    """Find what a nonexempt salaried employee's time entries add to the salary of one period.

    entries, last_day   as in hourly_period; leave and holiday are covered by the salary
    raises              NeedsReview also for an entry at another rate: the salary has one
    source              29 CFR 778.113 by workweek, each paid in the period it ends in (778.106)
    """
    sheet = _Sheet(period_start, period_end, flsa, workweek_start, last_day)
    sheet.read(entries, None)
    overtime, extra, premium = Decimal("0.00"), 0, 0
    for _, worked in sheet.closing_weeks():
        week = salaried_workweek(annual_salary, standard_hours, as_hours(worked), flsa)
        overtime += week.overtime_hours
        extra += week.extra_straight_cents
        premium += week.premium_cents
    hours, regular, on_leave, on_holiday = sheet.hours()
    return SalariedPeriod(hours, regular, overtime, on_leave, on_holiday, extra, premium)


class _Sheet:
    """The entries of one period, added up by workweek and by earnings line, in integers."""

    def __init__(
        self, period_start: date, period_end: date, flsa: Flsa, workweek_start: int, last_day: date | None
    ) -> None:
        self.start, self.end = period_start.toordinal(), period_end.toordinal()
        self.flsa, self.workweek_start = flsa, workweek_start
        self.last_day = None if last_day is None else last_day.toordinal()
        self.hours_by_week: dict[int, int] = {}
        self.pay_by_week: dict[int, int] = {}
        self.by_line: dict[tuple[str, int], int] = {}
        self.regular = 0

    def read(self, entries: Iterable[Entry], own_rate: int | None) -> None:
        """Add up every entry. `own_rate` None is a salary, which knows no other rate."""
        earliest = _first_day(self.start, self.workweek_start)
        limit, by_line = self.flsa.overtime_after_hundredths, self.by_line
        for work_date, hours, kind, entry_rate in sorted(entries, key=_by_date):
            day = work_date.toordinal()
            if not earliest <= day <= self.end:
                raise ValueError(
                    f"an entry of {work_date} for a period that reads {date.fromordinal(earliest)} "
                    f"to {date.fromordinal(self.end)}: load entries from first_entry_day to the period's end"
                )
            amount, rate = hundredths(hours), _rate(entry_rate, own_rate)
            inside = day >= self.start
            if kind == WORK:
                before = self._add_to_week(day, amount, rate)
                if inside:
                    self.regular += max(0, min(amount, limit - before))
            elif kind not in KINDS:
                raise unknown_kind(kind)
            if inside:
                by_line[kind, rate] = by_line.get((kind, rate), 0) + amount

    def _add_to_week(self, day: int, amount: int, rate: int) -> int:
        """Add work to its week; give the hours that week held before."""
        if self.last_day is not None and day > self.last_day:
            raise NeedsReview(
                f"hours worked on {date.fromordinal(day)}, after the last day of employment "
                f"{date.fromordinal(self.last_day)}: correct the time entry or the termination date"
            )
        week = (day - self.workweek_start) // 7
        before = self.hours_by_week.get(week, 0)
        self.hours_by_week[week] = before + amount
        self.pay_by_week[week] = self.pay_by_week.get(week, 0) + amount * rate
        return before

    def closing_weeks(self) -> list[tuple[int, int]]:
        """List the workweeks that end inside the period, with the hours worked in them."""
        closing = []
        for week, worked in self.hours_by_week.items():
            closes = week * 7 + 6 + self.workweek_start
            if self.last_day is not None and self.last_day < closes:
                closes = self.last_day
            if self.start <= closes <= self.end:
                closing.append((week, worked))
        return closing

    def hours(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Give the hours inside the period: worked, regular, leave, holiday."""
        worked, leave, holiday = (
            sum(hours for (kind, _), hours in self.by_line.items() if kind == wanted) for wanted in KINDS
        )
        return as_hours(worked), as_hours(self.regular), as_hours(leave), as_hours(holiday)


def _first_day(period_start: int, workweek_start: int) -> int:
    # date.toordinal() is a multiple of 7 on Sundays
    return period_start - (period_start - workweek_start) % 7


def _rate(entry_rate: Decimal | None, own_rate: int | None) -> int:
    if entry_rate is None:
        return own_rate or 0
    if own_rate is None:
        raise NeedsReview(
            "a time entry of a salaried employee has a rate of its own: pay it as hourly, or clear it"
        )
    return rate_e4(entry_rate)
