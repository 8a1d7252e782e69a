"""No answer and no log line of the API holds a name, an SSN or an account; planted ones are looked for everywhere."""

import json
import logging
from typing import Any
from uuid import UUID

import pytest

from events.models import DeadLetter
from ops.models import ApiReply
from payroll.runs import Opened
from tests.api import calling
from tests.ops.payday import ACCOUNTS, FUNDING, SCRIPT, SSNS

NAMES = ("Zebrafinch", SCRIPT, "O'Brien", "Zo\u00eb", "Zo\\u00eb")
CANARIES = (*SSNS, *(ssn.replace("-", "") for ssn in SSNS), *ACCOUNTS, FUNDING, *NAMES)


def test_nothing_personal_comes_out(scene: Opened, caplog: pytest.LogCaptureFixture) -> None:
    program = calling.program(name="portal")
    run, letter = str(scene.run), str(DeadLetter.objects.get(step="tax-calc").id)
    ssn, account = SSNS[0], ACCOUNTS[0]
    told: list[bytes] = []

    def heard(response: Any) -> dict[str, Any]:
        told.append(response.content)
        told.append(json.dumps(dict(response.headers)).encode())
        answer: dict[str, Any] = response.json()
        return answer

    with caplog.at_level(logging.DEBUG):
        for path in ("/runs", f"/runs/{run}", f"/runs/{run}/employers", "/dead-letters", "/health"):
            heard(program.get(path))
        for employer in scene.employers:
            heard(program.get(f"/runs/{run}/employers/{employer}/employees"))
        heard(program.get(f"/dead-letters/{letter}"))
        assert heard(program.get("/events", limit=1000))["next"] is None
        heard(program.get("/events", correlation=run, limit=1000))
        # A person writes into a reason what does not belong there.
        reason = f"paid {ssn} to {account} by check"
        heard(program.post("/dead-letters/preview", {"run": run}))
        heard(program.post(f"/dead-letters/{letter}/dismiss", {"reason": reason}))
        heard(program.post(f"/runs/{run}/pause", {"reason": reason}))
        heard(program.post(f"/runs/{run}/resume", {"reason": reason}))
        heard(program.post(f"/runs/{run}/cancel", {"reason": reason}))
        heard(program.get(f"/dead-letters/{letter}"))
        heard(program.get("/events", limit=1000))
        heard(program.post("/dead-letters/redrive", {"ids": [letter], "reason": reason}))
        heard(program.post(f"/dead-letters/{UUID(int=7)}/dismiss", {"reason": reason}))
        for body in ({"employer": ssn}, {ssn: ssn}, {"step": account}):
            heard(program.post("/dead-letters/redrive", body))
        heard(program.send("POST", "/task-tokens/failure", {"error": reason}))
    everything = b"\n".join(told).decode()
    assert len(everything) > 20_000  # there was something to look through
    for canary in CANARIES:
        assert canary not in everything, canary
        assert canary not in caplog.text, canary
        assert not ApiReply.objects.filter(body__contains=canary).exists()
    assert program.secret not in everything + caplog.text
