"""Dead letters: look at what went wrong, let it go on, or give it up."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from events import dead_letters, redrive
from events.dead_letters import NothingToUndo, NotOpen
from events.models import DeadLetter, DeadLetterState, Work
from ops.admin import words
from ops.admin.base import Button, Facts, ReadOnly, Section, Table, Text
from ops.admin.confirm import Question, ask, chosen, confirmed
from ops.admin.filters import WithDefault, as_uuid
from ops.admin.log import history, subject_link
from ops.admin.paychecks import person
from ops.admin.redriving import ask_redrive
from payroll import corrections, keys
from payroll.models import EmployerRun, Paycheck
from payroll.objects import ObjectsUnavailable
from payroll.runs import Refused

KINDS = {"needs review": "wait", "bug": "bad", "lost worker": "bad", "alarm": "bad"}
TONES = {"open": "bad", "redriven": "good", "dismissed": "plain", "carried_over": "plain"}
SAYS = (
    "Dismissing leaves each person below out of this run: nothing is paid to them in it, and the employer's run goes "
    "on without them. It cannot be taken back. To let them be paid, mend the cause and redrive instead.",
    "Your name and the reason are recorded, and shown on the paycheck.",
)
MEANS = (
    "Redrive goes on from the failed step with the inputs the run began with, once the cause is mended. "
    "With corrected inputs, the paycheck begins again with the roster as it is now. "
    "Dismiss leaves the person out of this run."
)


class ByLetterState(WithDefault):
    """Open ones, unless others are asked for."""

    title = "state"
    parameter_name = "state"
    default = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(value, str(label).capitalize()) for value, label in DeadLetterState.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        return queryset if self.value() == "all" else queryset.filter(state=self.value())


def employee_of(letter: DeadLetter) -> str:
    """The employee that a letter is about; empty when it is about an employer's run."""
    return keys.employee_of(letter.subject)


def employer_run(letter: DeadLetter) -> str:
    """The employer's run that a letter holds up."""
    stream = letter.subject.partition("+")[0].replace("paycheck-", "employerrun-", 1)
    return (
        words.link(words.page(EmployerRun, stream), "of this employer")
        if "employerrun-" in stream
        else words.NOTHING
    )


