"""What the world outside is told: the log is the outbox.

A follower with a checkpoint of its own reads the log and writes, in one transaction, what each event says to the
world and one delivery for each subscriber. So no code path can forget to publish, and no crash loses anything
between a commit and its publication. A relay then sends what is due: at least once, under an id that is made of
what the publication is and by which subscribers know it again.

The migration that made these tables put the checkpoint at the end of the log as it was: history is not told.
"""

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models.functions import Now

from events import checkpoints, store
from events.dead_letters import redact
from events.models import Delivery, Publication
from events.store import Recorded

log = logging.getLogger(__name__)

NAME = "publications"  # of the checkpoint
PUBLICATIONS = UUID("8e1d8c0e-4b0a-5c55-9a53-0f7a1d1f6b02")
CHUNK = 50_000  # events followed in one transaction
BUDGET_S = 2.0  # of one tick
GRACE_S = 5.0  # for what is being sent when the budget is used up; then its lease decides
LEASE_S = 60.0
BATCH = 50  # deliveries of one subscriber, claimed at once
REST_S = 5.0  # before a subscriber that failed is told anything else
ATTEMPTS_MAX = 12  # some two hours
BASE_S, CAP_S = 5.0, 3600.0
ERROR_MAX = 500

CLAIM = """
update events_delivery
   set attempts = attempts + 1, due_at = clock_timestamp() + %(lease_s)s * interval '1 second'
 where id in (select id from events_delivery
               where subscriber = %(subscriber)s and sent_at is null and given_up_at is null
                 and due_at <= clock_timestamp() and attempts < %(attempts_max)s
               order by due_at, id limit %(limit)s
                 for update skip locked)
returning id, publication_id, attempts
"""

SENT = """
update events_delivery set sent_at = clock_timestamp(), given_up_at = null, error = ''
 where id = %s and sent_at is null
"""

# `attempts` fences: whoever lost the lease does not push back what somebody else is sending.
FAILED = """
update events_delivery
   set due_at = clock_timestamp() + %(delay_s)s * interval '1 second', error = %(error)s,
       given_up_at = case when attempts >= %(attempts_max)s then clock_timestamp() end
 where id = %(id)s and attempts = %(attempts)s and sent_at is null
returning given_up_at is not null
"""

HANDED_BACK = """
update events_delivery
   set attempts = attempts - 1, due_at = clock_timestamp() + %(delay_s)s * interval '1 second'
 where id = %(id)s and attempts = %(attempts)s and sent_at is null
"""

# The last attempt may have ended with its process, before it could say how it went.
LOST = """
update events_delivery
   set given_up_at = clock_timestamp(), error = 'the last attempt did not report back'
 where sent_at is null and given_up_at is null and due_at <= clock_timestamp() and attempts >= %s
returning id, subscriber
"""


class Notice(NamedTuple):
    """What one event says to the world. No personal data: it leaves the house.

    attributes   what subscribers filter on
    body         ids, counts and sums
    """

    event: Recorded
    topic: str
    attributes: Mapping[str, str]
    body: Mapping[str, Any]


class Undelivered(Exception):
    """The subscriber did not take it; it is sent again. The message is stored and shown: no secrets, no data."""


