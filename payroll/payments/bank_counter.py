"""The sandbox bank's counter: what it can be asked over HTTP, on the loopback only, with a bearer token.

    POST /files, /payments    a NACHA file, or payments as JSON, under an Idempotency-Key: 201, 200, 409, 422
    GET  /files/<key>, /payments/<key>      the receipt, or 404 with the key
    GET  /books /terms /script /outgoing    totals; the stated look-up lag and life of a key; rules; what to fetch
    GET  /outgoing/<name>     one file: acknowledgement, settlement report, returns, notice of change
    POST /script /terms /webhook            what goes wrong, what is stated, who is told
    POST /settle /return /notice            what happens next: see bank_returns

A fault of the script is done here: the answer held back, the connection closed or reset.
"""

import hmac
import json
import os
import socket
import socketserver
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any
from uuid import UUID

from payroll.payments import bank_post, bank_returns, bank_script
from payroll.payments.bank_books import TERMS, Answer, Books
from payroll.payments.bank_returns import Refused
from payroll.payments.bank_script import BadScript, Rule
from payroll.payments.bank_webhooks import is_address

MAX_BODY_BYTES = 64 << 20
MAX_DOCUMENT_BYTES = 1 << 20
HOST = "127.0.0.1"
TAKEN = {"/files": "files", "/payments": "payments"}
NEVER_SILENT = {"/ping", "/script"}  # the wires of those who run the bank
NO_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset
NOBODY = "the bearer token is missing or wrong"
NOTHING = "there is nothing here"


class Counter(ThreadingHTTPServer):
    """One thread a request; `rung` is set when there may be a webhook to deliver."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, books: Books, token: str, delay_ms: int) -> None:
        self.books, self.token, self.delay_ms, self.rung = books, token, delay_ms, Event()
        super().__init__((HOST, port), _Request)

    def server_bind(self) -> None:
        # HTTPServer would ask the name service for our name here, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers hang up; a traceback could show what they sent."""
        error = sys.exc_info()[0]
        if error is not None and not issubclass(error, ConnectionError | TimeoutError):
            sys.stderr.write(f"a request failed with {error.__name__}\n")


