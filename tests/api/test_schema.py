"""The API against its own document: schemathesis sends what it allows and what it forbids, with all of its checks.

Over HTTP on loopback, because its own way into a WSGI application fails in the check that leaves out credentials.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote

import schemathesis
from django.core.wsgi import get_wsgi_application
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events

from ops.api.api import api
from ops.api.keys import Scope
from payroll.runs import Opened
from tests.api import calling
from tests.api.calling import Program
from tests.api.serving import served

SIGN = "sign me"  # what stands where a signature belongs; a request without it goes out unsigned
WITHIN_S = 20  # what its fixed cases leave of it, about 13 s on a calm machine, goes into random ones
EXAMPLES = 6
SEED = 20261120
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
WHOLE = ("rate", "leased_max")  # where the document asks for integers
Environ = dict[str, Any]


class Signing:
    """The API as a program calls it: signs, and takes a new Idempotency-Key for every request that has one."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.application = get_wsgi_application()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = BytesIO(body)
        if re.fullmatch(r"[!-~]{1,200}", environ.get("HTTP_IDEMPOTENCY_KEY", "")):
            environ["HTTP_IDEMPOTENCY_KEY"] = str(uuid.uuid4())
        if environ.get("HTTP_AUTHORIZATION") == SIGN:
            environ["HTTP_AUTHORIZATION"] = self.program.authorization(
                environ["REQUEST_METHOD"],
                quote(environ["PATH_INFO"], encoding="latin-1"),
                environ.get("QUERY_STRING", ""),
                body,
                environ.get("HTTP_IDEMPOTENCY_KEY", ""),
            )
        return self.application(environ, start_response)


def failures(address: str, run: str) -> tuple[list[str], int]:
    """What schemathesis finds, and how many requests it sent."""
    settings = {
        "seed": SEED,
        "max-time": WITHIN_S,
        "base-url": address,
        "headers": {"Authorization": SIGN},
        "generation": {
            "max-examples": EXAMPLES,
            "database": "none",
            "no-shrink": True,
            "allow-x00": False,  # the document cannot forbid NUL everywhere: test_gate.py does
        },
        "phases": {"stateful": {"enabled": False}},  # its links are guessed, and it takes most of the time
    }
    document = json.loads(json.dumps(api.get_openapi_schema(path_prefix="api/v1/"), default=str))
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(settings))

    @schema.hook
    def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
        if path_parameters and UUID.match(str(path_parameters.get("run", ""))):
            return path_parameters | {"run": run}
        return path_parameters

    @schema.hook
    def map_body(context: Any, body: Any) -> Any:
        # JSON Schema calls 5.0 an integer; the API refuses it (test_gate.py), and cannot say so in the document.
        if isinstance(body, dict):
            return body | {name: int(body[name]) for name in WHOLE if isinstance(body.get(name), float)}
        return body

    found, sent = [], 0
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            sent += len(event.recorder.cases)
            found += [finding for name in event.recorder.checks for finding in findings(event.recorder, name)]
        elif isinstance(event, events.NonFatalError):
            found.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return found, sent


def findings(recorder: Any, name: str) -> Iterator[str]:
    """The checks that one request failed, with the command that sends it again."""
    for check in recorder.checks[name]:
        if check.status == engine.Status.FAILURE:
            what = check.failure_info
            yield f"{check.name}: {what and what.failure.message}\n    {what and what.code_sample}"


def test_schemathesis_finds_nothing(scene: Opened, settings: Any) -> None:
    settings.PAYROLL_API_CALLS_PER_MINUTE = 100_000
    settings.PAYROLL_API_UNKNOWN_TOKENS_PER_MINUTE = 100_000
    with served(Signing(calling.program())) as address:
        found, sent = failures(address, str(scene.run))
    assert not found, f"{sent} requests\n" + "\n".join(sorted(set(found)))
    assert sent > 200


def test_the_document_is_of_openapi_3_1_and_names_every_scope(db: Any) -> None:
    document = calling.program("events:read").get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    needed = {
        role
        for path in document["paths"].values()
        for operation in path.values()
        for role in operation.get("security", [{}])[0].get("signature", [])
    }
    assert needed == set(Scope)
    assert document["components"]["securitySchemes"]["signature"]["name"] == "Authorization"


def test_what_is_open_to_everybody_is_named_here() -> None:
    paths = api.get_openapi_schema(path_prefix="")["paths"]
    unsigned = {
        path for path, operations in paths.items() for each in operations.values() if "security" not in each
    }
    tokens = {f"/task-tokens/{outcome}" for outcome in ("success", "failure", "heartbeat")}
    assert unsigned == {"/health"} | tokens
