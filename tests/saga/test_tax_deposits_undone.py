"""A deposit of federal tax whose run is undone: what is not sent never is, what the Treasury has is left to people.

The roster, the amounts and the words around a deposit are those of tests/saga/test_tax_deposits.py.
"""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from events import dead_letters, projection, runner, store, work
from events.models import Work, WorkState
from ops.status import run_status
from payroll import by_hand, postpone, runs
from payroll.models import Reservation
from payroll.payments import gateways, halt, same_day, tax_deposits
from payroll.payments.gateway import GatewayRejected
from payroll.payments.imports import import_file
from payroll.payments.orders import Order, stream
from payroll.payments.sending import work_id
from payroll.payments.tax_deposits import deposit, preview
from payroll.refusal import Refused
from payroll.undo import carry_out, decide
from tests.saga import correcting, paydays
from tests.saga.came_back_files import order
from tests.saga.test_tax_deposits import (
    BOB,
    BOTH,
    booked,
    came_back,
    deposited,
    go_on,
    load,
    owed,
    roster,  # noqa: F401 - the fixture
    settle,
    sound,
    undo_bob,
    waits,
)

pytestmark = pytest.mark.usefixtures("db")
STAYS = "1033.50 of federal tax is with the Treasury and stays there"


def paid() -> UUID:
    run = paydays.pay("ACME")
    settle(order())
    return run


def decided(run: UUID) -> UUID:
    """The deposit of a run, decided by two people, and not yet sent."""
    deposit(run, by="amy")
    return deposit(run, by="bea").orders["ACME"]


def undo(run: UUID) -> None:
    decide.undo(run, by="amy", reason="paid twice by hand")
    decide.undo(run, by="bea")
    go_on()


def turns() -> None:
    """The workers' turns while payments are halted: what is to be sent does not come to rest."""
    for _ in range(8):
        runner.run_due()
        Work.objects.filter(state=WorkState.READY).update(available_at=Now())
    projection.catch_up()


def shown(run: UUID) -> str:
    out = StringIO()
    call_command("payrun", "undo", str(run), "--preview", stdout=out)
    return out.getvalue()


def until(key: UUID, state: str) -> None:
    while Order(stream(key)).state != state:
        held = work.claim(runner.worker_name(), queues=None, lease_s=60)
        assert held is not None
        runner.run(held)


def listed(run: UUID | None = None) -> list[tuple[str, int]]:
    go_on()
    return [(item.kind, item.left_cents) for item in by_hand.listed(run) if "tax" in item.kind]


@pytest.mark.parametrize("state", ["created", "reserved"])
def test_a_deposit_that_is_not_sent_is_withdrawn_with_its_run(state: str) -> None:
    run = paid()
    halt.halt(by="amy", reason="a look at the bank")
    key = decided(run)
    if state == "reserved":
        turns()
    assert Order(stream(key)).state == state
    words = "1 deposits of 1033.50 of federal tax: orders withdrawn before they are sent"
    assert words in shown(run)
    out = StringIO()
    call_command("payrun", "undo", str(run), "--as", "amy", "--reason", "paid twice", "--json", stdout=out)
    (part,) = json.loads(out.getvalue())["parts"]
    assert part["deposits"] == {"withdraw": {"payments": 1, "cents": BOTH}}
    decide.undo(run, by="bea")
    turns()
    assert Order(stream(key)).state == "withdrawn"
    assert not Reservation.objects.filter(order=key).exists()
    halt.resume(by="amy")
    go_on()
    assert booked() == [] and owed() == {} and not paydays.letters()
    assert not Work.objects.filter(subject=stream(key)).exclude(state=WorkState.DONE).exists()
    assert "was withdrawn before it was sent" in waits(deposit(run, by="amy"))
    notes = " ".join(run_status(run).notes)
    assert f"withdrawn before it was sent: 1033.50 by the order {key}" in notes
    assert "federal tax deposited" not in notes
    assert listed(run) == []
    sound(run)


