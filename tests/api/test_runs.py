"""Runs through the API: what it does is what the commands do, and what it tells is what they tell."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from deploy.postgres import Cluster
from events import limits, runner, store, work
from ops.api import employers as api_employers
from ops.api import runs as api_runs
from payroll import keys, runs
from payroll.models import EmployerRun
from payroll.runs import Opened, Refused
from tests.api import calling
from tests.api.calling import problem
from tests.ops import payday
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

pytestmark = pytest.mark.usefixtures("db")

START = {"from": "2026-11-01", "to": "2026-11-14", "pay_date": "2026-11-20"}
OPTIONS = ("--from", "2026-11-01", "--to", "2026-11-14", "--pay-date", "2026-11-20")
NOBODY = UUID(int=7)


@pytest.fixture
def roster(db: Cluster, tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    paydays.load(
        tmp_path,
        [employer("ACME"), employer("BOLT"), employer("MONTH", pay_frequency="monthly")],
        [salaried("ACME", "ann", "62400.00"), salaried("BOLT", "bob", "62400.00")],
    )


def types(stream: str) -> list[str]:
    return [event.type for event in store.read(stream)]


@pytest.mark.usefixtures("roster")
def test_a_run_is_opened_once_by_whatever_way(capsys: pytest.CaptureFixture[str]) -> None:
    program = calling.program("runs:read", "runs:write", name="portal")
    started = program.post("/runs", START)
    assert started.status_code == 201
    run = started.json()["run"]
    assert started.json() == {
        "run": run,
        "new": True,
        "pay_date": "2026-11-20",
        "employers": ["ACME", "BOLT"],
        "skipped": {"MONTH": "is paid monthly"},
    }
    assert started["Location"] == f"/api/v1/runs/{run}"
    call_command("payrun", "start", *OPTIONS)
    assert f"pay run {run} is open already" in capsys.readouterr().out
    again = program.post("/runs", START)
    assert (again.status_code, again.json()["new"]) == (200, False)
    (opened,) = store.read(keys.payrun_stream(run))
    assert opened.data["opened_by"] == "api:portal"
    assert paydays.open_run() == UUID(run)
    assert program.get(started["Location"].removeprefix("/api/v1")).status_code == 200


@pytest.mark.usefixtures("roster")
def test_a_run_opened_by_a_program_is_approved_by_a_person_and_pays() -> None:
    program = calling.program(name="portal")
    run = UUID(program.post("/runs", START).json()["run"])
    paydays.work()
    part = keys.employer_run_id("ACME", paydays.START, paydays.END, "regular")
    with pytest.raises(Refused, match="no active user"):
        runs.approve(part, by="api:portal")
    paydays.approve(run)
    paydays.work()
    # 62,400 / 26 = 2,400.00, as worked out by hand in tests/saga/test_pay_run.py
    assert paydays.credits() == {"ann": [201_225], "bob": [201_225]}
    told = program.get(f"/runs/{run}").json()
    assert (told["complete"], told["paid"], told["paid_cents"]) == (True, 2, 402_450)


@pytest.mark.usefixtures("roster")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": "2026-10-31"}, "before it begins"),
        ({"employers": ["NONE"]}, "no such employer"),
        ({"employers": ["MONTH"]}, "14 days"),
        ({"pay_date": "1999-06-01"}, "1999"),
    ],
)
def test_what_the_command_refuses_the_api_refuses(changes: dict[str, Any], said: str) -> None:
    document = problem(calling.program().post("/runs", START | changes), 409, "refused")
    assert said in document["detail"]
    assert not [event for event in store.read_all() if event.stream != "roster"]


@pytest.mark.usefixtures("roster")
def test_tolerance_is_recorded_with_the_run() -> None:
    program = calling.program()
    run = program.post("/runs", START | {"tolerate": "2%", "tolerate_employer": "1"}).json()["run"]
    facts = store.read(keys.payrun_stream(run))[0].data
    assert (facts["tolerate"], facts["tolerate_employer"]) == ("2%", "1")


def test_the_status_is_what_the_command_tells(scene: Opened, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    call_command("payrun", "status", str(scene.run), "--json")
    assert calling.program("runs:read").get(f"/runs/{scene.run}").json() == json.loads(
        capsys.readouterr().out
    )


@pytest.mark.usefixtures("roster")
def test_a_run_can_be_shown_while_people_wait() -> None:
    program = calling.program()
    run = program.post("/runs", START).json()["run"]
    for _ in range(2):  # the run opens its employers, and the first of them takes its snapshot
        held = work.claim("test", queues=None, lease_s=60)
        assert held
        runner.run(held)
    told = program.get(f"/runs/{run}").json()
    assert told["people"] == {"begin": 1}
    assert sorted(str(part["waiting_before"]) for part in told["employers"]) == ["{'begin': 1}", "{}"]


def test_an_unknown_run_is_not_found() -> None:
    program = calling.program()
    for path in ("", "/employers", "/employers/A1/employees"):
        problem(program.get(f"/runs/{NOBODY}{path}"), 404, "not-found")
    for verb, body in (
        ("cancel", {"reason": "test"}),
        ("pause", {}),
        ("resume", {}),
        ("limit", {"leased_max": 1}),
        ("tolerance", {"tolerate": "1"}),
    ):
        problem(program.post(f"/runs/{NOBODY}/{verb}", body), 404, "not-found")


def test_employers_and_employees_are_told_in_pages(scene: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    program = calling.program("runs:read")
    status = api_runs.status_of(scene.run)  # in the order of a database with another collation
    turned = status.model_copy(update={"employers": status.employers[::-1]})
    monkeypatch.setattr(api_employers, "status_of", lambda run: turned)
    told: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = program.get(f"/runs/{scene.run}/employers", limit=3, **cursor).json()
        told += [part["employer"] for part in page["employers"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert told == ["A1", "A2", "A3", "EMPTY"]

    people: list[dict[str, Any]] = []
    cursor = {}
    while True:
        page = program.get(f"/runs/{scene.run}/employers/A1/employees", limit=1, **cursor).json()
        assert len(page["employees"]) <= 1
        people += page["employees"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [each["employee_id"] for each in people] == ["e1", "e2", "e3", "e4"]
    assert [each["state"] for each in people] == [
        "calculated",
        "calculated",
        "waits for a dead letter",
        "calculated",
    ]
    e2 = people[1]
    assert e2["gross_cents"] == e2["amounts_cents"]["salary_cents"] == 346_154  # 90,000.00 / 26
    assert all(isinstance(value, int) for each in people for value in each["amounts_cents"].values())
    assert problem(program.get(f"/runs/{scene.run}/employers/NONE/employees"), 404)


def test_a_page_of_runs_is_the_same_whatever_is_opened_meanwhile(tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    people = [salaried("ACME", "ann", "62400.00"), salaried("BOLT", "bob", "62400.00")]
    paydays.load(tmp_path, [employer("ACME"), employer("BOLT")], people)
    program = calling.program()
    first = paydays.open_run("ACME")
    second = paydays.open_run("ACME", period=paydays.NEXT)
    page = program.get("/runs", limit=1).json()
    assert [row["run"] for row in page["runs"]] == [str(second)]
    third = paydays.open_run("BOLT")
    page = program.get("/runs", limit=1, cursor=page["next"]).json()
    assert [row["run"] for row in page["runs"]] == [str(first)]
    assert page["next"] is None
    assert [row["run"] for row in program.get("/runs").json()["runs"]] == [
        str(third),
        str(second),
        str(first),
    ]
    problem(program.get("/runs", cursor=NOBODY), 404)


def test_pause_resume_and_limit_are_the_commands(scene: Opened) -> None:
    program = calling.program("runs:write", name="portal")
    run, stream = str(scene.run), keys.payrun_stream(scene.run)
    assert program.post(f"/runs/{run}/pause", {"reason": "bank holiday"}).json() == {"run": run}
    assert store.read(stream)[-1].data["paused_by"] == "api:portal"
    assert store.read(stream)[-1].type == "PayRunPaused"
    assert calling.program("runs:read").get("/runs").json()["runs"][0]["state"] == "paused"
    problem(program.post(f"/runs/{run}/pause", {}), 409, "refused")
    assert program.post(f"/runs/{run}/resume", {}).status_code == 200
    assert types(stream)[-1] == "PayRunResumed"
    assert program.post(f"/runs/{run}/limit", {"leased_max": 3}).status_code == 200
    assert program.post(f"/runs/{run}/limit", {"leased_max": 2, "employer": "A1"}).status_code == 200
    scopes = (limits.of_run(run), limits.of_part(run, "A1"))
    assert [(each.scope, each.leased_max) for each in limits.standing(scopes)] == [
        (limits.of_part(run, "A1"), 2),
        (limits.of_run(run), 3),
    ]
    assert program.post(f"/runs/{run}/limit", {"leased_max": None}).status_code == 200
    assert [each.scope for each in limits.standing(scopes)] == [limits.of_part(run, "A1")]
    problem(program.post(f"/runs/{run}/limit", {"leased_max": 1, "employer": "NONE"}), 409)
    problem(program.post(f"/runs/{run}/limit", {}), 422)


def test_how_many_may_fail_is_changed_while_it_runs(scene: Opened) -> None:
    program = calling.program("runs:write", name="portal")
    address = f"/runs/{scene.run}/tolerance"
    stands = (limits.of_run(str(scene.run)), limits.of_part(str(scene.run), "A1"))
    assert program.post(address, {"tolerate": "50%"}).json() == {"run": str(scene.run)}
    assert program.post(address, {"tolerate": "3", "employer": "A1"}).status_code == 200
    # Six people are employed in the period; A1 has four.
    assert {each.scope: each.dead_max for each in limits.standing(stands)} == {stands[0]: 3, stands[1]: 3}
    told = store.read(keys.payrun_stream(scene.run))[-1].data["limited"]
    assert told == {"by": "api:portal", "tolerate": "3", "employer": "A1"}
    assert program.post(address, {"tolerate": None}).status_code == 200
    assert [each.scope for each in limits.standing(stands)] == [stands[1]]
    problem(program.post(address, {"tolerate": "1", "employer": "NONE"}), 409, "refused")
    for body in ({}, {"tolerate": 5}, {"tolerate": "101%"}, {"tolerate": "any"}):
        problem(program.post(address, body), 422, "invalid")


def test_cancelling_gives_up_who_is_not_paid(scene: Opened) -> None:
    program = calling.program(name="portal")
    problem(program.post(f"/runs/{scene.run}/cancel", {"reason": "  "}), 422)
    answer = program.post(f"/runs/{scene.run}/cancel", {"reason": "wrong period"}).json()
    assert answer == {"cancelled": ["A1", "A2", "EMPTY"], "goes_on": ["A3"]}
    payday.go_on()
    told = program.get(f"/runs/{scene.run}/employers/A1/employees").json()
    assert {each["state"] for each in told["employees"]} == {"cancelled"}
    assert EmployerRun.objects.get(employer="A3").paid_cents > 0
    problem(program.post(f"/runs/{scene.run}/pause", {}), 409, "refused")
