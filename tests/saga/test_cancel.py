"""A run that is cancelled: at every step, with somebody at work, killed in the middle, and run again."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now

from events import batches, cancelling, dead_letters, projection, runner, store, work
from events.models import DeadLetter, Event, Limit, TaskToken, Work, WorkState
from events.work import Claimed
from ops import redriving
from ops.proof import prove
from ops.status import quiet, run_status
from payroll import cancel, keys, runs
from payroll.control import control_totals
from payroll.models import EmployerRun, Payment, PayRun, YearToDate
from payroll.runs import Refused
from payroll.saga import last_steps
from tests.kernel.scene import leases_expire
from tests.saga import paydays

pytestmark = pytest.mark.usefixtures("db")

PATIENCE_S = 30.0
PIPELINE = ("begin", "time-entry", "payroll-calc", "tax-calc", "retirement-calc")
DIES_WHILE_CANCELLING = """
import os, signal, django
django.setup()
from events import cancelling, runner
cancelling.give_up = lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL)
runner.run_due()
"""


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Path:
    """Two employers; people on salaries, so that nobody needs hours."""
    settings.PAYROLL_GATEWAY = "ach"
    paydays.load(
        tmp_path,
        [paydays.employer("ACME"), paydays.employer("BOLT")],
        [
            paydays.salaried("ACME", "ann", "62400.00"),
            paydays.salaried("ACME", "bob", "52000.00"),
            paydays.salaried("BOLT", "cyd", "78000.00"),
        ],
    )
    return tmp_path


def opened() -> UUID:
    return paydays.open_run("ACME", "BOLT")


def give_up(run: UUID, reason: str = "the wrong period") -> cancel.Cancelled:
    return cancel.cancel(run, by="maker", reason=reason)


def work_until(step: str, employer: str) -> Claimed:
    """Take turns, a step at a time, until this employer's work stands before this step; it is claimed and held."""
    for _ in range(200):
        Work.objects.filter(state=WorkState.READY).update(available_at=Now())
        held = work.claim("the one who holds it", queues=None, lease_s=60)
        assert held, f"nothing is left to do, and {step} never came"
        if held.step == step and held.group_key in {employer, ""}:
            return held
        runner.run(held, stopping=lambda: True)  # a batch goes one step at a time
    raise AssertionError(f"{step} never came")


def log() -> list[tuple[str, int, str]]:
    return list(Event.objects.order_by("position").values_list("stream", "version", "type"))


def types(stream: str) -> list[str]:
    return [event.type for event in store.read(stream)]


def employer_run(run: UUID, employer: str) -> str:
    return str(runs.facts_of(run)["employer_runs"][employer])


def assert_cancelled(run: UUID, *employers: str) -> None:
    """Everything of these employers has ended, the log and every model say so, and the proof passes."""
    for employer in employers:
        part = employer_run(run, employer)
        assert types(keys.employerrun_stream(part))[-1] == "EmployerRunCancelled"
        checks = store.read_prefix(keys.paycheck_prefix(part))
        last = {event.stream: event.type for event in checks}
        assert set(last.values()) <= {"PaycheckCancelled"}
        left = Work.objects.filter(run_key=run, group_key=employer)
        assert not left.exclude(state__in=(WorkState.CANCELLED, WorkState.DONE)).exists()
    assert types(keys.payrun_stream(run))[-1] == "PayRunCompleted"
    assert not Limit.objects.exists()
    assert not DeadLetter.objects.filter(state="open").exists()
    assert proof_of(run) == []
    assert PayRun.objects.get(run=run).state == "cancelled"
    states = {part.employer: part.state for part in run_status(run).employers}
    assert {states[employer] for employer in employers} == {"cancelled"}
    assert quiet(run)


def proof_of(run: UUID) -> list[str]:
    return [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]


@pytest.mark.parametrize("step", ["open-employers", "snapshot", *PIPELINE, "validate"])
def test_cancelled_at_a_step_while_a_worker_holds_it(step: str) -> None:
    """Whoever holds work then is fenced: what it has computed is discarded, and nothing of it is recorded."""
    run = opened()
    held = work_until(step, "ACME")
    assert give_up(run) == (("ACME", "BOLT"), ())
    paydays.work()
    before = log()
    runner.run(held)
    assert log() == before, "a worker that was fenced has recorded something"
    assert_cancelled(run, "ACME", "BOLT")
    assert paydays.credits() == {}


def test_cancelled_while_it_waits_for_approval() -> None:
    run = opened()
    paydays.work()
    assert give_up(run).cancelled == ("ACME", "BOLT")
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")
    with pytest.raises(Refused, match="was cancelled by maker"):
        runs.approve(UUID(employer_run(run, "ACME")), by="checker")
    for part in runs.facts_of(run)["employer_runs"].values():
        totals = control_totals(part)
        assert (totals.completed, totals.payable, totals.gross_cents, totals.net_cents) == (0, 0, 0, 0)
        assert last_steps(part) == {}
    assert not YearToDate.objects.exclude(net_cents=0, gross_cents=0, paychecks=0).exists()
    assert run_status(run).net_cents == 0