class Subscriber(Protocol):
    """Somebody who is told. `name` stays the same from one start of the program to the next."""

    @property
    def name(self) -> str: ...

    def takes(self, topic: str) -> bool:
        """Whether it wants to be told of this."""
        ...

    def send(self, publication: Publication) -> None:
        """Tell it; returns when it has been taken. Raises Undelivered. Must end by itself within seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """What is published, and to whom.

    types         of events
    tell          what such events say to the world; any number of notices for each
    subscribers   those configured now
    """

    types: frozenset[str]
    tell: Callable[[Sequence[Recorded]], Iterable[Notice]]
    subscribers: Callable[[], Sequence[Subscriber]]


class Held(NamedTuple):
    """A delivery that is claimed."""

    id: UUID
    publication: UUID
    attempts: int


class Report(NamedTuple):
    """How a claimed delivery went; error None means it was taken, and one that was not tried is handed back."""

    held: Held
    subscriber: str
    error: str | None
    tried: bool = True


OUTLETS: list[Outlet] = []


def register(outlet: Outlet) -> None:
    """Add something that publishes."""
    OUTLETS.append(outlet)


def publish() -> None:
    """Follow the log and send what is due, for a few seconds at most; a tick, for any number of processes at once."""
    until = time.monotonic() + BUDGET_S
    while follow() and time.monotonic() < until:
        pass
    relay(until)


def publication_id(event: Recorded, topic: str) -> UUID:
    """The same id whenever and wherever the same event is told of under the same topic."""
    return uuid5(PUBLICATIONS, f"{event.stream}|{event.version}|{topic}")


def follow() -> bool:
    """Write the publications of the next range of the log; False when there is none, or somebody else follows."""
    with transaction.atomic(durable=True):
        at = checkpoints.lock(NAME)
        upto = checkpoints.upto(at, CHUNK) if at is not None else None
        if at is None or upto is None:
            return False
        for outlet in OUTLETS:
            _write(outlet, outlet.tell(store.read_range(at, upto, outlet.types)))
        checkpoints.move(NAME, upto)
    return True


def relay(until: float | None = None) -> int:
    """Send what is due; each subscriber in a thread of its own, so that one that hangs holds up nobody else.

    until     of time.monotonic: nothing new is begun after it; None means BUDGET_S from now
    returns   how many deliveries were taken
    """
    until = time.monotonic() + BUDGET_S if until is None else until
    subscribers = [each for outlet in OUTLETS for each in outlet.subscribers()]
    _give_up_lost()
    reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
    claimed = 0
    for subscriber in subscribers:
        if batch := _claim(subscriber.name):
            claimed += len(batch)
            named = Publication.objects.in_bulk([held.publication for held in batch])
            told = [(held, named[held.publication]) for held in batch]
            told.sort(key=lambda each: each[1].recorded_at)
            given = (subscriber, told, until, reports.put)
            threading.Thread(target=_send, args=given, daemon=True, name=subscriber.name).start()
    taken = 0
    for _ in range(claimed):
        try:
            report = reports.get(timeout=max(until + GRACE_S - time.monotonic(), 0.001))
        except queue.Empty:
            log.warning("a subscriber hangs; what was being sent to it is sent again when its lease ends")
            break
        _record(report)
        taken += report.tried and report.error is None
    return taken


def send_again(deliveries: Iterable[UUID]) -> int:
    """Let deliveries that were given up be tried anew; returns how many there were."""
    given_up = Delivery.objects.filter(id__in=list(deliveries), given_up_at__isnull=False)
    return given_up.update(given_up_at=None, attempts=0, due_at=Now())


def _write(outlet: Outlet, notices: Iterable[Notice]) -> None:
    """Publications and their deliveries; those that are there already stay as they are."""
    publications, deliveries = [], []
    subscribers = outlet.subscribers()
    for event, topic, attributes, body in notices:
        key = publication_id(event, topic)
        told = Publication(id=key, topic=topic, subject=event.stream, recorded_at=event.recorded_at)
        told.attributes, told.body = dict(attributes), dict(body)
        publications.append(told)
        deliveries += [
            Delivery(
                id=uuid5(key, subscriber.name),
                publication=told,
                subscriber=subscriber.name,
                due_at=event.recorded_at,  # at once, and more or less in the order in which it happened
            )
            for subscriber in subscribers
            if subscriber.takes(topic)
        ]
    Publication.objects.bulk_create(publications, batch_size=1000, ignore_conflicts=True)
    Delivery.objects.bulk_create(deliveries, batch_size=1000, ignore_conflicts=True)


def _claim(subscriber: str) -> list[Held]:
    wanted: dict[str, Any] = {
        "subscriber": subscriber,
        "lease_s": LEASE_S,
        "attempts_max": ATTEMPTS_MAX,
        "limit": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, wanted)
        return [Held(*row) for row in cursor.fetchall()]


def _send(
    subscriber: Subscriber,
    batch: Sequence[tuple[Held, Publication]],
    until: float,
    report: Callable[[Report], None],
) -> None:
    """Send one subscriber's batch; after a failure, or when time is up, the rest is handed back untried."""
    going = True
    for held, publication in batch:
        if not going or time.monotonic() >= until:
            report(Report(held, subscriber.name, None if going else "", tried=False))
            continue
        try:
            subscriber.send(publication)
        except Undelivered as refused:
            report(Report(held, subscriber.name, str(refused)))
        except Exception as error:  # its text may quote what was sent, or a secret address
            report(Report(held, subscriber.name, f"it could not be sent: {type(error).__name__}"))
        else:
            report(Report(held, subscriber.name, None))
            continue
        going = False


def _record(report: Report) -> None:
    """Write down how a delivery went, in a statement of its own: what was sent stays sent."""
    held, error = report.held, redact(report.error or "")[:ERROR_MAX]
    row: dict[str, Any] = {
        "id": held.id,
        "attempts": held.attempts,
        "attempts_max": ATTEMPTS_MAX,
        "error": error,
    }
    with connection.cursor() as cursor:
        if not report.tried:
            cursor.execute(HANDED_BACK, row | {"delay_s": 0.0 if report.error is None else REST_S})
        elif report.error is None:
            cursor.execute(SENT, [held.id])
        else:
            cursor.execute(FAILED, row | {"delay_s": _delay_s(held.attempts)})
            gone = cursor.fetchone()
            log.log(
                logging.ERROR if gone and gone[0] else logging.WARNING,
                "%s was not told of publication %s, attempt %d%s: %s",
                report.subscriber,
                held.publication,
                held.attempts,
                ", and it is given up" if gone and gone[0] else "",
                error,
            )


def _give_up_lost() -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOST, [ATTEMPTS_MAX])
        for delivery, subscriber in cursor.fetchall():
            log.error(
                "%s: delivery %s is given up, its last attempt did not report back", subscriber, delivery
            )


def _delay_s(attempts: int) -> float:
    """Doubling, with jitter downwards so that subscribers' failures do not march in step."""
    return min(BASE_S * 2.0 ** (attempts - 1), CAP_S) * random.uniform(0.5, 1)  # noqa: S311 - jitter
