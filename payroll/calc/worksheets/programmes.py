"""What a state takes beside income tax: insurance programmes, unemployment tax."""

from payroll.calc.worksheet import Lines, half_up, share, worksheet


@worksheet(
    "State insurance programme",
    source="the programme's entry in the rule tables, which names the state's document",
    rounding="half up to the cent, once a payment",
)
def state_programme(
    programme: str,
    table: str,
    programme_wages_cents: int,
    ytd_programme_wages_cents: int,
    wage_cap_cents: int | None,
    rate_ppm: int,
    employee_share_ppm: int,
    most_a_period_cents: int | None,
    ytd_withheld_cents: int | None,
    most_a_year_cents: int | None,
    employer_rate_ppm: int | None,
) -> Lines:
    name = programme.lower()
    taxable = programme_wages_cents
    if wage_cap_cents is not None:
        taxable = max(0, min(taxable, wage_cap_cents - ytd_programme_wages_cents))
    yield f"{name}_taxable_cents", "wages up to what the year's cap leaves", taxable
    owed = half_up(share(share(taxable, rate_ppm), employee_share_ppm))
    if most_a_period_cents is not None:
        owed = min(owed, most_a_period_cents)
    if ytd_withheld_cents is not None and most_a_year_cents is not None:
        owed = max(0, min(owed, most_a_year_cents - ytd_withheld_cents))
    yield f"{name}_cents", "that at the rate, the employee's share of it, and no more than the most", owed
    if employer_rate_ppm is not None:
        part = half_up(share(taxable, employer_rate_ppm))
        yield f"employer_{name}_cents", "the same wages at the employer's rate", part


@worksheet(
    "State unemployment tax",
    source="the state's taxable wage base; the rate is the employer's own notice",
    rounding="half up to the cent, once a payment",
)
def state_unemployment(
    unemployment_wages_cents: int,
    ytd_unemployment_wages_cents: int,
    unemployment_wage_base_cents: int,
    unemployment_rate_ppm: int | None,
    table: str,
) -> Lines:
    left = unemployment_wage_base_cents - ytd_unemployment_wages_cents
    taxable = max(0, min(unemployment_wages_cents, left))
    yield "sui_taxable_cents", "wages up to what the wage base leaves of the year", taxable
    if unemployment_rate_ppm is not None:
        owed = half_up(share(taxable, unemployment_rate_ppm))
        yield "employer_sui_cents", "that at the employer's rate", owed
