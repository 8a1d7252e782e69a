"""Release and runs of chosen people, as people do it: by command, and what they see of it."""

import json
from datetime import date
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from events import store
from events.models import DeadLetter
from events.store import NewEvent
from ops import follow, status
from ops.admin import words
from payroll import keys, release, runs
from payroll.models import Employee, EmployerRun, Paycheck
from tests.ops import payday

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # static files are collected when deployed
PERIOD = ("--from", str(payday.START), "--to", str(payday.END), "--pay-date", str(payday.PAY_DATE))


@pytest.fixture
def run(db: Any, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that waits for people: A1 for a dead letter, A2 for an approval. The day is one before its pay date."""
    really = release.release
    today = date(2026, 11, 18)
    monkeypatch.setattr(release, "release", lambda *args, **more: really(*args, **{"today": today} | more))
    return str(payday.begin(tmp_path / "roster", settings).run)


def command(*arguments: str) -> str:
    """What a command says."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def page(row: Any) -> str:
    """The admin's page of a row, as root sees it."""
    root = User.objects.filter(username="root").first() or User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    return client.get(words.page(type(row), row.pk)).content.decode()


def test_a_run_is_released_by_command(run: str) -> None:
    with pytest.raises(CommandError, match="required"):
        command("payrun", "release", run, "--as", "maker")
    with pytest.raises(CommandError, match="nobody of A2 waits"):
        command("payrun", "release", run, "--employer", "A2", "--as", "maker", "--reason", "they wait")
    said = command("payrun", "release", run[:12], "--as", "maker", "--reason", "they are due")
    part = EmployerRun.objects.get(employer="A1", run=run)
    payday.go_on()
    part.refresh_from_db()
    (other,) = EmployerRun.objects.exclude(run=run)
    assert f"A1 goes on; 1 people are carried over to pay run {other.run}, paid 2026-11-20: e3" in said
    assert (part.state, other.facts["kind"], other.facts["people"]) == (
        "waits for approval",
        "remainder",
        ["e3"],
    )
    with pytest.raises(CommandError, match="nobody of this run waits"):
        command("payrun", "release", run, "--as", "maker", "--reason", "again")
    said = command("payrun", "status", run)
    assert f"A1: 1 carried over to run {other.run} by maker: they are due" in said
    status = json.loads(command("payrun", "status", run, "--json"))
    (a1,) = [each for each in status["employers"] if each["employer"] == "A1"]
    assert (a1["carried_over"], a1["carried_to_run"], a1["completed"]) == (["e3"], str(other.run), 3)
    shown = page(part)
    assert "they are due" in shown and f"payrun-{other.run}" in shown
    left = Paycheck.objects.get(stream=keys.paycheck_stream(part.employer_run, "e3"))
    assert "Carried over by maker: they are due" in page(left)


def test_a_void_approval_is_shown_where_people_look(run: str) -> None:
    part = EmployerRun.objects.get(employer="A2", run=run)
    runs.approve(part.employer_run, by="checker")
    stream = keys.paycheck_stream(part.employer_run, "e5")
    more = {"gross_cents": 5, "net_cents": 5}
    store.append([NewEvent(stream, store.version(stream) + 1, "PayCalculated", more)])
    payday.go_on()
    part.refresh_from_db()
    assert "The approval of checker is void" in page(part) and "e5 changed" in page(part)
    assert "A2: the approval of checker is void" in command("payrun", "status", run)
    said = command("payrun", "approve", run, "--as", "checker", "--employer", "A2")
    assert "checker approved 1 employers: A2" in said
    payday.go_on()
    assert "is void" not in command("payrun", "status", run)


def test_a_run_of_chosen_people_is_opened_by_command(run: str) -> None:
    start = ("payrun", "start", *PERIOD, "--kind", "off-cycle")
    for more, why in (
        ((), "pays the people you name"),
        (("--employee", "e3"), "whose employee is e3"),
        (("--employer", "A1", "--employee", "e3"), "A1 already has a regular run"),
        (("--employer", "A1", "--employee", "e99"), "e99 of A1: not employed there"),
        (("--employer", "A2", "--employee", "A1/e3"), "are not the same"),
    ):
        with pytest.raises(CommandError, match=why):
            command(*start, *more)
    letter = DeadLetter.objects.get(group_key="A1", state="open")
    command("deadletters", "dismiss", str(letter.id), "--as", "maker", "--reason", "later")
    Employee.objects.filter(employee_id="e3").update(work_state="TX")
    assert "opened: 1 employers" in command(*start, "--employer", "A1", "--employee", "e3")
    assert "is open already" in command(*start, "--employee", "A1/e3", "e3", "--employer", "A1")
    with pytest.raises(CommandError, match="no last day of work"):
        command("payrun", "start", *PERIOD, "--kind", "termination", "--employee", "A1/e3")
    with pytest.raises(CommandError, match="no pay item in these dates"):
        command("payrun", "start", *PERIOD, "--kind", "bonus", "--employee", "A1/e3")


def test_who_follows_a_run_does_not_approve_again_what_has_changed(run: str) -> None:
    part = EmployerRun.objects.get(employer="A2", run=run)
    assert follow.approve_ready(part.run, "checker", only=["A2"], again=False) == ["A2"]
    stream = keys.paycheck_stream(part.employer_run, "e5")
    more = {"gross_cents": 5, "net_cents": 5}
    store.append([NewEvent(stream, store.version(stream) + 1, "PayCalculated", more)])
    payday.go_on()
    assert follow.approve_ready(part.run, "checker", only=["A2"], again=False) == []
    assert follow.approve_ready(part.run, "checker", only=["A2"]) == ["A2"]


def test_who_follows_a_run_reads_none_of_its_notes(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks four times a second, and shows none of them."""
    monkeypatch.setattr(status, "_told", lambda *of: pytest.fail("notes were read"))
    follow.until_quiet([UUID(run)], workers=0, silent=True)