class _Request(BaseHTTPRequestHandler):
    """One request: the bearer token first, then silence if there is one, then what was asked."""

    server: Counter
    timeout = 30
    server_version = "SandboxBank"
    sys_version = ""

    def do_GET(self) -> None:  # noqa: PLR0911 - a table of paths
        if not self._is_known():
            return self._answer(HTTPStatus.UNAUTHORIZED, {"error": NOBODY})
        if self._is_silent():
            return self._hold()
        books = self.server.books
        match self.path.split("/")[1:]:
            case ["ping"]:
                return self._answer(HTTPStatus.OK, {"pid": os.getpid()})
            case ["books"]:
                return self._answer(HTTPStatus.OK, books.summary())
            case ["terms"]:
                return self._answer(HTTPStatus.OK, books.terms())
            case ["script"]:
                with books.reading() as connection:
                    return self._answer(HTTPStatus.OK, {"rules": bank_script.left(connection)})
            case ["outgoing", *name]:
                return self._outgoing("/".join(name))
            case [("files" | "payments") as kind, text] if (key := _uuid(text)) is not None:
                return self._perform(*books.find(kind, key))
        return self._answer(HTTPStatus.NOT_FOUND, {"error": NOTHING})

    def do_POST(self) -> None:
        length = self._length()
        if not self._is_known():
            self._refuse(HTTPStatus.UNAUTHORIZED, NOBODY, length)
        elif self._is_silent():
            self._hold()
        elif self.path in TAKEN:
            self._take(TAKEN[self.path], length)
        elif (does := CONTROLS.get(self.path)) is not None:
            self._control(does, length)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, NOTHING, length)

    def _take(self, kind: str, length: int | None) -> None:
        key = _uuid(self.headers.get("Idempotency-Key", ""))
        if length is None:
            return self._refuse(HTTPStatus.LENGTH_REQUIRED, "the length of the file is not given", length)
        if length > MAX_BODY_BYTES:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the file is over 64 MB", length)
        if key is None:
            return self._refuse(HTTPStatus.BAD_REQUEST, "the Idempotency-Key is not a UUID", length)
        content = self.rfile.read(length)
        if len(content) < length:  # cut off on the way: part of a file is no file
            return self._answer(HTTPStatus.REQUEST_TIMEOUT, {"error": "the file was cut short"})
        try:
            answer, rule = self.server.books.take(kind, key, content)
        except sqlite3.Error:
            unwritten = {"error": "the books could not be written"}
            return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, unwritten)
        self.server.rung.set()
        time.sleep(self.server.delay_ms / 1000)  # a bank that answers late has booked all the same
        return self._perform(answer, rule)

    def _perform(self, answer: Answer, rule: Rule | None) -> None:
        """Answer, or do what the script says instead."""
        match rule.do if rule else "":
            case "accept_and_time_out" | "silent":
                self._hold()
            case "drop_before":
                self.close_connection = True
            case "reset_after_body":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                self.rfile.close()
                self.connection.close()
            case "500_after_accept":
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "something went wrong"})
            case _:
                self._answer(*answer)

    def _hold(self) -> None:
        """Say nothing until the caller has hung up."""
        self.close_connection = True
        self.connection.settimeout(None)
        while self.connection.recv(1 << 16):
            pass

    def _control(self, does: "Control", length: int | None) -> None:
        """A command to the bank itself, as a small JSON document; done whole or refused."""
        if length is None or length > MAX_DOCUMENT_BYTES:
            return self._refuse(HTTPStatus.BAD_REQUEST, "a JSON document of at most 1 MB is wanted", length)
        try:
            document = json.loads(self.rfile.read(length) or b"{}")
            answer = does(self.server.books, document)
        except (ValueError, RecursionError):
            return self._answer(HTTPStatus.BAD_REQUEST, {"error": "that is not JSON"})
        except BadScript as bad:
            return self._answer(HTTPStatus.BAD_REQUEST, {"error": str(bad)})
        except Refused as refused:
            return self._answer(HTTPStatus.CONFLICT, {"error": str(refused)})
        self.server.rung.set()
        return self._answer(HTTPStatus.OK, answer)

    def _outgoing(self, name: str) -> None:
        with self.server.books.reading() as connection:
            if not name:
                return self._answer(HTTPStatus.OK, {"files": bank_post.laid_down(connection)})
            row = connection.execute("select content from outgoing where name = ?", (name,)).fetchone()
        if row is None:
            return self._answer(HTTPStatus.NOT_FOUND, {"error": NOTHING})
        return self._send(HTTPStatus.OK, "application/octet-stream", row[0])

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, f"Bearer {self.server.token}".encode())

    def _is_silent(self) -> bool:
        return self.path not in NEVER_SILENT and self.server.books.is_silent()

    def _length(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None

    def _refuse(self, status: HTTPStatus, error: str, length: int | None) -> None:
        """Answer, then let the caller finish what it is sending, or it would never read the answer."""
        self._answer(status, {"error": error})
        left = min(length or 0, 2 * MAX_BODY_BYTES)
        while left > 0 and (chunk := self.rfile.read(min(left, 1 << 16))):
            left -= len(chunk)

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Errors of the HTTP layer itself, in JSON and without what the caller sent."""
        self._answer(code, {"error": HTTPStatus(code).phrase})

    def log_message(self, format: str, *args: object) -> None:
        """No log: paths and headers are nobody's business."""


# Commands to the bank: a JSON document in, a JSON document out, or BadScript or Refused


Control = Callable[[Books, Any], dict[str, Any]]


def _script(books: Books, document: object) -> dict[str, Any]:
    rules = bank_script.parse(document)
    books.follow(rules)
    return {"rules": len(rules)}


def _terms(books: Books, document: object) -> dict[str, Any]:
    given = _object(document)
    if given.keys() - TERMS.keys() or not all(type(v) in {int, float} and v >= 0 for v in given.values()):
        raise Refused(f"terms are {', '.join(sorted(TERMS))}, in seconds from zero up")
    with books.writing() as connection:
        for name, value in given.items():
            bank_post.keep(connection, name, str(value))
    return books.terms()


def _webhook(books: Books, document: object) -> dict[str, Any]:
    given = _object(document)
    url, secret = given.get("url"), given.get("secret")
    if not (url == "" or is_address(url)) or not isinstance(secret, str) or not secret:
        raise Refused("url is an http or https URL, or empty to tell nobody; secret is what signs")
    with books.writing() as connection:
        bank_post.keep(connection, "webhook_url", str(url))
        bank_post.keep(connection, "webhook_secret", secret)
    return {"url": url}


def _on(
    does: Callable[[sqlite3.Connection, dict[str, Any]], dict[str, Any]],
) -> Control:
    """A command that is one transaction."""

    def command(books: Books, document: object) -> dict[str, Any]:
        given = _object(document)
        with books.writing() as connection:
            return does(connection, given)

    return command


def _object(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise Refused("a JSON object is wanted")
    return document


CONTROLS: dict[str, Control] = {
    "/script": _script,
    "/terms": _terms,
    "/webhook": _webhook,
    "/settle": _on(bank_returns.settle),
    "/return": _on(bank_returns.give_back),
    "/notice": _on(bank_returns.notice),
}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
