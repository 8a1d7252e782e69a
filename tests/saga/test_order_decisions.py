"""What no look-up can tell, two people decide; and the commands with which they look, decide and stop."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from events import database, dead_letters
from ops import proof
from payroll.models import Decision
from payroll.payments import decisions, halt
from payroll.payments.gateway import OutcomeUnknown, PaymentOrder, Receipt, SandboxBank
from payroll.payments.sending import ABSENT, ALLOWED
from payroll.refusal import Refused
from tests.saga import paydays
from tests.saga.order_days import booked, events, last, order, order_work, turns, until_state
from tests.saga.paydays import employer, salaried

pytestmark = pytest.mark.usefixtures("db", "acme")

NET_CENTS = 2012_25  # of a Texan's salary of 62,400 a year every two weeks, as test_pay_run has it
EVIDENCE = "the statement of 20 November, read to me on the phone"
Lose = Callable[[str], None]


@pytest.fixture
def acme(db: Any, tmp_path: Path, settings: Any) -> None:
    """One person of one employer, and three people who may decide, or may not."""
    settings.PAYROLL_GATEWAY = "sandbox"
    for name in ("first", "second"):
        paydays.user(name, "decide_payorder", "halt_payments", "resume_payments")
    paydays.user("gone", "decide_payorder", active=False)
    paydays.user("onlooker", "view_payorder")
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The keys under which anything was sent, in order; nothing is lost yet."""
    keys: list[UUID] = []
    really = SandboxBank.send

    def send(bank: SandboxBank, each: PaymentOrder) -> Receipt:
        keys.append(each.key)
        return really(bank, each)

    monkeypatch.setattr(SandboxBank, "send", send)
    return keys


def lost(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """The first file is lost on the way there, or its answer on the way back."""
    really, calls = SandboxBank.send, []

    def send(bank: SandboxBank, each: PaymentOrder) -> Receipt:
        calls.append(each.key)
        if len(calls) == 1 and when == "there":
            raise OutcomeUnknown("the line went dead")
        receipt = really(bank, each)
        if len(calls) == 1:
            raise OutcomeUnknown("the line went dead")
        return receipt

    monkeypatch.setattr(SandboxBank, "send", send)


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch, sent: list[UUID]) -> UUID:
    """A run whose order is unknown; the bank never had it, and keeps no key for long enough to be asked again."""
    lost(monkeypatch, "there")
    monkeypatch.setattr(SandboxBank, "key_valid_s", 0.0)
    return paydays.pay()


def proven(run: UUID) -> None:
    assert [(line.name, line.findings) for line in proof.prove(run) if not line.holds] == []


def decide(decision: str, *people: str) -> list[bool]:
    return [decisions.decide(order().key, decision, by=name, evidence=EVIDENCE) for name in people]


# Unknown


def test_an_unknown_order_is_not_sent_again_once_its_key_may_be_forgotten(
    forgotten: UUID, sent: list[UUID]
) -> None:
    letter = paydays.letter()
    assert (letter.step, letter.kind) == ("confirm", "needs review") and "payments resolve" in letter.reason
    assert (order().state, sent, booked()) == ("unknown", [], {})
    dead_letters.redrive(letter.id, by="first", reason="one person is not enough")
    paydays.work()
    assert "may have forgotten the key" in paydays.letter().reason
    assert (order().state, sent, booked()) == ("unknown", [], {})


def test_a_look_up_is_waited_for_until_it_can_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost, and the bank's look-ups say nothing for an hour: it is not asked, and nothing is sent."""
    asked: list[UUID] = []
    really = SandboxBank.find

    def find(bank: SandboxBank, key: UUID) -> Receipt | None:
        asked.append(key)
        return really(bank, key) if bank.lookup_lag_s == 0 else None

    monkeypatch.setattr(SandboxBank, "find", find)
    monkeypatch.setattr(SandboxBank, "lookup_lag_s", 3600.0)
    lost(monkeypatch, "back")
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    until_state("unknown")
    turns()
    held = order_work()
    assert (held.step, held.state) == (
        "confirm",
        "ready",
    ) and "once its look-ups can be trusted" in held.error
    assert 3500 < (held.available_at - database.now()).total_seconds() <= 3600
    assert len(asked) == 1, "before the file was sent, and not since"
    monkeypatch.setattr(SandboxBank, "lookup_lag_s", 0.0)
    paydays.work()
    assert len(asked) == 2 and booked() == {"ann": [NET_CENTS]} and order().count("OrderAccepted") == 1
    proven(run)


