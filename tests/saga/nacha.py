"""NACHA files for the tests, written from the format page alone: any batches, and a way to read what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

ODFI = "02100002"
FRIDAY = date(2026, 11, 20)
WEDNESDAY = date(2026, 11, 18)
DEBITS = {"27", "28", "29", "37", "38", "39", "47", "48", "55"}


class Line(NamedTuple):
    """One entry: 22 credits a checking account, 27 debits it."""

    code: str
    cents: int
    account: str
    who: str
    name: str = "ANNA ADAMS"
    addenda: str = ""
    routing: str = "011401533"


@dataclass
class Part:
    """One batch."""

    lines: Sequence[Line]
    sec_code: str = "PPD"
    description: str = "PAYROLL"
    effective: date = FRIDAY
    company: str = "1123456789"
    service: str = ""
    descriptive: str = ""

    @property
    def service_class(self) -> str:
        ways = {line.code in DEBITS for line in self.lines}
        return self.service or ("200" if len(ways) == 2 else "225" if ways == {True} else "220")


def written(*parts: Part, created: date = WEDNESDAY, modifier: str = "A") -> bytes:
    """The whole file; traces run through it."""
    rows = [
        f"101 {ODFI}1 1123456789"[:13] + f"1123456789{created:%y%m%d}1030{modifier}094101"
        + "FIRST BANK".ljust(23) + "ACME ANVILS".ljust(23) + " " * 8
    ]  # fmt: skip
    trace, file = 0, Sums()
    for number, part in enumerate(parts, start=1):
        sums, lines = Sums(), []
        for line in part.lines:
            trace += 1
            lines.append(
                f"6{line.code}{line.routing}{line.account:<17}{line.cents:010d}{line.who:<15}{line.name:<22}  "
                f"{int(bool(line.addenda))}{ODFI}{trace:07d}"
            )
            if line.addenda:
                lines.append(f"705{line.addenda:<80}0001{trace:07d}")
            sums.add(line)
            file.add(line)
        rows.append(
            f"5{part.service_class}{'ACME ANVILS':<16}{'':20}{part.company}{part.sec_code}{part.description:<10}"
            f"{part.descriptive:<6}{part.effective:%y%m%d}   1{ODFI}{number:07d}"
        )
        rows += lines
        rows.append(
            f"8{part.service_class}{sums.count:06d}{sums.hash % 10**10:010d}{sums.debits:012d}{sums.credits:012d}"
            f"{part.company}{'':25}{ODFI}{number:07d}"
        )
    blocks = -(-(len(rows) + 1) // 10)
    rows.append(
        f"9{len(parts):06d}{blocks:06d}{file.count:08d}{file.hash % 10**10:010d}{file.debits:012d}"
        f"{file.credits:012d}{'':39}"
    )
    rows += ["9" * 94] * (blocks * 10 - len(rows))
    assert {len(row) for row in rows} == {94}
    return "".join(row + "\n" for row in rows).encode()


@dataclass
class Sums:
    count: int = 0
    hash: int = 0
    debits: int = 0
    credits: int = 0

    def add(self, line: Line) -> None:
        self.count += 1 + bool(line.addenda)
        self.hash += int(line.routing[:8])
        self.debits += line.cents if line.code in DEBITS else 0
        self.credits += 0 if line.code in DEBITS else line.cents


class Back(NamedTuple):
    """An entry of a file that came back, with its addenda."""

    sec_code: str
    company: str
    code: str
    account: str
    cents: int
    addenda_type: str
    reason: str
    original_trace: str
    original_bank: str
    data: str
    trace: str
    effective: str
    settled: str


def came_back(content: bytes) -> list[Back]:
    """Read a file of returns or notices, and check its controls against its records."""
    rows = content.decode("ascii").split("\n")
    assert rows.pop() == "" and len(rows) % 10 == 0
    assert {len(row) for row in rows} == {94}
    assert rows[0].startswith("101 ") and rows[0][34:40] == "094101"
    found: list[Back] = []
    totals, batches, header = [0, 0, 0, 0], 0, ""
    own = [0, 0, 0, 0]
    body = [row for row in rows[1:] if row != "9" * 94]
    for row, after in zip(body, [*body[1:], ""], strict=True):
        if row[0] == "5":
            header, batches, own = row, batches + 1, [0, 0, 0, 0]
        elif row[0] == "6":
            debit = row[1:3] in {"26", "36"}
            assert debit or row[1:3] in {"21", "31"}
            assert row[78] == "1" and after[0] == "7" and after[79:94] == row[79:94]
            assert row[79:87] == header[79:87]
            cents = int(row[29:39])
            own = [own[0] + 2, own[1] + int(row[3:11]), own[2] + cents * debit, own[3] + cents * (not debit)]
            account = row[12:29].rstrip()
            rest = (after[1:3], after[3:6], after[6:21], after[27:35], after[35:64].rstrip(), after[79:94])
            rest += (header[69:75], header[75:78])
            found.append(Back(header[50:53], header[40:50], row[1:3], account, cents, *rest))
        elif row[0] == "8":
            said = [int(row[4:10]), int(row[10:20]), int(row[20:32]), int(row[32:44])]
            assert said == [own[0], own[1] % 10**10, own[2], own[3]]
            assert (row[1:4], row[44:54], row[79:94]) == (header[1:4], header[40:50], header[79:94])
            assert row[1:4] == {True: "225", False: "220"}.get(own[2] > 0, "220") or own[2] == own[3] == 0
            totals = [a + b for a, b in zip(totals, own, strict=True)]
        elif row[0] == "9":
            assert int(row[1:7]) == batches and int(row[7:13]) == len(rows) // 10
            said = [int(row[13:21]), int(row[21:31]), int(row[31:43]), int(row[43:55])]
            assert said == [totals[0], totals[1] % 10**10, totals[2], totals[3]]
    return found
