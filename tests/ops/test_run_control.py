"""Pause, resume, limit, cancel and redrive, as people do it: by command and in the admin."""

import json
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from events import store
from events.models import DeadLetter, Limit, Work
from ops import redriving
from ops.admin import words
from ops.proof import prove
from payroll import keys
from payroll.models import EmployerRun, PayRun
from payroll.runs import Refused
from payroll.undo import decide, plan
from tests.ops import payday
from tests.saga import paydays

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # static files are collected when deployed


@pytest.fixture
def run(db: Any, tmp_path: Any, settings: Any) -> Any:
    """A run that waits for people: one approval, two dead letters."""
    return payday.begin(tmp_path / "roster", settings)


def command(*arguments: str) -> str:
    """What a command says."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def somebody(*codenames: str) -> Client:
    """A new staff member with these permissions."""
    user = User.objects.create_user(f"new-{'-'.join(codenames)}"[:100], is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def press(client: Client, model: type[Model], action: str, *keys: object, **more: str) -> tuple[str, str]:
    """Press an action of a list; the page it leads to, and its messages."""
    form = {"action": action, ACTION_CHECKBOX_NAME: [str(key) for key in keys], **more}
    response = client.post(words.listing(model), form, follow=True)
    assert response.status_code == 200
    return response.content.decode(), " | ".join(map(str, response.context["messages"]))


def stream(run: Any) -> str:
    return keys.payrun_stream(run.run)


# Commands


def test_a_run_is_paused_resumed_and_cancelled_by_command(run: Any) -> None:
    text = str(run.run)
    assert "is paused" in command("payrun", "pause", text, "--as", "maker", "--reason", "the bank called")
    said = command("payrun", "status", text)
    assert "paused; paused by maker: the bank called" in said
    assert "paused" in command("payrun", "list")
    with pytest.raises(CommandError, match="paused already"):
        command("payrun", "pause", text)
    assert "goes on" in command("payrun", "resume", text)
    with pytest.raises(CommandError, match="not paused"):
        command("payrun", "resume", text)
    with pytest.raises(CommandError, match="reason"):
        command("payrun", "cancel", text)
    said = command("payrun", "cancel", text[:12], "--as", "maker", "--reason", "wrong period")
    assert "being cancelled: A1, A2, EMPTY" in said and "they are paid: A3" in said
    payday.go_on()
    said = command("payrun", "status", text)
    assert "cancelled; cancelled by maker: wrong period" in said
    status = json.loads(command("payrun", "status", text, "--json"))
    assert (status["state"], status["complete"], status["waiting"], status["paid"]) == (
        "cancelled",
        True,
        0,
        1,
    )
    assert status["net_cents"] == status["paid_cents"] > 0
    assert {part["employer"]: part["state"] for part in status["employers"]} == {
        **{"A1": "cancelled", "A2": "cancelled", "EMPTY": "cancelled", "A3": "complete"}
    }
    assert not status["dead_letters"]
    assert not [line for line in prove(run.run) if line.findings]


def test_limits_are_set_by_command_and_shown(run: Any) -> None:
    text = str(run.run)
    assert "at most 3 at a time" in command("payrun", "limit", text, "--at-a-time", "3")
    said = command("payrun", "limit", text, "--employer", "A1", "--tolerate", "25%")
    assert "A1: 1 may fail, 1 have" in said
    said = command("payrun", "limit", text, "--tolerate", "1")
    assert "stopped: 2 of 6 failed, 1 are tolerated" in said
    assert "stopped; at most 3 at a time" in command("payrun", "status", text).replace(
        "stopped: 2 of 6 failed, 1 are tolerated; ", ""
    )
    assert json.loads(command("payrun", "status", text, "--json"))["state"] == "stopped"
    command("payrun", "limit", text, "--tolerate", "any", "--at-a-time", "any")
    assert command("payrun", "limit", text, "--employer", "A1", "--tolerate", "any") == "nothing is limited\n"
    assert not Limit.objects.exists()
    for wrong in (
        ["--tolerate", "-1"],
        ["--tolerate", "101%"],
        ["--at-a-time", "x"],
        ["--at-a-time", "0"],
        [],
    ):
        with pytest.raises(CommandError):
            command("payrun", "limit", text, *wrong)
    with pytest.raises(CommandError, match="not in this run"):
        command("payrun", "limit", text, "--employer", "A9", "--at-a-time", "1")


def test_limits_are_set_by_who_may_pause(run: Any) -> None:
    somebody()
    User.objects.filter(username="new-").update(username="nel")
    for who, refusal in (("nel", "nel does not hold the permission to limit"), ("nobody", "no active user")):
        with pytest.raises(CommandError, match=refusal):
            command("payrun", "limit", str(run.run), "--at-a-time", "3", "--as", who)
    assert not Limit.objects.exists()
    somebody("pause_payrun")
    assert "at most 3" in command(
        "payrun", "limit", str(run.run), "--at-a-time", "3", "--as", "new-pause_payrun"
    )


def test_a_preview_says_what_a_redrive_would_do_and_does_nothing(run: Any) -> None:
    before = list(DeadLetter.objects.order_by("id").values())
    said = command("deadletters", "redrive", "--run", str(run.run), "--preview", "--rate", "0.5")
    assert "2 dead letters of 2 people would be redriven; nothing was changed" in said
    assert "A1: 1" in said and "EMPTY: 1" in said and "needs review: 2" in said
    assert "the last of them would be due after 2.0 s" in said
    assert "frozen" in said
    assert "frozen" not in command("deadletters", "redrive", "--employer", "A1", "--preview", "--corrected")
    told = json.loads(command("deadletters", "redrive", "--employer", "A1", "--preview", "--json"))["preview"]
    assert (told["letters"], told["people"], told["by_employer"]) == (1, 1, {"A1": 1})
    assert [example["employee_id"] for example in told["examples"]] == ["e3"]
    assert list(DeadLetter.objects.order_by("id").values()) == before


def test_a_rate_is_kept_by_when_each_letter_is_due(run: Any) -> None:
    """Two letters at one in four seconds: the second is due four seconds after the first."""
    began = timezone.now()
    letters = redriving.select(run=str(run.run))
    redriven = redriving.redrive_many(letters, by="maker", rate=0.25)
    assert redriven == ([letter.id for letter in letters], {})
    due = [Work.objects.get(id=letter.work).available_at for letter in letters]
    ended = timezone.now()
    assert began <= due[0] <= ended
    assert 4 <= (due[1] - began).total_seconds() <= 4 + (ended - began).total_seconds()


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "1e9"])
def test_a_rate_that_is_none_is_refused_before_anything_is_done(run: Any, rate: str) -> None:
    for more in ([], ["--preview"]):
        with pytest.raises(CommandError, match="a rate is above 0"):
            command("deadletters", "redrive", "--run", str(run.run), "--rate", rate, *more)
    assert DeadLetter.objects.filter(state="open").count() == 2


def test_what_is_refused_keeps_nothing_else_from_being_redriven(run: Any) -> None:
    """With corrected inputs: the letter of an employer's run is refused, that of a person goes on."""
    letters = redriving.select(kind="needs review")
    redriven = redriving.redrive_many(letters, by="maker", rate=None, corrected=True)
    assert len(redriven.done) == 1
    assert "only one person's paycheck" in next(iter(redriven.refused.values()))
    with pytest.raises(Refused, match="say which"):
        redriving.select()
    with pytest.raises(Refused, match="not chosen by"):
        redriving.select(colour="red")


