"""Apply: all or nothing, by the one who holds the work, once; whatever becomes of workers and connections."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import override_settings

from deploy.postgres import Cluster
from events import batches, dead_letters, heartbeat, runner, store, work
from events.failures import NeedsReview, TryAgain
from events.models import DeadLetter, Work
from events.saga import REGISTRY, Outcome, Saga
from events.store import NewEvent
from tests.kernel import toy
from tests.kernel.scene import (
    PATIENCE_S,
    all_due,
    claim,
    finished,
    leases_expire,
    letter,
    put,
    row,
    run_all,
    sql,
    state,
    types,
)

pytestmark = pytest.mark.usefixtures("toys")


def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition that is bound to come."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


# A worker that was believed dead


FATES = {
    "does its work": lambda: None,
    "wants to wait": toy.raising(TryAgain("later")),
    "wants a review": toy.raising(NeedsReview("look")),
    "meets a bug": toy.raising(ValueError("no")),
}


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("what", ["a batch", "a batch of one", "a task"])
def test_a_worker_that_comes_back_changes_nothing(what: str, fate: str) -> None:
    """It is paused in the middle of a step; its lease runs out and another claims; then it goes on."""
    one = {"a batch": toy.batch(3, 8), "a batch of one": toy.batch(3, 4), "a task": toy.errand()}[what]
    before: dict[str, Any] = {}

    def pause() -> None:
        leases_expire()
        assert claim("another").id == one.id
        before.update(row(one.id))
        FATES[fate]()

    toy.FAULTS["tax-calc", 3] = toy.FAULTS["sum", one.subject] = toy.once(pause)
    put(one)
    runner.run_due(budget_s=PATIENCE_S)
    assert row(one.id) == before
    assert before["worker"] == "another"
    assert Work.objects.count() == 1
    assert not DeadLetter.objects.exists()
    assert (types(3) == toy.TYPES[:2]) if what != "a task" else (store.version(one.subject) == 1)
    leases_expire()
    run_all()
    assert state(one.id) == "done"


@pytest.mark.parametrize("what", ["a batch", "a batch of one", "a task"])
def test_a_worker_that_comes_back_when_all_is_done_changes_nothing(what: str) -> None:
    one = {"a batch": toy.batch(3, 8), "a batch of one": toy.batch(3, 4), "a task": toy.errand((3, 8))}[what]
    before: list[Any] = []

    def everything() -> list[Any]:
        return [store.read_prefix(""), list(Work.objects.order_by("id").values())]

    def pause() -> None:
        leases_expire()
        run_all()
        assert state(one.id) == "done"
        before.extend(everything())

    toy.FAULTS["tax-calc", 3] = toy.FAULTS["sum", one.subject] = toy.once(pause)
    put(one)
    runner.run_due(budget_s=PATIENCE_S)
    assert everything() == before
    assert finished(3)
    assert not DeadLetter.objects.exists()


# All or nothing


def test_an_outcome_is_applied_whole_or_not_at_all() -> None:
    errand, beside = toy.errand(), toy.batch(0, 2)
    summed = NewEvent(errand.subject, 2, "Summed", {"net_cents": 0})

    def within() -> None:
        sql("update events_work set worker = 'within' where id = %s", errand.id)
        raise ValueError("the row does not fit")

    toy.FAULTS["sum", errand.subject] = lambda: Outcome(events=[summed], then=[beside], within=within)
    put(errand)
    runner.run_due(budget_s=PATIENCE_S)
    left = row(errand.id)
    assert left | {"state": "ready", "step": "sum", "attempts": 1} == left
    assert left["worker"] != "within"
    assert store.version(errand.subject) == 1
    assert Work.objects.count() == 1
    toy.FAULTS["sum", errand.subject] = lambda: Outcome(events=[summed], then=[beside], within=lambda: None)
    run_all()
    assert (state(errand.id), state(beside.id)) == ("done", "done")


def test_a_task_whose_event_is_already_recorded_decides_again() -> None:
    errand = toy.errand()
    put(errand)
    taken = NewEvent(errand.subject, 1, "Opened", {})
    toy.FAULTS["open", errand.subject] = toy.once(lambda: store.append([taken]))
    toy.FAULTS["sum", errand.subject] = Outcome
    runner.run_due(budget_s=PATIENCE_S)
    assert (state(errand.id), row(errand.id)["step"]) == ("ready", "open")
    toy.FAULTS["open", errand.subject] = toy.FAULTS["close", errand.subject] = Outcome
    run_all()
    assert state(errand.id) == "done"


# A step that is already recorded


def recorded(number: int, at: int, **other: Any) -> NewEvent:
    """What a step makes of a toy, or something else, as somebody beside the fence would append it."""
    one = toy.Toy(number, toy.stream(number))
    for step in toy.STEPS[:at]:
        one.fold(step.decide(one, toy.RULES))
    event = toy.STEPS[at].decide(one, toy.RULES)
    return NewEvent(one.stream, at + 1, type(event).__name__, {**vars(event), **other})


def test_the_same_result_of_a_recorded_step_is_harmless() -> None:
    """Also one that JSON gives back in another shape: a tuple comes back as a list."""
    batch = toy.batch(0, 5)
    toy.FAULTS["retirement-calc", 3] = lambda: ((1, "half"), (2, "half"))
    early = toy.once(lambda: store.append([recorded(3, at=3)]))
    toy.FAULTS["retirement-calc", 0] = lambda: early() or ()
    put(batch)
    run_all()
    assert finished(*range(5))
    assert not DeadLetter.objects.exists()
    assert row(batch.id) | {"state": "done", "attempts": 1} == row(batch.id)


@pytest.mark.parametrize("other", [{"fica_cents": 1}, {"type": "Other"}], ids=["other data", "other type"])
@pytest.mark.parametrize("items", [1, 5])
def test_another_result_of_a_recorded_step_is_an_alarm_and_never_an_overwrite(other: Any, items: int) -> None:
    kind = other.get("type")
    planted = recorded(0, at=2, **({} if kind else other))._replace(**({"type": kind} if kind else {}))
    toy.FAULTS["tax-calc", items - 1] = toy.once(lambda: store.append([planted]))
    put(toy.batch(0, items))
    run_all()
    assert (letter().kind, letter().subject, letter().step) == ("alarm", "toy-0", "tax-calc")
    assert "already holds another result of tax-calc" in letter().reason
    assert store.read("toy-0")[2].data == planted.data
    assert all(types(number) == toy.TYPES[:2] for number in range(1, items)), "the batch waits for a person"
    dead_letters.redrive(letter().id, by="ann", reason="what is recorded stands")
    run_all()
    assert store.read("toy-0")[2].data == planted.data
    assert [event.type for event in store.read("toy-0")] == [*toy.TYPES[:2], planted.type, toy.TYPES[3]]
    assert finished(*range(1, items))


# A database that goes away


def cut_off(db: Cluster) -> None:
    """End this connection from the server's side, as a restart or a failover does."""
    connection.ensure_connection()
    with psycopg.connect(db.app_url, autocommit=True) as other:
        pid = connection.connection.info.backend_pid
        other.execute("select pg_terminate_backend(%s)", [pid])
        until(
            lambda: other.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone() is None
        )


@pytest.mark.parametrize("what", ["a batch", "a task"])
@pytest.mark.own_session
def test_a_database_that_goes_away_spends_no_attempt(db: Cluster, what: str) -> None:
    """More often than a bug would be retried: it is not the work's fault."""
    one = toy.errand() if what == "a task" else toy.batch(0, 5)
    left = iter(range(5))

    def lost() -> None:
        if next(left, None) is not None:
            cut_off(db)

    toy.FAULTS["sum", one.subject] = toy.FAULTS["tax-calc", 3] = lost
    put(one)
    run_all()
    assert next(left, None) is None
    assert not DeadLetter.objects.exists()
    assert state(one.id) == "done"
    assert what == "a task" or finished(*range(5))


@pytest.mark.parametrize("what", ["a batch", "a task"])
@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.own_session
def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_repeated(
    db: Cluster, monkeypatch: pytest.MonkeyPatch, what: str, committed: bool
) -> None:
    """Each apply of the run goes wrong once, after it committed or before."""
    errand = toy.errand((0, 3), (3, 6))
    module = batches if what == "a batch" else runner
    apply, failed = module._apply, set()

    def unsure(*arguments: Any) -> None:
        held = next(one for one in arguments if hasattr(one, "epoch"))
        first = (held.id, held.step) not in failed
        failed.add((held.id, held.step))
        if committed or not first:
            apply(*arguments)
        if first:
            cut_off(db)
            connection.cursor().execute("select 1")

    monkeypatch.setattr(module, "_apply", unsure)
    put(errand)
    run_all()
    assert len(failed) == (8 if what == "a batch" else 3)
    assert state(errand.id) == "done"
    assert finished(*range(6))
    assert [event.type for event in store.read(errand.subject)] == ["Opened", "Summed", "Closed"]
    assert not DeadLetter.objects.exists()


