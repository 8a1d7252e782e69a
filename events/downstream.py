"""Which steps are given to a downstream system, and when it may be asked.

    EVENTS_DOWNSTREAM         {"tax-calc": "https://tax.example/tasks", "retirement-calc": "sqs:retirement"}
    EVENTS_DOWNSTREAM_LIMITS  {"tax-calc": {"at_a_time": 2000, "per_s": 500, "deadline_s": 900, "heartbeat_s": 60}}

A downstream that keeps failing is left alone for a while (a circuit breaker), and what would be asked of it is snoozed:
that spends no attempts, and nothing is lost.
"""

import random
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from events.failures import TryAgain
from events.saga import REGISTRY, can_be_given

DEADLINE_S = 900.0
FAILURES_MAX = 5  # sends in a row that failed, before the breaker opens
OPEN_S, OPEN_MAX_S = 5.0, 300.0  # how long it is open: doubled with each further failure
PROBE_S = 60.0  # what the one request gets that may try whether the downstream is back
FULL_S, FULL_DOUBLINGS = 1.0, 3  # how soon to look again for room


@dataclass(frozen=True, slots=True)
class Downstream:
    """A system that does one step for us.

    url          http://, https:// or sqs:<queue>
    at_a_time    tasks it may have open at most; None for any number
    per_s        tasks it may be asked a second on average; None for any number
    deadline_s   seconds until a task must be answered
    heartbeat_s  seconds in which it must be heard of while it is at it
    """

    step: str
    url: str
    at_a_time: int | None = None
    per_s: float | None = None
    deadline_s: float = DEADLINE_S
    heartbeat_s: float = DEADLINE_S

    @property
    def shown(self) -> str:
        """Where it is, without credentials and query."""
        parts = urlsplit(self.url)
        where = f"//{parts.hostname}{f':{parts.port}' if parts.port else ''}" if parts.hostname else ""
        return f"{parts.scheme}:{where}{parts.path}"


SEEN = """
insert into events_downstream as d (step, failures) values (%s, 0)
    on conflict (step) do update set failures = d.failures
returning failures, extract(epoch from open_until - clock_timestamp())::float,
          extract(epoch from next_at - clock_timestamp())::float
"""

# What may still be answered. A token whose claim was lost is not in flight any more.
IN_FLIGHT = """
select count(*)
  from events_tasktoken t join events_work w on w.id = t.work and w.epoch = t.epoch and w.state in ('leased', 'waiting')
 where t.step = %s and t.state = 'open'
"""

# GCRA: each task moves the moment on by its share of a second.
ADMITTED = """
update events_downstream
   set next_at = greatest(coalesce(next_at, clock_timestamp()), clock_timestamp()) + %s * interval '1 second',
       open_until = case when failures >= %s then clock_timestamp() + %s * interval '1 second' end
 where step = %s
"""

FAILED = """
update events_downstream
   set failures = failures + 1,
       open_until = case when failures + 1 >= %(most)s then clock_timestamp() + interval '1 second'
                         * least(%(open_max_s)s, %(open_s)s * power(2, least(failures + 1 - %(most)s, 10))) end
 where step = %(step)s
returning failures, extract(epoch from open_until - clock_timestamp())::float
"""

WORKED = """
update events_downstream set failures = 0, open_until = null
 where step = %s and (failures > 0 or open_until is not null)
"""


def of(step: str) -> Downstream | None:
    """The downstream system that does this step; None when we do it ourselves."""
    url = settings.EVENTS_DOWNSTREAM.get(step)
    if url is None:
        return None
    limits = settings.EVENTS_DOWNSTREAM_LIMITS.get(step, {})
    deadline_s = limits.get("deadline_s", DEADLINE_S)
    return Downstream(
        step,
        url,
        at_a_time=limits.get("at_a_time"),
        per_s=limits.get("per_s"),
        deadline_s=deadline_s,
        heartbeat_s=limits.get("heartbeat_s", deadline_s),
    )


def check() -> None:
    """Every step that is given away exists, and can be. Raises ImproperlyConfigured."""
    can = {name for saga in REGISTRY.values() for name in can_be_given(saga)}
    every = {step.name for saga in REGISTRY.values() for step in saga.steps}
    for step in settings.EVENTS_DOWNSTREAM:
        if step not in can:
            why = "it is always done here" if step in every else "there is no such step"
            raise ImproperlyConfigured(
                f"{step!r} cannot be given to a downstream system: {why}. "
                f"These can: {', '.join(sorted(can)) or 'none'}"
            )


def admit(downstream: Downstream, tasks: int, snoozes: int) -> None:
    """Let this many tasks be asked now, or not. Inside the transaction that issues their tokens: the row is locked.

    snoozes   how often in a row the work was turned away
    raises    TryAgain while the breaker is open, or a limit is reached
    """
    failures, open_s, ahead_s = _row(SEEN, [downstream.step])
    where = f"the downstream system for {downstream.step}"
    if open_s is not None and open_s > 0:
        raise TryAgain(f"{where} failed {failures} times in a row and is left alone", after_s=_later(open_s))
    if ahead_s is not None and ahead_s > 0 and downstream.per_s:
        raise TryAgain(f"{where} takes {downstream.per_s:g} tasks a second", after_s=_later(ahead_s))
    if downstream.at_a_time is not None:
        (open_now,) = _row(IN_FLIGHT, [downstream.step])
        if open_now + tasks > downstream.at_a_time:
            raise TryAgain(
                f"{where} has {open_now} tasks open and takes {downstream.at_a_time} at a time",
                after_s=FULL_S * 2 ** min(snoozes, FULL_DOUBLINGS) * random.uniform(0.5, 1),  # noqa: S311 - jitter
            )
    share_s = tasks / downstream.per_s if downstream.per_s else 0.0
    with connection.cursor() as cursor:
        cursor.execute(ADMITTED, [share_s, FAILURES_MAX, PROBE_S, downstream.step])


def failed(step: str) -> float:
    """Count a send that failed; how many seconds the breaker is open now, 0 when it is not."""
    terms = {"step": step, "most": FAILURES_MAX, "open_s": OPEN_S, "open_max_s": OPEN_MAX_S}
    _, open_s = _row(FAILED, terms)
    return float(open_s or 0)


def worked(step: str) -> None:
    """A send was accepted: the breaker closes."""
    with connection.cursor() as cursor:
        cursor.execute(WORKED, [step])


def _later(seconds: float) -> float:
    """That and a little: not everybody who was turned away comes back at the same moment."""
    return seconds + random.uniform(0, 0.5)  # noqa: S311 - jitter, not a secret


def _row(query: str, arguments: Any) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return tuple(cursor.fetchone())
