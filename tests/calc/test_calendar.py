"""Banking days, paydays and due dates against printed calendars."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import calendar

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
