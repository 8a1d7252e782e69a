"""Reading a manifest: the frozen inputs of a batch, as the steps take them. No roster, no database."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from payroll import keys
from payroll.calc.tables import Rules
from payroll.domain import Inputs, Paycheck, Terms, YearToDate


def rules_version(manifest: dict[str, Any]) -> str:
    """The version of the rule tables that the manifest's run is pinned to."""
    return str(manifest["terms"]["rules_version"])


def terms(manifest: dict[str, Any], name: str, rules: Rules) -> Terms:
    """What the paychecks of a manifest share.

    name    the object's key, which PaycheckBegan records
    rules   the tables to compute with
    """
    found = manifest["terms"]
    return Terms(
        run=found["run"],
        employer_run=found["employer_run"],
        employer=found["employer"],
        frequency=found["frequency"],
        period_start=date.fromisoformat(found["period_start"]),
        period_end=date.fromisoformat(found["period_end"]),
        pay_date=date.fromisoformat(found["pay_date"]),
        retirement_plan=found["retirement_plan"],
        workweek_start=found["workweek_start"],
        manifest=name,
        rules=rules,
        employees=found.get("employees"),
        kind=found.get("kind", "regular"),
        original_pay_date=date.fromisoformat(found["original_pay_date"])
        if "original_pay_date" in found
        else None,
    )


def paychecks(manifest: dict[str, Any], wanted: Iterable[int] | None = None) -> dict[int, Paycheck]:
    """The paychecks of a manifest by their number, before their first step.

    wanted   numbers; None for all
    """
    employer_run, sequence = manifest["terms"]["employer_run"], manifest["terms"]["sequence"]
    numbers = range(len(manifest["employees"])) if wanted is None else wanted
    found = {}
    for number in numbers:
        entry = manifest["employees"][number]
        inputs = Inputs(**{**entry, "year_to_date": YearToDate(**entry["year_to_date"])})
        stream = keys.paycheck_stream(employer_run, inputs.employee_id, sequence)
        found[number] = Paycheck(stream, number, inputs)
    return found
