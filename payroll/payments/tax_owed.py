"""What an employer's run owes of Form 941 taxes: what the ledger holds of it, less every deposit that stands."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from events import store
from events.database import rows
from payroll import keys
from payroll.history import History
from payroll.manifest import Pinned
from payroll.payments import orders
from payroll.payments.orders import REJECTED, RETURNED, WITHDRAWN, Order
from payroll.payments.same_day import POSTPONED

PROPOSED, ORDERED = "TaxDepositProposed", "TaxDepositOrdered"
CLOSED = "TaxDepositClosed"  # the run is undone: what was proposed stands no more
# Accounts of the ledger that Form 941 adds up, in the order of their amount types.
TAXES = ("social_security", "medicare", "federal_income_tax")

# What raised a tax or lowered it, and is about no order: what orders paid of it is known from their own streams.
LIABILITY = """
select t.employer_run::text, l.account, -sum(l.amount_cents)::bigint
  from payroll_ledgertransaction t join payroll_ledgerleg l on l.transaction_id = t.id
 where t.employer_run = any(%(parts)s::uuid[]) and t.order_key = '' and l.account = any(%(taxes)s)
 group by t.employer_run, l.account
"""


class Made(NamedTuple):
    """A deposit that was ordered; `state` is that of its order, or returned.

    amounts   cents by tax
    funded    whether its file took the money from the employer's own account
    carrier   its order, as it was when this was read
    """

    key: UUID
    order: UUID
    state: str
    cents: int
    amounts: Mapping[str, int]
    funded: bool
    carrier: Order

    @property
    def counts(self) -> bool:
        """Whether it pays what is owed: it did not come back, nor was withdrawn. A refused file may be sent again."""
        return self.state not in {RETURNED, WITHDRAWN}


class Standing(NamedTuple):
    """An employer's run as to its federal tax: what it owes by tax, what was deposited, what was proposed last.

    moves_on    the day on which people are paid: another than the pay date where it was postponed
    liability   cents by tax, below zero where a correction or a void took more back than is owed
    proposal    facts of the proposal that nobody has confirmed; empty without one
    """

    history: History
    pinned: Pinned
    instructed: bool
    moves_on: date
    liability: Mapping[str, int]
    made: Sequence[Made]
    proposal: Mapping[str, Any]

    @property
    def deposited_cents(self) -> int:
        return sum(each.cents for each in self.made if each.counts)

    @property
    def owed(self) -> dict[str, int]:
        """What is still to be deposited, by tax; below zero where too much was."""
        return {
            tax: self.liability.get(tax, 0)
            - sum(each.amounts.get(tax, 0) for each in self.made if each.counts)
            for tax in TAXES
        }

    @property
    def over_cents(self) -> int:
        """How much more was deposited than is owed; a file that the bank refused deposited nothing."""
        deposited = sum(each.cents for each in self.made if each.counts and each.state != REJECTED)
        return max(0, deposited - sum(self.liability.values()))

    @property
    def lying_cents(self) -> int:
        """What came back and lies in the funding account, less what was deposited from there since."""
        back = sum(each.cents for each in self.made if each.state == RETURNED)
        return back - sum(each.cents for each in self.made if not each.funded and each.state != WITHDRAWN)

    @property
    def to_give_back_cents(self) -> int:
        """What lies in the funding account, once nothing is due that could be deposited from there."""
        return max(0, self.lying_cents) if sum(self.owed.values()) <= 0 else 0


def due(owed: Mapping[str, int]) -> dict[str, int]:
    """How much of each tax to deposit, so that together it is what is owed together; pure.

    owed      cents by tax; one below zero was deposited too much, and lowers the others, the largest first
    returns   cents above zero by tax; nothing when nothing is owed together
    """
    over = -sum(cents for cents in owed.values() if cents < 0)
    amounts = {}
    for tax in sorted(owed, key=lambda tax: -owed[tax]):
        taken = min(over, max(0, owed[tax]))
        over -= taken
        amounts[tax] = max(0, owed[tax]) - taken
    return {tax: amounts[tax] for tax in owed if amounts[tax]} if over == 0 else {}


def standings(employer_runs: Collection[str]) -> list[Standing]:
    """Where employer's runs stand as to federal tax, in the order given; as far as the ledger has followed the log."""
    liability: dict[str, dict[str, int]] = {}
    for part, tax, cents in rows(LIABILITY, {"parts": list(employer_runs), "taxes": list(TAXES)}):
        liability.setdefault(part, {})[tax] = cents
    return [_standing(each, liability.get(each, {})) for each in employer_runs]


def _standing(employer_run: str, liability: Mapping[str, int]) -> Standing:
    history = History(keys.tax_deposit_stream(employer_run))
    facts = History(keys.employerrun_stream(employer_run)).facts
    last = history.events[-1] if history.events else None
    pinned = Pinned.of(facts["EmployerRunOpened"])
    postponed_to = facts.get(POSTPONED, {}).get("settles_on")
    return Standing(
        history=history,
        pinned=pinned,
        instructed="PaymentsInstructed" in facts,
        moves_on=date.fromisoformat(postponed_to) if postponed_to else pinned.pay_date,
        liability=liability,
        made=made_of(history),
        proposal=last.data if last and last.type == PROPOSED else {},
    )


def made_of(history: History) -> list[Made]:
    """The deposits that were ordered for an employer's run, of its stream, in their order."""
    return [_made(event.data) for event in history.events if event.type == ORDERED]


def _made(ordered: Mapping[str, Any]) -> Made:
    own, carrier = store.read(f"payment-{ordered['payment']}"), Order(orders.stream(ordered["order"]))
    state = own[-1].data["state"] if own else carrier.state
    return Made(
        key=UUID(ordered["payment"]),
        order=UUID(ordered["order"]),
        state=state,
        cents=ordered["amount_cents"],
        amounts=ordered["taxes"],
        funded=ordered["funded"],
        carrier=carrier,
    )
