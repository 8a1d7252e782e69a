"""Release: let an employer's part of a run go on with everybody who is complete, while others wait.

Who waits as a dead letter is carried over: their paychecks end in this run, and a run of the kind `remainder` is opened
for them, in which they are computed anew, approved and paid by themselves. It is a person's choice and never a rule.

All of it is one transaction under the locks of all work of the part, in the order in which a cancellation takes them.
So a redrive, a dismissal, a cancellation and another release come before or after it, and whoever waits for these
people counts each of them off once.
"""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from events import cancelling, dead_letters, store, work
from events.batches import numbers
from events.dead_letters import REASON_MAX, redact
from events.doorbells import ring
from events.failures import TryAgain
from events.models import DeadLetterState, Work, WorkState
from events.store import NewEvent, WrongExpectedVersion
from payroll import frozen, keys, kinds, manifest, paid_once
from payroll.calc import calendar
from payroll.control import control_totals
from payroll.history import History
from payroll.models import Employer
from payroll.payments.same_day import is_same_day
from payroll.refusal import Refused
from payroll.runs import employer_opened, going, opening_facts
from payroll.saga import begin_run
from payroll.schedule import Period

PAST = {"EmployerRunValidated", "EmployerRunCancelled", "EmployerRunCompleted"}


class Released(NamedTuple):
    """Who was carried over: employee ids, and the run that was opened for them, with the employer's part of it."""

    employer: str
    carried: tuple[str, ...]
    run: UUID
    employer_run: UUID
    pay_date: date


def release(run: UUID, employer: str, *, by: str, reason: str, today: date | None = None) -> Released:
    """Let an employer's part go on without those who wait as dead letters, and open a run for them.

    reason   why, in the words of the person who decided; required
    today    where a pay date that is past is moved to the next banking day; None asks the clock, in UTC
    raises   Refused when nobody waits, nobody is complete, or somebody is still being computed
    """
    if not reason.strip():
        raise Refused("a release needs a reason: people are paid later because of it")
    part = _part(run, employer)
    why = {"by": by, "reason": redact(reason)[:REASON_MAX]}
    try:
        with transaction.atomic(durable=True):
            waiting = _waiting(run, employer, part)
            released = _open_remainder(part, waiting, by=by, today=today or timezone.now().date())
            _carry_over(part, waiting, released, **why)
    except (WrongExpectedVersion, TryAgain) as lost_race:
        raise Refused(f"{employer} has just moved on: look again, then release it") from lost_race
    ring([keys.key("work", released.run), keys.key("work", part)])
    return released


def would_carry(run: UUID, employer: str) -> tuple[str, ...]:
    """Whom a release would carry over as things stand: employee ids. Nothing is changed.

    raises   Refused as `release` does
    """
    try:
        with transaction.atomic(durable=True):
            waiting = _waiting(run, employer, _part(run, employer))
    except TryAgain as busy:
        raise Refused(f"{employer} is just moving on: look again in a moment") from busy
    return tuple(sorted(waiting.paychecks.values()))


def waits(run: UUID) -> list[str]:
    """The employers of a run of whom somebody's paycheck is a dead letter."""
    dead = Work.objects.filter(run_key=str(run), saga="paychecks", state=WorkState.DEAD)
    return sorted(set(dead.values_list("group_key", flat=True)))


def _part(run: UUID, employer: str) -> str:
    """The id of an employer's part of a run that goes on. Raises Refused."""
    parts = going(run).facts["PayRunOpened"]["employer_runs"]
    if employer not in parts:
        raise Refused(f"{employer} is not in this run")
    return str(parts[employer])


class _Waiting(NamedTuple):
    """The dead work of a part, all of it locked, and the paychecks in it: employee id by stream."""

    works: list[UUID]
    paychecks: dict[str, str]


