"""The tables of payroll: the roster that people bring, and the read models folded from the log."""

from payroll.models.read import EmployerRun, Notification, Paycheck, PayRun, YearToDate
from payroll.models.roster import Employee, Employer, PayCalendar, TimeEntry

__all__ = [
    "Employee",
    "Employer",
    "EmployerRun",
    "Notification",
    "PayCalendar",
    "PayRun",
    "Paycheck",
    "TimeEntry",
    "YearToDate",
]
