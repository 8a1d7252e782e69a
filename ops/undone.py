"""Whether what was undone was decided by two people, and its money taken back once: a check of the proof (proof.py)."""

from collections.abc import Iterator
from uuid import UUID

from events import store
from events.store import Recorded
from ops.evidence import EmployerEvidence
from payroll import recoveries
from payroll.domain import OUT, VOIDED
from payroll.history import History
from payroll.models import Decision, Payment
from payroll.payments import bank, gateways
from payroll.payments.orders import WITHDRAWN, Order, stream
from payroll.undo.decide import DECISION, PREFIX

OWED_BACK = {"ReversalReturned", "PaymentOwedBack"}


def undone_by_two(part: EmployerEvidence) -> Iterator[str]:
    """Every void has its decision, every reversal its void, and each payment is taken back once."""
    voided = {
        paycheck: [event for event in events if event.type == VOIDED]
        for paycheck, events in part.paychecks.items()
        if any(event.type == VOIDED for event in events)
    }
    for paycheck, events in voided.items():
        if len(events) > 1:
            yield f"{paycheck} is voided {len(events)} times"
        if why := _undecided(events[0]):
            yield f"{paycheck} is voided, and {why}"
    undone = part.facts.get("EmployerRunUndone")
    counted = [paycheck for paycheck, events in part.paychecks.items() if _counts(events)]
    if undone and counted:
        yield f"it is undone, and {len(counted)} of its paychecks count, the first is {counted[0]}"
    yield from _taken_back_once(part, set(voided))


def _undecided(event: Recorded) -> str:
    """What is wrong with the decision that a void names; empty when nothing is."""
    subject = f"{PREFIX}{event.data.get('undo', '')}"
    proposed = History(subject).facts.get("UndoProposed")
    found = Decision.objects.filter(subject=subject, decision=DECISION).first()
    if proposed is None or found is None:
        return "no two people have decided it"
    if (found.maker, found.checker) != (event.data["voided_by"], event.data["confirmed_by"]):
        return "others than it says have decided it"
    return ""


def _taken_back_once(part: EmployerEvidence, voided: set[str]) -> Iterator[str]:
    rows = list(Payment.objects.filter(employer_run=UUID(part.id)))
    own = store.read_each(f"payment-{row.payment}" for row in rows)
    orders = {
        UUID(event.data["reversal_order"])
        for events in own.values()
        for event in events
        if event.type == "PaymentReversalOrdered"
    }
    withdrawn = {key for key in orders if Order(stream(key)).state == WITHDRAWN}
    for row in rows:
        events = own.get(f"payment-{row.payment}", [])
        types = [event.type for event in events]
        for type, times in _times(events, withdrawn).items():
            if times > 1:
                yield f"the payment {row.payment} has {type} {times} times"
        if {"PaymentReversalOrdered", "PaymentReversed"} & {*types} and row.paycheck not in voided:
            yield f"the payment {row.payment} is taken back, and its paycheck is not voided"
        if "PaymentReversed" in types and "PaymentReversalOrdered" not in types:
            yield f"the payment {row.payment} is reversed, and no reversal of it was ordered"
        if "PaymentReturned" in types and {*types} & OWED_BACK and _owed_back(row.payment):
            yield f"the payment {row.payment} came back, and is owed back all the same"
    booked = [each.reverses for each in bank.movements(gateways.bank_dir()) if each.key in orders]
    if len(booked) != len(set(booked)):
        yield "the bank's books have an entry taken back more than once"


def _times(events: list[Recorded], withdrawn: set[UUID]) -> dict[str, int]:
    """How often a payment is taken back; a reversal that was withdrawn, because others of it came back, is none."""
    ordered = [
        UUID(event.data["reversal_order"]) not in withdrawn
        for event in events
        if event.type == "PaymentReversalOrdered"
    ]
    reversed_ = sum(event.type == "PaymentReversed" for event in events)
    return {"PaymentReversalOrdered": sum(ordered), "PaymentReversed": reversed_}


def _owed_back(payment: UUID) -> bool:
    """Whether anything is owed back for a payment."""
    causes = recoveries.VOID, recoveries.REVERSAL_RETURNED
    facts = [History(recoveries.stream(recoveries.key(each, payment))).facts for each in causes]
    return any("RecoveryOpened" in each and "RecoveryCancelled" not in each for each in facts)


def _counts(events: list[Recorded]) -> bool:
    types = {event.type for event in events}
    return "RetirementCalculated" in types and not types & {*OUT}
