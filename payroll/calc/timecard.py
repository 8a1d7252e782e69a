"""The time entries of one pay period, added up by day, by workweek and by line of the stub."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from events.failures import NeedsReview
from payroll.calc.hours import KINDS, WORK, hundredths, rate_e4, unknown_kind

# What a workweek is to the period: its premium is due, was due before, or will be due
CLOSES, CLOSED, OPEN = "closes", "closed", "open"


class Entry(NamedTuple):
    """Hours of one kind on one day.

    rate   dollars per hour for this work; None is the employee's own rate
    """

    work_date: date
    hours: Decimal
    kind: str = WORK
    rate: Decimal | None = None


class Bonus(NamedTuple):
    """A nondiscretionary bonus or commission, and the days in which it was earned (both included)."""

    first_day: date
    last_day: date
    cents: int


def first_entry_day(period_start: date, workweek_start: int = 0) -> date:
    """Tell from which day on a pay period needs time entries: the start of its first day's workweek.

    workweek_start   0 Sunday to 6 Saturday
    """
    return date.fromordinal(_first_day(period_start.toordinal(), workweek_start))


class Timecard:
    """The entries of one period, added up in integers; days are ordinals of `date`, workweeks are counted from day 0.

    weeks    workweek -> rate -> hours worked in it; `before` has those of them from before the period
    by_day   day -> rate -> hours worked
    by_line  (kind, rate) -> hours inside the period
    shares   workweek -> its bonuses, as pairs of cents and the number of workweeks they are spread over
    """

    def __init__(
        self,
        period_start: date,
        period_end: date,
        workweek_start: int,
        last_day: date | None,
        entries_from: date | None,
    ) -> None:
        self.start, self.end = period_start.toordinal(), period_end.toordinal()
        self.workweek_start = workweek_start
        self.last_day = date.max.toordinal() if last_day is None else last_day.toordinal()
        self.earliest = _first_day(self.start, workweek_start)
        if entries_from is not None:
            self.earliest = min(self.earliest, entries_from.toordinal())
        self.by_day: dict[int, dict[int, int]] = {}
        self.weeks: dict[int, dict[int, int]] = {}
        self.before: dict[int, int] = {}
        self.by_line: dict[tuple[str, int], int] = {}
        self.shares: dict[int, list[list[int]]] = {}

    def read(self, entries: Iterable[Entry], own_rate: int | None) -> None:
        """Add up every entry. `own_rate` None is a salary, which knows no other rate."""
        by_day, by_line, start, end, earliest = self.by_day, self.by_line, self.start, self.end, self.earliest
        for work_date, hours, kind, entry_rate in entries:
            day = work_date.toordinal()
            if not earliest <= day <= end:
                raise ValueError(
                    f"an entry of {work_date} for a period that reads {date.fromordinal(earliest)} "
                    f"to {date.fromordinal(end)}: load entries from first_entry_day to the period's end"
                )
            amount, rate = hundredths(hours), _rate(entry_rate, own_rate)
            if kind == WORK:
                rates = by_day.setdefault(day, {})
                rates[rate] = rates.get(rate, 0) + amount
            elif kind not in KINDS:
                raise unknown_kind(kind)
            if day >= start:
                by_line[kind, rate] = by_line.get((kind, rate), 0) + amount
        self._add_up_weeks()

    def _add_up_weeks(self) -> None:
        for day, by_rate in self.by_day.items():
            if day > self.last_day:
                raise NeedsReview(
                    f"hours worked on {date.fromordinal(day)}, after the last day of employment "
                    f"{date.fromordinal(self.last_day)}: correct the time entry or the termination date"
                )
            week = (day - self.workweek_start) // 7
            rates = self.weeks.setdefault(week, {})
            for rate, hours in by_rate.items():
                rates[rate] = rates.get(rate, 0) + hours
                if day < self.start:
                    self.before[week] = self.before.get(week, 0) + hours

    def spread(self, bonuses: Iterable[Bonus]) -> None:
        """Give every workweek that a bonus was earned in an equal part of it."""
        for first_day, last_day, cents in bonuses:
            if cents < 0 or last_day < first_day:
                raise NeedsReview(
                    f"a bonus of {cents} cents earned {first_day} to {last_day}: give cents of zero or more and "
                    "the first day first"
                )
            first, last = ((day.toordinal() - self.workweek_start) // 7 for day in (first_day, last_day))
            if first * 7 + self.workweek_start < self.earliest:
                raise NeedsReview(
                    f"a bonus earned from {first_day} on needs the hours from {self.first_day(first)} on, and time "
                    f"entries begin on {date.fromordinal(self.earliest)}: load the earlier entries"
                )
            if self.due(last) == OPEN:
                raise NeedsReview(
                    f"a bonus earned until {last_day}: its last workweek ends after the period's end "
                    f"{date.fromordinal(self.end)}, so pay it with the next period or let it end a workweek earlier"
                )
            for week in range(first, last + 1):
                self.shares.setdefault(week, []).append([cents, last - first + 1])

    def due(self, week: int) -> str:
        """Say where a workweek ends: inside the period, before it or after it."""
        closes = min(week * 7 + 6 + self.workweek_start, self.last_day)
        if closes > self.end:
            return OPEN
        return CLOSES if closes >= self.start else CLOSED

    def first_day(self, week: int) -> str:
        return _iso(week * 7 + self.workweek_start)

    def lines(self) -> list[list[Any]]:
        """List the hours inside the period as kind, rate and hours, whatever order the entries came in."""
        ordered = sorted(self.by_line.items(), key=_by_kind_and_rate)
        return [[kind, rate, hours] for (kind, rate), hours in ordered]


def _by_kind_and_rate(line: tuple[tuple[str, int], int]) -> tuple[int, int]:
    (kind, rate), _ = line
    return KINDS.index(kind), rate


@lru_cache(maxsize=1024)
def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


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
