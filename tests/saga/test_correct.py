"""Corrections: the difference between what was paid and what is right now, paid by a run of its own."""

import json
import threading
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from deploy.postgres import Cluster
from events import dead_letters, projection, store
from events.failures import NeedsReview
from events.models import Event, Work
from events.store import NewEvent
from ops.admin import stub
from ops.proof import prove
from payroll import cancel, correct, runs
from payroll.correct import Corrected
from payroll.models import PayItem, Recovery
from payroll.refusal import Refused
from tests.ops import corruptions
from tests.saga import correcting, ledger_log, order_days, pay_inputs, paydays
from tests.saga.correcting import facts
from tests.saga.roster_files import EMPLOYEES, PAY_ITEMS, TIME_ENTRIES, Rows, pay_item, write

pytestmark = pytest.mark.usefixtures("db")
DAYS = (paydays.START, paydays.END)


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Rows:
    """ann has a salary, hal is paid by the hour, and nothing of cal ever changes."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [
        paydays.salaried("ACME", "ann", "62400.00", traditional_401k_percent="5"),
        paydays.salaried("ACME", "cal", "62400.00"),
        paydays.hourly("ACME", "hal", "20.00"),
    ]
    time = paydays.worked("ACME", "hal", dict.fromkeys((2, 3, 4, 5), "8.00"))
    return paydays.load(tmp_path, [paydays.employer("ACME")], people, time)


def change(tmp_path: Path, rows: Rows, **files: Any) -> Rows:
    return pay_inputs.change(tmp_path, rows | files)


def test_late_time_entries_are_paid_and_nothing_else(tmp_path: Path, roster: Rows) -> None:
    """32 hours at 20.00 were paid; 16 more of the same week make 48: 8 of them at half as much again.

    Gross 16 x 20.00 + 8 x 10.00 = 400.00; Social Security 24.80, Medicare 5.80. Federal: 640.00 and 1,040.00 every two
    weeks are 16,640 - 8,600 = 8,040 and 27,040 - 8,600 = 18,440 a year: 10 % over 7,500 is 54.00, and 10 % of 10,940 is
    1,094.00; a 26th is 2.08 and 42.08, so 40.00 more.
    """
    run = paydays.pay("ACME")
    late = paydays.worked("ACME", "hal", {6: "8.00", 7: "8.00"})
    change(tmp_path, roster, **{TIME_ENTRIES: [*roster[TIME_ENTRIES], *late]})
    (found,) = correct.propose(run)
    assert (found.employee_id, found.inputs, found.stopped) == ("hal", ("time",), "")
    assert (found.cents("gross"), found.cents("net")) == (40_000, 40_000 - 2_480 - 580 - 4_000)
    fix = correcting.correct(run)
    got = facts(fix, "hal")
    names = ("straight_time_cents", "overtime_premium_cents", "gross_cents", "social_security_cents")
    assert [got[name] for name in names] == [32_000, 8_000, 40_000, 2_480]
    assert (got["hours_worked_hundredths"], got["overtime_hours_hundredths"]) == (16_00, 8_00)
    assert got["earnings"] == [["work", "20.0000", "16.00", 32_000]]
    assert facts(fix, "ann") == facts(fix, "cal") == {}
    assert paydays.credits()["hal"][1:] == [got["net_cents"]]
    correcting.sound(run, fix)


def test_a_changed_form_is_withheld_anew(tmp_path: Path, roster: Rows) -> None:
    """Married filing jointly instead of single, from 2,400.00 less 5 %: federal income tax alone differs.

    59,280.00 a year (Pub. 15-T Worksheet 1A, standard schedules of 2026). Single: less 8,600 is 50,680; 1,240 and 12 %
    of the 30,780 over 19,900 are 4,933.60, a 26th 189.75. Jointly: less 12,900 is 46,380; 2,480 and 12 % of the 2,280
    over 44,100 are 2,753.60, a 26th 105.91. So 83.84 are given back.
    """
    run = paydays.pay("ACME")
    paydays.mend(tmp_path, roster, "ann", filing_status="mfj")
    (found,) = correct.propose(run)
    assert (found.employee_id, found.inputs) == ("ann", ("filing_status",))
    taxes = {"federal_income_tax_cents", "employee_taxes_cents", "disposable_cents", "net_cents"}
    assert found.amounts.keys() == taxes
    fix = correcting.correct(run)
    assert found.cents("net") == -found.cents("federal_income_tax") == facts(fix, "ann")["net_cents"] == 83_84
    # Somebody who was married from the start, on a payday of their own.
    paydays.pay("ACME", period=paydays.NEXT)
    later = paydays.facts("ACME", "ann", paydays.NEXT)
    assert correcting.together(facts(run, "ann"), facts(fix, "ann")) == correcting.amounts(later)
    correcting.sound(run, fix)


def test_what_was_paid_too_much_is_taken_from_later_pay(tmp_path: Path, roster: Rows) -> None:
    run = paydays.pay("ACME")
    paydays.mend(tmp_path, roster, "ann", pay_rate="60320.00")
    (found,) = correct.propose(run)
    assert (found.inputs, found.cents("gross")) == (("pay_rate",), -80_00)
    fix = correcting.correct(run)
    overpaid_cents = -facts(fix, "ann")["net_cents"]
    assert overpaid_cents == -found.cents("net") > 0
    assert facts(fix, "ann")["salary_cents"] == -80_00
    assert len(paydays.credits()["ann"]) == 1, "nothing is paid, and nothing is debited"
    (recovery,) = Recovery.objects.all()
    assert (recovery.employee_id, recovery.amount_cents, recovery.facts["because"]) == (
        "ann",
        overpaid_cents,
        "correction",
    )
    books = ledger_log.balances(employer_run=UUID(runs.facts_of(fix)["employer_runs"]["ACME"]))
    assert books["recoverable"] == overpaid_cents
    assert books.get("wages_payable", 0) == 0
    assert sum(books.values()) == 0
    later = paydays.pay("ACME", period=paydays.NEXT)
    assert facts(later, "ann")["post_tax_cents"] == overpaid_cents
    correcting.sound(run, fix, later)
    assert correct.propose(run) == correct.propose(later) == []


def test_a_correction_is_corrected(tmp_path: Path, roster: Rows) -> None:
    """Up, then down to what it was, each named by another run of the three: together it is what was paid first."""
    run = paydays.pay("ACME")
    raised = paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00", section125_per_period="20.00")
    first = correcting.correct(run)
    assert correct.propose(run) == correct.propose(first) == []
    paydays.mend(tmp_path, raised, "ann", pay_rate="62400.00", section125_per_period="0.00")
    (found,) = correct.propose(first)
    assert found.inputs == ("pay_rate", "section125_cents")
    second = correcting.correct(first, "ann")
    together = correcting.together(*(facts(each, "ann") for each in (run, first, second)))
    assert together == correcting.amounts(facts(run, "ann"))
    assert facts(second, "ann")["net_cents"] == -facts(first, "ann")["net_cents"]
    correcting.sound(run, first, second)


def test_items_are_paid_once_and_late_ones_paid(tmp_path: Path, roster: Rows) -> None:
    prize = pay_item("ACME", "ann", "2026-11-05", "1000.00", kind="discretionary_bonus", reference="Q3")
    late = pay_item("ACME", "ann", "2026-11-06", "80.00", kind="reimbursement", reference="taxi")
    rows = pay_inputs.change(tmp_path, roster | {PAY_ITEMS: [prize]})
    run = paydays.pay("ACME")
    assert correct.propose(run) == []
    pay_inputs.change(tmp_path, rows | {PAY_ITEMS: [prize, late]})
    fix = correcting.correct(run)
    assert [line[:3] for line in facts(fix, "ann")["items"]] == [["reimbursement", 80_00, "taxi"]]
    assert (facts(fix, "ann")["gross_cents"], facts(fix, "ann")["net_cents"]) == (0, 80_00)
    PayItem.objects.filter(kind="discretionary_bonus").delete()
    again = correcting.correct(run)
    assert [line[:3] for line in facts(again, "ann")["items"]] == [["discretionary_bonus", -1000_00, "Q3"]]
    pay_inputs.change(tmp_path, rows | {PAY_ITEMS: [prize, late]})
    bonus = runs.open_run(*DAYS, date(2026, 12, 1), opened_by="maker", kind="bonus", employers=["ACME"])
    correcting.finish(bonus.run)
    paid = [line[:3] for line in facts(bonus.run, "ann")["items"]]
    assert paid == [["discretionary_bonus", 1000_00, "Q3"]], "it was taken back, and the taxi was not"
    assert correct.propose(run) == []
    correcting.sound(run, fix, again, bonus.run)


def counted() -> tuple[int, ...]:
    objects = sum(path.is_file() for path in Path(settings.PAYROLL_OBJECTS).rglob("*"))
    return Event.objects.count(), Work.objects.count(), objects


def test_a_preview_changes_nothing(tmp_path: Path, roster: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    run = paydays.pay("ACME")
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00", account_number="998877665")
    before = counted()
    call_command("payrun", "correct", str(run), "--preview")
    said = capsys.readouterr().out
    call_command(
        "payrun", "correct", str(run)[:8], "--preview", "--json", "--employer", "ACME", "--employee", "ann"
    )
    told = json.loads(capsys.readouterr().out)
    assert counted() == before
    assert "ACME/ann" in said and "pay_rate" in said and "100.00" in said
    assert not any(secret in said + str(told) for secret in ("65000", "998877665", "O'Brien"))
    (person,) = told["people"]
    assert (person["employee_id"], person["inputs"], person["gross_cents"]) == ("ann", ["pay_rate"], 100_00)
    assert (
        told["net_cents"]
        == person["net_cents"]
        == person["gross_cents"] - person["employee_taxes_cents"] - 5_00
    )


def test_the_command_opens_it_and_a_second_person_approves(
    tmp_path: Path, roster: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    run = paydays.pay("ACME")
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    call_command("payrun", "correct", str(run), "--as", "checker", "--json")
    opened = json.loads(capsys.readouterr().out)
    fix = UUID(opened["run"])
    assert [person["employee_id"] for person in opened["people"]] == ["ann"]
    paydays.work()
    with pytest.raises(Refused, match="checker opened this run"):
        paydays.approve(fix)
    with pytest.raises(CommandError, match="ann of ACME is being corrected already"):
        call_command("payrun", "correct", str(run), "--employer", "ACME", "--employee", "ann")
    with pytest.raises(CommandError, match="nothing differs"):
        call_command("payrun", "correct", str(run))
    cancel.cancel(fix, by="maker", reason="asked by the wrong person")
    paydays.work()
    again = correcting.correct(run)
    assert again != fix and facts(again, "ann")["gross_cents"] == 100_00
    call_command("payrun", "status", str(again))
    assert "correct" in str(runs.facts_of(again)["kind"])
    correcting.sound(run, fix, again)


def refused(run: UUID, why: str, *people: str, **more: Any) -> None:
    before = counted()
    with pytest.raises((Refused, NeedsReview), match=why):
        correcting.opened(run, *people, **more)
    assert counted() == before


def test_refusals(tmp_path: Path, roster: Rows) -> None:
    run = paydays.open_run("ACME")
    refused(run, "not paid yet")
    paydays.work()
    cancel.cancel(run, by="maker", reason="a test")
    paydays.work()
    refused(run, "was cancelled")
    run = paydays.pay("ACME")
    refused(run, "nothing differs")
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    refused(run, "nothing differs", "cal")
    refused(run, "bob of ACME have no paycheck", "bob")
    refused(run, "W-2c", pay_date=date(2027, 1, 4))
    refused(run, "before what it corrects", pay_date=date(2026, 11, 19))
    with pytest.raises(Refused, match="BOLT is not in this run"):
        correct.propose(run, employers=["BOLT"])
    with pytest.raises(Refused, match="no pay run"):
        correct.propose(UUID(int=7))
    paydays.mend(tmp_path, roster, "ann", work_state="IL")
    refused(run, "taxed by TX", "ann")


def test_who_was_left_out_or_voided_has_nothing_to_correct(tmp_path: Path, roster: Rows) -> None:
    rows = paydays.mend(tmp_path, roster, "ann", work_state="OR")
    run = paydays.open_run("ACME")
    paydays.work()
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="paid by check")
    correcting.finish(run)
    for event, who in (("PaycheckVoided", "cal"),):
        stream = correcting.stream(run, who)
        store.append([NewEvent(stream, store.version(stream) + 1, event, {"reason": "a test"})])
    projection.catch_up()
    rows = paydays.mend(tmp_path, rows, "cal", pay_rate="65000.00")
    paydays.mend(tmp_path, rows, "ann", work_state="TX")
    for each in ("ann", "cal"):
        refused(run, "no paycheck in that run which counts", each)
    assert correct.propose(run) == []


def test_of_two_at_one_moment_one_is_opened(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen the difference before either holds the employer's row."""
    run = paydays.pay("ACME")
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    both = threading.Barrier(2, timeout=30)
    inner = correct._open
    monkeypatch.setattr(correct, "_open", lambda *given: (both.wait(), inner(*given))[1])
    ends: list[Any] = []

    def one(day: int) -> None:
        try:
            ends.append(correcting.opened(run, pay_date=date(2026, 12, day)))
        except Refused as why:
            ends.append(str(why))
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(day,)) for day in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = (each for each in ends if isinstance(each, Corrected))
    (lost,) = (each for each in ends if isinstance(each, str))
    assert "at the same moment" in lost
    correcting.finish(won.run)
    assert len(paydays.credits()["ann"]) == 2
    correcting.sound(run, won.run)


