"""What was paid is undone: by two people, in the window or owed back after it; the bank's own books show it once."""

import json
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from events import outbox, projection, runner, store, work
from events.models import Publication, Work
from ops.proof import prove
from ops.reconcile import reconcile
from ops.status import run_status
from payroll import keys, recoveries, runs, topics
from payroll.ledger.balance import TrialBalance
from payroll.models import Decision, Notification, Payment, PayOrder, Recovery, YearToDate
from payroll.payments import bank, gateways
from payroll.payments.imports import import_file
from payroll.refusal import Refused
from payroll.undo import decide, plan
from tests.saga import order_days, paydays, returned_files
from tests.saga.came_back_files import ACME, order, payment, settlement
from tests.saga.paydays import NEXT

pytestmark = pytest.mark.usefixtures("db")
MONDAY = date(2026, 11, 23)  # after the payday, Friday the 20th
LAST_DAY = date(2026, 11, 30)  # five banking days after it: Thanksgiving is none
# 2,400.00 less 204.15 income tax and 183.60 FICA; 2,000.00 less 156.15 and 153.00
ANN, BOB = 2012_25, 1690_85


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACME and BETA pay through the sandbox bank; amy and bea may undo."""
    settings.PAYROLL_GATEWAY = "sandbox"
    people = [
        paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
        paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
        paydays.salaried("BETA", "cat", "62400.00", account_number="5550003"),
    ]
    paydays.load(tmp_path, [paydays.employer("ACME"), paydays.employer("BETA")], people)
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun")
    is_day(monkeypatch, MONDAY)


def is_day(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr(plan, "today", lambda: day)


def undone(run: UUID, **of: Any) -> decide.Undone:
    """Proposed by amy, confirmed by bea, carried out as far as it goes."""
    decide.undo(run, by="amy", reason="paid twice by hand", **of)
    confirmed = decide.undo(run, by="bea", **of)
    paydays.work()
    projection.catch_up()
    return confirmed


def settle(*orders: PayOrder, on: str = "2026-11-20") -> None:
    import_file(settlement(*orders, on=on), name="settlement")
    projection.catch_up()


def balances(**of: Any) -> dict[str, int]:
    projection.catch_up()
    trial = TrialBalance(**of)
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def taken_back() -> list[tuple[str, int]]:
    """What the bank's own books hold of reversals: whose, and how many cents; those that take something back."""
    found = bank.movements(gateways.bank_dir())
    return sorted((each.individual_id, each.amount_cents) for each in found if each.reverses)


def wrong(run: UUID) -> list[str]:
    return [finding for line in prove(run) for finding in line.findings]


def reversal_order() -> PayOrder:
    return order(kind="reversal")


def test_an_employer_is_undone_after_settlement_by_reversing_entries() -> None:
    run = paydays.pay("ACME")
    settle(order())
    before = balances()
    assert before["employer_funding"] == -(ANN + BOB)
    undone(run)

    assert taken_back() == [("ANN", ANN), ("BOB", BOB)]
    assert {each.state_of_its_own for each in Payment.objects.all()} == {"reversing"}
    assert (reversal_order().state, reversal_order().effective) == ("accepted", "2026-11-24")
    assert balances() == {"employer_funding": -(ANN + BOB), "wages_payable": ANN + BOB}
    settle(reversal_order(), on="2026-11-24")

    assert {each.state_of_its_own for each in Payment.objects.all()} == {"reversed"}
    assert balances() == {}
    assert not Recovery.objects.exists()
    assert wrong(run) == []
    assert reconcile().findings == []
    assert YearToDate.objects.get(employee_id="ann").gross_cents == 0


