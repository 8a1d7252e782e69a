"""The roster as it stands today. Read only: it changes when a folder of files is imported."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from ops.admin import pay_inputs, words
from ops.admin.base import Endless, Facts, ReadOnly, Section, Table
from payroll.models import Employee, Employer, EmployerRun, Paycheck, TimeEntry

IMPORT = (
    "The roster changes when its files are imported (manage.py import_roster), never here; "
    "a run keeps what it began with."
)
RUNS_SHOWN = 12
ENTRIES_SHOWN = 42


@admin.register(Employer)
class EmployerAdmin(ReadOnly):
    """Who pays."""

    intro = IMPORT
    list_display = ("id", "name", "ein", "state", "pay_frequency", "retirement_plan", "people")
    list_filter = ("pay_frequency", "state", "retirement_plan")
    search_fields = ("id", "name", "ein")
    list_per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[Employer]:
        found: QuerySet[Employer] = super().get_queryset(request)
        return found.select_related("calendar").annotate(headcount=Count("employees"))

    @admin.display(description="employees", ordering="headcount")
    def people(self, row: Any) -> str:
        return words.number(row.headcount)

    def sections(self, request: HttpRequest, row: Any) -> Sequence[Section]:
        people = words.link(words.listing(Employee, employer__id__exact=row.id), f"{row.headcount:,}")
        facts: list[tuple[str, object]] = [
            ("Employer ID", row.id),
            ("Legal name", row.name),
            ("EIN", row.ein),
            ("State", row.state),
            ("Employees", people),
            ("Retirement plan", row.get_retirement_plan_display()),
            ("Workweek starts on", row.get_workweek_start_display()),
            ("Bank routing number", row.routing_number),
            ("Funding account", row.account_masked),
            ("Payment files debit it", row.get_funding_display() or "no"),
        ]
        calendar = getattr(row, "calendar", None)
        when: list[tuple[str, object]] = [("Pay frequency", row.get_pay_frequency_display())]
        if calendar:
            when += [
                ("Periods counted from", str(calendar.anchor)),
                ("Days from period end to payday", calendar.pay_lag_days),
                ("First period of the schedule", str(calendar.starts_on)),
            ]
        latest = EmployerRun.objects.filter(employer=row.id)[:RUNS_SHOWN]
        paid = [
            (
                words.link(words.page(EmployerRun, part.pk), f"{part.period_start} to {part.period_end}"),
                part.pay_date,
                part.state,
                words.money(part.net_cents),
            )
            for part in latest
        ]
        return (
            Facts("Employer", facts, note=IMPORT),
            Facts("Pay calendar", when),
            Table("Latest runs", ("period", "pay date", "state", ">net pay"), paid),
        )


@admin.register(Employee)
class EmployeeAdmin(ReadOnly):
    """Who is paid."""

    intro = IMPORT
    list_display = (
        "employee_id",
        "first_name",
        "last_name",
        "employs",
        "job_title",
        "pay",
        "work_state",
        "ssn",
        "left",
    )
    list_filter = ("employer", "pay_basis", "work_state", "w4_version")
    search_fields = ("employee_id", "first_name", "last_name")
    search_help_text = "A name or an employee ID"

    @admin.display(description="pay", ordering="pay_rate")
    def pay(self, row: Employee) -> str:
        hourly = row.pay_basis == "hourly"
        return words.line(f"${row.pay_rate:,.4f} an hour" if hourly else f"${row.pay_rate:,.2f} a year")

    @admin.display(description="employer", ordering="employer")
    def employs(self, row: Employee) -> str:
        return row.employer_id

    @admin.display(description="SSN")
    def ssn(self, row: Employee) -> str:
        return words.line(row.ssn_masked)

    @admin.display(description="left on", ordering="termination_date")
    def left(self, row: Employee) -> object:
        return words.line(row.termination_date or words.NOTHING)

    def sections(self, request: HttpRequest, row: Employee) -> Sequence[Section]:
        further = pay_inputs.sections(row)
        return (
            self.person(row),
            self.w4(row),
            self.deductions(row),
            *further,
            self.paid(row),
            self.time(row),
        )

    def person(self, row: Employee) -> Facts:
        employer = words.link(words.page(Employer, row.employer_id), row.employer)
        return Facts(
            "Person",
            [
                ("Employee ID", row.employee_id),
                ("Name", f"{row.first_name} {row.last_name}"),
                ("Employer", employer),
                ("Job title", row.job_title or words.NOTHING),
                ("SSN", row.ssn_masked),
                ("Born", str(row.birth_date)),
                ("Hired", str(row.hire_date)),
                ("Left", str(row.termination_date or words.NOTHING)),
                ("Pay", self.pay(row)),
                ("Standard hours a week", row.standard_weekly_hours),
                ("Overtime", "exempt" if row.flsa_exempt else "not exempt"),
                ("Works in", row.work_state),
                ("Paid to", self.paid_to(row)),
            ],
            note=IMPORT,
        )

    def paid_to(self, row: Employee) -> str:
        """The account of the record; whatever is not deposited elsewhere goes there."""
        if not row.routing_number:
            return "as its direct deposits say"
        return f"{row.get_account_type_display()} account {row.account_masked} at {row.routing_number}"

    def w4(self, row: Employee) -> Facts:
        """Only what is on the form that this person signed."""
        form: list[tuple[str, object]] = [("Filing status", row.get_filing_status_display())]
        if row.w4_version == "pre2020":
            form += [
                ("Allowances", row.allowances),
                ("Additional a period", f"${row.additional_withholding:,.2f}"),
            ]
        else:
            form.append(("Step 2(c)", "marked" if row.step2_checkbox else "not marked"))
            for name in ("step3", "step4a", "step4b", "step4c"):
                label = str(getattr(Employee._meta.get_field(name), "verbose_name", name))
                form.append((label[0].upper() + label[1:], f"${getattr(row, name):,.2f}"))
        return Facts(f"Form W-4 of {row.get_w4_version_display()}", form)

    def deductions(self, row: Employee) -> Facts:
        return Facts(
            "Elected deductions",
            [
                ("Traditional 401(k)", f"{row.traditional_401k_percent} % of gross pay"),
                ("Roth 401(k)", f"{row.roth_401k_percent} % of gross pay"),
                ("Section 125 benefits", f"${row.section125_per_period:,.2f} a period"),
            ],
        )

    def paid(self, row: Employee) -> Table:
        checks = Paycheck.objects.filter(employer=row.employer_id, employee_id=row.employee_id).order_by(
            "-pay_date"
        )
        rows = [
            (
                words.link(words.page(Paycheck, check.pk), check.pay_date),
                words.money(check.gross_cents),
                words.money(check.net_cents),
            )
            for check in checks[:RUNS_SHOWN]
        ]
        return Table("Latest paychecks", ("paid on", ">gross", ">net pay"), rows)

    def time(self, row: Employee) -> Table:
        rows = [
            (
                words.line(entry.work_date),
                entry.get_kind_display(),
                entry.hours,
                f"${entry.rate}" if entry.rate else "",
            )
            for entry in row.time_entries.order_by("-work_date", "-id")[:ENTRIES_SHOWN]
        ]
        return Table("Latest time entries", ("day", "kind", ">hours", ">other rate"), rows)


@admin.register(TimeEntry)
class TimeEntryAdmin(Endless):
    """Hours."""

    intro = IMPORT
    list_display = ("day", "employer_id", "who", "kind", "hours", "rate")
    list_filter = ("kind",)
    list_select_related = ("employee",)
    search_fields = ("employee__employee_id",)
    search_help_text = "An employee ID"
    ordering = ("-id",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(employee__employee_id=term) if term else queryset), False

    @admin.display(description="day", ordering="work_date")
    def day(self, row: TimeEntry) -> str:
        return words.line(row.work_date)

    @admin.display(description="employer")
    def employer_id(self, row: TimeEntry) -> str:
        return row.employee.employer_id

    @admin.display(description="employee")
    def who(self, row: TimeEntry) -> str:
        return row.employee.employee_id

    def sections(self, request: HttpRequest, row: TimeEntry) -> Sequence[Section]:
        facts: list[tuple[str, object]] = [
            ("Employee", words.link(words.page(Employee, row.employee_id), row.employee)),
            ("Day", str(row.work_date)),
            ("Kind", row.get_kind_display()),
            ("Hours", row.hours),
            ("Other rate", f"${row.rate}" if row.rate else words.NOTHING),
        ]
        return (Facts("Time entry", facts, note=IMPORT),)
