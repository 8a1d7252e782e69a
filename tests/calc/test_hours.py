"""FLSA workweeks against the examples of 29 CFR part 778."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.hours import Line, salaried_workweek, workweek
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
