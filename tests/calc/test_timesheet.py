"""Pay periods: straight time by the day, the premium by the workweek's end (29 CFR 778.106)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.hours import Line, workweek
from payroll.calc.timesheet import Entry, HourlyPeriod, first_entry_day, hourly_period, salaried_period
from payroll.rules import load

FLSA = load(2026).flsa
TEN = Decimal(10)
ONE_DAY = timedelta(days=1)
# November 2026 begins on a Sunday
WEEK = [date(2026, 11, day) for day in range(8, 15)]


def days(first: date, hours: str, count: int) -> list[Entry]:
    return [Entry(first + n * ONE_DAY, Decimal(hours)) for n in range(count)]


def pay(entries: list[Entry], start: date, end: date, **kw: object) -> HourlyPeriod:
    return hourly_period(entries, TEN, FLSA, period_start=start, period_end=end, **kw)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "workweek_start", "first"),
    [
        (date(2026, 11, 16), 0, date(2026, 11, 15)),  # a Monday; the week began on Sunday
        (date(2026, 11, 15), 0, date(2026, 11, 15)),
        (date(2026, 11, 15), 1, date(2026, 11, 9)),  # Monday weeks
        (date(2026, 11, 20), 6, date(2026, 11, 14)),  # Saturday weeks
    ],
)
def test_first_entry_day(day: date, workweek_start: int, first: date) -> None:
    assert first_entry_day(day, workweek_start) == first


def test_a_biweekly_period_is_two_workweeks() -> None:
    entries = days(date(2026, 11, 2), "6", 5) + days(date(2026, 11, 9), "10", 5)
    period = pay(entries, date(2026, 11, 1), date(2026, 11, 14))
    assert (period.hours_worked, period.regular_hours, period.overtime_hours) == (80, 70, 10)
    assert (period.straight_time_cents, period.premium_cents, period.gross_cents) == (800_00, 50_00, 850_00)


def test_a_straddling_week_is_paid_its_premium_where_it_ends() -> None:
    # semimonthly: the week from Sunday 29 November to Saturday 5 December straddles two periods
    worked = days(date(2026, 11, 29), "8", 6)  # 16 hours in November, 32 in December: 48
    november = pay(worked[:2], date(2026, 11, 16), date(2026, 11, 30))
    december = pay(worked, date(2026, 12, 1), date(2026, 12, 15))
    assert (november.straight_time_cents, november.premium_cents, november.overtime_hours) == (160_00, 0, 0)
    assert (december.straight_time_cents, december.premium_cents, december.overtime_hours) == (
        320_00,
        40_00,
        8,
    )
    assert november.regular_hours + december.regular_hours == 40


@pytest.mark.parametrize(
    ("workweek_start", "last_day_of_week"),
    [(0, date(2026, 11, 14)), (1, date(2026, 11, 15)), (3, date(2026, 11, 17)), (6, date(2026, 11, 13))],
)
def test_a_premium_falls_due_on_the_last_day_of_the_workweek(
    workweek_start: int, last_day_of_week: date
) -> None:
    first = last_day_of_week - 6 * ONE_DAY
    entries = days(first, "10", 5)
    for end, premium in ((last_day_of_week - ONE_DAY, 0), (last_day_of_week, 50_00)):
        assert pay(entries, first, end, workweek_start=workweek_start).premium_cents == premium
    next_period = pay(
        entries, last_day_of_week, last_day_of_week + 13 * ONE_DAY, workweek_start=workweek_start
    )
    assert (next_period.premium_cents, next_period.straight_time_cents) == (50_00, 0)


def test_the_last_day_of_employment_closes_its_week() -> None:
    worked = days(date(2026, 11, 29), "24", 2)
    last = worked[-1].work_date
    november = pay(worked, date(2026, 11, 16), date(2026, 11, 30), last_day=last)
    december = pay(worked, date(2026, 12, 1), date(2026, 12, 15), last_day=last)
    assert (november.premium_cents, december.premium_cents, december.gross_cents) == (40_00, 0, 0)
    with pytest.raises(NeedsReview, match="after the last day of employment 2026-11-29"):
        pay(worked, date(2026, 11, 16), date(2026, 11, 30), last_day=last - ONE_DAY)


def test_leave_and_holiday_are_paid_and_do_not_count() -> None:
    entries = [
        *days(WEEK[1], "9", 4),
        Entry(WEEK[5], Decimal(8), "leave"),
        Entry(WEEK[6], Decimal(8), "holiday"),
    ]
    period = pay(entries, WEEK[0], WEEK[6])
    assert (period.leave_cents, period.holiday_cents, period.premium_cents) == (80_00, 80_00, 0)
    assert (period.hours_worked, period.leave_hours, period.holiday_hours) == (36, 8, 8)


def test_lines_are_what_the_stub_prints() -> None:
    entries = [Entry(WEEK[1], Decimal("8.25")), Entry(WEEK[2], Decimal("8.25"), "work", Decimal("12.3456"))]
    period = pay([*entries, Entry(WEEK[3], Decimal("1.5"))], WEEK[0], WEEK[6])
    assert period.lines == (
        ("work", Decimal("10"), Decimal("9.75"), 97_50),
        ("work", Decimal("12.3456"), Decimal("8.25"), 101_85),
    )


@pytest.mark.parametrize("day", [WEEK[0] - ONE_DAY, WEEK[6] + ONE_DAY])
def test_entries_of_other_periods_are_refused(day: date) -> None:
    with pytest.raises(ValueError, match="load entries from first_entry_day"):
        pay([Entry(day, Decimal(8))], WEEK[0], WEEK[6])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(NeedsReview, match="'jury'"):
        pay([Entry(WEEK[0], Decimal(8), "jury")], WEEK[0], WEEK[6])


entries_of_five_weeks = st.lists(
    st.builds(
        Entry,
        st.dates(date(2026, 11, 1), date(2026, 12, 5)),
        st.decimals("0.01", "12", places=2),
        st.sampled_from(["work", "work", "work", "leave"]),
        st.sampled_from([None, Decimal("17.25"), Decimal("31.4159")]),
    ),
    max_size=25,
)


@given(entries_of_five_weeks, st.integers(0, 34), st.permutations(range(25)))
def test_periods_together_pay_every_hour_and_every_premium_once(
    entries: list[Entry], cut: int, order: list[int]
) -> None:
    """However five whole workweeks are cut into two periods, all of it is paid once."""
    first, last = date(2026, 11, 1), date(2026, 12, 5)
    end = first + cut * ONE_DAY
    periods = [pay([e for e in entries if e.work_date <= end], first, end)]
    if end < last:
        since = first_entry_day(end + ONE_DAY)
        rest = [e for e in entries if e.work_date >= since]
        shuffled = [rest[n] for n in order if n < len(rest)]
        periods.append(pay(shuffled, end + ONE_DAY, last))
    worked = [e for e in entries if e.kind == "work"]
    assert sum(p.hours_worked for p in periods) == sum(e.hours for e in worked)
    assert sum(p.regular_hours + p.overtime_hours for p in periods) == sum(e.hours for e in worked)
    weeks = {(e.work_date - first).days // 7 for e in worked}
    by_week = [
        workweek(
            [Line(e.hours, e.rate or TEN) for e in worked if (e.work_date - first).days // 7 == week], FLSA
        )
        for week in weeks
    ]
    assert sum(p.premium_cents for p in periods) == sum(week.premium_cents for week in by_week)
    for p in periods:
        assert sum(line.cents for line in p.lines) == p.gross_cents - p.premium_cents


def test_salaried_nonexempt_entries_add_only_what_the_salary_does_not_cover() -> None:
    entries = [*days(WEEK[1], "9.2", 5), Entry(WEEK[6], Decimal(8), "leave")]  # 46 hours worked at 6.00
    period = salaried_period(
        entries, Decimal(12480), Decimal(40), FLSA, period_start=WEEK[0], period_end=WEEK[6]
    )
    assert (period.extra_straight_cents, period.premium_cents) == (36_00, 18_00)
    assert (period.hours_worked, period.regular_hours, period.overtime_hours, period.leave_hours) == (
        46,
        40,
        6,
        8,
    )


def test_a_salary_knows_no_other_rate() -> None:
    entry = Entry(WEEK[1], Decimal(8), "work", Decimal(30))
    with pytest.raises(NeedsReview, match="rate of its own"):
        salaried_period([entry], Decimal(12480), Decimal(40), FLSA, period_start=WEEK[0], period_end=WEEK[6])
