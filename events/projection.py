"""Read models, folded from the log by SQL.

A projection is one statement that folds the events of a range into its tables. Live and rebuilt models
are made by the same statement, over small ranges or over one large one. All of them share a checkpoint,
moved in the transaction that folds, so no event is folded twice or left out.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from events.store import START, Cursor

CHECKPOINT = "read models"
CHUNK = 50_000  # events folded in one transaction

# `skip locked`: whoever comes while somebody else folds has nothing to do.
LOCK = "select xid, position from events_checkpoint where name = %s for update skip locked"
LOCK_OR_WAIT = "select xid, position from events_checkpoint where name = %s for update"
CREATE = "insert into events_checkpoint (name, xid, position) values (%s, '0', 0) on conflict do nothing"
MOVE = "update events_checkpoint set xid = %s, position = %s where name = %s"

# The last of the next `limit` events that nothing can still slip in behind (see store.READ_ALL).
UPTO = """
select xid::text, position from (
  select xid, position from events_event
   where (xid, position) > (%s::text::xid8, %s) and xid < pg_snapshot_xmin(pg_current_snapshot())
   order by xid, position limit %s) next
 order by xid desc, position desc limit 1
"""

BEHIND = "select exists (select 1 from events_event where (xid, position) > (%s::text::xid8, %s))"


# Events that work of one group has recorded and the read models do not hold yet.
BEHIND_ON = """
select exists (select 1 from events_event e join events_work w on w.id = e.cause
                where (e.xid, e.position) > (%s::text::xid8, %s) and w.group_key = %s)
"""


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model.

    sql      folds the events with (xid, position) in (after, upto] into `tables`; its parameters are
             after_xid, after_position, upto_xid, upto_position
    tables   what it writes, and all of what it writes
    """

    name: str
    sql: str
    tables: tuple[str, ...]


PROJECTIONS: list[Projection] = []


def register(*projections: Projection) -> None:
    """Add read models, in the order in which they are folded."""
    PROJECTIONS.extend(projections)


def catch_up() -> bool:
    """Fold what has been appended since; True when the log holds nothing beyond the checkpoint.

    Returns False too while a transaction that is still open holds back what lies behind it, or while
    somebody else is folding.
    """
    while True:
        with transaction.atomic(durable=True):
            at = _checkpoint(LOCK)
            if at is None:
                return False
            upto = _upto(at, CHUNK)
            if upto is not None:
                _fold(at, upto)
                _move(upto)
        if upto is None:
            return not behind()


def behind() -> bool:
    """Whether the log holds events that the read models do not."""
    return _exists(BEHIND)


def behind_on(group_key: str) -> bool:
    """Whether the log holds events of one group's work that the read models do not."""
    return _exists(BEHIND_ON, group_key)


def _exists(query: str, *arguments: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select xid, position from events_checkpoint where name = %s", [CHECKPOINT])
        at = cursor.fetchone() or ("0", 0)
        cursor.execute(query, [*at, *arguments])
        return bool(cursor.fetchone()[0])


def rebuild() -> None:
    """Empty the read models and fold the whole log again; readers see the old ones until it is done."""
    with transaction.atomic(durable=True):
        _checkpoint(LOCK_OR_WAIT)
        _refold(until=None)


def differences() -> list[str]:
    """Fold the log from scratch beside the live read models and name the tables that are not equal.

    Everything happens in a transaction that is rolled back: live rows are hashed, the log is folded again
    up to the live checkpoint, and the result is hashed.
    """
    with transaction.atomic(durable=True):
        at = _checkpoint(LOCK_OR_WAIT) or START
        live = _digests()
        _refold(until=at)
        again = _digests()
        transaction.set_rollback(True)
    return [table for table in live if live[table] != again[table]]


def _refold(until: Cursor | None) -> None:
    with connection.cursor() as cursor:
        for table in reversed(_tables()):
            cursor.execute(f"delete from {table}")  # noqa: S608 - names from our own declarations
    at = START
    if until is None:
        while (upto := _upto(at, CHUNK)) is not None:
            _fold(at, upto)
            at = upto
        _move(at)
    else:
        _fold(at, until)


def _fold(after: Cursor, upto: Cursor) -> None:
    bounds: dict[str, str | int] = {"after_xid": str(after.xid), "after_position": after.position}
    bounds |= {"upto_xid": str(upto.xid), "upto_position": upto.position}
    with connection.cursor() as cursor:
        for projection in PROJECTIONS:
            cursor.execute(projection.sql, bounds)


def _checkpoint(query: str) -> Cursor | None:
    with connection.cursor() as cursor:
        cursor.execute(query, [CHECKPOINT])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(CREATE, [CHECKPOINT])
            cursor.execute(query, [CHECKPOINT])
            row = cursor.fetchone()
    return Cursor(int(row[0]), row[1]) if row else None


def _upto(after: Cursor, limit: int) -> Cursor | None:
    with connection.cursor() as cursor:
        cursor.execute(UPTO, [str(after.xid), after.position, limit])
        row = cursor.fetchone()
    return Cursor(int(row[0]), row[1]) if row else None


def _move(upto: Cursor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [str(upto.xid), upto.position, CHECKPOINT])


def _tables() -> Sequence[str]:
    return [table for projection in PROJECTIONS for table in projection.tables]


def _digests() -> dict[str, str]:
    digests = {}
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"select t::text from {table} t order by 1")  # noqa: S608
            digest = hashlib.sha256()
            for (row,) in cursor.fetchall():
                digest.update(row.encode())
            digests[table] = digest.hexdigest()
    return digests
