"""What the API keeps for a while only: nonces, replies under an Idempotency-Key, counts of calls."""

from django.db import connection

from ops.api.auth import NONCE_KEPT_S
from ops.api.idempotency import KEPT_HOURS

AT_ONCE = 5000  # rows of a table in one go: a tick is short, and comes again

FORGET = (
    """
delete from ops_apinonce
 where id in (select id from ops_apinonce
               where taken_at < now() - make_interval(secs => %(nonce_s)s) limit %(at_once)s)
""",
    """
delete from ops_apireply
 where id in (select id from ops_apireply
               where begun_at < now() - make_interval(hours => %(hours)s) limit %(at_once)s)
""",
    """
delete from ops_apicount
 where id in (select id from ops_apicount
               where minute < extract(epoch from now())::bigint / 60 - 2 limit %(at_once)s)
""",
)


def old() -> None:
    """Forget what is over. A tick: any number of processes may run it at once, any number of times."""
    for statement in FORGET:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"nonce_s": NONCE_KEPT_S, "hours": KEPT_HOURS, "at_once": AT_ONCE})
