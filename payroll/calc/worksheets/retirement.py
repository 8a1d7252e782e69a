"""401(k) deferrals, and what the employer adds."""

from fractions import Fraction

from payroll.calc.worksheet import Lines, half_up, percent, worksheet

Tiers = list[list[int]]  # of the next so much of pay (bp), matched at this rate (bp)


@worksheet("401(k) deferral: none elected", source="the employee's election")
def no_deferral() -> Lines:
    yield "traditional_401k_cents", "nothing is elected", 0
    yield "roth_401k_cents", "nothing is elected", 0
    yield "deferral_cents", "nothing is deferred", 0
    yield "catch_up_cents", "nothing is deferred", 0
    yield "deferral_refused_cents", "nothing is refused", 0


@worksheet(
    "401(k) deferral",
    source="IRC 402(g), 414(v); IRS cost-of-living notice",
    rounding="what is wanted of each source half up to the cent",
    figures={
        "deferral_limit_cents": "retirement",
        "catch_up_50_cents": "retirement",
        "catch_up_60_to_63_cents": "retirement",
        "roth_catch_up_over_cents": "retirement.roth_catch_up",
    },
)
def deferral(
    eligible_cents: int,
    traditional_bp: int,
    roth_bp: int,
    age_at_year_end: int,
    ytd_deferrals_cents: int,
    prior_year_ss_wages_cents: int,
    plan_has_roth: bool,
    plan_has_catch_up: bool,
    plan_has_60_to_63: bool,
    deferral_limit_cents: int,
    catch_up_50_cents: int,
    catch_up_60_to_63_cents: int,
    roth_catch_up_over_cents: int | None,
) -> Lines:
    wanted_traditional = half_up(percent(eligible_cents, traditional_bp))
    yield "wanted_traditional", "elected percent of eligible pay, traditional", wanted_traditional
    wanted_roth = min(half_up(percent(eligible_cents, roth_bp)), eligible_cents - wanted_traditional)
    yield (
        "wanted_roth",
        "elected percent of eligible pay, Roth, no more than the pay that is left",
        wanted_roth,
    )
    must_be_roth = (
        roth_catch_up_over_cents is not None and prior_year_ss_wages_cents > roth_catch_up_over_cents
    )
    yield (
        "roth_catch_up_required",
        "last year's wages are over the threshold, if one is in force",
        must_be_roth,
    )
    catch_up_limit = 0
    if age_at_year_end >= 50 and plan_has_catch_up and (plan_has_roth or not must_be_roth):
        higher = plan_has_60_to_63 and age_at_year_end in (60, 61, 62, 63)
        catch_up_limit = catch_up_60_to_63_cents if higher else catch_up_50_cents
    yield "catch_up_limit", "catch-up by age at the year's end, if the plan can take it", catch_up_limit
    regular_room = max(0, deferral_limit_cents - ytd_deferrals_cents)
    yield "regular_room", "what the 402(g) limit leaves of the year", regular_room
    room = max(0, deferral_limit_cents + catch_up_limit - ytd_deferrals_cents)
    yield "room", "what both limits leave of the year", room
    wanted = wanted_traditional + wanted_roth
    total = min(wanted, room)
    catch_up = total - min(total, regular_room)
    traditional = min(wanted_traditional, total)
    if must_be_roth:
        traditional = min(traditional, total - catch_up)
    yield (
        "traditional_401k_cents",
        "traditional first, as far as there is room and catch-up need not be Roth",
        traditional,
    )
    yield "roth_401k_cents", "the rest", total - traditional
    yield "deferral_cents", "what is deferred: the smaller of wanted and room", total
    yield "catch_up_cents", "the part of it above the 402(g) limit", catch_up
    yield "deferral_refused_cents", "wanted, but over the limits: it stays in pay", wanted - total


def _added(comp_cents: int, deferrals_cents: int, nonelective_bp: int, tiers: Tiers) -> Lines:
    yield "nonelective", "percent of pay for everybody eligible", percent(comp_cents, nonelective_bp)
    start = Fraction(0)
    for number, (pay_bp, rate_bp) in enumerate(tiers, 1):
        end = start + percent(comp_cents, pay_bp)
        in_tier = min(end, Fraction(deferrals_cents)) - min(start, Fraction(deferrals_cents))
        yield (
            f"tier_{number}",
            "what of the deferral lies in the tier, at its rate",
            percent(in_tier, rate_bp),
        )
        start = end


@worksheet(
    "401(k): what the employer adds to a check",
    source="IRC 401(a)(17), 401(k)(12), 401(k)(13); the plan's formula",
    rounding="the sum of all tiers half up to the cent",
    figures={"compensation_limit_cents": "retirement"},
)
def match(
    eligible_cents: int,
    ytd_comp_cents: int,
    deferrals_cents: int,
    compensation_limit_cents: int | None,
    table: str | None,
    nonelective_bp: int,
    tiers: Tiers,
) -> Lines:
    comp = eligible_cents
    if compensation_limit_cents is not None:
        comp = min(eligible_cents, max(0, compensation_limit_cents - ytd_comp_cents))
    yield (
        "matched_comp_cents",
        "pay up to what the compensation limit leaves, if the plan caps each check",
        comp,
    )
    exact = Fraction(0)
    for key, words, value in _added(comp, deferrals_cents, nonelective_bp, tiers):
        yield key, words, value
        exact += Fraction(value or 0)
    yield "match_cents", "the sum, rounded", half_up(exact)


@worksheet(
    "401(k): true-up at the year's end",
    source="IRC 401(a)(17); the plan's true-up provision",
    rounding="the sum of all tiers half up to the cent",
    figures={"compensation_limit_cents": "retirement"},
)
def true_up(
    annual_comp_cents: int,
    annual_deferrals_cents: int,
    ytd_match_cents: int,
    compensation_limit_cents: int,
    table: str | None,
    nonelective_bp: int,
    tiers: Tiers,
) -> Lines:
    comp = min(annual_comp_cents, compensation_limit_cents)
    yield "annual_comp", "the year's pay, no more than the compensation limit", comp
    exact = Fraction(0)
    for key, words, value in _added(comp, annual_deferrals_cents, nonelective_bp, tiers):
        yield key, words, value
        exact += Fraction(value or 0)
    annual = half_up(exact)
    yield "annual_match_cents", "the sum, rounded", annual
    yield "true_up_cents", "less what the year's checks gave, not below 0", max(0, annual - ytd_match_cents)


@worksheet(
    "401(k): limit on annual additions",
    source="IRC 415(c)(1), 414(v)(3)",
    figures={"annual_additions_limit_cents": "retirement"},
)
def annual_additions(
    formula_match_cents: int,
    regular_deferral_cents: int,
    ytd_additions_cents: int,
    comp_ytd_incl_now_cents: int,
    annual_additions_limit_cents: int,
) -> Lines:
    limit = min(annual_additions_limit_cents, comp_ytd_incl_now_cents)
    yield "limit", "the dollar limit or the year's compensation, whichever is less", limit
    room = max(0, limit - ytd_additions_cents - regular_deferral_cents)
    yield "room", "that, less the year's additions and this check's regular deferral, not below 0", room
    stands = min(formula_match_cents, room)
    yield "match_cents", "what stands of the employer's part", stands
    yield "match_cut_cents", "what is cut", formula_match_cents - stands
