"""Whether the ledger of a run is what the log says: it balances, and folded again it is the same, leg by leg."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from events import checkpoints, projection
from events.database import rows
from payroll import keys, ledger
from payroll.calc.money import dollars
from payroll.control import control_totals
from payroll.ledger.balance import TrialBalance
from payroll.models import LedgerLeg, LedgerTransaction
from payroll.runs import facts_of

ABOUT = ("event", "employer", "run", "employer_run", "order_key", "recorded_at")

OWED = ("wages_payable", "checks_issued")

# The streams whose events may post something of a run.
STREAMS = """
select unnest(%(parts)s::text[]) as stream
union
select voided.stream
  from unnest(%(paychecks)s::text[]) prefix
  join events_event voided on voided.stream >= prefix and voided.stream < prefix || chr(1114111)
   and voided.type = 'PaycheckVoided'
union
select stream from events_event
 where stream >= 'order-' and stream < 'order.' and version = 1 and data ->> 'run' = %(run)s
union
select stream from events_event
 where stream >= 'payment-' and stream < 'payment.'
   and type in ('PaymentReturned', 'PaymentReversed', 'ReversalReturned')
   and 'employerrun-' || (data ->> 'employer_run') = any(%(parts)s)
union
select stream from events_event
 where stream >= 'recovery-' and stream < 'recovery.' and version = 1
   and 'employerrun-' || (data ->> 'employer_run') = any(%(parts)s)
"""

# As far as the ledger itself has followed the log.
OF_STREAMS = """stream = any(%(streams)s)
     and (xid, position) <= (select xid::xid8, position from events_checkpoint where name = %(name)s)"""

AGAIN = f"""{ledger.postings(OF_STREAMS)}
select id, {", ".join(ABOUT)}, number, account, amount_cents from posting
"""  # noqa: S608

UNBALANCED = """
select t.id, count(l.number), coalesce(sum(l.amount_cents), 0)::bigint
  from payroll_ledgertransaction t left join payroll_ledgerleg l on l.transaction_id = t.id
 where t.run = %s
 group by t.id having count(l.number) < 2 or sum(l.amount_cents) <> 0
 order by t.id
"""


class Posted(NamedTuple):
    """A transaction: what it is about, and its legs by number as account and signed cents."""

    about: dict[str, Any]
    legs: dict[int, tuple[str, int]]


def ledger_findings(run: UUID | str) -> Iterator[str]:
    """What is wrong with the ledger of a run; nothing when it balances and is what the log says."""
    if why := checkpoints.stopped().get(ledger.NAME):
        yield f"the ledger cannot be folded any further: {why}"
    elif projection.behind(ledger.NAME):
        yield "the log holds events that the ledger has not folded: start a worker or beat"
    for transaction, legs, cents in rows(UNBALANCED, [str(run)]):
        yield f"{transaction} has {legs} legs that sum to {dollars(cents)}"
    for part, total in TrialBalance(run=run).parts.items():
        if total.balance_cents:
            yield f"the legs of {part.employer} sum to {dollars(total.balance_cents)}"
    parts = facts_of(run)["employer_runs"]
    log, stored = _again(run, parts), _stored(run)
    # What says that it is of another run is found by its id.
    stored |= _with_legs(LedgerTransaction.objects.filter(id__in=log.keys() - stored.keys()))
    for transaction in sorted(log.keys() | stored.keys()):
        yield from _differences(transaction, log.get(transaction), stored.get(transaction))
    yield from _net_pay(parts, stored)


def _again(run: UUID | str, parts: dict[str, str]) -> dict[str, Posted]:
    """What the log posts for a run."""
    where = {
        "run": str(run),
        "parts": [keys.employerrun_stream(part) for part in parts.values()],
        "paychecks": [keys.paycheck_prefix(part) for part in parts.values()],
    }
    streams = [stream for (stream,) in rows(STREAMS, where)]
    found: dict[str, Posted] = {}
    for transaction, *about, number, account, cents in rows(AGAIN, {"streams": streams, "name": ledger.NAME}):
        posted = found.setdefault(transaction, Posted(dict(zip(ABOUT, about, strict=True)), {}))
        posted.legs[number] = account, cents
    return found


def _stored(run: UUID | str) -> dict[str, Posted]:
    return _with_legs(LedgerTransaction.objects.filter(run=run))


def _with_legs(chosen: Any) -> dict[str, Posted]:
    """Transactions and their legs, as the ledger holds them."""
    found = {
        row["id"]: Posted({name: row[name] for name in ABOUT}, {}) for row in chosen.values("id", *ABOUT)
    }
    legs = LedgerLeg.objects.filter(transaction_id__in=found)
    for leg in legs:
        found[leg.transaction_id].legs[leg.number] = leg.account, leg.amount_cents
    return found


def _differences(transaction: str, log: Posted | None, stored: Posted | None) -> Iterator[str]:
    if stored is None:
        yield f"{transaction} is not in the ledger, and the log posts it"
        return
    if log is None:
        yield f"{transaction} is in the ledger, and the log posts nothing for it"
        return
    if wrong := [name for name in ABOUT if log.about[name] != stored.about[name]]:
        yield f"{transaction} has another {', '.join(wrong)} than the log says"
    for number in sorted(log.legs.keys() | stored.legs.keys()):
        wanted, found = log.legs.get(number), stored.legs.get(number)
        if wanted != found:
            yield f"{transaction} leg {number} is {_words(found)}, and the log posts {_words(wanted)}"


def _words(leg: tuple[str, int] | None) -> str:
    return f"{leg[0]} {dollars(leg[1])}" if leg else "missing"


def _net_pay(parts: dict[str, str], stored: dict[str, Posted]) -> Iterator[str]:
    """What an instruction made payable is the net pay that the control totals add up, by a statement of their own."""
    for employer, part in parts.items():
        payable_cents = 0
        instructed = [
            posted
            for posted in stored.values()
            if posted.about["event"] == "PaymentsInstructed" and str(posted.about["employer_run"]) == part
        ]
        for posted in instructed:
            # Checks are taken off it in the same transaction.
            payable_cents -= sum(cents for account, cents in posted.legs.values() if account in OWED)
        net_cents = control_totals(part).net_cents
        if instructed and payable_cents != net_cents:
            yield f"{employer} has wages payable of {dollars(payable_cents)}, the log net pay of {dollars(net_cents)}"
