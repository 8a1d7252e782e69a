"""The event store: append and read. One stream, many streams, the whole log.

Nothing here opens a transaction; the caller owns it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, connection
from psycopg import errors


class NewEvent(NamedTuple):
    """An event that is not recorded yet: the `version` it must become in its `stream`."""

    stream: str
    version: int
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the log holds it."""

    position: int
    xid: int
    stream: str
    version: int
    type: str
    data: dict[str, Any]
    cause: UUID | None
    recorded_at: datetime


class Cursor(NamedTuple):
    """A place in the whole log, in the only order it has: transaction, then position."""

    xid: int
    position: int


START = Cursor(0, 0)


class WrongExpectedVersion(Exception):
    """Somebody else appended first. Reload the stream and decide again; it is no fault by itself.

    stream   the stream whose version was taken
    """

    def __init__(self, stream: str) -> None:
        super().__init__(f"{stream} has moved on: the version to append is already recorded")
        self.stream = stream


class StreamGap(Exception):
    """An event was to be appended with no event before it: the caller counted wrong. A bug; never catch it."""


# One JSON parameter carries the whole batch. It is spread by the server, which measures three times
# faster than five parallel arrays, and unlike COPY it leaves the statement free to run behind a pooler.
APPEND = """
insert into events_event (stream, version, type, data, cause)
select stream, version, type, data, %s
  from json_to_recordset(%s::json) as batch (stream text, version int, type text, data jsonb)
"""

APPEND_TO_EACH = """
insert into events_event (stream, version, type, data, cause)
select stream, max(version) + 1, %(type)s, %(data)s::jsonb, %(cause)s
  from events_event
 where stream >= %(prefix)s and stream < %(prefix)s || chr(1114111)
 group by stream
"""

COLUMNS = "position, xid::text::bigint, stream, version, type, data::text, cause, recorded_at"

READ = f"select {COLUMNS} from events_event where stream = %s and version > %s order by version"  # noqa: S608

READ_EACH = f"select {COLUMNS} from events_event where stream = any(%s) order by stream, version"  # noqa: S608

# The unique index (stream, version) is ordered bytewise (collation "C"), so a prefix is a range of it.
READ_PREFIX = f"""
select {COLUMNS} from events_event
 where stream >= %(prefix)s and stream < %(prefix)s || chr(1114111)
   and (%(types)s::text[] is null or type = any(%(types)s))
 order by stream, version
"""  # noqa: S608

# Below pg_snapshot_xmin no transaction is still open, so nothing can appear later behind the cursor.
# Both halves are needed: the horizon, and a cursor that compares (xid, position) and not position alone.
READ_ALL = f"""
select {COLUMNS} from events_event
 where (xid, position) > (%s::text::xid8, %s) and xid < pg_snapshot_xmin(pg_current_snapshot())
 order by xid, position
 limit %s
"""  # noqa: S608

# A range that lies below the horizon, as events/checkpoints.py gives it.
READ_RANGE = f"""
select {COLUMNS} from events_event
 where (xid, position) > (%s::text::xid8, %s) and (xid, position) <= (%s::text::xid8, %s) and type = any(%s)
 order by xid, position
"""  # noqa: S608


def append(events: Sequence[NewEvent], *, cause: UUID | None = None) -> None:
    """Record events of any number of streams in one statement, all or none.

    events   each with the version it must become; within one stream the versions must be consecutive
    cause    the work that records them
    raises   WrongExpectedVersion when a version is taken; the caller's transaction is then void
             StreamGap when a stream would get a gap
    """
    if not events:
        return
    with connection.cursor() as cursor:
        try:
            cursor.execute(APPEND, [cause, json.dumps([event._asdict() for event in events])])
        except IntegrityError as error:
            raise _meaning(error) from error


def append_to_each(prefix: str, type: str, data: Mapping[str, Any], *, cause: UUID | None = None) -> int:
    """Record the same event at the end of every stream whose name begins with `prefix`; how many there were.

    raises   WrongExpectedVersion when one of them moves on at this moment
    """
    arguments = {"prefix": prefix, "type": type, "data": json.dumps(data), "cause": cause}
    with connection.cursor() as cursor:
        try:
            cursor.execute(APPEND_TO_EACH, arguments)
        except IntegrityError as error:
            raise _meaning(error) from error
        return int(cursor.rowcount)


def _meaning(error: IntegrityError) -> Exception:
    """What a violated constraint says about the append."""
    cause = error.__cause__
    if isinstance(cause, errors.UniqueViolation):
        taken = (cause.diag.message_detail or "").partition("=(")[2].partition(",")[0]
        return WrongExpectedVersion(taken)
    if isinstance(cause, errors.CheckViolation):
        return StreamGap(cause.diag.message_primary or "an event is missing before this one")
    return error


def read(stream: str, *, after_version: int = 0) -> list[Recorded]:
    """The events of one stream in order."""
    return _fetch(READ, [stream, after_version])


def read_each(streams: Iterable[str]) -> dict[str, list[Recorded]]:
    """The events of many streams, one query; a stream without events is absent."""
    found: dict[str, list[Recorded]] = {}
    for event in _fetch(READ_EACH, [list(streams)]):
        found.setdefault(event.stream, []).append(event)
    return found


def read_prefix(prefix: str, *types: str) -> list[Recorded]:
    """The events of every stream whose name begins with `prefix`, of these types or of all."""
    return _fetch(READ_PREFIX, {"prefix": prefix, "types": list(types) or None})


def read_all(after: Cursor = START, *, limit: int = 1000) -> list[Recorded]:
    """The next events of the whole log after a cursor; never skips one that commits late.

    Returns fewer than `limit` (or none) when a transaction that is still open holds the rest back.
    """
    return _fetch(READ_ALL, [str(after.xid), after.position, limit])


def read_range(after: Cursor, upto: Cursor, types: Iterable[str]) -> list[Recorded]:
    """The events of these types in a range of the whole log, in its order; `upto` is part of it."""
    return _fetch(READ_RANGE, [str(after.xid), after.position, str(upto.xid), upto.position, list(types)])


def version(stream: str) -> int:
    """How many events the stream has."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(version), 0) from events_event where stream = %s", [stream])
        return int(cursor.fetchone()[0])


def _fetch(query: str, parameters: Any) -> list[Recorded]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [
            Recorded(position, xid, stream, version, type, json.loads(data), cause, at)
            for position, xid, stream, version, type, data, cause, at in cursor.fetchall()
        ]
