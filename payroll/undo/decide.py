"""Who decides that something is undone: one person proposes it with a reason, another confirms. Both are on record.

undo-<key>   UndoProposed ─▶ UndoConfirmed ─▶ UndoCompleted
             UndoProposed ─▶ UndoWithdrawn, and it may be proposed anew
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from events import saga, store, work
from events.dead_letters import REASON_MAX, redact
from events.doorbells import ring
from events.store import Recorded, WrongExpectedVersion
from payroll import keys
from payroll.history import History
from payroll.models import Decision
from payroll.payments import decisions
from payroll.refusal import Refused
from payroll.runs import facts_of
from payroll.undo import plan
from payroll.undo.plan import Part, Preview

PERMISSION = "payroll.undo_payrun"
DECISION = "undo"
PREFIX = "undo-"


class Undone(NamedTuple):
    """What a command did: `confirmed` when the second person gave it and it is being carried out."""

    key: UUID
    confirmed: bool
    proposed_by: str
    parts: tuple[Preview, ...]


def stream(key: UUID | str) -> str:
    return f"{PREFIX}{key}"


def standing(events: Sequence[Recorded]) -> dict[str, Any]:
    """The facts of the proposal that stands; empty when nobody has made one, or it was withdrawn.

    events   of the undoing
    """
    turns = [event for event in events if event.type in {"UndoProposed", "UndoWithdrawn"}]
    return turns[-1].data if turns and turns[-1].type == "UndoProposed" else {}


def proposed(run: UUID, *, employer: str = "", employee_id: str = "") -> dict[str, Any]:
    """What waits for a second person: the facts of the proposal; empty when nothing does."""
    return _unconfirmed(store.read(stream(plan.key(run, employer, employee_id))))


def waiting(run: UUID, employers: Iterable[str]) -> list[dict[str, Any]]:
    """The proposals that wait to undo a run, or the part of one of its employers: their facts."""
    streams = [stream(plan.key(run, employer)) for employer in ("", *employers)]
    found = store.read_each(streams)
    return [facts for each in streams if (facts := _unconfirmed(found.get(each, ())))]


def _unconfirmed(events: Sequence[Recorded]) -> dict[str, Any]:
    return {} if any(event.type == "UndoConfirmed" for event in events) else standing(events)


def preview(
    run: UUID, *, employer: str = "", employee_id: str = "", check_cashed: bool = False
) -> tuple[Preview, ...]:
    """What undoing would do to each employer's part; nothing is recorded. Raises Refused for what is not in the run."""
    today = plan.today()
    return tuple(
        plan.preview(Part(employer_run, employee_id), today=today, check_cashed=check_cashed)
        for employer_run in _parts(run, employer, employee_id).values()
    )


def undo(
    run: UUID,
    *,
    by: str,
    reason: str = "",
    employer: str = "",
    employee_id: str = "",
    check_cashed: bool = False,
) -> Undone:
    """Propose that something is undone, or confirm what somebody else has proposed.

    reason         why, in words; whoever proposes has to give one
    check_cashed   that paper checks were cashed: they are owed back; fixed by who proposes
    raises         Refused, also when a part cannot be undone now: then nothing of it is
    """
    decisions.check_person(by, PERMISSION, "undo what a pay run has paid")
    key = plan.key(run, employer, employee_id)
    history = History(stream(key))
    made = standing(history.events)
    check_cashed = made.get("check_cashed", check_cashed)
    if confirmed := history.facts.get("UndoConfirmed"):
        raise Refused(f"{made['proposed_by']} and {confirmed['confirmed_by']} have undone this already")
    parts = preview(run, employer=employer, employee_id=employee_id, check_cashed=check_cashed)
    open_ones = [each for each in parts if not each.refused]
    wait = [each.refused for each in parts if each.waits or each.corrected]
    if wait or not open_ones:
        raise Refused("; ".join(wait or [each.refused for each in parts]))
    with decisions.by_two("somebody else decided about this at the same moment: look again"):
        if not made:
            _propose(history, key, run, employer, employee_id, by, reason, check_cashed)
            return Undone(key, False, by, parts)
        if made["proposed_by"] == by:
            raise Refused(f"{by} has proposed this already; somebody else has to confirm it")
        _confirm(history, key, made, by)
    ring([keys.key("work", key)])
    return Undone(key, True, made["proposed_by"], parts)


