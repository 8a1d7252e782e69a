"""Payment orders and payments: what was sent to the bank, where it stands, and what two people may decide about it."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString

from events.models import DeadLetter, DeadLetterState
from ops.admin import deciding, desk, repaying, words
from ops.admin.base import Button, Endless, Facts, ReadOnly, Section, Table, Warn
from ops.admin.columns import money
from ops.admin.confirm import chosen
from ops.admin.filters import ByEmployer, ByRun, as_uuid
from ops.admin.log import history
from payroll.models import Paycheck, Payment, PayOrder
from payroll.payments import decisions, orders, same_day, sending
from payroll.payments.came_back import return_code
from payroll.payments.decisions import ACCEPTED_BY_BANK
from payroll.payments.instructions import DEPOSIT, HELD
from payroll.payments.sending import ABSENT, ALLOWED, LATE

TONES = {
    orders.ACCEPTED: "good",
    orders.SETTLED: "good",
    orders.UNKNOWN: "wait",
    orders.REJECTED: "bad",
    orders.RETURNED: "bad",
    orders.WITHDRAWN: "plain",
    orders.REVERSED: "plain",
    orders.VOIDED: "plain",
    orders.NOT_REVERSED: "bad",
    orders.CROSSED: "bad",
}
SHOWN_MAX = 200
FEDERAL_TAX = "federal tax"  # in the place of a person, of a deposit
# What a deposit of tax owes is the employer's run's, and told there.
OWED = (Q(state_of_its_own=orders.RETURNED) & ~Q(method=DEPOSIT) | Q(method=HELD)) & ~Q(
    facts__has_key="reissue_key"
)
STATES = (
    orders.CREATED,
    orders.RESERVED,
    orders.SENDING,
    orders.UNKNOWN,
    orders.REJECTED,
    orders.ACCEPTED,
    orders.SETTLED,
    orders.WITHDRAWN,
)


def badge(state: str) -> str:
    """A state in its tone."""
    return words.badge(state, TONES.get(state, "busy"))


class ByState(SimpleListFilter):
    """Orders that stand where they stand."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(state, state) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PayOrder]) -> QuerySet[PayOrder]:
        return queryset.filter(facts__state=self.value()) if self.value() in STATES else queryset


@admin.register(PayOrder)
class PayOrderAdmin(ReadOnly):
    """The files that went to the bank, or are to go."""

    intro = (
        "One file to the bank each. An order whose answer was lost is unknown: it is asked for by its key, and never "
        "sent blindly again."
    )
    fresh = True
    list_display = ("what", "employer", "pay_date", "stands", "entries", "credits", "reference")
    list_filter = (ByState, ByRun, ByEmployer)
    actions = (ACCEPTED_BY_BANK, ABSENT, ALLOWED, LATE)

    def get_urls(self) -> list[URLPattern]:
        return [*desk.urls(self), *super().get_urls()]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(deciding.PERMISSION)

    @admin.action(description=deciding.LABELS[ACCEPTED_BY_BANK], permissions=["decide"])
    def accepted(self, request: HttpRequest, queryset: QuerySet[PayOrder]) -> TemplateResponse | None:
        """Ask what it rests on, then propose or confirm that the bank has it."""
        return deciding.decide(self, request, self.one(request), ACCEPTED_BY_BANK)

    @admin.action(description=deciding.LABELS[ABSENT], permissions=["decide"])
    def absent(self, request: HttpRequest, queryset: QuerySet[PayOrder]) -> TemplateResponse | None:
        """Ask what it rests on, then propose or confirm that the bank does not have it."""
        return deciding.decide(self, request, self.one(request), ABSENT)

    @admin.action(description=deciding.LABELS[ALLOWED], permissions=["decide"])
    def allowed(self, request: HttpRequest, queryset: QuerySet[PayOrder]) -> TemplateResponse | None:
        """Ask what it rests on, then propose or confirm that it may be sent."""
        return deciding.decide(self, request, self.one(request), ALLOWED)

    @admin.action(description=deciding.LABELS[LATE], permissions=["decide"])
    def late(self, request: HttpRequest, queryset: QuerySet[PayOrder]) -> TemplateResponse | None:
        """Ask what it rests on, then propose or confirm that it is sent after its last window."""
        return deciding.decide(self, request, self.one(request), LATE)

    def one(self, request: HttpRequest) -> PayOrder | None:
        """The only order that was ticked."""
        found = PayOrder.objects.filter(stream__in=chosen(request))
        return found[0] if len(found) == 1 else None

    def letter(self, row: Any) -> DeadLetter | None:
        """The dead letter that it waits as."""
        return DeadLetter.objects.filter(work=sending.work_id(row.order), state=DeadLetterState.OPEN).first()

    def buttons(self, request: HttpRequest, row: Any) -> Sequence[Button]:
        return deciding.buttons(request, row, waits=self.letter(row) is not None)

    @admin.display(description="order")
    def what(self, row: PayOrder) -> str:
        return str(row.kind)

    @admin.display(description="state")
    def stands(self, row: PayOrder) -> str:
        return badge(row.state)

    credits = money("credits_cents", "credits")

    @admin.display(description="bank's reference")
    def reference(self, row: PayOrder) -> str:
        return words.code(row.bank_reference)

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        facts = row.facts
        late = row.stream in decisions.let_go_late([row.stream])
        on_its_day = "settles_at" in facts and not late
        about: list[tuple[str, object]] = [
            ("Employer", row.employer),
            ("State", badge(row.state)),
            ("To be moved on", row.effective),
            *([("Settles", same_day.SENT_LATE)] if late else ()),
            *([("On that day, at", f"{facts['settles_at']} Eastern time")] if on_its_day else ()),
            ("Entries", f"{row.entries:,}"),
            ("Credits", words.amount(row.credits_cents)),
            ("Debits", words.amount(row.debits_cents)),
            ("Gateway", row.gateway),
            ("Key", words.code(row.order)),
            ("File", words.code(row.object)),
            ("File, SHA-256", words.code(facts["sha256"])),
            ("Bank's reference", words.code(row.bank_reference)),
        ]
        about += [
            (label, facts[name])
            for name, label in (("unknown", "Why it was unknown"), ("rejected", "Why the bank refused"))
            if name in facts
        ]
        return (
            *self.waits(row),
            *deciding.proposal(row),
            Facts("Payment order", about),
            self.payments(row),
            history(row.stream),
        )

    def waits(self, row: Any) -> Sequence[Section]:
        """What holds it up, and what to do next."""
        letter, says = self.letter(row), []
        if letter:
            says.append(Warn(f"It waits for a person: {letter.reason}.", "bad"))
        if row.state == orders.UNKNOWN:
            says.append(
                Warn(
                    "Nobody knows whether the bank has it. The bank is asked by key, again and again; nothing is sent "
                    "twice. When the bank does not find it either, look at its statement and say what it shows."
                )
            )
        return says

    def payments(self, row: Any) -> Table:
        found = Payment.objects.filter(order=row.order).order_by("employee_id", "part")
        lines = [
            (
                whose(each, each.employee_id or FEDERAL_TAX),
                words.money(each.amount_cents),
                badge(each.state_of_its_own or row.state),
                words.code(each.trace),
            )
            for each in found[:SHOWN_MAX]
        ]
        note = f"The first {SHOWN_MAX} of {found.count():,}." if found.count() > SHOWN_MAX else ""
        return Table("Payments", ("employee", ">amount", "state", "trace"), lines, note=note)


