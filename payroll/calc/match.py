"""The employer's 401(k) match, per check and at the year's end. A match is not wages: no tax is due on it."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import ratio_half_up
from payroll.calc.tables import Retirement, Tier

BP = 10_000
NO_PLAN = "none"


class Match(NamedTuple):
    """One check's match, and the pay it was computed on, in cents."""

    matched_comp_cents: int
    match_cents: int


class TrueUp(NamedTuple):
    """The whole year's match, and what is still owed of it, in cents."""

    annual_match_cents: int
    true_up_cents: int


def match(
    eligible_cents: int, ytd_comp_cents: int, deferrals_cents: int, formula: str, limits: Retirement
) -> Match:
    """Match one check's deferrals by the plan's formula.

    ytd_comp_cents    eligible pay earlier in the year: pay beyond the 401(a)(17) limit is not matched
    deferrals_cents   this check's traditional, Roth and catch-up together
    formula           a name in the rule tables, or "none"
    raises            NeedsReview for an unknown formula
    source            IRC 401(a)(17), 401(k)(12)(B), 401(k)(13)(D); the plan's formula. Rounded half up once
    """
    comp = max(0, min(eligible_cents, limits.compensation_limit_cents - ytd_comp_cents))
    return Match(comp, _by_tiers(comp, deferrals_cents, _tiers(formula, limits)))


def true_up(
    annual_comp_cents: int,
    annual_deferrals_cents: int,
    ytd_match_cents: int,
    formula: str,
    limits: Retirement,
) -> TrueUp:
    """Find what the year's match owes to someone whose deferrals were not spread evenly over the checks.

    raises   NeedsReview for an unknown formula
    source   IRC 401(a)(17); the plan's true-up provision. Never below zero
    """
    comp = min(annual_comp_cents, limits.compensation_limit_cents)
    annual = _by_tiers(comp, annual_deferrals_cents, _tiers(formula, limits))
    return TrueUp(annual, max(0, annual - ytd_match_cents))


def _tiers(formula: str, limits: Retirement) -> tuple[Tier, ...]:
    if formula == NO_PLAN:
        return ()
    try:
        return limits.formulas[formula]
    except KeyError:
        raise NeedsReview(
            f"match formula {formula!r} is unknown: use one of {', '.join(limits.formulas)}, or add it"
        ) from None


def _by_tiers(comp_cents: int, deferrals_cents: int, tiers: tuple[Tier, ...]) -> int:
    """Fill the tiers with the deferral, the first tier first; rounded half up once."""
    left, matched = deferrals_cents * BP, 0
    for tier in tiers:
        in_tier = min(left, comp_cents * tier.pay_bp)
        matched += in_tier * tier.rate_bp
        left -= in_tier
    return ratio_half_up(matched, BP * BP)
