"""Late changes: what the roster says by now of paychecks that a run has taken otherwise."""

from django.db import models

from payroll.models.read import Folded, fact


class LateChange(Folded):
    """What an import has changed of one person after a run took their inputs; payroll/late/changes.py says its states.

    taken_part   the employer's part of the correction that was opened for it
    """

    run = fact("run", models.UUIDField())
    employer_run = fact("employer_run", models.UUIDField())
    employer = fact("employer")
    employee_id = fact("employee_id")
    pay_date = fact("pay_date")
    state = fact("state")
    taken_run = fact("taken_run", models.UUIDField())
    taken_part = fact("taken_part", models.UUIDField())

    class Meta:
        ordering = ["-pay_date", "employer", "employee_id"]
        indexes = [
            models.Index("run", "employer", name="late_change_of_run"),
            models.Index("state", name="late_change_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.employer}/{self.employee_id}, paid {self.pay_date}"


class TouchedPaycheck(models.Model):
    """A paycheck whose inputs an import may have changed, and nobody has compared yet; the row goes when it is done.

    touches   how often; whoever compares deletes the row only as often as it was seen touched
    """

    id = models.BigAutoField(primary_key=True)
    employer_run = models.UUIDField()
    employee_id = models.TextField()
    touches = models.IntegerField()
    touched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["employer_run", "employee_id"], name="touched_paycheck_once")
        ]

    def __str__(self) -> str:
        return f"{self.employer_run}+{self.employee_id}"
