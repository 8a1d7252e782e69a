"""Postpone: let a same-day run that missed its day settle on the next one, asked about with the day it would be."""

from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ops.admin import words
from ops.admin.base import Facts, ReadOnly
from ops.admin.confirm import Question, ask, confirmed
from payroll import postpone
from payroll.models import EmployerRun
from payroll.postpone import Postponed
from payroll.refusal import Refused

SAYS = (
    "People are paid on the day below, and not on the day that was approved. The amounts stay as they were approved.",
    "Ordinary payment files are made at once. To have nobody paid, cancel the run instead.",
)
WHY = "Why did it not settle in time? Write what a colleague needs to know; no SSN, no account number."


def postpone_one(admin: ReadOnly, request: HttpRequest, part: EmployerRun | None) -> TemplateResponse | None:
    """Ask, then postpone the one employer's run that was ticked; a refusal is told in its own words."""
    if part is None:
        messages.warning(request, "Nothing was done: choose one employer's run.")
        return None
    assert part.run is not None, "every employer's run belongs to a pay run"
    by, reason = request.user.get_username(), request.POST.get("reason", "").strip()
    try:
        question = _question(part, postpone.preview(part.run, part.employer, by=by))
        if not confirmed(request):
            return ask(admin, request, question)
        if not reason or request.POST.get("settles_on") != question.seen["settles_on"]:
            wrong = "It would be another day by now: look again." if reason else "Give a reason."
            return ask(admin, request, replace(question, wrong=wrong))
        done = postpone.postpone(part.run, part.employer, by=by, reason=reason)
    except Refused as refused:
        messages.warning(request, f"{part.name}: {refused}.")
        return None
    messages.success(request, f"Postponed: {part.name} settles on {done.settles_on}.")
    return None


def _question(part: EmployerRun, would: Postponed) -> Question:
    facts = [
        ("Employer", f"{part.name} ({part.employer})"),
        ("Pay date, as approved", part.pay_date),
        ("Settles on", would.settles_on.isoformat()),
        ("Net pay", words.amount(part.net_cents)),
    ]
    return Question(
        action="postpone",
        title=f"Let {part.name} settle on {would.settles_on}?",
        says=SAYS,
        section=Facts("To be postponed", facts),
        keys=[part.pk],
        seen={"settles_on": would.settles_on.isoformat()},
        reason=WHY,
        confirm=f"Settle on {would.settles_on}",
        tone="danger",
    )
