"""A step that a downstream system does: asked once for each item, answered once, and nobody is lost on the way."""

import json
import secrets
import time
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import dead_letters, runner, store, tokens, transports, work
from events.answers import ANSWER_MAX, ERROR_MAX
from events.models import TaskToken
from events.saga import REGISTRY
from events.tokens import AnsweredOtherwise, NotAnAnswer, TooLate, UnknownToken
from events.transports import Refused, Request, Unreachable
from tests.kernel import toy, witness
from tests.kernel.scene import (
    PATIENCE_S,
    all_due,
    claim,
    finished,
    leases_expire,
    letter,
    put,
    race,
    row,
    run_all,
    sql,
    state,
    types,
)
from tests.kernel.witness import STEP, URL, Witness, output, states, told

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Witness:
    """tax-calc is given away to this witness."""
    settings.EVENTS_DOWNSTREAM = {STEP: URL}
    settings.EVENTS_DOWNSTREAM_LIMITS = {STEP: {"deadline_s": 600.0, "heartbeat_s": 60.0}}
    monkeypatch.setitem(REGISTRY, "toys", witness.TOYS)
    who = Witness()
    monkeypatch.setattr(transports, "open_sender", who.open_sender)
    return who


def waiting(count: int = 3) -> Any:
    """A batch that was asked for and waits."""
    batch = toy.batch(0, count)
    put(batch)
    assert runner.run_due() == 1
    assert state(batch.id) == "waiting"
    return batch


def time_passes(column: str) -> None:
    """Let the deadline, or the heartbeat, of everything that is open be over."""
    for each in {column, "issued_at"}:
        sql(f"update events_tasktoken set {each} = {each} - interval '601 seconds' where state = 'open'")  # noqa: S608


# The way of a batch


def test_what_a_downstream_computes_is_recorded_as_if_we_had(asked: Witness, settings: Any) -> None:
    batch = waiting()
    assert (row(batch.id)["pending"], row(batch.id)["attempts"]) == (3, 0), "asking is no attempt that failed"
    assert [task.number for task in asked.tasks] == [0, 1, 2]
    assert runner.run_due() == 0, "nobody is held while it waits"
    asked.answer(2, 0)
    assert (state(batch.id), row(batch.id)["pending"]) == ("waiting", 1)
    asked.answer(1)
    assert state(batch.id) == "ready"
    run_all()
    assert finished(0, 1, 2)
    assert toy.CALLS["tax-calc", 1] == 0
    settings.EVENTS_DOWNSTREAM = {}
    put(toy.batch(3, 6))
    run_all()
    for number in (0, 3):
        assert finished(number)
    local = toy.Toy(1, "beside")
    for step in toy.STEPS:
        local.fold(step.decide(local, toy.RULES))
    merged = {name: value for event in store.read("toy-1") for name, value in event.data.items()}
    assert merged == json.loads(json.dumps(local.facts))


def test_the_last_answer_and_the_last_deadline_wake_a_worker(
    asked: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Any] = []
    monkeypatch.setattr(tokens, "ring", rung.extend)
    batch = waiting()
    asked.answer(0, 1)
    assert not rung
    asked.answer(2)
    assert rung == [batch.id]
    put(toy.batch(3, 5))
    run_all()
    rung.clear()
    time_passes("deadline_at")
    tokens.expire()
    assert len(rung) == 1


