"""What earlier paychecks of an employer's people hold that a new one has to know of, asked of the read model.

A snapshot asks when the read model has caught up with everything that the employer's runs have computed
(manifest.unsettled). Paychecks that were left out, carried over, begun again, voided or cancelled hold nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from events.database import rows
from payroll.projections import statement

WITHHELD_BEFORE = statement("withheld_before")
TAXED_BEFORE = statement("taxed_before")

Listed = dict[int, list[dict[str, Any]]]  # by primary key of the person, as pay_inputs gives them


def less_withheld(employer: str, people: Mapping[int, str], orders: Listed) -> None:
    """Lower the balance of every order by what earlier paychecks withheld for it.

    people   employee ids by primary key
    """
    limited = {
        people[pk]: listed
        for pk, listed in orders.items()
        if any(order["balance_cents"] is not None for order in listed)
    }
    if not limited:
        return
    found = rows(WITHHELD_BEFORE, {"employer": employer, "people": list(limited)})
    withheld = {(employee, order): cents for employee, order, cents in found}
    for employee_id, listed in limited.items():
        for order in listed:
            if order["balance_cents"] is not None:
                before = withheld.get((employee_id, order["id"]), 0)
                order["balance_cents"] = max(0, order["balance_cents"] - before)


def taxed(employer: str, employee_ids: Sequence[str], year: int) -> set[str]:
    """Who had income tax withheld from regular wages this year or last: asked of those with pay items alone."""
    if not employee_ids:
        return set()
    asked = {"employer": employer, "people": list(employee_ids)}
    found = rows(TAXED_BEFORE, {**asked, "since": f"{year - 1}-01-01", "until": f"{year + 1}-01-01"})
    return {employee_id for (employee_id,) in found}
