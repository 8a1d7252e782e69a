"""The event store's promises: expected versions, no gaps, immutability, and reading in an order that is one."""

import threading
from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from deploy.postgres import Cluster
from events import store
from events.store import NewEvent, StreamGap, WrongExpectedVersion

pytestmark = pytest.mark.usefixtures("db")


def event(stream: str, version: int, **data: int) -> NewEvent:
    return NewEvent(stream, version, "Counted", data)


def test_a_stream_is_read_as_it_was_written() -> None:
    cause = uuid4()
    store.append([event("a-1", 1, n=1), event("a-1", 2, n=2)], cause=cause)
    assert [(e.version, e.type, e.data, e.cause) for e in store.read("a-1")] == [
        (1, "Counted", {"n": 1}, cause),
        (2, "Counted", {"n": 2}, cause),
    ]
    assert [e.version for e in store.read("a-1", after_version=1)] == [2]
    assert store.version("a-1") == 2
    assert store.version("nobody") == 0


def test_a_version_that_is_taken_is_refused_and_named() -> None:
    store.append([event("a-1", 1)])
    with pytest.raises(WrongExpectedVersion, match="a-1") as refused, transaction.atomic():
        store.append([event("b-1", 1), event("a-1", 1)])
    assert refused.value.stream == "a-1"
    assert store.version("b-1") == 0, "the whole append is refused"


def test_a_gap_is_refused() -> None:
    with pytest.raises(StreamGap, match="a-1@2 has no event before it"), transaction.atomic():
        store.append([event("a-1", 2)])


def test_many_streams_are_one_statement(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        store.append([event(f"a-{n}", 1, n=n) for n in range(500)])
    found = store.read_each(f"a-{n}" for n in range(3))
    assert {name: events[0].data for name, events in found.items()} == {f"a-{n}": {"n": n} for n in range(3)}


def test_a_prefix_finds_its_streams_and_no_others() -> None:
    store.append([event("a-1+x", 1), event("a-1+y", 1), event("a-10+x", 1), event("a-1", 1)])
    assert [e.stream for e in store.read_prefix("a-1+")] == ["a-1+x", "a-1+y"]
    assert store.read_prefix("a-1+", "Other") == []


@pytest.mark.parametrize(
    "statement", ["update events_event set type = 'x'", "delete from events_event", "truncate events_event"]
)
@pytest.mark.parametrize("role", ["app", "owner"])
def test_events_are_never_changed(db: Cluster, statement: str, role: str) -> None:
    """The application lacks the right; the owner meets the trigger, also in replica mode."""
    store.append([event("a-1", 1, n=1)])
    url = db.app_url if role == "app" else db.owner_url
    with psycopg.connect(url) as other, pytest.raises(psycopg.errors.InsufficientPrivilege):
        other.execute(statement)
    assert store.read("a-1")[0].data == {"n": 1}


def test_an_upsert_cannot_change_an_event() -> None:
    store.append([event("a-1", 1, n=1)])
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into events_event (stream, version, type, data) values ('a-1', 1, 'x', '{}') "
            "on conflict (stream, version) do update set type = excluded.type"
        )


def test_the_log_waits_for_a_transaction_that_may_still_write_behind_the_reader(db: Cluster) -> None:
    """A transaction takes a low position, a later one commits first: no reader may pass the gap."""
    with psycopg.connect(db.app_url) as slow:
        slow.execute("insert into events_event (stream, version, type, data) values ('slow-1', 1, 'x', '{}')")
        store.append([event("fast-1", 1)])
        assert store.read_all() == [], "the horizon holds back what is later than an open transaction"
        slow.commit()
    read = store.read_all()
    assert [e.stream for e in read] == ["slow-1", "fast-1"]
    assert store.read_all(store.Cursor(read[0].xid, read[0].position)) == read[1:]


def test_a_newer_transaction_with_a_lower_position_is_not_skipped(db: Cluster) -> None:
    """Positions are handed out before commits: the cursor must compare the transaction first."""
    with psycopg.connect(db.app_url) as old, psycopg.connect(db.app_url) as young:
        old.execute("select pg_current_xact_id()")  # the older transaction ...
        young.execute(
            "insert into events_event (stream, version, type, data) values ('young-1', 1, 'x', '{}')"
        )
        old.execute("insert into events_event (stream, version, type, data) values ('old-1', 1, 'x', '{}')")
        old.commit()  # ... has the higher position, and commits first
        first = store.read_all()
        young.commit()
    cursor = store.Cursor(first[-1].xid, first[-1].position) if first else store.START
    assert [e.stream for e in [*first, *store.read_all(cursor)]] == ["old-1", "young-1"]


def test_of_two_who_append_the_same_version_one_wins(db: Cluster) -> None:
    ready = threading.Barrier(2)
    won: list[bool] = []

    def append_one() -> None:
        with psycopg.connect(db.app_url) as mine:
            ready.wait()
            try:
                mine.execute(
                    "insert into events_event (stream, version, type, data) values ('a-1', 1, 'x', '{}')"
                )
                mine.commit()
                won.append(True)
            except psycopg.errors.UniqueViolation:
                won.append(False)

    threads = [threading.Thread(target=append_one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, True]
