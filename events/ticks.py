"""What has to happen again and again, whoever lets it: the supervisor of an embedded worker, or Celery beat.

A tick decides from the tables what is due, so one that never came is made up for by the next, and any number of
processes may run the same one at once. Which there are, and how often, says settings.EVENTS_TICKS.
"""

import logging
import time
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from events import projection, work
from events.database import DATABASE_LOST
from events.doorbells import bell

log = logging.getLogger(__name__)

FOLD_BUSY_S = 30.0  # between folds while work is due: doing it goes before showing it
RINGS_PER_QUEUE = 4

# What is due in each queue, the first few of it: for each of these somebody should be awake.
RING_FOR = """
select id from (
  select id, row_number() over (partition by queue order by turn, enqueued_at, id) as place
    from events_work
   where state = 'ready' and available_at <= clock_timestamp()) due
 where place <= %s
"""

_folded_at = float("-inf")


class Clock:
    """Runs ticks in this process, each at its own interval."""

    def __init__(self, names: Iterable[str]) -> None:
        self._due_at = dict.fromkeys(names, 0.0)

    @property
    def names(self) -> list[str]:
        """The ticks that it runs."""
        return list(self._due_at)

    def run(self, *, all: bool = False) -> None:
        """Run what is due now, or all; one tick that fails keeps no other from its turn.

        raises   what a lost database raises
        """
        for name, due_at in self._due_at.items():
            if all or time.monotonic() >= due_at:
                self._due_at[name] = time.monotonic() + every_s(name)
                run(name)


def run(name: str) -> None:
    """Run one tick, now. What it raises is logged; what a lost database raises is raised."""
    path, _ = settings.EVENTS_TICKS[name]
    try:
        import_string(path)()
    except DATABASE_LOST:
        raise
    except Exception as error:
        log.error("the tick %s failed: %s", name, type(error).__name__, exc_info=True)


def every_s(name: str) -> float:
    """Seconds between two runs of a tick."""
    return float(settings.EVENTS_TICKS[name][1])


def sweep() -> None:
    """Take back what lost workers held, and ring again for what is due: a ring may have been lost."""
    swept = work.sweep()
    if swept.expired:
        log.warning("%d pieces of work were held by workers that were lost", swept.expired)
    if swept.due:
        bell().ring(_due_ids(), again=True)


def fold() -> None:
    """Let the read models follow the log.

    At a distance: the longer a range, the fewer times a row of a read model is rewritten.
    """
    global _folded_at  # noqa: PLW0603 - when this process folded last
    if time.monotonic() - _folded_at < FOLD_BUSY_S and work.due():
        return
    _folded_at = time.monotonic()
    projection.catch_up()


def _due_ids() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(RING_FOR, [RINGS_PER_QUEUE])
        return [row[0] for row in cursor.fetchall()]