def test_an_approved_employer_is_cancelled_until_its_payments_are_instructed() -> None:
    """Two of one run: the instruction of one is on record, that of the other is computed and not yet recorded."""
    run = opened()
    paydays.work()
    paydays.approve(run)
    pushing = work_until("push-payment", "BOLT")
    instructed = work_until("move-money", "ACME")
    assert (instructed.group_key, pushing.group_key) == ("ACME", "BOLT")
    assert give_up(run) == (("BOLT",), ("ACME",))
    with pytest.raises(Refused, match="was cancelled by maker"):
        give_up(run)
    runner.run(instructed)
    paydays.work()
    before = log()
    runner.run(pushing)
    assert log() == before
    assert_cancelled(run, "BOLT")
    assert types(keys.employerrun_stream(employer_run(run, "ACME")))[-1] == "EmployerRunCompleted"
    assert sorted(paydays.credits()) == ["ann", "bob"]


def test_from_the_decision_on_nothing_of_the_run_is_begun() -> None:
    """Approved and about to be paid: whoever comes now is given the cancellation to do, and not the payment."""
    run = opened()
    paydays.work()
    paydays.approve(run)
    give_up(run)
    assert not quiet(run)
    held = work.claim("somebody", queues=None, lease_s=60)
    assert held and held.run_key == keys.cancellation(run)
    assert work.claim("another", queues=None, lease_s=60) is None
    assert PayRun.objects.get(run=run).state == "running"
    projection.catch_up()
    assert run_status(run).state == "being cancelled"


def test_a_run_whose_payments_are_all_instructed_cannot_be_cancelled() -> None:
    run = opened()
    paydays.work()
    paydays.approve(run)
    work_until("move-money", "ACME")
    work_until("move-money", "BOLT")
    before = log()
    with pytest.raises(Refused, match="instructed already"):
        give_up(run)
    assert log() == before


def test_what_cannot_be_cancelled_is_refused_and_nothing_is_done() -> None:
    run = paydays.pay("ACME")
    before = log()
    with pytest.raises(Refused, match="complete"):
        give_up(run)
    with pytest.raises(Refused, match="no pay run"):
        give_up(uuid4())
    with pytest.raises(Refused, match="reason"):
        give_up(run, reason=" ")
    assert log() == before


def test_a_reason_is_kept_without_what_could_be_an_account() -> None:
    run = opened()
    give_up(run, "account 0123456789 was wrong")
    paydays.work()
    facts = store.read(keys.employerrun_stream(employer_run(run, "ACME")))[-1].data
    assert facts == {"cancelled_by": "maker", "cancelled_reason": "account [masked] was wrong"}


def test_a_paused_run_is_cancelled(roster: Path) -> None:
    run = opened()
    work_until("tax-calc", "ACME")
    runs.pause(run, by="maker")
    give_up(run)
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")


