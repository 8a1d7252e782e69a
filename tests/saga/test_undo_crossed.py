"""What was paid comes back while it is taken back: in every order, nobody has it and nobody owes it in the end."""

from datetime import date
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from deploy.postgres import Cluster
from events import projection, runner, store, work
from ops.proof import prove
from ops.reconcile import reconcile
from payroll import by_hand, recoveries
from payroll.ledger.balance import TrialBalance
from payroll.models import Payment, PayOrder, Recovery
from payroll.payments import bank, gateways, matching
from payroll.payments.imports import Imported, import_file
from payroll.payments.repay import repay
from payroll.refusal import Refused
from payroll.undo import decide, plan
from tests.saga import order_days, paydays, returned_files
from tests.saga.came_back_files import ACME, order, payment, settlement
from tests.saga.paydays import NEXT

pytestmark = pytest.mark.usefixtures("db")
PAYDAY, MONDAY, TUESDAY = "2026-11-20", date(2026, 11, 23), "2026-11-24"
# 2,400.00 less 204.15 income tax and 183.60 FICA; 2,000.00 less 156.15 and 153.00
ANN, BOB = 2012_25, 1690_85
BY_ITSELF, REVERSAL, SETTLES = "the payment comes back", "the reversal comes back", "the reversal settles"


@pytest.fixture(autouse=True)
def run(tmp_path: Path, db: object, settings: Any, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """ACME has paid ann and bob through the sandbox bank; amy has proposed to undo it."""
    settings.PAYROLL_GATEWAY = "sandbox"
    people = [
        paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
        paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
    ]
    paydays.load(tmp_path, [paydays.employer("ACME")], people)
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun", "decide_payorder")
    monkeypatch.setattr(plan, "today", lambda: MONDAY)
    paid = paydays.pay("ACME")
    settled(order(), on=PAYDAY)
    decide.undo(paid, by="amy", reason="paid twice by hand")
    return paid


def confirm(run: UUID) -> None:
    decide.undo(run, by="bea")
    paydays.work()
    projection.catch_up()


def settled(of: PayOrder, on: str) -> None:
    import_file(settlement(of, on=on), name="settlement")
    projection.catch_up()


def taking_back() -> PayOrder:
    """The reversal that was not withdrawn."""
    projection.catch_up()
    (only,) = [each for each in PayOrder.objects.filter(kind="reversal") if each.state != "withdrawn"]
    return only


_numbers = count(1)


def comes_back(*records: tuple[list[tuple[str, str]], str]) -> Imported:
    """A file of returns: (records, effective date of what comes back), a batch each."""
    batches = [
        returned_files.batch_of(*each, company=ACME, effective=effective, number=number, first=number * 10)
        for (each, effective), number in zip(records, _numbers, strict=False)
    ]
    told = import_file(returned_files.file_of(*batches), name="returns")
    projection.catch_up()
    return told


def of_payment(code: str = "R23") -> tuple[list[tuple[str, str]], str]:
    trace = payment("ann").trace
    return [returned_files.returned(code, trace=trace, cents=ANN, who="ANN")], "261120"


def of_reversal(code: str = "R02") -> tuple[list[tuple[str, str]], str]:
    trace = payment("ann").facts["reversal_trace"]
    return [returned_files.returned(code, trace=trace, cents=ANN, sent_as="26", who="ANN")], "261124"


def balances() -> dict[str, int]:
    projection.catch_up()
    trial = TrialBalance()
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def nothing_is_left(run: UUID) -> None:
    """Nobody has the money, nobody owes it, nobody is paid it again; the void stands and the proof holds."""
    assert balances() == {}
    assert payment("ann").state_of_its_own == "voided"
    assert payment("bob").state_of_its_own == "reversed"
    assert recoveries.still_owed("ACME", ["ann", "bob"]) == {}
    assert [event.type for event in paydays.paycheck("ACME", "ann")][-1] == "PaycheckVoided"
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="amy")
    assert [finding for line in prove(run) for finding in line.findings] == []
    assert reconcile().findings == []


