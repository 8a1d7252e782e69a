"""The sandbox bank's post: files laid down for its customers to fetch, webhooks to deliver, and its few settings.

Everything here is a row of the books, written in the transaction of what it tells about: the bank that is killed
tells nothing that did not happen, and forgets nothing that did.
"""

import hashlib
import json
import sqlite3
import time
from typing import Any


def acknowledge(connection: sqlite3.Connection, file: dict[str, Any]) -> None:
    """Lay down whether a file was accepted, for its sender to fetch, and tell who asked to be told."""
    document = {
        "type": "acknowledgement",
        "status": "accepted" if file["status"] == "booked" else "rejected",
        **{name: file[name] for name in ("key", "sha256", "reference", "entries", "total_cents", "findings")},
    }
    lay_down(connection, "acknowledgement", canonical(document))
    if file["kind"] == "payments":
        tell(connection, file["key"], document)


def lay_down(connection: sqlite3.Connection, kind: str, content: bytes) -> str:
    """Put a file where the bank's customers fetch theirs; its name."""
    (number,) = connection.execute("select coalesce(max(number), 0) + 1 from outgoing").fetchone()
    suffix = "json" if content.startswith(b"{") else "ach"
    name = f"{number:06d}-{kind}.{suffix}"
    statement = "insert into outgoing (number, name, kind, sha256, content) values (?, ?, ?, ?, ?)"
    connection.execute(statement, (number, name, kind, hashlib.sha256(content).hexdigest(), content))
    return name


def laid_down(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """What there is to fetch, oldest first."""
    rows = connection.execute("select name, kind, sha256, length(content) from outgoing order by number")
    return [dict(zip(("name", "kind", "sha256", "size"), row, strict=True)) for row in rows]


def tell(connection: sqlite3.Connection, key: str, document: dict[str, Any]) -> None:
    """Have a webhook delivered, at least once, when an address is registered."""
    if not setting(connection, "webhook_url"):
        return
    (number,) = connection.execute("select coalesce(max(number), 0) + 1 from webhook").fetchone()
    identity = hashlib.sha256(b"%d.%s" % (number, canonical(document))).hexdigest()[:32]
    body = canonical({"id": f"msg_{identity}"} | document)
    statement = "insert into webhook (number, id, key, body, next_at) values (?, ?, ?, ?, ?)"
    connection.execute(statement, (number, f"msg_{identity}", key, body, time.time()))


def canonical(document: dict[str, Any]) -> bytes:
    """The one way in which the bank writes a document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def setting(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("select value from setting where name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def keep(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("insert or replace into setting (name, value) values (?, ?)", (name, value))
