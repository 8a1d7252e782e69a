"""When a downstream system may be asked: so many at a time, so many a second, and not while it is down."""

from collections.abc import Iterator
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from events import downstream, runner, tokens, transports
from events.downstream import FAILURES_MAX, OPEN_MAX_S, OPEN_S, PROBE_S, Downstream
from events.failures import TryAgain
from events.models import Downstream as Row
from events.models import TaskToken, Work
from events.saga import REGISTRY
from events.transports import Request, Unreachable
from tests.kernel import toy, witness
from tests.kernel.scene import all_due, finished, leases_expire, put, race, row, run_all, sql, state
from tests.kernel.witness import STEP, URL, Witness

pytestmark = pytest.mark.usefixtures("toys")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Witness]:
    settings.EVENTS_DOWNSTREAM = {STEP: URL}
    settings.EVENTS_DOWNSTREAM_LIMITS = {STEP: {}}
    monkeypatch.setitem(REGISTRY, "toys", witness.TOYS)
    who = Witness()
    monkeypatch.setattr(transports, "open_sender", who.open_sender)
    yield who


def limited(settings: Any, **limits: float) -> None:
    settings.EVENTS_DOWNSTREAM_LIMITS = {STEP: limits}


def open_now() -> int:
    return TaskToken.objects.filter(state="open").count()


# At a time


def test_a_batch_that_is_too_large_goes_in_parts_that_fit(asked: Witness, settings: Any) -> None:
    limited(settings, at_a_time=4)
    put(toy.batch(0, 10))
    for _ in range(30):
        all_due()
        runner.run_due()
        assert open_now() <= 4
        for task in [task for task in asked.tasks if _is_open(task.number)]:
            asked.answer(task.number)
        if finished(*range(10)):
            break
    assert finished(*range(10)) and len(asked.tasks) == 10
    assert sorted(len(request.tasks) for request in asked.requests) == [2, 4, 4]


def _is_open(number: int) -> bool:
    return TaskToken.objects.filter(number=number, state="open").exists()


def test_who_finds_no_room_waits_and_spends_no_attempt(asked: Witness, settings: Any) -> None:
    limited(settings, at_a_time=3)
    put(toy.batch(0, 3), toy.batch(3, 6))
    assert runner.run_due() == 2
    (snoozed,) = Work.objects.filter(state="ready")
    assert (snoozed.attempts, snoozed.snoozes) == (0, 1)
    assert snoozed.error == "the downstream system for tax-calc has 3 tasks open and takes 3 at a time"
    assert runner.run_due() == 0, "it is due later"
    asked.answer()
    run_all()
    asked.answer()
    run_all()
    assert finished(*range(6))


def test_no_more_are_open_than_it_takes_however_many_ask_together(asked: Witness, settings: Any) -> None:
    """Twelve batches of two, four workers, room for five: never more than two batches are out."""
    limited(settings, at_a_time=5)
    most: list[int] = []
    asked.on_send = lambda request: most.append(open_now())
    put(*(toy.batch(lo, lo + 2) for lo in range(0, 24, 2)))

    def worker(start: Barrier) -> None:
        start.wait()
        runner.run_due()

    for _ in range(12):
        all_due()
        assert race(worker, worker, worker, worker) == [None] * 4
        most.append(open_now())
        for number in list(TaskToken.objects.filter(state="open").values_list("number", flat=True)):
            asked.answer(number)
    run_all()
    assert max(most) == 4
    assert finished(*range(24))


def test_what_a_lost_worker_had_asked_takes_no_room(asked: Witness, settings: Any) -> None:
    limited(settings, at_a_time=3)

    def die(request: Request) -> None:
        raise KeyboardInterrupt

    asked.on_send = die
    put(toy.batch(0, 3))
    with pytest.raises(KeyboardInterrupt):
        runner.run_due()
    leases_expire()
    asked.on_send = lambda request: None
    run_all()
    assert len(asked.requests) == 2 and open_now() == 3


# A second


def test_a_rate_is_kept_on_average(asked: Witness, settings: Any) -> None:
    limited(settings, per_s=2)
    put(toy.batch(0, 20), toy.batch(20, 40))
    runner.run_due()
    assert len(asked.tasks) == 20
    (snoozed,) = Work.objects.filter(state="ready")
    assert "takes 2 tasks a second" in snoozed.error and snoozed.attempts == 0
    ahead_s = (snoozed.available_at - Row.objects.get().next_at).total_seconds()
    assert -1 < ahead_s < 2, "it comes back when its turn has come"
    sql("update events_downstream set next_at = clock_timestamp()")
    all_due()
    runner.run_due()
    assert len(asked.tasks) == 40


# The breaker


