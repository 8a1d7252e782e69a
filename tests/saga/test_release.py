"""Release: who is complete is paid, who waits is carried over to a run of its own, and nobody is lost or paid twice."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from events import dead_letters, projection, runner, store, work
from events.dead_letters import NotOpen
from events.models import DeadLetter, Work
from ops.proof import prove
from ops.status import run_status
from payroll import cancel, corrections, keys, runs
from payroll.control import control_totals
from payroll.models import Employee, PayRun, YearToDate
from payroll.release import Released, release
from payroll.runs import Refused
from payroll.saga import last_steps
from tests.saga import paydays
from tests.saga.roster_files import Rows
from tests.saga.test_cancel import in_thread, somebody_waits_for_a_lock, wait_until

pytestmark = pytest.mark.usefixtures("db")

PATIENCE_S = 30.0
TODAY = date(2026, 11, 18)


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Rows:
    """ACME: ann and bob can be computed, tex and uma not before they are mended; BOLT: cyd can."""
    settings.PAYROLL_GATEWAY = "ach"
    return paydays.load(
        tmp_path,
        [paydays.employer("ACME"), paydays.employer("BOLT")],
        [
            paydays.salaried("ACME", "ann", "62400.00"),
            paydays.salaried("ACME", "bob", "52000.00"),
            paydays.salaried("ACME", "tex", "41600.00", work_state="AL"),
            paydays.salaried("ACME", "uma", "46800.00", work_state="AL"),
            paydays.salaried("BOLT", "cyd", "78000.00"),
        ],
    )


def stuck() -> UUID:
    """A run that waits: ACME for two dead letters, BOLT for an approval."""
    run = paydays.open_run("ACME", "BOLT")
    paydays.work()
    assert sorted(keys.employee_of(letter.subject) for letter in paydays.letters()) == ["tex", "uma"]
    return run


def let_go(run: UUID, today: date = TODAY) -> Released:
    return release(run, "ACME", by="maker", reason="the others are due today", today=today)


def part_of(run: UUID, employer: str = "ACME") -> str:
    return str(runs.facts_of(run)["employer_runs"][employer])


def types(stream: str) -> list[str]:
    return [event.type for event in store.read(stream)]


def paid_once(*people: str) -> None:
    """These people have one credit each, and nobody else has any."""
    assert {name: len(amounts) for name, amounts in paydays.credits().items()} == dict.fromkeys(people, 1)


def proof_of(run: UUID) -> list[str]:
    return [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]


def mended(roster: Rows, folder: Path) -> None:
    rows = paydays.mend(folder, roster, "tex", work_state="TX")
    paydays.mend(folder, rows, "uma", work_state="TX")


def joins(run: UUID, employer: str = "ACME") -> int:
    """How many children an employer's part still waits for."""
    return Work.objects.get(id=keys.key("work", part_of(run, employer))).pending


def test_who_is_complete_is_paid_and_who_waits_is_paid_by_a_run_of_their_own(
    roster: Rows, tmp_path: Path
) -> None:
    run = stuck()
    released = let_go(run)
    assert released.carried == ("tex", "uma")
    assert (released.employer, released.pay_date) == ("ACME", paydays.PAYDAY)
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert sorted(paydays.credits()) == ["ann", "bob", "cyd"]
    assert types(keys.payrun_stream(run))[-1] == "PayRunCompleted"
    assert proof_of(run) == []
    # Their own run: it fails again, is redriven, approved and paid.
    other = released.run
    opened = runs.facts_of(other)
    assert (opened["kind"], opened["period_start"], opened["pay_date"]) == (
        "remainder",
        "2026-11-01",
        "2026-11-20",
    )
    assert store.read(keys.employerrun_stream(part_of(other)))[0].data["people"] == ["tex", "uma"]
    assert {keys.employer_run_of(letter.subject) for letter in paydays.letters()} == {part_of(other)}
    mended(roster, tmp_path)
    for letter in paydays.letters():
        corrections.redrive_corrected(letter.id, by="maker")
        paydays.work()
    paydays.approve(other)
    paydays.work()
    paid = paydays.credits()
    paid_once("ann", "bob", "cyd", "tex", "uma")
    assert {row.employee_id: row.net_cents for row in YearToDate.objects.all()} == {
        name: sum(amounts) for name, amounts in paid.items()
    }
    assert proof_of(run) == proof_of(other) == []
    assert projection.differences() == []


