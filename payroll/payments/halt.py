"""The kill switch: nothing is sent to any bank while it is on. Each send looks at it, so it counts within seconds."""

from django.db import transaction

from events import store
from events.dead_letters import REASON_MAX, redact
from events.failures import TryAgain
from events.store import NewEvent, Recorded, WrongExpectedVersion
from payroll.refusal import Refused

STREAM = "payments"
LOOK_AGAIN_S = 2.0


def halted() -> Recorded | None:
    """The event that stopped all sending; None while payments go out."""
    events = store.read(STREAM)
    return events[-1] if events and events[-1].type == "PaymentsHalted" else None


def refuse_while_halted() -> None:
    """Raises TryAgain while all sending is stopped; the work that asks goes on by itself afterwards."""
    if stopped := halted():
        raise TryAgain(
            f"all payments are halted by {stopped.data['halted_by']} since {stopped.recorded_at:%Y-%m-%d %H:%M} UTC: "
            f"{stopped.data['reason'] or 'no reason given'}. They go on with: payments resume",
            after_s=LOOK_AGAIN_S,
        )


def halt(*, by: str, reason: str) -> None:
    """Stop all sending, everywhere. Raises Refused when it is stopped already, or without a reason."""
    if not reason.strip():
        raise Refused("to stop everybody's pay needs a reason")
    if stopped := halted():
        raise Refused(f"payments are halted already, by {stopped.data['halted_by']}")
    _append("PaymentsHalted", {"halted_by": by, "reason": redact(reason)[:REASON_MAX]})


def resume(*, by: str, reason: str = "") -> None:
    """Let payments go out again. Raises Refused when they do."""
    if not halted():
        raise Refused("payments are not halted")
    _append("PaymentsResumed", {"resumed_by": by, "reason": redact(reason)[:REASON_MAX]})


def _append(type: str, facts: dict[str, str]) -> None:
    try:
        with transaction.atomic(durable=True):
            store.append([NewEvent(STREAM, store.version(STREAM) + 1, type, facts)])
    except WrongExpectedVersion as lost_race:
        raise Refused(
            "somebody else halted or resumed payments at the same moment: look again"
        ) from lost_race
