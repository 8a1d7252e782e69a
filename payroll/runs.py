"""Commands of people and of the schedule: open a pay run, approve an employer's part, pause, resume, limit.

Cancelling one is a saga of its own (cancel.py).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from events import limits, store, work
from events.dead_letters import REASON_MAX, redact
from events.doorbells import ring
from events.store import NewEvent, Recorded, WrongExpectedVersion
from payroll import __version__, approvals, keys, kinds, manifest, paid_once, rulebook
from payroll.calc import calendar
from payroll.history import History
from payroll.models import Employer
from payroll.paid_once import Facts
from payroll.payments import same_day as settlement
from payroll.refusal import Refused as Refused  # noqa: PLC0414 - known by this name everywhere
from payroll.saga import begin_run
from payroll.schedule import Period, matches
from payroll.tolerance import Tolerance

MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"  # of one employer's payment files to one bank on one day


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
    kind: str = kinds.REGULAR,
    people: Mapping[str, Sequence[str]] | None = None,
    tolerate: Tolerance | None = None,
    tolerate_employer: Tolerance | None = None,
    same_day: bool = False,
) -> Opened:
    """Open a pay run and enqueue its work; the same run again changes nothing, unless it was cancelled.

    employers   ids; empty means all whose pay frequency has the length of the period
    kind        one of kinds.OPENED_BY_COMMAND
    people      employee ids by employer, of those that it pays; None means everybody
    pay_date    moved to the banking day before it when it is none
    opened_by   who asks; somebody else has to approve
    tolerate    people of the run who may fail before nothing else of it is begun; a share is one of those employed in
                the period; None: any number
    tolerate_employer   the same for each employer's part, of the people in its manifest
    same_day    its files settle on the day they are made, which has to be the pay date, and today
    raises      Refused
    """
    if end < start:
        raise Refused(f"the period ends on {end}, before it begins on {start}")
    named = kinds.named(kind, people, employers)
    pay_date = pay_date if same_day else calendar.adjust_before(pay_date)
    chosen, skipped = _choose(list(named) or employers, start, end, any_length=not kinds.pays_days(kind))
    for name, ids in named.items():
        last_days = manifest.payable(kind, name, start, end).values_list("employee_id", "termination_date")
        kinds.check_people(kind, name, ids, dict(last_days), end)
    run = _not_cancelled(kind, Period(start, end), pay_date, [employer.id for employer in chosen], named)
    stream = keys.payrun_stream(run)
    opened = Opened(run, True, pay_date, tuple(employer.id for employer in chosen), skipped)
    if store.version(stream):
        return _open_already(opened, same_day)
    if same_day:
        settlement.refuse_start(pay_date)
    facts = opening_facts(run, kind, Period(start, end), pay_date, opened_by=opened_by, same_day=same_day)
    begin = begin_run(str(run), stream)
    try:
        with transaction.atomic(durable=True):
            before = paid_once.opened_before(opened.employers)
            parts = []
            for employer in chosen:
                earlier, ids = before[employer.id], named.get(employer.id, [])
                without = paid_once.without(run, kind, Period(start, end), earlier, ids)
                parts.append(employer_opened(employer, facts, earlier, _whom(ids, without)))
            ids_of = {part.data["employer"]: part.data["employer_run"] for part in parts}
            tolerated = {"tolerate": tolerate, "tolerate_employer": tolerate_employer}
            of_run = {name: str(given) for name, given in tolerated.items() if given}
            store.append(
                [NewEvent(stream, 1, "PayRunOpened", facts | {"employer_runs": ids_of} | of_run), *parts]
            )
            if tolerate:
                everybody = manifest.employed(opened.employers, start, end).count()
                most = tolerate.of(sum(map(len, named.values())) or everybody)
                limits.change(limits.of_run(str(run)), dead_max=most)
            work.enqueue([begin])
    except WrongExpectedVersion:
        return _open_already(opened, same_day)  # another scheduler opened this very run at the same moment
    ring([begin.id])
    return opened


def _open_already(opened: Opened, same_day: bool) -> Opened:
    """The run that is open, which settles as is asked for. Raises Refused when it does not."""
    if settlement.is_same_day(facts_of(opened.run)) != same_day:
        raise Refused(
            f"this run is open already, {'without' if same_day else 'with'} same-day settlement ({opened.run}): "
            "cancel it to open it otherwise"
        )
    return opened._replace(new=False)


def opening_facts(
    run: UUID, kind: str, period: Period, pay_date: date, *, opened_by: str, same_day: bool = False
) -> dict[str, str]:
    """What a run is pinned to when it is opened: the same in its own first event and in its employers'."""
    tables = rulebook.keep(pay_date.year)
    facts = {"run": str(run), "kind": kind}
    facts |= {"period_start": str(period.start), "period_end": str(period.end)}
    facts |= {"pay_date": str(pay_date), "opened_by": opened_by}
    facts |= {"settlement": settlement.SAME_DAY} if same_day else {}
    return facts | {"rules_version": tables.version, "code_version": code_version()}


