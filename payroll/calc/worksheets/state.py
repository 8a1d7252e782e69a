"""State income tax withholding: one worksheet a method."""

from fractions import Fraction

from payroll.calc.worksheet import Lines, half_up, share, worksheet

ONCE = "half up to the cent, once, after dividing by the periods"
SOURCE = "the state's entry in the rule tables, which names the state's document"
ZERO = Fraction(0)
WITHHELD = "state_income_tax_cents"


def _annual(wages_cents: int, periods: int) -> tuple[str, str, int]:
    return "annual_wages", "a year's wages: wages x pay periods", wages_cents * periods


def _taxed(taxable: Fraction, row: tuple[int, int, int]) -> tuple[str, str, Fraction]:
    at_least, base, rate = row
    return (
        "annual_tax",
        "base + rate x (taxable wages - the row's lower bound)",
        base + share(taxable - at_least, rate),
    )


def _withheld(annual_tax: Fraction | int, periods: int, additional_cents: int) -> tuple[str, str, int]:
    cents = half_up(Fraction(annual_tax, periods)) + additional_cents
    return WITHHELD, "the year's tax / pay periods, rounded, + the additional amount", cents


@worksheet("State income tax: none", source="the state taxes no wages")
def state_no_income_tax() -> Lines:
    yield WITHHELD, "the state taxes no wages", 0


@worksheet("State income tax: exempt", source="the state's form, claim of exemption")
def state_exempt() -> Lines:
    yield WITHHELD, "nothing is withheld from who claims exemption", 0


