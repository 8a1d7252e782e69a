"""What the employer adds: match, true-up, nonelective part, annual additions."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.match import annual_additions, match, true_up
from payroll.calc.worksheet import Value, Working, add_up
from payroll.rules import load

LIMITS = load(2026).retirement
MATCHES = [name for name in LIMITS.formulas if name != "safe_harbor_nonelective"]
CENTS = st.integers(0, 50_000_00)


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
    assert match(10_000_00, 0, deferred_percent * 100_00, formula, LIMITS)[:2] == (
        10_000_00,
        matched_bp * 100,
    )


def test_a_match_is_rounded_once() -> None:
    # 1,000.13 x (3 % + half of 2 %) = 40.0052; tier by tier: 30.0039 + 10.0013
    assert match(1000_13, 0, 60_00, "basic_safe_harbor", LIMITS).match_cents == 40_01


def test_pay_over_401a17_is_not_matched() -> None:
    assert match(20_000_00, 360_000_00, 1000_00, "enhanced_4", LIMITS)[:2] == (0, 0)
    assert match(20_000_00, 400_000_00, 1000_00, "enhanced_4", LIMITS)[:2] == (0, 0)
    assert true_up(500_000_00, 24_500_00, 0, "enhanced_4", LIMITS).annual_match_cents == 14_400_00


def test_an_unknown_formula() -> None:
    with pytest.raises(NeedsReview, match="'generous' is unknown: use one of basic_safe_harbor"):
        match(1, 0, 1, "generous", LIMITS)
    with pytest.raises(NeedsReview, match=r"half_of_6, qaca, safe_harbor_nonelective, or add it$"):
        true_up(1, 1, 0, "generous", LIMITS)


@given(CENTS, st.integers(0, 400_000_00), CENTS, st.sampled_from([*MATCHES, "none"]))
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


def from_store(working: Working) -> dict[str, Value]:
    """The facts of a working as it comes back from JSON."""
    return add_up([json.loads(json.dumps(working))])


@pytest.mark.parametrize("formula", [*LIMITS.formulas, "none"])
@settings(max_examples=30, deadline=None)
@given(
    comp=CENTS,
    ytd=st.integers(0, 400_000_00),
    deferred=CENTS,
    capped=st.booleans(),
    matched=st.integers(0, 20_000_00),
)
def test_the_worksheets_of_a_match_give_the_same(
    *, formula: str, comp: int, ytd: int, deferred: int, capped: bool, matched: int
) -> None:
    made = match(comp, ytd, deferred, formula, LIMITS, capped_per_check=capped)
    facts = from_store(made.working)
    assert facts["matched_comp_cents"] == made.matched_comp_cents
    assert facts["match_cents"] == made.match_cents
    owed = true_up(ytd, deferred, matched, formula, LIMITS)
    facts = from_store(owed.working)
    assert facts["annual_match_cents"] == owed.annual_match_cents
    assert facts["true_up_cents"] == owed.true_up_cents


def test_an_auditor_sees_the_tiers() -> None:
    # 3 % of 4,000 in full, then half of what is left of 160
    made = match(4000_00, 0, 160_00, "basic_safe_harbor", LIMITS)
    path = "retirement.match.basic_safe_harbor"
    assert made == (
        4000_00,
        140_00,
        ("match", 4000_00, 0, 160_00, 360_000_00, path, 0, [[300, 10_000], [200, 5_000]]),
    )
    assert from_store(made.working) == {
        "matched_comp_cents": 4000_00,
        "nonelective": 0,
        "tier_1": 120_00,
        "tier_2": 20_00,
        "match_cents": 140_00,
    }
    owed = true_up(150_000_00, 24_500_00, 4_000_00, "basic_safe_harbor", LIMITS)
    assert owed[:2] == (6_000_00, 2_000_00)
    assert owed.working[:5] == ("true_up", 150_000_00, 24_500_00, 4_000_00, 360_000_00)
    assert match(1, 0, 1, "none", LIMITS).working[-3:] == (None, 0, [])


@pytest.mark.parametrize(("year", "limit"), [(2025, 350_000_00), (2026, 360_000_00)])
def test_the_compensation_limit_of_each_year_within_a_check(year: int, limit: int) -> None:
    # IRS Notice 2024-80 and Notice 2025-67: 401(a)(17)
    limits = load(year).retirement
    assert match(100_00, limit - 100_00, 10_00, "full_of_6", limits)[:2] == (100_00, 6_00)
    assert match(100_00, limit - 50_00, 10_00, "full_of_6", limits)[:2] == (50_00, 3_00)
    assert match(100_00, limit, 10_00, "full_of_6", limits)[:2] == (0, 0)
    assert true_up(limit + 1_00, 90_000_00, 0, "full_of_6", limits)[0] == limit * 6 // 100


def test_a_plan_that_caps_at_the_years_end_alone() -> None:
    made = match(20_000_00, 360_000_00, 1000_00, "enhanced_4", LIMITS, capped_per_check=False)
    assert made[:2] == (20_000_00, 800_00)
    assert made.working[4] is None
    assert true_up(380_000_00, 24_500_00, 15_200_00, "enhanced_4", LIMITS)[:2] == (14_400_00, 0)


@pytest.mark.parametrize("deferred", [0, 1, 500_00])
def test_a_nonelective_contribution_is_paid_whatever_is_deferred(deferred: int) -> None:
    # IRC 401(k)(12)(C): 3 % of pay
    assert match(4000_00, 0, deferred, "safe_harbor_nonelective", LIMITS)[:2] == (4000_00, 120_00)
    assert match(4000_00, 359_000_00, deferred, "safe_harbor_nonelective", LIMITS)[:2] == (1000_00, 30_00)
    assert match(50, 0, deferred, "safe_harbor_nonelective", LIMITS).match_cents == 2  # 1.5
    assert true_up(400_000_00, deferred, 10_799_99, "safe_harbor_nonelective", LIMITS)[:2] == (10_800_00, 1)


@pytest.mark.parametrize(("comp", "deferred"), [(-1, 0), (0, -1)])
def test_a_match_on_what_is_below_zero(comp: int, deferred: int) -> None:
    message = (
        f"^pay of {comp} and deferrals of {deferred} cents to be matched: "
        "neither may be below zero, correct the pay or void the check$"
    )
    with pytest.raises(NeedsReview, match=message):
        match(comp, 0, deferred, "qaca", LIMITS)
    with pytest.raises(NeedsReview, match=message):
        true_up(comp, deferred, 0, "qaca", LIMITS)


@pytest.mark.parametrize(("year", "limit"), [(2025, 70_000_00), (2026, 72_000_00)])
def test_annual_additions_of_each_year(year: int, limit: int) -> None:
    # IRS Notice 2024-80 and Notice 2025-67: 415(c), employee and employer together
    limits = load(year).retirement
    assert annual_additions(500_00, 1000_00, limit - 1500_00, 200_000_00, limits)[:2] == (500_00, 0)
    assert annual_additions(500_00, 1000_00, limit - 1499_99, 200_000_00, limits)[:2] == (499_99, 1)
    assert annual_additions(500_00, 1000_00, limit - 1000_00, 200_000_00, limits)[:2] == (0, 500_00)
    assert annual_additions(500_00, 1000_00, limit, 200_000_00, limits)[:2] == (0, 500_00)
    assert annual_additions(0, 0, 0, 0, limits)[:2] == (0, 0)


def test_additions_stay_within_the_years_compensation() -> None:
    # 100 % of pay: 5,000 paid, 4,900 deferred, so 100 are left for the employer
    cut = annual_additions(200_00, 4_900_00, 0, 5_000_00, LIMITS)
    assert cut == (100_00, 100_00, ("annual_additions", 200_00, 4_900_00, 0, 5_000_00, 72_000_00))
    assert from_store(cut.working) == {
        "limit": 5_000_00,
        "room": 100_00,
        "match_cents": 100_00,
        "match_cut_cents": 100_00,
    }


@pytest.mark.parametrize("place", range(4))
def test_additions_below_zero(place: int) -> None:
    amounts = [0, 0, 0, 0]
    amounts[place] = -1
    message = "additions of {} + {} cents after {} cents on {} cents of pay: none may be below zero".format(
        *amounts
    )
    with pytest.raises(NeedsReview, match=f"^{re.escape(message)}, correct the year to date$"):
        annual_additions(*amounts, LIMITS)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(CENTS, st.integers(0, 100), st.integers(0, 30_000_00)), max_size=12))
def test_a_year_of_additions_never_passes_the_limit(checks: list[tuple[int, int, int]]) -> None:
    paid = added = employer = 0
    for comp, percent, match_cents in checks:
        regular = min(comp * percent // 100, max(0, 24_500_00 - added + employer))
        paid += comp
        made = annual_additions(match_cents, regular, added, paid, LIMITS)
        assert made.match_cents + made.match_cut_cents == match_cents
        assert from_store(made.working)["match_cents"] == made.match_cents
        assert from_store(made.working)["match_cut_cents"] == made.match_cut_cents
        added += regular + made.match_cents
        employer += made.match_cents
        # The employer's part alone is cut: a deferral that fills the limit by itself leaves nothing for it.
        assert added <= min(72_000_00, paid) or made.match_cents == 0