def test_a_request_is_on_record_before_it_is_sent_and_closed_with_the_last_answer(asked: Witness) -> None:
    before: list[Any] = []
    asked.on_send = lambda request: before.extend(told())
    batch = waiting()
    (requested,) = before
    assert requested.stream == f"request-{batch.id}-{STEP}-1"
    assert (requested.type, requested.cause) == ("TaskRequested", batch.id)
    assert requested.data["downstream"] == "https://downstream.test:8443/tasks", "no credentials, no query"
    assert (requested.data["items"], requested.data["deadline_s"], requested.data["heartbeat_s"]) == (
        3,
        600,
        60,
    )
    asked.answer(0, 1)
    assert len(told()) == 1
    tokens.fail(asked.last(2).token, "no table for this")
    closed = told()[-1]
    assert (closed.stream, closed.version, closed.type) == (requested.stream, 2, "TasksAnswered")
    counted = {name: closed.data[name] for name in ("succeeded", "failed", "expired", "void")}
    assert counted == {"succeeded": 2, "failed": 1, "expired": 0, "void": 0}


def test_a_token_is_256_random_bits_and_only_its_hash_is_stored(asked: Witness) -> None:
    waiting()
    given = {task.token for task in asked.tasks}
    assert len(given) == 3 and all(len(token) == 43 for token in given)
    with connection.cursor() as cursor:
        cursor.execute("select t::text from events_tasktoken t union all select e::text from events_event e")
        stored = "".join(str(each[0]) for each in cursor.fetchall())
    assert not any(token in stored for token in given)


