"""Federal income tax withholding from regular wages: Pub. 15-T section 1, Worksheet 1A."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import Federal
from payroll.calc.worksheet import Working


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
    """Withholding for one period, and the worksheet that gives it."""

    withholding_cents: int
    working: Working


EXEMPT = IncomeTax(0, ("federal_exempt",))


def withholding(
    wages_cents: int, frequency: str, w4: W4 | W4Before2020, federal: Federal, nonresident: str | None = None
) -> IncomeTax:
    """Withhold federal income tax from one period's taxable wages.

    wages_cents   line 1a, >= 0
    frequency     a key of calendar.PERIODS_PER_YEAR
    nonresident   None, or the table of amounts added for a nonresident alien: "table1", "table2"
    raises        NeedsReview for an unknown status or table, wages or an entry below zero, exemption claimed
                  beside other entries
    source        Pub. 15-T Worksheet 1A. No line is rounded but 4b, half up to the cent
    """
    if wages_cents < 0:
        raise NeedsReview(
            f"taxable wages of {wages_cents} cents are below zero: correct the pay or void the check"
        )
    if w4.exempt:
        _refuse_entries_beside_exemption(w4)
        return EXEMPT
    periods = periods_per_year(frequency)
    added = 0 if nonresident is None else _nonresident_amount(nonresident, frequency, federal)
    if isinstance(w4, W4):
        return _from_2020(wages_cents, added, periods, w4, federal)
    return _before_2020(wages_cents, added, periods, w4, federal)


def withholding_with_floor(
    wages_cents: int,
    frequency: str,
    w4: W4 | W4Before2020,
    letter: W4 | W4Before2020,
    federal: Federal,
    *,
    nonresident: str | None = None,
) -> IncomeTax:
    """Withhold as the W-4 says, and no less than an IRS lock-in letter says.

    letter   what the letter permits, as a form of the kind that it names; the other arguments as in `withholding`
    raises   NeedsReview as `withholding` does, and for a letter that exempts
    source   Pub. 15 sec. 9, Form W-4 lock-in: a form that withholds less or claims exemption is disregarded,
             one that withholds more is honoured; so the letter is a floor
    """
    if letter.exempt:
        raise NeedsReview("a lock-in letter exempts nobody: enter the status and the amounts that it permits")
    on_w4 = withholding(wages_cents, frequency, w4, federal, nonresident)
    on_letter = withholding(wages_cents, frequency, letter, federal, nonresident)
    cents = max(on_w4.withholding_cents, on_letter.withholding_cents)
    return IncomeTax(cents, ("lock_in_floor", on_w4.working, on_letter.working))


def _from_2020(wages_cents: int, added_cents: int, periods: int, w4: W4, federal: Federal) -> IncomeTax:
    """Lines 1d to 4b. The Step 3 credit stops at zero before the extra amount of Step 4(c) is added."""
    column = federal.from_2020.get((w4.filing_status, w4.step2_checkbox))
    if column is None:
        raise NeedsReview(
            f"filing status {w4.filing_status!r} is not on Form W-4 (2020 or later): correct the W-4"
        )
    _, step2, step3, step4a, step4b, step4c, _ = w4
    if step3 < 0 or step4a < 0 or step4b < 0 or step4c < 0:
        raise NeedsReview(
            f"Form W-4 entries of {step3} (Step 3), {step4a} (4a), {step4b} (4b) and {step4c} (4c) cents: "
            "none may be below zero, correct the W-4"
        )
    line_1g = column.line_1g_cents
    adjusted = max(0, (wages_cents + added_cents) * periods + step4a - step4b - line_1g)
    row = column.brackets.row(adjusted)
    after_credit = max(0, row.tax_microcents(adjusted) - step3 * PPM)
    cents = ratio_half_up(after_credit, PPM * periods) + step4c
    entries = (wages_cents, added_cents, periods, step2, step3, step4a, step4b, step4c, line_1g)
    return IncomeTax(cents, ("federal_2020", *entries, *row))


def _before_2020(
    wages_cents: int, added_cents: int, periods: int, w4: W4Before2020, federal: Federal
) -> IncomeTax:
    """Lines 1j to 1l, then 2g and 4b. There is no Step 3 credit on these forms."""
    brackets = federal.before_2020.get(w4.marital_status)
    if brackets is None:
        raise NeedsReview(
            f"marital status {w4.marital_status!r} is not on Form W-4 (2019 or earlier): correct the W-4"
        )
    allowance, additional = federal.allowance_cents, w4.additional_cents
    if w4.allowances < 0 or additional < 0:
        raise NeedsReview(
            f"Form W-4 entries of {w4.allowances} allowances and {additional} cents of additional withholding: "
            "neither may be below zero, correct the W-4"
        )
    adjusted = max(0, (wages_cents + added_cents) * periods - w4.allowances * allowance)
    row = brackets.row(adjusted)
    cents = ratio_half_up(row.tax_microcents(adjusted), PPM * periods) + additional
    entries = (wages_cents, added_cents, periods, w4.allowances, additional, allowance)
    return IncomeTax(cents, ("federal_before_2020", *entries, *row))


def _refuse_entries_beside_exemption(w4: W4 | W4Before2020) -> None:
    """Pub. 15 sec. 9: exemption claimed beside entries in Steps 2(c), 3 or 4 makes the form invalid."""
    if isinstance(w4, W4) and any(w4[1:6]):
        raise NeedsReview(
            "the Form W-4 claims exemption beside entries in Step 2(c), 3 or 4, which makes it invalid: go on with "
            "the earlier valid form, or without one as single with no entries, until a new form comes"
        )


def _nonresident_amount(table: str, frequency: str, federal: Federal) -> int:
    try:
        return federal.nonresident[table, frequency]
    except KeyError:
        raise NeedsReview(
            f"no nonresident alien amount for {table!r} paid {frequency}: use table1 or table2 of Pub. 15-T"
        ) from None
