"""Whom an import changes, and which paychecks may have taken what it changes.

An import compares every row anyway, so it knows whom it changes and on which days. Which paychecks are concerned is
decided from that and from the runs that are open, and is noted in the transaction of the import: nothing is computed
again, and no manifest is read. More may be noted than differ; compare.py holds each against what it froze.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from payroll import kinds, paid_once
from payroll.models import Employee, LateChange, PayItem

WEEK = timedelta(days=6)  # a period's first workweek may begin so much before it
CHUNK = 5_000

# Touched again while somebody compares: the row is then another one than was seen, and stays.
NOTE = """
insert into payroll_touchedpaycheck as row (employer_run, employee_id, touches, touched_at)
select part, employee, 1, clock_timestamp()
  from unnest(%s::uuid[], %s::text[]) as noted (part, employee)
    on conflict (employer_run, employee_id) do update set touches = row.touches + 1, touched_at = excluded.touched_at
"""

Opened = Mapping[str, Any]  # the facts of EmployerRunOpened, and whether it was cancelled


class Touched:
    """Whom an import changes, by primary key.

    standing   people of whom something changes that has no day: rate, form, deduction, order
    days       the days whose time entries or pay items change
    """

    def __init__(self) -> None:
        self.standing: set[int] = set()
        self.days: dict[int, set[date]] = defaultdict(set)

    def __bool__(self) -> bool:
        return bool(self.standing or self.days)


class Person(NamedTuple):
    """One whom an import changes, and what of them; employed from and to as the roster says it now."""

    employee_id: str
    hired: date
    left: date | None
    standing: bool
    days: frozenset[date]


def note(touched: Touched, employers: Sequence[str]) -> int:
    """Note the paychecks that may have taken what an import changes; the caller owns the transaction.

    employers   of everybody who is touched
    returns     how many
    """
    if not touched:
        return 0
    year = timezone.now().year
    runs = {
        employer: [each for each in opened if _correctable(each, year)]
        for employer, opened in paid_once.opened(employers).items()
    }
    if not any(runs.values()):
        return 0
    until = date.fromisoformat(max(each["period_end"] for opened in runs.values() for each in opened))
    noted = [
        (part, person.employee_id)
        for employer, person in _people(touched, until)
        for part in concerned(runs.get(employer, ()), person)
    ]
    for start in range(0, len(noted), CHUNK):
        note_again(noted[start : start + CHUNK])
    return len(noted)


def note_again(paychecks: Sequence[tuple[str, str]]) -> None:
    """Let paychecks be compared once more: employer's run and employee id, each pair once."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [list(column) for column in zip(*paychecks, strict=True)])


def note_others(employer: str, people: Sequence[str], *, but_for: str) -> None:
    """Let what else is late of some people be compared again: a payment that two runs are late with is paid by one.

    but_for   the employer's run that is corrected
    """
    rows = LateChange.objects.filter(employer=employer, employee_id__in=people, state="noticed")
    others = [(str(row.employer_run), str(row.employee_id)) for row in rows.exclude(employer_run=but_for)]
    if others:
        note_again(others)


def concerned(runs: Iterable[Opened], person: Person) -> list[str]:
    """The employer's runs that may have taken what changes of a person.

    A day concerns the runs whose period holds it. What has no day concerns the latest run alone, and what is paid
    after it: nothing says since when it holds, and of an earlier run `payrun correct` tells when it is asked.

    runs   of the person's employer, corrections left out
    """
    taken = [each for each in runs if _takes(each, person.employee_id)]
    found = [each for each in taken if any(_holds(each, day) for day in person.days)]
    if person.standing:
        found += _latest(taken)
        found += _latest([each for each in taken if _employed(person, each)])
    return list(dict.fromkeys(str(each["employer_run"]) for each in found))


def _correctable(opened: Opened, year: int) -> bool:
    """Whether a run can still be corrected by another: it stands, and its Form W-2 is not out."""
    of_year = date.fromisoformat(opened["pay_date"]).year >= year
    return of_year and not opened["cancelled"] and str(opened["kind"]) != kinds.CORRECTION


def _takes(opened: Opened, employee_id: str) -> bool:
    chosen = opened.get("people")
    return (chosen is None or employee_id in chosen) and employee_id not in opened.get("without", ())


def _holds(opened: Opened, day: date) -> bool:
    start, end = (date.fromisoformat(opened[name]) for name in ("period_start", "period_end"))
    return start - WEEK <= day <= end


def _employed(person: Person, opened: Opened) -> bool:
    """As the roster says it now; whoever left before a run that has paid them is concerned by that one as well."""
    start, end = (date.fromisoformat(opened[name]) for name in ("period_start", "period_end"))
    return person.hired <= end and (person.left is None or person.left >= start)


def _latest(runs: Sequence[Opened]) -> list[Opened]:
    """The latest run that pays days, and whatever is paid on its day or after it."""
    since = max((each["pay_date"] for each in runs if kinds.pays_days(each["kind"])), default="")
    return [each for each in runs if each["pay_date"] >= since]


def _people(touched: Touched, until: date) -> Iterator[tuple[str, Person]]:
    """Everybody who is touched, by their employer's id; not who is touched after a day alone: no run holds that."""
    pks = list(touched.standing | {pk for pk, days in touched.days.items() if min(days) <= until})
    for start in range(0, len(pks), CHUNK):
        chunk = pks[start : start + CHUNK]
        days = {pk: set(touched.days[pk]) for pk in chunk if pk in touched.days}
        for pk, paid_on in _earned(days):
            days[pk].add(paid_on)
        rows = Employee.objects.filter(pk__in=chunk).values_list(
            "pk", "employer_id", "employee_id", "hire_date", "termination_date"
        )
        for pk, employer, employee_id, hired, left in rows:
            touched_on = frozenset(days.get(pk, ()))
            yield employer, Person(employee_id, hired, left, pk in touched.standing, touched_on)


def _earned(days: Mapping[int, set[date]]) -> Iterator[tuple[int, date]]:
    """Days of bonuses that were earned in weeks whose hours change: they are part of the overtime of those weeks."""
    items = PayItem.objects.filter(employee__in=list(days), earned_from__isnull=False)
    for pk, paid_on, first, last in items.values_list("employee_id", "item_date", "earned_from", "earned_to"):
        if first and last and any(first - WEEK <= day <= last + WEEK for day in days[pk]):
            yield pk, paid_on
