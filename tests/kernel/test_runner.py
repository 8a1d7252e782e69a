"""Claim, work, apply: sagas that are no payroll run to their end, on any workers, and no step twice."""

from dataclasses import replace
from uuid import uuid4, uuid5

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import batches, dead_letters, runner, store, work
from events.failures import NeedsReview
from events.models import Work
from events.saga import REGISTRY, Outcome, Saga, Undo, task
from events.work import Claimed, NewWork
from tests.kernel import toy
from tests.kernel.scene import PATIENCE_S, all_due, claim, finished, letter, put, row, run_all, state, types

pytestmark = pytest.mark.usefixtures("toys")


def net(number: int) -> int:
    """What one toy comes to, computed beside the kernel."""
    one = toy.Toy(number, "nowhere")
    for step in toy.STEPS:
        one.fold(step.decide(one, toy.RULES))
    return int(one.facts["net_cents"])


def test_a_pipeline_records_one_event_per_step_and_item() -> None:
    put(toy.batch(0, 20))
    assert run_all() == 1
    assert finished(*range(20))
    assert {toy.CALLS[name, number] for name in toy.NAMES for number in range(20)} == {1}
    assert store.read("toy-7")[-1].data["net_cents"] == net(7)


def test_an_errand_goes_on_when_all_that_it_forked_has_finished() -> None:
    errand = toy.errand((0, 5), (5, 8))
    put(errand)
    assert run_all() == 5, "open, two batches, sum, close"
    assert finished(*range(8))
    recorded = store.read(errand.subject)
    assert [event.type for event in recorded] == ["Opened", "Summed", "Closed"]
    assert recorded[1].data == {"net_cents": sum(net(number) for number in range(8))}
    assert {event.cause for event in recorded} == {errand.id}
    assert set(Work.objects.values_list("state", flat=True)) == {"done"}
    assert row(errand.id)["finished_at"] is not None


def test_an_errand_waits_for_its_signature() -> None:
    errand = toy.errand((0, 2), wait=True)
    put(errand)
    run_all()
    assert (state(errand.id), row(errand.id)["step"]) == ("waiting", "close")
    assert work.resume(errand.id, from_state="waiting")
    run_all()
    assert state(errand.id) == "done"


def test_a_step_that_was_finished_leaves_its_attempts_behind() -> None:
    """Whether it forked, waited or just went on: the next step has as many attempts as its policy says."""
    errand = toy.errand((0, 2), wait=True)
    for name in ("open", "sum"):
        toy.FAULTS[name, errand.subject] = toy.once(toy.raising(ValueError("no")))
    toy.FAULTS["tax-calc", 0] = toy.raising(NeedsReview("look"))
    put(errand)
    run_all()
    assert row(errand.id) | {"state": "joining", "step": "sum", "attempts": 0} == row(errand.id)
    dead_letters.dismiss(letter().id, by="ann", reason="left")
    run_all()
    assert row(errand.id) | {"state": "waiting", "step": "close", "attempts": 0} == row(errand.id)


def test_an_errand_can_be_part_of_another() -> None:
    whole = toy.errand()
    one = replace(toy.errand((0, 2)), parent=whole.id)
    toy.FAULTS["open", whole.subject] = lambda: Outcome(fork=[one])
    toy.FAULTS["sum", whole.subject] = toy.FAULTS["close", whole.subject] = Outcome
    toy.FAULTS["close", one.subject] = toy.once(toy.raising(NeedsReview("look")))
    put(whole)
    run_all()
    assert (state(whole.id), state(one.id)) == ("joining", "dead")
    dead_letters.redrive(letter().id, by="ann")
    run_all()
    assert (state(whole.id), state(one.id)) == ("done", "done")


def test_a_saga_that_forks_nothing_goes_on_at_once() -> None:
    errand = toy.errand()
    put(errand)
    assert run_all() == 3
    assert state(errand.id) == "done"


