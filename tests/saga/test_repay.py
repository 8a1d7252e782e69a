"""What came back is paid again: by two people, into another account, once, and the bank's own books show it."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from events import projection, runner, store
from events.models import Work
from ops.proof import prove
from ops.reconcile import reconcile
from payroll import crypto, keys
from payroll.ledger.balance import TrialBalance
from payroll.models import Decision, Employee, Notification, Payment, PayOrder
from payroll.payments import bank, gateways, halt
from payroll.payments.imports import import_file
from payroll.payments.orders import Order
from payroll.payments.repay import repay
from payroll.refusal import Refused
from tests.saga import paydays
from tests.saga.came_back_files import payment, returns, settlement

pytestmark = pytest.mark.usefixtures("db")
NEW_ACCOUNT = "880011223"


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> None:
    """ACME pays ann and bob through the sandbox bank; amy and bea may decide about payments."""
    settings.PAYROLL_GATEWAY = "sandbox"
    paydays.load(
        tmp_path,
        [paydays.employer("ACME")],
        [
            paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
            paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
        ],
    )
    for name in ("amy", "bea"):
        paydays.user(name, "decide_payorder")


def come_back(*people: str, code: str = "R03") -> list[Payment]:
    """ACME is paid and settled, and the payments of these people come back."""
    paydays.pay("ACME")
    projection.catch_up()
    import_file(settlement(PayOrder.objects.get()), name="settlement")
    back = sorted((payment(name) for name in people), key=lambda each: each.trace)
    assert import_file(returns(*back, code=code), name="returns").matched == len(people)
    projection.catch_up()
    return back


def new_account(employee_id: str, account: str = NEW_ACCOUNT) -> None:
    person = Employee.objects.get(employee_id=employee_id)
    person.account_ciphertext = crypto.encrypt(account, person.account_context)
    person.account_last4 = account[-4:]
    person.save()


def go_on() -> None:
    """What the workers do, and the read models after them."""
    paydays.work()
    projection.catch_up()


def booked(employee_id: str) -> list[tuple[str, int]]:
    """What the bank's own books have of a person: account and cents."""
    credits = bank.books(gateways.bank_dir())
    return sorted(
        (each.account, each.amount_cents) for each in credits if each.individual_id == employee_id.upper()
    )


def balances() -> dict[str, int]:
    trial = TrialBalance()
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def test_a_payment_that_came_back_is_paid_again_by_two_people():
    (old,) = come_back("ann")
    assert balances()["returns"] == -old.amount_cents
    new_account("ann")

    first = repay(by="amy")
    assert (first.proposed, first.orders, first.waiting) == ((old.payment,), (), {})
    go_on()
    assert len(booked("ann")) == 1

    second = repay(by="bea")
    assert (second.proposed, len(second.orders)) == ((), 1)
    projection.catch_up()
    assert not reconcile().findings, "confirmed, and owed until the bank has taken it"
    go_on()
    assert not reconcile().findings

    assert booked("ann") == [("5550001", old.amount_cents), (NEW_ACCOUNT, old.amount_cents)]
    assert len(booked("bob")) == 1
    order = Order(f"order-{second.orders[0]}")
    assert (order.state, order.created["kind"], order.created["credits_cents"]) == (
        "accepted",
        "repay",
        old.amount_cents,
    )
    new = Payment.objects.get(payment=keys.repay_key(old.payment))
    same = ("paycheck", "run", "employer_run", "employer", "employee_id", "pay_date", "part", "amount_cents")
    assert all(getattr(new, name) == getattr(old, name) for name in same)
    assert (new.order, new.state_of_its_own) == (second.orders[0], "")
    reissued = store.read(f"payment-{old.payment}")[-1]
    assert (reissued.type, reissued.data["reissued_by"], reissued.data["confirmed_by"]) == (
        "PaymentReissued",
        "amy",
        "bea",
    )
    decision = Decision.objects.get()
    assert (decision.subject, decision.maker, decision.checker) == (f"order-{second.orders[0]}", "amy", "bea")
    assert "returns" not in balances()
    assert balances()["net_pay_clearing"] == -old.amount_cents
    assert not projection.differences()

    projection.catch_up()
    import_file(settlement(PayOrder.objects.get(kind="repay"), on="2026-11-25"), name="settlement")
    projection.catch_up()
    assert not {"returns", "net_pay_clearing", "wages_payable"} & balances().keys()
    assert not [finding for line in prove(old.run) for finding in line.findings]
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="amy")


def test_one_person_alone_pays_nothing_again():
    (old,) = come_back("ann")
    new_account("ann")
    repay(by="amy")
    again = repay(by="amy")
    assert again.orders == () and "somebody else" in again.waiting[old.payment]
    with pytest.raises(Refused, match="does not hold the permission"):
        paydays.user("eve")
        repay(by="eve")
    assert not PayOrder.objects.filter(kind="repay").exists() and not Decision.objects.exists()


def test_nothing_is_paid_again_into_the_account_it_came_back_from():
    (old,) = come_back("ann")
    for by in ("amy", "bea"):
        done = repay(by=by)
        assert (done.proposed, done.orders) == ((), ())
        assert "held for R03" in done.waiting[old.payment]
    assert [event.type for event in store.read(f"payment-{old.payment}")] == ["PaymentReturned"]


def test_what_came_back_for_another_reason_goes_to_the_same_account():
    (old,) = come_back("ann", code="R06")
    repay(by="amy")
    repay(by="bea")
    go_on()
    assert booked("ann") == [("5550001", old.amount_cents)] * 2