# Two people


def test_absent_lets_it_go_out_under_its_old_key(forgotten: UUID, sent: list[UUID]) -> None:
    assert decide(ABSENT, "first") == [False]
    paydays.work()
    assert (order().state, sent) == ("unknown", []), "one person decides nothing"
    assert decide(ABSENT, "second") == [True]
    paydays.work()
    assert (sent, booked()) == ([order().key], {"ann": [NET_CENTS]})
    assert [name for name, _ in events(order())][3:] == [
        *("OrderUnknown", "OrderDecisionProposed", "OrderResolved", "OrderAccepted")
    ]
    resolved = order().facts["OrderResolved"]
    assert (resolved["resolved_by"], resolved["confirmed_by"]) == ("first", "second")
    assert resolved["confirmed_evidence"] == EVIDENCE
    proven(forgotten)


def test_accepted_ends_it_and_nothing_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank has booked it, and has forgotten the key by now."""
    lost(monkeypatch, "back")
    monkeypatch.setattr(SandboxBank, "find", lambda *_: None)
    monkeypatch.setattr(SandboxBank, "key_valid_s", 0.0)
    run = paydays.pay()
    assert order().state == "unknown" and booked() == {"ann": [NET_CENTS]}
    assert decide("accepted", "second", "first") == [False, True]
    paydays.work()
    assert last(order()).type == "OrderResolved" and order().state == "accepted"
    assert paydays.part("ACME")["MoneyMoved"]["bank_reference"] == "as two people decided"
    assert "EmployerRunCompleted" in paydays.part("ACME")
    assert booked() == {"ann": [NET_CENTS]}
    proven(run)


def test_one_person_is_not_two(forgotten: UUID, sent: list[UUID]) -> None:
    decide(ABSENT, "first")
    with pytest.raises(Refused, match="somebody else has to confirm it"):
        decide(ABSENT, "first")
    assert not Decision.objects.exists() and last(order()).type == "OrderDecisionProposed"
    paydays.work()
    assert (order().state, sent) == ("unknown", [])


def test_who_says_something_else_begins_anew(forgotten: UUID, sent: list[UUID]) -> None:
    """One says that the bank has it, the other that it has not: nothing is decided by the two of them."""
    assert decide(ABSENT, "first") == [False]
    assert decide("accepted", "second") == [False]
    assert not Decision.objects.exists() and order().state == "unknown" and sent == []
    assert decide("accepted", "first") == [True]


@pytest.mark.parametrize(
    ("by", "evidence", "said"),
    [
        ("onlooker", EVIDENCE, "onlooker does not hold the permission"),
        ("gone", EVIDENCE, "no active user 'gone'"),
        ("nobody", EVIDENCE, "no active user 'nobody'"),
        ("first", " ", "needs its evidence"),
    ],
)
def test_who_may_not_decide_is_refused(forgotten: UUID, by: str, evidence: str, said: str) -> None:
    before = events(order())
    with pytest.raises(Refused, match=said):
        decisions.decide(order().key, ABSENT, by=by, evidence=evidence)
    assert events(order()) == before


def test_there_is_nothing_to_decide_about_what_is_known() -> None:
    paydays.pay()
    for decision in (ABSENT, "accepted", ALLOWED):
        with pytest.raises(Refused, match="this order is accepted: there is nothing to decide"):
            decide(decision, "first")


def test_the_database_refuses_one_person_as_two() -> None:
    """Whatever path a decision takes: the application's own role, and no code of ours."""
    insert = (
        "insert into payroll_decision (id, subject, decision, maker, checker, decided_at) "
        "values (gen_random_uuid(), 'order-x', 'absent', %s, %s, now())"
    )
    with connection.cursor() as cursor:
        with pytest.raises(IntegrityError, match="decision_checker_is_not_maker"), transaction.atomic():
            cursor.execute(insert, ["first", "first"])
        cursor.execute(insert, ["first", "second"])
    assert [(each.maker, each.checker) for each in Decision.objects.all()] == [("first", "second")]


