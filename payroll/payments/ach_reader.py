"""An independent reader of the NACHA files an originator sends: what a file says, and what is wrong with it.

It shares no code and no tables with the writer, so that a mistake made there is not made again here. It never
raises on content: what it cannot read it reports as a finding. Files that come back from a bank (returns,
notifications of change) are not for this reader; their codes are findings here.

source   Nacha Operating Rules, appendix 3; Federal Reserve holiday schedule (Saturday holidays are not moved)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from payroll.payments import ach_fields as fields
from payroll.payments.ach_fields import CREDIT, DEBIT, cut, digits

MOST_FINDINGS = 200  # a file of noise must not become a list as long as itself


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: its line (from 1; 0 is the file as a whole), the field, what is wrong; never a value."""

    line: int
    field: str
    what: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry detail with its addenda; routing has all nine digits, direction is credit or debit."""

    line: int
    transaction_code: str
    routing: str
    account: str = field(repr=False)
    amount_cents: int
    individual_id: str
    name: str = field(repr=False)
    trace: str
    addenda: tuple[str, ...] = field(default=(), repr=False)

    @property
    def direction(self) -> str:
        return fields.DIRECTIONS.get(self.transaction_code, "")

    @property
    def account_type(self) -> str:
        return fields.ACCOUNT_TYPES.get(self.transaction_code[:1], "")

    @property
    def is_live(self) -> bool:
        """Moves money: neither a prenote nor a zero-dollar entry."""
        return self.transaction_code in fields.LIVE


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch; effective is None when its date cannot be read."""

    line: int
    service_class: str
    company_name: str
    company_id: str
    sec_code: str
    description: str
    effective: date | None
    odfi: str
    number: str
    entries: tuple[Entry, ...] = ()

    @property
    def is_reversal(self) -> bool:
        return self.description == "REVERSAL"


@dataclass(frozen=True, slots=True)
class AchFile:
    """What was read; without findings the file is sound, and its totals are those of its entries."""

    destination: str
    origin: str
    created: datetime | None
    modifier: str
    batches: tuple[Batch, ...]
    findings: tuple[Finding, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for batch in self.batches for entry in batch.entries)

    @property
    def credit_cents(self) -> int:
        return _cents(self.entries, CREDIT)

    @property
    def debit_cents(self) -> int:
        return _cents(self.entries, DEBIT)


def read(content: bytes) -> AchFile:
    """Read and check a whole file: faults go to `.findings`, the first 200; nothing is raised."""
    reading = _Reading()
    try:
        reading.follow(content)
    except _TooMany:
        reading.findings.append(Finding(0, "file", "there are more findings than are listed"))
    header = reading.header
    return AchFile(
        destination=header.get("immediate destination", "").strip(),
        origin=header.get("immediate origin", "").strip(),
        created=fields.moment_of(header.get("file creation date", ""), header.get("file creation time", "")),
        modifier=header.get("file id modifier", ""),
        batches=tuple(replace(batch, entries=tuple(entries)) for batch, entries in reading.batches),
        findings=tuple(sorted(reading.findings, key=lambda finding: finding.line or 1 << 40)),
    )


class _TooMany(Exception):
    """The list of findings is full."""


@dataclass(slots=True)
class _Sums:
    """What the controls must say: entries and addenda, routing hash, cents by direction."""

    count: int = 0
    hash: int = 0
    cents: dict[str, int] = field(default_factory=lambda: {CREDIT: 0, DEBIT: 0})

    def add(self, other: "_Sums") -> None:
        self.count += other.count
        self.hash += other.hash
        for direction, cents in other.cents.items():
            self.cents[direction] += cents

    def expected(self) -> dict[str, int]:
        return {
            "entry count": self.count,
            "entry hash": self.hash % 10**10,
            "total debits": self.cents[DEBIT],
            "total credits": self.cents[CREDIT],
        }


