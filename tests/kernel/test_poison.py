"""Work that kills whoever does it: found by halving, set aside alone, and nobody else pays for it."""

import os
import subprocess
import sys
from signal import SIGKILL

import pytest
from django.conf import settings

from events import dead_letters, runner
from events.failures import TryAgain
from events.models import Work
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
    state,
    types,
)

pytestmark = pytest.mark.usefixtures("toys")


class Killed(BaseException):
    """What a signal is to a process: nothing catches it, and nothing is tidied up but the transaction."""


def die() -> None:
    raise Killed


def workers_lost() -> int:
    """Run workers until nothing is due; each that is killed is replaced when its lease has run out."""
    lost = 0
    while True:
        all_due()
        try:
            if not runner.run_due(budget_s=PATIENCE_S):
                return lost
        except Killed:
            lost += 1
            assert lost < 20, "the poison is not found"
            leases_expire()


@pytest.mark.parametrize(
    ("items", "lost"),
    [
        (1, 3),  # alone from the beginning: as often as its step may be tried
        (10, 5),  # two of the batch, then alone
        (200, 6),  # two of the batch, one of its part, then alone
    ],
)
def test_a_batch_is_split_until_the_culprit_stands_alone(items: int, lost: int) -> None:
    errand = toy.errand((0, items))
    toy.FAULTS["tax-calc", 0] = die
    put(errand)
    assert workers_lost() == lost
    assert finished(*range(1, items))
    assert types(0) == toy.TYPES[:2], "what was recorded before stays"
    stands = letter()
    assert (stands.kind, stands.step, stands.attempts) == ("lost worker", "tax-calc", 4)
    assert stands.subject == ("toy-0" if items > 1 else "toys-0-1")
    assert stands.reason.startswith("3 workers began tax-calc and none came back")
    assert state(errand.id) == "joining"
    toy.FAULTS.clear()
    dead_letters.redrive(stands.id, by="ann")
    run_all()
    assert finished(0)
    assert state(errand.id) == "done"


def test_two_culprits_in_one_batch_are_both_found() -> None:
    errand = toy.errand((0, 40))
    toy.FAULTS["tax-calc", 7] = toy.FAULTS["tax-calc", 31] = die
    put(errand)
    workers_lost()
    assert finished(*(set(range(40)) - {7, 31}))
    dead = Work.objects.filter(state="dead")
    assert sorted(dead.values_list("subject", flat=True)) == ["toy-31", "toy-7"]
    assert row(errand.id)["pending"] == 2


def test_items_set_aside_before_a_split_do_not_come_back_with_it() -> None:
    errand = toy.errand((0, 10))
    toy.FAULTS["payroll-calc", 4] = toy.raising(TryAgain("not yet", after_s=10**6))
    toy.FAULTS["tax-calc", 5] = die
    put(errand)
    lost = 0
    while Work.objects.filter(state="ready").exclude(subject="toy-4").exists():
        try:
            runner.run_due(budget_s=PATIENCE_S)
        except Killed:
            lost += 1
            leases_expire()
    assert lost == 5
    assert Work.objects.filter(subject="toy-4").count() == 1
    assert toy.CALLS["payroll-calc", 4] == 1
    assert finished(*(set(range(10)) - {4, 5}))


def test_one_lost_worker_is_bad_luck_and_splits_nothing() -> None:
    batch = toy.batch(0, 10)
    toy.FAULTS["tax-calc", 0] = toy.once(die)
    put(batch)
    assert workers_lost() == 1
    assert finished(*range(10))
    assert Work.objects.count() == 1


def test_lost_workers_of_one_step_are_not_held_against_the_next() -> None:
    batch = toy.batch(0, 10)
    toy.FAULTS["tax-calc", 0] = toy.once(die)
    toy.FAULTS["retirement-calc", 0] = toy.once(die)
    put(batch)
    assert workers_lost() == 2
    assert finished(*range(10))
    assert Work.objects.count() == 1


def test_a_task_that_kills_its_workers_is_a_letter_when_its_attempts_are_spent() -> None:
    errand = toy.errand()
    toy.FAULTS["sum", errand.subject] = die
    put(errand)
    assert workers_lost() == 3
    assert (letter().kind, letter().subject, letter().step) == ("lost worker", errand.subject, "sum")


def test_loading_that_kills_does_not_keep_a_batch_from_being_split() -> None:
    batch = toy.batch(0, 5)
    fatal = [die] * 3
    toy.FAULTS["load", batch.subject] = lambda: fatal.pop()() if fatal else None
    put(batch)
    assert workers_lost() == 3
    assert finished(*range(5))
    assert Work.objects.count() == 1 + 5


def test_loading_that_fails_while_a_batch_is_split_ends_in_a_letter_and_no_worker() -> None:
    batch = toy.batch(0, 5)
    put(batch)
    for _ in range(2):
        claim()
        leases_expire()
    toy.FAULTS["load", batch.subject] = toy.raising(KeyError("manifest"))
    run_all()
    assert (letter().kind, letter().subject) == ("bug", batch.subject)
    toy.FAULTS.clear()
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert finished(*range(5))


def test_real_processes_are_killed_and_everybody_else_is_done() -> None:
    """Every worker that meets the item kills itself with SIGKILL, as the kernel does when memory runs out."""
    errand = toy.errand((0, 10))
    put(errand)
    ended = []
    while not ended or ended[-1] != 0:
        worker = subprocess.run(
            [sys.executable, "-m", "tests.kernel.worker_main", "tax-calc", "3"],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "deploy.settings"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        ended.append(worker.returncode)
        assert worker.returncode in {0, -SIGKILL}, worker.stderr
        leases_expire()
        all_due()
    assert ended == [-SIGKILL] * 5 + [0]
    assert finished(0, 1, 2, 4, 5, 6, 7, 8, 9)
    assert types(3) == toy.TYPES[:2]
    assert (letter().kind, letter().subject) == ("lost worker", "toy-3")
    assert row(errand.id) | {"state": "joining", "pending": 1} == row(errand.id)
