"""Pay runs: one period's pay for some employers, and how far each of them is."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.template.response import TemplateResponse

from events.models import Event
from ops.admin import words
from ops.admin.base import Button, Facts, ReadOnly, Section, Table, Warn
from ops.admin.columns import CANCELLED, RUN_TONES, TONES, VALIDATED, Amounts, letters_link, open_letters
from ops.admin.confirm import chosen
from ops.admin.log import history
from ops.admin.run_control import buttons, steer
from ops.status import RunStatus, run_status
from payroll.models import EmployerRun, PayRun
from payroll.payments import decisions, same_day
from payroll.payments.same_day import Files
from payroll.undo import decide

COUNTS = ~Q(last_event=CANCELLED)  # what is cancelled counts nowhere


def of_parts(sum_of: Any) -> Subquery:
    """Something summed over the employers of a pay run."""
    parts = EmployerRun.objects.filter(run=OuterRef("run")).order_by()
    return Subquery(parts.values("run").annotate(result=sum_of).values("result"))


@admin.register(PayRun)
class PayRunAdmin(Amounts, ReadOnly):
    """One pay period's pay for some employers on one day."""

    intro = (
        "A pay run pays one period to the people of some employers. Open one to see how far each employer is."
    )
    fresh = True
    list_display = (
        "period",
        "payday",
        "stands",
        "employers",
        "people",
        "gross",
        "net",
        "paid",
        "dead_letters",
    )
    search_fields = ("pay_date",)
    search_help_text = "A pay date, as 2026-11-20"
    actions = ("pause", "resume", "cancel", "withdraw")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PayRun]:
        runs: QuerySet[PayRun] = super().get_queryset(request)
        return runs.annotate(
            dead=open_letters(run_key=Cast(OuterRef("run"), TextField())),
            parts=of_parts(Count("stream")),
            waiting=of_parts(Count("stream", filter=Q(last_event=VALIDATED))),
            employees=of_parts(Sum("employees")),
            gross_cents=of_parts(Sum("gross_cents", filter=COUNTS)),
            net_cents=of_parts(Sum("net_cents", filter=COUNTS)),
            paid_cents=of_parts(Sum("paid_cents")),
        )

    @admin.display(description="state")
    def stands(self, row: Any) -> str:
        if row.state in RUN_TONES:
            return words.badge(row.state, RUN_TONES[row.state])
        if row.dead:
            return words.badge("waits for dead letters", "bad")
        if row.waiting:
            return words.badge(f"{row.waiting} of {row.parts} wait for approval", "wait")
        return words.badge("running", "busy")

    @admin.display(description="employers")
    def employers(self, row: Any) -> str:
        return words.number(row.parts)

    @admin.display(description="dead letters")
    def dead_letters(self, row: Any) -> str:
        return letters_link(row.dead, run_key=row.run)

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payroll.pause_payrun")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payroll.cancel_payrun")

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(decide.PERMISSION)

    @admin.action(description="Withdraw the undoing…", permissions=["undo"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[PayRun]) -> TemplateResponse | None:
        """Ask for the reason, then take back what was proposed to undo of one run and nobody has confirmed."""
        return steer(self, request, self.one(request), "withdraw")

    @admin.action(description="Pause…", permissions=["pause"])
    def pause(self, request: HttpRequest, queryset: QuerySet[PayRun]) -> TemplateResponse | None:
        """Ask for the reason, then pause one run."""
        return steer(self, request, self.one(request), "pause")

    @admin.action(description="Resume…", permissions=["pause"])
    def resume(self, request: HttpRequest, queryset: QuerySet[PayRun]) -> TemplateResponse | None:
        """Ask, then let one run go on."""
        return steer(self, request, self.one(request), "resume")

    @admin.action(description="Cancel…", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[PayRun]) -> TemplateResponse | None:
        """Ask for the reason, then cancel one run."""
        return steer(self, request, self.one(request), "cancel")

    def one(self, request: HttpRequest) -> PayRun | None:
        """The only run that was ticked."""
        found = PayRun.objects.filter(stream__in=chosen(request))
        return found[0] if len(found) == 1 else None

    def buttons(self, request: HttpRequest, row: Any) -> Sequence[Button]:
        return buttons(request, row)

    def holds(self, status: RunStatus) -> list[Section]:
        """What holds the run back, before anything else on its page."""
        says = [*status.notes, *filter(None, status.limits)]
        says += [
            f"{part.name} ({part.employer}): {limit}"
            for part in status.employers
            for limit in part.limits
            if limit
        ]
        if not says:
            return []
        tone = "bad" if any("stopped" in line for line in says) else "wait"
        return [Warn(". ".join(line[0].upper() + line[1:] for line in says) + ".", tone)]

    def files(self, row: Any) -> Files:
        """The files of a same-day run, of all its employers."""
        late = decisions.sent_late(row.run).values()
        return Files(*map(sum, zip(*late, strict=True)))

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        status = run_status(row.run)
        facts: list[tuple[str, object]] = [
            ("Pay period", f"{row.period_start} to {row.period_end}"),
            ("Pay date", row.pay_date),
            ("Settles", same_day.in_words(row.facts, self.files(row))),
            ("State", self.stands(row)),
            ("Opened", f"by {row.opened_by}, {words.moment(row.first_at)} UTC"),
            ("People", f"{status.employees:,}, of them {status.paid:,} paid"),
            ("Gross pay", words.amount(status.gross_cents)),
            ("Net pay", words.amount(status.net_cents)),
            ("Paid", words.amount(status.paid_cents)),
            ("Employer taxes and match", words.amount(status.employer_taxes_cents + status.match_cents)),
            ("Rules", f"{row.rules_version}, code {row.code_version}"),
            ("Record", words.link(words.listing(Event, q=row.stream), "its events in the log")),
        ]
        rows = []
        for part in status.employers:
            page = words.page(EmployerRun, f"employerrun-{part.employer_run}")
            before = ", ".join(f"{count:,} before {step}" for step, count in part.waiting_before.items())
            tone = "bad" if part.dead_letters else TONES.get(part.state, "busy")
            rows.append(
                (
                    words.link(page, f"{part.name} ({part.employer})"),
                    words.badge(part.state, tone),
                    before,
                    f"{part.employees:,}",
                    f"{part.completed:,}",
                    f"{part.paid:,}",
                    words.money(part.net_cents),
                    letters_link(part.dead_letters, run_key=row.run, group_key=part.employer),
                )
            )
        columns = (
            "employer",
            "state",
            "still to do",
            ">people",
            ">calculated",
            ">paid",
            ">net pay",
            ">dead letters",
        )
        total = (
            "All employers",
            "",
            "",
            f"{status.employees:,}",
            "",
            f"{status.paid:,}",
            words.money(status.net_cents),
            "",
        )
        return (
            *self.holds(status),
            Facts("Pay run", facts),
            Table("Employers", columns, rows, total=total),
            history(row.stream),
        )
