"""The log, the queue and its limits, for whoever wants to know exactly what happened."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from events.models import DeadLetter, Event, Limit, Work, WorkState
from ops.admin import words
from ops.admin.base import Endless, Facts, Section, Table, Text
from ops.admin.filters import as_uuid
from payroll.domain import OUT, PAYCHECK_EVENTS
from payroll.models import EmployerRun, LateChange, Paycheck, PayOrder, PayRun
from payroll.models.read import STATES

# What a stream's name begins with, and what can happen in it: few streams of a kind are found by their names.
TYPES = {
    "payrun": (
        *("PayRunOpened", "PayRunPaused", "PayRunResumed", "PayRunLimited", "PayRunCancelled"),
        "PayRunCompleted",
    ),
    "employerrun": tuple(STATES),
    "paycheck": (
        *(*PAYCHECK_EVENTS, "PaymentInstructed"),
        *OUT,
    ),
    "order": (
        *("OrderCreated", "OrderReserved", "OrderSending", "OrderUnknown", "OrderRejected", "OrderAccepted"),
        *("OrderDecisionProposed", "OrderResolved", "OrderSettled"),
    ),
    "late": ("LateChangeNoticed", "LateChangeTaken", "LateChangeDismissed", "LateChangeSettled"),
    "deadletter": ("DeadLettered", "Redriven", "Dismissed", "CarriedOver"),
}
PAGES = {
    "payrun": PayRun,
    "employerrun": EmployerRun,
    "paycheck": Paycheck,
    "order": PayOrder,
    "late": LateChange,
}
STREAM_SHOWN = 200
TONES = {"ready": "wait", "leased": "busy", "dead": "bad", "waiting": "wait", "done": "good"}


def subject_link(stream: str) -> str:
    """A link from a stream's name to the page of what it is about."""
    kind, _, key = stream.partition("-")
    if kind == "deadletter":
        return words.link(words.page(DeadLetter, key), stream)
    return words.link(words.page(PAGES[kind], stream) if kind in PAGES else "", stream)


def history(stream: str, title: str = "What happened") -> Table:
    """The events of one stream, oldest first."""
    rows = Event.objects.filter(stream=stream).order_by("version")[:STREAM_SHOWN]
    return Table(
        title,
        ("version", "recorded at (UTC)", "event", "facts"),
        [
            (
                row.version,
                words.line(words.moment(row.recorded_at)),
                words.link(words.page(Event, row.pk), row.type),
                words.short(", ".join(f"{name} {value}" for name, value in row.data.items()), 160),
            )
            for row in rows
        ],
    )


class ByType(SimpleListFilter):
    """Events of one type."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(type, type) for types in TYPES.values() for type in types]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        type = self.value()
        if not type:
            return queryset
        prefix = next((prefix for prefix, types in TYPES.items() if type in types), None)
        return queryset.filter(type=type, stream__startswith=f"{prefix}-") if prefix else queryset.none()


@admin.register(Event)
class EventAdmin(Endless):
    """The log, newest first; one stream, oldest first."""

    intro = "Everything that ever happened, newest first. Search for a stream, or the beginning of streams."
    list_display = ("position", "at", "stream", "version", "type", "by")
    list_filter = (ByType,)
    ordering = (
        "-xid",
        "-position",
    )  # the order of the log, and of its index; positions alone have no such index
    sortable_by = ()
    list_per_page = 100
    search_fields = ("stream",)
    search_help_text = "A stream, or the beginning of one: paycheck-<employer run>+"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the beginning of the stream's name and in its order, which is the unique index (stream, version)."""
        term = search_term.strip()
        return (
            queryset.filter(stream__startswith=term).order_by("stream", "version") if term else queryset
        ), False

    @admin.display(description="recorded at (UTC)")
    def at(self, row: Event) -> str:
        return words.line(words.moment(row.recorded_at))

    @admin.display(description="cause")
    def by(self, row: Event) -> str:
        return words.link(words.page(Work, row.cause), "work") if row.cause else "a command"

    def sections(self, request: HttpRequest, row: Event) -> Sequence[Section]:
        facts: list[tuple[str, object]] = [
            ("Position", row.position),
            ("Recorded at (UTC)", words.moment(row.recorded_at)),
            ("Stream", subject_link(row.stream)),
            ("Version", row.version),
            ("Type", row.type),
            ("Cause", words.link(words.page(Work, row.cause), row.cause) if row.cause else "a command"),
        ]
        text = json.dumps(row.data, indent=2, ensure_ascii=False)
        return Facts("Event", facts), Text("Facts", text), history(row.stream, "All events of this stream")


