"""Answers to task tokens over the API: the token is the credential, and is used up by one answer."""

import secrets
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from events.models import TaskToken, Work, WorkState
from ops.api import rate
from tests.api.asking import EMPTY, ask
from tests.api.calling import ROOT, problem

pytestmark = pytest.mark.usefixtures("db")


def answer(token: str | None, outcome: str, body: Any) -> Any:
    headers = {} if token is None else {"Task-Token": token}
    return Client(raise_request_exception=False).post(
        f"{ROOT}/task-tokens/{outcome}", body, content_type="application/json", headers=headers
    )


def state(row: TaskToken) -> str:
    return str(TaskToken.objects.get(id=row.id).state)


def test_a_success_is_taken_once_and_wakes_its_work() -> None:
    token, row = ask()
    for _ in range(2):
        response = answer(token, "success", {"output": EMPTY})
        assert (response.status_code, response.json()) == (200, {"taken": True})
    assert state(row) == "succeeded"
    assert Work.objects.get(id=row.work).state == WorkState.READY
    another = answer(token, "success", {"output": EMPTY | {"state": "IL"}})
    problem(another, 409, "answered-otherwise")
    problem(answer(token, "failure", {"error": "no"}), 409, "answered-otherwise")


def test_a_failure_is_taken_once() -> None:
    token, row = ask()
    for _ in range(2):
        assert answer(token, "failure", {"error": "no tables", "retryable": True}).status_code == 200
    assert state(row) == "failed"
    problem(answer(token, "failure", {"error": "no tables"}), 409)


def test_a_heartbeat_puts_off_the_end() -> None:
    token, row = ask()
    assert answer(token, "heartbeat", {}).status_code == 200
    assert TaskToken.objects.get(id=row.id).heartbeat_at > row.heartbeat_at


def test_an_answer_after_the_deadline_is_too_late() -> None:
    token, row = ask(deadline_s=-1)
    for outcome, body in (("success", {"output": EMPTY}), ("failure", {"error": "x"}), ("heartbeat", {})):
        problem(answer(token, outcome, body), 410, "too-late")
    assert state(row) == "open"


OUTPUTS: tuple[dict[str, Any], ...] = (
    {},
    EMPTY | {"surprise": 1},
    EMPTY | {"federal_income_tax_cents": 1.0},
    EMPTY | {"federal_income_tax_cents": "1"},
    EMPTY | {"federal_income_tax_cents": True},
    EMPTY | {"federal_income_tax_cents": -1},
    EMPTY | {"federal_income_tax_cents": 10**15},
    EMPTY | {"employee_taxes_cents": 1},
)


def test_what_the_step_does_not_give_is_refused_and_the_token_stays_good(subtests: pytest.Subtests) -> None:
    token, row = ask()
    for output in OUTPUTS:
        with subtests.test(output=len(output)):
            problem(answer(token, "success", {"output": output}), 422, "invalid")
            assert state(row) == "open"
    assert answer(token, "success", {"output": EMPTY}).status_code == 200


@pytest.mark.parametrize(
    "body", [b" ", b"{", {}, {"output": []}, {"output": EMPTY, "more": 1}, {"output": {"state": "T\0"}}]
)
def test_a_body_of_another_form_is_refused(body: Any) -> None:
    token, row = ask()
    response = answer(token, "success", body)
    problem(response, response.status_code)
    assert response.status_code in (400, 422)
    assert state(row) == "open"


def test_an_unknown_token_is_not_found_and_no_token_is_refused() -> None:
    for token in ("x", secrets.token_urlsafe(32), "'; drop table events_tasktoken; --"):
        problem(answer(token, "heartbeat", {}), 404, "not-found")
    problem(answer(None, "heartbeat", {}), 422, "invalid")
    problem(answer("x" * 201, "heartbeat", {}), 422, "invalid")


def test_who_keeps_guessing_is_told_to_stop_and_a_known_token_is_still_answered(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "time", SimpleNamespace(time=lambda: 1_800_000_020))
    settings.PAYROLL_API_UNKNOWN_TOKENS_PER_MINUTE = 3
    for _ in range(3):
        problem(answer(secrets.token_urlsafe(32), "heartbeat", {}), 404)
    response = answer(secrets.token_urlsafe(32), "heartbeat", {})
    problem(response, 429)
    assert response["Retry-After"] == "40"
    token, _ = ask()
    assert answer(token, "heartbeat", {}).status_code == 200


def test_a_key_is_not_asked_for_and_a_token_opens_nothing_else() -> None:
    token, _ = ask()
    response = Client().get(f"{ROOT}/runs", headers={"Task-Token": token, "Authorization": f"Bearer {token}"})
    problem(response, 401)
