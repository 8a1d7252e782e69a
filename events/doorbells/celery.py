"""Workers on other machines: Celery, on SQS or on Redis.

A message is a ring: it carries the id of a piece of work and nothing else, and answering it means working through
what is due in the queues that the worker serves. A batch is handed over where its next step is on another queue, also
when the same worker serves both: so each queue can be scaled by itself.

What Celery and the broker promise is not relied on: attempts, leases, retries and failures are ours. Its settings
are still those under which a message is lost as seldom as can be, and `checks.py` holds them to it.
"""

import gc
import re
import signal
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from celery import Celery, Task, signals
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from kombu import Queue

from events import aws, queues, runner, saga, ticks
from events.doorbells import sqs
from events.models import Work, WorkState
from events.orphans import forks_die_with_us, tell_to_stop, told_to_stop

PROCESSES_PER_WORKER = True
HAS_BEAT = True

CONTROL = "control"  # the queue that beat's ticks go to
RING, TICK = "events.ring", "events.tick"

STEP_TIMEOUT_S = 300  # the longest that a step may take (events.saga)
ANSWER_S = 20.0  # an answer begins nothing new after this long
TIME_LIMIT_S = STEP_TIMEOUT_S + 30
CONNECT_S, READ_S = 3, 5  # of Redis; those of SQS are in sqs.py
SOFT_SHUTDOWN_S = 15  # Celery waits for all of it; a step is done sooner, and what is not is taken over

_serves: list[str] = []  # the queues of this worker

CONFIG = {
    # A message is gone when its work is done, and not before; one that fails goes back, and in the end to the DLQ.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "worker_prefetch_multiplier": 1,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "task_time_limit": TIME_LIMIT_S,
    "worker_soft_shutdown_timeout": SOFT_SHUTDOWN_S,
    # JSON and nothing else, both ways.
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    # Nobody asks a worker for results or sends it commands.
    "task_ignore_result": True,
    "result_backend": None,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "task_create_missing_queues": False,
    "task_publish_retry": False,  # the sweeper rings again
    "broker_connection_retry_on_startup": True,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "timezone": "UTC",
}


class Unscheduled(Task):  # type: ignore[misc]
    """A task that is never sent for later: on SQS such a message is executed several times."""

    def apply_async(self, *args: Any, countdown: Any = None, eta: Any = None, **options: Any) -> Any:
        """Send it now. Raises ValueError when asked to send it for later."""
        if countdown is not None or eta is not None:
            raise ValueError(
                "no countdown and no eta: work for later waits in the table, and a tick rings for it"
            )
        return super().apply_async(*args, **options)


@cache
def app() -> Celery:
    """The Celery application of this process, connected to PAYROLL_BROKER_URL.

    raises   queues.QueueMissing when a queue is not there yet
    """
    made = Celery("events", task_cls=Unscheduled, set_as_current=False)
    made.conf.update({**CONFIG, **settings.EVENTS_CELERY})
    made.conf.update(_broker())
    made.conf.task_queues = [Queue(name) for name in saga.queues()]
    made.conf.beat_schedule = {
        name: {
            "task": TICK,
            "schedule": ticks.every_s(name),
            "args": [name],
            # One that waited until the next was sent is not worth running.
            "options": {"queue": CONTROL, "expires": max(ticks.every_s(name), 10.0)},
        }
        for name in settings.EVENTS_TICKS
    }
    made.task(name=RING)(answer)
    made.task(name=TICK)(ticks.run)
    return made


def _broker() -> dict[str, Any]:
    """How the broker is reached, in Celery's words. No call to it may block whoever rings: the sweeper rings again."""
    if not queues.rings_on_sqs():
        options: dict[str, Any] = {
            "visibility_timeout": queues.RING_VISIBILITY_S,
            "global_keyprefix": f"{settings.EVENTS_QUEUE_PREFIX}:",
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": READ_S,
        }
        return {"broker_url": settings.EVENTS_BROKER_URL, "broker_transport_options": options}
    endpoint = urlsplit(aws.endpoint("sqs"))
    return {
        "broker_url": f"sqs://{endpoint.netloc}",
        "broker_transport": "events.doorbells.sqs:Transport",
        "broker_transport_options": {
            "region": settings.AWS_REGION,
            "is_secure": endpoint.scheme != "http",
            "predefined_queues": {name: {"url": queues.url(queues.name(name))} for name in saga.queues()},
            "wait_time_seconds": sqs.LONG_POLL_S,
            "polling_interval": 0.05,  # while a worker is full, kombu looks this often whether it still is
        },
    }


# Ringing


def ring(ids: Sequence[UUID], *, again: bool = False) -> None:
    """Send one message for each piece of this work that is ready, to its queue, under its group.

    again   queues in which rings are waiting are left alone, so that rings for one backlog do not pile up
    """
    ready = Work.objects.filter(id__in=ids, state=WorkState.READY, available_at__lte=Now())
    waiting: dict[str, int] = {}
    with app().producer_or_acquire() as producer:
        for work_id, queue, group_key in ready.values_list("id", "queue", "group_key"):
            if again and queue not in waiting:
                waiting[queue] = _depth(producer.channel, queue)
            if not waiting.get(queue):
                app().send_task(
                    RING,
                    [str(work_id)],
                    queue=queue,
                    producer=producer,
                    MessageGroupId=message_group(
                        group_key
                    ),  # fair queues: nobody's burst holds up the others
                )


def message_group(group_key: str) -> str:
    """A group's name as SQS takes it: 1 to 128 letters, digits and punctuation."""
    return re.sub(r"[^\x21-\x7e]", "_", group_key)[:128] or "-"


def depths() -> dict[str, int]:
    """How many messages wait in each queue."""
    with app().producer_or_acquire() as producer:
        return {queue: _depth(producer.channel, queue) for queue in saga.queues()}


def _depth(channel: Any, queue: str) -> int:
    """How many messages wait in a queue, as far as the broker knows."""
    return int(channel.queue_declare(queue).message_count)


# Answering


def answer(work_id: str) -> None:
    """What a worker runs for a ring: look at the table, work through what is due in the queues it serves.

    work_id   which work rang; only for the trace, because the table decides what is due
    """
    runner.run_due(queues=_serves, hop=True, budget_s=ANSWER_S, stopping=told_to_stop)


def serve(workers: int, queues: Sequence[str] | None) -> None:
    """Run one Celery worker with so many children in the foreground until SIGTERM."""
    global _serves  # noqa: PLW0603 - a fork hands the children nothing else
    _serves = list(queues or saga.queues())
    _look_first()
    if told_to_stop():
        return
    forks_die_with_us()
    gc.freeze()  # what is loaded by now is never garbage: no collection of a child has to walk through it
    signals.worker_shutting_down.connect(tell_to_stop, weak=False)
    worker = app().Worker(
        queues=_serves,
        concurrency=workers,
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()


def _look_first() -> None:
    """Work through what is due, for a while, before listening.

    So a broker that has gone deaf delays work and does not stop it: the supervisor replaces workers that take nothing.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell_to_stop)
    runner.run_due(queues=_serves, hop=True, budget_s=ANSWER_S, stopping=told_to_stop)
    connection.close()  # not to be shared with the children


def beat() -> None:
    """Send every tick to the control queue when it is due, in the foreground until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # In memory: every tick decides from the tables, so there is nothing to remember.
    app().Beat(scheduler_cls="celery.beat:Scheduler", loglevel="WARNING", quiet=True).run()
