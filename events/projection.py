"""Read models, folded from the log by SQL.

A projection is a statement, or a few, that folds the events of a range into its tables. Live and rebuilt
models are made by the same statements, over small ranges or over one large one. Its checkpoint moves in
the transaction that folds, so no event is folded twice or left out.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError, connection, transaction

from events import checkpoints
from events.database import DATABASE_LOST
from events.store import START, Cursor

log = logging.getLogger(__name__)

CHUNK = 50_000  # events folded in one transaction

BEHIND = "select exists (select 1 from events_event where (xid, position) > (%s::text::xid8, %s))"


# Events that work of one group has recorded and the read models do not hold yet.
BEHIND_ON = """
select exists (select 1 from events_event e join events_work w on w.id = e.cause
                where (e.xid, e.position) > (%s::text::xid8, %s) and w.group_key = %s)
"""


@dataclass(frozen=True, slots=True)
class Projection:
    """Read models that are folded together, with a checkpoint of their own.

    statements   fold the events with (xid, position) in (after, upto] into `tables`, one after the other; their
                 parameters are after_xid, after_position, upto_xid, upto_position
    tables       what they write, and all of what they write
    """

    name: str
    statements: tuple[str, ...]
    tables: tuple[str, ...]


PROJECTIONS: list[Projection] = []


def register(*projections: Projection) -> None:
    """Add read models."""
    PROJECTIONS.extend(projections)


def catch_up(*names: str) -> bool:
    """Fold what has been appended since, into all read models or those named.

    returns   True when they hold the whole log; False while a transaction that is still open holds back what lies
              behind it, or somebody else is folding, or one of them all cannot be folded: that one stays where it is,
              says why in its checkpoint and in the log, and the others go on
    raises    what the database raises when one that is named cannot be folded
    """
    follow = _catch_up if names else _catch_up_or_stop
    whole = [follow(projection) for projection in _chosen(names)]
    return all(whole)


def behind(*names: str) -> bool:
    """Whether the log holds events that the read models do not."""
    return any(_exists(BEHIND, projection) for projection in _chosen(names))


def behind_on(name: str, group_key: str) -> bool:
    """Whether the log holds events of one group's work that this read model does not."""
    return any(_exists(BEHIND_ON, projection, group_key) for projection in _chosen((name,)))


def rebuild() -> None:
    """Empty the read models and fold the whole log again; readers see the old ones until it is done."""
    for projection in PROJECTIONS:
        with transaction.atomic(durable=True):
            checkpoints.lock(projection.name, wait=True)
            _empty(projection)
            at = START
            while (upto := checkpoints.upto(at, CHUNK)) is not None:
                _fold(projection, at, upto)
                at = upto
            checkpoints.move(projection.name, at)


def differences() -> list[str]:
    """Fold the log from scratch beside the live read models and name the tables that are not equal.

    Everything happens in transactions that are rolled back: live rows are hashed, the log is folded again up to
    the live checkpoint, and the result is hashed.
    """
    different = []
    for projection in PROJECTIONS:
        with transaction.atomic(durable=True):
            at = checkpoints.lock(projection.name, wait=True) or START
            live = _digests(projection)
            _empty(projection)
            _fold(projection, START, at)
            again = _digests(projection)
            transaction.set_rollback(True)
        different += [table for table in projection.tables if live[table] != again[table]]
    return different


def _chosen(names: Sequence[str]) -> list[Projection]:
    return [projection for projection in PROJECTIONS if not names or projection.name in names]


def _catch_up_or_stop(projection: Projection) -> bool:
    try:
        return _catch_up(projection)
    except DATABASE_LOST:
        raise
    except DatabaseError as error:
        # The first line alone: those after it may quote rows.
        why = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        with transaction.atomic(durable=True):
            unknown = checkpoints.stop(projection.name, why)
        if unknown:
            log.error("the read model %s cannot be folded any further: %s", projection.name, why)
        return False


def _catch_up(projection: Projection) -> bool:
    while True:
        with transaction.atomic(durable=True):
            at = checkpoints.lock(projection.name)
            if at is None:
                return False
            upto = checkpoints.upto(at, CHUNK)
            if upto is not None:
                _fold(projection, at, upto)
                checkpoints.move(projection.name, upto)
        if upto is None:
            return not _exists(BEHIND, projection)


def _fold(projection: Projection, after: Cursor, upto: Cursor) -> None:
    bounds: dict[str, str | int] = {"after_xid": str(after.xid), "after_position": after.position}
    bounds |= {"upto_xid": str(upto.xid), "upto_position": upto.position}
    with connection.cursor() as cursor:
        for statement in projection.statements:
            cursor.execute(statement, bounds)


def _empty(projection: Projection) -> None:
    with connection.cursor() as cursor:
        for table in reversed(projection.tables):
            cursor.execute(f"delete from {table}")  # noqa: S608 - names from our own declarations


def _exists(query: str, projection: Projection, *arguments: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select xid, position from events_checkpoint where name = %s", [projection.name])
        at = cursor.fetchone() or ("0", 0)
        cursor.execute(query, [*at, *arguments])
        return bool(cursor.fetchone()[0])


def _digests(projection: Projection) -> dict[str, str]:
    """A hash of each table as a set of rows; made by the database, so a large table does not come here."""
    digests = {}
    with connection.cursor() as cursor:
        for table in projection.tables:
            hashes = f"select md5(row::text) as hash from {table} row"  # noqa: S608 - our own declarations
            cursor.execute(f"select md5(string_agg(hash, '' order by hash)) from ({hashes}) hashes")  # noqa: S608
            digests[table] = str(cursor.fetchone()[0])
    return digests
