"""Pay calendars as an import makes and changes them."""

from collections.abc import Iterable
from datetime import date

from payroll.models.roster import PayCalendar
from payroll.roster.columns import EmployerRow
from payroll.roster.summary import ImportSummary
from payroll.schedule import DEFAULT_ANCHOR, DEFAULT_LAG_DAYS, ONE_DAY, next_period, period_containing


def load_calendars(rows: Iterable[EmployerRow], as_of: date, summary: ImportSummary) -> None:
    """Give every new employer a calendar, and follow a pay frequency that changed.

    as_of   a new calendar begins with the period that contains this day
    """
    by_id = {row.employer_id: row for row in rows}
    stored = PayCalendar.objects.in_bulk(list(by_id))
    new = []
    for employer_id, row in by_id.items():
        calendar = stored.get(employer_id)
        if calendar is None:
            new.append(new_calendar(employer_id, row.pay_frequency, as_of))
        elif calendar.frequency == row.pay_frequency:
            summary.calendars.unchanged += 1
        else:
            summary.notes.append(change_frequency(calendar, row.pay_frequency, as_of))
            summary.calendars.updated += 1
    PayCalendar.objects.bulk_create(new)
    summary.calendars.created = len(new)


def new_calendar(employer_id: str, frequency: str, as_of: date) -> PayCalendar:
    """Calendar of an employer that is new here."""
    return PayCalendar(
        employer_id=employer_id,
        frequency=frequency,
        anchor=DEFAULT_ANCHOR,
        pay_lag_days=DEFAULT_LAG_DAYS[frequency],
        starts_on=period_containing(frequency, DEFAULT_ANCHOR, as_of).start,
    )


def change_frequency(calendar: PayCalendar, frequency: str, as_of: date) -> str:
    """Store another frequency; a note for the person says from when it holds and which days it leaves open.

    The schedule goes on with the first new period that begins no earlier than the old period of `as_of`: one
    that overlaps a paid period would pay those days twice. Days left open are named, and a one-off run pays
    them.
    """
    open_from = period_containing(calendar.frequency, calendar.anchor, as_of).start
    period = period_containing(frequency, calendar.anchor, open_from)
    if period.start < open_from:
        period = next_period(frequency, period)
    note = f"{calendar.employer_id} changed from {calendar.frequency} to {frequency} pay from {period.start}"
    if period.start > open_from:
        note += f"; {open_from} to {period.start - ONE_DAY} need a one-off run if they are not paid yet"
    if calendar.pay_lag_days == DEFAULT_LAG_DAYS[calendar.frequency]:
        calendar.pay_lag_days = DEFAULT_LAG_DAYS[frequency]
    calendar.frequency = frequency
    calendar.starts_on = period.start
    calendar.save(update_fields=["frequency", "pay_lag_days", "starts_on"])
    return note
