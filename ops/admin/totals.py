"""Year to date, and what people were told."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ops.admin import words
from ops.admin.base import Endless, Facts, Section, Table
from ops.admin.columns import money
from ops.admin.filters import ByEmployer, ByEmployerRun, by_employee
from ops.admin.paychecks import person
from payroll.models import EmployerRun, Notification, Paycheck, YearToDate


@admin.register(YearToDate)
class YearToDateAdmin(Endless):
    """What everybody was paid this year."""

    intro = "The sum of a person's paychecks with one employer in a calendar year, by pay date."
    fresh = True
    list_display = (
        "who",
        "employer",
        "year",
        "count",
        "gross",
        "income_tax",
        "social_security",
        "medicare",
        "net",
    )
    list_filter = (ByEmployer,)
    search_fields = ("employee_id",)
    search_help_text = "An employee ID, or employer/employee ID"
    AMOUNTS = tuple(field for field in YearToDate._meta.fields if field.name.endswith("_cents"))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return by_employee(queryset, search_term), False

    @admin.display(description="employee", ordering="employee_id")
    def who(self, row: YearToDate) -> str:
        return row.employee_id

    @admin.display(description="paychecks", ordering="paychecks")
    def count(self, row: YearToDate) -> str:
        return words.number(row.paychecks)

    gross = money("gross_cents", "gross")
    income_tax = money("federal_income_tax_cents", "federal income tax")
    social_security = money("social_security_cents", "Social Security")
    medicare = money("medicare_cents", "Medicare")
    net = money("net_cents", "net pay")

    def sections(self, request: HttpRequest, row: YearToDate) -> Sequence[Section]:
        checks = Paycheck.objects.filter(
            employer=row.employer, employee_id=row.employee_id, pay_date__startswith=str(row.year)
        ).order_by("pay_date")
        return (
            Facts("Whose", [*person(request, row.employer, row.employee_id), ("Year", row.year)]),
            Table(
                f"{row.year} to date",
                ("", ">amount"),
                [(field.verbose_name, words.money(getattr(row, field.name))) for field in self.AMOUNTS],
            ),
            Table(
                "Its paychecks",
                ("paid on", ">gross", ">taxes", ">net pay"),
                [
                    (
                        words.link(words.page(Paycheck, check.pk), check.pay_date),
                        words.money(check.gross_cents),
                        words.money(check.employee_taxes_cents),
                        words.money(check.net_cents),
                    )
                    for check in checks
                ],
            ),
        )


@admin.register(Notification)
class NotificationAdmin(Endless):
    """What employers and employees were told."""

    intro = "What employers and employees were told, each once. A message without an employee went to the employer."
    list_display = ("at", "topic", "employer", "to", "message")
    list_filter = (ByEmployerRun, ByEmployer)
    search_fields = ("employee_id",)
    search_help_text = "An employee ID, or employer/employee ID"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return by_employee(queryset, search_term), False

    @admin.display(description="told at (UTC)", ordering="created_at")
    def at(self, row: Notification) -> str:
        return words.line(words.moment(row.created_at))

    @admin.display(description="employee")
    def to(self, row: Notification) -> str:
        return row.employee_id or "(the employer)"

    def sections(self, request: HttpRequest, row: Notification) -> Sequence[Section]:
        stream = f"employerrun-{row.employer_run}"
        facts: list[tuple[str, object]] = [
            ("Told at (UTC)", words.moment(row.created_at)),
            ("Topic", row.topic),
            ("To", row.employee_id or "the employer"),
            ("Employer run", words.link(words.page(EmployerRun, stream), row.employer)),
            ("Message", row.message),
        ]
        return (Facts("Notification", facts),)
