"""Read models: what people look at. Folded from the log (projections.py), never written otherwise.

A row holds the merged facts of one stream. The columns are generated from them by the database, so a
column cannot say anything else than the facts.
"""

from typing import Any

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce


def fact(name: str, field: "models.Field[Any, Any] | None" = None, **options: Any) -> models.GeneratedField:
    """A column generated from the fact of this name; text unless a field is given."""
    output = field or models.TextField()
    expression = KT(f"facts__{name}") if field is None else Cast(KT(f"facts__{name}"), output)
    return models.GeneratedField(
        expression=expression, output_field=output, db_persist=True, null=True, **options
    )


def cents(name: str, verbose_name: str) -> models.GeneratedField:
    """An amount column, 0 until the fact is there."""
    return models.GeneratedField(
        verbose_name=verbose_name,
        expression=Coalesce(Cast(KT(f"facts__{name}"), models.BigIntegerField()), 0),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )


class Folded(models.Model):
    """The merged facts of one stream."""

    stream = models.TextField(primary_key=True)
    version = models.IntegerField()
    last_event = models.TextField()
    facts = models.JSONField()
    first_at = models.DateTimeField("opened")
    last_at = models.DateTimeField("last event")

    class Meta:
        abstract = True


class PayRun(Folded):
    """One pay period's pay for some employers on one day."""

    run = fact("run", models.UUIDField())
    kind = fact("kind")
    period_start = fact("period_start")
    period_end = fact("period_end")
    pay_date = fact("pay_date")
    opened_by = fact("opened_by")
    rules_version = fact("rules_version", verbose_name="rule tables")
    code_version = fact("code_version")

    class Meta:
        verbose_name = "pay run"
        ordering = ["-first_at"]
        indexes = [models.Index("run", name="payrun_by_run")]
        permissions = [
            ("open_payrun", "Can open a pay run"),
            ("pause_payrun", "Can pause and resume a pay run"),
            ("cancel_payrun", "Can cancel a pay run"),
            ("undo_payrun", "Can undo what a pay run has paid, with a second person"),
            ("correct_payrun", "Can open a correction of what a pay run has paid, or dismiss a proposed one"),
        ]

    def __str__(self) -> str:
        return f"{self.period_start} to {self.period_end}, paid {self.pay_date}"

    @property
    def complete(self) -> bool:
        """Whether the run is over: every employer of it has been paid, or was cancelled."""
        return self.last_event == "PayRunCompleted"

    @property
    def state(self) -> str:
        """Where it stands, in a word: running, paused, complete, being cancelled, cancelled."""
        if "cancelled_by" in self.facts:
            return "cancelled" if self.complete else "being cancelled"
        if self.complete:
            return "complete"
        return "paused" if self.facts.get("paused") else "running"


# What a person calls the state in which the last event has left an employer's run.
STATES = {
    "EmployerRunOpened": "opened",
    "EmployerRunBegan": "calculating",
    "InputsCorrected": "calculating",
    "EmployerRunReleased": "calculating",
    "EmployerRunValidated": "waits for approval",
    "EmployerRunApproved": "approved",
    "EmployerRunApprovalVoided": "approval void",
    "PaymentFileTimed": "approved",
    "SettlementPostponed": "approved",
    "PaymentsInstructed": "paying",
    "MoneyMoved": "paid",
    "EmployerRunCompleted": "complete",
    "EmployerRunCancelled": "cancelled",
    "EmployerRunUndone": "undone",
}


