"""Federal income tax withholding from supplemental wages (bonus, commission, back pay): Pub. 15 section 7."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.federal import W4, IncomeTax, W4Before2020, withholding, withholding_with_floor
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import Federal, SupplementalRates
from payroll.calc.worksheet import Working

FLAT, AGGREGATE = "flat", "aggregate"


class FlatTax(NamedTuple):
    """One payment's supplemental wages at each flat rate, and the tax on both, in cents."""

    at_22_cents: int
    at_37_cents: int
    withholding_cents: int
    working: Working


class AggregateTax(NamedTuple):
    """The tax on regular and supplemental wages as one payment, on the regular wages alone, and what the
    supplemental wages bear, in cents.
    """

    on_combined_cents: int
    on_regular_cents: int
    withholding_cents: int
    workings: tuple[Working, ...]


def allowed_methods(taxed_regular_wages: bool) -> tuple[str, ...]:
    """Name the methods open for supplemental wages that are identified separately, up to the threshold.

    taxed_regular_wages   income tax was withheld from regular wages this year or last
    source                Pub. 15 sec. 7: without that the aggregate method is the only one
    """
    return (FLAT, AGGREGATE) if taxed_regular_wages else (AGGREGATE,)


def flat(
    supplemental_cents: int, ytd_supplemental_cents: int, rates: SupplementalRates, *, exempt: bool = False
) -> FlatTax:
    """Withhold the flat rate up to the year's threshold, and the mandatory rate above it.

    ytd_supplemental_cents   paid earlier in the calendar year by this employer and those under common control
    exempt                   a valid W-4 claims exemption: only the mandatory rate is withheld
    raises                   NeedsReview for amounts below zero
    source                   Pub. 15 sec. 7. No W-4 entry and no nonresident amount counts. The sum of both parts
                             is rounded half up once
    """
    up_to, over = _parts(supplemental_cents, ytd_supplemental_cents, rates)
    at_22 = 0 if exempt else up_to
    cents = ratio_half_up(at_22 * rates.rate_ppm + over * rates.over_rate_ppm, PPM)
    entries = (supplemental_cents, ytd_supplemental_cents, exempt)
    return FlatTax(at_22, over, cents, ("supplemental_flat", *entries, *_figures(rates)))


def aggregate(
    regular_cents: int,
    supplemental_cents: int,
    frequency: str,
    w4: W4 | W4Before2020,
    federal: Federal,
    *,
    nonresident: str | None = None,
    ytd_supplemental_cents: int = 0,
    letter: W4 | W4Before2020 | None = None,
) -> AggregateTax:
    """Withhold from supplemental wages what they add to the tax on the regular wages of the period.

    regular_cents            taxable regular wages of the current or preceding period, with any supplemental
                             wages that were taxed along with them
    ytd_supplemental_cents   as for `flat`: what passes the threshold bears the mandatory rate instead
    letter                   a lock-in letter, or None; the other arguments as in `federal.withholding`
    raises                   NeedsReview as `federal.withholding` does, and for amounts below zero
    source                   Pub. 15 sec. 7. Each tax is rounded half up once; the difference is not below zero
    """
    rates = federal.supplemental
    up_to, over = _parts(supplemental_cents, ytd_supplemental_cents, rates)

    def tax_on(wages_cents: int) -> IncomeTax:
        if letter is None:
            return withholding(wages_cents, frequency, w4, federal, nonresident)
        return withholding_with_floor(wages_cents, frequency, w4, letter, federal, nonresident=nonresident)

    combined, regular = tax_on(regular_cents + up_to), tax_on(regular_cents)
    on_combined, on_regular = combined.withholding_cents, regular.withholding_cents
    cents = max(0, on_combined - on_regular) + ratio_half_up(over * rates.over_rate_ppm, PPM)
    entries = (regular_cents, supplemental_cents, ytd_supplemental_cents, combined.working, regular.working)
    figures = (rates.over_rate_ppm, rates.threshold_cents)
    return AggregateTax(on_combined, on_regular, cents, (("supplemental_aggregate", *entries, *figures),))


def _parts(supplemental_cents: int, ytd_cents: int, rates: SupplementalRates) -> tuple[int, int]:
    """What of a payment lies within the year's threshold, and what over it."""
    if supplemental_cents < 0 or ytd_cents < 0:
        raise NeedsReview(
            f"supplemental wages of {supplemental_cents} cents after {ytd_cents} cents earlier in the year: "
            "neither may be below zero, correct the pay or void the check"
        )
    up_to = max(0, min(supplemental_cents, rates.threshold_cents - ytd_cents))
    return up_to, supplemental_cents - up_to


def _figures(rates: SupplementalRates) -> tuple[int, int, int]:
    return rates.rate_ppm, rates.over_rate_ppm, rates.threshold_cents
