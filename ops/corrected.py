"""Whether a correction pays exactly what is missing: a check of the proof (proof.py)."""

from collections.abc import Iterator
from typing import Any

from events import store
from ops.evidence import EmployerEvidence
from payroll import delta, keys, manifest, paid_once, recoveries
from payroll.domain import OUT, PAYCHECK_EVENTS
from payroll.recompute import as_json


def corrects_what_was_paid(part: EmployerEvidence) -> Iterator[str]:
    """What was frozen as paid before is what the log says and still stands, and what was paid too much is owed back,
    once and whole. A correction that was itself voided is held against nothing: what it corrects may be undone then.
    """
    opened = part.facts["EmployerRunOpened"]
    if part.cancelled or "corrects" not in opened:
        return
    if "EmployerRunBegan" in part.facts:
        people = set(opened["people"]) - set(paid_once.voided(part.id, opened["people"]))
        void = set(paid_once.voided(opened["corrects"][0], people))
        for each in sorted(void):
            yield f"{each} is corrected, although the paycheck that is corrected was undone"
        paid = _paid(opened["corrects"], people)
        for written in part.history.manifests:
            for entry in manifest.read(written["object"], written["sha256"])["employees"]:
                each = entry["employee_id"]
                if each in people - void and entry.get("paid") != paid.get(each):
                    yield f"{each} was corrected from other amounts than were paid before"
    if "PaymentsInstructed" in part.facts:
        yield from _owed_back(part)


def _paid(corrects: list[str], people: set[str]) -> dict[str, dict[str, Any]]:
    """What some people were paid by an employer's runs, from the log."""
    found: dict[str, list[dict[str, Any]]] = {}
    for employer_run in corrects:
        paychecks: dict[str, dict[str, Any]] = {}
        out = set()
        for event in store.read_prefix(keys.paycheck_prefix(employer_run), *PAYCHECK_EVENTS, *OUT):
            if event.type in OUT:
                out.add(event.stream)
            elif keys.employee_of(event.stream) in people:
                paychecks.setdefault(event.stream, {}).update(event.data)
        for stream, facts in paychecks.items():
            if stream not in out and "net_cents" in facts:
                found.setdefault(keys.employee_of(stream), []).append(facts)
    return {each: as_json(delta.total(paychecks)) for each, paychecks in found.items()}


def _owed_back(part: EmployerEvidence) -> Iterator[str]:
    for stream, events in part.paychecks.items():
        net_cents = sum(event.data["net_cents"] for event in events if event.type == "RetirementCalculated")
        if {*OUT} & {event.type for event in events}:
            net_cents = 0
        opened = store.read(recoveries.stream(recoveries.key(recoveries.CORRECTION, stream)))
        back_cents = sum(event.data["amount_cents"] for event in opened if event.type == "RecoveryOpened")
        if any(event.type == "RecoveryCancelled" for event in opened):
            back_cents = 0
        if back_cents != max(0, -net_cents):
            yield f"{keys.employee_of(stream)} was paid {max(0, -net_cents)} cents too much, and owes {back_cents} back"
