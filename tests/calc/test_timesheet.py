"""Pay periods: straight time by the day, the premium by the workweek's end (29 CFR 778.106)."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.hours import Line, workweek
from payroll.calc.tables import California
from payroll.calc.timesheet import Bonus, Entry, HourlyPeriod, first_entry_day, hourly_period, salaried_period
from payroll.calc.worksheet import add_up
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


def test_a_period_is_explained_by_workweek() -> None:
    entries = [
        *days(date(2026, 11, 29), "8", 6),  # 16 hours in November, 32 in December
        Entry(date(2026, 12, 7), Decimal("7.25"), "work", Decimal("12.50")),
        Entry(date(2026, 12, 8), Decimal("8"), "leave"),
    ]
    period = pay(entries, date(2026, 12, 1), date(2026, 12, 8))
    assert period.working == (
        "hourly_period",
        [
            ["2026-11-29", "closes", 1600, [[100_000, 4800]], []],
            ["2026-12-06", "open", 0, [[125_000, 725]], []],
        ],
        [["work", 100_000, 3200], ["work", 125_000, 725], ["leave", 100_000, 800]],
        4000,
        500_000,
    )
    assert add_up([period.working]) == {
        "2026-11-29.hours_worked_hundredths": 4800,
        "2026-11-29.overtime_hours_hundredths": 800,
        "2026-11-29.remuneration_cents": 480_00,
        "2026-11-29.regular_rate_cents": 10_00,
        "2026-11-29.premium_cents": 40_00,
        "2026-12-06.hours_worked_hundredths": 725,
        "2026-12-06.overtime_hours_hundredths": 0,
        "hours_worked_hundredths": 3925,
        "regular_hours_hundredths": 3125,  # 40 less the 16 of November, and 7.25
        "overtime_hours_hundredths": 800,
        "leave_hours_hundredths": 800,
        "holiday_hours_hundredths": 0,
        "straight_time_cents": 320_00 + 90_63,  # 7.25 x 12.50 = 90.625
        "leave_cents": 80_00,
        "holiday_cents": 0,
        "double_time_hours_hundredths": 0,
        "overtime_premium_cents": 40_00,
        "flsa_premium_cents": 40_00,
    }


def test_a_bonus_is_spread_over_its_workweeks() -> None:
    # 100.00 over two workweeks; the first has 50 hours: (500 + 50) / 50 / 2 x 10 = 55.00; the second has no overtime
    entries = days(date(2026, 11, 2), "10", 5) + days(date(2026, 11, 9), "8", 5)
    earned = Bonus(date(2026, 11, 7), date(2026, 11, 8), 100_00)  # two days, two workweeks
    period = pay(entries, date(2026, 11, 1), date(2026, 11, 14), bonuses=[earned])
    assert (period.premium_cents, period.flsa_premium_cents, period.gross_cents) == (55_00, 55_00, 955_00)
    assert [week[4] for week in period.working[1]] == [[[100_00, 2]], [[100_00, 2]]]
    facts = add_up([period.working])
    assert facts["2026-11-01.remuneration_cents"] == 550_00
    assert facts["2026-11-01.regular_rate_cents"] == 11_00


def test_a_bonus_for_paid_workweeks_owes_only_its_own_premium() -> None:
    # 90.00 over three workweeks, 30.00 each; 50 hours in each: 30 / 50 / 2 x 10 = 3.00 on top
    entries = [entry for day in (2, 9, 16) for entry in days(date(2026, 11, day), "10", 5)]
    earned = Bonus(date(2026, 11, 1), date(2026, 11, 21), 90_00)
    start, end = date(2026, 11, 15), date(2026, 11, 21)
    period = pay(entries, start, end, bonuses=[earned], entries_from=date(2026, 11, 1))
    assert (period.premium_cents, period.overtime_hours) == (50_00 + 3 * 3_00, 10)
    assert (period.hours_worked, period.regular_hours, period.straight_time_cents) == (50, 40, 500_00)
    assert [week[:3] for week in period.working[1]] == [
        ["2026-11-01", "closed", 5000],
        ["2026-11-08", "closed", 5000],
        ["2026-11-15", "closes", 0],
    ]
    assert add_up([period.working])["2026-11-01.remuneration_cents"] == 30_00
    with pytest.raises(NeedsReview) as refused:
        pay(entries[5:], start, end, bonuses=[earned], entries_from=date(2026, 11, 2))
    assert str(refused.value) == (
        "a bonus earned from 2026-11-01 on needs the hours from 2026-11-01 on, and time entries begin on 2026-11-02: "
        "load the earlier entries"
    )
    with pytest.raises(NeedsReview, match="time entries begin on 2026-11-15"):
        pay(entries[10:], start, end, bonuses=[earned], entries_from=date(2026, 11, 16))
    with pytest.raises(
        ValueError, match="an entry of 2026-11-02 for a period that reads 2026-11-15 to 2026-11-21"
    ):
        pay(entries, start, end)


def test_a_bonus_waits_for_its_last_workweek() -> None:
    start, end = date(2026, 11, 16), date(2026, 11, 30)  # Monday 30 November: the week ends on 5 December
    entries = days(date(2026, 11, 29), "24", 2)
    with pytest.raises(NeedsReview) as refused:
        pay(entries, start, end, bonuses=[Bonus(date(2026, 11, 16), end, 10_00)])
    assert str(refused.value) == (
        "a bonus earned until 2026-11-30: its last workweek ends after the period's end 2026-11-30, so pay it with "
        "the next period or let it end a workweek earlier"
    )
    # the last day of employment ends the workweek: (480 + 10) / 48 / 2 x 8
    left = pay(entries, start, end, last_day=end, bonuses=[Bonus(date(2026, 11, 29), end, 10_00)])
    assert left.premium_cents == 40_83


@pytest.mark.parametrize(
    ("first", "last", "cents"), [(WEEK[0], WEEK[1], -1), (WEEK[1], WEEK[0], 100)], ids=["negative", "turned"]
)
def test_a_bonus_that_cannot_be(first: date, last: date, cents: int) -> None:
    with pytest.raises(NeedsReview) as refused:
        pay([], WEEK[0], WEEK[6], bonuses=[Bonus(first, last, cents)])
    assert str(refused.value) == (
        f"a bonus of {cents} cents earned {first} to {last}: give cents of zero or more and the first day first"
    )
    assert pay([], WEEK[0], WEEK[6], bonuses=[Bonus(WEEK[0], WEEK[0], 0)]).gross_cents == 0


def hours_of(period: HourlyPeriod) -> dict[str, int]:
    return {
        "hours_worked_hundredths": int(period.hours_worked * 100),
        "regular_hours_hundredths": int(period.regular_hours * 100),
        "overtime_hours_hundredths": int(period.overtime_hours * 100),
        "double_time_hours_hundredths": int(period.double_time_hours * 100),
        "leave_hours_hundredths": int(period.leave_hours * 100),
        "holiday_hours_hundredths": int(period.holiday_hours * 100),
        "straight_time_cents": period.straight_time_cents,
        "overtime_premium_cents": period.premium_cents,
        "flsa_premium_cents": period.flsa_premium_cents,
        "leave_cents": period.leave_cents,
        "holiday_cents": period.holiday_cents,
    }


periods = st.tuples(st.integers(0, 34), st.integers(0, 34)).map(
    lambda cut: [date(2026, 11, 1) + n * ONE_DAY for n in sorted(cut)]
)


@pytest.mark.parametrize("daily", [None, FLSA.california], ids=["federal", "california"])
@given(entries_of_five_weeks, periods, st.integers(0, 6), st.integers(0, 3_000_00))
@settings(max_examples=150, deadline=None)
def test_the_worksheet_of_a_period_gives_what_was_paid(
    daily: California | None, entries: list[Entry], span: list[date], workweek_start: int, cents: int
) -> None:
    start, end = span
    since = first_entry_day(start, workweek_start) - 7 * ONE_DAY
    earned_until = (
        first_entry_day(end + ONE_DAY, workweek_start) - ONE_DAY
    )  # the last workweek that has ended
    bonuses = [Bonus(since, earned_until, cents)]
    if too_long(entries):
        return
    period = pay(
        [entry for entry in entries if since <= entry.work_date <= end],
        start,
        end,
        workweek_start=workweek_start,
        bonuses=bonuses,
        entries_from=since,
        daily_overtime=daily,
    )
    facts = add_up([period.working])
    assert {key: facts[key] for key in hours_of(period)} == hours_of(period)
    assert period.flsa_premium_cents <= period.premium_cents
    assert json.loads(json.dumps(period.working)) == list(period.working)


def too_long(entries: list[Entry]) -> bool:
    """Whether a day has more than its 24 hours."""
    worked: dict[date, Decimal] = {}
    for entry in entries:
        worked[entry.work_date] = worked.get(entry.work_date, Decimal(0)) + entry.hours
    return max(worked.values(), default=Decimal(0)) > 24


@pytest.mark.parametrize("daily", [None, FLSA.california], ids=["federal", "california"])
@given(entries_of_five_weeks, st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_splitting_entries_changes_nothing_and_more_hours_never_pay_less(
    daily: California | None, entries: list[Entry], percent: int
) -> None:
    if not entries or too_long([*entries, entries[0]]):
        return
    span = date(2026, 11, 1), date(2026, 12, 5)
    first, *rest = entries
    part = (first.hours * percent / 100).quantize(Decimal("0.01"))
    split = [first._replace(hours=part), *rest, first._replace(hours=first.hours - part)]
    whole = pay(entries, *span, daily_overtime=daily)
    assert pay(split, *span, daily_overtime=daily) == whole
    assert whole.regular_hours + whole.overtime_hours == whole.hours_worked
    more = pay([*entries, first._replace(rate=None, hours=first.hours)], *span, daily_overtime=daily)
    if first.rate is None and all(entry.rate is None for entry in entries):
        assert more.gross_cents >= whole.gross_cents


def test_a_california_period_by_hand() -> None:
    # Monday 13 h, Tuesday to Friday 8 h: straight 40, 4 at time and a half, 1 at double time
    entries = [Entry(WEEK[1], Decimal(13)), *days(WEEK[2], "8", 4)]
    period = pay(entries, WEEK[0], WEEK[6], daily_overtime=FLSA.california)
    assert (period.regular_hours, period.overtime_hours, period.double_time_hours) == (40, 5, 1)
    assert (period.straight_time_cents, period.premium_cents) == (450_00, 4 * 5_00 + 10_00)
    assert period.flsa_premium_cents == 25_00  # five hours beyond 40
    assert period.working == (
        "california_period",
        [["2026-11-08", "closes", 0, [[], [[100_000, 1300]], *[[[100_000, 800]]] * 4, []], []]],
        [["work", 100_000, 4500]],
        800,
        1200,
        4000,
        800,
        500_000,
        1_000_000,
        4000,
        500_000,
    )
    facts = add_up([period.working])
    assert facts["2026-11-08.premium_cents"] == facts["overtime_premium_cents"] == 30_00
    assert facts["2026-11-08.flsa_premium_cents"] == 25_00
    assert (facts["2026-11-08.hours_worked_hundredths"], facts["2026-11-08.overtime_hours_hundredths"]) == (
        4500,
        400,
    )
    assert facts["2026-11-08.double_time_hours_hundredths"] == 100
    assert facts["2026-11-08.regular_rate_cents"] == 10_00


def test_a_california_week_that_straddles_pays_where_it_ends() -> None:
    # Sunday 29 November to Saturday 5 December, 9 hours each day: the seventh day is all overtime
    worked = days(date(2026, 11, 29), "9", 7)
    november = pay(worked[:2], date(2026, 11, 16), date(2026, 11, 30), daily_overtime=FLSA.california)
    december = pay(worked, date(2026, 12, 1), date(2026, 12, 15), daily_overtime=FLSA.california)
    assert (november.regular_hours, november.overtime_hours, november.premium_cents) == (16, 0, 0)
    # 40 straight hours in five days; 5 x 1 + 9 on the sixth; 8 + 1 at double time on the seventh
    assert (december.regular_hours, december.overtime_hours, december.double_time_hours) == (24, 23, 1)
    assert (december.premium_cents, december.flsa_premium_cents) == (22 * 5_00 + 10_00, 115_00)


def test_a_california_bonus_for_a_paid_week() -> None:
    # 44 hours, 40 of them straight: 40.00 / 40 x 1.5 x 4 = 6.00; the FLSA requires 40.00 / 44 / 2 x 4 = 1.818
    worked = [Entry(WEEK[1], Decimal(12)), *days(WEEK[2], "8", 4)]
    period = pay(
        worked,
        WEEK[6] + ONE_DAY,
        WEEK[6] + 7 * ONE_DAY,
        bonuses=[Bonus(WEEK[0], WEEK[6], 40_00)],
        entries_from=WEEK[0],
        daily_overtime=FLSA.california,
    )
    assert (period.premium_cents, period.flsa_premium_cents, period.overtime_hours) == (6_00, 1_82, 0)
    assert (period.regular_hours, period.double_time_hours, period.gross_cents) == (0, 0, 6_00)


def test_a_salaried_period_is_explained() -> None:
    entries = [
        *days(WEEK[1], "9.2", 5),
        Entry(WEEK[6], Decimal(8), "leave"),
        Entry(WEEK[0], Decimal(3), "holiday"),
    ]
    period = salaried_period(
        entries,
        Decimal(12480),
        Decimal(40),
        FLSA,
        period_start=WEEK[0],
        period_end=WEEK[6],
        bonuses=[Bonus(WEEK[0], WEEK[6], 46_00)],
    )
    assert (period.extra_straight_cents, period.premium_cents) == (36_00, 21_00)
    assert period.working == (
        "salaried_period",
        124_800_000,
        4000,
        [["2026-11-08", "closes", 0, 4600, [[46_00, 1]]]],
        800,
        300,
        4000,
        500_000,
    )
    assert add_up([period.working]) == {
        "hourly_rate_cents": 6_00,
        "2026-11-08.hours_worked_hundredths": 4600,
        "2026-11-08.overtime_hours_hundredths": 600,
        "2026-11-08.straight_time_cents": 36_00,
        "2026-11-08.regular_rate_cents": 7_00,
        "2026-11-08.premium_cents": 21_00,
        "hours_worked_hundredths": 4600,
        "regular_hours_hundredths": 4000,
        "overtime_hours_hundredths": 600,
        "leave_hours_hundredths": 800,
        "holiday_hours_hundredths": 300,
        "straight_time_cents": 36_00,
        "leave_cents": 0,
        "holiday_cents": 0,
        "double_time_hours_hundredths": 0,
        "overtime_premium_cents": 21_00,
        "flsa_premium_cents": 21_00,
    }
    with pytest.raises(NeedsReview, match="standard weekly hours"):
        salaried_period([], Decimal(12480), Decimal(0), FLSA, period_start=WEEK[0], period_end=WEEK[6])


@given(
    entries_of_five_weeks, periods, st.decimals("1", "60", places=2), st.integers(0, 3_000_00), st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_the_worksheet_of_a_salaried_period_gives_what_was_paid(
    entries: list[Entry], span: list[date], standard: Decimal, cents: int, with_bonus: bool
) -> None:
    start, end = span
    since = first_entry_day(start) - 7 * ONE_DAY
    read = [entry._replace(rate=None) for entry in entries if since <= entry.work_date <= end]
    until = first_entry_day(end + ONE_DAY) - ONE_DAY
    period = salaried_period(
        read,
        Decimal("51234.56"),
        standard,
        FLSA,
        period_start=start,
        period_end=end,
        bonuses=[Bonus(since, until, cents)] if with_bonus else [],
        entries_from=since,
    )
    facts = add_up([period.working])
    assert facts["hours_worked_hundredths"] == period.hours_worked * 100
    assert facts["regular_hours_hundredths"] == period.regular_hours * 100
    assert facts["overtime_hours_hundredths"] == period.overtime_hours * 100
    assert facts["leave_hours_hundredths"] == period.leave_hours * 100
    assert facts["holiday_hours_hundredths"] == period.holiday_hours * 100
    assert facts["straight_time_cents"] == period.extra_straight_cents
    assert facts["overtime_premium_cents"] == period.premium_cents
