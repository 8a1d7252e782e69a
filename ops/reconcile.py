"""Ledger, payments and bank, held against each other: three books of the same money, kept by three different writers.

payments   what paychecks instructed           payroll_payment, from the log
ledger     what the bank was told to pay       net_pay_clearing, posted when an order is accepted
bank       what the bank has booked            its own books, or its settlement report
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from events import projection
from events.database import rows
from payroll import ledger
from payroll.calc.money import dollars
from payroll.payments import bank, gateways, orders
from payroll.payments.orders import ACCEPTED, SENDING, SETTLED, UNKNOWN
from payroll.projections import PAYCHECKS, RUNS

SANDBOX = "sandbox-bank"
UNKNOWN_H_MAX = 24  # an answer that is missing for longer is looked for by a person

ORDERS = """
with carried as (
  select "order", sum(amount_cents)::bigint as cents from payroll_payment group by "order"),
posted as (
  select t.order_key, -sum(l.amount_cents)::bigint as cents
    from payroll_ledgertransaction t join payroll_ledgerleg l on l.transaction_id = t.id
   where t.event in ('OrderAccepted', 'OrderResolved') and l.account = 'net_pay_clearing'
   group by t.order_key)
select o."order"::text, o.kind, o.employer, o.pay_date, o.facts ->> 'state', o.gateway, o.credits_cents, o.debits_cents,
       coalesce(carried.cents, 0), coalesce(posted.cents, 0), extract(epoch from clock_timestamp() - o.last_at)
  from payroll_payorder o
  left join carried on carried."order" = o."order"
  left join posted on posted.order_key = o."order"::text
 where %(run)s::uuid is null or o.run = %(run)s
 order by o.pay_date, o.employer, o."order"
"""

RETURNED = """
select coalesce(sum(p.amount_cents), 0)::bigint
  from payroll_payment p left join payroll_payorder o on o."order" = (p.facts ->> 'reissue_order')::uuid
 where p.state_of_its_own = 'returned' and p.method not in ('remit', 'deposit')
   and coalesce(o.facts ->> 'state', '') not in ('accepted', 'settled')
   and (%(run)s::uuid is null or p.run = %(run)s)
"""
OWED_AGAIN = """
select coalesce(-sum(l.amount_cents), 0)::bigint
  from payroll_ledgertransaction t join payroll_ledgerleg l on l.transaction_id = t.id
 where l.account = 'returns' and (%(run)s::uuid is null or t.run = %(run)s)
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One order in three books, in cents; bank_cents is None where we cannot look into the bank's."""

    order: str
    kind: str
    employer: str
    pay_date: str
    state: str
    payments_cents: int
    ledger_cents: int
    bank_cents: int | None

    @property
    def agrees(self) -> bool:
        """Whether the books say the same, as far as the order has come."""
        if self.state in {ACCEPTED, SETTLED}:
            return self.ledger_cents == self.payments_cents and self.bank_cents in {None, self.payments_cents}
        in_doubt = {None, 0, self.payments_cents} if self.state in {SENDING, UNKNOWN} else {None, 0}
        return self.ledger_cents == 0 and self.bank_cents in in_doubt


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Every order, and what does not agree, one sentence each."""

    lines: list[Line]
    findings: list[str]


def reconcile(run: UUID | str | None = None) -> Reconciled:
    """Hold the three books against each other, for a run or for all of them."""
    projection.catch_up(RUNS, PAYCHECKS, ledger.NAME)
    booked: dict[str, int] = {}
    debited: dict[str, int] = {}
    for moved in bank.movements(gateways.bank_dir()):
        if moved.live:
            book = booked if moved.direction == "credit" else debited
            book[str(moved.key)] = book.get(str(moved.key), 0) + moved.amount_cents
    lines: list[Line] = []
    findings: list[str] = []
    for key, kind, employer, pay_date, state, gateway, created, debits, carried, posted, age_s in rows(
        ORDERS, {"run": run}
    ):
        at_bank = booked.get(key, 0) if gateway == SANDBOX and kind != orders.REVERSAL else None
        line = Line(key, kind, employer, pay_date, state, carried, posted, at_bank)
        lines.append(line)
        findings += _differences(line, created, age_s / 3600)
        if at_bank and debited.get(key, 0) != debits:
            findings.append(
                f"{employer}, {pay_date}, order {key}: the bank has debited {dollars(debited.get(key, 0))} by it, "
                f"it was made of {dollars(debits)}"
            )
    findings += _returns(run)
    if run is None:
        findings += _strange(booked)
    return Reconciled(lines, findings)


def _differences(line: Line, created_cents: int, age_h: float) -> Iterator[str]:
    what = f"{line.employer}, {line.pay_date}, order {line.order}"
    if line.kind != orders.REVERSAL and line.payments_cents != created_cents:
        yield f"{what}: it was made of {dollars(created_cents)}, its payments are {dollars(line.payments_cents)}"
    if not line.agrees:
        at_bank = "unseen" if line.bank_cents is None else dollars(line.bank_cents)
        yield (
            f"{what} is {line.state}: payments {dollars(line.payments_cents)}, "
            f"ledger {dollars(line.ledger_cents)}, bank {at_bank}"
        )
    if line.state in {SENDING, UNKNOWN} and age_h > UNKNOWN_H_MAX:
        yield f"{what} has been {line.state} for {age_h:.0f} h: look at the bank's statement, then payments resolve"


def _returns(run: UUID | str | None) -> Iterator[str]:
    """What came back and was not paid again, or the bank has not yet taken, is what the ledger owes for it."""
    ((returned,),), ((owed,),) = rows(RETURNED, {"run": run}), rows(OWED_AGAIN, {"run": run})
    if returned != owed:
        yield f"{dollars(returned)} came back and was not paid again, and the ledger owes {dollars(owed)} for it"


def _strange(booked: dict[str, int]) -> Iterator[str]:
    """What the bank has booked under keys that no order has."""
    known = {str(key) for (key,) in rows('select "order" from payroll_payorder')}
    for key in sorted(booked.keys() - known):
        yield f"the bank has booked {dollars(booked[key])} under the key {key}, which no order has"
