"""Federal income tax withholding from regular wages: Pub. 15-T section 1, Worksheet 1A."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import Federal


class W4(NamedTuple):
    """A Form W-4 of 2020 or later; as it stands here, also what holds for an employee who gave none.

    filing_status   single, mfs, mfj, qss, hoh
    step3, 4a, 4b   annual cents; step4c is cents per period
    source          Pub. 15 sec. 9: without a form, single or MFS with no entries in Steps 2 to 4
    """

    filing_status: str = "single"
    step2_checkbox: bool = False
    step3_cents: int = 0
    step4a_cents: int = 0
    step4b_cents: int = 0
    step4c_cents: int = 0
    exempt: bool = False


class W4Before2020(NamedTuple):
    """A Form W-4 of 2019 or earlier.

    marital_status     single, married, married_higher_single
    additional_cents   cents per period (line 6)
    """

    marital_status: str = "single"
    allowances: int = 0
    additional_cents: int = 0
    exempt: bool = False


class IncomeTax(NamedTuple):
    """Withholding for one period and the two lines of the worksheet that explain it.

    adjusted_annual_wage_cents    line 1i or 1l
    tentative_annual_microcents   line 2g, unrounded, in millionths of a cent
    """

    withholding_cents: int
    adjusted_annual_wage_cents: int
    tentative_annual_microcents: int


EXEMPT = IncomeTax(0, 0, 0)


def withholding(
    wages_cents: int, frequency: str, w4: W4 | W4Before2020, federal: Federal, nonresident: str | None = None
) -> IncomeTax:
    """Withhold federal income tax from one period's taxable wages.

    wages_cents   line 1a, >= 0
    frequency     a key of calendar.PERIODS_PER_YEAR
    nonresident   None, or the table of amounts added for a nonresident alien: "table1", "table2"
    raises        NeedsReview for an unknown status or table, wages or extra amount below zero
    source        Pub. 15-T Worksheet 1A. No line is rounded but 4b, half up to the cent
    """
    if wages_cents < 0:
        raise NeedsReview(
            f"taxable wages of {wages_cents} cents are below zero: correct the pay or void the check"
        )
    if w4.exempt:
        return EXEMPT
    periods = periods_per_year(frequency)
    if nonresident is not None:
        wages_cents += _nonresident_amount(nonresident, frequency, federal)
    extra = w4.step4c_cents if isinstance(w4, W4) else w4.additional_cents
    if extra < 0:
        raise NeedsReview(f"extra withholding of {extra} cents is below zero: correct the W-4")
    if isinstance(w4, W4):
        return _from_2020(wages_cents * periods, periods, w4, federal)
    return _before_2020(wages_cents * periods, periods, w4, federal)


def _from_2020(annual_cents: int, periods: int, w4: W4, federal: Federal) -> IncomeTax:
    """Lines 1d to 4b. The Step 3 credit stops at zero before the extra amount of Step 4(c) is added."""
    column = federal.from_2020.get((w4.filing_status, w4.step2_checkbox))
    if column is None:
        raise NeedsReview(
            f"filing status {w4.filing_status!r} is not on Form W-4 (2020 or later): correct the W-4"
        )
    adjusted = max(0, annual_cents + w4.step4a_cents - w4.step4b_cents - column.line_1g_cents)
    tentative = column.brackets.tax_microcents(adjusted)
    after_credit = max(0, tentative - w4.step3_cents * PPM)
    return IncomeTax(ratio_half_up(after_credit, PPM * periods) + w4.step4c_cents, adjusted, tentative)


def _before_2020(annual_cents: int, periods: int, w4: W4Before2020, federal: Federal) -> IncomeTax:
    """Lines 1j to 1l, then 2g and 4b. There is no Step 3 credit on these forms."""
    brackets = federal.before_2020.get(w4.marital_status)
    if brackets is None:
        raise NeedsReview(
            f"marital status {w4.marital_status!r} is not on Form W-4 (2019 or earlier): correct the W-4"
        )
    adjusted = max(0, annual_cents - w4.allowances * federal.allowance_cents)
    tentative = brackets.tax_microcents(adjusted)
    return IncomeTax(ratio_half_up(tentative, PPM * periods) + w4.additional_cents, adjusted, tentative)


def _nonresident_amount(table: str, frequency: str, federal: Federal) -> int:
    try:
        return federal.nonresident[table, frequency]
    except KeyError:
        raise NeedsReview(
            f"no nonresident alien amount for {table!r} paid {frequency}: use table1 or table2 of Pub. 15-T"
        ) from None
