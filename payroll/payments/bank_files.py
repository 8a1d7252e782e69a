"""The NACHA files that the sandbox bank sends back: returns (addenda 99) and notifications of change (addenda 98).

The bank's own words: nothing here is shared with our writer or with our readers, so that they are tested by
files they had no part in. One batch for each batch header the originals had; the amount of a notice is zero.

source   Nacha Operating Rules, appendices 3 and 4
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# Returns and notices share their codes: 1 for a credit, 6 for a debit, in the tens of the account's kind.
TENS = {"checking": 2, "savings": 3, "ledger": 4, "loan": 5}
UNITS = {"credit": 1, "debit": 6}
NOTICE_CLASS = "COR"


@dataclass(frozen=True, slots=True)
class Original:
    """The entry that is spoken of, as it was sent; odfi is the first eight digits of the sender's bank."""

    trace: str
    direction: str
    company_id: str
    company_name: str
    sec_code: str
    description: str
    odfi: str
    individual_id: str
    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str
    amount_cents: int
    effective: str  # YYYY-MM-DD
    code: str  # why it came back, or what has changed
    data: str = field(default="", repr=False)  # the corrected data of a notice


def return_file(originals: Sequence[Original], on: date, number: int) -> bytes:
    """Entries that came back on this day, with their amounts; number is the file's, for its modifier."""
    return _file(originals, on, number, notice=False)


def notice_file(originals: Sequence[Original], on: date, number: int) -> bytes:
    """Entries that were paid, and what to write differently from now on; data of at most 29 characters."""
    return _file(originals, on, number, notice=True)


def _file(originals: Sequence[Original], on: date, number: int, *, notice: bool) -> bytes:
    records: list[str] = []
    totals = [0, 0, 0, 0]  # entries and addenda, hash, debits, credits
    batches = [list(members) for _, members in groupby(sorted(originals, key=_batch_of), key=_batch_of)]
    sequence = 0
    for place, members in enumerate(batches, start=1):
        sums = [0, 0, 0, 0]
        lines = []
        for original in members:
            sequence += 1
            cents = 0 if notice else original.amount_cents
            lines += _entry(original, sequence, cents, notice=notice)
            own = [
                2,
                int(_bank(original.odfi)[:8]),
                *((0, cents) if original.direction == "credit" else (cents, 0)),
            ]
            sums = [a + b for a, b in zip(sums, own, strict=True)]
        ends = _batch_ends(members, place, on, sums, notice=notice)
        records += [ends[0], *lines, ends[1]]
        totals = [a + b for a, b in zip(totals, sums, strict=True)]
    routing = _bank(originals[0].odfi)
    header = "101" + f" {routing}" * 2 + f"{on:%y%m%d}1200{MODIFIERS[number % len(MODIFIERS)]}094101"
    records.insert(0, header + "ORIGINATOR".ljust(23) + "SANDBOX BANK".ljust(23) + " " * 8)
    blocks = -(-(len(records) + 1) // 10)
    control = f"9{len(batches):06d}{blocks:06d}{totals[0]:08d}{totals[1] % 10**10:010d}"
    records.append(f"{control}{totals[2]:012d}{totals[3]:012d}" + " " * 39)
    records += ["9" * 94] * (blocks * 10 - len(records))
    return "".join(f"{record}\n" for record in records).encode("ascii")


def _batch_of(original: Original) -> tuple[str, ...]:
    return (
        original.odfi,
        original.company_id,
        original.company_name,
        original.sec_code,
        original.description,
        original.effective,
        original.direction,
    )


def _batch_ends(
    members: list[Original], place: int, on: date, sums: list[int], *, notice: bool
) -> tuple[str, str]:
    """The original's batch header with the settlement day, which only a bank writes, and the control of its batch."""
    first = members[0]
    effective = date.fromisoformat(first.effective)
    service = "220" if first.direction == "credit" else "225"
    company, sender = first.company_id[:10].ljust(10), _bank(first.odfi)[:8]
    sec_code = NOTICE_CLASS if notice else first.sec_code
    header = f"5{service}{first.company_name[:16].ljust(16)}{' ' * 20}{company}{sec_code}"
    header += f"{first.description[:10].ljust(10)}{' ' * 6}{effective:%y%m%d}{on:%j}1{sender}{place:07d}"
    control = f"8{service}{sums[0]:06d}{sums[1] % 10**10:010d}{sums[2]:012d}{sums[3]:012d}{company}"
    return header, f"{control}{' ' * 25}{sender}{place:07d}"


def _entry(original: Original, sequence: int, cents: int, *, notice: bool) -> list[str]:
    """An entry to the sender's bank, and the addenda that names the original's trace and bank."""
    code = TENS[original.account_type] * 10 + UNITS[original.direction]
    trace = f"{_bank(original.odfi)[:8]}{sequence:07d}"
    entry = f"6{code}{_bank(original.odfi)}{original.account.ljust(17)}{cents:010d}"
    entry += f"{original.individual_id[:15].ljust(15)}{original.name[:22].ljust(22)}  1{trace}"
    kind = "98" if notice else "99"
    said = original.data[:29].ljust(44)  # nothing, when it came back
    addenda = f"7{kind}{original.code}{original.trace}{' ' * 6}{original.routing[:8]}{said}{trace}"
    return [entry, addenda]


def _bank(odfi: str) -> str:
    """Eight digits and the ninth that checks them."""
    weighted = sum(int(digit) * weight for digit, weight in zip(odfi, (3, 7, 1, 3, 7, 1, 3, 7), strict=True))
    return f"{odfi}{-weighted % 10}"
