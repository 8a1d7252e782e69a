"""The roster of the fault tests, and what its people are owed: pure steps, no database and no queue."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from payroll import rules
from payroll.domain import Inputs, Paycheck, Terms, YearToDate
from payroll.steps import PIPELINE

PERIOD_START, PERIOD_END, PAY_DATE = date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20)
Row = dict[str, str]
Owed = dict[tuple[str, str], int]  # cents by (company id in the bank's books, employee id)

# employer id, EIN, state, retirement plan, people
EMPLOYERS = (
    ("PRAIRIE", "91-1000117", "IL", "half_of_6", 300),
    ("TEJAS", "92-2000234", "TX", "basic_safe_harbor", 40),
    ("SOLO", "93-3000351", "IL", "none", 1),
)
PEOPLE = sum(people for *_, people in EMPLOYERS)


def write(folder: Path) -> None:
    """Write the three files of the roster into `folder`."""
    folder.mkdir(parents=True)
    _write(folder / "employers.csv", map(_employer, EMPLOYERS))
    _write(folder / "employees.csv", (person for person, _ in people()))
    _write(folder / "time_entries.csv", (entry for person, entries in people() for entry in entries))


def owed() -> Owed:
    """What the bank must have booked once the run is complete, worked out one person at a time."""
    frozen = rules.load(PAY_DATE.year)
    plans = {employer: (ein, plan) for employer, ein, _, plan, _ in EMPLOYERS}
    amounts: Owed = {}
    for person, entries in people():
        employer, employee = person["employer_id"], person["employee_id"]
        ein, plan = plans[employer]
        days = (PERIOD_START, PERIOD_END, PAY_DATE)
        terms = Terms("run", "part", employer, "biweekly", *days, plan, 0, "manifest", frozen)
        paycheck = Paycheck(employee, 0, _inputs(person, entries))
        for step in PIPELINE:
            paycheck.fold(step.decide(paycheck, terms))
        assert paycheck.retirement is not None and paycheck.retirement.net_cents > 0
        amounts[f"1{ein.replace('-', '')}", employee] = paycheck.retirement.net_cents
    return amounts


def people() -> Iterator[tuple[Row, list[Row]]]:
    """Everybody, with their hours: by turns salaried, hourly with overtime, and part time."""
    number = 0
    for employer, _, state, plan, count in EMPLOYERS:
        for place in range(1, count + 1):
            number += 1
            yield _person(employer, state, plan, number, place)


def _person(employer: str, state: str, plan: str, number: int, place: int) -> tuple[Row, list[Row]]:
    hourly = place % 3 != 0
    row = {
        "employer_id": employer,
        "employee_id": f"{employer[0]}{place:04d}",
        "first_name": f"Given{number}",
        "last_name": f"Family{number}",
        "ssn": f"9{number % 90:02d}-{10 + number % 40}-{number:04d}",
        "birth_date": (date(1961, 1, 1) + timedelta(days=number * 37)).isoformat(),
        "hire_date": "2020-03-02",
        "termination_date": "",
        "pay_basis": "hourly" if hourly else "salary",
        "pay_rate": f"{18 + number * 0.07:.2f}" if hourly else f"{52_000 + number * 131}.00",
        "standard_weekly_hours": "20.00" if place % 3 == 2 else "40.00",
        "flsa_exempt": "false" if hourly else "true",
        "work_state": state,
        "w4_version": "2020+",
        "filing_status": ("single", "mfj", "hoh", "mfs")[number % 4],
        "traditional_401k_percent": "0" if plan == "none" else str(number % 7),
        "roth_401k_percent": "2.5" if plan != "none" and number % 5 == 0 else "0",
        "section125_per_period": "42.50" if number % 4 == 0 else "0.00",
        "routing_number": "071000301",
        "account_number": str(4_000_000_000 + number * 7_919),
        "account_type": "savings" if number % 6 == 0 else "checking",
    }
    return row, list(_hours(row, place)) if hourly else []


def _hours(row: Row, place: int) -> Iterator[Row]:
    """Ten weekdays; full-time people stay longer on some of them."""
    for day in range((PERIOD_END - PERIOD_START).days + 1):
        worked = PERIOD_START + timedelta(days=day)
        if worked.weekday() < 5:
            hours = "4.25" if place % 3 == 2 else f"{8 + (place + day) % 4 * 0.5:.2f}"
            keys = {"employer_id": row["employer_id"], "employee_id": row["employee_id"]}
            yield keys | {"work_date": worked.isoformat(), "hours": hours, "kind": "work", "rate": ""}


def _employer(employer: tuple[str, str, str, str, int]) -> Row:
    employer_id, ein, state, plan, _ = employer
    name = {
        "name": f"{employer_id.title()} Works LLC",
        "ein": ein,
        "state": state,
        "pay_frequency": "biweekly",
    }
    account = {"routing_number": "121000358", "account_number": f"88{ein[3:]}"}
    return {"employer_id": employer_id, **name, "retirement_plan": plan, **account}


def _inputs(person: Row, entries: list[Row]) -> Inputs:
    """What a manifest freezes of one person, from their rows as they were written."""
    return Inputs(
        employee_id=person["employee_id"],
        pay_basis=person["pay_basis"],
        pay_rate=person["pay_rate"],
        standard_weekly_hours=person["standard_weekly_hours"],
        flsa_exempt=person["flsa_exempt"] == "true",
        work_state=person["work_state"],
        hire_date=person["hire_date"],
        termination_date=None,
        age_at_year_end=PAY_DATE.year - int(person["birth_date"][:4]),
        w4_version=person["w4_version"],
        filing_status=person["filing_status"],
        step2_checkbox=False,
        step3_cents=0,
        step4a_cents=0,
        step4b_cents=0,
        step4c_cents=0,
        allowances=0,
        additional_withholding_cents=0,
        traditional_bp=_hundredths(person["traditional_401k_percent"]),
        roth_bp=_hundredths(person["roth_401k_percent"]),
        section125_cents=_hundredths(person["section125_per_period"]),
        time=[[entry["work_date"], entry["hours"], entry["kind"], None] for entry in entries],
        year_to_date=YearToDate(),
        pay_to={},
    )


def _hundredths(text: str) -> int:
    return int(Decimal(text).scaleb(2))


def _write(path: Path, rows: Iterable[Row]) -> None:
    lines = list(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
