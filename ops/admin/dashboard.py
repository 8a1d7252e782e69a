"""The first page: what is going on today, and what waits for a person."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Min, Sum
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from events import projection
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from ops.admin import books, desk, words
from ops.admin.base import Section, Table, Warn
from ops.admin.columns import CANCELLED, RUN_TONES
from ops.admin.navigation import may_view
from ops.admin.payments import OWED
from payroll.late import listed
from payroll.models import EmployerRun, LateChange, Payment, PayOrder, PayRun
from payroll.payments import halt

SHOWN = 12
WEEK = timedelta(days=7)


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the template shows; each part only to those who may look at its rows."""
    current = projection.catch_up()
    sections: list[Section] = []
    cards: list[dict[str, object]] = []
    if may_view(request, EmployerRun):
        cards.append(approvals_card())
        sections.append(approvals())
    if may_view(request, PayOrder):
        cards.append(switch_card(request))
        cards.append(books.card(desk.address("books")))
        sections[:0] = halted()
    if may_view(request, Payment):
        cards += owed_card()
        cards += changes_card()
    if may_view(request, DeadLetter):
        cards.append(letters_card())
        sections.append(letters())
    if may_view(request, LateChange):
        cards += late_card()
    if may_view(request, PayRun) and may_view(request, EmployerRun):
        cards.append(paid_card())
        sections.append(week())
    if may_view(request, Work):
        cards.append(work_card())
        sections.append(due())
    as_of = f"As of {words.moment(timezone.now())} UTC"
    as_of += "" if current else "; work is going on, reload for what has happened since"
    return context | {"title": "Today", "cards": cards, "sections": sections, "as_of": as_of}


def waiting() -> Any:
    """Employer runs that wait for approval."""
    return EmployerRun.objects.filter(last_event="EmployerRunValidated").order_by("pay_date", "employer")


def approvals_card() -> dict[str, object]:
    found = waiting().aggregate(count=Count("stream"), net=Sum("net_cents"))
    return {
        "label": "Wait for approval",
        "value": f"{found['count']:,}",
        "note": f"{words.amount(found['net'])} net pay",
        "url": words.listing(EmployerRun, state="EmployerRunValidated"),
        "tone": "wait" if found["count"] else "good",
    }


def approvals() -> Table:
    rows = [
        (
            words.link(words.page(EmployerRun, part.pk), f"{part.name} ({part.employer})"),
            f"{part.period_start} to {part.period_end}",
            part.pay_date,
            part.opened_by,
            f"{part.employees:,}",
            words.money(part.net_cents),
        )
        for part in waiting()[:SHOWN]
    ]
    columns = ("employer", "period", "pay date", "opened by", ">people", ">net pay")
    return Table("Employers that wait for approval", columns, rows, empty="Nobody waits for an approval.")


def switch_card(request: HttpRequest) -> dict[str, object]:
    """Whether payments go out, and the way to the switch for who may turn it."""
    stopped = halt.halted()
    may = desk.may_switch(request, stopped is not None)
    note = "press to let them go on…" if stopped else "press to stop all of them…"
    return {
        "label": "Payments",
        "value": "Halted" if stopped else "Go out",
        "note": note if may else "to every bank",
        "url": desk.address("switch") if may else words.listing(PayOrder),
        "tone": "bad" if stopped else "good",
    }


def halted() -> list[Section]:
    """Who stopped all payments, and why."""
    stopped = halt.halted()
    if stopped is None:
        return []
    since = f"{words.moment(stopped.recorded_at)} UTC"
    why = f"{stopped.data['halted_by']}: {stopped.data['reason']}"
    return [Warn(f"All payments are halted since {since}, by {why}. Nothing is sent to any bank.", "bad")]


def owed_card() -> list[dict[str, object]]:
    """What came back or was held back, and is still owed; nothing when there is none."""
    found = Payment.objects.filter(OWED).aggregate(count=Count("payment"), cents=Sum("amount_cents"))
    if not found["count"]:
        return []
    card: dict[str, object] = {
        "label": "Came back, still owed",
        "value": words.amount(found["cents"]),
        "tone": "bad",
    }
    note = f"{found['count']:,} payment{'' if found['count'] == 1 else 's'} to pay again"
    return [card | {"note": note, "url": words.listing(Payment, owed="yes")}]


def changes_card() -> list[dict[str, object]]:
    """Changes that the bank asks for; nothing when there is none."""
    count = desk.waiting()
    card: dict[str, object] = {"label": "Changes by the bank", "value": f"{count:,}", "tone": "wait"}
    return [card | {"note": "accounts to be changed", "url": desk.address("from_the_bank")}] if count else []


def open_letters() -> Any:
    """Dead letters that wait for a person."""
    return DeadLetter.objects.filter(state=DeadLetterState.OPEN).order_by()


