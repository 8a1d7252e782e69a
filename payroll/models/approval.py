"""Approvals, beside the log: the database itself keeps maker and checker apart."""

from django.db import models
from django.db.models.functions import Now


class Approval(models.Model):
    """One person's approval of what another has opened, written in the transaction that appends it to the log.

    The log cannot compare two events. So each approval has a row, whose maker the database reads from the log.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    employer_run = models.UUIDField()
    maker = models.TextField()
    checker = models.TextField()
    register_sha256 = models.TextField()
    approved_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index("employer_run", name="approval_of_employer_run")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(maker=models.F("checker")) & ~models.Q(maker="") & ~models.Q(checker=""),
                name="maker_is_not_checker",
            )
        ]

    def __str__(self) -> str:
        return f"{self.employer_run}, approved by {self.checker}"
