"""Same-day settlement: paid on the day the files are made, by the window then open; a later day is a choice."""

import os
import signal
import subprocess
import sys
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command

from deploy.postgres import Cluster
from events import dead_letters, projection, store
from ops.proof import prove
from ops.reconcile import reconcile
from ops.status import run_status
from payroll import keys, objects, postpone, release, runs
from payroll.manifest import Pinned
from payroll.models import Notification, PayOrder
from payroll.models.roster import Funding
from payroll.payments import (
    ach,
    bank,
    building,
    decisions,
    funding,
    gateways,
    halt,
    instructions,
    same_day,
)
from payroll.payments.imports import import_file
from payroll.refusal import Refused
from payroll.undo import decide, plan
from tests.kernel.scene import leases_expire
from tests.saga import order_days, pay_inputs, paydays
from tests.saga.ach_parser import parse
from tests.saga.came_back_files import order, settlement
from tests.saga.deposit_files import CHECK, DIRECT_DEPOSITS, NO_ACCOUNT, deposit
from tests.saga.order_days import booked
from tests.saga.paydays import END, PAYDAY, START, employer, salaried
from tests.saga.roster_files import EMPLOYEES, Rows

pytestmark = pytest.mark.usefixtures("db")

ANN, BOB = (
    2012_25,
    1690_85,
)  # of 62,400 and 52,000 a year every two weeks in Texas (tests/saga/test_pay_run.py)
OF_THE_DATABASE = same_day.eastern
MONDAY = date(2026, 11, 23)  # the banking day after the payday, Friday the 20th
MISSED = "the last same-day window of 2026-11-20 closed at 16:45 Eastern time"


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """ACME pays ann and bob through the sandbox bank; it is ten in the morning of the payday."""
    settings.PAYROLL_GATEWAY = "sandbox"
    people = [
        salaried("ACME", "ann", "62400.00", account_number="5550001"),
        salaried("ACME", "bob", "52000.00", account_number="5550002"),
    ]
    at(monkeypatch, "2026-11-20T10:00")
    return paydays.load(tmp_path, [employer("ACME")], people)


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """It is this moment in Eastern time."""
    monkeypatch.setattr(same_day, "eastern", lambda: datetime.fromisoformat(moment))


def opened(pay_date: date = PAYDAY, **more: Any) -> UUID:
    return runs.open_run(
        START, END, pay_date, opened_by="maker", **{"employers": ["ACME"], "same_day": True} | more
    ).run


def approved() -> UUID:
    """A same-day run that nothing stands in the way of but the bank."""
    run = opened()
    paydays.work()
    paydays.approve(run)
    return run


def paid() -> UUID:
    run = approved()
    paydays.work()
    return run


def types() -> list[str]:
    return [event.type for event in store.read(keys.employerrun_stream(paydays.employer_run("ACME")))]


def wrong(run: UUID) -> list[str]:
    found = [finding for line in prove(run) for finding in line.findings]
    return found + reconcile().findings


def command(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def file_of(of: PayOrder) -> bytes:
    return objects.get_verified(of.object, of.facts["sha256"])


def effective_days() -> set[date]:
    return {each.effective for each in bank.movements(gateways.bank_dir())}


# On its day


@pytest.mark.parametrize(
    ("moment", "settles_at", "created"),
    [
        ("2026-11-20T10:30:00", "13:00", "2611201030"),
        ("2026-11-20T10:30:01", "17:00", "2611201030"),
        ("2026-11-20T16:45:00", "18:00", "2611201645"),
    ],
)
def test_the_files_settle_on_the_pay_date_by_the_window_that_is_open_when_they_are_made(
    monkeypatch: pytest.MonkeyPatch, moment: str, settles_at: str, created: str
) -> None:
    run = approved()
    at(monkeypatch, moment)
    paydays.work()
    made = order()
    assert (made.effective, made.facts["settles_at"], made.state) == ("2026-11-20", settles_at, "accepted")
    content = file_of(made)
    assert content[23:33].decode() == created
    (batch,) = parse(content)
    assert (batch["effective"], batch["shown"]) == ("261120", f"SD{settles_at.replace(':', '')}")
    assert booked() == {"ann": [ANN], "bob": [BOB]} and effective_days() == {PAYDAY}
    assert types()[-5:] == [
        "EmployerRunApproved",
        "PaymentFileTimed",
        "PaymentsInstructed",
        "MoneyMoved",
        "EmployerRunCompleted",
    ]
    status = run_status(run)
    assert status.settlement == "same-day"
    assert status.employers[0].settlement == f"the same day, 2026-11-20, at {settles_at} Eastern time"
    assert wrong(run) == []


def test_an_ordinary_run_says_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "2026-11-20T23:00")
    run = paydays.pay("ACME")
    assert booked() == {"ann": [ANN], "bob": [BOB]}
    assert "PaymentFileTimed" not in types() and "settlement" not in runs.facts_of(run)
    (batch,) = parse(file_of(order()))
    assert batch["shown"].strip() == "" and "settles_at" not in order().facts
    assert run_status(run).settlement == "standard"


