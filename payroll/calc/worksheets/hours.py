"""Hours, straight time and overtime premium: the FLSA workweek and the pay period made of workweeks.

A workweek is filled in as its first day, whether its premium is due now ("closes"), was paid before ("closed") or
waits for its end ("open"), the hours worked in it before the period, its lines, and its parts of bonuses, each
as cents and the number of workweeks they are spread over.
"""

from fractions import Fraction
from typing import Any

from payroll.calc.worksheet import Lines, half_up, share, worksheet

E4 = 10_000
WEEKS_IN_A_YEAR = 52
FLSA = {"overtime_after_hundredths": "flsa", "premium_ppm": "flsa"}
HourLines = list[list[Any]]


def pay_of(rate_e4: int, hours_hundredths: int) -> Fraction:
    """Hours at an hourly rate, in cents, exact."""
    return Fraction(rate_e4 * hours_hundredths, E4)


def straight_pay(lines: HourLines, kind: str) -> int:
    """Each line of a kind rounded half up to the cent, added up."""
    return sum(half_up(pay_of(rate, hours)) for each, rate, hours in lines if each == kind)


def hours_of(lines: HourLines, kind: str) -> int:
    return sum(hours for each, _, hours in lines if each == kind)


def bonus_part(bonuses: list[list[int]]) -> Fraction:
    """A workweek's equal part of each bonus, in cents, exact."""
    return sum((Fraction(cents, weeks) for cents, weeks in bonuses), Fraction(0))


def per_hour(cents: int | Fraction, hours_hundredths: int) -> Fraction:
    """Cents an hour, exact; nothing worked has no rate and counts as zero."""
    return Fraction(cents) * Fraction(100, hours_hundredths) if hours_hundredths else Fraction(0)


def of_hours(rate_cents: Fraction, hours_hundredths: int) -> Fraction:
    """So many cents an hour for hours, exact."""
    return rate_cents * Fraction(hours_hundredths, 100)


@worksheet(
    "Overtime: one workweek paid by the hour",
    source="29 USC 207(a); 29 CFR 778.109, .110, .115",
    rounding="straight time half up once a kind and rate; the premium half up once",
    figures=FLSA,
)
def workweek(
    lines: HourLines,
    nondiscretionary_bonus_cents: int,
    excluded_pay_cents: int,
    overtime_after_hundredths: int,
    premium_ppm: int,
) -> Lines:
    worked = hours_of(lines, "work")
    yield "hours_worked_hundredths", "hours worked; leave and holidays do not count", worked
    over = max(0, worked - overtime_after_hundredths)
    yield "regular_hours_hundredths", "of them within the threshold", worked - over
    yield "overtime_hours_hundredths", "of them beyond it", over
    remuneration = sum((pay_of(rate, hours) for kind, rate, hours in lines if kind == "work"), Fraction(0))
    remuneration += nondiscretionary_bonus_cents
    yield "remuneration_cents", "pay for the hours worked, and the bonus", remuneration
    regular_rate = per_hour(remuneration, worked)
    yield (
        "regular_rate_cents",
        "regular rate: remuneration / hours worked, cents an hour, exact",
        regular_rate,
    )
    yield "straight_time_cents", "every hour worked at its rate", straight_pay(lines, "work")
    premium = half_up(share(of_hours(regular_rate, over), premium_ppm))
    yield "overtime_premium_cents", "half the regular rate for each overtime hour", premium
    other = straight_pay(lines, "leave") + straight_pay(lines, "holiday")
    other += nondiscretionary_bonus_cents + excluded_pay_cents
    yield "other_cents", "leave, holiday, the bonus, and pay that is not in the regular rate", other


@worksheet(
    "Overtime: one workweek of a nonexempt salary",
    source="29 CFR 778.113",
    rounding="the pay of further hours and the premium, each half up once",
    figures=FLSA,
)
def salaried_workweek(
    annual_salary_e4: int,
    standard_hundredths: int,
    worked_hundredths: int,
    nondiscretionary_bonus_cents: int,
    overtime_after_hundredths: int,
    premium_ppm: int,
) -> Lines:
    over = max(0, worked_hundredths - overtime_after_hundredths)
    yield "hours_worked_hundredths", "hours worked", worked_hundredths
    yield "regular_hours_hundredths", "of them within the threshold", worked_hundredths - over
    yield "overtime_hours_hundredths", "of them beyond it", over
    hourly = _salary_rate(annual_salary_e4, standard_hundredths)
    yield "hourly_rate_cents", "a 52nd of the salary / the hours it covers, cents an hour, exact", hourly
    bonus_rate = per_hour(nondiscretionary_bonus_cents, worked_hundredths)
    yield "regular_rate_cents", "regular rate: that + the bonus / hours worked", hourly + bonus_rate
    extra = max(0, worked_hundredths - standard_hundredths)
    yield "straight_time_cents", "hours beyond those the salary covers", half_up(of_hours(hourly, extra))
    premium = half_up(share(of_hours(hourly + bonus_rate, over), premium_ppm))
    yield "overtime_premium_cents", "half the regular rate for each overtime hour", premium


