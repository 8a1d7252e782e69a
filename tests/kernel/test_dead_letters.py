"""Dead letters: one open letter for one piece of dead work, decided once, recorded on a stream of its own."""

from collections.abc import Callable
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError

from events import dead_letters, store
from events.dead_letters import NotOpen
from events.failures import NeedsReview
from events.models import DeadLetter, Work
from events.store import NewEvent
from tests.kernel import toy
from tests.kernel.scene import finished, letter, put, race, row, run_all, state, types

pytestmark = pytest.mark.usefixtures("toys")


def buried(items: int = 1, *, parent: UUID | None = None) -> list[UUID]:
    """Letters for the first toys of a batch, all of the same fault."""
    for number in range(items):
        toy.FAULTS["tax-calc", number] = toy.raising(NeedsReview("no such plan"))
    put(toy.batch(0, items + 1, parent=parent))
    run_all()
    toy.FAULTS.clear()
    return list(DeadLetter.objects.order_by("subject").values_list("id", flat=True))


def everything() -> list[Any]:
    return [
        list(DeadLetter.objects.values()),
        list(Work.objects.order_by("id").values()),
        store.read_prefix(""),
    ]


def redrive(letter_id: UUID) -> None:
    dead_letters.redrive(letter_id, by="ann", reason="again")


def dismiss(letter_id: UUID) -> None:
    dead_letters.dismiss(letter_id, by="bob", reason="left")


# Decided once


@pytest.mark.parametrize(("first", "second"), [(redrive, redrive), (redrive, dismiss), (dismiss, dismiss)])
def test_of_two_people_who_decide_at_the_same_time_one_wins(
    first: Callable[[UUID], None], second: Callable[[UUID], None]
) -> None:
    """Twenty letters, two threads on a barrier: one decision each, and the other person is told who was first."""
    errand = toy.errand()
    put(errand)
    letters = buried(20)

    def each(decide: Callable[[UUID], None]) -> Callable[[Barrier], list[Any]]:
        def act(start: Barrier) -> list[Any]:
            told: list[Any] = []
            for one in letters:
                start.wait()
                try:
                    told.append(decide(one))
                except NotOpen as error:
                    told.append(error)
            return told

        return act

    for one, told in zip(letters, zip(*race(each(first), each(second)), strict=True), strict=True):
        assert [answer is None for answer in told].count(True) == 1
        closed = DeadLetter.objects.get(id=one)
        assert f"was already {closed.state} by {closed.closed_by}" in str(next(filter(None, told)))
        decided = store.read(dead_letters.stream(one))
        assert [event.type for event in decided] == ["DeadLettered", closed.state.capitalize()]
        assert state(closed.work) == ("ready" if closed.state == "redriven" else "cancelled")
        assert ("ToyDismissed" in types(int(closed.subject.removeprefix("toy-")))) == (
            closed.state == "dismissed"
        )


@pytest.mark.parametrize("again", [redrive, dismiss])
def test_a_second_click_changes_nothing(again: Callable[[UUID], None]) -> None:
    (one,) = buried()
    redrive(one)
    run_all()
    before = everything()
    with pytest.raises(NotOpen, match="toy-0 at tax-calc was already redriven by ann"):
        again(one)
    assert everything() == before


def test_a_letter_that_never_was_is_not_open() -> None:
    with pytest.raises(NotOpen, match="there is no dead letter"):
        redrive(uuid4())


def test_a_letter_whose_work_is_no_longer_dead_is_not_decided() -> None:
    (one,) = buried()
    Work.objects.filter(state="dead").update(state="done")
    for decide in (redrive, dismiss):
        with pytest.raises((NotOpen, Work.DoesNotExist)):
            decide(one)
    assert letter().id == one, "the letter stays open"
    assert store.version(dead_letters.stream(one)) == 1


def test_there_is_one_open_letter_for_one_piece_of_work() -> None:
    buried()
    with pytest.raises(IntegrityError, match="one_open_letter_per_work"):
        DeadLetter.objects.create(**{**DeadLetter.objects.values().get(), "id": uuid4()})


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_dismissal_needs_a_reason(reason: str) -> None:
    (one,) = buried()
    with pytest.raises(ValueError, match="needs a reason"):
        dead_letters.dismiss(one, by="bob", reason=reason)
    assert letter().id == one


def test_other_work_can_take_the_place_of_what_is_dead() -> None:
    """The parent waits for the new work instead, and for no more and no less than before."""
    parent = toy.errand((0, 2))
    put(parent)
    toy.FAULTS["tax-calc", 0] = toy.raising(NeedsReview("no such plan"))
    run_all()
    dead = letter()
    other = replace(toy.batch(7, 8), parent=parent.id)
    corrected = NewEvent("toy-0", 3, "Corrected", {})
    dead_letters.replace(dead.id, other, [corrected], by="ann", reason="seven instead")
    assert row(parent.id) | {"state": "joining", "pending": 1} == row(parent.id)
    assert state(dead.work) == "cancelled"
    with pytest.raises(NotOpen):
        dead_letters.replace(dead.id, other, [corrected], by="bob")
    run_all()
    assert finished(7)
    assert types(0) == [*toy.TYPES[:2], "Corrected"]
    assert state(parent.id) == "done"


# What is recorded


def test_what_happens_to_a_letter_is_recorded_on_its_own_stream() -> None:
    letters = buried(2)
    assert letters[0] != letters[1]
    redrive(letters[0])
    dismiss(letters[1])
    work = DeadLetter.objects.get(id=letters[0]).work
    opened, decided = store.read(f"deadletter-{letters[0]}")
    assert opened.type == "DeadLettered"
    facts = {"work": str(work), "subject": "toy-0", "step": "tax-calc", "kind": "needs review", "attempts": 1}
    assert opened.data == {**facts, "reason": "no such plan", "fingerprint": opened.data["fingerprint"]}
    assert (decided.type, decided.data) == ("Redriven", {"by": "ann", "reason": "again", "step": "tax-calc"})
    assert {opened.cause, decided.cause} == {work}
    assert [event.type for event in store.read(f"deadletter-{letters[1]}")] == ["DeadLettered", "Dismissed"]


def test_what_a_person_writes_is_masked_in_the_table_and_in_the_log() -> None:
    letters = buried(2)
    dead_letters.redrive(letters[0], by="ann", reason="account 0123456789 mended" + "!" * 600)
    dead_letters.dismiss(letters[1], by="ann", reason="123-45-6789 has left")
    assert DeadLetter.objects.get(id=letters[1]).closed_reason == "[masked] has left"
    assert store.read(dead_letters.stream(letters[1]))[1].data["reason"] == "[masked] has left"
    kept = DeadLetter.objects.get(id=letters[0]).closed_reason
    assert kept.startswith("account [masked] mended!")
    assert len(kept) == dead_letters.REASON_MAX


def test_letters_are_found_by_what_they_are_about() -> None:
    letters = buried(3)
    same = DeadLetter.objects.all()[0].fingerprint

    def found(**filters: str) -> list[UUID]:
        return [one.id for one in dead_letters.open_letters(**filters)]

    assert found(run_key="run-1", step="tax-calc") == found(fingerprint=same) == letters
    dismiss(letters[1])
    assert found(group_key="group-1") == [letters[0], letters[2]]
    assert found(run_key="run-2") == []
