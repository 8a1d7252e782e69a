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
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
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
LEASE_S = 60.0
BATCH = 50  # deliveries of one subscriber, claimed at once
REST_S = 5.0  # before a subscriber that failed is told anything else
ATTEMPTS_MAX = 12  # some two hours
BASE_S, CAP_S = 5.0, 3600.0
STRANGER_S = 3600.0  # longer than old and new processes run beside each other while subscribers change
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

# Without a fence: it was taken, however late that is known.
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

# The last attempt may have ended with its process, before it could say how it went. And whoever is configured no
# longer is sent nothing: a person sees what was not told, and whether a new subscriber has to be told instead.
GIVE_UP = """
update events_delivery
   set given_up_at = clock_timestamp(),
       error = case when attempts >= %(attempts_max)s then 'the last attempt did not report back'
                    else 'no such subscriber is configured' end
 where sent_at is null and given_up_at is null and due_at <= clock_timestamp()
   and (attempts >= %(attempts_max)s
        or due_at <= clock_timestamp() - %(stranger_s)s * interval '1 second'
           and subscriber <> all(%(configured)s))
returning subscriber, error
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
    """Somebody who is told. `name` stays the same from one start of the program to the next, and is stored, logged
    and shown: no person's address, no secret."""

    @property
    def name(self) -> str: ...

    def takes(self, topic: str) -> bool:
        """Whether it wants to be told of this."""
        ...

    def send(self, publication: Publication) -> None:
        """Tell it; returns when it has been taken. Raises Undelivered. Should end by itself within
        seconds: while it does not, this process tells it nothing else."""
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
    """How an attempt went; error None means that it was taken."""

    held: Held
    subscriber: str
    error: str | None


class Sender(threading.Thread):
    """Tells one subscriber what was claimed for it, up to the first failure.

    A thread cannot be stopped, but it can be left with nothing: what stands in `left` is not tried yet, and whoever
    takes it out first has it.
    """

    def __init__(self, subscriber: Subscriber, batch: Iterable[tuple[Held, Publication]]) -> None:
        super().__init__(daemon=True, name=subscriber.name)
        self.subscriber = subscriber
        self.left = deque(batch)
        self.failed = False

    def run(self) -> None:
        try:
            while self.left and not self.failed:
                self._send(*self.left.popleft())
        except IndexError:
            pass  # the rest was taken back between the look and the grasp
        finally:
            _reports.put(self)

    def _send(self, held: Held, publication: Publication) -> None:
        error = None
        try:
            self.subscriber.send(publication)
        except Undelivered as refused:
            error = str(refused)
        except Exception as wrong:  # its text may quote what was sent, or a secret address
            error = f"it could not be sent: {type(wrong).__name__}"
        self.failed = error is not None
        _reports.put(Report(held, self.name, error))


# Of this process. What a sender has to say waits here for the next relay, however late it is; its last word is
# itself. One relay at a time, so that a subscriber has one sender.
_reports: queue.SimpleQueue[Report | Sender] = queue.SimpleQueue()
_senders: dict[str, Sender] = {}
_relaying = threading.Lock()

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

    until     of time.monotonic: what a sender has not begun by then is handed back; None means BUDGET_S from now
    returns   how many deliveries were taken, late ones of earlier relays too
    """
    until = time.monotonic() + BUDGET_S if until is None else until
    if not _relaying.acquire(blocking=False):
        return 0
    try:
        subscribers = [each for outlet in OUTLETS for each in outlet.subscribers()]
        taken = _collect()
        _give_up([each.name for each in subscribers])
        begun = set()
        for subscriber in subscribers:
            if subscriber.name not in _senders and (batch := _claim(subscriber.name)):
                sender = Sender(subscriber, batch)
                sender.start()
                _senders[sender.name] = sender
                begun.add(sender.name)
        taken += _collect(begun, until)
        for sender in _senders.values():
            _hand_back(sender)
        return taken
    finally:
        _relaying.release()


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


def _claim(subscriber: str) -> list[tuple[Held, Publication]]:
    """What is due to a subscriber, in the order in which it happened."""
    wanted: dict[str, Any] = {
        "subscriber": subscriber,
        "lease_s": LEASE_S,
        "attempts_max": ATTEMPTS_MAX,
        "limit": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, wanted)
        batch = [Held(*row) for row in cursor.fetchall()]
    named = Publication.objects.in_bulk([held.publication for held in batch])
    told = [(held, named[held.publication]) for held in batch]
    return sorted(told, key=lambda each: each[1].recorded_at)


def _collect(begun: AbstractSet[str] = frozenset(), until: float = 0.0) -> int:
    """Write down how attempts went, as long as these senders are at it; returns how many deliveries were taken."""
    taken = 0
    while True:
        wait_s = until - time.monotonic() if begun & _senders.keys() else 0.0
        try:
            came = _reports.get(timeout=max(wait_s, 0.0))
        except queue.Empty:
            return taken
        if isinstance(came, Sender):
            _senders.pop(came.name)
            _hand_back(came)
        else:
            _record(came)
            taken += came.error is None


def _hand_back(sender: Sender) -> None:
    """Take from a sender what it has not tried: that was no attempt."""
    untried = []
    while sender.left:
        with suppress(IndexError):  # the sender was faster
            untried.append(sender.left.popleft()[0])
    if not untried:
        return
    delay_s = REST_S if sender.failed else 0.0
    rows: list[dict[str, Any]] = [
        {"id": held.id, "attempts": held.attempts, "delay_s": delay_s} for held in untried
    ]
    with connection.cursor() as cursor:
        cursor.executemany(HANDED_BACK, rows)


def _record(report: Report) -> None:
    """Write down how an attempt went, in a statement of its own: what was sent stays sent."""
    held = report.held
    if report.error is None:
        with connection.cursor() as cursor:
            cursor.execute(SENT, [held.id])
        return
    row: dict[str, Any] = {"id": held.id, "attempts": held.attempts, "attempts_max": ATTEMPTS_MAX}
    row |= {"error": redact(report.error)[:ERROR_MAX], "delay_s": _delay_s(held.attempts)}
    with connection.cursor() as cursor:
        cursor.execute(FAILED, row)
        gone = cursor.fetchone()
    log.log(
        logging.ERROR if gone and gone[0] else logging.WARNING,
        "%s was not told of publication %s, attempt %d%s: %s",
        report.subscriber,
        held.publication,
        held.attempts,
        ", and it is given up" if gone and gone[0] else "",
        row["error"],
    )


def _give_up(configured: list[str]) -> None:
    """Give up what nobody will report on, and what nobody is there to take."""
    given: dict[str, Any] = {"attempts_max": ATTEMPTS_MAX, "stranger_s": STRANGER_S, "configured": configured}
    with connection.cursor() as cursor:
        cursor.execute(GIVE_UP, given)
        for (subscriber, error), count in Counter(cursor.fetchall()).items():
            log.error("%s: %d deliveries are given up: %s", subscriber, count, error)


def _delay_s(attempts: int) -> float:
    """Doubling, with jitter downwards so that subscribers' failures do not march in step."""
    return min(BASE_S * 2.0 ** (attempts - 1), CAP_S) * random.uniform(0.5, 1)  # noqa: S311 - jitter
