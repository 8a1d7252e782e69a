"""Deposit the federal tax of an employer's run with the Treasury: one person proposes, another confirms.

    taxdeposit-<employer run>   TaxDepositProposed ─▶ TaxDepositOrdered, and again for what is owed after that
                                TaxDepositClosed, once the run is undone (payroll/undo/)

What is deposited is what is owed at that moment, less what is deposited already (tax_owed.py). So asked again nothing
is deposited again; what came back is owed again, and its next deposit has a key of its own. The order goes the way of
every other (sending.py), and its one entry says whose tax it is (ach/txp.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from events import database, projection, store, work
from events.doorbells import ring
from events.failures import NeedsReview
from events.store import NewEvent
from payroll import keys, ledger
from payroll.calc import calendar
from payroll.calc.money import dollars
from payroll.history import History
from payroll.models import Decision
from payroll.payments import ach, building, decisions, funding, remittances, repay, sending
from payroll.payments.ach import txp
from payroll.payments.building import Built
from payroll.payments.instructions import known_as
from payroll.payments.orders import REJECTED, RETURNED, TAX_DEPOSIT
from payroll.payments.tax_owed import ORDERED, PROPOSED, TAXES, Standing, due, standings
from payroll.refusal import Refused
from payroll.runs import facts_of

RECEIVER = "IRS"
CHECKING = "checking"
LEAD_DAYS = 1  # banking days before the money moves that the bank wants the file
DAYS_AHEAD = 365
BY_HAND = "have it credited to another deposit of the quarter, or to the Form 941"


class Line(NamedTuple):
    """What a command does, or would do, for one employer.

    due           cents by tax that are deposited now; empty when nothing is
    proposed_by   who has proposed exactly this; empty when nobody has
    waits         why nothing is done now; empty when something is
    """

    standing: Standing
    due: Mapping[str, int]
    effective: date
    period_end: date
    proposed_by: str
    waits: str

    @property
    def employer(self) -> str:
        return self.standing.pinned.employer


class Deposited(NamedTuple):
    """What one person's command did: by employer what they proposed, and the orders of what another had proposed."""

    lines: tuple[Line, ...]
    proposed: tuple[str, ...]
    orders: dict[str, UUID]


def preview(
    run: UUID, *, employer: str = "", effective: date | None = None, by: str = ""
) -> tuple[Line, ...]:
    """What `deposit` would do, by employer. Nothing is changed; raises Refused as it does."""
    parts = facts_of(run)["employer_runs"]
    if employer and employer not in parts:
        raise Refused(f"{employer} is not in this run")
    if not building.remits():
        raise Refused(
            "the bank takes payments over HTTP, without the addenda that says whose tax it is: deposit federal tax "
            "by EFTPS, by hand"
        )
    if not projection.catch_up() and projection.behind(ledger.NAME):
        raise Refused(
            "the ledger has not followed the log: do it again in a moment, or see what health says of it"
        )
    into, today = _treasury(), database.now().date()
    _check(effective, today)
    chosen = [parts[employer]] if employer else [parts[name] for name in sorted(parts)]
    return tuple(_line(each, into, today, effective, by) for each in standings(chosen))


def deposit(run: UUID, *, by: str, employer: str = "", effective: date | None = None) -> Deposited:
    """Propose to deposit what the employers of a run owe of federal tax, or confirm what somebody else has proposed.

    employer    of them alone
    effective   the day on which the money is to move: a banking day, the next one at the earliest; by default the day
                that was proposed, else the day on which people are paid or, once that is past, the next banking day
    raises      Refused; nothing is done
    """
    decisions.check_person(by)
    lines = preview(run, employer=employer, effective=effective, by=by)
    fresh = [each for each in lines if not each.waits and not each.proposed_by]
    made = list(_orders([each for each in lines if not each.waits and each.proposed_by]))
    lost = "somebody else decided about one of these deposits at this moment: look again"
    with decisions.by_two(lost), transaction.atomic(durable=True):
        store.append([_proposal(each, by) for each in fresh])
        for line, built in made:
            _record(line, built, by)
    ring([sending.work_id(built.order.key) for _, built in made])
    ordered = {line.employer: built.order.key for line, built in made}
    return Deposited(lines, tuple(each.employer for each in fresh), ordered)


