"""What an answer to a task token is, and what can be told of it before anything is stored."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, get_origin, get_type_hints

from events.dead_letters import redact

ANSWER_MAX = 64 * 1024  # bytes of one answer as JSON
ERROR_MAX = 300  # characters of what a downstream says of its failure
# A NUL, written as JSON escapes it, and halves of surrogate pairs: no jsonb takes them.
UNSTORABLE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|[\ud800-\udfff]")


class NotAnAnswer(Exception):
    """This is not what the step emits. Nothing was stored and the token stays usable: mend it and answer again."""


class UnknownToken(Exception):
    """There is no such token."""


class TooLate(Exception):
    """The token is no longer good: its time is over, or somebody else is asked by now."""


class AnsweredOtherwise(Exception):
    """Another answer was given with this token. The first one counts."""


class Answer(NamedTuple):
    """One message of a downstream system.

    outcome   success, failure or heartbeat
    content   {"output"} of a success, {"error", "retryable"} of a failure, nothing of a heartbeat
    sha256    of the content, by which the same answer is known when it comes again
    """

    token: str
    outcome: str
    content: dict[str, Any]
    text: str = ""
    sha256: str = ""


def success(token: str, output: Any) -> Answer:
    """What the downstream computed. Raises NotAnAnswer for what no table could hold."""
    if not isinstance(output, dict):
        raise NotAnAnswer("an output is a JSON object: the fields that the step emits")
    return _answer(token, "success", {"output": output})


def failure(token: str, error: Any, retryable: Any = False) -> Answer:
    """Why the downstream could not do it. Raises NotAnAnswer when it does not say so in words."""
    if not isinstance(error, str) or not isinstance(retryable, bool):
        raise NotAnAnswer("a failure is an error in words, and whether trying again may cure it")
    return _answer(token, "failure", {"error": redact(error)[:ERROR_MAX], "retryable": retryable})


def heartbeat(token: str) -> Answer:
    """The downstream is still at it."""
    return Answer(token, "heartbeat", {})


def from_message(message: Any) -> Answer:
    """An answer as the response queue carries it. Raises NotAnAnswer.

    message   {"token", "outcome": "success", "output"}, {"token", "outcome": "failure", "error", "retryable"} or
              {"token", "outcome": "heartbeat"}
    """
    match message:
        case {"token": str(token), "outcome": "success", "output": output, **rest} if not rest:
            return success(token, output)
        case {"token": str(token), "outcome": "failure", "error": error, **rest} if not rest.keys() - {
            "retryable"
        }:
            return failure(token, error, rest.get("retryable", False))
        case {"token": str(token), "outcome": "heartbeat", **rest} if not rest:
            return heartbeat(token)
    raise NotAnAnswer(
        'an answer has a "token", an "outcome" of success, failure or heartbeat, and what belongs to it'
    )


def fits(emits: type, output: Mapping[str, Any]) -> None:
    """Hold an output against the fields of the event it is to become. Raises NotAnAnswer, naming the first fault.

    An integer is no bool and no float, a list is a list; nothing is missing and nothing more is there.
    """
    fields = _fields(emits)
    if missing := fields.keys() - output.keys():
        raise NotAnAnswer(f"{', '.join(sorted(missing))}: missing from {emits.__name__}")
    if output.keys() - fields.keys():  # not named: they come from outside
        raise NotAnAnswer(f"there are fields that {emits.__name__} does not have")
    for name, kind in fields.items():
        if kind is not Any and type(output[name]) is not kind:
            raise NotAnAnswer(f"{name} of {emits.__name__} is not {kind.__name__}")


@lru_cache
def _fields(emits: type) -> dict[str, Any]:
    """The fields of an event, and what JSON type each of them is."""
    return {name: get_origin(hint) or hint for name, hint in get_type_hints(emits).items()}


def _answer(token: str, outcome: str, content: dict[str, Any]) -> Answer:
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise NotAnAnswer("this cannot be written as JSON: NaN, infinity, or nested too deeply") from None
    if UNSTORABLE.search(text):
        raise NotAnAnswer("a text holds a character that cannot be stored")
    encoded = text.encode()
    if len(encoded) > ANSWER_MAX:
        raise NotAnAnswer(f"the answer has {len(encoded)} bytes; {ANSWER_MAX} is the most")
    return Answer(token, outcome, content, text, hashlib.sha256(f"{outcome}:{text}".encode()).hexdigest())
