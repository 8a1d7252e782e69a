"""Commands of people and of the schedule: open a pay run, approve an employer's part."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection, transaction

from events import store, work
from events.doorbells import ring
from events.store import NewEvent, WrongExpectedVersion
from payroll import __version__, keys, rulebook
from payroll.calc import calendar
from payroll.history import History
from payroll.models import Employer
from payroll.saga import begin_run
from payroll.schedule import matches

MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"  # of one employer's payment files to one bank on one day

LOCK_EMPLOYERS = (
    "select pg_advisory_xact_lock(hashtextextended(employer, 0)) from unnest(%s::text[]) employer"
)

OPENED = """
select data::text from events_event
 where stream >= 'employerrun-' and stream < 'employerrun.' and version = 1 and data ->> 'employer' = any(%s)
 order by position
"""


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
    raises      Refused
    """
    if end < start:
        raise Refused(f"the period ends on {end}, before it begins on {start}")
    pay_date = calendar.adjust_before(pay_date)
    tables = rulebook.keep(pay_date.year)
    chosen, skipped = _choose(employers, start, end)
    run = keys.run_id(kind, start, end, pay_date, (employer.id for employer in chosen))
    stream = keys.payrun_stream(run)
    opened = Opened(run, True, pay_date, tuple(employer.id for employer in chosen), skipped)
    if store.version(stream):
        return opened._replace(new=False)
    facts = {"run": str(run), "kind": kind, "period_start": str(start), "period_end": str(end)}
    facts |= {"pay_date": str(pay_date), "opened_by": opened_by}
    facts |= {"rules_version": tables.version, "code_version": code_version()}
    begin = begin_run(str(run), stream)
    try:
        with transaction.atomic(durable=True):
            before = _opened_before(opened.employers)
            _refuse_second_pay(run, before, start, end, kind)
            parts = [_employer_opened(employer, facts, before[employer.id]) for employer in chosen]
            ids = {part.data["employer"]: part.data["employer_run"] for part in parts}
            store.append([NewEvent(stream, 1, "PayRunOpened", facts | {"employer_runs": ids}), *parts])
            work.enqueue([begin])
    except WrongExpectedVersion:
        return opened._replace(new=False)  # another scheduler opened this very run at the same moment
    ring([begin.id])
    return opened


def _employer_opened(employer: Employer, facts: dict[str, str], before: list[dict[str, Any]]) -> NewEvent:
    """The first event of an employer's part. What its payment file will say of the employer is pinned here."""
    same_day = sum(earlier["pay_date"] == facts["pay_date"] for earlier in before)
    if same_day >= len(MODIFIERS):
        raise Refused(
            f"{employer.id} has {same_day} runs paid on {facts['pay_date']}: its bank takes no more files"
        )
    period = (date.fromisoformat(facts["period_start"]), date.fromisoformat(facts["period_end"]))
    employer_run = keys.employer_run_id(employer.id, *period, facts["kind"])
    part = {
        "employer_run": str(employer_run),
        "employer": employer.id,
        "name": employer.name,
        "ein": employer.ein,
    }
    part |= {"frequency": employer.pay_frequency, "file_modifier": MODIFIERS[same_day]}
    return NewEvent(keys.employerrun_stream(employer_run), 1, "EmployerRunOpened", facts | part)


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
    decides = ("steps.py", "withheld.py", "domain.py", "frozen.py")
    for path in sorted([*(here / "calc").rglob("*.py"), *(here / name for name in decides)]):
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


def _opened_before(employers: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The facts of every run that these employers have had, by employer; nobody opens another until we commit.

    Read from the log and not from a read model, which may lag.
    """
    before: dict[str, list[dict[str, Any]]] = {employer: [] for employer in employers}
    with connection.cursor() as cursor:
        cursor.execute(LOCK_EMPLOYERS, [sorted(employers)])
        cursor.execute(OPENED, [list(employers)])
        for (data,) in cursor.fetchall():
            facts = json.loads(data)
            before[facts["employer"]].append(facts)
    return before


def _refuse_second_pay(
    run: UUID, before: dict[str, list[dict[str, Any]]], start: date, end: date, kind: str
) -> None:
    """A day is paid once: no second run of a kind over any of the same days."""
    for employer, earlier_runs in before.items():
        for earlier in earlier_runs:
            shares_days = earlier["period_start"] <= str(end) and str(start) <= earlier["period_end"]
            if earlier["run"] == str(run) or earlier["kind"] != kind or not shares_days:
                continue
            raise Refused(
                f"{employer} already has a {kind} run from {earlier['period_start']} to {earlier['period_end']} "
                f"({earlier['run']}), and a day is paid once: see payrun status. Leave the employer out with --employer"
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
