"""The sandbox bank: a process of its own, with books of its own, that takes NACHA files over HTTP.

It stands where the employer's bank would, so it trusts nothing: every file goes through `ach_reader`, a key
books once, a file books once, and the books survive kill -9. They are the witness that proofs compare with.

    python -m payroll.payments.bank --state-dir DIR --port 0 [--delay-ms N]
"""

import argparse
import hashlib
import hmac
import json
import os
import secrets
import socketserver
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from payroll.payments import ach_reader
from payroll.payments.bank_process import (
    BankAddress,
    BankNotRunning,
    ensure_running,
    hold_books,
    publish,
    published,
    stop,
)

__all__ = ["BankAddress", "BankNotRunning", "BookedCredit", "books", "ensure_running", "stop"]

MAX_BODY_BYTES = 64 << 20
MOST_FINDINGS = 200
HOST = "127.0.0.1"

SCHEMA = """
create table if not exists file (
    number integer primary key, key text not null unique, sha256 text not null unique,
    entries integer not null, total_cents integer not null, booked_at text not null
);
create table if not exists credit (
    file integer not null references file, trace text not null, company_id text not null,
    individual_id text not null, name text not null, routing text not null, account text not null,
    account_type text not null, amount_cents integer not null check (amount_cents > 0),
    effective text not null, booked_at text not null, primary key (file, trace)
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class BookedCredit:
    """One credit in the bank's books, of the file with this key; its repr shows no account and no name."""

    key: UUID
    trace: str
    company_id: str
    individual_id: str
    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str
    amount_cents: int
    effective: date
    booked_at: str


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    return connection


