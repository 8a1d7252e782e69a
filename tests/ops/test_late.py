"""Late changes as people meet them: told by the import, listed with amounts, corrected or dismissed by who may."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError

from events import projection, store
from ops import health
from ops.admin import words
from payroll import correct, runs
from payroll.late import changes
from payroll.models import LateChange, PayRun
from tests.kernel.scene import sql
from tests.ops.test_desk import APPROVERS, AUDITORS, command, person, press, visit
from tests.saga import late, paydays
from tests.saga.roster_files import EMPLOYEES, Rows, write

pytestmark = [
    pytest.mark.usefixtures("db"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected when deployed
]
SECRETS = ("65000", "998877665", "O'Brien")


@pytest.fixture
def roster(tmp_path: Path, settings: Any) -> Rows:
    settings.PAYROLL_GATEWAY = "ach"
    people = [
        paydays.salaried("ACME", "ann", "62400.00", traditional_401k_percent="5"),
        paydays.salaried("ACME", "bob", "52000.00"),
    ]
    return paydays.load(tmp_path, [paydays.employer("ACME")], people)


@pytest.fixture
def run(roster: Rows) -> UUID:
    return paydays.pay("ACME")


@pytest.fixture
def raised(tmp_path: Path, roster: Rows, run: UUID) -> LateChange:
    """ann's raise came after the run: 100.00 more."""
    late.mend(tmp_path, roster, "ann", pay_rate="65000.00", account_number="998877665")
    projection.catch_up()
    return LateChange.objects.get()


def imported(folder: Path, rows: Rows, *options: str) -> str:
    folder.mkdir()
    return command("import_roster", str(write(folder, rows)), *options)


def raising(rows: Rows) -> Rows:
    return rows | {EMPLOYEES: [row | {"pay_rate": "65000.00"} for row in rows[EMPLOYEES]]}


def opened() -> list[PayRun]:
    """The correction runs."""
    projection.catch_up()
    return [row for row in PayRun.objects.all() if row.kind == "correction"]


def test_an_import_says_whose_pay_it_changes(tmp_path: Path, roster: Rows, run: UUID) -> None:
    said = imported(tmp_path / "dry", raising(roster), "--dry-run")
    assert "2 paychecks of runs that are open or paid" in said
    said = imported(tmp_path / "raised", raising(roster))
    assert (
        f"note: 2 people of the regular run {run}, paid 2026-11-20, have late changes: "
        f"manage.py payrun correct {run} --preview" in said
    )
    assert "late" not in imported(tmp_path / "same", raising(roster)), "nothing has changed"
    assert "late" not in imported(tmp_path / "back", roster), "it was changed back"


def test_the_command_lists_runs_people_and_amounts(raised: LateChange, run: UUID) -> None:
    (of_run,) = json.loads(command("payrun", "corrections", "--json"))["runs"]
    assert (of_run["run"], of_run["open"], of_run["not_paid"]) == (str(run), 1, 0)
    assert str(run) in command("payrun", "corrections")
    told = json.loads(command("payrun", "corrections", str(run)[:8], "--json"))
    (ann,) = told["people"]
    (proposal,) = correct.propose(run)
    assert (ann["employee_id"], ann["inputs"], ann["state"]) == ("ann", ["pay_rate"], "open")
    assert ann["gross_cents"] == 100_00
    assert told["net_cents"] == ann["net_cents"] == proposal.cents("net")
    said = command("payrun", "corrections", str(run))
    assert "ACME/ann" in said and "100.00" in said and "pay rate" in said
    assert f"payrun correct {run}" in said and f"payrun dismiss {run}" in said
    assert "1 person has late changes" in command("payrun", "status", str(run))
    assert not [each for each in SECRETS if each in said + str(told)]
    assert "no late change waits" in command("payrun", "corrections", str(run), "--employer", "OTHER")


def test_the_command_dismisses_with_a_reason_by_who_may(raised: LateChange, run: UUID) -> None:
    person("eve", AUDITORS)
    why = ("--reason", "from December on")
    ann = ("--employee", "ACME/ann")
    for arguments, refusal in (
        ((*ann, "--as", "eve", *why), "eve does not hold the permission"),
        ((*ann, "--as", "nobody", *why), "no active user 'nobody'"),
        (("--as", "maker", *why), "Name them with --employee"),
        ((*ann, "--all", "--as", "maker", *why), "Name them with --employee"),
        (("--employee", "ACME/bob", "--as", "maker", *why), "ACME/bob has no late change"),
        (("--employee", "ann", "--as", "maker", *why), "whose employee is ann"),
        ((*ann, "--as", "maker", "--reason", " "), "needs a reason"),
    ):
        with pytest.raises(CommandError, match=refusal):
            command("payrun", "dismiss", str(run), *arguments)
    with pytest.raises(CommandError, match="eve does not hold the permission"):
        command("payrun", "correct", str(run), "--as", "eve")
    assert "dismissed: 1 person" in command("payrun", "dismiss", str(run), "--all", "--as", "maker", *why)
    assert "no late change waits" in command("payrun", "corrections", str(run))
    (ann_now,) = json.loads(command("payrun", "corrections", str(run), "--all", "--json"))["people"]
    assert (ann_now["state"], ann_now["dismissed_by"]) == ("dismissed", "maker")
    assert ann_now["dismissed_reason"] == "from December on"
    with pytest.raises(CommandError, match="there is no such late change"):
        command("payrun", "dismiss", str(run), "--all", "--as", "maker", *why)


