"""The bank: import what it sends back, apply what it asks to be changed; the sandbox bank, and its books."""

import json as _json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from payroll.calc.money import dollars
from payroll.models.roster import masked
from payroll.payments import bank, bank_process, gateways, imports, pay_accounts
from payroll.refusal import Refused

FILE_BYTES_MAX = 64 << 20


class Command(BaseCommand):
    help = "Import what the bank sends back. The sandbox bank: a process of its own, with books of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("sandbox", help="start it if it is not running, and tell where it answers")
        verbs.add_parser("stop", help="stop it; its books stay")
        verbs.add_parser("books", help="what it has booked").add_argument("--json", action="store_true")
        come = verbs.add_parser(
            "import", help="returns, notices of change, acknowledgements, settlement reports; each file once"
        )
        come.add_argument("file", type=Path, metavar="FILE")
        come.add_argument("--as", dest="user", default=imports.BY_OPERATOR, metavar="USER")
        come.add_argument("--json", action="store_true")
        verbs.add_parser("held", help="whose pay would go to an account that it came back from").add_argument(
            "--json", action="store_true"
        )
        changes = verbs.add_parser("changes", help="what the bank asks to be changed of people's accounts")
        what = changes.add_subparsers(dest="what")
        what.add_parser("list", help="every change that was noticed").add_argument(
            "--json", action="store_true"
        )
        apply = what.add_parser("apply", help="write one to the roster; not by who imported it")
        apply.add_argument("id", metavar="ID", help="of the change, or the beginning of it")
        apply.add_argument("--as", dest="user", required=True, metavar="USER")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            self._do(verb, options)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        except bank_process.BankNotRunning as down:
            raise CommandError(str(down)) from None

    def _do(self, verb: str, options: dict[str, Any]) -> None:
        if verb == "sandbox":
            self.stdout.write(bank_process.ensure_running(gateways.bank_dir()).url)
        elif verb == "stop":
            stopped = bank_process.stop(gateways.bank_dir())
            self.stdout.write("the sandbox bank is stopped" if stopped else "no sandbox bank was running")
        elif verb == "books":
            self._books(options["json"])
        elif verb == "import":
            self._import(options["file"], options["user"], options["json"])
        elif verb == "held":
            rows = [held._asdict() for held in pay_accounts.listed()]
            self._list(rows, options["json"])
        elif options["what"] == "apply":
            done = pay_accounts.apply(options["id"], by=options["user"])
            self.stdout.write(f"{done.employer}/{done.employee_id}: {done.code} is in the roster")
        else:
            rows = [change._asdict() for change in pay_accounts.changes()]
            self._list(rows, options.get("json", False))

    def _import(self, file: Path, user: str, json: bool) -> None:
        """Findings leave by the exit code too: what is not ours has to be looked at."""
        try:
            if file.stat().st_size > FILE_BYTES_MAX:
                raise CommandError(f"{file.name} is larger than any file of a bank")
            content = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file.name} cannot be read: {error.strerror}") from None
        told = imports.import_file(content, name=file.name, by=user)
        if json:
            self.stdout.write(_json.dumps(told._asdict()))
        else:
            again = "" if told.new else "imported before, and nothing was done; then: "
            self.stdout.write(f"{told.kind}: {again}{told.matched:,} matched, {told.unmatched:,} did not")
            for finding in told.findings:
                self.stdout.write(f"  {finding}")
        if told.unmatched:
            raise CommandError(f"{told.unmatched:,} of it fit nothing of ours", returncode=2)

    def _list(self, rows: list[dict[str, Any]], json: bool) -> None:
        if json:
            self.stdout.write(_json.dumps(rows, default=str))
            return
        for row in rows:
            self.stdout.write("  ".join(str(value) for value in row.values()))
        if not rows:
            self.stdout.write("none")

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
