"""What every request passes: scopes, rate, size, media type, strict JSON; and every error is a problem document."""

import json
import logging
import re
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from ops.api import rate, runs
from ops.api.api import api
from ops.api.keys import Scope
from ops.models import ApiCount
from tests.api import calling
from tests.api.calling import ROOT, problem

pytestmark = pytest.mark.usefixtures("db")

NOBODY = str(uuid.UUID(int=7))
SSN = "901-45-6781"


def operations() -> list[tuple[str, str, str]]:
    """Every signed operation: method, path and the scope it asks for; empty when any key will do."""
    found = []
    for path, methods in api.get_openapi_schema(path_prefix="")["paths"].items():
        concrete = re.sub("{(run|letter|order|payment)}", NOBODY, path).replace("{employer}", "A1")
        for method, declared in methods.items():
            if "signature" in declared.get("security", [{}])[0]:
                found.append((method.upper(), concrete, "".join(declared["security"][0]["signature"])))
    return found


def test_every_operation_passes_the_gate() -> None:
    declared = [
        operation
        for router in api._get_bound_routers()
        for view in router.path_operations.values()
        for operation in view.operations
    ]
    assert len(declared) == len(operations()) + 5  # health, the task tokens, and what the bank signs
    assert all(hasattr(operation.run, "access") for operation in declared)


def test_a_key_does_what_its_scopes_say_and_nothing_else() -> None:
    programs = {scope: calling.program(scope) for scope in Scope}
    for method, path, needed in operations():
        for scope, program in programs.items():
            response = program.send(method, path, {} if method == "POST" else None)
            if needed in ("", scope):
                assert response.status_code not in (401, 403), (method, path, scope)
            else:
                problem(response, 403, "forbidden")
        unsigned = Client().generic(method, f"{ROOT}{path}", b"{}", "application/json")
        problem(unsigned, 401, "unsigned")


def test_nothing_in_the_api_approves() -> None:
    assert not [path for _, path, _ in operations() if "approv" in path]
    assert not [scope for scope in Scope if "approv" in scope]