@pytest.mark.parametrize(
    "happens",
    [
        (BY_ITSELF, REVERSAL, SETTLES),
        (BY_ITSELF, SETTLES, REVERSAL),
        (SETTLES, BY_ITSELF, REVERSAL),
        (SETTLES, REVERSAL, BY_ITSELF),
        (REVERSAL, SETTLES, BY_ITSELF),
        (REVERSAL, BY_ITSELF, SETTLES),
    ],
    ids=", then ".join,
)
def test_after_the_reversal_was_sent_both_come_back(run: UUID, happens: tuple[str, ...]) -> None:
    confirm(run)
    for each in happens:
        if each == SETTLES:
            settled(taking_back(), on=TUESDAY)
        else:
            told = comes_back(of_payment() if each == BY_ITSELF else of_reversal())
            assert (told.matched, told.findings) == (1, ())
        assert TrialBalance().total.balance_cents == 0
        assert reconcile().findings == []
    nothing_is_left(run)


@pytest.mark.parametrize("first", [BY_ITSELF, REVERSAL])
def test_both_come_back_in_one_file(run: UUID, first: str) -> None:
    confirm(run)
    both = [of_payment(), of_reversal()] if first == BY_ITSELF else [of_reversal(), of_payment()]
    assert comes_back(*both).matched == 2
    assert not Recovery.objects.exists()
    settled(taking_back(), on=TUESDAY)
    nothing_is_left(run)


def test_neither_comes_back_twice(run: UUID) -> None:
    confirm(run)
    comes_back(of_payment(), of_reversal())
    told = comes_back(of_payment(), of_reversal())
    assert (told.matched, [each.partition(": ")[2] for each in told.findings]) == (
        0,
        ["the return R23 came back before", "the return R02 came back before"],
    )


def test_while_only_the_payment_has_come_back_it_is_told_whose_the_money_would_be(run: UUID) -> None:
    confirm(run)
    settled(taking_back(), on=TUESDAY)
    (note,) = comes_back(of_payment()).notes
    assert "2012.25 of ACME/ann came back while it is taken back" in note
    assert payment("ann").state_of_its_own == "crossed"
    assert balances() == {"employer_funding": ANN, "reversals": -ANN}


def until_order(state: str) -> None:
    """One claim after the other until the reversal is in this state."""
    for _ in range(order_days.TURNS_MAX):
        projection.catch_up()
        if any(each.state == state for each in PayOrder.objects.filter(kind="reversal")):
            return
        held = work.claim(runner.worker_name(), queues=None, lease_s=60)
        assert held is not None
        runner.run(held)
    raise AssertionError(f"no reversal was ever {state}")


@pytest.mark.parametrize("state", ["created", "reserved"])
def test_before_the_reversal_is_sent_it_goes_without_the_payment(run: UUID, state: str) -> None:
    decide.undo(run, by="bea")
    until_order(state)
    assert comes_back(of_payment()).matched == 1
    paydays.work()
    projection.catch_up()
    assert taken_back() == [("BOB", BOB)]
    assert {each.state for each in PayOrder.objects.filter(kind="reversal")} == {"withdrawn", "accepted"}
    settled(taking_back(), on=TUESDAY)
    nothing_is_left(run)
    assert store.read(decide.stream(plan.key(run)))[-1].type == "UndoCompleted"


def test_when_all_of_it_came_back_before_no_reversal_is_sent(run: UUID) -> None:
    decide.undo(run, by="bea")
    until_order("reserved")
    bob = returned_files.returned("R23", trace=payment("bob").trace, cents=BOB, who="BOB")
    (ann,), day = of_payment()
    assert comes_back(([ann, bob], day)).matched == 2
    paydays.work()
    projection.catch_up()
    assert taken_back() == []
    assert {each.state for each in PayOrder.objects.filter(kind="reversal")} == {"withdrawn"}
    assert {each.state_of_its_own for each in Payment.objects.all()} == {"voided"}
    assert balances() == {}
    assert [finding for line in prove(run) for finding in line.findings] == []
    assert store.read(decide.stream(plan.key(run)))[-1].type == "UndoCompleted"


