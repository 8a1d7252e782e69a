"""Kill -9 of workers: what they held is taken over within a lease and a sweep, and everybody is paid once."""

import signal
import time

import psutil
import pytest

from . import payday, roster
from .conftest import NewPayday
from .payday import FOLLOW, RECOVERY_S, STALL_S, START, Held, Payday, kill, lives

KILLS = 4


@pytest.mark.parametrize("doorbell", ["django_q", "polling"])
def test_workers_killed_in_a_row_in_the_middle_of_their_batches(
    new_payday: NewPayday, owed: roster.Owed, doorbell: str
) -> None:
    day = new_payday(pace=0.03, PAYROLL_DOORBELL=doorbell)
    run = day.start()
    day.until_computing()
    lost: list[Held] = []
    for _ in range(KILLS):
        pid = day.until(lambda: _computing(day), "a worker holds a batch")[0]
        killed_at = kill(pid)
        lost += day.held(pid)
    assert lost, "no worker was killed while it held a batch"
    day.pace(0)
    day.recovered(f"kill -9 of {KILLS} {doorbell} workers, {len(lost)} in a batch", lost, killed_at)
    assert day.finish(run)["complete"]
    assert day.query("select 1 from events_work where epoch > 1"), "nobody took anything over"
    day.assert_paid_once(owed)


def test_idle_workers_killed_before_work_arrives(new_payday: NewPayday, owed: roster.Owed) -> None:
    """They take the lock of django-q2's queue with them: its cluster lives on and never works again."""
    day = new_payday()
    workers = day.manage("worker", "--workers", "2")
    tree = day.tree(workers)
    day.until(lambda: all(map(_is_idle, tree.workers)), "both workers wait at the queue")
    kill(*tree.workers)
    run = day.manage(*START, *FOLLOW)
    day.until(lambda: day.events("PayRunOpened"), "the run is open")
    opened_at = time.monotonic()
    day.recovered("kill -9 of both idle workers", [], opened_at, RECOVERY_S + STALL_S)
    day.nobody_left([tree.main, tree.sentinel, tree.monitor, tree.pusher])
    assert lives(tree.supervisor)
    assert day.finish(run)["complete"]
    day.assert_paid_once(owed)


def test_a_worker_paused_past_its_lease_changes_nothing_when_it_wakes(
    new_payday: NewPayday, owed: roster.Owed
) -> None:
    day = new_payday(pace=0.03)
    day.manage("worker", "--workers", "2")
    run = day.manage(*START, *FOLLOW)
    paused, lost = _paused_in_a_batch(day)
    paused_at = time.monotonic()
    day.recovered("SIGSTOP of a worker", lost, paused_at)
    day.pace(0)
    assert day.finish(run)["complete"], "the others finish without it"
    assert lives(paused)
    events = day.events()
    before = paused.cpu_times()
    paused.send_signal(signal.SIGCONT)
    day.until(lambda: not lives(paused) or _has_moved_on(day, paused, before), "the paused worker woke up")
    assert day.events() == events, "it has recorded something"
    assert day.manage(*START, *FOLLOW).wait(payday.LIMIT_S) == 0
    day.assert_paid_once(owed)


def _computing(day: Payday) -> list[int]:
    """Workers that hold a batch and live."""
    return [held.pid for held in day.held() if lives(held.pid)]


def _is_idle(worker: psutil.Process) -> bool:
    """Whether it sleeps, and nothing has woken it for a while: it has got as far as the queue."""
    woken = worker.num_ctx_switches()
    time.sleep(0.2)  # the while
    return worker.status() == psutil.STATUS_SLEEPING and worker.num_ctx_switches() == woken


def _paused_in_a_batch(day: Payday) -> tuple[psutil.Process, list[Held]]:
    """A worker that is stopped while it holds a batch."""
    while True:
        day.until_computing()
        worker = psutil.Process(day.until(day.held, "a worker holds a batch")[0].pid)
        worker.suspend()
        if lost := day.held(worker.pid):
            return worker, lost
        worker.resume()


def _has_moved_on(day: Payday, worker: psutil.Process, before: object) -> bool:
    """Whether it has found out that it was left behind: it says so, in one of two ways."""
    said = day.said()
    return worker.cpu_times() != before and (
        "another worker took over" in said or "the database went away" in said
    )
