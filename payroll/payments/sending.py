"""The life of a payment order: reserve what it may move, commit that it is being sent, send it, be sure.

    order   reserve ─▶ begin-sending ─▶ move-money ─▶ confirm

`begin-sending` commits before the call, and names the one claim that may send without asking first. Whoever
comes after it, because a worker was lost or an answer was, does not know what the bank has: the order is unknown, and
`confirm` asks by key, once the bank's look-ups can be trusted, before the same bytes go out again under the same key.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from events import database, saga
from events.failures import NeedsReview, TryAgain
from events.models import DeadLetter, DeadLetterState
from events.saga import Outcome, Retry, Saga, Undo, task
from events.work import Claimed, NewWork
from payroll import ask_tasks, keys, objects
from payroll.history import History
from payroll.models import Decision, Reservation
from payroll.payments import gateways, orders, reversals, same_day
from payroll.payments.caps import Caps, earlier_totals, reserve, unusual
from payroll.payments.gateway import GatewayRejected, OutcomeUnknown, PaymentGateway, Receipt
from payroll.payments.halt import refuse_while_halted
from payroll.payments.orders import (
    ACCEPTED,
    NET_PAY,
    REJECTED,
    RESERVED,
    SENDING,
    SETTLED,
    TAX_DEPOSIT,
    UNKNOWN,
    WITHDRAWN,
    NewOrder,
    Order,
)

PATIENT = Retry(attempts_max=5, base_s=2, cap_s=300)
LOST = "the claim that was to send this did not finish, and nobody knows how far it came"
ALLOWED = "allowed"  # a decision: over a cap, or far from the mean, and sent all the same
ABSENT = "absent"  # a decision: the bank does not have it
LATE = "late"  # a decision: sent after its day's last window, to settle when the bank next does

REVERSED = Undo(
    "what the bank has is taken back by reversing entries; after that it is owed back, from later pay",
    until="five banking days after it settles",
    keeps="what the employee's bank does not give back is owed back too",
)


@task(
    "reserve",
    queue="push-payment",
    undo=Undo("the order is withdrawn, its reservation given up", until="it is being sent"),
)
def reserve_order(work: Claimed) -> Outcome:
    """Hold the order against the caps.

    raises   NeedsReview when it is over one, or far from what this employer's runs were, and nobody has allowed it
    """
    order = Order(work.subject)
    if order.state == WITHDRAWN:
        return Outcome()
    created = order.created
    caps = Caps.configured()
    if Decision.objects.filter(subject=work.subject, decision=ALLOWED).exists():
        caps = Caps(None, None, None, None)
    if created["kind"] == NET_PAY:
        total_cents = work.payload["payments_cents"]
        if why := unusual(
            total_cents, earlier_totals(created["employer"], UUID(created["employer_run"])), caps.factor
        ):
            raise NeedsReview(f"nothing is sent before a second look: {why}. If it is right: payments allow")
    held = Reservation(
        order=order.key,
        kind=created["kind"],
        run=UUID(created["run"]),
        employer_run=UUID(created["employer_run"]),
        employer=created["employer"],
        effective=date.fromisoformat(created["effective"]),
        amount_cents=created["credits_cents"],
    )
    return Outcome(
        events=[order.next("OrderReserved", RESERVED, {"reserved_cents": created["credits_cents"]})],
        within=lambda: reserve(held, caps),
    )


@task(
    "begin-sending",
    queue="push-payment",
    undo=Undo("", keeps="from here on the bank may have it: it is undone once that is known"),
)
def begin_sending(work: Claimed) -> Outcome:
    """Put on record that the order is being sent, and by which claim of its work; of a reversal, what is still out."""
    order = Order(work.subject)
    if order.state == WITHDRAWN:
        return Outcome()
    refuse_while_halted()
    if instead := reversals.withdrawn(order):
        return Outcome(
            events=instead.events,
            fork=[new_work(instead.again, parent=work.id, payments_cents=0)] if instead.again else (),
            within=lambda: release([order.key]),
        )
    _refuse_closed(order)
    return Outcome(events=[order.next("OrderSending", SENDING, {"sending_epoch": work.epoch + 1})])


@task(ask_tasks.MOVE_MONEY, queue="push-payment", undo=REVERSED, retry=PATIENT, asks=ask_tasks.MOVES_MONEY)
def move_money(work: Claimed) -> Outcome:
    """Hand the file to the bank, once; what is not certain afterwards is for `confirm`."""
    order = Order(work.subject)
    if order.state in {
        ACCEPTED,
        SETTLED,
        REJECTED,
        WITHDRAWN,
    }:  # the bank's report was first, or it is undone
        return Outcome()
    # Before anything is unknown: only this step can ask it again.
    ask_tasks.refuse_another_mover(order.created)
    if work.epoch != order.facts["OrderSending"]["sending_epoch"]:
        return _unknown(order, LOST)
    refuse_while_halted()
    gateway = gateways.named(order.created["gateway"])
    try:
        if receipt := gateway.find(order.key):  # a restored database may not know what the bank knows
            return _accepted(order, receipt)
        _refuse_closed(order)
        return _sent(order, gateway)
    except OutcomeUnknown as unknown:
        return _unknown(order, str(unknown))
    except GatewayRejected as rejected:
        return Outcome(events=[order.next("OrderRejected", REJECTED, {"rejected": str(rejected)})])


@task("confirm", queue="push-payment", undo=REVERSED, retry=PATIENT)
def confirm(work: Claimed) -> Outcome:
    """Be sure that the bank has the order; while that is not known, ask by key.

    raises   TryAgain while it is unknown; NeedsReview when the bank refused, or only people can find out
    """
    order = Order(work.subject)
    if order.state in {ACCEPTED, SETTLED, WITHDRAWN}:
        return Outcome()
    if order.state == REJECTED:
        _refuse_unless_redriven(work, order)
    ask_tasks.refuse_another_mover(order.created)
    gateway = gateways.named(order.created["gateway"])
    try:
        _await_lookup(order, gateway)
        if receipt := gateway.find(order.key):
            return _accepted(order, receipt)
        _refuse_forgotten_key(order, gateway)
        refuse_while_halted()
        _refuse_closed(order)
        return _sent(order, gateway)
    except OutcomeUnknown as unknown:
        raise TryAgain(
            f"the bank's answer is unknown, it is asked by key before anything else: {unknown}",
            after_s=gateway.lookup_lag_s or None,  # the lag begins anew: it may have been sent again
        ) from unknown
    except GatewayRejected as rejected:
        raise NeedsReview(f"the bank refused the file: {rejected}") from rejected


SAGA = Saga("order", (reserve_order, begin_sending, move_money, confirm))


def work_id(order_key: UUID) -> UUID:
    """The id of the work that carries an order."""
    return keys.key("work", "order", order_key)


def new_work(order: NewOrder, *, parent: UUID | None, payments_cents: int) -> NewWork:
    """The work that carries an order to the bank.

    parent           the employer's run that waits for it; None when nobody does
    payments_cents   of the whole employer's run, which may have more orders than this
    """
    return saga.new_work(
        SAGA.name,
        id=work_id(order.key),
        subject=orders.stream(order.key),
        run_key=order.run,
        group_key=order.employer,
        parent=parent,
        payload={"payments_cents": payments_cents},
    )


def release(withdrawn: Iterable[UUID]) -> None:
    """What withdrawn orders had reserved is free again; within the caller's transaction."""
    Reservation.objects.filter(order__in=list(withdrawn)).delete()


