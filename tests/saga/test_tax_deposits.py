"""Federal tax is deposited once, by two people, to the cent; the bank's own books and the file's own words show it.

ann earns 2,400.00 and bob 2,000.00 every two weeks in Texas. What Form 941 adds up (tests/saga/test_pay_run.py):

           Social Security, twice 6.2 %   Medicare, twice 1.45 %   income tax     together
    ann                          297.60                    69.60       204.15       571.35
    bob                          248.00                    58.00       156.15       462.15
"""

import json
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as configured
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from events import database, projection, runner, store, work
from events.models import Work, WorkState
from ops.proof import prove
from ops.reconcile import reconcile
from ops.status import run_status
from payroll import keys, objects
from payroll.calc import calendar
from payroll.ledger.balance import TrialBalance
from payroll.models import Decision, Payment, PayOrder
from payroll.payments import bank, building, gateways, orders, remittances, tax_deposits
from payroll.payments.imports import import_file
from payroll.payments.orders import Order
from payroll.payments.repay import repay
from payroll.payments.tax_deposits import Deposited, deposit, preview
from payroll.refusal import Refused
from payroll.undo import decide
from tests.saga import correcting, paydays, returned_files
from tests.saga.ach_parser import parse
from tests.saga.came_back_files import ACME, order, settlement

pytestmark = pytest.mark.usefixtures("db")

ROUTING, ACCOUNT = "091000019", "9400123"
ANN, BOB = 571_35, 462_15
TAXES = {"social_security": 545_60, "medicare": 127_60, "federal_income_tax": 360_30}
BOTH = ANN + BOB
WORDS = "TXP*120000001*94105*261201*1*54560*2*12760*3*36030\\"


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Any:
    """ACME pays ann and bob through the sandbox bank; amy and bea may decide about payments."""
    settings.PAYROLL_GATEWAY = "sandbox"
    settings.PAYROLL_TAX_ROUTING, settings.PAYROLL_TAX_ACCOUNT = ROUTING, ACCOUNT
    for name in ("amy", "bea"):
        paydays.user(name, "decide_payorder", "undo_payrun")
    return load(tmp_path)


def load(folder: Path, *, funding: str = "", **more: str) -> Any:
    people = [
        paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
        paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
    ]
    return paydays.load(folder, [paydays.employer("ACME", funding=funding)], people)


def go_on() -> None:
    paydays.work()
    projection.catch_up()


def deposited(run: UUID, **of: Any) -> UUID:
    """Proposed by amy, confirmed by bea, carried out as far as it goes; the only order."""
    assert deposit(run, by="amy", **of).proposed == ("ACME",)
    ((_, key),) = deposit(run, by="bea", **of).orders.items()
    go_on()
    return key


def settle(*settled: PayOrder, on: str = "2026-11-23") -> None:
    import_file(settlement(*settled, on=on), name="settlement")
    projection.catch_up()


def booked() -> list[tuple[str, str, int]]:
    """What the bank's own books have of credits to the Treasury: routing, account and cents."""
    credits = bank.books(gateways.bank_dir())
    return [(each.routing, each.account, each.amount_cents) for each in credits if each.account == ACCOUNT]


def batches(key: UUID) -> list[dict[str, Any]]:
    """What an order's file holds, by the parser that shares nothing with the writer."""
    made = Order(orders.stream(key)).created
    return parse(objects.get_verified(made["object"], made["sha256"]))


def balances() -> dict[str, int]:
    projection.catch_up()
    trial = TrialBalance()
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def owed() -> dict[str, int]:
    """The tax that the ledger owes the Treasury, of Form 941."""
    return {name: -cents for name, cents in balances().items() if name in TAXES}


def sound(run: UUID) -> None:
    wrong = [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]
    assert (wrong, reconcile().findings, projection.differences()) == ([], [], [])


def waits(done: Deposited) -> str:
    (line,) = done.lines
    assert not done.proposed and not done.orders
    return line.waits


def next_day() -> date:
    return calendar.add_banking_days(database.now().date(), 1)


