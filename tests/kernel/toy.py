"""Two sagas that are not this product's, for the kernel's tests: an errand, and the toys it sends on their way.

    errand   open ─▶ (toys, in batches) ─▶ sum ─▶ (signature) ─▶ close
    toys     time-entry ─▶ payroll-calc ─▶ tax-calc ─▶ retirement-calc

FAULTS says what goes wrong where; CALLS counts how often a step was computed for an item.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

from events import saga, store
from events.batches import numbers
from events.saga import Batch, Outcome, Pipeline, Saga, Undo, step, task
from events.store import NewEvent
from events.work import Claimed, NewWork

FAULTS: dict[tuple[str, Any], Callable[[], Any]] = {}  # (step, item number or subject): what happens there
CALLS: Counter[tuple[str, int]] = Counter()


def raising(error: Exception) -> Callable[[], None]:
    """A fault that raises."""

    def fault() -> None:
        raise error

    return fault


def once(fault: Callable[[], Any]) -> Callable[[], Any]:
    """A fault that strikes the first time and never again."""
    left = [fault]
    return lambda: left.pop()() if left else None


def met(where: str, what: Any) -> Any:
    """Let the fault that a test has planted here happen."""
    return FAULTS.get((where, what), lambda: None)()


# What the steps compute, in cents; the arithmetic is arbitrary and the same everywhere.


@dataclass(frozen=True)
class TimeEntered:
    regular_hundredths: int
    overtime_hundredths: int
    rate_cents: int


@dataclass(frozen=True)
class PayrollCalculated:
    base_cents: int
    overtime_cents: int
    gross_cents: int


@dataclass(frozen=True)
class TaxCalculated:
    federal_cents: int
    fica_cents: int
    after_tax_cents: int


@dataclass(frozen=True)
class RetirementCalculated:
    contribution_cents: int
    match_cents: int
    net_cents: int
    split: Any = ()


EVENTS = (TimeEntered, PayrollCalculated, TaxCalculated, RetirementCalculated)


@dataclass(slots=True)
class Toy:
    """One item, folded so far."""

    number: int
    stream: str
    version: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def fold(self, event: Any) -> None:
        self.facts |= vars(event) if isinstance(event, EVENTS) else event.data
        self.version += 1


def given(number: int) -> tuple[int, int]:
    """Hours in hundredths and the rate in cents of one item, made of its number and nothing else."""
    key = number * 104_729
    return (60 + key % 41) * 100 + (key % 4) * 25, 1_500 + key % 6_500


def part(cents: int, share: str) -> int:
    """A share of an amount, rounded once."""
    return int((cents * Decimal(share)).quantize(Decimal(1), ROUND_HALF_UP))


@step("time-entry", queue="time-entry", emits=TimeEntered, undo=Undo(""))
def time_entry(toy: Toy, rules: Mapping[str, str]) -> TimeEntered:
    _called("time-entry", toy)
    hours, rate = given(toy.number)
    regular = min(hours, 8_000)
    return TimeEntered(regular, hours - regular, rate)


@step("payroll-calc", queue="payroll-calc", emits=PayrollCalculated, undo=Undo(""))
def payroll_calc(toy: Toy, rules: Mapping[str, str]) -> PayrollCalculated:
    _called("payroll-calc", toy)
    rate = toy.facts["rate_cents"]
    base = part(rate * toy.facts["regular_hundredths"], "0.01")
    overtime = part(rate * toy.facts["overtime_hundredths"], "0.015")
    return PayrollCalculated(base, overtime, base + overtime)


@step("tax-calc", queue="tax-calc", emits=TaxCalculated, undo=Undo(""))
def tax_calc(toy: Toy, rules: Mapping[str, str]) -> TaxCalculated:
    _called("tax-calc", toy)
    return taxed(toy, rules)


def taxed(toy: Toy, rules: Mapping[str, str]) -> TaxCalculated:
    gross = toy.facts["gross_cents"]
    federal = part(min(gross, 100_000), "0.10") + part(max(gross - 100_000, 0), "0.22")
    fica = part(gross, rules["fica"])
    return TaxCalculated(federal, fica, gross - federal - fica)


@step("retirement-calc", queue="retirement-calc", emits=RetirementCalculated, undo=Undo(""))
def retirement_calc(toy: Toy, rules: Mapping[str, str]) -> RetirementCalculated:
    split = _called("retirement-calc", toy) or ()
    contribution = part(toy.facts["gross_cents"], "0.05")
    match = part(min(contribution, part(toy.facts["gross_cents"], "0.04")), "0.5")
    return RetirementCalculated(contribution, match, toy.facts["after_tax_cents"] - contribution, split)


def _called(name: str, toy: Toy) -> Any:
    CALLS[name, toy.number] += 1
    return met(name, toy.number)


STEPS = (time_entry, payroll_calc, tax_calc, retirement_calc)
NAMES = tuple(one.name for one in STEPS)
TYPES = [event.__name__ for event in EVENTS]
RULES = {"fica": "0.0765"}


def stream(number: int) -> str:
    return f"toy-{number}"


def load(held: Claimed) -> Batch:
    """The batch's items, folded from what the log holds of them."""
    met("load", held.subject)
    every = {number: Toy(number, stream(number)) for number in numbers(held.payload)}
    recorded = store.read_each(toy.stream for toy in every.values())
    for toy in every.values():
        for event in recorded.get(toy.stream, ()):
            toy.fold(event)
    return Batch(every, RULES)


