"""How a request reaches a downstream system: one module for each kind of URL.

A request is sent outside any transaction, and may be sent again: the downstream knows a task by its `task`. The answers
come by another way (tokens.py).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from events.transports import http, sqs
from events.transports.errors import Refused, Unreachable

__all__ = ["Refused", "Request", "Sender", "Task", "Unreachable", "open_sender"]

Keep = Callable[[str, bytes], tuple[str, str]]


class Task(NamedTuple):
    """One item to be done, and the token to answer with."""

    number: int
    task: str
    token: str
    input: dict[str, Any]


class Request(NamedTuple):
    """Some tasks of one step that are sent together.

    id      the same for the same tokens: the downstream may be sent a request twice
    run     what they belong to
    terms   what all of them share
    """

    id: str
    step: str
    run: str
    terms: dict[str, Any]
    tasks: Sequence[Task]


class Sender(Protocol):
    """A connection to a downstream."""

    def send(self, request: Request) -> None:
        """Hand a request over. Raises Unreachable, Refused."""


def open_sender(url: str, keep: Keep) -> AbstractContextManager[Sender]:
    """A connection to the downstream at this URL.

    keep   stores the content of a request, where the transport carries ids only
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqs":
        return sqs.sender(url.removeprefix("sqs:"), keep)
    return http.sender(url)
