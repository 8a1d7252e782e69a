"""The keys of programs that call the API: what each may do, and taking one out of force."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ops.admin import words
from ops.admin.base import Button, Facts, ReadOnly, Section
from ops.admin.confirm import chosen
from ops.api import keys
from ops.models import ApiKey
from payroll.runs import Refused


def state_of(key: ApiKey) -> str:
    """Whether a key is in force, as a badge."""
    if key.revoked_at:
        return words.badge("revoked", "plain")
    if key.expires_at and key.expires_at <= timezone.now():
        return words.badge("expired", "plain")
    return words.badge("in force", "good")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    """Keys, without their secrets. They are made with `manage.py apikeys create`, which shows a secret once."""

    intro = "Programs that may call the API. A key is made on the command line: manage.py apikeys create."
    list_display = ("name", "stands", "may", "used", "ends", "id")
    search_fields = ("name", "id")
    search_help_text = "A name, or the id that stands in its requests"
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ops.revoke_apikey")

    @admin.action(description="Revoke: out of force at once", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Revoke the keys one by one; again changes nothing."""
        for key_id in chosen(request):
            try:
                key = keys.revoke(key_id, by=request.user.get_username())
            except Refused as refused:
                messages.warning(request, str(refused))
            else:
                messages.success(request, f"{key.name} is revoked by {key.revoked_by}.")

    @admin.display(description="state")
    def stands(self, row: ApiKey) -> str:
        return state_of(row)

    @admin.display(description="scopes")
    def may(self, row: ApiKey) -> str:
        return ", ".join(row.scopes)

    @admin.display(description="last used (UTC)", ordering="last_used_at")
    def used(self, row: ApiKey) -> str:
        return words.line(words.moment(row.last_used_at))

    @admin.display(description="expires (UTC)", ordering="expires_at")
    def ends(self, row: ApiKey) -> str:
        return words.line(words.moment(row.expires_at))

    def buttons(self, request: HttpRequest, row: ApiKey) -> Sequence[Button]:
        may = self.has_revoke_permission(request) and row.revoked_at is None
        return (Button("revoke", "Revoke", "danger"),) if may else ()

    def sections(self, request: HttpRequest, row: ApiKey) -> Sequence[Section]:
        facts: list[tuple[str, Any]] = [
            ("State", state_of(row)),
            ("Id", words.code(row.id)),
            ("In the log", words.code(f"api:{row.name}")),
            ("Scopes", ", ".join(row.scopes)),
            ("Created (UTC)", words.moment(row.created_at)),
            ("Expires (UTC)", words.moment(row.expires_at)),
            ("Last used (UTC)", words.moment(row.last_used_at)),
            ("Revoked (UTC)", words.moment(row.revoked_at)),
            ("Revoked by", row.revoked_by or words.NOTHING),
        ]
        return [Facts("API key", facts, note="Its secret was shown once, when it was made.")]
