"""Orders to send to a bank in the tests: sound files whose key and bytes follow from a name."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid5

from payroll.payments import ach, bank
from payroll.payments.gateway import PaymentOrder, SandboxBank

NAMESPACE = UUID("7d1c1f0e-6f2b-4c58-9d0a-0d3f4f0f6a11")


def order(name: str = "first", count: int = 3, **change: object) -> PaymentOrder:
    """A sound file of `count` credits, 1.00 and a cent more each; key and bytes follow from the name."""
    credits = [
        ach.Entry(f"{name.upper()}{n}", "Anna Adams", "011401533", f"77700{n}", "checking", 100 + n)
        for n in range(count)
    ]
    content = ach.build(
        bank=ach.Bank("021000021", "First Bank"),
        originator=ach.Originator("Acme Anvils", "12-3456789"),
        batches=[ach.payroll(credits, date(2026, 11, 20))],
        created=datetime(2026, 11, 18, 10, 30),  # noqa: DTZ001
    ).content
    total_cents = sum(credit.amount_cents for credit in credits)
    digest = hashlib.sha256(content).hexdigest()
    made = PaymentOrder(uuid5(NAMESPACE, name), f"ach/{name}.txt", digest, content, count, total_cents)
    return replace(made, **change)  # type: ignore[arg-type]


def with_bytes(original: PaymentOrder, content: bytes) -> PaymentOrder:
    return replace(original, content=content, sha256=hashlib.sha256(content).hexdigest())


def until(condition: Callable[[], object], seconds: float = 10) -> object:
    end = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < end, "the condition did not come"
        time.sleep(0.001)
    return outcome


def gateway_to(address: bank.BankAddress, timeout_s: float = 10) -> SandboxBank:
    return SandboxBank(address.url, address.token, timeout_s)
