"""What the bank sends back or tells, imported once: returns, notices of change, acknowledgements, settlement reports.

    bankfile-<sha256>   BankFileImported, with how much of it matched and what did not

The hash of the file is the name of its stream, so its first version makes it once; what follows from the file is
recorded in the same transaction, or nothing is. What fits nothing of ours is a finding: told and kept, no more.
A return of an order that we do not know to be with the bank refuses the whole file, which can then be imported later.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from events import projection, store
from events.dead_letters import redact
from events.store import NewEvent, WrongExpectedVersion
from payroll import recoveries
from payroll.calc.money import dollars
from payroll.history import History
from payroll.payments import came_back, decisions, matching, orders, pay_accounts, reports
from payroll.payments.came_back import CameBack, Change, Return
from payroll.payments.gateway import Receipt
from payroll.payments.matching import Sent
from payroll.payments.orders import (
    ACCEPTED,
    NOT_REVERSED,
    REJECTED,
    RETURNED,
    REVERSAL,
    REVERSED,
    REVERSING,
    SENDING,
    SETTLED,
    UNKNOWN,
    Order,
)
from payroll.projections import PAYCHECKS, RUNS
from payroll.refusal import Refused

PREFIX = "bankfile-"
BY_OPERATOR = "cli"
BY_BANK = "bank:webhook"  # no user has such a name
FINDINGS_MAX = 200  # kept in the event
NAME_MAX = 100
WITH_THE_BANK = {ACCEPTED, SETTLED}
MAY_BE_WITH_THE_BANK = {SENDING, UNKNOWN}

OfAccount = Callable[[Sent], tuple[str, int, dict[str, Any]]]


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


class Follows:
    """The events that follow from one file, each at the version it must become; what matched and what did not."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.findings: list[str] = []
        self.notes: list[str] = []
        self.matched = 0
        self.orders: list[UUID] = []  # which may wait for what the file says
        self._added: Counter[str] = Counter()

    def add(self, stream: str, version: int, type: str, data: dict[str, Any]) -> None:
        """One more event of a stream, `version` being how many the log has."""
        self._added[stream] += 1
        self.events.append(NewEvent(stream, version + self._added[stream], type, data))


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
            _came_back(follows, came_back.read(content), sha256, by)
        elif kind == came_back.ACKNOWLEDGEMENT:
            _acknowledged(follows, reports.acknowledgement(content), sha256)
        elif kind == came_back.SETTLEMENT:
            told = reports.settlement(content)
            for file in told.files:
                _settled(follows, file, told.settled_on, sha256)
        elif kind == came_back.LISTED_RETURN:
            _list_came_back(follows, reports.listed_return(content), sha256)
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


# What the bank says of single entries


def _came_back(follows: Follows, file: CameBack, sha256: str, by: str) -> None:
    if file.findings:
        first = "; ".join(f"line {each.line}, {each.field}: {each.what}" for each in file.findings[:3])
        raise Refused(f"{len(file.findings)} faults, and nothing was imported: {first}")
    spoken_of = [each.original for each in file.returns] + [each.original for each in file.changes]
    sent = matching.sent_as(original.trace for original in spoken_of)
    returned = [
        (record, payment) for record in file.returns if (payment := _of_return(follows, record, sent))
    ]
    changed = [(record, payment) for record in file.changes if (payment := _of_change(follows, record, sent))]
    payments = [payment for _, payment in returned] + [payment for _, payment in changed]
    follows.matched += len(payments)
    of_account = _of_account([payment for payment in payments if not payment.remits], sha256)
    for back, payment in returned:
        on = str(file.created.date()) if file.created else ""
        _returned(follows, payment, back.code, on, f"line {back.line}", sha256, of_account)
    for notice, payment in changed:
        stream, version, about = of_account(payment)
        change = str(matching.change_id(sha256, notice.line))
        sealed = pay_accounts.sealed(payment.employer, payment.employee_id, change, notice.corrected)
        about |= {"change_id": change, "change_code": notice.code, "change": sealed, "imported_by": by}
        follows.add(stream, version, "AccountChangeNoticed", about | {"state": pay_accounts.PROPOSED})


def _list_came_back(follows: Follows, told: reports.ListedReturn, sha256: str) -> None:
    sent = matching.sent_as(str(each.payment) for each in told.returns)
    returned = [
        (each, payment) for each in told.returns if (payment := _of_listed(follows, told.key, each, sent))
    ]
    follows.matched += len(returned)
    of_account = _of_account([payment for _, payment in returned if not payment.remits], sha256)
    for back, payment in returned:
        on, where = back.returned_on.isoformat(), f"the payment {back.payment}"
        _returned(follows, payment, back.code, on, where, sha256, of_account)


