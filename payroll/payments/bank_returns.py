"""What happens at the sandbox bank after a file was booked: settlement, returns, notifications of change."""

import hashlib
import re
import sqlite3
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from payroll.payments import ach_fields, bank_files
from payroll.payments.bank_post import canonical, lay_down, tell

RETURN_CODE = re.compile(r"R[0-9]{2}")
CHANGE_CODE = re.compile(r"C[0-9]{2}")
DATA = re.compile(r"[ -`{-~]{1,29}")


class Refused(Exception):
    """The bank cannot do that: one sentence, without what was asked about."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry in the books: its file, its trace, and whether it came as a file or as a payment."""

    file: int
    trace: str
    kind: str


def settle(connection: sqlite3.Connection, given: dict[str, Any]) -> dict[str, Any]:
    """Settle everything booked and effective by {"on": date}; a report is laid down, then what comes back of it.

    raises   Refused
    """
    _only(given, {"on"})
    on = _banking_day(given.get("on"))
    rows = connection.execute(SETTLED, (str(on),)).fetchall()
    columns = ("number", "kind", "key", "sha256", "entries", "credits_cents", "debits_cents")
    done = [dict(zip(columns, row, strict=True)) for row in rows]
    connection.execute(
        "update movement set settled_on = ?1 where settled_on is null and effective <= ?1", (str(on),)
    )
    files = [_settled(file) for file in done]
    names = []
    if files:
        names.append(lay_down(connection, "settlement", canonical(_report(on, files))))
    for file, row in zip(files, done, strict=True):
        if row["kind"] == "payments":
            tell(connection, row["key"], _report(on, [file]))
        _bring_late(connection, row["number"])
    names += _send_back(connection, on)
    return {"settled": sum(file["entries"] for file in files), "files": names}


SETTLED = """
select file.number, file.kind, file.key, file.sha256, count(*),
    sum(case when direction = 'credit' then amount_cents else 0 end),
    sum(case when direction = 'debit' then amount_cents else 0 end)
from movement
join file on file.number = movement.file
where settled_on is null and effective <= ?
group by file.number
order by file.number
"""


def _settled(file: dict[str, Any]) -> dict[str, Any]:
    named = {name: file[name] for name in ("key", "sha256", "entries", "credits_cents", "debits_cents")}
    return named | {"reference": f"SANDBOX-{file['number']:08d}"}


def _report(on: date, files: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "settlement", "settled_on": str(on), "files": files}


def _bring_late(connection: sqlite3.Connection, number: int) -> None:
    """The script wants some of a settled file to come back."""
    select = "select late_code, late_entries from file where number = ? and late_code <> ''"
    for code, entries in connection.execute(select, (number,)).fetchall():
        connection.execute(
            "update movement set return_code = ?2 where file = ?1 and trace in (select trace from movement"
            " where file = ?1 and live and return_code = '' order by trace limit ?3)",
            (number, code, entries),
        )
        connection.execute("update file set late_code = '' where number = ?", (number,))


def give_back(connection: sqlite3.Connection, given: dict[str, Any]) -> dict[str, Any]:
    """Return entries, with all that is due to come back besides: {"traces": […] or "share": 0.01, "code": "R03"}.

    "key" says which file is meant, "on" the day (today, or the next banking day, when absent). A share is of the
    settled credits that did not come back before, spread by their hash.
    raises   Refused: then nothing comes back
    """
    _only(given, {"traces", "share", "code", "key", "on"})
    on, code = _banking_day(given.get("on")), given.get("code", "R03")
    if not (isinstance(code, str) and RETURN_CODE.fullmatch(code)):
        raise Refused("code is R and two digits")
    share, traces = given.get("share"), given.get("traces", [])
    if share is not None and traces:
        raise Refused("give traces or a share, not both")
    key = str(given.get("key", ""))
    chosen = _by_trace(connection, traces, key) if share is None else _share(connection, share, key)
    for found in chosen:
        row = "select return_code from movement where file = ? and trace = ?"
        if connection.execute(row, (found.file, found.trace)).fetchone()[0]:
            raise Refused("an entry that came back before does not come back")
        statement = "update movement set return_code = ? where file = ? and trace = ?"
        connection.execute(statement, (code, found.file, found.trace))
    return {"returned": len(chosen), "files": _send_back(connection, on)}