def test_too_late_for_a_reversal_it_is_owed_back_and_taken_from_later_pay(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.PAYROLL_RECOVERY_BP = 100_00
    run = paydays.pay("ACME")
    settle(order())
    is_day(monkeypatch, date(2026, 12, 1))
    undone(run, employer="ACME", employee_id="ann")

    assert taken_back() == []
    owed = Recovery.objects.get()
    assert (owed.employee_id, owed.amount_cents, owed.facts["because"]) == ("ann", ANN, recoveries.VOID)
    assert balances(employer_run=paydays.employer_run("ACME"))["recoverable"] == ANN
    assert balances().get("wages_payable") is None

    paydays.pay("ACME", period=NEXT)
    assert paydays.facts("ACME", "ann", NEXT)["net_cents"] == 0
    assert "recoverable" not in balances()
    assert wrong(run) == []


def test_on_the_last_day_it_is_still_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paydays.pay("ACME")
    settle(order())
    is_day(monkeypatch, LAST_DAY)
    undone(run)
    assert reversal_order().effective == LAST_DAY.isoformat()
    assert taken_back() == [("ANN", ANN), ("BOB", BOB)]


def test_a_reversal_that_the_bank_gives_back_is_owed_back_once() -> None:
    run = paydays.pay("ACME")
    settle(order())
    undone(run)
    settle(reversal_order(), on="2026-11-24")
    ann = payment("ann")
    back = returned_files.returned(
        "R01", trace=ann.facts["reversal_trace"], cents=ANN, sent_as="26", who="ANN"
    )
    batch = returned_files.batch_of(back, company=ACME, effective="261124")
    told = import_file(returned_files.file_of(batch), name="returns")
    assert (told.matched, told.findings) == (1, ())
    again = returned_files.batch_of(back, company=ACME, effective="261124", number=2)
    assert import_file(returned_files.file_of(again), name="returns").matched == 0

    assert payment("ann").state_of_its_own == "not reversed"
    assert balances() == {"employer_funding": -ANN, "recoverable": ANN}
    owed = Recovery.objects.get()
    assert (owed.employee_id, owed.facts["because"]) == ("ann", recoveries.REVERSAL_RETURNED)
    assert (owed.facts["opened_by"], owed.facts["confirmed_by"]) == ("amy", "bea")
    assert wrong(run) == []


def test_given_back_before_it_settles_the_books_close_as_well() -> None:
    run = paydays.pay("ACME")
    settle(order())
    undone(run)
    ann = payment("ann")
    back = returned_files.returned(
        "R01", trace=ann.facts["reversal_trace"], cents=ANN, sent_as="26", who="ANN"
    )
    batch = returned_files.batch_of(back, company=ACME, effective="261124")
    assert import_file(returned_files.file_of(batch), name="returns").matched == 1
    projection.catch_up()
    settle(reversal_order(), on="2026-11-24")
    assert {each.state_of_its_own for each in Payment.objects.all()} == {"not reversed", "reversed"}
    assert balances() == {"employer_funding": -ANN, "recoverable": ANN}
    assert wrong(run) == []


def test_an_order_that_is_not_sent_is_withdrawn_and_the_run_ends(settings: Any) -> None:
    settings.PAYROLL_CAPS = (1, None, None, None)  # the order waits for a person
    run = paydays.pay("ACME")
    assert order().state == "created"
    undone(run)
    assert order().state == "withdrawn"
    assert bank.books(gateways.bank_dir()) == []
    assert paydays.part("ACME")["EmployerRunUndone"]["undone_by"] == "amy"
    assert "EmployerRunCompleted" in paydays.part("ACME") and "MoneyMoved" not in paydays.part("ACME")
    assert not paydays.letters()
    assert balances() == {}
    assert wrong(run) == []


def test_one_employer_that_is_paid_and_one_that_is_not() -> None:
    run = paydays.open_run("ACME", "BETA")
    paydays.work()
    runs.approve(paydays.employer_run("ACME"), by="checker")
    paydays.work()
    settle(order())
    undone(run)
    assert "EmployerRunCancelled" in paydays.part("BETA")
    assert "EmployerRunUndone" in paydays.part("ACME")
    settle(reversal_order(), on="2026-11-24")
    assert store.read(keys.payrun_stream(run))[-1].type == "PayRunCompleted"
    assert balances() == {}
    assert wrong(run) == []


def test_a_paycheck_that_is_not_instructed_is_voided_and_what_was_approved_is_void_with_it() -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    undone(run, employer="ACME", employee_id="ann")
    paydays.approve(run)
    paydays.work()
    assert "EmployerRunApprovalVoided" in paydays.part("ACME")
    paydays.approve(run)
    paydays.work()
    assert [each.individual_id for each in bank.books(gateways.bank_dir())] == ["BOB"]
    assert wrong(run) == []


def test_days_that_are_undone_are_free_again_under_other_keys() -> None:
    run = paydays.pay("ACME")
    settle(order())
    undone(run)
    again = runs.open_run(*PERIOD, opened_by="maker", employers=["ACME"])
    assert again.new and again.run != run
    paydays.work()
    paydays.approve(again.run)
    paydays.work()
    projection.catch_up()
    used = [each.payment for each in Payment.objects.all()]
    assert len(used) == len(set(used)) == 4
    assert wrong(again.run) == []
    assert wrong(run) == []


PERIOD = (paydays.START, paydays.END, paydays.PAYDAY)


def test_one_paycheck_alone_frees_its_days_for_an_off_cycle_run() -> None:
    run = paydays.pay("ACME")
    settle(order())
    undone(run, employer="ACME", employee_id="ann")
    assert taken_back() == [("ANN", ANN)]
    off_cycle = runs.open_run(*PERIOD, opened_by="maker", kind="off-cycle", people={"ACME": ["ann"]})
    assert off_cycle.new
    with pytest.raises(Refused, match="a day is paid once"):
        runs.open_run(*PERIOD, opened_by="maker", kind="off-cycle", people={"ACME": ["bob"]})


def test_two_people_have_to_decide_and_nobody_undoes_it_twice() -> None:
    run = paydays.pay("ACME")
    settle(order())
    with pytest.raises(Refused, match="needs a reason"):
        decide.undo(run, by="amy")
    decide.undo(run, by="amy", reason="wrong period")
    with pytest.raises(Refused, match="somebody else has to confirm"):
        decide.undo(run, by="amy", reason="wrong period")
    assert taken_back() == [] and not Decision.objects.exists()
    decide.undo(run, by="bea")
    with pytest.raises(Refused, match="amy and bea have undone this already"):
        decide.undo(run, by="bea")
    paydays.work()
    with pytest.raises(Refused, match="ACME was undone by amy, confirmed by bea"):
        decide.undo(run, by="bea", employer="ACME", reason="again")
    decision = Decision.objects.get()
    assert (decision.maker, decision.checker) == ("amy", "bea")


def test_a_proposal_is_withdrawn_and_another_is_made() -> None:
    run = paydays.pay("ACME")
    settle(order())
    decide.undo(run, by="amy", reason="wrong period")
    assert decide.proposed(run)["proposed_by"] == "amy"
    decide.undo(run, by="bea", reason="too much", employer="ACME")
    assert run_status(run).notes == [
        "amy has proposed to undo all of it: wrong period",
        "bea has proposed to undo ACME: too much",
    ]
    decide.withdraw(run, by="amy", employer="ACME")
    decide.withdraw(run, by="amy", reason="it was right 123456789")
    assert decide.proposed(run) == {} and run_status(run).notes == []
    with pytest.raises(Refused, match="nobody has proposed to undo this, or the proposal was withdrawn"):
        decide.withdraw(run, by="amy")
    assert not decide.undo(run, by="bea", reason="paid twice").confirmed, "bea has proposed, not confirmed"
    assert decide.undo(run, by="amy").confirmed
    with pytest.raises(Refused, match="bea and amy have undone this already"):
        decide.withdraw(run, by="bea")
    paydays.work()
    projection.catch_up()
    assert taken_back() == [("ANN", ANN), ("BOB", BOB)]
    events = store.read(decide.stream(plan.key(run)))
    assert [event.type for event in events] == [
        *("UndoProposed", "UndoWithdrawn", "UndoProposed", "UndoConfirmed", "UndoCompleted")
    ]
    assert events[1].data == {"withdrawn_by": "amy", "withdrawn_reason": "it was right [masked]"}
    assert paydays.part("ACME")["EmployerRunUndone"]["undo_reason"] == "paid twice"
    settle(reversal_order(), on="2026-11-24")
    assert wrong(run) == []


def test_who_may_withdraw_a_proposal() -> None:
    run = paydays.pay("ACME")
    decide.undo(run, by="amy", reason="wrong period", employer="ACME")
    paydays.user("zoe")
    with pytest.raises(Refused, match="zoe does not hold the permission to withdraw what somebody else"):
        decide.withdraw(run, by="zoe", employer="ACME")
    with pytest.raises(Refused, match="no active user 'nobody'"):
        decide.withdraw(run, by="nobody", employer="ACME")
    with pytest.raises(Refused, match="nobody has proposed"):
        decide.withdraw(run, by="bea")
    amy = User.objects.get(username="amy")
    amy.user_permissions.clear()
    decide.withdraw(run, by="amy", employer="ACME")
    decide.undo(run, by="bea", reason="wrong period", employer="ACME")
    assert decide.proposed(run, employer="ACME")["proposed_by"] == "bea"


def test_withdrawn_or_confirmed_at_one_moment_it_is_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paydays.pay("ACME")
    decide.undo(run, by="amy", reason="wrong period")
    preview = decide.preview

    def meanwhile(*given: Any, **of: Any) -> Any:
        decide.withdraw(run, by="amy")
        return preview(*given, **of)

    monkeypatch.setattr(decide, "preview", meanwhile)
    with pytest.raises(Refused, match="somebody else decided about this at the same moment"):
        decide.undo(run, by="bea")
    paydays.work()
    assert taken_back() == [] and not Decision.objects.exists()


def test_the_command_withdraws_and_the_preview_says_what_waits() -> None:
    run = paydays.pay("ACME")
    decide.undo(run, by="amy", reason="wrong period")
    said = StringIO()
    call_command("payrun", "undo", str(run), "--preview", stdout=said)
    assert "proposed by amy: wrong period; somebody else confirms it" in said.getvalue()
    as_json = StringIO()
    call_command("payrun", "undo", str(run), "--preview", "--json", stdout=as_json)
    assert json.loads(as_json.getvalue())["proposal"] == {
        "proposed_by": "amy",
        "reason": "wrong period",
        "check_cashed": False,
    }
    with pytest.raises(CommandError, match="Name them with --as"):
        call_command("payrun", "undo", str(run), "--withdraw")
    said = StringIO()
    call_command("payrun", "undo", str(run), "--withdraw", "--as", "bea", "--json", stdout=said)
    assert json.loads(said.getvalue())["withdrawn"] is True
    with pytest.raises(CommandError, match="withdrawn already"):
        call_command("payrun", "undo", str(run), "--withdraw", "--as", "bea")


def test_whom_it_concerns_is_told() -> None:
    run = paydays.pay("ACME", "BETA")
    undone(run, employer="ACME")
    told = Notification.objects.filter(topic="paycheck.voided")
    assert {each.employee_id: each.message for each in told} == {
        "": "2 paychecks of 2026-11-20 are void, 3703.10 in all",
        "ann": "Your pay of 2026-11-20 is void. 2012.25 are taken back from your account.",
        "bob": "Your pay of 2026-11-20 is void. 1690.85 are taken back from your account.",
    }
    assert {each.employer for each in told} == {"ACME"}


def test_who_owes_back_is_told_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paydays.pay("ACME")
    settle(order())
    undone(run, employer="ACME", employee_id="bob")
    is_day(monkeypatch, date(2026, 12, 1))
    undone(run, employer="ACME", employee_id="ann")
    bob = payment("bob")
    back = returned_files.returned(
        "R01", trace=bob.facts["reversal_trace"], cents=BOB, sent_as="26", who="BOB"
    )
    batch = returned_files.batch_of(back, company=ACME, effective="261124")
    import_file(returned_files.file_of(batch), name="returns")
    told = {each.employee_id: each.message for each in Notification.objects.filter(topic="recovery.opened")}
    assert told == {"bob": "You were paid 1690.85 too much. It is taken from your later pay."}
    ann = Notification.objects.get(topic="paycheck.voided", employee_id="ann").message
    assert ann.endswith("2012.25 that you were paid are owed back, and are taken from your later pay.")


def test_the_world_outside_is_told_without_anybodys_pay() -> None:
    run = paydays.pay("ACME")
    settle(order())
    undone(run, employer="ACME", employee_id="bob")
    comes_back = payment("bob").facts["reversal_trace"]
    back = returned_files.returned("R01", trace=comes_back, cents=BOB, sent_as="26", who="BOB")
    batch = returned_files.batch_of(back, company=ACME, effective="261124")
    import_file(returned_files.file_of(batch), name="returns")
    outbox.follow()
    body = Publication.objects.get(topic=topics.PAYROLL_UNDONE).body
    assert (body["run"], body["paychecks"], body["employer"]) == (str(run), 1, "ACME")
    owed = Publication.objects.get(topic=topics.RECOVERY_OPENED)
    paycheck = keys.paycheck_stream(paydays.employer_run("ACME"), "bob")
    assert (owed.body["about"], owed.body["because"]) == (paycheck, "reversal-returned")
    assert owed.attributes["employer"] == "ACME"
    assert "cents" not in json.dumps([body, owed.body])


def test_who_may_not_undo_is_refused() -> None:
    run = paydays.pay("ACME")
    paydays.user("zoe")
    with pytest.raises(Refused, match="permission"):
        decide.undo(run, by="zoe", reason="x")
    with pytest.raises(Refused, match="no active user"):
        decide.undo(run, by="nobody", reason="x")


def test_the_preview_says_what_can_be_undone_until_when() -> None:
    run = paydays.pay("ACME")
    settle(order())
    said = StringIO()
    call_command("payrun", "undo", str(run), "--preview", stdout=said)
    assert "2 payments of 3703.10: taken back by reversing entries" in said.getvalue()
    assert "the last day for reversing entries is 2026-11-30" in said.getvalue()
    assert "3 messages were sent, and stay sent" in said.getvalue()
    assert not store.read(f"undo-{plan.key(run)}")
    as_json = StringIO()
    call_command("payrun", "undo", str(run), "--preview", "--json", stdout=as_json)
    (part,) = json.loads(as_json.getvalue())["parts"]
    assert (part["entries"], part["cents"]) == ({"reverse": 2}, {"reverse": ANN + BOB})
    with pytest.raises(CommandError, match="--as"):
        call_command("payrun", "undo", str(run))


def test_while_nobody_knows_what_the_bank_has_nothing_is_undone(tmp_path: Path) -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    until_state("sending")
    with pytest.raises(Refused, match=r"2 payments of ACME are sending: not known yet"):
        decide.undo(run, by="amy", reason="wrong period")
    paydays.work()
    undone(run)
    assert taken_back() == [("ANN", ANN), ("BOB", BOB)]


def test_confirmed_at_the_moment_it_is_sent_it_waits_until_that_is_known() -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    until_state("reserved")
    decide.undo(run, by="amy", reason="wrong period")
    decide.undo(run, by="bea")
    until_state("sending", only="order")
    paydays.work()
    assert taken_back() == [("ANN", ANN), ("BOB", BOB)]
    assert wrong(run) == []


def test_one_paycheck_of_a_file_that_is_not_sent_is_refused() -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    until_state("reserved")
    with pytest.raises(Refused, match="in a file that is not sent yet"):
        decide.undo(run, by="amy", reason="x", employer="ACME", employee_id="ann")


def test_the_only_paycheck_of_a_part_is_not_voided_without_the_part() -> None:
    run = paydays.open_run("BETA")
    paydays.work()
    with pytest.raises(Refused, match="nobody else of BETA would be paid"):
        decide.undo(run, by="amy", reason="x", employer="BETA", employee_id="cat")


def until_state(state: str, only: str = "") -> None:
    """One claim after the other until the only order is in this state; of work of one saga, where it is named."""
    for _ in range(order_days.TURNS_MAX):
        if order_days.order().state == state:
            return
        if only:  # the rest is due later
            Work.objects.exclude(saga=only).update(available_at=Now() + timedelta(hours=1))
        held = work.claim(runner.worker_name(), queues=None, lease_s=60)
        assert held is not None
        runner.run(held)
    raise AssertionError(f"never {state}")


STANDING = plan.Standing("p", "s", "ann", 1, "o", "t", "accepted")
OPEN = plan.Window(MONDAY, MONDAY, LAST_DAY)
CLOSED = plan.Window(MONDAY, None, LAST_DAY)


@pytest.mark.parametrize(
    ("state", "window", "cashed", "does"),
    [
        ("created", OPEN, False, plan.WITHDRAW),
        ("reserved", OPEN, False, plan.WITHDRAW),
        ("sending", OPEN, False, plan.WAIT),
        ("unknown", OPEN, False, plan.WAIT),
        ("rejected", OPEN, False, plan.VOID),
        ("accepted", OPEN, False, plan.REVERSE),
        ("settled", OPEN, False, plan.REVERSE),
        ("settled", CLOSED, False, plan.RECOVER),
        ("returned", OPEN, False, plan.VOID),
        ("held", None, False, plan.VOID),
        ("check", None, False, plan.STOP),
        ("check", None, True, plan.RECOVER),
    ],
)
def test_what_a_payment_needs_follows_from_where_it_stands(
    state: str, window: plan.Window | None, cashed: bool, does: str
) -> None:
    assert plan.fate(STANDING._replace(state=state), window, check_cashed=cashed) == does
