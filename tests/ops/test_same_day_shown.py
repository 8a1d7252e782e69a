"""Same-day settlement as people and programs meet it: opened by a program, approved and postponed on the pages."""

from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client

from ops.admin import words
from payroll.models import EmployerRun, PayOrder, PayRun
from payroll.payments import halt, same_day
from tests.api import calling
from tests.api.calling import problem
from tests.saga import order_days, paydays
from tests.saga.came_back_files import order
from tests.saga.paydays import employer, salaried

pytestmark = [
    pytest.mark.usefixtures("db"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected when deployed
]
START = {"from": "2026-11-01", "to": "2026-11-14", "pay_date": "2026-11-20", "same_day": True}


@pytest.fixture(autouse=True)
def roster(db: object, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    at(monkeypatch, "2026-11-20T10:00")


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setattr(same_day, "eastern", lambda: datetime.fromisoformat(moment))


def person(name: str, group: str) -> Client:
    """Somebody of one of the groups that setup makes, signed in."""
    user, new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    if new:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def press(client: Client, model: type[Model], action: str, row: Any, **more: str) -> tuple[str, str]:
    """Press an action of a list for one row; the page it leads to, and its messages."""
    form = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk)], **more}
    response = client.post(words.listing(model), form, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode()), " | ".join(map(str, response.context["messages"]))


def page(client: Client, model: type[Model], row: Any) -> str:
    return unescape(client.get(words.page(model, row.pk)).content.decode())


def part() -> EmployerRun:
    return EmployerRun.objects.get(employer="ACME")


def test_a_program_opens_it_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    program = calling.program("runs:read", "runs:write", "payments:read")
    problem(program.post("/runs", START | {"same_day": "yes"}), 422)
    refused = problem(program.post("/runs", START | {"pay_date": "2026-11-24"}), 409)
    assert "paid on the day it is opened" in refused["detail"]
    run = program.post("/runs", START).json()["run"]
    paydays.work()
    told = program.get(f"/runs/{run}").json()
    assert told["settlement"] == "same-day"
    assert told["employers"][0]["settlement"] == "the same day, 2026-11-20"
    refused = problem(program.post("/runs", START | {"same_day": False}), 409)
    assert "with same-day settlement" in refused["detail"]
    paydays.approve(UUID(run))
    paydays.work()
    (order,) = program.get(f"/runs/{run}/orders").json()["orders"]
    assert (order["effective"], order["settles_at"], order["state"]) == ("2026-11-20", "13:00", "accepted")
    told = program.get(f"/runs/{run}").json()["employers"][0]
    assert told["settlement"] == "the same day, 2026-11-20, at 13:00 Eastern time"


def test_the_pages_say_it_and_postpone_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paydays.runs.open_run(
        paydays.START, paydays.END, paydays.PAYDAY, opened_by="maker", employers=["ACME"], same_day=True
    ).run
    paydays.work()
    approver, clerk = person("ada", "Payroll approvers"), person("cleo", "Payroll clerks")
    assert "the same day, 2026-11-20" in page(approver, PayRun, PayRun.objects.get(run=run))
    assert "the same day, 2026-11-20" in page(approver, EmployerRun, part())
    asked, _ = press(approver, EmployerRun, "approve", part())
    assert "2026-11-20, same-day" in asked and "Approved, it waits" not in asked
    at(monkeypatch, "2026-11-20T17:00")
    assert "Approved, it waits until somebody" in press(approver, EmployerRun, "approve", part())[0]
    paydays.approve(run)
    paydays.work()
    assert "Settle on the next banking day…" in page(approver, EmployerRun, part())
    assert "Settle on the next banking day…" not in page(clerk, EmployerRun, part())
    asked, _ = press(approver, EmployerRun, "postpone", part())
    assert "settle on 2026-11-23?" in asked
    sure = {"confirmed": "yes", "settles_on": "2026-11-23"}
    assert "Give a reason." in press(approver, EmployerRun, "postpone", part(), **sure, reason=" ")[0]
    at(monkeypatch, "2026-11-23T09:00")
    asked, _ = press(approver, EmployerRun, "postpone", part(), **sure, reason="away")
    assert "another day by now" in asked and "settle on 2026-11-24?" in asked
    assert order_days.booked() == {}
    sure["settles_on"] = "2026-11-24"
    _, told = press(approver, EmployerRun, "postpone", part(), **sure, reason="away")
    assert "settles on 2026-11-24" in told
    paydays.work()
    assert order_days.booked() == {"ann": [2012_25]}
    assert "on 2026-11-24, postponed by ada: away" in page(approver, EmployerRun, part())
    assert "this run is complete" in press(approver, EmployerRun, "postpone", part())[1]
    assert "Settle on the next banking day…" not in page(approver, EmployerRun, part())


def test_an_order_that_is_too_late_is_sent_when_two_people_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paydays.runs.open_run(
        paydays.START, paydays.END, paydays.PAYDAY, opened_by="maker", employers=["ACME"], same_day=True
    ).run
    paydays.work()
    paydays.approve(run)
    halt.halt(by="checker", reason="a look at the bank")
    order_days.until_state("reserved")
    row = order(run=run)
    one, other = person("amy", "Payroll clerks"), person("bea", "Payroll clerks")
    assert "Send it late…" not in page(one, PayOrder, row)
    at(monkeypatch, "2026-11-20T17:00")
    halt.resume(by="checker")
    paydays.work()
    shown = page(one, PayOrder, row)
    assert "Send it late…" in shown and "13:00 Eastern time" in shown and "closed at 16:45" in shown
    for client, step, says in ((one, "propose", "Proposed"), (other, "confirm", "Recorded")):
        sure = {"confirmed": "yes", "step": step, "reason": "the bank takes it"}
        assert says in press(client, PayOrder, "late", row, **sure)[1]
    paydays.work()
    assert order_days.booked() == {"ann": [2012_25]}
    late = "when the bank next does, being sent late"
    of_run = PayRun.objects.get(run=run)
    for model, shown_row in ((PayOrder, order(run=run)), (EmployerRun, part()), (PayRun, of_run)):
        shown = page(one, model, shown_row)
        assert late in shown and "13:00 Eastern time" not in shown