def test_work_that_is_started_beside_a_saga_is_waited_for_by_nobody() -> None:
    errand, beside = toy.errand(), toy.batch(0, 2)
    toy.FAULTS["open", errand.subject] = lambda: Outcome(then=[replace(beside, delay_s=300)])
    toy.FAULTS["sum", errand.subject] = toy.FAULTS["close", errand.subject] = Outcome
    put(errand)
    runner.run_due(budget_s=PATIENCE_S)
    assert (state(errand.id), state(beside.id)) == ("done", "ready")


@pytest.mark.parametrize("ending", ["fork", "wait"])
def test_a_saga_cannot_end_with_a_fork_or_a_wait(ending: str) -> None:
    """There is no next step to go to, so it would come back to this one and stand still for ever."""

    @task("only", queue="control", undo=Undo(""))
    def only(held: Claimed) -> Outcome:
        return Outcome(wait=True) if ending == "wait" else Outcome(fork=[toy.batch(0, 1, parent=held.id)])

    REGISTRY["errand"] = Saga("errand", (only,))
    put(replace(toy.errand(), step="only"))
    run_all()
    assert "no step follows" in letter().reason


def test_a_task_may_send_its_saga_back_to_an_earlier_step() -> None:
    """Checked, then found to be another thing when it is used: it is checked again, and used then."""
    done: list[str] = []

    @task("check", queue="control", undo=Undo(""))
    def check(held: Claimed) -> Outcome:
        done.append("check")
        return Outcome()

    @task("use", queue="control", undo=Undo(""))
    def use(held: Claimed) -> Outcome:
        done.append("use")
        return Outcome(to="check") if done.count("use") == 1 else Outcome()

    REGISTRY["errand"] = Saga("errand", (check, use))
    errand = replace(toy.errand(), step="check")
    put(errand)
    run_all()
    assert done == ["check", "use", "check", "use"]
    assert state(errand.id) == "done"


def test_a_batch_is_as_many_statements_for_many_items_as_for_few() -> None:
    statements = []
    for lo, hi in ((0, 2), (2, 202)):
        put(toy.batch(lo, hi))
        with CaptureQueriesContext(connection) as captured:
            run_all()
        statements.append(len(captured))
    assert statements[0] == statements[1]
    assert finished(*range(202))


# Who serves what


def test_a_batch_hops_between_the_queues_of_its_steps() -> None:
    put(toy.batch(0, 3))
    assert runner.run_due(queues=["tax-calc", "payroll-calc"], budget_s=PATIENCE_S) == 0
    for name, recorded in (("time-entry", 1), ("payroll-calc", 2), ("tax-calc", 3), ("retirement-calc", 4)):
        assert runner.run_due(queues=[name], budget_s=PATIENCE_S) == 1
        assert types(1) == toy.TYPES[:recorded]
    assert finished(0, 1, 2)


def test_a_worker_of_several_queues_keeps_a_batch_as_far_as_it_serves_it() -> None:
    batch = toy.batch(0, 3)
    put(batch)
    assert runner.run_due(queues=["payroll-calc", "time-entry"], budget_s=PATIENCE_S) == 1
    hopped = {"state": "ready", "step": "tax-calc", "queue": "tax-calc", "attempts": 0, "lease_until": None}
    assert row(batch.id) | hopped == row(batch.id)


def test_a_worker_that_stops_hands_its_batch_back_after_the_step() -> None:
    """The batch stands before its next step at once: nobody has to wait for a lease to run out."""
    batch = toy.batch(0, 3)
    put(batch, toy.batch(3, 4, turn=1))
    told = []
    toy.FAULTS["time-entry", 0] = lambda: told.append("stop")
    assert runner.run_due(stopping=lambda: bool(told), budget_s=PATIENCE_S) == 1
    assert types(0) == toy.TYPES[:1]
    assert row(batch.id) | {"state": "ready", "step": "payroll-calc", "attempts": 0} == row(batch.id)
    assert runner.run_due(stopping=lambda: True, budget_s=PATIENCE_S) == 0
    run_all()
    assert finished(0, 1, 2, 3)
    assert toy.CALLS["time-entry", 0] == 1


