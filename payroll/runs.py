"""Commands of people and of the schedule: open a pay run, approve an employer's part."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from events import projection, store, work
from events.doorbells import ring
from events.store import NewEvent, WrongExpectedVersion
from payroll import __version__, keys, rules
from payroll.calc import calendar
from payroll.history import History
from payroll.models import Employer, EmployerRun
from payroll.projections import RUNS
from payroll.saga import begin_run
from payroll.schedule import matches


class Refused(Exception):
    """The command cannot be carried out, and nothing was done. The message says why and what to do."""


class Opened(NamedTuple):
    """A pay run that is open now.

    new       False when the same command had opened it before
    skipped   employers that were not named and do not fit the period: id and why
    """

    run: UUID
    new: bool
    pay_date: date
    employers: tuple[str, ...]
    skipped: dict[str, str]


def open_run(
    start: date,
    end: date,
    pay_date: date,
    *,
    opened_by: str,
    employers: Sequence[str] = (),
    kind: str = "regular",
) -> Opened:
    """Open a pay run and enqueue its work; the same run again changes nothing.

    employers   ids; empty means all whose pay frequency has the length of the period
    pay_date    moved to the banking day before it when it is none
    opened_by   who asks; somebody else has to approve
    raises      Refused, WrongExpectedVersion only when two open the same period at the same moment
    """
    if end < start:
        raise Refused(f"the period ends on {end}, before it begins on {start}")
    pay_date = calendar.adjust_before(pay_date)
    tables = rules.load(pay_date.year)
    chosen, skipped = _choose(employers, start, end)
    run = keys.run_id(kind, start, end, pay_date, (employer.id for employer in chosen))
    stream = keys.payrun_stream(run)
    opened = Opened(run, True, pay_date, tuple(employer.id for employer in chosen), skipped)
    if store.version(stream):
        return opened._replace(new=False)
    facts = {"run": str(run), "kind": kind, "period_start": str(start), "period_end": str(end)}
    facts |= {"pay_date": str(pay_date), "opened_by": opened_by}
    pinned = {"rules_version": tables.version, "code_version": code_version()}
    employer_runs = {employer.id: keys.employer_run_id(employer.id, start, end, kind) for employer in chosen}
    _refuse_second_runs(run, employer_runs)
    _refuse_overlaps(run, employer_runs, start, end, kind)
    parts = {employer: str(employer_run) for employer, employer_run in employer_runs.items()}
    events = [NewEvent(stream, 1, "PayRunOpened", facts | pinned | {"employer_runs": parts})]
    for employer in chosen:
        employer_run = employer_runs[employer.id]
        part = {"employer_run": str(employer_run), "employer": employer.id, "name": employer.name}
        part |= {"frequency": employer.pay_frequency} | facts | pinned
        events.append(NewEvent(keys.employerrun_stream(employer_run), 1, "EmployerRunOpened", part))
    begin = begin_run(str(run), stream)
    try:
        with transaction.atomic(durable=True):
            store.append(events)
            work.enqueue([begin])
    except WrongExpectedVersion:
        if store.version(stream):  # another scheduler opened this very run at the same moment
            return opened._replace(new=False)
        raise
    ring([begin.id])
    return opened


def approve(employer_run: UUID, *, by: str) -> None:
    """Approve one employer's part as it stands: its payments may go out.

    by       the user; must exist, be active, hold the permission, and not be who opened the run
    raises   Refused
    """
    history = History(keys.employerrun_stream(employer_run))
    opened, validated = history.facts.get("EmployerRunOpened"), history.facts.get("EmployerRunValidated")
    if opened is None:
        raise Refused(f"there is no employer run {employer_run}")
    check_approver(by, opened["opened_by"])
    if validated is None:
        raise Refused(f"{opened['employer']} is not validated yet: everybody has to be computed first")
    if approved := history.facts.get("EmployerRunApproved"):
        raise Refused(f"{opened['employer']} was already approved by {approved['approved_by']}")
    facts = {"approved_by": by, "approved_register_sha256": validated["register_sha256"]}
    waiting = keys.key("work", employer_run)
    try:
        with transaction.atomic(durable=True):
            store.append([history.next("EmployerRunApproved", facts)])
            if not work.resume(waiting, from_state="waiting"):
                raise Refused(f"{opened['employer']} does not wait for an approval: reload and look again")
    except WrongExpectedVersion as lost_race:
        raise Refused(f"somebody else approved {opened['employer']} at the same moment") from lost_race
    ring([waiting])


def check_approver(by: str, opened_by: str) -> None:
    """Whether this user may approve what `opened_by` has opened. Raises Refused."""
    user = User.objects.filter(username=by, is_active=True).first()
    if user is None:
        raise Refused(f"there is no active user {by!r}: name one who may approve, such as checker")
    if not user.has_perm("payroll.approve_employerrun"):
        raise Refused(f"{by} does not hold the permission to approve an employer's run")
    if by == opened_by:
        raise Refused(f"{by} opened this run; somebody else has to approve it")


@cache
def code_version() -> str:
    """The version of this program, with a hash of the code that computes pay."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*(here / "calc").glob("*.py"), here / "steps.py"]):
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def _choose(ids: Sequence[str], start: date, end: date) -> tuple[list[Employer], dict[str, str]]:
    """The employers of a run: those named, who must fit the period, or all that do."""
    known = {employer.id: employer for employer in Employer.objects.order_by("id")}
    if unknown := [name for name in ids if name not in known]:
        raise Refused(f"no such employer: {', '.join(unknown)}. import_roster brings employers in")
    if not known:
        raise Refused("there are no employers: run import_roster first")
    wanted = [known[name] for name in dict.fromkeys(ids)] or list(known.values())
    unfit = {
        employer.id: f"is paid {employer.pay_frequency}"
        for employer in wanted
        if not matches(employer.pay_frequency, start, end)
    }
    days = (end - start).days + 1
    if ids and unfit:
        raise Refused(f"{_list(unfit)} cannot be paid for a period of {days} days")
    chosen = [employer for employer in wanted if employer.id not in unfit]
    if not chosen:
        raise Refused(f"no employer is paid for periods of {days} days: {_list(unfit)}")
    return sorted(chosen, key=lambda employer: employer.id), unfit