def test_a_deposit_that_waits_for_a_person_is_withdrawn_and_its_letter_goes(settings: Any) -> None:
    run = paid()
    settings.PAYROLL_CAPS = (1, None, None, None)
    key = decided(run)
    go_on()
    assert paydays.letter().work == work_id(key)
    settings.PAYROLL_CAPS = (None, None, None, None)
    undo(run)
    assert Order(stream(key)).state == "withdrawn" and not paydays.letters()


def test_while_nobody_knows_whether_it_was_sent_nothing_is_undone() -> None:
    run = paid()
    key = decided(run)
    until(key, "sending")
    why = "the deposit of 1033.50 of federal tax of ACME is sending: not known yet"
    with pytest.raises(Refused, match=why):
        decide.undo(run, by="amy", reason="wrong period")
    assert why in shown(run)


def test_sent_at_the_moment_of_the_undoing_it_is_waited_for_and_stays_with_the_treasury() -> None:
    run = paid()
    key = decided(run)
    until(key, "reserved")
    decide.undo(run, by="amy", reason="wrong period")
    decide.undo(run, by="bea")
    Work.objects.exclude(saga="order").update(available_at=Now() + timedelta(hours=1))
    until(key, "sending")
    go_on()
    assert Order(stream(key)).state == "accepted" and booked()
    facts = store.read(decide.stream(decide.plan.key(run)))[-1].data
    assert facts["left_by_hand"] == {"treasury": [1, BOTH]}
    assert "EmployerRunUndone" in paydays.part("ACME")


def test_what_the_treasury_has_is_said_and_listed_and_recorded_as_credited() -> None:
    run = paid()
    deposited(run)
    assert STAYS in shown(run)
    undo(run)
    facts = store.read(decide.stream(decide.plan.key(run)))[-1].data
    assert facts["left_by_hand"] == {"treasury": [1, BOTH]}
    assert listed(run) == listed() == [("credit tax", BOTH)]
    assert any("1033.50 to be credited" in note for note in run_status(run).notes)
    (item,) = by_hand.listed(run)
    paydays.user("cyd", "settle_by_hand")
    by_hand.done(str(item.key), by="cyd", evidence="Form 941, line 13a")
    assert listed(run) == [("credit tax", 0)]
    (note,) = [note for note in run_status(run).notes if "credited" in note]
    assert note.endswith("done by cyd: 1 of 1")


def test_of_one_paycheck_that_is_void_its_tax_is_to_be_credited() -> None:
    run = paid()
    deposited(run)
    undo_bob(run)
    assert listed(run) == listed() == [("credit tax", BOB)]


@pytest.mark.parametrize("funding", ["", "debit"])
def test_what_comes_back_after_the_undoing_is_owed_to_nobody_and_given_back(
    tmp_path: Path, funding: str
) -> None:
    load(tmp_path, funding=funding)
    run = paid()
    key = deposited(run)
    settle(order(kind="tax-deposit"))
    undo(run)
    told = import_file(came_back(), name="returns")
    assert "what of it is still owed is owed again" in told.notes[0]
    said = waits(deposit(run, by="amy"))
    assert said.startswith("no federal tax is owed any more: the deposit of 1033.50 came back")
    assert ("payments by-hand lists it" in said) is bool(funding)
    go_on()
    assert f"federal tax deposited, and came back: 1033.50 by the order {key}" in " ".join(
        run_status(run).notes
    )
    assert listed(run) == listed() == ([("give back tax", BOTH)] if funding else [])
    sound(run)


def test_deposited_again_from_where_it_lies_and_withdrawn_it_lies_there_still(tmp_path: Path) -> None:
    load(tmp_path, funding="debit")
    run = paid()
    deposited(run)
    settle(order(kind="tax-deposit"))
    import_file(came_back(), name="returns")
    go_on()
    assert listed(run) == [], "it is due, and deposited from there"
    halt.halt(by="amy", reason="a look at the bank")
    decided(run)
    decide.undo(run, by="amy", reason="paid twice by hand")
    decide.undo(run, by="bea")
    turns()
    halt.resume(by="amy")
    assert listed(run) == [("give back tax", BOTH)]