class _Reading:
    """The state of one pass over the records: the open batch, the running sums, the findings so far."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.line = 0  # the line being read; 0 speaks of the file as a whole
        self.header: dict[str, str] = {}
        self.open: dict[str, str] = {}  # the fields of the batch header in force
        self.batches: list[tuple[Batch, list[Entry]]] = []
        self.sums, self.total = _Sums(), _Sums()
        self.traces: set[str] = set()
        self.last = self.last_trace = self.last_number = ""
        self.addenda_due = False
        self.records = 0

    def expect(self, sound: bool, field: str, what: str, line: int | None = None) -> None:
        if sound:
            return
        if len(self.findings) >= MOST_FINDINGS:
            raise _TooMany
        self.findings.append(Finding(self.line if line is None else line, field, what))

    def expect_text(self, record: dict[str, str], **due: str) -> None:
        """Each named field (underscores for blanks) holds exactly this text."""
        for name, text in due.items():
            field = name.replace("_", " ")
            self.expect(record[field] == text, field, f"not {text}" if text.strip() else "not blank")

    def expect_filled(self, record: dict[str, str], *names: str) -> None:
        for name in names:
            self.expect(record[name].strip() != "", name, "empty")

    def follow(self, content: bytes) -> None:
        lines = self.split(content)
        self.records = len(lines)
        for self.line, line in enumerate(lines, start=1):
            self.expect(len(line) == fields.WIDTH, "record", "not 94 columns")
            self.expect(not fields.FOREIGN.search(line), "record", "a character outside upper-case ASCII")
            if self.last == "9":
                self.expect(line == "9" * fields.WIDTH, "filler", "something else follows the file control")
            else:
                self.record(line)
        self.expect(self.last == "9", "record type", "the file does not end with a file control")
        self.expect(len(lines) % 10 == 0, "blocking", "the records do not fill blocks of ten")

    def split(self, content: bytes) -> list[str]:
        """The records without line ends (LF or CRLF, one kind); no list is made of a flood of line ends."""
        ends, pairs = content.count(b"\n"), content.count(b"\r\n")
        self.expect(content != b"", "file", "the file is empty")
        self.expect(pairs in {0, ends}, "file", "the line ends are mixed")
        if ends > len(content) // 40 + 100:
            self.expect(False, "file", "the records are too short to be read")
            return []
        lines = content.decode("latin-1").split("\r\n" if pairs and pairs == ends else "\n")
        return lines[:-1] if lines[-1] == "" else lines

    def record(self, line: str) -> None:
        kind = line[:1]
        self.expect(kind != "" and kind in fields.NEXT[self.last], "record type", "it cannot come here")
        if kind != "7":
            self.expect(not self.addenda_due, "addenda indicator", "the announced addenda is missing")
            self.addenda_due = False
        match kind:
            case "1":
                self.file_header(cut(fields.FILE_HEADER, line))
            case "5":
                self.batch_header(cut(fields.BATCH_HEADER, line))
            case "6":
                self.entry(cut(fields.ENTRY, line))
            case "7":
                self.addenda(cut(fields.ADDENDA, line))
            case "8":
                self.batch_control(cut(fields.BATCH_CONTROL, line))
            case "9":
                self.file_control(cut(fields.FILE_CONTROL, line))
            case _:
                return
        self.last = kind

    def file_header(self, record: dict[str, str]) -> None:
        self.header = record
        self.expect_text(record, priority_code="01", record_size="094", blocking_factor="10", format_code="1")
        self.expect_filled(record, "immediate origin")
        to, at = record["immediate destination"], record["file creation time"]
        sound = to[:1] == " " and fields.is_routing(to[1:])
        self.expect(sound, "immediate destination", "not a blank and a routing number")
        self.expect(
            fields.day_of(record["file creation date"]) is not None, "file creation date", "not a date"
        )
        clock = not at.strip() or fields.CLOCK.fullmatch(at)
        self.expect(bool(clock), "file creation time", "not a time of day")
        modifier = fields.MODIFIER.fullmatch(record["file id modifier"])
        self.expect(bool(modifier), "file id modifier", "not A-Z, 0-9")

    def batch_header(self, record: dict[str, str]) -> None:
        self.open = record
        number, effective = record["batch number"], fields.day_of(record["effective entry date"])
        sec_code = record["standard entry class"]
        self.expect(record["service class"] in fields.ALLOWED, "service class", "not 200, 220 or 225")
        self.expect_filled(record, "company name", "company identification", "entry description")
        self.expect(sec_code in fields.SEC_CODES, "standard entry class", "not PPD or CCD")
        banking = effective is not None and fields.is_banking_day(effective)
        self.expect(banking, "effective entry date", "not a banking day")
        self.expect_text(record, settlement_date="   ")
        if record["descriptive date"].startswith("SD"):
            self.check_same_day(record, effective)
        self.expect(record["originator status"] in {"1", "2"}, "originator status", "not 1 or 2")
        self.expect(digits(record["odfi identification"], 8), "odfi identification", "not eight digits")
        ascending = digits(number, 7) and number > (self.last_number or "0000000")
        self.expect(ascending, "batch number", "not ascending from 0000001")
        self.sums, self.last_trace, self.last_number = _Sums(), "", number
        batch = Batch(
            line=self.line,
            service_class=record["service class"],
            company_name=record["company name"].strip(),
            company_id=record["company identification"].strip(),
            sec_code=sec_code,
            description=record["entry description"].strip(),
            effective=effective,
            odfi=record["odfi identification"],
            number=number,
        )
        self.batches.append((batch, []))

    def check_same_day(self, record: dict[str, str], effective: date | None) -> None:
        """Who asks for settlement today says a time of day, and means today."""
        clock = fields.SAME_DAY.fullmatch(record["descriptive date"])
        self.expect(bool(clock), "descriptive date", "not SD and a time of day")
        today = effective == fields.day_of(self.header.get("file creation date", ""))
        self.expect(today, "descriptive date", "same day, and another effective entry date")

    def entry(self, record: dict[str, str]) -> None:
        routing, amount = record["routing number"], record["amount"]
        entry = Entry(
            line=self.line,
            transaction_code=record["transaction code"],
            routing=routing,
            account=record["account number"].rstrip(),
            amount_cents=int(amount) if digits(amount, 10) else 0,
            individual_id=record["individual id"].strip(),
            name=record["name"].strip(),
            trace=record["trace number"],
        )
        self.expect(digits(amount, 10), "amount", "not digits")
        self.expect(entry.is_live == (entry.amount_cents > 0), "amount", "zero and live, or neither")
        within = entry.amount_cents <= fields.SAME_DAY_MOST_CENTS or not self.is_same_day()
        self.expect(within, "amount", "over what settles the same day")
        self.expect(fields.is_routing(routing), "routing number", "not nine digits with a right check digit")
        account = fields.ACCOUNT.fullmatch(entry.account) and entry.account.strip("0-")
        self.expect(bool(account), "account number", "not letters, digits and hyphens from the left")
        self.expect_filled(record, "name")
        self.check_code(entry.transaction_code, entry.direction, record["addenda indicator"])
        self.check_trace(entry.trace)
        self.addenda_due = record["addenda indicator"] == "1"
        own = _Sums(1, int(routing[:8]) if digits(routing[:8], 8) else 0)
        own.cents[entry.direction or CREDIT] += entry.amount_cents
        self.sums.add(own)
        self.total.add(own)
        if self.batches:
            self.batches[-1][1].append(entry)

    def check_code(self, code: str, direction: str, indicator: str) -> None:
        allowed = fields.ALLOWED.get(self.open.get("service class", ""), {CREDIT, DEBIT})
        self.expect(direction != "", "transaction code", "not a code an originator may send")
        self.expect(direction in allowed | {""}, "transaction code", "against the batch's service class")
        self.expect(indicator in {"0", "1"}, "addenda indicator", "not 0 or 1")
        if code in fields.ZERO_DOLLAR:
            remittance = indicator == "1" and self.open.get("standard entry class") == "CCD"
            self.expect(remittance, "transaction code", "a zero-dollar entry is for CCD with an addenda")

    def is_same_day(self) -> bool:
        created = fields.day_of(self.header.get("file creation date", ""))
        return created is not None and created == fields.day_of(self.open.get("effective entry date", ""))

    def check_trace(self, trace: str) -> None:
        self.expect(digits(trace, 15), "trace number", "not 15 digits")
        of_odfi = trace[:8] == self.open.get("odfi identification")
        self.expect(of_odfi, "trace number", "not of the batch's ODFI")
        self.expect(trace > self.last_trace, "trace number", "not ascending in the batch")
        self.expect(trace not in self.traces, "trace number", "twice in the file")
        self.traces.add(trace)
        self.last_trace = trace

    def addenda(self, record: dict[str, str]) -> None:
        self.expect(self.addenda_due, "addenda indicator", "the entry announces no addenda, or only one")
        self.addenda_due = False
        self.expect_text(record, addenda_type="05", addenda_sequence="0001")
        of_entry = record["entry detail sequence"] == self.last_trace[-7:]
        self.expect(of_entry, "entry detail sequence", "not the end of the entry's trace number")
        self.sums.add(_Sums(1))
        self.total.add(_Sums(1))
        if self.batches and self.batches[-1][1]:
            entries = self.batches[-1][1]
            information = record["payment information"].rstrip()
            entries[-1] = replace(entries[-1], addenda=(*entries[-1].addenda, information))
            of_company = self.batches[-1][0].sec_code == "CCD"
            if of_company and information.startswith("DED*"):
                self.check_support(information, entries[-1].amount_cents)
            if of_company and information.startswith("TXP*"):
                self.check_tax(information, entries[-1].amount_cents)

    def check_support(self, information: str, amount_cents: int) -> None:
        """What a child support agency reads: a segment of the right shape, over the amount of its entry."""
        segment = fields.SUPPORT.fullmatch(information)
        sound = segment is not None and fields.day_of(segment["day"]) is not None
        self.expect(sound, "payment information", "not a DED segment of child support")
        if segment is not None:
            agrees = int(segment["cents"]) == amount_cents
            self.expect(agrees, "payment information", "another amount than its entry")

    def check_tax(self, information: str, amount_cents: int) -> None:
        """What the Treasury reads: a segment of the right shape, whose amounts add up to that of its entry."""
        segment = fields.TAX.fullmatch(information)
        self.expect(segment is not None, "payment information", "not a TXP segment of a Form 941 deposit")
        if segment is not None:
            told = sum(int(cents) for cents in segment.groupdict().values() if cents)
            self.expect(told == amount_cents, "payment information", "other amounts than its entry")

    def batch_control(self, record: dict[str, str]) -> None:
        for name in ("service class", "company identification", "odfi identification", "batch number"):
            self.expect(record[name] == self.open.get(name), name, "not that of the batch header")
        self.expect_numbers(record, self.sums.expected())
        self.expect_text(record, message_authentication_code=" " * 19, reserved=" " * 6)
        if self.batches:
            self.check_description(*self.batches[-1])

    def check_description(self, batch: Batch, entries: list[Entry]) -> None:
        """Wages by PPD credit say PAYROLL from 2026-03-20; an unreadable date is no way around it."""
        created = fields.day_of(self.header.get("file creation date", ""))
        in_force = max(batch.effective or date.max, created or date.max) >= fields.PAYROLL_RULE_FROM
        pays = batch.sec_code == "PPD" and any(e.is_live and e.direction == CREDIT for e in entries)
        named = batch.description.startswith("PAYROLL") or batch.is_reversal
        self.expect(named or not (in_force and pays), "entry description", "does not say PAYROLL", batch.line)
        for entry in entries if batch.is_reversal else ():
            self.expect(entry.is_live, "transaction code", "a reversal moves money", entry.line)
        for entry in () if batch.is_reversal else entries:
            loan = entry.transaction_code == fields.LOAN_REVERSAL
            self.expect(not loan, "transaction code", "a loan is debited by a reversal only", entry.line)

    def file_control(self, record: dict[str, str]) -> None:
        counts = {"batch count": len(self.batches), "block count": -(-self.records // 10)}
        self.expect_numbers(record, self.total.expected() | counts)
        self.expect_text(record, reserved=" " * 39)

    def expect_numbers(self, record: dict[str, str], due: dict[str, int]) -> None:
        for name, number in due.items():
            self.expect(fields.number_of(record[name]) == number, name, "not what the file adds up to")


def _cents(entries: Iterable[Entry], direction: str) -> int:
    return sum(entry.amount_cents for entry in entries if entry.direction == direction)
