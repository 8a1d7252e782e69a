"""The plainest doorbell: nobody rings, and workers look. It alone is enough to finish."""

import signal
import threading
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from events import runner

PROCESSES_PER_WORKER = True
HAS_BEAT = False


def ring(ids: Sequence[UUID], *, again: bool = False) -> None:
    """Nothing to do: workers look by themselves."""


def serve(workers: int, queues: Sequence[str] | None) -> None:
    """Work through what is due, look again every EVENTS_POLL_S seconds, stop at SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        if runner.run_due(queues=queues, stopping=stop.is_set) == 0:
            stop.wait(settings.EVENTS_POLL_S)
