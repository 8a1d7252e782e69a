"""Paychecks: a list to find one, and its pay stub."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import F, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Concat
from django.http import HttpRequest

from events.models import DeadLetter, Event
from ops.admin import words
from ops.admin.base import Endless, Facts, Section
from ops.admin.columns import money
from ops.admin.explained import explained
from ops.admin.filters import ByEmployer, ByEmployerRun, by_employee
from ops.admin.log import history
from ops.admin.paid_to import paid_to
from ops.admin.stub import state, stub
from payroll.models import Employee, Employer, EmployerRun, Paycheck, Payment, PayOrder, YearToDate
from payroll.payments.orders import NO_ORDER

UNFINISHED = ("PaycheckBegan", "TimeEntered", "PayCalculated", "TaxCalculated")
WHAT: dict[str, tuple[str, dict[str, Any]]] = {
    "no_hours": ("No hours", {"facts__no_hours": True}),
    "left_out": ("Left out", {"last_event": "PaycheckExcluded"}),
    "carried_over": ("Carried over", {"last_event": "PaycheckCarriedOver"}),
    "section125_short": ("Section 125 not taken", {"facts__section125_short_cents__gt": 0}),
    "unfinished": ("Not finished", {"last_event__in": UNFINISHED}),
}


def person(request: HttpRequest, employer_id: str, employee_id: str) -> list[tuple[str, object]]:
    """Employer and employee, by name for those who may see the roster."""
    employer = Employer.objects.filter(id=employer_id).first()
    facts: list[tuple[str, object]] = [
        ("Employer", words.link(words.page(Employer, employer_id), employer) if employer else employer_id)
    ]
    employee = Employee.objects.filter(employer_id=employer_id, employee_id=employee_id).first()
    if employee and request.user.has_perm("payroll.view_employee"):
        name = f"{employee.first_name} {employee.last_name}"
        facts.append(("Employee", words.link(words.page(Employee, employee.pk), name)))
        facts.append(("Job title", employee.job_title or words.NOTHING))
    facts.append(("Employee ID", employee_id))
    return facts


class ByWhat(SimpleListFilter):
    """Paychecks that somebody should look at."""

    title = "worth a look"
    parameter_name = "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(value, label) for value, (label, _) in WHAT.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Paycheck]) -> QuerySet[Paycheck]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(**WHAT[value][1]) if value in WHAT else queryset.none()


@admin.register(Paycheck)
class PaycheckAdmin(Endless):
    """Who was paid what."""

    intro = "One person's pay for one period. Open one to see its pay stub."
    fresh = True
    list_filter = (ByEmployerRun, ByEmployer, ByWhat)
    search_fields = ("employee_id",)
    search_help_text = "An employee ID, or employer/employee ID"
    list_display = ("employee_id", "name", "employer", "payday", "stands", "gross", "taxes", "net")

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        """Names are the roster's: they are shown to those who may see it."""
        shown = request.user.has_perm("payroll.view_employee")
        return [column for column in self.list_display if shown or column != "name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Paycheck]:
        someone = Employee.objects.filter(employer=OuterRef("employer"), employee_id=OuterRef("employee_id"))
        name = someone.annotate(
            whole=Concat(F("first_name"), Value(" "), F("last_name"), output_field=TextField())
        )
        found: QuerySet[Paycheck] = super().get_queryset(request)
        return found.annotate(person=Subquery(name.values("whole")))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By employer and employee ID, so that an index answers."""
        return by_employee(queryset, search_term), False

    @admin.display(description="name")
    def name(self, row: Any) -> str:
        return row.person or words.NOTHING

    @admin.display(description="pay date", ordering="pay_date")
    def payday(self, row: Paycheck) -> str:
        return words.line(row.pay_date)

    @admin.display(description="state")
    def stands(self, row: Paycheck) -> str:
        return words.badge(*state(row.last_event, row.facts))

    gross = money("gross_cents", "gross")
    taxes = money("employee_taxes_cents", "employee taxes")
    net = money("net_cents", "net pay")

    def sections(self, request: HttpRequest, row: Paycheck) -> Sequence[Section]:
        if "explain" in request.GET:
            return (self.whose(request, row), *explained(row.stream))
        goes = paid_to(row) if request.user.has_perm("payroll.view_employee") else []
        return (self.whose(request, row), *stub(row.facts, row.last_event), *goes, history(row.stream))

    def whose(self, request: HttpRequest, row: Paycheck) -> Facts:
        """Whose pay, for when, and where to look further."""
        part = EmployerRun.objects.filter(employer_run=row.employer_run).first()
        year = f"{row.employer}/{row.employee_id}/{row.pay_date[:4]}"
        letters = DeadLetter.objects.filter(subject=row.stream, run_key=str(row.run))
        facts = person(request, row.employer, row.employee_id)
        if part:
            period = f"{part.period_start} to {part.period_end}"
            facts.append(("Pay period", words.link(words.page(EmployerRun, part.pk), period)))
        facts += [("Pay date", row.pay_date), ("State", words.badge(*state(row.last_event, row.facts)))]
        for payment in Payment.objects.filter(paycheck=row.stream).order_by("part"):
            order = PayOrder.objects.filter(order=payment.order).first()
            stands = payment.state_of_its_own or (order.state if order else NO_ORDER[payment.method])
            text = f"{words.amount(payment.amount_cents)}, {stands}"
            facts.append(("Payment", words.link(words.page(PayOrder, order.pk), text) if order else text))
        if YearToDate.objects.filter(id=year).exists():
            facts.append(("Year to date", words.link(words.page(YearToDate, year), row.pay_date[:4])))
        for letter in letters:
            text = f"{letter.state}: {letter.reason}"
            facts.append(("Dead letter", words.link(words.page(DeadLetter, letter.pk), text)))
        facts.append(("Every cent of it", words.link("?explain=1", "explained, from net pay down")))
        facts.append(("Record", words.link(words.listing(Event, q=row.stream), "its events in the log")))
        return Facts("Paycheck", facts)
