"""Payments and the orders that carry them: read models, and the rows that hold a payment to what was decided."""

from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KT

from payroll.models.read import Folded, cents, fact


class PayOrder(Folded):
    """One file to the bank, and what has become of it."""

    order = fact("order", models.UUIDField())
    kind = fact("kind")
    run = fact("run", models.UUIDField())
    employer_run = fact("employer_run", models.UUIDField())
    employer = fact("employer")
    pay_date = fact("pay_date")
    effective = fact("effective")
    object = fact("object")
    gateway = fact("gateway")
    bank_reference = fact("bank_reference")
    settled_on = fact("settled_on")
    entries = cents("entries", "entries")
    credits_cents = cents("credits_cents", "credits")
    debits_cents = cents("debits_cents", "debits")
    accepted_cents = cents("accepted_cents", "accepted")

    class Meta:
        verbose_name = "payment order"
        ordering = ["-first_at", "stream"]
        indexes = [
            models.Index("run", name="order_of_run"),
            models.Index("employer_run", name="order_of_employer_run"),
        ]
        permissions = [
            ("halt_payments", "Can stop all sending of payments"),
            ("resume_payments", "Can let payments go out again"),
            ("decide_payorder", "Can decide about an order with a second person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.employer}, paid {self.pay_date}"

    @property
    def state(self) -> str:
        """Where it stands, in a word (payments/orders.py)."""
        return str(self.facts["state"])


class Payment(models.Model):
    """One amount to one account, or one check.

    state_of_its_own   returned or reversed; empty while it has the state of its order
    """

    payment = models.UUIDField(primary_key=True)
    paycheck = models.TextField()
    run = models.UUIDField()
    employer_run = models.UUIDField()
    employer = models.TextField()
    employee_id = models.TextField()
    pay_date = models.TextField()
    part = models.IntegerField()
    method = models.TextField()
    amount_cents = models.BigIntegerField("amount")
    order = models.UUIDField(null=True)
    trace = models.TextField(blank=True)
    state_of_its_own = models.TextField(blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["employer", "employee_id", "part"]
        indexes = [
            models.Index("employer_run", "employee_id", name="payment_of_employer_run"),
            models.Index("order", name="payment_of_order"),
            models.Index("employer", "employee_id", name="payment_of_person"),
            models.Index("run", name="payment_of_run"),
            models.Index("trace", name="payment_of_trace"),
            # Reversals are few; without an index of their own, each import of returns reads every payment there is.
            models.Index(
                KT("facts__reversal_trace"),
                name="payment_of_reversal_trace",
                condition=Q(facts__has_key="reversal_trace"),
            ),
        ]
        permissions = [
            ("import_bankfile", "Can import what the bank sends back"),
            ("change_payaccount", "Can change an account as the bank asks, after somebody else imported it"),
            ("settle_by_hand", "Can record that what is left to people is done"),
        ]

    def __str__(self) -> str:
        return f"{self.employer}/{self.employee_id}, paid {self.pay_date}"


class Recovery(Folded):
    """Net pay that an employee owes back, taken from later pay."""

    recovery = fact("recovery", models.UUIDField())
    run = fact("run", models.UUIDField())
    employer = fact("employer")
    employee_id = fact("employee_id")
    amount_cents = cents("amount_cents", "amount")

    class Meta:
        verbose_name_plural = "recoveries"
        ordering = ["first_at", "stream"]
        indexes = [models.Index("employer", "employee_id", name="recovery_of_person")]

    def __str__(self) -> str:
        return f"{self.employer}/{self.employee_id} owes back"


class Reservation(models.Model):
    """What an order may move, held against the caps before anything is sent."""

    order = models.UUIDField(primary_key=True)
    kind = models.TextField()
    run = models.UUIDField()
    employer_run = models.UUIDField()
    employer = models.TextField()
    effective = models.DateField()
    amount_cents = models.BigIntegerField("amount")
    reserved_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index("effective", name="reserved_for_day"),
            models.Index("run", name="reserved_for_run"),
            models.Index("employer", "effective", name="reserved_for_employer"),
        ]

    def __str__(self) -> str:
        return f"{self.employer}, {self.effective}"


class Decision(models.Model):
    """What two people decided about money: the second is never the first, whatever path the decision took."""

    id = models.UUIDField(primary_key=True)
    subject = models.TextField()
    decision = models.TextField()
    maker = models.TextField()
    checker = models.TextField()
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index("subject", name="decision_about")]
        constraints = [
            models.CheckConstraint(condition=~Q(maker=F("checker")), name="decision_checker_is_not_maker")
        ]

    def __str__(self) -> str:
        return f"{self.decision}: {self.subject}"
