"""A payday in one process: a tiny roster, a run, workers' turns taken by the test, and what the bank got.

    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    run = paydays.pay("ACME")
    paydays.credits()          {"ann": [201225]}

What people are paid is read from the files that left the house, by the reader that shares nothing with
their writer. Nothing here sleeps: what is due later is made due now.
"""

from collections.abc import Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.db.models.functions import Now

from deploy.postgres import Cluster
from events import projection, runner, store
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from events.store import Recorded
from payroll import keys, runs
from payroll.payments import ach_reader
from payroll.roster import import_folder
from tests.saga import roster_files
from tests.saga.roster_files import Rows

Row = dict[str, str]
START, END, PAYDAY = date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20)  # Sunday, Saturday, Friday
NEXT = (date(2026, 11, 15), date(2026, 11, 28), date(2026, 12, 4))
AS_OF = date(2026, 11, 10)
ROUNDS_MAX = 50
_folders = count(1)


# The roster


def employer(employer_id: str, **other: str) -> Row:
    """An employer that is paid every two weeks and adds nothing to a 401(k)."""
    return roster_files.employer(employer_id, **{"retirement_plan": "none", "state": "TX"} | other)


def salaried(employer_id: str, employee_id: str, salary: str, **other: str) -> Row:
    """A single person in Texas on a yearly salary, with a Form W-4 that asks for nothing, and no deductions."""
    salary_of = {"pay_basis": "salary", "pay_rate": salary, "flsa_exempt": "true"}
    return _plain(employer_id, employee_id, **salary_of | other)


def hourly(employer_id: str, employee_id: str, rate: str, **other: str) -> Row:
    """A single person in Texas who is paid by the hour; without entries, nothing."""
    return _plain(employer_id, employee_id, pay_rate=rate, **other)


def worked(employer_id: str, employee_id: str, hours: dict[int, str], **other: str) -> list[Row]:
    """Entries of November 2026, by day of the month."""
    return [
        roster_files.entry(employer_id, employee_id, f"2026-11-{day:02d}", each, **other)
        for day, each in hours.items()
    ]


def load(
    folder: Path,
    employers: Sequence[Row],
    people: Sequence[Row],
    time: Sequence[Row] = (),
    *,
    as_of: date = AS_OF,
) -> Rows:
    """Import these; ids and SSNs that the builders left alike are made different. Returns what was written."""
    employers = [row | {"ein": f"12-{place:07d}"} for place, row in enumerate(employers, start=1)]
    people = [
        row | {"ssn": row["ssn"] or f"9{10 + place // 100:02d}-11-{1000 + place:04d}"}
        for place, row in enumerate(people, start=1)
    ]
    rows = {
        roster_files.EMPLOYERS: employers,
        roster_files.EMPLOYEES: people,
        roster_files.TIME_ENTRIES: list(time),
    }
    into = folder / f"roster-{next(_folders)}"
    into.mkdir()
    import_folder(roster_files.write(into, rows), dry_run=False, as_of=as_of)
    return rows


def mend(folder: Path, rows: Rows, employee_id: str, **other: str) -> Rows:
    """Import the same roster with one person's row changed."""
    people = [
        row | other if row["employee_id"] == employee_id else row for row in rows[roster_files.EMPLOYEES]
    ]
    changed = rows | {roster_files.EMPLOYEES: people}
    into = folder / f"roster-{next(_folders)}"
    into.mkdir()
    import_folder(roster_files.write(into, changed), dry_run=False, as_of=AS_OF)
    return changed


def _plain(employer_id: str, employee_id: str, **other: str) -> Row:
    plain = {"filing_status": "single", "work_state": "TX", "ssn": "", "step3": "0.00"}
    plain |= {"birth_date": "1985-06-30", "hire_date": "2020-03-02"}
    plain |= {"traditional_401k_percent": "0", "section125_per_period": "0.00"}
    return roster_files.employee(employer_id, employee_id, **plain | other)


# The run


