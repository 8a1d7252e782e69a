"""What may be set aside before tax for health, care and the way to work: the law's limits on each benefit."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.tables import BenefitLimits
from payroll.calc.worksheet import Working

HSA_CATCH_UP_FROM_AGE = 55


class SetAside(NamedTuple):
    """What is taken of an amount elected, and what the limit refuses, in cents."""

    taken_cents: int
    refused_cents: int
    working: Working


def hsa(
    elected_cents: int, ytd_cents: int, limits: BenefitLimits, *, coverage: str, age_at_year_end: int
) -> SetAside:
    """Take a contribution to a health savings account within the year's limit.

    ytd_cents         contributed earlier in the calendar year, the employer's part included
    coverage          self, family
    age_at_year_end   attained by 31 December: from 55 on the limit is higher
    raises            NeedsReview for an unknown coverage, and for amounts below zero
    source            IRC 223(b); for somebody covered by a high-deductible plan all year
    """
    try:
        base = limits.hsa_cents[coverage]
    except KeyError:
        known = " or ".join(limits.hsa_cents)
        raise NeedsReview(f"HSA coverage {coverage!r} is unknown: use {known}") from None
    catch_up = limits.hsa_catch_up_cents
    limit = base + catch_up if age_at_year_end >= HSA_CATCH_UP_FROM_AGE else base
    return _within("hsa", elected_cents, ytd_cents, limit, (coverage, age_at_year_end, base, catch_up))


def dependent_care(
    elected_cents: int, ytd_cents: int, limits: BenefitLimits, *, married_separate: bool = False
) -> SetAside:
    """Take dependent care assistance within the calendar year's limit.

    married_separate   married, filing a separate return: a lower limit
    raises             NeedsReview for amounts below zero
    source             IRC 129(a)(2)
    """
    joint, separate = limits.dependent_care_cents, limits.dependent_care_married_separate_cents
    limit = separate if married_separate else joint
    return _within("dependent_care", elected_cents, ytd_cents, limit, (married_separate, joint, separate))


def health_fsa(elected_cents: int, ytd_cents: int, limits: BenefitLimits) -> SetAside:
    """Take salary reduction to a health FSA within the limit of the plan year.

    ytd_cents   taken earlier in the plan year; what was carried over into it does not count
    raises      NeedsReview for amounts below zero
    source      IRC 125(i)
    """
    limit = limits.health_fsa_cents
    return _within("health_fsa", elected_cents, ytd_cents, limit, (limit,))


def health_fsa_carryover(unused_cents: int, limits: BenefitLimits) -> SetAside:
    """Carry what a plan year left unused into the next one; the rest is forfeited.

    limits   of the year in which the plan year that ends began
    raises   NeedsReview for an amount below zero
    source   IRS Notice 2013-71, Notice 2020-33: a plan that has the carryover
    """
    if unused_cents < 0:
        raise NeedsReview(f"{unused_cents} cents unused of a health FSA: correct the claims of the plan year")
    limit = limits.health_fsa_carryover_cents
    carried = min(unused_cents, limit)
    return SetAside(carried, unused_cents - carried, ("health_fsa_carryover", unused_cents, limit))


def transportation(elected_cents: int, month_to_date_cents: int, limits: BenefitLimits) -> SetAside:
    """Take one kind of qualified transportation, transit or parking, within the month's limit of its own.

    raises   NeedsReview for amounts below zero
    source   IRC 132(f)(2)
    """
    limit = limits.transportation_cents
    return _within("qualified_transportation", elected_cents, month_to_date_cents, limit, (limit,))


def _within(
    sheet: str, elected_cents: int, earlier_cents: int, limit_cents: int, entries: tuple[int | str, ...]
) -> SetAside:
    if elected_cents < 0 or earlier_cents < 0:
        raise NeedsReview(
            f"{sheet} of {elected_cents} cents after {earlier_cents} cents earlier: "
            "neither may be below zero, correct the election or the year to date"
        )
    taken = max(0, min(elected_cents, limit_cents - earlier_cents))
    return SetAside(taken, elected_cents - taken, (sheet, elected_cents, earlier_cents, *entries))
