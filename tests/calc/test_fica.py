"""FICA over a year: never beyond the limits. FUTA up to its wage base."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.fica import Fica, credit_reduction, fica, futa
from payroll.calc.worksheet import add_up
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
        assert min(tax[:-1]) >= 0
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
    assert all(a <= b for a, b in zip(less[:-1], more[:-1], strict=True))


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
    assert rates.credit_reduction_ppm == {"CA": 12_000, "VI": 45_000}
    assert futa(7_000_00, 0, rates, rates.credit_reduction_ppm["CA"]).tax_cents == 126_00
    assert (
        futa(7_000_00, 0, rates).tax_cents + credit_reduction("CA", 7_000_00, load(2025)).tax_cents == 126_00
    )
    assert load(2026).futa.credit_reduction_ppm is None  # not published yet, and that is not zero


def test_wages_below_zero_are_a_void() -> None:
    with pytest.raises(NeedsReview, match=r"^FICA wages of -1 and -1 cents: a void is no payment$"):
        a_year_of([-1], 2026)
    for social, medicare in ((-1, 0), (0, -1)):
        with pytest.raises(NeedsReview, match=rf"^FICA wages of {social} and {medicare} cents"):
            one_check(social, medicare)
    with pytest.raises(NeedsReview, match=r"^FUTA wages of -1 cents: below zero is a void, not a payment$"):
        futa(-1, 0, load(2026).futa)


def one_check(
    ss_wages: int,
    medicare_wages: int,
    year: int = 2026,
    *,
    ss: int = 0,
    medicare: int = 0,
    withheld: int | None = None,
) -> Fica:
    return fica(
        ss_wages,
        medicare_wages,
        load(year).fica,
        ytd_ss_wages_cents=ss,
        ytd_medicare_wages_cents=medicare,
        ytd_ss_withheld_cents=withheld,
    )


@pytest.mark.parametrize(("year", "base"), [(2025, 176_100_00), (2026, 184_500_00)])
def test_the_wage_base_of_each_year_within_a_check(year: int, base: int) -> None:
    # SSA: 176,100 and 184,500; one check crosses the base, the next is free
    assert one_check(1_000_00, 0, year, ss=base - 1_000_00).ss_taxable_cents == 1_000_00
    crossing = one_check(1_000_00, 0, year, ss=base - 999_99)
    assert (crossing.ss_taxable_cents, crossing.ss_employee_cents) == (999_99, 62_00)
    assert one_check(1_000_00, 0, year, ss=base)[:3] == (0, 0, 0)
    assert one_check(1_000_00, 0, year, ss=base + 1)[:3] == (0, 0, 0)


@pytest.mark.parametrize("year", [2025, 2026])
def test_additional_medicare_starts_at_the_cent_above_200_000(year: int) -> None:
    # Pub. 15 sec. 9: 0.9 % of what passes 200,000; no employer's share
    assert one_check(0, 1_000_00, year, medicare=199_000_00)[5:7] == (0, 0)
    assert one_check(0, 1_000_00, year, medicare=199_000_01)[5:7] == (1, 0)
    assert one_check(0, 1_000_00, year, medicare=199_500_00)[5:7] == (500_00, 4_50)
    assert one_check(0, 1_000_00, year, medicare=200_000_00)[5:7] == (1_000_00, 9_00)
    assert one_check(0, 1_000_00, year, medicare=250_000_00)[5:7] == (1_000_00, 9_00)


def test_half_a_cent_goes_up_on_every_line() -> None:
    # 6.2 % of 2.50 = 15.5; 1.45 % of 10.00 = 14.5; 0.9 % of 5.00 = 4.5
    tax = one_check(2_50, 10_00, medicare=199_995_00)
    assert tax[:-1] == (2_50, 16, 16, 15, 15, 5_00, 5)
    # a little less than a half goes down
    assert one_check(2_49, 9_99)[:5] == (2_49, 15, 15, 14, 14)


def test_social_security_withheld_so_far_limits_what_is_left() -> None:
    # 11,439.00 less 11,438.00 leaves 1.00 of the 6.20
    assert one_check(100_00, 0, withheld=11_438_00).ss_employee_cents == 1_00
    assert one_check(100_00, 0, withheld=11_439_01).ss_employee_cents == 0
    assert one_check(100_00, 0, withheld=None).ss_employee_cents == 6_20
    assert one_check(100_00, 0, withheld=0).ss_employee_cents == 6_20


@pytest.mark.parametrize("year", [2025, 2026])
def test_unemployment_tax_within_a_check(year: int) -> None:
    # 0.6 % of the first 7,000: 42.00 a year; half a cent up
    rates = load(year).futa
    assert futa(1_000_00, 6_000_00, rates)[:2] == (1_000_00, 6_00)
    assert futa(1_000_00, 6_000_01, rates)[:2] == (999_99, 6_00)
    assert futa(1_000_00, 6_999_17, rates)[:2] == (83, 0)
    assert futa(1_000_00, 6_997_50, rates)[:2] == (2_50, 2)
    assert futa(1_000_00, 7_000_00, rates)[:2] == (0, 0)
    assert futa(1_000_00, 7_000_01, rates)[:2] == (0, 0)
    assert futa(9_000_00, 0, rates)[:2] == (7_000_00, 42_00)


@given(
    ss_wages=GROSS,
    medicare_wages=GROSS,
    ss=st.integers(0, 300_000_00),
    medicare=st.integers(0, 300_000_00),
    withheld=st.none() | st.integers(0, 12_000_00),
    year=YEARS,
)
def test_the_worksheet_of_fica_gives_the_same(
    *, ss_wages: int, medicare_wages: int, ss: int, medicare: int, withheld: int | None, year: int
) -> None:
    tax = one_check(ss_wages, medicare_wages, year, ss=ss, medicare=medicare, withheld=withheld)
    assert add_up([json.loads(json.dumps(tax.working))]) == {
        "ss_taxable_cents": tax.ss_taxable_cents,
        "social_security_cents": tax.ss_employee_cents,
        "employer_social_security_cents": tax.ss_employer_cents,
        "medicare_cents": tax.medicare_employee_cents,
        "employer_medicare_cents": tax.medicare_employer_cents,
        "additional_medicare_taxable_cents": tax.additional_medicare_taxable_cents,
        "additional_medicare_cents": tax.additional_medicare_cents,
    }


@given(GROSS, st.integers(0, 10_000_00), st.integers(0, 60_000), YEARS)
def test_the_worksheet_of_futa_gives_the_same(wages: int, ytd: int, reduction: int, year: int) -> None:
    tax = futa(wages, ytd, load(year).futa, reduction)
    facts = {"futa_taxable_cents": tax.taxable_cents, "employer_futa_cents": tax.tax_cents}
    assert add_up([json.loads(json.dumps(tax.working))]) == facts


@pytest.mark.parametrize(
    ("state", "wages", "rate", "cents"),
    [
        # US DOL list for 2025: California 1.2 %, the Virgin Islands 4.5 %; nobody else
        ("CA", 7_000_00, 12_000, 84_00),
        ("VI", 7_000_00, 45_000, 315_00),
        ("NY", 7_000_00, 0, 0),
        ("CA", 1_25, 12_000, 2),
        ("CA", 1_24, 12_000, 1),
        ("CA", 0, 12_000, 0),
    ],
)
def test_the_years_credit_reduction(state: str, wages: int, rate: int, cents: int) -> None:
    owed = credit_reduction(state, wages, load(2025))
    assert owed == (rate, cents, ("futa_credit_reduction", state, wages, rate))
    assert add_up([owed.working]) == {"futa_credit_reduction_cents": cents}


def test_a_list_that_is_not_published_is_asked_for_by_name() -> None:
    with pytest.raises(NeedsReview) as refused:
        credit_reduction("CA", 7_000_00, load(2026))
    assert str(refused.value) == (
        "the credit reduction states of 2026 are not in the rule tables: add [futa.credit_reduction_percent] to "
        "payroll/rules/2026/federal.toml when the Department of Labor has named them"
    )
    with pytest.raises(NeedsReview, match=r"^FUTA wages of -1 cents in CA: a year cannot be below zero$"):
        credit_reduction("CA", -1, load(2025))
