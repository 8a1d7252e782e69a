"""What earlier paychecks of an employer's people hold that a new one has to know of, asked of the read model.

A snapshot asks when the read model has caught up with everything that the employer's runs have computed
(manifest.unsettled). Paychecks that were left out, carried over, begun again, voided or cancelled hold nothing.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from events.database import rows
from payroll.projections import statement

WITHHELD_BEFORE = statement("withheld_before")
TAXED_BEFORE = statement("taxed_before")
ITEMS_BEFORE = statement("items_before")

Listed = dict[int, list[dict[str, Any]]]  # by primary key of the person, as pay_inputs gives them


def less_withheld(
    employer: str, people: Mapping[int, str], orders: Listed, but_for: Sequence[str] = ()
) -> None:
    """Lower the balance of every order by what other paychecks withheld for it.

    people    employee ids by primary key
    but_for   the employer's runs whose paychecks are corrected
    """
    limited = {
        people[pk]: listed
        for pk, listed in orders.items()
        if any(order["balance_cents"] is not None for order in listed)
    }
    if not limited:
        return
    asked = {"employer": employer, "people": list(limited), "but_for": list(but_for)}
    found = rows(WITHHELD_BEFORE, asked)
    withheld = {(employee, order): cents for employee, order, cents in found}
    for employee_id, listed in limited.items():
        for order in listed:
            if order["balance_cents"] is not None:
                before = withheld.get((employee_id, order["id"]), 0)
                order["balance_cents"] = max(0, order["balance_cents"] - before)


def unpaid_items(
    employer: str,
    employer_runs: Sequence[str],
    people: Mapping[int, str],
    items: Listed,
    waiting: Set[tuple[str, str]],
) -> Listed:
    """Without the items that other runs of the employer pay; nobody has an empty list.

    employer_runs   the run that asks, and those that it corrects
    people    employee ids by primary key
    waiting   employee and item ids that paychecks hold which wait as dead letters
    """
    if not items:
        return items
    asked = {
        "employer": employer,
        "employer_runs": list(employer_runs),
        "people": [people[pk] for pk in items],
    }
    by_id, older = set(waiting), []
    for employee_id, item_id, *said in rows(ITEMS_BEFORE, asked):
        if item_id is None:
            older.append((employee_id, *said))
        else:
            by_id.add((employee_id, item_id))
    left = {
        pk: [
            item
            for item in listed
            if (people[pk], item["id"]) not in by_id and not _among(older, people[pk], item)
        ]
        for pk, listed in items.items()
    }
    return {pk: listed for pk, listed in left.items() if listed}


def _among(older: Sequence[tuple[Any, ...]], employee_id: str, item: Mapping[str, Any]) -> bool:
    """Whether an item is one of those that were paid before items had ids."""
    said = (employee_id, item["kind"], item["cents"], item["reference"])
    return any(
        found[:4] == said and (found[4] is None or found[4] <= item["date"] <= found[5]) for found in older
    )


def taxed(employer: str, employee_ids: Sequence[str], year: int, until: str = "") -> set[str]:
    """Who had income tax withheld from regular wages this year or last: asked of those with pay items alone.

    until   the pay date that is asked about, where later ones are paid already
    """
    if not employee_ids:
        return set()
    asked = {"employer": employer, "people": list(employee_ids)}
    found = rows(TAXED_BEFORE, {**asked, "since": f"{year - 1}-01-01", "until": until or f"{year + 1}-01-01"})
    return {employee_id for (employee_id,) in found}
