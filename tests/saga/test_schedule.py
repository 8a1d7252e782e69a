"""The schedule's tick: what is due is opened, once, whenever it is asked and by however many.

Days are checked against a printed calendar of 2026: 1 November is a Sunday; 11 November (Veterans Day), 26 November
(Thanksgiving) and 25 December are Federal Reserve holidays. A run opens three banking days before payday.
"""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from events import store
from payroll import runs, tick
from payroll.models import Employer, PayCalendar
from payroll.runs import Refused
from payroll.tick import due_periods
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

pytestmark = pytest.mark.usefixtures("db", "by_file")
ROUNDS = 20
# employer, frequency, and by hand: first period, payday, and the day on which its run opens
FREQUENCIES = [
    # Sunday to Saturday, paid the Friday after: 13 November; the Bank is closed on the 11th, so three banking days
    # before it are the 12th, the 10th and the 9th
    ("WEEK", "weekly", date(2026, 11, 1), date(2026, 11, 7), date(2026, 11, 13), date(2026, 11, 9)),
    # paid six days after the 14th: Friday the 20th; the 19th, 18th, 17th
    ("TWOW", "biweekly", date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20), date(2026, 11, 17)),
    # paid five days after the 15th: Friday the 20th
    ("HALF", "semimonthly", date(2026, 11, 1), date(2026, 11, 15), date(2026, 11, 20), date(2026, 11, 17)),
    # paid five days after the 30th: Saturday 5 December, so Friday the 4th; the 3rd, 2nd, 1st
    ("MONT", "monthly", date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 4), date(2026, 12, 1)),
]
DAY = timedelta(days=1)


@pytest.fixture
def by_file(settings: Any) -> None:
    """Payment files are laid down for the bank to fetch; no process is started."""
    settings.PAYROLL_GATEWAY = "ach"


@pytest.fixture
def all_four(tmp_path: Path) -> None:
    """An employer of each frequency, whose first period is the one of 1 November."""
    load(tmp_path, *((name, frequency) for name, frequency, *_ in FREQUENCIES))


def load(folder: Path, *employers: tuple[str, str]) -> None:
    """Employers with one person each."""
    paydays.load(
        folder,
        [employer(name, pay_frequency=frequency) for name, frequency in employers],
        [salaried(name, "ann", "62400.00") for name, _ in employers],
        as_of=date(2026, 11, 1),
    )


def opened() -> list[tuple[str, str, str, str]]:
    """Every employer's run in the log, in its order: employer, first and last day, payday."""
    facts = [event.data for event in store.read_all(limit=10_000) if event.type == "EmployerRunOpened"]
    return [(each["employer"], each["period_start"], each["period_end"], each["pay_date"]) for each in facts]


def starts(employer_id: str) -> list[str]:
    """First days of the periods that were opened for one employer, as opened."""
    return [start for name, start, *_ in opened() if name == employer_id]


# What is due


@pytest.mark.parametrize("due", FREQUENCIES, ids=lambda due: due[1])
def test_a_period_is_due_three_banking_days_before_its_payday(
    tmp_path: Path, due: tuple[str, str, date, date, date, date]
) -> None:
    name, frequency, first, last, payday, opens = due
    load(tmp_path, (name, frequency))
    assert tick.open_due(opens - DAY) == ([], [])
    assert opened() == []
    ticked = tick.open_due(opens)
    assert opened() == [(name, str(first), str(last), str(payday))]
    assert ([each.employers for each in ticked.opened], ticked.refused) == ([(name,)], [])


def test_a_period_that_is_not_over_is_not_due(tmp_path: Path) -> None:
    """Paid on its last day: three banking days before it the hours are not known yet."""
    load(tmp_path, ("TWOW", "biweekly"))
    PayCalendar.objects.update(pay_lag_days=0)
    tick.open_due(date(2026, 11, 14))
    assert opened() == []
    tick.open_due(date(2026, 11, 15))
    assert opened() == [("TWOW", "2026-11-01", "2026-11-14", "2026-11-13")]


@pytest.mark.parametrize(
    ("lag", "payday"),
    [
        (7, date(2026, 11, 20)),  # Saturday the 21st
        (8, date(2026, 11, 20)),  # Sunday the 22nd
        (12, date(2026, 11, 25)),  # Thursday the 26th is Thanksgiving
        (41, date(2026, 12, 24)),  # Friday, Christmas Day
        (48, date(2026, 12, 31)),  # Friday, New Year's Day: paid in the old year, by its tables
    ],
)
def test_a_payday_on_a_weekend_or_holiday_is_the_banking_day_before(
    tmp_path: Path, lag: int, payday: date
) -> None:
    load(tmp_path, ("TWOW", "biweekly"))
    PayCalendar.objects.update(pay_lag_days=lag)
    tick.open_due(payday)
    assert opened()[0] == ("TWOW", "2026-11-01", "2026-11-14", str(payday))


