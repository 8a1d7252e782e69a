"""Salaries by period and in part (convention: weekdays employed over weekdays in the period)."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - makes the worksheets known
from payroll.calc.calendar import periods_per_year
from payroll.calc.gross import salary, salary_periods, weekdays
from payroll.calc.worksheet import add_up

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


@pytest.mark.parametrize(
    ("hired", "left", "employed"),
    [
        (date(2026, 11, 14), date(2026, 11, 14), 0),  # a Saturday: employed on a weekend only
        (date(2026, 11, 7), date(2026, 11, 8), 0),
        (date(2026, 11, 13), date(2026, 11, 13), 1),  # hired and gone on the same Friday
        (date(2026, 11, 6), date(2026, 11, 9), 2),
        (START, date(2026, 11, 2), 1),
        (date(2026, 11, 2), None, 10),  # the Sunday before was no weekday
        (date(2026, 11, 10), date(2026, 11, 9), 0),
    ],
)
def test_edges_of_employment(hired: date, left: date | None, employed: int) -> None:
    pay = salary(Decimal(26000), "biweekly", START, END, hire_date=hired, termination_date=left)
    assert (pay.cents, pay.weekdays_employed, pay.weekdays_in_period) == (employed * 100_00, employed, 10)
    facts = add_up([pay.working])
    assert (facts["salary_cents"], facts["weekdays_employed"]) == (pay.cents, employed)


def test_a_salary_in_27_parts_is_a_policy() -> None:
    in_parts = [
        salary(Decimal(27000), "biweekly", START, END, hire_date=LONG_AGO, periods=periods).cents
        for periods in (None, 26, 27)
    ]
    assert in_parts == [1038_46, 1038_46, 1000_00]
    assert salary(Decimal(53000), "weekly", START, END, hire_date=LONG_AGO, periods=53).cents == 1000_00


@pytest.mark.parametrize("periods", [0, 25, 28, -26])
def test_other_parts_are_refused(periods: int) -> None:
    with pytest.raises(NeedsReview) as refused:
        salary(Decimal(27000), "biweekly", START, END, hire_date=LONG_AGO, periods=periods)
    assert str(refused.value) == (f"a salary paid biweekly in {periods} parts: a year has 26 paydays, or 27")
    assert [salary_periods("weekly"), salary_periods("weekly", 52), salary_periods("weekly", 53)] == [
        52,
        52,
        53,
    ]


def test_a_salary_is_explained() -> None:
    pay = salary(
        Decimal("26000.01"), "biweekly", START, END, hire_date=LONG_AGO, termination_date=date(2026, 11, 4)
    )
    dates = ("2026-11-01", "2026-11-14", "2010-01-01", "2026-11-04")
    assert pay.working == ("salary", 260_000_100, 26, *dates)
    assert add_up([pay.working]) == {
        "period_salary_cents": Fraction(2_600_001, 26),
        "weekdays_in_period": 10,
        "weekdays_employed": 3,
        "salary_cents": 300_00,
    }
    whole = salary(Decimal(26000), "biweekly", START, END, hire_date=LONG_AGO)
    assert whole.working[-1] is None


@given(
    annual=st.decimals("0", "900000", places=4),
    frequency=st.sampled_from(["weekly", "biweekly", "semimonthly", "monthly"]),
    start=DAYS,
    length=st.integers(2, 31),
    hired=DAYS,
    left=st.none() | DAYS,
    more=st.sampled_from([0, 1, None]),
)
@settings(max_examples=150, deadline=None)
def test_the_worksheet_of_a_salary_gives_what_was_paid(
    *,
    annual: Decimal,
    frequency: str,
    start: date,
    length: int,
    hired: date,
    left: date | None,
    more: int | None,
) -> None:
    end = start + timedelta(days=length)
    periods = None if more is None else periods_per_year(frequency) + more
    pay = salary(annual, frequency, start, end, hire_date=hired, termination_date=left, periods=periods)
    facts = add_up([pay.working])
    assert facts["salary_cents"] == pay.cents
    assert facts["weekdays_employed"] == pay.weekdays_employed
    assert facts["weekdays_in_period"] == pay.weekdays_in_period
