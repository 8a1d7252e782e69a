"""The tables of the sandbox bank's books, and how books of an earlier bank become books of this one."""

import sqlite3
from pathlib import Path
from typing import Any

from payroll.payments import bank_script

VERSION = 2  # of `pragma user_version`; the first books knew credits only and said 0

FILE_COLUMNS = (
    *("number", "key", "kind", "sha256", "size", "status", "entries", "total_cents"),
    *("credits_cents", "debits_cents", "findings", "visible_at", "late_code", "late_entries", "booked_at"),
)
TABLES = (
    """
    create table file (
        number integer primary key, key text not null, kind text not null check (kind in ('files', 'payments')),
        sha256 text not null, size integer not null, status text not null
            check (status in ('booked', 'rejected', 'partial')),
        entries integer not null, total_cents integer not null, credits_cents integer not null,
        debits_cents integer not null, findings text not null default '[]', booked_at text not null,
        forgotten integer not null default 0, visible_at real not null default 0,
        late_code text not null default '', late_entries integer not null default 1,
        check (total_cents = credits_cents + debits_cents)
    )
    """,
    # A key the bank forgot books again: that is the fault, and the witness has to show it.
    "create unique index file_key on file (key) where not forgotten",
    "create unique index file_sha256 on file (sha256) where status = 'booked' and not forgotten",
    """
    create table movement (
        file integer not null references file, trace text not null,
        direction text not null check (direction in ('credit', 'debit')), live integer not null,
        company_id text not null, company_name text not null, sec_code text not null, description text not null,
        odfi text not null, individual_id text not null, name text not null, routing text not null,
        account text not null, account_type text not null, amount_cents integer not null,
        effective text not null, booked_at text not null, settled_on text,
        return_code text not null default '', returned_on text,
        reverses_file integer, reverses_trace text,
        primary key (file, trace), check ((amount_cents > 0) = live),
        foreign key (reverses_file, reverses_trace) references movement (file, trace)
    ) without rowid
    """,
    "create index movement_account on movement (account, routing)",
    """
    create unique index movement_reverses on movement (reverses_file, reverses_trace)
    where reverses_file is not null and return_code = ''
    """,
    bank_script.SCHEMA,
    "create table setting (name text primary key, value text not null)",
    """
    create table outgoing (
        number integer primary key, name text not null unique, kind text not null, sha256 text not null,
        content blob not null
    )
    """,
    """
    create table webhook (
        number integer primary key, id text not null unique, key text not null, body blob not null,
        next_at real not null, attempts integer not null default 0, delivered_at text
    )
    """,
)
FROM_CREDITS = (
    "alter table file rename to file_of_credits",
    *TABLES,
    """
    insert into file (number, key, kind, sha256, size, status, entries, total_cents, credits_cents,
        debits_cents, booked_at)
    select number, key, 'files', sha256, 0, 'booked', entries, total_cents, total_cents, 0, booked_at
    from file_of_credits
    """,
    """
    insert into movement (file, trace, direction, live, company_id, company_name, sec_code, description, odfi,
        individual_id, name, routing, account, account_type, amount_cents, effective, booked_at)
    select file, trace, 'credit', 1, company_id, 'UNKNOWN', 'PPD', 'PAYROLL', substr(trace, 1, 8),
        individual_id, name, routing, account, account_type, amount_cents, effective, booked_at
    from credit
    """,
    "drop table credit",
    "drop table file_of_credits",
)

MOVEMENTS = """
select movement.*, file.key, original.key as reverses_key
from movement
join file on file.number = movement.file
left join file as original on original.number = movement.reverses_file
order by file.number, trace
"""


class BooksTooNew(Exception):
    """These books were written by a later bank; this one would not understand them."""


def connect(database: Path) -> sqlite3.Connection:
    """A connection that commits by itself and waits for whoever writes."""
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    return connection


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or take over what earlier books hold; in the caller's transaction. Raises BooksTooNew."""
    version = _version(connection)
    if version > VERSION:
        raise BooksTooNew(f"the books are of version {version}, this bank knows {VERSION}")
    if version == VERSION:
        return
    for statement in FROM_CREDITS if _has_credits(connection) else TABLES:
        connection.execute(statement)
    connection.execute(f"pragma user_version = {VERSION}")


def movements(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every movement with the key of its file, by the names of the columns."""
    cursor = connection.execute(MOVEMENTS)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def for_reading(connection: sqlite3.Connection) -> sqlite3.Connection:
    """These books, or a copy in memory that is brought up to date: reading them must not change them."""
    if _version(connection) == VERSION:
        return connection
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    bring_up_to_date(copy)
    return copy


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _has_credits(connection: sqlite3.Connection) -> bool:
    statement = "select 1 from sqlite_master where type = 'table' and name = 'credit'"
    return connection.execute(statement).fetchone() is not None