def is_going(run: UUID | str, employer: str, people: Iterable[str]) -> bool:
    """Whether two people have decided to undo a run, its part of an employer, or one of these paychecks of it.

    What is undone to its end is not meant: the log says of each paycheck whether it is.
    """
    of = [("", ""), (employer, ""), *((employer, each) for each in people)]
    found = store.read_each(stream(plan.key(UUID(str(run)), *each)) for each in of)
    return any(
        {event.type for event in events} & {"UndoConfirmed", "UndoCompleted"} == {"UndoConfirmed"}
        for events in found.values()
    )


def withdraw(run: UUID, *, by: str, reason: str = "", employer: str = "", employee_id: str = "") -> UUID:
    """Take back a proposal that nobody has confirmed: nothing is undone, and another may be made.

    by       who made it, or whoever else may undo
    raises   Refused
    """
    _parts(run, employer, employee_id)
    key = plan.key(run, employer, employee_id)
    history = History(stream(key))
    made = standing(history.events)
    if confirmed := history.facts.get("UndoConfirmed"):
        raise Refused(
            f"{made['proposed_by']} and {confirmed['confirmed_by']} have undone this already: that stays"
        )
    if decisions.active(by).username != made.get("proposed_by"):
        decisions.check_person(by, PERMISSION, "withdraw what somebody else has proposed to undo")
    if not made:
        raise Refused("nobody has proposed to undo this, or the proposal was withdrawn already")
    facts = {"withdrawn_by": by, "withdrawn_reason": redact(reason)[:REASON_MAX]}
    try:
        with transaction.atomic(durable=True):
            store.append([history.next("UndoWithdrawn", facts)])
    except WrongExpectedVersion as lost_race:
        raise Refused("somebody else decided about this at the same moment: look again") from lost_race
    return key


def _propose(  # noqa: PLR0917 - all of a proposal, from the one caller above
    history: History,
    key: UUID,
    run: UUID,
    employer: str,
    employee_id: str,
    by: str,
    reason: str,
    check_cashed: bool,
) -> None:
    if not reason.strip():
        raise Refused("to undo what people are paid needs a reason")
    facts: dict[str, Any] = {"undo": str(key), "run": str(run), "employer": employer}
    facts |= {"employee_id": employee_id, "check_cashed": check_cashed}
    facts |= {"proposed_by": by, "reason": redact(reason)[:REASON_MAX]}
    with transaction.atomic(durable=True):
        store.append([history.next("UndoProposed", facts)])


def _confirm(history: History, key: UUID, proposed: dict[str, Any], by: str) -> None:
    begin = saga.new_work(
        "undo",
        id=keys.key("work", key),
        subject=history.stream,
        run_key=history.stream,
        group_key="",
        payload={"run": proposed["run"]},
    )
    with transaction.atomic(durable=True):
        store.append([history.next("UndoConfirmed", {"confirmed_by": by})])
        Decision.objects.create(
            id=keys.key("decision", history.stream, DECISION),
            subject=history.stream,
            decision=DECISION,
            maker=proposed["proposed_by"],
            checker=by,
        )
        work.enqueue([begin])


def _parts(run: UUID, employer: str, employee_id: str) -> dict[str, str]:
    """Employer's runs by employer. Raises Refused."""
    parts: dict[str, str] = facts_of(run)["employer_runs"]
    if employee_id and not employer:
        raise Refused("whose paycheck is it? Name its employer")
    if employer and employer not in parts:
        raise Refused(f"{employer} is not in this run")
    return {employer: parts[employer]} if employer else dict(sorted(parts.items()))
