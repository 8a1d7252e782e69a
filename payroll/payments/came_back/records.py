"""What reading a file that came back gives."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from payroll.payments.came_back.corrected import Corrected


class Finding(NamedTuple):
    """One thing wrong: the line, from 1 (0: the file), the field as the format calls it, and why; never a value."""

    line: int
    field: str
    what: str


@dataclass(frozen=True, slots=True)
class Original:
    """What a record that comes back repeats of the entry that was sent. Its repr shows no account and no name.

    trace         15 digits; they begin again in every file of a bank, so match by company, amount and day too
    company_id    as in the batch that was sent
    effective     the batch's effective date, None where the bank left it out
    routing8      the receiving bank, without its check digit
    direction     credit or debit, of the entry as sent
    amount_cents  of the entry as sent; 0 in a notification of change, and for a prenotification
    """

    trace: str
    company_id: str
    effective: date | None
    routing8: str
    account: str = field(repr=False)
    account_type: str
    direction: str
    amount_cents: int
    individual_id: str
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Return:
    """One entry that came back: line of its addenda, return code, what was sent, and what the bank adds.

    died_on       with R14 and R15, where the bank says it
    """

    line: int
    code: str
    original: Original
    trace: str
    died_on: date | None
    remark: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One notification of change: the entry was paid, and the next one is to go where this says."""

    line: int
    code: str
    original: Original
    trace: str
    corrected: Corrected


class CameBack(NamedTuple):
    """A file as read. With any finding, returns and changes are empty: it is imported whole or not at all.

    created   the bank's creation date and time, midnight where it gives none; None when that is a finding
    """

    created: datetime | None
    returns: tuple[Return, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
