"""What the law lets others take from pay, and how it is shared among their orders.

Every limit is a share of disposable earnings: gross pay less what the law takes. A limit counts all that orders of
higher priority have taken already, so an ordinary creditor gets only what support has left of the ordinary limit. What
an order wants and does not get is short, with the reason; nothing is put off to a later pay.

source   15 USC 1672, 1673; 29 CFR 870.10, 870.11; 20 USC 1095a; 31 USC 3720D; Form 668-W and Publication 1494. Limits
         are cut off to the cent, since they may not be passed
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.garnishment_limits import (
    FEDERAL_DEBT,
    KINDS,
    RANK,
    SUPPORT,
    Earnings,
    Limit,
    Order,
    OrdinaryLimit,
    levy_limit,
    ordinary_limit,
    ordinary_maximum,
    refuse_negative,
    state_maximum,
    support_limit,
)
from payroll.calc.money import BP, dollars
from payroll.calc.precedence import as_far_as_it_fits, whole_or_nothing
from payroll.calc.tables import Garnishment
from payroll.calc.worksheet import Working

__all__ = [
    "KINDS",
    "Garnished",
    "Order",
    "OrdinaryLimit",
    "Shared",
    "Stacked",
    "Withheld",
    "garnish",
    "ordinary",
    "ordinary_maximum",
    "prorated",
    "stack",
    "state_maximum",
    "support",
]


class Shared(NamedTuple):
    """A limit and what each of the orders under it gets, in cents.

    percent   of disposable earnings; None where the limit is no single percentage
    """

    percent: int | None
    maximum_cents: int
    withheld_cents: int
    allocation_cents: tuple[int, ...]
    workings: tuple[Working, ...]


class Stacked(NamedTuple):
    """Support and, under what it leaves of the ordinary limit, creditors; in cents."""

    support_withheld_cents: int
    ordinary_maximum_cents: int
    creditor_withheld_cents: int
    workings: tuple[Working, ...]


class Withheld(NamedTuple):
    """One order's result in cents; wanted is withheld and short. `why` is empty when nothing is short."""

    id: str
    kind: str
    wanted_cents: int
    withheld_cents: int
    short_cents: int
    why: str


class Garnished(NamedTuple):
    """All orders of one pay, in the order they were served.

    state_limit_verified   the work state's own limit of ordinary garnishment is known, or none was in question
    remarks                what a person should know: limits that were not checked
    """

    orders: tuple[Withheld, ...]
    garnished_cents: int
    short_cents: int
    state_limit_verified: bool
    remarks: tuple[str, ...]
    workings: tuple[Working, ...]


NOTHING_GARNISHED = Garnished((), 0, 0, True, (), ())


def ordinary(
    disposable_cents: int, frequency: str, orders_cents: Sequence[int], figures: Garnishment
) -> Shared:
    """Withhold for ordinary creditors: the limit is on their total, who was served first is paid first.

    raises   as `ordinary_maximum`
    """
    limit = ordinary_maximum(disposable_cents, frequency, figures)
    served = _serve("creditor", "in_turn", 0, [ordinary_limit(limit, 0)], _numbered(orders_cents))
    total = sum(served.taken_cents)
    return Shared(None, limit.maximum_cents, total, served.taken_cents, (limit.working, served.working))


def support(
    disposable_cents: int,
    supports_other_family: bool,
    arrears_over_12_weeks: bool,
    orders_cents: Sequence[int],
    figures: Garnishment,
) -> Shared:
    """Withhold for support: in full when the orders fit the limit, else each its share by amount.

    raises   NeedsReview for earnings below zero
    source   15 USC 1673(b)(2). Shares are cut off to the cent, and the cents left over go one each down the list
    """
    limit = support_limit(disposable_cents, supports_other_family, arrears_over_12_weeks, figures, 0)
    served = _serve("support", "prorated", 0, [limit], _numbered(orders_cents))
    percent = figures.support_bp[supports_other_family, arrears_over_12_weeks] * 100 // BP
    workings = (*_workings([limit]), served.working)
    return Shared(percent, limit.cents, sum(served.taken_cents), served.taken_cents, workings)


def stack(  # noqa: PLR0917 - in the order in which an example gives them
    disposable_cents: int,
    frequency: str,
    supports_other_family: bool,
    arrears_over_12_weeks: bool,
    support_orders_cents: Sequence[int],
    creditor_orders_cents: Sequence[int],
    figures: Garnishment,
) -> Stacked:
    """Withhold for support, then for creditors what that leaves of the ordinary limit.

    raises   as `support` and `ordinary_maximum`
    source   29 CFR 870.11(b)(2)
    """
    first = support(
        disposable_cents, supports_other_family, arrears_over_12_weeks, support_orders_cents, figures
    )
    limit = ordinary_maximum(disposable_cents, frequency, figures)
    room = [ordinary_limit(limit, first.withheld_cents)]
    second = _serve("creditor", "in_turn", 0, room, _numbered(creditor_orders_cents))
    workings = (*first.workings, limit.working, second.working)
    return Stacked(first.withheld_cents, limit.maximum_cents, sum(second.taken_cents), workings)


