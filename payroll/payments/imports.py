"""What the bank sends back or tells, imported once: returns, notices of change, acknowledgements, settlement reports.

    bankfile-<sha256>   BankFileImported, with how much of it matched and what did not

The hash of the file is the name of its stream, so its first version makes it once; what follows from the file is
recorded in the same transaction, or nothing is. What fits nothing of ours is a finding: told and kept, no more.
A return of an order that we do not know to be with the bank refuses the whole file, which can then be imported later.
"""

import hashlib
from datetime import date
from typing import Any, NamedTuple

from django.db import transaction

from events import projection, store
from events.dead_letters import redact
from events.store import NewEvent, WrongExpectedVersion
from payroll import notify
from payroll.history import History
from payroll.payments import came_back, decisions, orders, reports, returned
from payroll.payments.gateway import Receipt
from payroll.payments.orders import (
    ACCEPTED,
    REJECTED,
    REVERSAL,
    REVERSED,
    REVERSING,
    SENDING,
    SETTLED,
    UNKNOWN,
    Order,
)
from payroll.payments.returned import WITH_THE_BANK, Follows
from payroll.projections import PAYCHECKS, RUNS
from payroll.refusal import Refused

PREFIX = "bankfile-"
BY_OPERATOR = "cli"
BY_BANK = "bank:webhook"  # no user has such a name
FINDINGS_MAX = 200  # kept in the event
NAME_MAX = 100
MAY_BE_WITH_THE_BANK = {SENDING, UNKNOWN}


class Imported(NamedTuple):
    """What an import did.

    new        False when the same bytes had been imported before: nothing was done
    matched    entries or files that are ours, and fit
    unmatched  those that are findings
    findings   each in a sentence, without personal data
    notes      what follows for people from what did match, in sentences
    """

    sha256: str
    kind: str
    new: bool
    matched: int
    unmatched: int
    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()


def import_file(content: bytes, *, name: str, by: str = BY_OPERATOR) -> Imported:
    """Record what a file of the bank says, once.

    name     of the file, for people
    by       who imports it: a person, whoever has the command line, or the bank that told it
    raises   Refused when it is no such file, or is not sound: then nothing is recorded
    """
    if by not in {BY_OPERATOR, BY_BANK}:
        decisions.check_person(by, "payroll.import_bankfile", "import what the bank sends back")
    sha256 = hashlib.sha256(content).hexdigest()
    stream = f"{PREFIX}{sha256}"
    if before := _imported_before(stream):
        return before
    whole = projection.catch_up(RUNS, PAYCHECKS)
    kind = came_back.kind_of(content)
    follows = _read(kind, content, sha256, by)
    if follows.findings and not whole:
        raise Refused("the read models have not caught up with the log: import the file again in a moment")
    unmatched = len(follows.findings)
    facts: dict[str, Any] = {"kind": kind, "sha256": sha256}
    facts |= {"name": redact(name)[:NAME_MAX], "imported_by": by}
    facts |= {"matched": follows.matched, "unmatched": unmatched}
    facts |= {"findings": follows.findings[:FINDINGS_MAX]}
    facts |= {"notes": follows.notes[:FINDINGS_MAX]} if follows.notes else {}
    try:
        with transaction.atomic(durable=True):
            store.append([NewEvent(stream, 1, "BankFileImported", facts), *follows.events])
            notify.record(notify.owed_back(follows.events))
    except WrongExpectedVersion as lost_race:
        if before := _imported_before(stream):  # by another, at this moment
            return before
        raise Refused(
            "something else was recorded of the same payments at this moment: import it again"
        ) from lost_race
    for key in follows.orders:
        decisions.go_on(key, by=by, reason="the bank's own report says what has become of it")
    said = tuple(follows.findings), tuple(follows.notes)
    return Imported(sha256, kind, True, follows.matched, unmatched, *said)


def _imported_before(stream: str) -> Imported | None:
    """What the import of the same bytes did; None when it is the first."""
    if not (before := store.read(stream)):
        return None
    told = before[0].data
    said = tuple(told["findings"]), tuple(told.get("notes", ()))
    return Imported(told["sha256"], told["kind"], False, told["matched"], told["unmatched"], *said)