def _waiting(run: UUID, employer: str, employer_run: str) -> _Waiting:
    """Whom a release would carry over. What is decided here is decided under the lock of all of the part's work."""
    locked = cancelling.lock(str(run), employer)
    going(run)
    past = PAST & History(keys.employerrun_stream(employer_run)).facts.keys()
    of_people = Work.objects.filter(id__in=locked, saga="paychecks")
    moving = sum(of_people.exclude(state=WorkState.DEAD).values_list("items", flat=True))
    if moving:
        raise Refused(
            f"{moving} people of {employer} are still being computed: release it when they are done, or dead"
        )
    dead = list(of_people.order_by("id"))
    if past or not dead:
        raise Refused(f"nobody of {employer} waits as a dead letter: there is nothing to release it from")
    if not control_totals(employer_run).completed:
        raise Refused(
            f"nobody of {employer} is complete: redrive or dismiss the dead letters, or cancel the run"
        )
    paychecks: dict[str, str] = {}
    for each in dead:
        given = manifest.read(each.payload["manifest"], each.payload["sha256"])
        found = frozen.paychecks(given, numbers(each.payload)).values()
        paychecks |= {paycheck.stream: paycheck.inputs.employee_id for paycheck in found}
    return _Waiting([each.id for each in dead], paychecks)


def _open_remainder(employer_run: str, waiting: _Waiting, *, by: str, today: date) -> Released:
    """Open the run of those who are carried over: the same period, and the same pay date unless it is past.

    It settles as the run does that they come from, where it is paid on that day.
    """
    of = History(keys.employerrun_stream(employer_run)).facts["EmployerRunOpened"]
    period = Period(date.fromisoformat(of["period_start"]), date.fromisoformat(of["period_end"]))
    pay_date = date.fromisoformat(of["pay_date"])
    if pay_date < today:
        pay_date = calendar.add_banking_days(today, 1)
    people = sorted(waiting.paychecks.values())
    before = paid_once.opened_before([of["employer"]])[of["employer"]]
    same = [each for each in before if paid_once.same_period(each, of | {"kind": kinds.REMAINDER})]
    run = keys.run_id(kinds.REMAINDER, *period, pay_date, [of["employer"]], sequence=1 + len(same))
    still = is_same_day(of) and pay_date.isoformat() == of["pay_date"]
    facts = opening_facts(run, kinds.REMAINDER, period, pay_date, opened_by=by, same_day=still)
    employer = Employer.objects.get(id=of["employer"])
    employer.pay_frequency = of["frequency"]  # the period is that of the run they come from
    part = employer_opened(employer, facts, before, {"people": people, "remainder_of": employer_run})
    stream = keys.payrun_stream(run)
    parts = {of["employer"]: part.data["employer_run"]}
    store.append([NewEvent(stream, 1, "PayRunOpened", facts | {"employer_runs": parts}), part])
    work.enqueue([begin_run(str(run), stream)])
    return Released(of["employer"], tuple(people), run, UUID(part.data["employer_run"]), pay_date)


def _carry_over(employer_run: str, waiting: _Waiting, released: Released, *, by: str, reason: str) -> None:
    """End their paychecks in this run, close their dead letters, and let the part go on without them."""
    history = History(keys.employerrun_stream(employer_run))
    carried_to = str(released.employer_run)
    recorded = store.read_each(waiting.paychecks)
    facts: dict[str, Any] = {"carried_to": carried_to, "carried_over_by": by, "carried_over_reason": reason}
    events = [
        NewEvent(stream, 1 + len(recorded.get(stream, ())), "PaycheckCarriedOver", facts)
        for stream in waiting.paychecks
    ]
    decided = {"released_by": by, "released_reason": reason, "carried": list(released.carried)}
    decided |= {"carried_to": carried_to, "carried_to_run": str(released.run)}
    cause = keys.key("work", employer_run)
    store.append([*events, history.next("EmployerRunReleased", decided)], cause=cause)
    cancelling.give_up(
        waiting.works,
        by=by,
        reason=f"carried over to run {released.run}: {reason}"[: dead_letters.REASON_MAX],
        cause=cause,
        letters=DeadLetterState.CARRIED_OVER,
    )
