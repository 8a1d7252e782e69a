"""What the sandbox bank is given, as postings: a NACHA file by `ach_reader`, or payments as a JSON document.

    {"company_id": "1123456789", "company_name": "ACME", "effective": "2026-11-20",
     "payments": [{"payment": "<id>", "individual_id": "E1", "name": "…", "routing": "…", "account": "…",
                   "account_type": "checking", "amount_cents": 100}]}

A document is read with the same suspicion as a file: what is wrong is a finding by the number of the payment
(0 is the document) and the field, never a value.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from payroll.payments import ach_fields, ach_reader

SUMS = ("total_cents", "credits_cents", "debits_cents")
MOST_FINDINGS = 200
REVERSAL_DAYS = 5  # banking days after settlement
BAD_REVERSAL = "R17"  # a reversal that is none: too late, or of nothing that was paid
SCRIPTED = [{"line": 0, "field": "file", "what": "the bank was told to find fault"}]
TEXT_MAX = {"payment": 64, "individual_id": 15, "name": 22, "account": 17, "account_type": 8, "routing": 9}
AMOUNT_MAX_CENTS = 99_999_999_99
PAYMENT_FIELDS = {*TEXT_MAX, "amount_cents"}
ORDER_FIELDS = {"company_id", "company_name", "effective", "payments"}


@dataclass(frozen=True, slots=True)
class Posting:
    """One entry to book; trace is the file's trace number, or the payment's id."""

    trace: str
    direction: str
    live: bool
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
    effective: date

    @property
    def is_reversal(self) -> bool:
        return self.description == "REVERSAL"

    def columns(self) -> dict[str, Any]:
        """As the books name them."""
        return asdict(self) | {"effective": str(self.effective)}


@dataclass(frozen=True, slots=True)
class Order:
    """What came under one key: kind is files or payments; postings are empty when there are findings."""

    kind: str
    sha256: str
    size: int
    postings: tuple[Posting, ...]
    findings: list[dict[str, Any]]

    @property
    def credits_cents(self) -> int:
        return sum(posting.amount_cents for posting in self.postings if posting.direction == "credit")

    @property
    def debits_cents(self) -> int:
        return sum(posting.amount_cents for posting in self.postings if posting.direction == "debit")


def read(kind: str, content: bytes) -> Order:
    """Read what came; nothing is raised, faults are findings."""
    postings, findings = READERS[kind](content)
    sha256 = hashlib.sha256(content).hexdigest()
    return Order(kind, sha256, len(content), () if findings else postings, findings[:MOST_FINDINGS])


def reversible_until(settled: date) -> date:
    """The last day on which a reversal may reach the receiver: five banking days after settlement."""
    day, left = settled, REVERSAL_DAYS
    while left:
        day += timedelta(1)
        left -= ach_fields.is_banking_day(day)
    return day


Read = tuple[tuple[Posting, ...], list[dict[str, Any]]]


def _ach(content: bytes) -> Read:
    file = ach_reader.read(content)
    if file.findings:
        return (), [asdict(finding) for finding in file.findings]
    return tuple(_of_batches(file.batches)), []


def _of_batches(batches: tuple[ach_reader.Batch, ...]) -> Iterator[Posting]:
    for batch in batches:
        assert batch.effective is not None, "a file without findings has dates"
        for entry in batch.entries:
            yield Posting(
                entry.trace, entry.direction, entry.is_live, batch.company_id, batch.company_name, batch.sec_code,
                batch.description, batch.odfi, entry.individual_id, entry.name, entry.routing, entry.account,
                entry.account_type, entry.amount_cents, batch.effective,
            )  # fmt: skip


def _payments(content: bytes) -> Read:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return (), [_finding(0, "document", "not JSON")]
    if not isinstance(document, dict) or document.keys() != ORDER_FIELDS:
        return (), [_finding(0, "document", f"not an object of {', '.join(sorted(ORDER_FIELDS))}")]
    payments, effective = document["payments"], _day(document["effective"])
    findings = [
        _finding(0, name, "not upper-case text of 1 to 16 characters")
        for name in ("company_id", "company_name")
        if not _is_text(document[name], 16)
    ]
    if effective is None or not ach_fields.is_banking_day(effective):
        findings.append(_finding(0, "effective", "not a banking day"))
    if not isinstance(payments, list) or not payments:
        findings.append(_finding(0, "payments", "not a list with payments"))
    if findings or effective is None:
        return (), findings
    seen: set[str] = set()
    for number, payment in enumerate(payments, start=1):
        findings += _faults(number, payment, seen)
    if findings:
        return (), findings
    terms = (document["company_id"], document["company_name"], "PPD", "PAYROLL", "")
    return tuple(
        Posting(
            p["payment"], "credit", True, *terms, p["individual_id"], p["name"], p["routing"], p["account"],
            p["account_type"], p["amount_cents"], effective,
        )
        for p in payments
    ), []  # fmt: skip


def _faults(number: int, payment: object, seen: set[str]) -> list[dict[str, Any]]:
    if not isinstance(payment, dict) or payment.keys() != PAYMENT_FIELDS:
        return [_finding(number, "payment", f"not an object of {', '.join(sorted(PAYMENT_FIELDS))}")]
    found = [_finding(number, name, "not such a text") for name, most in TEXT_MAX.items()
             if not _is_text(payment[name], most, upper=name not in {"payment", "account_type"})]  # fmt: skip
    if found:
        return found
    cents = payment["amount_cents"]
    sound = {
        "payment": payment["payment"] not in seen,
        "routing": ach_fields.is_routing(payment["routing"]),
        "account": bool(ach_fields.ACCOUNT.fullmatch(payment["account"])),
        "account_type": payment["account_type"] in {"checking", "savings"},
        "amount_cents": type(cents) is int and 0 < cents <= AMOUNT_MAX_CENTS,
    }
    seen.add(payment["payment"])
    return [_finding(number, name, "twice, or not a sound value") for name, good in sound.items() if not good]


def _is_text(value: object, most: int, *, upper: bool = True) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.strip():
        return False
    return value.isascii() and value.isprintable() and not (upper and ach_fields.FOREIGN.search(value))


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else None
    except ValueError:
        return None


def _finding(line: int, name: str, what: str) -> dict[str, Any]:
    return {"line": line, "field": name, "what": what}


READERS: dict[str, Callable[[bytes], Read]] = {"files": _ach, "payments": _payments}
