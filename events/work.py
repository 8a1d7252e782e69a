"""The durable queue. The table is the queue; a broker only rings a doorbell.

A claim commits before the work begins and counts the attempt. Every later change is guarded by the
claim's epoch, so a worker that was paused, or believed dead, can change nothing once another has
claimed. All times are the database's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from events import database, limits


@dataclass(frozen=True, slots=True)
class NewWork:
    """Work to enqueue.

    id       deterministic: enqueueing the same thing twice is one piece of work
    subject  the stream it is about
    turn     its place among its group's work; claims go by turn, so that every group's first piece
             comes before anybody's second and a large group holds up nobody
    items    how many items it covers, for progress
    payload  ids and ranges only, never personal data
    lost     claims already known to have ended with a lost worker
    state    ready, or dead for an item that was set aside with a dead letter
    """

    id: UUID
    saga: str
    step: str
    queue: str
    subject: str
    run_key: str
    group_key: str
    parent: UUID | None = None
    turn: int = 0
    items: int = 1
    payload: Mapping[str, Any] = field(default_factory=dict)
    delay_s: float = 0
    lost: int = 0
    state: str = "ready"


@dataclass(frozen=True, slots=True)
class Claimed:
    """Work that this worker holds, as it was when claimed."""

    id: UUID
    saga: str
    step: str
    queue: str
    subject: str
    run_key: str
    group_key: str
    parent: UUID | None
    turn: int
    items: int
    payload: dict[str, Any]
    attempts: int
    snoozes: int
    lost: int
    epoch: int


class Fenced(Exception):
    """The lease was lost and somebody else may hold the work. Discard everything; catch it in the runner."""


class Swept(NamedTuple):
    """What one sweep found: leases run out, and work that is due."""

    expired: int
    due: int


COLUMNS = tuple(Claimed.__dataclass_fields__)  # what a claim returns

ENQUEUE = """
insert into events_work (id, saga, step, queue, state, subject, run_key, group_key, parent, pending, turn, items,
                         payload, attempts, snoozes, lost, epoch, available_at, worker, error, enqueued_at)
select id, saga, step, queue, state, subject, run_key, group_key, parent, 0, turn, items,
       payload, 0, 0, lost, 0, clock_timestamp() + delay_s * interval '1 second', '', '', clock_timestamp()
  from jsonb_to_recordset(%s::jsonb)
    as new (id uuid, saga text, step text, queue text, subject text, run_key text, group_key text, parent uuid,
            turn int, items int, payload jsonb, lost int, delay_s float, state text)
    on conflict (id) do nothing
"""

# A piece of work is claimable when it is due and no limit of its run, its group or its part of the run blocks it.
# The blocked scopes (limits.blocked) are few and found once, and not again for each row that is looked at.
CLAIMABLE = """
      w.state = 'ready' and w.available_at <= clock_timestamp()
  and (%(queues)s::text[] is null or w.queue = any(%(queues)s))
  and 'run:' || w.run_key <> all(%(blocked)s::text[])
  and 'group:' || w.group_key <> all(%(blocked)s::text[])
  and 'part:' || w.run_key || '/' || w.group_key <> all(%(blocked)s::text[])
"""

# By turn: the first piece of every group, then the second. `skip locked` lets claims pass each other, and the
# materialized CTE is a fence, so that the planner locks one row and not every row it looks at.
CLAIM = f"""
with chosen as materialized (
  select w.id from events_work w
   where {CLAIMABLE}
   order by w.turn, w.enqueued_at, w.id
   limit 1
   for update skip locked)
update events_work w
   set state = 'leased', epoch = epoch + 1, attempts = attempts + 1, worker = %(worker)s,
       lease_until = clock_timestamp() + %(lease_s)s * interval '1 second'
  from chosen where w.id = chosen.id
returning {", ".join("w." + column for column in COLUMNS)}
"""  # noqa: S608

HELD = "where id = %(id)s and epoch = %(epoch)s and state = 'leased'"

HEARTBEAT = (
    f"update events_work set lease_until = clock_timestamp() + %(lease_s)s * interval '1 second' {HELD}"  # noqa: S608
)

ADVANCE = f"""
update events_work
   set step = %(step)s, queue = %(queue)s, payload = %(payload)s::jsonb, items = %(items)s,
       attempts = 1, snoozes = 0, lost = 0,
       lease_until = clock_timestamp() + %(lease_s)s * interval '1 second' {HELD}
"""  # noqa: S608

# Where work goes when its worker lets go of it. A snooze gives the attempt back.
RELEASE = f"""
update events_work
   set state = %(state)s, step = coalesce(%(step)s, step), queue = coalesce(%(queue)s, queue),
       pending = %(pending)s, error = %(error)s,
       attempts = case when %(fresh)s then 0 else greatest(attempts - %(give_back)s, 0) end,
       snoozes = case when %(fresh)s then 0 else snoozes + %(give_back)s end,
       lost = case when %(fresh)s then 0 else lost end,
       available_at = clock_timestamp() + %(delay_s)s * interval '1 second',
       lease_until = null, finished_at = case when %(state)s in ('done', 'cancelled') then clock_timestamp() end
 {HELD}
"""  # noqa: S608

# The child that finishes last makes its parent ready. The row lock on the parent orders the children.
CHILD_FINISHED = """
update events_work
   set pending = pending - 1, state = case when pending = 1 and state = 'joining' then 'ready' else state end,
       available_at = clock_timestamp()
 where id = %s