class Books:
    """The bank's ledger in SQLite: a file and its credits are booked in one durable transaction or not."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.held = _connect(database)  # kept open: the last to close would rewrite the log at every request
        self.held.execute("pragma journal_mode = wal")
        self.held.executescript(SCHEMA)

    def receipt(self, key: UUID) -> dict[str, Any] | None:
        with closing(_connect(self.database)) as connection:
            return _file(connection, "key", str(key))

    def summary(self) -> dict[str, Any]:
        with closing(_connect(self.database)) as connection:
            files = [_as_receipt(row) for row in connection.execute(f"{_FILES} order by number")]
        total = sum(file["total_cents"] for file in files)
        return {"entries": sum(file["entries"] for file in files), "total_cents": total, "files": files}

    def book(self, key: UUID, content: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
        """Take a file: 201 booked, 200 booked before, 409 key or file used otherwise, 422 with findings."""
        sha256 = hashlib.sha256(content).hexdigest()
        read = ach_reader.read(content)
        with closing(_connect(self.database)) as connection, _transaction(connection):
            before = _file(connection, "key", str(key))
            if before is not None and before["sha256"] == sha256:
                return HTTPStatus.OK, before
            if before is not None:
                return HTTPStatus.CONFLICT, {"error": "this key was used for another file"}
            if _file(connection, "sha256", sha256) is not None:
                return HTTPStatus.CONFLICT, {"error": "this file was sent under another key"}
            findings = [asdict(finding) for finding in read.findings] or _beyond_this_bank(read)
            if findings:
                return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "the file has faults", "findings": findings}
            _enter(connection, key, sha256, read)
            return HTTPStatus.CREATED, _file(connection, "key", str(key)) or {}


_FILES = "select number, key, sha256, entries, total_cents, booked_at from file"


def _file(connection: sqlite3.Connection, column: str, value: str) -> dict[str, Any] | None:
    row = connection.execute(f"{_FILES} where {column} = ?", (value,)).fetchone()
    return None if row is None else _as_receipt(row)


def _as_receipt(row: tuple[Any, ...]) -> dict[str, Any]:
    number, key, sha256, entries, total_cents, booked_at = row
    return {
        "key": key,
        "reference": f"SANDBOX-{number:08d}",
        "sha256": sha256,
        "entries": entries,
        "total_cents": total_cents,
        "booked_at": booked_at,
    }


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _beyond_this_bank(read: ach_reader.AchFile) -> list[dict[str, Any]]:
    """A sound file can still hold what these books have no page for."""
    return [
        {"line": entry.line, "field": "transaction code", "what": "this bank books live credits only"}
        for entry in read.entries
        if entry.direction != "credit" or not entry.is_live
    ][:MOST_FINDINGS]


def _enter(connection: sqlite3.Connection, key: UUID, sha256: str, read: ach_reader.AchFile) -> None:
    booked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    number = connection.execute(
        "insert into file (key, sha256, entries, total_cents, booked_at) values (?, ?, ?, ?, ?)",
        (str(key), sha256, len(read.entries), read.credit_cents, booked_at),
    ).lastrowid
    connection.executemany(
        "insert into credit values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (number, entry.trace, batch.company_id, entry.individual_id, entry.name, entry.routing,
             entry.account, entry.account_type, entry.amount_cents, str(batch.effective), booked_at)
            for batch in read.batches
            for entry in batch.entries
        ),
    )  # fmt: skip


def books(state_dir: Path) -> list[BookedCredit]:
    """Every credit the bank booked, in booking order, read from its books without asking it."""
    database = state_dir.resolve() / "bank.sqlite"
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        rows = connection.execute(
            "select file.key, trace, company_id, individual_id, name, routing, account, account_type,"
            " amount_cents, effective, credit.booked_at from credit join file on file.number = credit.file"
            " order by file.number, trace"
        ).fetchall()
    return [BookedCredit(*(UUID(row[0]), *row[1:9], date.fromisoformat(row[9]), row[10])) for row in rows]


class _Server(ThreadingHTTPServer):
    """The counter: loopback only, one thread a request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, books: Books, token: str, delay_ms: int) -> None:
        self.books, self.token, self.delay_ms = books, token, delay_ms
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
    """One request: bearer token first, then POST /files, GET /files/<key>, GET /books or GET /ping."""

    server: _Server
    timeout = 30
    server_version = "SandboxBank"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._is_known():
            return self._answer(HTTPStatus.UNAUTHORIZED, {"error": "the bearer token is missing or wrong"})
        match self.path.split("/")[1:]:
            case ["ping"]:
                return self._answer(HTTPStatus.OK, {"pid": os.getpid()})
            case ["books"]:
                return self._answer(HTTPStatus.OK, self.server.books.summary())
            case ["files", text] if (key := _uuid(text)) is not None:
                absent = {"error": "no file was booked under this key", "key": str(key)}
                receipt = self.server.books.receipt(key)
                return self._answer(HTTPStatus.OK if receipt else HTTPStatus.NOT_FOUND, receipt or absent)
        return self._answer(HTTPStatus.NOT_FOUND, {"error": "there is nothing here"})

    def do_POST(self) -> None:
        length = self._length()
        key = _uuid(self.headers.get("Idempotency-Key", ""))
        if not self._is_known():
            self._refuse(HTTPStatus.UNAUTHORIZED, "the bearer token is missing or wrong", length)
        elif self.path != "/files":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here", length)
        elif length is None:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the length of the file is not given", length)
        elif length > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the file is over 64 MB", length)
        elif key is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "the Idempotency-Key is not a UUID", length)
        else:
            self._take(key, length)

    def _take(self, key: UUID, length: int) -> None:
        content = self.rfile.read(length)
        if len(content) < length:  # cut off on the way: part of a file is no file
            return self._answer(HTTPStatus.REQUEST_TIMEOUT, {"error": "the file was cut short"})
        try:
            status, answer = self.server.books.book(key, content)
        except sqlite3.Error:
            return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "the books could not be written"})
        time.sleep(self.server.delay_ms / 1000)  # a bank that answers late has booked all the same
        return self._answer(status, answer)

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        return hmac.compare_digest(given, f"Bearer {self.server.token}".encode())

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
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Errors of the HTTP layer itself, in JSON and without what the caller sent."""
        self._answer(code, {"error": HTTPStatus(code).phrase})

    def log_message(self, format: str, *args: object) -> None:
        """No log: paths and headers are nobody's business."""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _open_counter(state_dir: Path, port: int, delay_ms: int) -> _Server:
    """Bind where the last bank was, under the same token, so that its callers find it again.

    On any other port the token is new: whoever took the old port may have been shown the old one.
    """
    books, before = Books(state_dir / "bank.sqlite"), published(state_dir)
    old_port = urlsplit(before.get("url", "")).port or 0
    if before and port in {0, old_port}:
        try:
            return _Server(old_port, books, before["token"], delay_ms)
        except OSError:
            pass
    return _Server(port, books, secrets.token_urlsafe(32), delay_ms)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m payroll.payments.bank", description="The sandbox bank.")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=int, default=0, help="answer this late after booking a file")
    parser.add_argument("--detach", action="store_true", help="leave the caller's process tree")
    parser.add_argument("--ready-fd", type=int, help="a pipe that gets one line end once the bank accepts")
    given = parser.parse_args()
    if given.detach and os.fork():
        return 0
    os.umask(0o077)
    given.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        hold_books(given.state_dir)
    except BankNotRunning as error:
        sys.stderr.write(f"{error}\n")
        return 3
    server = _open_counter(given.state_dir, given.port, given.delay_ms)
    publish(given.state_dir, f"http://{HOST}:{server.server_port}", server.token)
    if given.ready_fd is not None:
        os.write(given.ready_fd, b"\n")
        os.close(given.ready_fd)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
