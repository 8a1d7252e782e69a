"""Pause, resume and cancel a pay run, withdraw what was proposed to undo: asked first, done for one run at a time."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ops.admin import words
from ops.admin.base import Button, ReadOnly, Table
from ops.admin.confirm import Question, ask, confirmed
from ops.status import run_status
from payroll import cancel, runs
from payroll.cancel import Cancelled
from payroll.models import PayRun
from payroll.runs import Refused
from payroll.undo import decide

PAUSE = (
    "While the run is paused, nothing else of it is calculated and no payment goes out. "
    "A step that is being done now is finished first; that takes seconds.",
    "A payment file that the bank has already cannot be held back by this.",
)
RESUME = ("The run goes on where it stood.",)
CANCEL = (
    "Cancelling gives the run up: nobody at the employers marked below is paid by it, their paychecks count nowhere, "
    "and what went wrong in them need not be mended any more. It cannot be taken back. "
    "Afterwards the same period can be run again.",
    "An employer whose payments have been given to the bank, or are just being given to it, is not cancelled: "
    "its people are paid.",
)
WITHDRAW = (
    "What was proposed below is taken back, and nobody can confirm it any more: nothing is undone. "
    "It may be proposed anew.",
)
WHY = "Why? Write what a colleague needs to know; no SSN, no account number."


def buttons(request: HttpRequest, row: PayRun) -> Sequence[Button]:
    """What this user may do with this run now."""
    withdraw = []
    if request.user.has_perm(decide.PERMISSION) and decide.waiting(row.run, row.facts["employer_runs"]):
        withdraw.append(Button("withdraw", "Withdraw the undoing…", "default"))
    if row.complete or "cancelled_by" in row.facts:
        return withdraw
    may_pause = request.user.has_perm("payroll.pause_payrun")
    may_cancel = request.user.has_perm("payroll.cancel_payrun")
    paused = row.state == "paused"
    may = (
        (may_pause and not paused, Button("pause", "Pause…", "default")),
        (may_pause and paused, Button("resume", "Resume…")),
        (may_cancel, Button("cancel", "Cancel…", "danger")),
    )
    return [*(button for allowed, button in may if allowed), *withdraw]


def steer(admin: ReadOnly, request: HttpRequest, run: PayRun | None, action: str) -> TemplateResponse | None:
    """Ask, then pause, resume or cancel the one run that was ticked; a refusal is told in its own words."""
    if run is None:
        messages.warning(request, "Nothing was done: choose one pay run.")
        return None
    reason = request.POST.get("reason", "").strip()
    try:
        question = QUESTIONS[action](run)
        if not confirmed(request) or (question.reason and not reason):
            question = _again(question) if confirmed(request) else question
            return ask(admin, request, question)
        messages.success(request, COMMANDS[action](run, request.user.get_username(), reason))
    except Refused as refused:
        messages.warning(request, f"{run}: {refused}.")
    return None


def _again(question: Question) -> Question:
    return Question(**{**vars(question), "wrong": "Give a reason."})


def _ask_pause(run: PayRun) -> Question:
    if runs.paused_since(runs.going(run.run)):
        raise Refused("it is paused already")
    return Question(
        action="pause",
        title="Pause this pay run?",
        says=PAUSE,
        section=_employers(run),
        keys=[run.pk],
        reason=WHY,
        confirm="Pause the run",
    )


def _ask_resume(run: PayRun) -> Question:
    if not runs.paused_since(runs.going(run.run)):
        raise Refused("it is not paused")
    return Question(
        action="resume",
        title="Let this pay run go on?",
        says=RESUME,
        section=_employers(run),
        keys=[run.pk],
        confirm="Resume the run",
    )


def _ask_cancel(run: PayRun) -> Question:
    would = cancel.decide(runs.going(run.run))
    return Question(
        action="cancel",
        title="Cancel this pay run?",
        says=CANCEL,
        section=_employers(run, would),
        keys=[run.pk],
        reason=WHY,
        confirm=f"Cancel {len(would.cancelled)} employer{'' if len(would.cancelled) == 1 else 's'}",
        tone="danger",
    )


def _ask_withdraw(run: PayRun) -> Question:
    proposed = decide.waiting(run.run, run.facts["employer_runs"])
    if not proposed:
        raise Refused("nobody has proposed to undo it, or somebody has confirmed it already")
    rows = [(each["employer"] or "all of it", each["proposed_by"], each["reason"]) for each in proposed]
    return Question(
        action="withdraw",
        title="Withdraw what was proposed to undo?",
        says=WITHDRAW,
        section=Table("Proposed, and not confirmed", ("what", "by", "because"), rows),
        keys=[run.pk],
        reason=WHY,
        confirm=f"Withdraw {len(rows)} proposal{'' if len(rows) == 1 else 's'}",
    )


def _employers(run: PayRun, would: Cancelled | None = None) -> Table:
    """Each employer of the run, how far it is, and what would become of it."""
    rows = []
    for part in run_status(run.run).employers:
        become = "is paid" if would and part.employer in would.goes_on else "is cancelled"
        row = (
            f"{part.name} ({part.employer})",
            part.state,
            f"{part.employees:,}",
            words.money(part.net_cents),
        )
        rows.append((*row, become) if would else row)
    columns = ("employer", "state", ">people", ">net pay")
    return Table("Employers of this run", (*columns, "then") if would else columns, rows)


def _pause(run: PayRun, by: str, reason: str) -> str:
    runs.pause(run.run, by=by, reason=reason)
    return f"Paused: {run}. Nothing else of it is begun until somebody resumes it."


def _resume(run: PayRun, by: str, reason: str) -> str:
    runs.resume(run.run, by=by, reason=reason)
    return f"Resumed: {run}. It goes on where it stood."


def _cancel(run: PayRun, by: str, reason: str) -> str:
    decided = cancel.cancel(run.run, by=by, reason=reason)
    told = f"Being cancelled: {run}, {len(decided.cancelled)} employers."
    return f"{told} These are paid all the same: {', '.join(decided.goes_on)}." if decided.goes_on else told


def _withdraw(run: PayRun, by: str, reason: str) -> str:
    proposed = decide.waiting(run.run, run.facts["employer_runs"])
    for each in proposed:
        decide.withdraw(run.run, by=by, reason=reason, employer=each["employer"])
    return f"Withdrawn: {run}. Nothing of it is undone."


QUESTIONS: dict[str, Callable[[PayRun], Question]] = {
    "pause": _ask_pause,
    "resume": _ask_resume,
    "cancel": _ask_cancel,
    "withdraw": _ask_withdraw,
}
COMMANDS: dict[str, Callable[[PayRun, str, str], str]] = {
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "withdraw": _withdraw,
}
