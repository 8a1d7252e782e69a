"""Supplemental wages: the flat rates, the million, and the aggregate method."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.federal import W4, W4Before2020, withholding, withholding_with_floor
from payroll.calc.supplemental import aggregate, allowed_methods, flat
from payroll.calc.worksheet import add_up
from payroll.rules import load

YEARS = (2025, 2026)
MILLION = 1_000_000_00
PAYMENTS = st.integers(0, 2 * MILLION)
FORMS = st.one_of(
    st.builds(
        W4,
        st.sampled_from(["single", "mfs", "mfj", "qss", "hoh"]),
        st.booleans(),
        st.integers(0, 9_000_00),
        st.integers(0, 9_000_00),
        st.integers(0, 9_000_00),
        st.integers(0, 200_00),
        st.just(False),
    ),
    st.builds(
        W4Before2020, st.sampled_from(["single", "married"]), st.integers(0, 5), st.integers(0, 200_00)
    ),
    st.just(W4(exempt=True)),
)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(
    ("wages", "ytd", "at_22", "at_37", "tax"),
    [
        (1_000_00, 0, 1_000_00, 0, 220_00),  # Pub. 15 (2025) sec. 7, example 3
        (60_000_00, 975_000_00, 25_000_00, 35_000_00, 18_450_00),  # 5,500 + 12,950
        (1_00, MILLION - 1_00, 1_00, 0, 22),
        (1_00, MILLION - 99, 99, 1, 22),  # 21.78 + 0.37 = 22.15: rounded once
        (1_00, MILLION, 0, 1_00, 37),
        (1_00, MILLION + 1, 0, 1_00, 37),
        (MILLION + 1_00, 0, MILLION, 1_00, 220_000_37),
        (25, 0, 25, 0, 6),  # 5.5
        (2, MILLION - 1, 1, 1, 1),  # 0.22 + 0.37 = 0.59; each alone would give nothing
        (0, 0, 0, 0, 0),
    ],
)
def test_flat_rates(*, year: int, wages: int, ytd: int, at_22: int, at_37: int, tax: int) -> None:
    assert flat(wages, ytd, load(year).federal.supplemental)[:3] == (at_22, at_37, tax)


@pytest.mark.parametrize("year", YEARS)
def test_flat_for_who_claims_exemption(year: int) -> None:
    rates = load(year).federal.supplemental
    assert flat(60_000_00, 0, rates, exempt=True)[:3] == (0, 0, 0)
    # above the million the rate is mandatory, whatever the W-4 says
    assert flat(60_000_00, 975_000_00, rates, exempt=True)[:3] == (0, 35_000_00, 12_950_00)


def test_the_rates_are_data() -> None:
    for year in YEARS:
        rates = load(year).federal.supplemental
        assert (rates.rate_ppm, rates.over_rate_ppm, rates.threshold_cents) == (220_000, 370_000, MILLION)


@settings(max_examples=200, deadline=None)
@given(PAYMENTS, PAYMENTS, st.booleans(), st.sampled_from(YEARS))
def test_the_worksheet_of_the_flat_rates_gives_the_same(
    wages: int, ytd: int, exempt: bool, year: int
) -> None:
    made = flat(wages, ytd, load(year).federal.supplemental, exempt=exempt)
    assert add_up([json.loads(json.dumps(made.working))]) == {
        "at_22_cents": made.at_22_cents,
        "at_37_cents": made.at_37_cents,
        "federal_income_tax_cents": made.withholding_cents,
    }
    assert made.at_22_cents + made.at_37_cents == wages or exempt


@settings(max_examples=100, deadline=None)
@given(st.lists(PAYMENTS, max_size=10))
def test_payments_of_a_year_split_at_the_million(payments: list[int]) -> None:
    paid = at_22 = at_37 = 0
    for wages in payments:
        made = flat(wages, paid, load(2026).federal.supplemental)
        paid, at_22, at_37 = paid + wages, at_22 + made.at_22_cents, at_37 + made.at_37_cents
    assert at_22 == min(paid, MILLION)
    assert at_37 == max(0, paid - MILLION)


def test_aggregate_by_hand() -> None:
    # 2026, single, biweekly: 3,000 x 26 - 8,600 = 69,400: 5,800 + 22 % of 11,500 = 8,330 / 26 = 320.38;
    # 2,000 x 26 - 8,600 = 43,400: 1,240 + 12 % of 23,500 = 4,060 / 26 = 156.15
    made = aggregate(2_000_00, 1_000_00, "biweekly", W4(), load(2026).federal)
    assert made[:3] == (320_38, 156_15, 164_23)
    facts = add_up(made.workings)
    assert facts["combined"] == facts["combined.1a"] == 3_000_00
    assert facts["regular.1a"] == 2_000_00
    assert (facts["on_combined_cents"], facts["on_regular_cents"]) == (320_38, 156_15)
    assert (facts["at_37_cents"], facts["mandatory"]) == (0, 0)
    assert facts["federal_income_tax_cents"] == 164_23


def test_what_supplemental_wages_add_is_never_below_zero() -> None:
    # 2026, single, Step 2 checked: the printed base at 108,938 is 12 cents below the end of the row before
    made = aggregate(108_937_99, 1, "annual", W4(step2_checkbox=True), load(2026).federal)
    assert made[:3] == (20_512_00, 20_512_12, 0)
    assert add_up(made.workings)["federal_income_tax_cents"] == 0


def test_step_4c_is_withheld_once() -> None:
    made = aggregate(2_000_00, 1_000_00, "biweekly", W4(step4c_cents=50_00), load(2026).federal)
    assert made[:3] == (370_38, 206_15, 164_23)


@pytest.mark.parametrize(
    ("ytd", "over"),
    [(MILLION - 1_000_00, 0), (MILLION - 999_99, 1), (MILLION, 1_000_00), (MILLION + 1, 1_000_00)],
)
def test_above_the_million_the_aggregate_method_ends(ytd: int, over: int) -> None:
    federal = load(2026).federal
    made = aggregate(2_000_00, 1_000_00, "biweekly", W4(), federal, ytd_supplemental_cents=ytd)
    on_combined = withholding(3_000_00 - over, "biweekly", W4(), federal).withholding_cents
    mandatory = {0: 0, 1: 0, 1_000_00: 370_00}[over]  # 0.37 of a cent is none
    assert made[:3] == (on_combined, 156_15, on_combined - 156_15 + mandatory)
    assert add_up(made.workings)["at_37_cents"] == over


def test_half_a_cent_of_the_mandatory_part_goes_up() -> None:
    made = aggregate(0, 50, "annual", W4(exempt=True), load(2026).federal, ytd_supplemental_cents=MILLION)
    assert made[:3] == (0, 0, 19)  # 18.5


def test_a_lock_in_letter_holds_for_the_aggregate_method() -> None:
    federal = load(2026).federal
    made = aggregate(2_000_00, 1_000_00, "biweekly", W4(exempt=True), federal, letter=W4())
    assert made[:3] == (320_38, 156_15, 164_23)
    assert made.workings[0][4][0] == "lock_in_floor"


@settings(max_examples=150, deadline=None)
@given(
    regular=st.integers(0, 50_000_00),
    wages=PAYMENTS,
    frequency=st.sampled_from(["weekly", "biweekly", "monthly", "annual"]),
    w4=FORMS,
    letter=st.sampled_from([None, W4(), W4("mfj", step2_checkbox=True)]),
    nonresident=st.sampled_from([None, "table1", "table2"]),
    ytd=PAYMENTS,
    year=st.sampled_from(YEARS),
)
def test_the_worksheet_of_the_aggregate_method_gives_the_same(
    *,
    regular: int,
    wages: int,
    frequency: str,
    w4: W4 | W4Before2020,
    letter: W4 | None,
    nonresident: str | None,
    ytd: int,
    year: int,
) -> None:
    federal = load(year).federal
    made = aggregate(
        regular,
        wages,
        frequency,
        w4,
        federal,
        nonresident=nonresident,
        ytd_supplemental_cents=ytd,
        letter=letter,
    )
    facts = add_up(json.loads(json.dumps(made.workings)))
    assert facts["on_combined_cents"] == made.on_combined_cents
    assert facts["on_regular_cents"] == made.on_regular_cents
    assert facts["federal_income_tax_cents"] == made.withholding_cents
    alone = withholding(regular, frequency, w4, federal, nonresident)
    if letter is not None:
        alone = withholding_with_floor(regular, frequency, w4, letter, federal, nonresident=nonresident)
    assert made.on_regular_cents == alone.withholding_cents
    assert made.withholding_cents >= 0


def test_the_flat_rate_needs_regular_wages_that_were_taxed() -> None:
    assert allowed_methods(True) == ("flat", "aggregate")
    assert allowed_methods(False) == ("aggregate",)


@pytest.mark.parametrize(("wages", "ytd"), [(-1, 0), (0, -1)])
def test_amounts_below_zero(wages: int, ytd: int) -> None:
    federal = load(2026).federal
    message = (
        f"^supplemental wages of {wages} cents after {ytd} cents earlier in the year: "
        "neither may be below zero, correct the pay or void the check$"
    )
    with pytest.raises(NeedsReview, match=message):
        flat(wages, ytd, federal.supplemental)
    with pytest.raises(NeedsReview, match=message):
        aggregate(100, wages, "weekly", W4(), federal, ytd_supplemental_cents=ytd)
