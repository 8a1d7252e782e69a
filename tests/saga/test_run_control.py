"""Pause, resume, limits and tolerance of a live run."""

import re
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models.functions import Now

from events import dead_letters, limits, runner, saga, store, work
from events.failures import NeedsReview
from events.models import Event, Limit, Work, WorkState
from events.work import Claimed
from ops.status import quiet, run_status
from payroll import keys, replay, runs
from payroll import saga as payroll_saga
from payroll.runs import Refused
from payroll.tolerance import Tolerance
from tests.kernel.scene import race
from tests.saga import paydays

pytestmark = pytest.mark.usefixtures("db")

PEOPLE = 20
PERIOD = (paydays.START, paydays.END, paydays.PAYDAY)


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Path:
    """One employer of twenty and one of two, in batches of five."""
    settings.PAYROLL_GATEWAY = "ach"
    settings.PAYROLL_BATCH = 5
    people = [
        paydays.salaried("ACME", f"a{number:02d}", f"{52_000 + 520 * number}.00") for number in range(PEOPLE)
    ]
    people += [paydays.salaried("BOLT", f"b{number}", "62400.00") for number in range(2)]
    paydays.load(tmp_path, [paydays.employer("ACME"), paydays.employer("BOLT")], people)
    return tmp_path


def opened(**more: Any) -> UUID:
    return runs.open_run(*PERIOD, opened_by="maker", employers=["ACME", "BOLT"], **more).run


def turns(count: int) -> None:
    """Let workers take so many turns, a step at a time."""
    for _ in range(count):
        Work.objects.filter(state=WorkState.READY).update(available_at=Now())
        held = claim()
        assert held
        runner.run(held, stopping=lambda: True)


def claim(worker: str = "somebody") -> Claimed | None:
    Work.objects.filter(state=WorkState.READY).update(available_at=Now())
    return work.claim(worker, queues=None, lease_s=60)


def events_of(run: UUID) -> dict[tuple[str, int], tuple[str, Any]]:
    """What is recorded of people and of their employers, without when."""
    found = Event.objects.exclude(stream__startswith="payrun-")
    return {(each.stream, each.version): (each.type, each.data) for each in found}


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The people whose tax cannot be computed: their paychecks become dead letters."""
    faulty: set[str] = set()
    pipeline = saga.REGISTRY["paychecks"]
    assert isinstance(pipeline, saga.Pipeline)

    def decide(step: saga.Step) -> Any:
        def decided(paycheck: Any, terms: Any) -> Any:
            if paycheck.inputs.employee_id in faulty:
                raise NeedsReview("this person's taxes cannot be computed")
            return step.decide(paycheck, terms)

        return decided

    steps = tuple(
        replace(step, decide=decide(step)) if step.name == "tax-calc" else step for step in pipeline.steps
    )
    monkeypatch.setitem(saga.REGISTRY, "paychecks", replace(pipeline, steps=steps))
    return faulty


# Pause and resume


def test_paused_in_the_middle_nothing_moves_and_resumed_it_ends_as_if_nothing_had_been(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = opened()
    turns(9)
    runs.pause(run, by="maker", reason="the bank called")
    before = Event.objects.count()
    assert claim() is None
    assert work.due() == 0, "the supervisor would think that its workers have stalled"
    assert quiet(run)
    assert Event.objects.count() == before
    status = run_status(run)
    assert (status.state, status.notes) == ("paused", ["paused by maker: the bank called"])
    rung: list[UUID] = []
    monkeypatch.setattr(runs, "ring", rung.extend)
    runs.resume(run, by="checker")
    assert rung == limits.ready(str(run)) and rung
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert not Limit.objects.exists()
    facts = events_of(run)
    kinds = [event.type for event in store.read(keys.payrun_stream(run))]
    assert kinds == ["PayRunOpened", "PayRunPaused", "PayRunResumed", "PayRunCompleted"]
    assert {len(amounts) for amounts in paydays.credits().values()} == {1}
    assert len(paydays.credits()) == PEOPLE + 2
    assert {key: value for key, value in facts.items() if key[0].startswith("paycheck-")} == undisturbed(run)


def undisturbed(run: UUID) -> dict[tuple[str, int], tuple[str, Any]]:
    """What the steps compute from the same manifests, without any queue: every paycheck's events."""
    recorded = replay.recorded(str(run))
    replayed = replay.replay(recorded)
    assert replayed.differences == [] and replayed.paychecks == PEOPLE + 2
    found = Event.objects.filter(stream__startswith="paycheck-")
    per_stream: dict[str, list[str]] = {}
    for event in found.order_by("stream", "version"):
        per_stream.setdefault(event.stream, []).append(event.type)
    whole = ["PaycheckBegan", "TimeEntered", "PayCalculated", "TaxCalculated", "RetirementCalculated"]
    assert {tuple(kinds) for kinds in per_stream.values()} == {(*whole, "PaymentInstructed")}
    return {(each.stream, each.version): (each.type, each.data) for each in found}