def _read(kind: str, content: bytes, sha256: str, by: str) -> Follows:
    follows = Follows()
    try:
        if kind == came_back.RETURNS:
            returned.take_in(follows, came_back.read(content), sha256, by)
        elif kind == came_back.ACKNOWLEDGEMENT:
            _acknowledged(follows, reports.acknowledgement(content), sha256)
        elif kind == came_back.SETTLEMENT:
            told = reports.settlement(content)
            for file in told.files:
                _settled(follows, file, told.settled_on, sha256)
        elif kind == came_back.LISTED_RETURN:
            returned.take_in_listed(follows, reports.listed_return(content), sha256)
        else:
            raise Refused(
                "this is no file that a bank sends back: neither returns, notices of change, an acknowledgement nor "
                "a settlement report"
            )
    except reports.Unreadable as unreadable:
        raise Refused(f"the {kind} cannot be read, and nothing was imported: {unreadable}") from None
    return follows


# What the bank says of a whole file


def _acknowledged(follows: Follows, told: reports.Acknowledgement, sha256: str) -> None:
    order = Order(orders.stream(told.key))
    receipt = Receipt(told.key, told.reference, told.sha256, told.entries, told.total_cents)
    if wrong := _contradicts(order, told, receipt):
        follows.findings.append(f"the order {told.key} {wrong}")
        return
    follows.matched += 1
    if order.state == REJECTED or (told.accepted and order.state in WITH_THE_BANK):
        return  # it says what is on record
    refused = {"rejected": told.why, "acknowledgement": sha256}
    follows.events.append(
        orders.accepted(order, receipt) if told.accepted else order.next("OrderRejected", REJECTED, refused)
    )
    follows.orders.append(told.key)


def _contradicts(order: Order, told: reports.Acknowledgement, receipt: Receipt) -> str:
    """Why an acknowledgement does not fit the order; empty when it does."""
    if not order.exists:
        return "is none of ours"
    if told.sha256 != order.created["sha256"]:
        return "went out as another file than the bank speaks of"
    if told.accepted and (other := order.differs(receipt)):
        return f"differs: {other}"
    if order.state not in MAY_BE_WITH_THE_BANK | WITH_THE_BANK | {REJECTED}:
        return f"is {order.state}: it was never sent, and the bank speaks of it"
    if order.state == (REJECTED if told.accepted else SETTLED):
        return f"is {order.state}, and the bank says otherwise: call it"
    return ""


def _settled(follows: Follows, file: reports.SettledFile, settled_on: date, sha256: str) -> None:
    order = Order(orders.stream(file.key))
    where = f"the order {file.key}"
    if not order.exists:
        follows.findings.append(f"{where} is none of ours")
        return
    sent = order.created
    if file.sha256 != sent["sha256"]:
        follows.findings.append(f"{where}: the bank settled another file than was sent under this key")
    elif (file.credits_cents, file.debits_cents) != (sent["credits_cents"], sent["debits_cents"]):
        follows.findings.append(
            f"{where}: the bank settled credits of {file.credits_cents} and debits of {file.debits_cents} cents, "
            f"we sent {sent['credits_cents']} and {sent['debits_cents']}"
        )
    elif order.state == SETTLED:
        before = order.facts["OrderSettled"]["settled_on"]
        if before == settled_on.isoformat():
            follows.matched += 1  # it says what is on record: the bank reports what it has told before
        else:
            follows.findings.append(f"{where} is settled already, on {before}")
    elif order.state not in MAY_BE_WITH_THE_BANK | {ACCEPTED}:
        follows.findings.append(f"{where} is {order.state}, and the bank settled it: call it")
    else:
        follows.matched += 1
        version = order.history.version
        if order.state != ACCEPTED:
            receipt = Receipt(
                file.key, file.reference, sent["sha256"], sent["entries"], sent["credits_cents"]
            )
            held = orders.accepted(order, receipt)
            follows.add(held.stream, version, held.type, dict(held.data))
            follows.orders.append(file.key)
        facts = {"state": SETTLED, "settled_on": settled_on.isoformat(), "settlement": sha256}
        follows.add(order.history.stream, version, "OrderSettled", facts)
        if sent["kind"] == REVERSAL:
            _reversed(follows, order)


def _reversed(follows: Follows, order: Order) -> None:
    """What a reversal that settled has taken back: all of it, but for what the employees' banks gave back before."""
    for payment, employee_id, paycheck, cents, trace in order.created["reverses"]:
        history = History(f"payment-{payment}")
        if history.events[-1].data["state"] == REVERSING:
            facts: dict[str, Any] = {"payment": payment, "state": REVERSED, "reversal_order": str(order.key)}
            facts |= {"employer_run": order.created["employer_run"], "employer": order.created["employer"]}
            facts |= {"employee_id": employee_id, "paycheck": paycheck}
            facts |= {"amount_cents": cents, "reversal_trace": trace}
            follows.add(history.stream, history.version, "PaymentReversed", facts)
