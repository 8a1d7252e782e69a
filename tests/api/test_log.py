"""The log through the API: order, filters, what belongs together, and the log as it was."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from deploy.postgres import Cluster
from events import store
from events.models import DeadLetter
from events.store import NewEvent, Recorded
from payroll import keys
from payroll.runs import Opened
from tests.api import calling
from tests.api.calling import Program, problem
from tests.saga import paydays


@pytest.fixture
def program(scene: Opened) -> Program:
    return calling.program("events:read")


def everything() -> list[Recorded]:
    return store.read_all(limit=10_000)


def pages(program: Program, limit: int = 1000, **filters: Any) -> list[dict[str, Any]]:
    """All events that match, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = program.get("/events", limit=limit, **filters, **cursor).json()
        assert len(page["events"]) <= limit
        found += page["events"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def positions(events: list[dict[str, Any]]) -> list[int]:
    return [event["position"] for event in events]


def test_the_whole_log_comes_in_its_own_order_with_all_of_its_facts(program: Program) -> None:
    log = everything()
    told = pages(program, limit=7)
    assert positions(told) == [event.position for event in log]
    assert [event["data"] for event in told] == [event.data for event in log]
    assert [datetime.fromisoformat(event["recorded_at"]) for event in told] == [
        event.recorded_at for event in log
    ]
    assert any("working" in event["data"] for event in told)


def test_filters_choose_and_all_of_them_must_match(program: Program) -> None:
    log = everything()
    stream = next(event.stream for event in log if event.type == "TaxCalculated")
    middle = log[len(log) // 2].recorded_at
    later = middle + timedelta(microseconds=1)
    for filters, expected in (
        ({"stream": stream}, [e for e in log if e.stream == stream]),
        ({"prefix": "paycheck-"}, [e for e in log if e.stream.startswith("paycheck-")]),
        (
            {"prefix": "employerrun-", "type": "EmployerRunOpened"},
            [e for e in log if e.type == "EmployerRunOpened"],
        ),
        ({"stream": stream, "prefix": "paycheck-"}, [e for e in log if e.stream == stream]),
        ({"stream": stream, "prefix": "payrun-"}, []),
        ({"stream": stream[:-1]}, []),
        ({"type": "Nothing"}, []),
        ({"recorded_from": middle.isoformat()}, [e for e in log if e.recorded_at >= middle]),
        ({"recorded_to": middle.isoformat()}, [e for e in log if e.recorded_at < middle]),
        (
            {"recorded_from": middle.isoformat(), "recorded_to": later.isoformat()},
            [e for e in log if e.recorded_at == middle],
        ),
        ({"as_of": middle.isoformat()}, [e for e in log if e.recorded_at <= middle]),
        ({"as_of": "2000-01-01T00:00:00Z"}, []),
    ):
        assert positions(pages(program, **filters)) == [event.position for event in expected], filters


def test_as_of_a_moment_the_log_stays_as_it_was(program: Program) -> None:
    before = pages(program)
    moment = before[-1]["recorded_at"]
    store.append([NewEvent("payrun-later", 1, "PayRunOpened", {})])
    assert pages(program, as_of=moment) == before
    assert len(pages(program)) == len(before) + 1


def test_a_run_brings_all_that_belongs_to_it(program: Program, scene: Opened) -> None:
    store.append([NewEvent("payrun-other", 1, "PayRunOpened", {})])
    told = pages(program, correlation=scene.run, limit=9)
    others = ("roster", "payrun-other")
    assert positions(told) == [event.position for event in everything() if event.stream not in others]
    assert {event["stream"].partition("-")[0] for event in told} == {
        "payrun",
        "employerrun",
        "paycheck",
        "order",
        "deadletter",
    }
    tax = [event for event in told if event["type"] == "TaxCalculated"]
    assert pages(program, correlation=scene.run, type="TaxCalculated") == tax
    assert pages(program, correlation=UUID(int=7)) == []


def test_work_brings_what_it_caused(program: Program, scene: Opened) -> None:
    letter = DeadLetter.objects.get(step="tax-calc")
    for work in {letter.work, keys.key("work", paydays.employer_run("A1"))}:
        expected = [event.position for event in everything() if event.cause == work]
        assert expected and positions(pages(program, correlation=work)) == expected


def test_what_an_open_transaction_holds_back_comes_later_and_not_behind_the_cursor(
    program: Program, db: Cluster
) -> None:
    last = program.get("/events", limit=1000).json()
    assert last["next"] is None
    with psycopg.connect(db.app_url) as slow:
        slow.execute(
            "insert into events_event (stream, version, type, data) values ('late-1', 1, 'Late', '{}')"
        )
        store.append([NewEvent("early-1", 1, "Early", {})])
        meanwhile = program.get("/events", cursor=last["follow_from"]).json()
        assert meanwhile["events"] == []
        assert meanwhile["follow_from"] == last["follow_from"]
        slow.commit()
    after = program.get("/events", cursor=meanwhile["follow_from"]).json()
    assert [event["stream"] for event in after["events"]] == ["late-1", "early-1"]


QUERIES = (
    {"cursor": "1"},
    {"cursor": "1.x"},
    {"cursor": "-1.0"},
    {"cursor": "1.99999999999999999999"},
    {"as_of": "2026-11-20"},
    {"as_of": "2026-11-20T00:00:00"},
    {"as_of": "2026-11-20T25:00:00Z"},
    {"as_of": "0001-01-01T00:00:00+23:59"},
    {"recorded_from": "yesterday"},
    {"correlation": "run-1"},
    {"stream": ""},
    {"type": "drop table"},
)


def test_a_filter_of_another_form_is_refused(db: Any, subtests: pytest.Subtests) -> None:
    program = calling.program()
    for query in QUERIES:
        with subtests.test(**query):
            problem(program.get("/events", **query), 422, "invalid")


def test_a_query_that_takes_too_long_is_stopped(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    from ops.api import log

    monkeypatch.setattr(log, "LIMIT_TIME", "set local statement_timeout = '50ms'")
    monkeypatch.setattr(log, "WHOLE_LOG", "events_event cross join lateral (select pg_sleep(1)) slow")
    response = program.get("/events")
    assert "too long" in problem(response, 503, "unavailable")["detail"]
    assert "Retry-After" not in response  # it would take as long then
