"""Payments and the orders that carry them: list and show; stop all sending, and let it go on.

Whoever is paid is named by an id. No account number, and nothing of one, is in any answer.
"""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from events import projection, store
from ops.api.gate import caller, operation
from ops.api.keys import Scope
from ops.api.problems import NOT_FOUND, Problem
from ops.api.runs import RunPages, exists
from ops.api.shapes import Asked, Cents, Day, EmployerId, Id, Instant, ListOf, Page, Reason, Told
from payroll.models import Payment, PayOrder
from payroll.payments import halt, orders
from payroll.projections import PAYCHECKS, RUNS

router = Router(tags=["payments"])
READ, HALT, RESUME = Scope.PAYMENTS_READ, Scope.PAYMENTS_HALT, Scope.PAYMENTS_RESUME
OF_ORDER = (
    *("order", "kind", "run", "employer_run", "employer", "pay_date", "effective", "state"),
    *("entries", "credits_cents", "debits_cents", "gateway", "settled_on"),
)
OF_PAYMENT = (
    *("payment", "run", "employer_run", "employer", "employee_id", "pay_date", "part", "method"),
    *("amount_cents", "order", "trace"),
)
STATES = "created, reserved, sending, unknown, rejected, accepted or settled"


class OrderTold(Told):
    """One file to the bank."""

    order: Id = Field(description="Its key, at the bank too.")
    kind: str = Field(description="net-pay, repay, held-pay, reversal or tax-deposit")
    run: Id
    employer_run: Id
    employer: str
    pay_date: Day
    effective: Day = Field(description="When the bank is to move the money.")
    settles_at: str = Field(description="Of a same-day file, Eastern time, as 13:00; empty of others.")
    state: str = Field(description=STATES)
    entries: int
    credits_cents: Cents
    debits_cents: Cents
    gateway: str
    sha256: str = Field(description="Of the file.")
    bank_reference: str
    settled_on: Day | None


class Orders(ListOf):
    orders: list[OrderTold]


class Happened(Told):
    """An event, without what it says: GET /events has that."""

    type: str
    at: Instant


class OrderShown(OrderTold):
    events: list[Happened]


class PaymentTold(Told):
    """One amount to one destination; it has the state of its order, until something of its own comes back."""

    payment: Id
    run: Id
    employer_run: Id
    employer: str
    employee_id: str = Field(description="Empty for a deposit of tax.")
    pay_date: Day
    part: int = Field(description="The place of its destination in the person's order, from 1.")
    method: str = Field(description="ach, check, held, remit or deposit")
    state: str = Field(description=f"{STATES}; returned or reversed; by check; held")
    amount_cents: Cents
    order: Id | None = Field(description="null for a check, and for what is held.")
    trace: str
    return_code: str = Field(description="Why it came back; empty when it did not.")
    paid_again_by: Id | None = Field(description="The payment that pays it again.")


class Payments(ListOf):
    payments: list[PaymentTold]


class PaymentPages(BaseModel):
    employer: EmployerId | None = None
    limit: Page = 100
    cursor: Id | None = None


class Switch(Told):
    """Whether payments go out; by and reason are whose halt holds now."""

    halted: bool
    by: str
    reason: str
    since: Instant | None


class Why(Asked):
    reason: Reason


@operation(router, "GET", "/runs/{run}/orders", READ, {200: Orders}, 404)
def list_orders(request: HttpRequest, run: Id, page: Query[RunPages]) -> Orders:
    """The payment orders of a run, by their keys."""
    exists(run)
    projection.catch_up(RUNS)
    found = PayOrder.objects.filter(run=run).order_by("order")
    if page.cursor:
        found = found.filter(order__gt=page.cursor)
    rows = [OrderTold(**_order(row)) for row in found[: page.limit + 1]]
    more = len(rows) > page.limit
    return Orders(orders=rows[: page.limit], next=str(rows[page.limit - 1].order) if more else None)


@operation(router, "GET", "/orders/{order}", READ, {200: OrderShown}, 404)
def show_order(request: HttpRequest, order: Id) -> OrderShown:
    """A payment order, and what has happened to it."""
    projection.catch_up(RUNS)
    row = PayOrder.objects.filter(stream=orders.stream(order)).first()
    if row is None:
        raise Problem(NOT_FOUND, "there is no such payment order")
    happened = [Happened(type=event.type, at=event.recorded_at) for event in store.read(row.stream)]
    return OrderShown(**_order(row), events=happened)


@operation(router, "GET", "/runs/{run}/payments", READ, {200: Payments}, 404)
def list_payments(request: HttpRequest, run: Id, page: Query[PaymentPages]) -> Payments:
    """The payments of a run, by their keys."""
    exists(run)
    projection.catch_up(RUNS, PAYCHECKS)
    found = _payments().filter(run=run)
    found = found.filter(employer=page.employer) if page.employer else found
    found = found.filter(payment__gt=page.cursor) if page.cursor else found
    rows = [_payment(row) for row in found.order_by("payment")[: page.limit + 1]]
    more = len(rows) > page.limit
    return Payments(payments=rows[: page.limit], next=str(rows[page.limit - 1].payment) if more else None)


@operation(router, "GET", "/payments/{payment}", READ, {200: PaymentTold}, 404)
def show_payment(request: HttpRequest, payment: Id) -> PaymentTold:
    """One payment."""
    projection.catch_up(RUNS, PAYCHECKS)
    row = _payments().filter(payment=payment).first()
    if row is None:
        raise Problem(NOT_FOUND, "there is no such payment")
    return _payment(row)


@operation(router, "GET", "/payment-switch", READ, {200: Switch})
def show_switch(request: HttpRequest) -> Switch:
    """Whether payments go out, or who has stopped them."""
    return _switch()


@operation(router, "POST", "/payment-switch/halt", HALT, {200: Switch}, once=True)
def halt_payments(request: HttpRequest, body: Why) -> Switch:
    """Stop all sending to any bank, within seconds. Refused when it is stopped already."""
    halt.halt(by=caller(request).actor, reason=body.reason)
    return _switch()


@operation(router, "POST", "/payment-switch/resume", RESUME, {200: Switch}, once=True)
def resume_payments(request: HttpRequest, body: Why) -> Switch:
    """Let payments go out again. Refused when they do."""
    halt.resume(by=caller(request).actor, reason=body.reason)
    return _switch()


def _switch() -> Switch:
    stopped = halt.halted()
    if stopped is None:
        return Switch(halted=False, by="", reason="", since=None)
    by, reason = stopped.data["halted_by"], stopped.data["reason"]
    return Switch(halted=True, by=by, reason=reason, since=stopped.recorded_at)


def _order(row: PayOrder) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in OF_ORDER}
    told |= {"sha256": row.facts["sha256"], "bank_reference": row.bank_reference or ""}
    return told | {"settles_at": row.facts.get("settles_at", "")}


def _payments() -> QuerySet[Payment]:
    """Payments, each with the state of its order."""
    state = PayOrder.objects.filter(order=OuterRef("order")).values("facts__state")[:1]
    return Payment.objects.annotate(carried=Subquery(state))


def _payment(row: Any) -> PaymentTold:
    told = {name: getattr(row, name) for name in OF_PAYMENT}
    state = row.state_of_its_own or row.carried or orders.NO_ORDER.get(row.method, orders.CREATED)
    return PaymentTold(
        **told,
        state=state,
        return_code=row.facts.get("return_code", ""),
        paid_again_by=row.facts.get("reissue_key"),
    )