def whose(request: HttpRequest, letter: DeadLetter) -> list[tuple[str, object]]:
    """Employer, and the employee where it is about one."""
    if employee := employee_of(letter):
        return person(request, letter.group_key, employee)
    return [("Employer", letter.group_key)]


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnly):
    """Work that waits for a person."""

    intro = f"What could not be finished and waits for you. {MEANS}"
    list_display = (
        "who",
        "group_key",
        "where",
        "badge",
        "because",
        "fingerprint",
        "attempts",
        "opened",
        "stands",
    )
    list_filter = (ByLetterState, "step", "kind", "fingerprint", "group_key")
    search_fields = ("subject",)
    search_help_text = "An employee ID, an employer's id, or a fingerprint"
    actions = ("redrive", "redrive_alike", "redrive_corrected", "dismiss")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup == "run_key" or bool(super().lookup_allowed(lookup, value, request))

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.redrive_deadletter")

    def has_dismiss_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.dismiss_deadletter")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        about = Q(subject=term) | Q(subject__endswith=f"+{term}")
        return queryset.filter(about | Q(group_key=term) | Q(fingerprint=term)), False

    @admin.action(description="Redrive: go on from the failed step", permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Redrive the letters one by one; a second click finds nothing open and says so."""
        by = request.user.get_username()
        one_by_one(request, "Redriven", lambda letter_id: dead_letters.redrive(letter_id, by=by))

    @admin.action(description="Redrive all of the same fault: look first…", permissions=["redrive"])
    def redrive_alike(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> TemplateResponse | None:
        """Show what redriving every open letter of these faults would do, then do it, at a pace if one is given."""
        return ask_redrive(self, request)

    @admin.action(description="Begin again with the roster as it is now", permissions=["redrive"])
    def redrive_corrected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Begin the paychecks again with corrected inputs, one by one."""
        by = request.user.get_username()
        one_by_one(request, "Begun again", lambda letter_id: corrections.redrive_corrected(letter_id, by=by))

    @admin.action(description="Dismiss: leave the person out…", permissions=["dismiss"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> TemplateResponse | None:
        """Ask for the reason, then dismiss the letters one by one."""
        reason = request.POST.get("reason", "").strip()
        if confirmed(request) and reason:
            by = request.user.get_username()
            one_by_one(
                request, "Dismissed", lambda letter_id: dead_letters.dismiss(letter_id, by=by, reason=reason)
            )
            return None
        ids = [key for key in map(as_uuid, chosen(request)) if key]
        letters = list(DeadLetter.objects.filter(id__in=ids, state=DeadLetterState.OPEN))
        if not letters:
            messages.warning(request, "None of these dead letters is open any more: reload and look again.")
            return None
        return ask(self, request, question(letters, wrong="Give a reason." if confirmed(request) else ""))

    @admin.display(description="employee", ordering="subject")
    def who(self, row: DeadLetter) -> str:
        return employee_of(row) or "(the employer's run)"

    @admin.display(description="step", ordering="step")
    def where(self, row: DeadLetter) -> str:
        return words.line(row.step)

    @admin.display(description="kind", ordering="kind")
    def badge(self, row: DeadLetter) -> str:
        return words.badge(row.kind, KINDS.get(row.kind, "plain"))

    @admin.display(description="reason")
    def because(self, row: DeadLetter) -> str:
        return words.short(row.reason, 160)

    @admin.display(description="opened (UTC)", ordering="opened_at")
    def opened(self, row: DeadLetter) -> str:
        return words.line(words.moment(row.opened_at))

    @admin.display(description="state")
    def stands(self, row: DeadLetter) -> str:
        return words.badge(row.get_state_display(), TONES[row.state])

    def buttons(self, request: HttpRequest, row: DeadLetter) -> Sequence[Button]:
        if row.state != DeadLetterState.OPEN:
            return ()
        may = (
            (self.has_redrive_permission(request), Button("redrive", "Redrive")),
            (
                self.has_redrive_permission(request),
                Button("redrive_alike", "Redrive all of this fault…", "default"),
            ),
            (
                self.has_redrive_permission(request) and bool(employee_of(row)),
                Button("redrive_corrected", "Begin again with corrected inputs", "default"),
            ),
            (self.has_dismiss_permission(request), Button("dismiss", "Dismiss…", "danger")),
        )
        return [button for allowed, button in may if allowed]

    def sections(self, request: HttpRequest, row: DeadLetter) -> Sequence[Section]:
        closed = f"{row.get_state_display()} by {row.closed_by}, {words.moment(row.closed_at)} UTC"
        same = words.listing(DeadLetter, state="open", fingerprint=row.fingerprint)
        facts: list[tuple[str, object]] = [
            ("State", words.badge(row.get_state_display(), TONES[row.state])),
            *whose(request, row),
            ("About", self.about(row)),
            ("Employer run", employer_run(row)),
            ("Stands at", f"{row.saga}: {row.step}"),
            ("Kind", words.badge(row.kind, KINDS.get(row.kind, "plain"))),
            ("Reason", row.reason),
            ("Attempts", row.attempts),
            ("Opened (UTC)", words.moment(row.opened_at)),
            (
                "By itself",
                redrive.outlooks([row])[row.id] if row.state == DeadLetterState.OPEN else words.NOTHING,
            ),
            ("Closed", closed if row.closed_by else words.NOTHING),
            ("Why it was closed", row.closed_reason or words.NOTHING),
            ("Fingerprint", words.link(same, f"{row.fingerprint}: open letters of the same fault")),
            ("Work", words.link(words.page(Work, row.work), row.work)),
        ]
        sections: list[Section] = [
            Facts("Dead letter", facts, note=MEANS if row.state == DeadLetterState.OPEN else ""),
            history(dead_letters.stream(row.id)),
        ]
        if row.traceback:
            sections.append(Text("Traceback, for whoever mends it", row.traceback))
        return sections

    def about(self, row: DeadLetter) -> str:
        """The page of what it is about; a paycheck that never began has none."""
        if employee_of(row) and not Paycheck.objects.filter(stream=row.subject).exists():
            return words.code(row.subject)
        return subject_link(row.subject)


def question(letters: Sequence[DeadLetter], wrong: str) -> Question:
    """Who would be left out, and why they stopped."""
    people = dict(Work.objects.filter(id__in=[each.work for each in letters]).values_list("id", "items"))
    rows = [
        (
            each.group_key,
            employee_of(each) or "(the employer's run)",
            people.get(each.work, 1),
            words.line(each.step),
            each.reason,
        )
        for each in letters
    ]
    return Question(
        action="dismiss",
        title="Dismiss: leave these people out of the run?",
        says=SAYS,
        section=Table("Left out", ("employer", "employee", ">people", "step", "reason"), rows),
        keys=[letter.pk for letter in letters],
        reason="Why? Write what a colleague needs to know; no SSN, no account number.",
        confirm=f"Dismiss {len(letters)} dead letter{'' if len(letters) == 1 else 's'}",
        tone="danger",
        wrong=wrong,
    )


def one_by_one(request: HttpRequest, done: str, command: Callable[[UUID], None]) -> None:
    """Give one command for every letter that was ticked, and tell what happened to each that was refused."""
    finished = 0
    for letter_id in filter(None, map(as_uuid, chosen(request))):
        try:
            command(letter_id)
        except (NotOpen, NothingToUndo, Refused, ObjectsUnavailable) as refused:
            messages.warning(request, f"{refused}.")
        else:
            finished += 1
    if finished:
        messages.success(request, f"{done}: {finished} dead letter{'' if finished == 1 else 's'}.")
