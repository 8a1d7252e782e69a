"""Who is paid, by whom, and when: the roster as it stands today.

The roster may change at any time. A pay run never reads it after it opened: it reads the manifest,
which froze the rows it was given. SSNs and account numbers are stored only as ciphertext
(`payroll.crypto`), with their last four characters beside it for the screen.
"""

from decimal import Decimal
from typing import Any

from django.core.validators import RegexValidator
from django.db import models

from payroll import crypto

ZERO = Decimal(0)
DOLLARS: Any = {"max_digits": 12, "decimal_places": 2, "default": ZERO}


class PayFrequency(models.TextChoices):
    """How often an employer pays."""

    WEEKLY = "weekly", "Weekly"
    BIWEEKLY = "biweekly", "Every two weeks"
    SEMIMONTHLY = "semimonthly", "Twice a month"
    MONTHLY = "monthly", "Monthly"


class RetirementPlan(models.TextChoices):
    """Formula of the employer's match."""

    NONE = "none", "No plan"
    BASIC_SAFE_HARBOR = "basic_safe_harbor", "Basic safe harbor: 100% of 3%, 50% of the next 2%"
    ENHANCED_4 = "enhanced_4", "Enhanced safe harbor: 100% of 4%"
    QACA = "qaca", "QACA safe harbor: 100% of 1%, 50% of the next 5%"
    HALF_OF_6 = "half_of_6", "50% of 6%"
    FULL_OF_6 = "full_of_6", "100% of 6%"


class PayBasis(models.TextChoices):
    """What the pay rate is per."""

    HOURLY = "hourly", "Paid by the hour"
    SALARY = "salary", "Yearly salary"


class W4Version(models.TextChoices):
    """Which Form W-4 the employee signed."""

    FROM_2020 = "2020+", "2020 or later"
    BEFORE_2020 = "pre2020", "2019 or earlier"


class FilingStatus(models.TextChoices):
    """Filing status as it is marked on the form: the first four on a new one, the rest on an old one."""

    SINGLE = "single", "Single"
    MARRIED_SEPARATELY = "mfs", "Married filing separately"
    MARRIED_JOINTLY = "mfj", "Married filing jointly"
    HEAD_OF_HOUSEHOLD = "hoh", "Head of household"
    MARRIED = "married", "Married (form of 2019 or earlier)"
    MARRIED_HIGHER_SINGLE = "married_higher_single", "Married, but withhold at higher single rate"


class AccountType(models.TextChoices):
    """Kind of bank account a paycheck goes to."""

    CHECKING = "checking", "Checking"
    SAVINGS = "savings", "Savings"


class TimeKind(models.TextChoices):
    """What the hours were."""

    WORK = "work", "Worked"
    LEAVE = "leave", "Paid leave"
    HOLIDAY = "holiday", "Paid holiday"


class Workweek(models.IntegerChoices):
    """First day of the seven days that overtime is counted over (29 CFR 778.105)."""

    SUNDAY = 0, "Sunday"
    MONDAY = 1, "Monday"
    TUESDAY = 2, "Tuesday"
    WEDNESDAY = 3, "Wednesday"
    THURSDAY = 4, "Thursday"
    FRIDAY = 5, "Friday"
    SATURDAY = 6, "Saturday"


KEY = RegexValidator(r"^[A-Za-z0-9_-]{1,32}\Z", "Up to 32 letters, digits, hyphens and underscores.")
EIN = RegexValidator(r"^[0-9]{2}-[0-9]{7}\Z", "Nine digits as NN-NNNNNNN.")
ROUTING = RegexValidator(r"^[0-9]{9}\Z", "Nine digits.")


class Funding(models.TextChoices):
    """How a payment file itself takes its money from the employer's account."""

    DEBIT = "debit", "A debit over the sum of the file"
    OFFSET = "offset", "Every batch is balanced"


