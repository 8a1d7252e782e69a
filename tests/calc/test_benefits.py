"""What may be set aside before tax: each year's limits, to the cent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.benefits import (
    SetAside,
    dependent_care,
    health_fsa,
    health_fsa_carryover,
    hsa,
    transportation,
)
from payroll.calc.worksheet import add_up
from payroll.rules import load

YEARS = (2025, 2026)
CENTS = st.integers(0, 12_000_00)


def set_aside(benefit: str, elected: int, earlier: int, year: int) -> SetAside:
    limits = load(year).benefits
    if benefit.startswith("hsa"):
        _, coverage, age = benefit.split(" ")
        return hsa(elected, earlier, limits, coverage=coverage, age_at_year_end=int(age))
    if benefit == "dependent_care separate":
        return dependent_care(elected, earlier, limits, married_separate=True)
    by_name = {
        "dependent_care": dependent_care,
        "health_fsa": health_fsa,
        "qualified_transportation": transportation,
    }
    return by_name[benefit](elected, earlier, limits)


# Rev. Proc. 2024-25 and Pub. 15-B (2026); IRC 129 as amended by P.L. 119-21; Rev. Proc. 2025-32
LIMITS = {
    "hsa self 54": (4_300_00, 4_400_00),
    "hsa self 55": (5_300_00, 5_400_00),
    "hsa family 54": (8_550_00, 8_750_00),
    "hsa family 55": (9_550_00, 9_750_00),
    "hsa family 70": (9_550_00, 9_750_00),
    "dependent_care": (5_000_00, 7_500_00),
    "dependent_care separate": (2_500_00, 3_750_00),
    "health_fsa": (3_300_00, 3_400_00),
    "qualified_transportation": (325_00, 340_00),
}
BENEFITS = st.sampled_from(list(LIMITS))


@pytest.mark.parametrize("benefit", list(LIMITS))
def test_both_years_limits_from_every_side(benefit: str) -> None:
    for year, limit in zip(YEARS, LIMITS[benefit], strict=True):
        assert set_aside(benefit, limit, 0, year)[:2] == (limit, 0)
        assert set_aside(benefit, limit + 1, 0, year)[:2] == (limit, 1)
        assert set_aside(benefit, 100, limit - 100, year)[:2] == (100, 0)
        assert set_aside(benefit, 100, limit - 99, year)[:2] == (99, 1)
        assert set_aside(benefit, 100, limit, year)[:2] == (0, 100)
        assert set_aside(benefit, 100, limit + 1, year)[:2] == (0, 100)
        assert set_aside(benefit, 0, 0, year)[:2] == (0, 0)


@settings(max_examples=150, deadline=None)
@given(BENEFITS, CENTS, CENTS, st.sampled_from(YEARS))
def test_the_worksheet_gives_the_same(benefit: str, elected: int, earlier: int, year: int) -> None:
    made = set_aside(benefit, elected, earlier, year)
    fact = benefit.partition(" ")[0]
    facts = add_up([json.loads(json.dumps(made.working))])
    assert made.working[0] == fact
    assert facts[f"{fact}_cents"] == made.taken_cents
    assert facts[f"{fact}_refused_cents"] == made.refused_cents
    assert facts["room"] == max(0, LIMITS[benefit][year - 2025] - earlier)


@settings(max_examples=100, deadline=None)
@given(BENEFITS, st.lists(CENTS, max_size=26), st.sampled_from(YEARS))
def test_a_year_of_checks_takes_all_up_to_the_limit(benefit: str, elections: list[int], year: int) -> None:
    taken = 0
    for elected in elections:
        made = set_aside(benefit, elected, taken, year)
        assert made.taken_cents + made.refused_cents == elected
        taken += made.taken_cents
    assert taken == min(sum(elections), LIMITS[benefit][year - 2025])


def test_an_auditor_sees_the_figures() -> None:
    made = hsa(500_00, 5_000_00, load(2026).benefits, coverage="self", age_at_year_end=55)
    assert made.working == ("hsa", 500_00, 5_000_00, "self", 55, 4_400_00, 1_000_00)
    assert add_up([made.working]) == {
        "limit": 5_400_00,
        "room": 400_00,
        "hsa_cents": 400_00,
        "hsa_refused_cents": 100_00,
    }
    care = dependent_care(500_00, 0, load(2026).benefits)
    assert care.working == ("dependent_care", 500_00, 0, False, 7_500_00, 3_750_00)
    assert add_up([care.working])["limit"] == 7_500_00


@pytest.mark.parametrize(
    ("year", "unused", "carried", "forfeited"),
    [
        (2025, 660_00, 660_00, 0),
        (2025, 660_01, 660_00, 1),
        (2026, 680_00, 680_00, 0),
        (2026, 700_00, 680_00, 20_00),
        (2026, 0, 0, 0),
    ],
)
def test_a_health_fsa_carries_a_part_over(year: int, unused: int, carried: int, forfeited: int) -> None:
    made = health_fsa_carryover(unused, load(year).benefits)
    assert made[:2] == (carried, forfeited)
    assert add_up([made.working]) == {
        "health_fsa_carryover_cents": carried,
        "health_fsa_carryover_refused_cents": forfeited,
    }


def test_what_a_person_must_look_at() -> None:
    limits = load(2026).benefits
    with pytest.raises(NeedsReview, match=r"^HSA coverage 'both' is unknown: use self or family$"):
        hsa(1, 0, limits, coverage="both", age_at_year_end=30)
    with pytest.raises(
        NeedsReview,
        match=r"^health_fsa of -1 cents after 0 cents earlier: neither may be below zero, correct the election or "
        r"the year to date$",
    ):
        health_fsa(-1, 0, limits)
    with pytest.raises(NeedsReview, match=r"^qualified_transportation of 0 cents after -1 cents earlier"):
        transportation(0, -1, limits)
    with pytest.raises(
        NeedsReview, match=r"^-1 cents unused of a health FSA: correct the claims of the plan year$"
    ):
        health_fsa_carryover(-1, limits)