def failing(asked: Witness) -> None:
    def away(request: Request) -> None:
        raise Unreachable("TimeoutError")

    asked.on_send = away


def opened_s() -> float:
    """For how long the breaker is still open."""
    with transaction.atomic():
        found = downstream._row(downstream.SEEN, [STEP])
    return float(found[1] or 0)


def test_after_some_failures_it_is_left_alone_then_tried_by_one_and_is_back(asked: Witness) -> None:
    failing(asked)
    batch = toy.batch(0, 2)
    put(batch)
    for place in range(1, FAILURES_MAX + 1):
        assert opened_s() <= 0
        all_due()
        runner.run_due()
        assert len(asked.requests) == place
    assert OPEN_S - 2 < opened_s() <= OPEN_S
    all_due()
    runner.run_due()
    assert len(asked.requests) == FAILURES_MAX, "nothing is sent while it is open"
    assert row(batch.id)["attempts"] == 0
    assert "is left alone" in row(batch.id)["error"]

    sql("update events_downstream set open_until = clock_timestamp()")
    put(toy.batch(2, 4))
    seen: list[float] = []
    asked.on_send = lambda request: seen.append(opened_s())
    all_due()
    runner.run_due()
    assert PROBE_S - 5 < seen[0] <= PROBE_S, "while one tries, nobody else does"
    assert len(seen) == 2 and seen[1] <= 0, "it worked, so the next may"
    assert Row.objects.get().failures == 0


def test_each_further_failure_doubles_the_time_up_to_a_limit(asked: Witness) -> None:
    with transaction.atomic():
        downstream._row(downstream.SEEN, [STEP])
        found = [downstream.failed(STEP) for _ in range(20)]
    wanted = [0.0] * (FAILURES_MAX - 1)
    wanted += [min(OPEN_S * 2**n, OPEN_MAX_S) for n in range(20 - len(wanted))]
    assert found == pytest.approx(wanted, abs=0.5)


def test_it_is_left_alone_as_long_as_it_asks_for(asked: Witness) -> None:
    def busy(request: Request) -> None:
        raise Unreachable("it answered HTTP 503", after_s=120)

    asked.on_send = busy
    batch = toy.batch(0, 2)
    put(batch)
    runner.run_due()
    due = row(batch.id)
    assert 100 < (due["available_at"] - due["enqueued_at"]).total_seconds() < 130


def test_only_one_tries_whether_it_is_back(asked: Witness) -> None:
    with transaction.atomic():
        downstream._row(downstream.SEEN, [STEP])
        for _ in range(FAILURES_MAX):
            downstream.failed(STEP)
    sql("update events_downstream set open_until = clock_timestamp()")

    def ask(start: Barrier) -> bool:
        start.wait()
        try:
            with transaction.atomic():
                downstream.admit(Downstream(STEP, URL), 1, 0)
        except TryAgain:
            return False
        return True

    assert sorted(race(ask, ask, ask, ask)) == [False, False, False, True]


# Configuration


def test_only_steps_that_can_be_given_away_are(asked: Witness, settings: Any) -> None:
    downstream.check()
    wrong = {"open": "it is always done here", "push-payment": "it is always done here"}
    wrong |= {"tax_calc": "there is no such step", "paychecks": "there is no such step"}
    for name, why in wrong.items():
        settings.EVENTS_DOWNSTREAM = {name: URL}
        with pytest.raises(ImproperlyConfigured, match=f"'{name}' cannot be given .*: {why}.* tax-calc"):
            downstream.check()


def test_a_heartbeat_is_the_deadline_where_nothing_else_is_said(asked: Witness, settings: Any) -> None:
    limited(settings, deadline_s=40)
    put(toy.batch(0, 1))
    runner.run_due()
    token = TaskToken.objects.get()
    assert (token.heartbeat_s, token.deadline_at) == (40, token.heartbeat_at)
    assert (token.deadline_at - token.issued_at).total_seconds() == 40


def test_the_clock_may_run_anywhere_and_takes_what_is_locked_later(asked: Witness) -> None:
    one, two = toy.batch(0, 2), toy.batch(2, 4)
    put(one, two)
    runner.run_due()
    sql("update events_tasktoken set deadline_at = clock_timestamp()")

    def hold(start: Barrier) -> int:
        with transaction.atomic():
            sql("select 1 from events_work where id = %s for update", one.id)
            start.wait()
            start.wait()
        return 0

    def expire(start: Barrier) -> int:
        start.wait()
        seen = tokens.expire()
        start.wait()
        return seen

    assert race(hold, expire) == [0, 1]
    assert (state(one.id), state(two.id)) == ("waiting", "ready")
    assert tokens.expire() == 1
    assert state(one.id) == "ready"
