"""From dated time entries to the hours, straight time and overtime premium of one pay period.

Straight time follows the day: it is paid in the period in which the hours were worked. The premium follows
the workweek: it is paid in the period in which the workweek ends (29 CFR 778.106), from all of its entries,
also those before the period began. So a semimonthly period needs entries from `first_entry_day` on.

A nondiscretionary bonus is paid as an item of its own (earnings.py). Here it raises the regular rate of the
workweeks in which it was earned (29 CFR 778.209): each of them gets an equal part, exact. For a workweek
that ended before the period, and so has its premium, only the premium on its part of the bonus is due now.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from payroll.calc.california import california_premium_cents, figures, split_days, week_split
from payroll.calc.hours import (
    E4_PER_CENT,
    KINDS,
    WORK,
    WeeklySalary,
    as_hours,
    extra_straight_cents,
    overtime_hundredths,
    premium_cents,
    rate_e4,
    salaried_premium_cents,
    weekly_salary,
)
from payroll.calc.money import ratio_half_up
from payroll.calc.tables import California, Flsa
from payroll.calc.timecard import CLOSED, CLOSES, OPEN, Bonus, Entry, Timecard, first_entry_day
from payroll.calc.worksheet import Working

__all__ = [
    "Bonus",
    "EarningsLine",
    "Entry",
    "HourlyPeriod",
    "SalariedPeriod",
    "first_entry_day",
    "hourly_period",
    "salaried_period",
]

PAID = WeeklySalary(0, 1)  # of a workweek whose pay is not due again


class EarningsLine(NamedTuple):
    """A line of the stub: hours of one kind at one rate, and their pay rounded half up once."""

    kind: str
    rate: Decimal
    hours: Decimal
    cents: int


class HourlyPeriod(NamedTuple):
    """An hourly employee's pay period.

    hours_worked        worked inside the period, all paid at straight time
    regular_hours       those of them that are not overtime, in the order of their dates: the first 40 of their
                        workweek, and in California the first 8 of their day
    overtime_hours      overtime of the workweeks that end inside the period: the premium is for these. Over all
                        periods regular + overtime are the hours worked; in one they may differ, where a
                        workweek straddles
    lines               by kind and rate; they sum to straight time + leave + holiday; the premium is an earnings
                        line of its own
    double_time_hours   those of the overtime hours that California pays at double time
    flsa_premium_cents  the part of the premium that the FLSA itself requires; all of it outside California
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
    double_time_hours: Decimal
    flsa_premium_cents: int
    working: Working

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
    working: Working


class _Premium(NamedTuple):
    """What the workweeks of a period come to, and each of them as the worksheet is filled in with it."""

    regular: int
    overtime: int
    double_time: int
    cents: int
    flsa_cents: int
    weeks: list[list[Any]]


