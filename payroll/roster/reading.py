"""A folder of three files -> a roster in which every row is good, or findings that say why not.

Checks here are those that need more than one row: keys that must be unique, references, a day's hours.
"""

from collections.abc import Hashable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from payroll.roster.columns import (
    EMPLOYEES,
    EMPLOYERS,
    TIME_ENTRIES,
    EmployeeRow,
    EmployerRow,
    Table,
    TimeRow,
)
from payroll.roster.files import table_rows
from payroll.roster.findings import Findings, shown

HOURS_IN_A_DAY = Decimal(24)
Person = tuple[str, str]


class Roster(NamedTuple):
    """The three files as typed rows, in the order of the files."""

    employers: list[EmployerRow]
    employees: list[EmployeeRow]
    time_entries: list[TimeRow]


class Unique:
    """Values that may appear once per file; the second one is a finding that names the line of the first."""

    def __init__(self, table: Table, column: str, within: str, findings: Findings) -> None:
        self.table, self.column, self.within, self.findings = table, column, within, findings
        self.secret = any(spec.secret for spec in table.columns if spec.name == column)
        self.lines: dict[Hashable, int] = {}

    def add(self, key: Hashable, line: int, value: str) -> None:
        """Take note of `key`, shown as `value`, on `line`."""
        first = self.lines.setdefault(key, line)
        if first != line:
            problem = f"is already in line {first}{self.within} - correct or delete one of the two"
            self.findings.add(self.table.file, line, self.column, shown(value, secret=self.secret), problem)


def read(folder: Path) -> tuple[Roster, Findings]:
    """Read and check the three files of a folder; the roster is whole only when there are no findings."""
    findings = Findings()
    employer_ids = Unique(EMPLOYERS, "employer_id", "", findings)
    people = Unique(EMPLOYEES, "employee_id", " of this employer", findings)
    roster = Roster(
        list(employers(folder, employer_ids, findings)),
        list(employees(folder, employer_ids, people, findings)),
        list(time_entries(folder, employer_ids, people, findings)),
    )
    if not employer_ids.lines and EMPLOYERS.file not in findings.unread:
        findings.add(EMPLOYERS.file, 0, "", "", "has no employer - at least one is needed")
    return roster, findings


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
            person = (row.employer_id, row.employee_id)
            if known_employer(TIME_ENTRIES, row, ids, findings):
                known_person(row, person, people, findings)
            if bad.isdisjoint(("work_date", "hours")):
                within_a_day(row, person, days, findings)
        yield row


def known_employer(table: Table, row: EmployeeRow | TimeRow, ids: Unique, findings: Findings) -> bool:
    """Whether the row's employer is in employers.csv; a finding when not."""
    if row.employer_id in ids.lines or EMPLOYERS.file in findings.unread:
        return True
    problem = "is not in employers.csv - add the employer, or correct the key"
    findings.add(table.file, row.line, "employer_id", shown(row.employer_id), problem)
    return False


def known_person(row: TimeRow, person: Person, people: Unique, findings: Findings) -> None:
    """A finding when the row's person is not in employees.csv under that employer."""
    if person not in people.lines and EMPLOYEES.file not in findings.unread:
        problem = (
            f"is not an employee of {row.employer_id} in employees.csv - add the person, or correct the key"
        )
        findings.add(TIME_ENTRIES.file, row.line, "employee_id", shown(row.employee_id), problem)


def within_a_day(
    row: TimeRow, person: Person, days: dict[tuple[Person, date], Decimal], findings: Findings
) -> None:
    """A finding on the line that takes a person's day past 24 hours; later lines of that day add none."""
    before = days.get((person, row.work_date), Decimal(0))
    days[person, row.work_date] = after = before + row.hours
    if before <= HOURS_IN_A_DAY < after:
        problem = f"makes {after} hours on {row.work_date} for this person - correct the hours or the day"
        findings.add(TIME_ENTRIES.file, row.line, "hours", str(row.hours), problem)