def test_what_came_back_before_it_is_undone_is_not_reversed(run: UUID) -> None:
    comes_back(of_payment())
    confirm(run)
    assert taken_back() == [("BOB", BOB)]
    settled(taking_back(), on=TUESDAY)
    nothing_is_left(run)


def test_what_was_owed_back_because_it_was_too_late_is_not_owed_when_it_comes_back(
    run: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "today", lambda: date(2026, 12, 1))
    confirm(run)
    assert set(recoveries.still_owed("ACME", ["ann", "bob"])) == {"ann", "bob"}
    assert payment("ann").state_of_its_own == "not reversed"
    assert comes_back(of_payment()).matched == 1
    assert set(recoveries.still_owed("ACME", ["ann", "bob"])) == {"bob"}
    assert balances() == {"employer_funding": -BOB, "recoverable": BOB}
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="amy")
    assert [finding for line in prove(run) for finding in line.findings] == []


def test_what_was_taken_from_later_pay_in_the_meantime_is_the_employees(
    run: UUID, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PAYROLL_RECOVERY_BP = 100_00
    monkeypatch.setattr(plan, "today", lambda: date(2026, 12, 1))
    confirm(run)
    paydays.pay("ACME", period=NEXT)
    assert paydays.facts("ACME", "ann", NEXT)["net_cents"] == 0
    comes_back(of_payment())
    assert balances()["recoverable"] == -ANN
    assert recoveries.still_owed("ACME", ["ann"]) == {}
    (item,) = by_hand.listed(run)
    assert (item.kind, item.employee_id, item.left_cents) == ("pay employee", "ann", ANN)


def test_it_is_on_the_list_of_what_is_left_to_people_until_the_reversal_comes_back(run: UUID) -> None:
    confirm(run)
    settled(taking_back(), on=TUESDAY)
    comes_back(of_payment())
    (item,) = by_hand.listed(run)
    assert (item.kind, item.employee_id, item.left_cents) == ("pay employee", "ann", ANN)
    comes_back(of_reversal())
    assert by_hand.listed(run) == []


def test_who_was_paid_by_hand_and_got_it_back_as_well_stays_on_the_list(run: UUID) -> None:
    confirm(run)
    comes_back(of_payment())
    projection.catch_up()
    paydays.user("cat", "settle_by_hand")
    by_hand.done(str(by_hand.listed(run)[0].key), by="cat", evidence="a check, number 17")
    comes_back(of_reversal())
    (item,) = by_hand.listed(run)
    assert (item.cents, item.done_cents, item.left_cents) == (0, ANN, -ANN)


@pytest.mark.own_session
def test_a_reversal_is_found_by_its_trace_through_an_index_of_reversals_alone(run: UUID) -> None:
    confirm(run)
    trace = payment("ann").facts["reversal_trace"]
    found = matching.taken_back_as([trace])
    assert [row.employee_id for row in found] == ["ann"]
    assert list(matching.taken_back_as([payment("ann").trace + "7"])) == []
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
    how = found.explain()
    assert "payment_of_reversal_trace" in how and "Index Cond" in how, how


def taken_back() -> list[tuple[str, int]]:
    """What the bank's own books hold of reversals: whose, and how many cents."""
    found = bank.movements(gateways.bank_dir())
    return sorted((each.individual_id, each.amount_cents) for each in found if each.reverses)


def test_the_proof_finds_what_is_owed_back_although_it_came_back(run: UUID, db: Cluster) -> None:
    confirm(run)
    comes_back(of_reversal())
    comes_back(of_payment())
    settled(taking_back(), on=TUESDAY)
    nothing_is_left(run)
    paydays.as_owner(db, "alter table events_event disable trigger user")
    paydays.as_owner(db, "delete from events_event where type = 'RecoveryCancelled'")
    (undone,) = [line for line in prove(run) if line.name == "undone"]
    assert [each.partition(" came")[2] for each in undone.findings] == [
        " back, and is owed back all the same"
    ]