returning state = 'ready'
"""

CHILDREN_ADDED = "update events_work set pending = pending + %s where id = %s"

# What a person sets going again, from one of the named states. Work that waits for answers (pending) is woken by those
# alone: an approval never sends it on.
RESUME = """
update events_work
   set state = 'ready', attempts = 0, snoozes = 0, lost = 0, error = '', epoch = epoch + 1,
       available_at = clock_timestamp() + %s * interval '1 second'
 where id = %s and state = %s and pending = 0
"""

CANCEL = """
update events_work set state = 'cancelled', epoch = epoch + 1, finished_at = clock_timestamp()
 where id = %s and state = %s
returning parent
"""

SWEEP = """
update events_work
   set state = 'ready', lost = lost + 1, lease_until = null, available_at = clock_timestamp(),
       error = 'the worker that held it was lost'
 where id in (select id from events_work where state = 'leased' and lease_until < clock_timestamp()
               order by id for update skip locked)
"""

DUE = f"select count(*) from events_work w where {CLAIMABLE}"  # noqa: S608


def enqueue(works: Sequence[NewWork]) -> None:
    """Put work into the queue; an id that is already there is left alone. The caller owns the transaction."""
    if works:
        database.execute(ENQUEUE, [_json([asdict(work) for work in works])])


def claim(worker: str, *, queues: Sequence[str] | None, lease_s: float) -> Claimed | None:
    """Take the next piece of work, fairly between groups and within every limit; commits at once.

    queues   the queues to look in; None means all
    lease_s  how long the work is ours without a heartbeat, in seconds
    """
    arguments = {"queues": list(queues) if queues else None, "worker": worker, "lease_s": lease_s}
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(CLAIM, arguments | {"blocked": limits.blocked(lock=True)})
        row = cursor.fetchone()
    return _claimed(row) if row else None


def heartbeat(work: Claimed, *, lease_s: float) -> bool:
    """Extend the lease; False when it is no longer ours."""
    return database.execute(HEARTBEAT, {"id": work.id, "epoch": work.epoch, "lease_s": lease_s}) == 1


def advance(
    work: Claimed, *, step: str, queue: str, payload: Mapping[str, Any], items: int, lease_s: float
) -> None:
    """Move held work before its next step and keep it. Raises Fenced."""
    arguments = {"id": work.id, "epoch": work.epoch, "step": step, "queue": queue, "payload": _json(payload)}
    _held(database.execute(ADVANCE, {**arguments, "items": items, "lease_s": lease_s}))


def release(
    work: Claimed,
    state: str,
    *,
    step: str | None = None,
    queue: str | None = None,
    pending: int = 0,
    error: str = "",
    fresh: bool = False,
    give_back: int = 0,
    delay_s: float = 0,
) -> None:
    """Let go of held work.

    state      where it goes: ready, joining, waiting, dead, done, cancelled
    step       the step it then stands before; None leaves it where the last advance put it
    pending    for joining: children to wait for
    fresh      True when a step was finished, so that the next begins with no attempts counted
    give_back  attempts to give back: 1 for a snooze, which is nobody's failure
    delay_s    for ready: seconds until it is due
    raises     Fenced
    """
    arguments = {"id": work.id, "epoch": work.epoch, "state": state, "step": step}
    arguments |= {"queue": queue, "pending": pending, "error": error, "fresh": fresh}
    _held(database.execute(RELEASE, {**arguments, "give_back": give_back, "delay_s": delay_s}))


def child_finished(parent: UUID) -> bool:
    """Count a finished child off; True when it was the last one and the parent is ready again."""
    with connection.cursor() as cursor:
        cursor.execute(CHILD_FINISHED, [parent])
        row = cursor.fetchone()
    return bool(row and row[0])


def children_added(parent: UUID, count: int) -> None:
    """Let a joining parent wait for `count` more children."""
    database.execute(CHILDREN_ADDED, [count, parent])


def resume(work_id: UUID, *, from_state: str, delay_s: float = 0) -> bool:
    """Make waiting or dead work ready again; False when it was not in that state, so somebody was first, or waits
    for answers.

    delay_s  seconds until it is due
    """
    return database.execute(RESUME, [delay_s, work_id, from_state]) == 1


def cancel(work_id: UUID, *, from_state: str) -> bool:
    """Give work up and count it off at its parent; False when it was not in that state."""
    with connection.cursor() as cursor:
        cursor.execute(CANCEL, [work_id, from_state])
        row = cursor.fetchone()
    if row and row[0]:
        child_finished(row[0])
    return row is not None


def sweep() -> Swept:
    """Take back what lost workers held, and count what is due. Safe to run anywhere, any number of times."""
    return Swept(database.execute(SWEEP, []), due())


def due(queues: Sequence[str] | None = None) -> int:
    """How many pieces of work could be claimed now, in these queues or in all, within every limit."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"queues": list(queues) if queues else None, "blocked": limits.blocked()})
        return int(cursor.fetchone()[0])


def _claimed(row: Sequence[Any]) -> Claimed:
    named = dict(zip(COLUMNS, row, strict=True))
    named["payload"] = json.loads(named["payload"])  # Django leaves jsonb to its model fields
    return Claimed(**named)


def _held(rows: int) -> None:
    if rows != 1:
        raise Fenced("the lease was lost: another worker may hold this work")


def _json(value: Any) -> str:
    return json.dumps(value, default=str)
