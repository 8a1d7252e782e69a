"""Pay items and retro pay."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.earnings import (
    KINDS,
    NOTHING_EXTRA,
    SUPPLEMENTAL,
    Item,
    RetroWeek,
    SalaryPart,
    earnings,
    in_regular_rate,
    retro_hourly,
    retro_salary,
)
from payroll.calc.hours import Line, workweek
from payroll.calc.timesheet import Bonus
from payroll.calc.worksheet import add_up
from payroll.rules import load

FLSA = load(2026).flsa
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 14)


def d(text: str) -> Decimal:
    return Decimal(text)


def test_items_are_added_by_kind() -> None:
    paid = earnings(
        [
            Item("bonus", 100_00),
            Item("discretionary_bonus", 20_00),
            Item("commission", 3_00),
            Item("retro", 40),
            Item("reimbursement", 5),
            Item("bonus", 1),
        ]
    )
    assert paid[:6] == (100_01, 20_00, 3_00, 40, 123_41, 5)
    assert paid.working[0] == "earnings" and paid.working[1][0] == ["bonus", 100_00]
    assert add_up([paid.working]) == {
        "bonus_cents": 100_01,
        "discretionary_bonus_cents": 20_00,
        "commission_cents": 3_00,
        "retro_cents": 40,
        "supplemental_cents": 123_41,
        "reimbursement_cents": 5,
    }
    assert earnings([]) == NOTHING_EXTRA == (0, 0, 0, 0, 0, 0, ("earnings", []))


def test_the_kinds() -> None:
    assert SUPPLEMENTAL == ("bonus", "discretionary_bonus", "commission", "retro")
    assert (*SUPPLEMENTAL, "reimbursement") == KINDS


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (Item("bonus", -1), "a bonus of -0.01: give an amount of zero or more, or use a correction"),
        (
            Item("reimbursement", -500),
            "a reimbursement of -5.00: give an amount of zero or more, or use a correction",
        ),
        (Item("retro", -500), "retro pay of -5.00 takes pay back: use a correction"),
        (
            Item("gift", 5),
            "an item of kind 'gift': pay knows bonus, discretionary_bonus, commission, retro, reimbursement; "
            "correct the item",
        ),
    ],
)
def test_items_that_cannot_be_paid(item: Item, words: str) -> None:
    with pytest.raises(NeedsReview) as refused:
        earnings([item])
    assert str(refused.value) == words


def test_what_raises_the_regular_rate() -> None:
    items = [Item(kind, number, FIRST, LAST) for number, kind in enumerate(KINDS, 1)]
    assert in_regular_rate(items) == (Bonus(FIRST, LAST, 1), Bonus(FIRST, LAST, 3))
    assert in_regular_rate([Item("discretionary_bonus", 1), Item("retro", 1), Item("reimbursement", 1)]) == ()
    for item in (Item("bonus", 150, FIRST), Item("bonus", 150, None, LAST)):
        with pytest.raises(NeedsReview) as refused:
            in_regular_rate([item])
        assert str(refused.value) == (
            "a bonus of 1.50 raises the overtime of the days in which it was earned: give its first and last day"
        )


@given(st.lists(st.builds(Item, st.sampled_from(KINDS), st.integers(0, 10_000_00)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_the_worksheet_of_items_gives_what_was_paid(items: list[Item]) -> None:
    paid = earnings(items)
    assert add_up([paid.working]) == dict(zip(paid._fields[:6], paid[:6], strict=True))
    assert paid.supplemental_cents + paid.reimbursement_cents == sum(item.cents for item in items)


def test_retro_pay_of_an_hourly_rate() -> None:
    # 1.00 more for 46 hours, 3.00 of premium for 6 of them, 8.00 for leave
    paid = retro_hourly(d("12"), d("13"), [RetroWeek(d("46"), d("46"), d("6"), leave_hours=d("8"))], FLSA)
    assert paid[:3] == (46_00 + 3_00 + 8_00, 3_00, 3_00)
    assert paid.working == (
        "retro_hourly",
        120_000,
        130_000,
        [[4600, 4600, 600, 0, 800]],
        500_000,
        500_000,
        4000,
        500_000,
    )
    assert add_up([paid.working]) == {
        "raise_cents": 1_00,
        "1.straight_time_cents": 54_00,
        "1.regular_rate_cents": 1_00,
        "1.premium_cents": 3_00,
        "retro_pay_cents": 57_00,
        "retro_premium_cents": 3_00,
        "retro_flsa_premium_cents": 3_00,
    }


def test_retro_pay_counts_the_hours_at_the_old_rate() -> None:
    # half of 44 hours at the rate: the regular rate rises by 0.50, and 4 hours earn 0.25 more
    paid = retro_hourly(d("12"), d("13"), [RetroWeek(d("22"), d("44"), d("4"))], FLSA)
    assert paid[:3] == (23_00, 1_00, 1_00)


def test_retro_pay_in_california() -> None:
    # 12.5 hours in one day: 4.5 of overtime, half an hour of it double; the FLSA requires nothing
    weeks = [RetroWeek(d("12.5"), d("12.5"), d("4.5"), d("0.5"))]
    paid = retro_hourly(d("10"), d("12"), weeks, FLSA, daily_overtime=FLSA.california)
    assert paid[:3] == (25_00 + 4_00 + 1_00, 5_00, 0)
    assert paid.working[4:] == (500_000, 1_000_000, 4000, 500_000)


def test_retro_pay_is_rounded_once() -> None:
    # half a cent in each of two workweeks is one cent, not two
    week = RetroWeek(d("0.5"), d("0.5"), d("0"))
    assert retro_hourly(d("10"), d("10.01"), [week], FLSA).cents == 1
    assert retro_hourly(d("10"), d("10.01"), [week] * 2, FLSA).cents == 1
    assert retro_hourly(d("10"), d("10"), [week], FLSA).cents == 0
    assert retro_hourly(d("10"), d("11"), [RetroWeek(d("0"), d("0"), d("0"))], FLSA).cents == 0
    assert retro_hourly(d("10"), d("11"), [], FLSA).cents == 0


@pytest.mark.parametrize(
    ("old", "new", "week", "words"),
    [
        ("10", "9.99", RetroWeek(d("1"), d("1"), d("0")), "retro pay from 10 down to 9.99: use a correction"),
        (
            "10",
            "11",
            RetroWeek(d("41"), d("40"), d("0")),
            "41 hours at the rate, 0 of overtime, 0 of double time in a workweek of 40: correct the hours",
        ),
        (
            "10",
            "11",
            RetroWeek(d("1"), d("1"), d("2")),
            "1 hours at the rate, 2 of overtime, 0 of double time in a workweek of 1: correct the hours",
        ),
        (
            "10",
            "11",
            RetroWeek(d("9"), d("9"), d("1"), d("2")),
            "9 hours at the rate, 1 of overtime, 2 of double time in a workweek of 9: correct the hours",
        ),
        (
            "10",
            "11",
            RetroWeek(d("13"), d("13"), d("5"), d("1")),
            "1 hours of double time where no rule pays it: correct the hours",
        ),
    ],
)
def test_retro_pay_that_cannot_be(old: str, new: str, week: RetroWeek, words: str) -> None:
    with pytest.raises(NeedsReview) as refused:
        retro_hourly(d(old), d(new), [week], FLSA)
    assert str(refused.value) == words


RATES = st.decimals("7.25", "99", places=4)
WORKED = st.lists(st.decimals("0", "80", places=2), max_size=5)


@given(RATES, RATES, WORKED, st.integers(0, 100))
@settings(max_examples=150, deadline=None)
def test_retro_pay_is_what_the_new_rate_would_have_paid_more(
    one: Decimal, other: Decimal, worked: list[Decimal], percent: int
) -> None:
    old, new = sorted((one, other))
    weeks = []
    exact = Fraction(0)
    for hours in worked:
        at_rate = (hours * percent / 100).quantize(d("0.01"))
        overtime = max(d("0"), hours - 40)
        weeks.append(RetroWeek(at_rate, hours, overtime))
        right, paid = (
            workweek([Line(at_rate, rate), Line(hours - at_rate, d("15"))], FLSA) for rate in (new, old)
        )
        exact += Fraction(at_rate) * Fraction(new - old) * 100
        exact += ((right.regular_rate or 0) - (paid.regular_rate or 0)) * Fraction(overtime) * 50
    owed = retro_hourly(old, new, weeks, FLSA)
    assert abs(owed.cents - exact) <= Fraction(1, 2)
    facts = add_up([owed.working])
    assert facts["retro_pay_cents"] == owed.cents
    assert facts["retro_premium_cents"] == owed.premium_cents == owed.flsa_premium_cents
    assert facts["retro_flsa_premium_cents"] == owed.flsa_premium_cents


def test_retro_pay_of_a_salary() -> None:
    # 2,600 more a year is 100.00 a period: one whole, and three days of ten
    paid = retro_salary(d("52000"), d("54600"), "biweekly", [SalaryPart(10, 10), SalaryPart(3, 10)])
    assert paid[:3] == (130_00, 0, 0)
    assert paid.working == ("retro_salary", 520_000_000, 546_000_000, 26, [[10, 10], [3, 10]])
    assert add_up([paid.working]) == {
        "raise_cents": 100_00,
        "retro_pay_cents": 130_00,
        "retro_premium_cents": 0,
        "retro_flsa_premium_cents": 0,
    }
    assert retro_salary(d("0"), d("2700"), "biweekly", [SalaryPart(10, 10)], periods=27).cents == 100_00
    # half a cent twice is one cent
    assert retro_salary(d("0"), d("0.13"), "biweekly", [SalaryPart(10, 10)] * 2).cents == 1
    assert retro_salary(d("1"), d("1"), "weekly", [SalaryPart(0, 5)]).cents == 0


@pytest.mark.parametrize(
    ("old", "parts", "periods", "words"),
    [
        ("100.01", [], None, "retro pay from 100.01 down to 100: use a correction"),
        ("1", [SalaryPart(11, 10)], None, "11 of 10 weekdays of a period: correct the days"),
        ("1", [SalaryPart(-1, 10)], None, "-1 of 10 weekdays of a period: correct the days"),
        ("1", [SalaryPart(0, 0)], None, "0 of 0 weekdays of a period: correct the days"),
        ("1", [], 28, "a salary paid biweekly in 28 parts: a year has 26 paydays, or 27"),
    ],
)
def test_retro_salary_that_cannot_be(
    old: str, parts: list[SalaryPart], periods: int | None, words: str
) -> None:
    with pytest.raises(NeedsReview) as refused:
        retro_salary(d(old), d("100"), "biweekly", parts, periods=periods)
    assert str(refused.value) == words


@given(
    RATES,
    RATES,
    st.lists(st.integers(1, 23).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_the_worksheet_of_a_retro_salary_gives_what_was_paid(
    one: Decimal, other: Decimal, parts: list[tuple[int, int]]
) -> None:
    old, new = sorted((one * 1000, other * 1000))
    paid = retro_salary(old, new, "monthly", [SalaryPart(*part) for part in parts])
    assert add_up([paid.working])["retro_pay_cents"] == paid.cents