def hourly_period(
    entries: Iterable[Entry],
    pay_rate: Decimal,
    flsa: Flsa,
    *,
    period_start: date,
    period_end: date,
    workweek_start: int = 0,
    last_day: date | None = None,
    bonuses: Iterable[Bonus] = (),
    entries_from: date | None = None,
    daily_overtime: California | None = None,
) -> HourlyPeriod:
    """Pay an hourly employee's time entries for one period.

    entries         from first_entry_day(period_start) to period_end, both included, in any order
    last_day        of employment; its workweek ends that day, so no premium waits for a period that never comes
    bonuses         paid with this period and earned over dates; every workweek that the dates touch must have
                    ended, and the entries must reach back to the first of them
    entries_from    the day from which on `entries` are given, where that is earlier than first_entry_day
    daily_overtime  the rule of California for who works there; None elsewhere
    raises          NeedsReview for hours that cannot be, and for a bonus whose workweeks are not all known;
                    ValueError for entries outside the dates: a caller's bug
    source          29 CFR 778.104 (each workweek alone), 778.106 (when it is paid), 778.115 (several rates),
                    778.209 (bonuses); equal parts by workweek are a convention of this product
    """
    sheet = Timecard(period_start, period_end, workweek_start, last_day, entries_from)
    sheet.read(entries, rate_e4(pay_rate))
    sheet.spread(bonuses)
    if daily_overtime is None:
        due = _federal_premium(sheet, flsa)
        rule: tuple[int, ...] = (flsa.overtime_after_hundredths, flsa.premium_ppm)
    else:
        due = _california_premium(sheet, daily_overtime, flsa)
        rule = figures(daily_overtime, flsa)
    by_line = sheet.lines()
    lines = []
    hours, cents = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for kind, rate, amount in by_line:
        pay = ratio_half_up(amount * rate, E4_PER_CENT)
        hours[kind] += amount
        cents[kind] += pay
        lines.append(EarningsLine(kind, Decimal(rate).scaleb(-4), as_hours(amount), pay))
    worked, leave, holiday = map(as_hours, hours.values())
    name = "hourly_period" if daily_overtime is None else "california_period"
    return HourlyPeriod(
        worked,
        as_hours(due.regular),
        as_hours(due.overtime),
        leave,
        holiday,
        cents[WORK],
        due.cents,
        cents["leave"],
        cents["holiday"],
        tuple(lines),
        as_hours(due.double_time),
        due.flsa_cents,
        (name, due.weeks, by_line, *rule),
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
    bonuses: Iterable[Bonus] = (),
    entries_from: date | None = None,
) -> SalariedPeriod:
    """Find what a nonexempt salaried employee's time entries add to the salary of one period.

    California's rule for a nonexempt salary (Labor Code 515(d)) is not covered.

    entries, last_day, bonuses, entries_from   as in hourly_period; leave and holiday are covered by the salary
    raises              NeedsReview also for an entry at another rate: the salary has one
    source              29 CFR 778.113 by workweek, each paid in the period it ends in (778.106)
    """
    weekly = weekly_salary(annual_salary, standard_hours)
    sheet = Timecard(period_start, period_end, workweek_start, last_day, entries_from)
    sheet.read(entries, None)
    sheet.spread(bonuses)
    regular = overtime = extra = premium = 0
    weeks = []
    for week, rates in sorted(sheet.weeks.items()):
        worked, before, shares = sum(rates.values()), sheet.before.get(week, 0), sheet.shares.get(week, [])
        over, due = overtime_hundredths(worked, flsa), sheet.due(week)
        regular += worked - over - min(before, flsa.overtime_after_hundredths)
        if due == CLOSES:
            overtime += over
            extra += extra_straight_cents(weekly, worked)
            premium += salaried_premium_cents(weekly, worked, over, flsa, shares)
        elif due == CLOSED:
            premium += salaried_premium_cents(PAID, worked, over, flsa, shares)
        weeks.append([sheet.first_day(week), due, before, worked, shares])
    hours = dict.fromkeys(KINDS, 0)
    for kind, _, amount in sheet.lines():
        hours[kind] += amount
    worked_hours, leave, holiday = map(as_hours, hours.values())
    rule = flsa.overtime_after_hundredths, flsa.premium_ppm
    working = ("salaried_period", *weekly, weeks, hours["leave"], hours["holiday"], *rule)
    return SalariedPeriod(
        worked_hours, as_hours(regular), as_hours(overtime), leave, holiday, extra, premium, working
    )


def _federal_premium(sheet: Timecard, flsa: Flsa) -> _Premium:
    limit = flsa.overtime_after_hundredths
    regular = overtime = premium = 0
    weeks = []
    for week, rates in sorted(sheet.weeks.items()):
        worked, before, shares = sum(rates.values()), sheet.before.get(week, 0), sheet.shares.get(week, [])
        over, due = overtime_hundredths(worked, flsa), sheet.due(week)
        regular += worked - over - min(before, limit)
        lines = [[rate, hours] for rate, hours in sorted(rates.items())]
        if due == CLOSES:
            overtime += over
            premium += premium_cents(_remuneration(lines), worked, over, flsa, shares) if over else 0
        elif due == CLOSED:
            premium += premium_cents(0, worked, over, flsa, shares)
        weeks.append([sheet.first_day(week), due, before, lines, shares])
    return _Premium(regular, overtime, 0, premium, premium, weeks)


def _california_premium(sheet: Timecard, california: California, flsa: Flsa) -> _Premium:
    regular = overtime = double = premium = flsa_premium = 0
    weeks = []
    for week, rates in sorted(sheet.weeks.items()):
        first = week * 7 + sheet.workweek_start
        days = [sorted(sheet.by_day.get(day, {}).items()) for day in range(first, first + 7)]
        splits = split_days([sum(hours for _, hours in day) for day in days], california)
        hours, days_before = week_split(splits), min(7, max(0, sheet.start - first))
        regular += sum(split.straight for split in splits[days_before:])
        due, shares, worked = sheet.due(week), sheet.shares.get(week, []), sum(hours)
        if due == CLOSES:
            overtime += hours.overtime + hours.double_time
            double += hours.double_time
        if due != OPEN:
            pay = _remuneration(rates.items()) if due == CLOSES else 0
            premium += california_premium_cents(pay, hours, california, shares)
            flsa_premium += premium_cents(pay, worked, overtime_hundredths(worked, flsa), flsa, shares)
        lines = [[list(line) for line in day] for day in days]
        weeks.append([sheet.first_day(week), due, days_before, lines, shares])
    return _Premium(regular, overtime, double, premium, flsa_premium, weeks)


def _remuneration(lines: Iterable[Sequence[int]]) -> int:
    return sum(rate * hours for rate, hours in lines)
