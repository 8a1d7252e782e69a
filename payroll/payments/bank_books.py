"""The sandbox bank's books in SQLite: every file it was given and every movement of money, whole or not at all.

A file and its movements are booked in one durable transaction, together with the fault of the script that
applied to it. Prenotes are recorded and move nothing. Whoever wants to know what was moved reads `movements`,
which asks no bank: the books are the witness that proofs and tests compare with.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

from payroll.payments import bank_orders, bank_schema, bank_script
from payroll.payments.bank_orders import Order, Posting
from payroll.payments.bank_post import acknowledge, keep, setting
from payroll.payments.bank_script import NOT_BOOKED, Rule

DATABASE = "bank.sqlite"
TERMS = {"lookup_lag_s": 0.0, "key_valid_s": 86_400.0}  # what it says of itself unless told otherwise
Answer = tuple[int, dict[str, Any]]


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


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of a file with this key, as the bank holds it.

    live          moves money; a prenote and a zero-dollar entry do not
    reverses      key and trace of the entry that a reversal takes back
    return_code   why it came back, "" when it did not; `returned_on` once a return file says so
    """

    key: UUID
    trace: str
    direction: str
    live: bool
    company_id: str
    sec_code: str
    description: str
    individual_id: str
    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str
    amount_cents: int
    effective: date
    booked_at: str
    settled_on: date | None = None
    return_code: str = ""
    returned_on: date | None = None
    reverses: tuple[UUID, str] | None = None


class Books:
    """The ledger that one bank process writes; every call is a transaction of its own, safe between threads."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.held = bank_schema.connect(
            database
        )  # kept open: the last to close would rewrite the log each time
        self.held.execute("pragma journal_mode = wal")
        with transaction(self.held):
            bank_schema.bring_up_to_date(self.held)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction."""
        with closing(bank_schema.connect(self.database)) as connection, transaction(connection):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with closing(bank_schema.connect(self.database)) as connection:
            yield connection

    def take(self, kind: str, key: UUID, content: bytes) -> tuple[Answer, Rule | None]:
        """What to answer to a file or to payments under a key, booked if they are, and the fault that applies.

        201 booked, 200 booked before, 409 key or bytes used otherwise, 422 with findings
        """
        order = bank_orders.read(kind, content)
        with self.writing() as connection:
            rule = bank_script.fire(connection, "send", str(key))
            do = rule.do if rule else ""
            if rule and do == "silent":
                be_silent(connection, rule.figure("seconds"))
            if do in NOT_BOOKED:
                return refusal(do), rule
            if rule and do == "partial_file":
                order = bank_orders.read(kind, content[: rule.figure("bytes")])
            return self._book(connection, key, order, rule), rule

    def _book(self, connection: sqlite3.Connection, key: UUID, order: Order, rule: Rule | None) -> Answer:
        do = rule.do if rule else ""
        before = file_under(connection, key)
        if before is not None and before["status"] == "partial":
            connection.execute("delete from file where number = ?", (before["number"],))
            before = None
        if before is not None and before["sha256"] != order.sha256:
            return HTTPStatus.CONFLICT, {"error": "this key was used for another file"}
        if before is not None and before["status"] == "rejected":
            return HTTPStatus.UNPROCESSABLE_ENTITY, {
                "error": "it was rejected",
                "findings": before["findings"],
            }
        if before is not None:
            return HTTPStatus.OK, receipt_of(before)
        if do != "partial_file" and booked_elsewhere(connection, order.sha256):
            return HTTPStatus.CONFLICT, {"error": "this file was sent under another key"}
        if order.findings and do != "partial_file":
            return HTTPStatus.UNPROCESSABLE_ENTITY, {
                "error": "the file has faults",
                "findings": order.findings,
            }
        status = {"partial_file": "partial", "reject_later": "rejected"}.get(do, "booked")
        number = _enter(connection, key, order, status, rule)
        entered = file_under(connection, key) or {}
        if status != "partial":
            acknowledge(connection, entered)
        if do == "prune_key":
            connection.execute("update file set forgotten = 1 where number = ?", (number,))
        return HTTPStatus.CREATED, receipt_of(entered)

    def find(self, kind: str, key: UUID) -> tuple[Answer, Rule | None]:
        """What to answer to a question by key: 200 the receipt, 404 none; and the fault that applies."""
        with self.writing() as connection:
            rule = bank_script.fire(connection, "find", str(key))
            if rule and rule.do == "silent":
                be_silent(connection, rule.figure("seconds"))
            if rule and rule.do in NOT_BOOKED:
                return refusal(rule.do), rule
            if rule and rule.do == "prune_key":
                connection.execute("update file set forgotten = 1 where key = ?", (str(key),))
            file = file_under(connection, key)
            if file is None or file["kind"] != kind or file["visible_at"] > time.time():
                return (
                    HTTPStatus.NOT_FOUND,
                    {"error": "nothing was booked under this key", "key": str(key)},
                ), rule
            return (HTTPStatus.OK, receipt_of(file)), rule

    def summary(self) -> dict[str, Any]:
        """The files and their totals, without a name or an account."""
        with self.reading() as connection:
            files = [receipt_of(file) for file in all_files(connection) if file["status"] == "booked"]
        sums = {name: sum(file[name] for file in files) for name in ("entries", *bank_orders.SUMS)}
        return sums | {"files": files}

    def terms(self) -> dict[str, float]:
        with self.reading() as connection:
            return {name: float(setting(connection, name) or default) for name, default in TERMS.items()}

    def is_silent(self) -> bool:
        """Whether nobody is answered just now."""
        with self.reading() as connection:
            return float(setting(connection, "silent_until") or 0) > time.time()

    def follow(self, rules: list[Rule]) -> None:
        """A new script takes the place of the old one, and ends a silence."""
        with self.writing() as connection:
            bank_script.replace(connection, rules)
            be_silent(connection, 0)