def _line(standing: Standing, into: tuple[str, str], today: date, asked: date | None, by: str) -> Line:
    """What is done for one employer; pure of what is given."""
    first = calendar.add_banking_days(today, LEAD_DAYS)
    # Tax is owed from the day on which wages are paid: before it nothing is deposited by itself.
    usual = max(first, calendar.adjust_before(standing.moves_on))
    before = date.fromisoformat(standing.proposal.get("effective", date.min.isoformat()))
    effective = asked or (before if before >= first else usual)
    amounts = due(standing.owed)
    line = Line(standing, amounts, effective, calendar.quarter_end(standing.pinned.pay_date), "", "")
    if not amounts:
        return line._replace(waits=_nothing_due(standing))
    if {name: standing.proposal.get(name) for name in _proposed(line, into)} == _proposed(line, into):
        proposed_by = str(standing.proposal["deposit_proposed_by"])
        waits = f"{by} has proposed it already: somebody else has to confirm" if proposed_by == by else ""
        return line._replace(proposed_by=proposed_by, waits=waits)
    return line


def _nothing_due(standing: Standing) -> str:
    liability = sum(standing.liability.values())
    if not standing.instructed:
        return "nothing is owed before its payments are instructed"
    counted = [each for each in standing.made if each.counts]
    if standing.over_cents and counted:
        return f"{dollars(standing.over_cents)} more than is owed was deposited: {BY_HAND}"
    if liability < 0:
        return f"it takes {dollars(-liability)} of tax back: {BY_HAND}"
    if refused := [each for each in standing.made if each.state == REJECTED]:
        does = "redrives it" if liability else "dismisses it: nothing is owed any more"
        return f"the bank refused the file of the order {refused[-1].order}: its dead letter says why, and {does}"
    if counted:
        return (
            f"{dollars(standing.deposited_cents)} is deposited already, the order {counted[-1].order} is "
            f"{counted[-1].state}"
        )
    return "no federal tax is owed" + _for_nothing(standing)


def _for_nothing(standing: Standing) -> str:
    """What became of a deposit that pays nothing, where nothing is owed any more."""
    if not standing.made:
        return ""
    last = standing.made[-1]
    if last.state != RETURNED:
        return f" any more: the deposit of {dollars(last.cents)} was withdrawn before it was sent"
    lies = standing.to_give_back_cents
    give = (
        f", and {dollars(lies)} is to be given back to the employer: payments by-hand lists it"
        if lies
        else ""
    )
    return f" any more: the deposit of {dollars(last.cents)} came back{give}"


def _proposed(line: Line, into: tuple[str, str]) -> dict[str, Any]:
    """What is proposed, and has to be the same when it is confirmed."""
    account = known_as(line.employer, "", *into)  # a keyed hash
    return {"taxes": dict(line.due), "effective": line.effective.isoformat(), "into": account}


def _treasury() -> tuple[str, str]:
    """Routing and account number. Raises Refused."""
    into = settings.PAYROLL_TAX_ROUTING, settings.PAYROLL_TAX_ACCOUNT
    if not all(into):
        raise Refused(
            "where federal tax is deposited is not set: PAYROLL_TAX_ROUTING and PAYROLL_TAX_ACCOUNT, as EFTPS has them"
        )
    return into


