"""Earnings of a check besides hours and salary: bonuses, commissions, retro pay, reimbursements.

All but reimbursements are wages, and supplemental wages, identified apart from regular wages (Pub. 15 sec. 7).
A reimbursement under an accountable plan is no wage at all (Pub. 15 sec. 5).
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from events.failures import NeedsReview
from payroll.calc.gross import salary_periods
from payroll.calc.hours import E4_PER_CENT, hundredths, overtime_hundredths, rate_e4
from payroll.calc.money import PPM, dollars, half_up
from payroll.calc.tables import California, Flsa
from payroll.calc.timesheet import Bonus
from payroll.calc.worksheet import Working

BONUS, DISCRETIONARY_BONUS, COMMISSION, RETRO = "bonus", "discretionary_bonus", "commission", "retro"
REIMBURSEMENT = "reimbursement"
SUPPLEMENTAL = (BONUS, DISCRETIONARY_BONUS, COMMISSION, RETRO)
KINDS = (*SUPPLEMENTAL, REIMBURSEMENT)
IN_REGULAR_RATE = (BONUS, COMMISSION)


class Item(NamedTuple):
    """One item of a check.

    kind                  one of KINDS; `bonus` is a nondiscretionary one
    first_day, last_day   in which it was earned; a nonexempt employee's bonus and commission need them
    """

    kind: str
    cents: int
    first_day: date | None = None
    last_day: date | None = None


class Earnings(NamedTuple):
    """The items of a check by kind, in cents. Supplemental wages are the first four; gross pay has no reimbursement."""

    bonus_cents: int
    discretionary_bonus_cents: int
    commission_cents: int
    retro_cents: int
    supplemental_cents: int
    reimbursement_cents: int
    working: Working


class RetroWeek(NamedTuple):
    """A workweek that was paid at the old rate.

    hours               worked at that rate; `hours_worked` at every rate
    overtime_hours      all that earned a premium; `double_time_hours` are those of them at double time
    leave_hours         leave and holidays paid at that rate
    """

    hours: Decimal
    hours_worked: Decimal
    overtime_hours: Decimal
    double_time_hours: Decimal = Decimal(0)
    leave_hours: Decimal = Decimal(0)


class SalaryPart(NamedTuple):
    """The part of a salary that a period paid: weekdays employed of the weekdays in the period."""

    weekdays_employed: int
    weekdays_in_period: int


class Retro(NamedTuple):
    """Pay owed for the past, in cents; `premium_cents` of it are overtime premium, as far as the cent goes.

    flsa_premium_cents   the part of the premium that the FLSA itself requires
    """

    cents: int
    premium_cents: int
    flsa_premium_cents: int
    working: Working


def earnings(items: Iterable[Item]) -> Earnings:
    """Add up the items of a check by kind.

    raises   NeedsReview for an unknown kind, and for an amount below zero: it is no pay but a correction
    source   Pub. 15 sec. 7 (supplemental wages), sec. 5 (accountable plan)
    """
    by_kind = dict.fromkeys(KINDS, 0)
    lines: list[list[Any]] = []
    for kind, cents, _, _ in items:
        if kind not in by_kind:
            raise NeedsReview(f"an item of kind {kind!r}: pay knows {', '.join(KINDS)}; correct the item")
        if cents < 0:
            raise _negative(kind, cents)
        by_kind[kind] += cents
        lines.append([kind, cents])
    *wages, reimbursement = by_kind.values()
    bonus, discretionary, commission, retro = wages
    return Earnings(bonus, discretionary, commission, retro, sum(wages), reimbursement, ("earnings", lines))


def in_regular_rate(items: Iterable[Item]) -> tuple[Bonus, ...]:
    """Pick the items that raise a nonexempt employee's regular rate: nondiscretionary bonuses and commissions.

    raises   NeedsReview for one without the days in which it was earned
    source   29 CFR 778.117 (commissions), 778.208, 778.209 (bonuses); 29 USC 207(e)(3) leaves out discretionary ones
    """
    picked = []
    for kind, cents, first_day, last_day in items:
        if kind not in IN_REGULAR_RATE:
            continue
        if first_day is None or last_day is None:
            raise NeedsReview(
                f"a {kind} of {dollars(cents)} raises the overtime of the days in which it was earned: "
                "give its first and last day"
            )
        picked.append(Bonus(first_day, last_day, cents))
    return tuple(picked)


def retro_hourly(
    old_rate: Decimal,
    new_rate: Decimal,
    weeks: Iterable[RetroWeek],
    flsa: Flsa,
    *,
    daily_overtime: California | None = None,
) -> Retro:
    """Compute what a raise of an hourly rate owes for workweeks that were paid at the old one.

    daily_overtime   the rule of California for who worked there; without it there is no double time
    raises           NeedsReview for a rate that falls, and for hours that do not fit together
    source           the exact difference of what is right and what was paid, rounded half up once: straight time,
                     leave, and the premium on the regular rate that the raise makes higher (29 CFR 778.110, .115)
    """
    old, new = rate_e4(old_rate), rate_e4(new_rate)
    if new < old:
        raise NeedsReview(f"retro pay from {old_rate} down to {new_rate}: use a correction")
    half = flsa.premium_ppm if daily_overtime is None else daily_overtime.overtime_premium_ppm
    full = half if daily_overtime is None else daily_overtime.double_premium_ppm
    raised = new - old
    straight, premium, federal = 0, Fraction(0), Fraction(0)
    entries = []
    for week in weeks:
        at_rate, worked, overtime, double, leave = map(hundredths, week)
        if not (at_rate <= worked and double <= overtime <= worked):
            raise NeedsReview(
                f"{week.hours} hours at the rate, {week.overtime_hours} of overtime, {week.double_time_hours} of "
                f"double time in a workweek of {week.hours_worked}: correct the hours"
            )
        if double and daily_overtime is None:
            raise NeedsReview(
                f"{week.double_time_hours} hours of double time where no rule pays it: correct the hours"
            )
        over = overtime_hundredths(worked, flsa)
        straight += raised * (at_rate + leave)
        if worked:
            rate = Fraction(raised * at_rate, worked)
            premium += rate * (half * (overtime - double) + full * double) * Fraction(1, PPM)
            federal += rate * flsa.premium_ppm * over * Fraction(1, PPM)
        entries.append([at_rate, worked, overtime, double, leave])
    cents = half_up((straight + premium) * Fraction(1, E4_PER_CENT))
    rule = half, full, flsa.overtime_after_hundredths, flsa.premium_ppm
    return Retro(
        cents,
        half_up(premium * Fraction(1, E4_PER_CENT)),
        half_up(federal * Fraction(1, E4_PER_CENT)),
        ("retro_hourly", old, new, entries, *rule),
    )


def retro_salary(
    old_salary: Decimal,
    new_salary: Decimal,
    frequency: str,
    parts: Iterable[SalaryPart],
    *,
    periods: int | None = None,
) -> Retro:
    """Compute what a raise of a yearly salary owes for periods that were paid at the old one.

    parts     one for each period: weekdays employed, or entitled to the new salary, of those in the period
    periods   as in gross.salary
    raises    NeedsReview for a salary that falls, or an impossible number or part of periods
    source    the exact difference, rounded half up once. Overtime of a nonexempt salary is not in it
    """
    old, new = rate_e4(old_salary), rate_e4(new_salary)
    if new < old:
        raise NeedsReview(f"retro pay from {old_salary} down to {new_salary}: use a correction")
    count = salary_periods(frequency, periods)
    whole, entries = Fraction(0), []
    for employed, in_period in parts:
        if not 0 <= employed <= in_period or not in_period:
            raise NeedsReview(f"{employed} of {in_period} weekdays of a period: correct the days")
        whole += Fraction(employed, in_period)
        entries.append([employed, in_period])
    cents = half_up(Fraction(new - old, 100 * count) * whole)
    return Retro(cents, 0, 0, ("retro_salary", old, new, count, entries))


def _negative(kind: str, cents: int) -> NeedsReview:
    if kind == RETRO:
        return NeedsReview(f"retro pay of {dollars(cents)} takes pay back: use a correction")
    return NeedsReview(f"a {kind} of {dollars(cents)}: give an amount of zero or more, or use a correction")


NOTHING_EXTRA = earnings(())