def test_carried_over_is_named_and_counts_nowhere() -> None:
    run = stuck()
    letters = paydays.letters()
    released = let_go(run)
    projection.catch_up()
    for name in ("tex", "uma"):
        last = store.read(keys.paycheck_stream(part_of(run), name))[-1]
        assert last.type == "PaycheckCarriedOver"
        assert last.data == {
            "carried_to": part_of(released.run),
            "carried_over_by": "maker",
            "carried_over_reason": "the others are due today",
        }
    for letter in letters:
        letter.refresh_from_db()
        assert (letter.state, letter.closed_by) == ("carried_over", "maker")
        assert types(dead_letters.stream(letter.id)) == ["DeadLettered", "CarriedOver"]
        with pytest.raises(NotOpen, match="already carried over by maker"):
            dead_letters.redrive(letter.id, by="maker")
    totals = control_totals(part_of(run))
    assert (totals.completed, totals.excluded, totals.carried_over, totals.payable) == (2, 0, 2, 2)
    assert sorted(map(keys.employee_of, last_steps(part_of(run)))) == ["ann", "bob"]
    status = {part.employer: part for part in run_status(run).employers}["ACME"]
    assert (status.employees, status.completed, status.dead_letters) == (4, 2, 0)
    assert (status.carried_over, status.carried_to_run) == (["tex", "uma"], str(released.run))
    assert (
        f"ACME: 2 carried over to run {released.run} by maker: the others are due today"
        in run_status(run).notes
    )
    facts = store.read(keys.employerrun_stream(part_of(run)))[-1]
    assert (facts.type, facts.data["carried"], facts.data["released_by"]) == (
        "EmployerRunReleased",
        ["tex", "uma"],
        "maker",
    )
    paydays.work()
    assert paydays.part("ACME")["EmployerRunValidated"]["carried_over"] == 2
    year = {row.employee_id: row.paychecks for row in YearToDate.objects.filter(employer="ACME")}
    assert {name: count for name, count in year.items() if count} == {"ann": 1, "bob": 1}
    assert proof_of(run) == []


def test_a_pay_date_that_is_past_becomes_the_next_banking_day() -> None:
    released = let_go(stuck(), today=date(2026, 11, 25))  # the next day is Thanksgiving
    assert released.pay_date == date(2026, 11, 27)
    assert runs.facts_of(released.run)["pay_date"] == "2026-11-27"


def test_a_remainder_is_released_again() -> None:
    """uma is computed, tex fails again: the second release carries tex on, with a key of its own."""
    run = stuck()
    first = let_go(run)
    paydays.work()
    letter = next(each for each in paydays.letters() if keys.employee_of(each.subject) == "uma")
    Employee.objects.filter(employee_id="uma").update(work_state="TX")
    corrections.redrive_corrected(letter.id, by="maker")
    paydays.work()
    second = release(first.run, "ACME", by="maker", reason="tex waits on", today=TODAY)
    assert second.carried == ("tex",)
    assert len({part_of(run), part_of(first.run), part_of(second.run)}) == 3
    paydays.work()
    for each in (run, first.run):
        paydays.approve(each)
    paydays.work()
    paid_once("ann", "bob", "cyd", "uma")
    assert [keys.employee_of(each.subject) for each in paydays.letters()] == ["tex"]
    for each in (run, first.run, second.run):
        assert proof_of(each) == []


# Refusals: nothing is done


def log() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from events_event")
        return int(cursor.fetchone()[0])


