"""What a bank sends back about a payday of the tests: of payments that are in the read models, laid out by hand."""

import json
from typing import Any

from events import projection
from payroll.models import Payment, PayOrder
from tests.saga import returned_files

ACME = "1120000001"  # "1" and the EIN that paydays.load gives the first employer


def payment(employee_id: str, part: int = 1, **of: Any) -> Payment:
    """The only payment of a person, or the one that fits."""
    projection.catch_up()
    return Payment.objects.get(employee_id=employee_id, part=part, **of)


def order(**of: Any) -> PayOrder:
    """The only order, or the one that fits."""
    projection.catch_up()
    return PayOrder.objects.get(**of)


def returns(*payments: Payment, code: str = "R03", **other: Any) -> bytes:
    """A file of returns of these payments; `other` goes to the records, `company` and `effective` to the batch."""
    batch = {name: other.pop(name) for name in ("company", "effective") if name in other}
    records = [
        returned_files.returned(
            code,
            **{"trace": each.trace, "cents": each.amount_cents, "who": each.employee_id.upper()} | other,
        )
        for each in payments
    ]
    return returned_files.file_of(returned_files.batch_of(*records, **{"company": ACME} | batch))


def notice(of: Payment, code: str, data: str, **batch: Any) -> bytes:
    """A notification of change about a payment."""
    record = returned_files.changed(code, data, trace=of.trace, who=of.employee_id.upper())
    return returned_files.file_of(returned_files.batch_of(record, sec="COR", **{"company": ACME} | batch))


def settlement(*orders: PayOrder, on: str = "2026-11-20", **change: Any) -> bytes:
    """A settlement report of these orders."""
    files = [
        {
            "key": str(each.order),
            "sha256": each.facts["sha256"],
            "reference": "REF-1",
            "credits_cents": each.credits_cents,
            "debits_cents": each.debits_cents,
            "entries": each.entries,
        }
        | change
        for each in orders
    ]
    return json.dumps({"type": "settlement", "settled_on": on, "files": files}).encode()


def acknowledgement(of: PayOrder, status: str = "accepted", **change: Any) -> bytes:
    """An acknowledgement of an order's file."""
    document = {
        "type": "acknowledgement",
        "key": str(of.order),
        "sha256": of.facts["sha256"],
        "reference": "REF-1",
        "status": status,
        "entries": of.entries,
        "total_cents": of.credits_cents,
        "findings": [] if status == "accepted" else [{"line": 3, "field": "amount", "what": "not digits"}],
    }
    return json.dumps(document | change).encode()
