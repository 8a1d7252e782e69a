"""What the proof of a run looks at: the log, the manifests, the files, and the bank's own books."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from events import store
from events.store import Recorded
from payroll import keys, manifest, objects
from payroll.control import ControlTotals, control_totals
from payroll.domain import is_out
from payroll.history import History
from payroll.payments import ach_reader, bank, bank_orders, gateways, orders, pay_accounts
from payroll.payments.orders import Order
from payroll.runs import facts_of


class Payment(NamedTuple):
    """One payment as a paycheck's event has it."""

    key: str
    part: int
    method: str
    amount_cents: int
    order: str
    trace: str


class Remitted(NamedTuple):
    """What one order took of a paycheck and the file remits, as a paycheck's event has it."""

    key: str
    part: int
    garnishment: str
    kind: str
    amount_cents: int
    order: str
    trace: str


class Contents(NamedTuple):
    """What an order's bytes say: what is wrong with them, and who gets how much into which account.

    asked      entries of no money, which only ask for an account: individual id, trace, routing and account
    entries    all of them, debits too
    told       what the addenda of a support payment says that it is, in cents, by individual id
    days       on which it says that the money is to move
    """

    findings: list[str]
    credits: list[tuple[str, int, str]]  # individual id, cents, account
    entries: int
    debits_cents: int = 0
    told: dict[str, int] = {}
    days: frozenset[str] = frozenset()
    asked: tuple[tuple[str, str, str, str], ...] = ()

    @classmethod
    def of(cls, name: str, content: bytes) -> "Contents":
        """From a NACHA file, or the document of a bank that takes payments over HTTP."""
        if name.endswith(".json"):
            order = bank_orders.read("payments", content)
            wrong = [
                f"{name} payment {each['line']}, {each['field']}: {each['what']}" for each in order.findings
            ]
            given = [(each.individual_id, each.amount_cents, each.account) for each in order.postings]
            return cls(
                wrong, given, len(given), days=frozenset(str(each.effective) for each in order.postings)
            )
        file = ach_reader.read(content)
        wrong = [f"{name} line {each.line}, {each.field}: {each.what}" for each in file.findings]
        credits = [each for each in file.entries if each.direction == "credit" and each.is_live]
        silent = [each for each in file.entries if not each.is_live]
        asked = tuple((each.individual_id, each.trace, each.routing, each.account) for each in silent)
        given = [(each.individual_id, each.amount_cents, each.account) for each in credits]
        told = {each.individual_id: _told_cents(each.addenda) for each in credits if each.addenda}
        days = frozenset(str(batch.effective) for batch in file.batches)
        return cls(wrong, given, len(file.entries), file.debit_cents, told, days, asked)


def _told_cents(addenda: tuple[str, ...]) -> int:
    """The fifth element of a DED segment: cents, or -1 where it does not read as one."""
    elements = addenda[0].rstrip().rstrip("\\").split("*")
    sound = elements[:2] == ["DED", "CS"] and len(elements) > 4 and elements[4].isdigit()
    return int(elements[4]) if sound else -1


