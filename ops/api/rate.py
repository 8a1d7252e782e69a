"""How often somebody may call in a minute, counted in the database: any number of web processes share the count."""

import time
from typing import NamedTuple

from django.db import connection

COUNT = """
insert into ops_apicount as counted (subject, minute, calls)
values (%s, %s, 1)
    on conflict (subject, minute) do update
   set calls = counted.calls + 1
returning calls
"""


class Counted(NamedTuple):
    """The calls of this minute, this one included, and how long the minute still takes."""

    calls: int
    left_s: int


def count(subject: str) -> Counted:
    """Count one call. A statement of its own: what is refused counts as well."""
    now = int(time.time())
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [subject, now // 60])
        return Counted(cursor.fetchone()[0], 60 - now % 60)