def test_a_batch_that_is_held_stops_after_its_step() -> None:
    run = opened()
    turns(3)
    held = claim()
    assert held and held.step == "begin"
    runs.pause(run, by="maker")
    runner.run(held)
    left = Work.objects.get(id=held.id)
    assert (left.state, left.step) == ("ready", "time-entry")


def test_pausing_twice_and_resuming_what_runs_are_refused_and_change_nothing() -> None:
    run = opened()
    with pytest.raises(Refused, match="not paused"):
        runs.resume(run, by="maker")
    runs.pause(run, by="maker")
    before = Event.objects.count()
    with pytest.raises(Refused, match="paused already, by maker"):
        runs.pause(run, by="checker")
    with pytest.raises(Refused, match="no pay run"):
        runs.pause(uuid4(), by="checker")
    assert Event.objects.count() == before


def test_of_two_who_pause_at_once_one_is_refused() -> None:
    run = opened()

    def pauses(start: Barrier) -> None:
        start.wait()
        runs.pause(run, by="maker")

    outcomes = race(*[pauses] * 4)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "NoneType",
        "Refused",
        "Refused",
        "Refused",
    ]
    assert [event.type for event in store.read(keys.payrun_stream(run))].count("PayRunPaused") == 1


def test_a_run_that_is_over_cannot_be_paused_or_limited() -> None:
    run = paydays.pay("BOLT")
    for command in (
        lambda: runs.pause(run, by="maker"),
        lambda: runs.set_limit(run, leased_max=1, by="maker"),
        lambda: runs.set_tolerance(run, tolerate=None, by="maker"),
    ):
        with pytest.raises(Refused, match="complete"):
            command()


