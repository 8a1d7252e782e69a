"""What holds work back: how much of it may be held at a time, how much may be dead, and whether it is paused.

A limit is a row for one scope: the work of a run, of a group, or of one group's part of a run. Claims ask here,
so a change counts at the next claim. Nothing is counted ahead: what is held and what is dead is what the work
table says. A scope without a row costs nothing.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Manager, Q

KEEP: Any = object()  # of a limit that is changed: what stays as it is
ROUSED = 50  # ids of ready work that are rung for when a limit is lifted: one finished step brings the next

# The work `b` of a limit `l`, by the kind of its scope. Each kind is asked by itself, so that each uses its index.
OF_SCOPE = {
    "run": "b.run_key = substr(l.scope, 5)",
    "group": "b.group_key = substr(l.scope, 7)",
    "part": "b.run_key = split_part(substr(l.scope, 6), '/', 1) "
    "and b.group_key = substr(l.scope, strpos(l.scope, '/') + 1)",
}

# Every limit with what it is held against.
STANDING = " union all ".join(
    f"""
select l.scope, l.paused, l.leased_max, l.dead_max,
       case when l.leased_max is not null
            then (select count(*) from events_work b where b.state = 'leased' and {belongs}) else 0 end as leased,
       case when l.dead_max is not null
            then (select coalesce(sum(b.items), 0) from events_work b where b.state = 'dead' and {belongs})
            else 0 end as dead
  from events_limit l
 where l.scope like '{kind}:%%' and (%(scopes)s::text[] is null or l.scope = any(%(scopes)s))"""  # noqa: S608
    for kind, belongs in OF_SCOPE.items()
)

# Without limits this is all that a claim asks.
ANY = "select exists (select 1 from events_limit)"

# Held work is counted, so claims that could exceed a limit together queue up on its row. A pause and a number of
# dead items are no such count: whoever claims at that very moment came before.
LOCK = "select 1 from events_limit where leased_max is not null order by scope for update"

BLOCKED = f"select scope from ({STANDING}) s where paused or leased >= leased_max or dead > dead_max"  # noqa: S608

READY = "select id from events_work where run_key = %s and state = 'ready' order by available_at limit %s"

NEUTRAL = {"leased_max": None, "dead_max": None, "paused": False}


class Standing(NamedTuple):
    """A limit, and what it is held against now.

    leased   pieces of work held; counted only when leased_max is set
    dead     dead items; counted only when dead_max is set
    """

    scope: str
    paused: bool
    leased_max: int | None
    dead_max: int | None
    leased: int
    dead: int

    @property
    def exceeded(self) -> bool:
        """Whether more is dead than is tolerated, so that nothing else is claimed."""
        return self.dead_max is not None and self.dead > self.dead_max

    @property
    def stopped(self) -> bool:
        """Whether it takes a person to let the work go on."""
        return self.paused or self.exceeded


def of_run(run_key: str) -> str:
    """The scope of all work of a run."""
    return f"run:{run_key}"


def of_group(group_key: str) -> str:
    """The scope of all work of a group, whatever its runs."""
    return f"group:{group_key}"


def of_part(run_key: str, group_key: str) -> str:
    """The scope of one group's work in a run; the run's key has no slash in it."""
    return f"part:{run_key}/{group_key}"


def blocked(*, lock: bool = False) -> list[str]:
    """The scopes of which nothing may be claimed now.

    lock   in the transaction of a claim: until it has committed, nobody else claims under a limit of held work
    """
    with connection.cursor() as cursor:
        cursor.execute(ANY)
        if not cursor.fetchone()[0]:
            return []
        if lock:
            cursor.execute(LOCK)
        cursor.execute(BLOCKED, {"scopes": None})
        return [scope for (scope,) in cursor.fetchall()]


def standing(scopes: Iterable[str]) -> list[Standing]:
    """The limits of these scopes, as they stand; a scope without one is absent."""
    with connection.cursor() as cursor:
        cursor.execute(f"{STANDING} order by scope", {"scopes": list(scopes)})
        return [Standing(*row) for row in cursor.fetchall()]


def stopped(run_key: str, group_key: str) -> bool:
    """Whether work of this run and group waits until a person lets it go on."""
    scopes = (of_run(run_key), of_group(group_key), of_part(run_key, group_key))
    return any(limit.stopped for limit in standing(scopes))


def change(
    scope: str, *, leased_max: int | None = KEEP, dead_max: int | None = KEEP, paused: bool = KEEP
) -> None:
    """Change the limit of a scope; what is not named stays. One that holds nothing back is removed.

    leased_max, dead_max   None lifts the limit
    """
    given = {"leased_max": leased_max, "dead_max": dead_max, "paused": paused}
    changes = {name: value for name, value in given.items() if value is not KEEP}
    _limits().update_or_create(scope=scope, defaults=changes)
    _limits().filter(scope=scope, **NEUTRAL).delete()


def forget(run_key: str, *group_keys: str) -> None:
    """Remove the limits of a run that has ended, or of these groups' parts of it; in the caller's transaction."""
    found = _limits().filter(scope__in=[of_part(run_key, group) for group in group_keys])
    if not group_keys:
        found = _limits().filter(Q(scope=of_run(run_key)) | Q(scope__startswith=of_part(run_key, "")))
    # In the order in which claims lock them, so that neither waits for the other.
    list(found.order_by("scope").select_for_update())
    found.delete()


def ready(run_key: str) -> list[UUID]:
    """Some work of a run that could be claimed when nothing holds it back, to ring for."""
    with connection.cursor() as cursor:
        cursor.execute(READY, [run_key, ROUSED])
        return [work_id for (work_id,) in cursor.fetchall()]


def _limits() -> "Manager[Any]":
    # Late, because steps are also computed where no Django is set up (payroll/recompute.py).
    from events.models import Limit

    return Limit.objects
