"""How far whoever follows the whole log has come: a row each, moved in the transaction that used the events.

So no event is used twice or left out. The row's lock lets one process at a time follow under a name.
"""

from django.db import connection

from events.database import execute, rows
from events.store import Cursor

# `skip locked`: whoever comes while somebody else follows has nothing to do.
LOCK = "select xid, position from events_checkpoint where name = %s for update skip locked"
LOCK_OR_WAIT = "select xid, position from events_checkpoint where name = %s for update"
CREATE = "insert into events_checkpoint (name, xid, position) values (%s, '0', 0) on conflict do nothing"
MOVE = "update events_checkpoint set xid = %s, position = %s, stopped_by = '' where name = %s"
STOP = "update events_checkpoint set stopped_by = %s where name = %s and stopped_by <> %s"
STOPPED = "select name, stopped_by from events_checkpoint where stopped_by <> '' order by name"

# The last of the next `limit` events that nothing can still slip in behind (see store.READ_ALL).
UPTO = """
select xid::text, position from (
  select xid, position from events_event
   where (xid, position) > (%s::text::xid8, %s) and xid < pg_snapshot_xmin(pg_current_snapshot())
   order by xid, position limit %s) next
 order by xid desc, position desc limit 1
"""


def lock(name: str, *, wait: bool = False) -> Cursor | None:
    """Where the follower of this name has come to; it stays ours until the caller's transaction ends.

    wait      whether to wait for whoever follows now
    returns   None when somebody else does, and we do not wait
    """
    query = LOCK_OR_WAIT if wait else LOCK
    with connection.cursor() as cursor:
        cursor.execute(query, [name])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(CREATE, [name])
            cursor.execute(query, [name])
            row = cursor.fetchone()
    return Cursor(int(row[0]), row[1]) if row else None


def upto(after: Cursor, limit: int) -> Cursor | None:
    """The end of the next range of at most `limit` events that is safe to follow; None when there is none yet."""
    with connection.cursor() as cursor:
        cursor.execute(UPTO, [str(after.xid), after.position, limit])
        row = cursor.fetchone()
    return Cursor(int(row[0]), row[1]) if row else None


def move(name: str, to: Cursor) -> None:
    """Remember how far the follower came; the caller owns the transaction, and the lock."""
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [str(to.xid), to.position, name])


def stop(name: str, why: str) -> bool:
    """Remember why the follower cannot go on, until it moves; whether that was not known before."""
    with connection.cursor() as cursor:
        cursor.execute(CREATE, [name])
    return execute(STOP, [why, name, why]) > 0


def stopped() -> dict[str, str]:
    """Who cannot go on, and why."""
    return dict(rows(STOPPED))
