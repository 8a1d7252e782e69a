"""A reversal that is about to be sent, and what came back by itself in the meantime: that is not taken back again.

    reversal ─▶ withdrawn, and another one of the payments that are still out

Whose payment came back got nothing, and may have an account that a debit would reach. After the reversal is sent it is
too late for that, and the bank's own rules give the debit back (returned.py).
"""

from typing import Any, NamedTuple

from events.store import NewEvent
from payroll import keys
from payroll.history import History
from payroll.manifest import Pinned
from payroll.payments import building
from payroll.payments.orders import CROSSED, REVERSAL, VOIDED, WITHDRAWN, NewOrder, Order


class Withdrawal(NamedTuple):
    """What takes the place of a reversal: the events, and the order that carries the rest, where there is any."""

    events: list[NewEvent]
    again: NewOrder | None


def withdrawn(order: Order) -> Withdrawal | None:
    """A reversal without the payments that came back since it was made; None when it can be sent as it is.

    raises   NeedsReview when no file can be made of the rest
    """
    if order.created["kind"] != REVERSAL:
        return None
    own = {key: History(f"payment-{key}") for key, *_ in order.created["reverses"]}
    back = {key for key, history in own.items() if history.events[-1].data["state"] == CROSSED}
    if not back:
        return None
    events = [
        order.next("OrderWithdrawn", WITHDRAWN, {"withdrawn_because": f"{len(back)} payments came back"})
    ]
    events += [_voided(own[key], order) for key in sorted(back)]
    rest = [each for each in order.created["reverses"] if each[0] not in back]
    if not rest:
        return Withdrawal(events, None)
    opened = History(keys.employerrun_stream(order.created["employer_run"])).facts["EmployerRunOpened"]
    built = building.build_reversal_again(Pinned.of(opened), order.created, rest)
    events.append(built.order.event())
    for payment, *_, trace in built.order.reverses:
        ordered = own[payment].facts["PaymentReversalOrdered"]
        ordered |= {"reversal_order": str(built.order.key), "reversal_trace": trace}
        events.append(own[payment].next("PaymentReversalOrdered", ordered))
    return Withdrawal(events, built.order)


def _voided(history: History, order: Order) -> NewEvent:
    """Nothing of this payment is out any more, and nothing of it will be."""
    facts: dict[str, Any] = {"payment": history.facts["PaymentReturned"]["payment"], "state": VOIDED}
    return history.next("PaymentVoided", facts | {"not_reversed_by": str(order.key)})
