"""Pages that are about no single row: the switch that stops all payments, what the bank has sent back, the books.

Each asks before it does anything, is refused without its permission, and calls the same command as the command line.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from events import projection, store
from events.store import Recorded
from ops.admin import books, words
from ops.admin.base import Facts, ReadOnly, Section, Table, Warn
from ops.admin.confirm import Question, ask, confirmed
from ops.admin.navigation import may_view
from payroll.models import Payment, PayOrder
from payroll.payments import halt, orders, pay_accounts
from payroll.payments.came_back import return_code
from payroll.payments.came_back.corrected import CHANGE_CODES
from payroll.payments.imports import PREFIX, import_file
from payroll.refusal import Refused

HALT, RESUME, APPLY = "payroll.halt_payments", "payroll.resume_payments", pay_accounts.PERMISSION
IMPORT = "payroll.import_bankfile"
FILE_BYTES_MAX = 16 << 20
TO_GO = (orders.CREATED, orders.RESERVED, orders.SENDING, orders.UNKNOWN)
SHOWN = 50
STOPS = (
    "Nothing more is sent to any bank, for any employer, within seconds. Pay runs go on being calculated and approved; "
    "their payments wait. It stays so until somebody lets payments go out again.",
    "A file that the bank has already is not stopped by this: call the bank.",
)
GOES_ON = ("The orders below, and all that are made later, go to the bank again within seconds.",)
REASON = "Why? Write what a colleague needs to know; no SSN, no account number."
IMPORTS = (
    "Each file is recorded once: the same file again changes nothing. A file with a fault in it is not taken at all.",
    "What fits nothing of ours is kept, and shown on the page that you come from: call the bank about it.",
)
CHANGES = (
    "The bank writes that its customer's details have changed. What changes is written to the roster, and the next pay "
    "goes there. What was paid already is not touched.",
    "Check with the person first if anything about it is unusual: a false notice is a known way to steal pay.",
)


def urls(admin: ReadOnly) -> list[URLPattern]:
    """Their addresses, under those of the payment orders."""
    site = admin.admin_site

    def page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        return site.admin_view(lambda request, **of: view(admin, request, **of))  # type: ignore[no-any-return]

    return [
        path("switch/", page(switch), name="ops_switch"),
        path("books/", page(books.books), name="ops_books"),
        path("from-the-bank/", page(from_the_bank), name="ops_from_the_bank"),
        path("from-the-bank/import/", page(import_bankfile), name="ops_import"),
        path("from-the-bank/<uuid:change>/", page(apply_change), name="ops_apply_change"),
    ]


def address(name: str, **of: object) -> str:
    """The address of one of these pages: switch, books, from_the_bank, import or apply_change."""
    return reverse(f"admin:ops_{name}", kwargs=of)


# The switch


def may_switch(request: HttpRequest, halted: bool) -> bool:
    """Whether this user may turn it now."""
    return bool(request.user.has_perm(RESUME if halted else HALT))


def switch(admin: ReadOnly, request: HttpRequest) -> HttpResponse:
    """Ask, then stop all payments or let them go out again."""
    stopped = halt.halted()
    if not may_switch(request, stopped is not None):
        raise PermissionDenied
    question = _resume(stopped) if stopped else _halt()
    reason = request.POST.get("reason", "").strip()
    if not confirmed(request):
        return ask(admin, request, question)
    if not reason:
        return ask(admin, request, replace(question, wrong="Give a reason."))
    try:
        if request.POST.get("action") == "halt":
            halt.halt(by=request.user.get_username(), reason=reason)
            messages.success(request, "Halted: no payment goes out until somebody lets them go on.")
        elif request.user.has_perm(RESUME):  # the page may have asked about the other way round
            halt.resume(by=request.user.get_username(), reason=reason)
            messages.success(request, "Payments go out again.")
    except Refused as refused:
        messages.warning(request, f"Nothing was done: {refused}.")
    return HttpResponseRedirect(reverse("admin:index"))


def _halt() -> Question:
    return Question(
        action="halt",
        title="Stop all payments?",
        says=STOPS,
        section=_to_go("Orders that would wait"),
        keys=(),
        confirm="Stop all payments",
        tone="danger",
        reason=REASON,
        back=reverse("admin:index"),
    )


def _resume(stopped: Recorded) -> Question:
    since = f"{stopped.data['halted_by']} stopped them at {words.moment(stopped.recorded_at)} UTC"
    says = (f"{since}: {stopped.data['reason']}.", *GOES_ON)
    return Question(
        action="resume",
        title="Let payments go out again?",
        says=says,
        section=_to_go("Orders that wait"),
        keys=(),
        confirm="Let payments go out",
        reason=REASON,
        back=reverse("admin:index"),
    )


def _to_go(title: str) -> Table:
    """Orders that are not with the bank, as far as is known."""
    projection.catch_up()
    found = list(PayOrder.objects.filter(facts__state__in=TO_GO).order_by("pay_date", "employer"))
    rows = [
        (
            words.link(words.page(PayOrder, row.pk), str(row)),
            row.state,
            f"{row.entries:,}",
            words.money(row.credits_cents),
        )
        for row in found[:SHOWN]
    ]
    total = ("Together", "", f"{sum(row.entries for row in found):,}")
    sums = (*total, words.money(sum(row.credits_cents for row in found)))
    note = f"The first {SHOWN} of {len(found):,}." if len(found) > SHOWN else ""
    columns = ("order", "state", ">entries", ">amount")
    return Table(
        title, columns, rows, note=note, total=sums if rows else (), empty="No order is under way now."
    )


# What the bank has sent back


def from_the_bank(admin: ReadOnly, request: HttpRequest) -> HttpResponse:
    """Changes that it asks for, accounts that pay came back from, and the files and messages that said so."""
    if not may_view(request, Payment):
        raise PermissionDenied
    context: dict[str, Any] = {**admin.admin_site.each_context(request), "opts": admin.model._meta}
    may_import = request.user.has_perm(IMPORT)
    context["links"] = [("Import a file…", address("import"))] if may_import else []
    sections = [*_unmatched(), _changes(request), _held(), _imported()]
    context |= {"title": "From the bank", "sections": sections}
    return TemplateResponse(request, "ops/page.html", context)


def waiting() -> int:
    """How many changes wait for a person."""
    return sum(each.state == pay_accounts.PROPOSED for each in pay_accounts.changes())


def _changes(request: HttpRequest) -> Table:
    rows = [
        (
            f"{each.employer}/{each.employee_id}",
            f"{each.code}: {CHANGE_CODES.get(each.code, 'unknown')}",
            each.imported_by,
            _next(request, each),
        )
        for each in pay_accounts.changes()[::-1][:SHOWN]
    ]
    note = (
        "What it changes to is not shown: it is an account. Somebody other than who imported it applies it."
    )
    columns = ("person", "what the bank says is wrong", "imported by", "next")
    return Table("Changes that the bank asks for", columns, rows, note=note, empty="It asks for none.")


def _next(request: HttpRequest, change: pay_accounts.Change) -> object:
    if change.state == pay_accounts.APPLIED:
        return words.badge("in the roster", "good")
    if change.imported_by == request.user.get_username():
        return "you imported it: somebody else applies it"
    if not request.user.has_perm(APPLY):
        return words.badge("waits", "wait")
    return words.link(address("apply_change", change=change.id), "Apply…")


def _held() -> Table:
    rows = [
        (
            f"{each.employer}/{each.employee_id}",
            f"{each.held_for}: {return_code(each.held_for).meaning}",
            words.link(words.page(Payment, each.payment), "the payment"),
        )
        for each in pay_accounts.listed()[:SHOWN]
    ]
    note = "Ask the person for an account, change it in the roster, then pay again what came back (Payments)."
    title = "Accounts that nothing more is paid into"
    return Table(title, ("person", "why it came back", "what came back"), rows, note=note, empty="None.")


def _latest() -> list[Recorded]:
    """The imports of late, newest first."""
    found = store.read_prefix(PREFIX, "BankFileImported")
    return sorted(found, key=lambda event: event.position, reverse=True)[:SHOWN]


def _imported() -> Table:
    rows = [
        (
            words.line(words.moment(each.recorded_at)),
            each.data["kind"],
            words.code(each.data["name"]),
            each.data["imported_by"],
            f"{each.data['matched']:,}",
            f"{each.data['unmatched']:,}",
        )
        for each in _latest()
    ]
    columns = ("when (UTC)", "kind", "name", "by", ">fits", ">does not fit")
    return Table("What was imported", columns, rows, empty="Nothing was imported yet.")


def _unmatched() -> Sequence[Section]:
    """What fits nothing of ours: a person has to call the bank about it."""
    findings = [
        (words.line(words.moment(each.recorded_at)), words.code(each.data["name"]), finding)
        for each in _latest()
        for finding in each.data["findings"]
    ]
    if not findings:
        return ()
    note = "The bank says something that our records do not have. Call it, and keep what it answers."
    return Warn(note), Table("What does not fit", ("when (UTC)", "name", "what"), findings[:SHOWN])


def import_bankfile(admin: ReadOnly, request: HttpRequest) -> HttpResponse:
    """Ask for a file of the bank, then record what it says."""
    if not (may_view(request, Payment) and request.user.has_perm(IMPORT)):
        raise PermissionDenied
    question = _import()
    if not confirmed(request):
        return ask(admin, request, question)
    given = request.FILES.get("file")
    if given is None or not given.size or given.size > FILE_BYTES_MAX:
        wrong = "Choose a file; one of a bank is not larger than 16 MB."
        return ask(admin, request, replace(question, wrong=wrong))
    try:
        told = import_file(given.read(), name=given.name or "", by=request.user.get_username())
    except Refused as refused:
        return ask(admin, request, replace(question, wrong=f"Nothing was imported: {refused}."))
    before = "" if told.new else "It was imported before, and nothing was done now. "
    messages.success(request, f"{before}{told.kind}: {told.matched:,} fit, {told.unmatched:,} do not.")
    return HttpResponseRedirect(address("from_the_bank"))


def _import() -> Question:
    kinds: list[tuple[str, object]] = [
        ("Returns", "what came back is owed again, and the account it went to may be held"),
        ("Notices of change", "a change is proposed; somebody other than you applies it"),
        ("Acknowledgements", "an order is accepted or rejected"),
        ("Settlement reports", "orders are settled"),
    ]
    return Question(
        action="import",
        title="Import what the bank has sent?",
        says=IMPORTS,
        section=Facts("What follows from it", kinds),
        keys=(),
        file="The file, as the bank sent it",
        confirm="Import it",
        back=address("from_the_bank"),
    )


def apply_change(admin: ReadOnly, request: HttpRequest, change: object) -> HttpResponse:
    """Ask, then write a change to the roster."""
    if not (may_view(request, Payment) and request.user.has_perm(APPLY)):
        raise PermissionDenied
    back = HttpResponseRedirect(address("from_the_bank"))
    found = next((each for each in pay_accounts.changes() if each.id == change), None)
    if found is None:
        messages.warning(request, "There is no such change.")
        return back
    if not confirmed(request):
        return ask(admin, request, _apply(found))
    try:
        pay_accounts.apply(str(change), by=request.user.get_username())
    except Refused as refused:
        messages.warning(request, f"Nothing was done: {refused}.")
    else:
        messages.success(request, f"Applied: {found.code} of {found.employer}/{found.employee_id}.")
    return back


def _apply(change: pay_accounts.Change) -> Question:
    facts: list[tuple[str, object]] = [
        ("Person", f"{change.employer}/{change.employee_id}"),
        ("What the bank says is wrong", f"{change.code}: {CHANGE_CODES.get(change.code, 'unknown')}"),
        ("Imported by", change.imported_by),
    ]
    return Question(
        action="apply",
        title="Write this change to the roster?",
        says=CHANGES,
        section=Facts("Change", facts),
        keys=(),
        confirm="Write it to the roster",
        back=address("from_the_bank"),
    )
