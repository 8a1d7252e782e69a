"""What undoing does to each payment: decided by a pure function of where it stands, and shown before anybody decides.

created, reserved            ─▶ withdraw    the order is never sent
sending, unknown             ─▶ wait        nobody knows what the bank has
accepted, settled            ─▶ reverse     within five banking days of settlement; after that ─▶ recover
rejected, returned, held     ─▶ void        no money is out
check                        ─▶ stop        by hand, at the bank; one that is cashed ─▶ recover

A deposit of federal tax is withdrawn or waited for likewise, with the whole part; what the Treasury has stays there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from events import database, saga, store
from events.store import Recorded
from payroll import domain, keys, paid_once
from payroll.calc import calendar
from payroll.calc.money import dollars
from payroll.control import control_totals
from payroll.history import History
from payroll.manifest import Pinned
from payroll.payments import ach, orders, tax_owed
from payroll.payments.instructions import CHECK, HELD
from payroll.payments.orders import Order
from payroll.payments.tax_owed import Made
from payroll.undo import left
from payroll.undo.left import Remitted

WITHDRAW, WAIT, REVERSE, RECOVER, VOID, STOP = "withdraw", "wait", "reverse", "recover", "void", "stop"
BY_STATE = {
    orders.CREATED: WITHDRAW,
    orders.RESERVED: WITHDRAW,
    orders.SENDING: WAIT,
    orders.UNKNOWN: WAIT,
    orders.ACCEPTED: REVERSE,
    orders.SETTLED: REVERSE,
    orders.REJECTED: VOID,
    orders.RETURNED: VOID,
    orders.WITHDRAWN: VOID,
}
WORDS = {
    WITHDRAW: "orders withdrawn before they are sent",
    WAIT: "not known yet: after it is known",
    REVERSE: "taken back by reversing entries",
    RECOVER: "owed back, and taken from later pay",
    VOID: "no money is out",
    STOP: "checks to be stopped at the bank, by hand",
}


class Window(NamedTuple):
    """When an order's payments can be reversed: the day they settle, and the days of the reversal; None when not."""

    settled: date
    effective: date | None
    until: date


class Standing(NamedTuple):
    """A payment of a paycheck as it stands: the one that counts, where one that came back was paid again.

    state    of its own, or that of its order; held or check where no order carries it
    """

    payment: str
    paycheck: str
    employee_id: str
    amount_cents: int
    order: str
    trace: str
    state: str


def fate(standing: Standing, window: Window | None, *, check_cashed: bool) -> str:
    """What undoing does to a payment; pure.

    window   of its order, where one carries it
    """
    if standing.state == CHECK:
        return RECOVER if check_cashed else STOP
    if standing.state == HELD:
        return VOID
    does = BY_STATE[standing.state]
    if does == REVERSE and (window is None or window.effective is None):
        return RECOVER
    return does


def window(order: Mapping[str, Any], settled_on: str, today: date) -> Window:
    """When the payments of an order can be reversed; pure.

    order        the facts of its first event; only a file can be reversed
    settled_on   empty until the bank said so: then the day on which it is to move the money
    """
    settled = date.fromisoformat(settled_on or order["effective"])
    until = ach.reversible_until(settled)
    if today > until or not str(order["object"]).endswith(".ach"):
        return Window(settled, None, until)
    return Window(settled, max(settled, min(calendar.add_banking_days(today, 1), until)), until)


