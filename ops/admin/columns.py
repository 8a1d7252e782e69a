"""Columns that pay runs and employer runs share."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Count, Subquery

from events.models import DeadLetter, DeadLetterState
from ops.admin import words

VALIDATED = "EmployerRunValidated"
CANCELLED = "EmployerRunCancelled"
RUN_TONES = {
    "complete": "good",
    "paused": "wait",
    "being cancelled": "busy",
    "cancelled": "plain",
}
TONES = {
    "waits for approval": "wait",
    "approved": "busy",
    "paying": "busy",
    "paid": "good",
    "complete": "good",
    "cancelled": "plain",
}


def open_letters(**of: Any) -> Subquery:
    """How many dead letters of a row are open."""
    letters = DeadLetter.objects.filter(state=DeadLetterState.OPEN, **of).order_by()
    return Subquery(letters.values("run_key").annotate(count=Count("id")).values("count"))


def in_words(part: Any) -> str:
    """The state of an employer's run as a badge; a dead letter comes before anything else."""
    if part.dead:
        return words.badge("waits for a dead letter", "bad")
    return words.badge(part.state, TONES.get(part.state, "busy"))


def letters_link(count: int | None, **of: object) -> str:
    """The number of open dead letters, as a link to them."""
    return words.link(words.listing(DeadLetter, state="open", **of) if count else "", words.number(count))


def money(field: str, description: str) -> Callable[[Any, Any], str]:
    """A column that shows an amount in cents as dollars."""

    @admin.display(description=description, ordering=field)
    def column(page: Any, row: Any) -> str:
        return words.money(getattr(row, field))

    return column


class Amounts:
    """Period, people and sums."""

    @admin.display(description="period", ordering="period_start")
    def period(self, row: Any) -> str:
        return words.line(f"{row.period_start} to {row.period_end}")

    @admin.display(description="pay date", ordering="pay_date")
    def payday(self, row: Any) -> str:
        return words.line(row.pay_date)

    @admin.display(description="people")
    def people(self, row: Any) -> str:
        return words.number(row.employees)

    @admin.display(description="gross")
    def gross(self, row: Any) -> str:
        return words.total(row.gross_cents)

    @admin.display(description="net pay")
    def net(self, row: Any) -> str:
        return words.total(row.net_cents)

    @admin.display(description="paid")
    def paid(self, row: Any) -> str:
        return words.total(row.paid_cents)