def open_run(
    *employers: str, period: tuple[date, date, date] = (START, END, PAYDAY), by: str = "maker"
) -> UUID:
    """Open a run of these employers, or of all that fit."""
    return runs.open_run(*period, opened_by=by, employers=employers).run


def work() -> None:
    """Take the workers' turns until nothing moves by itself."""
    moving = Work.objects.filter(state__in=(WorkState.READY, WorkState.LEASED))
    for _ in range(ROUNDS_MAX):
        runner.run_due()
        projection.catch_up()
        if not moving.exists():
            return
        moving.filter(state=WorkState.READY).update(available_at=Now())
    raise AssertionError(f"still moving: {[(str(each), each.error) for each in moving]}")


def approve(run: UUID, by: str = "checker") -> None:
    """Approve every employer of a run that waits for it."""
    projection.catch_up()
    for _, employer_run in sorted(runs.facts_of(run)["employer_runs"].items()):
        if store.read(keys.employerrun_stream(employer_run))[-1].type == "EmployerRunValidated":
            runs.approve(UUID(employer_run), by=by)


def pay(*employers: str, period: tuple[date, date, date] = (START, END, PAYDAY)) -> UUID:
    """A whole run: opened by maker, computed, approved by checker, paid as far as it goes."""
    run = open_run(*employers, period=period)
    work()
    approve(run)
    work()
    return run


def user(name: str, *permissions: str, active: bool = True) -> User:
    """A person who may do these things."""
    made = User.objects.create_user(name, password="correct horse battery", is_active=active)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


# What came of it


def files() -> list[ach_reader.AchFile]:
    """Every payment file that left the house, none of them with a fault."""
    outbox = Path(settings.PAYROLL_OBJECTS) / "outbox"
    read = [ach_reader.read(path.read_bytes()) for path in sorted(outbox.rglob("*.ach"))]
    assert not [finding for file in read for finding in file.findings]
    return read


def credits() -> dict[str, list[int]]:
    """Cents by employee id, from every file that left the house; more than one amount is more than one credit."""
    found: dict[str, list[int]] = {}
    for file in files():
        assert file.debit_cents == 0
        for entry in file.entries:
            found.setdefault(entry.individual_id.strip().lower(), []).append(entry.amount_cents)
    return found


def employer_run(employer_id: str, period: tuple[date, date, date] = (START, END, PAYDAY)) -> UUID:
    """The id of an employer's part of a run."""
    return keys.employer_run_id(employer_id, *period[:2], "regular")


def part(
    employer_id: str, period: tuple[date, date, date] = (START, END, PAYDAY)
) -> dict[str, dict[str, Any]]:
    """The facts of an employer's part of a run, by event type."""
    stream = keys.employerrun_stream(employer_run(employer_id, period))
    return {event.type: event.data for event in store.read(stream)}


def paycheck(
    employer_id: str,
    employee_id: str,
    period: tuple[date, date, date] = (START, END, PAYDAY),
    sequence: int = 1,
) -> list[Recorded]:
    """The events of one paycheck."""
    return store.read(keys.paycheck_stream(employer_run(employer_id, period), employee_id, sequence))


def facts(
    employer_id: str,
    employee_id: str,
    period: tuple[date, date, date] = (START, END, PAYDAY),
    sequence: int = 1,
) -> dict[str, Any]:
    """The merged facts of one paycheck."""
    events = paycheck(employer_id, employee_id, period, sequence)
    return {name: value for event in events for name, value in event.data.items()}


def letters() -> list[DeadLetter]:
    """The open dead letters, oldest first."""
    return list(DeadLetter.objects.filter(state=DeadLetterState.OPEN).order_by("opened_at", "id"))


def letter() -> DeadLetter:
    """The only open dead letter."""
    (only,) = letters()
    return only


def as_owner(db: Cluster, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run a statement as the owner of the tables."""
    with psycopg.connect(db.owner_url, autocommit=True) as owner:
        cursor = owner.execute(statement, parameters or None)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []
