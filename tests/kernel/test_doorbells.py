"""Doorbells: a ring lost, doubled, late or forged changes nothing, and a bell that fails undoes nothing."""

import inspect
import json
import os
import signal
import threading
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from events import doorbells, runner, store, ticks, work
from events.doorbells import django_q, polling
from events.models import Work
from tests.kernel import toy
from tests.kernel.scene import PATIENCE_S, claim, finished, leases_expire, put, row, run_all, state

pytestmark = pytest.mark.usefixtures("toys")

SECRET = "123-45-6789"


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a bell that only listens was told."""
    heard: list[Any] = []

    def ring(ids: Any, *, again: bool = False) -> None:
        heard.append(ids)

    monkeypatch.setattr(doorbells, "bell", lambda: SimpleNamespace(ring=ring))
    return heard


def queued() -> list[dict[str, Any]]:
    """What lies in django-q2's queue."""
    return [SignedPackage.loads(message.payload) for message in OrmQ.objects.order_by("id")]


# What a ring is


def test_a_ring_carries_the_id_and_nothing_else(settings: Any) -> None:
    settings.EVENTS_DOORBELL = "django_q"
    errand = toy.errand((0, 2))
    put(errand)
    doorbells.ring([errand.id])
    (message,) = queued()
    assert (message["func"], message["args"], message["kwargs"]) == (
        "events.doorbells.django_q.answer",
        (str(errand.id),),
        {},
    )


def test_no_ring_of_a_whole_run_carries_more_than_an_id(settings: Any) -> None:
    """Every value in every message is an id, a constant, or what django-q2 says of itself."""
    settings.EVENTS_DOORBELL = "django_q"
    toy.FAULTS["tax-calc", 1] = toy.raising(ValueError(SECRET))
    put(toy.errand((0, 3), (3, 5)))
    run_all()
    ids = {str(one) for one in Work.objects.values_list("id", flat=True)}
    messages = queued()
    assert messages
    for message in messages:
        assert message["func"] == "events.doorbells.django_q.answer"
        assert len(message["args"]) == 1
        assert set(message["args"]) <= ids
        assert not message["kwargs"]
        assert set(message) <= {"id", "name", "func", "args", "kwargs", "started", "cluster", "ack_failure"}
        assert SECRET not in json.dumps(message, default=str)


def test_a_burst_of_work_needs_no_more_rings_than_workers(settings: Any) -> None:
    settings.EVENTS_DOORBELL = "django_q"
    ids = [uuid4() for _ in range(100)]
    doorbells.ring(ids)
    assert [message["args"] for message in queued()] == [(str(one),) for one in ids[: django_q.RINGS_MAX]]
    doorbells.ring([])
    assert len(queued()) == django_q.RINGS_MAX


def test_a_ring_waits_for_its_transaction_and_is_dropped_with_it(rung: list[Any]) -> None:
    with transaction.atomic():
        doorbells.ring([uuid4()])
        assert rung == []
    assert len(rung) == 1
    with pytest.raises(KeyError), transaction.atomic():
        doorbells.ring([uuid4()])
        raise KeyError
    assert len(rung) == 1


# Lost, doubled, late, forged


def outcome() -> Any:
    """What a run has come to, whoever rang."""
    recorded = [(event.stream, event.version, event.type, event.data) for event in store.read_prefix("toy-")]
    return recorded, sorted(Work.objects.values_list("step", "state", "attempts", "epoch"))


RINGS: dict[str, Any] = {
    "lost": lambda ids: [],
    "once": lambda ids: ids,
    "doubled": lambda ids: ids * 3,
    "reversed": lambda ids: ids[::-1],
    "forged": lambda ids: [str(uuid4()), "", "' or 1=1 --", "\x00", "x" * 10**6, *ids],
}


@pytest.mark.parametrize("how", RINGS)
def test_however_it_rings_the_same_is_done(how: str) -> None:
    works = [toy.batch(0, 3), toy.batch(3, 6), toy.batch(6, 7)]
    put(*works)
    for one in RINGS[how]([str(one.id) for one in works]):
        django_q.answer(one)
    run_all()  # the sweeper's ring, or a worker that looks by itself
    assert finished(*range(7))
    assert [row(one.id)["epoch"] for one in works] == [1, 1, 1]
    assert set(toy.CALLS.values()) == {1}


