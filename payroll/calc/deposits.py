"""Where net pay goes: shared among a person's destinations, so that every cent of it goes somewhere.

Fixed amounts come first, by priority, each as far as the pay suffices. Then percents, each of the whole net pay and
not of what is left, by priority again and as far as the pay suffices. The one remainder gets the rest, whatever its
priority. Percents are cut off to the cent on their running sum: each is within a cent of its exact share, and those
that make up 100 leave nothing over.

source   convention of this product; no law says how a person's own accounts share their pay
"""

from collections.abc import Sequence
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import BP, dollars

AMOUNT, PERCENT, REMAINDER = "amount", "percent", "remainder"


class Share(NamedTuple):
    """What one destination asks for.

    kind    "amount" with `cents`, "percent" with `bp` of net pay in hundredths of a percent, or "remainder"
    """

    kind: str
    cents: int = 0
    bp: int = 0


def split(net_cents: int, shares: Sequence[Share]) -> tuple[int, ...]:
    """Share net pay out; the answer is in the order of the shares, and sums to net pay exactly.

    net_cents   0 or more
    shares      by priority, highest first; exactly one remainder, percents of 100 together at most
    raises      NeedsReview for anything else: nothing is paid by a rule that does not add up
    """
    _check(net_cents, shares)
    parts = [0] * len(shares)
    left_cents = net_cents
    for at, share in enumerate(shares):
        if share.kind == AMOUNT:
            parts[at] = min(share.cents, left_cents)
            left_cents -= parts[at]
    asked_bp = asked_cents = 0
    for at, share in enumerate(shares):
        if share.kind == PERCENT:
            asked_bp += share.bp
            before_cents, asked_cents = asked_cents, net_cents * asked_bp // BP
            parts[at] = min(asked_cents - before_cents, left_cents)
            left_cents -= parts[at]
    parts[[share.kind for share in shares].index(REMAINDER)] = left_cents
    return tuple(parts)


def _check(net_cents: int, shares: Sequence[Share]) -> None:
    kinds = [share.kind for share in shares]
    if net_cents < 0:
        raise NeedsReview(f"net pay of {dollars(net_cents)} is below zero: correct it, then redrive")
    if strange := set(kinds) - {AMOUNT, PERCENT, REMAINDER}:
        raise NeedsReview(f"a deposit by {', '.join(sorted(strange))}: write amount, percent or remainder")
    if kinds.count(REMAINDER) != 1:
        raise NeedsReview(f"{kinds.count(REMAINDER)} deposits take the remainder: exactly one has to")
    if any(share.cents < 0 or share.bp < 0 for share in shares):
        raise NeedsReview("a deposit asks for less than zero: correct it, then redrive")
    if sum(share.bp for share in shares) > BP:
        raise NeedsReview("the percents of the deposits are over 100 together: lower them, then redrive")
