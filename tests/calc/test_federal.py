"""Worksheet 1A: the identities of the printed tables, the order of its lines, and what must always hold."""

import json
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.calendar import PERIODS_PER_YEAR
from payroll.calc.federal import W4, W4Before2020, withholding, withholding_with_floor
from payroll.calc.money import PPM
from payroll.calc.worksheet import add_up
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
    assert old.withholding_cents == withholding(wages, frequency, bridge, federal).withholding_cents


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


@given(WAGES, FREQUENCIES, st.sampled_from(STATUSES))
def test_exempt_withholds_nothing(wages: int, frequency: str, status: str) -> None:
    federal = load(2026).federal
    for form in (W4(status, exempt=True), W4Before2020("married", 3, 5_00, exempt=True)):
        tax = withholding(wages, frequency, form, federal)
        assert tax == (0, ("federal_exempt",))
        assert add_up([tax.working]) == {"federal_income_tax_cents": 0}


@pytest.mark.parametrize(
    "entry",
    [
        {"step2_checkbox": True},
        {"step3_cents": 1},
        {"step4a_cents": 1},
        {"step4b_cents": 1},
        {"step4c_cents": 1},
    ],
)
def test_exempt_beside_other_entries_is_no_valid_form(entry: dict[str, int]) -> None:
    form = W4(exempt=True)._replace(**entry)
    with pytest.raises(NeedsReview) as refused:
        withholding(100, "weekly", form, load(2026).federal)
    assert str(refused.value) == (
        "the Form W-4 claims exemption beside entries in Step 2(c), 3 or 4, which makes it invalid: go on with "
        "the earlier valid form, or without one as single with no entries, until a new form comes"
    )


@given(
    WAGES,
    FREQUENCIES,
    st.one_of(
        NEW_FORMS,
        st.builds(
            W4Before2020,
            st.sampled_from(["single", "married", "married_higher_single"]),
            st.integers(0, 9),
            st.integers(0, 500_00),
            st.just(False),
        ),
    ),
    st.sampled_from([None, "table1", "table2"]),
    st.sampled_from(YEARS),
)
def test_the_worksheet_gives_the_same_tax(
    wages: int, frequency: str, w4: W4 | W4Before2020, nonresident: str | None, year: int
) -> None:
    federal = load(year).federal
    tax = withholding(wages, frequency, w4, federal, nonresident)
    facts = add_up([json.loads(json.dumps(tax.working))])
    assert facts["federal_income_tax_cents"] == tax.withholding_cents
    added = federal.nonresident[nonresident, frequency] if nonresident else 0
    assert facts["1a"] == wages + added


def test_an_auditor_sees_the_lines_of_worksheet_1a() -> None:
    # 2026, single, weekly 1,000: 52,000 - 8,600 = 43,400; 1,240 + 12 % of 23,500 = 4,060; - 520 = 3,540 / 52
    tax = withholding(1_000_00, "weekly", W4(step3_cents=520_00, step4c_cents=7_00), load(2026).federal)
    assert tax.withholding_cents == 75_08
    assert add_up([tax.working]) == {
        "1a": 1_000_00,
        "1c": 52_000_00,
        "1i": 43_400_00,
        "2g": 4_060_00,
        "3c": Fraction(3_540_00, 52),
        "federal_income_tax_cents": 75_08,
    }
    assert tax.working[:10] == ("federal_2020", 1_000_00, 0, 52, False, 520_00, 0, 0, 7_00, 8_600_00)
    assert tax.working[10:] == ("federal.standard.single_or_mfs", 19_900_00, 1_240_00, 120_000)


