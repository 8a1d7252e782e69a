"""What the employer adds to a 401(k): per check, at the year's end, and within the limit on annual additions.

A match is not wages: no tax is due on it.
"""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import BP, ratio_half_up
from payroll.calc.tables import Formula, Retirement
from payroll.calc.worksheet import Working

NO_PLAN = "none"
NOTHING = Formula(None, 0, ())


class Match(NamedTuple):
    """One check's match, and the pay it was computed on, in cents."""

    matched_comp_cents: int
    match_cents: int
    working: Working


class TrueUp(NamedTuple):
    """The whole year's match, and what is still owed of it, in cents."""

    annual_match_cents: int
    true_up_cents: int
    working: Working


class AnnualAdditions(NamedTuple):
    """What stands of a check's match within the year's limit on additions, and what is cut, in cents."""

    match_cents: int
    match_cut_cents: int
    working: Working


def match(
    eligible_cents: int,
    ytd_comp_cents: int,
    deferrals_cents: int,
    formula: str,
    limits: Retirement,
    *,
    capped_per_check: bool = True,
) -> Match:
    """Compute what the employer adds to one check by the plan's formula.

    ytd_comp_cents     eligible pay earlier in the year: pay beyond the 401(a)(17) limit is not matched
    deferrals_cents    this check's traditional, Roth and catch-up together; without the catch-up if the plan
                       does not match it. A nonelective formula pays whatever is deferred
    formula            a name in the rule tables, or "none"
    capped_per_check   False for a plan that ignores the 401(a)(17) limit until its true-up
    raises             NeedsReview for an unknown formula, and for pay or deferrals below zero
    source             IRC 401(a)(17), 401(k)(12)(B) and (C), 401(k)(13)(D); the plan's formula. Rounded half up once
    """
    terms = _terms(formula, limits)
    _refuse_below_zero(eligible_cents, deferrals_cents)
    limit = limits.compensation_limit_cents if capped_per_check else None
    comp = eligible_cents if limit is None else max(0, min(eligible_cents, limit - ytd_comp_cents))
    entries = (eligible_cents, ytd_comp_cents, deferrals_cents, limit)
    return Match(comp, _added(comp, deferrals_cents, terms), ("match", *entries, *_as_entries(terms)))


def true_up(
    annual_comp_cents: int,
    annual_deferrals_cents: int,
    ytd_match_cents: int,
    formula: str,
    limits: Retirement,
) -> TrueUp:
    """Find what the year's match owes to someone whose deferrals were not spread evenly over the checks.

    raises   NeedsReview for an unknown formula, and for pay or deferrals below zero
    source   IRC 401(a)(17); the plan's true-up provision. Never below zero
    """
    terms = _terms(formula, limits)
    _refuse_below_zero(annual_comp_cents, annual_deferrals_cents)
    limit = limits.compensation_limit_cents
    annual = _added(min(annual_comp_cents, limit), annual_deferrals_cents, terms)
    entries = (annual_comp_cents, annual_deferrals_cents, ytd_match_cents, limit)
    return TrueUp(annual, max(0, annual - ytd_match_cents), ("true_up", *entries, *_as_entries(terms)))


def annual_additions(
    match_cents: int,
    regular_deferral_cents: int,
    ytd_additions_cents: int,
    comp_ytd_incl_now_cents: int,
    limits: Retirement,
) -> AnnualAdditions:
    """Cut the employer's part of a check to what the year's limit on additions leaves.

    match_cents               what the formula gives
    regular_deferral_cents    this check's deferral without its catch-up, which does not count
    ytd_additions_cents       regular deferrals and employer's parts earlier in the year
    comp_ytd_incl_now_cents   the year's compensation with this check's
    raises                    NeedsReview for amounts below zero
    source                    IRC 415(c)(1): the dollar limit or 100 % of compensation, whichever is less; 414(v)(3)
    """
    amounts = (match_cents, regular_deferral_cents, ytd_additions_cents, comp_ytd_incl_now_cents)
    if min(amounts) < 0:
        raise NeedsReview(
            f"additions of {match_cents} + {regular_deferral_cents} cents after {ytd_additions_cents} cents on "
            f"{comp_ytd_incl_now_cents} cents of pay: none may be below zero, correct the year to date"
        )
    limit = min(limits.annual_additions_limit_cents, comp_ytd_incl_now_cents)
    stands = max(0, min(match_cents, limit - ytd_additions_cents - regular_deferral_cents))
    working = ("annual_additions", *amounts, limits.annual_additions_limit_cents)
    return AnnualAdditions(stands, match_cents - stands, working)


def _terms(formula: str, limits: Retirement) -> Formula:
    if formula == NO_PLAN:
        return NOTHING
    try:
        return limits.formulas[formula]
    except KeyError:
        raise NeedsReview(
            f"match formula {formula!r} is unknown: use one of {', '.join(limits.formulas)}, or add it"
        ) from None


def _refuse_below_zero(comp_cents: int, deferrals_cents: int) -> None:
    if comp_cents < 0 or deferrals_cents < 0:
        raise NeedsReview(
            f"pay of {comp_cents} and deferrals of {deferrals_cents} cents to be matched: "
            "neither may be below zero, correct the pay or void the check"
        )


def _added(comp_cents: int, deferrals_cents: int, terms: Formula) -> int:
    """The part for everybody, then the tiers filled with the deferral, the first first; rounded half up once."""
    left, added = deferrals_cents * BP, comp_cents * terms.nonelective_bp * BP
    for tier in terms.tiers:
        in_tier = min(left, comp_cents * tier.pay_bp)
        added += in_tier * tier.rate_bp
        left -= in_tier
    return ratio_half_up(added, BP * BP)


def _as_entries(terms: Formula) -> tuple[str | None, int, list[list[int]]]:
    return terms.table, terms.nonelective_bp, [[tier.pay_bp, tier.rate_bp] for tier in terms.tiers]
