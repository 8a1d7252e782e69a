"""What two people decide about a payment order: asked about with what the first one said, recorded by the second."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ops.admin import words
from ops.admin.base import Button, Facts, ReadOnly, Section, Warn
from ops.admin.confirm import Question, ask, confirmed
from payroll.models import PayOrder
from payroll.payments import decisions
from payroll.payments.decisions import ACCEPTED_BY_BANK, OPEN
from payroll.payments.orders import Order
from payroll.payments.sending import ABSENT, ALLOWED, LATE
from payroll.refusal import Refused

PERMISSION = decisions.PERMISSION
EVIDENCE = (
    "What did you look at, and who said so? For example: statement of 20 November, read to me by the bank's desk. "
    "No SSN, no account number."
)
TITLES = {
    ACCEPTED_BY_BANK: "The bank has this file?",
    ABSENT: "The bank does not have this file?",
    ALLOWED: "Send this order all the same?",
    LATE: "Send this same-day order late?",
}
SAYS = {
    ACCEPTED_BY_BANK: (
        "Say this only when the bank's own statement shows the file. It then counts as paid, and is never sent again."
    ),
    ABSENT: (
        "Say this only when the bank's own statement shows that it has nothing of this file. The same file is then "
        "sent again under the same key. If the bank has it after all, and has forgotten the key, people are paid twice."
    ),
    ALLOWED: (
        "This order is over a limit, or far from what this employer is usually paid. Look at its amount and its people "
        "first. Once allowed, it goes to the bank at once, whatever the limits say."
    ),
    LATE: (
        "The last window of the day on which this file was to settle is closed. Once this is recorded it goes to the "
        "bank as it is, and settles when the bank next does: people are paid later than was approved."
    ),
}
LABELS = {
    ACCEPTED_BY_BANK: "The bank has it…",
    ABSENT: "The bank does not have it…",
    ALLOWED: "Send it all the same…",
    LATE: "Send it late…",
}
IN_WORDS = {
    ACCEPTED_BY_BANK: "the bank has it",
    ABSENT: "the bank does not have it",
    ALLOWED: "it may be sent all the same",
    LATE: "it may be sent late, and settle on a later day",
}
TWO = "It takes two people: you propose it, and somebody else has to say the same before anything happens."
SECOND = "You are the second person: as soon as you confirm, it is recorded and the order goes on."


def buttons(request: HttpRequest, row: Any, waits: bool) -> Sequence[Button]:
    """What this user may decide about this order now; `waits` says whether it waits for a person."""
    if not request.user.has_perm(PERMISSION):
        return ()
    not_now = set() if waits else {ALLOWED, LATE}
    not_now |= set() if "settles_at" in row.facts else {LATE}
    open_to = [each for each, states in OPEN.items() if row.state in states and each not in not_now]
    return [Button(each, LABELS[each], "default") for each in open_to]


def decide(
    admin: ReadOnly, request: HttpRequest, row: PayOrder | None, decision: str
) -> TemplateResponse | None:
    """Ask, then propose or confirm for the one order that was ticked; a refusal is told in its own words."""
    if row is None:
        messages.warning(request, "Nothing was done: choose one payment order.")
        return None
    by, evidence = request.user.get_username(), request.POST.get("reason", "").strip()
    question = _question(row, decision, by)
    if question is None:
        messages.warning(
            request, f"{row}: it is {row.state} now, so there is nothing of this kind to decide."
        )
    elif confirmed(request) and evidence and request.POST.get("step") == question.seen["step"]:
        _record(request, row, decision, evidence)
    elif confirmed(request):
        wrong = "Say what it rests on." if not evidence else "It has changed since you looked: look again."
        return ask(admin, request, replace(question, wrong=wrong))
    else:
        return ask(admin, request, question)
    return None


def proposal(row: PayOrder) -> Sequence[Section]:
    """What somebody has proposed and nobody has confirmed yet."""
    order = Order(row.stream)
    proposed = _proposed(order)
    if not proposed:
        return ()
    said = IN_WORDS.get(proposed["decision"], proposed["decision"])
    note = f"{proposed['by']} has proposed: {said}. Evidence: {proposed['evidence']}. Somebody else has to confirm it."
    return (Warn(note),)


def _proposed(order: Order) -> dict[str, Any]:
    """The last proposal, while what it decides is still open."""
    proposed = order.facts.get("OrderDecisionProposed", {})
    resolved = order.facts.get("OrderResolved", {}).get("resolved_as")
    if not proposed or resolved == proposed["decision"] or order.state not in OPEN[proposed["decision"]]:
        return {}
    return proposed


def _question(row: PayOrder, decision: str, by: str) -> Question | None:
    order = Order(row.stream)
    if order.state not in OPEN[decision]:
        return None
    proposed = _proposed(order)
    second = proposed.get("decision") == decision and proposed["by"] != by
    facts: list[tuple[str, object]] = [
        ("Employer", row.employer),
        ("Pay date", row.pay_date),
        ("State", row.state),
        ("Entries", f"{row.entries:,}"),
        ("Credits", words.amount(row.credits_cents)),
        ("File", words.code(row.object)),
        ("Key at the bank", words.code(row.order)),
    ]
    if proposed:
        facts.append(("Proposed", f"by {proposed['by']}: {IN_WORDS[proposed['decision']]}"))
        facts.append(("Evidence", proposed["evidence"]))
    amount = words.amount(row.credits_cents)
    return Question(
        action=decision,
        title=TITLES[decision],
        says=(SAYS[decision], SECOND if second else TWO),
        section=Facts("Payment order", facts),
        keys=[row.pk],
        seen={"step": "confirm" if second else "propose"},
        reason=EVIDENCE,
        confirm=f"{'Confirm' if second else 'Propose'}: {IN_WORDS[decision]}, {amount}",
        tone="danger" if decision == ABSENT else "primary",
    )


def _record(request: HttpRequest, row: PayOrder, decision: str, evidence: str) -> None:
    assert row.order is not None, "every order has a key"
    try:
        recorded = decisions.decide(row.order, decision, by=request.user.get_username(), evidence=evidence)
    except Refused as refused:
        messages.warning(request, f"{row}: {refused}.")
        return
    said = IN_WORDS[decision]
    if recorded:
        messages.success(request, f"Recorded: {said}. {row} goes on.")
    else:
        messages.success(request, f"Proposed: {said}. Now somebody else has to confirm it.")
