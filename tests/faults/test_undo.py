"""Undoing is killed by signal 9 at every step, and taken up by others: the bank's own books show each reversal once.

As for orders (test_orders.py): a forked worker kills itself at its n-th point, before and after each transaction of a
task and each word to the bank. One employer for each point; the last one's worker comes through.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission, User

from events import projection, runner, store, work
from payroll import keys
from payroll.models import Recovery
from payroll.payments import bank, gateways
from payroll.payments.orders import ACCEPTED, RESERVED, WITHDRAWN, Order
from payroll.undo import decide, plan
from tests.faults import test_orders
from tests.faults.test_orders import PAID, PEOPLE, Impatient, pay_and_die, take_turns
from tests.saga import paydays
from tests.saga.bank_talk import Talk
from tests.saga.paydays import employer, salaried

EMPLOYERS = [f"U{number:02d}" for number in range(1, 41)]
POINTS_MIN = (
    16  # two tasks of the undoing, three of a part, four of its reversal, two words to the bank: around each
)
WITHDRAWN_POINTS_MIN = 12  # the tasks of the undoing, and those that the withdrawn order still goes through
IN_TIME, TOO_LATE = date(2026, 11, 23), date(2026, 12, 1)


@pytest.fixture
def talk(db: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Talk]:
    """The sandbox bank, and a roster with an employer for every point."""
    monkeypatch.setattr(gateways, "SandboxBank", Impatient)
    people = [salaried(name, who, "62400.00") for name in EMPLOYERS for who in PEOPLE]
    paydays.load(tmp_path, [employer(name) for name in EMPLOYERS], people)
    for name in ("amy", "bea"):
        user = User.objects.create_user(name)
        user.user_permissions.set(Permission.objects.filter(codename="undo_payrun"))
    talk = Talk(gateways.bank_dir())
    yield talk
    bank.stop(talk.folder)


def confirmed(name: str) -> tuple[UUID, UUID]:
    """A run of an employer that is paid, and whose undoing is confirmed: the run, and the employer's part of it."""
    order = test_orders.approved(name)
    take_turns()
    created = Order(order.history.stream).created
    run = UUID(created["run"])
    decide.undo(run, by="amy", reason="paid by another bank")
    decide.undo(run, by="bea")
    return run, UUID(created["employer_run"])


def taken_back(talk: Talk, employer_run: UUID) -> list[tuple[str, int]]:
    """What the bank's own books hold of an employer's reversals, those that take something back."""
    paid = keys.order_key(employer_run)
    return sorted(
        (each.individual_id, each.amount_cents)
        for each in bank.movements(talk.folder)
        if each.reverses and each.reverses[0] == paid
    )


