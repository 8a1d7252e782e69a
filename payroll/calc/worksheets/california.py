"""California overtime: Labor Code 510(a), and the federal premium that is part of it."""

from fractions import Fraction
from typing import Any

from payroll.calc.worksheet import Lines, half_up, share, worksheet
from payroll.calc.worksheets.hours import (
    HourLines,
    bonus_part,
    hours_of,
    of_hours,
    paid_lines,
    pay_of,
    per_hour,
    straight_pay,
)

FIGURES = {
    "daily_overtime_after_hundredths": "flsa.california_overtime",
    "daily_double_after_hundredths": "flsa.california_overtime",
    "weekly_overtime_after_hundredths": "flsa.california_overtime",
    "seventh_day_double_after_hundredths": "flsa.california_overtime",
    "overtime_premium_ppm": "flsa.california_overtime",
    "double_premium_ppm": "flsa.california_overtime",
    "overtime_after_hundredths": "flsa",
    "premium_ppm": "flsa",
}
SOURCE = "California Labor Code 510(a); Alvarado v. Dart Container (2018) 4 Cal.5th 542; 29 USC 207(a)"


@worksheet(
    "California overtime: one workweek paid by the hour",
    source=SOURCE,
    rounding="straight time half up once a kind and rate; each premium half up once",
    figures=FIGURES,
)
def california_workweek(
    days: list[HourLines],
    nondiscretionary_bonus_cents: int,
    excluded_pay_cents: int,
    daily_overtime_after_hundredths: int,
    daily_double_after_hundredths: int,
    weekly_overtime_after_hundredths: int,
    seventh_day_double_after_hundredths: int,
    overtime_premium_ppm: int,
    double_premium_ppm: int,
    overtime_after_hundredths: int,
    premium_ppm: int,
) -> Lines:
    by_rate: dict[tuple[str, int], int] = {}
    for day in days:
        for kind, rate, hours in day:
            by_rate[kind, rate] = by_rate.get((kind, rate), 0) + hours
    lines: HourLines = [[kind, rate, hours] for (kind, rate), hours in by_rate.items()]
    worked = hours_of(lines, "work")
    splits = _days(
        [hours_of(day, "work") for day in days],
        daily_overtime_after_hundredths,
        daily_double_after_hundredths,
        weekly_overtime_after_hundredths,
        seventh_day_double_after_hundredths,
    )
    straight, once_and_a_half, twice = (sum(day[place] for day in splits) for place in range(3))
    yield "hours_worked_hundredths", "hours worked; leave and holidays do not count", worked
    yield "regular_hours_hundredths", "of them within the day's and the week's limits", straight
    yield "overtime_hours_hundredths", "of them at time and a half or double time", once_and_a_half + twice
    yield "double_time_hours_hundredths", "of these at double time", twice
    pay = sum((pay_of(rate, hours) for kind, rate, hours in lines if kind == "work"), Fraction(0))
    rate = per_hour(pay, worked)
    yield "regular_rate_cents", "regular rate: weighted average of the rates, cents an hour, exact", rate
    bonus_rate = per_hour(nondiscretionary_bonus_cents, straight)
    yield "bonus_rate_cents", "a flat sum / the hours that are not overtime, cents an hour, exact", bonus_rate
    premium = _premium(rate, bonus_rate, once_and_a_half, overtime_premium_ppm)
    premium += _premium(rate, bonus_rate, twice, double_premium_ppm)
    yield "straight_time_cents", "every hour worked at its rate", straight_pay(lines, "work")
    yield (
        "overtime_premium_cents",
        "added to straight time, and the bonus at its full multiple",
        half_up(premium),
    )
    federal = per_hour(pay + nondiscretionary_bonus_cents, worked)
    owed = share(of_hours(federal, max(0, worked - overtime_after_hundredths)), premium_ppm)
    yield (
        "flsa_premium_cents",
        "of it required by the FLSA: half its regular rate beyond 40 hours",
        half_up(owed),
    )
    other = straight_pay(lines, "leave") + straight_pay(lines, "holiday")
    other += nondiscretionary_bonus_cents + excluded_pay_cents
    yield "other_cents", "leave, holiday, the bonus, and pay that is not in the regular rate", other


