"""Postpone: let a same-day run that can no longer settle on its day settle on the next banking day instead.

It is a person's choice and never a rule. What was approved is paid on another day, so it is for somebody who may
approve the run, and did not open it. The day is chosen here, by name: when it comes before a file was made, somebody
chooses again.
"""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from events import dead_letters, projection, store
from events.dead_letters import REASON_MAX, redact
from events.doorbells import ring
from events.models import DeadLetter, DeadLetterState
from events.store import NewEvent
from payroll import keys
from payroll.calc import calendar
from payroll.history import History
from payroll.models import EmployerRun, PayOrder
from payroll.payments import same_day
from payroll.payments.building import MODIFIERS
from payroll.payments.same_day import POSTPONED
from payroll.projections import RUNS
from payroll.refusal import Refused
from payroll.runs import changing, check_approver, going


class Postponed(NamedTuple):
    """An employer's part of a run, and the banking day on which it settles."""

    employer: str
    settles_on: date


class _Decided(NamedTuple):
    postponed: Postponed
    history: History
    event: NewEvent
    work: UUID


def postpone(run: UUID, employer: str, *, by: str, reason: str) -> Postponed:
    """Let an employer's part settle on the next banking day, by ordinary files; its dead letter is redriven.

    by       may approve this part, and did not open it
    reason   why, for the record; required
    raises   Refused
    """
    if not reason.strip():
        raise Refused("to pay people on another day needs a reason")
    decided = _decide(run, employer, by, redact(reason)[:REASON_MAX])
    waiting = DeadLetter.objects.filter(work=decided.work, state=DeadLetterState.OPEN)
    try:
        with changing(decided.history):
            for letter in waiting:
                dead_letters.set_going(letter.id, by=by, reason=f"postponed: {reason}"[:REASON_MAX])
            store.append([decided.event])
    except dead_letters.NotOpen as lost_race:
        raise Refused(f"{employer} has just moved on: look again, then postpone it") from lost_race
    ring([decided.work])
    return decided.postponed


def preview(run: UUID, employer: str, *, by: str) -> Postponed:
    """What `postpone` would do. Nothing is changed; raises Refused as it does."""
    return _decide(run, employer, by, "").postponed


def waits(run: UUID) -> list[str]:
    """The employers of a run that is settled the same day whose files are not made, and wait for a person."""
    dead = DeadLetter.objects.filter(
        run_key=str(run), saga="employerrun", step="push-payment", state=DeadLetterState.OPEN
    )
    return sorted(set(dead.values_list("group_key", flat=True)))


def _decide(run: UUID, employer: str, by: str, reason: str) -> _Decided:
    """The event that postpones, as it would be appended now. Raises Refused."""
    parts = going(run).facts["PayRunOpened"]["employer_runs"]
    if employer not in parts:
        raise Refused(f"{employer} is not in this run")
    history = History(keys.employerrun_stream(parts[employer]))
    opened = history.facts["EmployerRunOpened"]
    check_approver(by, opened["opened_by"])
    pay_date = date.fromisoformat(opened["pay_date"])
    settles_on = calendar.add_banking_days(same_day.eastern().date(), 1)
    if why := _refusal(history, settles_on):
        raise Refused(f"{employer} {why}")
    if settles_on.year != pay_date.year:
        raise Refused(
            f"{employer} is paid on {pay_date}, and the next banking day is in another year, {settles_on}: pay of "
            f"another year is taxed by its rules. Cancel the run, and open one that is paid on {settles_on}"
        )
    facts = {"settles_on": settles_on.isoformat(), "postponed_by": by, "postponed_reason": reason}
    event = history.next(POSTPONED, facts | {"file_letter": _letter(employer, settles_on)})
    return _Decided(Postponed(employer, settles_on), history, event, keys.key("work", parts[employer]))


def _refusal(history: History, settles_on: date) -> str:
    """Why a part cannot be postponed to this day; empty when it can."""
    facts = history.facts
    if not same_day.is_same_day(facts["EmployerRunOpened"]):
        return "does not settle the same day: there is nothing to postpone"
    if cancelled := facts.get("EmployerRunCancelled"):
        return f"was cancelled by {cancelled['cancelled_by']}: nobody of it is paid"
    if "PaymentsInstructed" in facts:
        return "has its files made already: see payments list, and payments late for one that was not sent in time"
    if history.approval is None:
        return "is not approved: approve it first, and postpone it when it cannot settle any more"
    before = facts.get(POSTPONED, {})
    if before.get("settles_on", "") >= settles_on.isoformat():
        return f"was postponed to {before['settles_on']} already, by {before['postponed_by']}"
    return ""


def _letter(employer: str, settles_on: date) -> str:
    """The letter of a file beside those of the runs that are paid on this day, which begin at A. Raises Refused."""
    projection.catch_up(RUNS)
    before = PayOrder.objects.filter(employer=employer, effective=settles_on.isoformat()).count()
    before += EmployerRun.objects.filter(employer=employer, facts__settles_on=settles_on.isoformat()).count()
    if before >= len(MODIFIERS):
        raise Refused(f"{employer} has {before} files for {settles_on}: its bank takes no more of them")
    return MODIFIERS[-1 - before]
