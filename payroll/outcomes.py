"""What the tasks of an employer's run record, whoever has done them: we, or a downstream system (ask_tasks.py)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings

from events.failures import NeedsReview
from events.saga import Outcome
from events.store import NewEvent
from payroll import approvals, keys, manifest, recoveries, register
from payroll.control import ControlTotals, control_totals, disagreements
from payroll.history import History
from payroll.manifest import Pinned
from payroll.payments import gateways
from payroll.payments.gateway_http import HttpGateway
from payroll.payments.orders import Order

log = logging.getLogger(__name__)


NOTHING_TO_PAY = "nothing to pay"
BY_TWO_PEOPLE = "as two people decided"


def agreed_totals(history: History) -> ControlTotals:
    """The control totals of an employer's run.

    raises   NeedsReview, naming the totals that do not agree
    """
    pinned = Pinned.of(history.facts["EmployerRunOpened"])
    began = history.facts["EmployerRunBegan"]
    totals = control_totals(pinned.employer_run)
    if wrong := disagreements(began["employees"], history.manifest_hours_hundredths, totals):
        raise NeedsReview(f"the control totals of {pinned.employer} do not agree: {'; '.join(wrong)}")
    return totals


def validated(history: History, totals: ControlTotals) -> Outcome:
    """The totals are on record, and the run waits for a second person."""
    facts: dict[str, Any] = {
        "completed": totals.completed,
        "excluded": totals.excluded,
        "carried_over": totals.carried_over,
        "no_hours": totals.no_hours,
    }
    facts |= {f"total_{name}": value for name, value in totals._asdict().items() if name.endswith("_cents")}
    facts |= {"payable": totals.payable, "register_sha256": totals.register_sha256}
    facts |= register.keep(history.facts["EmployerRunOpened"]["employer_run"])
    facts |= _not_by_gateway(history)
    event = history.next("EmployerRunValidated", facts)
    if not settings.PAYROLL_AUTO_APPROVE:
        return Outcome(events=[event], wait=True)
    employer = history.facts["EmployerRunOpened"]["employer"]
    log.warning("PAYROLL_AUTO_APPROVE: %s is approved by nobody; for demos and tests only", employer)
    approval = {"approved_by": "auto-approve", "approved_register_sha256": totals.register_sha256}
    approved = NewEvent(event.stream, event.version + 1, "EmployerRunApproved", approval)
    return Outcome(events=[event, approved], within=lambda: approvals.record(approved))


def _not_by_gateway(history: History) -> dict[str, Any]:
    """What was frozen for the payment files and the bank that is configured does not do: said before anybody approves.

    unfunded       how the employer wants its files funded, where payments go out as a list that debits nothing
    not_remitted   for how many orders the roster says where their money goes, and it has to go by hand
    """
    if gateways.configured() != HttpGateway.name:
        return {}
    facts: dict[str, Any] = {}
    not_remitted = 0
    for written in history.manifests:
        frozen = manifest.read(written["object"], written["sha256"])
        not_remitted += sum(len(person.get("remittances", ())) for person in frozen["employees"])
        if funding := frozen["terms"].get("funding"):
            facts["unfunded"] = funding["way"]
    return facts | ({"not_remitted": not_remitted} if not_remitted else {})


def owed_back(history: History, overpaid_cents: Mapping[str, int]) -> Iterator[NewEvent]:
    """A recovery for everybody whom a correction finds paid too much; nothing is paid to them.

    overpaid_cents   by paycheck
    """
    opened = history.facts["EmployerRunOpened"]
    for stream, cents in overpaid_cents.items():
        yield recoveries.opened(
            recoveries.key(recoveries.CORRECTION, stream),
            run=opened["run"],
            employer_run=opened["employer_run"],
            employer=opened["employer"],
            employee_id=keys.employee_of(stream),
            paycheck=stream,
            amount_cents=cents,
            because=recoveries.CORRECTION,
            opened_by=opened["opened_by"],
            confirmed_by=history.facts["EmployerRunApproved"]["approved_by"],
        )


def moved(history: History, sent: Sequence[Order]) -> Outcome:
    """The bank has every order of an employer's run, and exactly what was instructed."""
    instructed = history.facts["PaymentsInstructed"]
    references = [order.facts.get("OrderAccepted", {}).get("bank_reference", BY_TWO_PEOPLE) for order in sent]
    facts: dict[str, Any] = {"paid": instructed["people"] - instructed.get("held_people", 0)}
    facts |= {"paid_cents": instructed["payments_cents"] + instructed["checks_cents"]}
    facts |= {"gateway": sent[0].created["moved_by"] or sent[0].created["gateway"]} if sent else {}
    facts |= {"bank_reference": ", ".join(references) or NOTHING_TO_PAY}
    return Outcome(events=[history.next("MoneyMoved", facts)])


def completed(history: History, notifications: int) -> NewEvent:
    """Everybody was told, and the employer's run is complete."""
    return history.next("EmployerRunCompleted", {"notifications": notifications})
