"""A payday whose taxes a downstream system computes: the same paychecks to the cent, whatever its manners."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from events import dead_letters, tokens
from events.models import TaskToken, Work
from events.tokens import AnsweredOtherwise, NotAnAnswer, TooLate, UnknownToken
from ops.status import quiet, run_status
from payroll import ask, frozen, manifest, rulebook
from payroll.steps import PIPELINE
from tests.downstream.http import Server
from tests.downstream.manners import Manners
from tests.downstream.service import Service
from tests.saga import paydays
from tests.saga.asked import PEOPLE, computed, everybody_is_right, recorded, roster, settle, until
from tests.saga.paydays import employer, salaried

pytestmark = pytest.mark.usefixtures("db")

STATUS = {UnknownToken: 404, AnsweredOtherwise: 409, TooLate: 410, NotAnAnswer: 422}
GIVEN_AWAY = ["time-entry", "payroll-calc", "tax-calc", "retirement-calc"]


class Direct:
    """Answers by calling the kernel, as the API does."""

    def __call__(self, token: str, outcome: str, body: dict[str, Any]) -> int:
        try:
            if outcome == "success":
                tokens.succeed(token, body["output"])
            else:
                tokens.fail(token, body["error"], retryable=body["retryable"])
        except tuple(STATUS) as refused:
            return STATUS[type(refused)]
        finally:
            connection.close()
        return 200


Start = Callable[..., Server]


@pytest.fixture
def start(settings: Any) -> Iterator[Start]:
    """Start the reference downstream in this process, and give it these steps."""
    running: list[Server] = []

    def begin(*steps: str, deadline_s: float = 900, **how: Any) -> Server:
        server = Server(Service(Manners(**how), Direct), secret="shared")
        server.keep_bodies = True
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        running.append(server)
        settings.EVENTS_DOWNSTREAM = dict.fromkeys(steps or ("tax-calc",), server.url)
        settings.EVENTS_DOWNSTREAM_LIMITS = {
            step: {"deadline_s": deadline_s} for step in steps or ("tax-calc",)
        }
        settings.EVENTS_DOWNSTREAM_SECRET = "shared"
        settings.EVENTS_DOWNSTREAM_REQUEST_TASKS = 7
        return server

    yield begin
    for server in running:
        server.shutdown()
        server.server_close()
        server.service.stop()


def silence_ends() -> None:
    """Let the deadline of what is open be over."""
    with connection.cursor() as cursor:
        cursor.execute("update events_tasktoken set deadline_at = clock_timestamp() where state = 'open'")


@pytest.mark.parametrize("steps", [["tax-calc"], GIVEN_AWAY], ids=["tax", "every step"])
def test_the_events_are_those_of_a_run_that_computes_here(
    start: Start, tmp_path: Path, settings: Any, steps: list[str]
) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    start(*steps)
    paydays.load(tmp_path, *roster())
    run = paydays.open_run("ACME", "BOLT")
    settle()
    everybody_is_right()
    assert TaskToken.objects.filter(state="succeeded").count() == PEOPLE * len(steps)
    paydays.approve(run)
    settle()
    paid = {who for who, events in computed().items() if events[-1][1]["net_cents"] > 0}
    assert len(paydays.credits()) == len(paid) > PEOPLE / 2


def test_nothing_that_names_a_person_leaves_the_house(start: Start, tmp_path: Path) -> None:
    server = start(*GIVEN_AWAY)
    rows = paydays.load(tmp_path, *roster())
    paydays.open_run("ACME", "BOLT")
    settle()
    sent = json.dumps(server.bodies)
    assert server.bodies and '"tasks"' in sent
    people = rows["employees.csv"]
    for row in people:
        for secret in ("ssn", "first_name", "last_name", "bank_account", "bank_routing", "account_number"):
            if row.get(secret):
                assert row[secret] not in sent, secret
    for word in ("pay_to", "account", "routing", "ciphertext", "ein", "ssn"):
        assert f'"{word}"' not in sent
    taxed = [body for body in server.bodies if body["step"] == "tax-calc"]
    wanted = {"inputs", "facts", "number"}
    assert all(task["input"].keys() == wanted for body in taxed for task in body["tasks"])
    assert not any('"garnishments"' in json.dumps(body) or '"time"' in json.dumps(body) for body in taxed)


def test_bad_manners_cost_nobody_a_cent(start: Start, tmp_path: Path) -> None:
    server = start(double=20, early=20, wrong=40)
    paydays.load(tmp_path, *roster())
    paydays.open_run("ACME", "BOLT")
    settle()
    server.service.stop()
    everybody_is_right()
    said = server.service.said
    met = [server.service.manners.of(task) for task in server.service.manners.asked]
    assert said["answer 200"] == PEOPLE
    assert said["double 200"] == met.count("double")
    assert said["other 409"] == met.count("other")
    assert said["malformed 422"] == met.count("malformed")
    assert said["unknown 404"] == met.count("unknown")
    assert sum(said.values()) == PEOPLE + sum(
        met.count(kind) for kind in ("double", "other", "malformed", "unknown")
    )
    assert all(met.count(kind) for kind in ("double", "early", "other", "malformed", "unknown")), (
        "all were met"
    )


def test_the_silent_and_the_late_are_dead_letters_and_go_on_when_redriven(
    start: Start, tmp_path: Path
) -> None:
    server = start(silent=20, late=20, late_s=1.0)
    paydays.load(tmp_path, *roster())
    run = paydays.open_run("ACME", "BOLT")
    manners = server.service.manners
    paydays.work()
    until(lambda: len(manners.asked) == PEOPLE, "everybody was asked about")
    lost = {task for task in manners.asked if manners.of(task) in ("silent", "late")}
    late = sum(1 for task in lost if manners.of(task) == "late")
    assert 0 < late < len(lost) < PEOPLE
    until(lambda: TaskToken.objects.filter(state="open").count() == len(lost), "the others were answered")
    silence_ends()
    settle(lambda: server.service.said["late 410"] < late)
    letters = paydays.letters()
    assert len(letters) == len(lost) and {letter.kind for letter in letters} == {"no answer"}
    assert all("redrive asks it again" in letter.reason for letter in letters)
    assert len([events for events in recorded().values() if len(events) == len(PIPELINE)]) == PEOPLE - len(
        lost
    )
    for letter in letters:
        dead_letters.redrive(letter.id, by="somebody")
    settle()
    everybody_is_right()
    paydays.approve(run)
    settle()
    assert not paydays.letters()
    assert {state for (state,) in Work.objects.values_list("state")} == {"done"}


# What is accepted of an answer


WRONG: list[tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = [
    ("below 0", lambda right: right | {"fit_wages_cents": -1}),
    ("more than a paycheck", lambda right: right | {"fit_wages_cents": 10**13}),
    ("not the sum", lambda right: right | {"employee_taxes_cents": right["employee_taxes_cents"] + 1}),
    ("not the sum", lambda right: right | {"employer_futa_cents": right["employer_futa_cents"] + 1}),
    ("not JSON", lambda right: right | {"working": "{"}),
    ("worksheets", lambda right: right | {"working": '[["no_such_sheet", 1]]'}),
    ("worksheets", lambda right: right | {"working": "{}"}),
    ("not int", lambda right: right | {"medicare_cents": True}),
    ("not list", lambda right: right | {"programmes": {}}),
    ("missing", lambda right: {name: value for name, value in right.items() if name != "state"}),
    ("does not have", lambda right: right | {"net_cents": 1}),
]


@pytest.mark.parametrize(("said", "change"), WRONG)
def test_an_output_that_cannot_be_is_refused(
    tmp_path: Path, said: str, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    paydays.pay("ACME")
    tax = PIPELINE[3]
    right = next(event.data for event in paydays.paycheck("ACME", "ann") if event.type == "TaxCalculated")
    ask.check(tax, right)
    with pytest.raises(NotAnAnswer, match=said):
        ask.check(tax, change(right))


def test_the_taxes_of_another_state_are_nobodys(start: Start, tmp_path: Path, monkeypatch: Any) -> None:
    """They look right by themselves, so only the paycheck can tell."""
    from tests.downstream import computing

    right = computing.output
    monkeypatch.setattr(computing, "output", lambda *asked: right(*asked) | {"state": "NV"})
    start()
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    paydays.open_run("ACME")
    settle()
    assert "it is for 'NV' and not for TX" in paydays.letter().reason
    monkeypatch.setattr(computing, "output", right)
    dead_letters.redrive(paydays.letter().id, by="somebody")
    settle()
    assert paydays.facts("ACME", "ann")["state"] == "TX"


def test_a_run_that_is_being_answered_is_not_quiet_and_its_year_to_date_still_moves(
    start: Start, tmp_path: Path
) -> None:
    server = start(silent=100)
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    run = paydays.open_run("ACME")
    paydays.work()
    until(lambda: server.service.said["silent"] == 1, "it was asked")
    assert not quiet(run)
    assert "is being computed" in manifest.unsettled("ACME", but_for="another run")
    assert run_status(run).waiting == 1
    silence_ends()
    settle()
    assert quiet(run) and paydays.letter().kind == "no answer"


def test_a_court_order_is_shown_to_nobody_who_computes_taxes(tmp_path: Path) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    paydays.open_run("ACME")
    paydays.work()
    (written,) = paydays.part("ACME")["EmployerRunBegan"]["manifests"]
    given = manifest.read(written["object"], written["sha256"])
    terms = frozen.terms(given, written["object"], rulebook.tables(frozen.rules_version(given)))
    paycheck = frozen.paychecks(given)[0]
    paycheck.inputs = paycheck.inputs._replace(garnishments=[{"id": "CASE-7"}])
    told = {step.name: "CASE-7" in json.dumps(ask.ask(step, paycheck, terms)) for step in PIPELINE[1:]}
    assert told == {"time-entry": False, "payroll-calc": True, "tax-calc": False, "retirement-calc": True}
