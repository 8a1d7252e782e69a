"""The settings without which Celery loses rings, repeats them or takes what it should not, as a Django system check."""

import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import Error

MUST_BE = {
    "task_acks_late": (True, "a worker that dies would take its message with it"),
    "task_reject_on_worker_lost": (True, "a child that is killed would take its message with it"),
    "task_acks_on_failure": (
        False,
        "a ring that failed would be deleted and the dead-letter queue stay empty",
    ),
    "task_acks_on_timeout": (False, "a ring that took too long would be deleted"),
    "worker_prefetch_multiplier": (1, "messages would wait behind a busy worker while others are idle"),
    "task_serializer": ("json", "messages are JSON"),
    "accept_content": (["json"], "a worker that takes pickles runs whatever code is in them"),
    "task_ignore_result": (True, "nobody reads results; the log is the record"),
    "result_backend": (None, "nobody reads results; the log is the record"),
    "worker_enable_remote_control": (False, "whoever reaches the broker could command the workers"),
    "worker_send_task_events": (False, "messages would tell more than an id"),
    "task_create_missing_queues": (False, "a misspelt queue would be created and nobody listen"),
}
# Celery lets these win over what it is configured with, so that rings would go elsewhere.
MUST_NOT_BE_SET = (
    "CELERY_BROKER_URL",
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "CELERY_RESULT_BACKEND",
)
STOP_TIMEOUT_S = 120  # the most that ECS waits between SIGTERM and SIGKILL


def check(**_: Any) -> list[Error]:
    """Whether Celery, as it is configured in this process, is what the rest of the program counts on."""
    if settings.EVENTS_DOORBELL != "celery":
        return []
    from billiard.common import REMAP_SIGTERM

    from events import queues
    from events.doorbells import celery

    conf = {**celery.CONFIG, **settings.EVENTS_CELERY}
    return [
        *findings(conf, queues.RING_VISIBILITY_S, celery.STEP_TIMEOUT_S, REMAP_SIGTERM),
        *(
            _error(6, f"{name} is set in the environment, and Celery would follow it: use PAYROLL_BROKER_URL")
            for name in MUST_NOT_BE_SET
            if name in os.environ
        ),
    ]


def findings(
    conf: dict[str, Any], visibility_s: float, step_timeout_s: float, remapped: str
) -> Iterator[Error]:
    """What is wrong with these settings.

    conf            Celery's, by name
    visibility_s    how long the broker hides a message that was delivered, in seconds
    step_timeout_s  the longest that a step may take, in seconds
    remapped        what SIGTERM means to a worker
    """
    for name, (wanted, otherwise) in MUST_BE.items():
        if name not in conf or conf[name] != wanted:
            yield _error(1, f"{name} is {conf.get(name, 'not set')!r} and has to be {wanted!r}: {otherwise}")
    limit_s = conf.get("task_time_limit") or 0
    if not step_timeout_s < limit_s:
        yield _error(2, f"task_time_limit is {limit_s} s: a step may take {step_timeout_s} s")
    if visibility_s < 2 * limit_s:
        yield _error(
            3, f"messages are hidden for {visibility_s} s, less than twice task_time_limit ({limit_s} s)"
        )
    soft_s = conf.get("worker_soft_shutdown_timeout") or 0
    if not 0 < soft_s < STOP_TIMEOUT_S:
        yield _error(4, f"worker_soft_shutdown_timeout is {soft_s} s: above 0 and below {STOP_TIMEOUT_S} s")
    if remapped != "SIGQUIT":
        yield _error(5, "REMAP_SIGTERM is not SIGQUIT: a worker would be told to stop and not stop softly")


def _error(number: int, message: str) -> Error:
    return Error(message, id=f"events.E{number:03d}")