@worksheet(
    "Time: a pay period paid by the hour",
    source="29 CFR 778.104 (each workweek alone), .106 (premium where the workweek ends), .110, .115, .209 (bonuses)",
    rounding="straight time half up once a kind and rate; the premium half up once a workweek",
    figures=FLSA,
)
def hourly_period(
    workweeks: list[list[Any]], lines: HourLines, overtime_after_hundredths: int, premium_ppm: int
) -> Lines:
    regular = overtime = premium = 0
    for first_day, due, before, rates, bonuses in workweeks:
        worked = sum(hours for _, hours in rates)
        yield f"{first_day}.hours_worked_hundredths", "hours worked in this workweek", worked
        within = min(worked, overtime_after_hundredths)
        regular += within - min(before, overtime_after_hundredths)
        over = worked - within
        yield f"{first_day}.overtime_hours_hundredths", "of them beyond the threshold", over
        if due == "open":
            continue  # the workweek ends after the period, and its premium is due there
        pay = (
            sum((pay_of(rate, hours) for rate, hours in rates), Fraction(0))
            if due == "closes"
            else Fraction(0)
        )
        remuneration = pay + bonus_part(bonuses)
        words = "pay for the hours worked and the part of bonuses; the bonuses alone where the rest is paid"
        yield f"{first_day}.remuneration_cents", words, remuneration
        rate = per_hour(remuneration, worked)
        yield f"{first_day}.regular_rate_cents", "that / hours worked: cents an hour, exact", rate
        week_premium = half_up(share(of_hours(rate, over), premium_ppm))
        yield f"{first_day}.premium_cents", "half of it for each overtime hour", week_premium
        premium += week_premium
        overtime += over if due == "closes" else 0
    yield "hours_worked_hundredths", "hours worked inside the period", hours_of(lines, "work")
    yield "regular_hours_hundredths", "of them within the threshold of their workweek, by date", regular
    yield "overtime_hours_hundredths", "overtime of the workweeks that end in the period", overtime
    yield from paid_lines(lines)
    yield "double_time_hours_hundredths", "the FLSA knows no double time", 0
    yield "overtime_premium_cents", "premiums of the workweeks", premium
    yield "flsa_premium_cents", "all of it is required by the FLSA", premium


@worksheet("Time: hours by kind and rate", source="29 CFR 778.109", rounding="half up once a kind and rate")
def paid_hours(lines: HourLines) -> Lines:
    yield from paid_lines(lines)


def paid_lines(lines: HourLines) -> Lines:
    """What the lines of the stub come to, by kind."""
    yield "leave_hours_hundredths", "paid leave", hours_of(lines, "leave")
    yield "holiday_hours_hundredths", "paid holidays", hours_of(lines, "holiday")
    yield "straight_time_cents", "every hour worked at its rate", straight_pay(lines, "work")
    yield "leave_cents", "leave at its rate", straight_pay(lines, "leave")
    yield "holiday_cents", "holidays at their rate", straight_pay(lines, "holiday")


@worksheet(
    "Time: a pay period of a nonexempt salary",
    source="29 CFR 778.113, .104, .106, .209",
    rounding="the pay of further hours and the premium, each half up once a workweek",
    figures=FLSA,
)
def salaried_period(
    annual_salary_e4: int,
    standard_hundredths: int,
    workweeks: list[list[Any]],
    leave_hundredths: int,
    holiday_hundredths: int,
    overtime_after_hundredths: int,
    premium_ppm: int,
) -> Lines:
    hourly = _salary_rate(annual_salary_e4, standard_hundredths)
    yield "hourly_rate_cents", "a 52nd of the salary / the hours it covers, cents an hour, exact", hourly
    inside = regular = overtime = straight = premium = 0
    for first_day, due, before, worked, bonuses in workweeks:
        yield f"{first_day}.hours_worked_hundredths", "hours worked in this workweek", worked
        inside += worked - before
        within = min(worked, overtime_after_hundredths)
        regular += within - min(before, overtime_after_hundredths)
        over = worked - within
        yield f"{first_day}.overtime_hours_hundredths", "of them beyond the threshold", over
        if due == "open":
            continue  # the workweek ends after the period, and its pay is due there
        rate = per_hour(bonus_part(bonuses), worked)
        if due == "closes":
            extra = half_up(of_hours(hourly, max(0, worked - standard_hundredths)))
            yield f"{first_day}.straight_time_cents", "hours beyond those the salary covers", extra
            straight, overtime, rate = straight + extra, overtime + over, rate + hourly
        yield f"{first_day}.regular_rate_cents", "regular rate; of bonuses alone where the rest is paid", rate
        week_premium = half_up(share(of_hours(rate, over), premium_ppm))
        yield f"{first_day}.premium_cents", "half of it for each overtime hour", week_premium
        premium += week_premium
    yield "hours_worked_hundredths", "hours worked inside the period", inside
    yield "regular_hours_hundredths", "of them within the threshold of their workweek, by date", regular
    yield "overtime_hours_hundredths", "overtime of the workweeks that end in the period", overtime
    yield "leave_hours_hundredths", "leave, which the salary covers", leave_hundredths
    yield "holiday_hours_hundredths", "holidays, which the salary covers", holiday_hundredths
    yield "straight_time_cents", "hours beyond those the salary covers", straight
    yield "leave_cents", "in the salary", 0
    yield "holiday_cents", "in the salary", 0
    yield "double_time_hours_hundredths", "the FLSA knows no double time", 0
    yield "overtime_premium_cents", "premiums of the workweeks", premium
    yield "flsa_premium_cents", "all of it is required by the FLSA", premium


def _salary_rate(annual_salary_e4: int, standard_hundredths: int) -> Fraction:
    return per_hour(Fraction(annual_salary_e4, 100 * WEEKS_IN_A_YEAR), standard_hundredths)
