"""Compute the paychecks of a manifest again: frozen inputs and rule tables in, events out. No database, no clock.

As a program it reads one JSON object from stdin, {"manifest", "name", "rules": "<TOML>", "year"}, and writes one JSON
line a paycheck. So another version of this code, in a folder of its own, can be asked what it would have paid.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from events.failures import NeedsReview
from payroll import frozen, rules
from payroll.calc.tables import Rules
from payroll.steps import PIPELINE

STEPS = tuple(step.emits.__name__ for step in PIPELINE)


class Recomputed(NamedTuple):
    """One paycheck, computed again.

    events    [type, data] in their order, as far as the steps went
    stopped   why a person had to look at it before the last step, or what went wrong; empty when nothing did
    """

    stream: str
    employee_id: str
    events: list[list[Any]]
    stopped: str


def recompute(manifest: dict[str, Any], name: str, tables: Rules) -> Iterator[Recomputed]:
    """Every paycheck of a manifest, in its order.

    name     the manifest's key, which the first event of each paycheck records
    tables   the rules to compute with: those that the run is pinned to, or others to compare
    """
    terms = frozen.terms(manifest, name, tables)
    for paycheck in frozen.paychecks(manifest).values():
        events: list[list[Any]] = []
        stopped = ""
        try:
            for step in PIPELINE:
                event = step.decide(paycheck, terms)
                events.append([type(event).__name__, as_json(vars(event))])
                paycheck.fold(event)
        except NeedsReview as why:
            stopped = str(why)
        except Exception as fault:  # as in a run: the fault of one paycheck stops nobody else's
            stopped = f"{type(fault).__name__}: {fault}"
        yield Recomputed(paycheck.stream, paycheck.inputs.employee_id, events, stopped)


def as_json(data: Any) -> Any:
    """Data as the log gives it back: tuples have become lists."""
    return json.loads(json.dumps(data))


def main() -> None:
    """Answer what stdin asks."""
    asked = json.load(sys.stdin)
    tables = rules.parse(asked["rules"].encode(), asked["year"])
    for paycheck in recompute(asked["manifest"], asked["name"], tables):
        sys.stdout.write(json.dumps(paycheck) + "\n")


if __name__ == "__main__":
    main()
