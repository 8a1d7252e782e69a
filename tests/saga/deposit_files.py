"""Rows of direct_deposits.csv for tests, and four people of whom three share their pay out."""

from pathlib import Path

from payroll.manifest import Pinned
from payroll.roster import import_folder
from tests.saga import paydays, roster_files
from tests.saga.paydays import employer, salaried

DIRECT_DEPOSITS = "direct_deposits.csv"
CHECK = {"method": "check", "routing_number": "", "account_number": "", "account_type": ""}
NO_ACCOUNT = {"routing_number": "", "account_number": "", "account_type": ""}


def deposit(
    employer_id: str, employee_id: str, priority: int, kind: str = "remainder", **other: str
) -> dict[str, str]:
    """One good row: into a savings account of its own, whose number ends in the priority."""
    row = {
        "employer_id": employer_id,
        "employee_id": employee_id,
        "priority": str(priority),
        "kind": kind,
        "amount": "",
        "percent": "",
        "method": "ach",
        "routing_number": "071000301",
        "account_number": f"88001122{priority:02d}",
        "account_type": "savings",
        "name": "",
    }
    return row | other


PEOPLE = [salaried("ACME", who, "62400.00") for who in ("ann", "bob", "cyd", "dee")]
PEOPLE[2] |= NO_ACCOUNT
SHARED = [
    # ann: an amount and a percentage; the rest into the account of her record
    deposit("ACME", "ann", 5, "percent", percent="33.33"),
    deposit("ACME", "ann", 2, "amount", amount="500.00", account_type="checking"),
    # cyd has no account: everything by paper check. dee: more in amounts than there is, and a check for the rest
    deposit("ACME", "cyd", 1, **CHECK),
    deposit("ACME", "dee", 1, "amount", amount="2000.00"),
    deposit("ACME", "dee", 2, "amount", amount="50.00"),
    deposit("ACME", "dee", 3, **CHECK),
]


def payday(folder: Path, people: list[dict[str, str]], rows: list[dict[str, str]]) -> Pinned:
    """ACME's run up to its approval, frozen from this roster; everybody earns the same."""
    roster = {
        roster_files.EMPLOYERS: [employer("ACME", ein="12-0000001")],
        roster_files.EMPLOYEES: [
            row | {"ssn": f"910-11-{1000 + place}"} for place, row in enumerate(people, start=1)
        ],
        roster_files.TIME_ENTRIES: [],
        DIRECT_DEPOSITS: rows,
    }
    into = folder / "roster-in"
    into.mkdir()
    import_folder(roster_files.write(into, roster), dry_run=False, as_of=paydays.AS_OF)
    paydays.open_run("ACME")
    paydays.work()
    return Pinned.of(paydays.part("ACME")["EmployerRunOpened"])
