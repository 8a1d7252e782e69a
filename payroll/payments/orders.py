"""A payment order: one file to the bank, and what has become of it.

    created ─▶ reserved ─▶ sending ─┬▶ accepted ─▶ settled       created, reserved ─▶ withdrawn
                                    ├▶ rejected
                                    └▶ unknown ─▶ accepted, or sent again under the same key

A payment is carried by one order and has its state, until something of its own comes back. The order's key is the
bank's idempotency key and its stream's name: it is for ever, and so are the bytes whose hash `OrderCreated` records.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from events.store import NewEvent
from payroll.calc.money import dollars
from payroll.history import History
from payroll.payments.gateway import PaymentOrder, Receipt

CREATED, RESERVED, SENDING = "created", "reserved", "sending"
ACCEPTED, REJECTED, UNKNOWN = "accepted", "rejected", "unknown"
SETTLED, RETURNED, REVERSED = "settled", "returned", "reversed"
WITHDRAWN = "withdrawn"  # an order that was undone before it was sent
# Of a payment that is undone: a reversal is on its way; none took it back, so it is owed back; no money has to move; it
# came back by itself, and its reversal is still to come back too.
REVERSING, NOT_REVERSED, VOIDED, CROSSED = "reversing", "not reversed", "voided", "crossed"

STATES = (
    *(CREATED, RESERVED, SENDING, UNKNOWN, REJECTED, ACCEPTED, SETTLED, WITHDRAWN),
    *(RETURNED, REVERSING, REVERSED, NOT_REVERSED, CROSSED, VOIDED),
)

# Kinds of orders: what a run pays, what came back and is paid again, what was held back and is paid later, reversals,
# federal tax of a run.
NET_PAY, REPAY, HELD_PAY, REVERSAL = "net-pay", "repay", "held-pay", "reversal"
TAX_DEPOSIT = "tax-deposit"

NO_ORDER = {"check": "by check", "held": "held"}  # where a payment stands that no order carries, by method

PREFIX = "order-"


class NewOrder(NamedTuple):
    """An order as it is created; the bytes lie under `object` already.

    effective   the day on which the bank is to move the money
    moved_by    the downstream system that sends it; empty when we do
    remitted    what of the credits goes to others than people, in cents by kind of garnishment
    taxes       of a tax deposit: cents by tax, as the ledger calls it
    reverses    of a reversal: payment, employee id, paycheck, cents and trace of each entry
    settles_at  of one that settles on the day it is made: when, Eastern time, as 13:00
    """

    key: UUID
    kind: str
    run: str
    employer_run: str
    employer: str
    pay_date: str
    effective: str
    object: str
    sha256: str
    entries: int
    credits_cents: int
    debits_cents: int
    gateway: str
    moved_by: str = ""
    remitted: Mapping[str, int] = {}
    taxes: Mapping[str, int] = {}
    reverses: tuple[tuple[str, str, str, int, str], ...] = ()
    settles_at: str = ""

    def event(self) -> NewEvent:
        """The first event of its stream."""
        facts = self._asdict()
        for name in ("remitted", "taxes", "reverses", "settles_at"):
            if not facts[name]:
                del facts[name]
        facts = {"order": str(facts.pop("key")), **facts, "state": CREATED}
        return NewEvent(stream(self.key), 1, "OrderCreated", facts)


class Order:
    """An order, from its stream."""

    def __init__(self, of: str) -> None:
        self.history = History(of)
        self.created: dict[str, Any] = self.history.facts.get("OrderCreated", {})

    @property
    def exists(self) -> bool:
        """Whether there is such an order."""
        return bool(self.created)

    @property
    def key(self) -> UUID:
        """Its key, for the bank too."""
        return UUID(self.created["order"])

    @property
    def state(self) -> str:
        """Where it stands: each event that changes it says so."""
        return next(
            (event.data["state"] for event in reversed(self.history.events) if "state" in event.data), ""
        )

    def next(self, type: str, state: str, facts: dict[str, Any] | None = None) -> NewEvent:
        """The event that leaves the order in this state, as it would be appended now."""
        return self.history.next(type, {**(facts or {}), "state": state})

    @property
    def is_prenotes(self) -> bool:
        """Whether it only asks for accounts: its file moves no money either way."""
        return self.total_cents == 0

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """What its events say, by type; of several of one type the last."""
        return self.history.facts

    def at(self, type: str) -> datetime | None:
        """When an event of this type was recorded first."""
        return next((event.recorded_at for event in self.history.events if event.type == type), None)

    def count(self, type: str) -> int:
        """How many events of a type it has."""
        return sum(event.type == type for event in self.history.events)

    @property
    def total_cents(self) -> int:
        """Everything that its file moves, either way; a bank counts both."""
        return int(self.created["credits_cents"]) + int(self.created["debits_cents"])

    def to_send(self, content: bytes) -> PaymentOrder:
        """What the gateway is given; `content` is what lies under the order's object."""
        return PaymentOrder(
            key=self.key,
            storage_key=self.created["object"].replace("files/", "outbox/", 1),
            sha256=self.created["sha256"],
            content=content,
            entries=self.created["entries"],
            total_cents=self.total_cents,
        )

    def differs(self, receipt: Receipt) -> str:
        """How what the bank holds differs from what was sent; empty when it is the same."""
        entries, cents = self.created["entries"], self.total_cents
        if (receipt.entries, receipt.total_cents) != (entries, cents):
            return (
                f"the bank booked {receipt.entries} entries of {dollars(receipt.total_cents)}, "
                f"we sent {entries} of {dollars(cents)}: call the bank before anything else"
            )
        if receipt.sha256 != self.created["sha256"]:
            return "the bank booked another file than was sent: call the bank before anything else"
        return ""


def stream(key: UUID | str) -> str:
    return f"{PREFIX}{key}"


def accepted(order: Order, receipt: Receipt) -> NewEvent:
    """The bank holds the file, and exactly what was sent."""
    facts = {"bank_reference": receipt.reference, "accepted_entries": receipt.entries}
    return order.next("OrderAccepted", ACCEPTED, facts | {"accepted_cents": order.created["credits_cents"]})
