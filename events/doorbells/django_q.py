"""The embedded doorbell: django-q2 with its ORM broker, in the same database.

django-q2 carries a work id to a process and nothing more. Attempts, leases, retries and failures are
ours (see DECISIONS.md): its own queue loses tasks when a worker is killed at a bad moment, and repeats
for ever a task that kills its worker.
"""

import gc
import signal
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from events import runner
from events.orphans import forks_die_with_us, tell_to_stop, told_to_stop

PROCESSES_PER_WORKER = False
HAS_BEAT = False

# One answer works through everything that is due, so a burst of new work needs no more rings than workers.
RINGS_MAX = 4

_queues: Sequence[str] | None = None  # that this cluster serves, for its forks to inherit


def ring(ids: Sequence[UUID], *, again: bool = False) -> None:
    """Put a task into django-q2's queue for each id, up to RINGS_MAX."""
    from django_q.tasks import async_task

    with transaction.atomic():
        for work_id in ids[:RINGS_MAX]:
            async_task("events.doorbells.django_q.answer", str(work_id))


def answer(work_id: str) -> None:
    """What a django-q2 worker runs: look at the table, work through what is due.

    work_id   which work rang; only for the trace, because the table decides what is due
    """
    runner.run_due(queues=_queues, stopping=told_to_stop)


def serve(workers: int, queues: Sequence[str] | None) -> None:
    """Run a cluster in the foreground until SIGTERM; when any of its parents dies, all of it does."""
    global _queues  # noqa: PLW0603 - a fork hands the workers nothing else
    _queues = queues
    from django_q.cluster import Cluster
    from django_q.conf import Conf

    Conf.WORKERS = workers
    # A killed sentinel otherwise leaves its children alive as orphans that go on taking tasks.
    forks_die_with_us()
    gc.freeze()  # what is loaded by now is never garbage: no collection of a child has to walk through it
    cluster: Any = Cluster()

    def stop(*_: object) -> None:
        # django-q2 waits for its workers, and one that answers goes on as long as something is due: tell it first.
        tell_to_stop()
        if cluster.sentinel is None:
            sys.exit(0)
        cluster.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cluster.start()
    cluster.sentinel.join()