def test_the_command_says_who_is_left_out_because_dismissed(
    tmp_path: Path, roster: Rows, raised: LateChange, run: UUID
) -> None:
    left = "1 person is left out, because dismissed: ACME/ann; --employee pays them all the same"
    assert "dismissed" not in command("payrun", "correct", str(run), "--preview")
    changes.dismiss([raised.stream], by="maker", reason="from December on")
    said = command("payrun", "correct", str(run), "--preview")
    assert said.splitlines() == ["nothing differs between what was paid and what the roster says now", left]
    told = json.loads(command("payrun", "correct", str(run), "--preview", "--json"))
    assert (told["people"], told["dismissed"]) == ([], ["ACME/ann"])
    named = ("correct", str(run), "--employee", "ACME/ann", "--preview")
    assert "100.00" in command("payrun", *named) and left not in command("payrun", *named)
    paydays.mend(tmp_path, roster | {EMPLOYEES: raising(roster)[EMPLOYEES]}, "bob", pay_rate="54600.00")
    assert left in command("payrun", "correct", str(run), "--preview")
    said = command("payrun", "correct", str(run), "--as", "maker")
    assert "it corrects 1 people" in said and "ACME/bob" in said and left in said


def test_the_first_page_leads_to_them(raised: LateChange, run: UUID) -> None:
    page, _ = visit(person("amy"), "/admin/")
    assert "Late changes" in page and words.listing(LateChange) in page and "1 person" in page
    page, _ = visit(person("amy"), words.listing(LateChange))
    assert "ACME/ann" in page and "pay rate" in page and "regular" in page
    page, _ = visit(person("amy"), words.page(LateChange, raised.pk))
    assert "$100.00" in page and "Open a correction run…" in page and "Dismiss…" in page
    assert not [each for each in SECRETS[:2] if each in page]
    page, _ = visit(person("amy"), words.page(PayRun, f"payrun-{run}"))
    assert "1 person has late changes" in page


def test_a_clerk_opens_a_correction_and_an_approver_approves(raised: LateChange, run: UUID) -> None:
    amy = person("amy")
    page, _ = press(amy, LateChange, "correct", raised)
    assert "Pay 1 person the difference?" in page and "$100.00" in page and "approve" in page
    assert opened() == []
    page, _ = press(amy, LateChange, "correct", raised, confirmed="yes", would="something else")
    assert "It has changed since you looked." in page and opened() == []
    seen = page.split('name="would" value="')[1].split('"')[0]
    _, told = press(amy, LateChange, "correct", raised, confirmed="yes", would=seen)
    assert "A correction run is open for 1 person" in told
    (fix,) = opened()
    assert fix.opened_by == "amy" and fix.run is not None
    _, told = press(amy, LateChange, "correct", raised, confirmed="yes", would=seen)
    assert "Nothing was done" in told and "being corrected" in told and len(opened()) == 1
    paydays.work()
    with pytest.raises(runs.Refused, match="amy does not hold"):
        paydays.approve(fix.run, by="amy")
    paydays.approve(fix.run)
    paydays.work()
    page, _ = visit(amy, words.page(LateChange, raised.pk))
    assert "corrected" in page and words.page(PayRun, fix.pk) in page and "Dismiss…" not in page
    page, _ = visit(amy, words.listing(LateChange))
    assert "ACME/ann" not in page, "nothing is to be decided about"
    page, _ = visit(amy, words.listing(LateChange, state="corrected"))
    assert "ACME/ann" in page


def test_a_dismissal_needs_a_reason(raised: LateChange, run: UUID) -> None:
    bea = person("bea", APPROVERS)
    page, _ = press(bea, LateChange, "dismiss", raised)
    assert "Leave 1 person as they were paid?" in page and "$100.00" in page
    page, _ = press(bea, LateChange, "dismiss", raised, confirmed="yes", reason=" ")
    assert "Give a reason." in page and late.stands(run)["ann"][0] == changes.OPEN
    _, told = press(bea, LateChange, "dismiss", raised, confirmed="yes", reason="from <b>December</b> on")
    assert told == "Dismissed: 1 person."
    page, _ = visit(bea, words.page(LateChange, raised.pk))
    assert "by bea: from <b>December</b> on" in page
    assert "<b>December" not in bea.get(words.page(LateChange, raised.pk)).content.decode()
    _, told = press(bea, LateChange, "dismiss", raised, confirmed="yes", reason="again")
    assert "Nothing was done" in told
    assert [event.type for event in store.read(raised.stream)][1:] == ["LateChangeDismissed"]


@pytest.mark.parametrize("action", ["correct", "dismiss"])
def test_who_may_only_look_decides_nothing(raised: LateChange, run: UUID, action: str) -> None:
    eve = person("eve", AUDITORS)
    page, _ = visit(eve, words.page(LateChange, raised.pk))
    assert "$100.00" in page and "Dismiss…" not in page and "Open a correction run…" not in page
    press(eve, LateChange, action, raised, confirmed="yes", would="x", reason="I like to")
    assert late.stands(run)["ann"][0] == changes.OPEN and opened() == []


def test_of_a_run_that_is_not_paid_the_page_says_what_can_be_done(tmp_path: Path, roster: Rows) -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    row = late.row(run, "ann")
    amy = person("amy")
    page, _ = visit(amy, words.page(LateChange, row.pk))
    assert "Correct it once the run is paid; or cancel the run" in page and "Open a correction" not in page
    _, told = press(amy, LateChange, "correct", row)
    assert "Nothing was done" in told and "waits until the run is paid" in told
    said = command("payrun", "corrections", str(run))
    assert "waits until the run is paid: pay rate" in said and "cancel the run and open it again" in said


def test_what_nobody_compares_is_a_trouble(tmp_path: Path, roster: Rows, run: UUID) -> None:
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    assert list(health.troubles()) == []
    sql("update payroll_touchedpaycheck set touched_at = clock_timestamp() - interval '2 hours'")
    (trouble,) = health.troubles()
    assert trouble.startswith("1 paychecks were not compared with the roster")
