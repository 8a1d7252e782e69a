"""What the bank says of single payments, and what follows: what came back, what was not reversed, what to change."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from events import store
from events.store import NewEvent
from payroll import domain, recoveries
from payroll.calc.money import dollars
from payroll.history import History
from payroll.payments import came_back, matching, pay_accounts, reports
from payroll.payments.came_back import CameBack, Change, Return
from payroll.payments.matching import Sent
from payroll.payments.orders import (
    ACCEPTED,
    CROSSED,
    NOT_REVERSED,
    RETURNED,
    REVERSED,
    REVERSING,
    SETTLED,
    VOIDED,
)
from payroll.refusal import Refused

WITH_THE_BANK = {ACCEPTED, SETTLED}

OfAccount = Callable[[Sent], tuple[str, int, dict[str, Any]]]


class Follows:
    """The events that follow from one file, each at the version it must become; what matched and what did not."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.findings: list[str] = []
        self.notes: list[str] = []
        self.matched = 0
        self.orders: list[UUID] = []  # which may wait for what the file says
        self.crossed: set[UUID] = set()  # payments that came back by this file, and a reversal of them is out
        self._added: Counter[str] = Counter()

    def add(self, stream: str, version: int, type: str, data: dict[str, Any]) -> None:
        """One more event of a stream, `version` being how many the log has."""
        self._added[stream] += 1
        self.events.append(NewEvent(stream, version + self._added[stream], type, data))


def take_in(follows: Follows, file: CameBack, sha256: str, by: str) -> None:
    """A file of returns and notices of change.

    sha256   of the file
    by       who imports it
    raises   Refused
    """
    if file.findings:
        first = "; ".join(f"line {each.line}, {each.field}: {each.what}" for each in file.findings[:3])
        raise Refused(f"{len(file.findings)} faults, and nothing was imported: {first}")
    spoken_of = [each.original for each in file.returns] + [each.original for each in file.changes]
    sent = matching.sent_as(original.trace for original in spoken_of)
    returned = [
        (record, payment) for record in file.returns if (payment := _of_return(follows, record, sent))
    ]
    changed = [(record, payment) for record in file.changes if (payment := _of_change(follows, record, sent))]
    # A payment that came back is not owed back, whichever of the two the bank has told first.
    returned.sort(key=lambda each: each[1].reversal)
    payments = [payment for _, payment in returned] + [payment for _, payment in changed]
    follows.matched += len(payments)
    of_account = _of_account([payment for payment in payments if not payment.to_others], sha256)
    for back, payment in returned:
        on = str(file.created.date()) if file.created else ""
        _returned(follows, payment, back.code, on, f"line {back.line}", sha256, of_account)
    for notice, payment in changed:
        stream, version, about = of_account(payment)
        change = str(matching.change_id(sha256, notice.line))
        sealed = pay_accounts.sealed(payment.employer, payment.employee_id, change, notice.corrected)
        about |= {"change_id": change, "change_code": notice.code, "change": sealed, "imported_by": by}
        follows.add(stream, version, "AccountChangeNoticed", about | {"state": pay_accounts.PROPOSED})


def take_in_listed(follows: Follows, told: reports.ListedReturn, sha256: str) -> None:
    """What came back of payments that went out as a list. Raises Refused."""
    sent = matching.sent_as(str(each.payment) for each in told.returns)
    returned = [
        (each, payment) for each in told.returns if (payment := _of_listed(follows, told.key, each, sent))
    ]
    follows.matched += len(returned)
    of_account = _of_account([payment for _, payment in returned if not payment.to_others], sha256)
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
    if not payment.can_come_back:
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
    elif not payment.prenote:
        state = _came_back(follows, payment, where)
        returned = facts | {"state": state}
        follows.add(f"payment-{payment.payment}", payment.version, "PaymentReturned", returned)
    if payment.remits:
        voided = any(event.type == domain.VOIDED for event in store.read(payment.paycheck))
        whose = (
            "the paycheck is void, so it is the employer's" if voided else "it is owed to the agency again"
        )
        follows.notes.append(
            f"{where}: {dollars(payment.amount_cents)} that {payment.employer} withheld for "
            f"{payment.remits} of {payment.employee_id} came back: {whose}, by hand"
        )
    elif payment.tax:
        follows.notes.append(
            f"{where}: {dollars(payment.amount_cents)} of federal tax that {payment.employer} deposited came back: "
            "what of it is still owed is owed again. Mend what was refused, then payments deposit, which says so where "
            "nothing is"
        )
    elif payment.prenote or came_back.return_code(code).hold:
        stream, version, about = of_account(payment)
        follows.add(stream, version, "AccountHeld", about | {"held_for": code})


def _came_back(follows: Follows, payment: Sent, where: str) -> str:
    """Where a payment stands that came back; of one that is undone nobody is owed anything, and nobody owes it back."""
    if payment.of_its_own in {REVERSING, REVERSED}:
        follows.crossed.add(payment.payment)
        follows.notes.append(
            f"{where}: {dollars(payment.amount_cents)} of {payment.employer}/{payment.employee_id} came back while it "
            "is taken back by a reversal: the reversal has to come back too, or the money is the employee's"
        )
        return CROSSED
    if payment.of_its_own == NOT_REVERSED:
        owed = History(recoveries.stream(_recovery_of(payment)))
        follows.add(owed.stream, owed.version, "RecoveryCancelled", {"cancelled_because": RETURNED})
        return VOIDED
    return RETURNED


def _recovery_of(payment: Sent) -> UUID:
    """The recovery that was opened for a payment which could not be taken back."""
    facts = History(f"payment-{payment.payment}").facts
    because = recoveries.REVERSAL_RETURNED if "ReversalReturned" in facts else recoveries.VOID
    return recoveries.key(because, payment.payment)


def _not_reversed(follows: Follows, payment: Sent, facts: dict[str, Any]) -> None:
    """The employee's bank did not give the money back: it is owed back, once, from later pay.

    Unless what was paid came back as well: then nobody has any of it.
    """
    history = History(f"payment-{payment.payment}")
    if payment.of_its_own == CROSSED or payment.payment in follows.crossed:
        follows.add(history.stream, history.version, "ReversalReturned", facts | {"state": VOIDED})
        return
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
        about |= {"prenote": True} if payment.prenote else {}
        about |= {"routing_account": known_as[payment.payment]}
        return stream, len(recorded.get(stream, ())), about

    return of


def _of_return(follows: Follows, record: Return, sent: matching.AllSent) -> Sent | None:
    """The payment that came back, which no other record of the file has taken; None with a finding.

    raises   Refused when its order is not known to be with the bank
    """
    like = sent.like(record.original)
    open_ones = [each for each in like if each.can_come_back and (each.order, each.payment) not in sent.taken]
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
    sent.taken.add((newest.order, newest.payment))
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
    elif newest.tax:
        follows.findings.append(
            f"line {record.line}: the notice {record.code} is of the account that federal tax is deposited to: correct "
            "PAYROLL_TAX_ROUTING and PAYROLL_TAX_ACCOUNT"
        )
        return None
    return newest