TOYS = Pipeline("toys", STEPS, load, dismissed="ToyDismissed")


# The errand


@task("open", queue="control", undo=Undo(""))
def open_(work: Claimed) -> Outcome:
    """Send the toys on their way."""
    planned = met("open", work.subject)
    batches = [
        batch(lo, hi, parent=work.id, turn=turn) for turn, (lo, hi) in enumerate(work.payload["batches"])
    ]
    return planned or Outcome(events=[NewEvent(work.subject, 1, "Opened", {})], fork=batches)


@task("sum", queue="control", undo=Undo(""))
def sum_(work: Claimed) -> Outcome:
    """All toys are back; wait for a signature where one is wanted."""
    planned = met("sum", work.subject)
    summed = NewEvent(work.subject, 2, "Summed", {"net_cents": net_of(work.payload["batches"])})
    return planned or Outcome(events=[summed], wait=work.payload.get("wait", False))


@task("close", queue="control", undo=Undo(""))
def close(work: Claimed) -> Outcome:
    return met("close", work.subject) or Outcome(events=[NewEvent(work.subject, 3, "Closed", {})])


ERRAND = Saga("errand", (open_, sum_, close))


def net_of(batches: Iterable[tuple[int, int]]) -> int:
    """What the toys that finished come to, by the log."""
    every = store.read_each(stream(number) for lo, hi in batches for number in range(lo, hi))
    last = [events[-1] for events in every.values()]
    return sum(event.data["net_cents"] for event in last if event.type == "RetirementCalculated")


def batch(lo: int, hi: int, *, parent: UUID | None = None, turn: int = 0, run: str = "run-1") -> NewWork:
    """The toys from lo up to hi as one piece of work; its id is made of what it is."""
    return saga.new_work(
        "toys",
        id=uuid5(parent or uuid4(), f"{lo}-{hi}"),
        subject=f"toys-{lo}-{hi}",
        run_key=run,
        group_key="group-1",
        parent=parent,
        turn=turn,
        items=hi - lo,
        payload={"lo": lo, "hi": hi},
    )


def errand(*batches: tuple[int, int], wait: bool = False) -> NewWork:
    """An errand with these batches of toys."""
    key, payload = uuid4(), {"batches": batches, "wait": wait}
    name = f"errand-{key}"
    return saga.new_work(
        "errand", id=key, subject=name, run_key="run-1", group_key="group-1", payload=payload
    )
