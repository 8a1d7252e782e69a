"""Payments sent one by one over HTTP: the list of an order as canonical JSON, under the order's key.

The life of an order is the same as that of a file: `find` by key, `send` once, unknown until the bank is asked.
What becomes of it afterwards the bank tells by signed webhooks (`webhook.verify`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date

from payroll.payments.gateway import SandboxBank


@dataclass(frozen=True, slots=True)
class HttpPayment:
    """One credit: payment is our payment key; texts in upper-case ASCII as the ACH writer spells them.

    account_type   checking or savings
    """

    payment: str
    individual_id: str
    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str
    amount_cents: int


def content(company_id: str, company_name: str, effective: date, payments: Sequence[HttpPayment]) -> bytes:
    """The bytes of an order: a pure function of its payments, whatever their order.

    company_id   as in a payment file: "1" and the nine digits of the EIN
    effective    the banking day of payment
    raises       ValueError when there is no payment, or one is there twice
    """
    rows = sorted((asdict(payment) for payment in payments), key=lambda row: str(row["payment"]))
    if not rows or len({row["payment"] for row in rows}) != len(rows):
        raise ValueError("an order has at least one payment, and each of them once")
    document = {
        "company_id": company_id,
        "company_name": company_name,
        "effective": str(effective),
        "payments": rows,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


class HttpGateway(SandboxBank):
    """A bank that takes payments as JSON: POST /payments, GET /payments/<key>, GET /terms.

    base_url, token, timeout_s   as for the sandbox bank, which speaks the same
    """

    name = "http"
    kind = "payments"