@admin.register(Work)
class WorkAdmin(Endless):
    """The queue."""

    intro = (
        "What is to be done, who holds it and how often it was tried. It changes by itself; "
        "work that waits for a person is under dead letters and employer runs."
    )
    list_display = (
        "what",
        "about",
        "employer",
        "where",
        "items",
        "attempts",
        "lost",
        "due",
        "worker",
        "went_wrong",
    )
    list_filter = ("state",)
    ordering = ("-enqueued_at",)
    search_fields = ("group_key",)
    search_help_text = "The id of work or of a pay run, an employer's id, or the beginning of a stream"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if (key := as_uuid(term)) is not None:
            return queryset.filter(Q(id=key) | Q(run_key=str(key))), False
        return queryset.filter(Q(group_key=term) | Q(subject__startswith=term)), False

    @admin.display(description="step")
    def what(self, row: Work) -> str:
        return words.line(f"{row.saga}: {row.step}")

    @admin.display(description="about")
    def about(self, row: Work) -> str:
        return words.code(row.subject)

    @admin.display(description="employer", ordering="group_key")
    def employer(self, row: Work) -> str:
        return row.group_key

    @admin.display(description="state", ordering="state")
    def where(self, row: Work) -> str:
        return words.badge(row.get_state_display(), TONES.get(row.state, "plain"))

    @admin.display(description="due (UTC)", ordering="available_at")
    def due(self, row: Work) -> str:
        return words.line(words.moment(row.available_at))

    @admin.display(description="last error")
    def went_wrong(self, row: Work) -> str:
        return words.short(row.error)

    def sections(self, request: HttpRequest, row: Work) -> Sequence[Section]:
        letters = DeadLetter.objects.filter(work=row.id)
        facts: list[tuple[str, object]] = [
            ("Step", f"{row.saga}: {row.step}, in the queue {row.queue}"),
            ("State", words.badge(row.get_state_display(), TONES.get(row.state, "plain"))),
            ("About", subject_link(row.subject)),
            ("Employer", row.group_key),
            ("People or items", row.items),
            ("Attempts", f"{row.attempts}, {row.lost} of them ended with a lost worker"),
            ("Waits for", f"{row.pending} parts of it" if row.pending else words.NOTHING),
            ("Held by", row.worker if row.state == WorkState.LEASED else words.NOTHING),
            ("Held until (UTC)", words.moment(row.lease_until)),
            ("Enqueued (UTC)", words.moment(row.enqueued_at)),
            ("Due (UTC)", words.moment(row.available_at)),
            ("Finished (UTC)", words.moment(row.finished_at)),
            ("Last error", row.error or words.NOTHING),
            (
                "Part of",
                words.link(words.page(Work, row.parent), row.parent) if row.parent else words.NOTHING,
            ),
            ("Id, epoch", words.code(f"{row.id}, {row.epoch}")),
        ]
        return (
            Facts("Work", facts),
            Table(
                "Dead letters",
                ("state", "reason"),
                [(words.link(words.page(DeadLetter, each.pk), each.state), each.reason) for each in letters],
            ),
            Text("Payload", json.dumps(row.payload, indent=2)),
        )


class LimitForm(forms.ModelForm):  # type: ignore[type-arg]
    """A limit names what it is for."""

    def clean_scope(self) -> str:
        scope: str = self.cleaned_data["scope"].strip()
        kind, _, key = scope.partition(":")
        if kind not in {"run", "group", "part"} or not key or (kind == "part") != ("/" in key):
            raise ValidationError(
                "Write run:<pay run id>, group:<employer id> or part:<pay run id>/<employer id>."
            )
        return scope


@admin.register(Limit)
class LimitAdmin(ModelAdmin):  # type: ignore[misc]
    """Limits may be set by whoever holds the permission."""

    form = LimitForm
    fields = ("scope", "leased_max")
    list_display = ("scope", "leased_max", "dead_max", "paused")

    def has_delete_permission(self, request: HttpRequest, obj: Limit | None = None) -> bool:
        """A pause or a tolerance is lifted by a command, which records who did it."""
        kept = obj is not None and (obj.paused or obj.dead_max is not None)
        return not kept and bool(super().has_delete_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Limit | None = None) -> tuple[str, ...]:
        """The scope of a limit stays: another scope is another limit."""
        return ("scope",) if obj else ()
