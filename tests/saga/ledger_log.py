"""A log written by hand, for tests of the ledger: an employer's run, its paychecks, orders and what comes back.

    part = EmployerRun("ACME"); part.paycheck("ann", gross=1000, net=800, federal_income_tax=200); part.instruct(O1)
    order(O1, part, 800); accept(O1, 800); settle(O1)

Amounts are whole cents. No figure here was computed by the steps of a pay run.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from events import projection, store
from events.store import NewEvent
from payroll import keys, ledger
from payroll.ledger.balance import TrialBalance
from payroll.models import LedgerTransaction
from tests.folding import fold

RUN = str(UUID(int=7))
O1, O2, O3 = (str(UUID(int=number)) for number in (11, 12, 13))  # orders
P1, P2, P9 = (str(UUID(int=number)) for number in (21, 22, 29))  # payments


def record(stream: str, type: str, facts: Mapping[str, Any]) -> str:
    """Append the next event of a stream, as a transaction of its own; the id of what it may post."""
    version = store.version(stream) + 1
    store.append([NewEvent(stream, version, type, facts)])
    return f"{stream}@{version}"


class EmployerRun:
    """One employer's part of a run."""

    def __init__(self, employer: str, run: str = RUN) -> None:
        self.employer, self.run = employer, run
        self.id = str(keys.key("ledger test", run, employer))
        self.stream = keys.employerrun_stream(self.id)
        pinned = {"run": run, "employer_run": self.id, "employer": employer}
        record(self.stream, "EmployerRunOpened", pinned)

    def paycheck(self, employee: str, *, gross: int, net: int, **facts: Any) -> str:
        """A whole paycheck; facts are taxes in cents, without the `_cents` of their names. Returns its stream."""
        stream = keys.paycheck_stream(self.id, employee)
        record(stream, "PaycheckBegan", {"employee_id": employee})
        record(stream, "PayCalculated", {"gross_cents": gross})
        record(stream, "TaxCalculated", {f"{name}_cents": cents for name, cents in facts.items()})
        record(stream, "RetirementCalculated", {"net_cents": net})
        return stream

    def instruct(self, *orders: str, checks_cents: int = 0) -> str:
        """The payments are instructed."""
        return record(self.stream, "PaymentsInstructed", {"orders": orders, "checks_cents": checks_cents})


def order(
    key: str,
    part: EmployerRun,
    credits_cents: int,
    kind: str = "net-pay",
    debits_cents: int = 0,
    **more: Any,
) -> None:
    """A file to the bank is created."""
    facts = {"order": key, "kind": kind, "run": part.run, "employer_run": part.id, "employer": part.employer}
    facts |= {"credits_cents": credits_cents, "debits_cents": debits_cents}
    record(f"order-{key}", "OrderCreated", facts | more)


def accept(key: str, cents: int) -> str:
    """The bank has the file."""
    return record(f"order-{key}", "OrderAccepted", {"accepted_cents": cents})


def settle(key: str) -> str:
    """The bank has moved the money."""
    return record(f"order-{key}", "OrderSettled", {"settled_on": "2026-11-20"})


def come_back(payment: str, part: EmployerRun, key: str, cents: int) -> str:
    """One payment of an order is returned."""
    facts = {"payment": payment, "employer_run": part.id, "employer": part.employer, "employee_id": "ann"}
    facts |= {"order": key, "amount_cents": cents, "return_code": "R03"}
    return record(f"payment-{payment}", "PaymentReturned", facts)


def balances(**of: Any) -> dict[str, int]:
    """The balance of every account that is not even, folded up to now; debits above zero."""
    fold(ledger.NAME)
    sums = TrialBalance(**of).accounts
    return {name: each.balance_cents for name, each in sums.items() if each.balance_cents}


def legs(transaction: str) -> list[tuple[str, int]]:
    """What one event has posted, in its order; nothing when it posted nothing."""
    projection.catch_up(ledger.NAME)
    found = LedgerTransaction.objects.filter(id=transaction).first()
    return [(leg.account, leg.amount_cents) for leg in found.legs.all()] if found else []
