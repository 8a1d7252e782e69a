"""The ledger: what each account comes to, and the transactions that it is made of."""

import json as _json
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management import BaseCommand, CommandError

from events import checkpoints, projection
from ops.status import find_run
from payroll import ledger
from payroll.calc.money import dollars
from payroll.ledger.balance import Sum, TrialBalance, transactions
from payroll.models import Employer
from payroll.runs import Refused, facts_of


class Command(BaseCommand):
    help = "Show the ledger's trial balance, or the transactions of a run with their legs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        balance = verbs.add_parser("trial-balance", help="debits, credits and balance of every account")
        balance.add_argument("--run", help="of this pay run: its id, or the beginning of it")
        legs = verbs.add_parser("legs", help="every transaction of a run, and the event that posted it")
        legs.add_argument("run", help="the run's id, or the beginning of it")
        for verb in (balance, legs):
            verb.add_argument("--employer", metavar="ID", help="of this employer")
            verb.add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, run: str | None, employer: str | None, **options: Any) -> None:
        try:
            of = chosen(run, employer)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        projection.catch_up()
        show = self.show_legs if verb == "legs" else self.show_balance
        show(of, employer, json=options["json"])
        if why := checkpoints.stopped().get(ledger.NAME):
            raise CommandError(f"the ledger lacks what the log holds, it cannot be folded any further: {why}")

    def show_balance(self, run: str | None, employer: str | None, *, json: bool) -> None:
        balance = TrialBalance(run=run, employer=employer)
        if json:
            accounts = [{"account": name, **cents(each)} for name, each in balance.accounts.items()]
            parts = [part._asdict() | cents(each) for part, each in balance.parts.items()]
            shown = {"run": run, "employer": employer, "accounts": accounts, "parts": parts}
            self.stdout.write(_json.dumps(shown | cents(balance.total)))
        else:
            self.table("account", balance.accounts.items())
            parts_of = ((f"{part.employer} {part.run[:8]}", each) for part, each in balance.parts.items())
            self.table("employer and run", parts_of)
            self.table("", [("sum", balance.total)])
        if balance.total.balance_cents:
            raise CommandError(
                f"the ledger does not balance: its legs sum to {dollars(balance.total.balance_cents)}. "
                "Run rebuild --check, and find out who wrote to it"
            )

    def show_legs(self, run: str | None, employer: str | None, *, json: bool) -> None:
        assert run is not None
        found = list(transactions(run, employer))
        if json:
            shown = [
                {
                    "transaction": each.id,
                    "event": each.event,
                    "employer": each.employer,
                    "recorded_at": each.recorded_at.isoformat(),
                    "order": each.order_key,
                    "legs": [{"account": leg.account, "cents": leg.amount_cents} for leg in each.legs.all()],
                }
                for each in found
            ]
            self.stdout.write(_json.dumps({"run": run, "transactions": shown}))
            return
        for each in found:
            self.stdout.write(
                f"{each.employer}  {each.event}  {each.recorded_at:%Y-%m-%d %H:%M:%S}  {each.id}"
            )
            for leg in each.legs.all():
                side = "Dr" if leg.amount_cents > 0 else "  Cr"
                self.stdout.write(f"    {f'{side} {leg.account}':<44} {dollars(leg.amount_cents):>16}")
        if not found:
            self.stdout.write("nothing is posted: it begins when payments are instructed")

    def table(self, title: str, lines: Iterable[tuple[str, Sum]]) -> None:
        """Names and amounts; a title of its own where there is one."""
        if title:
            self.stdout.write(f"{title:<40} {'debits':>16} {'credits':>16} {'balance':>16}")
        for name, each in lines:
            amounts = (each.debits_cents, each.credits_cents, each.balance_cents)
            self.stdout.write(f"{name:<40} {' '.join(f'{dollars(amount):>16}' for amount in amounts)}")
        if title:
            self.stdout.write("")


def cents(each: Sum) -> dict[str, int]:
    """A sum for a program."""
    return each._asdict() | {"balance_cents": each.balance_cents}


def chosen(run: str | None, employer: str | None) -> str | None:
    """The id of the run that was meant, if one was.

    raises   Refused when there is no such run or employer, or the employer is not in the run
    """
    if run is None:
        if employer and not Employer.objects.filter(id=employer).exists():
            raise Refused(f"there is no employer {employer}")
        return None
    found = str(find_run(run).run)
    if employer and employer not in facts_of(found)["employer_runs"]:
        raise Refused(f"{employer} is not in the pay run {found}: payrun status shows who is")
    return found