class Part:
    """An employer's part of a run, or one paycheck of it, as it stands in the log.

    paychecks    those that count, with how many events each has
    incomplete   those that are still being computed
    deposits     of federal tax: tax is owed for all of a part, so of one paycheck there are none
    """

    def __init__(self, employer_run: str, employee_id: str = "") -> None:
        self.history = History(keys.employerrun_stream(employer_run))
        self.pinned = Pinned.of(self.history.facts["EmployerRunOpened"])
        self.employee_id = employee_id
        found: dict[str, list[Recorded]] = {}
        for event in store.read_prefix(keys.paycheck_prefix(employer_run)):
            if not employee_id or keys.employee_of(event.stream) == employee_id:
                found.setdefault(event.stream, []).append(event)
        self.voided = [event for events in found.values() for event in events if event.type == domain.VOIDED]
        live = {s: events for s, events in found.items() if not {*domain.OUT} & {e.type for e in events}}
        done = {s for s, events in live.items() if any(e.type == "RetirementCalculated" for e in events)}
        self.paychecks = {stream: len(live[stream]) for stream in sorted(done)}
        self.incomplete = len(live) - len(done)
        self.instructed = "PaymentsInstructed" in self.history.facts
        self.orders: dict[str, Order] = {}
        self.own: dict[str, int] = {}  # how many events a payment's own stream has
        self.standings = sorted(self._standings(live[stream] for stream in done))
        self.of_tax = History(keys.tax_deposit_stream(employer_run))
        self.deposits = [] if employee_id else tax_owed.made_of(self.of_tax)
        self.remitted = sorted(self._remitted(live[stream] for stream in done))

    def _standings(self, paychecks: Iterable[list[Recorded]]) -> Iterator[Standing]:
        lines = {
            line[0]: (event.stream, line)
            for events in paychecks
            for event in events
            if event.type == "PaymentInstructed"
            for line in event.data["payments"]
        }
        while lines:
            own = store.read_each(f"payment-{payment}" for payment in lines)
            again = {}
            for payment, (stream, line) in lines.items():
                events = own.get(f"payment-{payment}", [])
                last = events[-1].data if events else {}
                _, part, method, cents, order, trace = line
                if reissue := last.get("reissue_key"):
                    new = [reissue, part, "ach", cents, last["reissue_order"], last["reissue_trace"]]
                    again[reissue] = (stream, new)
                    continue
                state = str(last.get("state") or (self._order(order).state if order else method))
                self.own[payment] = len(events)
                yield Standing(payment, stream, keys.employee_of(stream), cents, order, trace, state)
            lines = again

    def _remitted(self, paychecks: Iterable[list[Recorded]]) -> Iterator[Remitted]:
        lines = [
            (event.stream, line)
            for events in paychecks
            for event in events
            if event.type == "PaymentInstructed"
            for line in event.data.get("remitted", ())
        ]
        own = store.read_each(f"payment-{line[0]}" for _, line in lines)
        for stream, (payment, _, _, kind, cents, order, _) in lines:
            events = own.get(f"payment-{payment}", [])
            state = str(events[-1].data["state"] if events else self._order(order).state)
            yield Remitted(stream, payment, kind, cents, state)

    def left(self, fates: Mapping[str, list[Standing]]) -> dict[str, dict[str, list[int]]]:
        """What undoing leaves to people, by paycheck and kind: the cents of each payment."""
        found: dict[str, dict[str, list[int]]] = {}

        def add(paycheck: str, kind: str, cents: int) -> None:
            found.setdefault(paycheck, {}).setdefault(kind, []).append(cents)

        for of in self.remitted:
            if of.state in left.WITH_THE_BANK:
                add(of.paycheck, left.AGENCY, of.amount_cents)
        for each in fates.get(STOP, ()):
            add(each.paycheck, left.CHECKS, each.amount_cents)
        back = [each for each in fates.get(VOID, ()) if each.state == orders.RETURNED]
        if left.is_funded(self.orders.values()):
            for each in (*fates.get(REVERSE, ()), *back):
                add(each.paycheck, left.FUNDING, each.amount_cents)
        return found

    def tax_left(self) -> dict[str, list[int]]:
        """The cents of each deposit of federal tax that the Treasury has."""
        cents = [each.cents for each in self.deposits if each.state in left.WITH_THE_BANK]
        return {left.TREASURY: cents} if cents else {}

    def deposits_to(self, does: str) -> list[Made]:
        """The deposits of federal tax that are withdrawn, or waited for."""
        return [each for each in self.deposits if BY_STATE.get(each.state) == does]

    def unsent_prenotes(self) -> set[str]:
        """Orders that move no money, because all that they carry are prenotes, and are not sent yet."""
        named = self.history.facts.get("PaymentsInstructed", {}).get("orders", ())
        of = [self._order(key) for key in named]
        return {str(each.key) for each in of if each.is_prenotes and BY_STATE[each.state] == WITHDRAW}

    def _order(self, key: str) -> Order:
        if key not in self.orders:
            self.orders[key] = Order(orders.stream(key))
        return self.orders[key]

    def fates(self, today: date, *, check_cashed: bool) -> dict[str, list[Standing]]:
        """The payments by what undoing does to them."""
        windows = self.windows(today)
        found: dict[str, list[Standing]] = {}
        for each in self.standings:
            does = fate(each, windows.get(each.order), check_cashed=check_cashed)
            found.setdefault(does, []).append(each)
        return found

    def windows(self, today: date) -> dict[str, Window]:
        """When the payments of each order can be reversed."""
        return {
            key: window(order.created, order.facts.get("OrderSettled", {}).get("settled_on", ""), today)
            for key, order in self.orders.items()
        }

    def refusal(self, fates: Mapping[str, list[Standing]]) -> str:
        """Why this cannot be undone now; empty when it can."""
        employer, undone = self.pinned.employer, self.history.facts.get("EmployerRunUndone")
        if undone:
            return (
                f"{employer} was undone by {undone['undone_by']}, confirmed by {undone['undo_confirmed_by']}"
            )
        if cancelled := self.history.facts.get("EmployerRunCancelled"):
            return f"{employer} was cancelled by {cancelled['cancelled_by']}: nobody of it is paid"
        if why := self.waits(fates):
            return why
        if why := self.corrected():
            return why
        return self._refusal_of_one(fates) if self.employee_id else ""

    def waits(self, fates: Mapping[str, list[Standing]]) -> str:
        """What has to be known of before anything can be undone; empty when all is."""
        if waiting := fates.get(WAIT):
            state = waiting[0].state
            return f"{len(waiting)} payments of {self.pinned.employer} are {state}: {WORDS[WAIT]}"
        if sent := self.deposits_to(WAIT):
            cents = dollars(sum(each.cents for each in sent))
            return f"the deposit of {cents} of federal tax of {self.pinned.employer} is {sent[0].state}: {WORDS[WAIT]}"
        return ""

    def corrected(self) -> str:
        """Why a correction has to go first: it would be left without what it corrects; empty when none stands."""
        if {"EmployerRunUndone", "EmployerRunCancelled"} & self.history.facts.keys():
            return ""
        employer, people = self.pinned.employer, [self.employee_id] if self.employee_id else []
        runs = paid_once.opened([employer])[employer]
        run = paid_once.corrected_by(self.pinned.employer_run, people, runs)
        who = f"{employer}/{self.employee_id}" if people else employer
        return (
            f"{who} is corrected by pay run {run[:8]}: undo or cancel the correction {run[:8]} first"
            if run
            else ""
        )

    def _refusal_of_one(self, fates: Mapping[str, list[Standing]]) -> str:
        employer = self.pinned.employer
        who = f"{employer}/{self.employee_id}"
        if self.voided and not self.paychecks:
            by = self.voided[-1].data
            return f"{who} was voided by {by['voided_by']}, confirmed by {by['confirmed_by']}"
        if not self.paychecks:
            return (
                f"{who} has no paycheck in this run that is complete: dismiss its dead letter, if it has one"
            )
        if not self.instructed and control_totals(self.pinned.employer_run).completed <= len(self.paychecks):
            return f"nobody else of {employer} would be paid by this run: undo all of {employer}"
        if fates.get(WITHDRAW):
            return (
                f"{who} is in a file that is not sent yet, with others: undo all of {employer}, or wait until the "
                "bank has it"
            )
        return ""


