"""Answers of downstream systems to task tokens. The token is the only credential, and names its question.

A token has 256 bits and is used up by its answer, so it is its own idempotency key: the same answer again is fine, and
another one is refused.
"""

from collections.abc import Callable
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Header, Router
from pydantic import Field, JsonValue

from events import tokens
from events.dead_letters import redact
from events.tokens import AnsweredOtherwise, NotAnAnswer, TooLate, UnknownToken
from ops.api import rate
from ops.api.gate import OPEN, operation
from ops.api.problems import ANSWERED_OTHERWISE, INVALID, NOT_FOUND, TOO_LATE, TOO_MANY, Problem
from ops.api.shapes import Asked, Told

router = Router(tags=["task tokens"])
PROBLEMS = (400, 404, 409, 410, 413, 415, 422, 429, 503)

TaskToken = Annotated[str, Header(alias="Task-Token", min_length=1, max_length=200)]


class Success(Asked):
    """What the step asks for; its names and types are those of the event that the step emits."""

    output: dict[str, JsonValue]


class Failure(Asked):
    error: Annotated[str, Field(min_length=1, max_length=500, description="No personal data.")]
    retryable: bool = Field(default=False, description="Ask again, or show it to a person at once.")


class Heartbeat(Asked):
    pass


class Taken(Told):
    taken: bool = True


@operation(router, "POST", "/task-tokens/success", OPEN, {200: Taken}, *PROBLEMS)
def token_success(request: HttpRequest, token: TaskToken, body: Success) -> Taken:
    """The work is done, and this came out."""
    return _answer(request, lambda: tokens.succeed(token, body.output))


@operation(router, "POST", "/task-tokens/failure", OPEN, {200: Taken}, *PROBLEMS)
def token_failure(request: HttpRequest, token: TaskToken, body: Failure) -> Taken:
    """The work cannot be done."""
    return _answer(request, lambda: tokens.fail(token, body.error, retryable=body.retryable))


@operation(router, "POST", "/task-tokens/heartbeat", OPEN, {200: Taken}, *PROBLEMS)
def token_heartbeat(request: HttpRequest, token: TaskToken, body: Heartbeat) -> Taken:
    """The work is still being done."""
    return _answer(request, lambda: tokens.beat(token))


def _answer(request: HttpRequest, act: Callable[[], Any]) -> Taken:
    try:
        act()
    except UnknownToken:
        raise _unknown(request) from None
    except AnsweredOtherwise:
        raise Problem(ANSWERED_OTHERWISE, "this token was answered before, and not like this") from None
    except TooLate:
        raise Problem(TOO_LATE, "nobody waits for this answer any more") from None
    except NotAnAnswer as wrong:
        raise Problem(INVALID, redact(str(wrong))) from None
    return Taken()


def _unknown(request: HttpRequest) -> Problem:
    """404; 429 for an address that goes on asking. A known token is answered, whoever else is behind its proxy."""
    counted = rate.count(f"address:{request.META.get('REMOTE_ADDR', '')}")
    if counted.calls > settings.PAYROLL_API_UNKNOWN_TOKENS_PER_MINUTE:
        return Problem(
            TOO_MANY, "too many unknown tokens from here", headers={"Retry-After": str(counted.left_s)}
        )
    return Problem(NOT_FOUND, "there is no such token")
