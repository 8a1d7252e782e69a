"""Federal income tax withholding from supplemental wages: Pub. 15 section 7."""

from collections.abc import Sequence
from typing import Any

from payroll.calc.worksheet import Lines, half_up, share, worksheet
from payroll.calc.worksheets.federal import tax_of


@worksheet(
    "Federal income tax: supplemental wages, flat rates",
    source="IRS Pub. 15 sec. 7",
    rounding="the sum of both parts half up to the cent, once a payment",
    figures={
        "rate_ppm": "federal.supplemental",
        "over_rate_ppm": "federal.supplemental",
        "threshold_cents": "federal.supplemental",
    },
)
def supplemental_flat(
    supplemental_cents: int,
    ytd_supplemental_cents: int,
    exempt: bool,
    rate_ppm: int,
    over_rate_ppm: int,
    threshold_cents: int,
) -> Lines:
    after = ytd_supplemental_cents + supplemental_cents
    over = min(supplemental_cents, max(0, after - threshold_cents))
    flat = 0 if exempt else supplemental_cents - over
    yield "at_22_cents", "the part within the year's threshold; nothing of it for who claims exemption", flat
    yield "at_37_cents", "the part above the year's threshold, whatever the W-4 says", over
    tax = half_up(share(flat, rate_ppm) + share(over, over_rate_ppm))
    yield "federal_income_tax_cents", "each part at its rate, the sum rounded", tax


@worksheet(
    "Federal income tax: supplemental wages, aggregate method",
    source="IRS Pub. 15 sec. 7",
    rounding="each tax half up to the cent, once",
    figures={"over_rate_ppm": "federal.supplemental", "threshold_cents": "federal.supplemental"},
)
def supplemental_aggregate(
    regular_cents: int,
    supplemental_cents: int,
    ytd_supplemental_cents: int,
    combined_working: Sequence[Any],
    regular_working: Sequence[Any],
    over_rate_ppm: int,
    threshold_cents: int,
) -> Lines:
    after = ytd_supplemental_cents + supplemental_cents
    over = min(supplemental_cents, max(0, after - threshold_cents))
    yield (
        "combined",
        "regular wages and supplemental wages as one payment",
        regular_cents + supplemental_cents - over,
    )
    on_combined = yield from tax_of("combined", combined_working)
    yield "on_combined_cents", "the tax on that", on_combined
    on_regular = yield from tax_of("regular", regular_working)
    yield "on_regular_cents", "the tax on the regular wages alone", on_regular
    yield "at_37_cents", "the part above the year's threshold, whatever the W-4 says", over
    mandatory = half_up(share(over, over_rate_ppm))
    yield "mandatory", "that at the mandatory rate", mandatory
    tax = max(0, on_combined - on_regular) + mandatory
    yield (
        "federal_income_tax_cents",
        "what the supplemental wages add, not below 0, + the mandatory part",
        tax,
    )