class Line(NamedTuple):
    """One step that was taken: what undoes it, until when, and at what cost."""

    step: str
    undone_by: str
    until: str
    cost: str


class Preview(NamedTuple):
    """What undoing an employer's part, or a paycheck of it, would do; `refused` says why it cannot be done now.

    waits       whether it is refused only until it is known what the bank has
    by_hand     what it would leave to people, by kind: how many payments, how many cents (left.py)
    deposits    of federal tax, by what is done to them
    corrected   why a correction has to go first; empty when none stands
    """

    employer: str
    employee_id: str
    refused: str
    lines: tuple[Line, ...]
    entries: dict[str, int]  # payments by what is done to them
    cents: dict[str, int]
    reversible_until: str
    waits: bool
    by_hand: dict[str, left.Sum] = {}
    deposits: dict[str, left.Sum] = {}
    corrected: str = ""


def preview(part: Part, *, today: date, check_cashed: bool) -> Preview:
    """Every step that was taken for a part, what undoes it, until when, at what cost."""
    fates = part.fates(today, check_cashed=check_cashed)
    windows = part.windows(today)
    until = min((windows[each.order].until for each in fates.get(REVERSE, ())), default=None)
    lines = [
        Line(f"{name} {step.name}", step.undo.by or "nothing", step.undo.until, cost)
        for name, step, cost in _taken(part, fates, until)
    ]
    return Preview(
        part.pinned.employer,
        part.employee_id,
        part.refusal(fates),
        tuple(lines),
        {does: len(each) for does, each in fates.items()},
        {does: sum(one.amount_cents for one in each) for does, each in fates.items()},
        until.isoformat() if until else "",
        bool(part.waits(fates)),
        left_by([*part.left(fates).values(), part.tax_left()]),
        left.sums({does: [each.cents for each in part.deposits_to(does)] for does in (WITHDRAW, WAIT)}),
        part.corrected(),
    )


