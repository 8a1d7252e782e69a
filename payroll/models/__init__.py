"""The tables of payroll: the roster that people bring, and the read models folded from the log."""

from payroll.models.approval import Approval
from payroll.models.pay import Deduction, Garnishment, PayItem, TaxForm
from payroll.models.read import EmployerRun, Notification, Paycheck, PayRun, YearToDate
from payroll.models.roster import Employee, Employer, PayCalendar, TimeEntry

__all__ = [
    "Approval",
    "Deduction",
    "Employee",
    "Employer",
    "EmployerRun",
    "Garnishment",
    "Notification",
    "PayCalendar",
    "PayItem",
    "PayRun",
    "Paycheck",
    "TaxForm",
    "TimeEntry",
    "YearToDate",
]