@pytest.mark.own_session
def test_a_worker_paused_inside_its_transaction_is_cut_off_and_does_it_again(db: Cluster) -> None:
    """Postgres ends a transaction that stands idle too long, so that its locks hold up nobody."""
    errand = toy.errand()

    def pause() -> None:
        sql("set idle_in_transaction_session_timeout = '20ms'")
        pid = connection.connection.info.backend_pid
        with psycopg.connect(db.app_url, autocommit=True) as other:
            until(
                lambda: (
                    other.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone() is None
                )
            )
        sql("select 1")

    left = iter([pause] * 5)
    toy.FAULTS["sum", errand.subject] = lambda: Outcome(within=next(left, None))
    toy.FAULTS["close", errand.subject] = lambda: Outcome([NewEvent(errand.subject, 2, "Closed", {})])
    put(errand)
    run_all()
    assert state(errand.id) == "done"
    assert [event.type for event in store.read(errand.subject)] == ["Opened", "Closed"]
    assert not DeadLetter.objects.exists()


@pytest.mark.own_session
def test_a_statement_that_the_database_refuses_again_and_again_ends_in_a_letter() -> None:
    """A deadlock or a timeout leaves the connection standing: that may be the work's own fault."""
    errand = toy.errand()

    def too_long() -> None:
        sql("set statement_timeout = '5ms'")
        sql("select pg_sleep(60)")

    toy.FAULTS["sum", errand.subject] = too_long
    put(errand)
    run_all()
    assert (state(errand.id), letter().step) == ("dead", "sum")


# Long work


def test_long_work_keeps_its_lease() -> None:
    one = toy.errand()
    put(one)

    def slow() -> None:
        first = row(one.id)["lease_until"]
        until(lambda: row(one.id)["lease_until"] > first)

    toy.FAULTS["open", one.subject] = slow
    with override_settings(EVENTS_LEASE_S=0.3):
        runner.run_due(budget_s=PATIENCE_S)
    assert state(one.id) == "done"


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError])
def test_a_heartbeat_outlives_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, lost: type[Exception]
) -> None:
    """The step does not notice that the database was away for a moment, and keeps its lease."""
    one = toy.errand()
    put(one)
    beat, failures = work.heartbeat, [lost("the connection is closed")] * 2

    def unlucky(*arguments: Any, **options: Any) -> bool:
        if failures:
            raise failures.pop()
        return beat(*arguments, **options)

    def slow() -> None:
        first = row(one.id)["lease_until"]
        until(lambda: row(one.id)["lease_until"] > first)

    monkeypatch.setattr(work, "heartbeat", unlucky)
    toy.FAULTS["open", one.subject] = slow
    with override_settings(EVENTS_LEASE_S=0.3):
        runner.run_due(budget_s=PATIENCE_S)
    assert not failures
    assert state(one.id) == "done"


def test_work_that_hangs_longer_than_its_step_may_take_loses_its_lease() -> None:
    REGISTRY["errand"] = Saga("errand", tuple(replace(task, timeout_s=0) for task in toy.ERRAND.steps))
    put(toy.errand())
    held = claim()
    before = row(held.id)
    heartbeat._beat(held, heartbeat.threading.Event())
    assert row(held.id) == before
    all_due()
