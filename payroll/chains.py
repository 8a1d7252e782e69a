"""A run with the corrections that were opened of it, and which inputs are not what one of them has frozen."""

from collections.abc import Mapping, Sequence
from typing import Any

from payroll import paid_once

# Where it goes is no matter of how much, and what follows from other paychecks is not given by the roster.
NO_INPUT = {"year_to_date", "pay_to", "deposits", "remittances", "hold", "paid", "recoveries", "time_from"}


def chain_of(opened: Mapping[str, Any], before: Sequence[paid_once.Facts]) -> tuple[str, ...]:
    """An employer's run, and its corrections that were not cancelled, as they were opened."""
    original = opened["employer_run"]
    return original, *(
        each["employer_run"]
        for each in before
        if not each["cancelled"] and each.get("corrects", [""])[0] == original
    )


def as_correction(opened: Mapping[str, Any], chain: Sequence[str]) -> dict[str, Any]:
    """What the first event of a correction says of the run that it corrects.

    opened   the facts of that run
    chain    as `chain_of` gives it
    """
    return {
        "corrects": list(chain),
        "original_kind": opened["kind"],
        "original_pay_date": opened["pay_date"],
    }


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of the inputs that are not what they were, and never what they are."""
    names = (before.keys() | now.keys()) - NO_INPUT
    return sorted(name for name in names if _said(name, before) != _said(name, now))


def _said(name: str, entry: Mapping[str, Any]) -> Any:
    """An input as the roster says it: the balance of an order is also lowered by what was withheld since."""
    value = entry.get(name) or None
    if name == "garnishments" and value:
        return [{key: said for key, said in order.items() if key != "balance_cents"} for order in value]
    return value
