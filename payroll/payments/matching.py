"""Which of our payments an entry is that the bank speaks of: by company, trace, day, amount and person.

Traces begin again in every file, so a trace alone says nothing: the company and the day must be those of the batch, and
the amount and the person those of the entry. Of several that fit all the same, the newest order comes first.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from events import store
from payroll import keys, objects
from payroll.models import EmployerRun, Payment, PayOrder
from payroll.payments import ach_reader, orders, pay_accounts, remittances
from payroll.payments.came_back import Original
from payroll.payments.instructions import ACH, DEPOSIT, PRENOTE, individual_id, known_as
from payroll.payments.orders import CROSSED, NOT_REVERSED, REVERSAL, REVERSED, REVERSING
from payroll.payments.remittances import REMIT


class Sent(NamedTuple):
    """A payment as it was sent.

    version     how many events its own stream has; of_its_own is the state they leave it in, empty without any
    prenote     whether it is the entry of no money that asked for its account; the payment then went by check
    object      the order's file, with the sha256 on record
    remits      the kind of order that it remits money for; empty for a payment to the person
    tax         the tax that it deposits; empty for all other payments
    paycheck    the stream of the one that it pays, or remits for
    reversal    whether it is the entry that takes the payment back, with its own order and trace
    """

    payment: UUID
    employer_run: UUID
    employer: str
    employee_id: str
    part: int
    order: UUID
    order_state: str
    trace: str
    amount_cents: int
    company_id: str
    effective: str
    version: int
    of_its_own: str
    object: str
    sha256: str
    remits: str = ""
    tax: str = ""
    reversal: bool = False
    paycheck: str = ""
    prenote: bool = False

    @property
    def to_others(self) -> bool:
        """Whether it is no net pay: it goes to an agency, and no account of a person is to be held for it."""
        return bool(self.remits or self.tax)

    @property
    def individual_id(self) -> str:
        """How the file and the bank call it."""
        if self.to_others:
            return remittances.individual_id(self.payment)
        return individual_id(self.employee_id, self.payment, self.part)

    @property
    def can_come_back(self) -> bool:
        """Whether the bank may still give it back: a payment once, and the reversal of one once, in either order."""
        own = {REVERSING, REVERSED, CROSSED if self.reversal else NOT_REVERSED}
        return self.of_its_own in (own if self.reversal else {"", *own})

    @property
    def facts(self) -> dict[str, Any]:
        """What an event about it says of it."""
        names = ("payment", "employer_run", "employer", "employee_id", "order", "trace", "amount_cents")
        about = {
            name: str(value) if isinstance(value := getattr(self, name), UUID) else value for name in names
        }
        about |= {"tax": self.tax} if self.tax else {}
        return about | ({"remits": self.remits} if self.remits else {})


@dataclass(slots=True)
class AllSent:
    """Payments by trace, newest order first; `taken` are those that a record of the file has claimed, by order."""

    by_trace: dict[str, list[Sent]]
    taken: set[tuple[UUID, UUID]]

    def of_order(self, order: UUID, payment: UUID) -> Sent | None:
        """A payment of an order that went out as a list, where each is traced by its own key."""
        listed = self.by_trace.get(str(payment), [])
        return next((each for each in listed if (each.order, each.payment) == (order, payment)), None)

    def like(self, original: Original, *, any_amount: bool = False) -> list[Sent]:
        """Those that the entry may be. What the bank left blank is not compared."""
        return [
            each
            for each in self.by_trace.get(original.trace, [])
            if original.direction == ("debit" if each.reversal else "credit")
            and each.company_id == original.company_id
            and (any_amount or each.amount_cents == original.amount_cents)
            and (original.effective is None or each.effective == original.effective.isoformat())
            and original.individual_id.upper() in {"", each.individual_id}
        ]


def sent_as(traces: Iterable[str]) -> AllSent:
    """Every payment by bank, and prenotification, that has one of these traces.

    A query each for payments, orders, runs and their events.
    """
    wanted = set(traces)
    sent_by = Payment.objects.filter(method__in=(ACH, REMIT, DEPOSIT), trace__in=wanted)
    rows = [(row, row.order, row.trace) for row in (*sent_by, *pay_accounts.asked_as(wanted))]
    for row in taken_back_as(wanted):
        rows.append((row, UUID(row.facts["reversal_order"]), row.facts["reversal_trace"]))
    carried = {row.order: row for row in PayOrder.objects.filter(order__in={order for _, order, _ in rows})}
    runs = EmployerRun.objects.filter(employer_run__in={row.employer_run for row, *_ in rows})
    company = {run.employer_run: "1" + run.facts["ein"].replace("-", "") for run in runs}
    own = store.read_each(f"payment-{row.payment}" for row, *_ in rows)
    states = store.read_each(orders.stream(key) for key in carried if key)
    found: dict[str, list[tuple[Any, Sent]]] = {}
    for row, by, trace in rows:
        order = carried.get(by)
        if order is None:
            continue
        asks = row.method == PRENOTE
        events = [] if asks else own.get(f"payment-{row.payment}", [])
        state = next(
            (event.data["state"] for event in reversed(states[order.stream]) if "state" in event.data), ""
        )
        sent = Sent(
            payment=row.payment,
            employer_run=row.employer_run,
            employer=row.employer,
            employee_id=row.employee_id,
            part=row.part,
            order=order.order,
            order_state=state,
            trace=trace,
            amount_cents=row.amount_cents,
            company_id=company.get(row.employer_run, ""),
            effective=order.effective,
            version=len(events),
            of_its_own=row.state_of_its_own
            if asks
            else next((event.data["state"] for event in reversed(events)), ""),
            object=order.object,
            sha256=order.facts["sha256"],
            remits=row.facts["remits"] if row.method == REMIT else "",
            tax=row.facts["tax"] if row.method == DEPOSIT else "",
            reversal=order.kind == REVERSAL,
            paycheck=row.paycheck,
            prenote=asks,
        )
        found.setdefault(trace, []).append(((order.effective, order.first_at), sent))
    newest_first = {
        trace: [sent for _, sent in sorted(several, key=lambda one: one[0], reverse=True)]
        for trace, several in found.items()
    }
    return AllSent(newest_first, set())


def taken_back_as(traces: Iterable[str]) -> QuerySet[Payment]:
    """Payments whose reversal has one of these traces, found by the partial index that only reversals are in."""
    reversals = Payment.objects.filter(facts__has_key="reversal_trace")
    return reversals.alias(reversal_trace=KT("facts__reversal_trace")).filter(reversal_trace__in=traces)


def accounts_of(sent: Iterable[Sent]) -> dict[UUID, str]:
    """The accounts that payments went to, as keyed hashes by payment, from the files that were sent."""
    read = cache(accounts_in)
    return {
        each.payment: known_as(each.employer, each.employee_id, *read(each.object, each.sha256)[each.trace])
        for each in sent
    }


def change_id(sha256: str, line: int) -> UUID:
    """The id of a change that a notice asks for: the file and the line it stands in."""
    return keys.key("account-change", sha256, line)


def accounts_in(name: str, sha256: str) -> dict[str, tuple[str, str]]:
    """Routing and account number by trace, from the file or the list that was sent."""
    content = objects.get_verified(name, sha256)
    if content.startswith(b"{"):
        listed = json.loads(content)["payments"]
        return {each["payment"]: (each["routing"], each["account"]) for each in listed}
    read = ach_reader.read(content)
    return {entry.trace: (entry.routing, entry.account) for entry in read.entries}
