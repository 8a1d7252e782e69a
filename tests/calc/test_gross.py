"""Salaries by period and in part (convention: weekdays employed over weekdays in the period)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.gross import salary, weekdays

LONG_AGO = date(2010, 1, 1)
START, END = date(2026, 11, 1), date(2026, 11, 14)
DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))


@pytest.mark.parametrize(
    ("annual", "frequency", "cents"),
    [
        ("80448.00", "biweekly", 3094_15),  # 3,094.153...
        ("52000", "weekly", 1000_00),
        ("100000", "semimonthly", 4166_67),
        ("100000", "monthly", 8333_33),
        ("0.13", "biweekly", 1),  # half a cent goes up
    ],
)
def test_a_whole_period(annual: str, frequency: str, cents: int) -> None:
    pay = salary(Decimal(annual), frequency, START, END, hire_date=LONG_AGO)
    assert (pay.cents, pay.weekdays_employed, pay.weekdays_in_period) == (cents, 10, 10)


@pytest.mark.parametrize(
    ("hired", "left", "employed"),
    [
        (date(2026, 11, 9), None, 5),  # hired on the second Monday
        (date(2026, 11, 7), None, 5),  # on the Saturday before: the same weekdays
        (LONG_AGO, date(2026, 11, 4), 3),  # the last day is paid
        (date(2026, 11, 3), date(2026, 11, 3), 1),
        (START, END, 10),
        (date(2026, 11, 15), None, 0),  # hired after the period
        (LONG_AGO, date(2026, 10, 30), 0),  # gone before it
    ],
)
def test_a_period_in_part(hired: date, left: date | None, employed: int) -> None:
    pay = salary(Decimal(26000), "biweekly", START, END, hire_date=hired, termination_date=left)
    assert (pay.cents, pay.weekdays_employed) == (employed * 100_00, employed)


def test_a_period_of_a_weekend_cannot_be_prorated() -> None:
    with pytest.raises(NeedsReview, match="no weekday from 2026-11-07 to 2026-11-08"):
        salary(Decimal(26000), "biweekly", date(2026, 11, 7), date(2026, 11, 8), hire_date=LONG_AGO)


@given(DAYS, DAYS)
def test_weekdays_are_counted(first: date, last: date) -> None:
    span = range(max(0, (last - first).days + 1))
    assert weekdays(first, last) == sum((first + timedelta(days=n)).weekday() < 5 for n in span)


@given(st.integers(0, 13), st.decimals("0", "500000", places=2))
def test_two_halves_of_a_period_make_the_whole(cut: int, annual: Decimal) -> None:
    last = START + timedelta(days=cut)
    before = salary(annual, "biweekly", START, END, hire_date=LONG_AGO, termination_date=last)
    after = salary(annual, "biweekly", START, END, hire_date=last + timedelta(days=1))
    whole = salary(annual, "biweekly", START, END, hire_date=LONG_AGO)
    assert before.weekdays_employed + after.weekdays_employed == whole.weekdays_in_period
    assert abs(before.cents + after.cents - whole.cents) <= 1
