"""What a person's pay needs besides rate and hours: single payments, deductions, court orders, further forms.

All of it is optional, comes with the roster (`payroll.roster.pay_columns`) and is frozen in a run's manifest
by `payroll.pay_inputs`. Amounts are dollars; a pay run counts in cents.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q

from payroll import crypto
from payroll.models.roster import ROUTING, ZERO, AccountType, Employee, masked

AMOUNT: Any = {"max_digits": 12, "decimal_places": 2}


class PayItemKind(models.TextChoices):
    """What is paid besides wages."""

    BONUS = "bonus", "Bonus"
    DISCRETIONARY_BONUS = "discretionary_bonus", "Discretionary bonus"
    COMMISSION = "commission", "Commission"
    RETRO = "retro", "Retroactive pay"
    REIMBURSEMENT = "reimbursement", "Reimbursement"


class DeductionKind(models.TextChoices):
    """What is taken from pay because the person asked for it."""

    HSA_SELF = "hsa_self", "HSA, self only"
    HSA_FAMILY = "hsa_family", "HSA, family"
    DEPENDENT_CARE = "dependent_care", "Dependent care"
    POST_TAX = "post_tax", "After tax"


class GarnishmentKind(models.TextChoices):
    """Who has a claim on the pay."""

    SUPPORT = "support", "Support"
    SUPPORT_ARREARS = "support_arrears", "Support arrears"
    MEDICAL_SUPPORT = "medical_support", "Medical support"
    BANKRUPTCY = "bankruptcy", "Bankruptcy"
    FEDERAL_LEVY = "federal_levy", "Federal tax levy"
    STUDENT_LOAN = "student_loan", "Student loan"
    FEDERAL_AGENCY = "federal_agency", "Federal agency debt"
    STATE_LEVY = "state_levy", "State tax levy"
    CREDITOR = "creditor", "Creditor"
    WAGE_ASSIGNMENT = "wage_assignment", "Wage assignment"


class NonresidentTable(models.TextChoices):
    """Which amounts of Pub. 15-T are added to the wages of a nonresident alien."""

    TABLE_1 = "table1", "Table 1"
    TABLE_2 = "table2", "Table 2"


class DepositKind(models.TextChoices):
    """How much of net pay a destination gets."""

    AMOUNT = "amount", "Fixed amount"
    PERCENT = "percent", "Percent of net pay"
    REMAINDER = "remainder", "Remainder"


class PaymentMethod(models.TextChoices):
    """How money reaches a destination."""

    ACH = "ach", "Direct deposit"
    CHECK = "check", "Paper check"


def belongs_to(name: str, **options: Any) -> "models.ForeignKey[Employee, Employee]":
    """The person of a row; the index beside it begins with the person."""
    return models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        related_name=name,
        verbose_name="employee",
        db_index=False,
        **options,
    )


class PayItem(models.Model):
    """One payment besides wages, paid in the period that contains its date."""

    id = models.BigAutoField(primary_key=True)
    employee = belongs_to("pay_items")
    item_date = models.DateField("day", help_text="Paid in the period that contains this day.")
    kind = models.CharField("kind", max_length=19, choices=PayItemKind)
    amount = models.DecimalField("amount", **AMOUNT)
    earned_from = models.DateField(
        "earned from",
        null=True,
        blank=True,
        help_text="First day over which a bonus or commission was earned.",
    )
    earned_to = models.DateField(
        "earned to", null=True, blank=True, help_text="Last day over which a bonus or commission was earned."
    )
    reference = models.CharField("reference", max_length=40, blank=True, default="")

    class Meta:
        ordering = ["employee", "item_date", "id"]
        indexes = [models.Index(fields=["employee", "item_date"], name="pay_item_by_person_and_day")]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="pay_item_above_zero"),
            models.CheckConstraint(
                condition=Q(earned_from=None, earned_to=None)
                | Q(kind__in=(PayItemKind.BONUS, PayItemKind.COMMISSION), earned_from__lte=F("earned_to")),
                name="pay_item_earned_over_days",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_date} {self.kind} {self.amount}"


class Deduction(models.Model):
    """An amount that is taken from every paycheck between two days."""

    id = models.BigAutoField(primary_key=True)
    employee = belongs_to("deductions")
    kind = models.CharField("kind", max_length=14, choices=DeductionKind)
    name = models.CharField("name", max_length=40)
    amount = models.DecimalField("amount", **AMOUNT, help_text="Dollars a pay period.")
    start_date = models.DateField("from", help_text="First pay date.")
    end_date = models.DateField("to", null=True, blank=True, help_text="Last pay date.")

    class Meta:
        ordering = ["employee", "name"]
        constraints = [
            models.UniqueConstraint(fields=["employee", "name"], name="deduction_once_per_person"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="deduction_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.amount}"


class Garnishment(models.Model):
    """A court order or levy on a person's pay."""

    id = models.BigAutoField(primary_key=True)
    employee = belongs_to("garnishments")
    order_id = models.CharField("order", max_length=32)
    kind = models.CharField("kind", max_length=15, choices=GarnishmentKind)
    amount = models.DecimalField("amount", **AMOUNT, null=True, blank=True, help_text="Dollars a pay period.")
    percent = models.DecimalField("percent", max_digits=5, decimal_places=2, null=True, blank=True)
    balance = models.DecimalField(
        "balance", **AMOUNT, null=True, blank=True, help_text="What is still owed in all."
    )
    received_date = models.DateField("received")
    end_date = models.DateField("to", null=True, blank=True, help_text="Last pay date.")
    supports_other_family = models.BooleanField(
        "supports another spouse or child", null=True, blank=True, help_text="Orders for support only."
    )
    arrears_over_12_weeks = models.BooleanField(
        "arrears over 12 weeks", null=True, blank=True, help_text="Orders for support only."
    )
    filing_status = models.CharField(
        "filing status",
        max_length=6,
        blank=True,
        default="",
        help_text="On the statement returned with a federal levy.",
    )
    dependents = models.PositiveSmallIntegerField(
        "dependents", null=True, blank=True, help_text="On the statement returned with a federal levy."
    )
    exempt = models.DecimalField(
        "exempt",
        **AMOUNT,
        null=True,
        blank=True,
        help_text="Dollars a pay period that a federal levy leaves; empty goes by the statement.",
    )
    minimum_wage = models.DecimalField(
        "minimum wage",
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Dollars an hour at the place of work, for creditors in a state that limits by it.",
    )

    case_id = models.CharField(
        "case", max_length=20, blank=True, default="", help_text="The agency's number."
    )
    fips_code = models.CharField("FIPS code", max_length=7, blank=True, default="")
    medical_support = models.CharField(
        "medical support",
        max_length=1,
        blank=True,
        default="",
        help_text="Y or N: whether it is available through the employer; W where it is waived.",
    )
    payee_name = models.CharField("remitted to", max_length=40, blank=True, default="")
    payee_routing_number = models.CharField(
        "payee's routing number", max_length=9, validators=[ROUTING], blank=True, default=""
    )
    account_ciphertext = models.TextField(
        "payee's account, encrypted", editable=False, blank=True, default=""
    )
    account_last4 = models.CharField(
        "payee's account, last four", max_length=4, editable=False, blank=True, default=""
    )

    class Meta:
        ordering = ["employee", "received_date", "order_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(case_id="", medical_support="", payee_name="")
                & Q(payee_routing_number="", account_ciphertext="")
                | ~Q(case_id="")
                & ~Q(medical_support="")
                & ~Q(payee_name="")
                & ~Q(payee_routing_number="")
                & ~Q(account_ciphertext=""),
                name="order_remitted_whole_or_not",
            ),
            models.UniqueConstraint(fields=["employee", "order_id"], name="order_once_per_person"),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(percent=None), name="order_by_amount_or_percent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @property
    def account_masked(self) -> str:
        """The payee's account for the screen: its last four characters."""
        return masked(self.account_last4)

    @property
    def account_context(self) -> str:
        """What the account's ciphertext is bound to; ask for rows with their employee, it names them."""
        return payee_context(self.employee.employer_id, self.employee.employee_id, self.order_id)


