"""No answer and no log line of the API holds a name, an SSN or an account; planted ones are looked for everywhere."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from events.models import DeadLetter
from ops.models import ApiReply
from payroll.runs import Opened
from tests.api import calling
from tests.api.asking import EMPTY, ask
from tests.ops.payday import ACCOUNTS, FUNDING, SCRIPT, SSNS

NAMES = ("Zebrafinch", SCRIPT, "O'Brien", "Zo\u00eb", "Zo\\u00eb")
CANARIES = (*SSNS, *(ssn.replace("-", "") for ssn in SSNS), *ACCOUNTS, FUNDING, *NAMES)


SSN, ACCOUNT = SSNS[0], ACCOUNTS[0]
REASON = f"paid {SSN} to {ACCOUNT} by check"  # a person writes what does not belong there


class Ears:
    """Hears every answer, and what the server logs meanwhile."""

    def __init__(self, log: pytest.LogCaptureFixture) -> None:
        self.program = calling.program(name="portal")
        self.log = log
        self.told: list[bytes] = []

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self.heard(self.program.get(path, **query))

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        return self.heard(self.program.post(path, body))

    def heard(self, response: Any) -> dict[str, Any]:
        self.told += [response.content, json.dumps(dict(response.headers)).encode()]
        answer: dict[str, Any] = response.json()
        return answer

    def nothing_personal(self, *, at_least: int) -> None:
        """Nothing personal in all that was told, which is so many bytes and more."""
        everything = b"\n".join(self.told).decode() + self.log.text
        assert sum(map(len, self.told)) > at_least  # there was something to look through
        for canary in CANARIES:
            assert canary not in everything, canary
            assert not ApiReply.objects.filter(body__contains=canary).exists(), canary
        assert self.program.secret not in everything


@pytest.fixture
def ears(scene: Opened, caplog: pytest.LogCaptureFixture) -> Iterator[Ears]:
    with caplog.at_level(logging.DEBUG):
        yield Ears(caplog)


def test_nothing_personal_is_read(scene: Opened, ears: Ears) -> None:
    run, letter = str(scene.run), DeadLetter.objects.get(step="tax-calc").id
    for path in (
        "/runs",
        f"/runs/{run}",
        f"/runs/{run}/employers",
        "/dead-letters",
        "/health",
        "/openapi.json",
    ):
        ears.get(path)
    for employer in scene.employers:
        assert "employees" in ears.get(f"/runs/{run}/employers/{employer}/employees")
    ears.get(f"/dead-letters/{letter}")
    assert ears.get("/events", limit=1000)["next"] is None
    ears.get("/events", correlation=run, limit=1000)
    ears.nothing_personal(at_least=20_000)


def test_nothing_personal_comes_back_from_a_run(scene: Opened, ears: Ears) -> None:
    period = {"from": "2026-11-15", "to": "2026-11-28", "pay_date": "2026-12-04"}
    run = ears.post("/runs", period)["run"]
    for more in ({"employers": [SSN]}, {"employers": [REASON]}, {"tolerate": SSN}, {"pay_date": ACCOUNT}):
        assert ears.post("/runs", period | more)["status"] in (409, 422)
    for verb, name in (("limit", "leased_max"), ("tolerance", "tolerate")):
        assert ears.post(f"/runs/{run}/{verb}", {name: None}) == {"run": run}
        for body in ({name: None, "employer": SSN}, {name: SSN}, {name: REASON}, {SSN: ACCOUNT}):
            assert ears.post(f"/runs/{run}/{verb}", body)["status"] in (409, 422)
    for verb in ("pause", "resume", "cancel"):
        assert "status" not in ears.post(f"/runs/{run}/{verb}", {"reason": REASON})
    ears.get(f"/runs/{run}")
    ears.get("/events", limit=1000)
    ears.nothing_personal(at_least=20_000)


def test_nothing_personal_comes_back_from_a_dead_letter(scene: Opened, ears: Ears) -> None:
    letter = str(DeadLetter.objects.get(step="tax-calc").id)
    ears.post("/dead-letters/preview", {"run": str(scene.run)})
    assert ears.post(f"/dead-letters/{letter}/dismiss", {"reason": REASON})["state"] == "dismissed"
    assert ears.post("/dead-letters/redrive", {"ids": [letter], "reason": REASON})["refused"]
    assert ears.post("/dead-letters/redrive", {"step": "snapshot", "reason": REASON})["redriven"]
    ears.post(f"/dead-letters/{UUID(int=7)}/dismiss", {"reason": REASON})
    for body in ({"employer": SSN}, {SSN: SSN}, {NAMES[0]: 1}, {"step": ACCOUNT}):
        ears.post("/dead-letters/redrive", body)
    ears.get(f"/dead-letters/{letter}")
    ears.get("/dead-letters")
    ears.get("/events", limit=1000)
    ears.nothing_personal(at_least=20_000)


def test_nothing_personal_comes_back_from_a_token(ears: Ears) -> None:
    for outcome, body in (
        ("success", {"output": {SSN: ACCOUNT}}),
        ("success", {"output": EMPTY | {"state": REASON}}),
        ("success", {"output": EMPTY | {"federal_income_tax_cents": SSN}}),
        ("success", {"output": EMPTY | {SSN: 1}}),
        ("success", {"output": EMPTY}),
        ("heartbeat", {}),
        ("heartbeat", {REASON: ACCOUNT}),
        ("failure", {"error": REASON}),
        ("failure", {"error": REASON, "retryable": SSN}),
    ):
        for token in (ask()[0], SSN):
            path, sent = f"{calling.ROOT}/task-tokens/{outcome}", json.dumps(body).encode()
            ears.heard(ears.program.raw("POST", path, body=sent, headers={"Task-Token": token}))
    # What a downstream system says of itself is read back, too.
    ears.get("/events", limit=1000)
    ears.get("/dead-letters")
    ears.nothing_personal(at_least=20_000)