def be_silent(connection: sqlite3.Connection, seconds: float) -> None:
    keep(connection, "silent_until", str(time.time() + seconds if seconds else 0))


def refusal(do: str) -> Answer:
    """What the bank says when the script lets it refuse what is sound."""
    said: dict[str, Answer] = {
        "429": (HTTPStatus.TOO_MANY_REQUESTS, {"error": "too many requests"}),
        "rejected_file": (
            HTTPStatus.UNPROCESSABLE_ENTITY,
            {"error": "the file has faults", "findings": bank_orders.SCRIPTED},
        ),
    }
    return said.get(do, (HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "something went wrong"}))


# One page of the books; the caller owns the transaction


_FILES = f"select {', '.join(bank_schema.FILE_COLUMNS)} from file"  # noqa: S608 - names of our own


def file_under(connection: sqlite3.Connection, key: UUID) -> dict[str, Any] | None:
    """The file under a key that the bank remembers."""
    row = connection.execute(f"{_FILES} where key = ? and not forgotten", (str(key),)).fetchone()
    return None if row is None else _as_file(row)


def all_files(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every file in the order of booking, also those whose key was forgotten."""
    return [_as_file(row) for row in connection.execute(f"{_FILES} order by number")]


def _as_file(row: Sequence[Any]) -> dict[str, Any]:
    file = dict(zip(bank_schema.FILE_COLUMNS, row, strict=True))
    return file | {"reference": f"SANDBOX-{file['number']:08d}", "findings": json.loads(file["findings"])}


def receipt_of(file: dict[str, Any]) -> dict[str, Any]:
    """What a caller is shown of a file."""
    shown = ("key", "reference", "status", "sha256", "size", "entries", *bank_orders.SUMS, "booked_at")
    return {name: file[name] for name in shown}


def booked_elsewhere(connection: sqlite3.Connection, sha256: str) -> bool:
    statement = "select 1 from file where sha256 = ? and status = 'booked' and not forgotten"
    return connection.execute(statement, (sha256,)).fetchone() is not None


def _enter(connection: sqlite3.Connection, key: UUID, order: Order, status: str, rule: Rule | None) -> int:
    booked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    lag_s = rule.figure("seconds") if rule and rule.do == "lag" else 0
    late = rule.given if rule and rule.do == "late_return" and rule.given else {}
    whole = status != "partial"
    row = {
        "key": str(key), "kind": order.kind, "sha256": order.sha256, "size": order.size, "status": status,
        "entries": len(order.postings) if whole else 0,
        "total_cents": order.credits_cents + order.debits_cents if whole else 0,
        "credits_cents": order.credits_cents if whole else 0,
        "debits_cents": order.debits_cents if whole else 0,
        "findings": json.dumps(bank_orders.SCRIPTED if status == "rejected" else []),
        "visible_at": time.time() + lag_s if lag_s else 0,
        "late_code": late.get("code", ""), "late_entries": late.get("entries", 1), "booked_at": booked_at,
    }  # fmt: skip
    names, places = ", ".join(row), ", ".join("?" * len(row))
    statement = f"insert into file ({names}) values ({places})"  # noqa: S608 - names of our own
    number = connection.execute(statement, tuple(row.values())).lastrowid
    assert number is not None
    if status == "booked":
        for posting in order.postings:
            _post(connection, number, posting, booked_at)
    return number


def _post(connection: sqlite3.Connection, number: int, posting: Posting, booked_at: str) -> None:
    reverses: tuple[int | None, str | None] = (None, None)
    code = ""
    if posting.is_reversal:
        found = _reversed_by(connection, posting)
        reverses, code = (found, "") if found else ((None, None), bank_orders.BAD_REVERSAL)
    columns = posting.columns() | {
        "file": number, "booked_at": booked_at, "return_code": code,
        "reverses_file": reverses[0], "reverses_trace": reverses[1],
    }  # fmt: skip
    names, places = ", ".join(columns), ", ".join("?" * len(columns))
    statement = f"insert into movement ({names}) values ({places})"  # noqa: S608 - names of our own
    connection.execute(statement, tuple(columns.values()))


# The latest entry of the same company, account and amount that nobody took back or sent back before.
REVERSIBLE = """
select file, trace, coalesce(settled_on, effective)
from movement as original
where account = :account and routing = :routing and account_type = :account_type
  and company_id = :company_id and amount_cents = :amount_cents and direction = :taken
  and live and return_code = '' and reverses_file is null and description <> 'REVERSAL'
  and not exists (
    select 1 from movement as other
    where other.reverses_file = original.file and other.reverses_trace = original.trace and other.return_code = ''
  )
order by file desc, trace
"""


def _reversed_by(connection: sqlite3.Connection, posting: Posting) -> tuple[int, str] | None:
    """The entry that a reversal takes back, when there is one and the window is still open."""
    taken = {"credit": "debit", "debit": "credit"}[posting.direction]
    for number, trace, settled_on in connection.execute(REVERSIBLE, posting.columns() | {"taken": taken}):
        if posting.effective <= bank_orders.reversible_until(date.fromisoformat(settled_on)):
            return number, trace
    return None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


# Read without asking the bank


def books(state_dir: Path) -> list[BookedCredit]:
    """Every credit the bank booked, in booking order, read from its books without asking it."""
    return [
        BookedCredit(
            m.key, m.trace, m.company_id, m.individual_id, m.name, m.routing, m.account, m.account_type,
            m.amount_cents, m.effective, m.booked_at,
        )
        for m in movements(state_dir)
        if m.live and m.direction == "credit"
    ]  # fmt: skip


def movements(state_dir: Path) -> list[Movement]:
    """Every entry of every booked file, credits, debits and prenotes, in booking order, without asking the bank."""
    with _witness(state_dir) as connection:
        rows = bank_schema.movements(connection) if connection else []
    return [_movement(row) for row in rows]


def _movement(row: dict[str, Any]) -> Movement:
    days = {
        name: date.fromisoformat(row[name]) if row[name] else None for name in ("settled_on", "returned_on")
    }
    taken = (UUID(row["reverses_key"]), row["reverses_trace"]) if row["reverses_key"] else None
    known = {name: row[name] for name in Movement.__slots__ if name in row}
    known |= {
        "key": UUID(row["key"]),
        "live": bool(row["live"]),
        "effective": date.fromisoformat(row["effective"]),
    }
    return Movement(**known | days | {"reverses": taken})


def files(state_dir: Path) -> list[dict[str, Any]]:
    """Every file the bank was given and what became of it, also of a key it forgot; no name and no account."""
    with _witness(state_dir) as connection:
        return [receipt_of(f) for f in all_files(connection)] if connection else []


def outgoing(state_dir: Path) -> list[tuple[str, bytes]]:
    """Name and content of every file the bank laid down for its customers, oldest first."""
    with _witness(state_dir) as connection:
        statement = "select name, content from outgoing order by number"
        return list(connection.execute(statement)) if connection else []


@contextmanager
def _witness(state_dir: Path) -> Iterator[sqlite3.Connection | None]:
    database = state_dir.resolve() / DATABASE
    if not database.exists():
        yield None
        return
    with (
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)) as connection,
        closing(bank_schema.for_reading(connection)) as books,
    ):
        yield books