class EmployerRun(Folded):
    """One employer's part of a pay run."""

    run = fact("run", models.UUIDField())
    employer_run = fact("employer_run", models.UUIDField())
    employer = fact("employer")
    name = fact("name")
    period_start = fact("period_start")
    period_end = fact("period_end")
    pay_date = fact("pay_date")
    opened_by = fact("opened_by")
    approved_by = fact("approved_by")
    register_sha256 = fact("register_sha256")
    employees = cents("employees", "employees")
    excluded = cents("excluded", "left out")
    gross_cents = cents("total_gross_cents", "gross")
    employee_taxes_cents = cents("total_employee_taxes_cents", "employee taxes")
    employer_taxes_cents = cents("total_employer_taxes_cents", "employer taxes")
    match_cents = cents("total_match_cents", "match")
    net_cents = cents("total_net_cents", "net pay")
    payments = cents("payments", "payments")
    paid_cents = cents("paid_cents", "paid")

    class Meta:
        verbose_name = "employer run"
        ordering = ["-first_at", "employer"]
        indexes = [
            models.Index("run", name="employerrun_by_run"),
            models.Index("employer_run", name="employerrun_by_id"),
        ]
        constraints = [
            # Maker and checker differ, whatever path an approval took.
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("opened_by")),
                name="approver_is_not_opener",
            )
        ]
        permissions = [
            ("approve_employerrun", "Can approve an employer's run"),
            ("release_employerrun", "Can let an employer's run go on without those who wait"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.employer}), paid {self.pay_date}"

    @property
    def state(self) -> str:
        """Where it stands, in words; what was undone while it was paid comes to its end all the same."""
        return "undone" if "undone_by" in self.facts else STATES.get(self.last_event, self.last_event)


class Paycheck(Folded):
    """One person's pay for one period, with its lines in `facts`."""

    run = fact("run", models.UUIDField())
    employer_run = fact("employer_run", models.UUIDField())
    employer = fact("employer")
    employee_id = fact("employee_id")
    pay_date = fact("pay_date")
    gross_cents = cents("gross_cents", "gross")
    employee_taxes_cents = cents("employee_taxes_cents", "employee taxes")
    employer_taxes_cents = cents("employer_taxes_cents", "employer taxes")
    net_cents = cents("net_cents", "net pay")

    class Meta:
        ordering = ["-first_at", "stream"]
        indexes = [
            models.Index("employer_run", "employee_id", name="paycheck_of_employer_run"),
            models.Index("employer", "employee_id", "pay_date", name="paycheck_of_person"),
            models.Index(fields=["-first_at", "stream"], name="paychecks_latest"),
            # What is left to people of a run is asked at every look at it, and hardly any paycheck is void.
            models.Index(
                "employer_run", name="paycheck_voided", condition=models.Q(last_event="PaycheckVoided")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.employer}/{self.employee_id}, paid {self.pay_date}"


class YearToDate(models.Model):
    """What one employer paid one person in a calendar year, by pay date; the sum of the paychecks."""

    id = models.TextField(primary_key=True)
    employer = models.TextField()
    employee_id = models.TextField()
    year = models.IntegerField()
    paychecks = models.IntegerField()
    gross_cents = models.BigIntegerField("gross")
    supplemental_cents = models.BigIntegerField("of it, supplemental", default=0)
    fit_wages_cents = models.BigIntegerField("income tax wages")
    federal_income_tax_cents = models.BigIntegerField("federal income tax")
    fica_wages_cents = models.BigIntegerField("Social Security and Medicare wages")
    ss_taxable_cents = models.BigIntegerField("Social Security wages up to the base")
    social_security_cents = models.BigIntegerField("Social Security")
    medicare_cents = models.BigIntegerField("Medicare, additional included")
    state_income_tax_cents = models.BigIntegerField("state income tax")
    state_programmes_cents = models.BigIntegerField("state programmes", default=0)
    programme_wages_cents = models.JSONField("wages by state programme", default=dict)
    deferrals_cents = models.BigIntegerField("401(k) deferrals")
    catch_up_cents = models.BigIntegerField("of it, catch-up", default=0)
    hsa_cents = models.BigIntegerField("HSA", default=0)
    dependent_care_cents = models.BigIntegerField("dependent care", default=0)
    match_cents = models.BigIntegerField("match")
    net_cents = models.BigIntegerField("net pay")

    class Meta:
        verbose_name = "year to date"
        verbose_name_plural = "years to date"
        ordering = ["employer", "employee_id", "-year"]

    def __str__(self) -> str:
        return f"{self.employer}/{self.employee_id}, {self.year}"


class Notification(models.Model):
    """Something that was told to an employer or an employee; written once, by key."""

    id = models.UUIDField(primary_key=True)
    topic = models.TextField()
    employer_run = models.UUIDField()
    employer = models.TextField()
    employee_id = models.TextField(blank=True)
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index("employer_run", name="notification_of_employer_run")]

    def __str__(self) -> str:
        return f"{self.topic}: {self.message}"
