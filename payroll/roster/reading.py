"""A folder of files -> a roster in which every row is good, or findings that say why not.

Checks here are those that need more than one row: keys that must be unique, references, a day's hours.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from payroll.roster import deposits
from payroll.roster.columns import EMPLOYEES, EMPLOYERS, TIME_ENTRIES, EmployeeRow, EmployerRow, TimeRow
from payroll.roster.deposits import DIRECT_DEPOSITS, DepositRow
from payroll.roster.files import table_rows
from payroll.roster.findings import Findings, shown
from payroll.roster.pay_columns import OPTIONAL_TABLES, DeductionRow, GarnishmentRow, PayItemRow, TaxFormRow
from payroll.roster.pay_reading import PayFiles
from payroll.roster.references import Person, Unique, known_employer, known_person

HOURS_IN_A_DAY = Decimal(24)
FILES = frozenset(
    table.file for table in (EMPLOYERS, EMPLOYEES, TIME_ENTRIES, *OPTIONAL_TABLES, DIRECT_DEPOSITS)
)


class Roster(NamedTuple):
    """The files as typed rows, in the order of the files; a file that is not there has none."""

    employers: list[EmployerRow]
    employees: list[EmployeeRow]
    time_entries: list[TimeRow]
    pay_items: list[PayItemRow]
    deductions: list[DeductionRow]
    garnishments: list[GarnishmentRow]
    tax_forms: list[TaxFormRow]
    direct_deposits: list[DepositRow]


def read(folder: Path) -> tuple[Roster, Findings]:
    """Read and check the files of a folder; the roster is whole only when there are no findings."""
    findings = Findings()
    employer_ids = Unique(EMPLOYERS, "employer_id", "", findings)
    people = Unique(EMPLOYEES, "employee_id", " of this employer", findings)
    paying = list(employers(folder, employer_ids, findings))
    paid = list(employees(folder, employer_ids, people, findings))
    time = list(time_entries(folder, employer_ids, people, findings))
    by_person = {(row.employer_id, row.employee_id): row for row in paid}
    files = PayFiles(folder, employer_ids, people, by_person, findings)
    roster = Roster(
        employers=paying,
        employees=paid,
        time_entries=time,
        pay_items=list(files.pay_items()),
        deductions=list(files.deductions()),
        garnishments=list(files.garnishments()),
        tax_forms=list(files.tax_forms()),
        direct_deposits=list(deposits.checked(files.rows(DIRECT_DEPOSITS), findings)),
    )
    deposits.accounts_given(paid, roster.direct_deposits, findings)
    if not employer_ids.lines and EMPLOYERS.file not in findings.unread:
        findings.add(EMPLOYERS.file, 0, "", "", "has no employer - at least one is needed")
    not_read(folder, findings)
    return roster, findings


def not_read(folder: Path, findings: Findings) -> None:
    """Warn of other CSV files: an optional file with its name misspelt would be left out in silence."""
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() == ".csv" and path.name not in FILES:
            problem = f"is not a roster file and was not read - the names are {', '.join(sorted(FILES))}"
            findings.warn(shown(path.name), 0, "", "", problem)


def employers(folder: Path, ids: Unique, findings: Findings) -> Iterator[EmployerRow]:
    """Rows of employers.csv; keys and EINs once."""
    eins = Unique(EMPLOYERS, "ein", "", findings)
    for row, bad in table_rows(folder / EMPLOYERS.file, EMPLOYERS, findings):
        if "employer_id" not in bad:
            ids.add(row.employer_id, row.line, row.employer_id)
        if "ein" not in bad:
            eins.add(row.ein, row.line, row.ein)
        yield row


def employees(folder: Path, ids: Unique, people: Unique, findings: Findings) -> Iterator[EmployeeRow]:
    """Rows of employees.csv; keys and SSNs once per employer, every employer known."""
    ssns = Unique(EMPLOYEES, "ssn", " of this employer", findings)
    for row, bad in table_rows(folder / EMPLOYEES.file, EMPLOYEES, findings):
        if "employer_id" not in bad:
            known_employer(EMPLOYEES, row, ids, findings)
            if "employee_id" not in bad:
                people.add((row.employer_id, row.employee_id), row.line, row.employee_id)
            if "ssn" not in bad:
                ssns.add((row.employer_id, row.ssn), row.line, row.ssn)
        yield row


def time_entries(folder: Path, ids: Unique, people: Unique, findings: Findings) -> Iterator[TimeRow]:
    """Rows of time_entries.csv; every person known, no day of more than 24 hours."""
    days: dict[tuple[Person, date], Decimal] = {}
    for row, bad in table_rows(folder / TIME_ENTRIES.file, TIME_ENTRIES, findings):
        if bad.isdisjoint(("employer_id", "employee_id")):
            known_person(TIME_ENTRIES, row, ids, people, findings)
            if bad.isdisjoint(("work_date", "hours")):
                within_a_day(row, (row.employer_id, row.employee_id), days, findings)
        yield row


def within_a_day(
    row: TimeRow, person: Person, days: dict[tuple[Person, date], Decimal], findings: Findings
) -> None:
    """A finding on the line that takes a person's day past 24 hours; later lines of that day add none."""
    before = days.get((person, row.work_date), Decimal(0))
    days[person, row.work_date] = after = before + row.hours
    if before <= HOURS_IN_A_DAY < after:
        problem = f"makes {after} hours on {row.work_date} for this person - correct the hours or the day"
        findings.add(TIME_ENTRIES.file, row.line, "hours", str(row.hours), problem)
