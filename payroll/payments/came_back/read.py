"""Reading a file of returns and notifications of change, record by record.

source   Nacha Operating Rules, appendix 3 (record layouts), appendix 4 (returns), appendix 5 (changes)
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from payroll.calc import aba
from payroll.payments.came_back.corrected import Corrected, corrected
from payroll.payments.came_back.records import CameBack, Change, Finding, Original, Return

RECORD_LENGTH, BLOCKING_FACTOR = 94, 10
MAX_FINDINGS = 100
NOTIFICATION = "COR"
# Transaction codes of what comes back: account type, and the direction of the entry that was sent
SENT_AS = {
    "21": ("checking", "credit"),
    "26": ("checking", "debit"),
    "31": ("savings", "credit"),
    "36": ("savings", "debit"),
}
DIRECTIONS = {"200": {"credit", "debit"}, "220": {"credit"}, "225": {"debit"}}
DEATHS = {"R14", "R15"}


class _Totals:
    """What a control record must say of the records before it."""

    def __init__(self) -> None:
        self.records = self.hash = self.debits_cents = self.credits_cents = 0

    def add(self, other: "_Totals") -> None:
        self.records += other.records
        self.hash = (self.hash + other.hash) % 10**10
        self.debits_cents += other.debits_cents
        self.credits_cents += other.credits_cents


@dataclass(slots=True)
class _Batch:
    """The header of the batch being read, and what has been read of it."""

    line: int
    header: str
    totals: _Totals
    last_trace: str = ""

    @property
    def notifies(self) -> bool:
        return self.header[50:53] == NOTIFICATION


def read(content: bytes) -> CameBack:
    """Read a file of returns (addenda 99) and notifications of change (addenda 98), as strictly as a payment file.

    A file that is sound in itself may still name an entry that was never sent: that is the importer's question.
    """
    reading = _Reading()
    lines = reading.lines(content)
    if not reading.findings:
        reading.records(lines)
    findings = tuple(sorted(reading.findings)[:MAX_FINDINGS])
    if findings:
        return CameBack(reading.created, (), (), findings)
    return CameBack(reading.created, tuple(reading.returns), tuple(reading.changes), ())


class _Reading:
    """The state of one pass over the lines."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.created: datetime | None = None
        self.returns: list[Return] = []
        self.changes: list[Change] = []
        self.totals = _Totals()
        self.batches = 0
        self.last_batch = "0" * 7
        self.traces: set[str] = set()
        self.told: set[tuple[object, ...]] = set()

    def check(self, sound: object, line: int, name: str, what: str) -> bool:
        if not sound:
            self.findings.append(Finding(line, name, what))
        return bool(sound)

    def lines(self, content: bytes) -> list[str]:
        """The records, when all are 94 printable characters and end alike."""
        end = b"\r\n" if b"\r\n" in content[: RECORD_LENGTH + 2] else b"\n"
        rows = content.removesuffix(end).split(end)
        if len(content) < len(rows) * RECORD_LENGTH:
            self.findings.append(Finding(0, "file", "the records are too short to be read"))
            return []
        for number, row in enumerate(rows, start=1):
            sound = len(row) == RECORD_LENGTH and all(0x20 <= byte <= 0x7E for byte in row)
            self.check(sound, number, "record", "not 94 printable characters")
        self.check(
            len(rows) % BLOCKING_FACTOR == 0, 0, "blocking", "not filled to whole blocks of ten records"
        )
        return [row.decode("ascii", "replace") for row in rows]

    def records(self, rows: Sequence[str]) -> None:
        """Take the lines in the one order they may have: 1, then 5 (6 7)… 8, then 9, then nines."""
        numbered = iter(enumerate(rows, start=1))
        line, row = next(numbered)
        if not self.check(row[0] == "1", line, "record type", "the first record is no file header"):
            return
        self.file_header(line, row)
        for line, row in numbered:
            if row[0] == "9":
                self.check(self.batches, line, "record type", "no batch comes before the file control")
                self.file_control(line, row, len(rows))
                for after, filler in numbered:
                    self.check(
                        filler == "9" * RECORD_LENGTH, after, "filler", "a record after the file control"
                    )
                return
            if not self.check(
                row[0] == "5", line, "record type", "a batch header or the file control is due"
            ):
                return
            if not self.batch(line, row, numbered):
                return
        self.check(False, len(rows), "record type", "there is no file control")

    def batch(self, line: int, header: str, numbered: Iterator[tuple[int, str]]) -> bool:
        """One batch up to its control; False when its records are out of order and reading on would mean nothing."""
        self.batches += 1
        batch = _Batch(line, header, _Totals())
        self.batch_header(line, header)
        for at, row in numbered:
            if row[0] == "8":
                self.check(batch.totals.records, at, "record type", "no entry comes before the batch control")
                self.batch_control(at, row, batch)
                self.totals.add(batch.totals)
                return True
            if not self.check(row[0] == "6", at, "record type", "an entry or the batch control is due"):
                return False
            after, addenda = next(numbered, (at, " "))
            if not self.check(addenda[0] == "7", after, "record type", "the addenda of an entry is due"):
                return False
            self.entry(at, row, batch)
            self.addenda(after, addenda, row, batch)
        self.check(False, line, "record type", "the batch has no control")
        return False

    def file_header(self, line: int, row: str) -> None:
        for first, last, value, name in (
            (1, 3, "01", "priority code"),
            (34, 37, "094", "record size"),
            (37, 39, "10", "blocking factor"),
            (39, 40, "1", "format code"),
        ):
            self.check(row[first:last] == value, line, name, "not what the format has")
        self.check(row[3:13].strip(), line, "immediate destination", "blank")
        self.check(row[13:23].strip(), line, "immediate origin", "blank")
        self.check(re.fullmatch("[A-Z0-9]", row[33]), line, "file id modifier", "not one of A-Z, 0-9")
        day = _day(row[23:29])
        at = _time(row[29:33])
        self.check(day, line, "file creation date", "no date")
        self.check(at is not None, line, "file creation time", "no time of day")
        if day and at is not None:
            self.created = datetime(day.year, day.month, day.day, *at)  # noqa: DTZ001 - the bank's, as it stands

    def batch_header(self, line: int, row: str) -> None:
        self.check(row[1:4] in DIRECTIONS, line, "service class", "not 200, 220 or 225")
        self.check(row[4:20].strip(), line, "company name", "blank")
        self.check(row[40:50].strip(), line, "company identification", "blank")
        self.check(
            row[50:53] in {"PPD", "CCD", NOTIFICATION}, line, "standard entry class", "not PPD, CCD or COR"
        )
        self.check(row[53:63].strip(), line, "entry description", "blank")
        blank = not row[69:75].strip(" 0")
        self.check(blank or _day(row[69:75]), line, "effective entry date", "no date")
        self.check(_is_day_of_year(row[75:78]), line, "settlement date", "not 001 to 366")
        self.check(row[78] in "012", line, "originator status", "not 0, 1 or 2")
        self.check(_digits(row[79:87]), line, "odfi identification", "not eight digits")
        number = row[87:94]
        self.check(_digits(number) and number > self.last_batch, line, "batch number", "not ascending")
        self.last_batch = number

    def entry(self, line: int, row: str, batch: _Batch) -> None:
        known = self.check(
            row[1:3] in SENT_AS, line, "transaction code", "not one of what comes back: 21, 26, 31, 36"
        )
        self.check(aba.is_routing_number(row[3:12]), line, "routing number", "its check digit does not hold")
        self.check(row[12:29].strip(), line, "account number", "blank")
        self.check(row[78] == "1", line, "addenda indicator", "not 1")
        amount = self.check(_digits(row[29:39]), line, "amount", "not ten digits")
        if batch.notifies:
            self.check(row[29:39] == "0" * 10, line, "amount", "not zero in a notification of change")
        trace = row[79:94]
        self.check(_digits(trace), line, "trace number", "not fifteen digits")
        self.check(trace[:8] == batch.header[79:87], line, "trace number", "not of the bank of its batch")
        self.check(trace > batch.last_trace, line, "trace number", "not ascending in the batch")
        self.check(trace not in self.traces, line, "trace number", "twice in the file")
        self.traces.add(trace)
        batch.last_trace = trace
        batch.totals.records += 2  # the entry and its addenda
        if _digits(row[3:11]):
            batch.totals.hash = (batch.totals.hash + int(row[3:11])) % 10**10
        if not known:
            return
        direction = SENT_AS[row[1:3]][1]
        allowed = DIRECTIONS.get(batch.header[1:4], {direction})
        self.check(direction in allowed, line, "transaction code", "not of the batch's service class")
        if amount and direction == "credit":
            batch.totals.credits_cents += int(row[29:39])
        elif amount:
            batch.totals.debits_cents += int(row[29:39])

    def addenda(self, line: int, row: str, entry: str, batch: _Batch) -> None:
        before = len(self.findings)
        kind, code = row[1:3], row[3:6]
        self.check(
            kind == ("98" if batch.notifies else "99"),
            line,
            "addenda type",
            "not the batch's: 99, or 98 in COR",
        )
        self.check(_digits(row[6:21]), line, "original trace number", "not fifteen digits")
        self.check(_digits(row[27:35]), line, "original rdfi identification", "not eight digits")
        self.check(row[79:94] == entry[79:94], line, "trace number", "not that of its entry")
        what: Corrected | str = ""
        if batch.notifies:
            self.check(not row[21:27].strip(), line, "reserved", "not blank")
            self.check(not row[64:79].strip(), line, "reserved", "not blank")
            what = corrected(code, row[35:64])
            self.check(isinstance(what, Corrected), line, "corrected data", str(what))
        else:
            self.check_return(line, row)
        if len(self.findings) > before or entry[1:3] not in SENT_AS or not _digits(entry[29:39]):
            return
        original = _original(row, entry, batch.header)
        told = (batch.notifies, code, original.company_id, original.effective, original.trace, entry[12:54])
        self.check(told not in self.told, line, "original trace number", "told twice in the file")
        self.told.add(told)
        if isinstance(what, Corrected):
            self.changes.append(Change(line, code, original, row[79:94], what))
        else:
            died_on, remark = _day(row[21:27]), row[35:79].strip()
            self.returns.append(Return(line, code, original, row[79:94], died_on, remark))

    def check_return(self, line: int, row: str) -> None:
        code, died = row[3:6], row[21:27].strip(" 0")
        # R61 and above pass between banks about a return that one of them does not accept.
        self.check(re.fullmatch(r"R[0-9]{2}", code), line, "return reason code", "not R and two digits")
        self.check(
            not "R61" <= code <= "R77", line, "return reason code", "of a dishonored return: ask the bank"
        )
        self.check(not died or _day(row[21:27]), line, "date of death", "no date")
        self.check(not died or code in DEATHS, line, "date of death", "only with R14 and R15")

    def batch_control(self, line: int, row: str, batch: _Batch) -> None:
        header = batch.header
        self.check(row[1:4] == header[1:4], line, "service class", "not that of the batch header")
        self.check_totals(line, row, 4, 6, batch.totals)
        # Some banks set it to the left in one of the two records and to the right in the other.
        same = row[44:54].strip() == header[40:50].strip()
        self.check(same, line, "company identification", "not that of the batch header")
        self.check(not row[54:73].strip(), line, "message authentication code", "not blank")
        self.check(not row[73:79].strip(), line, "reserved", "not blank")
        self.check(row[79:87] == header[79:87], line, "odfi identification", "not that of the batch header")
        self.check(row[87:94] == header[87:94], line, "batch number", "not that of the batch header")

    def file_control(self, line: int, row: str, records: int) -> None:
        self.check(row[1:7] == f"{self.batches:06d}", line, "batch count", "not what the file has")
        blocks = f"{records // BLOCKING_FACTOR:06d}"
        self.check(row[7:13] == blocks, line, "block count", "not what the file has")
        self.check_totals(line, row, 13, 8, self.totals)
        self.check(not row[55:94].strip(), line, "reserved", "not blank")

    def check_totals(self, line: int, row: str, at: int, width: int, totals: _Totals) -> None:
        """Entry and addenda count, entry hash, debits and credits: from column `at`, the count `width` wide."""
        for length, counted, name in (
            (width, totals.records, "entry count"),
            (10, totals.hash, "entry hash"),
            (12, totals.debits_cents, "total debits"),
            (12, totals.credits_cents, "total credits"),
        ):
            self.check(
                row[at : at + length] == f"{counted:0{length}d}", line, name, "not what the entries add up to"
            )
            at += length


def _original(addenda: str, entry: str, header: str) -> Original:
    account_type, direction = SENT_AS[entry[1:3]]
    return Original(
        trace=addenda[6:21],
        company_id=header[40:50].strip(),
        effective=_day(header[69:75]),
        routing8=addenda[27:35],
        account=entry[12:29].strip(),
        account_type=account_type,
        direction=direction,
        amount_cents=int(entry[29:39]),
        individual_id=entry[39:54].strip(),
        name=entry[54:76].strip(),
    )


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _day(text: str) -> date | None:
    """YYMMDD of this century, or None."""
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:])) if _digits(text) else None
    except ValueError:
        return None


def _time(text: str) -> tuple[int, int] | None:
    """HHMM, or midnight for blanks; None when it is neither."""
    if not text.strip():
        return 0, 0
    hour, minute = (int(text[:2]), int(text[2:])) if _digits(text) else (24, 0)
    return (hour, minute) if hour < 24 and minute < 60 else None


def _is_day_of_year(text: str) -> bool:
    return not text.strip() or (_digits(text) and 1 <= int(text) <= 366)
