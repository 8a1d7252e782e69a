"""The same POST again: the same answer, one act; whatever is lost in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from events import store
from events.models import Event as LogEvent
from ops.api import forget, idempotency
from ops.models import ApiReply
from payroll import cancel, runs
from tests.api import calling
from tests.api.calling import Program, problem
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

START = {"from": "2026-11-01", "to": "2026-11-14", "pay_date": "2026-11-20", "employers": ["ACME"]}
KEY = "start-2026-11-20"


@pytest.fixture
def program(db: Any, tmp_path: Any) -> Program:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    return calling.program(name="portal")


def opened() -> int:
    return LogEvent.objects.filter(type="PayRunOpened").count()


def test_the_same_request_again_gets_the_same_answer_and_acts_once(program: Program) -> None:
    first = program.post("/runs", START, idempotency_key=KEY)
    again = program.post("/runs", START, idempotency_key=KEY)
    assert first.status_code == again.status_code == 201  # not 200: it is the answer of then
    assert first.content == again.content
    assert first["Location"] == again["Location"] == f"/api/v1/runs/{first.json()['run']}"
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert opened() == 1


def test_a_refusal_is_an_answer_too(program: Program, tmp_path: Any) -> None:
    missing = START | {"employers": ["NONE"]}
    first = program.post("/runs", missing, idempotency_key=KEY)
    again = program.post("/runs", missing, idempotency_key=KEY)
    assert problem(first, 409, "refused") == problem(again, 409, "refused")
    assert again["Idempotent-Replayed"] == "true"


def test_another_request_under_the_same_key_is_refused(program: Program) -> None:
    program.post("/runs", START, idempotency_key=KEY)
    problem(
        program.post("/runs", START | {"pay_date": "2026-11-19"}, idempotency_key=KEY),
        422,
        "idempotency-key-reused",
    )
    problem(program.post("/dead-letters/redrive", START, idempotency_key=KEY), 422, "idempotency-key-reused")
    assert opened() == 1


def test_a_key_means_something_for_one_program_only(program: Program) -> None:
    program.post("/runs", START, idempotency_key=KEY)
    other = calling.program().post("/runs", START, idempotency_key=KEY)
    assert (other.status_code, other.json()["new"]) == (200, False)  # the same run by its name


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "two words", "é"])
def test_a_post_without_a_good_key_is_refused(program: Program, key: str) -> None:
    problem(program.post("/runs", START, idempotency_key=key), 422, "invalid")
    assert opened() == 0


def test_what_reads_needs_no_key(program: Program) -> None:
    response = program.post("/dead-letters/preview", {"employer": "ACME"}, idempotency_key="")
    assert response.status_code == 200
    assert ApiReply.objects.count() == 0


def test_while_it_is_being_done_the_same_request_is_told_to_wait(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()
    really = runs.open_run

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return really(*arguments, **options)

    monkeypatch.setattr(runs, "open_run", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_thread, lambda: program.post("/runs", START, idempotency_key=KEY))
        assert begun.wait(30)
        response = program.post("/runs", START, idempotency_key=KEY)
        problem(response, 409, "in-progress")
        assert int(response["Retry-After"]) > 0
        go_on.set()
        assert first.result().status_code == 201
    assert program.post("/runs", START, idempotency_key=KEY)["Idempotent-Replayed"] == "true"


def in_thread(act: Any) -> Any:
    """An act on a connection of its own, which is closed."""
    try:
        return act()
    finally:
        connections.close_all()


def test_many_at_once_act_once(program: Program) -> None:
    at_once = 6
    barrier = Barrier(at_once)

    def call() -> Any:
        caller = Program(program.key, program.secret)
        barrier.wait()
        return caller.post("/runs", START, idempotency_key=KEY)

    with ThreadPoolExecutor(at_once) as pool:
        answers = [each.result() for each in [pool.submit(in_thread, call) for _ in range(at_once)]]
    acted = [each for each in answers if each.status_code == 201 and "Idempotent-Replayed" not in each]
    assert len(acted) == 1
    assert {each.status_code for each in answers} <= {201, 409}
    assert opened() == 1


def test_after_a_crash_nothing_is_done_again_whatever_happened_since(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise OperationalError("the web process is gone")

    with monkeypatch.context() as patched:
        patched.setattr(idempotency, "_close", crash)
        problem(program.post("/runs", START, idempotency_key=KEY), 503)
    problem(program.post("/runs", START, idempotency_key=KEY), 409, "in-progress")
    grow_old()
    problem(program.post("/runs", START, idempotency_key=KEY), 409, "outcome-unknown")
    (run,) = [row["run"] for row in program.get("/runs").json()["runs"]]
    cancel.cancel(UUID(run), by="maker", reason="wrong period")
    paydays.work()
    before = store.read_all()
    for _ in range(2):
        response = program.post("/runs", START, idempotency_key=KEY)
        assert "new Idempotency-Key" in problem(response, 409, "outcome-unknown")["detail"]
    problem(
        program.post("/runs", START | {"tolerate": "1"}, idempotency_key=KEY), 422, "idempotency-key-reused"
    )
    assert store.read_all() == before
    # Who has looked, and wants it, says so with a new key.
    assert program.post("/runs", START).status_code == 201
    assert opened() == 2


def grow_old() -> None:
    """Let every record be older than a request can be."""
    ApiReply.objects.update(begun_at=timezone.now() - timedelta(seconds=idempotency.IN_PROGRESS_S + 1))


def test_who_was_slow_still_leaves_its_answer(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    really = runs.open_run

    def slow(*arguments: Any, **options: Any) -> Any:
        grow_old()
        problem(program.post("/runs", START, idempotency_key=KEY), 409, "outcome-unknown")
        return really(*arguments, **options)

    monkeypatch.setattr(runs, "open_run", slow)
    assert program.post("/runs", START, idempotency_key=KEY).status_code == 201
    again = program.post("/runs", START, idempotency_key=KEY)
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert opened() == 1


@pytest.mark.parametrize("fault", [ZeroDivisionError(), OperationalError("the server closed the connection")])
def test_after_a_fault_in_the_midst_nothing_is_done_again(
    program: Program, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    run = UUID(program.post("/runs", START).json()["run"])
    really = runs.pause

    def broken(*arguments: Any, **options: Any) -> None:
        really(*arguments, **options)
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(runs, "pause", broken)
        assert program.post(f"/runs/{run}/pause", {}, idempotency_key=KEY).status_code in (500, 503)
    runs.resume(run, by="maker")
    before = store.read_all()
    problem(program.post(f"/runs/{run}/pause", {}, idempotency_key=KEY), 409, "outcome-unknown")
    assert store.read_all() == before


def test_answers_are_kept_for_a_day(program: Program) -> None:
    program.post("/runs", START, idempotency_key=KEY)
    ApiReply.objects.update(begun_at=timezone.now() - timedelta(hours=23))
    forget.old()
    assert ApiReply.objects.count() == 1
    ApiReply.objects.update(begun_at=timezone.now() - timedelta(hours=25))
    forget.old()
    assert ApiReply.objects.count() == 0
