"""What must hold between rows: keys that appear once, and people and employers that are there."""

from collections.abc import Hashable
from typing import Protocol

from payroll.roster.columns import EMPLOYEES, EMPLOYERS, Table
from payroll.roster.findings import Findings, shown

Person = tuple[str, str]


class OfPerson(Protocol):
    """A row that names a person."""

    @property
    def line(self) -> int: ...
    @property
    def employer_id(self) -> str: ...
    @property
    def employee_id(self) -> str: ...


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


def known_employer(table: Table, row: OfPerson, ids: Unique, findings: Findings) -> bool:
    """Whether the row's employer is in employers.csv; a finding when not."""
    if row.employer_id in ids.lines or EMPLOYERS.file in findings.unread:
        return True
    problem = "is not in employers.csv - add the employer, or correct the key"
    findings.add(table.file, row.line, "employer_id", shown(row.employer_id), problem)
    return False


def known_person(table: Table, row: OfPerson, ids: Unique, people: Unique, findings: Findings) -> None:
    """A finding when the row's person is not in employees.csv under an employer of employers.csv."""
    if not known_employer(table, row, ids, findings):
        return
    if (row.employer_id, row.employee_id) not in people.lines and EMPLOYEES.file not in findings.unread:
        problem = (
            f"is not an employee of {row.employer_id} in employees.csv - add the person, or correct the key"
        )
        findings.add(table.file, row.line, "employee_id", shown(row.employee_id), problem)