DIES_WITH_THE_FILE_WRITTEN = """
import os, signal
from datetime import datetime
import django
django.setup()
from events import runner
from payroll import objects
from payroll.payments import same_day
same_day.eastern = lambda: datetime(2026, 11, 20, 10, 12, 30)
put_once = objects.put_once
def put(name, content):
    put_once(name, content)
    if name.startswith("files/"):
        os.kill(os.getpid(), signal.SIGKILL)
objects.put_once = put
runner.run_due()
"""


def die_with_the_file_written() -> list[Path]:
    """A worker is killed between the file and its record; the files that lie there."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "deploy.settings", "PAYROLL_GATEWAY": "sandbox"}
    died = subprocess.run([sys.executable, "-c", DIES_WITH_THE_FILE_WRITTEN], env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    assert types()[-1] == "PaymentFileTimed"
    leases_expire()
    return files_written()


def files_written() -> list[Path]:
    return sorted((Path(configured.PAYROLL_OBJECTS) / "files").rglob("*.ach"))


def test_killed_with_the_file_written_the_same_bytes_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = approved()
    (left,) = die_with_the_file_written()
    before = left.read_bytes()
    assert before[23:33] == b"2611201012"
    at(monkeypatch, "2026-11-20T10:29:59")  # another minute, the same window
    paydays.work()
    assert files_written() == [left] and file_of(order()) == before
    assert types().count("PaymentFileTimed") == 1
    assert booked() == {"ann": [ANN], "bob": [BOB]}
    assert wrong(run) == []


def test_killed_and_the_window_closed_meanwhile_another_file_is_made_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = approved()
    (left,) = die_with_the_file_written()
    at(monkeypatch, "2026-11-20T10:31")
    paydays.work()
    assert order().facts["settles_at"] == "17:00" and file_of(order()) != left.read_bytes()
    assert types().count("PaymentFileTimed") == 2
    assert booked() == {"ann": [ANN], "bob": [BOB]}, "the file that was left behind is nobody's"
    assert wrong(run) == []


# Opening


@pytest.mark.parametrize(
    ("moment", "pay_date", "gateway", "says"),
    [
        ("2026-11-20T16:45:01", PAYDAY, "ach", MISSED),
        ("2026-11-20T10:00", MONDAY, "ach", "paid on the day it is opened: today is 2026-11-20 in Eastern"),
        (
            "2026-11-20T10:00",
            date(2026, 11, 19),
            "ach",
            "today is 2026-11-20 in Eastern time, and the pay date",
        ),
        ("2026-11-21T10:00", date(2026, 11, 21), "ach", "2026-11-21 is not a banking day: nothing settles"),
        ("2026-11-26T10:00", date(2026, 11, 26), "ach", "2026-11-26 is not a banking day: nothing settles"),
        ("2026-11-20T10:00", PAYDAY, "http", "payments over HTTP do not settle the same day"),
    ],
)
def test_what_could_not_settle_the_same_day_is_not_opened(  # noqa: PLR0917
    monkeypatch: pytest.MonkeyPatch, settings: Any, moment: str, pay_date: date, gateway: str, says: str
) -> None:
    settings.PAYROLL_GATEWAY = gateway
    at(monkeypatch, moment)
    with pytest.raises(Refused, match=says):
        opened(pay_date)
    assert not store.read_prefix("payrun-") and not store.read_prefix("employerrun-")


def test_the_same_run_again_changes_nothing_and_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened()
    at(monkeypatch, "2026-11-21T12:00")
    assert opened() == run
    with pytest.raises(Refused, match=f"is open already, with same-day settlement \\({run}\\)"):
        opened(same_day=False)
    ordinary = opened(date(2026, 11, 27), same_day=False, employers=["ACME"], kind="bonus")
    with pytest.raises(Refused, match=f"is open already, without same-day settlement \\({ordinary}\\)"):
        opened(date(2026, 11, 27), kind="bonus")


def test_files_that_bear_one_day_have_letters_of_their_own() -> None:
    """A file for the 24th bears the 20th, two banking days before; so does a same-day file of the 20th."""
    ordinary = opened(date(2026, 11, 24), same_day=False)
    same = opened(kind="bonus")
    also = opened(date(2026, 11, 24), same_day=False, kind="bonus")
    other = opened(date(2026, 11, 25), same_day=False, kind="bonus")
    letters = [
        runs.History(keys.employerrun_stream(part)).facts["EmployerRunOpened"]["file_modifier"]
        for run in (ordinary, same, also, other)
        for part in runs.facts_of(run)["employer_runs"].values()
    ]
    assert letters == ["A", "B", "C", "A"]


# Too late, or too large


def test_a_window_missed_before_the_files_are_made_holds_them_until_somebody_chooses_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = approved()
    at(monkeypatch, "2026-11-20T16:45:01")
    paydays.work()
    letter = paydays.letter()
    assert (letter.step, letter.kind) == ("push-payment", "needs review")
    assert letter.reason.startswith(
        f"{MISSED}, before the files of ACME were made: let it settle on the next"
    )
    at(monkeypatch, "2026-11-23T10:00")
    dead_letters.redrive(letter.id, by="maker")
    paydays.work()
    assert paydays.letter().reason.startswith("2026-11-20, the day to settle on, is over, before the files")
    assert booked() == {} and "PaymentFileTimed" not in types()
    at(monkeypatch, "2026-11-20T17:00")
    with pytest.raises(Refused, match="maker does not hold the permission to approve"):
        postpone.postpone(run, "ACME", by="maker", reason="the approver was away")
    with pytest.raises(Refused, match="needs a reason"):
        postpone.postpone(run, "ACME", by="checker", reason=" ")
    assert postpone.preview(run, "ACME", by="checker").settles_on == MONDAY
    assert booked() == {} and "SettlementPostponed" not in types()
    assert postpone.postpone(run, "ACME", by="checker", reason="away") == ("ACME", MONDAY)
    paydays.work()
    assert not paydays.letters()
    assert booked() == {"ann": [ANN], "bob": [BOB]} and effective_days() == {MONDAY}
    (batch,) = parse(file_of(order()))
    assert batch["shown"].strip() == "" and order().effective == "2026-11-23"
    assert run_status(run).employers[0].settlement == "on 2026-11-23, postponed by checker: away"
    assert {each.message[-10:] for each in Notification.objects.filter(employee_id="")} == {"2026-11-23"}
    assert wrong(run) == []
    with pytest.raises(Refused, match="this run is complete"):
        postpone.postpone(run, "ACME", by="checker", reason="again")


def test_a_postponed_day_that_has_come_is_chosen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = approved()
    at(monkeypatch, "2026-11-20T17:00")
    paydays.work()
    postpone.postpone(run, "ACME", by="checker", reason="away")
    with pytest.raises(Refused, match="was postponed to 2026-11-23 already, by checker"):
        postpone.postpone(run, "ACME", by="checker", reason="away")
    at(monkeypatch, "2026-11-23T00:00")
    paydays.work()
    assert "ACME was postponed to settle on 2026-11-23, and no file was made" in paydays.letter().reason
    assert booked() == {}
    postpone.postpone(run, "ACME", by="checker", reason="away still")
    paydays.work()
    assert booked() == {"ann": [ANN], "bob": [BOB]} and effective_days() == {date(2026, 11, 24)}
    assert wrong(run) == []


def test_only_what_is_approved_and_settles_the_same_day_is_postponed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened()
    paydays.work()
    for part, says in (("ACME", "is not approved"), ("BOLT", "BOLT is not in this run")):
        with pytest.raises(Refused, match=says):
            postpone.postpone(run, part, by="checker", reason="away")
    ordinary = opened(date(2026, 12, 4), same_day=False, kind="bonus")
    with pytest.raises(Refused, match="does not settle the same day"):
        postpone.postpone(ordinary, "ACME", by="checker", reason="away")


def test_pay_of_one_year_is_not_postponed_into_another(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "2026-12-31T16:00")
    run = opened(date(2026, 12, 31))
    paydays.work()
    paydays.approve(run)
    at(monkeypatch, "2026-12-31T17:00")
    paydays.work()
    with pytest.raises(Refused, match="the next banking day is in another year, 2027-01-04"):
        postpone.postpone(run, "ACME", by="checker", reason="away")
    assert booked() == {}


def test_a_run_that_missed_its_windows_is_cancelled_and_its_period_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = approved()
    at(monkeypatch, "2026-11-20T17:00")
    paydays.work()
    call_command("payrun", "cancel", str(run), "--as", "cli", "--reason", "missed", stdout=StringIO())
    paydays.work()
    again = opened(MONDAY, same_day=False)
    paydays.work()
    paydays.approve(again)
    paydays.work()
    assert booked() == {"ann": [ANN], "bob": [BOB]} and effective_days() == {MONDAY}
    assert wrong(again) == []


def test_an_entry_over_a_million_is_held_and_settles_when_it_is_postponed(tmp_path: Path) -> None:
    rich = salaried("ACME", "ann", "60000000.00", account_number="5550001")
    paydays.load(tmp_path, [employer("ACME")], [rich, salaried("ACME", "bob", "52000.00")])
    run = paid()
    reason = paydays.letter().reason
    assert reason.startswith(
        "1 payments of ACME are over the 1000000.00 that settles the same day: let it settle"
    )
    assert booked() == {}
    postpone.postpone(run, "ACME", by="checker", reason="too large")
    paydays.work()
    ((cents,), bob) = booked()["ann"], booked()["bob"]
    assert cents > 1_000_000_00 and bob == [BOB] and effective_days() == {MONDAY}
    assert wrong(run) == []


def test_a_debit_over_a_million_is_several_of_which_each_settles_the_same_day() -> None:
    run = opened()
    paydays.work()
    part = paydays.part("ACME")
    pinned = Pinned.of(part["EmployerRunOpened"])
    owed = {keys.paycheck_stream(pinned.employer_run, who): 900_000_00 for who in ("ann", "bob")}
    planned = instructions.planned(pinned, part["EmployerRunBegan"]["manifests"], owed)
    account = ach.FundingAccount("071000301", "5386491042", "checking", "ACME")
    moment = datetime.fromisoformat("2026-11-20T09:00")
    amounts = {}
    for way in (Funding.DEBIT, Funding.OFFSET):
        (built,) = building.build(
            pinned,
            planned,
            kind="net-pay",
            effective=PAYDAY,
            funded=funding.FundedBy(way, account),
            made=moment,
            in_part=True,
        )
        content = objects.get_verified(built.order.object, built.order.sha256)
        entries = [entry for batch in parse(content) for entry in batch["entries"]]
        amounts[way] = [entry["cents"] for entry in entries if entry["code"] == "27"]
    assert amounts == {Funding.DEBIT: [1_000_000_00, 800_000_00], Funding.OFFSET: [900_000_00] * 2}
    assert run


def test_a_gateway_that_was_changed_meanwhile_holds_it(settings: Any) -> None:
    approved()
    settings.PAYROLL_GATEWAY = "http"
    paydays.work()
    assert "ACME was to settle the same day. payments over HTTP do not" in paydays.letter().reason


# A file that is made and not sent in time


def held_with_its_file_made(monkeypatch: pytest.MonkeyPatch) -> UUID:
    """The file is made in the morning and held by the kill switch until after the last window."""
    run = approved()
    order_days.until_state("reserved")
    halt.halt(by="checker", reason="a look at the bank")
    order_days.turns()
    at(monkeypatch, "2026-11-20T17:30")
    halt.resume(by="checker")
    paydays.work()
    return run


def test_a_file_that_is_not_sent_in_time_waits_for_two_people(monkeypatch: pytest.MonkeyPatch) -> None:
    run = held_with_its_file_made(monkeypatch)
    letter = paydays.letter()
    assert (letter.step, letter.kind) == ("begin-sending", "needs review")
    assert letter.reason.startswith(
        f"{MISSED}, before this file was sent: undo the employer's part (payrun undo)"
    )
    assert booked() == {} and order().state == "reserved"
    with pytest.raises(Refused, match="has its files made already: see payments list, and payments late"):
        postpone.postpone(run, "ACME", by="checker", reason="away")
    for name in ("amy", "bea"):
        paydays.user(name, "decide_payorder")
    key = str(order().order)
    assert "proposed: late" in command(
        "payments", "late", key, "--as", "amy", "--evidence", "the bank takes it"
    )
    assert booked() == {}
    assert "recorded: late" in command("payments", "late", key, "--as", "bea", "--evidence", "I called them")
    paydays.work()
    assert not paydays.letters()
    assert booked() == {"ann": [ANN], "bob": [BOB]} and order().state == "accepted"
    assert run_status(run).employers[0].settlement == "when the bank next does, being sent late"
    said = command("payrun", "status", str(run))
    assert "settles when the bank next does, being sent late" in said and "13:00" not in said
    assert wrong(run) == []


def test_of_several_files_those_that_were_sent_late_are_told_apart() -> None:
    opened = {"settlement": "same-day", "pay_date": "2026-11-20", "settles_at": "13:00"}
    assert same_day.in_words(opened, same_day.Files(late=0, all=2)).endswith("at 13:00 Eastern time")
    assert same_day.in_words(opened, same_day.Files(late=1, all=2)) == (
        "the same day, 2026-11-20, at 13:00 Eastern time; 1 of 2 files when the bank next does, being sent late"
    )


def test_a_file_that_is_not_sent_in_time_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    run = held_with_its_file_made(monkeypatch)
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun")
    decide.undo(run, by="amy", reason="missed")
    decide.undo(run, by="bea")
    paydays.work()
    projection.catch_up()
    assert order().state == "withdrawn" and booked() == {} and not paydays.letters()
    assert wrong(run) == []


def test_committed_as_being_sent_and_then_too_late_it_is_not_sent_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approved()
    order_days.until_state("sending")
    at(monkeypatch, "2026-11-20T17:30")
    paydays.work()
    letter = paydays.letter()
    assert letter.step == "move-money" and letter.reason.startswith(
        f"{MISSED}, before this file was sent: let"
    )
    dead_letters.redrive(letter.id, by="maker")
    paydays.work()
    assert paydays.letter().step == "confirm" and booked() == {}
    for name in ("amy", "bea"):
        paydays.user(name, "decide_payorder")
        assert order().order
        decisions.decide(UUID(str(order().order)), "late", by=name, evidence="the bank takes it")
    paydays.work()
    assert booked() == {"ann": [ANN], "bob": [BOB]}


def test_after_a_window_that_is_not_the_last_it_still_settles_that_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = approved()
    order_days.until_state("reserved")
    at(monkeypatch, "2026-11-20T16:00")
    paydays.work()
    assert booked() == {"ann": [ANN], "bob": [BOB]} and order().facts["settles_at"] == "13:00"
    assert wrong(run) == []


def test_an_ordinary_order_is_never_late(settings: Any) -> None:
    settings.PAYROLL_CAPS = (1, None, None, None)
    paydays.pay("ACME")
    paydays.user("amy", "decide_payorder")
    order_days.order()
    with pytest.raises(Refused, match="there is nothing to decide"):
        decisions.decide(UUID(str(order().order)), "late", by="amy", evidence="none")


# What follows


def test_it_is_undone_by_reversing_entries_within_five_banking_days(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun")
    run = paid()
    call = bank.ensure_running(gateways.bank_dir())
    bank.tell(call, "POST", "/settle", {"on": "2026-11-20"})
    import_file(settlement(order()), name="settled")
    projection.catch_up()
    assert order().state == "settled" and wrong(run) == []
    monkeypatch.setattr(plan, "today", lambda: PAYDAY)
    (part,) = decide.preview(run)
    assert part.reversible_until == "2026-11-30"  # Thanksgiving is no banking day
    decide.undo(run, by="amy", reason="paid twice by hand")
    decide.undo(run, by="bea")
    paydays.work()
    projection.catch_up()
    taken = [each for each in bank.movements(gateways.bank_dir()) if each.reverses]
    assert sorted((each.individual_id, each.amount_cents) for each in taken) == [("ANN", ANN), ("BOB", BOB)]
    assert {each.effective for each in taken} == {MONDAY}
    assert wrong(run) == []


def test_who_is_carried_over_settles_as_the_run_does_they_come_from(tmp_path: Path, roster: Rows) -> None:
    paydays.mend(tmp_path, roster, "bob", work_state="AL")
    run = opened()
    paydays.work()
    today = release.release(run, "ACME", by="maker", reason="due", today=PAYDAY)
    assert same_day.is_same_day(runs.facts_of(today.run)) and today.pay_date == PAYDAY


def test_moved_to_another_day_who_is_carried_over_settles_the_ordinary_way(
    tmp_path: Path, roster: Rows
) -> None:
    paydays.mend(tmp_path, roster, "bob", work_state="AL")
    run = opened()
    paydays.work()
    later = release.release(run, "ACME", by="maker", reason="due", today=date(2026, 11, 21))
    assert not same_day.is_same_day(runs.facts_of(later.run)) and later.pay_date == MONDAY


def test_a_difference_is_paid_the_same_day(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = paydays.pay("ACME")
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    at(monkeypatch, "2026-11-20T16:50")
    with pytest.raises(CommandError, match=MISSED):
        command("payrun", "correct", str(run), "--same-day", "--as", "maker")
    at(monkeypatch, "2026-11-20T14:00")
    assert "ACME/ann" in command("payrun", "correct", str(run), "--same-day", "--preview")
    assert "paid 2026-11-20" in command("payrun", "correct", str(run), "--same-day", "--as", "maker")
    fix = max(store.read_prefix("payrun-", "PayRunOpened"), key=lambda event: event.position).data["run"]
    paydays.work()
    paydays.approve(UUID(fix))
    paydays.work()
    made = order(run=fix)
    assert (made.effective, made.facts["settles_at"], made.state) == ("2026-11-20", "17:00", "accepted")
    assert booked()["ann"] == [ANN, made.credits_cents] and booked()["bob"] == [BOB]
    assert wrong(UUID(fix)) == []


@pytest.mark.parametrize(
    ("forged", "finds"),
    [
        ('data || \'{"effective": "2026-11-23"}\'', "settles on another day than 2026-11-20"),
        ("data - 'settles_at'", "asks for same-day settlement, or does not, against what was approved"),
    ],
)
def test_the_proof_finds_a_day_that_nobody_approved(db: Cluster, forged: str, finds: str) -> None:
    run = paid()
    paydays.as_owner(db, "alter table events_event disable trigger user")
    paydays.as_owner(db, f"update events_event set data = {forged} where type = 'OrderCreated'")  # noqa: S608
    assert any(finding.endswith(finds) for finding in wrong(run))


# As people see it

OPTIONS = ("--from", "2026-11-01", "--to", "2026-11-14", "--pay-date", "2026-11-20", "--employer", "ACME")


def test_the_command_line_opens_shows_and_postpones(monkeypatch: pytest.MonkeyPatch) -> None:
    command("payrun", "start", *OPTIONS, "--same-day", "--as", "maker")
    run = str(store.read_prefix("payrun-")[0].data["run"])
    paydays.work()
    assert "paid 2026-11-20, same-day settlement, running" in command("payrun", "status", run)
    assert "waits for approval, settles the same day, 2026-11-20" in command("payrun", "status", run)
    paydays.approve(UUID(run))
    at(monkeypatch, "2026-11-20T17:00")
    paydays.work()
    assert MISSED in command("payrun", "status", run)
    told = command("payrun", "postpone", run, "--as", "checker", "--preview")
    assert told.strip() == "ACME would settle on 2026-11-23, by ordinary files"
    with pytest.raises(CommandError, match="to pay people on another day needs a reason"):
        command("payrun", "postpone", run, "--as", "checker")
    told = command("payrun", "postpone", run, "--as", "checker", "--reason", "away", "--json")
    assert '"postponed": {"ACME": "2026-11-23"}' in told
    paydays.work()
    assert "complete, settles on 2026-11-23, postponed by checker: away" in command("payrun", "status", run)
    with pytest.raises(CommandError, match="there is nothing to postpone"):
        command("payrun", "postpone", run, "--as", "checker", "--reason", "away")


def test_of_several_employers_those_that_can_be_are_postponed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [salaried("ACME", "ann", "62400.00"), salaried("BOLT", "cyd", "62400.00")]
    paydays.load(tmp_path, [employer("ACME"), employer("BOLT")], people)
    run = str(opened(employers=["ACME", "BOLT"]))
    paydays.work()
    runs.approve(paydays.employer_run("ACME"), by="checker")
    at(monkeypatch, "2026-11-20T17:00")
    paydays.work()
    out = StringIO()
    both = ("payrun", "postpone", run, "--employer", "ACME", "BOLT", "--as", "checker", "--reason", "away")
    with pytest.raises(CommandError, match=r"^BOLT is not approved: approve it first"):
        call_command(*both, stdout=out)
    assert out.getvalue().strip() == "ACME settles on 2026-11-23, by ordinary files"
    paydays.work()
    runs.approve(paydays.employer_run("BOLT"), by="checker")
    paydays.work()
    assert sorted(booked()) == ["ann", "bob"] and MISSED in paydays.letter().reason
    assert '"BOLT": "2026-11-23"' in command(*both[:3], "--as", "checker", "--reason", "away", "--json")
    paydays.work()
    assert sorted(booked()) == ["ann", "bob", "cyd"] and effective_days() == {MONDAY}
    assert wrong(UUID(run)) == []


def test_the_clock_is_that_of_new_york_as_another_table_of_zones_has_it() -> None:
    apart = datetime.now(ZoneInfo("America/New_York")).replace(tzinfo=None) - OF_THE_DATABASE()
    assert OF_THE_DATABASE().tzinfo is None and abs(apart.total_seconds()) < 60


@pytest.mark.parametrize(
    ("day", "now", "says"),
    [
        ("2026-11-20", "2026-11-20T00:00", ""),
        ("2026-11-20", "2026-11-20T16:45", ""),
        ("2026-11-20", "2026-11-20T16:45:01", "closed at 16:45"),
        ("2026-11-20", "2026-11-21T00:00", "is over"),
        ("2026-11-20", "2026-11-19T23:59", "has not come"),
        ("2026-11-21", "2026-11-21T10:00", "not a banking day"),
    ],
)
def test_a_day_is_open_until_its_last_window_closes(day: str, now: str, says: str) -> None:
    why = same_day.closed(date.fromisoformat(day), datetime.fromisoformat(now))
    assert says in why and bool(says) == bool(why)


def test_paper_checks_wait_for_no_window(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_check = [deposit("ACME", who, 1, **CHECK) for who in ("ann", "bob")]
    people = [row | NO_ACCOUNT for row in roster[EMPLOYEES]]
    pay_inputs.change(tmp_path, roster | {EMPLOYEES: people, DIRECT_DEPOSITS: by_check})
    run = approved()
    at(monkeypatch, "2026-11-20T17:00")
    paydays.work()
    assert types()[-1] == "EmployerRunCompleted" and "PaymentFileTimed" not in types()
    assert booked() == {} and wrong(run) == []