def employer_opened(
    employer: Employer, facts: dict[str, str], before: Sequence[Facts], whom: Mapping[str, Any]
) -> NewEvent:
    """The first event of an employer's part. What its payment file will say of the employer is pinned here.

    before   the runs that the employer has had
    whom     `people`, where it pays no others; `without`, where it leaves some out; and what else is pinned of it
    raises   Refused
    """
    file_day = settlement.file_day(facts)
    others = sum(settlement.file_day(earlier) == file_day for earlier in before)
    if others >= len(MODIFIERS):
        raise Refused(f"{employer.id} has {others} runs with files of {file_day}: its bank takes no more")
    period = (date.fromisoformat(facts["period_start"]), date.fromisoformat(facts["period_end"]))
    # One regular run a period, but for those that were cancelled; of the others there may be several.
    several = facts["kind"] != kinds.REGULAR
    had = [each for each in before if (several or each["cancelled"]) and paid_once.same_period(each, facts)]
    employer_run = keys.employer_run_id(employer.id, *period, facts["kind"], 1 + len(had))
    part = {
        "employer_run": str(employer_run),
        "employer": employer.id,
        "name": employer.name,
        "ein": employer.ein,
    }
    part |= {"frequency": employer.pay_frequency, "file_modifier": MODIFIERS[others]}
    return NewEvent(keys.employerrun_stream(employer_run), 1, "EmployerRunOpened", {**facts, **part, **whom})


def _whom(people: list[str], without: list[str]) -> dict[str, list[str]]:
    """Of an employer's people, those who are pinned: absent means everybody."""
    return {name: ids for name, ids in (("people", people), ("without", without)) if ids}


def _not_cancelled(
    kind: str, period: Period, pay_date: date, employers: Sequence[str], named: kinds.People
) -> UUID:
    """The id of this run; after a cancelled one, of the next that bears its name."""
    people = [f"{employer}/{employee}" for employer, ids in named.items() for employee in ids]
    for sequence in count(1):
        run = keys.run_id(kind, *period, pay_date, employers, people=people, sequence=sequence)
        if not is_given_up(History(keys.payrun_stream(run))):
            break
    return run


def is_given_up(history: History) -> bool:
    """Whether a run was cancelled, or everything in it undone: nobody is paid by it."""
    if "PayRunCancelled" in history.facts or "PayRunOpened" not in history.facts:
        return "PayRunCancelled" in history.facts
    parts = map(keys.employerrun_stream, history.facts["PayRunOpened"]["employer_runs"].values())
    given_up = {"EmployerRunUndone", "EmployerRunCancelled"}
    return all(given_up & {event.type for event in events} for events in store.read_each(parts).values())


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
    if cancelled := history.facts.get("EmployerRunCancelled"):
        raise Refused(
            f"{opened['employer']} was cancelled by {cancelled['cancelled_by']}: nothing of it is paid"
        )
    if void := paid_once.void_base(opened):
        raise Refused(void)
    if approved := history.approval:
        raise Refused(f"{opened['employer']} was already approved by {approved['approved_by']}")
    facts = {"approved_by": by, "approved_register_sha256": validated["register_sha256"]}
    event = history.next("EmployerRunApproved", facts)
    waiting = keys.key("work", employer_run)
    try:
        with transaction.atomic(durable=True):
            # The work first, as everywhere: whoever cancels this part at the same moment waits, and is waited for.
            if not work.resume(waiting, from_state="waiting"):
                if store.version(history.stream) > history.version:
                    raise Refused(f"somebody else decided about {opened['employer']} at the same moment")
                raise Refused(f"{opened['employer']} does not wait for an approval: reload and look again")
            store.append([event])
            approvals.record(event)
    except WrongExpectedVersion as lost_race:
        raise Refused(f"somebody else approved {opened['employer']} at the same moment") from lost_race
    ring([waiting])


def pause(run: UUID, *, by: str, reason: str = "") -> None:
    """Let nothing else of a run begin; what is being done finishes its step.

    raises   Refused when it is paused already, or has ended
    """
    history = going(run)
    if paused := paused_since(history):
        raise Refused(f"this run is paused already, by {paused.data['paused_by']}")
    facts = {"paused": True, "paused_by": by, "paused_reason": redact(reason)[:REASON_MAX]}
    with changing(history):
        store.append([history.next("PayRunPaused", facts)])
        limits.change(limits.of_run(str(run)), paused=True)