# The commands


def say(*words: str) -> Any:
    """What `payments` answers with --json."""
    out = StringIO()
    call_command("payments", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_look_at_orders_and_payments() -> None:
    run = paydays.pay()
    (listed,) = say("list", "--run", str(run)[:8])
    key = str(order().key)
    facts = {
        "key": key,
        "kind": "net-pay",
        "state": "accepted",
        "employer": "ACME",
        "amount_cents": NET_CENTS,
    }
    assert listed | facts == listed and listed["bank_reference"] == "SANDBOX-00000001"
    assert say("list", "--employer", "ACME", "--state", "accepted") == [listed]
    assert say("list", "--state", "unknown") == say("list", "--employer", "BOLT") == []
    (paid,) = say("list", "--employee", "ann")
    assert (paid["state"], paid["amount_cents"], paid["order"]) == ("accepted", NET_CENTS, key)
    shown = say("show", key[:8])
    assert [event["type"] for event in shown.pop("events")] == [name for name, _ in events(order())]
    assert shown == listed
    assert say("show", paid["key"]) == paid | {"events": []}
    for verb in (["show", "00000000"], ["allow", "00000000", "--as", "first", "--evidence", EVIDENCE]):
        with pytest.raises(CommandError, match="the key of no order and of no payment"):
            say(*verb)
    with pytest.raises(CommandError, match="decisions are made about the order that carries it"):
        say("allow", paid["key"], "--as", "first", "--evidence", EVIDENCE)


def test_an_order_over_a_cap_is_allowed_by_two_people(settings: Any) -> None:
    settings.PAYROLL_CAPS = (NET_CENTS - 1, None, None, None)
    run = paydays.pay()
    assert paydays.letter().step == "reserve" and booked() == {}
    key = str(order().key)
    rest = ["--evidence", EVIDENCE]
    said = {"key": key, "decision": "allowed"}
    assert say("allow", key, "--as", "first", *rest) == said | {"recorded": False}
    with pytest.raises(CommandError, match="somebody else has to confirm it"):
        say("allow", key, "--as", "first", *rest)
    paydays.work()
    assert booked() == {} and len(paydays.letters()) == 1
    assert say("allow", key, "--as", "second", *rest) == said | {"recorded": True}
    paydays.work()
    assert booked() == {"ann": [NET_CENTS]} and paydays.letters() == []
    assert [name for name, _ in events(order())] == [
        *("OrderCreated", "OrderDecisionProposed", "OrderResolved"),
        *("OrderReserved", "OrderSending", "OrderAccepted"),
    ]
    assert proof_findings(run) == []


def proof_findings(run: UUID) -> list[str]:
    return [finding for line in proof.prove(run) for finding in line.findings]


def test_an_unknown_order_is_resolved_by_two_people(forgotten: UUID, sent: list[UUID]) -> None:
    rest = ["--bank-has", "absent", "--evidence", EVIDENCE]
    answers = [say("resolve", str(order().key), "--as", name, *rest) for name in ("first", "second")]
    assert [answer["recorded"] for answer in answers] == [False, True]
    paydays.work()
    assert (sent, booked()) == ([order().key], {"ann": [NET_CENTS]})


def test_stop_all_sending_and_let_it_go_on() -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    assert say("halt", "--as", "first", "--reason", "a look at the bank") == {"halted": True}
    turns()
    assert booked() == {}
    with pytest.raises(CommandError, match="halted already, by first"):
        say("halt", "--reason", "again")
    assert say("resume", "--as", "second") == {"halted": False}
    paydays.work()
    assert booked() == {"ann": [NET_CENTS]} and halt.halted() is None
    with pytest.raises(CommandError, match="not halted"):
        say("resume")