def test_two_people_deposit_what_was_withheld_and_the_employers_share() -> None:
    run = paydays.pay("ACME")
    settle(order())
    assert owed() == TAXES
    before = balances()["employer_funding"]

    assert deposit(run, by="amy").proposed == ("ACME",)
    go_on()
    assert booked() == [] and owed() == TAXES, "one person moves nothing"

    key = deposit(run, by="bea").orders["ACME"]
    go_on()
    assert booked() == [(ROUTING, ACCOUNT, BOTH)]
    made = order(kind="tax-deposit")
    assert (made.order, made.state, made.effective) == (key, "accepted", str(next_day()))
    (batch,) = batches(key)
    (entry,) = batch["entries"]
    told = (batch["sec"], batch["description"].strip(), batch["service"], batch["company"])
    assert told == ("CCD", "TAXPAYMENT", "220", ACME)
    assert (entry["code"], entry["routing"], entry["account"], entry["cents"]) == (
        *("22", ROUTING, ACCOUNT),
        BOTH,
    )
    assert entry["addenda"] == WORDS
    assert owed() == {} and balances()["net_pay_clearing"] == -BOTH
    sound(run)

    settle(made)
    assert owed() == {} and "net_pay_clearing" not in balances()
    assert balances()["employer_funding"] == before - BOTH
    decision = Decision.objects.get()
    assert (decision.subject, decision.maker, decision.checker) == (f"order-{key}", "amy", "bea")
    row = Payment.objects.get(method="deposit")
    assert (row.payment, row.employee_id, row.amount_cents) == (
        keys.tax_deposit_key(paydays.employer_run("ACME"), "94105", 1),
        "",
        BOTH,
    )
    sound(run)


def test_asked_twice_it_is_deposited_once() -> None:
    run = paydays.pay("ACME")
    deposit(run, by="amy")
    deposit(run, by="bea")
    assert "is deposited already" in waits(deposit(run, by="amy")), "before it is sent"
    go_on()
    assert "is deposited already" in waits(deposit(run, by="amy"))
    settle(*PayOrder.objects.all())
    assert "1033.50 is deposited already" in waits(deposit(run, by="bea"))
    go_on()
    assert booked() == [(ROUTING, ACCOUNT, BOTH)]
    assert PayOrder.objects.filter(kind="tax-deposit").count() == 1
    sound(run)


def test_one_person_is_not_two_and_who_may_not_is_refused() -> None:
    run = paydays.pay("ACME")
    deposit(run, by="amy")
    assert "somebody else has to confirm" in waits(deposit(run, by="amy"))
    paydays.user("eve")
    with pytest.raises(Refused, match="does not hold the permission"):
        deposit(run, by="eve")
    assert not PayOrder.objects.filter(kind="tax-deposit").exists()
    assert len(store.read(keys.tax_deposit_stream(paydays.employer_run("ACME")))) == 1


