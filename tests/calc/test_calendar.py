"""Banking days, paydays and due dates against printed calendars."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import (
    calendar,
    worksheets,  # noqa: F401 - makes the worksheets known
)
from payroll.calc.worksheet import add_up

# Richmond Fed, holidays observed 2025-2027, in month and day. Saturday holidays close nothing and are absent
FED = {
    2025: "0101 0120 0217 0526 0619 0704 0901 1013 1111 1127 1225",
    2026: "0101 0119 0216 0525 0619 0907 1012 1111 1126 1225",
    2027: "0101 0118 0215 0531 0705 0906 1011 1111 1125",
}
DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize("year", FED)
def test_reserve_bank_holidays(year: int) -> None:
    assert " ".join(f"{day:%m%d}" for day in calendar.holidays(year)) == FED[year]


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2026, 7, 3), True),  # Independence Day is a Saturday: Friday stays open
        (date(2027, 7, 5), False),  # it is a Sunday: closed on Monday
        (date(2027, 6, 18), True),  # Juneteenth is a Saturday
        (date(2027, 12, 24), True),  # Christmas is a Saturday
        (date(2026, 11, 27), True),  # the day after Thanksgiving
        (date(2026, 11, 21), False),  # a Saturday
    ],
)
def test_is_banking_day(day: date, open_: bool) -> None:
    assert calendar.is_banking_day(day) is open_


def test_adjusting_and_counting() -> None:
    new_year = date(2026, 1, 1)
    assert calendar.adjust_before(new_year) == date(2025, 12, 31)  # and so it is pay of the old tax year
    assert calendar.adjust_after(date(2026, 12, 25)) == date(2026, 12, 28)
    assert calendar.add_banking_days(date(2026, 11, 25), 1) == date(2026, 11, 27)
    assert calendar.add_banking_days(new_year, 0) == new_year


@given(DAYS, st.integers(-30, 30))
def test_banking_days_count_both_ways(day: date, count: int) -> None:
    start = calendar.adjust_before(day)
    end = calendar.add_banking_days(start, count)
    assert calendar.is_banking_day(end)
    assert calendar.add_banking_days(end, -count) == start
    between = sum(
        calendar.is_banking_day(min(start, end) + timedelta(days=n)) for n in range(abs((end - start).days))
    )
    assert between == abs(count)


@given(DAYS)
def test_adjusting_is_the_nearest_banking_day(day: date) -> None:
    before, after = calendar.adjust_before(day), calendar.adjust_after(day)
    assert before <= day <= after
    assert before == after if calendar.is_banking_day(day) else calendar.add_banking_days(before, 1) == after


@pytest.mark.parametrize(
    ("year", "frequency", "first", "count"),
    [
        # shared calendar facts: 53 weekly paydays on the weekday the year starts on
        (2025, "weekly", date(2025, 1, 1), 53),
        (2026, "weekly", date(2026, 1, 1), 53),
        (2026, "weekly", date(2026, 1, 2), 52),
        (2028, "weekly", date(2028, 1, 2), 53),
        (2026, "biweekly", date(2026, 1, 1), 27),
        (2028, "biweekly", date(2028, 1, 2), 27),
        (2026, "biweekly", date(2024, 1, 4), 27),  # a schedule that began two years before
        (2026, "biweekly", date(2024, 1, 3), 26),
        (2026, "biweekly", date(2026, 12, 25), 1),
        (2026, "biweekly", date(2027, 1, 8), 0),
        (2026, "semimonthly", date(2026, 1, 15), 24),
        (2026, "monthly", date(2026, 1, 30), 12),
    ],
)
def test_paydays_in_year(year: int, frequency: str, first: date, count: int) -> None:
    assert calendar.paydays_in_year(year, frequency, first) == count


def test_frequencies_nobody_knows() -> None:
    with pytest.raises(NeedsReview, match="'fortnightly' is unknown: use one of weekly"):
        calendar.periods_per_year("fortnightly")
    with pytest.raises(ValueError, match="daily"):
        calendar.paydays_in_year(2026, "daily", date(2026, 1, 1))


@pytest.mark.parametrize(
    ("payday", "due"),
    [
        # Pub. 15 sec. 11: Wed, Thu, Fri -> next Wednesday; Sat to Tue -> next Friday
        (date(2026, 11, 18), date(2026, 11, 25)),
        (date(2026, 11, 20), date(2026, 11, 25)),
        (date(2026, 11, 21), date(2026, 11, 30)),  # Thanksgiving Thursday lies among the three days: Monday
        (date(2026, 11, 24), date(2026, 11, 30)),
        (date(2026, 5, 22), date(2026, 5, 28)),  # Memorial Day: Thursday
        (date(2026, 4, 10), date(2026, 4, 15)),
        (date(2026, 4, 14), date(2026, 4, 20)),  # Emancipation Day, Thursday 16 April: Monday
        (date(2026, 6, 30), date(2026, 7, 6)),  # Independence Day observed on Friday 3 July in D.C.: Monday
        (date(2027, 12, 28), date(2028, 1, 3)),  # New Year 2028 observed on Friday 31 December 2027: Monday
    ],
)
def test_semiweekly_deposits(payday: date, due: date) -> None:
    assert calendar.semiweekly_due(payday) == due


def test_inauguration_day_is_a_legal_holiday_every_fourth_year() -> None:
    assert date(2029, 1, 19) in calendar.legal_holidays(2029)  # 20 January 2029 is a Saturday
    assert not any(day.month == 1 and day.day in (20, 21) for day in calendar.legal_holidays(2027))


@given(DAYS)
def test_a_deposit_leaves_three_business_days_and_two_weeks_at_most(payday: date) -> None:
    due = calendar.semiweekly_due(payday)
    assert 3 <= (due - payday).days <= 14
    assert due.weekday() < 5


@pytest.mark.parametrize(
    ("payday", "cutoff"),
    [
        (date(2026, 11, 20), date(2026, 11, 18)),
        (date(2026, 11, 30), date(2026, 11, 25)),  # a Monday: Friday, and over Thanksgiving to Wednesday
        (date(2026, 1, 1), date(2025, 12, 29)),  # paid on 31 December
        (date(2026, 11, 21), date(2026, 11, 18)),  # a Saturday, paid on Friday
        (date(2026, 7, 6), date(2026, 7, 2)),  # Friday 3 July is a banking day
    ],
)
def test_a_file_goes_two_banking_days_before(payday: date, cutoff: date) -> None:
    assert calendar.file_cutoff(payday) == cutoff


@pytest.mark.parametrize(
    ("payday", "due"),
    [
        (date(2026, 9, 1), date(2026, 10, 15)),
        (date(2026, 9, 30), date(2026, 10, 15)),
        (date(2026, 10, 31), date(2026, 11, 16)),  # 15 November is a Sunday
        (date(2026, 7, 15), date(2026, 8, 17)),  # 15 August is a Saturday
        (date(2026, 12, 31), date(2027, 1, 15)),
        (date(2027, 1, 4), date(2027, 2, 16)),  # 15 February 2027 is Washington's birthday
        (date(2026, 11, 2), date(2026, 12, 15)),
        (
            date(2033, 3, 1),
            date(2033, 4, 18),
        ),  # 15 April 2033: Emancipation Day, moved from Saturday to Friday
    ],
)
def test_monthly_deposits(payday: date, due: date) -> None:
    assert calendar.monthly_due(payday) == due


def test_the_lookback_period_chooses_the_schedule() -> None:
    assert calendar.lookback_period(2026) == (date(2024, 7, 1), date(2025, 6, 30))
    assert calendar.deposit_schedule(0) == "monthly"  # also a new employer
    assert calendar.deposit_schedule(50_000_00) == "monthly"
    assert calendar.deposit_schedule(50_000_01) == "semiweekly"


@pytest.mark.parametrize(
    ("payday", "schedule", "cents", "due", "after"),
    [
        (date(2026, 11, 18), "monthly", 99_999_99, date(2026, 12, 15), "monthly"),
        (date(2026, 11, 18), "monthly", 100_000_00, date(2026, 11, 19), "semiweekly"),
        (date(2026, 11, 18), "semiweekly", 99_999_99, date(2026, 11, 25), "semiweekly"),
        (date(2026, 11, 18), "semiweekly", 100_000_00, date(2026, 11, 19), "semiweekly"),
        (date(2026, 11, 20), "semiweekly", 100_000_00, date(2026, 11, 23), "semiweekly"),  # Friday to Monday
        (date(2026, 11, 25), "monthly", 200_000_00, date(2026, 11, 27), "semiweekly"),  # over Thanksgiving
        (
            date(2026, 7, 2),
            "monthly",
            200_000_00,
            date(2026, 7, 6),
            "semiweekly",
        ),  # 3 July is a legal holiday
    ],
)
def test_deposits(*, payday: date, schedule: str, cents: int, due: date, after: str) -> None:
    assert calendar.deposit(payday, schedule, cents) == (due, after)


def test_a_schedule_nobody_knows() -> None:
    with pytest.raises(NeedsReview) as refused:
        calendar.deposit(date(2026, 11, 18), "weekly", 200_000_00)
    assert str(refused.value) == "deposit schedule 'weekly' is unknown: use monthly or semiweekly"


@pytest.mark.parametrize(
    ("quarter", "prior", "met", "may"),
    [
        (2_499_99, 9_000_00, False, True),
        (2_500_00, 2_500_00, False, False),
        (9_000_00, 2_499_99, False, True),
        (2_499_99, 2_499_99, True, False),
    ],
)
def test_small_quarters_are_paid_with_the_return(*, quarter: int, prior: int, met: bool, may: bool) -> None:
    assert calendar.may_pay_with_return(quarter, prior, next_day_rule_met=met) is may


@pytest.mark.parametrize(
    ("year", "quarter", "due"),
    [
        (2026, 1, date(2026, 4, 30)),
        (2026, 2, date(2026, 7, 31)),
        (2026, 3, date(2026, 11, 2)),  # 31 October is a Saturday
        (2026, 4, date(2027, 2, 1)),  # 31 January 2027 is a Sunday
        (2025, 4, date(2026, 2, 2)),
    ],
)
def test_unemployment_tax_deposits(year: int, quarter: int, due: date) -> None:
    assert calendar.futa_due(year, quarter) == due
    assert [calendar.futa_deposit_owed(cents) for cents in (0, 500_00, 500_01)] == [False, False, True]


@pytest.mark.parametrize("quarter", [0, 5])
def test_a_year_has_four_quarters(quarter: int) -> None:
    with pytest.raises(ValueError, match=f"^quarter {quarter}: a year has 1 to 4$"):
        calendar.futa_due(2026, quarter)


def test_business_days_follow_the_legal_holidays() -> None:
    assert not calendar.is_business_day(date(2026, 7, 3))  # Independence Day observed; the banks are open
    assert calendar.is_business_day(date(2026, 7, 2))
    assert not calendar.is_business_day(date(2026, 11, 21))
    assert calendar.business_day_from(date(2026, 7, 2)) == date(2026, 7, 2)
    assert calendar.business_day_from(date(2026, 7, 3)) == date(2026, 7, 6)


def test_a_semiweekly_deposit_is_explained() -> None:
    facts = add_up([calendar.semiweekly_working(date(2026, 11, 24))])
    assert list(facts.items()) == [
        ("period_end", "2026-11-24"),
        ("2026-11-25", 1),
        ("2026-11-26", 1),  # Thanksgiving
        ("2026-11-27", 2),
        ("2026-11-28", 2),
        ("2026-11-29", 2),
        ("2026-11-30", 3),
        ("due", "2026-11-30"),
    ]


@given(DAYS)
@settings(max_examples=200, deadline=None)
def test_the_worksheet_of_a_deposit_gives_its_due_date(payday: date) -> None:
    facts = add_up([calendar.semiweekly_working(payday)])
    assert facts["due"] == calendar.semiweekly_due(payday).isoformat()


@given(
    st.integers(2020, 2035),
    st.sampled_from(["weekly", "biweekly", "semimonthly", "monthly", "quarterly", "semiannual", "annual"]),
    st.dates(date(2018, 1, 1), date(2036, 12, 31)),
)
@settings(max_examples=150, deadline=None)
def test_the_worksheet_of_paydays_counts_the_same(year: int, frequency: str, first: date) -> None:
    facts = add_up([calendar.paydays_working(year, frequency, first)])
    assert facts["paydays_in_year"] == calendar.paydays_in_year(year, frequency, first)


def test_paydays_are_explained() -> None:
    facts = add_up([calendar.paydays_working(2026, "biweekly", date(2024, 1, 4))])
    assert facts == {"first_in_year": "2026-01-01", "paydays_in_year": 27}
    assert add_up([calendar.paydays_working(2026, "monthly", date(2026, 1, 30))]) == {"paydays_in_year": 12}


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 1, 1), date(2026, 3, 31)),
        (date(2026, 3, 31), date(2026, 3, 31)),
        (date(2026, 4, 1), date(2026, 6, 30)),
        (date(2026, 9, 30), date(2026, 9, 30)),
        (date(2026, 10, 1), date(2026, 12, 31)),
        (date(2026, 12, 31), date(2026, 12, 31)),
        (date(2099, 12, 31), date(2099, 12, 31)),
    ],
)
def test_a_day_is_in_the_quarter_that_ends_on(day: date, end: date) -> None:
    assert calendar.quarter_end(day) == end
