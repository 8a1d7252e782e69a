"""Requests over HTTP: one POST with the tasks of a request; 2xx means that the downstream has taken them.

    POST /tasks                           {"step": "tax-calc", "run": "…", "terms": {…},
    Idempotency-Key: 6f0c…                 "tasks": [{"task": "…", "token": "…", "input": {…}}, …]}
    Request-Signature: t=1790000000,v1=<hex>

It is signed as signing.py says, with EVENTS_DOWNSTREAM_SECRET. No redirect is followed: tokens go where the
configuration says and nowhere else.
"""

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from django.conf import settings

from events.signing import signature
from events.transports.errors import Refused, Unreachable

if TYPE_CHECKING:
    from events.transports import Request, Sender

CONNECT_S, READ_S = 5.0, 10.0
ANSWER_MAX = 64 * 1024  # of the response, which nobody reads
REFUSALS = {400, 413, 422}  # what may be due to one of the tasks; anything else concerns every request
RETRY_AFTER_MAX_S = 300.0


@contextmanager
def sender(url: str) -> "Iterator[Sender]":
    """A connection that is kept alive between the requests of one batch."""
    opened = _Http(url)
    try:
        yield opened
    finally:
        opened.close()


class _Http:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_S)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json"}
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"

    def send(self, request: "Request") -> None:
        """POST the tasks. Raises Unreachable, Refused."""
        body = json.dumps(
            {
                "step": request.step,
                "run": request.run,
                "terms": request.terms,
                "tasks": [{"task": t.task, "token": t.token, "input": t.input} for t in request.tasks],
            },
            separators=(",", ":"),
        ).encode()
        headers = self._headers | {"Idempotency-Key": request.id}
        if secret := settings.EVENTS_DOWNSTREAM_SECRET:
            headers["Request-Signature"] = signature(secret, body)
        status, retry_after = self._post(body, headers)
        if status in REFUSALS:
            raise Refused(f"HTTP {status}")
        if not 200 <= status < 300:
            raise Unreachable(f"it answered HTTP {status}", after_s=_seconds(retry_after))

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
        try:
            if self._connection.sock is None:
                self._connection.connect()
            self._connection.sock.settimeout(READ_S)
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            response.read(ANSWER_MAX)
            if not response.isclosed():  # longer than that: the rest would stand before the next response
                self.close()
            return response.status, response.getheader("Retry-After")
        except (OSError, http.client.HTTPException) as lost:
            self.close()
            raise Unreachable(type(lost).__name__) from None

    def close(self) -> None:
        self._connection.close()


def _seconds(retry_after: str | None) -> float | None:
    if retry_after and retry_after.isdecimal():
        return min(float(retry_after), RETRY_AFTER_MAX_S)
    return None
