"""A small good roster for tests, and a way to spoil it."""

import csv
from pathlib import Path

from payroll.roster.reading import read

EMPLOYERS = "employers.csv"
EMPLOYEES = "employees.csv"
TIME_ENTRIES = "time_entries.csv"
FILES = (EMPLOYERS, EMPLOYEES, TIME_ENTRIES)
PAY_ITEMS = "pay_items.csv"
DEDUCTIONS = "deductions.csv"
GARNISHMENTS = "garnishments.csv"
TAX_FORMS = "tax_forms.csv"
OPTIONAL_FILES = (PAY_ITEMS, DEDUCTIONS, GARNISHMENTS, TAX_FORMS)
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
        "funding": "",
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


def pay_item(employer_id: str, employee_id: str, item_date: str, amount: str, **other: str) -> dict[str, str]:
    """One good row of pay_items.csv."""
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "item_date": item_date,
        "kind": "bonus",
        "amount": amount,
        "earned_from": "",
        "earned_to": "",
        "reference": "",
    }
    return row | other


def deduction(employer_id: str, employee_id: str, name: str, amount: str, **other: str) -> dict[str, str]:
    """One good row of deductions.csv."""
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "kind": "post_tax",
        "name": name,
        "amount": amount,
        "start_date": "2026-01-01",
        "end_date": "",
    }
    return row | other


def garnishment(employer_id: str, employee_id: str, order_id: str, **other: str) -> dict[str, str]:
    """One good row of garnishments.csv: 100.00 to a creditor."""
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "order_id": order_id,
        "kind": "creditor",
        "amount": "100.00",
        "percent": "",
        "balance": "",
        "received_date": "2026-03-02",
        "end_date": "",
        "supports_other_family": "",
        "arrears_over_12_weeks": "",
        "filing_status": "",
        "dependents": "",
        "exempt": "",
        "minimum_wage": "",
        **dict.fromkeys(PAYEE, ""),
    }
    return row | other


def tax_form(employer_id: str, employee_id: str, **other: str) -> dict[str, str]:
    """One good row of tax_forms.csv, that asks for nothing."""
    lock_in = ("since", "filing_status", "step2_checkbox", "step3", "step4a", "step4b", "step4c")
    state = (
        *("filing_status", "allowances", "further_allowances", "additional_withholding", "exempt"),
        *("elected_rate_percent", "deduction", "estimated_deduction_allowances"),
    )
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "w4_exempt": "",
        "nonresident_alien": "",
        **{f"lock_in_{name}": "" for name in lock_in},
        **{f"state_{name}": "" for name in state},
    }
    return row | other


PAYEE = {
    "case_id": "CASE 07/4-B",
    "fips_code": "48201",
    "medical_support": "Y",
    "payee_name": "Lone Star Disbursement",
    "payee_routing_number": "111000025",
    "payee_account_number": "0072910045",
}
SUPPORT = {"kind": "support", "supports_other_family": "true", "arrears_over_12_weeks": "false"}
LEVY = {"kind": "federal_levy", "amount": "", "filing_status": "mfj", "dependents": "2"}
LETTER = {
    "lock_in_since": "2026-02-01",
    "lock_in_filing_status": "single",
    "lock_in_step2_checkbox": "true",
    "lock_in_step3": "500.00",
    "lock_in_step4a": "1.00",
    "lock_in_step4b": "2.00",
    "lock_in_step4c": "3.25",
}
STATE_FORM = {
    "state_filing_status": "married",
    "state_allowances": "2",
    "state_further_allowances": "0",
    "state_additional_withholding": "12.50",
    "state_exempt": "false",
    "state_elected_rate_percent": "2.5",
    "state_deduction": "1000",
    "state_estimated_deduction_allowances": "3",
}


def good_pay() -> Rows:
    """The four optional files for the people of `good`."""
    return {
        PAY_ITEMS: [
            pay_item("A1", "e1", "2026-11-05", "500.00", earned_from="2026-10-01", earned_to="2026-10-31"),
            pay_item("A1", "e1", "2026-11-12", "33.10", kind="reimbursement", reference="Trip 7/A-1_x."),
            pay_item("B2", "e4", "2026-11-20", "0.01", kind="commission"),
        ],
        DEDUCTIONS: [
            deduction("A1", "e1", "Union dues", "12.50"),
            deduction("A1", "e1", "HSA", "100", kind="hsa_family", end_date="2026-12-31"),
        ],
        GARNISHMENTS: [
            garnishment("A1", "e2", "CASE-7_b", **SUPPORT),
            garnishment("A1", "e2", "IRS-1", **LEVY),
            garnishment("B2", "e1", "C-1", amount="", percent="25.00", balance="1000.10"),
        ],
        TAX_FORMS: [tax_form("A1", "e1", **LETTER, **STATE_FORM), tax_form("A1", "e2", w4_exempt="true")],
    }


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
    """Write these files; a file without rows keeps the header of a good one."""
    headers = {file: list(content[0]) for file, content in (good() | good_pay()).items()}
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
