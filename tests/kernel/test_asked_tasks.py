"""A task that a downstream system does: asked once, answered once, and never taken for work that waits for a person."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from events import dead_letters, downstream, runner, store, tokens, transports, work
from events.answers import NotAnAnswer
from events.failures import NeedsReview
from events.models import TaskToken
from events.saga import REGISTRY, Outcome, Saga, TaskAsks
from events.store import NewEvent
from events.tokens import AnsweredOtherwise, TooLate
from events.transports import Refused, Request, Task, Unreachable
from events.work import Claimed, NewWork
from tests.kernel import toy
from tests.kernel.scene import all_due, leases_expire, letter, put, row, run_all, sql, state
from tests.kernel.witness import URL, Witness, told

pytestmark = pytest.mark.usefixtures("toys")

TOYS = (0, 3)


def ask(held: Claimed) -> dict[str, Any] | None:
    if toy.met("ask", held.subject) == "nothing":
        return None
    return {"toys": held.payload["batches"]}


def check(output: dict[str, Any]) -> None:
    if output.keys() != {"net_cents"} or type(output["net_cents"]) is not int:
        raise NotAnAnswer("net_cents is a number")


def accept(held: Claimed, output: dict[str, Any]) -> Outcome:
    check(output)
    if output["net_cents"] != toy.net_of(held.payload["batches"]):
        raise NotAnAnswer("this is not what the toys come to")
    return Outcome(events=[NewEvent(held.subject, 2, "Summed", output)], wait=held.payload.get("wait", False))


def accept_close(held: Claimed, output: dict[str, Any]) -> Outcome:
    return Outcome(events=[NewEvent(held.subject, 3, "Closed", {})])


def keep(run: str, content: bytes) -> tuple[str, str]:
    raise AssertionError("only transports that carry ids store anything")


SUM = replace(toy.sum_, asks=TaskAsks(ask, check, accept, keep))
CLOSE = replace(toy.close, asks=TaskAsks(ask, check, accept_close, keep))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Witness:
    """The errand's `sum` is given away to this witness."""
    settings.EVENTS_DOWNSTREAM = {"sum": URL}
    settings.EVENTS_DOWNSTREAM_LIMITS = {name: {"deadline_s": 600.0} for name in ("sum", "close")}
    monkeypatch.setitem(REGISTRY, "errand", Saga("errand", (toy.open_, SUM, CLOSE)))
    who = Witness()
    monkeypatch.setattr(transports, "open_sender", who.open_sender)
    return who


def waiting(*, wait: bool = False) -> NewWork:
    """An errand whose `sum` was asked for."""
    errand = toy.errand(TOYS, wait=wait)
    put(errand)
    run_all()
    found = row(errand.id)
    assert (found["state"], found["step"], found["pending"]) == ("waiting", "sum", 1)
    return errand


def net_cents() -> int:
    return toy.net_of([TOYS])


def answer(task: Task, **output: Any) -> None:
    tokens.succeed(task.token, output or {"net_cents": net_cents()})


def types(errand: NewWork) -> list[str]:
    return [event.type for event in store.read(errand.subject)]


def tries(errand_id: UUID) -> tuple[int, int]:
    return row(errand_id)["attempts"], row(errand_id)["pending"]


def test_it_is_asked_once_and_its_answer_is_recorded_as_if_we_had_acted(
    asked: Witness, settings: Any
) -> None:
    errand = waiting()
    (task,) = asked.tasks
    assert task.input == {"toys": [list(TOYS)]} and asked.requests[0].terms == {}
    assert (asked.requests[0].step, asked.requests[0].run) == ("sum", "run-1")
    assert tries(errand.id) == (0, 1), "asking is no attempt that failed"
    all_due()
    assert runner.run_due() == 0, "nobody is held while it waits"
    answer(task)
    assert state(errand.id) == "ready"
    run_all()
    assert len(asked.tasks) == 1 and TaskToken.objects.get().subject == errand.subject
    assert [event.type for event in told()] == ["TaskRequested", "TasksAnswered"]
    settings.EVENTS_DOWNSTREAM = {}
    local = replace(toy.errand((3, 6)), payload={"batches": [TOYS]})
    put(local)
    run_all()
    ours, theirs = store.read(local.subject), store.read(errand.subject)
    assert [(e.version, e.type, e.data) for e in theirs] == [(e.version, e.type, e.data) for e in ours]
    assert {event.cause for event in theirs} == {errand.id}
    assert state(errand.id) == state(local.id) == "done"