class Employer(models.Model):
    """A legal entity that pays people, and the account it funds their pay from."""

    id = models.CharField(
        "employer ID",
        max_length=32,
        primary_key=True,
        validators=[KEY],
        help_text="Your key for this employer.",
    )
    name = models.CharField("legal name", max_length=120)
    ein = models.CharField(
        "EIN",
        max_length=10,
        validators=[EIN],
        help_text="Employer identification number, NN-NNNNNNN.",
    )
    state = models.CharField("state", max_length=2, help_text="Two-letter postal code.")
    pay_frequency = models.CharField("pay frequency", max_length=12, choices=PayFrequency)
    retirement_plan = models.CharField(
        "retirement plan",
        max_length=20,
        choices=RetirementPlan,
        default=RetirementPlan.NONE,
        help_text="What the employer adds to an employee's 401(k) deferral.",
    )
    workweek_start = models.SmallIntegerField(
        "workweek starts on",
        choices=Workweek,
        default=Workweek.SUNDAY,
        help_text="Overtime is counted over the seven days from this one.",
    )
    routing_number = models.CharField(
        "bank routing number", max_length=9, validators=[ROUTING], help_text="Bank that funds the payroll."
    )
    account_ciphertext = models.TextField("funding account, encrypted", editable=False)
    account_last4 = models.CharField("funding account, last four", max_length=4, editable=False)
    funding = models.CharField(
        "payment files debit it",
        max_length=6,
        choices=Funding,
        blank=True,
        default="",
        help_text="Empty where the bank debits it by an arrangement of its own.",
    )

    class Meta:
        ordering = ["id"]
        # Deferred here and for SSNs, so that one import can correct two numbers that were swapped.
        constraints = [
            models.UniqueConstraint(fields=["ein"], name="ein_once", deferrable=models.Deferrable.DEFERRED),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @property
    def account_masked(self) -> str:
        """Funding account for the screen: its last four characters."""
        return masked(self.account_last4)

    @property
    def account_context(self) -> str:
        """What the funding account's ciphertext is bound to."""
        return crypto.context("employer", "account", self.id)


class PayCalendar(models.Model):
    """When an employer's pay periods begin and how long after their end people are paid."""

    employer = models.OneToOneField(
        Employer, on_delete=models.CASCADE, primary_key=True, related_name="calendar", verbose_name="employer"
    )
    frequency = models.CharField("pay frequency", max_length=12, choices=PayFrequency)
    anchor = models.DateField(
        "counted from",
        help_text="First day of any pay period; weekly and two-week periods are counted from it, both ways.",
    )
    pay_lag_days = models.PositiveSmallIntegerField(
        "days from period end to payday",
        help_text="A payday on a weekend or bank holiday moves to the banking day before.",
    )
    starts_on = models.DateField(
        "first period", help_text="First day of the first period that the schedule opens by itself."
    )

    class Meta:
        ordering = ["employer"]

    def __str__(self) -> str:
        return f"{self.employer_id}: {self.get_frequency_display()}"


class Employee(models.Model):
    """A person as their employer pays them: rate, Form W-4, deferrals and bank account."""

    id = models.BigAutoField(primary_key=True)
    employer = models.ForeignKey(
        Employer, on_delete=models.PROTECT, related_name="employees", verbose_name="employer", db_index=False
    )
    employee_id = models.CharField(
        "employee ID",
        max_length=32,
        validators=[KEY],
        help_text="Your key for this person, unique within the employer.",
    )
    first_name = models.CharField("first name", max_length=60)
    last_name = models.CharField("last name", max_length=60)
    job_title = models.CharField("job title", max_length=120, blank=True, default="")
    ssn_ciphertext = models.TextField("SSN, encrypted", editable=False)
    ssn_last4 = models.CharField("SSN, last four", max_length=4, editable=False)
    ssn_index = models.CharField(
        "SSN, search key",
        max_length=64,
        editable=False,
        help_text="Finds equal numbers without decrypting them.",
    )
    birth_date = models.DateField("date of birth")
    hire_date = models.DateField("hired on")
    termination_date = models.DateField("left on", null=True, blank=True, help_text="Last day of employment.")

    pay_basis = models.CharField("paid by", max_length=6, choices=PayBasis)
    pay_rate = models.DecimalField(
        "pay rate",
        max_digits=12,
        decimal_places=4,
        help_text="Dollars per hour, or dollars per year for a salary.",
    )
    standard_weekly_hours = models.DecimalField("standard hours a week", max_digits=5, decimal_places=2)
    flsa_exempt = models.BooleanField(
        "exempt from overtime", help_text="Exempt under the Fair Labor Standards Act."
    )
    work_state = models.CharField("works in", max_length=2, help_text="Two-letter postal code of the state.")

    w4_version = models.CharField("Form W-4 of", max_length=7, choices=W4Version)
    filing_status = models.CharField("filing status", max_length=21, choices=FilingStatus)
    step2_checkbox = models.BooleanField(
        "step 2(c): two jobs",
        default=False,
        help_text="The box for multiple jobs or a working spouse is marked.",
    )
    step3 = models.DecimalField("step 3: credits", **DOLLARS, help_text="Dollars a year.")
    step4a = models.DecimalField("step 4(a): other income", **DOLLARS, help_text="Dollars a year.")
    step4b = models.DecimalField("step 4(b): deductions", **DOLLARS, help_text="Dollars a year.")
    step4c = models.DecimalField("step 4(c): extra withholding", **DOLLARS, help_text="Dollars a pay period.")
    allowances = models.PositiveSmallIntegerField(
        "allowances", default=0, help_text="Number claimed on a Form W-4 of 2019 or earlier."
    )
    additional_withholding = models.DecimalField(
        "additional withholding",
        **DOLLARS,
        help_text="Dollars a pay period, on a Form W-4 of 2019 or earlier.",
    )

    traditional_401k_percent = models.DecimalField(
        "traditional 401(k), percent",
        max_digits=5,
        decimal_places=2,
        default=ZERO,
        help_text="Of gross pay, before tax.",
    )
    roth_401k_percent = models.DecimalField(
        "Roth 401(k), percent",
        max_digits=5,
        decimal_places=2,
        default=ZERO,
        help_text="Of gross pay, after tax.",
    )
    section125_per_period = models.DecimalField(
        "section 125 benefits",
        **DOLLARS,
        help_text="Dollars a pay period, before tax (cafeteria plan, health insurance).",
    )

    # All of it empty for whoever names another place for the rest of their pay (DepositDestination).
    routing_number = models.CharField("bank routing number", max_length=9, validators=[ROUTING], blank=True)
    account_ciphertext = models.TextField("bank account, encrypted", editable=False)
    account_last4 = models.CharField("bank account, last four", max_length=4, editable=False)
    account_type = models.CharField("account type", max_length=8, choices=AccountType, blank=True)

    class Meta:
        ordering = ["employer", "employee_id"]
        constraints = [
            models.UniqueConstraint(fields=["employer", "employee_id"], name="employee_id_once_per_employer"),
            models.UniqueConstraint(
                fields=["employer", "ssn_index"],
                name="ssn_once_per_employer",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=models.Q(pay_rate__gt=0), name="pay_rate_above_zero"),
            models.CheckConstraint(
                condition=models.Q(routing_number="", account_ciphertext="", account_type="")
                | ~models.Q(routing_number="")
                & ~models.Q(account_ciphertext="")
                & ~models.Q(account_type=""),
                name="account_whole_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name} ({self.employee_id})"

    @property
    def ssn_masked(self) -> str:
        """SSN for the screen: its last four digits."""
        return f"***-**-{self.ssn_last4}"

    @property
    def account_masked(self) -> str:
        """Bank account for the screen: its last four characters."""
        return masked(self.account_last4)

    @property
    def ssn_context(self) -> str:
        """What this person's SSN ciphertext is bound to."""
        return crypto.context("employee", "ssn", self.employer_id, self.employee_id)

    @property
    def account_context(self) -> str:
        """What this person's account ciphertext is bound to."""
        return crypto.context("employee", "account", self.employer_id, self.employee_id)


class TimeEntry(models.Model):
    """Hours of one kind on one day for one person."""

    id = models.BigAutoField(primary_key=True)
    employee = models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        related_name="time_entries",
        verbose_name="employee",
        db_index=False,
    )
    work_date = models.DateField("day")
    hours = models.DecimalField("hours", max_digits=5, decimal_places=2)
    kind = models.CharField("kind of time", max_length=7, choices=TimeKind)
    rate = models.DecimalField(
        "other rate",
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Dollars per hour, where this work is paid at another rate than the person's own.",
    )

    class Meta:
        verbose_name_plural = "time entries"
        ordering = ["employee", "work_date", "id"]
        indexes = [models.Index(fields=["employee", "work_date"], name="time_entry_by_person_and_day")]
        constraints = [
            models.CheckConstraint(condition=models.Q(hours__gt=0, hours__lte=24), name="hours_within_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.work_date} {self.hours} h {self.kind}"


def masked(last4: str) -> str:
    """Dots and the last four characters, as accounts appear on screen and stub; "" when nothing is stored."""
    return f"••••{last4}" if last4 else ""
