"""Deferrals within the year's limits, and the employer's match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.deferral import Deferral, deferral
from payroll.calc.match import match, true_up
from payroll.rules import load

LIMITS = load(2026).retirement
CENTS = st.integers(0, 50_000_00)
PERCENTS = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)).filter(lambda both: sum(both) <= 10_000)


def settle(eligible: int, traditional_bp: int, roth_bp: int, age: int, ytd: int, **kw: object) -> Deferral:
    prior = kw.pop("prior", 0)
    return deferral(
        eligible,
        traditional_bp,
        roth_bp,
        kw.pop("limits", LIMITS),  # type: ignore[arg-type]
        age_at_year_end=age,
        ytd_deferrals_cents=ytd,
        prior_year_ss_wages_cents=prior,  # type: ignore[arg-type]
        **kw,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("year", "age", "limit"),
    [
        # IRS Notice 2024-80 and Notice 2025-67: the sums of 402(g) and 414(v)
        (2025, 49, 23_500_00),
        (2025, 50, 31_000_00),
        (2025, 60, 34_750_00),
        (2025, 64, 31_000_00),
        (2026, 49, 24_500_00),
        (2026, 59, 32_500_00),
        (2026, 60, 35_750_00),
        (2026, 63, 35_750_00),
        (2026, 64, 32_500_00),
    ],
)
def test_the_years_limit_by_age(year: int, age: int, limit: int) -> None:
    assert settle(100_000_00, 10_000, 0, age, 0, limits=load(year).retirement).total_cents == limit


def test_required_roth_catch_up() -> None:
    # IRC 414(v)(7): wages GREATER than the threshold; 150,000.00 itself is not
    at_threshold = settle(9000_00, 1000, 0, 55, 24_000_00, prior=150_000_00)
    above = settle(9000_00, 1000, 0, 55, 24_000_00, prior=150_000_01)
    assert (at_threshold.traditional_cents, at_threshold.roth_cents) == (900_00, 0)
    assert (above.traditional_cents, above.roth_cents, above.catch_up_cents) == (500_00, 400_00, 400_00)


def test_roth_dollars_already_elected_satisfy_the_requirement() -> None:
    check = settle(9000_00, 500, 500, 55, 24_000_00, prior=200_000_00)
    assert (check.traditional_cents, check.roth_cents, check.catch_up_cents) == (450_00, 450_00, 400_00)


def test_no_roth_in_the_plan_means_no_catch_up_for_them() -> None:
    check = settle(9000_00, 1000, 0, 55, 24_000_00, prior=200_000_00, plan_has_roth=False)
    assert (check.total_cents, check.catch_up_cents, check.refused_cents) == (500_00, 0, 400_00)


def test_the_requirement_did_not_apply_in_2025() -> None:
    check = settle(9000_00, 1000, 0, 55, 23_000_00, prior=900_000_00, limits=load(2025).retirement)
    assert (check.traditional_cents, check.roth_catch_up_required) == (900_00, False)


def test_features_a_plan_may_lack() -> None:
    assert settle(50_000_00, 10_000, 0, 55, 0, plan_has_catch_up=False).total_cents == 24_500_00
    assert settle(50_000_00, 10_000, 0, 61, 0, plan_has_60_to_63=False).total_cents == 32_500_00


def test_traditional_dollars_are_used_first() -> None:
    check = settle(10_000_00, 500, 500, 40, 23_800_00)
    assert (check.traditional_cents, check.roth_cents, check.refused_cents) == (500_00, 200_00, 300_00)


def test_two_halves_of_a_cent_do_not_defer_more_than_the_pay() -> None:
    check = settle(1, 5000, 5000, 40, 0)
    assert (check.traditional_cents, check.roth_cents) == (1, 0)


@pytest.mark.parametrize(
    ("eligible", "traditional", "roth"), [(-1, 0, 0), (1, -1, 0), (1, 0, -1), (1, 6000, 4001)]
)
def test_elections_that_cannot_be(eligible: int, traditional: int, roth: int) -> None:
    with pytest.raises(NeedsReview, match="0 to 100 %"):
        settle(eligible, traditional, roth, 40, 0)


@given(
    eligible=CENTS,
    percents=PERCENTS,
    age=st.integers(16, 80),
    ytd=st.integers(0, 40_000_00),
    prior=st.integers(0, 300_000_00),
    has_roth=st.booleans(),
)
def test_a_deferral_stays_within_limit_and_pay(
    *, eligible: int, percents: tuple[int, int], age: int, ytd: int, prior: int, has_roth: bool
) -> None:
    check = settle(eligible, *percents, age, ytd, prior=prior, plan_has_roth=has_roth)
    catch_up_limit = 0 if age < 50 else 11_250_00 if 60 <= age <= 63 else 8_000_00
    assert check.total_cents == check.traditional_cents + check.roth_cents
    assert 0 <= check.total_cents <= eligible
    assert ytd + check.total_cents <= max(ytd, 24_500_00 + catch_up_limit)
    assert min(check) >= 0
    assert check.catch_up_cents == max(0, min(check.total_cents, ytd + check.total_cents - 24_500_00))
    if check.roth_catch_up_required:
        assert check.catch_up_cents <= check.roth_cents


@given(st.lists(CENTS, max_size=30), PERCENTS, st.integers(45, 65))
def test_a_year_of_checks_never_passes_the_limit(
    checks: list[int], percents: tuple[int, int], age: int
) -> None:
    ytd = 0
    for eligible in checks:
        ytd += settle(eligible, *percents, age, ytd).total_cents
    assert ytd <= settle(1_000_000_00, 10_000, 0, age, 0).total_cents


@pytest.mark.parametrize(
    ("formula", "deferred_percent", "matched_bp"),
    [
        ("basic_safe_harbor", 3, 300),  # IRC 401(k)(12)(B)
        ("basic_safe_harbor", 5, 400),
        ("basic_safe_harbor", 50, 400),
        ("enhanced_4", 4, 400),
        ("qaca", 1, 100),  # IRC 401(k)(13)(D)
        ("qaca", 6, 350),
        ("half_of_6", 6, 300),
        ("full_of_6", 9, 600),
        ("none", 9, 0),
    ],
)
def test_match_formulas(formula: str, deferred_percent: int, matched_bp: int) -> None:
    assert match(10_000_00, 0, deferred_percent * 100_00, formula, LIMITS) == (10_000_00, matched_bp * 100)


def test_a_match_is_rounded_once() -> None:
    # 1,000.13 x (3 % + half of 2 %) = 40.0052; tier by tier: 30.0039 + 10.0013
    assert match(1000_13, 0, 60_00, "basic_safe_harbor", LIMITS).match_cents == 40_01


def test_pay_over_401a17_is_not_matched() -> None:
    assert match(20_000_00, 360_000_00, 1000_00, "enhanced_4", LIMITS) == (0, 0)
    assert match(20_000_00, 400_000_00, 1000_00, "enhanced_4", LIMITS) == (0, 0)
    assert true_up(500_000_00, 24_500_00, 0, "enhanced_4", LIMITS).annual_match_cents == 14_400_00


def test_an_unknown_formula() -> None:
    with pytest.raises(NeedsReview, match="'generous' is unknown: use one of basic_safe_harbor"):
        match(1, 0, 1, "generous", LIMITS)


@given(CENTS, st.integers(0, 400_000_00), CENTS, st.sampled_from([*LIMITS.formulas, "none"]))
def test_a_match_never_exceeds_the_deferral_and_grows_with_it(
    comp: int, ytd: int, deferred: int, formula: str
) -> None:
    made = match(comp, ytd, deferred, formula, LIMITS)
    assert 0 <= made.match_cents <= deferred
    assert made.matched_comp_cents <= comp
    assert match(comp, ytd, deferred + 1, formula, LIMITS).match_cents >= made.match_cents


@given(st.lists(st.tuples(CENTS, st.integers(0, 2000)), max_size=26), st.sampled_from(list(LIMITS.formulas)))
def test_a_true_up_completes_the_year(checks: list[tuple[int, int]], formula: str) -> None:
    paid = deferred = matched = 0
    for comp, percent_bp in checks:
        amount = comp * percent_bp // 10_000
        matched += match(comp, paid, amount, formula, LIMITS).match_cents
        paid, deferred = paid + comp, deferred + amount
    owed = true_up(paid, deferred, matched, formula, LIMITS)
    assert matched + owed.true_up_cents == max(matched, owed.annual_match_cents)
