"""What the world outside is told, and who has it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from events import outbox
from events.models import Delivery, Publication
from ops.admin import words
from ops.admin.base import Button, Endless, Facts, Section, Table, Text
from ops.admin.confirm import chosen
from ops.admin.filters import as_uuid
from ops.admin.log import history, subject_link
from payroll.topics import TOPICS

STATES = {
    "sent": Q(sent_at__isnull=False),
    "given-up": Q(given_up_at__isnull=False),
    "under-way": Q(sent_at__isnull=True, given_up_at__isnull=True),
}


def state_of(row: Delivery) -> str:
    """Where a delivery stands, as a badge."""
    if row.sent_at:
        return words.badge("sent", "good")
    if row.given_up_at:
        return words.badge("given up", "bad")
    return words.badge("tried again" if row.attempts else "under way", "wait" if row.attempts else "busy")


class ByTopic(SimpleListFilter):
    """Publications of one topic."""

    title = "topic"
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(topic, topic) for topic in sorted(TOPICS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Publication]) -> QuerySet[Publication]:
        return queryset.filter(topic=self.value()) if self.value() else queryset


class ByDeliveryState(SimpleListFilter):
    """Deliveries that were sent, given up, or are under way."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(state, state.replace("-", " ")) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(STATES[self.value() or ""]) if self.value() in STATES else queryset


@admin.register(Publication)
class PublicationAdmin(Endless):
    """What was told, newest first."""

    intro = "What systems and people outside are told: made from the log, without personal data, each under one id."
    list_display = ("at", "topic", "employer", "about", "id")
    list_filter = (ByTopic,)
    sortable_by = ()
    search_fields = ("subject",)
    search_help_text = "A publication's id, or the stream that it is about"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        key = as_uuid(term)
        return (queryset.filter(Q(id=key) if key else Q(subject=term)) if term else queryset), False

    @admin.display(description="recorded at (UTC)")
    def at(self, row: Publication) -> str:
        return words.line(words.moment(row.recorded_at))

    @admin.display(description="employer")
    def employer(self, row: Publication) -> str:
        return str(row.attributes.get("employer", words.NOTHING))

    @admin.display(description="about")
    def about(self, row: Publication) -> str:
        return words.code(row.subject)

    def sections(self, request: HttpRequest, row: Publication) -> Sequence[Section]:
        facts: list[tuple[str, object]] = [
            ("Topic", row.topic),
            ("Id", words.code(row.id)),
            ("Recorded at (UTC)", words.moment(row.recorded_at)),
            ("Made from", subject_link(row.subject)),
            *((f"Attribute {name}", value) for name, value in sorted(row.attributes.items())),
        ]
        sent = Delivery.objects.filter(publication=row).order_by("subscriber")
        deliveries = Table(
            "Deliveries",
            ("subscriber", "state", ">attempts", "sent at (UTC)", "last error"),
            [
                (
                    words.link(words.page(Delivery, each.pk), each.subscriber),
                    state_of(each),
                    each.attempts,
                    words.line(words.moment(each.sent_at)),
                    each.error or words.NOTHING,
                )
                for each in sent
            ],
            empty="Nobody wants to be told of this.",
        )
        text = json.dumps(row.body, indent=2, sort_keys=True)
        return Facts("Publication", facts), deliveries, Text("Body", text), history(row.subject)


@admin.register(Delivery)
class DeliveryAdmin(Endless):
    """Publications on their way to their subscribers."""

    intro = (
        "One line for each subscriber of each publication. A subscriber that does not answer is tried again for "
        "some hours, then given up: mend it, and send again."
    )
    list_display = ("subscriber", "what", "stands", "attempts", "due", "sent", "went_wrong")
    list_filter = (ByDeliveryState, "subscriber")
    list_select_related = ("publication",)
    ordering = ("-publication__recorded_at", "subscriber")
    sortable_by = ()
    actions = ("send_again",)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("events.send_again_delivery")

    @admin.action(description="Send again what was given up", permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Try those anew that were given up; others are left alone."""
        ids = [key for key in map(as_uuid, chosen(request)) if key]
        count = outbox.send_again(ids)
        if count:
            messages.success(request, f"{count} deliver{'y is' if count == 1 else 'ies are'} sent again.")
        else:
            messages.warning(request, "None of these was given up: reload and look again.")

    @admin.display(description="publication")
    def what(self, row: Delivery) -> str:
        return words.link(words.page(Publication, row.publication.pk), row.publication.topic)

    @admin.display(description="state")
    def stands(self, row: Delivery) -> str:
        return state_of(row)

    @admin.display(description="due (UTC)")
    def due(self, row: Delivery) -> str:
        return words.NOTHING if row.sent_at or row.given_up_at else words.line(words.moment(row.due_at))

    @admin.display(description="sent at (UTC)")
    def sent(self, row: Delivery) -> str:
        return words.line(words.moment(row.sent_at))

    @admin.display(description="last error")
    def went_wrong(self, row: Delivery) -> str:
        return words.short(row.error)

    def buttons(self, request: HttpRequest, row: Delivery) -> Sequence[Button]:
        may = row.given_up_at and self.has_send_again_permission(request)
        return (Button("send_again", "Send again"),) if may else ()

    def sections(self, request: HttpRequest, row: Delivery) -> Sequence[Section]:
        facts: list[tuple[str, object]] = [
            ("Subscriber", row.subscriber),
            (
                "Publication",
                words.link(words.page(Publication, row.publication.pk), row.publication),
            ),
            ("State", state_of(row)),
            ("Attempts", row.attempts),
            ("Due (UTC)", self.due(row)),
            ("Sent at (UTC)", words.moment(row.sent_at)),
            ("Given up at (UTC)", words.moment(row.given_up_at)),
            ("Last error", row.error or words.NOTHING),
        ]
        return (Facts("Delivery", facts),)