def test_what_cannot_be_released_is_refused_and_nothing_is_done() -> None:
    run = stuck()
    before = log()
    with pytest.raises(Refused, match="nobody of BOLT waits"):
        release(run, "BOLT", by="maker", reason="x", today=TODAY)
    with pytest.raises(Refused, match="NONE is not in this run"):
        release(run, "NONE", by="maker", reason="x", today=TODAY)
    with pytest.raises(Refused, match="needs a reason"):
        release(run, "ACME", by="maker", reason=" ", today=TODAY)
    assert log() == before and joins(run) == 2


def test_who_is_still_being_computed_blocks_it() -> None:
    run = stuck()
    letter = paydays.letters()[0]
    dead_letters.redrive(letter.id, by="maker")
    before = log()
    with pytest.raises(Refused, match="1 people of ACME are still being computed"):
        let_go(run)
    held = work.claim("somebody", queues=None, lease_s=60)
    assert held
    with pytest.raises(Refused, match="1 people of ACME are still being computed"):
        let_go(run)
    assert log() == before
    runner.run(held)
    assert let_go(run).carried == ("tex", "uma")


def test_nobody_complete_is_nothing_to_release() -> None:
    Employee.objects.filter(employee_id__in=("ann", "bob")).update(work_state="AL")
    run = paydays.open_run("ACME")
    paydays.work()
    with pytest.raises(Refused, match="nobody of ACME is complete"):
        let_go(run)


def test_a_cancelled_run_is_not_released() -> None:
    run = stuck()
    cancel.cancel(run, by="maker", reason="the wrong period")
    with pytest.raises(Refused, match="was cancelled by maker"):
        let_go(run)
    paydays.work()
    with pytest.raises(Refused, match="was cancelled by maker"):
        let_go(run)


def test_a_reason_is_kept_without_what_could_be_an_account() -> None:
    run = stuck()
    release(run, "ACME", by="maker", reason="account 0123456789 was wrong", today=TODAY)
    facts = paydays.part("ACME")["EmployerRunReleased"]
    assert facts["released_reason"] == "account [masked] was wrong"


# Races: the join is settled once


def settle(run: UUID) -> None:
    """Whatever came first, the part goes on exactly once and nobody is paid twice."""
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert types(keys.payrun_stream(run))[-1] == "PayRunCompleted"
    assert joins(run) == 0
    paid_once("ann", "bob", "cyd")
    assert proof_of(run) == []


def test_of_two_releases_at_once_one_is_done() -> None:
    run = stuck()
    said: list[str] = []
    ready = threading.Barrier(2)

    def act() -> None:
        connection.ensure_connection()
        ready.wait()
        try:
            said.append(str(let_go(run).carried))
        except Refused as refused:
            said.append(str(refused))

    with in_thread("one", act), in_thread("other", act):
        pass
    assert "('tex', 'uma')" in said and len(said) == 2
    assert types(keys.employerrun_stream(part_of(run))).count("EmployerRunReleased") == 1
    assert PayRun.objects.count() <= 2
    projection.catch_up()
    assert PayRun.objects.count() == 2
    settle(run)


@pytest.fixture
def meet(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Callable[[], object], Callable[[], object]], list[str]]:
    """The first is held in its transaction until the second waits for its locks; what each of them was told."""
    appended, go = threading.Event(), threading.Event()
    append = store.append

    def slowly(events: Any, *, cause: Any = None) -> None:
        append(events, cause=cause)
        if threading.current_thread().name == "first" and not go.is_set():
            appended.set()
            assert go.wait(PATIENCE_S)

    monkeypatch.setattr(store, "append", slowly)

    def both(first: Callable[[], object], second: Callable[[], object]) -> list[str]:
        told = ["", ""]

        def tell(place: int, act: Callable[[], object]) -> None:
            try:
                act()
            except (Refused, NotOpen) as refused:
                told[place] = str(refused)

        with in_thread("first", lambda: tell(0, first)):
            assert appended.wait(PATIENCE_S)
            with in_thread("second", lambda: tell(1, second)):
                wait_until(somebody_waits_for_a_lock)
                go.set()
        return told

    return both


