"""FLSA workweeks against the examples of 29 CFR part 778."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.hours import (
    Line,
    bonus_e4,
    premium_cents,
    salaried_premium_cents,
    salaried_workweek,
    weekly_salary,
    workweek,
)
from payroll.calc.worksheet import add_up
from payroll.rules import load

FLSA = load(2026).flsa
LINES = st.builds(
    Line,
    st.decimals("0", "40", places=2),
    st.decimals("7.25", "200", places=4),
    st.sampled_from(["work", "work", "leave", "holiday"]),
)


def d(text: str) -> Decimal:
    return Decimal(text)


@pytest.mark.parametrize(
    ("hours", "rate", "bonus", "regular_rate", "gross"),
    [
        ("46", "12.00", 0, 12, 588_00),  # 29 CFR 778.110(a)
        ("46", "12.00", 46_00, 13, 637_00),  # 29 CFR 778.110(b), a production bonus
        ("40", "12.00", 0, 12, 480_00),  # 40 hours earn no premium
        ("40.01", "12.00", 0, 12, 480_18),  # 480.12 and six cents of premium
    ],
)
def test_hourly_examples(hours: str, rate: str, bonus: int, regular_rate: int, gross: int) -> None:
    week = workweek([Line(d(hours), d(rate))], FLSA, nondiscretionary_bonus_cents=bonus)
    assert (week.regular_rate, week.gross_cents) == (regular_rate, gross)


def test_each_workweek_stands_alone() -> None:
    # flsa facts, no averaging: 30 h + 50 h = 10 overtime hours
    weeks = [workweek([Line(d(hours), d("10"))], FLSA) for hours in ("30", "50")]
    assert [week.overtime_hours for week in weeks] == [0, 10]


def test_straight_time_is_rounded_once_per_rate_and_the_premium_once() -> None:
    # 0.33 h x 10.05 = 3.3165; three lines at one rate are 9.9495, not 3 x 3.32
    week = workweek([Line(d("0.33"), d("10.05"))] * 3, FLSA)
    assert week.straight_time_cents == 9_95


def test_a_week_without_work_has_no_regular_rate() -> None:
    week = workweek([Line(d("8"), d("20"), "holiday")], FLSA, excluded_pay_cents=5_00)
    assert (week.regular_rate, week.gross_cents, week.other_cents) == (None, 165_00, 165_00)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (Line(d("8"), d("20"), "sabbatical"), "'sabbatical'"),
        (Line(d("168.01"), d("20")), "a week has 168"),
        (Line(d("-1"), d("20")), "zero or more"),
        (Line(d("8.005"), d("20")), "two decimals"),
        (Line(d("8"), d("20.00005")), "four decimals"),
        (Line(d("8"), d("-20")), "zero or more"),
    ],
)
def test_hours_that_cannot_be_paid(line: Line, message: str) -> None:
    with pytest.raises(NeedsReview, match=message):
        workweek([line], FLSA)


@given(st.lists(LINES, max_size=4), st.integers(0, 500_00), st.integers(0, 500_00))
def test_a_workweek_adds_up(lines: list[Line], bonus: int, excluded: int) -> None:
    week = workweek(lines, FLSA, nondiscretionary_bonus_cents=bonus, excluded_pay_cents=excluded)
    worked = [line for line in lines if line.kind == "work"]
    assert week.hours_worked == sum(line.hours for line in worked) == week.regular_hours + week.overtime_hours
    assert week.regular_hours <= 40
    exact = sum(
        (Fraction(line.hours) * Fraction(line.rate) * 100 for line in lines), Fraction(bonus + excluded)
    )
    assert abs(week.gross_cents - week.premium_cents - exact) <= Fraction(len(lines), 2)
    assert (week.premium_cents == 0) if week.overtime_hours == 0 else week.premium_cents > 0
    if week.regular_rate is not None and week.overtime_hours:
        premium = 100 * week.regular_rate * Fraction(week.overtime_hours) / 2
        assert abs(week.premium_cents - premium) <= Fraction(1, 2)


@given(st.lists(LINES, min_size=1, max_size=3), st.integers(1, 100_00))
def test_a_bonus_never_lowers_the_premium(lines: list[Line], bonus: int) -> None:
    without = workweek(lines, FLSA)
    assert workweek(lines, FLSA, nondiscretionary_bonus_cents=bonus).premium_cents >= without.premium_cents


@pytest.mark.parametrize(
    ("annual", "standard", "worked", "extra", "premium"),
    [
        ("12480", "40", "46", 36_00, 18_00),  # 778.113(b): monthly 1,040 is 240 a week, 6.00 an hour
        ("9500.40", "35", "45", 52_20, 13_05),  # 778.113(a): 182.70 for 35 hours is 5.22 an hour
        ("9500.40", "35", "40", 26_10, 0),  # straight time from 35 to 40 hours
        ("23400", "45", "45", 0, 25_00),  # the salary covers 45 hours at 10.00: only the half is due
        ("23400", "45", "48", 30_00, 40_00),
        ("52000", "40", "38", 0, 0),
    ],
)
def test_salaried_nonexempt(annual: str, standard: str, worked: str, extra: int, premium: int) -> None:
    week = salaried_workweek(d(annual), d(standard), d(worked), FLSA)
    assert (week.extra_straight_cents, week.premium_cents) == (extra, premium)


def test_a_bonus_raises_a_salaried_regular_rate() -> None:
    # 46.00 over 46 hours is 1.00 an hour: half of it for 6 hours is 3.00 more
    week = salaried_workweek(d("12480"), d("40"), d("46"), FLSA, nondiscretionary_bonus_cents=46_00)
    assert week.premium_cents == 21_00


@given(st.decimals("1000", "200000", places=2), st.decimals("40", "100", places=2))
def test_a_salary_for_40_hours_is_paid_like_its_hourly_rate(annual: Decimal, worked: Decimal) -> None:
    week = salaried_workweek(annual, d("40"), worked, FLSA)
    overtime_pay = Fraction(annual) * 100 / 2080 * Fraction(worked - 40) * Fraction(3, 2)
    assert abs(week.extra_straight_cents + week.premium_cents - overtime_pay) <= 1


def test_a_salary_without_hours_has_no_rate() -> None:
    with pytest.raises(NeedsReview, match="standard weekly hours"):
        salaried_workweek(d("52000"), d("0"), d("45"), FLSA)


def test_a_workweek_is_explained() -> None:
    # 28 h at 20 and 16 h at 14: 784.00 / 44 h is 17.8181..., half of it for 4 h is 35.6363...
    lines = [Line(d("28"), d("20")), Line(d("16"), d("14")), Line(d("8"), d("14"), "leave")]
    week = workweek(lines, FLSA, nondiscretionary_bonus_cents=5_00, excluded_pay_cents=2_00)
    assert week.working == (
        "workweek",
        [["work", 200_000, 2800], ["work", 140_000, 1600], ["leave", 140_000, 800]],
        500,
        200,
        4000,
        500_000,
    )
    assert add_up([week.working]) == {
        "hours_worked_hundredths": 4400,
        "regular_hours_hundredths": 4000,
        "overtime_hours_hundredths": 400,
        "remuneration_cents": 789_00,
        "regular_rate_cents": Fraction(78_900, 44),
        "straight_time_cents": 784_00,
        "overtime_premium_cents": 35_86,  # 789.00 / 44 / 2 x 4 = 35.8636
        "other_cents": 119_00,
    }
    assert (week.premium_cents, week.other_cents) == (35_86, 119_00)


@given(st.lists(LINES, max_size=4), st.integers(0, 500_00), st.integers(0, 500_00))
def test_the_worksheet_of_a_workweek_gives_what_was_paid(
    lines: list[Line], bonus: int, excluded: int
) -> None:
    week = workweek(lines, FLSA, nondiscretionary_bonus_cents=bonus, excluded_pay_cents=excluded)
    facts = add_up([week.working])
    assert facts["hours_worked_hundredths"] == week.hours_worked * 100
    assert facts["regular_hours_hundredths"] == week.regular_hours * 100
    assert facts["overtime_hours_hundredths"] == week.overtime_hours * 100
    assert facts["straight_time_cents"] == week.straight_time_cents
    assert facts["overtime_premium_cents"] == week.premium_cents
    assert facts["other_cents"] == week.other_cents
    assert facts["regular_rate_cents"] == (week.regular_rate or 0) * 100


@given(st.lists(LINES, min_size=1, max_size=4), st.integers(0, 100))
def test_splitting_a_line_changes_nothing(lines: list[Line], percent: int) -> None:
    first, *rest = lines
    part = (first.hours * percent / 100).quantize(d("0.01"))
    split = [first._replace(hours=part), *rest, first._replace(hours=first.hours - part)]
    whole, parts = workweek(lines, FLSA), workweek(split, FLSA)
    assert parts[:7] == whole[:7]


def test_a_salaried_workweek_is_explained() -> None:
    week = salaried_workweek(d("12480"), d("40"), d("46"), FLSA, nondiscretionary_bonus_cents=46_00)
    assert week.working == ("salaried_workweek", 124_800_000, 4000, 4600, 46_00, 4000, 500_000)
    assert add_up([week.working]) == {
        "hours_worked_hundredths": 4600,
        "regular_hours_hundredths": 4000,
        "overtime_hours_hundredths": 600,
        "hourly_rate_cents": 6_00,
        "regular_rate_cents": 7_00,
        "straight_time_cents": 36_00,
        "overtime_premium_cents": 21_00,
    }


@given(
    st.decimals("0", "200000", places=4),
    st.decimals("0.01", "80", places=2),
    st.decimals("0", "168", places=2),
    st.integers(0, 5_000_00),
)
def test_the_worksheet_of_a_salaried_workweek_gives_what_was_paid(
    annual: Decimal, standard: Decimal, worked: Decimal, bonus: int
) -> None:
    week = salaried_workweek(annual, standard, worked, FLSA, nondiscretionary_bonus_cents=bonus)
    facts = add_up([week.working])
    assert facts["straight_time_cents"] == week.extra_straight_cents
    assert facts["overtime_premium_cents"] == week.premium_cents
    assert facts["overtime_hours_hundredths"] == week.overtime_hours * 100
    assert facts["regular_hours_hundredths"] == week.regular_hours * 100
    assert week.working[0] == "salaried_workweek"


def test_a_salaried_premium_rounds_a_half_cent_up_with_and_without_a_bonus() -> None:
    # 20.80 a year is one cent an hour: half of it for one hour is half a cent
    assert salaried_workweek(d("20.80"), d("40"), d("41"), FLSA).premium_cents == 1
    assert salaried_workweek(d("20.7999"), d("40"), d("41"), FLSA).premium_cents == 0
    weekly = weekly_salary(d("20.80"), d("40"))
    assert salaried_premium_cents(weekly, 41_00, 1_00, FLSA) == 1
    assert (
        salaried_premium_cents(weekly, 41_00, 1_00, FLSA, [[41, 2], [41, 2]]) == 1
    )  # 2 cents an hour, half of it
    assert salaried_premium_cents(weekly, 41_00, 0, FLSA, [[41_00, 1]]) == 0


def test_a_bonus_is_spread_exactly() -> None:
    # 100.00 over three weeks is 33.3333... each; two such shares at 50 h and 10 overtime hours: 66.66... / 50 / 2 x 10
    assert bonus_e4([[100_00, 3], [100_00, 3]]) == Fraction(2_000_000 * 100, 3)
    assert premium_cents(0, 50_00, 10_00, FLSA, [[100_00, 3], [100_00, 3]]) == 6_67
    assert premium_cents(500_00 * 10_000, 50_00, 10_00, FLSA, [[100_00, 3]]) == 53_33
    assert premium_cents(500_00 * 10_000, 50_00, 0, FLSA, [[100_00, 3]]) == 0
    assert premium_cents(500_00 * 10_000, 50_00, 10_00, FLSA) == 50_00


def test_impossible_hours_are_named() -> None:
    with pytest.raises(NeedsReview) as refused:
        workweek([Line(d("168.01"), d("20"))], FLSA)
    assert str(refused.value) == "168.01 hours in one workweek: a week has 168, correct the time entries"
    assert workweek([Line(d("168"), d("20"))], FLSA).overtime_hours == 128
