"""FICA over a year: never beyond the limits. FUTA up to its wage base."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.fica import Fica, fica, futa
from payroll.rules import load

YEARS = st.sampled_from([2025, 2026])
GROSS = st.integers(0, 60_000_00)


def a_year_of(checks: list[int], year: int) -> list[Fica]:
    paid = withheld = 0
    taxes = []
    for gross in checks:
        tax = fica(
            gross,
            gross,
            load(year).fica,
            ytd_ss_wages_cents=paid,
            ytd_medicare_wages_cents=paid,
            ytd_ss_withheld_cents=withheld,
        )
        paid, withheld = paid + gross, withheld + tax.ss_employee_cents
        taxes.append(tax)
    return taxes


@pytest.mark.parametrize(
    ("checks", "year", "ss"),
    [
        ([300_000_00], 2025, 10_918_20),  # SSA: 176,100 x 6.2 %
        ([300_000_00], 2026, 11_439_00),  # SSA: 184,500 x 6.2 %
        ([4326_92] * 52, 2026, 11_439_00),  # rounding alone would take 11,439.04
        ([9166_67] * 24, 2026, 11_438_93),  # and may fall short: line 7 of Form 941 reports it
    ],
)
def test_a_years_social_security(checks: list[int], year: int, ss: int) -> None:
    assert sum(tax.ss_employee_cents for tax in a_year_of(checks, year)) == ss


def test_a_successor_employer_goes_on_from_the_predecessors_wages() -> None:
    # Pub. 15 (2025): 2,000 paid by the predecessor leave 174,100 of the base
    tax = fica(
        200_000_00,
        200_000_00,
        load(2025).fica,
        ytd_ss_wages_cents=2_000_00,
        ytd_medicare_wages_cents=2_000_00,
        ytd_ss_withheld_cents=124_00,
    )
    assert tax.ss_taxable_cents == 174_100_00
    assert tax.additional_medicare_taxable_cents == 2_000_00


@given(st.lists(GROSS, max_size=26), YEARS)
def test_a_year_never_passes_its_limits(checks: list[int], year: int) -> None:
    rates, taxes, paid = load(year).fica, a_year_of(checks, year), sum(checks)
    assert sum(tax.ss_employee_cents for tax in taxes) <= rates.ss_most_cents
    assert sum(tax.ss_taxable_cents for tax in taxes) == min(paid, rates.ss_wage_base_cents)
    assert sum(tax.additional_medicare_taxable_cents for tax in taxes) == max(0, paid - 200_000_00)
    for tax in taxes:
        assert min(tax) >= 0
        assert (tax.ss_employee_cents, tax.medicare_employee_cents) == (
            tax.ss_employer_cents,
            tax.medicare_employer_cents,
        )


@given(GROSS, st.integers(0, 1000_00), st.integers(0, 300_000_00))
def test_more_wages_never_mean_less_tax(gross: int, raise_: int, ytd: int) -> None:
    less, more = (
        fica(
            wages,
            wages,
            load(2026).fica,
            ytd_ss_wages_cents=ytd,
            ytd_medicare_wages_cents=ytd,
            ytd_ss_withheld_cents=None,
        )
        for wages in (gross, gross + raise_)
    )
    assert all(a <= b for a, b in zip(less, more, strict=True))


@given(st.lists(GROSS, max_size=26), YEARS)
def test_unemployment_tax_ends_at_its_base(checks: list[int], year: int) -> None:
    paid = taxable = 0
    for gross in checks:
        taxable += futa(gross, paid, load(year).futa).taxable_cents
        paid += gross
    assert taxable == min(paid, 7_000_00)


def test_a_credit_reduction_state_owes_more_at_the_years_end() -> None:
    # US DOL list for 2025: California 1.2 %; Form 940: 0.6 % + 1.2 % of 7,000
    rates = load(2025).futa
    assert rates.credit_reduction_ppm is not None
    assert futa(7_000_00, 0, rates, rates.credit_reduction_ppm["CA"]).tax_cents == 126_00
    assert load(2026).futa.credit_reduction_ppm is None  # not published yet, and that is not zero


def test_wages_below_zero_are_a_void() -> None:
    with pytest.raises(NeedsReview, match="void"):
        a_year_of([-1], 2026)
    with pytest.raises(NeedsReview, match="void"):
        futa(-1, 0, load(2026).futa)
