"""A small payday for the tests of what people see: one employer is paid, one to approve, two dead letters, canaries."""

from datetime import date
from pathlib import Path
from typing import Any

from events import projection, runner
from payroll import runs
from payroll.late.compare import compare
from payroll.models import EmployerRun
from payroll.roster import import_folder
from tests.saga.roster_files import EMPLOYEES, EMPLOYERS, TIME_ENTRIES, employee, employer, entry, write

START, END, PAY_DATE = date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20)
SCRIPT = "<script>alert(1)</script>"
SSNS = ("901-45-6781", "901-45-6782", "901-45-6783", "901-45-6784", "901-45-6785", "901-45-6786")
ACCOUNTS = ("55501234561", "55501234562", "55501234563", "55501234564", "55501234565", "55501234566")
FUNDING = "77701234569"


def rows() -> dict[str, list[dict[str, str]]]:
    """A1 has people of every kind, A2 and A3 one, and EMPTY nobody."""
    people: list[dict[str, str]] = [
        employee("A1", "e1", first_name=SCRIPT, last_name="Zebrafinch", section125_per_period="85.00"),
        employee(
            "A1", "e2", pay_basis="salary", pay_rate="90000.00", roth_401k_percent="3", flsa_exempt="true"
        ),
        employee("A1", "e3", work_state="OR"),
        employee("A1", "e4"),
        employee("A2", "e5"),
        employee("A3", "e6"),
    ]
    for person, ssn, account in zip(people, SSNS, ACCOUNTS, strict=True):
        person |= {"ssn": ssn, "account_number": account}
    days = [f"2026-11-{day:02d}" for day in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
    worked = [("A1", "e1"), ("A1", "e3"), ("A2", "e5"), ("A3", "e6")]
    return {
        EMPLOYERS: [employer(name, account_number=FUNDING) for name in ("A1", "A2", "A3", "EMPTY")],
        EMPLOYEES: people,
        TIME_ENTRIES: [entry(*who, day, "8.50") for who in worked for day in days],
    }


def begin(folder: Path, settings: Any) -> runs.Opened:
    """Open a run as maker, pay A3, and let the others go as far as they go without a person."""
    settings.PAYROLL_GATEWAY = "ach"
    folder.mkdir(exist_ok=True)
    import_folder(write(folder, rows()), dry_run=False, as_of=START)
    opened = runs.open_run(START, END, PAY_DATE, opened_by="maker")
    go_on()
    runs.approve(EmployerRun.objects.get(employer="A3").employer_run, by="checker")
    go_on()
    return opened


def go_on() -> None:
    """Do whatever is due."""
    while runner.run_due():
        pass
    projection.catch_up()


def change_late(folder: Path) -> None:
    """Import another rate for e6, whom A3 has paid."""
    folder.mkdir()
    changed = rows()
    changed[EMPLOYEES] = [
        row | {"pay_rate": "43.00"} if row["employee_id"] == "e6" else row for row in changed[EMPLOYEES]
    ]
    import_folder(write(folder, changed), dry_run=False, as_of=START)
    compare()
    projection.catch_up()
