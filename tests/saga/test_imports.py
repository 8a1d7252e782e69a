"""What comes back from the bank: each file once, matched to payments or told as a finding, and nothing by half."""

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from events import projection, runner, store
from ops.proof import prove
from payroll import crypto
from payroll.ledger.balance import TrialBalance
from payroll.models import Decision, Employee, PayOrder
from payroll.payments import imports, pay_accounts
from payroll.payments.gateway import AchFolder, OutcomeUnknown
from payroll.payments.imports import import_file
from payroll.payments.orders import Order
from payroll.refusal import Refused
from tests.saga import paydays, returned_files
from tests.saga.came_back_files import acknowledgement, notice, order, payment, returns, settlement

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> None:
    """ACME pays ann and bob, BOLT pays cyd, by files that are laid down."""
    settings.PAYROLL_GATEWAY = "ach"
    paydays.load(
        tmp_path,
        [paydays.employer("ACME"), paydays.employer("BOLT")],
        [
            paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
            paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
            paydays.salaried("BOLT", "cyd", "78000.00", account_number="5550003"),
        ],
    )


def taken(content: bytes, by: str = "cli") -> imports.Imported:
    told = import_file(content, name="from-the-bank", by=by)
    projection.catch_up()
    return told


def balances() -> dict[str, int]:
    """Of every account that is not even, in cents; together they are zero."""
    projection.catch_up()
    trial = TrialBalance()
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def wrong(run: UUID) -> list[str]:
    """What the proof of a run finds."""
    return [finding for line in prove(run) for finding in line.findings]


def types(stream: str) -> list[str]:
    return [event.type for event in store.read(stream)]


def recorded() -> list[str]:
    """Every event that an import may append, besides the import itself."""
    found = [*store.read_prefix("payment-"), *store.read_prefix("account-"), *store.read_prefix("order-")]
    return [event.type for event in found]


# Returns


def test_a_return_is_recorded_once_and_net_pay_is_owed_again():
    run = paydays.pay("ACME")
    ann = payment("ann")
    taken(settlement(order()))
    before = balances()

    told = taken(returns(ann))

    assert (told.kind, told.new, told.matched, told.unmatched) == ("returns", True, 1, 0)
    (event,) = store.read(f"payment-{ann.payment}")
    assert event.type == "PaymentReturned"
    assert event.data == {
        "payment": str(ann.payment),
        "employer_run": str(ann.employer_run),
        "employer": "ACME",
        "employee_id": "ann",
        "order": str(ann.order),
        "trace": ann.trace,
        "amount_cents": ann.amount_cents,
        "return_code": "R03",
        "returned_on": "2026-11-24",
        "imported": told.sha256,
        "state": "returned",
    }
    assert payment("ann").state_of_its_own == "returned"
    assert not payment("bob").state_of_its_own
    after = balances()
    assert after["returns"] == -ann.amount_cents
    assert after["employer_funding"] == before["employer_funding"] + ann.amount_cents
    assert not projection.differences()
    assert not wrong(run)


def test_the_same_file_again_does_nothing_and_says_what_it_did():
    paydays.pay("ACME")
    file = returns(payment("ann"))
    first = taken(file)
    once = recorded()
    assert taken(file) == first._replace(new=False)
    assert recorded() == once
    assert types(f"bankfile-{first.sha256}") == ["BankFileImported"]


def test_a_payment_comes_back_once_whatever_file_says_so():
    paydays.pay("ACME")
    ann = payment("ann")
    taken(returns(ann))
    told = taken(returns(ann, code="R02"))
    assert (told.matched, told.unmatched) == (0, 1)
    assert told.findings == ("line 4: the return R02 came back before",)
    assert types(f"payment-{ann.payment}") == ["PaymentReturned"]


