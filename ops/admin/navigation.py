"""The side bar: what a payday needs first, then the rest. Only what the user may see is in it."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from events.models import DeadLetter, DeadLetterState, Delivery, Event, Limit, Publication, Work
from ops.admin import words
from ops.models import ApiKey
from payroll.models import (
    Employee,
    Employer,
    EmployerRun,
    LateChange,
    LedgerTransaction,
    Notification,
    Paycheck,
    Payment,
    PayOrder,
    PayRun,
    TimeEntry,
    YearToDate,
)

GROUPS: tuple[tuple[str, tuple[tuple[str, str, type[Model]], ...]], ...] = (
    (
        "Payday",
        (
            ("Pay runs", "event_repeat", PayRun),
            ("Employer runs", "domain", EmployerRun),
            ("Paychecks", "payments", Paycheck),
            ("Late changes", "more_time", LateChange),
            ("Payment orders", "send_money", PayOrder),
            ("Payments", "paid", Payment),
            ("Ledger", "account_balance", LedgerTransaction),
            ("Dead letters", "report", DeadLetter),
            ("Notifications", "notifications", Notification),
        ),
    ),
    (
        "Roster",
        (
            ("Employers", "apartment", Employer),
            ("Employees", "badge", Employee),
            ("Time entries", "schedule", TimeEntry),
        ),
    ),
    ("Year to date", (("Years to date", "calendar_month", YearToDate),)),
    (
        "Log",
        (
            ("Events", "receipt_long", Event),
            ("Work", "work_history", Work),
            ("Limits", "speed", Limit),
            ("Publications", "campaign", Publication),
            ("Deliveries", "outgoing_mail", Delivery),
        ),
    ),
    ("People", (("Users", "person", User), ("Groups", "group", Group), ("API keys", "key", ApiKey))),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links that this user may follow."""
    home = {"title": "Today", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [home]}]
    for title, entries in GROUPS:
        items = [item(*entry) for entry in entries if may_view(request, entry[2])]
        if title == "Payday" and may_view(request, Payment):
            link = reverse("admin:ops_from_the_bank")
            items.append({"title": "From the bank", "icon": "move_to_inbox", "link": link})
        if items:
            groups.append({"title": title, "items": items})
    return groups


def item(title: str, icon: str, model: type[Model]) -> dict[str, Any]:
    """One link."""
    entry = {"title": title, "icon": icon, "link": words.listing(model)}
    return entry | ({"badge": "ops.admin.navigation.open_letters"} if model is DeadLetter else {})


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Whether this user may look at a model's rows."""
    label, name = model._meta.app_label, model._meta.model_name
    return any(request.user.has_perm(f"{label}.{verb}_{name}") for verb in ("view", "change"))


def open_letters(request: HttpRequest) -> str:
    """How many dead letters wait; nothing when there are none."""
    count = DeadLetter.objects.filter(state=DeadLetterState.OPEN).count()
    return f"{count:,}" if count else ""


def environment(request: HttpRequest) -> list[str] | None:
    """Which system this is, beside the title, so that nobody takes one for the other."""
    if settings.PRODUCTION:
        return ["Production", "danger"]
    return ["Not production", "info"]


def stylesheet(request: HttpRequest) -> str:
    """The address of our own styles."""
    return static("ops/admin.css")
