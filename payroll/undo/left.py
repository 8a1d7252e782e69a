"""What undoing leaves to people: support and tax that others have, what the employer paid for the file, checks to stop.

Support is never reversed: it is not ours to say that the agency gives it back. What was debited from the employer is
not turned by the same file either: how much of it comes back is known when the reversals have settled, and what an
employee's bank does not give back is not the employer's yet.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from payroll.calc.money import dollars
from payroll.payments import orders
from payroll.payments.orders import Order

AGENCY, FUNDING, CHECKS, TREASURY = "agency", "funding", "checks", "treasury"
WORDS = {
    AGENCY: "withheld by order are with the agency, and stay there: support is never reversed, ask for it by hand",
    FUNDING: "debited from the employer's account are given back by hand, as far as they have come back",
    CHECKS: "are paper checks to be stopped at the bank, by hand",
    TREASURY: "of federal tax is with the Treasury and stays there: have it credited, by hand",
}
WITH_THE_BANK = {orders.ACCEPTED, orders.SETTLED}


class Sum(NamedTuple):
    """How many payments, and their cents."""

    payments: int
    cents: int


class Remitted(NamedTuple):
    """What a paycheck has remitted to an agency, and where that stands: its own state, or that of its order."""

    paycheck: str
    payment: str
    kind: str
    amount_cents: int
    state: str


def sums(by_kind: Mapping[str, Sequence[int]]) -> dict[str, Sum]:
    """The amounts of each kind added up, without those of which there are none."""
    return {kind: Sum(len(cents), sum(cents)) for kind, cents in by_kind.items() if cents}


def is_funded(carried: Iterable[Order]) -> bool:
    """Whether the bank has taken the money for these orders from the employer's account, as their files told it."""
    return any(order.created["debits_cents"] and order.state in WITH_THE_BANK for order in carried)


def in_words(left: Mapping[str, Sum]) -> Iterator[str]:
    """A sentence for each kind."""
    for kind, (payments, cents) in left.items():
        yield f"{payments} of {dollars(cents)} {WORDS[kind]}"