def test_the_bank_has_the_original_and_the_difference(tmp_path: Path, roster: Rows, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"
    run = paydays.pay("ACME")
    rows = paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    paydays.mend(tmp_path, rows, "cal", pay_rate="60000.00")
    fix = correcting.correct(run)
    booked = order_days.booked()
    assert booked["ann"] == [facts(each, "ann")["net_cents"] for each in (run, fix)]
    assert booked["cal"] == [facts(run, "cal")["net_cents"]]
    assert facts(fix, "cal")["net_cents"] < 0
    correcting.sound(run, fix)


ANN, HAL = "stream like 'paycheck-{part}+ann'", "stream like 'paycheck-{part}+hal'"
PLANTED = {
    "a cent of tax": (
        {"worksheets", "approval"},
        "TaxCalculated",
        ANN,
        {"federal_income_tax_cents": 1},
    ),
    "a cent from tax to net": (
        {"worksheets", "totals", "approval", "payments"},
        *("RetirementCalculated", ANN, {"net_cents": 1, "garnished_cents": -1}),
    ),
    "a cent of what is owed back": (
        {"worksheets", "corrections"},
        "RetirementCalculated",
        HAL,
        {"net_cents": -1},
    ),
    "a recovery, a cent more": (
        {"corrections"},
        *("RecoveryOpened", "data ->> 'employee_id' = 'hal'", {"amount_cents": 1}),
    ),
    "a cent of the hours": ({"worksheets", "approval"}, "TimeEntered", HAL, {"straight_time_cents": 1}),
}


@pytest.mark.parametrize("what", [*PLANTED, "a cent of what was paid before"])
def test_one_cent_moved_is_named(db: Cluster, tmp_path: Path, roster: Rows, what: str) -> None:
    run = paydays.pay("ACME")
    rows = paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    paydays.mend(tmp_path, rows, "hal", pay_rate="19.00")
    fix = correcting.correct(run)
    correcting.sound(run, fix)
    part, original = (runs.facts_of(each)["employer_runs"]["ACME"] for each in (fix, run))
    if what in PLANTED:
        named, event, where, changes = PLANTED[what]
    else:
        named, event, where = {"corrections"}, "TaxCalculated", ANN.format(part=original)
        changes = {"medicare_cents": 1}
    for fact, cents in changes.items():
        plant(db, corruptions.more(fact, event, where.format(part=part), cents))
    assert named <= {line.name for line in prove(fix) if not line.holds}


def plant(db: Cluster, statement: str) -> None:
    paydays.as_owner(db, "alter table events_event disable trigger user")
    paydays.as_owner(db, statement)


def test_who_imports_a_roster_is_told_and_a_stub_says_what_is_owed_back(
    tmp_path: Path, roster: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "again"
    folder.mkdir()
    write(folder, roster)
    call_command("import_roster", str(folder))
    assert "payrun correct" not in capsys.readouterr().out
    run = paydays.pay("ACME")
    call_command("import_roster", str(folder))
    assert "payrun correct" not in capsys.readouterr().out, "nothing has changed"
    people = [
        row | {"pay_rate": "60320.00"} if row["employee_id"] == "ann" else row for row in roster[EMPLOYEES]
    ]
    write(folder, roster | {EMPLOYEES: people})
    call_command("import_roster", str(folder))
    assert f"payrun correct {run} --preview" in capsys.readouterr().out
    fix = correcting.correct(run)
    got = facts(fix, "ann")
    said = " ".join(text for text, _ in stub.remarks(got, "RetirementCalculated"))
    assert "taken back from later pay" in said and "differ" not in said
    assert stub.state("RetirementCalculated", got)[0] == "paid too much: taken back from later pay"
