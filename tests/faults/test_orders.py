"""Every fault of the bank, met by a worker that is killed at every point around the call: paid once, says the bank.

The worker is a forked process that takes approved net pay to the bank and kills itself with signal 9 at its n-th point:
before and after each transaction of a task, before and after each word to the bank. Then others take the work over, as
a sweep would hand it to them. One employer for each point; the last one's worker comes through.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.db.models.functions import Now

from events import dead_letters, runner
from events.models import DeadLetter, Work, WorkState
from payroll import keys, runs
from payroll.payments import bank, bank_script, gateways
from payroll.payments.gateway import SandboxBank
from payroll.payments.orders import ACCEPTED, Order, stream
from tests.saga import paydays
from tests.saga.bank_talk import Talk
from tests.saga.paydays import employer, salaried
from tests.saga.test_pay_run import TEXAN_SALARY

FIGURES: dict[str, dict[str, Any]] = {
    "partial_file": {"bytes": 300},
    "lag": {"seconds": 0.5},
    "silent": {"seconds": 0.5},
    "late_return": {"code": "R03"},
}
PEOPLE = ("ann", "ben")
PAID = sorted((name.upper(), TEXAN_SALARY) for name in PEOPLE)
EMPLOYERS = [f"E{number:02d}" for number in range(1, 41)]
POINTS_MIN = 12  # three tasks before the call, two words to the bank, two tasks after it

TAKES_A_PERSON = {"rejected_file"}  # booked by nobody; a person has it tried again
BOOKED_NEVER = {
    "reject_later"
}  # the bank gave a receipt for what it did not book; its acknowledgement says so


class Impatient(SandboxBank):
    """The way to the bank, for a test that does not wait ten seconds for what never comes."""

    def __init__(self, base_url: str, token: str) -> None:
        super().__init__(base_url, token, timeout_s=0.4)


@pytest.fixture
def talk(db: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    """The sandbox bank, and a roster with an employer for every point."""
    monkeypatch.setattr(gateways, "SandboxBank", Impatient)
    people = [salaried(name, who, "62400.00") for name in EMPLOYERS for who in PEOPLE]
    paydays.load(tmp_path, [employer(name) for name in EMPLOYERS], people)
    talk = Talk(gateways.bank_dir())
    yield talk
    bank.stop(talk.folder)


class Dying:
    """Counts the points that this process comes to, and kills it at one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.come = at, 0

    def point(self) -> None:
        self.come += 1
        if self.come == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, what: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.point()
            given = what(*arguments, **named)
            self.point()
            return given

        return wrapped


def approved(name: str) -> Order:
    """The order of an employer whose pay is computed and approved, before anything of it is instructed."""
    run = paydays.open_run(name)
    paydays.work()
    paydays.approve(run)
    (employer_run,) = runs.facts_of(run)["employer_runs"].values()
    return Order(stream(keys.order_key(employer_run)))


def pay_and_die(at: int) -> bool:
    """Take turns in a process of its own, which dies at a point; True when it came through before."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            dying = Dying(at)
            runner._apply = dying.around(runner._apply)
            SandboxBank._call = dying.around(SandboxBank._call)  # type: ignore[method-assign]
            take_turns()
            code = 0
        os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the worker failed by itself"
    return not os.WIFSIGNALED(status)


def take_turns() -> None:
    """Work until nothing moves by itself: what is due later is due now, what a lost worker held is free."""
    moving = Work.objects.filter(state__in=(WorkState.READY, WorkState.LEASED))
    for _ in range(paydays.ROUNDS_MAX):
        moving.filter(state=WorkState.LEASED).update(state=WorkState.READY, lease_until=None)
        moving.update(available_at=Now())
        runner.run_due()
        if not moving.exists():
            return
    raise AssertionError(f"still moving: {[(each.step, each.error) for each in moving]}")


def letter_of(order: Order) -> DeadLetter | None:
    """The open dead letter of an order."""
    return next((each for each in paydays.letters() if each.subject == order.history.stream), None)


def redrive(order: Order) -> None:
    """Have the order's dead letter tried again."""
    letter = letter_of(order)
    assert letter and letter.step == "confirm"
    dead_letters.redrive(letter.id, by="maker")
    take_turns()


def booked(talk: Talk, order: Order) -> list[tuple[str, int]]:
    """What the bank's own books hold under an order's key."""
    key = UUID(order.history.stream.removeprefix("order-"))
    return sorted(
        (each.individual_id, each.amount_cents) for each in bank.books(talk.folder) if each.key == key
    )


@pytest.mark.parametrize("do", sorted(bank_script.SEND - {"prune_key"}))
def test_killed_at_every_point_around_the_call(talk: Talk, do: str) -> None:
    for at, name in enumerate(EMPLOYERS, start=1):
        order = approved(name)
        talk.script({"on": "send", "do": do} | FIGURES.get(do, {}))
        through = pay_and_die(at)
        take_turns()
        if do in TAKES_A_PERSON and letter_of(order):
            assert not booked(talk, order)
            redrive(order)
        check(talk, Order(order.history.stream), do)
        if through:
            break
    assert at > POINTS_MIN, "hardly any point was met: nothing is hooked"


def check(talk: Talk, order: Order, do: str) -> None:
    """Accepted once, and each net pay in the bank's books once, to the cent."""
    assert order.count("OrderSending") == 1
    if do in BOOKED_NEVER:
        assert not booked(talk, order)
        assert order.state == ACCEPTED or letter_of(order), "whose answer was lost has learnt of the refusal"
        return
    assert order.state == ACCEPTED and order.count("OrderAccepted") == 1
    assert booked(talk, order) == PAID
