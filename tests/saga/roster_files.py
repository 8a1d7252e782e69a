"""A small good roster for tests, and a way to spoil it."""

import csv
from pathlib import Path

from payroll.roster.reading import read

EMPLOYERS = "employers.csv"
EMPLOYEES = "employees.csv"
TIME_ENTRIES = "time_entries.csv"
FILES = (EMPLOYERS, EMPLOYEES, TIME_ENTRIES)
Rows = dict[str, list[dict[str, str]]]


def employer(employer_id: str, **other: str) -> dict[str, str]:
    """One good row of employers.csv."""
    number = sum(employer_id.encode())
    row = {
        "employer_id": employer_id,
        "name": f"Employer {employer_id}",
        "ein": f"12-{number:07d}",
        "state": "IL",
        "pay_frequency": "biweekly",
        "retirement_plan": "half_of_6",
        "routing_number": "071000301",
        "account_number": "5386491042",
    }
    return row | other


def employee(employer_id: str, employee_id: str, **other: str) -> dict[str, str]:
    """One good row of employees.csv."""
    number = sum(employee_id.encode())
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "first_name": "Zoë",
        "last_name": "O'Brien",
        "ssn": f"901-12-{number:04d}",
        "birth_date": "1971-09-12",
        "hire_date": "2022-03-21",
        "termination_date": "",
        "job_title": "Foreman",
        "pay_basis": "hourly",
        "pay_rate": "41.41",
        "standard_weekly_hours": "40.00",
        "flsa_exempt": "false",
        "work_state": "IL",
        "w4_version": "2020+",
        "filing_status": "mfj",
        "step2_checkbox": "false",
        "step3": "4400.00",
        "step4a": "0.00",
        "step4b": "",
        "step4c": "0.00",
        "allowances": "",
        "additional_withholding": "",
        "traditional_401k_percent": "5",
        "roth_401k_percent": "0",
        "section125_per_period": "85.00",
        "routing_number": "071000301",
        "account_number": "3470824921",
        "account_type": "checking",
    }
    return row | other


OLD_FORM = {
    "w4_version": "pre2020",
    "filing_status": "married",
    "step2_checkbox": "",
    "step3": "",
    "step4a": "",
    "step4c": "",
    "allowances": "2",
    "additional_withholding": "10.00",
}


def entry(employer_id: str, employee_id: str, work_date: str, hours: str, **other: str) -> dict[str, str]:
    """One good row of time_entries.csv."""
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "work_date": work_date,
        "hours": hours,
        "kind": "work",
        "rate": "",
    }
    return row | other


def good() -> Rows:
    """Two employers, four people, four entries."""
    return {
        EMPLOYERS: [employer("A1"), employer("B2", pay_frequency="monthly", retirement_plan="")],
        EMPLOYEES: [
            employee("A1", "e1"),
            employee("A1", "e2", **OLD_FORM),
            employee("B2", "e1", pay_basis="salary", pay_rate="80448.00"),
            employee("B2", "e4", termination_date="2026-11-20"),
        ],
        TIME_ENTRIES: [
            entry("A1", "e1", "2026-11-02", "8.00"),
            entry("A1", "e1", "2026-11-02", "4.00", kind="leave"),
            entry("A1", "e1", "2026-11-03", "8.00"),
            entry("B2", "e4", "2026-11-03", "0.25", rate="50.1234"),
        ],
    }


def write(folder: Path, rows: Rows) -> Path:
    """Write the three files; a file without rows keeps the header of a good one."""
    headers = {file: list(content[0]) for file, content in good().items()}
    for file, content in rows.items():
        with (folder / file).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(content[0]) if content else headers[file])
            writer.writeheader()
            writer.writerows(content)
    return folder


def found(folder):
    """Findings as (file, line, column, value, problem), and never one too many kept or counted."""
    _, findings = read(folder)
    assert findings.total == len(findings.kept)
    return [tuple(finding) for finding in findings.kept]
