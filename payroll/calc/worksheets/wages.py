"""The wages that each tax is computed on: gross pay less the pre-tax items that the tax does not count."""

from payroll.calc.worksheet import Lines, worksheet


@worksheet("Wages for federal income tax", source="IRC 125, 402(e)(3); IRS Pub. 15 sec. 5")
def fit_wages(gross_cents: int, traditional_401k_cents: int, section125_cents: int, hsa_cents: int) -> Lines:
    before_tax = traditional_401k_cents + section125_cents + hsa_cents
    yield (
        "fit_wages_cents",
        "gross pay less traditional 401(k), Section 125 and HSA",
        gross_cents - before_tax,
    )


@worksheet(
    "Wages for Social Security, Medicare and unemployment", source="IRC 3121(a)(5); IRS Pub. 15 sec. 5"
)
def fica_wages(gross_cents: int, section125_cents: int, hsa_cents: int) -> Lines:
    before_tax = section125_cents + hsa_cents
    yield (
        "fica_wages_cents",
        "gross pay less Section 125 and HSA; a deferral is wages",
        gross_cents - before_tax,
    )


@worksheet("Wages for state income tax", source="what the state's rule excludes")
def state_wages(
    gross_cents: int,
    traditional_401k_cents: int,
    section125_cents: int,
    hsa_cents: int,
    excludes_401k: bool,
    excludes_section125: bool,
    excludes_hsa: bool,
) -> Lines:
    items = (
        (traditional_401k_cents, excludes_401k),
        (section125_cents, excludes_section125),
        (hsa_cents, excludes_hsa),
    )
    excluded = sum(cents for cents, counts in items if counts)
    yield "state_excluded_cents", "the pre-tax items that the state excludes", excluded
    yield "state_wages_cents", "gross pay less these", gross_cents - excluded
