"""Pay again what came back, or pay what was held back: one person proposes it here, another confirms it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ops.admin import words
from ops.admin.base import ReadOnly, Table
from ops.admin.confirm import Question, ask, confirmed
from payroll.models import Payment
from payroll.payments import repay
from payroll.payments.repay import Preview
from payroll.refusal import Refused

SAYS = (
    "The money goes to the account that the roster names now, never to one that it came back from: change that first.",
    "It takes two people. What you propose here, somebody else has to confirm on this same page before it is sent.",
)
NOW = "What somebody else has proposed is sent to the bank as soon as you confirm. It cannot be taken back."


def pay_again(admin: ReadOnly, request: HttpRequest, payments: Sequence[UUID]) -> TemplateResponse | None:
    """Ask, then propose or confirm for the payments that were ticked; a refusal is told in its own words."""
    by = request.user.get_username()
    if not payments:
        messages.warning(request, "Nothing was done: choose payments that came back.")
        return None
    try:
        would = repay.preview(by=by, payments=payments)
        if not (would.proposed or would.confirmed):
            for row, why in would.waiting:
                messages.warning(request, f"{row} waits: {why}.")
            return None
        question = _question(would, payments)
        if not confirmed(request):
            return ask(admin, request, question)
        if request.POST.get("would") != question.seen["would"]:
            return ask(
                admin, request, replace(question, says=("It has changed since you looked.", *question.says))
            )
        _tell(request, repay.repay(by=by, payments=payments))
    except Refused as refused:
        messages.warning(request, f"Nothing was done: {refused}.")
    return None


def _question(would: Preview, payments: Sequence[UUID]) -> Question:
    rows: list[tuple[Payment, object]] = [(row, "is proposed by you") for row in would.proposed]
    rows += [(row, f"is paid now: {maker} proposed it") for row, maker in would.confirmed]
    rows += [(row, words.short(f"waits: {why}", 200)) for row, why in would.waiting]
    lines = [
        (f"{row.employer}/{row.employee_id}", row.pay_date, _why(row), words.money(row.amount_cents), become)
        for row, become in rows
    ]
    proposed = sum(row.amount_cents for row in would.proposed)
    paid = sum(row.amount_cents for row, _ in would.confirmed)
    does = [f"propose {words.amount(proposed)}"] if would.proposed else []
    does += [f"pay {words.amount(paid)} now"] if would.confirmed else []
    text = " and ".join(does)
    columns = ("person", "pay date", "why it is owed", ">amount", "then")
    return Question(
        action="repay",
        title="Pay these again?",
        says=(*SAYS, NOW) if would.confirmed else SAYS,
        section=Table("Payments", columns, lines),
        keys=payments,
        seen={"would": f"{proposed} {paid}"},
        confirm=f"{text[0].upper()}{text[1:]}",
    )


def _why(row: Payment) -> str:
    code = row.facts.get("return_code")
    return f"came back, {code}" if code else "was held back"


def _tell(request: HttpRequest, done: repay.Repaid) -> None:
    if done.orders:
        messages.success(request, f"Paid again: {_count(len(done.orders), 'order')} to the bank.")
    if done.proposed:
        some = _count(len(done.proposed), "payment")
        messages.success(request, f"Proposed: {some}. Now somebody else has to confirm.")
    if done.waiting:
        messages.warning(request, f"{_count(len(done.waiting), 'payment')} still wait.")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
