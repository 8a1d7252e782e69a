"""Sessions of the database: who keeps them open, who shares them, and what the application's role begins them with.

A session that carries state (a SET, an advisory lock, a prepared statement) belongs to one client for good: behind
RDS Proxy, or pgbouncer by transaction, that takes it away from everybody else. So nothing of ours leaves state
in a session, and what every session needs is said once, on the role.
"""

import math
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from psycopg import sql

WEB = "deploy.wsgi"  # the module that a web server loads, and nobody else
IDLE_IN_TRANSACTION_S = 10.0
STATEMENT_TIMEOUT_S = 600.0  # waiting for locks included; the longest of ours rebuild the read models


def kept() -> dict[str, Any]:
    """How this process keeps its connections to the database, as settings of Django.

    web process      a pool of PAYROLL_POOL_MIN to PAYROLL_POOL_MAX (1 to 4) that all its threads share, each
                     connection tried before it is given out; a request waits PAYROLL_POOL_TIMEOUT_S (10) for one
    behind a pooler  (PAYROLL_POOLER=1: pgbouncer by transaction, RDS Proxy) no pool of ours before theirs
    anything else    workers and commands have one thread that asks, so one connection, kept for a minute
    raises           ImproperlyConfigured when a size makes no sense
    """
    if WEB not in sys.modules or behind_a_pooler():
        return {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    smallest, largest = _number("PAYROLL_POOL_MIN", 1), _number("PAYROLL_POOL_MAX", 4)
    if not 0 <= smallest <= largest or not largest:
        raise ImproperlyConfigured(
            f"PAYROLL_POOL_MIN={smallest:g}, PAYROLL_POOL_MAX={largest:g}: 0 <= MIN <= MAX"
        )
    pool = {
        "min_size": int(smallest),
        "max_size": int(largest),
        "timeout": _number("PAYROLL_POOL_TIMEOUT_S", 10),
    }
    return {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True, "OPTIONS": {"pool": pool}}


def behind_a_pooler() -> bool:
    """Whether sessions are shared with others, transaction by transaction."""
    return os.environ.get("PAYROLL_POOLER", "").lower() in {"1", "true", "yes", "on"}


def _number(name: str, default: float) -> float:
    try:
        return float(os.environ.get(name) or default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {os.environ[name]!r}, which is no number") from error


def refuse_open_pool() -> None:
    """Called when a web process has loaded the application: a pool opened by then would not survive a fork.

    raises   ImproperlyConfigured
    """
    pools = getattr(connection, "_connection_pools", {})
    if any(not pool.closed for pool in pools.values()):
        raise ImproperlyConfigured(
            "the database was asked while the application was loaded: a server that forks afterwards would share "
            "one connection among all its processes"
        )


class Amiss(NamedTuple):
    """A setting that sessions of the application's role begin with, and should not.

    value   what it should be, for ALTER ROLE
    """

    name: str
    found: str
    value: str
    why: str


def amiss() -> list[Amiss]:
    """What has to be said on the application's role, by how our own session began."""
    with connection.cursor() as cursor:
        cursor.execute("select lower(name), reset_val from pg_settings where name = any(%s)", [_NAMES])
        found = dict(cursor.fetchall())
    lease_ms = settings.EVENTS_LEASE_S * 1000
    idle_ms = int(found["idle_in_transaction_session_timeout"])
    below_lease = f"{math.floor(min(IDLE_IN_TRANSACTION_S * 1000, lease_ms * 2 / 3))}ms"
    return [
        Amiss(name, found[name], value, why)
        for name, fine, value, why in (
            (
                "idle_in_transaction_session_timeout", 0 < idle_ms < lease_ms, below_lease,
                f"a worker that is stopped in a transaction has to lose its locks before its lease "
                f"of {settings.EVENTS_LEASE_S:g} s (PAYROLL_LEASE_S) runs out, or nobody can go on with its work",
            ),
            (
                "statement_timeout", int(found["statement_timeout"]) > 0, f"{STATEMENT_TIMEOUT_S:.0f}s",
                "a statement that never ends keeps its locks for ever",
            ),
            (
                "timezone", found["timezone"] == "UTC", "UTC",
                "Django would ask for UTC in each session, which pins it to one client of a pooler",
            ),
            (
                "default_transaction_isolation", found["default_transaction_isolation"] == "read committed",
                "read committed", "what follows a lock has to see what its last holder has committed",
            ),
        )
        if not fine
    ]  # fmt: skip


_NAMES = [
    "idle_in_transaction_session_timeout",
    "statement_timeout",
    "TimeZone",
    "default_transaction_isolation",
]


def settle() -> None:
    """Say on the application's role what is amiss; a role may do that for itself. New sessions begin with it."""
    found = amiss()
    with connection.cursor() as cursor:
        for each in found:
            statement = sql.SQL("alter role current_user set {} = {}")
            cursor.execute(statement.format(sql.Identifier(each.name), sql.Literal(each.value)))
    if found:
        connection.close()


@checks.register(checks.Tags.database)
def check_role(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """What the role that the application connects as begins its sessions with; asked by `manage.py worker`."""
    if "default" not in (databases or ()):
        return []
    try:
        found = amiss()
    except OperationalError:
        connection.close()
        return [checks.Warning("the database does not answer: its role was not looked at", id="deploy.W001")]
    hint = "`manage.py setup` sets it, for new sessions; or alter role {} set {} = '{}'"
    user = settings.DATABASES["default"]["USER"]
    return [
        checks.Error(
            f"{each.name} of the database role is {each.found!r}: {each.why}",
            hint=hint.format(user, each.name, each.value),
            id="deploy.E001",
        )
        for each in found
    ]
