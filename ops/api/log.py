"""The log, as it was recorded: by stream, prefix, type, time and what it belongs to; as of a moment."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest
from ninja import Query, Router
from psycopg.errors import QueryCanceled
from pydantic import BaseModel, Field, JsonValue

from events import dead_letters
from events.models import DeadLetter, TaskToken, Work
from events.store import START, Cursor
from ops.api.gate import operation
from ops.api.keys import Scope
from ops.api.problems import UNAVAILABLE, Problem
from ops.api.shapes import Id, Instant, ListOf, Page, Told
from payroll import keys
from payroll.history import History

router = Router(tags=["events"])
LAST = "\U0010ffff"  # behind every other character
# Ends with its transaction; set_config would pin a pooled session.
LIMIT_TIME = "set local statement_timeout = '8s'"
AS_OF = "The log as it was: recorded at or before. Of the last seconds more may come, while transactions are open."
RUN_IN_KEY = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
)  # the work of a cancellation has one too

# In the only order the log has, below pg_snapshot_xmin: nothing can appear later behind a cursor (see events.store).
PAGE = """
select position, xid::text::bigint, stream, version, type, data::text, cause, recorded_at
  from {source}
 where (xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
   and xid < pg_snapshot_xmin(pg_current_snapshot())
   and (%(type)s::text is null or type = %(type)s)
   and (%(cause)s::uuid is null or cause = %(cause)s)
   and (%(since)s::timestamptz is null or recorded_at >= %(since)s)
   and (%(until)s::timestamptz is null or recorded_at < %(until)s)
   and (%(as_of)s::timestamptz is null or recorded_at <= %(as_of)s)
 order by xid, position
 limit %(limit)s
"""

# The whole log is walked by its index (xid, position). Chosen streams are ranges of the index (stream, version), so
# that a page costs what these streams hold and not what the log holds.
WHOLE_LOG = "events_event"
RANGES = """unnest(%(low)s::text[], %(high)s::text[]) as chosen (low, high)
  join events_event on stream >= chosen.low collate "C" and stream < chosen.high collate "C" """


class Range(NamedTuple):
    """The streams from `low` on and before `high`, bytewise."""

    low: str
    high: str

    def within(self, other: "Range") -> "Range":
        """What both hold; may be nothing."""
        return Range(max(self.low, other.low, key=str.encode), min(self.high, other.high, key=str.encode))


class Filters(BaseModel):
    """Every filter that is given must match."""

    stream: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    prefix: (
        Annotated[str, Field(min_length=1, max_length=200, description="Of the stream's name.")] | None
    ) = None
    type: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{0,99}$")] | None = None
    recorded_from: Annotated[Instant, Field(description="At or after.")] | None = None
    recorded_to: Annotated[Instant, Field(description="Before.")] | None = None
    correlation: (
        Annotated[Id, Field(description="A pay run: all of its streams. Or the work that caused them.")]
        | None
    ) = None
    as_of: Annotated[Instant, Field(description=AS_OF)] | None = None
    limit: Page = 100
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,18}\.[0-9]{1,18}$")] | None = None


class EventTold(Told):
    """One event. `working` of a paycheck's step, its worksheets, is JSON in a text and may be long."""

    cursor: str
    position: int
    stream: str
    version: int
    type: str
    data: dict[str, JsonValue] = Field(description="The facts; money in integer cents.")
    cause: Id | None = Field(description="The work that recorded it; null for a person's command.")
    recorded_at: Instant


class Events(ListOf):
    """`follow_from` is where to go on later, when there is no next page now."""

    events: list[EventTold]
    follow_from: str | None


@operation(router, "GET", "/events", Scope.EVENTS_READ, {200: Events})
def list_events(request: HttpRequest, filters: Query[Filters]) -> Events:
    """Events in the order of the log, oldest first. What a transaction that is still open holds back comes later."""
    found = _page(filters)
    more = len(found) > filters.limit
    found = found[: filters.limit]
    last = found[-1].cursor if found else filters.cursor
    return Events(events=found, next=last if more else None, follow_from=last)


def _page(filters: Filters) -> list[EventTold]:
    """Up to one more than asked for, to see whether there is a next page."""
    after = _cursor(filters.cursor)
    ranges, cause = _chosen(filters)
    parameters: dict[str, Any] = {"after_xid": str(after.xid), "after_position": after.position}
    parameters |= {"type": filters.type, "cause": cause, "limit": filters.limit + 1}
    parameters |= {"since": filters.recorded_from, "until": filters.recorded_to, "as_of": filters.as_of}
    if ranges is not None:
        ranges = [each for each in ranges if each.low.encode() < each.high.encode()]
        parameters |= {"low": [each.low for each in ranges], "high": [each.high for each in ranges]}
    query = PAGE.format(source=WHOLE_LOG if ranges is None else RANGES)
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(LIMIT_TIME)
            cursor.execute(query, parameters)
            return [_told(*row) for row in cursor.fetchall()]
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        detail = "this takes too long: name a stream, a prefix or a run, or a smaller limit"
        raise Problem(UNAVAILABLE, detail) from None  # and no Retry-After: waiting does not make it quicker


def _told(  # noqa: PLR0917 - a row of the query
    position: int,
    xid: int,
    stream: str,
    version: int,
    type: str,
    data: str,
    cause: UUID | None,
    recorded_at: datetime,
) -> EventTold:
    return EventTold(
        cursor=f"{xid}.{position}",
        position=position,
        stream=stream,
        version=version,
        type=type,
        data=json.loads(data),
        cause=cause,
        recorded_at=recorded_at,
    )


def _chosen(filters: Filters) -> tuple[list[Range] | None, UUID | None]:
    """The streams to look at, all of them when None, and the work that must have caused the events."""
    named: Range | None = None
    if filters.stream:
        named = exactly(filters.stream)
    if filters.prefix:
        prefix = Range(filters.prefix, filters.prefix + LAST)
        named = named.within(prefix) if named else prefix
    if filters.correlation is None:
        return ([named] if named else None), None
    run, cause = filters.correlation, None
    run_key = Work.objects.filter(id=filters.correlation).values_list("run_key", flat=True).first()
    if run_key is not None:
        cause = filters.correlation
        if not (of_work := RUN_IN_KEY.search(run_key)):
            return [], cause
        run = UUID(of_work[0])
    streams = of_run(run)
    return [each.within(named) for each in streams] if named else streams, cause


def of_run(run: UUID) -> list[Range]:
    """The streams of a pay run: its own, its employers', their paychecks', its orders', dead letters' and requests'.

    Nothing when there is no such run.
    """
    opened = History(keys.payrun_stream(run)).facts.get("PayRunOpened")
    if opened is None:
        return []
    parts = opened["employer_runs"].values()
    prefixes = [keys.paycheck_prefix(part) for part in parts]
    run_keys = (str(run), keys.cancellation(run))
    letters = DeadLetter.objects.filter(run_key__in=run_keys).values_list("id", flat=True)
    sent = Work.objects.filter(run_key=str(run), saga="order").values_list("subject", flat=True)
    asked = TaskToken.objects.filter(run_key=str(run)).values_list("work", flat=True).distinct()
    prefixes += [f"request-{work}-" for work in asked]
    return [
        exactly(keys.payrun_stream(run)),
        *(exactly(keys.employerrun_stream(part)) for part in parts),
        *(Range(prefix, prefix + LAST) for prefix in prefixes),
        *(exactly(order) for order in sent),
        *(exactly(dead_letters.stream(letter)) for letter in letters),
    ]


def exactly(stream: str) -> Range:
    """The range that holds one stream: no name ends in the first character of all."""
    return Range(stream, f"{stream}\x01")


def _cursor(text: str | None) -> Cursor:
    if text is None:
        return START
    return Cursor(*map(int, text.split(".")))
