"""The three fates of a failure: one item's failure is that item's alone."""

import json
from typing import Any

import pytest

from events import dead_letters, runner, store
from events.dead_letters import NothingToUndo
from events.failures import NeedsReview, TryAgain
from events.models import DeadLetter, Work
from tests.kernel import toy
from tests.kernel.scene import PATIENCE_S, all_due, finished, letter, put, row, run_all, state, types

pytestmark = pytest.mark.usefixtures("toys")

SSN, ACCOUNT = "123-45-6789", "000123456789"
INVALID = NeedsReview("no such plan: name one")


# A person must look


def test_an_item_that_needs_review_is_one_dead_letter_and_the_others_go_on() -> None:
    errand = toy.errand((0, 5), (5, 8))
    toy.FAULTS["tax-calc", 3] = toy.raising(INVALID)
    put(errand)
    run_all()
    assert finished(0, 1, 2, 4, 5, 6, 7)
    assert types(3) == toy.TYPES[:2]
    stands = letter()
    assert (stands.kind, stands.reason, stands.step) == ("needs review", str(INVALID), "tax-calc")
    assert (stands.subject, stands.run_key, stands.group_key) == ("toy-3", "run-1", "group-1")
    assert state(errand.id) == "joining", "its errand waits for it"
    assert toy.CALLS["tax-calc", 3] == 1, "a person must look, so it is not tried again"


def test_a_redriven_item_goes_on_from_the_step_that_failed() -> None:
    errand = toy.errand((0, 5))
    toy.FAULTS["tax-calc", 3] = toy.raising(INVALID)
    put(errand)
    run_all()
    before = store.read("toy-3")
    toy.FAULTS.clear()
    dead_letters.redrive(letter().id, by="ann", reason="plan named")
    run_all()
    assert finished(*range(5))
    assert store.read("toy-3")[:2] == before
    assert (toy.CALLS["time-entry", 3], toy.CALLS["payroll-calc", 3]) == (1, 1)
    assert state(errand.id) == "done"


def test_a_redriven_item_that_fails_again_is_a_new_letter() -> None:
    toy.FAULTS["tax-calc", 3] = toy.raising(INVALID)
    put(toy.batch(0, 5))
    run_all()
    first = letter()
    dead_letters.redrive(first.id, by="ann")
    run_all()
    assert (letter().work, letter().subject) == (first.work, "toy-3")
    assert letter().id != first.id
    assert letter().fingerprint == first.fingerprint


def test_a_dismissed_item_is_recorded_as_such_and_its_parent_goes_on() -> None:
    errand = toy.errand((0, 5))
    toy.FAULTS["tax-calc", 3] = toy.raising(INVALID)
    put(errand)
    run_all()
    dead_letters.dismiss(letter().id, by="ann", reason=f"left; was {SSN}")
    run_all()
    assert types(3) == [*toy.TYPES[:2], "ToyDismissed"]
    assert store.read("toy-3")[-1].data == {"by": "ann", "reason": "left; was [masked]"}
    assert state(errand.id) == "done"
    assert store.read(errand.subject)[1].data["net_cents"] == toy.net_of([(0, 3), (4, 5)])


def test_a_batch_of_which_everyone_fails_is_a_letter_for_each() -> None:
    errand = toy.errand((0, 3))
    for number in range(3):
        toy.FAULTS["time-entry", number] = toy.raising(INVALID)
    put(errand)
    run_all()
    letters = DeadLetter.objects.order_by("subject")
    assert [one.subject for one in letters] == ["toy-0", "toy-1", "toy-2"]
    assert state(errand.id) == "joining"
    for one in letters:
        dead_letters.dismiss(one.id, by="ann", reason="all of them left")
    run_all()
    assert state(errand.id) == "done"


def test_a_task_that_needs_review_can_be_redriven_and_not_dismissed() -> None:
    errand = toy.errand((0, 2))
    toy.FAULTS["sum", errand.subject] = toy.raising(INVALID)
    put(errand)
    run_all()
    assert (state(errand.id), letter().step) == ("dead", "sum")
    with pytest.raises(NothingToUndo):
        dead_letters.dismiss(letter().id, by="ann", reason="never mind")
    toy.FAULTS.clear()
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert [event.type for event in store.read(errand.subject)] == ["Opened", "Summed", "Closed"]


# The world was not ready


def test_an_item_that_has_to_wait_leaves_its_batch_and_spends_no_attempt() -> None:
    errand = toy.errand((0, 5))
    toy.FAULTS["tax-calc", 3] = toy.raising(TryAgain("not ready", after_s=300))
    put(errand)
    runner.run_due(budget_s=PATIENCE_S)
    assert finished(0, 1, 2, 4)
    for _ in range(5):  # more often than a bug would be retried
        snoozed = Work.objects.get(subject="toy-3")
        assert (snoozed.state, snoozed.attempts) == ("ready", 0)
        assert runner.run_due(budget_s=PATIENCE_S) == 0, "it is not due yet"
        all_due()
        assert runner.run_due(budget_s=PATIENCE_S) == 1
    assert toy.CALLS["tax-calc", 3] == 6
    toy.FAULTS.clear()
    run_all()
    assert finished(3)
    assert state(errand.id) == "done"