def test_the_list_says_what_the_schedule_will_do(run: Any) -> None:
    assert "(not redriven by itself: a person has to look)" in command("deadletters", "list")
    letter = DeadLetter.objects.filter(state="open").first()
    assert letter
    assert "a person has to look" in command("deadletters", "show", str(letter.id))


# The admin


def test_a_run_is_paused_in_the_admin_with_a_reason(run: Any) -> None:
    client = somebody("view_payrun", "pause_payrun")
    page = client.get(words.page(PayRun, stream(run))).content.decode()
    assert "Pause…" in page and "Resume…" not in page and "Cancel…" not in page
    page, _ = press(client, PayRun, "pause", stream(run))
    assert "Pause this pay run?" in page and "no payment goes out" in page
    page, _ = press(client, PayRun, "pause", stream(run), confirmed="yes", reason=" ")
    assert "Give a reason." in page
    _, told = press(client, PayRun, "pause", stream(run), confirmed="yes", reason="the bank called")
    assert told.startswith("Paused: ")
    assert store.read(stream(run))[-1].data["paused_reason"] == "the bank called"
    page = client.get(words.page(PayRun, stream(run))).content.decode()
    assert "the bank called" in page and "Resume…" in page and "Pause…" not in page
    _, told = press(client, PayRun, "pause", stream(run), confirmed="yes", reason="again")
    assert "paused already" in told
    _, told = press(client, PayRun, "resume", stream(run), confirmed="yes")
    assert told.startswith("Resumed: ")
    assert [event.type for event in store.read(stream(run))][1:] == ["PayRunPaused", "PayRunResumed"]