class Owed(SimpleListFilter):
    """Payments whose money is still owed."""

    title = "still owed"
    parameter_name = "owed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("yes", "came back or held back")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        return queryset.filter(OWED) if self.value() == "yes" else queryset


def is_owed(row: Any) -> bool:
    """Whether its money came back, or was held back, and was not paid again."""
    back = row.state_of_its_own == orders.RETURNED and row.method != DEPOSIT
    return "reissue_key" not in row.facts and (back or row.method == HELD)


def whose(row: Any, text: str) -> SafeString:
    """The person whose payment it is, with a link to the paycheck; a deposit of tax is nobody's."""
    return words.link(words.page(Paycheck, row.paycheck) if row.paycheck else "", text)


@admin.register(Payment)
class PaymentAdmin(Endless):
    """Single payments: to one account each, or one check."""

    intro = "A payment has the state of the order that carries it, until something of its own comes back."
    fresh = True
    list_display = ("employee_id", "employer", "pay_date", "stands", "amount", "method", "trace")
    list_filter = (Owed, ByRun, ByEmployer)
    actions = ("repay",)
    search_fields = ("employee_id",)
    search_help_text = "An employee ID"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        state = PayOrder.objects.filter(order=OuterRef("order")).values("facts__state")[:1]
        found: QuerySet[Payment] = super().get_queryset(request)
        return found.annotate(carried=Subquery(state))

    @admin.display(description="state")
    def stands(self, row: Any) -> str:
        return badge(row.state_of_its_own or row.carried or orders.NO_ORDER[row.method])

    amount = money("amount_cents", "amount")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(deciding.PERMISSION)

    @admin.action(description="Pay again…", permissions=["decide"])
    def repay(self, request: HttpRequest, queryset: QuerySet[Payment]) -> TemplateResponse | None:
        """Ask, then propose to pay again what came back, or confirm it."""
        ticked = [key for key in map(as_uuid, chosen(request)) if key]
        return repaying.pay_again(self, request, ticked)

    def buttons(self, request: HttpRequest, row: Any) -> Sequence[Button]:
        if not (is_owed(row) and self.has_decide_permission(request)):
            return ()
        return (Button("repay", "Pay again…"),)

    def owed(self, row: Any) -> Sequence[Section]:
        """What is still owed of it, and what to do next."""
        if not is_owed(row):
            return ()
        code, by = row.facts.get("return_code"), row.facts.get("repay_proposed_by")
        why = f"It came back ({code}: {return_code(code).meaning})" if code else "It was held back"
        note = f"{why}, and {words.amount(row.amount_cents)} is still owed. "
        note += (
            f"{by} has proposed to pay it again: somebody else has to confirm it."
            if by
            else "Ask the person for an account, change it in the roster, then pay it again."
        )
        return (Warn(note, "wait" if by else "bad"),)

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        facts: list[tuple[str, object]] = [
            ("Employee", whose(row, f"{row.employer}/{row.employee_id or FEDERAL_TAX}")),
            ("Amount", words.amount(row.amount_cents)),
            ("State", badge(row.state_of_its_own or row.carried or orders.NO_ORDER[row.method])),
            ("Part of the net pay", row.part),
            ("Key", words.code(row.payment)),
            ("Trace", words.code(row.trace)),
        ]
        if row.order:
            facts.append(
                ("Order", words.link(words.page(PayOrder, orders.stream(row.order)), str(row.order)))
            )
        return *self.owed(row), Facts("Payment", facts), history(f"payment-{row.payment}")
