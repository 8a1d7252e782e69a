"""Several workweeks in one period, of every kind: each adds to what the others came to."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.timesheet import Bonus, Entry, hourly_period, salaried_period
from payroll.calc.worksheet import Value, add_up, fill_in
from payroll.rules import load

FLSA = load(2026).flsa
CALIFORNIA = (800, 1200, 4000, 800, 500_000, 1_000_000, 4000, 500_000)
TEN = 100_000  # 10.00 an hour
START = date(2026, 11, 1)  # a Sunday
END = START + timedelta(days=27)
# 9 hours on six days and 10 on the seventh
LONG_WEEK = [9, 9, 9, 9, 9, 9, 10]


def filled(*working: Any) -> dict[str, Value]:
    lines = fill_in(working).lines
    assert all(isinstance(line.words, str) and line.words.strip() for line in lines)
    return {line.key: line.value for line in lines}


def entries(weeks: int, hours: list[int]) -> list[Entry]:
    return [
        Entry(START + timedelta(days=7 * week + day), Decimal(count))
        for week in range(weeks)
        for day, count in enumerate(hours)
    ]


def test_the_form_of_an_hourly_period() -> None:
    workweeks = [
        ["w1", "closes", 0, [[TEN, 4400]], []],  # 440.00 / 44 = 10.00: 4 hours at 5.00
        ["w2", "open", 0, [[TEN, 4500]], []],
        ["w3", "closes", 0, [[TEN, 4200]], [[5_00, 2]]],  # 422.50 / 42 / 2 x 2 = 10.0595
        ["w4", "closed", 1000, [[TEN, 4100]], [[41_00, 1]]],  # 1.00 / 2
    ]
    lines = [["work", TEN, 9000], ["leave", TEN, 800], ["holiday", 120_000, 400]]
    assert filled("hourly_period", workweeks, lines, 4000, 500_000) == {
        "w1.hours_worked_hundredths": 4400,
        "w1.overtime_hours_hundredths": 400,
        "w1.remuneration_cents": 440_00,
        "w1.regular_rate_cents": 10_00,
        "w1.premium_cents": 20_00,
        "w2.hours_worked_hundredths": 4500,
        "w2.overtime_hours_hundredths": 500,
        "w3.hours_worked_hundredths": 4200,
        "w3.overtime_hours_hundredths": 200,
        "w3.remuneration_cents": 422_50,
        "w3.regular_rate_cents": Fraction(422_50, 42),
        "w3.premium_cents": 10_06,
        "w4.hours_worked_hundredths": 4100,
        "w4.overtime_hours_hundredths": 100,
        "w4.remuneration_cents": 41_00,
        "w4.regular_rate_cents": 1_00,
        "w4.premium_cents": 50,
        "hours_worked_hundredths": 9000,
        "regular_hours_hundredths": 4000 + 4000 + 4000 + 3000,
        "overtime_hours_hundredths": 600,
        "leave_hours_hundredths": 800,
        "holiday_hours_hundredths": 400,
        "straight_time_cents": 900_00,
        "leave_cents": 80_00,
        "holiday_cents": 48_00,
        "double_time_hours_hundredths": 0,
        "overtime_premium_cents": 30_56,
        "flsa_premium_cents": 30_56,
    }


def test_the_form_of_a_salaried_period() -> None:
    # 20,800.00 a year are 400.00 a week, 10.00 an hour
    workweeks = [
        ["w1", "closes", 0, 4400, []],
        ["w2", "open", 0, 4500, []],
        ["w3", "closes", 0, 4200, [[42_00, 1]]],  # 11.00
        ["w4", "closed", 1000, 4100, [[41_00, 1]]],
    ]
    facts = filled("salaried_period", 208_000_000, 4000, workweeks, 800, 400, 4000, 500_000)
    assert facts == {
        "hourly_rate_cents": 10_00,
        "w1.hours_worked_hundredths": 4400,
        "w1.overtime_hours_hundredths": 400,
        "w1.straight_time_cents": 40_00,
        "w1.regular_rate_cents": 10_00,
        "w1.premium_cents": 20_00,
        "w2.hours_worked_hundredths": 4500,
        "w2.overtime_hours_hundredths": 500,
        "w3.hours_worked_hundredths": 4200,
        "w3.overtime_hours_hundredths": 200,
        "w3.straight_time_cents": 20_00,
        "w3.regular_rate_cents": 11_00,
        "w3.premium_cents": 11_00,
        "w4.hours_worked_hundredths": 4100,
        "w4.overtime_hours_hundredths": 100,
        "w4.regular_rate_cents": 1_00,
        "w4.premium_cents": 50,
        "hours_worked_hundredths": 4400 + 4500 + 4200 + 3100,
        "regular_hours_hundredths": 15_000,
        "overtime_hours_hundredths": 600,
        "leave_hours_hundredths": 800,
        "holiday_hours_hundredths": 400,
        "straight_time_cents": 60_00,
        "leave_cents": 0,
        "holiday_cents": 0,
        "double_time_hours_hundredths": 0,
        "overtime_premium_cents": 31_50,
        "flsa_premium_cents": 31_50,
    }


def test_the_form_of_a_california_workweek() -> None:
    """Straight: five days of 8. The seventh day: 8 hours at time and a half, 2 at double time."""
    days: list[list[list[Any]]] = [[["work", TEN, hours * 100]] for hours in LONG_WEEK]
    days[0] += [["leave", TEN, 800], ["holiday", TEN, 400]]
    assert filled("california_workweek", days, 40_00, 3_00, *CALIFORNIA) == {
        "hours_worked_hundredths": 6400,
        "regular_hours_hundredths": 4000,
        "overtime_hours_hundredths": 2400,
        "double_time_hours_hundredths": 200,
        "regular_rate_cents": 10_00,
        "bonus_rate_cents": 1_00,
        "straight_time_cents": 640_00,
        "overtime_premium_cents": 110_00 + 33_00 + 20_00 + 4_00,  # 22 x (5.00 + 1.50), 2 x (10.00 + 2.00)
        "flsa_premium_cents": 127_50,  # 680.00 / 64 / 2 x 24
        "other_cents": 80_00 + 40_00 + 40_00 + 3_00,
    }
    days = [[["work", TEN, 1]] for _ in range(6)] + [[["work", TEN, 100]]]
    facts = filled("california_workweek", days, 0, 0, *CALIFORNIA)
    assert facts["regular_hours_hundredths"] == 6
    assert (facts["overtime_hours_hundredths"], facts["double_time_hours_hundredths"]) == (100, 0)


def test_the_form_of_a_california_period() -> None:
    free: list[list[int]] = []
    workweeks: list[list[Any]] = [
        ["w1", "closes", 0, [[[TEN, hours * 100]] for hours in LONG_WEEK], [[40_00, 1]]],
        ["w2", "open", 0, [[[TEN, 900]], *[free] * 6], []],
        ["w3", "closed", 2, [*[[[TEN, 900]]] * 5, free, free], [[4_00, 1]]],  # 0.10: 5 x 0.15
        ["w4", "closes", 0, [[[TEN, 1400]], *[free] * 6], []],
    ]
    facts = filled("california_period", workweeks, [["work", TEN, 9000]], *CALIFORNIA)
    assert facts == {
        "w1.hours_worked_hundredths": 6400,
        "w1.overtime_hours_hundredths": 2200,
        "w1.double_time_hours_hundredths": 200,
        "w1.remuneration_cents": 640_00,
        "w1.regular_rate_cents": 10_00,
        "w1.bonus_rate_cents": 1_00,
        "w1.premium_cents": 167_00,
        "w1.flsa_premium_cents": 127_50,
        "w2.hours_worked_hundredths": 900,
        "w2.overtime_hours_hundredths": 100,
        "w2.double_time_hours_hundredths": 0,
        "w3.hours_worked_hundredths": 4500,
        "w3.overtime_hours_hundredths": 500,
        "w3.double_time_hours_hundredths": 0,
        "w3.remuneration_cents": 0,
        "w3.regular_rate_cents": 0,
        "w3.bonus_rate_cents": 10,
        "w3.premium_cents": 75,
        "w3.flsa_premium_cents": 22,  # 4.00 / 45 / 2 x 5 = 0.2222
        "w4.hours_worked_hundredths": 1400,
        "w4.overtime_hours_hundredths": 400,
        "w4.double_time_hours_hundredths": 200,
        "w4.remuneration_cents": 140_00,
        "w4.regular_rate_cents": 10_00,
        "w4.bonus_rate_cents": 0,
        "w4.premium_cents": 40_00,
        "w4.flsa_premium_cents": 0,
        "hours_worked_hundredths": 9000,
        "regular_hours_hundredths": 4000 + 800 + 2400 + 800,
        "overtime_hours_hundredths": 3000,
        "double_time_hours_hundredths": 400,
        "leave_hours_hundredths": 0,
        "holiday_hours_hundredths": 0,
        "straight_time_cents": 900_00,
        "leave_cents": 0,
        "holiday_cents": 0,
        "overtime_premium_cents": 207_75,
        "flsa_premium_cents": 127_72,
    }


def test_the_form_of_retro_pay_by_the_hour() -> None:
    """A raise of 1.00: 50 hours and 8 of leave; 6 at time and a half, 4 at double time; then a week of leave alone."""
    weeks = [[5000, 5000, 1000, 400, 800], [0, 0, 0, 0, 4000]]
    facts = filled("retro_hourly", 100_000, 110_000, weeks, 500_000, 1_000_000, 4000, 500_000)
    assert facts == {
        "raise_cents": 1_00,
        "1.straight_time_cents": 58_00,
        "1.regular_rate_cents": 1_00,
        "1.premium_cents": 7_00,
        "2.straight_time_cents": 40_00,
        "2.regular_rate_cents": 0,
        "2.premium_cents": 0,
        "retro_pay_cents": 105_00,
        "retro_premium_cents": 7_00,
        "retro_flsa_premium_cents": 5_00,
    }


def test_every_workweek_adds_to_an_hourly_period() -> None:
    """Four weeks of 44 hours at 10.00: 16 hours of overtime, 80.00 of premium."""
    period = hourly_period(
        entries(4, [0, 10, 10, 10, 10, 4, 0]), Decimal(10), FLSA, period_start=START, period_end=END
    )
    assert (period.regular_hours, period.overtime_hours, period.premium_cents) == (160, 16, 80_00)


def test_every_workweek_adds_to_a_california_period() -> None:
    """Three weeks of 64 hours at 10.00: 40 straight, 22 at time and a half, 2 at double time; FLSA 24 at 5.00."""
    assert FLSA.california is not None
    period = hourly_period(
        entries(3, LONG_WEEK),
        Decimal(10),
        FLSA,
        period_start=START,
        period_end=END,
        daily_overtime=FLSA.california,
    )
    assert (period.regular_hours, period.overtime_hours, period.double_time_hours) == (120, 72, 6)
    assert (period.premium_cents, period.flsa_premium_cents) == (3 * 130_00, 3 * 120_00)


def test_a_california_workweek_may_begin_on_any_day() -> None:
    """Wednesday to Tuesday; the period begins on Sunday, and four days of its first workweek are before it."""
    assert FLSA.california is not None
    worked = [Entry(START - timedelta(days=day), Decimal(9)) for day in (4, 3, 2, 1)]
    worked += [Entry(START + timedelta(days=day), Decimal(9)) for day in (0, 1)]
    period = hourly_period(
        worked,
        Decimal(10),
        FLSA,
        period_start=START,
        period_end=END,
        workweek_start=3,
        daily_overtime=FLSA.california,
    )
    # six days of 9: 40 straight, of them 8 on Sunday and none on Monday; 14 hours at time and a half
    assert (period.hours_worked, period.regular_hours, period.overtime_hours) == (18, 8, 14)
    assert period.premium_cents == 70_00


def test_every_workweek_adds_to_a_salaried_period() -> None:
    """20,800.00 a year for 40 hours; four weeks of 44 hours: 4 x 40.00, and 4 x 20.00 of premium."""
    worked = entries(4, [0, 10, 10, 10, 10, 4, 0])
    off = [
        Entry(START + timedelta(days=day), Decimal(8), kind=kind)
        for day, kind in ((6, "leave"), (13, "leave"), (20, "holiday"))
    ]
    period = salaried_period(
        worked + off, Decimal(20_800), Decimal(40), FLSA, period_start=START, period_end=END
    )
    assert (period.regular_hours, period.overtime_hours) == (160, 16)
    assert (period.extra_straight_cents, period.premium_cents) == (160_00, 80_00)
    assert (period.hours_worked, period.leave_hours, period.holiday_hours) == (176, 16, 8)
    assert add_up([period.working])["overtime_premium_cents"] == 80_00


def test_a_bonus_of_workweeks_that_are_paid_raises_their_premium() -> None:
    """A bonus of 88.00 for two weeks of 44 hours, paid later: 1.00 an hour, half of it for 8 hours."""
    worked = entries(2, [0, 10, 10, 10, 10, 4, 0])
    bonus = Bonus(START, START + timedelta(days=13), 88_00)
    later = {
        "period_start": START + timedelta(days=14),
        "period_end": END,
        "bonuses": [bonus],
        "entries_from": START,
    }
    salaried = salaried_period(worked, Decimal(20_800), Decimal(40), FLSA, **later)  # type: ignore[arg-type]
    assert (salaried.premium_cents, salaried.extra_straight_cents, salaried.overtime_hours) == (4_00, 0, 0)
    assert salaried.hours_worked == 0
    hourly = hourly_period(worked, Decimal(10), FLSA, **later)  # type: ignore[arg-type]
    assert (hourly.premium_cents, hourly.straight_time_cents, hourly.overtime_hours) == (4_00, 0, 0)


def test_a_last_day_ends_the_workweek_of_a_salary() -> None:
    """Hired to Thursday: 44 hours by then, and no later period to pay the premium in."""
    worked = entries(1, [0, 11, 11, 11, 11])
    until = START + timedelta(days=4)
    rule = {"period_start": START, "period_end": until}
    ends = salaried_period(worked, Decimal(20_800), Decimal(40), FLSA, last_day=until, **rule)
    goes_on = salaried_period(worked, Decimal(20_800), Decimal(40), FLSA, **rule)
    assert (ends.premium_cents, goes_on.premium_cents) == (20_00, 0)
