"""An employee's 401(k) deferral on one check, within the year's limits."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import BP, ratio_half_up
from payroll.calc.tables import Retirement
from payroll.calc.worksheet import Working

CATCH_UP_FROM_AGE = 50
HIGHER_CATCH_UP_AGES = range(60, 64)


class Deferral(NamedTuple):
    """One check's deferral in cents.

    catch_up_cents           the part above the 402(g) limit, contained in the total
    refused_cents            elected, but over the limits: stays in pay
    roth_catch_up_required   last year's wages are over the threshold, so catch-up must be Roth
    """

    traditional_cents: int
    roth_cents: int
    total_cents: int
    catch_up_cents: int
    refused_cents: int
    roth_catch_up_required: bool
    working: Working = ()


NO_DEFERRAL = Deferral(0, 0, 0, 0, 0, False, ("no_deferral",))


def deferral(
    eligible_cents: int,
    traditional_bp: int,
    roth_bp: int,
    limits: Retirement,
    *,
    age_at_year_end: int,
    ytd_deferrals_cents: int,
    prior_year_ss_wages_cents: int,
    plan_has_roth: bool = True,
    plan_has_catch_up: bool = True,
    plan_has_60_to_63: bool = True,
) -> Deferral:
    """Settle what one check defers: elected percents of its eligible pay, within the room the year has left.

    traditional_bp, roth_bp     hundredths of a percent of eligible pay
    age_at_year_end             attained by 31 December of the pay date's year
    ytd_deferrals_cents         traditional and Roth together, earlier in the year, all plans of this employer
    prior_year_ss_wages_cents   last year's Form W-2 box 3 from this employer
    raises                      NeedsReview for elections below zero or over 100 %, eligible pay below zero, or a
                                Roth election in a plan without Roth
    source                      IRC 402(g), 414(v). Traditional dollars are used first; required Roth catch-up
                                moves the last dollars to Roth, or is refused if the plan has no Roth
    """
    if eligible_cents < 0 or traditional_bp < 0 or roth_bp < 0 or traditional_bp + roth_bp > BP:
        raise NeedsReview(
            f"deferral of {traditional_bp} + {roth_bp} hundredths of a percent of {eligible_cents} cents: "
            "elect 0 to 100 % of pay, and correct pay below zero"
        )
    if roth_bp and not plan_has_roth:
        raise NeedsReview(
            f"Roth deferral of {roth_bp} hundredths of a percent is elected in a plan without Roth: "
            "correct the election or the plan"
        )
    threshold = limits.roth_catch_up_over_cents
    roth_required = threshold is not None and prior_year_ss_wages_cents > threshold
    wanted_traditional = ratio_half_up(eligible_cents * traditional_bp, BP)
    wanted_roth = min(ratio_half_up(eligible_cents * roth_bp, BP), eligible_cents - wanted_traditional)
    catch_up_allowed = plan_has_catch_up and (plan_has_roth or not roth_required)
    catch_up_limit = _catch_up_limit(age_at_year_end, limits, plan_has_60_to_63) if catch_up_allowed else 0
    room = max(0, limits.deferral_limit_cents + catch_up_limit - ytd_deferrals_cents)
    traditional = min(wanted_traditional, room)
    roth = min(wanted_roth, room - traditional)
    total = traditional + roth
    catch_up = max(0, total - max(0, limits.deferral_limit_cents - ytd_deferrals_cents))
    if roth_required and catch_up > roth:
        traditional, roth = total - catch_up, catch_up
    refused = wanted_traditional + wanted_roth - total
    working = (
        "deferral",
        eligible_cents,
        traditional_bp,
        roth_bp,
        age_at_year_end,
        ytd_deferrals_cents,
        prior_year_ss_wages_cents,
        plan_has_roth,
        plan_has_catch_up,
        plan_has_60_to_63,
        limits.deferral_limit_cents,
        limits.catch_up_50_cents,
        limits.catch_up_60_to_63_cents,
        threshold,
    )
    return Deferral(traditional, roth, total, catch_up, refused, roth_required, working)


def _catch_up_limit(age: int, limits: Retirement, plan_has_60_to_63: bool) -> int:
    if age < CATCH_UP_FROM_AGE:
        return 0
    if plan_has_60_to_63 and age in HIGHER_CATCH_UP_AGES:
        return limits.catch_up_60_to_63_cents
    return limits.catch_up_50_cents
