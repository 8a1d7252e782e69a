"""A payday by the sandbox bank: its orders, the bank's own books, and turns of the workers one at a time."""

from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from events import projection, runner, work
from events.models import Work, WorkState
from events.store import Recorded
from payroll import keys
from payroll.payments import bank, gateways, orders
from payroll.payments.orders import Order
from tests.saga import paydays

TURNS_MAX = 200


def order(employer_id: str = "ACME", number: int = 0, period: Any = (paydays.START, paydays.END)) -> Order:
    """An employer's order as it stands; the first one is 0."""
    return Order(orders.stream(keys.order_key(paydays.employer_run(employer_id, period), number)))


def events(of: Order) -> list[tuple[str, str]]:
    """The events of an order, each with the state that it leaves it in; empty for one that changes none."""
    return [(event.type, event.data.get("state", "")) for event in of.history.events]


def last(of: Order) -> Recorded:
    return of.history.events[-1]


def order_work() -> Work:
    """The only order's work."""
    return Work.objects.get(saga="order")


def booked() -> dict[str, list[int]]:
    """Cents by employee id in the bank's own books; more than one amount is more than one credit."""
    found: dict[str, list[int]] = {}
    for credit in bank.books(gateways.bank_dir()):
        found.setdefault(credit.individual_id.strip().lower(), []).append(credit.amount_cents)
    return found


def files_booked() -> int:
    return len({credit.key for credit in bank.books(gateways.bank_dir())})


def turns(count: int = 5) -> None:
    """So many times, whatever waits until later is due now and is worked on, though it comes to wait again."""
    for _ in range(count):
        Work.objects.filter(state=WorkState.READY).update(available_at=Now())
        runner.run_due()
        projection.catch_up()


def until_state(state: str) -> None:
    """One claim after the other until the only order is in this state."""
    for _ in range(TURNS_MAX):
        if order().state == state:
            return
        held = work.claim(runner.worker_name(), queues=None, lease_s=settings.EVENTS_LEASE_S)
        assert held is not None, f"nothing is due, and the order is {order().state or 'not there'}"
        runner.run(held)
    raise AssertionError(f"the order is {order().state} and never became {state}")