@pytest.mark.parametrize("what", ["a batch of one", "a task", "a whole batch"])
def test_work_that_has_to_wait_spends_no_attempt(what: str) -> None:
    errand = toy.errand()
    works = {"a batch of one": toy.batch(3, 4), "a task": errand, "a whole batch": toy.batch(0, 5)}
    places = {"a batch of one": ("tax-calc", 3), "a task": ("sum", errand.subject)}
    busy = TryAgain(f"the line of {ACCOUNT} is busy", after_s=300)
    toy.FAULTS[places.get(what, ("load", "toys-0-5"))] = toy.raising(busy)
    put(works[what])
    runner.run_due(budget_s=PATIENCE_S)
    for _ in range(5):
        snoozed = row(works[what].id)
        assert (snoozed["state"], snoozed["attempts"]) == ("ready", 0)
        assert snoozed["error"] == "the line of [masked] is busy"
        assert runner.run_due(budget_s=PATIENCE_S) == 0, "it is not due yet"
        all_due()
        assert runner.run_due(budget_s=PATIENCE_S) == 1
    toy.FAULTS.clear()
    run_all()
    assert state(works[what].id) == "done"
    assert not DeadLetter.objects.exists()


# A bug


def broken() -> None:
    raise ZeroDivisionError(f"cannot divide {ACCOUNT} of {SSN}")


@pytest.mark.parametrize("what", ["a batch of one", "a task"])
def test_a_bug_is_retried_as_often_as_the_policy_says(what: str) -> None:
    errand = toy.errand()
    one = errand if what == "a task" else toy.batch(3, 4)
    runs: list[int] = []
    toy.FAULTS["sum", errand.subject] = toy.FAULTS["tax-calc", 3] = lambda: (runs.append(1), broken())
    put(one)
    runner.run_due(budget_s=PATIENCE_S)
    for attempt in (1, 2):
        assert row(one.id) | {"state": "ready", "attempts": attempt} == row(one.id)
        assert runner.run_due(budget_s=PATIENCE_S) == 0, "it backs off first"
        assert len(runs) == attempt
        all_due()
        runner.run_due(budget_s=PATIENCE_S)
    assert (state(one.id), len(runs)) == ("dead", 3)
    assert (letter().kind, letter().attempts) == ("bug", 3)
    assert letter().subject == (errand.subject if what == "a task" else "toy-3")


def test_a_bug_of_one_item_is_that_items_dead_letter() -> None:
    errand = toy.errand((0, 5))
    toy.FAULTS["tax-calc", 3] = broken
    put(errand)
    run_all()
    assert finished(0, 1, 2, 4)
    assert (letter().subject, letter().step, letter().kind) == ("toy-3", "tax-calc", "bug")
    toy.FAULTS.clear()
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert finished(3)
    assert state(errand.id) == "done"


def test_a_bug_that_passes_is_nobodys_business() -> None:
    errand = toy.errand((0, 5))
    toy.FAULTS["tax-calc", 3] = toy.once(broken)
    toy.FAULTS["sum", errand.subject] = toy.once(broken)
    put(errand)
    run_all()
    assert state(errand.id) == "done"
    assert not DeadLetter.objects.exists()


def test_a_letter_tells_where_it_happened_and_nothing_about_whom(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the letter, nor its events, nor the work, nor the log of the worker carries the numbers."""
    toy.FAULTS["tax-calc", 3] = broken
    put(toy.batch(0, 5))
    run_all()
    told = letter()
    assert told.reason == "ZeroDivisionError: cannot divide [masked] of [masked]"
    assert "in broken" in told.traceback
    assert "ZeroDivisionError: cannot divide [masked]" in told.traceback
    kept: list[Any] = [list(DeadLetter.objects.values()), list(Work.objects.values())]
    kept += [event.data for event in store.read(dead_letters.stream(told.id))]
    everything = json.dumps(kept, default=str) + caplog.text
    assert SSN not in everything
    assert ACCOUNT not in everything


def test_a_batch_that_cannot_be_loaded_is_one_letter() -> None:
    """That is no item's fault, and 250 letters would say no more than one."""
    batch = toy.batch(0, 5)
    toy.FAULTS["load", batch.subject] = broken
    put(batch)
    run_all()
    assert (letter().subject, letter().attempts, state(batch.id)) == (batch.subject, 3, "dead")
    toy.FAULTS.clear()
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert finished(*range(5))


@pytest.mark.parametrize(
    ("unrecordable", "items"),
    [("a \x00 byte", 1), ("half a \ud800 pair", 5), (float("nan"), 40), (object(), 5)],
    ids=["nul", "surrogate", "nan", "object"],
)
def test_an_item_whose_event_cannot_be_recorded_is_set_aside(unrecordable: Any, items: int) -> None:
    """The database, or JSON, refuses the whole insert: who it was has to be found, and no worker may die of it."""
    errand = toy.errand((0, items))
    toy.FAULTS["retirement-calc", 0] = lambda: [unrecordable]
    put(errand)
    run_all()
    assert finished(*range(1, items))
    assert types(0) == toy.TYPES[:3]
    assert (letter().subject, letter().step) == ("toy-0" if items > 1 else "toys-0-1", "retirement-calc")
    assert (letter().kind, letter().attempts) == ("bug", 3)
    toy.FAULTS.clear()
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert state(errand.id) == "done"


@pytest.mark.parametrize("fate", [TryAgain, NeedsReview, ValueError])
@pytest.mark.parametrize("items", [1, 5])
def test_a_message_that_cannot_be_stored_is_stored_as_far_as_it_can(
    fate: type[Exception], items: int
) -> None:
    toy.FAULTS["tax-calc", 0] = toy.once(toy.raising(fate("a \x00 byte and half a \ud800 pair")))
    put(toy.batch(0, items))
    run_all()
    assert finished(*range(1, items))
    assert finished(0) == (fate is not NeedsReview)
    if fate is NeedsReview:
        assert letter().reason == "a \ufffd byte and half a \ufffd pair"