def test_the_last_step_of_a_saga_can_be_given_away(asked: Witness, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM = {"close": URL}
    downstream.check()
    errand = toy.errand(TOYS)
    put(errand)
    run_all()
    assert (state(errand.id), row(errand.id)["step"]) == ("waiting", "close")
    answer(asked.tasks[0])
    run_all()
    assert state(errand.id) == "done" and types(errand) == ["Opened", "Summed", "Closed"]


def test_the_answer_wakes_a_worker(asked: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    errand, rung = waiting(), list[UUID]()
    monkeypatch.setattr(tokens, "ring", rung.extend)
    answer(asked.tasks[0])
    assert rung == [errand.id]


def test_where_there_is_nothing_to_ask_we_act(asked: Witness) -> None:
    errand = toy.errand(TOYS)
    toy.FAULTS["ask", errand.subject] = lambda: "nothing"
    put(errand)
    run_all()
    assert state(errand.id) == "done" and not asked.tasks


def test_what_cannot_be_asked_is_for_a_person_and_nothing_is_sent(asked: Witness) -> None:
    errand = toy.errand(TOYS)
    toy.FAULTS["ask", errand.subject] = toy.once(toy.raising(NeedsReview("it does not add up")))
    put(errand)
    run_all()
    assert letter().reason == "it does not add up" and not asked.tasks
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert state(errand.id) == "waiting" and len(asked.tasks) == 1


# An answer, and one that is none


def test_silence_is_a_dead_letter_and_its_redrive_asks_again(asked: Witness) -> None:
    errand = waiting()
    for moment in ("issued_at", "deadline_at"):
        sql(f"update events_tasktoken set {moment} = {moment} - interval '601 s'")  # noqa: S608
    assert tokens.expire() == 1
    run_all()
    assert (letter().kind, letter().subject, letter().step) == ("no answer", errand.subject, "sum")
    assert "gave no answer within 600 s" in letter().reason
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    first, second = asked.tasks
    assert first.task == second.task and first.token != second.token
    with pytest.raises(TooLate):
        answer(first)
    answer(second)
    run_all()
    assert state(errand.id) == "done" and types(errand) == ["Opened", "Summed", "Closed"]


def test_what_does_not_look_like_an_answer_is_refused_at_once(asked: Witness) -> None:
    errand = waiting()
    with pytest.raises(NotAnAnswer, match="net_cents is a number"):
        answer(asked.tasks[0], net_cents="a lot")
    assert tries(errand.id) == (0, 1)
    answer(asked.tasks[0])
    answer(asked.tasks[0])
    with pytest.raises(AnsweredOtherwise):
        answer(asked.tasks[0], net_cents=1)
    run_all()
    assert state(errand.id) == "done"


def test_an_answer_that_our_log_contradicts_needs_review_and_is_asked_again(asked: Witness) -> None:
    errand = waiting()
    answer(asked.tasks[0], net_cents=net_cents() + 1)
    run_all()
    assert letter().kind == "needs review" and "this is not what the toys come to" in letter().reason
    assert types(errand) == ["Opened"]
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert len(asked.tasks) == 2
    answer(asked.tasks[1])
    run_all()
    assert state(errand.id) == "done"


def test_a_failure_is_a_dead_letter_or_tried_again(asked: Witness) -> None:
    errand = waiting()
    tokens.fail(asked.tasks[0].token, "busy", retryable=True)
    run_all()
    assert len(asked.tasks) == 2 and state(errand.id) == "waiting"
    tokens.fail(asked.tasks[1].token, "no such toys")
    run_all()
    assert letter().reason == "the downstream system for sum says: no such toys"


def test_one_that_is_refused_and_one_that_cannot_be_sent(asked: Witness) -> None:
    def away(request: Request) -> None:
        raise Unreachable("TimeoutError")

    def refuse(request: Request) -> None:
        raise Refused("HTTP 422")

    errand = toy.errand(TOYS)
    asked.on_send = away
    put(errand)
    for _ in range(3):
        all_due()
        runner.run_due()
    assert (state(errand.id), tries(errand.id)) == ("ready", (0, 0))
    assert row(errand.id)["error"] == "the downstream system for sum cannot be asked now: TimeoutError"
    asked.on_send = refuse
    run_all()
    assert "does not take this request (HTTP 422)" in letter().reason


# Early, lost, late


def test_an_answer_that_comes_before_the_work_waits_is_kept(asked: Witness) -> None:
    asked.on_send = lambda request: answer(request.tasks[0])
    errand = toy.errand(TOYS)
    put(errand)
    run_all()
    assert state(errand.id) == "done" and len(asked.tasks) == 1


@pytest.mark.parametrize("answers", [True, False])
def test_a_worker_lost_between_asking_and_waiting_loses_nothing(asked: Witness, answers: bool) -> None:
    def die(request: Request) -> None:
        if answers:
            answer(request.tasks[0])
        raise KeyboardInterrupt

    asked.on_send = die
    errand = toy.errand(TOYS)
    put(errand)
    with pytest.raises(KeyboardInterrupt):
        run_all()
    assert state(errand.id) == "leased"
    leases_expire()
    asked.on_send = lambda request: None
    run_all()
    if not answers:
        assert (state(errand.id), len(asked.tasks)) == ("waiting", 2)
        with pytest.raises(TooLate):
            answer(asked.tasks[0])
        answer(asked.tasks[1])
        run_all()
    assert state(errand.id) == "done" and types(errand) == ["Opened", "Summed", "Closed"]
    assert len(asked.tasks) == (1 if answers else 2)


# Two kinds of waiting


def test_an_approval_does_not_wake_what_waits_for_an_answer(asked: Witness) -> None:
    errand = waiting(wait=True)
    before = row(errand.id)
    assert not work.resume(errand.id, from_state="waiting")
    assert row(errand.id) == before
    answer(asked.tasks[0])
    run_all()
    assert (state(errand.id), row(errand.id)["step"]) == ("waiting", "close"), "now it waits for a signature"
    assert work.resume(errand.id, from_state="waiting")
    run_all()
    assert state(errand.id) == "done" and len(asked.tasks) == 1


def test_an_answer_does_not_wake_what_waits_for_an_approval(asked: Witness) -> None:
    """Not an answer that comes twice, nor one to a question that was never closed, nor its deadline."""
    errand = waiting(wait=True)
    (task,) = asked.tasks
    answer(task)
    run_all()
    before = row(errand.id)
    answer(task)
    assert row(errand.id) == before
    sql("update events_tasktoken set state = 'open', epoch = %s", before["epoch"])
    with pytest.raises(TooLate):
        answer(task)
    sql("update events_tasktoken set deadline_at = clock_timestamp() - interval '1 s'")
    tokens.expire()
    assert row(errand.id) == before
    assert TaskToken.objects.get().state == "void"


def test_work_that_was_cancelled_is_not_answered_for(asked: Witness) -> None:
    errand = waiting()
    assert work.cancel(errand.id, from_state="waiting")
    with pytest.raises(TooLate):
        answer(asked.tasks[0])
    assert types(errand) == ["Opened"]


def test_no_more_are_asked_than_it_takes(asked: Witness, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM_LIMITS = {"sum": {"at_a_time": 1}}
    first, second = toy.errand(TOYS), toy.errand(TOYS)
    put(first)
    run_all()
    put(second)
    all_due()
    runner.run_due()
    assert "takes 1 at a time" in row(second.id)["error"]
    answer(asked.tasks[0])
    for _ in range(3):
        all_due()
        runner.run_due()
    assert len(asked.tasks) == 2
    answer(asked.tasks[1])
    run_all()
    assert state(first.id) == state(second.id) == "done"
