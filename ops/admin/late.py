"""Late changes: people whose inputs were changed after a run had taken them; paid by a correction run, or dismissed."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from events.failures import NeedsReview
from ops.admin import words
from ops.admin.base import Button, Facts, ReadOnly, Section, Table, Warn
from ops.admin.confirm import Question, ask, chosen, confirmed
from ops.admin.filters import ByEmployer, ByRun, WithDefault, by_employee
from ops.admin.log import history
from ops.admin.paychecks import person
from payroll import correct
from payroll.late import changes, listed
from payroll.late.changes import BEING_CORRECTED, CORRECTED, DISMISSED, NOT_PAID, OPEN, STANDS, TO_DO
from payroll.late.listed import Late
from payroll.models import LateChange, PayRun
from payroll.refusal import Refused

TONES = {OPEN: "wait", NOT_PAID: "wait", BEING_CORRECTED: "busy", CORRECTED: "good"}
DIFFERENCE = ("gross", "employee_taxes", "net")
SAYS = (
    "A run of its own is opened, which pays these people the difference and nothing else. Somebody other than you has "
    "to approve it before anything is paid.",
    "Who was paid too much is paid nothing by it: it is taken back from their later pay.",
)
LEAVES = (
    "Nothing is paid or taken back for what has changed. It holds from the next run on.",
    "When the roster changes again for these people, you are asked again.",
)
WHY = "Why not? For example: the raise holds from the next period on. No SSN, no account number."


class ByStanding(WithDefault):
    """Late changes that stand where they stand; by default those that somebody has to decide about."""

    title = "state"
    parameter_name = "state"
    default = "to-do"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.default, "To decide about"), *((each, each) for each in STANDS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == self.default:
            return changes.to_do(queryset)
        return queryset.filter(stands=self.value()) if self.value() in STANDS else queryset


@admin.register(LateChange)
class LateChangeAdmin(ReadOnly):
    """What the roster says otherwise by now than a run has taken."""

    intro = (
        "An import has changed something of these people after a run had taken it. Pay the difference by a correction "
        "run, or dismiss it and say why. Open one to see what it comes to."
    )
    fresh = True
    list_display = ("who", "of_run", "pay_date", "what", "stand", "noticed")
    list_filter = (ByStanding, ByRun, ByEmployer)
    actions = ("correct", "dismiss")
    search_fields = ("employee_id",)
    search_help_text = "An employee ID, or EMPLOYER/EMPLOYEE"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return changes.with_standing(super().get_queryset(request))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (by_employee(queryset, search_term) if search_term.strip() else queryset), False

    def has_correct_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(changes.PERMISSION)

    @admin.action(description="Open a correction run…", permissions=["correct"])
    def correct(self, request: HttpRequest, queryset: QuerySet[Any]) -> TemplateResponse | None:
        """Ask with the amounts, then open a run that pays the differences of those who were ticked."""
        return open_run(self, request, self.ticked(request))

    @admin.action(description="Dismiss…", permissions=["correct"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Any]) -> TemplateResponse | None:
        """Ask for the reason, then dismiss those that were ticked."""
        return dismiss(self, request, self.ticked(request))

    def ticked(self, request: HttpRequest) -> list[Any]:
        """The rows that were ticked."""
        return list(self.get_queryset(request).filter(stream__in=chosen(request)))

    @admin.display(description="person", ordering="employee_id")
    def who(self, row: LateChange) -> str:
        return f"{row.employer}/{row.employee_id}"

    @admin.display(description="run")
    def of_run(self, row: LateChange) -> str:
        return words.line(f"{row.facts['kind']}, {row.facts['period_start']} to {row.facts['period_end']}")

    @admin.display(description="what differs")
    def what(self, row: LateChange) -> str:
        return listed.said(row.facts["inputs"])

    @admin.display(description="state")
    def stand(self, row: Any) -> str:
        return words.badge(row.stands, TONES.get(row.stands, "plain"))

    @admin.display(description="last noticed (UTC)", ordering="last_at")
    def noticed(self, row: LateChange) -> str:
        return words.line(words.moment(row.last_at))

    def buttons(self, request: HttpRequest, row: Any) -> Sequence[Button]:
        if row.stands not in TO_DO or not self.has_correct_permission(request):
            return ()
        leave = Button("dismiss", "Dismiss…", "default")
        return (Button("correct", "Open a correction run…"), leave) if row.stands == OPEN else (leave,)

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        (found,) = listed.with_amounts([row])
        run = words.link(words.page(PayRun, f"payrun-{row.run}"), self.of_run(row))
        about = [
            *person(request, row.employer, row.employee_id),
            ("Run", run),
            ("Pay date", row.pay_date),
            ("State", self.stand(row)),
            ("What differs", listed.said(found.inputs)),
        ]
        if row.stands in {BEING_CORRECTED, CORRECTED}:
            page = words.page(PayRun, f"payrun-{row.taken_run}")
            about.append(("By", words.link(page, "a correction run")))
        if row.stands == DISMISSED:
            about.append(("Dismissed", f"by {row.facts['dismissed_by']}: {row.facts['dismissed_reason']}"))
        says = listed.NEXT.get(row.stands)
        warned = [Warn(f"{says[0].upper()}{says[1:]}.")] if says else []
        return (*warned, Facts("Late change", about), *_amounts(found), history(row.stream))


def open_run(admin: ReadOnly, request: HttpRequest, rows: Sequence[Any]) -> TemplateResponse | None:
    """Ask, then open one correction run for those who were ticked; a refusal is told in its own words."""
    able, question = _asked(rows)
    if question is None:
        messages.warning(
            request,
            "Nothing was done: choose people of one run which is paid, whose pay differs. " + _why_not(rows),
        )
        return None
    if not confirmed(request):
        return ask(admin, request, question)
    if request.POST.get("would") != question.seen["would"]:
        return ask(
            admin, request, replace(question, says=("It has changed since you looked.", *question.says))
        )
    people: dict[str, list[str]] = {}
    for each in able:
        people.setdefault(each.row.employer, []).append(each.row.employee_id)
    try:
        opened = correct.open_correction(able[0].row.run, by=request.user.get_username(), people=people)
    except (Refused, NeedsReview) as refused:
        messages.warning(request, f"Nothing was done: {refused}.")
        return None
    said = f"A correction run is open for {listed.people(len(opened.proposals))}, paid {opened.pay_date}. "
    messages.success(request, f"{said}When it is calculated, somebody else has to approve it.")
    return None


def _asked(rows: Sequence[Any]) -> tuple[list[Late], Question | None]:
    """Those whose difference can be paid, and what is asked about them; None when there is nobody, or of two runs."""
    found = listed.with_amounts([row for row in rows if row.stands == OPEN])
    able = [each for each in found if each.able]
    if not able or len({each.row.run for each in able}) > 1:
        return able, None
    seen = hashlib.sha256(str([each.proposal for each in able]).encode()).hexdigest()
    left = len(rows) - len(able)
    says = (
        (*SAYS, f"{listed.people(left)} that you chose have no amount to pay, and are left out.")
        if left
        else SAYS
    )
    net_cents = sum(each.able.cents("net") for each in able if each.able)
    return able, Question(
        action="correct",
        title=f"Pay {listed.people(len(able))} the difference?",
        says=says,
        section=_table(able),
        keys=[row.stream for row in rows],
        seen={"would": seen},
        confirm=f"Open a correction run, {words.amount(net_cents)} net",
    )


def _why_not(rows: Sequence[Any]) -> str:
    """What stands in the way of the first of those who were ticked."""
    for each in listed.with_amounts(rows):
        if each.why or each.row.stands != OPEN:
            return f"{each.row.employer}/{each.row.employee_id}: {each.why or each.row.stands}."
    return ""


def dismiss(admin: ReadOnly, request: HttpRequest, rows: Sequence[Any]) -> TemplateResponse | None:
    """Ask for the reason, then dismiss what was ticked; a refusal is told in its own words."""
    rows = [row for row in rows if row.stands in TO_DO]
    if not rows:
        messages.warning(request, "Nothing was done: choose late changes that are to be decided about.")
        return None
    reason = request.POST.get("reason", "").strip()
    question = Question(
        action="dismiss",
        title=f"Leave {listed.people(len(rows))} as they were paid?",
        says=LEAVES,
        section=_table(listed.with_amounts(rows)),
        keys=[row.stream for row in rows],
        reason=WHY,
        confirm="Dismiss",
    )
    if not confirmed(request):
        return ask(admin, request, question)
    if not reason:
        return ask(admin, request, replace(question, wrong="Give a reason."))
    try:
        changes.dismiss([row.stream for row in rows], by=request.user.get_username(), reason=reason)
    except Refused as refused:
        messages.warning(request, f"Nothing was done: {refused}.")
    else:
        messages.success(request, f"Dismissed: {listed.people(len(rows))}.")
    return None


def _table(found: Sequence[Late]) -> Table:
    lines = [
        (
            f"{each.row.employer}/{each.row.employee_id}",
            each.row.pay_date,
            listed.said(each.inputs),
            *_cents(each),
        )
        for each in found
    ]
    columns = ("person", "paid on", "what differs", ">gross", ">employee taxes", ">net pay")
    return Table("People", columns, lines)


def _cents(each: Late) -> tuple[object, ...]:
    """The difference; a dash where nothing is computed."""
    if each.able is None:
        return (words.NOTHING,) * len(DIFFERENCE)
    return tuple(words.money(each.able.cents(name)) for name in DIFFERENCE)


def _amounts(each: Late) -> Sequence[Section]:
    """What is right less what was paid, amount by amount."""
    if each.why:
        return (Warn(f"{each.why[0].upper()}{each.why[1:]}."),)
    if each.proposal is None:
        return ()
    lines = [
        (name.removesuffix("_cents").replace("_", " "), words.money(cents))
        for name, cents in each.proposal.amounts.items()
    ]
    total = ("Net pay", words.money(each.proposal.cents("net")))
    return (
        Table("The difference", ("", ">amount"), [line for line in lines if line[0] != "net"], total=total),
    )