def _check(effective: date | None, today: date) -> None:
    """Raises Refused when the money cannot move on this day."""
    if effective is None:
        return
    first = calendar.add_banking_days(today, LEAD_DAYS)
    if not calendar.is_banking_day(effective):
        raise Refused(
            f"{effective} is no banking day: the one before it is {calendar.adjust_before(effective)}"
        )
    if effective < first:
        raise Refused(
            f"{effective} is too soon: the bank wants the file a banking day before, so {first} is the first"
        )
    if effective > today + timedelta(days=DAYS_AHEAD):
        raise Refused(f"{effective} is more than {DAYS_AHEAD} days ahead")


def _orders(ready: Sequence[Line]) -> Iterator[tuple[Line, Built]]:
    """The orders of what was proposed; their bytes lie in storage after. Raises Refused."""
    letters: dict[str, int] = {}
    for line in ready:
        pinned = line.standing.pinned
        manifests = History(keys.employerrun_stream(pinned.employer_run)).manifests
        # What came back lies in the funding account already, as of net pay.
        lies_there = line.standing.lying_cents >= sum(line.due.values())
        try:
            yield (
                line,
                building.build_tax_deposit(
                    pinned,
                    _key(line),
                    _entry(line),
                    line.due,
                    effective=line.effective,
                    lead_days=LEAD_DAYS,
                    funded=None if lies_there else funding.of(pinned, manifests),
                    modifier=repay.letter(pinned.employer, line.effective, letters),
                ),
            )
        except (NeedsReview, ach.FileRefused) as refused:
            raise Refused(f"{line.employer}: {refused}") from refused


def _number(line: Line) -> int:
    """The place of the deposit that is made now among those of its employer's run, from 1."""
    return len(line.standing.made) + 1


def _key(line: Line) -> UUID:
    return keys.tax_deposit_key(line.standing.pinned.employer_run, txp.FORM_941, _number(line))


def _entry(line: Line) -> ach.Entry:
    payment, (routing, account) = _key(line), _treasury()
    social_security, medicare, withheld = (line.due.get(tax, 0) for tax in TAXES)
    told = txp.Deposit(line.standing.pinned.ein, line.period_end, social_security, medicare, withheld)
    return ach.Entry(
        individual_id=remittances.individual_id(payment),
        name=RECEIVER,
        routing=routing,
        account=account,
        account_type=CHECKING,
        amount_cents=told.cents,
        addenda=txp.addenda(told),
        reference=str(payment),
    )


def _proposal(line: Line, by: str) -> NewEvent:
    facts = {"employer_run": line.standing.pinned.employer_run, "deposit_proposed_by": by}
    return line.standing.history.next(PROPOSED, facts | _proposed(line, _treasury()))


def _record(line: Line, built: Built, by: str) -> None:
    """An order, the deposit that it carries, the decision, the work that sends it; the caller owns the transaction."""
    pinned, order = line.standing.pinned, built.order
    payment = str(_key(line))
    facts: dict[str, Any] = {"payment": payment, "part": _number(line), "order": str(order.key)}
    facts |= {"trace": built.traces[payment]}
    facts |= {"amount_cents": sum(line.due.values()), "taxes": dict(line.due)}
    facts |= {
        "tax": txp.FORM_941,
        "tax_period_end": line.period_end.isoformat(),
        "effective": order.effective,
    }
    facts |= {"funded": bool(order.debits_cents)}
    facts |= {"run": pinned.run, "employer_run": pinned.employer_run, "employer": pinned.employer}
    facts |= {"pay_date": pinned.pay_date.isoformat()}
    facts |= {"deposit_proposed_by": line.proposed_by, "deposit_confirmed_by": by}
    store.append([order.event(), line.standing.history.next(ORDERED, facts)])
    name = order.event().stream
    Decision.objects.create(
        id=keys.key("decision", name, TAX_DEPOSIT),
        subject=name,
        decision=TAX_DEPOSIT,
        maker=line.proposed_by,
        checker=by,
    )
    work.enqueue([sending.new_work(order, parent=None, payments_cents=order.credits_cents)])