def test_dead_letters_and_questions_are_closed(roster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that stands still for its dead letters is cancelled like any other."""
    run = opened()
    held = work_until("tax-calc", "ACME")
    token = TaskToken.objects.create(
        **{"id": uuid4(), "token_sha256": "x", "work": held.id, "epoch": held.epoch, "step": held.step},
        **{"number": 0, "subject": "s", "run_key": held.run_key, "group_key": "ACME", "heartbeat_s": 60},
        **{"issued_at": Now(), "deadline_at": Now(), "heartbeat_at": Now()},
    )
    dead_letters.bury(held, kind="bug", reason="a fault")
    letter = paydays.letter()
    give_up(run, "no more")
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")
    letter.refresh_from_db()
    token.refresh_from_db()
    assert (letter.state, letter.closed_by, letter.closed_reason) == ("dismissed", "maker", "no more")
    assert types(dead_letters.stream(letter.id)) == ["DeadLettered", "Dismissed"]
    assert token.state == "void"


def test_a_run_whose_opening_is_a_dead_letter_is_cancelled() -> None:
    run = opened()
    dead_letters.bury(work_until("open-employers", ""), kind="bug", reason="a fault")
    give_up(run)
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")


def test_killed_in_the_middle_it_goes_on_where_it_was() -> None:
    """A worker dies in the transaction that gives up an employer's part; another one does it."""
    run = opened()
    work_until("payroll-calc", "ACME")
    give_up(run)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "deploy.settings"}
    died = subprocess.run([sys.executable, "-c", DIES_WHILE_CANCELLING], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    assert "EmployerRunCancelled" not in {kind for _, _, kind in log()}
    leases_expire()
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")
    assert [kind for _, _, kind in log()].count("EmployerRunCancelled") == 2


def test_a_cancellation_that_fails_is_a_dead_letter_of_the_run_and_is_redriven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = opened()

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(cancelling, "give_up", fails)
        give_up(run)
        paydays.work()
    assert "EmployerRunCancelled" not in {kind for _, _, kind in log()}
    status = run_status(run)
    assert (status.state, len(status.dead_letters)) == ("being cancelled", 2)
    letters = redriving.select(run=str(run))
    assert redriving.redrive_many(letters, by="maker", rate=None).refused == {}
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")


def test_a_step_that_is_being_applied_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cancellation waits for the transaction of a worker, and cancels what it has just recorded as well."""
    run = opened()
    held = work_until("payroll-calc", "ACME")
    applying, go = threading.Event(), threading.Event()
    append = store.append

    def slowly(events: Any, *, cause: Any = None) -> None:
        append(events, cause=cause)
        if threading.current_thread().name == "worker":
            applying.set()
            assert go.wait(PATIENCE_S)

    monkeypatch.setattr(batches.store, "append", slowly)
    give_up(run)
    with in_thread("worker", lambda: runner.run(held, stopping=lambda: True)):
        assert applying.wait(PATIENCE_S)
        with in_thread("cancels", runner.run_due):
            wait_until(somebody_waits_for_a_lock)
            go.set()
    paydays.work()
    assert_cancelled(run, "ACME", "BOLT")
    ann = types(keys.paycheck_stream(employer_run(run, "ACME"), "ann"))
    assert ann == ["PaycheckBegan", "TimeEntered", "PayCalculated", "PaycheckCancelled"]


def test_of_an_approval_and_a_cancellation_at_once_one_comes_first() -> None:
    """The approval waits for whoever gives the part up, and is refused: neither hangs, and nothing is half done."""
    run = opened()
    paydays.work()
    part = employer_run(run, "ACME")
    with connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(
            "update events_work set state = 'cancelled', epoch = epoch + 1 where id = %s",
            [keys.key("work", part)],
        )
        told: list[object] = []

        def approves() -> None:
            try:
                runs.approve(UUID(part), by="checker")
            except Refused as refused:
                told.append(str(refused))

        with in_thread("approves", approves):
            wait_until(somebody_waits_for_a_lock)
            cursor.execute("commit")
    assert told == ["ACME does not wait for an approval: reload and look again"]
    assert "EmployerRunApproved" not in types(keys.employerrun_stream(part))


def test_cancelled_and_run_again_everybody_is_paid_once() -> None:
    """The second run has ids and payment keys of its own, and the year holds it alone."""
    before = paydays.pay("ACME", "BOLT", period=paydays.NEXT)
    alone = {row.employee_id: row.net_cents for row in YearToDate.objects.all()}
    first = opened()
    paydays.work()
    give_up(first)
    paydays.work()
    second = opened()
    assert second not in {first, before}
    assert employer_run(second, "ACME") != employer_run(first, "ACME")
    assert runs.open_run(*period(), opened_by="maker", employers=["ACME", "BOLT"]).new is False
    paydays.work()
    paydays.approve(second)
    paydays.work()
    paid = paydays.credits()
    assert {name: len(amounts) for name, amounts in paid.items()} == {"ann": 2, "bob": 2, "cyd": 2}
    year = {row.employee_id: row.net_cents for row in YearToDate.objects.all()}
    assert year == {name: sum(amounts) for name, amounts in paid.items()}
    assert all(year[name] > alone[name] for name in year)
    for run in (before, first, second):
        assert proof_of(run) == []
    assert projection.differences() == []
    assert Payment.objects.filter(run__in=(before, second)).count() == 6, "each under a key of its own"
    assert not EmployerRun.objects.filter(run=first).exclude(last_event="EmployerRunCancelled").exists()


def test_a_third_run_after_two_that_were_cancelled() -> None:
    seen = set()
    for _ in range(2):
        run = opened()
        give_up(run)
        paydays.work()
        seen.add(run)
    seen.add(paydays.pay("ACME", "BOLT"))
    assert len(seen) == 3
    assert sorted(paydays.credits()) == ["ann", "bob", "cyd"]


def test_while_it_is_being_cancelled_the_period_cannot_be_run_again() -> None:
    run = opened()
    work_until("snapshot", "ACME")
    give_up(run)
    with pytest.raises(Refused, match="already has a regular run"):
        opened()


def period() -> tuple[Any, Any, Any]:
    return paydays.START, paydays.END, paydays.PAYDAY


class in_thread:
    """Run something in a thread with a connection of its own, for the time of the block; what it raises is raised."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self.act, self.errors = act, list[BaseException]()
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)

    def run(self) -> None:
        try:
            self.act()
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), "a thread hangs"
        assert not self.errors, self.errors


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select exists (select 1 from pg_locks where not granted)")
        return bool(cursor.fetchone()[0])


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in poll():
        if condition():
            return
    raise AssertionError("it never came")


def poll() -> Iterator[None]:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        yield
        pause.wait(0.02)
