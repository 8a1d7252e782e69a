"""The tables of payroll: the roster that people bring, and the read models folded from the log."""

from payroll.models.ledger import LedgerLeg, LedgerTransaction
from payroll.models.pay import Deduction, Garnishment, PayItem, TaxForm
from payroll.models.read import EmployerRun, Notification, Paycheck, PayRun, YearToDate
from payroll.models.roster import Employee, Employer, PayCalendar, TimeEntry

__all__ = [
    "Deduction",
    "Employee",
    "Employer",
    "EmployerRun",
    "Garnishment",
    "LedgerLeg",
    "LedgerTransaction",
    "Notification",
    "PayCalendar",
    "PayItem",
    "PayRun",
    "Paycheck",
    "TaxForm",
    "TimeEntry",
    "YearToDate",
]