@pytest.mark.parametrize("do", ["", "accept_and_time_out", "reset_after_body", "500_after_accept"])
def test_killed_at_every_point_each_payment_is_taken_back_once(
    talk: Talk, do: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today", lambda: IN_TIME)
    for at, name in enumerate(EMPLOYERS, start=1):
        run, employer_run = confirmed(name)
        if do:
            talk.script({"on": "send", "do": do} | test_orders.FIGURES.get(do, {}))
        through = pay_and_die(at)
        take_turns()
        assert taken_back(talk, employer_run) == PAID
        sent = [each for each in bank.movements(talk.folder) if each.description == "REVERSAL"]
        assert len(sent) == at * len(PEOPLE), "nothing is booked beside them"
        once(run, employer_run)
        if through:
            break
    assert at > POINTS_MIN, "hardly any point was met: nothing is hooked"


def test_killed_at_every_point_each_payment_is_owed_back_once(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today", lambda: TOO_LATE)
    for at, name in enumerate(EMPLOYERS, start=1):
        run, employer_run = confirmed(name)
        through = pay_and_die(at)
        take_turns()
        projection.catch_up()
        owed = Recovery.objects.filter(employer=name).values_list("employee_id", "amount_cents")
        assert sorted((who.upper(), cents) for who, cents in owed) == PAID
        assert taken_back(talk, employer_run) == []
        once(run, employer_run)
        if through:
            break


def test_killed_at_every_point_an_order_that_is_not_sent_is_withdrawn_once(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(plan, "today", lambda: IN_TIME)
    settings.PAYROLL_CAPS = (1, None, None, None)  # it waits for a person, created and not reserved
    for at, name in enumerate(EMPLOYERS, start=1):
        run, employer_run = confirmed(name)
        through = pay_and_die(at)
        take_turns()
        order = Order(test_orders.stream(keys.order_key(employer_run)))
        assert (order.state, order.count("OrderWithdrawn"), order.count("OrderSending")) == (WITHDRAWN, 1, 0)
        assert bank.movements(talk.folder) == [] and not Recovery.objects.exists()
        assert store.read(keys.payrun_stream(run))[-1].type == "PayRunCompleted"
        once(run, employer_run)
        if through:
            break
    assert at > WITHDRAWN_POINTS_MIN, "hardly any point was met: nothing is hooked"


class Overtaken:
    """A step that has decided and not yet recorded it: everything else goes on before it does, once."""

    def __init__(self, step: str) -> None:
        self.step, self.was = step, 0

    def around(self, apply: Callable[..., None]) -> Callable[..., None]:
        def overtaken(saga: Any, index: int, held: work.Claimed, outcome: Any) -> None:
            if held.step == self.step and not self.was:
                self.was += 1
                runner.run_due()
            apply(saga, index, held, outcome)

        return overtaken


@pytest.mark.parametrize("slow", ["begin-sending", "take-back"])
def test_withdrawn_or_sent_and_taken_back_whoever_is_first_and_wherever_it_is_killed(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr(plan, "today", lambda: IN_TIME)
    first = {"begin-sending": WITHDRAWN, "take-back": ACCEPTED}[slow]
    ends, apply = Counter[str](), runner._apply
    for at, name in enumerate(EMPLOYERS, start=1):
        run, employer_run = reserved(name)
        decide.undo(run, by="amy", reason="paid by another bank")
        decide.undo(run, by="bea")
        monkeypatch.setattr(runner, "_apply", Overtaken(slow).around(apply))
        through = pay_and_die(at)
        monkeypatch.setattr(runner, "_apply", apply)
        take_turns()
        order = Order(test_orders.stream(keys.order_key(employer_run)))
        ends[order.state] += 1
        sent = order.state == ACCEPTED
        assert sent or order.state == WITHDRAWN
        assert order.count("OrderSending") == order.count("OrderAccepted") == (1 if sent else 0)
        assert order.count("OrderWithdrawn") == (0 if sent else 1)
        assert test_orders.booked(talk, order) == taken_back(talk, employer_run) == (PAID if sent else [])
        once(run, employer_run)
        if through:
            assert order.state == first, "undisturbed, whoever is quick wins"
            break
    assert at > WITHDRAWN_POINTS_MIN, "hardly any point was met: nothing is hooked"


def reserved(name: str) -> tuple[UUID, UUID]:
    """A run of an employer whose order is reserved, and about to be sent: the run, and the employer's part of it."""
    stream = test_orders.approved(name).history.stream
    while (order := Order(stream)).state != RESERVED:
        held = work.claim(runner.worker_name(), queues=None, lease_s=60)
        assert held is not None, f"it is never reserved: {order.state}"
        runner.run(held)
    return UUID(order.created["run"]), UUID(order.created["employer_run"])


def once(run: UUID, employer_run: UUID) -> None:
    """Each paycheck is voided once, the part and the undoing are over."""
    events: list[Any] = store.read_prefix(keys.paycheck_prefix(employer_run), "PaycheckVoided")
    assert Counter(event.stream for event in events) == dict.fromkeys(
        (keys.paycheck_stream(employer_run, who) for who in PEOPLE), 1
    )
    assert "EmployerRunUndone" in {e.type for e in store.read(keys.employerrun_stream(employer_run))}
    assert store.read(decide.stream(plan.key(run)))[-1].type == "UndoCompleted"
