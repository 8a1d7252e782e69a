"""Webhooks: a signed POST, once for each try.

    Payroll-Event-Id    the same each time this is sent: deduplicate by it
    Payroll-Topic       what it is about
    Payroll-Signature   t=<unix seconds>,v1=<hex>: HMAC-SHA256 of "<t>.<body>" under PAYROLL_WEBHOOK_SECRET

A receiver takes what is signed and not older than a few minutes, and answers 2xx when it has kept it.
"""

import http.client
import io
import socket
import ssl
import time
from functools import cache
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from django.conf import settings

from events.models import Publication
from events.outbox import Undelivered
from events.signing import signature
from payroll.subscribers import message

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_S = 3.0  # to each address of the host
TOTAL_S = 5.0  # from the start to the answer's status, however slowly it drips


def send(url: str, publication: Publication) -> None:
    """POST it. Raises Undelivered for any answer but 2xx; a redirect is not followed, it may lead anywhere."""
    until = time.monotonic() + TOTAL_S
    parts, body = urlsplit(url), message.text(publication).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "payroll",
        "Payroll-Event-Id": str(publication.id),
        "Payroll-Topic": publication.topic,
        "Payroll-Signature": signature(settings.PAYROLL_WEBHOOK_SECRET, body),
    }
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=_trusted())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=CONNECT_S)
    )
    try:
        connection.connect()
        connection.sock.settimeout(_left_s(until))
        connection.request(
            "POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers
        )
        answer = http.client.HTTPResponse(cast(socket.socket, _Until(connection.sock, until)), method="POST")
        answer.begin()
        status = answer.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Undelivered(f"the webhook does not answer ({type(error).__name__})") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Undelivered(f"the webhook answers {status}")


class _Until(io.RawIOBase):
    """What a socket gives up to a moment: its own timeout begins anew with every byte."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock, self._until = sock, until

    def makefile(self, mode: str) -> io.BufferedReader:
        """What an HTTPResponse asks of its socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._sock.settimeout(_left_s(self._until))
        return self._sock.recv_into(buffer)


def _left_s(until: float) -> float:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
