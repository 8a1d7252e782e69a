"""Deferrals within the year's limits."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.deferral import NO_DEFERRAL, Deferral, deferral
from payroll.calc.worksheet import Value, Working, add_up
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
    message = (
        f"deferral of {traditional} + {roth} hundredths of a percent of {eligible} cents: "
        "elect 0 to 100 % of pay, and correct pay below zero"
    )
    with pytest.raises(NeedsReview, match=f"^{re.escape(message)}$"):
        settle(eligible, traditional, roth, 40, 0)


def test_roth_elected_in_a_plan_without_roth() -> None:
    with pytest.raises(
        NeedsReview,
        match=r"^Roth deferral of 1 hundredths of a percent is elected in a plan without Roth: "
        r"correct the election or the plan$",
    ):
        settle(100, 0, 1, 40, 0, plan_has_roth=False)
    assert settle(100, 10_000, 0, 40, 0, plan_has_roth=False).total_cents == 100


@given(
    eligible=CENTS,
    percents=PERCENTS,
    age=st.integers(16, 80),
    ytd=st.integers(0, 40_000_00),
    prior=st.integers(0, 300_000_00),
)
def test_a_deferral_stays_within_limit_and_pay(
    *, eligible: int, percents: tuple[int, int], age: int, ytd: int, prior: int
) -> None:
    check = settle(eligible, *percents, age, ytd, prior=prior)
    catch_up_limit = 0 if age < 50 else 11_250_00 if 60 <= age <= 63 else 8_000_00
    assert check.total_cents == check.traditional_cents + check.roth_cents
    assert 0 <= check.total_cents <= eligible
    assert ytd + check.total_cents <= max(ytd, 24_500_00 + catch_up_limit)
    assert min(check[:-1]) >= 0
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


def from_store(working: Working) -> dict[str, Value]:
    """The facts of a working as it comes back from JSON."""
    return add_up([json.loads(json.dumps(working))])


@settings(max_examples=200, deadline=None)
@given(
    eligible=CENTS,
    percents=PERCENTS,
    age=st.integers(48, 66),
    ytd=st.integers(0, 40_000_00),
    prior=st.integers(149_999_99, 150_000_02),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    year=st.sampled_from([2025, 2026]),
)
def test_the_worksheet_of_a_deferral_gives_the_same(
    *,
    eligible: int,
    percents: tuple[int, int],
    age: int,
    ytd: int,
    prior: int,
    flags: tuple[bool, bool, bool],
    year: int,
) -> None:
    has_roth, has_catch_up, has_60_to_63 = flags
    check = settle(
        eligible,
        percents[0],
        percents[1] if has_roth else 0,
        age,
        ytd,
        prior=prior,
        limits=load(year).retirement,
        plan_has_roth=has_roth,
        plan_has_catch_up=has_catch_up,
        plan_has_60_to_63=has_60_to_63,
    )
    facts = from_store(check.working)
    assert facts["traditional_401k_cents"] == check.traditional_cents
    assert facts["roth_401k_cents"] == check.roth_cents
    assert facts["deferral_cents"] == check.total_cents
    assert facts["catch_up_cents"] == check.catch_up_cents
    assert facts["deferral_refused_cents"] == check.refused_cents
    assert facts["roth_catch_up_required"] == check.roth_catch_up_required


def test_an_auditor_sees_how_a_deferral_was_settled() -> None:
    # 24,500 - 24,000 leaves 500 regular; 900 wanted; 400 of it is catch-up, over the threshold and so Roth
    check = settle(9000_00, 1000, 0, 55, 24_000_00, prior=150_000_01)
    assert check.working == (
        "deferral", 9000_00, 1000, 0, 55, 24_000_00, 150_000_01, True, True, True,
        24_500_00, 8_000_00, 11_250_00, 150_000_00,
    )  # fmt: skip
    assert from_store(check.working) == {
        "wanted_traditional": 900_00,
        "wanted_roth": 0,
        "roth_catch_up_required": True,
        "catch_up_limit": 8_000_00,
        "regular_room": 500_00,
        "room": 8_500_00,
        "traditional_401k_cents": 500_00,
        "roth_401k_cents": 400_00,
        "deferral_cents": 900_00,
        "catch_up_cents": 400_00,
        "deferral_refused_cents": 0,
    }


def test_no_deferral_is_explained_too() -> None:
    assert NO_DEFERRAL == (0, 0, 0, 0, 0, False, ("no_deferral",))
    facts = (
        "traditional_401k_cents",
        "roth_401k_cents",
        "deferral_cents",
        "catch_up_cents",
        "deferral_refused_cents",
    )
    assert add_up([NO_DEFERRAL.working]) == dict.fromkeys(facts, 0)


@pytest.mark.parametrize(
    ("year", "age", "regular", "catch_up"),
    [
        (2025, 49, 23_500_00, 0),
        (2025, 50, 23_500_00, 7_500_00),
        (2025, 59, 23_500_00, 7_500_00),
        (2025, 60, 23_500_00, 11_250_00),
        (2025, 63, 23_500_00, 11_250_00),
        (2025, 64, 23_500_00, 7_500_00),
        (2026, 49, 24_500_00, 0),
        (2026, 50, 24_500_00, 8_000_00),
        (2026, 59, 24_500_00, 8_000_00),
        (2026, 60, 24_500_00, 11_250_00),
        (2026, 63, 24_500_00, 11_250_00),
        (2026, 64, 24_500_00, 8_000_00),
    ],
)
def test_the_last_cents_of_each_limit(*, year: int, age: int, regular: int, catch_up: int) -> None:
    # IRS Notice 2024-80 and Notice 2025-67
    limits = load(year).retirement
    exactly = settle(100, 10_000, 0, age, regular + catch_up - 100, limits=limits)
    assert (exactly.total_cents, exactly.refused_cents) == (100, 0)
    partly = settle(100, 10_000, 0, age, regular + catch_up - 99, limits=limits)
    assert (partly.total_cents, partly.refused_cents) == (99, 1)
    full = settle(100, 10_000, 0, age, regular + catch_up, limits=limits)
    assert (full.total_cents, full.refused_cents) == (0, 100)
    assert from_store(full.working)["catch_up_limit"] == catch_up
    assert settle(100, 10_000, 0, age, regular - 100, limits=limits).catch_up_cents == 0
    assert settle(100, 10_000, 0, age, regular - 99, limits=limits).catch_up_cents == min(1, catch_up)


def test_half_a_cent_is_rounded_up_for_each_source() -> None:
    # 5 % and 15 % of 0.10 are 0.5 and 1.5 cents; 5 % of 0.09 is 0.45
    assert settle(10, 500, 1500, 40, 0)[:2] == (1, 2)
    assert settle(9, 500, 0, 40, 0).total_cents == 0


def test_a_catch_up_beyond_the_roth_elected_moves_only_the_difference() -> None:
    # 300 regular left, 900 wanted: 600 catch-up, of which 450 are Roth already
    check = settle(9000_00, 500, 500, 55, 24_200_00, prior=150_000_01)
    assert check[:5] == (300_00, 600_00, 900_00, 600_00, 0)


def test_who_is_under_50_has_nothing_to_move() -> None:
    check = settle(9000_00, 1000, 0, 40, 24_000_00, prior=150_000_01)
    assert check[:6] == (500_00, 0, 500_00, 0, 400_00, True)
