"""California overtime by hand: Labor Code 510(a), and the flat-sum bonus of Alvarado v. Dart Container."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.california import CaliforniaWeek, Split, california_workweek, split_days
from payroll.calc.hours import Line, workweek
from payroll.calc.worksheet import WORKSHEETS, add_up
from payroll.rules import load

FLSA = load(2026).flsa
assert FLSA.california is not None
RULE = FLSA.california


def week(*hours: str, rate: str = "10", bonus: int = 0, excluded: int = 0) -> CaliforniaWeek:
    """Seven days of hours at one rate."""
    days = [[Line(Decimal(each), Decimal(rate))] for each in hours]
    days += [[] for _ in range(7 - len(days))]
    return california_workweek(
        days, RULE, FLSA, nondiscretionary_bonus_cents=bonus, excluded_pay_cents=excluded
    )


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_figures_of_the_law(year: int) -> None:
    rule = load(year).flsa.california
    assert rule is not None
    assert (rule.daily_overtime_after_hundredths, rule.daily_double_after_hundredths) == (800, 1200)
    assert (rule.weekly_overtime_after_hundredths, rule.seventh_day_double_after_hundredths) == (4000, 800)
    assert (rule.overtime_premium_ppm, rule.double_premium_ppm) == (500_000, 1_000_000)


@pytest.mark.parametrize(
    ("hours", "straight", "overtime", "double"),
    [
        (["8"], "8", "0", "0"),
        (["8.01"], "8", "0.01", "0"),
        (["12"], "8", "4", "0"),
        (["12.01"], "8", "4.01", "0.01"),
        (["24"], "8", "16", "12"),
        (["8"] * 5, "40", "0", "0"),
        (["8"] * 5 + ["0.01"], "40", "0.01", "0"),
        (["8"] * 6, "40", "8", "0"),
        (
            ["8"] * 5 + ["13"],
            "40",
            "13",
            "1",
        ),  # the sixth day is overtime by the week, its thirteenth hour double
        (["10"] * 4, "32", "8", "0"),  # daily overtime in a week of 40 hours
        (["10"] * 5, "40", "10", "0"),  # ten by the day, and none a second time by the week
        (["1"] * 7, "6", "1", "0"),  # the seventh day in a row
        (["1"] * 6 + ["8"], "6", "8", "0"),
        (["1"] * 6 + ["8.01"], "6", "8.01", "0.01"),
        (["1"] * 6 + ["13"], "6", "13", "5"),
        (["0"] + ["1"] * 5 + ["9"], "13", "1", "0"),  # the first day was free: no seventh day
        (["1"] * 3 + ["0"] + ["1"] * 2 + ["9"], "13", "1", "0"),
        (["6.5"] * 6 + ["1"], "39", "1", "0"),
        (["7"] * 5 + ["6"], "40", "1", "0"),  # 41 hours, none over 8 a day
    ],
)
def test_hours_are_split(hours: list[str], straight: str, overtime: str, double: str) -> None:
    paid = week(*hours)
    assert paid.regular_hours == Decimal(straight)
    assert paid.overtime_hours == Decimal(overtime)
    assert paid.double_time_hours == Decimal(double)
    assert paid.hours_worked == paid.regular_hours + paid.overtime_hours
    once_and_a_half = paid.overtime_hours - paid.double_time_hours
    # at 10.00 an hour the premium is 5.00 for time and a half, 10.00 for double time
    assert paid.premium_cents == once_and_a_half * 500 + paid.double_time_hours * 1000


def test_days_are_split_in_their_order() -> None:
    assert split_days([900, 800, 1300, 800, 800, 500], RULE) == [
        Split(800, 100, 0),
        Split(800, 0, 0),
        Split(800, 400, 100),
        Split(800, 0, 0),
        Split(800, 0, 0),
        Split(0, 500, 0),
    ]
    assert split_days([100] * 6, RULE)[-1] == Split(100, 0, 0)
    assert split_days([100] * 7, RULE)[-1] == Split(0, 100, 0)


def test_several_rates_are_a_weighted_average() -> None:
    # 10 h: 6 at 10.00 and 4 at 20.00, 140.00 / 10 = 14.00; two hours of daily overtime earn 7.00 each
    days = [[Line(Decimal(6), Decimal(10)), Line(Decimal(4), Decimal(20))], *[[]] * 6]
    paid = california_workweek(days, RULE, FLSA)
    assert (paid.straight_time_cents, paid.premium_cents, paid.flsa_premium_cents) == (140_00, 14_00, 0)
    assert (paid.regular_rate, paid.gross_cents) == (14, 154_00)


def test_a_flat_sum_is_divided_by_the_hours_that_are_not_overtime() -> None:
    # Alvarado: 44 hours in five days, 40 of them straight: 40.00 / 40 = 1.00, x 1.5 x 4 = 6.00 on top of 4 x 5.00
    paid = week("12", "8", "8", "8", "8", bonus=40_00, excluded=3_00)
    assert paid.premium_cents == 26_00
    assert paid.flsa_premium_cents == 21_82  # (440 + 40) / 44 / 2 x 4
    assert (paid.other_cents, paid.gross_cents) == (43_00, 440_00 + 26_00 + 43_00)
    assert paid.regular_rate == 10
    # one hour at double time: 2.00 of the bonus, and 10.00
    assert week("13", "8", "8", "8", "8", bonus=40_00).premium_cents == 26_00 + 12_00
    assert week("8", bonus=40_00).premium_cents == 0


def test_leave_is_paid_and_counts_for_nothing() -> None:
    days = [[Line(Decimal(8), Decimal(10)), Line(Decimal(8), Decimal(10), "leave")] for _ in range(7)]
    days[6] = [Line(Decimal(8), Decimal(10), "holiday")]
    paid = california_workweek(days, RULE, FLSA)
    assert (paid.regular_hours, paid.overtime_hours, paid.premium_cents) == (40, 8, 40_00)
    assert paid.other_cents == 7 * 80_00
    assert week().regular_rate is None


def test_the_premium_is_rounded_once_a_week() -> None:
    # an hour at 0.01: half a cent on each of two days is one cent in all
    assert week("9", "9", rate="0.01").premium_cents == 1
    assert week("9", rate="0.01").premium_cents == 1
    assert week("9", rate="0.0099").premium_cents == 0


@pytest.mark.parametrize(
    ("days", "error", "words"),
    [
        (
            [[Line(Decimal("24.01"), Decimal(10))], *[[]] * 6],
            NeedsReview,
            "24.01 hours in one day: a day has 24, correct",
        ),
        ([[Line(Decimal(1), Decimal(10), "jury")], *[[]] * 6], NeedsReview, "hours of kind 'jury'"),
        ([[]] * 6, ValueError, "a workweek of 6 days: give all seven, also those without hours"),
    ],
)
def test_what_cannot_be_paid(days: list[list[Line]], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        california_workweek(days, RULE, FLSA)


def test_a_workweek_is_explained() -> None:
    paid = week("13", "8", "8", "8", "8", bonus=40_00, excluded=3_00)
    worked = [[["work", 100_000, 1300]], *[[["work", 100_000, 800]]] * 4, [], []]
    figures = (800, 1200, 4000, 800, 500_000, 1_000_000, 4000, 500_000)
    assert paid.working == ("california_workweek", worked, 40_00, 3_00, *figures)
    assert add_up([paid.working]) == {
        "hours_worked_hundredths": 4500,
        "regular_hours_hundredths": 4000,
        "overtime_hours_hundredths": 500,
        "double_time_hours_hundredths": 100,
        "regular_rate_cents": 10_00,
        "bonus_rate_cents": 1_00,
        "straight_time_cents": 450_00,
        "overtime_premium_cents": 38_00,
        "flsa_premium_cents": 27_22,  # (450 + 40) / 45 / 2 x 5
        "other_cents": 43_00,
    }
    assert WORKSHEETS["california_workweek"].figures["premium_ppm"] == "flsa"


DAY = st.lists(
    st.builds(
        Line,
        st.decimals("0", "8", places=2),
        st.decimals("7.25", "90", places=4),
        st.sampled_from(["work", "work", "leave"]),
    ),
    max_size=3,
)


@given(st.lists(DAY, min_size=7, max_size=7), st.integers(0, 500_00), st.integers(0, 50_00))
@settings(max_examples=200, deadline=None)
def test_the_worksheet_gives_what_was_paid(days: list[list[Line]], bonus: int, excluded: int) -> None:
    paid = california_workweek(
        days, RULE, FLSA, nondiscretionary_bonus_cents=bonus, excluded_pay_cents=excluded
    )
    facts = add_up([paid.working])
    assert facts["hours_worked_hundredths"] == paid.hours_worked * 100
    assert facts["regular_hours_hundredths"] == paid.regular_hours * 100
    assert facts["overtime_hours_hundredths"] == paid.overtime_hours * 100
    assert facts["double_time_hours_hundredths"] == paid.double_time_hours * 100
    assert facts["straight_time_cents"] == paid.straight_time_cents
    assert facts["overtime_premium_cents"] == paid.premium_cents
    assert facts["flsa_premium_cents"] == paid.flsa_premium_cents
    assert facts["other_cents"] == paid.other_cents
    assert facts["regular_rate_cents"] == Fraction(paid.regular_rate or 0) * 100


@given(st.lists(DAY, min_size=7, max_size=7), st.integers(0, 500_00))
@settings(max_examples=200, deadline=None)
def test_the_federal_premium_is_part_of_it(days: list[list[Line]], bonus: int) -> None:
    paid = california_workweek(days, RULE, FLSA, nondiscretionary_bonus_cents=bonus)
    federal = workweek([line for day in days for line in day], FLSA, nondiscretionary_bonus_cents=bonus)
    assert paid.flsa_premium_cents == federal.premium_cents <= paid.premium_cents
    assert paid.straight_time_cents == federal.straight_time_cents
    assert paid.other_cents == federal.other_cents
    assert paid.regular_hours <= federal.regular_hours
    assert paid.hours_worked == federal.hours_worked == paid.regular_hours + paid.overtime_hours
    assert 0 <= paid.double_time_hours <= paid.overtime_hours
    assert paid.regular_hours <= 40


@given(
    st.lists(st.integers(0, 2399), min_size=7, max_size=7),
    st.integers(0, 6),
    st.decimals("1", "99", places=2),
)
@settings(max_examples=200, deadline=None)
def test_another_hundredth_of_an_hour_never_pays_less(worked: list[int], day: int, rate: Decimal) -> None:
    def gross(hours: list[int]) -> int:
        return week(*[str(Decimal(each).scaleb(-2)) for each in hours], rate=str(rate)).gross_cents

    more = [*worked[:day], worked[day] + 1, *worked[day + 1 :]]
    assert gross(more) >= gross(worked)
