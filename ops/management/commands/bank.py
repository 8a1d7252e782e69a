"""The sandbox bank: run it, read its books, fetch what it gives back."""

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
from payroll.payments import bank, bank_process, gateways


class Command(BaseCommand):
    help = "The sandbox bank: a process of its own, with books of its own."

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

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            self._do(verb, options)
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
        else:
            self._outgoing(options["to"])

    def _sandbox(self, port: int, script: Path | None, webhook: str | None) -> None:
        """Start it and tell it what was asked; everything is read before anything is started."""
        if not 0 <= port < 1 << 16:
            raise CommandError("a port is a number up to 65535")
        told: list[tuple[str, object]] = []
        if script is not None:
            told.append(("/script", _read(script)))
        if webhook is not None:
            secret = settings.PAYROLL_GATEWAY_WEBHOOK_SECRET
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
