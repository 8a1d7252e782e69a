"""The writer of the NACHA file that carries one employer's net pay to its bank.

A pure function of the payment set: the same credits, in any order, give the same bytes, so a file rebuilt
after a crash has the sha256 that was recorded before it. One batch of PPD credits, service class 220: the
bank debits the employer separately. `ach_reader` checks the finished file and shares no code with this one.

source   Nacha Operating Rules, appendix 3 (record layouts); PAYROLL description rule, from 2026-03-20
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from payroll.calc.aba import is_routing_number
from payroll.calc.calendar import is_banking_day

RECORD_LENGTH = 94
BLOCKING_FACTOR = 10
MAX_ENTRY_CENTS = 99_999_999_99  # ten digits in the entry
MAX_TOTAL_CENTS = 9_999_999_999_99  # twelve digits in both controls
MAX_ENTRIES = 999_999  # six digits in the batch control

CREDIT_CODES = {"checking": "22", "savings": "32"}
CREDITS_ONLY = "220"

_ACCOUNT = re.compile(r"[0-9A-Z-]{1,17}")
_SPELT = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "Ħ": "H", "Ŋ": "N", "Ŧ": "T"}
    | dict.fromkeys("\u2018\u2019\u02bc\u2032", "'")
    | dict.fromkeys("\u201c\u201d\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)


class FileRefused(Exception):
    """No file can be made of this: one sentence, no personal data.

    entry    position of the credit in the caller's sequence, from 1; None when the whole file is at fault
    """

    def __init__(self, why: str, entry: int | None = None) -> None:
        super().__init__(why if entry is None else f"entry {entry}: {why}")
        self.entry = entry


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
class Credit:
    """One payment into one account, checking or savings. Its repr shows no account and no name."""

    individual_id: str
    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str
    amount_cents: int


def build(
    *,
    bank: Bank,
    originator: Originator,
    credits: Sequence[Credit],
    effective: date,
    created: datetime,
    modifier: str = "A",
    description: str = "PAYROLL",
) -> bytes:
    """Write the file: 94-column upper-case ASCII records, LF line ends, filled to whole blocks of ten.

    credits      in any order; sorted here by individual id, routing and account
    effective    the intended settlement date, a banking day of the Federal Reserve
    created      the creation time recorded with the payment set; written to the minute, as it stands
    modifier     A-Z or 0-9: tells apart the files of one employer to one bank on one day
    description  up to 10 characters, PAYROLL first
    raises       FileRefused
    """
    _check_parties(bank, originator)
    _check_terms(effective, created, modifier, description)
    _check_credits(credits)
    odfi, company_id = bank.routing[:8], "1" + originator.ein.replace("-", "")
    count = len(credits)
    entry_hash = sum(int(credit.routing[:8]) for credit in credits) % 10**10
    total_cents = sum(credit.amount_cents for credit in credits)
    records = count + 4
    blocks = -(-records // BLOCKING_FACTOR)
    sums = f"{entry_hash:010d}{0:012d}{total_cents:012d}"
    lines = [
        f"101 {bank.routing}{company_id}{created:%y%m%d%H%M}{modifier}094101"
        f"{_text(bank.name, 23)}{_text(originator.name, 23)}{'':8}",
        f"5{CREDITS_ONLY}{_text(originator.name, 16)}{'':20}{company_id}PPD{description:<10}{'':6}"
        f"{effective:%y%m%d}{'':3}1{odfi}{1:07d}",
        *(_entry(credit, odfi, n) for n, credit in enumerate(sorted(credits, key=_order), start=1)),
        f"8{CREDITS_ONLY}{count:06d}{sums}{company_id}{'':19}{'':6}{odfi}{1:07d}",
        f"9{1:06d}{blocks:06d}{count:08d}{sums}{'':39}",
    ]
    lines += ["9" * RECORD_LENGTH] * (blocks * BLOCKING_FACTOR - records)
    return "".join(line + "\n" for line in lines).encode("ascii")


def _entry(credit: Credit, odfi: str, sequence: int) -> str:
    """The entry detail record of one credit; `sequence`, from 1, completes its trace number."""
    return (
        f"6{CREDIT_CODES[credit.account_type]}{credit.routing}{credit.account:<17}{credit.amount_cents:010d}"
        f"{_text(credit.individual_id, 15)}{_text(credit.name, 22)}{'':2}0{odfi}{sequence:07d}"
    )


def _order(credit: Credit) -> tuple[str, str, str, str, int, str]:
    """A total order, so that credits alike in the first three fields cannot fall either way."""
    return (
        credit.individual_id,
        credit.routing,
        credit.account,
        credit.account_type,
        credit.amount_cents,
        credit.name,
    )


def _text(text: str, width: int) -> str:
    """A free-text field: left-justified, cut or filled to `width`."""
    return f"{_plain(text)[:width]:<{width}}"


def _plain(text: str) -> str:
    """Upper-case ASCII of the same meaning: no accents, single blanks, "?" for what ASCII cannot spell.

    No control character, line end or direction mark survives, so no name can break a record or start another.
    """
    if not (text.isascii() and text.isprintable()):
        spelt = unicodedata.normalize("NFKD", text.upper().translate(_SPELT)).upper().translate(_SPELT)
        text = "".join(char if " " <= char <= "~" else _stand_in(char) for char in spelt)
    return " ".join(text.upper().split())


def _stand_in(char: str) -> str:
    """What stands for a character outside 0x20-0x7E: nothing for a mark, a blank for a control, or "?"."""
    category = unicodedata.category(char)
    if category in {"Mn", "Mc", "Me", "Cf"}:
        return ""
    return " " if category == "Cc" or category.startswith("Z") else "?"


def _check_parties(bank: Bank, originator: Originator) -> None:
    if not _is_routing(bank.routing):
        raise FileRefused("the bank's routing number is not nine digits with a right check digit")
    if not _plain(bank.name):
        raise FileRefused("the bank has no name")
    if not re.fullmatch(r"[0-9]{2}-?[0-9]{7}", originator.ein):
        raise FileRefused("the employer's EIN is not nine digits")
    if not _plain(originator.name):
        raise FileRefused("the employer has no name")


def _check_terms(effective: date, created: datetime, modifier: str, description: str) -> None:
    if not re.fullmatch(r"[A-Z0-9]", modifier):
        raise FileRefused("the file modifier is not one of A-Z, 0-9")
    if not re.fullmatch(r"PAYROLL[ -`{-~]{0,3}", description):
        raise FileRefused("the entry description does not start with PAYROLL, or is over 10 characters")
    if not (2000 <= effective.year <= 2099 and 2000 <= created.year <= 2099):
        raise FileRefused("a date with a year outside 2000-2099 does not fit the file")
    if not is_banking_day(effective):
        raise FileRefused(f"the effective date {effective:%Y-%m-%d} is not a banking day")


def _check_credits(credits: Sequence[Credit]) -> None:
    if not credits:
        raise FileRefused("there is nothing to pay")
    if len(credits) > MAX_ENTRIES:
        raise FileRefused(f"{len(credits)} entries are over the {MAX_ENTRIES} of one batch")
    for position, credit in enumerate(credits, start=1):
        why = _fault(credit)
        if why:
            raise FileRefused(why, position)
    if sum(credit.amount_cents for credit in credits) > MAX_TOTAL_CENTS:
        raise FileRefused("the total is over the 9,999,999,999.99 of one batch")


def _fault(credit: Credit) -> str:
    """What keeps this credit out of a file, or ""; names the field, never its value."""
    cents = credit.amount_cents
    checks = (
        # A bool or a float is no amount.
        (type(cents) is int and 1 <= cents <= MAX_ENTRY_CENTS, "the amount is not 0.01 to 99,999,999.99"),
        (_is_routing(credit.routing), "the routing number is not nine digits with a right check digit"),
        (_ACCOUNT.fullmatch(credit.account), "the account number is not 1 to 17 of A-Z, 0-9 and hyphen"),
        (credit.account.strip("0-"), "the account number is all zeros"),
        (credit.account_type in CREDIT_CODES, "the account type is neither checking nor savings"),
        (_plain(credit.name), "the name is empty"),
        # Cut short, two people's ids could become one: refuse instead.
        (1 <= len(_plain(credit.individual_id)) <= 15, "the individual id is not 1 to 15 characters"),
    )
    return next((why for sound, why in checks if not sound), "")


def _is_routing(routing: str) -> bool:
    return is_routing_number(routing) and routing.strip("0") != ""
