"""Pay for one FLSA workweek: straight time for every hour, and a premium of half the regular rate beyond 40.

Hours enter and leave as Decimal with two places, rates as Decimal with up to four. In between all is
integer: hundredths of an hour, ten-thousandths of a dollar, and their product, ten-thousandths of a cent, so
that nothing is rounded before the rule says so.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import Flsa

WORK, LEAVE, HOLIDAY = "work", "leave", "holiday"
KINDS = (WORK, LEAVE, HOLIDAY)
E4_PER_CENT = 10_000
HOURS_IN_A_WEEK = 168_00
WEEKS_IN_A_YEAR = 52
_HUNDREDTH = Decimal("0.01")


class Line(NamedTuple):
    """Hours of one kind at one rate. Only `work` counts toward overtime; leave and holiday are just paid."""

    hours: Decimal
    rate: Decimal
    kind: str = WORK


class Workweek(NamedTuple):
    """One workweek's pay. Hours worked = regular + overtime; gross = straight time + premium + other.

    other_cents   leave, holiday, nondiscretionary bonus and excluded pay
    regular_rate  dollars per hour, exact; None when nothing was worked
    """

    hours_worked: Decimal
    regular_hours: Decimal
    overtime_hours: Decimal
    straight_time_cents: int
    premium_cents: int
    other_cents: int
    regular_rate: Fraction | None

    @property
    def gross_cents(self) -> int:
        return self.straight_time_cents + self.premium_cents + self.other_cents


class SalariedWeek(NamedTuple):
    """What a workweek adds to a nonexempt salary: straight time beyond its hours, and the premium."""

    hours_worked: Decimal
    regular_hours: Decimal
    overtime_hours: Decimal
    extra_straight_cents: int
    premium_cents: int


def workweek(
    lines: Iterable[Line], flsa: Flsa, *, nondiscretionary_bonus_cents: int = 0, excluded_pay_cents: int = 0
) -> Workweek:
    """Pay one workweek of an hourly employee at the weighted average of its rates.

    nondiscretionary_bonus_cents   earned in this workweek; part of the regular rate
    excluded_pay_cents             gifts, expenses and the like (29 USC 207(e)); not in the regular rate
    raises                         NeedsReview for an unknown kind or impossible hours
    source                         29 USC 207(a), 29 CFR 778.109, .110, .115. The premium is rounded half up
                                   once; straight time once per kind and rate, as the stub prints it
    """
    worked, remuneration, by_line = (
        0,
        nondiscretionary_bonus_cents * E4_PER_CENT,
        dict[tuple[str, int], int](),
    )
    for line in lines:
        hours, rate = hundredths(line.hours), rate_e4(line.rate)
        if line.kind == WORK:
            worked += hours
            remuneration += hours * rate
        by_line[line.kind, rate] = by_line.get((line.kind, rate), 0) + hours
    overtime = overtime_hundredths(worked, flsa)
    straight, other = 0, nondiscretionary_bonus_cents + excluded_pay_cents
    for (kind, rate), hours in by_line.items():
        cents = ratio_half_up(hours * rate, E4_PER_CENT)
        if kind == WORK:
            straight += cents
        elif kind in KINDS:
            other += cents
        else:
            raise unknown_kind(kind)
    return Workweek(
        hours_worked=as_hours(worked),
        regular_hours=as_hours(worked - overtime),
        overtime_hours=as_hours(overtime),
        straight_time_cents=straight,
        premium_cents=premium_cents(remuneration, worked, overtime, flsa),
        other_cents=other,
        regular_rate=Fraction(remuneration, worked * E4_PER_CENT) if worked else None,
    )


def salaried_workweek(
    annual_salary: Decimal,
    standard_hours: Decimal,
    hours_worked: Decimal,
    flsa: Flsa,
    *,
    nondiscretionary_bonus_cents: int = 0,
) -> SalariedWeek:
    """Add to a nonexempt salary what one workweek earned beyond the hours the salary is meant to cover.

    annual_salary    dollars a year; a week's salary is a 52nd, whatever the pay frequency
    standard_hours   hours a week that the salary covers, above zero
    raises           NeedsReview without standard hours, or for impossible hours
    source           29 CFR 778.113: regular rate = weekly salary / standard hours; hours beyond them are paid
                     at it, hours over 40 earn half of it on top. Each of the two is rounded half up once
    """
    salary, standard, worked = rate_e4(annual_salary), hundredths(standard_hours), hundredths(hours_worked)
    if not standard:
        raise NeedsReview(
            "a nonexempt salary needs the weekly hours it covers: set the standard weekly hours"
        )
    overtime = overtime_hundredths(worked, flsa)
    extra = max(0, worked - standard)
    # e4 dollars x hundredths cancel: salary x extra / (52 x standard) is in ten-thousandths of a dollar
    premium = Fraction(salary * overtime, WEEKS_IN_A_YEAR * standard)
    if overtime and nondiscretionary_bonus_cents:
        premium += Fraction(nondiscretionary_bonus_cents * 100 * overtime, worked)
    premium *= Fraction(flsa.premium_ppm, PPM)
    return SalariedWeek(
        hours_worked=as_hours(worked),
        regular_hours=as_hours(worked - overtime),
        overtime_hours=as_hours(overtime),
        extra_straight_cents=ratio_half_up(salary * extra, WEEKS_IN_A_YEAR * standard * 100),
        premium_cents=ratio_half_up(premium.numerator, premium.denominator * 100),
    )


def premium_cents(remuneration_e4: int, worked: int, overtime: int, flsa: Flsa) -> int:
    """Give the overtime premium: half of the regular rate for each overtime hour, rounded half up once.

    remuneration_e4   all pay in the regular rate, in ten-thousandths of a cent
    worked, overtime  hundredths of an hour
    source            29 CFR 778.110
    """
    if not overtime:
        return 0
    return ratio_half_up(remuneration_e4 * overtime * flsa.premium_ppm, worked * PPM * E4_PER_CENT)


def overtime_hundredths(worked: int, flsa: Flsa) -> int:
    """Count a workweek's hours beyond the threshold, in hundredths.

    raises   NeedsReview for more hours than a week has
    """
    if worked > HOURS_IN_A_WEEK:
        raise NeedsReview(
            f"{as_hours(worked)} hours in one workweek: a week has 168, correct the time entries"
        )
    return max(0, worked - flsa.overtime_after_hundredths)


def hundredths(hours: Decimal) -> int:
    """Turn hours into whole hundredths.

    raises   NeedsReview below zero or beyond two decimals
    """
    scaled = hours * 100
    whole = int(scaled)
    if whole != scaled or whole < 0:
        raise NeedsReview(f"{hours} hours: give hours of zero or more with two decimals")
    return whole


def rate_e4(dollars: Decimal) -> int:
    """Turn an hourly rate or a yearly salary into whole ten-thousandths of a dollar.

    raises   NeedsReview below zero or beyond four decimals
    """
    scaled = dollars * 10_000
    whole = int(scaled)
    if whole != scaled or whole < 0:
        raise NeedsReview(f"a rate of {dollars}: give dollars of zero or more with up to four decimals")
    return whole


def as_hours(hours_hundredths: int) -> Decimal:
    """Turn hundredths back into hours with two decimals."""
    return hours_hundredths * _HUNDREDTH


def unknown_kind(kind: str) -> NeedsReview:
    """Refuse a kind of hours that nobody told us how to pay."""
    return NeedsReview(f"hours of kind {kind!r}: pay knows {', '.join(KINDS)}; correct the time entry")