class EmployerEvidence:
    """What is known of one employer's run: its events, its paychecks, its manifests, its file."""

    def __init__(self, employer: str, employer_run: str, books: dict[UUID, list[bank.BookedCredit]]) -> None:
        self.employer = employer
        self.id = employer_run
        self.books = books
        self.history = History(keys.employerrun_stream(employer_run))
        self.facts = self.history.facts
        self.paid = "MoneyMoved" in self.facts
        self.cancelled = "EmployerRunCancelled" in self.facts

    @cached_property
    def paychecks(self) -> dict[str, list[Recorded]]:
        """Every paycheck's events by stream."""
        found: dict[str, list[Recorded]] = {}
        for event in store.read_prefix(keys.paycheck_prefix(self.id)):
            found.setdefault(event.stream, []).append(event)
        return found

    @cached_property
    def funds_its_files(self) -> bool:
        """Whether the files of this run take their money from the employer's account themselves, as was frozen."""
        written = self.history.manifests[:1]
        return any("funding" in manifest.read(of["object"], of["sha256"])["terms"] for of in written)

    @cached_property
    def net_cents(self) -> dict[str, int]:
        """Net pay above zero by employee, from the log."""
        return {
            keys.employee_of(stream): event.data["net_cents"]
            for stream, events in self.paychecks.items()
            for event in events
            if event.type == "RetirementCalculated" and event.data["net_cents"] > 0
            if not any(is_out(other.type, other.data) for other in events)
        }

    @cached_property
    def totals(self) -> ControlTotals:
        """The control totals as they are now."""
        return control_totals(self.id)

    @cached_property
    def orders(self) -> list[Order]:
        """The orders that the employer's run was instructed with."""
        named = self.facts.get("PaymentsInstructed", {}).get("orders", [])
        return [Order(orders.stream(key)) for key in named]

    @cached_property
    def booked(self) -> list[bank.BookedCredit]:
        """What the bank has booked under the keys of these orders, or the keys they would have."""
        own = {order.key for order in self.orders if order.exists} | {keys.order_key(self.id)}
        return [credit for key in sorted(own) for credit in self.books.get(key, [])]

    @cached_property
    def files(self) -> list[Contents]:
        """What the orders carry, read by readers that share nothing with the writers."""
        stored = [
            (order.created["object"], objects.get(order.created["object"]))
            for order in self.orders
            if order.exists
        ]
        return [Contents.of(name, content) for name, content in stored if content is not None]

    @cached_property
    def payments(self) -> dict[str, list[Payment]]:
        """The payments of every paycheck's events to the person, by employee."""
        found: dict[str, list[Payment]] = {}
        for stream, events in self.paychecks.items():
            for event in events:
                if event.type == "PaymentInstructed":
                    lines = [Payment._make(line) for line in event.data["payments"]]
                    found.setdefault(keys.employee_of(stream), []).extend(lines)
        return found

    @cached_property
    def prenoted(self) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
        """The accounts that were asked when this run was paid: facts by employee, then by order and trace."""
        found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
        for event in store.read_prefix(f"{pay_accounts.PREFIX}{self.employer}+", pay_accounts.PRENOTED):
            if event.data["employer_run"] == self.id:
                employee_id = pay_accounts.whose(event)[1]
                at = event.data["order"], event.data["trace"]
                found.setdefault(employee_id, {})[at] = event.data
        return found

    @cached_property
    def remitted(self) -> dict[str, list[Remitted]]:
        """What every paycheck's events remit to others, by employee."""
        found: dict[str, list[Remitted]] = {}
        for stream, events in self.paychecks.items():
            for event in events:
                if lines := event.data.get("remitted", ()) if event.type == "PaymentInstructed" else ():
                    found.setdefault(keys.employee_of(stream), []).extend(map(Remitted._make, lines))
        return found

    @cached_property
    def garnished(self) -> dict[str, list[tuple[str, str, int]]]:
        """What orders took of the paychecks that count, by employee: order, kind, cents above zero."""
        found: dict[str, list[tuple[str, str, int]]] = {}
        for stream, events in self.paychecks.items():
            if not any(is_out(event.type, event.data) for event in events):
                for event in events:
                    if event.type == "RetirementCalculated":
                        taken = [
                            (order, kind, cents) for order, kind, cents, *_ in event.data["garnishments"]
                        ]
                        found[keys.employee_of(stream)] = [each for each in taken if each[2]]
        return found


class Evidence:
    """Everything that the checks of one run look at; one employer's paychecks in memory at a time."""

    def __init__(self, run: UUID | str) -> None:
        self.run = str(run)
        self.opened = facts_of(run)

    def employers(self) -> Iterator[EmployerEvidence]:
        books: dict[UUID, list[bank.BookedCredit]] = {}
        for credit in bank.books(gateways.bank_dir()):
            books.setdefault(UUID(str(credit.key)), []).append(credit)
        for employer, employer_run in sorted(self.opened["employer_runs"].items()):
            yield EmployerEvidence(employer, employer_run, books)
