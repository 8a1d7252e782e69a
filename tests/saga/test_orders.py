"""The life of a payment order: on record before it is sent, held by caps and by the kill switch, sent once."""

import hashlib
import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection, transaction

from deploy.postgres import Cluster
from events import database, dead_letters
from events.failures import NeedsReview
from ops import proof
from payroll import objects
from payroll.models import Payment, PayOrder, PayRun, Reservation
from payroll.payments import ach, building, caps, gateways, halt
from payroll.payments.caps import Caps
from payroll.payments.gateway import OutcomeUnknown, PaymentOrder, Receipt, SandboxBank
from payroll.refusal import Refused
from tests.saga import bank_orders, deposit_files, paydays
from tests.saga.order_days import booked, events, files_booked, last, order, order_work, turns, until_state
from tests.saga.paydays import employer, salaried

pytestmark = pytest.mark.usefixtures("db", "by_bank")

NET_CENTS = 2012_25  # of a Texan's salary of 62,400 a year every two weeks, as test_pay_run has it
SENT = [
    ("OrderCreated", "created"),
    ("OrderReserved", "reserved"),
    ("OrderSending", "sending"),
    ("OrderAccepted", "accepted"),
]


@pytest.fixture
def by_bank(settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"


def load(folder: Path, *people: str, employers: tuple[str, ...] = ("ACME",)) -> None:
    """These people, each of them of every employer, who all earn NET_CENTS."""
    everybody = [
        salaried(each, f"{who}{each[0].lower()}", "62400.00") for each in employers for who in people
    ]
    paydays.load(folder, [employer(each) for each in employers], everybody)


def approved(*employers: str, period: Any = (paydays.START, paydays.END, paydays.PAYDAY)) -> UUID:
    """A run that nothing stands in the way of but the bank; not a turn has been taken since the approval."""
    run = paydays.open_run(*employers, period=period)
    paydays.work()
    paydays.approve(run)
    return run


def proven(run: UUID) -> None:
    assert [(line.name, line.findings) for line in proof.prove(run) if not line.holds] == []


# On record before it is sent


def test_an_order_is_on_record_with_its_bytes_before_the_bank_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    really = SandboxBank.send

    def send(bank: SandboxBank, sent: PaymentOrder) -> Receipt:
        now = order()
        digest = hashlib.sha256(sent.content).hexdigest()
        seen.append((events(now), now.created["sha256"] == digest, connection.in_atomic_block, booked()))
        return really(bank, sent)

    monkeypatch.setattr(SandboxBank, "send", send)
    load(tmp_path, "ann", "bob")
    run = paydays.pay()
    assert seen == [(SENT[:3], True, False, {})]
    paid = order()
    assert events(paid) == SENT
    facts = paid.created | {
        "kind": "net-pay",
        "entries": 2,
        "credits_cents": 2 * NET_CENTS,
        "debits_cents": 0,
    }
    facts |= {"run": str(run), "employer": "ACME", "pay_date": "2026-11-20", "effective": "2026-11-20"}
    assert paid.created == facts
    content = objects.get(paid.created["object"])
    assert content and hashlib.sha256(content).hexdigest() == paid.created["sha256"]
    assert paid.facts["OrderReserved"]["reserved_cents"] == 2 * NET_CENTS
    assert paid.facts["OrderAccepted"]["accepted_cents"] == 2 * NET_CENTS
    assert booked() == {"anna": [NET_CENTS], "boba": [NET_CENTS]}
    proven(run)


def test_the_same_key_with_other_content_is_refused(tmp_path: Path) -> None:
    """Something else lies at the bank under the order's key: people have to look, and nobody is paid by it."""
    load(tmp_path, "ann")
    approved()
    until_state("reserved")
    other = bank_orders.order(key=order().key)
    gateways.named("sandbox-bank").send(other)
    paydays.work()
    letter = paydays.letter()
    assert (letter.step, letter.kind) == ("move-money", "needs review")
    assert letter.reason.startswith("the bank booked 3 entries of 3.03, we sent 1 of 2012.25: call the bank")
    assert files_booked() == 1 and "MoneyMoved" not in paydays.part("ACME")


def test_the_bank_refuses_other_content_under_a_key_that_it_did_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, "ann")
    approved()
    until_state("reserved")
    gateways.named("sandbox-bank").send(bank_orders.order(key=order().key))
    monkeypatch.setattr(SandboxBank, "find", lambda *_: None)
    paydays.work()
    assert last(order()).type == "OrderRejected" and "another file" in paydays.letter().reason
    assert files_booked() == 1 and "anna" not in booked()


