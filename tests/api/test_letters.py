"""Dead letters through the API."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import dead_letters, store
from events.models import DeadLetter
from ops.api import letters
from payroll import keys
from payroll.roster import import_folder
from payroll.runs import Opened
from tests.api import calling
from tests.api.calling import problem
from tests.ops import payday
from tests.saga.roster_files import EMPLOYEES, write

NOBODY = str(UUID(int=7))


def letter(step: str) -> DeadLetter:
    return DeadLetter.objects.get(step=step)


def ids(response: Any) -> list[str]:
    return [each["id"] for each in response.json()["dead_letters"]]


def test_letters_are_listed_by_what_they_have_in_common(scene: Opened) -> None:
    program = calling.program("dead-letters:read")
    tax, empty = letter("tax-calc"), letter("snapshot")
    every = [str(each.id) for each in DeadLetter.objects.order_by("opened_at", "id")]
    assert set(every) == {str(tax.id), str(empty.id)}
    assert ids(program.get("/dead-letters")) == every
    for chosen, expected in (
        ({"run": scene.run}, every),
        ({"run": NOBODY}, []),
        ({"employer": "A1"}, [str(tax.id)]),
        ({"step": "snapshot"}, [str(empty.id)]),
        ({"fingerprint": tax.fingerprint}, [str(tax.id)]),
        ({"employer": "A1", "step": "snapshot"}, []),
        ({"state": "open"}, every),
        ({"state": "dismissed"}, []),
    ):
        assert ids(program.get("/dead-letters", **chosen)) == expected, chosen


def test_a_page_is_the_same_whatever_is_closed_meanwhile(scene: Opened) -> None:
    program = calling.program()
    first = program.get("/dead-letters", limit=1).json()
    dead_letters.dismiss(letter("tax-calc").id, by="maker", reason="paid by check")
    second = program.get("/dead-letters", limit=1, cursor=first["next"]).json()
    assert second["next"] is None
    both = [first["dead_letters"][0]["id"], second["dead_letters"][0]["id"]]
    assert both == [str(each.id) for each in DeadLetter.objects.order_by("opened_at", "id")]
    problem(program.get("/dead-letters", cursor=NOBODY), 404)


def test_one_letter_is_shown_with_its_history(scene: Opened) -> None:
    told = calling.program("dead-letters:read").get(f"/dead-letters/{letter('tax-calc').id}").json()
    assert (told["employer"], told["employee_id"], told["state"]) == ("A1", "e3", "open")
    assert "OR" in told["reason"]
    assert [event["type"] for event in told["history"]] == ["DeadLettered"]
    assert "traceback" not in told
    problem(calling.program().get(f"/dead-letters/{NOBODY}"), 404)


def test_a_preview_changes_nothing(scene: Opened) -> None:
    program = calling.program("dead-letters:read")
    before = store.read_all()
    told = program.post("/dead-letters/preview", {"run": str(scene.run), "rate": 2}).json()
    assert (told["letters"], told["people"], told["seconds"]) == (2, 2, 0.5)
    assert told["by_employer"] == {"A1": 1, "EMPTY": 1}
    assert told["by_step"] == {"tax-calc": 1, "snapshot": 1}
    assert "frozen" in told["warning"]
    assert store.read_all() == before


def test_more_than_one_request_can_do_is_refused_before_anything_is_done(
    scene: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = calling.program()
    by_run = {"run": str(scene.run)}
    by_ids = {"ids": [str(each.id) for each in DeadLetter.objects.all()]}
    before = store.read_all()
    for most, more in (("CHOSEN_MAX", {}), ("CORRECTED_MAX", {"corrected": True})):
        with monkeypatch.context() as patched:
            patched.setattr(letters, most, 1)
            for body in (by_run, by_ids):
                for verb in ("preview", "redrive"):
                    refused = program.post(f"/dead-letters/{verb}", body | more)
                    assert "deadletters redrive" in problem(refused, 409, "refused")["detail"]
    assert store.read_all() == before
    monkeypatch.setattr(letters, "CHOSEN_MAX", 2)
    assert program.post("/dead-letters/preview", by_run).json()["letters"] == 2


def test_no_traceback_is_read_for_a_list(scene: Opened) -> None:
    program = calling.program()
    with CaptureQueriesContext(connection) as asked:
        program.get("/dead-letters")
        program.post("/dead-letters/preview", {"run": str(scene.run)})
    assert "events_deadletter" in str(asked.captured_queries)
    assert "traceback" not in str(asked.captured_queries)


def test_what_cancels_a_run_is_of_the_run(scene: Opened) -> None:
    program = calling.program()
    DeadLetter.objects.filter(step="snapshot").update(run_key=keys.cancellation(scene.run))
    found = ids(program.get("/dead-letters", run=scene.run))
    assert found == [str(each.id) for each in DeadLetter.objects.order_by("opened_at", "id")]
    assert program.post("/dead-letters/preview", {"run": str(scene.run)}).json()["letters"] == len(found) == 2


def test_a_redrive_by_filter_goes_on_from_the_step(scene: Opened, tmp_path: Path) -> None:
    program = calling.program("dead-letters:write", "dead-letters:read", name="portal")
    tax = letter("tax-calc")
    rows = payday.rows()
    rows[EMPLOYEES][2]["work_state"] = "TX"
    (tmp_path / "mended").mkdir()
    import_folder(write(tmp_path / "mended", rows), dry_run=False, as_of=payday.START)
    answer = program.post(
        "/dead-letters/redrive",
        {"fingerprint": tax.fingerprint, "corrected": True, "reason": "moved to Texas"},
    )
    assert answer.json() == {"redriven": [str(tax.id)], "refused": []}
    payday.go_on()
    told = program.get(f"/dead-letters/{tax.id}").json()
    assert (told["state"], told["closed_by"], told["closed_reason"]) == (
        "redriven",
        "api:portal",
        "moved to Texas",
    )
    assert ids(program.get("/dead-letters", state="open", employer="A1")) == []


def test_a_redrive_by_ids_says_which_were_not(scene: Opened) -> None:
    program = calling.program()
    tax, empty = letter("tax-calc"), letter("snapshot")
    dead_letters.dismiss(tax.id, by="maker", reason="paid by check")
    body = {"ids": [str(tax.id), str(empty.id)]}
    answer = program.post("/dead-letters/redrive", body).json()
    assert answer["redriven"] == [str(empty.id)]
    ((refused),) = answer["refused"]
    assert refused["id"] == str(tax.id) and "already dismissed" in refused["why"]
    problem(program.post("/dead-letters/redrive", {"ids": [NOBODY]}), 404)
    problem(program.post("/dead-letters/redrive", {}), 409, "refused")
    problem(program.post("/dead-letters/redrive", body | {"employer": "A1"}), 409, "refused")


def test_a_dismissal_needs_a_reason_and_can_be_made_once(scene: Opened) -> None:
    program = calling.program("dead-letters:write", name="portal")
    tax = letter("tax-calc")
    for body in ({}, {"reason": ""}, {"reason": " \u2003\x1c"}):
        problem(program.post(f"/dead-letters/{tax.id}/dismiss", body), 422)
    told = program.post(f"/dead-letters/{tax.id}/dismiss", {"reason": "paid by check"}).json()
    assert (told["state"], told["closed_by"], told["closed_reason"]) == (
        "dismissed",
        "api:portal",
        "paid by check",
    )
    assert [event["type"] for event in told["history"]] == ["DeadLettered", "Dismissed"]
    again = program.post(f"/dead-letters/{tax.id}/dismiss", {"reason": "paid by check"})
    assert "already dismissed" in problem(again, 409, "refused")["detail"]
    unable = program.post(f"/dead-letters/{letter('snapshot').id}/dismiss", {"reason": "nobody"})
    problem(unable, 409, "refused")
    problem(program.post(f"/dead-letters/{NOBODY}/dismiss", {"reason": "nobody"}), 404)