def test_completing_a_run_reloads_when_the_run_has_moved_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody limits the run between what `complete` has read and what it appends."""
    run = opened()
    paydays.work()
    paydays.approve(run)
    history, moved = payroll_saga.History, []

    class Late(history):  # type: ignore[misc, valid-type]
        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            if stream == keys.payrun_stream(run) and not moved:
                moved.append(stream)
                runs.set_limit(run, leased_max=3, by="maker")

    monkeypatch.setattr(payroll_saga, "History", Late)
    paydays.work()
    assert moved
    assert [event.type for event in store.read(keys.payrun_stream(run))][-2:] == [
        "PayRunLimited",
        "PayRunCompleted",
    ]
    assert not paydays.letters()
    assert not Limit.objects.exists(), "the limits of a run that is over cost every claim"


# Limits


def test_a_limit_changed_on_a_live_run_counts_at_the_next_claim() -> None:
    run = opened()
    turns(3)
    first, second = claim("one"), claim("another")
    assert first and second
    runs.set_limit(run, leased_max=2, by="maker")
    assert claim() is None
    runs.set_limit(run, leased_max=3, by="maker")
    third = claim()
    assert third and claim() is None
    runs.set_limit(run, leased_max=None, by="maker")
    assert claim()
    limited = [event.data["limited"] for event in store.read(keys.payrun_stream(run))[1:]]
    assert [each["at_a_time"] for each in limited] == [2, 3, None]
    assert not Limit.objects.exists()


def test_a_limit_of_one_employer_leaves_the_others_alone() -> None:
    run = opened()
    turns(3)
    runs.set_limit(run, leased_max=1, employer="ACME", by="maker")
    held = []
    while one := claim():
        held.append(one.group_key)
    assert held.count("ACME") == 1 and "BOLT" in held
    status = run_status(run)
    assert {part.employer: part.limits for part in status.employers} == {
        "ACME": ["at most 1 at a time"],
        "BOLT": [],
    }
    with pytest.raises(Refused, match="not in this run"):
        runs.set_limit(run, leased_max=1, employer="NOBODY", by="maker")
    with pytest.raises(Refused, match="pause the run"):
        runs.set_limit(run, leased_max=0, by="maker")


def test_two_workers_never_hold_more_than_the_limit_that_is_changed_under_them() -> None:
    """Two threads claim and let go; the limit falls to one in the middle and is never exceeded from then on."""
    run = opened()
    turns(3)
    runs.set_limit(run, leased_max=2, by="maker")

    def works(start: Barrier) -> list[int]:
        seen = []
        for _ in range(40):
            start.wait()
            held = claim_only()
            start.wait()
            seen.append(Work.objects.filter(run_key=run, state=WorkState.LEASED).count())
            start.wait()
            if held:
                work.release(held, "ready")
            start.wait()
        return seen

    def changes(start: Barrier) -> None:
        for round_ in range(40):
            if round_ == 20:
                runs.set_limit(run, leased_max=1, by="maker")
            for _ in range(4):
                start.wait()

    one, two, _ = race(works, works, changes)
    assert one == two
    assert set(one[:20]) == {2} and set(one[21:]) == {1}


def claim_only() -> Claimed | None:
    return work.claim("one of two", queues=None, lease_s=60)


# Tolerance


@pytest.mark.parametrize(("text", "most"), [("2", 2), ("10%", 2), ("0", 0)])
def test_more_failures_than_a_run_tolerates_stop_it_until_a_person_acts(
    faulty: set[str], text: str, most: int
) -> None:
    """Two of 22 (10 % are 2.2) may fail; the third stops what has not begun."""
    faulty |= {f"a{number:02d}" for number in range(most + 1)}
    run = opened(tolerate=Tolerance.parse(text))
    while held := claim():
        runner.run(held)
    status = run_status(run)
    assert status.state == "stopped"
    assert re.fullmatch(rf"stopped: {most + 1} of 2[02] failed, {most} are tolerated", *status.limits)
    assert quiet(run) and work.due() == 0
    assert Work.objects.filter(run_key=run, state=WorkState.READY).exists()
    faulty.clear()
    dead_letters.redrive(paydays.letters()[0].id, by="maker")
    paydays.work()
    assert run_status(run).state != "stopped"
    assert not Work.objects.filter(run_key=run, state=WorkState.READY).exists()


def test_as_many_failures_as_are_tolerated_stop_nothing(faulty: set[str]) -> None:
    faulty |= {"a00", "a01"}
    run = opened(tolerate=Tolerance(people=2))
    paydays.work()
    assert len(paydays.letters()) == 2
    status = run_status(run)
    assert (status.state, status.limits) == ("running", ["2 may fail, 2 have"])


def test_an_employers_share_is_counted_of_the_people_in_its_manifest(faulty: set[str]) -> None:
    """A tenth of twenty is two, a tenth of two is nobody: BOLT stops at its first failure, ACME goes on."""
    faulty |= {"a00", "b0"}
    run = opened(tolerate_employer=Tolerance.parse("10%"))
    while held := claim():
        runner.run(held)
    limits_of = {part.employer: part.limits for part in run_status(run).employers}
    assert limits_of == {
        "ACME": ["2 may fail, 1 have"],
        "BOLT": ["stopped: 1 of 2 failed, 0 are tolerated"],
    }
    runs.set_tolerance(run, tolerate=Tolerance(people=1), employer="BOLT", by="checker")
    assert Limit.objects.get(scope=limits.of_part(str(run), "BOLT")).dead_max == 1


def test_what_is_tolerated_is_pinned_and_changed_by_command(faulty: set[str]) -> None:
    run = opened(tolerate=Tolerance.parse("0.5%"), tolerate_employer=Tolerance(people=3))
    facts = runs.facts_of(run)
    assert (facts["tolerate"], facts["tolerate_employer"]) == ("0.5%", "3")
    assert Limit.objects.get().dead_max == 0
    faulty |= {f"a{number:02d}" for number in range(6)}
    runs.set_tolerance(run, tolerate=None, by="checker")
    runs.set_tolerance(run, tolerate=Tolerance(people=6), employer="ACME", by="checker")
    paydays.work()
    assert len(paydays.letters()) == 6
    assert run_status(run).state == "running"
    assert {each.scope: each.dead_max for each in Limit.objects.all()} == {
        limits.of_part(str(run), "ACME"): 6,
        limits.of_part(str(run), "BOLT"): 3,
    }


def test_a_run_that_tolerates_anything_says_nothing_of_it() -> None:
    run = opened()
    assert not {"tolerate", "tolerate_employer"} & runs.facts_of(run).keys()
    assert not Limit.objects.exists()


@pytest.mark.parametrize(
    ("text", "people", "most"),
    [("5", 1000, 5), ("2%", 1000, 20), ("2%", 49, 0), ("2.5%", 1000, 25), ("100%", 7, 7), ("0", 10, 0)],
)
def test_tolerances(text: str, people: int, most: int) -> None:
    assert Tolerance.parse(text).of(people) == most
    assert Tolerance.parse(str(Tolerance.parse(text))) == Tolerance.parse(text)


@pytest.mark.parametrize("text", ["", "-1", "101%", "2 %", "x", "1e3", "5.5", "\u0665", "%"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="percentage"):
        Tolerance.parse(text)