@given(
    WAGES,
    FREQUENCIES,
    st.one_of(NEW_FORMS, st.just(W4(exempt=True))),
    NEW_FORMS,
    st.sampled_from([None, "table2"]),
)
def test_a_lock_in_letter_is_a_floor(
    wages: int, frequency: str, w4: W4, letter: W4, nonresident: str | None
) -> None:
    federal = load(2026).federal
    floored = withholding_with_floor(wages, frequency, w4, letter, federal, nonresident=nonresident)
    on_w4, on_letter = (
        withholding(wages, frequency, form, federal, nonresident).withholding_cents for form in (w4, letter)
    )
    assert floored.withholding_cents == max(on_w4, on_letter)
    facts = add_up([json.loads(json.dumps(floored.working))])
    assert facts["federal_income_tax_cents"] == floored.withholding_cents
    assert facts["w4.federal_income_tax_cents"] == on_w4
    assert facts["letter.federal_income_tax_cents"] == on_letter


@pytest.mark.parametrize(
    ("w4", "cents"),
    [
        # 2026, weekly 1,000: single 4,060 / 52 = 78.08; mfj: 39,100 - 19,300 = 19,800 at 10 % = 1,980 / 52 = 38.08
        (W4("mfj"), 78_08),
        (W4("mfj", step4c_cents=39_99), 78_08),
        (W4("mfj", step4c_cents=40_01), 78_09),
        (W4(exempt=True), 78_08),
        (W4Before2020(exempt=True), 78_08),
        (W4("mfj", step4c_cents=50_00), 88_08),
    ],
)
def test_a_form_that_withholds_less_is_disregarded_and_one_that_withholds_more_honoured(
    w4: W4 | W4Before2020, cents: int
) -> None:
    tax = withholding_with_floor(1_000_00, "weekly", w4, W4(), load(2026).federal)
    assert tax.withholding_cents == cents


def test_a_letter_of_an_old_form_is_computed_the_old_way() -> None:
    # 2026: 36,000 - 2 x 4,300 = 27,400; 1,240 + 12 % of 7,500 = 2,140
    letter = W4Before2020("single", 2)
    tax = withholding_with_floor(36_000_00, "annual", W4("mfj"), letter, load(2026).federal)
    assert tax.withholding_cents == 2_140_00
    assert tax.working[2][0] == "federal_before_2020"


@pytest.mark.parametrize("letter", [W4(exempt=True), W4Before2020(exempt=True)])
def test_a_letter_exempts_nobody(letter: W4 | W4Before2020) -> None:
    with pytest.raises(NeedsReview, match=r"^a lock-in letter exempts nobody: enter the status"):
        withholding_with_floor(100, "weekly", W4(), letter, load(2026).federal)


@pytest.mark.parametrize(
    ("wages", "frequency", "w4", "nonresident", "message"),
    [
        (100, "weekly", W4("divorced"), None, "'divorced' is not on Form W-4"),
        (100, "weekly", W4Before2020("mfj"), None, "'mfj' is not on Form W-4 .2019"),
        (100, "weekly", W4(), "table3", "'table3'"),
        (100, "hourly", W4(), None, "'hourly' is unknown"),
        (-1, "weekly", W4(), None, "below zero"),
        (
            100,
            "weekly",
            W4(step3_cents=-1, step4a_cents=2, step4b_cents=3, step4c_cents=4),
            None,
            r"^Form W-4 entries of -1 .Step 3., 2 .4a., 3 .4b. and 4 .4c. cents: "
            "none may be below zero, correct the W-4$",
        ),
        (100, "weekly", W4(step4a_cents=-1), None, "0 .Step 3., -1 .4a."),
        (100, "weekly", W4(step4b_cents=-1), None, "-1 .4b."),
        (100, "weekly", W4(step4c_cents=-1), None, "-1 .4c."),
        (
            100,
            "weekly",
            W4Before2020(additional_cents=-1),
            None,
            r"^Form W-4 entries of 0 allowances and -1 cents of additional withholding: neither may be below zero, "
            "correct the W-4$",
        ),
        (100, "weekly", W4Before2020(allowances=-1), None, "-1 allowances and 0 cents"),
    ],
)
def test_what_a_person_must_look_at(
    wages: int, frequency: str, w4: W4 | W4Before2020, nonresident: str | None, message: str
) -> None:
    with pytest.raises(NeedsReview, match=message):
        withholding(wages, frequency, w4, load(2026).federal, nonresident)
