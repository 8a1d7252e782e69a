"""The durable queue: what a claim promises, leases and fences, parents and children."""

from collections.abc import Callable
from dataclasses import replace
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import transaction

from deploy.postgres import Cluster
from events import work
from events.models import Work
from events.work import Claimed, Fenced
from tests.kernel.scene import LEASE_S, all_due, claim, leases_expire, new, put, race, row, sql, state

pytestmark = pytest.mark.usefixtures("db")


def advance(held: Claimed, **more: Any) -> None:
    work.advance(held, step="next", queue="q2", payload={"lo": 1}, items=1, lease_s=LEASE_S, **more)


# Enqueue and claim


def test_enqueueing_twice_is_one_piece_of_work() -> None:
    one = new()
    put(one, one)
    held = claim()
    put(replace(one, step="another", payload={"lo": 7}))
    work.release(held, "done")
    put(one)
    assert Work.objects.count() == 1
    assert row(one.id) | {"state": "done", "step": "step", "payload": {}} == row(one.id)


def test_a_claim_counts_the_attempt_and_commits_before_the_work(db: Cluster) -> None:
    one = new()
    put(one)
    held = claim("worker-7")
    with psycopg.connect(db.app_url) as other:
        seen = other.execute(
            "select state, attempts, epoch, worker, lease_until - clock_timestamp() between interval '50 s' and "
            "interval '60 s' from events_work"
        ).fetchone()
    assert seen == ("leased", 1, 1, "worker-7", True)
    assert (held.id, held.attempts, held.epoch) == (one.id, 1, 1)


def test_a_claim_refuses_to_be_part_of_a_larger_transaction() -> None:
    put(new())
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        claim()


def test_two_claimers_never_get_the_same_work() -> None:
    """A hundred rounds: both start on a barrier, for one, two or three pieces of work."""
    rounds = 100
    each_round = [[new(turn=n) for _ in range(1 + n % 3)] for n in range(rounds)]

    def take(start: Barrier) -> list[Any]:
        took = []
        for works in each_round:
            if start.wait() == 0:
                put(*works)
            start.wait()
            while held := work.claim("one of two", queues=None, lease_s=LEASE_S):
                took.append((held.id, held.epoch))
            start.wait()
        return took

    first, second = race(take, take)
    assert sorted([*first, *second]) == sorted((one.id, 1) for works in each_round for one in works)


@pytest.mark.own_session
def test_a_claim_passes_by_work_that_another_claim_is_taking(db: Cluster) -> None:
    first, second = new(turn=1), new(turn=2)
    put(first, second)
    with psycopg.connect(db.app_url) as other:
        other.execute("select 1 from events_work where id = %s for update", [first.id])
        sql("set lock_timeout = '2s'")
        assert claim().id == second.id
        assert work.claim("a third", queues=None, lease_s=LEASE_S) is None
    assert claim().id == first.id


def test_work_is_taken_from_the_queues_that_are_served() -> None:
    put(new(queue="a", turn=1), new(queue="b", turn=2), new(queue="c", turn=3))
    assert [claim(queues=["c", "b"]).queue for _ in range(2)] == ["b", "c"]
    assert work.claim("x", queues=["c", "b"], lease_s=LEASE_S) is None
    assert claim().queue == "a"


def test_work_is_not_claimed_before_it_is_due() -> None:
    one = new(delay_s=300)
    put(one)
    assert work.due() == 0
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None
    all_due()
    assert work.due() == 1
    work.release(claim(), "ready", delay_s=300)
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None


# Leases and fences


def test_a_lease_that_runs_out_is_swept_up_and_counted_once() -> None:
    one, other = new(turn=1), new(turn=2)
    put(one, other)
    claim()
    held = claim()
    sql("update events_work set lease_until = clock_timestamp() - interval '1 s' where id = %s", one.id)
    assert work.sweep().expired == 1
    assert work.sweep() == (0, 1)
    assert (state(one.id), row(one.id)["lost"], row(one.id)["attempts"]) == ("ready", 1, 1)
    assert (state(held.id), row(held.id)["lost"]) == ("leased", 0), "a lease that lasts is left alone"
    assert claim().attempts == 2


def test_sweeps_that_race_count_a_lost_worker_once() -> None:
    """Three sweepers start together, thirty times, over ten leases that have run out."""
    works = [new() for _ in range(10)]
    put(*works)

    def sweep(start: Barrier) -> int:
        expired = 0
        for _ in range(30):
            if start.wait() == 0:
                sql(
                    "update events_work set state = 'leased', lease_until = clock_timestamp() - interval '1 s'"
                )
            start.wait()
            expired += work.sweep().expired
            start.wait()
        return expired

    assert sum(race(sweep, sweep, sweep)) == 300
    assert {row(one.id)["lost"] for one in works} == {30}


def test_a_heartbeat_extends_the_lease() -> None:
    put(new())
    held = claim()
    sql("update events_work set lease_until = clock_timestamp() - interval '1 s'")
    assert work.heartbeat(held, lease_s=LEASE_S)
    assert work.sweep().expired == 0


def lost_to_another() -> Claimed:
    held = claim()
    leases_expire()
    claim("another")
    return held


