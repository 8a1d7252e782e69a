"""Control totals: an employer's run added up from the log, and held against its manifest."""

from typing import NamedTuple

from django.db import connection

from payroll import keys
from payroll.calc.money import dollars
from payroll.projections import statement

CONTROL_TOTALS = statement("control_totals")


class ControlTotals(NamedTuple):
    """Counts, sums in cents and one hash over the paychecks of an employer's run, from the log."""

    completed: int
    excluded: int
    carried_over: int
    voided: int
    no_hours: int
    payable: int
    hours_hundredths: int
    gross_cents: int
    reimbursement_cents: int
    deductions_cents: int
    employee_taxes_cents: int
    employer_taxes_cents: int
    match_cents: int
    net_cents: int
    register_sha256: str


def control_totals(employer_run: str) -> ControlTotals:
    """Add up the paychecks of one employer's run."""
    with connection.cursor() as cursor:
        cursor.execute(CONTROL_TOTALS, {"prefix": keys.paycheck_prefix(employer_run)})
        *numbers, register_sha256 = cursor.fetchone()
    return ControlTotals._make([*map(int, numbers), register_sha256])


def disagreements(employees: int, hours_hundredths: int, totals: ControlTotals) -> list[str]:
    """What does not agree between the manifest and the paychecks; empty when everything does."""
    wrong = []
    out = totals.excluded + totals.carried_over + totals.voided
    if totals.completed + out != employees:
        wrong.append(
            f"{employees} in the manifest, {totals.completed} completed, {totals.excluded} left out, "
            f"{totals.carried_over} carried over and {totals.voided} voided"
        )
    if totals.completed == 0:
        wrong.append("nobody is left to pay: a run with nobody in it is not completed")
    if not out and totals.hours_hundredths != hours_hundredths:
        wrong.append(
            f"{hours_hundredths / 100:.2f} hours in the manifest, {totals.hours_hundredths / 100:.2f} paid"
        )
    net_cents = totals.gross_cents - totals.deductions_cents - totals.employee_taxes_cents
    net_cents += totals.reimbursement_cents
    if net_cents != totals.net_cents:
        wrong.append(
            f"gross less deductions and taxes, with reimbursements, is {dollars(net_cents)}, "
            f"net pay {dollars(totals.net_cents)}"
        )
    return wrong
