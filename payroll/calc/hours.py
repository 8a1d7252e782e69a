"""Pay for one FLSA workweek: straight time for every hour, and a premium of half the regular rate beyond 40.

Hours enter and leave as Decimal with two places, rates as Decimal with up to four. In between all is
integer: hundredths of an hour, ten-thousandths of a dollar, and their product, ten-thousandths of a cent, so
that nothing is rounded before the rule says so.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import PPM, half_up, ratio_half_up
from payroll.calc.tables import Flsa
from payroll.calc.worksheet import Working

WORK, LEAVE, HOLIDAY = "work", "leave", "holiday"
KINDS = (WORK, LEAVE, HOLIDAY)
E4_PER_CENT = 10_000
HOURS_IN_A_WEEK = 168_00
WEEKS_IN_A_YEAR = 52
_HUNDREDTH = Decimal("0.01")

# A bonus as a workweek sees it: its cents, and over how many workweeks they are spread in equal parts
Shares = Sequence[Sequence[int]]


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
    working: Working

    @property
    def gross_cents(self) -> int:
        return self.straight_time_cents + self.premium_cents + self.other_cents


class WeeklySalary(NamedTuple):
    """A yearly salary in ten-thousandths of a dollar, and the hours a week that it covers, above zero."""

    annual_e4: int
    standard_hundredths: int


class SalariedWeek(NamedTuple):
    """What a workweek adds to a nonexempt salary: straight time beyond its hours, and the premium."""

    hours_worked: Decimal
    regular_hours: Decimal
    overtime_hours: Decimal
    extra_straight_cents: int
    premium_cents: int
    working: Working


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
    by_line = hours_by_line(lines)
    worked = sum(hours for (kind, _), hours in by_line.items() if kind == WORK)
    remuneration = nondiscretionary_bonus_cents * E4_PER_CENT
    remuneration += sum(hours * rate for (kind, rate), hours in by_line.items() if kind == WORK)
    overtime = overtime_hundredths(worked, flsa)
    straight, other = 0, nondiscretionary_bonus_cents + excluded_pay_cents
    for (kind, rate), hours in by_line.items():
        cents = ratio_half_up(hours * rate, E4_PER_CENT)
        if kind == WORK:
            straight += cents
        else:
            other += cents
    return Workweek(
        hours_worked=as_hours(worked),
        regular_hours=as_hours(worked - overtime),
        overtime_hours=as_hours(overtime),
        straight_time_cents=straight,
        premium_cents=premium_cents(remuneration, worked, overtime, flsa),
        other_cents=other,
        regular_rate=Fraction(remuneration, worked * E4_PER_CENT) if worked else None,
        working=(
            "workweek",
            [[kind, rate, hours] for (kind, rate), hours in by_line.items()],
            nondiscretionary_bonus_cents,
            excluded_pay_cents,
            flsa.overtime_after_hundredths,
            flsa.premium_ppm,
        ),
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
    weekly, worked = weekly_salary(annual_salary, standard_hours), hundredths(hours_worked)
    overtime = overtime_hundredths(worked, flsa)
    shares = [[nondiscretionary_bonus_cents, 1]]
    return SalariedWeek(
        hours_worked=as_hours(worked),
        regular_hours=as_hours(worked - overtime),
        overtime_hours=as_hours(overtime),
        extra_straight_cents=extra_straight_cents(weekly, worked),
        premium_cents=salaried_premium_cents(weekly, worked, overtime, flsa, shares),
        working=(
            "salaried_workweek",
            *weekly,
            worked,
            nondiscretionary_bonus_cents,
            flsa.overtime_after_hundredths,
            flsa.premium_ppm,
        ),
    )


def weekly_salary(annual_salary: Decimal, standard_hours: Decimal) -> WeeklySalary:
    """Take a nonexempt salary with the hours a week that it covers.

    raises   NeedsReview without such hours: the salary would have no regular rate
    """
    weekly = WeeklySalary(rate_e4(annual_salary), hundredths(standard_hours))
    if not weekly.standard_hundredths:
        raise NeedsReview(
            "a nonexempt salary needs the weekly hours it covers: set the standard weekly hours"
        )
    return weekly


def extra_straight_cents(weekly: WeeklySalary, worked: int) -> int:
    """Pay the hours of a workweek beyond those a salary covers at its hourly rate, rounded half up once."""
    # e4 dollars x hundredths cancel: salary x extra / (52 x standard) is in ten-thousandths of a dollar
    extra = max(0, worked - weekly.standard_hundredths)
    return ratio_half_up(weekly.annual_e4 * extra, WEEKS_IN_A_YEAR * weekly.standard_hundredths * 100)


def salaried_premium_cents(
    weekly: WeeklySalary, worked: int, overtime: int, flsa: Flsa, shares: Shares = ()
) -> int:
    """Give the overtime premium of a salaried workweek, with its part of any bonus, rounded half up once."""
    if not overtime:
        return 0
    yearly_hours = WEEKS_IN_A_YEAR * weekly.standard_hundredths
    if not shares:
        return ratio_half_up(weekly.annual_e4 * overtime * flsa.premium_ppm, yearly_hours * PPM * 100)
    remuneration = Fraction(weekly.annual_e4 * 100 * worked, yearly_hours) + bonus_e4(shares)
    return half_up(remuneration * overtime * flsa.premium_ppm * Fraction(1, worked * PPM * E4_PER_CENT))


def hours_by_line(lines: Iterable[Line]) -> dict[tuple[str, int], int]:
    """Add up the hours of each kind and rate: (kind, ten-thousandths of a dollar) -> hundredths.

    raises   NeedsReview for an unknown kind
    """
    by_line = dict[tuple[str, int], int]()
    for hours, rate, kind in lines:
        if kind not in KINDS:
            raise unknown_kind(kind)
        key = kind, rate_e4(rate)
        by_line[key] = by_line.get(key, 0) + hundredths(hours)
    return by_line


def premium_cents(remuneration_e4: int, worked: int, overtime: int, flsa: Flsa, shares: Shares = ()) -> int:
    """Give the overtime premium: half of the regular rate for each overtime hour, rounded half up once.

    remuneration_e4   all pay in the regular rate but bonuses, in ten-thousandths of a cent
    worked, overtime  hundredths of an hour
    shares            of bonuses, as pairs of cents and the number of workweeks they are spread over
    source            29 CFR 778.110; 778.209 for bonuses
    """
    if not overtime:
        return 0
    if not shares:
        return ratio_half_up(remuneration_e4 * overtime * flsa.premium_ppm, worked * PPM * E4_PER_CENT)
    remuneration = remuneration_e4 + bonus_e4(shares)
    return half_up(remuneration * overtime * flsa.premium_ppm * Fraction(1, worked * PPM * E4_PER_CENT))


def bonus_e4(shares: Shares) -> Fraction:
    """Add up a workweek's shares of bonuses, exactly, in ten-thousandths of a cent."""
    return sum((Fraction(cents * E4_PER_CENT, weeks) for cents, weeks in shares), Fraction(0))


def overtime_hundredths(worked: int, flsa: Flsa) -> int:
    """Count a workweek's hours beyond the threshold, in hundredths.

    raises   NeedsReview for more hours than a week has
    """
    if worked > HOURS_IN_A_WEEK:
        raise NeedsReview(
            f"{as_hours(worked)} hours in one workweek: a week has 168, correct the time entries"
        )
    return max(0, worked - flsa.overtime_after_hundredths)


@lru_cache(maxsize=4096)  # a day has few lengths, and an exact decimal is slow to take apart
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
