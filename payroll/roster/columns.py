"""The three files that every roster has, as data: their columns, and what must hold between them.

employers.csv, employees.csv and time_entries.csv; the files that it may have are in `pay_columns`.

A row is a named tuple whose fields are `line` and then the columns in the order of the table, so that adding
a column is one line in the row and one in the table.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from payroll.models import roster as models
from payroll.roster import cells

ZERO = Decimal(0)
MOST_PER_HOUR = Decimal(10_000)
PRE_2020_STATUSES = ("single", "married", "married_higher_single")
STATUSES_2020 = ("single", "mfs", "mfj", "hoh")


class Column(NamedTuple):
    """One column: its check, what an empty cell means, and whether its values may be shown.

    required    the column has to be there, and each of its cells filled
    may_empty   the column has to be there, but a cell may be empty
    """

    name: str
    check: cells.Check
    required: bool = True
    default: object = None
    secret: bool = False
    may_empty: bool = False


class Rule(NamedTuple):
    """What must hold between columns of one row; run only where all of `needs` could be read.

    broken    row -> problem, or "" when the rule holds; the problem is reported for the first of `needs`
    refuses   whether a broken rule refuses the import, or only warns
    """

    needs: tuple[str, ...]
    broken: Callable[[Any], str]
    refuses: bool = True


class Table(NamedTuple):
    """One file: its name, what its rows become, and its columns and rules."""

    file: str
    row: type[Any]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()


class EmployerRow(NamedTuple):
    """One line of employers.csv."""

    line: int
    employer_id: str
    name: str
    ein: str
    state: str
    pay_frequency: str
    retirement_plan: str
    routing_number: str
    account_number: str
    funding: str


class EmployeeRow(NamedTuple):
    """One line of employees.csv; dollars are Decimals, percents are of 100."""

    line: int
    employer_id: str
    employee_id: str
    first_name: str
    last_name: str
    ssn: str
    birth_date: date
    hire_date: date
    termination_date: date | None
    job_title: str
    pay_basis: str
    pay_rate: Decimal
    standard_weekly_hours: Decimal
    flsa_exempt: bool
    work_state: str
    w4_version: str
    filing_status: str
    step2_checkbox: bool
    step3: Decimal
    step4a: Decimal
    step4b: Decimal
    step4c: Decimal
    allowances: int
    additional_withholding: Decimal
    traditional_401k_percent: Decimal
    roth_401k_percent: Decimal
    section125_per_period: Decimal
    routing_number: str
    account_number: str
    account_type: str


class TimeRow(NamedTuple):
    """One line of time_entries.csv."""

    line: int
    employer_id: str
    employee_id: str
    work_date: date
    hours: Decimal
    kind: str
    rate: Decimal | None


def hired_before_birth(row: EmployeeRow) -> str:
    """Someone is born before they are hired.

    Only a warning: old systems are full of made-up birth dates, and pay looks at nothing but the year someone
    turns 50 or 60 (401(k) catch-up). Chicago's roster has 127 of them.
    """
    return "is not after the birth date - correct one of the two" if row.hire_date <= row.birth_date else ""


def left_before_hired(row: EmployeeRow) -> str:
    """Someone must be hired before they leave; the same day is possible."""
    if row.termination_date is not None and row.termination_date < row.hire_date:
        return "is before the hire date - correct one of the two"
    return ""


def hourly_rate_absurd(row: EmployeeRow) -> str:
    """A rate above 10,000 is a yearly one that lost its basis."""
    if row.pay_basis == "hourly" and row.pay_rate > MOST_PER_HOUR:
        return f"is above {MOST_PER_HOUR:,} dollars per hour - is it a salary?"
    return ""


def deferrals_above_pay(row: EmployeeRow) -> str:
    """Both deferrals together cannot exceed the pay they come from."""
    if row.traditional_401k_percent + row.roth_401k_percent > 100:
        return "is more than 100 together with traditional_401k_percent - lower one of the two"
    return ""


def status_of_other_form(row: EmployeeRow) -> str:
    """Each edition of Form W-4 has its own filing statuses."""
    allowed = STATUSES_2020 if row.w4_version == "2020+" else PRE_2020_STATUSES
    if row.filing_status in allowed:
        return ""
    return f"is not on a {row.w4_version} Form W-4 - write {', '.join(allowed)}"


def only_on(version: str, column: str) -> Rule:
    """A column of the other Form W-4 must be empty (or 0, or false, which say the same)."""

    def broken(row: EmployeeRow) -> str:
        if getattr(row, column) and row.w4_version != version:
            return f"is not on a {row.w4_version} Form W-4 - leave it empty, or correct w4_version"
        return ""

    return Rule((column, "w4_version"), broken)


percent = cells.amount("0", "100", 2, "percent")
dollars = cells.amount("0", "10000000", 2, "dollars")
hourly_rate = cells.amount("0.0001", "10000", 4, "dollars per hour")

EMPLOYERS = Table(
    "employers.csv",
    EmployerRow,
    (
        Column("employer_id", cells.key),
        Column("name", cells.words(120)),
        Column("ein", cells.ein),
        Column("state", cells.state),
        Column("pay_frequency", cells.choice(*models.PayFrequency.values)),
        Column(
            "retirement_plan", cells.choice(*models.RetirementPlan.values), required=False, default="none"
        ),
        Column("routing_number", cells.routing, secret=True),
        Column("account_number", cells.account, secret=True),
        Column("funding", cells.choice(*models.Funding.values), required=False, default=""),
    ),
)

EMPLOYEES = Table(
    "employees.csv",
    EmployeeRow,
    (
        Column("employer_id", cells.key),
        Column("employee_id", cells.key),
        Column("first_name", cells.words(60)),
        Column("last_name", cells.words(60)),
        Column("ssn", cells.ssn, secret=True),
        Column("birth_date", cells.day),
        Column("hire_date", cells.day),
        Column("termination_date", cells.day, required=False),
        Column("job_title", cells.words(120), required=False, default=""),
        Column("pay_basis", cells.choice(*models.PayBasis.values)),
        Column("pay_rate", cells.amount("0.0001", "100000000", 4, "dollars")),
        Column("standard_weekly_hours", cells.amount("0", "168", 2, "hours")),
        Column("flsa_exempt", cells.flag),
        Column("work_state", cells.state),
        Column("w4_version", cells.choice(*models.W4Version.values)),
        Column("filing_status", cells.choice(*models.FilingStatus.values)),
        Column("step2_checkbox", cells.flag, required=False, default=False),
        Column("step3", dollars, required=False, default=ZERO),
        Column("step4a", dollars, required=False, default=ZERO),
        Column("step4b", dollars, required=False, default=ZERO),
        Column("step4c", dollars, required=False, default=ZERO),
        Column("allowances", cells.count(999), required=False, default=0),
        Column("additional_withholding", dollars, required=False, default=ZERO),
        Column("traditional_401k_percent", percent, required=False, default=ZERO),
        Column("roth_401k_percent", percent, required=False, default=ZERO),
        Column("section125_per_period", dollars, required=False, default=ZERO),
        # All three may be empty together, where direct_deposits.csv gives the person a remainder.
        Column("routing_number", cells.routing, default="", secret=True, may_empty=True),
        Column("account_number", cells.account, default="", secret=True, may_empty=True),
        Column("account_type", cells.choice(*models.AccountType.values), default="", may_empty=True),
    ),
    (
        Rule(("hire_date", "birth_date"), hired_before_birth, refuses=False),
        Rule(("termination_date", "hire_date"), left_before_hired),
        Rule(("pay_rate", "pay_basis"), hourly_rate_absurd),
        Rule(("roth_401k_percent", "traditional_401k_percent"), deferrals_above_pay),
        Rule(("filing_status", "w4_version"), status_of_other_form),
        *(only_on("2020+", name) for name in ("step2_checkbox", "step3", "step4a", "step4b", "step4c")),
        *(only_on("pre2020", name) for name in ("allowances", "additional_withholding")),
    ),
)

TIME_ENTRIES = Table(
    "time_entries.csv",
    TimeRow,
    (
        Column("employer_id", cells.key),
        Column("employee_id", cells.key),
        Column("work_date", cells.day),
        Column("hours", cells.amount("0.01", "24", 2, "hours")),
        Column("kind", cells.choice(*models.TimeKind.values)),
        Column("rate", hourly_rate, required=False),
    ),
)
