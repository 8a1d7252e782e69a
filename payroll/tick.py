"""The schedule's tick: which pay runs are due is derived from the pay calendars, not from what was ticked before.

So a tick that never came is made up for by the next one, and two schedulers at once open each run once:
an employer's run for a period is one stream, and its first event is recorded once.
"""

import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from django.utils import timezone

from events import store
from events.failures import NeedsReview
from payroll import keys, runs
from payroll.calc import calendar
from payroll.models import PayCalendar
from payroll.runs import Opened, Refused
from payroll.schedule import LENGTHS, Period, next_period, pay_date, period_containing

log = logging.getLogger(__name__)

OPENS_DAYS = 3  # banking days before payday: one to compute and approve, two for the bank
SCHEDULER = "schedule"
PERIODS_MAX = 60  # looked back on for one employer; a period missed before that is for a person to open


class Due(NamedTuple):
    """One employer's pay for a period that is due."""

    employer: str
    period: Period
    pay_date: date


class Ticked(NamedTuple):
    """What a tick did; one employer's trouble does not keep the others waiting."""

    opened: list[Opened]
    refused: list[str]


def open_due(today: date) -> Ticked:
    """Open every run that is due on this day or was due before; those that are open are left alone."""
    groups: dict[tuple[Period, date], list[str]] = {}
    for due in _unopened(today):
        groups.setdefault((due.period, due.pay_date), []).append(due.employer)
    ticked = Ticked([], [])
    for (period, payday), employers in sorted(groups.items()):
        _open(period, payday, employers, ticked)
    return ticked


def _open(period: Period, payday: date, employers: list[str], ticked: Ticked) -> None:
    """Open one run of these employers; if one of them is refused, a run of its own for each."""
    try:
        opened = runs.open_run(period.start, period.end, payday, opened_by=SCHEDULER, employers=employers)
    except (Refused, NeedsReview) as refused:
        if len(employers) == 1:
            ticked.refused.append(f"{period.start} to {period.end}: {refused}")
        else:
            for employer in employers:
                _open(period, payday, [employer], ticked)
    else:
        if opened.new:
            ticked.opened.append(opened)


def today() -> Ticked:
    """Open what is due today, in UTC; what is refused is logged, at every tick until it is mended."""
    ticked = open_due(timezone.now().date())
    for refused in ticked.refused:
        log.error("a pay run that is due was not opened: %s", refused)
    return ticked


def due_periods(schedule: PayCalendar, today: date) -> Iterator[Due]:
    """The periods of a calendar whose runs should be open on this day, oldest first: its last PERIODS_MAX."""
    shortest, _ = LENGTHS[schedule.frequency]
    since = max(schedule.starts_on, today - timedelta(days=PERIODS_MAX * shortest))
    period = period_containing(schedule.frequency, schedule.anchor, since)
    while True:
        payday = pay_date(period, schedule.pay_lag_days)
        if calendar.add_banking_days(payday, -OPENS_DAYS) > today or period.end >= today:
            return
        yield Due(schedule.employer_id, period, payday)
        period = next_period(schedule.frequency, period)


def _unopened(today: date) -> list[Due]:
    due = [
        each for schedule in PayCalendar.objects.order_by("employer") for each in due_periods(schedule, today)
    ]
    streams = {
        keys.employerrun_stream(keys.employer_run_id(each.employer, *each.period, "regular")): each
        for each in due
    }
    opened = store.read_each(streams)
    return [each for stream, each in streams.items() if stream not in opened]
