"""The approval of an employer's run: asked about with its totals, given for exactly what was seen."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ops.admin import words
from ops.admin.base import ReadOnly, Table
from ops.admin.confirm import Question, ask
from payroll import runs
from payroll.models import EmployerRun
from payroll.payments import same_day
from payroll.runs import Refused

SAYS = (
    "Approving releases these payments: the payment file is built from the paychecks as they stand "
    "and goes to the bank.",
    "Your name is recorded with the hash of the register that you see here. It cannot be taken back.",
)


def refusal(request: HttpRequest, part: EmployerRun) -> str:
    """Why this user cannot approve this run now; empty when nothing stands against it."""
    if part.approved_by:
        return f"{part.employer} was already approved by {part.approved_by}"
    if part.last_event != "EmployerRunValidated":
        return f"{part.employer} is not validated yet: everybody has to be computed first"
    try:
        runs.check_approver(request.user.get_username(), part.opened_by)
    except Refused as refused:
        return str(refused)
    return ""


def ask_approval(
    admin: ReadOnly, request: HttpRequest, parts: Sequence[EmployerRun]
) -> TemplateResponse | None:
    """The page that shows what would be approved; what cannot be is told at once."""
    open_to_user = []
    for part in parts:
        if why := refusal(request, part):
            messages.warning(request, f"{part.name}: {why}.")
        else:
            open_to_user.append(part)
    if not open_to_user:
        return None
    return ask(admin, request, question(open_to_user))


def question(parts: Sequence[EmployerRun]) -> Question:
    """Employer, people, net total and register of everything to approve."""
    rows = [
        (
            f"{part.name} ({part.employer})",
            f"{part.pay_date}, {same_day.SAME_DAY}" if same_day.is_same_day(part.facts) else part.pay_date,
            f"{part.facts['completed']:,}",
            words.money(part.gross_cents),
            words.money(part.net_cents),
            words.code(part.register_sha256),
        )
        for part in parts
    ]
    people = sum(part.facts["completed"] for part in parts)
    sums = [sum(getattr(part, name) for part in parts) for name in ("gross_cents", "net_cents")]
    total = ("Together", "", f"{people:,}", *map(words.money, sums), "")
    columns = ("employer", "pay date", ">people", ">gross", ">net pay", "register, SHA-256")
    return Question(
        action="approve",
        title="Approve these payments?",
        says=(*SAYS, *too_late(parts)),
        section=Table("To be approved", columns, rows, total=total),
        keys=[part.pk for part in parts],
        seen={_seen(part): part.register_sha256 for part in parts},
        confirm=f"Approve {words.amount(sums[1])} net pay for {people:,} people",
    )


def too_late(parts: Sequence[EmployerRun]) -> list[str]:
    """What to say of those that are to settle the same day, and cannot any more."""
    now = same_day.eastern()
    return [
        f"{part.name} was to settle the same day: {why}. Approved, it waits until somebody postpones it."
        for part in parts
        if same_day.is_same_day(part.facts)
        and (why := same_day.closed(date.fromisoformat(part.facts["pay_date"]), now))
    ]


def give_approval(request: HttpRequest, part: Any) -> None:
    """Approve one employer's run, if it still is what the page showed, and tell what happened."""
    if request.POST.get(_seen(part)) != part.register_sha256:
        messages.warning(
            request, f"{part.name} has changed since you looked: look again before you approve it."
        )
        return
    try:
        runs.approve(part.employer_run, by=request.user.get_username())
    except Refused as refused:
        messages.warning(request, f"{part.name}: {refused}.")
    else:
        net = words.amount(part.net_cents)
        messages.success(request, f"Approved: {part.name}, {net} net pay. The payments go out now.")


def _seen(part: EmployerRun) -> str:
    return f"seen-{part.employer_run}"
