"""From batches to the bytes of a file."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from payroll.calc import aba
from payroll.payments.ach.checks import check
from payroll.payments.ach.entries import (
    CREDIT,
    TRANSACTION_CODES,
    Bank,
    Batch,
    Entry,
    Originator,
    Sums,
    in_file_order,
    sums,
)
from payroll.payments.ach.text import fitted

RECORD_LENGTH = 94
MIXED, CREDITS_ONLY, DEBITS_ONLY = "200", "220", "225"


class File(NamedTuple):
    """A finished file, and what a caller records of it.

    content         94-column upper-case ASCII records, LF line ends, filled to whole blocks of ten
    traces          15-digit trace number by the reference of its entry; entries without one are not listed
    entries         records of type 6, offsets and prenotifications counted
    credits_cents   and debits_cents: as the file control has them
    """

    content: bytes
    traces: dict[str, str]
    entries: int
    credits_cents: int
    debits_cents: int


def build(
    *,
    bank: Bank,
    originator: Originator,
    batches: Sequence[Batch],
    created: datetime,
    modifier: str = "A",
    first_trace: int = 1,
) -> File:
    """Write the file: a pure function of the batches, whatever the order of the entries in each.

    batches       in the order given, numbered from 1
    created       the creation time recorded with the payment set; written to the minute, as it stands
    modifier      A-Z or 0-9: tells apart the files of one employer to one bank on one day
    first_trace   seven-digit sequence of the first entry's trace; the others follow, through all batches
    raises        FileRefused
    source        Nacha Operating Rules, appendix 3
    """
    check(bank, originator, batches, created, modifier, first_trace)
    company = _company(originator)
    odfi = bank.routing[:8]
    lines = [
        f"101 {bank.routing}{company}{created:%y%m%d%H%M}{modifier}094101"
        f"{fitted(bank.name, 23)}{fitted(originator.name, 23)}{'':8}"
    ]
    traces: dict[str, str] = {}
    written, hash_total = Sums(), 0
    for number, batch in enumerate(batches, start=1):
        entries = in_file_order(batch)
        service, batch_sums = _service_class(entries), sums(entries)
        batch_hash = int(aba.entry_hash(entry.routing for entry in entries))
        lines.append(_header(batch, number, service=service, originator=originator, odfi=odfi))
        for sequence, entry in enumerate(entries, start=first_trace + written.entries):
            lines += _records(entry, odfi, sequence)
            if entry.reference:
                traces[entry.reference] = f"{odfi}{sequence:07d}"
        lines.append(
            f"8{service}{batch_sums.records:06d}{_totals(batch_hash, batch_sums)}{company}{'':25}{odfi}{number:07d}"
        )
        written, hash_total = written.plus(batch_sums), hash_total + batch_hash
    blocks = aba.blocks(len(lines) + 1)
    lines.append(
        f"9{len(batches):06d}{blocks.block_count:06d}{written.records:08d}{_totals(hash_total, written)}{'':39}"
    )
    lines += ["9" * RECORD_LENGTH] * blocks.filler_records
    content = "".join(line + "\n" for line in lines).encode("ascii")
    return File(content, traces, written.entries, written.credits_cents, written.debits_cents)


def _header(batch: Batch, number: int, *, service: str, originator: Originator, odfi: str) -> str:
    shown_date = f"SD{batch.same_day:%H%M}" if batch.same_day else batch.descriptive_date
    return (
        f"5{service}{fitted(originator.name, 16)}{batch.discretionary:<20}{_company(originator)}{batch.sec_code}"
        f"{batch.description:<10}{shown_date:<6}{batch.effective:%y%m%d}{'':3}1{odfi}{number:07d}"
    )


def _records(entry: Entry, odfi: str, sequence: int) -> list[str]:
    """The entry detail record, and the addenda record when it has one; `sequence` completes the trace number."""
    live, prenote = TRANSACTION_CODES[entry.account_type, entry.direction]
    detail = (
        f"6{prenote if entry.prenote else live}{entry.routing}{entry.account:<17}{entry.amount_cents:010d}"
        f"{fitted(entry.individual_id, 15)}{fitted(entry.name, 22)}{'':2}{'1' if entry.addenda else '0'}"
        f"{odfi}{sequence:07d}"
    )
    return [detail, f"705{entry.addenda:<80}0001{sequence:07d}"] if entry.addenda else [detail]


def _company(originator: Originator) -> str:
    """The company identification: a 1, and the nine digits of the EIN."""
    return "1" + originator.ein.replace("-", "")


def _totals(entry_hash: int, of: Sums) -> str:
    """Entry hash, debits and credits, as both control records have them."""
    return f"{entry_hash % 10**10:010d}{of.debits_cents:012d}{of.credits_cents:012d}"


def _service_class(entries: Sequence[Entry]) -> str:
    directions = {entry.direction for entry in entries}
    if len(directions) > 1:
        return MIXED
    return CREDITS_ONLY if directions == {CREDIT} else DEBITS_ONLY