def left_by(paychecks: Iterable[Mapping[str, Sequence[int]]]) -> dict[str, left.Sum]:
    """What is left to people of several paychecks or parts, by kind."""
    together: dict[str, list[int]] = {}
    for paycheck in paychecks:
        for kind, cents in paycheck.items():
            together.setdefault(kind, []).extend(cents)
    return left.sums(dict(sorted(together.items())))


def _taken(
    part: Part, fates: Mapping[str, list[Standing]], until: date | None
) -> Iterator[tuple[str, saga.Task | saga.Step, str]]:
    """The steps that were taken for a part, the last first, each with what undoing it costs."""
    facts = part.history.facts
    happened = {
        "notify": "EmployerRunCompleted",
        "settle-up": "MoneyMoved",
        "push-payment": "PaymentsInstructed",
        "validate": "EmployerRunValidated",
        "snapshot": "EmployerRunBegan",
    }
    people = f"{len(part.paychecks)} paychecks"
    told = facts.get("EmployerRunCompleted", {}).get("notifications", 0)
    costs = {
        "notify": f"{told} messages were sent, and stay sent",
        "push-payment": "; ".join(_costs(fates, (STOP, VOID))),
        "reserve": "; ".join(_costs(fates, (WITHDRAW,))),
        "begin-sending": "; ".join(_costs(fates, (WAIT,))),
        "confirm": "; ".join(
            [
                *_costs(fates, (REVERSE,), f", until {until}" if until else ""),
                *_costs(fates, (RECOVER,)),
            ]
        ),
    }
    for name in ("employerrun", "order", "paychecks"):
        steps: Sequence[saga.Task | saga.Step] = saga.REGISTRY[name].steps
        for step in reversed(steps):
            if name == "employerrun" and happened[step.name] not in facts:
                continue
            if name == "order" and not costs.get(step.name):
                continue
            cost = people if name == "paychecks" else costs.get(step.name, "")
            yield name, step, "; ".join(filter(None, (cost, step.undo.keeps)))


def _costs(fates: Mapping[str, list[Standing]], of: Iterable[str], more: str = "") -> Iterator[str]:
    for does in of:
        if each := fates.get(does):
            cents = sum(one.amount_cents for one in each)
            yield f"{len(each)} of {dollars(cents)}: {WORDS[does]}{more}"


def today() -> date:
    """The day by the database's clock, in UTC."""
    return database.now().date()


def key(run: UUID, employer: str = "", employee_id: str = "") -> UUID:
    """An undoing: of a run, of an employer's part of it, of a paycheck."""
    return keys.key("undo", run, employer, employee_id)
