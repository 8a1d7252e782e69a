"""The database as a thing that is asked, goes away and comes back."""

import logging
import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)

# InternalError is what an idle transaction that was ended (25P03) or a writer turned read-only (25006) raises.
DATABASE_LOST = (OperationalError, InterfaceError, InternalError)

RECONNECT_S = 120.0
PAUSE_S = 0.2  # it may answer and still refuse, as one that turned read-only does: never spin


def rows(query: str, arguments: Any = None) -> list[tuple[Any, ...]]:
    """The rows that a query gives, within the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return list(cursor.fetchall())


def execute(query: str, arguments: Any = None) -> int:
    """Run a statement within the caller's transaction; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return int(cursor.rowcount)


def now() -> datetime:
    """The moment by the database's clock, which all who share it go by."""
    moment: datetime = rows("select clock_timestamp()")[0][0]
    return moment


def reconnect(wait_s: float = RECONNECT_S) -> None:
    """Drop the broken connection and wait until the database answers, at most `wait_s` seconds.

    raises   OperationalError when it does not come back
    """
    until = time.monotonic() + wait_s
    while True:
        connection.close()
        time.sleep(PAUSE_S)
        try:
            connection.ensure_connection()
            return
        except OperationalError:
            if time.monotonic() > until:
                raise
            revive()


def revive() -> None:
    """Bring the database back if it is ours to start, or find where it is now; otherwise we wait for others to."""
    connection.close()
    try:
        import_string(settings.EVENTS_DATABASE_REVIVE)()
    except Exception as error:
        log.warning("the database could not be started again: %s", error)