def letters_card() -> dict[str, object]:
    count = open_letters().count()
    employers = open_letters().values("group_key").distinct().count()
    note = f"{employers:,} employer{'' if employers == 1 else 's'} held up" if count else "nobody is held up"
    tone = "bad" if count else "good"
    return {
        "label": "Open dead letters",
        "value": f"{count:,}",
        "note": note,
        "url": words.listing(DeadLetter),
        "tone": tone,
    }


def letters() -> Table:
    """Open dead letters by fault, the most frequent first."""
    faults = (
        open_letters()
        .values("fingerprint", "step", "kind")
        .annotate(count=Count("id"), employers=Count("group_key", distinct=True), since=Min("opened_at"))
        .annotate(example=Min("reason"))
        .order_by("-count", "since")[:SHOWN]
    )
    rows = [
        (
            words.link(
                words.listing(DeadLetter, state="open", fingerprint=fault["fingerprint"]),
                fault["fingerprint"],
            ),
            words.line(fault["step"]),
            words.badge(fault["kind"], "wait" if fault["kind"] == "needs review" else "bad"),
            words.short(fault["example"], 120),
            words.line(words.moment(fault["since"])),
            f"{fault['employers']:,}",
            f"{fault['count']:,}",
        )
        for fault in faults
    ]
    columns = ("fault", "step", "kind", "for example", "since (UTC)", ">employers", ">letters")
    return Table("Open dead letters, by fault", columns, rows, empty="No dead letter is open.")


def late_card() -> list[dict[str, object]]:
    """What the roster says otherwise by now than runs have taken; nothing when there is none."""
    runs = listed.counted()
    if not runs:
        return []
    count = sum(each.open + each.not_paid for each in runs)
    note = f"in {len(runs):,} run{'' if len(runs) == 1 else 's'}: pay the difference, or dismiss it"
    card: dict[str, object] = {"label": "Late changes", "value": listed.people(count), "tone": "wait"}
    return [card | {"note": note, "url": words.listing(LateChange)}]


def latest_runs() -> Any:
    """Pay runs that were opened, or pay, within a week of today."""
    since = str(timezone.localdate() - WEEK)
    return PayRun.objects.filter(pay_date__gte=since).order_by("-pay_date", "-first_at")


def paid_card() -> dict[str, object]:
    runs = latest_runs().values("run")
    counts = EmployerRun.objects.filter(run__in=runs).exclude(last_event=CANCELLED)
    found = counts.aggregate(paid=Sum("paid_cents"), net=Sum("net_cents"))
    return {
        "label": "Paid, runs of this week",
        "value": words.amount(found["paid"]),
        "note": f"of {words.amount(found['net'])} net pay calculated",
        "url": words.listing(PayRun),
        "tone": "plain",
    }


def week() -> Table:
    """The runs of the week, with how far each is."""
    rows = []
    for run in latest_runs()[:SHOWN]:
        parts = EmployerRun.objects.filter(run=run.run).exclude(last_event=CANCELLED)
        sums = parts.aggregate(
            Count("stream"), people=Sum("employees"), net=Sum("net_cents"), paid=Sum("paid_cents")
        )
        done = parts.filter(last_event__in=("MoneyMoved", "EmployerRunCompleted")).count()
        rows.append(
            (
                words.link(words.page(PayRun, run.pk), f"{run.period_start} to {run.period_end}"),
                run.pay_date,
                words.badge(run.state, RUN_TONES.get(run.state, "busy")),
                f"{done:,} of {sums['stream__count']:,} paid",
                f"{sums['people'] or 0:,}",
                words.money(sums["net"]),
                words.money(sums["paid"]),
            )
        )
    columns = ("period", "pay date", "state", "employers", ">people", ">net pay", ">paid")
    return Table("Pay runs of this week", columns, rows, empty="No run pays this week.")


def overdue() -> Any:
    """Work that could be claimed now."""
    return Work.objects.filter(state=WorkState.READY, available_at__lte=Now()).order_by("available_at")


def work_card() -> dict[str, object]:
    count, held = overdue().count(), Work.objects.filter(state=WorkState.LEASED).count()
    return {
        "label": "Work due now",
        "value": f"{count:,}",
        "note": f"{held:,} in the hands of workers",
        "url": words.listing(Work, state__exact="ready"),
        "tone": "plain",
    }


def due() -> Table:
    """The oldest work that nobody has taken: it should be seconds old, or no worker is running."""
    now = timezone.now()
    rows = [
        (
            words.link(words.page(Work, row.pk), f"{row.saga}: {row.step}"),
            row.group_key,
            words.moment(row.available_at),
            f"{(now - row.available_at).total_seconds():,.0f}",
            row.attempts,
            words.short(row.error),
        )
        for row in overdue()[:SHOWN]
    ]
    columns = ("step", "employer", "due since (UTC)", ">seconds", ">attempts", "last error")
    note = "Work that is due for longer than some seconds means that no worker is running."
    return Table("Oldest work due", columns, rows, empty="Nothing is due.", note=note if rows else "")