def prorated(wanted_cents: Sequence[int], room_cents: int) -> tuple[int, ...]:
    """Share what is there by amount: shares cut off to the cent, the cents left over one each down the list."""
    total = sum(wanted_cents)
    if total <= room_cents:
        return tuple(wanted_cents)
    shares = [room_cents * wanted // total for wanted in wanted_cents]
    over = room_cents - sum(shares)
    for place, wanted in enumerate(wanted_cents):
        if over and shares[place] < wanted:
            shares[place] += 1
            over -= 1
    return tuple(shares)


def garnish(
    disposable_cents: int,
    frequency: str,
    orders: Sequence[Order],
    figures: Garnishment,
    *,
    work_state: str | None = None,
    minimum_wage_cents: int | None = None,
    deductions_in_effect_cents: int = 0,
) -> Garnished:
    """Serve all orders on one pay, by priority, each within its limit.

    work_state                   its own limit of ordinary garnishment holds where it is lower. Where it was not
                                 collected the federal limit is used, and a remark says so
    minimum_wage_cents           an hour's, at the place of work, for a state that limits by it
    deductions_in_effect_cents   deductions that a federal levy leaves in force, Section 125 and 401(k) among them
    raises                       NeedsReview for an order that cannot be read, or a limit that is not known
    source                       29 CFR 870.11; the priority is general practice (C). Orders of one kind are served in
                                 the order they were received. A medical premium is taken whole or not at all (C).
                                 A wage assignment is kept within the ordinary limit, to leave pay to live on (C)
    """
    if not orders:
        return NOTHING_GARNISHED
    refuse_negative(disposable_cents)
    pay = Earnings(
        disposable_cents, frequency, figures, work_state, minimum_wage_cents, deductions_in_effect_cents
    )
    if len({order.id for order in orders}) < len(orders):
        raise NeedsReview("two orders have one id: give each its own, then redrive")
    for order in orders:
        _check(order)
    taken = dict.fromkeys(KINDS, 0)
    results: list[Withheld] = []
    workings: dict[Working, None] = {}  # in their order, each once
    for kind, turn in _turns(orders):
        limits = _limits(kind, turn, orders, pay, taken)
        how = "prorated" if kind in SUPPORT else "in_turn"
        how = "whole" if kind == "medical_support" else how
        wanted = [(order.id, _wanted(order, limits, disposable_cents)) for order in turn]
        served = _serve(kind, how, taken[kind], limits, wanted)
        taken[kind] += sum(served.taken_cents)
        workings |= dict.fromkeys((*_workings(limits), served.working))
        why = _why(limits)
        for (order_id, cents), got in zip(wanted, served.taken_cents, strict=True):
            results.append(Withheld(order_id, kind, cents, got, cents - got, why if got < cents else ""))
    total = sum(taken.values())
    short = sum(result.short_cents for result in results)
    remarks = _remarks(results, pay)
    return Garnished(
        tuple(results),
        total,
        short,
        not remarks,
        remarks,
        (*workings, ("garnished", disposable_cents, *taken.values())),
    )


class _Served(NamedTuple):
    taken_cents: tuple[int, ...]
    working: Working


HOW: dict[str, Callable[[Sequence[int], int], tuple[int, ...]]] = {
    "prorated": prorated,
    "in_turn": as_far_as_it_fits,
    "whole": whole_or_nothing,
}


def _serve(
    kind: str, how: str, earlier_cents: int, limits: Sequence[Limit], wanted: Sequence[tuple[str, int]]
) -> _Served:
    """Take what the orders want and the narrowest limit leaves; `earlier_cents` went to the kind before."""
    taken = HOW[how]([cents for _, cents in wanted], _room(limits))
    entries = tuple((limit.named, limit.cents, limit.taken_cents) for limit in limits)
    return _Served(taken, ("garnishment_turn", kind, how, earlier_cents, entries, tuple(wanted)))


def _room(limits: Sequence[Limit]) -> int:
    return max(0, min(limit.left_cents for limit in limits))


def _numbered(orders_cents: Sequence[int]) -> list[tuple[str, int]]:
    for cents in orders_cents:
        if cents < 0:
            raise NeedsReview(f"an order of {cents} cents is below zero: correct it, then redrive")
    return [(str(number), cents) for number, cents in enumerate(orders_cents, 1)]


def _workings(limits: Iterable[Limit]) -> tuple[Working, ...]:
    return tuple(limit.working for limit in limits if limit.working is not None)


def _turns(orders: Sequence[Order]) -> list[tuple[str, list[Order]]]:
    """Orders by priority, in turns of one kind that share a limit."""
    levies = sorted(order.received for order in orders if order.kind == "federal_levy")

    def levies_before(order: Order) -> int:
        return bisect_left(levies, order.received)

    # a support order waits for the levies that came before it
    last = max((levies_before(order) for order in orders if order.kind in SUPPORT), default=0)

    def priority(order: Order) -> tuple[int, int, int]:
        before = levies_before(order)
        if order.kind in SUPPORT:
            return before, 0, SUPPORT.index(order.kind)
        if order.kind == "federal_levy" and before < last:
            return before, 1, 0
        return last, 1 + RANK[order.kind], 0

    ranked = sorted(orders, key=lambda order: (priority(order), order.received, order.id))
    turns = groupby(
        ranked, lambda order: (priority(order), order.kind, order.id if order.kind == "federal_levy" else "")
    )
    return [(key[1], list(turn)) for key, turn in turns]


def _limits(
    kind: str, turn: Sequence[Order], orders: Sequence[Order], pay: Earnings, taken: dict[str, int]
) -> list[Limit]:
    """The limits that a turn is under; the narrowest decides."""
    disposable, figures, before = pay.disposable_cents, pay.figures, sum(taken.values())
    if kind in SUPPORT:
        family = [order for order in orders if order.kind in SUPPORT]
        supports_other = any(order.supports_other_family for order in family)
        arrears = any(order.arrears_over_12_weeks for order in family)
        return [support_limit(disposable, supports_other, arrears, figures, before)]
    if kind == "federal_levy":
        return [levy_limit(turn[0], pay, before)]
    if kind in ("bankruptcy", "state_levy"):
        return [Limit("disposable_cents", "the disposable pay", disposable, before, None)]
    limits = [ordinary_limit(ordinary_maximum(disposable, pay.frequency, figures), before)]
    if kind in FEDERAL_DEBT:
        rate = figures.federal_debt_bp[kind]
        words = f"the limit of {rate * 100 // BP} % for this debt"
        working = ("federal_debt_limit", kind, disposable, rate)
        of_kind = taken[kind]
        return [Limit(f"{kind}_maximum_cents", words, disposable * rate // BP, of_kind, working), *limits]
    state = figures.states.get(pay.work_state or "")
    if state is not None:
        own = state_maximum(disposable, pay.frequency, state, pay.minimum_wage_cents)
        words = f"the limit of {state.state} on ordinary garnishments"
        limits.append(Limit("state_ordinary_maximum_cents", words, own.maximum_cents, before, own.working))
    return limits


def _wanted(order: Order, limits: Sequence[Limit], disposable_cents: int) -> int:
    """What an order asks for: its amount, its percent, or all that its own limit gives; never above its balance."""
    if order.amount_cents is not None:
        wanted = order.amount_cents
    elif order.percent_bp is not None:
        wanted = disposable_cents * order.percent_bp // BP
    elif order.kind == "federal_levy":
        wanted = _room(limits)
    else:
        wanted = limits[0].cents
    return wanted if order.balance_cents is None else min(wanted, order.balance_cents)


def _why(limits: Sequence[Limit]) -> str:
    narrowest = min(limits, key=lambda limit: limit.left_cents)
    return (
        f"{narrowest.words} is {dollars(narrowest.cents)}, of which orders before took "
        f"{dollars(narrowest.taken_cents)}"
    )


def _remarks(results: Sequence[Withheld], pay: Earnings) -> tuple[str, ...]:
    """A state's law may protect more than federal law; what was not checked is said."""
    limited = {"creditor", "wage_assignment"}
    if pay.work_state in pay.figures.states or not any(result.kind in limited for result in results):
        return ()
    state = pay.work_state or "the work state"
    return (f"the limit of {state} on ordinary garnishments was not checked: the federal limit was used",)


def _check(order: Order) -> None:
    """Refuse an order that cannot be read."""
    takes_all = order.kind in ("federal_levy", *FEDERAL_DEBT)
    amounts = (order.amount_cents, order.percent_bp, order.exempt_cents, order.balance_cents)
    if order.kind not in KINDS:
        fault = f"kind {order.kind!r} is unknown: use one of {', '.join(KINDS)}"
    elif order.amount_cents is not None and order.percent_bp is not None:
        fault = "it names an amount and a percentage: keep one"
    elif order.amount_cents is None and order.percent_bp is None and not takes_all:
        fault = "it names no amount and no percentage: enter one"
    elif order.dependents < 0 or any(amount is not None and amount < 0 for amount in amounts):
        fault = "an amount of it is below zero: correct it"
    elif order.percent_bp is not None and order.percent_bp > BP:
        fault = f"{order.percent_bp} hundredths of a percent is more than all: correct it"
    else:
        return
    raise NeedsReview(f"the order of kind {order.kind} received {order.received}: {fault}, then redrive")
