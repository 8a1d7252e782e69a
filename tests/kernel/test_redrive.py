"""Scheduled redrive: what heals by itself is tried again, within a budget, and a fault that stays is given up."""

from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from events import dead_letters, redrive, store, work
from events.models import DeadLetter, Work
from tests.kernel import toy
from tests.kernel.scene import claim, new, put, race, run_all, sql

pytestmark = pytest.mark.usefixtures("db")

FAULT = RuntimeError("the database of the tax office is away")


@pytest.fixture(autouse=True)
def budget(settings: Any) -> None:
    settings.EVENTS_REDRIVE_AFTER_S = 300.0
    settings.EVENTS_REDRIVE_PER_LETTER = 2
    settings.EVENTS_REDRIVE_PER_TICK = 50
    settings.EVENTS_REDRIVE_FAILED_MAX = 5


def dies(*, kind: str = "bug", error: Exception | None = FAULT) -> UUID:
    """The next piece of work that is due becomes a dead letter; returns the work's id."""
    held = claim()
    dead_letters.bury(held, kind=kind, reason="it failed", error=error)
    return held.id


def dead(count: int = 1, **more: Any) -> list[UUID]:
    put(*(new() for _ in range(count)))
    return [dies(**more) for _ in range(count)]


def passes(seconds: float) -> None:
    """Let time pass, for letters that are open and for those that were closed."""
    sql(
        "update events_deadletter set opened_at = opened_at - %s * interval '1 second', "
        "closed_at = closed_at - %s * interval '1 second'",
        seconds,
        seconds,
    )


def states(works: list[UUID]) -> list[str]:
    found = dict(Work.objects.filter(id__in=works).values_list("id", "state"))
    return [found[each] for each in works]


def outlook(work_id: UUID) -> str:
    letter = DeadLetter.objects.get(work=work_id, state="open")
    return redrive.outlooks([letter])[letter.id]


def goes_well(count: int = 1) -> None:
    for _ in range(count):
        held = claim()
        work.release(held, "done")


def test_where_money_may_have_moved_nobody_tries_again_but_a_person(settings: Any) -> None:
    (only,) = dead(kind="no answer")
    settings.EVENTS_REDRIVE_NEVER = {"step"}
    passes(301)
    assert redrive.scheduled() == 0
    assert outlook(only) == "not redriven by itself: a person has to look"
    settings.EVENTS_REDRIVE_NEVER = {"another"}
    assert redrive.scheduled() == 1


def test_what_may_heal_is_tried_again_after_a_while_and_by_name() -> None:
    (only,) = dead()
    assert redrive.scheduled() == 0
    assert outlook(only) == "redriven by itself in 5 min"
    passes(301)
    assert outlook(only) == "redriven by itself soon"
    assert redrive.scheduled() == 1
    letter = DeadLetter.objects.get()
    assert (letter.state, letter.closed_by) == ("redriven", "schedule")
    assert store.read(dead_letters.stream(letter.id))[-1].data["by"] == "schedule"
    assert states([only]) == ["ready"]


def test_each_wait_is_longer_and_after_two_a_person_has_to_look() -> None:
    (only,) = dead()
    passes(301)
    assert redrive.scheduled() == 1
    dies()
    passes(301)
    assert redrive.scheduled() == 0
    passes(1500)
    assert redrive.scheduled() == 1
    dies()
    passes(100_000)
    assert redrive.scheduled() == 0
    assert outlook(only) == "not redriven by itself any more: that was tried 2 times"


@pytest.mark.parametrize(
    ("kind", "tried"), [("bug", 1), ("lost worker", 1), ("no answer", 1), ("needs review", 0), ("alarm", 0)]
)
def test_what_needs_a_person_is_never_redriven_by_itself(kind: str, tried: int) -> None:
    (only,) = dead(kind=kind)
    passes(100_000)
    if not tried:
        assert outlook(only) == "not redriven by itself: a person has to look"
    assert redrive.scheduled() == tried


