"""Deposits of federal tax in words: what `payments deposit` says, and what the status of a run says of them."""

from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings

from events import projection, store
from payroll import keys, ledger
from payroll.calc.money import dollars
from payroll.models import EmployerRun
from payroll.payments import tax_deposits, tax_owed
from payroll.payments.orders import RETURNED, WITHDRAWN
from payroll.payments.tax_deposits import Deposited, Line
from payroll.payments.tax_owed import TAXES, Made, Standing
from payroll.refusal import Refused

COMPLETED = "EmployerRunCompleted"


def told(run: UUID, lines: Sequence[Line], done: Deposited | None) -> dict[str, Any]:
    """As one JSON object; amounts in cents."""
    facts: dict[str, Any] = {"run": str(run), "deposits": [_facts(each) for each in lines]}
    if done:
        facts["proposed"] = list(done.proposed)
        facts["orders"] = {employer: str(key) for employer, key in done.orders.items()}
    return facts


def in_words(lines: Sequence[Line], done: Deposited | None) -> str:
    """For people: a line for each employer."""
    said = [_words(each, done) for each in lines]
    if done and done.proposed:
        said.append("Somebody else has to say the same, with the same command")
    return "\n".join(said)


def notes(parts: Sequence[EmployerRun]) -> Iterator[str]:
    """What was deposited of employer's runs, or proposed; and where deposits are made here, what is still to be."""
    streams = {keys.tax_deposit_stream(each.employer_run): each for each in parts}
    begun = store.read_each(streams)
    chosen = [
        str(part.employer_run)
        for stream, part in streams.items()
        if begun.get(stream) or (settings.PAYROLL_TAX_ACCOUNT and part.last_event == COMPLETED)
    ]
    followed = bool(chosen) and not projection.behind(ledger.NAME)  # else what is owed is not known yet
    for standing in tax_owed.standings(chosen) if chosen else ():
        if said := _standing(standing, followed):
            yield f"{standing.pinned.employer}: {said}"


def _standing(standing: Standing, followed: bool) -> str:
    said = list(_made(standing.made))
    if standing.proposal:
        cents = sum(standing.proposal["taxes"].values())
        by = standing.proposal["deposit_proposed_by"]
        said.append(
            f"a deposit of {dollars(cents)} of federal tax, proposed by {by}, waits for somebody else"
        )
    owed = sum(standing.owed.values())
    if owed > 0 and followed:
        said.append(f"federal tax still to be deposited: {dollars(owed)}")
    elif owed < 0 and followed and not standing.deposited_cents:  # else it is among what is left to people
        said.append(f"{dollars(-owed)} of federal tax is taken back")
    return "; ".join(said)


def _made(made: Sequence[Made]) -> Iterator[str]:
    """The deposits that were ordered: those that count, and those that deposited nothing in the end."""
    ways = (
        ("federal tax deposited", [each for each in made if each.counts]),
        ("federal tax deposited, and came back", [each for each in made if each.state == RETURNED]),
        (
            "a deposit of federal tax withdrawn before it was sent",
            [each for each in made if each.state == WITHDRAWN],
        ),
    )
    for words, of in ways:
        if each_of := [f"{dollars(each.cents)} by the order {each.order} ({each.state})" for each in of]:
            yield f"{words}: {', '.join(each_of)}"


def _facts(line: Line) -> dict[str, Any]:
    standing = line.standing
    return {
        "employer": line.employer,
        "employer_run": standing.pinned.employer_run,
        "liability_cents": sum(standing.liability.values()),
        "deposited_cents": standing.deposited_cents,
        "due_cents": sum(line.due.values()),
        **{f"{tax}_cents": line.due.get(tax, 0) for tax in TAXES},
        "tax_period_end": line.period_end.isoformat(),
        "effective": line.effective.isoformat(),
        "proposed_by": line.proposed_by,
        "waits": line.waits,
    }


def _words(line: Line, done: Deposited | None) -> str:
    if line.waits:
        return f"{line.employer:<14} {'':>16}  {line.waits}"
    split = ", ".join(f"{tax.replace('_', ' ')} {dollars(cents)}" for tax, cents in line.due.items())
    if done is None:
        does = f"would confirm what {line.proposed_by} proposed" if line.proposed_by else "would be proposed"
    else:
        does = f"the order {done.orders[line.employer]}" if line.proposed_by else "proposed"
    amount = dollars(sum(line.due.values()))
    when = f"on {line.effective}, for the quarter to {line.period_end}"
    return f"{line.employer:<14} {amount:>16}  {does}: {split}; {when}"


def carry_out(
    run: UUID, *, user: str, employer: str, effective: date | None, preview: bool
) -> tuple[Sequence[Line], Deposited | None]:
    """Look, or propose and confirm. Raises Refused."""
    if preview:
        return tax_deposits.preview(run, employer=employer, effective=effective, by=user), None
    if not user:
        raise Refused("who deposits it? Name them with --as, or look with --preview")
    done = tax_deposits.deposit(run, by=user, employer=employer, effective=effective)
    return done.lines, done


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day such as 2026-11-23") from None


def add_arguments(verbs: Any) -> None:
    """The verb that deposits federal tax."""
    deposit = verbs.add_parser(
        "deposit",
        help="deposit federal tax of a run (Form 941) by ACH credit; the second person who says the same confirms it",
    )
    deposit.add_argument("run", metavar="RUN", help="the run's id, or the beginning of it")
    deposit.add_argument(
        "--employer", default="", metavar="ID", help="of one employer alone (default: of all)"
    )
    deposit.add_argument(
        "--effective",
        type=_day,
        metavar="DATE",
        help="the banking day on which the money is to move (default: the payday, once it is past the next day)",
    )
    deposit.add_argument("--as", dest="user", default="", metavar="USER", help="who proposes, or confirms")
    deposit.add_argument("--preview", action="store_true", help="show what would be done, and do nothing")
    deposit.add_argument("--json", action="store_true")
