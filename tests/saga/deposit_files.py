"""Rows of direct_deposits.csv for tests."""

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