@worksheet(
    "State income tax: annualized wages", source=SOURCE, rounding="half up, once, to the unit withheld in"
)
def state_annualized(
    state_wages_cents: int,
    periods: int,
    deduction_cents: int,
    allowances: int,
    per_allowance_cents: int,
    further_allowances: int,
    per_further_allowance_cents: int,
    age_blind_allowances: int,
    per_age_blind_allowance_cents: int,
    credit_per_allowance_cents: int,
    round_to_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    exempt = allowances * per_allowance_cents + further_allowances * per_further_allowance_cents
    exempt += age_blind_allowances * per_age_blind_allowance_cents
    yield "allowances", "allowances x their amounts", exempt
    taxable = max(ZERO, Fraction(annual[2] - deduction_cents - exempt))
    yield "taxable_wages", "a year's wages - deduction - allowances, not below 0", taxable
    tax = _taxed(taxable, (at_least_cents, base_cents, rate_ppm))
    yield tax
    after = max(ZERO, tax[2] - allowances * credit_per_allowance_cents)
    yield "after_credit", "less the credit for each allowance, not below 0", after
    units = half_up(after * Fraction(1, periods * round_to_cents))
    words = "the year's tax / pay periods, rounded to the unit, + the additional amount"
    yield WITHHELD, words, units * round_to_cents + additional_cents


@worksheet("State income tax: annualized wages, deduction phased out", source=SOURCE, rounding=ONCE)
def state_phased_deduction(
    state_wages_cents: int,
    periods: int,
    deduction_cents: int,
    phase_out_from_cents: int,
    phase_out_to_cents: int,
    allowances: int,
    per_allowance_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    width = phase_out_to_cents - phase_out_from_cents
    gone = min(Fraction(1), max(ZERO, Fraction(annual[2] - phase_out_from_cents, width)))
    yield (
        "phased_out",
        "share of the deduction that is gone: (wages - from) / (to - from), between 0 and 1",
        gone,
    )
    deduction = deduction_cents * (1 - gone)
    yield "deduction", "what is left of the deduction", deduction
    taxable = max(ZERO, annual[2] - deduction - allowances * per_allowance_cents)
    yield "taxable_wages", "a year's wages - deduction - allowances, not below 0", taxable
    tax = _taxed(taxable, (at_least_cents, base_cents, rate_ppm))
    yield tax
    yield _withheld(tax[2], periods, additional_cents)


@worksheet("State income tax: annualized wages, a share of them deducted", source=SOURCE, rounding=ONCE)
def state_percent_deduction(
    state_wages_cents: int,
    periods: int,
    deduction_ppm: int,
    deduction_limit_cents: int,
    allowances: int,
    per_allowance_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    deduction = min(share(annual[2], deduction_ppm), Fraction(deduction_limit_cents)) if allowances else ZERO
    yield "deduction", "for who claims an allowance: the share of wages, up to the limit", deduction
    taxable = max(ZERO, annual[2] - deduction - allowances * per_allowance_cents)
    yield "taxable_wages", "a year's wages - deduction - allowances, not below 0", taxable
    tax = _taxed(taxable, (at_least_cents, base_cents, rate_ppm))
    yield tax
    yield _withheld(tax[2], periods, additional_cents)


@worksheet("State income tax: annualized wages, first allowances worth more", source=SOURCE, rounding=ONCE)
def state_first_allowances(
    state_wages_cents: int,
    periods: int,
    allowances: int,
    first_allowances: int,
    per_first_allowance_cents: int,
    per_allowance_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    first = min(allowances, first_allowances)
    exempt = first * per_first_allowance_cents + max(0, allowances - first_allowances) * per_allowance_cents
    yield "allowances", "the first allowances and the others at their amounts", exempt
    taxable = max(ZERO, Fraction(annual[2] - exempt))
    yield "taxable_wages", "a year's wages - allowances, not below 0", taxable
    tax = _taxed(taxable, (at_least_cents, base_cents, rate_ppm))
    yield tax
    yield _withheld(tax[2], periods, additional_cents)


@worksheet("State income tax: annualized wages, no allowance above a wage", source=SOURCE, rounding=ONCE)
def state_limited_allowances(
    state_wages_cents: int,
    periods: int,
    allowances: int,
    per_allowance_cents: int,
    no_allowance_above_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    exempt = allowances * per_allowance_cents if annual[2] <= no_allowance_above_cents else 0
    yield "allowances", "allowances x their amount; none above the annual wage", exempt
    taxable = max(ZERO, Fraction(annual[2] - exempt))
    yield "taxable_wages", "a year's wages - allowances, not below 0", taxable
    tax = _taxed(taxable, (at_least_cents, base_cents, rate_ppm))
    yield tax
    yield _withheld(tax[2], periods, additional_cents)


@worksheet(
    "State income tax: the state's table of the pay period",
    source=SOURCE,
    rounding="half up to the cent, once; the figures are the pay period's own",
)
def state_period_table(
    state_wages_cents: int,
    deduction_cents: int,
    allowances: int,
    per_allowance_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    taxable = max(0, state_wages_cents - deduction_cents - allowances * per_allowance_cents)
    yield "taxable_wages", "wages - deduction - allowances, not below 0", taxable
    tax = base_cents + share(taxable - at_least_cents, rate_ppm)
    yield "tax", "base + rate x (taxable wages - the row's lower bound)", tax
    yield WITHHELD, "that, rounded, + the additional amount", half_up(tax) + additional_cents


@worksheet(
    "California income tax",
    source="EDD California Withholding Schedules, Method B",
    rounding="the year's tax half up to the cent before the credit; the period's half up to the cent",
)
def state_ca(
    state_wages_cents: int,
    periods: int,
    low_income_cents: int,
    estimated_deduction_allowances: int,
    per_estimated_deduction_cents: int,
    standard_deduction_cents: int,
    regular_allowances: int,
    credit_per_allowance_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    exempt = annual[2] <= low_income_cents
    yield "low_income", "no tax at or below the low income exemption", exempt
    taxable = (
        annual[2] - estimated_deduction_allowances * per_estimated_deduction_cents - standard_deduction_cents
    )
    taxable = max(0, taxable)
    yield "taxable_wages", "a year's wages - estimated deductions - standard deduction, not below 0", taxable
    computed = half_up(base_cents + share(taxable - at_least_cents, rate_ppm))
    yield "computed_tax", "base + rate x (taxable wages - the row's lower bound), rounded", computed
    owed = 0 if exempt else max(0, computed - regular_allowances * credit_per_allowance_cents)
    yield "annual_tax_cents", "less the credit for each regular allowance, not below 0", owed
    yield _withheld(owed, periods, additional_cents)


@worksheet("Massachusetts income tax", source="Circular M, percentage method, annualized", rounding=ONCE)
def state_ma(
    state_wages_cents: int,
    periods: int,
    fica_cents: int,
    ytd_fica_cents: int,
    fica_limit_cents: int,
    exemptions: int,
    first_exemption_cents: int,
    further_exemption_cents: int,
    hoh_credit_cents: int,
    no_tax_up_to_cents: int,
    additional_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    fica = max(0, min(fica_cents, fica_limit_cents - ytd_fica_cents))
    yield "fica_deducted", "FICA withheld from this payment, up to what the year's limit leaves", fica
    annual = (state_wages_cents - fica) * periods
    yield "annual_wages", "a year's wages after FICA: (wages - FICA) x pay periods", annual
    exempt = first_exemption_cents + (exemptions - 1) * further_exemption_cents if exemptions > 0 else 0
    yield "exemptions", "the first exemption and each further one", exempt
    taxable = max(ZERO, Fraction(annual - exempt))
    yield "taxable_wages", "a year's wages - exemptions, not below 0", taxable
    tax = _taxed(taxable, (at_least_cents, base_cents, rate_ppm))
    yield tax
    after = max(ZERO, tax[2] - hoh_credit_cents)
    if state_wages_cents * periods <= no_tax_up_to_cents:
        after = ZERO
    yield (
        "after_credit",
        "less a head of household's credit, not below 0; none at or below the free wage",
        after,
    )
    yield (
        WITHHELD,
        "that / pay periods, rounded, + the additional amount",
        half_up(after * Fraction(1, periods)) + additional_cents,
    )


@worksheet(
    "State income tax: flat rate after exemption lines",
    source=SOURCE,
    rounding="each exemption line half up to the cent, then the tax half up to the cent",
)
def state_exemption_lines(
    state_wages_cents: int,
    periods: int,
    personal_exemptions: int,
    personal_cents: int,
    dependents: int,
    dependent_cents: int,
    first_time_dependents: int,
    first_time_dependent_cents: int,
    adopted_dependents: int,
    adopted_dependent_cents: int,
    rate_ppm: int,
    additional_cents: int,
    table: str,
) -> Lines:
    personal = half_up(Fraction(personal_exemptions * personal_cents, periods))
    yield "personal", "personal exemptions of the period, rounded", personal
    dependent = half_up(Fraction(dependents * dependent_cents, periods))
    yield "dependent", "dependents' exemptions of the period, rounded", dependent
    first = half_up(Fraction(first_time_dependents * first_time_dependent_cents, periods))
    yield "first_time", "exemptions for first-time dependents of the period, rounded", first
    adopted = half_up(Fraction(adopted_dependents * adopted_dependent_cents, periods))
    yield "adopted", "exemptions for adopted dependents of the period, rounded", adopted
    taxable = max(0, state_wages_cents - personal - dependent - first - adopted)
    yield "taxable_wages", "wages - the four lines, not below 0", taxable
    yield (
        WITHHELD,
        "that at the rate, rounded, + the additional amount",
        half_up(share(taxable, rate_ppm)) + additional_cents,
    )


@worksheet("State income tax: flat rate after the period's deduction", source=SOURCE, rounding=ONCE)
def state_period_deduction(
    state_wages_cents: int,
    periods: int,
    deduction_cents: int,
    credit_cents: int,
    rate_ppm: int,
    additional_cents: int,
    table: str,
) -> Lines:
    taxable = max(0, state_wages_cents - deduction_cents)
    yield "taxable_wages", "wages - the period's deduction, not below 0", taxable
    tax = max(ZERO, share(taxable, rate_ppm) - Fraction(credit_cents, periods))
    yield "after_credit", "that at the rate - the year's credit / pay periods, not below 0", tax
    yield WITHHELD, "that, rounded, + the additional amount", half_up(tax) + additional_cents


@worksheet("State income tax: flat rate less a tapered credit", source=SOURCE, rounding=ONCE)
def state_tapered_credit(
    state_wages_cents: int,
    periods: int,
    rate_ppm: int,
    credit_cents: int,
    taper_from_cents: int,
    taper_ppm: int,
    additional_cents: int,
    table: str,
) -> Lines:
    annual = _annual(state_wages_cents, periods)
    yield annual
    taper = share(max(0, annual[2] - taper_from_cents), taper_ppm)
    credit = max(ZERO, credit_cents - taper)
    yield "credit", "the credit less its share of the wages above the threshold, not below 0", credit
    tax = max(ZERO, share(annual[2], rate_ppm) - credit)
    yield "after_credit", "a year's wages at the rate - the credit, not below 0", tax
    yield (
        WITHHELD,
        "that / pay periods, rounded, + the additional amount",
        half_up(tax * Fraction(1, periods)) + additional_cents,
    )


@worksheet(
    "State income tax: the rate that the employee elects", source=SOURCE, rounding="half up to the cent, once"
)
def state_elected_rate(state_wages_cents: int, rate_ppm: int, additional_cents: int, table: str) -> Lines:
    tax = share(state_wages_cents, rate_ppm)
    yield "tax", "wages at the rate", tax
    yield WITHHELD, "that, rounded, + the additional amount", half_up(tax) + additional_cents
