"""Bytes of one CSV file -> its rows, with the line each begins on; anything odd becomes a finding.

Read as a stream, line by line, so that a wrong file costs as much memory as its longest line may have.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from payroll.roster.cells import Refused
from payroll.roster.columns import Column, Table
from payroll.roster.findings import Findings, shown

LONGEST_ROW = 1_000_000
REMEMBERED_CELLS = 20_000
BOM = b"\xef\xbb\xbf"
UTF_16_BOMS = (b"\xff\xfe", b"\xfe\xff")
SAVE_AS = "save it as 'CSV UTF-8'"


class Unreadable(Exception):
    """The rest of the file cannot be read as CSV; the message reads "problem - what to do".

    line   where, or 0 for the whole file
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class Lines:
    """The text lines of a file, counted; raises Unreadable for bytes that are not UTF-8 text."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.number = 0
        self.begin_row()

    def begin_row(self) -> int:
        """Line that the next row begins on; from there its bytes are counted, since quotes may span lines."""
        self.row_start, self.row_bytes = self.number + 1, 0
        return self.row_start

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self.stream.readline(LONGEST_ROW + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self.row_bytes += len(raw)
        if self.row_bytes > LONGEST_ROW:
            raise Unreadable(self.row_start, "the row is longer than 1 MB - is a quote left open above?")
        if self.number == 1:
            if raw.startswith(UTF_16_BOMS):
                raise Unreadable(0, f"is UTF-16 - {SAVE_AS}")
            raw = raw.removeprefix(BOM)
        if b"\0" in raw:
            raise Unreadable(
                self.number, f"the line holds a NUL byte: UTF-16, or not a text file - {SAVE_AS}"
            )
        return self.decoded(raw)

    def decoded(self, raw: bytes) -> str:
        """Text of one line."""
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            raise Unreadable(
                self.number,
                f"byte 0x{byte:02X} is not UTF-8: Latin-1 or another old encoding - {SAVE_AS}",
            ) from None


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line it begins on, fields) of each row that is not blank, the header first; raises Unreadable."""
    with opened(path) as stream:
        lines = Lines(stream)
        reader = csv.reader(lines, strict=True)
        while True:
            start = lines.begin_row()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise Unreadable(start, explained(error)) from None
            if fields:
                yield start, fields


def opened(path: Path) -> BinaryIO:
    """The file, open for reading bytes; raises Unreadable."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise Unreadable(0, "is missing - put it into the folder") from None
    except OSError as error:
        raise Unreadable(
            0, f"cannot be read ({error.strerror}) - is it a file, and may you read it?"
        ) from None


def explained(error: csv.Error) -> str:
    """What the csv module found, in the words of someone who exports a spreadsheet."""
    said = str(error)
    if "field limit" in said:
        return "a value is longer than 128 KB - is a quote in this row never closed?"
    if "unexpected end of data" in said:
        return "a quote that opens in this row is never closed - close it, or double it inside a value"
    if "new-line character" in said:
        return "lines end in a bare carriage return - save with Windows or Unix line ends"
    return "a quoted value goes on after its closing quote - double every quote inside a value"


class Header(NamedTuple):
    """Where each column of a table is in the file: its position, or None when the file leaves it out."""

    width: int
    positions: tuple[int | None, ...]


def header(table: Table, line: int, names: Sequence[str], findings: Findings) -> Header | None:
    """Match the first row to the table's columns; None, with findings, when it cannot be used."""
    names = [name.strip(" ") for name in names]
    before = findings.total
    known = {column.name for column in table.columns}
    if known.isdisjoint(names):
        findings.add(table.file, line, "", "", f"is not the header - begin with {hint(names, table)}")
        return None
    for place, name in enumerate(names):
        if name in names[:place]:
            findings.add(table.file, line, shown(name), "", "this column is there twice - delete one of them")
        elif name not in known:
            findings.add(
                table.file,
                line,
                shown(name) or f"number {place + 1}",
                "",
                "unknown column - delete or rename it",
            )
    for column in table.columns:
        if column.required and column.name not in names:
            findings.add(table.file, line, column.name, "", "this column is missing - add it")
    if findings.total > before:
        return None
    return Header(len(names), tuple(names.index(c.name) if c.name in names else None for c in table.columns))


def hint(names: Sequence[str], table: Table) -> str:
    """What the first line should have been."""
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        return "the column names, separated by commas (this file uses another separator)"
    return f"the column names: {', '.join(column.name for column in table.columns[:3])} ..."


class Read(NamedTuple):
    """One row as far as it could be read: the table's named tuple, in which the cells of `bad` are None."""

    row: Any
    bad: frozenset[str]


class Checked(dict[str, object]):
    """Values of one column by their text: checked once per distinct text, since most columns repeat a few.

    raises   Refused, each time anew, for a text that cannot be taken
    """

    def __init__(self, column: Column) -> None:
        super().__init__()
        self.column = column

    def __missing__(self, text: str) -> object:
        value = self.read(text.strip(" "))
        if not self.column.secret and len(self) < REMEMBERED_CELLS:
            self[text] = value
        return value

    def read(self, text: str) -> object:
        """Value of a trimmed text."""
        if text:
            return self.column.check(text)
        if self.column.required and not self.column.may_empty:
            raise Refused("is empty - fill it in")
        return self.column.default


def table_rows(path: Path, table: Table, findings: Findings) -> Iterator[Read]:
    """Every row of a file as the table's named tuple; what is wrong goes into `findings`."""
    rows = csv_rows(path)
    try:
        first = next(rows, None)
        if first is None:
            raise Unreadable(0, "is empty - the first line names the columns")
        found = header(table, *first, findings)
        if found is None:
            findings.unread.add(table.file)
            return
        checked = [Checked(column) for column in table.columns]
        for line, fields in rows:
            if len(fields) == found.width and any(fields):
                cells = [fields[at] if at is not None else "" for at in found.positions]
                yield one_row(table, checked, line, cells, findings)
            else:
                findings.add(table.file, line, "", "", wrong_width(len(fields), found.width, any(fields)))
    except Unreadable as error:
        findings.unread.add(table.file)
        findings.add(table.file, error.line, "", "", str(error))


def wrong_width(found: int, expected: int, filled: bool) -> str:
    """Why a row cannot be matched to the header."""
    if not filled:
        return "the row is empty - delete it"
    return f"has {found} values where the header has {expected} - quote every value that holds a comma"


def one_row(
    table: Table, checked: Sequence[Checked], line: int, cells: Sequence[str], findings: Findings
) -> Read:
    """One row from its cells in the table's order: each cell first, then what must hold between them."""
    values: list[object] = [line]
    bad = set()
    for column, text in zip(checked, cells, strict=True):
        try:
            values.append(column[text])
        except Refused as refused:
            spec = column.column
            values.append(None)
            bad.add(spec.name)
            findings.add(table.file, line, spec.name, shown(text, secret=spec.secret), str(refused))
    row = table.row._make(values)
    for rule in table.rules:
        if (not bad or bad.isdisjoint(rule.needs)) and (problem := rule.broken(row)):
            at = table.row._fields.index(rule.needs[0]) - 1
            report = findings.add if rule.refuses else findings.warn
            value = shown(cells[at], secret=table.columns[at].secret)
            report(table.file, line, rule.needs[0], value, problem)
    return Read(row, frozenset(bad))
