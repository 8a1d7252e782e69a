"""The tables of payroll: the roster that people bring, and the read models folded from the log."""

from payroll.models.approval import Approval
from payroll.models.late import LateChange, TouchedPaycheck
from payroll.models.ledger import LedgerLeg, LedgerTransaction
from payroll.models.pay import Deduction, DepositDestination, Garnishment, PayItem, TaxForm
from payroll.models.payments import Decision, Payment, PayOrder, Recovery, Reservation
from payroll.models.read import EmployerRun, Notification, Paycheck, PayRun, YearToDate
from payroll.models.roster import Employee, Employer, PayCalendar, TimeEntry

__all__ = [
    "Approval",
    "Decision",
    "Deduction",
    "DepositDestination",
    "Employee",
    "Employer",
    "EmployerRun",
    "Garnishment",
    "LateChange",
    "LedgerLeg",
    "LedgerTransaction",
    "Notification",
    "PayCalendar",
    "PayItem",
    "PayOrder",
    "PayRun",
    "Paycheck",
    "Payment",
    "Recovery",
    "Reservation",
    "TaxForm",
    "TimeEntry",
    "TouchedPaycheck",
    "YearToDate",
]