def test_two_who_confirm_at_one_moment_deposit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """cyd confirms while bea's order is being built."""
    paydays.user("cyd", "decide_payorder")
    run = paydays.pay("ACME")
    deposit(run, by="amy")
    really = building.build_tax_deposit

    def build(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(building, "build_tax_deposit", really)
        assert len(deposit(run, by="cyd").orders) == 1
        return really(*given, **named)

    monkeypatch.setattr(building, "build_tax_deposit", build)
    with pytest.raises(Refused, match="at this moment"):
        deposit(run, by="bea")
    go_on()
    assert booked() == [(ROUTING, ACCOUNT, BOTH)]
    assert Decision.objects.get().checker == "cyd"
    sound(run)


def test_the_status_says_what_is_deposited_and_what_is_not(settings: Any) -> None:
    run = paydays.pay("ACME")
    assert run_status(run).notes == ["ACME: federal tax still to be deposited: 1033.50"]
    deposit(run, by="amy")
    (note,) = run_status(run).notes
    assert "a deposit of 1033.50 of federal tax, proposed by amy, waits for somebody else" in note
    key = deposit(run, by="bea").orders["ACME"]
    go_on()
    assert run_status(run).notes == [f"ACME: federal tax deposited: 1033.50 by the order {key} (accepted)"]
    settings.PAYROLL_TAX_ACCOUNT = ""
    assert len(run_status(run).notes) == 1, "what was deposited is told wherever deposits are made by now"
    other = paydays.pay("ACME", period=paydays.NEXT)
    assert run_status(other).notes == [], "and who deposits elsewhere is not reminded"


def test_nothing_is_owed_before_payments_are_instructed() -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    assert "before its payments are instructed" in waits(deposit(run, by="amy"))
    assert store.read_prefix("taxdeposit-") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PAYROLL_TAX_ACCOUNT": ""}, "PAYROLL_TAX_ROUTING and PAYROLL_TAX_ACCOUNT"),
        ({"PAYROLL_GATEWAY": "http"}, "over HTTP"),
        ({"employer": "BOLT"}, "BOLT is not in this run"),
        ({"effective": date(2026, 11, 28)}, "no banking day"),
        ({"days": 0}, "is too soon|no banking day"),
        ({"days": 500}, "more than 365 days ahead|no banking day"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_recorded(
    given: dict[str, Any], said: str, settings: Any
) -> None:
    run = paydays.pay("ACME")
    for name in [name for name in given if name.isupper()]:
        setattr(settings, name, given.pop(name))
    if "days" in given:
        given = {"effective": database.now().date() + timedelta(days=given["days"])}
    for act in (lambda: deposit(run, by="amy", **given), lambda: preview(run, **given)):
        with pytest.raises(Refused, match=said) as refused:
            act()
        assert ACCOUNT not in str(refused.value)
    assert store.read_prefix("taxdeposit-") == []


def test_another_day_is_another_proposal_and_the_proposed_day_stands() -> None:
    run = paydays.pay("ACME")
    later = calendar.add_banking_days(next_day(), 3)
    deposit(run, by="amy", effective=later)
    assert deposit(run, by="bea", effective=next_day()).orders == {}, "bea has proposed another day"
    deposit(run, by="amy", effective=later)
    deposit(run, by="bea")
    go_on()
    assert order(kind="tax-deposit").effective == str(later)
    sound(run)


def test_a_deposit_on_a_payday_is_no_strangers_money() -> None:
    run = paydays.pay("ACME", period=(paydays.START, paydays.END, next_day()))
    deposited(run)
    assert order(kind="tax-deposit").effective == order(kind="net-pay").effective
    sound(run)


def test_before_the_payday_it_is_deposited_on_it_unless_another_day_is_asked_for() -> None:
    payday = calendar.add_banking_days(next_day(), 4)
    run = paydays.pay("ACME", period=(paydays.START, paydays.END, payday))
    assert preview(run)[0].effective == payday
    assert preview(run, effective=next_day())[0].effective == next_day()
    deposit(run, by="amy", effective=next_day())
    assert (line := preview(run)[0]).effective == next_day() and line.proposed_by == "amy"
    deposited_on = deposit(run, by="bea").orders["ACME"]
    assert order(order=deposited_on).effective == str(next_day())


def test_a_proposal_whose_day_is_past_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paydays.pay("ACME")
    deposit(run, by="amy")
    stale = next_day()
    later = database.now() + timedelta(days=7)
    monkeypatch.setattr(tax_deposits.database, "now", lambda: later)
    assert deposit(run, by="bea").proposed == ("ACME",)
    assert preview(run)[0].effective == calendar.add_banking_days(later.date(), 1) > stale


def test_what_changed_after_the_proposal_is_proposed_anew() -> None:
    run = paydays.pay("ACME")
    settle(order())
    deposit(run, by="amy")
    undo_bob(run)
    assert deposit(run, by="bea").proposed == ("ACME",), "bob's is owed no more"
    deposit(run, by="amy")
    go_on()
    assert booked() == [(ROUTING, ACCOUNT, ANN)]
    assert owed() == {}
    sound(run)


def undo_bob(run: UUID) -> None:
    decide.undo(run, by="amy", reason="paid twice by hand", employer="ACME", employee_id="bob")
    decide.undo(run, by="bea", employer="ACME", employee_id="bob")
    go_on()


def test_what_is_voided_after_the_deposit_is_said_to_be_too_much() -> None:
    run = paydays.pay("ACME")
    settle(order())
    deposited(run)
    undo_bob(run)
    assert "462.15 more than is owed was deposited" in waits(deposit(run, by="amy"))
    made, over = run_status(run).notes
    assert "1033.50 by the order" in made and over.startswith("ACME: 462.15 to be credited")
    assert sum(owed().values()) == -BOB
    sound(run)


@pytest.mark.parametrize(
    ("rate", "taxes"),
    [
        # 65,000 / 26 is 100.00 more: twice 6.20 and twice 1.45, and 12 % of it
        ("65000.00", (12_40, 2_90, 12_00)),
        ("59800.00", None),
    ],
)
def test_a_correction_owes_its_own_tax_or_takes_some_back(
    tmp_path: Path, roster: Any, rate: str, taxes: tuple[int, int, int] | None
) -> None:
    run = paydays.pay("ACME")
    deposited(run)
    paydays.mend(tmp_path, roster, "ann", pay_rate=rate)
    fix = correcting.correct(run)
    if taxes is None:
        assert "it takes 27.30 of tax back" in waits(deposit(fix, by="amy"))
        return
    key = deposited(fix)
    (batch,) = batches(key)
    one, two, three = taxes
    assert batch["entries"][0]["addenda"] == f"TXP*120000001*94105*261201*1*{one}*2*{two}*3*{three}\\"
    assert booked() == [(ROUTING, ACCOUNT, BOTH), (ROUTING, ACCOUNT, sum(taxes))]
    assert owed() == {}
    for each in (run, fix):
        sound(each)


def test_the_additional_tax_goes_with_medicare(tmp_path: Path) -> None:
    """6,000,000 / 26 = 230,769.23: twice 6.2 % of 184,500.00; twice 3,346.15, and 0.9 % of what is over 200,000.00."""
    zoe = paydays.salaried("BOLT", "zoe", "6000000.00", ssn="912-11-1009")
    paydays.load(tmp_path, [paydays.employer("ACME"), paydays.employer("BOLT")], [zoe])
    run = paydays.open_run("BOLT")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    (line,) = preview(run)
    assert (line.due["social_security"], line.due["medicare"]) == (2 * 11_439_00, 2 * 3_346_15 + 276_92)


@pytest.mark.parametrize("funding", ["", "debit", "offset"])
def test_a_deposit_that_came_back_is_owed_again_and_deposited_from_where_it_lies(
    tmp_path: Path, funding: str
) -> None:
    load(tmp_path, funding=funding)
    run = paydays.pay("ACME")
    settle(order())
    first = deposited(run)
    made = order(kind="tax-deposit")
    assert (made.credits_cents, made.debits_cents) == (BOTH, BOTH if funding else 0)
    settle(made)
    after = balances()

    assert import_file(came_back(), name="returns").matched == 1
    assert owed() == TAXES and "returns" not in balances()
    assert balances()["employer_funding"] if not funding else balances()["employer_funding"] == BOTH
    assert store.read_prefix("account-") == [], "nobody's account is held"
    assert reconcile().findings == []
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="amy", run=run)

    second = deposited(run)
    assert second != first
    again = order(kind="tax-deposit", order=second)
    assert (again.credits_cents, again.debits_cents) == (BOTH, 0), "the money lies in the funding account"
    assert booked() == [(ROUTING, ACCOUNT, BOTH)] * 2
    settle(again)
    assert balances() == after
    sound(run)


def came_back(code: str = "R03") -> bytes:
    of = Payment.objects.get(method="deposit")
    carried = order(order=of.order)
    record = returned_files.returned(
        code, trace=of.trace, cents=of.amount_cents, who=remittances.individual_id(of.payment)
    )
    day = carried.effective.replace("-", "")[2:]
    return returned_files.file_of(returned_files.batch_of(record, sec="CCD", company=ACME, effective=day))


def test_a_return_says_what_to_do_and_before_settlement_the_books_close_as_well() -> None:
    run = paydays.pay("ACME")
    settle(order())
    deposited(run)
    told = import_file(came_back(), name="returns")
    assert told.notes[0].startswith(
        "line 4: 1033.50 of federal tax that ACME deposited came back: what of it is still owed is owed again"
    )
    assert owed() == TAXES and "net_pay_clearing" not in balances()
    settle(order(kind="tax-deposit"))
    assert owed() == TAXES and "net_pay_clearing" not in balances()
    sound(run)


def test_a_notice_about_the_treasurys_account_is_left_to_people() -> None:
    deposited(paydays.pay("ACME"))
    of = Payment.objects.get(method="deposit")
    record = returned_files.changed(
        "C01", "1918171614", trace=of.trace, who=remittances.individual_id(of.payment)
    )
    day = order(order=of.order).effective.replace("-", "")[2:]
    content = returned_files.file_of(returned_files.batch_of(record, sec="COR", company=ACME, effective=day))
    told = import_file(content, name="noc")
    assert told.matched == 0 and "correct PAYROLL_TAX_ROUTING" in told.findings[0]
    assert store.read_prefix("account-") == []


# Killed on the way


@pytest.mark.parametrize("when", ["created", "reserved", "sending", "sent"])
def test_a_worker_that_is_lost_on_the_way_deposits_once(when: str) -> None:
    """Whoever holds the order's work is gone; after "sent" the bank has the file, and its answer is lost with them."""
    run = paydays.pay("ACME")
    deposit(run, by="amy")
    key = deposit(run, by="bea").orders["ACME"]
    of = Order(orders.stream(key))
    until = "sending" if when == "sent" else when
    while Order(of.history.stream).state != until:
        held = work.claim(runner.worker_name(), queues=None, lease_s=configured.EVENTS_LEASE_S)
        assert held is not None
        runner.run(held)
    lost = work.claim("who is lost", queues=None, lease_s=configured.EVENTS_LEASE_S)
    assert lost is not None and lost.subject == of.history.stream
    if when == "sent":
        content = objects.get_verified(of.created["object"], of.created["sha256"])
        gateways.named(of.created["gateway"]).send(of.to_send(content))
    Work.objects.filter(state=WorkState.LEASED).update(state=WorkState.READY, lease_until=None)
    assert "is deposited already" in waits(deposit(run, by="amy")), "as long as nobody knows, too"
    go_on()
    assert booked() == [(ROUTING, ACCOUNT, BOTH)]
    assert Order(of.history.stream).state == "accepted"
    sound(run)


# The command


def said(*words: str) -> str:
    out = StringIO()
    call_command("payments", "deposit", *words, stdout=out)
    return out.getvalue()


def test_the_command_shows_what_would_be_done_and_does_it() -> None:
    run = str(paydays.pay("ACME"))[:8]
    shown = said(run, "--preview")
    assert "1033.50" in shown and "would be proposed" in shown and "federal income tax 360.30" in shown
    assert "for the quarter to 2026-12-31" in shown
    assert store.read_prefix("taxdeposit-") == []
    assert "Somebody else" in said(run, "--as", "amy")
    assert "would confirm what amy proposed" in said(run, "--preview")
    facts = json.loads(said(run, "--as", "bea", "--json"))
    assert facts["orders"] == {"ACME": str(order(kind="tax-deposit").order)}
    (line,) = facts["deposits"]
    assert {name: line[f"{name}_cents"] for name in TAXES} == TAXES
    assert (line["liability_cents"], line["due_cents"], line["tax_period_end"]) == (BOTH, BOTH, "2026-12-31")
    go_on()
    assert "is deposited already" in said(run, "--preview")
    everything = json.dumps([event.data for event in store.read_prefix("taxdeposit-")]) + shown
    assert ACCOUNT not in everything


def test_the_command_refuses_in_a_sentence() -> None:
    run = str(paydays.pay("ACME"))
    with pytest.raises(CommandError, match="--preview"):
        said(run)
    with pytest.raises(CommandError, match="is not a day such as"):
        said(run, "--as", "amy", "--effective", "soon")


def test_lists_name_it_as_what_it_is() -> None:
    run = paydays.pay("ACME")
    key = deposited(run)
    out = StringIO()
    call_command("payments", "list", "--run", str(run), stdout=out)
    assert f"{key}  accepted" in out.getvalue() and "tax-deposit of 2026-11-20" in out.getvalue()
    of = Payment.objects.get(method="deposit")
    out = StringIO()
    call_command("payments", "show", str(of.payment), stdout=out)
    assert "federal tax, part 1" in out.getvalue()


def test_the_admin_shows_whose_it_is(client: Any) -> None:
    run = paydays.pay("ACME")
    key = deposited(run)
    client.force_login(User.objects.create_superuser("root"))
    of = Payment.objects.get(method="deposit")
    for page, text in (
        (f"payment/{of.payment}", "ACME/federal tax"),
        (f"payorder/{quote(orders.stream(key))}", "federal tax"),
        ("payment", of.trace),
        ("payorder", "tax-deposit"),
    ):
        answer = client.get(f"/admin/payroll/{page}/", follow=True)
        assert answer.status_code == 200 and text in answer.content.decode(), page