def test_a_run_is_cancelled_in_the_admin_after_it_has_said_who_is_paid(run: Any) -> None:
    client = somebody("view_payrun", "cancel_payrun", "view_employerrun", "view_paycheck")
    page, _ = press(client, PayRun, "cancel", stream(run))
    assert "Cancel 3 employers" in page and "is paid" in page and "is cancelled" in page
    _, told = press(client, PayRun, "cancel", stream(run), confirmed="yes", reason="wrong period")
    assert "3 employers. These are paid all the same: A3." in told
    payday.go_on()
    page = client.get(words.page(PayRun, stream(run))).content.decode()
    assert "Cancelled by new-view_payrun" in page and "wrong period" in page
    assert "Pause…" not in page and "Cancel…" not in page
    part = EmployerRun.objects.get(employer="A2")
    assert "Nobody is paid by it" in client.get(words.page(EmployerRun, part.pk)).content.decode()
    for address in (words.listing(PayRun), words.listing(EmployerRun), "/admin/"):
        assert client.get(address).status_code == 200
    _, told = press(client, PayRun, "cancel", stream(run), confirmed="yes", reason="again")
    assert "was cancelled by" in told


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_whoever_may_only_look_can_change_nothing(run: Any, action: str) -> None:
    client = somebody("view_payrun")
    assert "Pause…" not in client.get(words.page(PayRun, stream(run))).content.decode()
    press(client, PayRun, action, stream(run), confirmed="yes", reason="I like to")
    assert len(store.read(stream(run))) == 1
    assert not Limit.objects.exists()


def test_all_letters_of_a_fault_are_redriven_at_a_pace_after_a_look(run: Any) -> None:
    client = somebody("view_deadletter", "redrive_deadletter")
    letter = DeadLetter.objects.get(state="open", group_key="A1")
    alike = DeadLetter.objects.filter(state="open", fingerprint=letter.fingerprint).count()
    page, _ = press(client, DeadLetter, "redrive_alike", letter.pk)
    assert "Redrive all of the same fault?" in page and "How many a second" in page and "frozen" in page
    assert DeadLetter.objects.filter(state="open").count() == 2
    page, _ = press(client, DeadLetter, "redrive_alike", letter.pk, confirmed="yes", rate="fast")
    assert "a rate is" in page.lower()
    _, told = press(client, DeadLetter, "redrive_alike", letter.pk, confirmed="yes", rate="2")
    assert told == f"Redriven: {alike} dead letter{'' if alike == 1 else 's'}."
    letter.refresh_from_db()
    assert letter.state == "redriven"
    _, told = press(client, DeadLetter, "redrive_alike", letter.pk, confirmed="yes")
    assert "None of these dead letters is open any more" in told


def test_a_pause_cannot_be_lifted_by_deleting_its_row(run: Any) -> None:
    Limit.objects.create(scope="run:x", paused=True)
    client = somebody("view_limit", "delete_limit", "change_limit")
    client.post(words.page(Limit, "run:x").replace("change", "delete"), {"post": "yes"})
    assert Limit.objects.filter(scope="run:x", paused=True).exists()


# What was proposed to undo


def test_a_proposal_to_undo_is_shown_and_withdrawn(run: Any) -> None:
    paydays.user("amy", "undo_payrun")
    page = words.page(PayRun, stream(run))
    client = somebody("view_payrun", "undo_payrun")
    assert "Withdraw the undoing" not in client.get(page).content.decode()
    for employer in ("", "A3"):
        decide.undo(run.run, by="amy", reason="the wrong bank", employer=employer)
    shown = unescape(client.get(page).content.decode())
    assert "Amy has proposed to undo all of it: the wrong bank" in shown
    assert "Withdraw the undoing" in shown
    asked, _ = press(client, PayRun, "withdraw", stream(run))
    assert "Withdraw 2 proposals" in asked and "the wrong bank" in asked
    asked, _ = press(client, PayRun, "withdraw", stream(run), confirmed="yes", reason=" ")
    assert "Give a reason." in asked and decide.proposed(run.run)
    _, told = press(client, PayRun, "withdraw", stream(run), confirmed="yes", reason="it was right")
    assert "Withdrawn" in told
    assert decide.waiting(run.run, ["A3"]) == []
    (_, withdrawn) = store.read(decide.stream(plan.key(run.run, "A3")))
    assert withdrawn.data["withdrawn_reason"] == "it was right"
    _, told = press(client, PayRun, "withdraw", stream(run))
    assert "nobody has proposed to undo it" in told


def test_who_may_not_undo_is_not_shown_the_way_to_withdraw(run: Any) -> None:
    paydays.user("amy", "undo_payrun")
    decide.undo(run.run, by="amy", reason="the wrong bank")
    client = somebody("view_payrun", "pause_payrun")
    assert "Withdraw the undoing" not in client.get(words.page(PayRun, stream(run))).content.decode()
    press(client, PayRun, "withdraw", stream(run), confirmed="yes", reason="I like to")
    assert decide.proposed(run.run)