def resume(run: UUID, *, by: str, reason: str = "") -> None:
    """Let a paused run go on.

    raises   Refused when it is not paused, or has ended
    """
    history = going(run)
    if not paused_since(history):
        raise Refused("this run is not paused")
    facts = {"paused": False, "resumed_by": by, "resumed_reason": redact(reason)[:REASON_MAX]}
    with changing(history):
        store.append([history.next("PayRunResumed", facts)])
        limits.change(limits.of_run(str(run)), paused=False)
    ring(limits.ready(str(run)))


def set_limit(run: UUID, *, leased_max: int | None, employer: str = "", by: str) -> None:
    """Change how many pieces of a run's work, or of one employer's part of it, are done at a time; counts at once.

    leased_max   1 or more; None: any number
    raises       Refused
    """
    if leased_max is not None and leased_max < 1:
        raise Refused("at least one piece of work at a time: to hold all of it, pause the run")
    history = going(run)
    with changing(history):
        _limited(history, employer, {"by": by, "at_a_time": leased_max})
        limits.change(_scope(run, employer), leased_max=leased_max)
    ring(limits.ready(str(run)))


def set_tolerance(run: UUID, *, tolerate: Tolerance | None, employer: str = "", by: str) -> None:
    """Change how many people of a run, or of one employer's part of it, may fail; counts at once.

    tolerate   None: any number
    raises     Refused
    """
    history = going(run)
    opened = history.facts["PayRunOpened"]
    with changing(history):
        _limited(history, employer, {"by": by, "tolerate": str(tolerate or "any")})
        part = History(keys.employerrun_stream(opened["employer_runs"][employer])) if employer else None
        if part and "EmployerRunBegan" in part.facts:
            people = part.facts["EmployerRunBegan"]["employees"]
        else:
            period = (date.fromisoformat(opened[name]) for name in ("period_start", "period_end"))
            people = manifest.employed(
                [employer] if employer else list(opened["employer_runs"]), *period
            ).count()
        limits.change(_scope(run, employer), dead_max=tolerate.of(people) if tolerate else None)
    ring(limits.ready(str(run)))


def _scope(run: UUID, employer: str) -> str:
    return limits.of_part(str(run), employer) if employer else limits.of_run(str(run))


def _limited(history: History, employer: str, limited: dict[str, Any]) -> None:
    if employer and employer not in history.facts["PayRunOpened"]["employer_runs"]:
        raise Refused(f"{employer} is not in this run")
    store.append([history.next("PayRunLimited", {"limited": limited | {"employer": employer}})])


def going(run: UUID | str) -> History:
    """The history of a run that has not ended. Raises Refused."""
    history = History(keys.payrun_stream(run))
    if "PayRunOpened" not in history.facts:
        raise Refused(f"there is no pay run {run}: payrun list shows them")
    if cancelled := history.facts.get("PayRunCancelled"):
        raise Refused(f"this run was cancelled by {cancelled['cancelled_by']}")
    if "PayRunCompleted" in history.facts:
        raise Refused("this run is complete: there is nothing left of it to change")
    return history


def paused_since(history: History) -> Recorded | None:
    """The event that paused a run; None when it is not paused."""
    turns = [event for event in history.events if event.type in {"PayRunPaused", "PayRunResumed"}]
    return turns[-1] if turns and turns[-1].type == "PayRunPaused" else None


@contextmanager
def changing(history: History) -> Iterator[None]:
    """A transaction in which a run is changed. Raises Refused when somebody else changed it since it was read."""
    try:
        with transaction.atomic(durable=True):
            yield
    except WrongExpectedVersion as lost_race:
        raise Refused("somebody else changed this run at the same moment: look again") from lost_race


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
    decides = ("steps.py", "delta.py", "withheld.py", "domain.py", "frozen.py")
    for path in sorted([*(here / "calc").rglob("*.py"), *(here / name for name in decides)]):
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def _choose(
    ids: Sequence[str], start: date, end: date, *, any_length: bool
) -> tuple[list[Employer], dict[str, str]]:
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
        if not any_length and not matches(employer.pay_frequency, start, end)
    }
    days = (end - start).days + 1
    if ids and unfit:
        raise Refused(f"{_list(unfit)} cannot be paid for a period of {days} days")
    chosen = [employer for employer in wanted if employer.id not in unfit]
    if not chosen:
        raise Refused(f"no employer is paid for periods of {days} days: {_list(unfit)}")
    return sorted(chosen, key=lambda employer: employer.id), unfit


def _list(unfit: dict[str, str]) -> str:
    shown = [f"{employer} {why}" for employer, why in list(unfit.items())[:5]]
    return ", ".join(shown) + (f" and {len(unfit) - 5} more" if len(unfit) > 5 else "")


def facts_of(run: UUID | str) -> dict[str, Any]:
    """The facts with which a run was opened. Raises Refused when there is no such run."""
    opened = History(keys.payrun_stream(run)).facts.get("PayRunOpened")
    if opened is None:
        raise Refused(f"there is no pay run {run}: payrun list shows them")
    return opened