@pytest.mark.parametrize("newer", [{"saga": "errand", "step": "later"}, {"saga": "unheard-of"}])
def test_work_of_a_newer_version_is_left_for_a_worker_that_knows_it(newer: dict[str, str]) -> None:
    unknown = replace(toy.errand(), **newer)
    put(unknown)
    put(toy.batch(0, 2))
    for _ in range(5):
        all_due()
        assert runner.run_due(budget_s=PATIENCE_S) > 0, "it is looked at, and put back"
    assert finished(0, 1), "the others go on"
    left = row(unknown.id)
    assert left | {"state": "ready", "attempts": 0, "lost": 0} == left
    assert newer.get("step", "unheard-of") in left["error"]
    assert work.claim("x", queues=["control"], lease_s=1) is None, "and it is not looked at all the time"


def test_a_run_does_not_outlast_its_budget() -> None:
    put(*(toy.batch(number, number + 1) for number in range(3)))
    assert runner.run_due(budget_s=0) == 0
    assert runner.run_due(budget_s=PATIENCE_S) == 3


def test_nothing_due_is_nothing_done() -> None:
    assert runner.run_due(budget_s=PATIENCE_S) == 0


def test_the_work_is_done_outside_of_any_transaction() -> None:
    seen = []
    toy.FAULTS["tax-calc", 0] = lambda: seen.append(connection.in_atomic_block)
    errand = toy.errand((0, 1))
    toy.FAULTS["sum", errand.subject] = lambda: seen.append(connection.in_atomic_block)
    put(errand)
    run_all()
    assert seen == [False, False]


def test_an_item_set_aside_is_work_of_its_own_with_a_key_of_its_own() -> None:
    """The key is made of what it is; and the items of the batch and those set aside are what was begun."""
    batch = toy.batch(0, 5, parent=uuid4())
    toy.FAULTS["tax-calc", 1] = toy.raising(ValueError("no"))
    put(batch)
    runner.run(claim())
    assert dict(Work.objects.values_list("id", "items")) == {batch.id: 4, uuid5(batch.id, "1-2"): 1}


def loads(batch: NewWork) -> list[str]:
    """From now on, one entry for each time that this batch is loaded."""
    counted: list[str] = []
    toy.FAULTS["load", batch.subject] = lambda: counted.append(batch.subject)
    return counted


def step_on() -> None:
    """Claim what is due, take it one step further, and let go of it."""
    assert runner.run_due(queues=[*toy.NAMES], hop=True, budget_s=0.0001) == 1


def test_a_batch_that_comes_back_to_its_worker_is_not_loaded_again() -> None:
    put(batch := toy.batch(0, 3))
    counted = loads(batch)
    toy.FAULTS["payroll-calc", 1] = toy.raising(NeedsReview("no"))
    for _ in toy.NAMES:
        step_on()
    assert len(counted) == 1
    assert finished(0, 2)
    assert types(1) == toy.TYPES[:1]


def test_a_batch_that_anybody_held_in_between_is_loaded_again() -> None:
    put(batch := toy.batch(0, 3))
    counted = loads(batch)
    step_on()
    held = claim(queues=["payroll-calc"])
    work.release(held, "ready", give_back=1)
    step_on()
    assert len(counted) == 2
    # Another worker takes it two steps further while this one is asleep.
    ours, batches._let_go = batches._let_go, None
    step_on()
    batches._let_go = ours
    step_on()
    assert len(counted) == 4
    assert finished(0, 1, 2)


def test_a_batch_of_which_somebody_was_taken_out_in_between_is_loaded_again() -> None:
    put(batch := toy.batch(0, 3))
    counted = loads(batch)
    step_on()
    Work.objects.filter(id=batch.id).update(payload={**batch.payload, "without": [1]})
    step_on()
    assert len(counted) == 2
    assert (types(0), types(1)) == (toy.TYPES[:2], toy.TYPES[:1])


def test_a_worker_forgets_a_batch_when_it_takes_another() -> None:
    first, second = toy.batch(0, 3), toy.batch(3, 6, turn=1)
    put(first, second)
    counted = [*map(loads, (first, second))]
    step_on()
    assert runner.run_due(queues=["time-entry"], hop=True, budget_s=0.0001) == 1
    run_all()
    assert [len(each) for each in counted] == [2, 2]
    assert finished(*range(6))
