"""Undoing what is no plain credit: checks, what came back, was paid again, or is held; the books close after each."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events import projection
from events.saga import REGISTRY
from ops.proof import prove
from ops.reconcile import reconcile
from payroll import crypto
from payroll.ledger.balance import TrialBalance
from payroll.models import Employee, Payment, PayOrder, Recovery
from payroll.payments import bank, gateways
from payroll.payments.imports import import_file
from payroll.payments.repay import repay
from payroll.refusal import Refused
from payroll.undo import decide, plan
from tests.saga import paydays
from tests.saga.came_back_files import order, payment, returns, settlement
from tests.saga.deposit_files import CHECK, NO_ACCOUNT, deposit, payday
from tests.saga.paydays import salaried

pytestmark = pytest.mark.usefixtures("db")
NET = 2012_25  # of 62,400.00 a year in Texas
Undo = Callable[..., None]


@pytest.fixture
def undo(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Undo:
    """Undo a run by two people, on the Monday after payday."""
    settings.PAYROLL_GATEWAY = "sandbox"
    monkeypatch.setattr(plan, "today", lambda: date(2026, 11, 23))

    def by_two(run: UUID, **of: Any) -> None:
        decide.undo(run, by="amy", reason="paid twice by hand", **of)
        decide.undo(run, by="bea", **of)
        paydays.work()
        projection.catch_up()

    return by_two


@pytest.fixture(autouse=True)
def people(db: object) -> None:
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun", "decide_payorder")


def balances() -> dict[str, int]:
    projection.catch_up()
    trial = TrialBalance()
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def settled(*orders: PayOrder, on: str = "2026-11-20") -> None:
    import_file(settlement(*orders, on=on), name="settlement")
    projection.catch_up()


def holds(run: UUID) -> bool:
    assert [finding for line in prove(run) for finding in line.findings] == []
    assert reconcile().findings == []
    return True


def by_check(tmp_path: Path) -> UUID:
    """A payday of ann alone, whose pay is a paper check."""
    ann = salaried("ACME", "ann", "62400.00") | NO_ACCOUNT
    pinned = payday(tmp_path, [ann], [deposit("ACME", "ann", 1, **CHECK)])
    run = UUID(pinned.run)
    paydays.approve(run)
    paydays.work()
    assert balances()["checks_issued"] == -NET
    return run


def test_a_check_that_is_stopped_leaves_nothing_behind(tmp_path: Path, undo: Undo) -> None:
    run = by_check(tmp_path)
    (preview,) = decide.preview(run)
    assert preview.cents == {plan.STOP: NET}
    undo(run)
    assert balances() == {} and not Recovery.objects.exists()
    assert holds(run)


def test_a_check_that_is_cashed_is_owed_back(tmp_path: Path, undo: Undo) -> None:
    run = by_check(tmp_path)
    decide.undo(run, by="amy", reason="paid twice by hand", check_cashed=True)
    decide.undo(run, by="bea")  # who confirms does so as it was proposed
    paydays.work()
    assert balances() == {"checks_issued": -NET, "recoverable": NET}
    assert holds(run)


def paid_and_back(tmp_path: Path, code: str = "R01") -> UUID:
    """ann is paid, and her payment comes back."""
    paydays.load(
        tmp_path, [paydays.employer("ACME")], [salaried("ACME", "ann", "62400.00", account_number="5550001")]
    )
    run = paydays.pay("ACME")
    settled(order())
    import_file(returns(payment("ann"), code=code), name="returns")
    projection.catch_up()
    return run


def test_what_came_back_is_only_voided_and_never_paid_again(
    tmp_path: Path, undo: Undo, settings: Any
) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"
    run = paid_and_back(tmp_path)
    assert balances()["returns"] == -NET
    undo(run)
    assert balances() == {}
    assert payment("ann").state_of_its_own == "voided"
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="amy")
    assert holds(run)


def test_what_was_paid_again_is_taken_back_where_it_went(tmp_path: Path, undo: Undo, settings: Any) -> None:
    run = paid_and_back(tmp_path, "R03")
    person = Employee.objects.get(employee_id="ann")
    person.account_ciphertext = crypto.encrypt("880011223", person.account_context)
    person.save()
    repay(by="amy")
    repay(by="bea")
    paydays.work()
    undo(run)
    (back,) = [each for each in bank.movements(gateways.bank_dir()) if each.reverses]
    assert (back.account, back.amount_cents, back.direction) == ("880011223", NET, "debit")
    settled(order(kind="repay"), order(kind="reversal"), on="2026-11-30")
    assert balances() == {}
    assert {each.state_of_its_own for each in Payment.objects.all()} == {"returned", "reversed"}
    assert holds(run)


def test_what_is_held_is_voided_and_not_paid_later(tmp_path: Path, undo: Undo, settings: Any) -> None:
    paid_and_back(tmp_path, "R03")
    second = paydays.pay("ACME", period=paydays.NEXT)
    held = Payment.objects.get(pay_date="2026-12-04")
    assert held.method == "held"
    before = balances()
    assert before["wages_payable"] == -NET
    undo(second)
    assert "wages_payable" not in balances()
    with pytest.raises(Refused, match="did not come back"):
        repay(by="amy", payments=[held.payment])


def test_every_step_of_every_saga_says_what_undoes_it() -> None:
    for name, saga in REGISTRY.items():
        for step in saga.steps:
            assert step.undo.by or step.undo.keeps, f"{name}/{step.name} says neither"