def test_two_returns_of_one_payment_in_one_file_are_one():
    paydays.pay("ACME")
    ann = payment("ann")
    records = [
        returned_files.returned(code, trace=ann.trace, cents=ann.amount_cents, who="ANN")
        for code in ("R02", "R03")
    ]
    told = taken(returned_files.file_of(returned_files.batch_of(*records, company="1120000001")))
    assert (told.matched, told.unmatched) == (1, 1)
    assert types(f"payment-{ann.payment}") == ["PaymentReturned"]


@pytest.mark.parametrize(
    "other",
    [
        {"trace": "121000350009999"},
        {"cents": 1},
        {"who": "BOB"},
        {"company": "1120000002"},
        {"effective": "261113"},
        {"sent_as": "26"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_return_that_fits_no_payment_is_a_finding_and_changes_nothing(other):
    paydays.pay("ACME", "BOLT")
    before = recorded()
    told = taken(returns(payment("ann"), **other))
    assert (told.matched, told.unmatched) == (0, 1)
    assert recorded() == before
    assert store.read(f"bankfile-{told.sha256}")[0].data["findings"] == list(told.findings)


def test_what_fits_is_recorded_beside_what_does_not():
    paydays.pay("ACME")
    ann, bob = payment("ann"), payment("bob")
    bob.amount_cents += 1
    told = taken(returns(*sorted((ann, bob), key=lambda each: each.trace)))
    assert (told.matched, told.unmatched) == (1, 1)
    assert types(f"payment-{ann.payment}") == ["PaymentReturned"]
    assert not types(f"payment-{bob.payment}")


def test_the_newest_payment_is_meant_where_the_bank_leaves_out_the_day():
    paydays.pay("ACME")
    paydays.pay("ACME", period=paydays.NEXT)
    new = payment("ann", pay_date="2026-12-04")
    old = payment("ann", pay_date="2026-11-20")
    assert (old.trace, old.amount_cents) == (new.trace, new.amount_cents)
    taken(returns(new, effective="      "))
    assert types(f"payment-{new.payment}") == ["PaymentReturned"]
    taken(returns(old, effective="261120", code="R02"))
    assert types(f"payment-{old.payment}") == ["PaymentReturned"]


def test_a_file_with_a_fault_is_refused_whole():
    paydays.pay("ACME")
    before = recorded()
    content = returns(payment("ann"))
    with pytest.raises(Refused, match="nothing was imported"):
        taken(content.replace(b"R03", b"X03"))
    assert recorded() == before
    assert not store.read_prefix("bankfile-")
    assert taken(content).matched == 1


def test_a_return_of_an_order_that_nobody_knows_to_be_with_the_bank_waits():
    paydays.pay("ACME")
    ann = payment("ann")
    row = order()
    doubt = Order(row.stream).next("OrderUnknown", "unknown", {"unknown": "as if the answer were lost"})
    store.append([doubt])
    with pytest.raises(Refused, match="which is unknown"):
        taken(returns(ann))
    assert not store.read_prefix("bankfile-")
    taken(acknowledgement(row))
    assert taken(returns(ann)).matched == 1


# Accounts


def test_a_return_holds_the_account_until_the_roster_names_another():
    paydays.pay("ACME")
    taken(returns(payment("ann")))
    (held,) = pay_accounts.listed()
    assert (held.employer, held.employee_id, held.held_for) == ("ACME", "ann", "R03")
    (event,) = store.read("account-ACME+ann")
    assert "5550001" not in json.dumps(event.data)
    ann = Employee.objects.get(employee_id="ann")
    ann.account_ciphertext = crypto.encrypt("777000", ann.account_context)
    ann.save()
    assert not pay_accounts.listed()


def test_a_return_that_says_nothing_of_the_account_does_not_hold_it():
    paydays.pay("ACME")
    taken(returns(payment("ann"), code="R06"))
    assert not store.read("account-ACME+ann")


def test_a_notice_changes_the_roster_by_the_hand_of_a_second_person():
    paydays.pay("ACME")
    paydays.user("amy", "import_bankfile", "change_payaccount")
    paydays.user("bea", "change_payaccount")
    taken(returns(payment("ann")))
    routing = "121000358"
    told = taken(notice(payment("ann"), "C03", f"{routing}   8800112233"), by="amy")
    assert (told.matched, told.unmatched) == (1, 0)
    noticed = store.read("account-ACME+ann")[-1]
    assert "8800112233" not in json.dumps(noticed.data)
    (change,) = pay_accounts.changes()
    assert (change.code, change.state) == ("C03", "proposed")
    with pytest.raises(Refused, match="amy imported this notice"):
        pay_accounts.apply(str(change.id), by="amy")
    with pytest.raises(Refused, match="no active user"):
        pay_accounts.apply(str(change.id), by="nobody")
    assert pay_accounts.listed()

    pay_accounts.apply(str(change.id)[:8], by="bea")

    ann = Employee.objects.get(employee_id="ann")
    assert (ann.routing_number, ann.account_last4) == (routing, "2233")
    assert crypto.decrypt(ann.account_ciphertext, ann.account_context) == "8800112233"
    decision = Decision.objects.get(subject="account-ACME+ann")
    assert (decision.maker, decision.checker) == ("amy", "bea")
    assert types("account-ACME+ann")[-1] == "AccountChanged"
    assert not pay_accounts.listed()
    with pytest.raises(Refused, match="already"):
        pay_accounts.apply(str(change.id), by="bea")


def test_a_notice_about_an_account_that_is_no_longer_in_the_roster_changes_nothing():
    paydays.pay("ACME")
    paydays.user("bea", "change_payaccount")
    taken(notice(payment("ann"), "C01", "8800112233"))
    ann = Employee.objects.get(employee_id="ann")
    ann.account_ciphertext = crypto.encrypt("777000", ann.account_context)
    ann.save()
    (change,) = pay_accounts.changes()
    with pytest.raises(Refused, match="another account by now"):
        pay_accounts.apply(str(change.id), by="bea")
    ann.refresh_from_db()
    assert crypto.decrypt(ann.account_ciphertext, ann.account_context) == "777000"
    assert not Decision.objects.exists()


# Whole files


def test_a_settlement_settles_what_the_bank_holds_and_the_clearing_is_even():
    run = paydays.pay("ACME")
    row = order()
    told = taken(settlement(row))
    assert (told.kind, told.matched, told.unmatched) == ("settlement", 1, 0)
    settled = Order(row.stream)
    assert settled.state == "settled"
    assert settled.facts["OrderSettled"] == {
        "settled_on": "2026-11-20",
        "settlement": told.sha256,
        "state": "settled",
    }
    assert "net_pay_clearing" not in balances()
    assert not wrong(run)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"credits_cents": 1}, {"debits_cents": 1}])
