"""The ledger: every transaction with its legs, and what an employer's run comes to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest

from ops.admin import words
from ops.admin.base import Endless, Facts, Section, Table
from ops.admin.filters import ByEmployer, ByEmployerRun, ByRun
from ops.admin.log import history
from payroll.ledger.accounts import UnknownAccount, account
from payroll.ledger.balance import TrialBalance
from payroll.models import EmployerRun, LedgerLeg, LedgerTransaction, PayRun

# The events that post something (payroll/ledger/postings.sql), in words.
POSTS = {
    "PaymentsInstructed": "payments instructed",
    "OrderAccepted": "accepted by the bank",
    "OrderResolved": "resolved by two people",
    "OrderRejected": "acceptance taken back by the bank",
    "OrderSettled": "settled",
    "PaymentReturned": "returned",
    "PaycheckVoided": "voided",
    "MoneyMoved": "money moved",
}


class ByPosting(SimpleListFilter):
    """Transactions that events of one kind have posted."""

    title = "event"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(POSTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event=self.value()) if self.value() else queryset


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(Endless):
    """What events mean in money."""

    intro = (
        "What the log means in money: a transaction for each event, whose debits and credits are equal. "
        "Nothing here is entered by hand or changed; a correction is a new event."
    )
    fresh = True
    list_display = ("what", "employer", "posted", "moved")
    list_filter = (ByPosting, ByRun, ByEmployerRun, ByEmployer)
    ordering = ("-recorded_at", "id")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerTransaction]:
        found: QuerySet[LedgerTransaction] = super().get_queryset(request)
        # A query for each row that is shown: a join would add up the whole table before it is cut to a page.
        debits = LedgerLeg.objects.filter(transaction_id=OuterRef("pk"), amount_cents__gt=0).order_by()
        summed = debits.values("transaction_id").annotate(cents=Sum("amount_cents")).values("cents")
        return found.annotate(debits_cents=Subquery(summed))

    @admin.display(description="event")
    def what(self, row: LedgerTransaction) -> str:
        return words.line(row.event)

    @admin.display(description="recorded at (UTC)")
    def posted(self, row: LedgerTransaction) -> str:
        return words.line(words.moment(row.recorded_at))

    @admin.display(description="amount")
    def moved(self, row: Any) -> str:
        return words.money(row.debits_cents)

    def sections(self, request: HttpRequest, row: LedgerTransaction) -> Sequence[Section]:
        part = words.page(EmployerRun, f"employerrun-{row.employer_run}")
        facts: list[tuple[str, object]] = [
            ("Event", row.event),
            ("Recorded (UTC)", words.moment(row.recorded_at)),
            ("Employer run", words.link(part, row.employer)),
            ("Pay run", words.link(words.page(PayRun, f"payrun-{row.run}"), row.run)),
            ("Payment order", words.code(row.order_key)),
        ]
        legs = list(row.legs.all())
        lines = [
            (leg.account, meaning(leg.account), debit(leg.amount_cents), credit(leg.amount_cents))
            for leg in legs
        ]
        debits = words.money(sum(max(leg.amount_cents, 0) for leg in legs))
        credits = words.money(-sum(min(leg.amount_cents, 0) for leg in legs))
        columns = ("account", "what it holds", ">debit", ">credit")
        table = Table("Legs", columns, lines, total=("Together", "", debits, credits))
        return (
            Facts("Transaction", facts, note="Its id names the event that posted it."),
            table,
            history(row.stream),
        )


def trial_balance(employer_run: UUID) -> Table:
    """What the accounts of an employer's run come to."""
    balance = TrialBalance(employer_run=employer_run)
    lines = [
        (name, meaning(name), debit(each.balance_cents), credit(each.balance_cents))
        for name, each in balance.accounts.items()
    ]
    balances = [each.balance_cents for each in balance.accounts.values()]
    debits, credits = sum(max(cents, 0) for cents in balances), -sum(min(cents, 0) for cents in balances)
    return Table(
        "Ledger",
        ("account", "what it holds", ">debit", ">credit"),
        lines,
        note="The balance of every account. Debits and credits are equal.",
        empty="Nothing is posted until payments are instructed.",
        total=("Together", "", words.money(debits), words.money(credits)) if lines else (),
    )


def meaning(name: str) -> str:
    """What an account holds, in words."""
    try:
        return account(name).words
    except UnknownAccount as unknown:
        return str(unknown)


def debit(cents: int) -> str:
    """An amount in the column of debits, or nothing."""
    return words.money(cents) if cents > 0 else ""


def credit(cents: int) -> str:
    """An amount in the column of credits, or nothing."""
    return words.money(-cents) if cents < 0 else ""