def test_an_account_that_changed_after_the_proposal_is_proposed_anew():
    (old,) = come_back("ann")
    new_account("ann")
    repay(by="amy")
    new_account("ann", "999000999")
    done = repay(by="bea")
    assert (done.proposed, done.orders) == ((old.payment,), ())
    assert repay(by="amy").orders
    go_on()
    assert ("999000999", old.amount_cents) in booked("ann")


def test_what_is_paid_again_may_come_back_and_be_paid_once_more():
    (old,) = come_back("ann", code="R06")
    repay(by="amy")
    repay(by="bea")
    go_on()
    second = Payment.objects.get(payment=keys.repay_key(old.payment))
    day = PayOrder.objects.get(kind="repay").effective
    assert day
    effective = day.replace("-", "")[2:]
    assert import_file(returns(second, code="R06", effective=effective), name="returns").matched == 1
    projection.catch_up()
    assert Payment.objects.get(payment=second.payment).state_of_its_own == "returned"
    repay(by="bea")
    assert len(repay(by="amy").orders) == 1
    go_on()
    assert booked("ann") == [("5550001", old.amount_cents)] * 3
    assert Payment.objects.filter(employee_id="ann").count() == 3
    assert "returns" not in balances()
    assert not projection.differences()


def test_only_what_was_asked_for_is_paid_again():
    ann, bob = sorted(come_back("ann", "bob", code="R06"), key=lambda each: each.employee_id)
    with pytest.raises(Refused, match="did not come back"):
        repay(by="amy", payments=[ann.payment, keys.key("another")])
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="amy", employer="BOLT")
    assert repay(by="amy", payments=[ann.payment]).proposed == (ann.payment,)
    done = repay(by="bea", employer="ACME", run=ann.run)
    assert (done.proposed, len(done.orders)) == ((bob.payment,), 1)
    go_on()
    assert (len(booked("ann")), len(booked("bob"))) == (2, 1)


def test_a_worker_that_is_lost_while_sending_pays_again_once():
    """The order goes through the same saga: another claim asks the bank before it sends."""
    (old,) = come_back("ann", code="R06")
    repay(by="amy")
    repay(by="bea")
    halt.halt(by="amy", reason="look first")
    (work,) = Work.objects.filter(saga="order").exclude(state="done")
    while runner.run_due():
        pass
    assert len(booked("ann")) == 1
    halt.resume(by="amy")
    go_on()
    assert booked("ann") == [("5550001", old.amount_cents)] * 2
    assert Work.objects.get(id=work.id).state == "done"


def test_the_command_shows_nobody_s_account():
    come_back("ann")
    new_account("ann")
    out = StringIO()
    call_command("payments", "repay", "--as", "amy", stdout=out)
    assert "proposed: 1 payments" in out.getvalue()
    call_command("payments", "repay", "--as", "bea", stdout=out)
    assert "pays again" in out.getvalue()
    shown = json.dumps([event.data for event in store.read_prefix("payment-")]) + out.getvalue()
    assert NEW_ACCOUNT not in shown and "5550001" not in shown


# Held back


def test_a_run_pays_nothing_into_a_held_account_and_what_it_holds_back_is_paid_later():
    (old,) = come_back("ann")
    run = paydays.pay("ACME", period=paydays.NEXT)
    projection.catch_up()

    held, paid = payment("ann", pay_date="2026-12-04"), payment("bob", pay_date="2026-12-04")
    assert (held.method, held.order, held.trace) == ("held", None, "")
    instructed = paydays.part("ACME", paydays.NEXT)["PaymentsInstructed"]
    assert (instructed["payments"], instructed["payments_cents"]) == (1, paid.amount_cents)
    assert (instructed["held"], instructed["held_cents"], instructed["held_people"]) == (
        1,
        held.amount_cents,
        1,
    )
    moved = paydays.part("ACME", paydays.NEXT)["MoneyMoved"]
    assert (moved["paid"], moved["paid_cents"]) == (1, paid.amount_cents)
    assert (len(booked("ann")), len(booked("bob"))) == (1, 2)
    told = Notification.objects.filter(employer_run=held.employer_run).values_list("employee_id", flat=True)
    assert sorted(told) == ["", "bob"]
    assert balances()["wages_payable"] == -held.amount_cents
    assert not [finding for line in prove(run) for finding in line.findings]
    assert {row.payment for row in (old, held)} == repay(by="amy").waiting.keys()

    new_account("ann")
    assert len(repay(by="amy").proposed) == 2
    assert len(repay(by="bea").orders) == 2
    go_on()

    assert [account for account, _ in booked("ann")] == ["5550001", NEW_ACCOUNT, NEW_ACCOUNT]
    assert sorted(PayOrder.objects.values_list("kind", flat=True)) == [
        "held-pay",
        "net-pay",
        "net-pay",
        "repay",
    ]
    assert not {"returns", "wages_payable"} & balances().keys()
    assert not projection.differences()
    for each in (old.run, run):
        assert not [finding for line in prove(each) for finding in line.findings]


def test_a_run_whose_every_account_is_held_has_no_order_and_completes():
    come_back("ann", "bob")
    run = paydays.pay("ACME", period=paydays.NEXT)
    part = paydays.part("ACME", paydays.NEXT)
    assert (part["PaymentsInstructed"]["orders"], part["MoneyMoved"]["paid_cents"]) == ([], 0)
    assert "EmployerRunCompleted" in part
    assert not [finding for line in prove(run) for finding in line.findings]
