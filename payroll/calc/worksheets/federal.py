"""Federal income tax withholding: Pub. 15-T and Pub. 15."""

from collections.abc import Generator, Sequence
from fractions import Fraction
from typing import Any

from payroll.calc.worksheet import Lines, Value, fill_in, half_up, share, worksheet

FIGURES = {
    "line_1g_cents": "federal.worksheet_1a",
    "allowance_cents": "federal.worksheet_1a",
    "nonresident_cents": "federal.nonresident",
}


def _figures(*names: str) -> dict[str, str]:
    return {name: FIGURES[name] for name in names}


@worksheet(
    "Federal income tax: Form W-4 of 2020 or later",
    source="IRS Pub. 15-T, Worksheet 1A",
    rounding="half up to the cent at line 4b; no other line is rounded",
    figures=_figures("nonresident_cents", "line_1g_cents"),
)
def federal_2020(
    fit_wages_cents: int,
    nonresident_cents: int,
    periods: int,
    step2_checkbox: bool,
    step3_cents: int,
    step4a_cents: int,
    step4b_cents: int,
    step4c_cents: int,
    line_1g_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    wages = fit_wages_cents + nonresident_cents
    yield "1a", "taxable wages, with the amount added for a nonresident alien", wages
    annual = wages * periods
    yield "1c", "a year's wages: 1a x pay periods", annual
    adjusted = max(0, annual + step4a_cents - step4b_cents - line_1g_cents)
    yield "1i", "adjusted annual wage amount: 1c + Step 4(a) - Step 4(b) - line 1g, not below 0", adjusted
    tentative = base_cents + share(adjusted - at_least_cents, rate_ppm)
    yield "2g", "tentative annual withholding: base + rate x (1i - the row's lower bound)", tentative
    after_credit = max(Fraction(0), tentative - step3_cents) * Fraction(1, periods)
    yield (
        "3c",
        "after the Step 3 credit, not below 0, for one period: (2g - Step 3) / pay periods",
        after_credit,
    )
    withheld = half_up(after_credit) + step4c_cents
    yield "federal_income_tax_cents", "line 4b: 3c rounded, + Step 4(c)", withheld


@worksheet(
    "Federal income tax: Form W-4 of 2019 or earlier",
    source="IRS Pub. 15-T, Worksheet 1A, lines 1j to 1l",
    rounding="half up to the cent at line 4b; no other line is rounded",
    figures=_figures("nonresident_cents", "allowance_cents"),
)
def federal_before_2020(
    fit_wages_cents: int,
    nonresident_cents: int,
    periods: int,
    allowances: int,
    additional_withholding_cents: int,
    allowance_cents: int,
    table: str,
    at_least_cents: int,
    base_cents: int,
    rate_ppm: int,
) -> Lines:
    wages = fit_wages_cents + nonresident_cents
    yield "1a", "taxable wages, with the amount added for a nonresident alien", wages
    annual = wages * periods
    yield "1c", "a year's wages: 1a x pay periods", annual
    adjusted = max(0, annual - allowances * allowance_cents)
    yield "1l", "adjusted annual wage amount: 1c - allowances x line 1k, not below 0", adjusted
    tentative = base_cents + share(adjusted - at_least_cents, rate_ppm)
    yield "2g", "tentative annual withholding: base + rate x (1l - the row's lower bound)", tentative
    withheld = half_up(tentative * Fraction(1, periods)) + additional_withholding_cents
    yield "federal_income_tax_cents", "line 4b: 2g / pay periods, rounded, + the additional amount", withheld


@worksheet("Federal income tax: exempt", source="Form W-4, claim of exemption; Pub. 15 sec. 9")
def federal_exempt() -> Lines:
    yield "federal_income_tax_cents", "nothing is withheld from who claims exemption", 0


def tax_of(name: str, working: Sequence[Any]) -> Generator[tuple[str, str, Value], None, int]:
    """The lines of a whole computation inside another one, each key after its name; gives the tax."""
    filled = fill_in(working)
    for key, words, value in filled.lines:
        yield f"{name}.{key}", words, value
    tax = filled.facts["federal_income_tax_cents"]
    assert isinstance(tax, int)
    return tax


@worksheet("Federal income tax: IRS lock-in letter", source="IRS Pub. 15 sec. 9; notice 2800C")
def lock_in_floor(w4_working: Sequence[Any], letter_working: Sequence[Any]) -> Lines:
    on_w4 = yield from tax_of("w4", w4_working)
    on_letter = yield from tax_of("letter", letter_working)
    yield (
        "federal_income_tax_cents",
        "the larger: the letter is the least that is withheld",
        max(on_w4, on_letter),
    )