def test_a_fault_that_keeps_failing_is_given_up_and_a_fault_beside_it_is_not(settings: Any) -> None:
    """Forty dead of one fault: five are tried, all five die again, and none of the rest is touched."""
    stubborn = dead(40)
    passes(301)
    assert redrive.scheduled() == 5
    assert redrive.scheduled() == 0, "nothing is known of the five yet"
    for _ in range(5):
        dies()
    passes(301)
    assert redrive.scheduled() == 0
    assert states(stubborn) == ["dead"] * 40
    assert "this fault came back 5 times in a row" in outlook(stubborn[-1])
    other = dead(1, kind="lost worker", error=None)
    passes(301)
    assert redrive.scheduled() == 1
    assert states(other) == ["ready"]


def test_a_fault_that_heals_is_tried_without_end() -> None:
    every = dead(40)
    passes(301)
    assert redrive.scheduled() == 5
    goes_well(5)
    assert redrive.scheduled() == 35
    assert states(every).count("dead") == 0


def test_a_success_in_between_begins_the_count_again() -> None:
    """Four fail and the last goes well: the fault heals, and all others are tried. They fail: it is given up."""
    works = dead(40)
    passes(301)
    assert redrive.scheduled() == 5
    tried = [work_id for work_id, state in zip(works, states(works), strict=True) if state == "ready"]
    healed = DeadLetter.objects.filter(work__in=tried).order_by("closed_at").last()
    assert healed
    for _ in range(5):
        held = claim()
        if held.id == healed.work:
            work.release(held, "done")
        else:
            dead_letters.bury(held, kind="bug", reason="it failed", error=FAULT)
    assert redrive.scheduled() == 35
    for _ in range(35):
        dies()
    passes(100)
    assert states(works).count("dead") == 39
    passes(1800)
    assert redrive.scheduled() == 0


def test_a_person_who_redrives_one_lets_the_schedule_try_again() -> None:
    every = dead(12)
    passes(301)
    redrive.scheduled()
    for _ in range(5):
        dies()
    passes(301)
    assert redrive.scheduled() == 0
    untouched = DeadLetter.objects.filter(state="open").order_by("opened_at").first()
    assert untouched
    dead_letters.redrive(untouched.id, by="a person")
    goes_well()
    assert redrive.scheduled() == 5
    assert states(every).count("ready") == 5


def test_after_a_day_a_fault_that_was_given_up_is_tried_again() -> None:
    dead(12)
    passes(301)
    redrive.scheduled()
    for _ in range(5):
        dies()
    passes(86_000)
    assert redrive.scheduled() == 0
    passes(401)
    assert redrive.scheduled() == 5


def test_a_tick_redrives_so_many_and_no_more(settings: Any) -> None:
    settings.EVENTS_REDRIVE_PER_TICK = 3
    settings.EVENTS_REDRIVE_FAILED_MAX = 100
    dead(8)
    passes(301)
    assert [redrive.scheduled() for _ in range(4)] == [3, 3, 2, 0]


def test_ticks_that_race_redrive_each_letter_once_and_keep_the_budget() -> None:
    works = dead(20)
    passes(301)

    def tick(start: Barrier) -> int:
        start.wait()
        return redrive.scheduled()

    counts = race(*[tick] * 4)
    assert sum(counts) == 5
    assert states(works).count("ready") == 5
    assert DeadLetter.objects.filter(closed_by="schedule").count() == 5


def test_what_somebody_else_is_redriving_is_passed_by() -> None:
    """A person holds the work of one letter in a transaction: the tick does not wait for it, and takes the other."""
    works = dead(2)
    passes(301)
    letter = DeadLetter.objects.get(work=works[0])

    def person(start: Barrier) -> None:
        with transaction.atomic():
            dead_letters.set_going(letter.id, by="a person")
            start.wait()
            start.wait()

    def tick(start: Barrier) -> int:
        start.wait()
        count = redrive.scheduled()
        start.wait()
        return count

    assert race(person, tick) == [None, 1]
    assert dict(DeadLetter.objects.values_list("work", "closed_by")) == {
        works[0]: "a person",
        works[1]: "schedule",
    }


@pytest.mark.usefixtures("toys")
def test_a_real_step_that_heals_goes_on_and_ends() -> None:
    toy.FAULTS["tax-calc", 3] = toy.raising(RuntimeError("away"))
    put(toy.errand((0, 6)))
    run_all()
    assert DeadLetter.objects.get().kind == "bug"
    toy.FAULTS.clear()
    passes(301)
    assert redrive.scheduled() == 1
    run_all()
    assert not DeadLetter.objects.filter(state="open").exists()
    assert not Work.objects.exclude(state="done").exists()
