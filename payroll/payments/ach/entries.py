"""What a payment file is made of: the two parties, entries, batches, and the ceilings of the format.

source   Nacha Operating Rules, appendix 3 (record layouts, transaction codes)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import NamedTuple

CREDIT, DEBIT = "credit", "debit"
PPD, CCD = "PPD", "CCD"
FUNDING, CHILD_SUPPORT, TAX_PAYMENT, REVERSAL = "FUNDING", "CHILDSUP", "TAXPAYMENT", "REVERSAL"

# (account type, direction): the code of an entry that moves money, and of its prenotification
TRANSACTION_CODES = {
    ("checking", CREDIT): ("22", "23"),
    ("checking", DEBIT): ("27", "28"),
    ("savings", CREDIT): ("32", "33"),
    ("savings", DEBIT): ("37", "38"),
}
ACCOUNT_TYPES = ("checking", "savings")

MAX_ENTRY_CENTS = 99_999_999_99  # ten digits in the entry
MAX_TOTAL_CENTS = 9_999_999_999_99  # twelve digits in both controls
MAX_BATCH_RECORDS = 999_999  # six digits in the batch control: entries and their addenda
MAX_BATCHES = 999_999  # six digits in the file control
MAX_TRACE = 9_999_999  # seven digits after the bank's eight
MAX_ADDENDA = 80
SAME_DAY_MAX_CENTS = 1_000_000_00


class Window(NamedTuple):
    """Of same-day settlement, Eastern time: a file that the operator has when it closes settles later that day."""

    closes: time
    settles: time


# source   Federal Reserve Banks, same-day processing schedule since 2021-03-19
SAME_DAY_WINDOWS = (
    Window(time(10, 30), time(13)),
    Window(time(14, 45), time(17)),
    Window(time(16, 45), time(18)),
)


class FileRefused(Exception):
    """No file can be made of this: one sentence, no personal data.

    batch    position of the batch in the caller's sequence, from 1; None when the whole file is at fault
    entry    position of the entry in its batch as the caller gave it, from 1; None when it is not one entry
    """

    def __init__(self, why: str, batch: int | None = None, entry: int | None = None) -> None:
        places = [f"{kind} {place}" for kind, place in (("batch", batch), ("entry", entry)) if place]
        super().__init__(f"{', '.join(places)}: {why}" if places else why)
        self.batch, self.entry = batch, entry


@dataclass(frozen=True, slots=True)
class Bank:
    """The bank the file goes to (the ODFI); its routing number is also the immediate destination."""

    routing: str
    name: str


@dataclass(frozen=True, slots=True)
class Originator:
    """The employer: ein as "12-3456789"; company identification and immediate origin are "1" + its digits."""

    name: str
    ein: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Money to one account, or from it. Its repr shows no account, no name and no addenda.

    account_type   checking or savings
    amount_cents   above zero; 0 for a prenotification, which only asks whether the account exists
    addenda        up to 80 characters of payment information, written as they stand (record 7, type 05)
    reference      the caller's key of the payment, unique in the file; not written, `File.traces` answers to it
    """

    individual_id: str
    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str
    amount_cents: int
    direction: str = CREDIT
    prenote: bool = False
    addenda: str = field(default="", repr=False)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class FundingAccount:
    """The employer's account that pays: by a debit of its own (`funding`), or by an offset in each batch."""

    routing: str
    account: str = field(repr=False)
    account_type: str
    name: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one kind that settle on one day.

    sec_code           PPD for people, CCD for companies and agencies
    description        up to 10 characters that the receiver sees; PAYROLL first for pay, REVERSAL for a reversal
    effective          the intended settlement date, a banking day of the Federal Reserve
    entries            in any order: the file has them by individual id, routing, account …
    offset             the account of one more entry that balances the batch, written last
    same_day           the settlement time asked for, Eastern, one of SAME_DAY_WINDOWS; see `same_day`
    discretionary      up to 20 characters for the company's own use
    descriptive_date   up to 6 characters shown to the receiver; "SDhhmm" when same_day is given
    """

    sec_code: str
    description: str
    effective: date
    entries: Sequence[Entry]
    offset: FundingAccount | None = None
    same_day: time | None = None
    discretionary: str = ""
    descriptive_date: str = ""


class Sums(NamedTuple):
    """What a batch or a file adds up to; records are entries and their addenda, as the controls count them."""

    entries: int = 0
    records: int = 0
    credits_cents: int = 0
    debits_cents: int = 0

    def plus(self, other: "Sums") -> "Sums":
        return Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Limits(NamedTuple):
    """What one batch and one file may hold; a bank may want less than the format has room for.

    batch_records, file_records   entries and their addenda
    batch_cents, file_cents       credits, and likewise debits
    entry_cents                   one entry; over it the payment set is refused, no entry is ever divided
    """

    batch_records: int = MAX_BATCH_RECORDS
    batch_cents: int = MAX_TOTAL_CENTS
    file_records: int = MAX_TRACE
    file_cents: int = MAX_TOTAL_CENTS
    entry_cents: int = MAX_ENTRY_CENTS


def in_file_order(batch: Batch) -> list[Entry]:
    """The entries as the file has them: a total order, so that no two fall either way, and the offset last.

    Where there are only prenotifications, nothing is to be balanced, and there is no offset.
    """
    ordered = sorted(batch.entries, key=_order)
    if batch.offset is None or all(entry.prenote for entry in ordered):
        return ordered
    return [*ordered, _balancing(batch.offset, ordered)]


def sums(entries: Sequence[Entry]) -> Sums:
    """Add up entries as a control record does."""
    return Sums(
        entries=len(entries),
        records=len(entries) + sum(1 for entry in entries if entry.addenda),
        credits_cents=sum(entry.amount_cents for entry in entries if entry.direction == CREDIT),
        debits_cents=sum(entry.amount_cents for entry in entries if entry.direction == DEBIT),
    )


def opposite(direction: str) -> str:
    """The direction that undoes it."""
    return DEBIT if direction == CREDIT else CREDIT


def _order(entry: Entry) -> tuple[str, str, str, str, int, str, str, bool, str, str]:
    # The direction comes late, so that a reversal has its entries in the order of what it reverses.
    return (
        entry.individual_id,
        entry.routing,
        entry.account,
        entry.account_type,
        entry.amount_cents,
        entry.name,
        entry.direction,
        entry.prenote,
        entry.addenda,
        entry.reference,
    )


def _balancing(account: FundingAccount, entries: Sequence[Entry]) -> Entry:
    """One entry the other way that equals all of the batch, which goes one way."""
    return Entry(
        individual_id="OFFSET",
        name=account.name,
        routing=account.routing,
        account=account.account,
        account_type=account.account_type,
        amount_cents=sum(entry.amount_cents for entry in entries),
        direction=opposite(entries[0].direction),
        reference=account.reference,
    )
