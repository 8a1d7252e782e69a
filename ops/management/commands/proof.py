"""Prove a run: every invariant, one line each."""

import json as _json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from ops import proof
from ops.status import find_run
from payroll.runs import Refused

FINDINGS_SHOWN = 5


class Command(BaseCommand):
    help = "Check every invariant of a run, one line each; exit 1 if one fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", help="the run's id, or the beginning of it")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, run: str, json: bool, **options: Any) -> None:
        try:
            found = find_run(run)
            lines = proof.prove(found.run)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        if json:
            checks = [{"name": line.name, "claim": line.claim, "findings": line.findings} for line in lines]
            holds = all(line.holds for line in lines)
            self.stdout.write(_json.dumps({"run": str(found.run), "holds": holds, "checks": checks}))
        else:
            for line in lines:
                self.stdout.write(f"{'ok  ' if line.holds else 'FAIL'} {line.name:<12} {line.claim}")
                for finding in line.findings[:FINDINGS_SHOWN]:
                    self.stdout.write(f"       {finding}")
                if len(line.findings) > FINDINGS_SHOWN:
                    self.stdout.write(f"       and {len(line.findings) - FINDINGS_SHOWN} more")
        if not all(line.holds for line in lines):
            raise CommandError("the proof fails")
