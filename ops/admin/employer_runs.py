"""Employer runs: one employer's part of a pay run, its totals, and its approval."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.template.response import TemplateResponse

from events.models import Event
from ops import by_hand_words
from ops.admin import postponing, releasing, words
from ops.admin.approval import ask_approval, give_approval, refusal
from ops.admin.base import Button, Facts, ReadOnly, Section, Table, Warn
from ops.admin.columns import CANCELLED, VALIDATED, Amounts, in_words, letters_link, open_letters
from ops.admin.confirm import chosen, confirmed
from ops.admin.filters import ByEmployer, ByRun
from ops.admin.ledger import trial_balance
from ops.admin.log import history
from ops.status import voided
from payroll.models import EmployerRun, Notification, Paycheck, PayOrder, PayRun
from payroll.models.read import STATES
from payroll.payments import decisions, prenotes, same_day

BEFORE_VALIDATED = {"EmployerRunOpened", "EmployerRunBegan", "InputsCorrected"}


class ByState(admin.SimpleListFilter):
    """Employer runs in one state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(last_event=self.value()) if self.value() else queryset


@admin.register(EmployerRun)
class EmployerRunAdmin(Amounts, ReadOnly):
    """One employer's part of a pay run."""

    intro = "One employer's part of a pay run. It waits for the approval of somebody who did not open it."
    fresh = True
    list_display = (
        "who",
        "period",
        "payday",
        "stands",
        "people",
        "gross",
        "net",
        "paid",
        "dead_letters",
    )
    list_filter = (ByState, ByRun, ByEmployer)
    search_fields = ("employer", "name")
    search_help_text = "An employer's id or name"
    actions = ("approve", "release", "postpone")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmployerRun]:
        of = {"run_key": Cast(OuterRef("run"), TextField()), "group_key": OuterRef("employer")}
        found: QuerySet[EmployerRun] = super().get_queryset(request)
        return found.annotate(dead=open_letters(**of))

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payroll.approve_employerrun")

    @admin.action(description="Approve", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Model]) -> TemplateResponse | None:
        """Ask, then approve one by one what was seen; each refusal is told in its own words."""
        parts = list(self.get_queryset(request).filter(stream__in=chosen(request)))
        if confirmed(request):
            for part in parts:
                give_approval(request, part)
            return None
        return ask_approval(self, request, parts)

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(releasing.PERMISSION)

    @admin.action(description="Release…", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[Model]) -> TemplateResponse | None:
        """Ask for the reason, then let one employer's run go on without those who wait."""
        found = EmployerRun.objects.filter(stream__in=chosen(request))
        return releasing.release_one(self, request, found[0] if len(found) == 1 else None)

    @admin.action(description="Postpone…", permissions=["approve"])
    def postpone(self, request: HttpRequest, queryset: QuerySet[Model]) -> TemplateResponse | None:
        """Ask for the reason, then let one same-day run settle on the next banking day."""
        found = EmployerRun.objects.filter(stream__in=chosen(request))
        return postponing.postpone_one(self, request, found[0] if len(found) == 1 else None)

    @admin.display(description="employer", ordering="employer")
    def who(self, row: EmployerRun) -> str:
        return f"{row.name} ({row.employer})"

    @admin.display(description="state", ordering="last_event")
    def stands(self, row: Any) -> str:
        return in_words(row)

    @admin.display(description="dead letters")
    def dead_letters(self, row: Any) -> str:
        return letters_link(row.dead, run_key=row.run, group_key=row.employer)

    def buttons(self, request: HttpRequest, row: Any) -> Sequence[Button]:
        if row.dead and row.last_event in BEFORE_VALIDATED and self.has_release_permission(request):
            return (Button("release", "Go on without them…", "default"),)
        if row.dead and self.may_postpone(request, row):
            return (Button("postpone", "Settle on the next banking day…", "default"),)
        if row.last_event != VALIDATED or not self.has_approve_permission(request) or refusal(request, row):
            return ()
        return (Button("approve", "Approve…"),)

    def may_postpone(self, request: HttpRequest, row: Any) -> bool:
        """Whether this user may let it settle on another day, and its files are not made."""
        made = "orders" in row.facts
        return same_day.is_same_day(row.facts) and not made and self.has_approve_permission(request)

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        sections: list[Section] = []
        if row.last_event == VALIDATED:
            why = refusal(request, row)
            say = f"You cannot approve it: {why}." if why else "You may approve it: look at the totals first."
            sections.append(
                Warn(f"Everybody is calculated and the totals agree. It waits for approval. {say}")
            )
        sections += [Warn(f"{note[0].upper()}{note[1:]}.") for note in by_hand_words.ahead(row.facts)]
        if note := prenotes.in_words(row.facts):
            sections.append(Warn(f"{note}."))
        if "voided_register_sha256" in row.facts and not row.approved_by:
            say = voided(row.facts)
            sections.append(Warn(f"{say[0].upper()}{say[1:]}.", "bad"))
        if row.facts.get("carried"):
            to = row.facts["carried_to_run"]
            page = words.link(words.page(PayRun, f"payrun-{to}"), "a run of their own")
            by, reason = row.facts["released_by"], row.facts["released_reason"]
            sections.append(
                Facts(
                    "Released",
                    [
                        ("By", f"{by}: {reason}"),
                        ("Carried over", ", ".join(row.facts["carried"])),
                        ("To", page),
                    ],
                )
            )
        if row.last_event == CANCELLED:
            by, reason = row.facts["cancelled_by"], row.facts["cancelled_reason"]
            sections.append(
                Warn(
                    f"Cancelled by {by}: {reason}. Nobody is paid by it, and the amounts below count nowhere.",
                    "bad",
                )
            )
        if row.dead:
            sections.append(
                Warn(
                    f"{row.dead} open dead letters hold this employer up. Redrive or dismiss them; or let everybody "
                    "else go on and pay these people later.",
                    "bad",
                )
            )
        return (
            *sections,
            self.overview(row),
            *self.sums(row),
            self.payment(row),
            trial_balance(row.employer_run),
            history(row.stream),
        )

    def overview(self, row: Any) -> Facts:
        run = words.link(words.page(PayRun, f"payrun-{row.run}"), f"{row.period_start} to {row.period_end}")
        checks = {"employer_run": row.employer_run}
        no_hours = words.link(
            words.listing(Paycheck, **checks, what="no_hours"), f"{row.facts.get('no_hours', 0):,}"
        )
        files = decisions.sent_late(row.run).get(str(row.employer_run), same_day.IN_TIME)
        left_out = words.link(words.listing(Paycheck, **checks, what="left_out"), f"{row.excluded:,}")
        return Facts(
            "Employer run",
            [
                ("Employer", f"{row.name} ({row.employer})"),
                ("State", in_words(row)),
                ("Pay run", run),
                ("Pay date", row.pay_date),
                ("Settles", same_day.in_words(row.facts, files)),
                ("Opened", f"by {row.opened_by}, {words.moment(row.first_at)} UTC"),
                ("Approved", f"by {row.approved_by}" if row.approved_by else "not yet"),
                ("People", words.link(words.listing(Paycheck, **checks), f"{row.employees:,} paychecks")),
                ("No hours, paid nothing", no_hours),
                ("Left out", left_out),
                ("Dead letters, open", letters_link(row.dead, run_key=row.run, group_key=row.employer)),
                ("Notifications", words.link(words.listing(Notification, **checks), "what people were told")),
                ("Record", words.link(words.listing(Event, q=row.stream), "its events in the log")),
            ],
        )

    def sums(self, row: Any) -> Sequence[Section]:
        """The totals, when everybody is calculated."""
        if "total_gross_cents" not in row.facts:
            return (Table("Totals", ("",), (), empty="They come when everybody is calculated."),)
        return self.control_totals(row), self.costs(row)

    def control_totals(self, row: Any) -> Table:
        """Gross to net of everybody together."""
        lines: list[Sequence[object]] = [
            ("Gross pay", words.money(row.gross_cents)),
            ("Section 125 and 401(k) deferrals", words.money(-row.facts["total_deductions_cents"])),
            ("Employee taxes", words.money(-row.employee_taxes_cents)),
        ]
        total = ("Net pay", words.money(row.net_cents))
        return Table("Totals", ("", ">amount"), lines, total=total)

    def costs(self, row: Any) -> Table:
        """What the employer pays in all."""
        lines = (
            ("Gross pay", row.gross_cents),
            ("Employer taxes", row.employer_taxes_cents),
            ("401(k) match", row.match_cents),
        )
        total = ("Together", words.money(sum(cents for _, cents in lines)))
        rows = [(label, words.money(cents)) for label, cents in lines]
        return Table("What it costs the employer", ("", ">amount"), rows, total=total)

    def orders(self, row: Any) -> list[tuple[str, str]]:
        """The files that carry the payments, and where they stand."""
        found = PayOrder.objects.filter(employer_run=row.employer_run).order_by("object")
        return [
            ("Payment file", words.link(words.page(PayOrder, each.pk), f"{each.object}, {each.state}"))
            for each in found
        ]

    def payment(self, row: Any) -> Facts:
        facts = row.facts
        instructed = moved = words.NOTHING
        if "payments_cents" in facts:
            instructed = f"{row.payments:,} payments of {words.amount(facts['payments_cents'])}"
        if "paid" in facts:
            moved = f"{facts['paid']:,} people, {words.amount(row.paid_cents)}"
        return Facts(
            "Approval and payment",
            [
                ("Register, SHA-256", words.code(row.register_sha256)),
                ("Payments", instructed),
                *self.orders(row),
                ("Paid", moved),
                ("Bank's reference", words.code(facts.get("bank_reference"))),
            ],
            note="The register's hash covers every event of every paycheck. What is paid is what was approved.",
        )
