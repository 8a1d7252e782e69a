"""California overtime for one workweek: by the day, by the week, and on the seventh day in a row.

Covered is the plain rule of Labor Code 510(a). Not covered: alternative workweek schedules (511), exempt
employees, collective agreements (514), a nonexempt salary (515(d)), and piece work. Daily rules of other states
(Alaska, Nevada, Colorado) are not collected.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.hours import (
    E4_PER_CENT,
    WORK,
    Line,
    Shares,
    as_hours,
    bonus_e4,
    hours_by_line,
    overtime_hundredths,
    premium_cents,
)
from payroll.calc.money import PPM, half_up, ratio_half_up
from payroll.calc.tables import California, Flsa
from payroll.calc.worksheet import Working

DAYS_OF_A_WEEK = 7
HOURS_IN_A_DAY = 24_00


class Split(NamedTuple):
    """Hours of a day or a week in hundredths: at straight time, at time and a half, at double time."""

    straight: int
    overtime: int
    double_time: int


class CaliforniaWeek(NamedTuple):
    """One workweek's pay under California law. Hours worked = regular + overtime.

    overtime_hours      all hours that earn a premium; `double_time_hours` are those of them at double time
    premium_cents       on top of straight time
    flsa_premium_cents  the part of the premium that the FLSA itself requires (Form W-2 box 12, code TT)
    other_cents         leave, holiday, nondiscretionary bonus and excluded pay
    regular_rate        dollars per hour, exact, without the bonus; None when nothing was worked
    """

    hours_worked: Decimal
    regular_hours: Decimal
    overtime_hours: Decimal
    double_time_hours: Decimal
    straight_time_cents: int
    premium_cents: int
    flsa_premium_cents: int
    other_cents: int
    regular_rate: Fraction | None
    working: Working

    @property
    def gross_cents(self) -> int:
        return self.straight_time_cents + self.premium_cents + self.other_cents


def california_workweek(
    days: Sequence[Iterable[Line]],
    california: California,
    flsa: Flsa,
    *,
    nondiscretionary_bonus_cents: int = 0,
    excluded_pay_cents: int = 0,
) -> CaliforniaWeek:
    """Pay one workweek of an hourly employee in California at the weighted average of its rates.

    days                           seven, from the first day of the workweek on; each its lines of hours
    nondiscretionary_bonus_cents   a flat sum earned in this workweek
    excluded_pay_cents             gifts, expenses and the like; not in the regular rate
    raises                         NeedsReview for an unknown kind or impossible hours; ValueError for other
                                   than seven days
    source                         Labor Code 510(a); Alvarado v. Dart Container (2018) 4 Cal.5th 542 for the
                                   bonus; 29 USC 207(a) for the federal part. The premium is rounded half up
                                   once; straight time once per kind and rate, as the stub prints it
    """
    if len(days) != DAYS_OF_A_WEEK:
        raise ValueError(f"a workweek of {len(days)} days: give all seven, also those without hours")
    by_day = [hours_by_line(lines) for lines in days]
    by_line = dict[tuple[str, int], int]()
    for day in by_day:
        for key, amount in day.items():
            by_line[key] = by_line.get(key, 0) + amount
    worked_by_day = [sum(amount for (kind, _), amount in day.items() if kind == WORK) for day in by_day]
    worked = sum(worked_by_day)
    remuneration = sum(amount * rate for (kind, rate), amount in by_line.items() if kind == WORK)
    hours = week_split(split_days(worked_by_day, california))
    shares = [[nondiscretionary_bonus_cents, 1]]
    cents = {key: ratio_half_up(amount * key[1], E4_PER_CENT) for key, amount in by_line.items()}
    straight = sum(each for (kind, _), each in cents.items() if kind == WORK)
    federal_overtime = overtime_hundredths(worked, flsa)
    return CaliforniaWeek(
        hours_worked=as_hours(worked),
        regular_hours=as_hours(hours.straight),
        overtime_hours=as_hours(hours.overtime + hours.double_time),
        double_time_hours=as_hours(hours.double_time),
        straight_time_cents=straight,
        premium_cents=california_premium_cents(remuneration, hours, california, shares),
        flsa_premium_cents=premium_cents(remuneration, worked, federal_overtime, flsa, shares),
        other_cents=sum(cents.values()) - straight + nondiscretionary_bonus_cents + excluded_pay_cents,
        regular_rate=Fraction(remuneration, worked * E4_PER_CENT) if worked else None,
        working=(
            "california_workweek",
            [[[kind, rate, amount] for (kind, rate), amount in day.items()] for day in by_day],
            nondiscretionary_bonus_cents,
            excluded_pay_cents,
            *figures(california, flsa),
        ),
    )


def split_days(worked_by_day: Sequence[int], california: California) -> list[Split]:
    """Split the hours of a workweek's days by what they earn, in the order of the days.

    worked_by_day   hundredths of an hour, from the first day of the workweek on; the days to come may be missing
    raises          NeedsReview for more hours than a day has
    source          Labor Code 510(a). Hours that earned daily overtime do not count toward the weekly 40; the
                    seventh day is that of a workweek all of whose days were worked
    """
    left = california.weekly_overtime_after_hundredths
    splits = []
    for number, worked in enumerate(worked_by_day, 1):
        if worked > HOURS_IN_A_DAY:
            raise NeedsReview(f"{as_hours(worked)} hours in one day: a day has 24, correct the time entries")
        if number == DAYS_OF_A_WEEK and all(worked_by_day):
            double = max(0, worked - california.seventh_day_double_after_hundredths)
            splits.append(Split(0, worked - double, double))
            continue
        double = max(0, worked - california.daily_double_after_hundredths)
        straight = min(worked, california.daily_overtime_after_hundredths, left)
        left -= straight
        splits.append(Split(straight, worked - straight - double, double))
    return splits


def week_split(splits: Iterable[Split]) -> Split:
    """Add up the days of a workweek."""
    straight, overtime, double = (sum(hours) for hours in zip(*splits, strict=True))
    return Split(straight, overtime, double)


def california_premium_cents(
    remuneration_e4: int, hours: Split, california: California, shares: Shares = ()
) -> int:
    """Give a workweek's premium on top of straight time, rounded half up once.

    remuneration_e4   straight-time pay of all hours worked, in ten-thousandths of a cent
    hours             of the whole workweek
    shares            of flat-sum bonuses: per overtime hour 1.5 and per double time hour 2 times the bonus
                      divided by the hours that are not overtime. A bonus by production is treated the same way
    source            Labor Code 510(a); Alvarado v. Dart Container (2018) 4 Cal.5th 542
    """
    worked = sum(hours)
    if worked == hours.straight:
        return 0
    half, full = california.overtime_premium_ppm, california.double_premium_ppm
    premium = remuneration_e4 * Fraction(half * hours.overtime + full * hours.double_time, worked)
    times = (PPM + half) * hours.overtime + (PPM + full) * hours.double_time
    premium += bonus_e4(shares) * Fraction(times, hours.straight)
    return half_up(premium * Fraction(1, PPM * E4_PER_CENT))


def figures(california: California, flsa: Flsa) -> tuple[int, ...]:
    """The figures a California worksheet is filled in with, in its order."""
    return (
        california.daily_overtime_after_hundredths,
        california.daily_double_after_hundredths,
        california.weekly_overtime_after_hundredths,
        california.seventh_day_double_after_hundredths,
        california.overtime_premium_ppm,
        california.double_premium_ppm,
        flsa.overtime_after_hundredths,
        flsa.premium_ppm,
    )