def _of_listed(
    follows: Follows, order: UUID, record: reports.ReturnedPayment, sent: matching.AllSent
) -> Sent | None:
    """The payment of a list that came back; None when it is on record already, or with a finding.

    raises   Refused when its order is not known to be with the bank
    """
    payment = sent.of_order(order, record.payment)
    where = f"the payment {record.payment}"
    if payment is None or payment.amount_cents != record.amount_cents:
        follows.findings.append(f"{where} is none of the order {order}, or of another amount")
        return None
    _refuse_unless_with_the_bank(payment, where)
    if payment.of_its_own:
        before = History(f"payment-{payment.payment}").facts.get("PaymentReturned", {})
        if (before.get("return_code"), before.get("returned_on")) == (record.code, str(record.returned_on)):
            follows.matched += 1  # the bank tells again what is on record
        else:
            follows.findings.append(f"{where} came back before")
        return None
    return payment


def _returned(  # noqa: PLR0917
    follows: Follows, payment: Sent, code: str, on: str, where: str, sha256: str, of_account: OfAccount
) -> None:
    """What follows from one payment that came back: it is owed again, and perhaps its account is held."""
    facts = payment.facts | {"return_code": code, "imported": sha256, "returned_on": on}
    if payment.reversal:
        _not_reversed(follows, payment, facts)
    else:
        returned = facts | {"state": RETURNED}
        follows.add(f"payment-{payment.payment}", payment.version, "PaymentReturned", returned)
    if payment.remits:
        follows.notes.append(
            f"{where}: {dollars(payment.amount_cents)} that {payment.employer} withheld for "
            f"{payment.remits} of {payment.employee_id} came back: it is owed to the agency again, by hand"
        )
    elif came_back.return_code(code).hold:
        stream, version, about = of_account(payment)
        follows.add(stream, version, "AccountHeld", about | {"held_for": code})


def _not_reversed(follows: Follows, payment: Sent, facts: dict[str, Any]) -> None:
    """The employee's bank did not give the money back: it is owed back, once, from later pay."""
    history = History(f"payment-{payment.payment}")
    undone = history.facts["PaymentReversalOrdered"]
    follows.add(history.stream, history.version, "ReversalReturned", facts | {"state": NOT_REVERSED})
    owed = recoveries.opened(
        recoveries.key(recoveries.REVERSAL_RETURNED, payment.payment),
        run=undone["run"],
        employer_run=payment.employer_run,
        employer=payment.employer,
        employee_id=payment.employee_id,
        paycheck=undone["paycheck"],
        amount_cents=payment.amount_cents,
        because=recoveries.REVERSAL_RETURNED,
        opened_by=undone["undone_by"],
        confirmed_by=undone["confirmed_by"],
        payment=payment.payment,
    )
    follows.add(owed.stream, 0, owed.type, dict(owed.data))


def _refuse_unless_with_the_bank(payment: Sent, where: str) -> None:
    if payment.order_state not in WITH_THE_BANK:
        raise Refused(
            f"{where}: a payment came back of the order {payment.order}, which is {payment.order_state}: "
            "find out what became of it, then import this file. Nothing was imported"
        )


def _of_account(payments: list[Sent], sha256: str) -> OfAccount:
    """For a payment: the stream of the account it went to, how many events it has, and what its events say of it."""
    known_as = matching.accounts_of(payments)
    streams = {each.payment: pay_accounts.stream(each.employer, each.employee_id) for each in payments}
    recorded = store.read_each(set(streams.values()))

    def of(payment: Sent) -> tuple[str, int, dict[str, Any]]:
        stream = streams[payment.payment]
        about = {"payment": str(payment.payment), "part": payment.part, "imported": sha256}
        about |= {"routing_account": known_as[payment.payment]}
        return stream, len(recorded.get(stream, ())), about

    return of


def _of_return(follows: Follows, record: Return, sent: matching.AllSent) -> Sent | None:
    """The payment that came back, which no other record of the file has taken; None with a finding.

    raises   Refused when its order is not known to be with the bank
    """
    like = sent.like(record.original)
    open_ones = [each for each in like if each.can_come_back and each.payment not in sent.taken]
    if not open_ones:
        why = "is no payment of ours: trace, company, day, amount or person differ"
        if like:
            why = "came back before"
        elif record.original.direction == "debit":
            why = "is of a debit: if it funded a payment file, the bank has paid what the employer has not"
        follows.findings.append(f"line {record.line}: the return {record.code} {why}")
        return None
    newest = open_ones[0]
    _refuse_unless_with_the_bank(newest, f"line {record.line}")
    sent.taken.add(newest.payment)
    return newest


def _of_change(follows: Follows, record: Change, sent: matching.AllSent) -> Sent | None:
    newest = next(iter(sent.like(record.original, any_amount=True)), None)
    if newest is None:
        follows.findings.append(
            f"line {record.line}: the notice {record.code} is of no payment of ours: trace, company, day or person "
            "differ"
        )
    elif newest.remits:
        follows.findings.append(
            f"line {record.line}: the notice {record.code} is of an account that {newest.remits} is remitted to: "
            "correct garnishments.csv"
        )
        return None
    return newest