def test_a_step_that_is_not_given_away_asks_nobody(asked: Witness, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM = {}
    put(toy.batch(0, 3))
    run_all()
    assert finished(0, 1, 2) and not asked.requests and not TaskToken.objects.exists()


def test_whoever_is_past_the_step_is_not_asked_about(asked: Witness, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM = {}
    put(toy.batch(0, 1))
    run_all()
    settings.EVENTS_DOWNSTREAM = {STEP: URL}
    waiting(3)
    assert [task.number for task in asked.tasks] == [1, 2]
    asked.answer()
    run_all()
    assert finished(0, 1, 2)


def test_two_steps_in_a_row_can_be_given_away(asked: Witness, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM = {STEP: URL, "retirement-calc": URL}
    batch = waiting(2)
    asked.answer()
    assert runner.run_due() == 1
    assert (state(batch.id), row(batch.id)["step"]) == ("waiting", "retirement-calc")
    for number in (0, 1):
        done = {"contribution_cents": 1, "match_cents": 2, "net_cents": 3, "split": []}
        tokens.succeed(asked.last(number).token, done)
    run_all()
    assert finished(0, 1) and store.read("toy-0")[-1].data["net_cents"] == 3


# Answers


def test_the_same_answer_again_changes_nothing_and_another_one_is_refused(asked: Witness) -> None:
    batch = waiting()
    task = asked.last(0)
    tokens.succeed(task.token, output(task))
    tokens.succeed(task.token, dict(reversed(output(task).items())))
    assert row(batch.id)["pending"] == 2, "counted once"
    with pytest.raises(AnsweredOtherwise):
        tokens.succeed(task.token, output(task) | {"federal_cents": 0})
    with pytest.raises(AnsweredOtherwise):
        tokens.fail(task.token, "after all not")
    asked.answer(1, 2)
    run_all()
    tokens.succeed(task.token, output(task))  # it is done by now, and still the same answer
    assert finished(0, 1, 2)
    assert store.read("toy-0")[2].data == output(task)


def test_tokens_that_were_never_given_are_unknown(asked: Witness) -> None:
    waiting()
    token = asked.last(0).token
    crafted = [token[:-1], token + "A", token.swapcase(), f" {token}", "", "\ud800", "x" * 100_000]
    for guess in [*crafted, *(secrets.token_urlsafe(32) for _ in range(200))]:
        with pytest.raises(UnknownToken, match="there is no such token"):
            tokens.succeed(guess, output(asked.last(0)))
    assert set(states().values()) == {"open"}


BAD: list[Any] = [
    {},
    [],
    None,
    {"federal_cents": 1, "fica_cents": 1},
    {"federal_cents": 1, "fica_cents": 1, "after_tax_cents": 1, "more": 1},
    {"federal_cents": True, "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": 1.0, "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": "1", "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": float("nan"), "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": {1, 2}, "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": "\0", "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": "\ud800", "fica_cents": 1, "after_tax_cents": 1},
    {"federal_cents": "x" * ANSWER_MAX, "fica_cents": 1, "after_tax_cents": 1},
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_what_is_not_an_answer_is_refused_and_the_token_stays_good(asked: Witness, bad: Any) -> None:
    waiting()
    task = asked.last(0)
    with pytest.raises(NotAnAnswer) as refused:
        tokens.succeed(task.token, bad)
    assert len(str(refused.value)) < 200
    assert states()[0] == "open"
    tokens.succeed(task.token, output(task))
    assert states()[0] == "succeeded"


def test_a_failure_has_to_be_words(asked: Witness) -> None:
    waiting()
    for wrong in (None, 3, {"a": 1}):
        with pytest.raises(NotAnAnswer):
            tokens.fail(asked.last(0).token, wrong)  # type: ignore[arg-type]
    tokens.fail(asked.last(0).token, "x" * 5_000 + " account 0123456789")
    assert len(TaskToken.objects.get(number=0).answer["error"]) == ERROR_MAX


def test_an_answer_that_fits_the_step_but_not_the_item_needs_review_and_is_asked_again(
    asked: Witness,
) -> None:
    batch = waiting()
    asked.answer(1, 2)
    task = asked.last(0)
    tokens.succeed(task.token, output(task) | {"after_tax_cents": 10**9})
    run_all()
    assert finished(1, 2) and types(0) == toy.TYPES[:2]
    assert letter().kind == "needs review" and "more is left than there was" in letter().reason
    assert state(batch.id) == "done"
    dead_letters.redrive(letter().id, by="somebody")
    run_all()
    assert len(asked.tasks) == 4, "the answer that did not fit counts no more"
    asked.answer(0)
    run_all()
    assert finished(0)


def test_a_failure_is_the_reason_of_a_dead_letter_and_everybody_else_goes_on(asked: Witness) -> None:
    waiting()
    asked.answer(0, 2)
    tokens.fail(asked.last(1).token, "no table for 123-45-6789 in this state")
    run_all()
    assert finished(0, 2)
    assert letter().subject == "toy-1" and letter().kind == "needs review"
    assert letter().reason == "the downstream system for tax-calc says: no table for [masked] in this state"


def test_a_failure_that_may_be_cured_is_asked_again_and_no_letter_is_written(asked: Witness) -> None:
    waiting()
    asked.answer(0, 2)
    tokens.fail(asked.last(1).token, "busy", retryable=True)
    run_all()
    assert finished(0, 2) and len(asked.tasks) == 4
    first, second = (task for task in asked.tasks if task.number == 1)
    assert first.task == second.task, "by this the downstream knows that it is the same"
    assert first.token != second.token
    asked.answer(1)
    run_all()
    assert finished(1)


def test_one_that_fails_alone_is_asked_again_after_a_redrive(asked: Witness) -> None:
    waiting(1)
    tokens.fail(asked.last(0).token, "no")
    run_all()
    dead_letters.redrive(letter().id, by="somebody")
    all_due()
    assert runner.run_due() == 1
    assert len(asked.tasks) == 2 and state(letter_work()) == "waiting"
    asked.answer(0)
    run_all()
    assert finished(0)


def letter_work() -> Any:
    return TaskToken.objects.order_by("issued_at").last().work  # type: ignore[union-attr]


# Early and late


def test_an_answer_that_comes_before_the_work_waits_is_kept(asked: Witness) -> None:
    asked.on_send = lambda request: asked.answer(1)
    batch = waiting()
    assert row(batch.id)["pending"] == 2
    asked.answer(0, 2)
    run_all()
    assert finished(0, 1, 2) and len(asked.tasks) == 3


def test_when_all_answers_come_early_the_work_is_ready_at_once(asked: Witness) -> None:
    asked.on_send = lambda request: asked.answer()
    put(toy.batch(0, 3))
    assert run_all() == 2
    assert finished(0, 1, 2)
    assert [event.type for event in told()] == ["TaskRequested", "TasksAnswered"]


def test_an_answer_while_the_open_ones_are_counted_is_counted_too(
    asked: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the row of the work, or it would find nobody waiting and leave one answer to wait for too many."""
    counting = tokens.still_open
    answering: list[Thread] = []

    def answer() -> None:
        asked.answer(1)
        connection.close()

    def count_slowly(held: Any) -> int:
        count = counting(held)
        answering.append(Thread(target=answer, daemon=True))
        answering[0].start()
        until(lambda: blocked() or not answering[0].is_alive())
        return count

    monkeypatch.setattr(tokens, "still_open", count_slowly)
    batch = waiting()
    answering[0].join(PATIENCE_S)
    assert row(batch.id)["pending"] == 2
    asked.answer(0, 2)
    run_all()
    assert finished(0, 1, 2)


def blocked() -> bool:
    """Whether anybody waits for a row that somebody else has locked."""
    with connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from pg_locks where not granted)")
        return bool(cursor.fetchone()[0])


def until(true: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end


def test_a_worker_lost_between_asking_and_waiting_loses_nothing(asked: Witness) -> None:
    """It dies in the middle of the send: one answer is in already, the other two are asked for again."""

    def die(request: Request) -> None:
        asked.answer(0)
        raise KeyboardInterrupt

    asked.on_send = die
    batch = toy.batch(0, 3)
    put(batch)
    with pytest.raises(KeyboardInterrupt):
        runner.run_due()
    assert state(batch.id) == "leased"
    first = asked.last(1)
    leases_expire()
    with pytest.raises(TooLate):
        tokens.succeed(first.token, output(first))
    asked.on_send = lambda request: None
    assert runner.run_due() == 1
    assert [task.number for task in asked.requests[-1].tasks] == [1, 2]
    assert [event.type for event in told()] == ["TaskRequested", "TasksWithdrawn", "TaskRequested"]
    with pytest.raises(TooLate):
        tokens.succeed(first.token, output(first))
    asked.answer(1, 2)
    run_all()
    assert finished(0, 1, 2)


def test_a_worker_that_was_paused_while_it_sent_changes_nothing(asked: Witness) -> None:
    """Its lease runs out, another one asks; what the first holds is void and it cannot let the work wait."""

    def overtake(request: Request) -> None:
        asked.on_send = lambda request: None
        leases_expire()
        assert runner.run_due() == 1

    asked.on_send = overtake
    batch = toy.batch(0, 3)
    put(batch)
    runner.run_due()
    assert [len(request.tasks) for request in asked.requests] == [3, 3]
    assert (state(batch.id), row(batch.id)["pending"], row(batch.id)["epoch"]) == ("waiting", 3, 2)
    old = asked.tasks[0]
    with pytest.raises(TooLate):
        tokens.succeed(old.token, output(old))
    asked.answer()
    run_all()
    assert finished(0, 1, 2)


@pytest.mark.parametrize("change", ["state = 'cancelled'", "epoch = epoch + 1", "state = 'dead'"])
def test_nobody_answers_for_work_that_has_moved_on(asked: Witness, change: str) -> None:
    waiting()
    sql(f"update events_work set {change}")  # noqa: S608
    with pytest.raises(TooLate):
        asked.answer(0)
    with pytest.raises(TooLate):
        tokens.beat(asked.last(0).token)
    with pytest.raises(TooLate):
        tokens.fail(asked.last(0).token, "no")


# Deadline and heartbeat


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("deadline_at", "no answer within 600 s, its deadline"),
        ("heartbeat_at", "not heard of for 60 s, its heartbeat"),
    ],
)
def test_silence_is_a_dead_letter_of_its_own_kind_and_a_redrive_asks_again(
    asked: Witness, column: str, said: str
) -> None:
    waiting()
    asked.answer(0, 2)
    time_passes(column)
    assert tokens.expire() == 1
    assert tokens.expire() == 0
    run_all()
    assert finished(0, 2) and types(1) == toy.TYPES[:2]
    assert (letter().kind, letter().subject) == ("no answer", "toy-1")
    assert said in letter().reason
    assert told()[1].data["expired"] == 1
    late = asked.last(1)
    with pytest.raises(TooLate):
        tokens.succeed(late.token, output(late))
    dead_letters.redrive(letter().id, by="somebody")
    run_all()
    asked.answer(1)
    run_all()
    assert finished(1)


def test_one_alone_that_is_never_answered_is_asked_again_by_its_redrive(asked: Witness) -> None:
    waiting(1)
    time_passes("deadline_at")
    tokens.expire()
    run_all()
    assert letter().kind == "no answer"
    dead_letters.redrive(letter().id, by="somebody")
    run_all()
    asked.answer(0)
    run_all()
    assert finished(0)


def test_the_deadline_counts_before_anybody_has_looked(asked: Witness) -> None:
    waiting()
    time_passes("deadline_at")
    with pytest.raises(TooLate):
        asked.answer(0)
    assert states()[0] == "open"


def test_a_heartbeat_puts_off_the_heartbeat_and_not_the_deadline(asked: Witness) -> None:
    batch = waiting(1)
    sql("update events_tasktoken set heartbeat_at = clock_timestamp() + interval '1 second'")
    before = TaskToken.objects.get()
    tokens.beat(asked.last(0).token)
    after = TaskToken.objects.get()
    assert (after.heartbeat_at - before.heartbeat_at).total_seconds() > 50
    assert after.deadline_at == before.deadline_at
    assert row(batch.id)["pending"] == 1
    with pytest.raises(UnknownToken):
        tokens.beat("x")
    asked.answer(0)
    with pytest.raises(TooLate):
        tokens.beat(asked.last(0).token)


def test_a_token_whose_work_has_moved_on_is_void_and_counts_nothing_off(asked: Witness) -> None:
    batch = waiting()
    sql("update events_work set epoch = epoch + 1")
    time_passes("deadline_at")
    tokens.expire()
    assert set(states().values()) == {"void"}
    assert (row(batch.id)["pending"], state(batch.id)) == (3, "waiting")


def test_answers_race_each_other_and_the_deadline(asked: Witness) -> None:
    """Two different answers and the clock, forty times: exactly one of them is recorded, and counted once."""
    batch = waiting(40)
    right = [output(task) for task in asked.tasks]

    def give(change: int) -> Any:
        def act(start: Barrier) -> list[bool]:
            won = []
            for task, computed in zip(asked.tasks, right, strict=True):
                start.wait()
                try:
                    tokens.succeed(task.token, computed | {"federal_cents": change})
                    won.append(True)
                except (AnsweredOtherwise, TooLate):
                    won.append(False)
            return won

        return act

    def clock(start: Barrier) -> list[bool]:
        over = (
            "update events_tasktoken set deadline_at = clock_timestamp() where number = %s and state = 'open'"
        )
        for task in asked.tasks:
            start.wait()
            sql(over, task.number)
            tokens.expire()
        while "open" in states().values():  # it leaves out what is locked, for its next turn
            tokens.expire()
        return [found == "expired" for _, found in sorted(states().items())]

    one, two, three = race(give(1), give(2), clock)
    assert [sum(each) for each in zip(one, two, three, strict=True)] == [1] * 40
    assert (state(batch.id), row(batch.id)["pending"]) == ("ready", 0)
    closed = told()[-1].data
    assert (closed["succeeded"], closed["expired"]) == (sum(one) + sum(two), sum(three))


def test_an_answer_costs_four_round_trips(asked: Witness) -> None:
    waiting()
    task, computed = asked.last(0), output(asked.last(0))
    with CaptureQueriesContext(connection) as counted:
        tokens.succeed(task.token, computed)
    assert len([query for query in counted if "savepoint" not in query["sql"].lower()]) <= 4


# What reaches the downstream


def test_a_batch_goes_in_requests_of_a_bounded_size(asked: Witness, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM_REQUEST_TASKS = 4
    waiting(10)
    assert [len(request.tasks) for request in asked.requests] == [4, 4, 2]
    assert len({request.id for request in asked.requests}) == 3
    assert {(request.step, request.run) for request in asked.requests} == {(STEP, "run-1")}
    assert asked.requests[0].terms == toy.RULES


def test_one_task_that_is_refused_stands_alone_in_the_end(asked: Witness) -> None:
    def refuse(request: Request) -> None:
        if any(task.number == 5 for task in request.tasks):
            raise Refused("HTTP 422")

    asked.on_send = refuse
    waiting(9)
    asked.answer(*(number for number in range(9) if number != 5))
    run_all()
    assert finished(0, 1, 2, 3, 4, 6, 7, 8)
    assert letter().subject == "toy-5"
    assert (
        letter().reason == "the downstream system for tax-calc says: it does not take this request (HTTP 422)"
    )


def test_a_downstream_that_takes_nothing_is_one_letter_and_not_five_hundred(asked: Witness) -> None:
    def refuse(request: Request) -> None:
        raise Refused("HTTP 400")

    asked.on_send = refuse
    put(toy.batch(0, 100))
    run_all()
    assert letter().kind == "needs review" and "3 of 100 tasks were tried alone" in letter().reason
    assert len(asked.requests) < 20
    asked.on_send = lambda request: None
    dead_letters.redrive(letter().id, by="somebody")
    run_all()
    asked.answer()
    run_all()
    assert finished(*range(100))


def test_what_could_not_be_sent_is_asked_again_and_what_could_is_waited_for(
    asked: Witness, settings: Any
) -> None:
    settings.EVENTS_DOWNSTREAM_REQUEST_TASKS = 2

    def hang_up(request: Request) -> None:
        if request.tasks[0].number >= 2:
            raise Unreachable("TimeoutError")

    asked.on_send = hang_up
    batch = toy.batch(0, 6)
    put(batch)
    assert runner.run_due() == 1
    assert (state(batch.id), row(batch.id)["pending"]) == ("waiting", 2)
    assert states() == {0: "open", 1: "open", 2: "void", 3: "void", 4: "void", 5: "void"}
    asked.on_send = lambda request: None
    asked.answer(0, 1)
    run_all()
    assert [task.number for request in asked.requests[-2:] for task in request.tasks] == [2, 3, 4, 5]
    asked.answer(2, 3, 4, 5)
    run_all()
    assert finished(*range(6))


def test_a_downstream_that_is_away_costs_no_attempts(asked: Witness) -> None:
    def away(request: Request) -> None:
        raise Unreachable("ConnectionRefusedError")

    asked.on_send = away
    batch = toy.batch(0, 3)
    put(batch)
    assert runner.run_due() == 1
    found = row(batch.id)
    assert (found["state"], found["attempts"]) == ("ready", 0)
    assert found["error"] == "the downstream system for tax-calc cannot be asked now: ConnectionRefusedError"
    asked.on_send = lambda request: None
    run_all()
    asked.answer()
    run_all()
    assert finished(0, 1, 2)


def test_a_batch_that_keeps_losing_its_workers_is_split_and_keeps_its_answers(asked: Witness) -> None:
    batch = waiting(3)
    asked.answer()
    for _ in range(2):
        held = claim()
        assert held.id == batch.id
        leases_expire()
    run_all()
    assert finished(0, 1, 2)
    assert len(asked.tasks) == 3, "nobody was asked twice"
    assert work.due() == 0