def test_a_settlement_of_another_file_or_sum_is_a_finding(change):
    paydays.pay("ACME")
    told = taken(settlement(order(), **change))
    assert (told.matched, told.unmatched) == (0, 1)
    assert Order(order().stream).state == "accepted"


def test_an_order_settles_once():
    paydays.pay("ACME")
    taken(settlement(order()))
    told = taken(settlement(order(), on="2026-11-23"))
    assert told.unmatched == 1
    assert types(order().stream).count("OrderSettled") == 1


@pytest.mark.parametrize("report", [acknowledgement, settlement])
def test_a_report_ends_the_doubt_about_an_order_and_its_run_goes_on(report, monkeypatch):
    """The answer was lost, and the bank's look-ups cannot be trusted yet: its report is first."""

    def lost(*_: object) -> None:
        raise OutcomeUnknown("the answer was lost")

    monkeypatch.setattr(AchFolder, "send", lost)
    monkeypatch.setattr(AchFolder, "lookup_lag_s", 3600.0)
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    while not PayOrder.objects.filter(facts__state="unknown").exists():
        assert runner.run_due()
        projection.catch_up()
    assert "MoneyMoved" not in paydays.part("ACME")
    assert taken(report(order())).matched == 1
    paydays.work()
    assert paydays.part("ACME")["MoneyMoved"]["bank_reference"] == "REF-1"
    assert "net_pay_clearing" in balances() or report is settlement