def test_all_frequencies_of_a_month_in_the_order_of_their_periods(all_four: None) -> None:
    tick.open_due(date(2026, 12, 1))
    assert opened() == [
        ("WEEK", "2026-11-01", "2026-11-07", "2026-11-13"),
        ("TWOW", "2026-11-01", "2026-11-14", "2026-11-20"),
        ("HALF", "2026-11-01", "2026-11-15", "2026-11-20"),
        ("MONT", "2026-11-01", "2026-11-30", "2026-12-04"),
        ("WEEK", "2026-11-08", "2026-11-14", "2026-11-20"),
        ("WEEK", "2026-11-15", "2026-11-21", "2026-11-27"),
        ("TWOW", "2026-11-15", "2026-11-28", "2026-12-04"),
        ("HALF", "2026-11-16", "2026-11-30", "2026-12-04"),
        ("WEEK", "2026-11-22", "2026-11-28", "2026-12-04"),
    ]


def test_missed_ticks_are_made_up_for_in_order_and_once(all_four: None) -> None:
    """Every day from 1 November, or once in December: the same runs."""
    for day in range(1, 18):
        tick.open_due(date(2026, 11, day))
    assert starts("WEEK") == ["2026-11-01", "2026-11-08"]
    ticked = tick.open_due(date(2026, 12, 1))
    assert starts("WEEK") == ["2026-11-01", "2026-11-08", "2026-11-15", "2026-11-22"]
    assert len(opened()) == len(set(opened())) == 9
    again = tick.open_due(date(2026, 12, 1))
    assert (again.opened, again.refused) == ([], [])
    assert all(each.new for each in ticked.opened)
    assert len(opened()) == 9


def test_an_old_calendar_does_not_run_dry(tmp_path: Path) -> None:
    """A weekly employer has had more periods than are looked back on; the latest ones are due as ever."""
    load(tmp_path, ("WEEK", "weekly"))
    PayCalendar.objects.update(starts_on=date(2019, 1, 6))
    due = [each.period.start for each in due_periods(PayCalendar.objects.get(), date(2026, 11, 20))]
    assert due[-2:] == [date(2026, 11, 1), date(2026, 11, 8)]
    assert due == sorted(set(due))
    assert {after - before for before, after in pairwise(due)} == {timedelta(days=7)}


def test_what_was_due_before_the_first_period_is_not_opened(tmp_path: Path) -> None:
    load(tmp_path, ("WEEK", "weekly"))
    PayCalendar.objects.update(starts_on=date(2026, 11, 8))
    tick.open_due(date(2026, 11, 20))
    assert starts("WEEK") == ["2026-11-08"]


def test_a_whole_scheduled_payday_is_paid(all_four: None) -> None:
    tick.open_due(date(2026, 11, 17))
    paydays.work()
    for name in ("WEEK", "TWOW", "HALF"):
        for first, last, payday in {row[1:] for row in opened() if row[0] == name}:
            period = (date.fromisoformat(first), date.fromisoformat(last), date.fromisoformat(payday))
            runs.approve(paydays.employer_run(name, period), by="checker")
    paydays.work()
    # 62,400 / 52 for each of two weeks, / 26 and / 24
    assert sorted(facts["gross_cents"] for facts in _paid()) == [120_000, 120_000, 240_000, 260_000]


def _paid() -> list[dict[str, Any]]:
    """The facts of every paycheck that was paid."""
    merged: dict[str, dict[str, Any]] = {}
    for event in store.read_prefix("paycheck-"):
        merged.setdefault(event.stream, {}).update(event.data)
    return [facts for facts in merged.values() if "payments" in facts]


# Many at once


def at_once(does: Callable[[], object], threads: int = 2) -> list[object]:
    """What each thread got, all of them set going together."""
    ready = threading.Barrier(threads)
    got: list[object] = []

    def one() -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            got.append(does())
        except Exception as error:
            got.append(error)
        finally:
            connection.close()

    started = [threading.Thread(target=one) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return got


def test_two_schedulers_at_once_open_each_run_once(tmp_path: Path) -> None:
    load(tmp_path, ("AAA", "weekly"), ("BBB", "weekly"))
    first = date(2026, 7, 5)  # a Sunday
    PayCalendar.objects.update(starts_on=first)
    for week in range(ROUNDS):
        start = first + timedelta(weeks=week)
        outcomes = at_once(lambda payday=start + timedelta(days=12): tick.open_due(payday))
        assert [getattr(each, "refused", each) for each in outcomes] == [[], []]
        assert starts("AAA")[-1] == starts("BBB")[-1] == str(start)
    assert len(opened()) == len(set(opened())) == 2 * ROUNDS


@pytest.mark.parametrize("by", ["a scheduler", "a person"])
@pytest.mark.parametrize("between", ["code_version", "begin_run"])
def test_the_same_run_that_another_scheduler_opens_meanwhile_is_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str, by: str
) -> None:
    """Just after we looked for the run, and just before we append it."""
    load(tmp_path, ("AAA", "weekly"))
    does = getattr(runs, between)

    def other_first(*arguments: object) -> object:
        monkeypatch.setattr(runs, between, does)
        assert len(tick.open_due(date(2026, 11, 9)).opened) == 1
        return does(*arguments)

    monkeypatch.setattr(runs, between, other_first)
    if by == "a scheduler":
        assert tick.open_due(date(2026, 11, 9)) == ([], [])
    else:
        assert not runs.open_run(
            date(2026, 11, 1), date(2026, 11, 7), date(2026, 11, 13), opened_by="maker"
        ).new
    assert starts("AAA") == ["2026-11-01"]


