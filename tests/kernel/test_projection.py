"""Read models: folded once each, in an order that is one, and equal to what the log makes of them again."""

from collections.abc import Iterator
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection

from deploy.postgres import Cluster
from events import checkpoints, projection, store
from events.projection import Projection
from events.store import NewEvent
from tests.folding import fold
from tests.kernel.scene import race, sql

# Order matters here: `trail` grows at its end, so that an event folded twice, late or in another order is seen.
TALLY = """
insert into toy_tally (stream, events, total, trail)
select stream, count(*), sum((data->>'n')::int), string_agg(data->>'n', ' ' order by xid, position)
  from events_event
 where (xid, position) > (%(after_xid)s::text::xid8, %(after_position)s)
   and (xid, position) <= (%(upto_xid)s::text::xid8, %(upto_position)s)
   and type = 'Counted'
 group by stream
    on conflict (stream) do update
   set events = toy_tally.events + excluded.events, total = toy_tally.total + excluded.total,
       trail = toy_tally.trail || ' ' || excluded.trail
"""


@pytest.fixture(autouse=True)
def tally(db: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A read model of its own, and no other."""
    with psycopg.connect(db.owner_url) as owner:
        owner.execute("create table toy_tally (stream text primary key, events int, total int, trail text)")
        owner.execute("grant select, insert, update, delete on toy_tally to payroll_app")
    monkeypatch.setattr(projection, "PROJECTIONS", [Projection("tally", (TALLY,), ("toy_tally",))])
    yield
    connection.close()


def count(stream: str, *numbers: int) -> None:
    version = store.version(stream)
    for at, number in enumerate(numbers, start=version + 1):
        store.append([NewEvent(stream, at, "Counted", {"n": number})])


def tallies() -> dict[str, tuple[int, int, str]]:
    with connection.cursor() as cursor:
        cursor.execute("select stream, events, total, trail from toy_tally")
        return {stream: tuple(rest) for stream, *rest in cursor.fetchall()}


def checkpoint() -> Any:
    with connection.cursor() as cursor:
        cursor.execute("select xid, position from events_checkpoint where name = %s", ["tally"])
        return cursor.fetchone()


def test_an_empty_log_is_caught_up_with() -> None:
    fold()
    assert projection.differences() == []
    assert tallies() == {}


def test_each_event_is_folded_once() -> None:
    count("a", 1, 2)
    assert projection.behind()
    fold()
    assert not projection.behind()
    count("a", 3)
    count("b", 4)
    fold()
    fold()
    assert tallies() == {"a": (3, 6, "1 2 3"), "b": (1, 4, "4")}


def test_a_long_log_is_folded_in_pieces_and_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "CHUNK", 3)
    count("a", *range(10))
    fold()
    assert tallies() == {"a": (10, 45, "0 1 2 3 4 5 6 7 8 9")}
    assert projection.differences() == []
    projection.rebuild()
    assert tallies() == {"a": (10, 45, "0 1 2 3 4 5 6 7 8 9")}
    fold()
    assert tallies() == {"a": (10, 45, "0 1 2 3 4 5 6 7 8 9")}


def test_two_who_catch_up_at_once_never_fold_an_event_twice() -> None:
    """Forty rounds from a barrier, the very first one without a checkpoint."""
    rounds = 40

    def follow(start: Barrier) -> None:
        for number in range(rounds):
            if start.wait() == 0:
                count("a", number)
            start.wait()
            projection.catch_up()

    assert race(follow, follow) == [None, None]
    projection.catch_up()
    assert tallies() == {"a": (rounds, sum(range(rounds)), " ".join(map(str, range(rounds))))}
    assert projection.differences() == []


@pytest.mark.own_session
def test_who_comes_while_somebody_folds_goes_away_again(db: Cluster) -> None:
    projection.catch_up()
    count("a", 1)
    with psycopg.connect(db.app_url) as other:
        other.execute("select 1 from events_checkpoint for update")
        sql("set lock_timeout = '2s'")
        assert not projection.catch_up()
        assert tallies() == {}
    fold()
    assert tallies() == {"a": (1, 1, "1")}


INSERT = "insert into events_event (stream, version, type, data) values ('slow', 1, 'Counted', '{\"n\": 7}')"


def test_what_an_open_transaction_may_still_write_is_waited_for(db: Cluster) -> None:
    """It took the lower position and commits later: a reader that went on would never come back for it."""
    projection.catch_up()
    with psycopg.connect(db.app_url) as slow:
        slow.execute(INSERT)
        count("fast", 1)
        assert not projection.catch_up()
        assert tallies() == {}
        assert projection.behind()
        slow.commit()
    fold()
    assert tallies() == {"slow": (1, 7, "7"), "fast": (1, 1, "1")}


def test_a_newer_transaction_that_holds_a_lower_position_is_not_skipped(db: Cluster) -> None:
    with psycopg.connect(db.app_url) as old, psycopg.connect(db.app_url) as young:
        old.execute("select pg_current_xact_id()")
        young.execute(INSERT)  # the younger transaction has the lower position
        old.execute(INSERT.replace("slow", "old"))
        old.commit()
        projection.catch_up()
        assert set(tallies()) == {"old"}
        young.commit()
    fold()
    assert set(tallies()) == {"old", "slow"}
    assert projection.differences() == []


def test_a_fold_that_fails_leaves_no_half_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    count("a", 1)
    projection.catch_up()
    before = checkpoint()
    count("a", 2)
    broken = Projection("tally", (TALLY, "select 1/0 where %(upto_xid)s <> ''"), ("toy_tally",))
    monkeypatch.setattr(projection, "PROJECTIONS", [broken])
    with pytest.raises(Exception, match="division by zero"):
        projection.catch_up("tally")
    assert (tallies(), checkpoint()) == ({"a": (1, 1, "1")}, before)
    assert not projection.catch_up(), "asked for all of them, it stops alone"
    assert (tallies(), checkpoint()) == ({"a": (1, 1, "1")}, before)


def test_one_that_cannot_be_folded_stops_alone_and_says_why_until_it_can(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It comes first, so that the other is asked after it."""
    broken = Projection("broken", ("select 1 / 0 where %(upto_xid)s <> ''",), ())
    tally = Projection("tally", (TALLY,), ("toy_tally",))
    monkeypatch.setattr(projection, "PROJECTIONS", [broken, tally])
    for number in range(3):
        count("a", number)
        assert not projection.catch_up()
    assert tallies() == {"a": (3, 3, "0 1 2")}
    assert checkpoints.stopped() == {"broken": "DataError: division by zero"}
    assert caplog.text.count("broken cannot be folded any further") == 1, "said once, not at every tick"
    mended = Projection("broken", ("select 1 where %(upto_xid)s <> ''",), ())
    monkeypatch.setattr(projection, "PROJECTIONS", [mended, tally])
    fold()
    assert checkpoints.stopped() == {}


def test_a_lost_database_is_no_fault_of_a_read_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    count("a", 1)
    monkeypatch.setattr(projection, "_fold", lost)
    with pytest.raises(OperationalError):
        projection.catch_up()
    assert checkpoints.stopped() == {}


def test_a_rebuilt_model_equals_the_live_one() -> None:
    for round_ in range(5):
        count("a", round_)
        count(f"b{round_}", round_)
        projection.catch_up()
    live, at = tallies(), checkpoint()
    projection.rebuild()
    assert (tallies(), checkpoint()) == (live, at)
    count("a", 9)
    projection.catch_up()
    assert tallies()["a"] == (6, 19, "0 1 2 3 4 9")


def test_a_rebuild_mends_what_was_corrupted_and_takes_in_what_is_new() -> None:
    count("a", 1)
    projection.catch_up()
    sql("update toy_tally set total = 99")
    sql("insert into toy_tally values ('ghost', 1, 1, '1')")
    count("a", 2)
    projection.rebuild()
    assert tallies() == {"a": (2, 3, "1 2")}
    assert not projection.behind()


def test_readers_see_the_old_model_until_the_rebuilt_one_is_done(
    db: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    count("a", 1)
    projection.catch_up()
    seen = []
    fold = projection._fold

    def watched(*bounds: Any) -> None:
        with psycopg.connect(db.app_url) as reader:
            seen.append(reader.execute("select count(*) from toy_tally").fetchone())
        fold(*bounds)

    monkeypatch.setattr(projection, "_fold", watched)
    projection.rebuild()
    assert seen == [(1,)]


CORRUPTIONS = {
    "a changed value": "update toy_tally set total = total + 1 where stream = 'a'",
    "a missing row": "delete from toy_tally where stream = 'a'",
    "a row too many": "insert into toy_tally values ('ghost', 0, 0, '')",
    "a null": "update toy_tally set trail = null where stream = 'a'",
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corrupted_model_is_named_and_left_as_it_was_found(corruption: str) -> None:
    count("a", 1, 2)
    count("b", 3)
    projection.catch_up()
    assert projection.differences() == []
    sql(CORRUPTIONS[corruption])
    found, at = tallies(), checkpoint()
    assert projection.differences() == ["toy_tally"]
    assert (tallies(), checkpoint()) == (found, at), "to look is not to mend"


def test_a_model_that_is_merely_behind_does_not_differ() -> None:
    count("a", 1)
    projection.catch_up()
    count("a", 2)
    assert projection.differences() == []
    assert tallies() == {"a": (1, 1, "1")}
    assert projection.behind()
