"""Errors as problem documents (RFC 9457). No value of a request is repeated, and no traceback is told."""

import logging
import traceback
from collections.abc import Mapping
from typing import NamedTuple
from uuid import uuid4

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja.errors import HttpError, ValidationError
from pydantic import BaseModel, Field

from events.database import DATABASE_LOST
from events.dead_letters import NothingToUndo, NotOpen, redact
from events.failures import NeedsReview, TryAgain
from payroll.runs import Refused

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
REFUSALS = (Refused, NotOpen, NothingToUndo, NeedsReview)
FINDINGS_MAX = 20


class Kind(NamedTuple):
    """One kind of problem: the last part of its type, its status and its title."""

    name: str
    status: int
    title: str


BAD_REQUEST = Kind("bad-request", 400, "The request cannot be read")
UNSIGNED = Kind("unsigned", 401, "The request is not signed by a key that is in force")
FORBIDDEN = Kind("forbidden", 403, "The key does not have the scope")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This cannot be done here")
REFUSED = Kind("refused", 409, "Refused, and nothing was done")
IN_PROGRESS = Kind("in-progress", 409, "The same request is being carried out")
OUTCOME_UNKNOWN = Kind("outcome-unknown", 409, "It is not known whether this was done")
ANSWERED_OTHERWISE = Kind("answered-otherwise", 409, "Another answer was given before")
TOO_LATE = Kind("too-late", 410, "The answer comes too late")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
UNSUPPORTED = Kind("unsupported-media-type", 415, "Only JSON is taken")
INVALID = Kind("invalid", 422, "The request does not have the right form")
KEY_REUSED = Kind("idempotency-key-reused", 422, "The Idempotency-Key belongs to another request")
TOO_MANY = Kind("too-many-requests", 429, "Too many requests")
FAULT = Kind("fault", 500, "Something is broken on our side")
UNAVAILABLE = Kind("unavailable", 503, "Not available at the moment")

KINDS = {
    kind.status: kind for kind in (FAULT, UNAVAILABLE, BAD_REQUEST, FORBIDDEN, NOT_FOUND, METHOD_NOT_ALLOWED)
}

# Exceptions of Django that mean one thing each.
PLAIN: dict[type[Exception], tuple[Kind, str]] = {
    Http404: (NOT_FOUND, "nothing is found under this address"),
    RequestDataTooBig: (TOO_LARGE, "the body is too large"),
    UnreadablePostError: (BAD_REQUEST, "the body broke off"),
}


class Finding(BaseModel):
    """One thing that is wrong with the form of a request."""

    where: str = Field(description="Where: body, query, path or header, and the names of the fields.")
    what: str


class ProblemDocument(BaseModel):
    """What went wrong, for a program (type) and for a person (title, detail)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = Field(description="Names this one occurrence; the server's log has it for faults.")
    findings: list[Finding] | None = None


class Problem(Exception):
    """Ends a request with a problem document. `detail` may be shown to whoever asked."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        findings: list[Finding] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.findings = findings
        self.headers = dict(headers or {})
        self.instance = f"urn:uuid:{uuid4()}"


def response(problem: Problem) -> HttpResponse:
    """The problem as an answer."""
    kind = problem.kind
    document = ProblemDocument(
        type=f"urn:problem-type:payroll:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=problem.instance,
        findings=problem.findings,
    )
    body = document.model_dump_json(exclude_none=True)
    return HttpResponse(body, status=kind.status, content_type=MEDIA_TYPE, headers=problem.headers)


def of(error: Exception) -> Problem:
    """What an exception is to whoever asked; what nobody expected is logged under the problem's instance."""
    match error:
        case Problem():
            return error
        case ValidationError():
            return Problem(
                INVALID, "some fields are missing, unknown or of another form", findings=_findings(error)
            )
        case HttpError() if error.status_code == BAD_REQUEST.status:
            return Problem(BAD_REQUEST, "the body is not the JSON that is asked for")
    for known, (kind, detail) in PLAIN.items():
        if isinstance(error, known):
            return Problem(kind, detail)
    if isinstance(error, REFUSALS):
        return Problem(REFUSED, redact(str(error)))
    if isinstance(error, DATABASE_LOST):
        problem = Problem(
            UNAVAILABLE, "the database does not answer now: try again", headers={"Retry-After": "5"}
        )
    elif isinstance(error, TryAgain):  # such as object storage that does not answer
        problem = Problem(UNAVAILABLE, redact(str(error)), headers={"Retry-After": "5"})
    else:
        problem = Problem(FAULT, "the fault is recorded under the instance named here")
    log.error("%s: %s", problem.instance, redact("".join(traceback.format_exception(error))))
    return problem


def of_status(status: int) -> Problem:
    """The problem of an answer that did not come from an operation."""
    kind = KINDS.get(status, FAULT if status >= FAULT.status else BAD_REQUEST)
    details = {
        BAD_REQUEST: "the request cannot be taken as it is",
        NOT_FOUND: "nothing is found under this address",
        METHOD_NOT_ALLOWED: "this address does not know the method; Allow names those it knows",
    }
    return Problem(kind, details.get(kind, "see the title"))


def on_exception(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Any exception as an answer."""
    return response(of(error if isinstance(error, Exception) else error()))


def _findings(error: ValidationError) -> list[Finding]:
    findings = []
    for found in error.errors[:FINDINGS_MAX]:
        where = [str(name) for name in found["loc"]]
        if found["type"] == "extra_forbidden":  # a name that is not ours is a value too
            where[-1] = "(unknown field)"
        findings.append(Finding(where=redact(".".join(where)), what=redact(found["msg"])))
    return findings
