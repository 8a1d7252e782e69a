"""Give up one group's part of a run: all of its open work, its dead letters and its open questions to others.

Whoever holds work of it is fenced: the lock waits for a step that is just being applied, and what is computed
after that is discarded.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from events import dead_letters, work
from events.failures import TryAgain
from events.models import DeadLetterState, TaskToken, TokenState

AGAIN_S = 0.2

OPEN = "run_key = %(run)s and group_key = %(group)s and state not in ('done', 'cancelled')"

# Children before what they are counted off at, which is the order in which a worker's own transaction takes them.
LOCK = f"""
select id from events_work w
 where {OPEN}
 order by exists (select 1 from events_work p
                   where p.id = w.parent and p.run_key = w.run_key and p.group_key = w.group_key) desc, id
   for update of w
"""  # noqa: S608

STILL_OPEN = f"select id from events_work where {OPEN}"  # noqa: S608

CANCEL_EACH = """
update events_work
   set state = 'cancelled', epoch = epoch + 1, lease_until = null, finished_at = clock_timestamp()
 where id = any(%s)
returning parent
"""

# The work that would have opened a group's part, held or not, goes on behind it: it waits for the parts to be given up.
SKIP = """
update events_work
   set state = 'joining', step = %(to)s, queue = %(queue)s, pending = %(pending)s, epoch = epoch + 1,
       attempts = 0, snoozes = 0, lost = 0, lease_until = null
 where id = %(id)s and step = %(step)s and state in ('ready', 'leased', 'dead')
"""


def lock(run_key: str, group_key: str) -> list[UUID]:
    """Lock all open work of a part until the caller's transaction ends; waits for steps that are being applied.

    returns  its ids
    raises   TryAgain when such a step has made new work meanwhile
    """
    locked = _ids(LOCK, run_key, group_key)
    if set(_ids(STILL_OPEN, run_key, group_key)) - set(locked):
        # It is not locked here and now: its worker may want what is locked already.
        raise TryAgain("new work has just come of this part; it is locked with it next time", after_s=AGAIN_S)
    return locked


def give_up(
    works: Sequence[UUID],
    *,
    by: str,
    reason: str,
    cause: UUID | None,
    letters: DeadLetterState = DeadLetterState.DISMISSED,
) -> None:
    """Cancel locked work, close its dead letters, let answers to its questions come too late, count it off.

    cause     the work that does it; None for a person's command
    letters   what becomes of them
    """
    dead_letters.close_of(works, letters, by=by, reason=reason, cause=cause)
    TaskToken.objects.filter(work__in=works, state=TokenState.OPEN).update(
        state=TokenState.VOID, answered_at=Now()
    )
    with connection.cursor() as cursor:
        cursor.execute(CANCEL_EACH, [list(works)])
        parents = [parent for (parent,) in cursor.fetchall() if parent and parent not in works]
    for parent in parents:
        work.child_finished(parent)


def skip(work_id: UUID, *, step: str, to: str, queue: str, pending: int) -> bool:
    """Let work that stands before `step` join `pending` children at the step `to` instead; whoever holds it is fenced.

    returns   False when it is past that step: then nothing was done
    """
    arguments: dict[str, str | int | UUID] = {
        "id": work_id,
        "step": step,
        "to": to,
        "queue": queue,
        "pending": pending,
    }
    with connection.cursor() as cursor:
        cursor.execute(SKIP, arguments)
        return bool(cursor.rowcount)


def _ids(query: str, run_key: str, group_key: str) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"run": run_key, "group": group_key})
        return [work_id for (work_id,) in cursor.fetchall()]
