"""`manage.py explain PAYCHECK`: from net pay down to each cent, out of what is stored."""

import json as _json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ops.status import find_paycheck
from payroll import rulebook
from payroll.calc.money import dollars
from payroll.calc.worksheet import UnknownWorksheet
from payroll.explain import text
from payroll.explain.paycheck import Explanation, explain
from payroll.explain.words import label
from payroll.objects import ObjectDamaged
from payroll.runs import Refused


class Command(BaseCommand):
    help = (
        "Explain a paycheck: net pay down to each cent, the rule and the source of each step, and the event that "
        "brought each input. Exit 1 when the figures on record do not add up."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "paycheck", help="EMPLOYER/EMPLOYEE (the latest, or that of --run), or the name of its stream"
        )
        parser.add_argument("--run", metavar="RUN", help="the pay run's id, or the beginning of it")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, paycheck: str, run: str | None, json: bool, **options: Any) -> None:
        try:
            found = explain(find_paycheck(paycheck, run))
        except (Refused, ObjectDamaged, rulebook.RulesMissing, UnknownWorksheet) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(_json.dumps(as_json(found)) if json else report(found))
        if found.wrong:
            raise SystemExit(1)


def report(found: Explanation) -> str:
    """For people."""
    net = dollars(found.facts["net_cents"]) if found.complete else "not computed yet"
    lines = [
        f"{found.employer}/{found.employee_id}, paid {found.pay_date}: net pay {net}",
        f"{found.stream}",
        f"rules {found.rules_version}, code {found.code_version}",
        f"frozen inputs: {found.frozen_in}",
        "",
        text.text_of(found.sections),
        "",
        f"{'Year to date':<44} {'before':>14} {'this paycheck':>14} {'after':>14}",
    ]
    for year in found.year_to_date:
        amounts = (year.before_cents, year.this_cents, year.after_cents)
        lines.append(f"{label(year.name):<44} " + " ".join(f"{dollars(cents):>14}" for cents in amounts))
    lines += ["", "Events"]
    lines += [
        f"{event.version}  {event.recorded_at:%Y-%m-%d %H:%M:%S %Z}  {event.type}" for event in found.events
    ]
    lines += ["", *(f"DOES NOT ADD UP: {wrong}" for wrong in found.wrong)]
    if not found.wrong:
        far = "every figure agrees" if found.complete else "every figure so far agrees"
        lines.append(f"added up again from its parts: {far}")
    return "\n".join(lines)


def as_json(found: Explanation) -> dict[str, Any]:
    """Everything, for a program."""
    return {
        "paycheck": found.stream,
        "employer": found.employer,
        "employee_id": found.employee_id,
        "pay_date": found.pay_date,
        "rules_version": found.rules_version,
        "code_version": found.code_version,
        "inputs": found.frozen_in,
        "complete": found.complete,
        "facts": found.facts,
        "sections": [text.section_facts(section) for section in found.sections],
        "year_to_date": [year._asdict() | {"after_cents": year.after_cents} for year in found.year_to_date],
        "events": [
            {"version": event.version, "type": event.type, "recorded_at": event.recorded_at.isoformat()}
            for event in found.events
        ],
        "adds_up": not found.wrong,
        "wrong": found.wrong,
    }