def test_overlapping_periods_are_refused_however_soon_after_each_other(tmp_path: Path) -> None:
    """No day is paid twice, also when no read model knows of the first run yet."""
    load(tmp_path, ("TWOW", "biweekly"))
    runs.open_run(date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20), opened_by="maker")
    with pytest.raises(Refused, match="TWOW already has a regular run from 2026-11-01 to 2026-11-14"):
        runs.open_run(date(2026, 11, 14), date(2026, 11, 27), date(2026, 12, 4), opened_by="maker")
    runs.open_run(date(2026, 11, 15), date(2026, 11, 28), date(2026, 12, 4), opened_by="maker")
    with pytest.raises(Refused, match="a day is paid once"):
        runs.open_run(date(2026, 11, 28), date(2026, 12, 11), date(2026, 12, 18), opened_by="maker")


# One employer's trouble


def test_an_employer_who_is_refused_does_not_stop_the_others(tmp_path: Path) -> None:
    """AAA has a one-off run over some of the same days; BBB and CCC have the same period as AAA would."""
    load(tmp_path, ("AAA", "biweekly"), ("BBB", "biweekly"), ("CCC", "biweekly"))
    runs.open_run(
        date(2026, 11, 2), date(2026, 11, 15), date(2026, 11, 20), opened_by="maker", employers=["AAA"]
    )
    ticked = tick.open_due(date(2026, 11, 17))
    assert sorted(row[:2] for row in opened()) == [
        ("AAA", "2026-11-02"),
        ("BBB", "2026-11-01"),
        ("CCC", "2026-11-01"),
    ]
    (refused,) = ticked.refused
    assert "AAA" in refused and "2026-11-01" in refused


def test_a_calendar_unlike_its_employer_does_not_stop_the_others(tmp_path: Path) -> None:
    load(tmp_path, ("AAA", "biweekly"), ("BBB", "biweekly"))
    Employer.objects.filter(id="AAA").update(pay_frequency="monthly")
    ticked = tick.open_due(date(2026, 11, 17))
    assert [row[0] for row in opened()] == ["BBB"]
    (refused,) = ticked.refused
    assert "AAA is paid monthly" in refused


def test_a_year_without_tables_does_not_stop_the_others(tmp_path: Path) -> None:
    """The last period of December is paid in 2027, for which there are no tables yet."""
    load(tmp_path, ("MONT", "monthly"), ("TWOW", "biweekly"))
    ticked = tick.open_due(date(2027, 1, 5))
    assert "MONT" in {row[0] for row in opened()} and "2026-12-01" not in starts("MONT")
    assert starts("TWOW")[-1] == "2026-12-13"
    assert any("2027" in refused for refused in ticked.refused)


def test_a_one_off_run_for_a_scheduled_period_is_refused_by_name(tmp_path: Path) -> None:
    load(tmp_path, ("AAA", "biweekly"), ("BBB", "biweekly"))
    (scheduled,) = tick.open_due(date(2026, 11, 17)).opened
    log = store.read_all(limit=10_000)
    with pytest.raises(
        Refused, match=f"AAA already has a regular run from 2026-11-01 to 2026-11-14 \\({scheduled.run}\\)"
    ):
        runs.open_run(
            date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 19), opened_by="maker", employers=["AAA"]
        )
    assert store.read_all(limit=10_000) == log
    same = runs.open_run(date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20), opened_by="maker")
    assert (same.run, same.new) == (scheduled.run, False)


def test_a_scheduled_period_that_was_run_one_off_is_not_opened_again(tmp_path: Path) -> None:
    load(tmp_path, ("AAA", "biweekly"), ("BBB", "biweekly"))
    runs.open_run(
        date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 18), opened_by="maker", employers=["AAA"]
    )
    ticked = tick.open_due(date(2026, 11, 17))
    assert ([each.employers for each in ticked.opened], ticked.refused) == ([("BBB",)], [])