def _refuse_closed(order: Order) -> None:
    """A same-day file that comes after the last window settles on a later day, which nobody has chosen."""
    if "settles_at" not in order.created:
        return
    if Decision.objects.filter(subject=order.history.stream, decision=LATE).exists():
        return
    if why := same_day.closed(date.fromisoformat(order.created["effective"]), same_day.eastern()):
        undo = "undo the employer's part (payrun undo), or " if order.state == RESERVED else ""
        raise NeedsReview(
            f"{why}, before this file was sent: {undo}let it settle when the bank next does (payments late)"
        )


def _sent(order: Order, gateway: PaymentGateway) -> Outcome:
    content = objects.get_verified(order.created["object"], order.created["sha256"])
    return _accepted(order, gateway.send(order.to_send(content)))


def _accepted(order: Order, receipt: Receipt) -> Outcome:
    if other := order.differs(receipt):
        raise NeedsReview(other)
    return Outcome(events=[orders.accepted(order, receipt)])


def _unknown(order: Order, why: str) -> Outcome:
    return Outcome(events=[order.next("OrderUnknown", UNKNOWN, {"unknown": why})])


def _await_lookup(order: Order, gateway: PaymentGateway) -> None:
    """A look-up that comes too early may say that the bank has nothing when it has."""
    since = order.at("OrderUnknown") or order.at("OrderSending")
    assert since is not None
    left_s = gateway.lookup_lag_s - (database.now() - since).total_seconds()
    if left_s > 0:
        raise TryAgain(
            f"the bank is asked by key once its look-ups can be trusted, in {left_s:.0f} s", after_s=left_s
        )


def _refuse_forgotten_key(order: Order, gateway: PaymentGateway) -> None:
    """A bank that forgets keys would take the same file twice: after that only people can say what it has."""
    if Decision.objects.filter(subject=order.history.stream, decision=ABSENT).exists():
        return
    sent = order.at("OrderSending")
    assert sent is not None
    if (database.now() - sent).total_seconds() > gateway.key_valid_s:
        raise NeedsReview(
            "the bank does not find this order, and after so long it may have forgotten the key: look at its "
            "statement, then two people decide: payments resolve"
        )


def _refuse_unless_redriven(work: Claimed, order: Order) -> None:
    """A refused file was booked by nobody, so a person may have it tried again, as it is."""
    again = DeadLetter.objects.filter(work=work.id, step=work.step, state=DeadLetterState.REDRIVEN).count()
    of = History(keys.employerrun_stream(order.created["employer_run"]))
    if order.created["kind"] == TAX_DEPOSIT and "EmployerRunUndone" in of.facts:
        raise NeedsReview(
            "the bank refused the file, and the run whose tax it deposits is undone: dismiss this"
        )
    if again < order.count("OrderRejected"):
        raise NeedsReview(f"the bank refused the file: {order.facts['OrderRejected']['rejected']}")