def tex() -> DeadLetter:
    return next(letter for letter in paydays.letters() if keys.employee_of(letter.subject) == "tex")


def test_a_redrive_that_comes_second_finds_the_letter_carried_over(meet: Any) -> None:
    run, letter = stuck(), tex()
    told = meet(lambda: let_go(run), lambda: dead_letters.redrive(letter.id, by="maker"))
    assert told[0] == "" and "already carried over" in told[1]
    settle(run)


def test_a_redrive_that_comes_first_blocks_the_release(meet: Any) -> None:
    run, letter = stuck(), tex()
    told = meet(lambda: dead_letters.redrive(letter.id, by="maker"), lambda: let_go(run))
    assert told[0] == "" and "still being computed" in told[1]
    assert joins(run) == 2
    paydays.work()
    assert let_go(run).carried == ("tex", "uma")
    settle(run)


def test_a_corrected_redrive_that_comes_first_blocks_the_release(
    meet: Any, roster: Rows, tmp_path: Path
) -> None:
    run, letter = stuck(), tex()
    mended(roster, tmp_path)
    told = meet(lambda: corrections.redrive_corrected(letter.id, by="maker"), lambda: let_go(run))
    assert told[0] == "" and "just moved on" in told[1]
    paydays.work()
    assert let_go(run).carried == ("uma",)
    paydays.work()
    paydays.approve(run)
    paydays.work()
    paid_once("ann", "bob", "cyd", "tex")
    assert proof_of(run) == []


@pytest.mark.parametrize("first", ["release", "dismissal"])
def test_a_dismissal_at_the_same_moment(meet: Any, first: str) -> None:
    run, letter = stuck(), tex()
    both = [lambda: let_go(run), lambda: dead_letters.dismiss(letter.id, by="maker", reason="paid by hand")]
    told = meet(*both) if first == "release" else meet(*reversed(both))
    assert told == (["", told[1]] if first == "release" else ["", ""])
    named = paydays.part("ACME")["EmployerRunReleased"]["carried"]
    assert named == (["tex", "uma"] if first == "release" else ["uma"])
    settle(run)


@pytest.mark.parametrize("first", ["release", "cancellation"])
def test_a_cancellation_at_the_same_moment(meet: Any, first: str) -> None:
    """Decided after the release was asked for, and carried out beside it: neither hangs, and nobody is paid."""
    run = stuck()
    paydays.approve(run)
    paydays.work()  # BOLT is paid
    cancelling = [lambda: cancel.cancel(run, by="maker", reason="the wrong period"), runner.run_due]
    if first == "release":
        told = meet(lambda: let_go(run), lambda: [act() for act in cancelling])
        assert told == ["", ""]
        other = runs.facts_of(
            store.read(keys.employerrun_stream(part_of(run)))[-2].data.get("carried_to_run", run)
        )
        assert other
    else:
        cancelling[0]()
        told = meet(runner.run_due, lambda: let_go(run))
        assert "was cancelled by maker" in told[1]
    paydays.work()
    assert types(keys.payrun_stream(run))[-1] == "PayRunCompleted"
    assert types(keys.employerrun_stream(part_of(run)))[-1] == "EmployerRunCancelled"
    assert list(paydays.credits()) == ["cyd"]
    assert proof_of(run) == []


DIES_WHILE_RELEASING = """
import datetime, os, signal, sys, django
django.setup()
from uuid import UUID
from events import cancelling
from payroll.release import release
cancelling.give_up = lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL)
release(UUID(sys.argv[1]), "ACME", by="maker", reason="x", today=datetime.date(2026, 11, 18))
"""


def test_killed_in_the_middle_nothing_is_done() -> None:
    run = stuck()
    before = log()
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "deploy.settings"}
    died = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_RELEASING, str(run)], env=environment, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert log() == before and joins(run) == 2 and len(paydays.letters()) == 2
    assert let_go(run).carried == ("tex", "uma")
    settle(run)
