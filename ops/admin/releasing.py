"""Release: pay who is complete and carry over who waits, asked about with the names of those who are paid later."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from events.models import DeadLetter, DeadLetterState
from ops.admin import words
from ops.admin.base import ReadOnly, Table
from ops.admin.confirm import Question, ask, confirmed
from payroll import keys, release
from payroll.models import EmployerRun
from payroll.refusal import Refused

PERMISSION = "payroll.release_employerrun"
SAYS = (
    "Everybody else of this employer goes on: they are validated, and paid once somebody approves them.",
    "The people below are not paid by this run. A run of their own is opened for the same period, in which they are "
    "computed anew. Mend what is wrong with them, then have that run approved: they are paid later than the others.",
    "This cannot be taken back.",
)
WHY = "Why can they not wait? Write what a colleague needs to know; no SSN, no account number."


def release_one(admin: ReadOnly, request: HttpRequest, part: EmployerRun | None) -> TemplateResponse | None:
    """Ask, then release the one employer's run that was ticked; a refusal is told in its own words."""
    if part is None:
        messages.warning(request, "Nothing was done: choose one employer's run.")
        return None
    reason = request.POST.get("reason", "").strip()
    try:
        question = _question(part, release.would_carry(part.run, part.employer))
        if not confirmed(request):
            return ask(admin, request, question)
        if not reason or request.POST.get("people") != question.seen["people"]:
            wrong = "Somebody else waits now: look again." if reason else "Give a reason."
            return ask(admin, request, replace(question, wrong=wrong))
        done = release.release(part.run, part.employer, by=request.user.get_username(), reason=reason)
    except Refused as refused:
        messages.warning(request, f"{part.name}: {refused}.")
        return None
    count = f"{len(done.carried):,} {'person is' if len(done.carried) == 1 else 'people are'}"
    said = f"Released: {part.name} goes on. {count} carried over to a run of their own, paid {done.pay_date}."
    messages.success(request, said)
    return None


def _question(part: EmployerRun, carried: Sequence[str]) -> Question:
    prefix = keys.paycheck_prefix(part.employer_run)
    letters = DeadLetter.objects.filter(subject__startswith=prefix, state=DeadLetterState.OPEN)
    why = {keys.employee_of(letter.subject): letter for letter in letters}
    rows = [
        (employee, words.line(why[employee].step), words.short(why[employee].reason, 160))
        if employee in why
        else (employee, words.NOTHING, "their batch waits")
        for employee in carried
    ]
    some = f"{len(carried):,} {'person' if len(carried) == 1 else 'people'}"
    return Question(
        action="release",
        title=f"Let {part.name} go on without {some}?",
        says=SAYS,
        section=Table("Paid later, by a run of their own", ("person", "waits at", "because"), rows),
        keys=[part.pk],
        seen={"people": hashlib.sha256(" ".join(carried).encode()).hexdigest()},
        reason=WHY,
        confirm=f"Go on without {some}",
        tone="danger",
    )
