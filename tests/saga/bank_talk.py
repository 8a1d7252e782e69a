"""A sandbox bank of one test, and what is said to it."""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid5

from payroll.payments import ach_reader, bank
from payroll.payments.gateway import PaymentOrder, Receipt
from tests.saga.bank_orders import NAMESPACE, gateway_to


def as_order(name: str, content: bytes) -> PaymentOrder:
    """Any sound file as an order; the key follows from the name."""
    read = ach_reader.read(content)
    digest = hashlib.sha256(content).hexdigest()
    total_cents = read.credit_cents + read.debit_cents
    return PaymentOrder(
        uuid5(NAMESPACE, name), f"ach/{name}.ach", digest, content, len(read.entries), total_cents
    )


class Talk:
    """Starts the bank of a folder when it is first spoken to; whoever made it stops the bank."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def address(self) -> bank.BankAddress:
        return bank.ensure_running(self.folder)

    def send(self, order: PaymentOrder) -> Receipt:
        return gateway_to(self.address).send(order)

    def get(self, path: str) -> dict[str, Any]:
        status, body = bank.tell(self.address, "GET", path)
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def post(self, path: str, /, **given: Any) -> dict[str, Any]:
        return self.told(path, given)

    def script(self, *rules: dict[str, Any]) -> None:
        self.told("/script", list(rules))

    def told(self, path: str, document: Any) -> dict[str, Any]:
        status, body = bank.tell(self.address, "POST", path, document)
        assert status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def refused(self, path: str, /, **given: Any) -> str:
        status, body = bank.tell(self.address, "POST", path, given)
        assert status == 409, (status, body)
        return str(json.loads(body)["error"])

    def movements(self) -> list[bank.Movement]:
        return bank.movements(self.folder)

    def outgoing(self, kind: str) -> list[bytes]:
        """The files of a kind that lie there to be fetched."""
        return [content for name, content in bank.outgoing(self.folder) if kind in name]