@worksheet(
    "Time: a pay period paid by the hour in California",
    source=f"{SOURCE}; 29 CFR 778.106 (premium where the workweek ends), .209 (bonuses)",
    rounding="straight time half up once a kind and rate; each premium half up once a workweek",
    figures=FIGURES,
)
def california_period(
    workweeks: list[list[Any]],
    lines: HourLines,
    daily_overtime_after_hundredths: int,
    daily_double_after_hundredths: int,
    weekly_overtime_after_hundredths: int,
    seventh_day_double_after_hundredths: int,
    overtime_premium_ppm: int,
    double_premium_ppm: int,
    overtime_after_hundredths: int,
    premium_ppm: int,
) -> Lines:
    regular = overtime = double = premium = flsa_premium = 0
    for first_day, due, days_before, days, bonuses in workweeks:
        splits = _days(
            [sum(hours for _, hours in day) for day in days],
            daily_overtime_after_hundredths,
            daily_double_after_hundredths,
            weekly_overtime_after_hundredths,
            seventh_day_double_after_hundredths,
        )
        straight, once_and_a_half, twice = (sum(day[place] for day in splits) for place in range(3))
        worked = straight + once_and_a_half + twice
        regular += sum(day[0] for day in splits[days_before:])
        yield f"{first_day}.hours_worked_hundredths", "hours worked in this workweek", worked
        yield f"{first_day}.overtime_hours_hundredths", "of them at time and a half", once_and_a_half
        yield f"{first_day}.double_time_hours_hundredths", "of them at double time", twice
        if due == "open":
            continue  # the workweek ends after the period, and its premium is due there
        pay = Fraction(0)
        if due == "closes":
            pay = sum((pay_of(rate, hours) for day in days for rate, hours in day), Fraction(0))
            overtime, double = overtime + once_and_a_half + twice, double + twice
        yield f"{first_day}.remuneration_cents", "pay for the hours worked; none where it is paid", pay
        rate, bonus_rate = per_hour(pay, worked), per_hour(bonus_part(bonuses), straight)
        yield f"{first_day}.regular_rate_cents", "that / hours worked: cents an hour, exact", rate
        yield f"{first_day}.bonus_rate_cents", "part of bonuses / the hours that are not overtime", bonus_rate
        added = _premium(rate, bonus_rate, once_and_a_half, overtime_premium_ppm)
        owed = half_up(added + _premium(rate, bonus_rate, twice, double_premium_ppm))
        yield f"{first_day}.premium_cents", "added to straight time, and bonuses at their full multiple", owed
        federal = per_hour(pay + bonus_part(bonuses), worked)
        flsa_owed = half_up(share(of_hours(federal, max(0, worked - overtime_after_hundredths)), premium_ppm))
        yield f"{first_day}.flsa_premium_cents", "half the FLSA's regular rate beyond 40 hours", flsa_owed
        premium, flsa_premium = premium + owed, flsa_premium + flsa_owed
    yield "hours_worked_hundredths", "hours worked inside the period", hours_of(lines, "work")
    yield "regular_hours_hundredths", "of them within the day's and the week's limits, by date", regular
    yield "overtime_hours_hundredths", "overtime of the workweeks that end in the period", overtime
    yield "double_time_hours_hundredths", "of these at double time", double
    yield from paid_lines(lines)
    yield "overtime_premium_cents", "premiums of the workweeks", premium
    yield "flsa_premium_cents", "of them required by the FLSA", flsa_premium


def _days(
    worked_by_day: list[int],
    overtime_after: int,
    double_after: int,
    week_after: int,
    seventh_double_after: int,
) -> list[tuple[int, int, int]]:
    """Each day's hours at straight time, time and a half, double time."""
    seven = len(worked_by_day) == 7 and min(worked_by_day) > 0
    straight_so_far, days = 0, []
    for number, worked in enumerate(worked_by_day, 1):
        if seven and number == 7:
            at_double = max(0, worked - seventh_double_after)
            at_straight = 0
        else:
            at_double = max(0, worked - double_after)
            # beyond the week's limit an hour of straight time becomes overtime, and none is counted twice
            at_straight = min(worked, overtime_after, max(0, week_after - straight_so_far))
        straight_so_far += at_straight
        days.append((at_straight, worked - at_straight - at_double, at_double))
    return days


def _premium(rate: Fraction, bonus_rate: Fraction, hours: int, premium_ppm: int) -> Fraction:
    """What is added to straight time for hours, and the bonus rate with the premium on top."""
    on_bonus = of_hours(bonus_rate, hours)
    return share(of_hours(rate, hours), premium_ppm) + on_bonus + share(on_bonus, premium_ppm)