def _share(connection: sqlite3.Connection, share: object, key: str) -> list[Found]:
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share <= 1:
        raise Refused("share is a number from 0 to 1")
    rows = connection.execute(
        "select file, trace, kind, key from movement join file on file.number = movement.file"
        " where live and direction = 'credit' and settled_on is not null and return_code = ''"
        " and (?1 = '' or key = ?1)",
        (key,),
    ).fetchall()
    rows.sort(key=lambda row: hashlib.sha256(f"{row[3]}{row[0]}{row[1]}".encode()).digest())
    return [Found(*row[:3]) for row in rows[: round(share * len(rows))]]


def _by_trace(connection: sqlite3.Connection, traces: object, key: str) -> list[Found]:
    if not isinstance(traces, list) or not all(isinstance(trace, str) for trace in traces):
        raise Refused("traces is a list of trace numbers")
    if len(set(traces)) != len(traces):
        raise Refused("a trace number is there twice")
    return [_entry(connection, trace, key) for trace in traces]


def _entry(connection: sqlite3.Connection, trace: str, key: str) -> Found:
    rows = connection.execute(
        "select file, trace, kind from movement join file on file.number = movement.file"
        " where trace = ?1 and (?2 = '' or key = ?2) limit 2",
        (trace, key),
    ).fetchall()
    if not rows:
        raise Refused("no entry was booked under this trace number")
    if len(rows) > 1:
        raise Refused("several files have this trace number: say which by its key")
    return Found(*rows[0])


def notice(connection: sqlite3.Connection, given: dict[str, Any]) -> dict[str, Any]:
    """Notify of a change: {"trace": …, "code": "C01", "data": …}, and "key" and "on" as for a return.

    raises   Refused
    """
    _only(given, {"trace", "code", "data", "key", "on"})
    on, code, data = _banking_day(given.get("on")), given.get("code"), given.get("data")
    if not (isinstance(code, str) and CHANGE_CODE.fullmatch(code)):
        raise Refused("code is C and two digits")
    if not (isinstance(data, str) and DATA.fullmatch(data)):
        raise Refused("data is upper-case text of 1 to 29 characters")
    found = _entry(connection, str(given.get("trace")), str(given.get("key", "")))
    if found.kind != "files":
        raise Refused("a payment has no notice of change: only an entry of a file has")
    original = _original(connection, found.file, found.trace, code, data)
    content = bank_files.notice_file([original], on, _next_number(connection))
    return {"files": [lay_down(connection, "notice", content)]}


def _send_back(connection: sqlite3.Connection, on: date) -> list[str]:
    """Everything that is due to come back, as one file and one document of payments; what was laid down."""
    due = connection.execute(
        "select file, trace, kind, key, return_code, amount_cents from movement"
        " join file on file.number = movement.file"
        " where return_code <> '' and returned_on is null order by file, trace"
    ).fetchall()
    connection.execute(
        "update movement set returned_on = ? where return_code <> '' and returned_on is null", (str(on),)
    )
    names = []
    if entries := [row for row in due if row[2] == "files"]:
        originals = [_original(connection, row[0], row[1], row[4]) for row in entries]
        content = bank_files.return_file(originals, on, _next_number(connection))
        names.append(lay_down(connection, "return", content))
    by_key: dict[str, list[dict[str, Any]]] = {}
    for _, trace, kind, key, code, amount_cents in due:
        if kind == "payments":
            payment = {"payment": trace, "code": code, "amount_cents": amount_cents, "returned_on": str(on)}
            by_key.setdefault(key, []).append(payment)
    for key, returns in by_key.items():
        document = {"type": "return", "key": key, "returns": returns}
        names.append(lay_down(connection, "return", canonical(document)))
        tell(connection, key, document)
    return names


def _original(
    connection: sqlite3.Connection, number: int, trace: str, code: str, data: str = ""
) -> bank_files.Original:
    columns = [column.name for column in fields(bank_files.Original)][:-2]
    statement = f"select {', '.join(columns)} from movement where file = ? and trace = ?"  # noqa: S608
    row = connection.execute(statement, (number, trace)).fetchone()
    return bank_files.Original(**dict(zip(columns, row, strict=True)), code=code, data=data)


def _next_number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select count(*) from outgoing").fetchone()[0])


def _banking_day(text: object) -> date:
    """The day that was given, or the first banking day from today on."""
    if text is None:
        day = datetime.now(UTC).date()
        while not ach_fields.is_banking_day(day):
            day += timedelta(1)
        return day
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        raise Refused("on is a date, as 2026-11-20") from None
    if not ach_fields.is_banking_day(day):
        raise Refused("on is not a banking day")
    return day


def _only(given: dict[str, Any], names: set[str]) -> None:
    if given.keys() - names:
        raise Refused(f"only {', '.join(sorted(names))} may be given")