def test_a_rejection_after_acceptance_makes_net_pay_owed_again_and_the_proof_says_so():
    run = paydays.pay("ACME")
    row = order()
    told = taken(acknowledgement(row, "rejected"))
    assert told.matched == 1
    rejected = Order(row.stream)
    assert rejected.state == "rejected"
    assert rejected.facts["OrderRejected"]["rejected"] == "the file has faults, the first in line 3, amount"
    assert "net_pay_clearing" not in balances()
    assert balances()["wages_payable"] == -row.credits_cents
    assert not projection.differences()
    assert any("is rejected" in finding for finding in wrong(run))
    assert taken(acknowledgement(row)).unmatched == 1  # the bank says both: for a person


def test_a_rejection_that_comes_while_it_is_sent_leaves_it_to_a_person(monkeypatch):
    sends = []

    def refused_later(self: object, sent: Any) -> None:
        sends.append(sent.key)
        projection.catch_up()
        import_file(acknowledgement(PayOrder.objects.get(), "rejected"), name="ack")
        raise OutcomeUnknown("the answer was lost")

    monkeypatch.setattr(AchFolder, "send", refused_later)
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert len(sends) == 1
    assert Order(order().stream).state == "rejected"
    assert "the bank refused the file" in paydays.letter().reason


def test_an_acknowledgement_says_what_is_on_record():
    paydays.pay("ACME")
    before = recorded()
    told = taken(acknowledgement(order()))
    assert (told.matched, told.unmatched) == (1, 0)
    assert recorded() == before
    assert taken(acknowledgement(order(), total_cents=1)).unmatched == 1
    assert taken(acknowledgement(order(), key="7d1c1f0e-6f2b-4c58-9d0a-0d3f4f0f6a11")).unmatched == 1


def test_an_order_that_was_never_sent_is_not_settled_by_a_report(settings):
    settings.PAYROLL_CAPS = (1, None, None, None)
    paydays.pay("ACME")
    assert taken(settlement(order())).unmatched == 1
    assert taken(acknowledgement(order())).unmatched == 1
    assert Order(order().stream).state == "created"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\x00\xff",
        b'{"type": "settlement"}',
        b'{"type": "settlement", "settled_on": "2026-11-20", "files": []}',
        b'{"type": "settlement", "settled_on": 5, "files": [{}]}',
        b'{"type": "acknowledgement", "status": "accepted", "key": 5}',
        b'{"type": "acknowledgement", "status": "maybe"}',
        b"[" * 100_000,
        b'{"type": ["settlement"]}',
        b"101",
    ],
)
def test_what_is_no_such_file_is_refused_and_nothing_recorded(content):
    with pytest.raises(Refused):
        taken(content)
    assert not store.read_prefix("bankfile-")


# The command


def test_the_command_tells_what_it_did_and_its_exit_code_what_it_found(tmp_path):
    paydays.pay("ACME")
    good, bad = tmp_path / "good.ach", tmp_path / "bad.ach"
    good.write_bytes(returns(payment("ann")))
    bad.write_bytes(returns(payment("bob"), cents=1))
    out = StringIO()
    call_command("bank", "import", str(good), stdout=out)
    assert "1 matched, 0 did not" in out.getvalue()
    call_command("bank", "import", str(good), stdout=out)
    assert "imported before" in out.getvalue()
    with pytest.raises(CommandError) as told:
        call_command("bank", "import", str(bad), stdout=out)
    assert told.value.returncode == 2
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("bank", "import", str(tmp_path / "none"), stdout=out)
    with pytest.raises(CommandError, match="does not hold the permission"):
        paydays.user("eve")
        call_command("bank", "import", str(good), "--as", "eve", stdout=out)
    out = StringIO()
    call_command("bank", "held", "--json", stdout=out)
    assert [each["employee_id"] for each in json.loads(out.getvalue())] == ["ann"]
