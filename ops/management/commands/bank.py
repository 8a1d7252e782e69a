"""The bank: import what it sends back, apply what it asks to be changed; the sandbox bank, its books, its post."""

import json as _json
from argparse import ArgumentParser
from collections import defaultdict
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
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
        sandbox = verbs.add_parser("sandbox", help="start it if it is not running, and tell where it answers")
        sandbox.add_argument("--port", type=int, default=0, help="where it is to answer; default: as before")
        sandbox.add_argument("--script", type=Path, metavar="FILE", help="what it is to do wrong, as JSON")
        sandbox.add_argument(
            "--webhook", metavar="URL", help="whom it tells, signed with the gateway's secret"
        )
        verbs.add_parser("stop", help="stop it; its books stay")
        verbs.add_parser("books", help="what it has booked").add_argument("--json", action="store_true")
        outgoing = verbs.add_parser("outgoing", help="what it has for us: acknowledgements, returns, reports")
        outgoing.add_argument("--to", type=Path, metavar="DIR", help="save them there")
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
            self._sandbox(options["port"], options["script"], options["webhook"])
        elif verb == "stop":
            stopped = bank_process.stop(gateways.bank_dir())
            self.stdout.write("the sandbox bank is stopped" if stopped else "no sandbox bank was running")
        elif verb == "books":
            self._books(options["json"])
        elif verb == "outgoing":
            self._outgoing(options["to"])
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

    def _sandbox(self, port: int, script: Path | None, webhook: str | None) -> None:
        """Start it and tell it what was asked; everything is read before anything is started."""
        if not 0 <= port < 1 << 16:
            raise CommandError("a port is a number up to 65535")
        told: list[tuple[str, object]] = []
        if script is not None:
            told.append(("/script", _read(script)))
        if webhook is not None:
            secret = settings.PAYROLL_GATEWAY_WEBHOOK_SECRET.split(",")[0]
            if not secret:
                raise CommandError("PAYROLL_GATEWAY_WEBHOOK_SECRET is not set: the bank signs what it tells")
            told.append(("/webhook", {"url": webhook, "secret": secret}))
        address = bank.ensure_running(gateways.bank_dir(), port=port)
        if port not in {0, urlsplit(address.url).port}:
            raise CommandError(f"it answers at {address.url} already; stop it first to have it elsewhere")
        for path, document in told:
            try:
                status, answer = bank.tell(address, "POST", path, document)
            except (OSError, HTTPException) as error:
                raise CommandError("the sandbox bank does not answer") from error
            if status != HTTPStatus.OK:
                raise CommandError(f"the bank refuses it: {_json.loads(answer)['error']}")
        self.stdout.write(address.url)

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
            for finding in (*told.findings, *told.notes):
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
        moved = [movement for movement in bank.movements(gateways.bank_dir()) if movement.live]
        sums = {
            f"{way}s": [movement for movement in moved if movement.direction == way]
            for way in ("credit", "debit")
        }
        totals = {way: sum(m.amount_cents for m in found) for way, found in sums.items()}
        if not json:
            for way, found in sums.items():
                if found or way == "credits":
                    self.stdout.write(f"{len(found):,} {way}, {dollars(totals[way])}")
            return
        document = {
            **{way: len(found) for way, found in sums.items()},
            "total_cents": totals["credits"],
            **{f"{way}_cents": cents for way, cents in totals.items()},
            "files": bank.files(gateways.bank_dir()),
            "people": _people(moved),
            "entries": [asdict(m) | {"account": masked(m.account[-4:])} for m in moved],
        }
        self.stdout.write(_json.dumps(document, default=str))

    def _outgoing(self, to: Path | None) -> None:
        files = bank.outgoing(gateways.bank_dir())
        if to is not None:
            _save(files, to)
        for name, _ in files:
            self.stdout.write(str(to / name) if to else name)


def _people(moved: list[bank.Movement]) -> list[dict[str, Any]]:
    """What each account holder of a company got and gave, and how much of it came back."""
    people: dict[tuple[str, str], list[bank.Movement]] = defaultdict(list)
    for movement in moved:
        people[movement.company_id, movement.individual_id].append(movement)
    return [
        {
            "company_id": company_id,
            "individual_id": individual_id,
            "accounts": sorted({masked(movement.account[-4:]) for movement in own}),
            "credits_cents": sum(m.amount_cents for m in own if m.direction == "credit"),
            "debits_cents": sum(m.amount_cents for m in own if m.direction == "debit"),
            "returned_credits_cents": _returned_cents(own, "credit"),
            "returned_debits_cents": _returned_cents(own, "debit"),
        }
        for (company_id, individual_id), own in sorted(people.items())
    ]


def _returned_cents(own: list[bank.Movement], direction: str) -> int:
    return sum(m.amount_cents for m in own if m.return_code and m.direction == direction)


def _read(script: Path) -> object:
    try:
        return _json.loads(script.read_bytes())
    except OSError as error:
        raise CommandError(f"{script} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CommandError(f"{script} is not JSON") from None


def _save(files: list[tuple[str, bytes]], to: Path) -> None:
    """Write each file once, for its owner only; one that is there already with these bytes is left."""
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files:
            path = to / name
            if path.exists():
                if path.read_bytes() != content:
                    raise CommandError(f"{path} is there already, with other content: nothing was replaced")
                continue
            draft = path.with_name(f".{name}.part")
            draft.touch(mode=0o600)
            draft.write_bytes(content)
            draft.replace(path)
    except OSError as error:
        raise CommandError(f"{to} cannot be written: {error.strerror}") from None