def _refuse_second_runs(run: UUID, employer_runs: dict[str, UUID]) -> None:
    """An employer is paid once for a period, whatever the run is called."""
    streams = {keys.employerrun_stream(part): employer for employer, part in employer_runs.items()}
    for stream, events in store.read_each(streams).items():
        if events[0].data["run"] == str(run):
            continue  # this very run, opened by another scheduler since we looked: the append will tell
        raise Refused(
            f"{streams[stream]} already has a run for this period ({events[0].data['run']}): see payrun status. "
            "Leave the employer out with --employer"
        )


def _refuse_overlaps(run: UUID, employer_runs: dict[str, UUID], start: date, end: date, kind: str) -> None:
    """A day is paid once: no second regular run of an employer over some of the same days."""
    projection.catch_up(RUNS)
    others = EmployerRun.objects.filter(employer__in=employer_runs, facts__kind=kind).exclude(run=run)
    if overlapping := others.filter(period_start__lte=str(end), period_end__gte=str(start)).first():
        raise Refused(
            f"{overlapping.employer} already has a {kind} run from {overlapping.period_start} to "
            f"{overlapping.period_end}, which shares days with this one"
        )


def _list(unfit: dict[str, str]) -> str:
    shown = [f"{employer} {why}" for employer, why in list(unfit.items())[:5]]
    return ", ".join(shown) + (f" and {len(unfit) - 5} more" if len(unfit) > 5 else "")


def facts_of(run: UUID | str) -> dict[str, Any]:
    """The facts with which a run was opened. Raises Refused when there is no such run."""
    opened = History(keys.payrun_stream(run)).facts.get("PayRunOpened")
    if opened is None:
        raise Refused(f"there is no pay run {run}: payrun list shows them")
    return opened


def employers_of(run: UUID | str) -> Iterable[tuple[str, str]]:
    """Employer ids of a run and their employer runs."""
    employer_runs: dict[str, str] = facts_of(run)["employer_runs"]
    return employer_runs.items()
