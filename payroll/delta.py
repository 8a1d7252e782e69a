"""A paycheck's facts as they are right, less what was paid of them before; and the other way round.

Every amount is a difference, and every list holds the lines of the difference by name. So what adds up paychecks (year
to date, ledger, register, control totals) adds up corrections as well, and knows nothing of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from events.failures import NeedsReview
from payroll.calc.worksheet import Working

Facts = Mapping[str, Any]
Lines = Sequence[Sequence[Any]]

# Of each list, the places of a line that are added up, and those that only tell; the others are its name.
SUMMED = {
    "earnings": (2, 3),
    "items": (1,),
    "programmes": (1, 2, 3),
    "garnishments": (2, 3),
    "post_tax": (1, 2),
}
TOLD = {"garnishments": (4,)}
STATE = "state"


def difference(right: Facts, paid: Facts) -> dict[str, Any]:
    """What is right, less what was paid before; the facts of one step.

    paid     sums by fact; what is not in it was nothing
    raises   NeedsReview when it was taxed by another state: taxes of two states are no difference of one
    """
    if STATE in right and paid.get(STATE, right[STATE]) != right[STATE]:
        raise NeedsReview(
            f"it was taxed by {paid[STATE]} and the roster says {right[STATE]} now: what was paid to one state is not "
            "owed to another. Correct the roster, or void the paycheck and pay it again"
        )
    return {name: _added(name, right[name], paid.get(name), -1) for name in _amounts(right)}


def restored(facts: Facts, paid: Facts) -> dict[str, Any]:
    """What is right: a difference and what was paid before."""
    return {name: _added(name, facts[name], paid.get(name), 1) for name in _amounts(facts)}


def total(paychecks: Sequence[Facts]) -> dict[str, Any]:
    """What paychecks have given together, by fact; the state that taxed them, and no amount that is nothing."""
    sums: dict[str, Any] = {}
    for facts in paychecks:
        sums |= {name: _added(name, facts[name], sums.get(name), 1) for name in _amounts(facts)}
        sums[STATE] = facts.get(STATE, "")
    return {name: amount for name, amount in sums.items() if amount}


def working(right: Facts, paid: Facts) -> Working:
    """The worksheet with which the working of a correction's step ends."""
    amounts = [[name, right[name], paid.get(name, 0)] for name in _amounts(right) if name not in SUMMED]
    return ("correction", [each for each in amounts if each[1] or each[2]])


def _amounts(facts: Facts) -> Iterator[str]:
    """The facts that are amounts, hours, or lists of them."""
    for name, value in facts.items():
        if name in SUMMED or (name.endswith(("_cents", "_hundredths")) and isinstance(value, int)):
            yield name


def _added(name: str, first: Any, second: Any, sign: int) -> Any:
    """The first and, with this sign, the second, which may be missing."""
    if name in SUMMED:
        return _lines(name, first, second or (), sign)
    return first + sign * (second or 0)


def _lines(name: str, first: Lines, second: Lines, sign: int) -> list[list[Any]]:
    """Lines of one name added up, in order of their names, without those that cancel."""
    summed, told = SUMMED[name], TOLD.get(name, ())
    found: dict[tuple[Any, ...], list[Any]] = {}
    for factor, lines in ((1, first), (sign, second)):
        for line in lines:
            key = tuple(part for place, part in enumerate(line) if place not in {*summed, *told})
            into = found.setdefault(
                key, [_nothing(part) if p in summed else part for p, part in enumerate(line)]
            )
            for place in summed:
                into[place] = _plus(into[place], factor, line[place])
    kept = (key for key, line in found.items() if any(Decimal(line[place] or 0) for place in summed))
    return [found[key] for key in sorted(kept, key=lambda key: [str(part) for part in key])]


def _nothing(part: Any) -> Any:
    return "0" if isinstance(part, str) else 0


def _plus(before: Any, factor: int, more: Any) -> Any:
    """Hours are texts, all else is cents."""
    if isinstance(more, str):
        return str(Decimal(before) + factor * Decimal(more))
    return before + factor * (more or 0)
