"""Pay periods and paydays as arithmetic on dates."""

from datetime import date, timedelta

import pytest

from payroll.schedule import Period, matches, next_period, pay_date, period_containing

ANCHOR = date(2026, 11, 1)
FREQUENCIES = ("weekly", "biweekly", "semimonthly", "monthly")

PERIODS = [
    # frequency, a day, the period's first and last day
    ("weekly", "2026-11-01", "2026-11-01", "2026-11-07"),
    ("weekly", "2026-11-28", "2026-11-22", "2026-11-28"),
    ("weekly", "2026-10-31", "2026-10-25", "2026-10-31"),
    ("biweekly", "2026-11-14", "2026-11-01", "2026-11-14"),
    ("biweekly", "2026-11-15", "2026-11-15", "2026-11-28"),
    ("biweekly", "2026-10-31", "2026-10-18", "2026-10-31"),
    ("semimonthly", "2026-11-15", "2026-11-01", "2026-11-15"),
    ("semimonthly", "2026-11-16", "2026-11-16", "2026-11-30"),
    ("semimonthly", "2027-02-28", "2027-02-16", "2027-02-28"),
    ("semimonthly", "2028-02-16", "2028-02-16", "2028-02-29"),
    ("monthly", "2026-12-31", "2026-12-01", "2026-12-31"),
    ("monthly", "2028-02-01", "2028-02-01", "2028-02-29"),
]


@pytest.mark.parametrize(("frequency", "day", "start", "end"), PERIODS)
def test_the_period_of_a_day(frequency, day, start, end):
    assert [str(edge) for edge in period_containing(frequency, ANCHOR, date.fromisoformat(day))] == [
        start,
        end,
    ]


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_periods_follow_each_other_without_gap_or_overlap_and_have_their_length(frequency):
    period = period_containing(frequency, ANCHOR, date(2023, 12, 20))
    while period.end < date(2029, 3, 1):
        assert matches(frequency, *period)
        for offset in range(period.days):
            assert period_containing(frequency, ANCHOR, period.start + timedelta(days=offset)) == period
        following = next_period(frequency, period)
        assert following.start == period.end + timedelta(days=1)
        period = following


PAYDAYS = [
    ("2026-11-14", 6, "2026-11-20"),  # a Friday
    ("2026-11-30", 5, "2026-12-04"),  # Saturday -> Friday
    ("2026-11-20", 6, "2026-11-25"),  # Thanksgiving -> Wednesday
    ("2026-12-26", 6, "2026-12-31"),  # New Year's Day -> the old year
    ("2026-06-27", 7, "2026-07-03"),  # a holiday on Saturday 4 July leaves the Friday open
]


@pytest.mark.parametrize(("end", "lag", "payday"), PAYDAYS)
def test_payday_is_the_banking_day_before(end, lag, payday):
    last = date.fromisoformat(end)
    assert pay_date(Period(last - timedelta(days=13), last), lag) == date.fromisoformat(payday)


LENGTHS = [("weekly", (7, 7)), ("biweekly", (14, 14)), ("semimonthly", (13, 16)), ("monthly", (28, 31))]


@pytest.mark.parametrize(("frequency", "bounds"), LENGTHS)
def test_a_range_matches_a_frequency_by_its_length(frequency, bounds):
    lengths = [n for n in range(-1, 40) if matches(frequency, ANCHOR, ANCHOR + timedelta(days=n - 1))]
    assert (lengths[0], lengths[-1]) == bounds


def test_an_unknown_frequency_is_refused():
    with pytest.raises(ValueError, match="no pay frequency 'daily'; it is one of weekly, biweekly"):
        period_containing("daily", ANCHOR, ANCHOR)
