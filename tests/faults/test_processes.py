"""Kill -9 of everything around the workers, one process at a time: no orphans, and the run goes on."""

import time

import pytest

from . import roster
from .conftest import NewPayday
from .payday import FOLLOW, START, STOP_WITHIN_S, family, kill, lives


@pytest.mark.parametrize("victim", ["pusher", "monitor", "sentinel", "main", "supervisor"])
def test_a_process_of_the_pool_is_killed(new_payday: NewPayday, owed: roster.Owed, victim: str) -> None:
    day = new_payday(pace=0.02)
    run = day.start()
    tree = day.tree(run)
    day.until_computing()
    below = family(getattr(tree, victim))
    killed_at = kill(below[0])
    day.nobody_left(below)
    day.recovered(f"kill -9 of the {victim}", day.held(*(process.pid for process in below)), killed_at)
    assert victim == "supervisor" or lives(tree.supervisor)
    day.pace(0)
    assert day.finish(run)["complete"]
    assert not day.ours(), "the command is over and processes are left"
    day.assert_paid_once(owed)


def test_sigterm_hands_the_work_back_and_another_supervisor_completes(
    new_payday: NewPayday, owed: roster.Owed
) -> None:
    day = new_payday(pace=0.05)
    first = day.manage("worker", "--workers", "2")
    run = day.manage(*START, *FOLLOW)
    tree = day.tree(first)
    day.until_computing()
    below = family(tree.main)
    began = time.monotonic()
    first.terminate()
    assert first.wait(STOP_WITHIN_S) == 0
    print(f"SIGTERM: stopped in {time.monotonic() - began:.1f} s, at most {STOP_WITHIN_S:g}")  # noqa: T201
    day.nobody_left(below)
    assert not day.query("select 1 from events_work where state = 'leased'"), "a lease was not handed back"
    assert not day.is_complete()
    day.pace(0)
    day.manage("worker", "--workers", "2")
    assert day.finish(run)["complete"]
    assert not day.query("select 1 from events_work where lost > 0")
    day.assert_paid_once(owed)
