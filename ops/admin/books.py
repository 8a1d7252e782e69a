"""Ledger, payments and bank: what the last reconciliation came to, and another one now."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from events.models import Event
from events.store import WrongExpectedVersion
from ops import reconciled
from ops.admin import words
from ops.admin.base import Button, Facts, ReadOnly, Section, Table, Warn
from ops.admin.navigation import may_view
from payroll.models import PayOrder

SAYS = (
    "Three books of the same money, kept by three different writers: what paychecks instructed, what the ledger has "
    "posted, and what the bank has booked. They are held against each other once a day."
)
DIFFERS = (
    "Do not pay anything again before you know why. Look at the orders below and at the bank's statement, call the "
    "bank where it says something else, then press the button: the page turns green when the books agree."
)


def books(admin: ReadOnly, request: HttpRequest) -> HttpResponse:
    """Show the last reconciliation; a post makes another one."""
    if not may_view(request, PayOrder):
        raise PermissionDenied
    if request.method == "POST":
        return _now(request)
    context: dict[str, Any] = {**admin.admin_site.each_context(request), "opts": admin.model._meta}
    context |= {"title": "Do the books agree?", "sections": _sections(reconciled.latest())}
    context |= {"buttons": [Button("reconcile", "Hold them against each other now")]}
    return TemplateResponse(request, "ops/page.html", context)


def card(url: str) -> dict[str, object]:
    """The line on the first page."""
    last = reconciled.latest()
    told: dict[str, object] = {"label": "Last reconciled", "url": url}
    if last is None:
        return told | {"value": "Not yet", "note": "once a day by itself", "tone": "plain"}
    agrees = last.type == reconciled.AGREED
    orders = last.data["orders"]
    note = f"{words.moment(last.recorded_at)} UTC, {orders:,} order{'' if orders == 1 else 's'}"
    return told | {
        "value": "Books agree" if agrees else "Books differ",
        "note": note if agrees else f"{last.data['found']:,} differ; {note}",
        "tone": "good" if agrees else "bad",
    }


def _now(request: HttpRequest) -> HttpResponse:
    try:
        told = reconciled.record(by=request.user.get_username())
    except WrongExpectedVersion:
        messages.warning(request, "Somebody else did that at this moment: this is what came of it.")
    else:
        differs = told.type == reconciled.DIFFERED
        say = messages.warning if differs else messages.success
        say(
            request,
            f"{told.data['found']:,} things do not agree." if differs else "Ledger, payments and bank agree.",
        )
    return HttpResponseRedirect(request.path)


def _sections(last: Event | None) -> list[Section]:
    if last is None:
        return [Facts("Reconciliation", (), note=f"{SAYS} That has not happened yet.")]
    facts: dict[str, Any] = last.data
    rows: list[tuple[str, object]] = [
        ("When", f"{words.moment(last.recorded_at)} UTC"),
        ("Asked by", facts["reconciled_by"]),
        ("Orders", f"{facts['orders']:,}"),
        ("Orders that differ", f"{facts['differing']:,}"),
    ]
    if last.type == reconciled.AGREED:
        return [Warn("Ledger, payments and bank agree.", "good"), Facts("Reconciliation", rows, note=SAYS)]
    rows += [
        ("Of these, payments say", words.amount(facts["payments_cents"])),
        ("the ledger says", words.amount(facts["ledger_cents"])),
        ("the bank says", words.amount(facts["bank_cents"])),
    ]
    shown = len(facts["findings"])
    more = f"The first {shown} of {facts['found']:,}: manage.py reconcile has them all."
    return [
        Warn(f"{facts['found']:,} things do not agree. {DIFFERS}", "bad"),
        Table("What does not agree", ("what",), [(each,) for each in facts["findings"]],
              note=more if facts["found"] > shown else ""),
        Facts("Reconciliation", rows, note=SAYS),
    ]  # fmt: skip
