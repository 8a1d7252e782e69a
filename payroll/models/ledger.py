"""The ledger's tables, folded from the log (payroll/ledger/). The database holds every transaction to its balance."""

from django.db import models
from django.db.models import Q


class LedgerTransaction(models.Model):
    """What one event means in money: two legs or more, whose sum is zero."""

    id = models.TextField(primary_key=True, help_text="The event that posted it: its stream and version.")
    stream = models.TextField()
    version = models.IntegerField()
    event = models.TextField()
    employer = models.TextField()
    run = models.UUIDField()
    employer_run = models.UUIDField()
    order_key = models.TextField(blank=True, help_text="The payment order it is about, if any.")
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name = "ledger transaction"
        ordering = ["-recorded_at", "id"]
        indexes = [
            models.Index("run", "employer", name="ledger_of_run"),
            models.Index("employer_run", name="ledger_of_employer_run"),
            models.Index("employer", name="ledger_of_employer"),
            models.Index(fields=["-recorded_at", "id"], name="ledger_latest"),
        ]

    def __str__(self) -> str:
        return self.id


class LedgerLeg(models.Model):
    """One amount on one account: a debit above zero, a credit below."""

    pk = models.CompositePrimaryKey("transaction_id", "number")
    transaction = models.ForeignKey(
        LedgerTransaction, on_delete=models.DO_NOTHING, related_name="legs", db_index=False
    )
    number = models.IntegerField(help_text="Its place in the transaction; debits come first.")
    account = models.TextField()
    amount_cents = models.BigIntegerField("amount")

    class Meta:
        verbose_name = "ledger leg"
        ordering = ["transaction_id", "number"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount_cents=0), name="ledger_leg_is_not_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_cents}"