def test_a_proposal_stands_no_more_once_its_run_is_undone() -> None:
    run = paid()
    deposit(run, by="amy")
    undo(run)
    assert waits(deposit(run, by="bea")) == "no federal tax is owed"
    assert run_status(run).notes == []


@pytest.mark.parametrize("proposed", [True, False])
def test_decided_at_the_moment_of_the_undoing_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, proposed: bool
) -> None:
    """What is owed was read before the run was undone, and is recorded after it."""
    run = paid()
    if proposed:
        deposit(run, by="amy")
    really = tax_deposits.preview

    def look(*given: Any, **named: Any) -> Any:
        lines = really(*given, **named)
        undo(run)
        return lines

    monkeypatch.setattr(tax_deposits, "preview", look)
    with pytest.raises(Refused, match="at this moment"):
        deposit(run, by="bea")
    go_on()
    assert booked() == []


def test_confirmed_at_the_moment_of_the_undoing_it_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paid()
    deposit(run, by="amy")
    really, keys_made = carry_out._recoveries, []

    def recoveries(*given: Any) -> Any:
        if not keys_made:
            keys_made.append(deposit(run, by="bea").orders["ACME"])
        return really(*given)

    monkeypatch.setattr(carry_out, "_recoveries", recoveries)
    halt.halt(by="amy", reason="a look at the bank")
    decide.undo(run, by="amy", reason="paid twice by hand")
    decide.undo(run, by="bea")
    turns()
    assert Order(stream(keys_made[0])).state == "withdrawn"


def test_a_deposit_that_the_bank_refused_is_not_sent_again_for_a_run_that_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = paid()
    key = decided(run)
    until(key, "sending")
    gateway = type(gateways.named(Order(stream(key)).created["gateway"]))
    with monkeypatch.context() as refusing:

        def send(*given: Any) -> None:
            raise GatewayRejected("the file has faults")

        refusing.setattr(gateway, "send", send)
        go_on()
    letter = paydays.letter()
    assert Order(stream(key)).state == "rejected"
    undo(run)
    assert listed(run) == [], "the bank refused it: nothing was deposited"
    assert "dismisses it: nothing is owed any more" in waits(deposit(run, by="amy"))
    dead_letters.redrive(letter.id, by="amy")
    go_on()
    assert booked() == [] and "the run whose tax it deposits is undone" in paydays.letter().reason


def test_of_a_run_that_was_postponed_tax_is_deposited_on_the_day_people_are_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its files missed the last window of Friday, so it settles on Monday; two days before, either day could be met."""

    def at(moment: str) -> None:
        monkeypatch.setattr(same_day, "eastern", lambda: datetime.fromisoformat(moment))

    at("2026-11-20T10:00")
    days = paydays.START, paydays.END, paydays.PAYDAY
    run = runs.open_run(*days, opened_by="maker", employers=["ACME"], same_day=True).run
    paydays.work()
    paydays.approve(run)
    at("2026-11-20T17:00")
    paydays.work()
    postpone.postpone(run, "ACME", by="checker", reason="away")
    go_on()
    assert order().effective == "2026-11-23"
    monkeypatch.setattr(tax_deposits.database, "now", lambda: datetime(2026, 11, 18, 12, tzinfo=UTC))
    assert preview(run)[0].effective == date(2026, 11, 23)


@pytest.mark.parametrize("is_deposited", [True, False])
def test_what_a_correction_takes_back_is_to_be_credited_once_it_was_deposited(
    tmp_path: Path, is_deposited: bool
) -> None:
    """100.00 less are twice 6.20 and twice 1.45 less, and 12.00 of income tax."""
    rows = load(tmp_path)
    run = paid()
    if is_deposited:
        deposited(run)
    paydays.mend(tmp_path, rows, "ann", pay_rate="59800.00")
    fix = correcting.correct(run)
    assert listed(fix) == listed() == ([("credit tax", 27_30)] if is_deposited else [])
    assert listed(run) == []
