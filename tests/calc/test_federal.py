"""Worksheet 1A: the identities of the printed tables, the order of its lines, and what must always hold."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.calendar import PERIODS_PER_YEAR
from payroll.calc.federal import W4, W4Before2020, withholding
from payroll.calc.money import PPM
from payroll.rules import load

YEARS = (2025, 2026)
STATUSES = ("single", "mfs", "mfj", "qss", "hoh")
FREQUENCIES = st.sampled_from(sorted(PERIODS_PER_YEAR))
WAGES = st.integers(0, 200_000_00)
DOLLARS = st.integers(0, 30_000).map(lambda dollars: dollars * 100)
NEW_FORMS = st.builds(
    W4,
    st.sampled_from(STATUSES),
    st.booleans(),
    DOLLARS,
    DOLLARS,
    DOLLARS,
    st.integers(0, 500_00),
    exempt=st.just(False),
)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("status", STATUSES)
def test_checkbox_tables_are_half_the_standard_ones(year: int, status: str) -> None:
    """Pub. 15-T: threshold = (standard + line 1g) / 2, to the dollar; base is half; rates are the same."""
    federal = load(year).federal
    standard, checkbox = federal.from_2020[status, False], federal.from_2020[status, True]
    assert checkbox.line_1g_cents == 0
    assert checkbox.brackets.rate_ppm == standard.brackets.rate_ppm
    for row in range(1, 8):
        half = Decimal(standard.brackets.at_least[row] + standard.line_1g_cents) / 200
        assert checkbox.brackets.at_least[row] == half.quantize(Decimal(1), ROUND_HALF_UP) * 100
        base = Decimal(standard.brackets.base[row]) / 2
        assert checkbox.brackets.base[row] == base.quantize(Decimal(1), ROUND_HALF_UP)


@pytest.mark.parametrize("year", YEARS)
def test_standard_tables_are_continuous(year: int) -> None:
    """Pub. 15-T: each base of a STANDARD table is the tax reached at the end of the row before."""
    for status in STATUSES:
        table = load(year).federal.from_2020[status, False].brackets
        for row in range(1, 8):
            rise = table.rate_ppm[row - 1] * (table.at_least[row] - table.at_least[row - 1])
            assert table.base[row] * PPM == table.base[row - 1] * PPM + rise


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("table", ["table1", "table2"])
def test_nonresident_amounts(year: int, table: str) -> None:
    """Pub. 15-T: each period's amount is the annual one divided by the periods, to ten cents."""
    amounts = load(year).federal.nonresident
    annual = {(2025, "table1"): 10_700, (2025, "table2"): 15_000, (2026, "table1"): 11_800}.get(
        (year, table), 16_100
    )
    assert amounts[table, "annual"] == annual * 100
    for frequency, periods in PERIODS_PER_YEAR.items():
        tens = (Decimal(annual * 10) / periods).quantize(Decimal(1), ROUND_HALF_UP)
        assert amounts[table, frequency] == tens * 10


@pytest.mark.parametrize(
    ("wages", "frequency", "w4", "cents"),
    [
        # worked by hand from the 2026 tables of Pub. 15-T
        (16_100_00, "annual", W4(), 0),  # 16,100 - 8,600 = 7,500: the 0 % row ends here
        (16_110_00, "annual", W4(), 1_00),
        (8_050_00, "annual", W4(step2_checkbox=True), 0),
        (36_000_00, "annual", W4Before2020(allowances=2), 2_140_00),  # 27,400: 1,240 + 12 % of 7,500
        (36_000_00, "annual", W4Before2020("married_higher_single", 2), 2_140_00),
        (36_000_00, "annual", W4Before2020("married", 2, 10_00), 820_00),
    ],
)
def test_worked_by_hand(wages: int, frequency: str, w4: W4 | W4Before2020, cents: int) -> None:
    assert withholding(wages, frequency, w4, load(2026).federal).withholding_cents == cents


def test_the_credit_never_eats_the_extra_amount() -> None:
    w4 = W4("single", False, step3_cents=99_999_00, step4c_cents=15_00)
    assert withholding(300_00, "weekly", w4, load(2026).federal).withholding_cents == 15_00


@given(WAGES, st.integers(0, 5), st.sampled_from(["single", "married"]), FREQUENCIES, st.sampled_from(YEARS))
def test_the_bridge_from_old_forms(
    wages: int, allowances: int, marital: str, frequency: str, year: int
) -> None:
    """Pub. 15-T, computational bridge: 4(a) = line 1g, 4(b) = allowances x 4,300 gives the same tax."""
    federal = load(year).federal
    status, line_1g = ("mfj", 12_900_00) if marital == "married" else ("single", 8_600_00)
    bridge = W4(status, False, 0, line_1g, allowances * 4_300_00, 0)
    old = withholding(wages, frequency, W4Before2020(marital, allowances), federal)
    assert old == withholding(wages, frequency, bridge, federal)


@given(WAGES, st.integers(0, 5000_00), FREQUENCIES, NEW_FORMS, st.sampled_from(YEARS))
def test_more_wages_never_mean_less_tax_nor_all_of_the_raise(
    wages: int, raise_: int, frequency: str, w4: W4, year: int
) -> None:
    federal = load(year).federal
    less, more = (withholding(w, frequency, w4, federal).withholding_cents for w in (wages, wages + raise_))
    assert w4.step4c_cents <= less <= more
    # 37 % at most; a printed checkbox base may step by 18 cents a year, and the rounding by one cent
    assert more - less <= raise_ * 37 // 100 + 20


@given(WAGES, FREQUENCIES, NEW_FORMS)
def test_status_and_checkbox_keep_their_order(wages: int, frequency: str, w4: W4) -> None:
    federal = load(2026).federal

    def tax(status: str, checkbox: bool) -> int:
        form = w4._replace(filing_status=status, step2_checkbox=checkbox)
        return withholding(wages, frequency, form, federal).withholding_cents

    assert tax("mfj", False) <= tax("hoh", False) <= tax("single", False) == tax("mfs", False)
    assert tax("qss", False) == tax("mfj", False)


@given(WAGES, FREQUENCIES, NEW_FORMS)
def test_exempt_withholds_nothing(wages: int, frequency: str, w4: W4) -> None:
    federal = load(2026).federal
    assert withholding(wages, frequency, w4._replace(exempt=True), federal).withholding_cents == 0
    assert withholding(wages, frequency, W4Before2020(exempt=True), federal).withholding_cents == 0


@pytest.mark.parametrize(
    ("wages", "frequency", "w4", "nonresident", "message"),
    [
        (100, "weekly", W4("divorced"), None, "'divorced' is not on Form W-4"),
        (100, "weekly", W4Before2020("mfj"), None, "'mfj' is not on Form W-4 .2019"),
        (100, "weekly", W4(), "table3", "'table3'"),
        (100, "hourly", W4(), None, "'hourly' is unknown"),
        (-1, "weekly", W4(), None, "below zero"),
        (100, "weekly", W4(step4c_cents=-1), None, "extra withholding of -1 cents"),
        (100, "weekly", W4Before2020(additional_cents=-1), None, "extra withholding of -1 cents"),
    ],
)
def test_what_a_person_must_look_at(
    wages: int, frequency: str, w4: W4 | W4Before2020, nonresident: str | None, message: str
) -> None:
    with pytest.raises(NeedsReview, match=message):
        withholding(wages, frequency, w4, load(2026).federal, nonresident)