class TaxForm(models.Model):
    """What a person's forms say beyond the Form W-4 of the roster; null and "" mean it was not given."""

    employee = models.OneToOneField(
        Employee,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="tax_form",
        verbose_name="employee",
    )
    w4_exempt = models.BooleanField("claims exemption on the W-4", default=False)
    nonresident_alien = models.CharField(
        "nonresident alien", max_length=6, choices=NonresidentTable, blank=True, default=""
    )
    lock_in_since = models.DateField("lock-in letter since", null=True, blank=True)
    lock_in_filing_status = models.CharField("lock-in filing status", max_length=6, blank=True, default="")
    lock_in_step2_checkbox = models.BooleanField("lock-in step 2(c)", default=False)
    lock_in_step3 = models.DecimalField("lock-in step 3", **AMOUNT, default=ZERO)
    lock_in_step4a = models.DecimalField("lock-in step 4(a)", **AMOUNT, default=ZERO)
    lock_in_step4b = models.DecimalField("lock-in step 4(b)", **AMOUNT, default=ZERO)
    lock_in_step4c = models.DecimalField("lock-in step 4(c)", **AMOUNT, default=ZERO)
    state_filing_status = models.CharField("state filing status", max_length=32, blank=True, default="")
    state_allowances = models.PositiveSmallIntegerField("state allowances", null=True, blank=True)
    state_further_allowances = models.PositiveSmallIntegerField(
        "further state allowances", null=True, blank=True
    )
    state_additional_withholding = models.DecimalField(
        "additional state withholding", **AMOUNT, null=True, blank=True, help_text="Dollars a pay period."
    )
    state_exempt = models.BooleanField("exempt from state withholding", null=True, blank=True)
    state_elected_rate_percent = models.DecimalField(
        "elected state rate", max_digits=7, decimal_places=4, null=True, blank=True, help_text="Percent."
    )
    state_deduction = models.DecimalField(
        "state deduction", **AMOUNT, null=True, blank=True, help_text="Dollars a year."
    )
    state_estimated_deduction_allowances = models.PositiveSmallIntegerField(
        "state allowances for estimated deductions", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lock_in_since=None, lock_in_filing_status="")
                | Q(lock_in_since__isnull=False) & ~Q(lock_in_filing_status=""),
                name="lock_in_letter_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"Tax forms of {self.employee}"


