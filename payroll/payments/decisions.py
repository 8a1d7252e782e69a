"""What two people decide about an order: to allow it over a cap, or what has become of it when no look-up can tell.

The first proposes, with evidence; the second, somebody else, confirms. Both are on the order's stream, and in one row
whose constraint the database keeps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from events import dead_letters, store
from events.dead_letters import REASON_MAX, redact
from events.models import DeadLetter, DeadLetterState
from events.store import WrongExpectedVersion
from payroll import keys
from payroll.models import Decision, PayOrder
from payroll.payments import orders
from payroll.payments.orders import ACCEPTED, RESERVED, SENDING, UNKNOWN, Order
from payroll.payments.same_day import Files
from payroll.payments.sending import ABSENT, ALLOWED, LATE, work_id
from payroll.refusal import Refused

PERMISSION = "payroll.decide_payorder"
ACCEPTED_BY_BANK = "accepted"  # a decision: the bank has it
OPEN = {
    ALLOWED: {orders.CREATED},
    LATE: {RESERVED, SENDING, UNKNOWN},
    ACCEPTED_BY_BANK: {SENDING, UNKNOWN},
    ABSENT: {SENDING, UNKNOWN},
}


def decide(order_key: UUID, decision: str, *, by: str, evidence: str) -> bool:
    """Propose what is to be recorded of an order, or confirm what somebody else has proposed.

    decision   allowed, late, accepted or absent
    evidence   what it rests on, in words; required
    returns    True when this was the second person and it is recorded; False while a second one is needed
    raises     Refused
    """
    check_person(by)
    if not evidence.strip():
        raise Refused("a decision about money needs its evidence: what was looked at, and who said so")
    order = Order(orders.stream(order_key))
    if not order.exists:
        raise Refused(f"there is no payment order {order_key}: payments list shows them")
    if order.state not in OPEN[decision]:
        raise Refused(f"this order is {order.state}: there is nothing to decide about it")
    if decision == LATE and "settles_at" not in order.created:
        raise Refused("this order was not made to settle the same day: it is never too late for it")
    proposed = order.facts.get("OrderDecisionProposed", {})
    facts = {"by": by, "evidence": redact(evidence)[:REASON_MAX]}
    lost = "somebody else decided about this order at the same moment: look again"
    with by_two(lost), transaction.atomic(durable=True):
        if proposed.get("decision") != decision or proposed["by"] == by:
            if proposed.get("decision") == decision:
                raise Refused(f"{by} has proposed this already; somebody else has to confirm it")
            store.append([order.history.next("OrderDecisionProposed", {"decision": decision, **facts})])
            return False
        _record(order, decision, proposed["by"], by, facts["evidence"])
    go_on(order_key, by=by, reason=f"{decision}: {facts['evidence']}")
    return True


def let_go_late(streams: Sequence[str]) -> set[str]:
    """Those of these orders that two people let go out although it is too late for their day."""
    found = Decision.objects.filter(subject__in=streams, decision=LATE)
    return set(found.values_list("subject", flat=True))


def sent_late(run: UUID | str) -> dict[str, Files]:
    """The files of a same-day run by employer's run: how many two people let go out too late, of how many."""
    found = PayOrder.objects.filter(run=run, kind=orders.NET_PAY, facts__has_key="settles_at")
    made = [row for row in found if row.state != orders.WITHDRAWN]
    late = let_go_late([row.stream for row in made])
    counts: dict[str, Files] = {}
    for row in made:
        before = counts.get(str(row.employer_run), Files())
        counts[str(row.employer_run)] = Files(before.late + (row.stream in late), before.all + 1)
    return counts


def _record(order: Order, decision: str, maker: str, checker: str, evidence: str) -> None:
    """The decision as a row and as an event; the caller owns the transaction."""
    Decision.objects.create(
        id=keys.key("decision", order.history.stream, order.history.version),
        subject=order.history.stream,
        decision=decision,
        maker=maker,
        checker=checker,
    )
    state = ACCEPTED if decision == ACCEPTED_BY_BANK else order.state
    facts = {
        "resolved_as": decision,
        "resolved_by": maker,
        "confirmed_by": checker,
        "confirmed_evidence": evidence,
    }
    if decision == ACCEPTED_BY_BANK:
        facts |= {
            "accepted_entries": order.created["entries"],
            "accepted_cents": order.created["credits_cents"],
        }
    store.append([order.next("OrderResolved", state, facts)])


def go_on(order_key: UUID, *, by: str, reason: str) -> None:
    """Redrive what waited for the decision; when it does not wait as a dead letter, it comes by itself."""
    for letter in DeadLetter.objects.filter(work=work_id(order_key), state=DeadLetterState.OPEN):
        try:
            dead_letters.redrive(letter.id, by=by, reason=reason)
        except dead_letters.NotOpen:
            pass  # somebody redrove it at this moment: it goes on all the same


@contextmanager
def by_two(lost: str) -> Iterator[None]:
    """Around the transaction that records a decision of two people: what the database refuses, in words.

    lost     what to say when something else was recorded first
    raises   Refused, also when the two are one
    """
    try:
        yield
    except WrongExpectedVersion as lost_race:
        raise Refused(lost) from lost_race
    except IntegrityError as same:
        raise Refused("two people have to decide, and this is one") from same


def check_person(by: str, permission: str = PERMISSION, to: str = "decide about payment orders") -> None:
    """Raises Refused when there is no such active user, or they do not hold the permission."""
    if not active(by).has_perm(permission):
        raise Refused(f"{by} does not hold the permission to {to}")


def active(by: str) -> User:
    """The user of this name. Raises Refused when there is none who is active."""
    user = User.objects.filter(username=by, is_active=True).first()
    if user is None:
        raise Refused(f"there is no active user {by!r}")
    return user
