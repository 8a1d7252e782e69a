"""The sandbox bank: run it, read its books."""

import json as _json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError

from payroll.calc.money import dollars
from payroll.models.roster import masked
from payroll.payments import bank, bank_process, gateways


class Command(BaseCommand):
    help = "The sandbox bank: a process of its own, with books of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("sandbox", help="start it if it is not running, and tell where it answers")
        verbs.add_parser("stop", help="stop it; its books stay")
        verbs.add_parser("books", help="what it has booked").add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            self._do(verb, options)
        except bank_process.BankNotRunning as down:
            raise CommandError(str(down)) from None

    def _do(self, verb: str, options: dict[str, Any]) -> None:
        if verb == "sandbox":
            self.stdout.write(bank_process.ensure_running(gateways.bank_dir()).url)
        elif verb == "stop":
            stopped = bank_process.stop(gateways.bank_dir())
            self.stdout.write("the sandbox bank is stopped" if stopped else "no sandbox bank was running")
        else:
            self._books(options["json"])

    def _books(self, json: bool) -> None:
        credits = bank.books(gateways.bank_dir())
        total_cents = sum(credit.amount_cents for credit in credits)
        if json:
            rows = [asdict(credit) | {"account": masked(credit.account[-4:])} for credit in credits]
            self.stdout.write(
                _json.dumps({"credits": len(rows), "total_cents": total_cents, "entries": rows}, default=str)
            )
        else:
            self.stdout.write(f"{len(credits):,} credits, {dollars(total_cents)}")
