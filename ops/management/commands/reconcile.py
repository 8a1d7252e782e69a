"""Ledger, payments and bank, order by order."""

import json as _json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError

from ops.reconcile import Line, reconcile
from ops.status import find_run
from payroll.calc.money import dollars
from payroll.refusal import Refused


class Command(BaseCommand):
    help = (
        "Hold ledger, payments and the bank's books against each other; exit 1 when something does not agree."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", metavar="RUN", help="one pay run; default: all of them")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, run: str | None, json: bool, **options: Any) -> None:
        try:
            found = reconcile(find_run(run).run if run else None)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        if json:
            lines = [asdict(line) | {"agrees": line.agrees} for line in found.lines]
            self.stdout.write(
                _json.dumps({"agrees": not found.findings, "orders": lines, "findings": found.findings})
            )
        else:
            self._show(found.lines)
            for finding in found.findings:
                self.stdout.write(f"FAIL {finding}")
        if found.findings:
            raise CommandError(f"{len(found.findings)} things do not agree")

    def _show(self, lines: list[Line]) -> None:
        self.stdout.write(f"{'':<25}{'state':<10}{'payments':>18}{'ledger':>18}{'bank':>18}")
        for line in lines:
            at_bank = "not seen" if line.bank_cents is None else dollars(line.bank_cents)
            self.stdout.write(
                f"{line.employer[:12]:<13}{line.pay_date:<12}{line.state:<10}{dollars(line.payments_cents):>18}"
                f"{dollars(line.ledger_cents):>18}{at_bank:>18}"
            )
        sums = [sum(line.payments_cents for line in lines), sum(line.ledger_cents for line in lines)]
        self.stdout.write(f"{f'{len(lines)} orders':<35}{dollars(sums[0]):>18}{dollars(sums[1]):>18}")
