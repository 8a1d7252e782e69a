"""The roster files that people bring: read, checked as a whole, and loaded all or nothing.

    roster, findings = read(folder)                                      no database
    summary = import_folder(folder, dry_run=False, as_of=date.today())   raises RosterRefused

cells        what one cell may hold            files        bytes to rows
columns      the three files as data           pay_columns  the optional files as data
reading      what must hold between rows       pay_reading  the same for the optional files
references   keys, people and employers        findings     what is wrong, fit to be shown
deposits     direct_deposits.csv: columns, checks, load
loading      the difference to what is stored, in one transaction; pay_loading, timesheet and calendars: their part
"""

from payroll.roster.findings import Finding, Findings, RosterRefused
from payroll.roster.loading import import_folder, load
from payroll.roster.reading import Roster, read
from payroll.roster.summary import Counts, ImportSummary

__all__ = [
    "Counts",
    "Finding",
    "Findings",
    "ImportSummary",
    "Roster",
    "RosterRefused",
    "import_folder",
    "load",
    "read",
]
