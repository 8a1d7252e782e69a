"""What a downstream system computes: the step's own pure code, from a request and the rule tables, and nothing else."""

import json
from functools import lru_cache
from typing import Any

from payroll import frozen, rules
from payroll.calc.tables import Rules
from payroll.domain import PAYCHECK_EVENTS, Inputs, Paycheck, YearToDate
from payroll.steps import PIPELINE

STEPS = {step.name: step for step in PIPELINE}


def output(step: str, terms: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The output of one task. Raises what the step raises.

    given   {"number", "inputs", "facts"} as payroll/ask.py sends them
    """
    tables = _tables(terms["rules_version"])
    context = frozen.terms({"terms": terms}, "", tables)
    entry = {"pay_to": {}, "time": [], **given["inputs"]}
    inputs = Inputs(**{**entry, "year_to_date": YearToDate(**entry["year_to_date"])})
    paycheck = Paycheck("", given["number"], inputs)
    for kind, facts in given["facts"].items():
        paycheck.fold(PAYCHECK_EVENTS[kind](**facts, working="[]"))  # type: ignore[arg-type]
    computed: dict[str, Any] = json.loads(json.dumps(vars(STEPS[step].decide(paycheck, context))))
    return computed


@lru_cache
def _tables(version: str) -> Rules:
    tables = rules.load(int(version.partition("-")[0]))
    assert tables.version == version, "asked for other rule tables than it has"
    return tables
