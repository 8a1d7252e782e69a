"""Cancel a pay run: nobody in it is paid, but for the employers whose payments are instructed already.

    cancellation           cancel-employers ─▶ (every employer's part) ─▶ lift
    employer-cancellation  cancel-employer

The command records the decision and holds the run; the sagas carry it out, and go on where they were when they
are killed. One employer's part is given up in one transaction: its work, its paychecks, its dead letters. An
instruction to the bank is the point of no return: who has one goes on, and undoing it is another matter.
"""

from typing import NamedTuple
from uuid import UUID

from events import cancelling, dead_letters, limits, saga, store, work
from events.dead_letters import REASON_MAX, redact
from events.doorbells import ring
from events.models import DeadLetterState
from events.saga import Outcome, Saga, Undo, task
from events.work import Claimed
from payroll import keys
from payroll.history import History
from payroll.runs import Refused, changing, going
from payroll.saga import complete, open_employers

ENDED = {"PaymentsInstructed", "EmployerRunCompleted"}


class Cancelled(NamedTuple):
    """What was decided: employer ids.

    cancelled   whose parts are given up from now on, unless a payment that is being instructed at this very moment
                comes first; the log tells, and the run is over when PayRunCompleted is recorded
    goes_on     whose payments are instructed already: they are paid
    """

    cancelled: tuple[str, ...]
    goes_on: tuple[str, ...]


def cancel(run: UUID, *, by: str, reason: str) -> Cancelled:
    """Decide that a run is cancelled, and hold it; workers then cancel one employer's part after the other.

    reason   why, in the words of the person who decided; required
    raises   Refused when there is nothing left to cancel
    """
    if not reason.strip():
        raise Refused("a cancellation needs a reason: people are not paid because of it")
    history = going(run)
    decided = decide(history)
    if not decided.cancelled:
        raise Refused(
            "the payments of every employer in this run are instructed already: it cannot be cancelled"
        )
    facts = {"cancelled_by": by, "cancelled_reason": redact(reason)[:REASON_MAX]}
    begin = saga.new_work(
        "cancellation",
        id=keys.key("cancel", run),
        subject=history.stream,
        run_key=keys.cancellation(run),
        group_key="",
        payload={"run": str(run)},
    )
    opening, joined = keys.key("work", run), len(history.facts["PayRunOpened"]["employer_runs"])
    with changing(history):
        if cancelling.skip(
            opening, step=open_employers.name, to=complete.name, queue=complete.queue, pending=joined
        ):
            dead_letters.close_of([opening], DeadLetterState.DISMISSED, by=by, reason=reason, cause=begin.id)
        store.append([history.next("PayRunCancelled", facts)])
        limits.change(limits.of_run(str(run)), paused=True)
        work.enqueue([begin])
    ring([begin.id])
    return decided


def decide(history: History) -> Cancelled:
    """Which employers of a run can still be cancelled, and which are past that."""
    parts = history.facts["PayRunOpened"]["employer_runs"]
    events = store.read_each(map(keys.employerrun_stream, parts.values()))
    past = {
        employer
        for employer, employer_run in parts.items()
        if ENDED & {event.type for event in events.get(keys.employerrun_stream(employer_run), ())}
    }
    return Cancelled(tuple(sorted(parts.keys() - past)), tuple(sorted(past)))


@task("cancel-employers", queue="control", undo=Undo("", keeps="who was cancelled is paid by a new run"))
def cancel_employers(held: Claimed) -> Outcome:
    """Cancel the parts of all employers, each by itself."""
    opened = History(held.subject).facts["PayRunOpened"]
    return Outcome(
        fork=[
            saga.new_work(
                "employer-cancellation",
                id=keys.key("cancel", employer_run),
                subject=keys.employerrun_stream(employer_run),
                run_key=held.run_key,
                group_key=employer,
                parent=held.id,
                payload=held.payload | {"employer_run": employer_run},
            )
            for employer, employer_run in opened["employer_runs"].items()
        ]
    )


@task("lift", queue="control", undo=Undo("", keeps="it only lets the rest go on"))
def lift(held: Claimed) -> Outcome:
    """Let the rest of the run end: those that are past cancelling, and the run itself."""
    run = held.payload["run"]

    def within() -> None:
        limits.forget(run)
        ring(limits.ready(run))

    return Outcome(within=within)


@task("cancel-employer", queue="control", undo=Undo("", keeps="who was cancelled is paid by a new run"))
def cancel_employer(held: Claimed) -> Outcome:
    """Cancel one employer's part, unless its payments are instructed.

    raises   TryAgain when a worker has just made new work of it
    """
    return Outcome(within=lambda: _cancel_part(held))


def _cancel_part(held: Claimed) -> None:
    """Within the task's transaction."""
    run = held.payload["run"]
    decision = History(keys.payrun_stream(run)).facts["PayRunCancelled"]
    facts = {name: decision[name] for name in ("cancelled_by", "cancelled_reason")}
    give_up_part(run, held.group_key, held.payload["employer_run"], facts, cause=held.id)


def give_up_part(run: str, employer: str, employer_run: str, facts: dict[str, str], *, cause: UUID) -> bool:
    """Give an employer's part up in the caller's transaction, unless its payments are instructed, or it was given up.

    facts     cancelled_by and cancelled_reason, and what else is to be recorded of it
    returns   whether it was given up here
    raises    TryAgain when a worker has just made new work of it.
    """
    works = cancelling.lock(run, employer)
    history = History(keys.employerrun_stream(employer_run))
    if (ENDED | {"EmployerRunCancelled"}) & history.facts.keys():
        return False
    by, reason = facts["cancelled_by"], facts["cancelled_reason"]
    store.append([history.next("EmployerRunCancelled", facts)], cause=cause)
    store.append_to_each(keys.paycheck_prefix(employer_run), "PaycheckCancelled", facts, cause=cause)
    cancelling.give_up(works, by=by, reason=reason, cause=cause)
    if keys.key("work", employer_run) not in works:  # it had not begun, and the run waits for it all the same
        work.child_finished(keys.key("work", run))
    limits.forget(run, employer)
    return True


SAGAS = (
    Saga("cancellation", (cancel_employers, lift)),
    Saga("employer-cancellation", (cancel_employer,)),
)