def lost_to_nobody_yet() -> Claimed:
    held = claim()
    leases_expire()
    return held


def finished_already() -> Claimed:
    held = claim()
    work.release(held, "done")
    return held


GUARDED: dict[str, Callable[[Claimed], Any]] = {
    "advance": advance,
    **{
        f"release to {to}": lambda held, to=to: work.release(held, to, step="next", pending=3, fresh=True)
        for to in ("ready", "joining", "waiting", "dead", "done", "cancelled")
    },
}


@pytest.mark.parametrize("lose", [lost_to_another, lost_to_nobody_yet, finished_already])
def test_who_lost_the_lease_changes_nothing(lose: Callable[[], Claimed]) -> None:
    put(new())
    stale = lose()
    before = row(stale.id)
    for name, change in GUARDED.items():
        with pytest.raises(Fenced):
            change(stale)
        assert row(stale.id) == before, name
    assert not work.heartbeat(stale, lease_s=LEASE_S)
    assert row(stale.id) == before, "heartbeat"


def test_a_snooze_gives_the_attempt_back() -> None:
    put(new())
    for _ in range(5):
        held = claim()
        assert held.attempts == 1
        work.release(held, "ready", give_back=1)
    held = claim()
    work.release(held, "ready")
    assert claim().attempts == 2, "any other release does not"


def test_the_next_step_begins_with_no_attempts_counted_against_it() -> None:
    put(new())
    claim()
    leases_expire()
    held = claim()
    advance(held)
    assert row(held.id) | {"step": "next", "queue": "q2", "attempts": 1, "lost": 0} == row(held.id)
    sql("update events_work set lost = 1")
    work.release(held, "ready", fresh=True)
    assert row(held.id) | {"step": "next", "attempts": 0, "lost": 0} == row(held.id)


def test_an_advance_extends_the_lease() -> None:
    put(new())
    held = claim()
    sql("update events_work set lease_until = clock_timestamp() - interval '1 s'")
    advance(held)
    assert work.sweep().expired == 0


# Parents and children


def parent_of(children: int) -> Claimed:
    put(new())
    parent = claim()
    work.release(parent, "joining", pending=children)
    return parent


def test_the_last_child_makes_its_parent_ready_exactly_once() -> None:
    """Four children finish at the same moment, twenty-five times."""
    parents = [parent_of(4) for _ in range(25)]

    def finish(start: Barrier) -> list[bool]:
        last = []
        for parent in parents:
            start.wait()
            with transaction.atomic():
                last.append(work.child_finished(parent.id))
        return last

    assert [sum(each) for each in zip(*race(finish, finish, finish, finish), strict=True)] == [1] * 25
    assert {(state(parent.id), row(parent.id)["pending"]) for parent in parents} == {("ready", 0)}


def test_a_parent_waits_for_children_that_come_later_and_for_those_that_are_dead() -> None:
    parent = parent_of(2)
    child = new(parent=parent.id)
    put(child)
    work.release(claim(), "dead")
    work.children_added(parent.id, 1)
    assert [work.child_finished(parent.id) for _ in range(2)] == [False, False]
    assert state(parent.id) == "joining"
    assert work.resume(child.id, from_state="dead")
    assert work.cancel(child.id, from_state="ready")
    assert state(parent.id) == "ready"


def test_a_parent_that_was_given_up_does_not_come_back_when_its_children_finish() -> None:
    parent = parent_of(1)
    assert work.cancel(parent.id, from_state="joining")
    assert not work.child_finished(parent.id)
    assert state(parent.id) == "cancelled"


# What a person sets going again


def test_of_two_who_resume_or_give_up_the_same_work_one_wins() -> None:
    works = [new() for _ in range(40)]
    parent = parent_of(len(works))
    put(*(replace(one, parent=parent.id) for one in works))
    for _ in works:
        work.release(claim(), "dead")

    def each(change: Callable[..., bool]) -> Callable[[Barrier], list[bool]]:
        def act(start: Barrier) -> list[bool]:
            won = []
            for one in works:
                start.wait()
                with transaction.atomic():
                    won.append(change(one.id, from_state="dead"))
            return won

        return act

    resumed, cancelled = race(each(work.resume), each(work.cancel))
    assert [sum(each) for each in zip(resumed, cancelled, strict=True)] == [1] * len(works)
    assert Work.objects.filter(state="ready").count() == sum(resumed)
    assert row(parent.id)["pending"] == len(works) - sum(cancelled)


@pytest.mark.parametrize("change", [work.resume, work.cancel])
def test_work_is_set_going_from_the_state_it_was_seen_in_and_no_other(change: Callable[..., bool]) -> None:
    put(new())
    held = claim()
    before = row(held.id)
    assert not change(held.id, from_state="dead")
    assert row(held.id) == before
    work.release(held, "dead", error="no")
    sql("update events_work set lost = 2")
    assert change(held.id, from_state="dead")
    assert row(held.id)["epoch"] == before["epoch"] + 1, "and whoever held it is fenced out"
    if change is work.resume:
        assert row(held.id) | {"state": "ready", "attempts": 0, "lost": 0, "error": ""} == row(held.id)
