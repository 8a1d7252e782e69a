"""Social Security, Medicare, Additional Medicare, federal unemployment tax."""

from payroll.calc.worksheet import Lines, half_up, share, worksheet


@worksheet(
    "Social Security and Medicare",
    source="IRC 3101, 3102(f), 3111; IRS Pub. 15 sec. 9",
    rounding="each tax half up to the cent, once a payment; Social Security stops at wage base x rate",
    figures={
        "ss_wage_base_cents": "fica",
        "ss_rate_ppm": "fica",
        "ss_most_cents": "fica",
        "medicare_rate_ppm": "fica",
        "additional_threshold_cents": "fica.additional_medicare",
        "additional_rate_ppm": "fica.additional_medicare",
    },
)
def fica(
    ss_wages_cents: int,
    medicare_wages_cents: int,
    ytd_ss_wages_cents: int,
    ytd_medicare_wages_cents: int,
    ytd_social_security_cents: int | None,
    ss_wage_base_cents: int,
    ss_rate_ppm: int,
    ss_most_cents: int,
    medicare_rate_ppm: int,
    additional_threshold_cents: int,
    additional_rate_ppm: int,
) -> Lines:
    ss_taxable = max(0, min(ss_wages_cents, ss_wage_base_cents - ytd_ss_wages_cents))
    yield "ss_taxable_cents", "wages up to what the wage base leaves of the year", ss_taxable
    ss = half_up(share(ss_taxable, ss_rate_ppm))
    if ytd_social_security_cents is not None:
        ss = max(0, min(ss, ss_most_cents - ytd_social_security_cents))
    yield "social_security_cents", "that at the rate, and no more than the year has left", ss
    yield "employer_social_security_cents", "the employer owes the same", ss
    medicare = half_up(share(medicare_wages_cents, medicare_rate_ppm))
    yield "medicare_cents", "all wages at the rate", medicare
    yield "employer_medicare_cents", "the employer owes the same", medicare
    over = ytd_medicare_wages_cents + medicare_wages_cents - additional_threshold_cents
    additional_taxable = max(0, min(medicare_wages_cents, over))
    yield "additional_medicare_taxable_cents", "wages over the year's threshold", additional_taxable
    additional = half_up(share(additional_taxable, additional_rate_ppm))
    yield "additional_medicare_cents", "that at the additional rate", additional


@worksheet(
    "Federal unemployment tax",
    source="IRC 3301, 3302; IRS Pub. 15 sec. 14",
    rounding="half up to the cent, once a payment",
    figures={"futa_wage_base_cents": "futa", "futa_rate_ppm": "futa"},
)
def futa(
    fica_wages_cents: int,
    ytd_futa_wages_cents: int,
    futa_wage_base_cents: int,
    futa_rate_ppm: int,
    credit_reduction_ppm: int,
) -> Lines:
    taxable = max(0, min(fica_wages_cents, futa_wage_base_cents - ytd_futa_wages_cents))
    yield "futa_taxable_cents", "wages up to what the wage base leaves of the year", taxable
    owed = half_up(share(taxable, futa_rate_ppm + credit_reduction_ppm))
    yield (
        "employer_futa_cents",
        "that at the rate after the state credit, with the state's credit reduction",
        owed,
    )


@worksheet(
    "Federal unemployment tax: credit reduction of the year",
    source="IRC 3302(c)(2); Form 940 Schedule A",
    rounding="half up to the cent, once a state and year",
    figures={"credit_reduction_ppm": "futa.credit_reduction_percent"},
)
def futa_credit_reduction(state: str, futa_taxable_cents: int, credit_reduction_ppm: int) -> Lines:
    owed = half_up(share(futa_taxable_cents, credit_reduction_ppm))
    yield "futa_credit_reduction_cents", "the year's FUTA wages in the state at its credit reduction", owed
