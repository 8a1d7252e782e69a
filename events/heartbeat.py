"""Keeps the lease of long work alive from a thread of its own, with a connection of its own."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from events import work
from events.database import DATABASE_LOST
from events.saga import REGISTRY
from events.work import Claimed

log = logging.getLogger(__name__)


@contextmanager
def heartbeat(held: Claimed) -> Iterator[None]:
    """Extend the lease of `held` every third of it while the block runs, up to the step's timeout.

    Most work is done long before the first beat, and then no connection is opened.
    A step that hangs longer than its timeout loses its lease, and another worker takes over.
    """
    over = threading.Event()
    timer = threading.Timer(settings.EVENTS_LEASE_S / 3, _beat, [held, over])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        over.set()
        timer.cancel()


def _beat(held: Claimed, over: threading.Event) -> None:
    until = time.monotonic() + _timeout_s(held)
    try:
        while not over.is_set() and time.monotonic() < until:
            try:
                if not work.heartbeat(held, lease_s=settings.EVENTS_LEASE_S):
                    return  # finished in the meantime, or fenced: the epoch guard speaks when it applies
            except DATABASE_LOST as error:
                log.warning("no heartbeat for %s: %s", held.subject, type(error).__name__)
                connection.close()  # the next beat connects again
            over.wait(settings.EVENTS_LEASE_S / 3)
    finally:
        connection.close()


def _timeout_s(held: Claimed) -> float:
    return max(
        (step.timeout_s for step in REGISTRY[held.saga].steps if step.name == held.step), default=300.0
    )