def test_rings_for_work_that_is_held_or_finished_change_nothing() -> None:
    batch = toy.batch(0, 3)
    put(batch)
    claim("another")
    before = row(batch.id)
    django_q.answer(str(batch.id))
    assert row(batch.id) == before
    leases_expire()
    run_all()
    done = [row(batch.id), store.read_prefix("")]
    for _ in range(3):
        django_q.answer(str(batch.id))
    assert [row(batch.id), store.read_prefix("")] == done


def test_the_sweeper_rings_again_for_what_is_due(settings: Any) -> None:
    """The queue is emptied behind everybody's back; the supervisor's sweep fills it from the table."""
    settings.EVENTS_DOORBELL = "django_q"
    batch = toy.batch(0, 3)
    put(batch)
    doorbells.ring([batch.id])
    OrmQ.objects.all().delete()
    ticks.sweep()
    assert [message["args"] for message in queued()] == [(str(batch.id),)]
    work.release(claim(), "done")
    OrmQ.objects.all().delete()
    ticks.sweep()
    assert queued() == [], "nothing is due"


# A bell that fails


class Broken:
    """A broker that does not answer."""

    @staticmethod
    def ring(ids: Any, *, again: bool = False) -> None:
        raise ConnectionRefusedError(f"no broker for {SECRET}")


def test_a_bell_that_fails_undoes_no_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(doorbells, "bell", lambda: Broken)
    errand = toy.errand((0, 3), (3, 5))
    toy.FAULTS["tax-calc", 1] = toy.once(toy.raising(ValueError("no")))
    put(errand)
    run_all()
    assert state(errand.id) == "done"
    assert finished(*range(5))
    assert "could not ring for" in caplog.text
    assert SECRET not in caplog.text


def test_a_bell_that_is_not_there_undoes_no_work(settings: Any) -> None:
    settings.EVENTS_DOORBELL = "carrier_pigeon"
    errand = toy.errand((0, 3))
    put(errand)
    run_all()
    assert state(errand.id) == "done"


@pytest.mark.own_session
def test_a_broker_whose_table_is_gone_undoes_no_work(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """django-q2's queue is in our own database: its failure must not leave our connection broken."""
    settings.EVENTS_DOORBELL = "django_q"
    with connection.cursor() as cursor:
        cursor.execute("set search_path to pg_catalog")  # so that not even its table is found
        doorbells.ring([uuid4()])
        cursor.execute("set search_path to public")
    assert "could not ring for 1 pieces of work" in caplog.text
    with transaction.atomic():
        put(toy.batch(0, 2))
    run_all()
    assert finished(0, 1)


# Nobody rings at all


def test_a_worker_that_only_looks_finishes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polling serves until it is told to stop, and then stops between two pieces of work."""
    errand = toy.errand((0, 3), (3, 5))
    put(errand)
    looked: list[int] = []
    run_due = runner.run_due

    def watched(**options: Any) -> int:
        looked.append(run_due(**options))
        if looked[-1] == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return looked[-1]

    monkeypatch.setattr(runner, "run_due", watched)
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        polling.serve(1, None)
    finally:
        for number, before in kept.items():
            signal.signal(number, before)
    assert (looked[0], looked[-1]) == (5, 0)
    assert state(errand.id) == "done"


@pytest.mark.parametrize("name", ["polling", "django_q", "celery"])
def test_a_bell_provides_what_the_others_call(settings: Any, name: str) -> None:
    settings.EVENTS_DOORBELL = name
    bell = doorbells.bell()
    assert isinstance(bell.PROCESSES_PER_WORKER, bool)
    assert isinstance(bell.HAS_BEAT, bool)
    assert list(inspect.signature(bell.ring).parameters) == ["ids", "again"]
    assert list(inspect.signature(bell.serve).parameters) == ["workers", "queues"]


def test_answers_that_race_do_each_piece_once() -> None:
    put(*(toy.batch(number, number + 1) for number in range(20)))
    start = threading.Barrier(3, timeout=PATIENCE_S)

    def answer() -> None:
        start.wait()
        django_q.answer(str(uuid4()))
        connection.close()

    threads = [threading.Thread(target=answer) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert finished(*range(20))
    assert set(Work.objects.values_list("attempts", "epoch")) == {(1, 1)}