class DepositDestination(models.Model):
    """One of the places that a person's net pay is shared among; `payroll.calc.deposits` has the rule.

    Whoever has no remainder here has it in the bank account of their own record.
    """

    id = models.BigAutoField(primary_key=True)
    employee = belongs_to("deposits")
    priority = models.PositiveSmallIntegerField("priority", help_text="1 comes first.")
    kind = models.CharField("kind", max_length=9, choices=DepositKind)
    amount = models.DecimalField("amount", **AMOUNT, null=True, blank=True, help_text="Dollars a pay date.")
    percent = models.DecimalField(
        "percent", max_digits=5, decimal_places=2, null=True, blank=True, help_text="Of net pay."
    )
    method = models.CharField("method", max_length=5, choices=PaymentMethod)
    routing_number = models.CharField(
        "bank routing number", max_length=9, validators=[ROUTING], blank=True, default=""
    )
    account_ciphertext = models.TextField("bank account, encrypted", editable=False, blank=True, default="")
    account_last4 = models.CharField(
        "bank account, last four", max_length=4, editable=False, blank=True, default=""
    )
    account_type = models.CharField("account type", max_length=8, choices=AccountType, blank=True, default="")
    name = models.CharField(
        "name", max_length=40, blank=True, default="", help_text="What the person calls it."
    )

    class Meta:
        ordering = ["employee", "priority"]
        constraints = [
            models.UniqueConstraint(fields=["employee", "priority"], name="deposit_priority_once_per_person"),
            models.UniqueConstraint(
                fields=["employee"],
                condition=Q(kind=DepositKind.REMAINDER),
                name="deposit_one_remainder_per_person",
            ),
            models.CheckConstraint(
                # "is not null" is said, since a check that compares with null passes.
                condition=Q(kind=DepositKind.AMOUNT, amount__isnull=False, amount__gt=0, percent=None)
                | Q(
                    kind=DepositKind.PERCENT,
                    amount=None,
                    percent__isnull=False,
                    percent__gt=0,
                    percent__lte=100,
                )
                | Q(kind=DepositKind.REMAINDER, amount=None, percent=None),
                name="deposit_by_amount_percent_or_remainder",
            ),
            models.CheckConstraint(
                condition=Q(
                    method=PaymentMethod.CHECK, routing_number="", account_ciphertext="", account_type=""
                )
                | Q(method=PaymentMethod.ACH)
                & ~Q(routing_number="")
                & ~Q(account_ciphertext="")
                & ~Q(account_type=""),
                name="deposit_into_an_account_or_by_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority}: {self.get_kind_display()}"

    @property
    def account_masked(self) -> str:
        """Bank account for the screen: its last four characters."""
        return masked(self.account_last4)

    @property
    def account_context(self) -> str:
        """What the account's ciphertext is bound to; ask for rows with their employee, it names them."""
        return deposit_context(self.employee.employer_id, self.employee.employee_id, self.priority)


def deposit_context(employer_id: str, employee_id: str, priority: int) -> str:
    """What the account number of a destination is bound to, so that no two of a person's can be exchanged."""
    return crypto.context("deposit", f"account-{priority}", employer_id, employee_id)


def payee_context(employer_id: str, employee_id: str, order_id: str) -> str:
    """What the account that an order is remitted to is bound to, so that no two of a person's can be exchanged."""
    return crypto.context("garnishment", f"payee-account-{order_id}", employer_id, employee_id)