def test_health_says_only_ok() -> None:
    response = Client().get(f"{ROOT}/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_key_that_calls_too_often_waits_for_the_next_minute(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAYROLL_API_CALLS_PER_MINUTE = 2
    now = SimpleNamespace(s=1_800_000_020)  # 20 seconds into a minute
    monkeypatch.setattr(rate, "time", SimpleNamespace(time=lambda: now.s))
    busy, other = calling.program(), calling.program()
    assert [busy.get("/runs").status_code for _ in range(2)] == [200, 200]
    response = busy.get("/runs")
    problem(response, 429, "too-many-requests")
    assert response["Retry-After"] == "40"
    assert other.get("/runs").status_code == 200
    now.s += 40
    assert busy.get("/runs").status_code == 200
    assert ApiCount.objects.get(subject=busy.key, minute=1_800_000_020 // 60).calls == 3


def test_errors_outside_the_operations_are_problem_documents_too() -> None:
    client = Client()
    for path in ("/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/docs", "/api/v1/runs/", f"/api/v2/{SSN}"):
        assert SSN not in str(problem(client.get(path), 404, "not-found"))
        problem(client.post(path, b"{}", content_type="application/json"), 404)
    response = client.delete(f"{ROOT}/runs")
    problem(response, 405, "method-not-allowed")
    assert sorted(response["Allow"].split(", ")) == ["GET", "POST"]
    problem(client.get(f"{ROOT}/health", headers={"Host": "elsewhere.example"}), 400)
    assert client.get("/nowhere")["Content-Type"].startswith("text/html")  # the rest is as it was


def test_every_answer_carries_the_headers_of_an_api() -> None:
    for path in ("/health", "/nowhere", "/runs"):
        response = Client().get(f"{ROOT}{path}")
        assert response["Cache-Control"] == "no-store"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "Set-Cookie" not in response


def test_a_large_request_is_refused_before_it_is_read(settings: Any) -> None:
    program = calling.program()
    most = settings.PAYROLL_API_BODY_BYTES
    assert most == 256 * 1024
    head, tail = b'{"employer": "', b'"}'
    for length, status in ((most, 422), (most + 1, 413)):
        body = head + b"A" * (length - len(head) - len(tail)) + tail
        problem(program.post("/dead-letters/preview", body), status)


LENGTHS = (
    ("9" * 19, 413),
    ("99999999999999999999", 413),
    ("9" * 5000, 413),
    ("262145", 413),
    ("-1", 400),
    ("+2", 400),
    ("2.0", 400),
    ("2, 2", 400),
    ("\u0662", 400),
    ("two", 400),
    (" ", 400),
)


def test_a_length_that_is_none_is_refused_whoever_asks(subtests: pytest.Subtests) -> None:
    program, path = calling.program(), f"{ROOT}/dead-letters/preview"
    for length, status in LENGTHS:
        signed = {"Authorization": program.authorization("POST", path, "", b"{}")}
        for headers in (signed, {}):
            with subtests.test(length[:20], signed=bool(headers)):
                request = {"CONTENT_LENGTH": length, "headers": headers}
                response = program.client.generic("POST", path, b"{}", "application/json", **request)
                problem(response, status)


def test_a_body_that_the_framework_does_not_take_is_too_large(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1
    problem(calling.program().post("/dead-letters/preview", {}), 413, "too-large")


CONTENT_TYPES = (
    ("application/json", 409),
    ("application/json; charset=UTF-8", 409),
    ("application/json; charset=latin-1", 415),
    ("text/json", 415),
    ("application/x-www-form-urlencoded", 415),
    ("multipart/form-data; boundary=x", 415),
    ("", 415),
)


def test_only_json_is_taken(subtests: pytest.Subtests) -> None:
    program = calling.program()
    for content_type, status in CONTENT_TYPES:
        with subtests.test(content_type):
            problem(program.post("/dead-letters/preview", b"{}", content_type=content_type), status)


def test_a_compressed_body_is_not_taken() -> None:
    program, path = calling.program(), f"{ROOT}/dead-letters/preview"
    headers = {"Authorization": program.authorization("POST", path, "", b"{}"), "Content-Encoding": "gzip"}
    problem(program.raw("POST", path, "", b"{}", headers), 415)


BODIES = (
    b" ",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"{}{}",
    b'\xef\xbb\xbf{"employer": "A1"}',
    '{"employer": "A1"}'.encode("utf-16"),
    b'{"employer": "\xff"}',
    b'{"employer": "A1", "employer": "A2"}',
    b'{"employer": NaN}',
    b'{"rate": Infinity}',
    b'{"rate": 1e400}',
    b'{"rate": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"employer": "A\\u0000"}',
    b'{"A\\u0000": 1}',
    b'{"employer": "\\ud800"}',
    b'{"employer": "A1", "surprise": 1}',
    b'{"employer": 1}',
    b'{"employer": "A/1"}',
    b'{"employer": "' + b"A" * 33 + b'"}',
    b'{"rate": 5.0}',
    b'{"rate": 5e0}',
    b'{"rate": "5"}',
    b'{"rate": true}',
    b'{"rate": 0}',
    b'{"rate": -1}',
    b'{"rate": 99999999999999999999}',
    b'{"corrected": 1}',
    b'{"corrected": "true"}',
    b'{"run": "00000000000000000000000000000007"}',
    b'{"run": "urn:uuid:00000000-0000-0000-0000-000000000007"}',
    b'{"run": 7}',
    b'{"ids": "x"}',
    b'{"ids": ["x"]}',
    b'{"fingerprint": "ABCDEF012345"}',
)


def test_a_body_of_another_form_is_refused(subtests: pytest.Subtests) -> None:
    program = calling.program()
    for body in BODIES:
        with subtests.test(body[:60].decode("latin-1")):
            response = program.post("/dead-letters/preview", body)
            document = problem(response, 400 if response.status_code == 400 else 422)
            assert "surprise" not in json.dumps(document)


@pytest.mark.parametrize("reason", [rb"a\u0000b", rb"a\ud800b", rb"\udc00"])
def test_text_that_no_table_takes_is_refused(reason: bytes) -> None:
    body = b'{"employer": "A1", "reason": "' + reason + b'"}'
    problem(calling.program().post("/dead-letters/redrive", body), 400, "bad-request")


STARTS: tuple[dict[str, Any], ...] = (
    {"from": "2026-11-31"},
    {"from": "20261101"},
    {"from": "2026-11-01T00:00:00"},
    {"from": 1793491200},
    {"from": "2026-W45-7"},
    {"from": "\u0662\u0660\u0662\u0666-11-01"},
    {"start": "2026-11-01"},
    {"tolerate": "101%"},
    {"tolerate": "2.125%"},
    {"tolerate": "-1"},
    {"tolerate": 5},
    {"employers": "A1"},
    {"employers": ["A1", 2]},
)


def test_days_and_tolerances_are_strict(subtests: pytest.Subtests) -> None:
    program = calling.program()
    good = {"from": "2026-11-01", "to": "2026-11-14", "pay_date": "2026-11-20"}
    for changes in STARTS:
        with subtests.test(**changes):
            problem(program.post("/runs", good | changes), 422, "invalid")


QUERIES = (
    "limit=0",
    "limit=1001",
    "limit=1.0",
    "limit=1e2",
    "limit=+5",
    "limit=%205",
    "limit=true",
    "limit=%D9%A5",
    "limit=1_0",
    "limit=1&limit=2",
    "fingerprnt=0123456789ab",
    "employer=A%00",
    "step=%27%3B--",
    "state=lost",
    "run=7",
    "cursor=x",
)


def test_a_query_of_another_form_is_refused(subtests: pytest.Subtests) -> None:
    program, path = calling.program(), f"{ROOT}/dead-letters"
    for query in QUERIES:
        with subtests.test(query):
            headers = {"Authorization": program.authorization("GET", path, query)}
            problem(program.raw("GET", path, query, headers=headers), 422, "invalid")


def test_no_value_is_repeated_in_a_refusal() -> None:
    program = calling.program()
    for body in ({"employer": SSN + "!"}, {SSN: 1}, {"run": SSN}, {"ids": [SSN]}, {"step": SSN}):
        response = program.post("/dead-letters/preview", body)
        problem(response, 422)
        assert SSN not in response.content.decode()
    refused = program.post(
        "/runs", {"from": "2026-11-01", "to": "2026-11-14", "pay_date": "2026-11-20", "employers": [SSN]}
    )
    problem(refused, 409, "refused")
    assert SSN not in refused.content.decode()


def test_a_fault_tells_where_to_look_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError(f"of {SSN}")

    monkeypatch.setattr(runs.projection, "catch_up", broken)
    with caplog.at_level(logging.ERROR):
        document = problem(calling.program().get("/runs"), 500, "fault")
    assert "Zero" not in json.dumps(document) and "Traceback" not in json.dumps(document)
    assert document["instance"] in caplog.text and "ZeroDivisionError" in caplog.text
    assert SSN not in caplog.text


def test_a_database_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(runs.projection, "catch_up", away)
    response = calling.program().get("/runs")
    problem(response, 503, "unavailable")
    assert int(response["Retry-After"]) > 0
