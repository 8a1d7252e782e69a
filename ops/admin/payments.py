"""Payment orders and payments: what was sent to the bank, and where it stands. Nobody changes them here."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from ops.admin import words
from ops.admin.base import Endless, Facts, ReadOnly, Section, Table
from ops.admin.columns import money
from ops.admin.filters import ByEmployer, ByRun
from ops.admin.log import history
from payroll.models import Paycheck, Payment, PayOrder
from payroll.payments import orders

TONES = {
    orders.ACCEPTED: "good",
    orders.SETTLED: "good",
    orders.UNKNOWN: "wait",
    orders.REJECTED: "bad",
    orders.RETURNED: "bad",
    orders.WITHDRAWN: "plain",
    orders.REVERSED: "plain",
    orders.VOIDED: "plain",
    orders.NOT_REVERSED: "bad",
}
SHOWN_MAX = 200
STATES = (
    orders.CREATED,
    orders.RESERVED,
    orders.SENDING,
    orders.UNKNOWN,
    orders.REJECTED,
    orders.ACCEPTED,
    orders.SETTLED,
    orders.WITHDRAWN,
)


def badge(state: str) -> str:
    """A state in its tone."""
    return words.badge(state, TONES.get(state, "busy"))


class ByState(SimpleListFilter):
    """Orders that stand where they stand."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(state, state) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PayOrder]) -> QuerySet[PayOrder]:
        return queryset.filter(facts__state=self.value()) if self.value() in STATES else queryset


@admin.register(PayOrder)
class PayOrderAdmin(ReadOnly):
    """The files that went to the bank, or are to go."""

    intro = (
        "One file to the bank each. An order whose answer was lost is unknown: it is asked for by its key, and never "
        "sent blindly again."
    )
    list_display = ("what", "employer", "pay_date", "stands", "entries", "credits", "reference")
    list_filter = (ByState, ByRun, ByEmployer)

    @admin.display(description="order")
    def what(self, row: PayOrder) -> str:
        return str(row.kind)

    @admin.display(description="state")
    def stands(self, row: PayOrder) -> str:
        return badge(row.state)

    credits = money("credits_cents", "credits")

    @admin.display(description="bank's reference")
    def reference(self, row: PayOrder) -> str:
        return words.code(row.bank_reference)

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        facts = row.facts
        about: list[tuple[str, object]] = [
            ("Employer", row.employer),
            ("State", badge(row.state)),
            ("To be moved on", row.effective),
            ("Entries", f"{row.entries:,}"),
            ("Credits", words.amount(row.credits_cents)),
            ("Debits", words.amount(row.debits_cents)),
            ("Gateway", row.gateway),
            ("Key", words.code(row.order)),
            ("File", words.code(row.object)),
            ("File, SHA-256", words.code(facts["sha256"])),
            ("Bank's reference", words.code(row.bank_reference)),
        ]
        about += [
            (label, facts[name])
            for name, label in (("unknown", "Why it was unknown"), ("rejected", "Why the bank refused"))
            if name in facts
        ]
        return Facts("Payment order", about), self.payments(row), history(row.stream)

    def payments(self, row: Any) -> Table:
        found = Payment.objects.filter(order=row.order).order_by("employee_id", "part")
        lines = [
            (
                words.link(words.page(Paycheck, each.paycheck), each.employee_id),
                words.money(each.amount_cents),
                badge(each.state_of_its_own or row.state),
                words.code(each.trace),
            )
            for each in found[:SHOWN_MAX]
        ]
        note = f"The first {SHOWN_MAX} of {found.count():,}." if found.count() > SHOWN_MAX else ""
        return Table("Payments", ("employee", ">amount", "state", "trace"), lines, note=note)


@admin.register(Payment)
class PaymentAdmin(Endless):
    """Single payments: to one account each, or one check."""

    intro = "A payment has the state of the order that carries it, until something of its own comes back."
    list_display = ("employee_id", "employer", "pay_date", "stands", "amount", "method", "trace")
    list_filter = (ByRun, ByEmployer)
    search_fields = ("employee_id",)
    search_help_text = "An employee ID"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        state = PayOrder.objects.filter(order=OuterRef("order")).values("facts__state")[:1]
        found: QuerySet[Payment] = super().get_queryset(request)
        return found.annotate(carried=Subquery(state))

    @admin.display(description="state")
    def stands(self, row: Any) -> str:
        return badge(row.state_of_its_own or row.carried or orders.NO_ORDER[row.method])

    amount = money("amount_cents", "amount")

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        facts: list[tuple[str, object]] = [
            ("Employee", words.link(words.page(Paycheck, row.paycheck), f"{row.employer}/{row.employee_id}")),
            ("Amount", words.amount(row.amount_cents)),
            ("State", badge(row.state_of_its_own or row.carried or orders.NO_ORDER[row.method])),
            ("Part of the net pay", row.part),
            ("Key", words.code(row.payment)),
            ("Trace", words.code(row.trace)),
        ]
        if row.order:
            facts.append(
                ("Order", words.link(words.page(PayOrder, orders.stream(row.order)), str(row.order)))
            )
        return Facts("Payment", facts), history(f"payment-{row.payment}")