# The kill switch


@pytest.mark.parametrize("when", ["reserved", "sending"])
def test_halted_nothing_is_sent_and_resumed_it_goes_on(tmp_path: Path, when: str) -> None:
    load(tmp_path, "ann")
    run = approved()
    until_state(when)
    halt.halt(by="checker", reason="a look at the bank")
    turns()
    assert booked() == {} and paydays.letters() == []
    held = order_work()
    assert held.state == "ready" and "all payments are halted by checker" in held.error
    assert (held.available_at - database.now()).total_seconds() <= halt.LOOK_AGAIN_S
    halt.resume(by="checker")
    paydays.work()
    assert booked() == {"anna": [NET_CENTS]}
    proven(run)


def test_halted_and_resumed_once_each(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        halt.halt(by="checker", reason=" ")
    with pytest.raises(Refused, match="not halted"):
        halt.resume(by="checker")
    halt.halt(by="checker", reason="a look at the bank")
    with pytest.raises(Refused, match="halted already, by checker"):
        halt.halt(by="maker", reason="another look")
    halt.resume(by="maker")
    assert halt.halted() is None


# Caps

SAME_DAY = [(*each[:2], paydays.NEXT[2]) for each in ((paydays.START, paydays.END), paydays.NEXT)]


def in_one_run() -> list[UUID]:
    return [approved()]


def on_one_day() -> list[UUID]:
    return [approved("ACME"), approved("BOLT")]


def of_one_employer() -> list[UUID]:
    return [approved("ACME", period=period) for period in SAME_DAY]


@pytest.mark.parametrize(
    ("place", "of", "opened"),
    [
        (0, "this run", in_one_run),
        (1, "the day", on_one_day),
        (2, "this employer's day", of_one_employer),
    ],
)
def test_what_is_over_a_cap_waits_and_the_rest_is_paid(
    tmp_path: Path, settings: Any, place: int, of: str, opened: Callable[[], list[UUID]]
) -> None:
    """There is room for one order and a half."""
    load(tmp_path, "ann", employers=("ACME", "BOLT"))
    runs = opened()
    limits: list[Any] = [None] * 4
    limits[place] = NET_CENTS * 3 // 2
    settings.PAYROLL_CAPS = tuple(limits)
    paydays.work()
    letter = paydays.letter()
    said = f"2012.25 with 2012.25 reserved before is over the cap of 3018.37 for {of}"
    assert letter.step == "reserve" and said in letter.reason
    assert sum(map(len, booked().values())) == 1 and Reservation.objects.count() == 1
    limits[place] = NET_CENTS * 2
    settings.PAYROLL_CAPS = tuple(limits)
    dead_letters.redrive(letter.id, by="checker")
    paydays.work()
    assert sum(map(len, booked().values())) == 2 and files_booked() == 2
    for run in runs:
        proven(run)


def test_two_orders_that_race_for_the_last_of_a_cap(db: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first holds still between the look at what is reserved and its own row, until the other waits or is past."""
    arrived: list[str] = []
    told: dict[str, str] = {}
    really = caps.over

    def over(*arguments: Any) -> list[str]:
        arrived.append(threading.current_thread().name)
        bank_orders.until(lambda: len(arrived) > 1 or _somebody_waits(db))
        return really(*arguments)

    def race(run: UUID) -> None:
        who = threading.current_thread().name
        try:
            with transaction.atomic(durable=True):
                caps.reserve(_reservation(run, NET_CENTS), Caps(NET_CENTS * 3 // 2, None, None, None))
            told[who] = ""
        except NeedsReview as refused:
            told[who] = str(refused)
        finally:
            connection.close()

    monkeypatch.setattr(caps, "over", over)
    run = uuid4()
    threads = [threading.Thread(target=race, args=(run,), name=name) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.keys() == {"one", "two"}
    assert [not why or "over the cap" in why for why in told.values()] == [True, True]
    assert list(told.values()).count("") == 1
    assert [each.amount_cents for each in Reservation.objects.all()] == [NET_CENTS]


def _somebody_waits(db: Cluster) -> bool:
    with psycopg.connect(db.owner_url, autocommit=True) as owner:
        waiting = owner.execute(
            "select 1 from pg_locks where relation = 'payroll_reservation'::regclass and not granted"
        )
        return waiting.fetchone() is not None


def _reservation(run: UUID, cents: int, effective: date = paydays.PAYDAY) -> Reservation:
    of = {"run": run, "employer_run": uuid4(), "employer": "ACME", "effective": effective}
    return Reservation(order=uuid4(), kind="net-pay", amount_cents=cents, **of)


@pytest.mark.parametrize(("before", "held"), [(3, True), (2, False)])
def test_a_run_far_from_the_mean_waits_for_a_second_look(
    tmp_path: Path, settings: Any, before: int, held: bool
) -> None:
    """Ten times what the last runs were; two runs are no mean."""
    settings.PAYROLL_CAPS = (None, None, None, Decimal("2"))
    for week in range(before):
        _reservation(uuid4(), NET_CENTS // 10, date(2026, 10, 2 + 7 * week)).save()
    load(tmp_path, "ann")
    paydays.pay()
    assert booked() == ({} if held else {"anna": [NET_CENTS]})
    if held:
        assert paydays.letter().step == "reserve"
        assert "2012.25 is far from 201.22, the mean of the last 3 runs" in paydays.letter().reason
    else:
        assert paydays.letters() == []


# Several files, and none


def test_an_order_over_the_limits_of_a_file_is_several_and_each_is_sent_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five people, two to a file; the answer to the second file is lost."""
    monkeypatch.setattr(building.ach, "Limits", partial(ach.Limits, file_records=2))
    sent: list[UUID] = []
    really = SandboxBank.send

    def send(bank: SandboxBank, each: PaymentOrder) -> Receipt:
        sent.append(each.key)
        receipt = really(bank, each)
        if len(sent) == 2:
            raise OutcomeUnknown("the line went dead")
        return receipt

    monkeypatch.setattr(SandboxBank, "send", send)
    load(tmp_path, *("ann", "bob", "cyd", "dee", "eve"))
    run = paydays.pay()
    keys_of_run = paydays.part("ACME")["PaymentsInstructed"]["orders"]
    assert len(keys_of_run) == 3 and sorted(map(str, sent)) == sorted(keys_of_run)
    assert [order(number=n).created["entries"] for n in range(3)] == [2, 2, 1]
    assert booked() == {f"{who}a": [NET_CENTS] for who in ("ann", "bob", "cyd", "dee", "eve")}
    moved = paydays.part("ACME")["MoneyMoved"]
    assert (moved["paid"], moved["paid_cents"]) == (5, 5 * NET_CENTS)
    assert len(set(moved["bank_reference"].split(", "))) == 3
    assert [state for n in range(3) for _, state in events(order(number=n))].count("unknown") == 1
    proven(run)


def test_checks_are_listed_and_in_no_order(tmp_path: Path) -> None:
    deposit_files.payday(tmp_path, deposit_files.PEOPLE, deposit_files.SHARED)
    run = PayRun.objects.get().run
    paydays.approve(run)
    paydays.work()
    by_check = Payment.objects.filter(method="check")
    assert [(each.employee_id, each.amount_cents, each.order) for each in by_check] == [
        ("cyd", NET_CENTS, None)
    ]
    instructed = paydays.part("ACME")["PaymentsInstructed"]
    assert (instructed["checks"], instructed["checks_cents"]) == (1, NET_CENTS)
    assert instructed["payments_cents"] == order().created["credits_cents"] == 3 * NET_CENTS
    assert "cyd" not in booked() and sum(map(sum, booked().values())) == 3 * NET_CENTS
    assert paydays.part("ACME")["MoneyMoved"]["paid_cents"] == 4 * NET_CENTS
    proven(run)


def test_everybody_by_check_needs_no_order_and_the_run_completes(tmp_path: Path) -> None:
    people = [row | deposit_files.NO_ACCOUNT for row in deposit_files.PEOPLE]
    rows = [deposit_files.deposit("ACME", row["employee_id"], 1, **deposit_files.CHECK) for row in people]
    deposit_files.payday(tmp_path, people, rows)
    run = PayRun.objects.get().run
    paydays.approve(run)
    paydays.work()
    assert not PayOrder.objects.exists() and booked() == {}
    assert list(Payment.objects.values_list("method", "amount_cents")) == [("check", NET_CENTS)] * 4
    assert "EmployerRunCompleted" in paydays.part("ACME")
    proven(run)
