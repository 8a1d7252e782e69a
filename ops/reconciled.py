"""The daily reconciliation, on record: whether the three books agreed, each day once, and again when somebody asks.

    reconcile-<day>   BooksAgreed or BooksDiffered

That they differ is told to subscribers (reconcile.differs), by `manage.py health`, and on the first page of the admin.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models import Sum

from events import database, store
from events.models import Event
from events.store import NewEvent, WrongExpectedVersion
from ops.reconcile import Reconciled, reconcile
from payroll.models import PayOrder

log = logging.getLogger(__name__)

PREFIX = "reconcile-"
AGREED, DIFFERED = "BooksAgreed", "BooksDiffered"
BY_SCHEDULE = "schedule"
FINDINGS_MAX = 100  # kept in the event


def daily() -> None:
    """The tick: reconcile once a day, in UTC; on a day that has been reconciled, by whomever, it does nothing."""
    if store.version(_stream()):
        return
    try:
        told = record(by=BY_SCHEDULE)
    except WrongExpectedVersion:
        return  # another process was first
    if told.type == DIFFERED:
        log.error("the books do not agree: %s things differ, see manage.py reconcile", told.data["found"])


def record(*, by: str) -> NewEvent:
    """Reconcile everything now, and put on record what came of it.

    by       who asked
    raises   WrongExpectedVersion when somebody else did at the same moment
    """
    stream = _stream()
    version = store.version(stream) + 1
    found = settled_difference()
    apart = [line for line in found.lines if not line.agrees]
    facts: dict[str, Any] = {"reconciled_by": by, "orders": len(found.lines), "differing": len(apart)}
    facts |= {"payments": PayOrder.objects.aggregate(sum=Sum("entries"))["sum"] or 0}
    # What each book says of the orders that differ; a bank's that we cannot look into says nothing.
    facts |= {"payments_cents": sum(line.payments_cents for line in apart)}
    facts |= {"ledger_cents": sum(line.ledger_cents for line in apart)}
    facts |= {"bank_cents": sum(line.bank_cents or 0 for line in apart)}
    facts |= {"found": len(found.findings), "findings": found.findings[:FINDINGS_MAX]}
    event = NewEvent(stream, version, DIFFERED if found.findings else AGREED, facts)
    with transaction.atomic(durable=True):
        store.append([event])
    return event


def settled_difference() -> Reconciled:
    """What differs at two looks: money that moved between the reading of one book and of the next is no difference."""
    found = reconcile()
    if not found.findings:
        return found
    again = reconcile()
    before = set(found.findings)
    return Reconciled(again.lines, [finding for finding in again.findings if finding in before])


def latest() -> Event | None:
    """What the last reconciliation came to."""
    # The names of the streams are days: the index on (stream, version) holds the last one at its end.
    return (
        Event.objects.filter(stream__gte=PREFIX, stream__lt=f"{PREFIX[:-1]}.")
        .order_by("-stream", "-version")
        .first()
    )


def _stream() -> str:
    return f"{PREFIX}{database.now().date()}"
