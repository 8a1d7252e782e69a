"""How a saga is declared: its steps, their order, their retry policy.

There are two kinds of step. A *task* acts once, for one subject: it may look at the world, and returns
an `Outcome` for the runner to apply in one transaction. A *pipeline* moves many items, in batches,
through pure functions; each step is one event per item.

    @task("validate", queue="validation", undo=Undo("nothing: it only looked"))
    def validate(work: Claimed) -> Outcome: ...

    @step("tax-calc", queue="tax-calc", emits=TaxCalculated, undo=Undo("the paycheck is voided"))
    def tax_calc(paycheck: Paycheck, rules: Rules) -> TaxCalculated: ...

    register(Saga("order", (validate, ship)))
    register(Pipeline("paychecks", (time_entry, tax_calc), load=load_batch))
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from events.store import NewEvent
from events.work import Claimed, NewWork


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed step is tried again.

    attempts_max  claims before it becomes a dead letter
    base_s        seconds before the second attempt; doubled each time up to `cap_s`, with jitter
    """

    attempts_max: int = 3
    base_s: float = 1.0
    cap_s: float = 60.0

    def delay_s(self, attempts: int) -> float:
        """Seconds to wait after so many attempts; between half and the whole of the back-off."""
        back_off = min(self.cap_s, self.base_s * 2 ** max(attempts - 1, 0))
        return float(back_off * random.uniform(0.5, 1))  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task decided. The runner applies all of it in one transaction, or none.

    events   to append, each at its expected version
    fork     children to run; the saga goes on to its next step when all of them have finished
    wait     park before the next step until somebody signals this work
    to       the step to go on at, where it is not the next: an earlier one is done again
    then     work to start beside this saga, nobody waits for it
    within   called inside the transaction, for rows that belong to this step; it opens none itself
    """

    events: Sequence[NewEvent] = ()
    fork: Sequence[NewWork] = ()
    wait: bool = False
    to: str = ""
    then: Sequence[NewWork] = ()
    within: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoes a step, in words that an operator reads before deciding.

    by      what is done; empty when nothing can undo it
    until   up to when; empty for always
    keeps   what stays as it is all the same
    """

    by: str
    until: str = ""
    keeps: str = ""


@dataclass(frozen=True, slots=True)
class TaskAsks:
    """How a task is put to a downstream system, and how its answer becomes the task's outcome.

    ask      what the downstream needs to know; no personal data. None when there is nothing to ask, and we act
    check    whether an output looks like an answer, told from it alone
    accept   what `act` would return, from the answer, held against our own log
    keep     (run key, content) -> (object, sha256): as in Asks

    `check` and `accept` raise events.answers.NotAnAnswer. Where acting here after somebody else was asked, or the other
    way round, does harm, the saga records who does it before the task begins, and `ask` and `act` go by that.
    """

    ask: Callable[[Claimed], dict[str, Any] | None]
    check: Callable[[dict[str, Any]], None]
    accept: Callable[[Claimed, dict[str, Any]], Outcome]
    keep: Callable[[str, bytes], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Task:
    """A step that acts once for its subject; it may run more than once, so it is idempotent by key.

    undo   what undoes it, or that nothing can
    asks   how it is given to a downstream system; None when it never is
    """

    name: str
    queue: str
    act: Callable[[Claimed], Outcome]
    undo: Undo
    retry: Retry = field(default_factory=Retry)
    timeout_s: float = 300.0
    asks: TaskAsks | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A pure step of a pipeline: item and context in, one event out."""

    name: str
    queue: str
    decide: Callable[[Any, Any], Any]
    emits: type
    undo: Undo
    retry: Retry = field(default_factory=Retry)
    timeout_s: float = 300.0


class Item(Protocol):
    """One item of a pipeline, folded so far."""

    stream: str
    version: int

    def fold(self, event: Any) -> None:
        """Take in the event that was just decided or recorded."""


@dataclass(slots=True)
class Batch:
    """The items of one piece of work, and what their steps are pinned to."""

    items: dict[int, Item]  # by their number in the manifest
    context: Any


@dataclass(frozen=True, slots=True)
class Asks:
    """How a pipeline's steps are put to a downstream system, and how its answers become their events.

    steps    the names of the steps that may be given away
    terms    (context) -> what all items of a request share
    ask      (step, item, context) -> what the downstream needs to know of one item; no personal data
    check    (step, output): whether an answer looks like what the step emits, told from it alone
    accept   (step, item, context, output) -> the step's event
    keep     (run key, content) -> (object, sha256): stores a request where the downstream reads it, for transports
             that carry ids only

    `check` and `accept` raise events.answers.NotAnAnswer.
    """

    steps: frozenset[str]
    terms: Callable[[Any], dict[str, Any]]
    ask: Callable[[Step, Any, Any], dict[str, Any]]
    check: Callable[[Step, dict[str, Any]], None]
    accept: Callable[[Step, Any, Any, dict[str, Any]], Any]
    keep: Callable[[str, bytes], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Saga:
    """Tasks in their order, for one subject."""

    name: str
    steps: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Pure steps in their order, for batches of items.

    load      the frozen inputs of a batch and what the log already holds of it
    dismissed the type of the event (by, reason) on an item's stream when a person gives the item up
    asks      how its steps are given to downstream systems; None when they never are
    """

    name: str
    steps: tuple[Step, ...]
    load: Callable[[Claimed], Batch]
    dismissed: str = ""
    asks: Asks | None = None


REGISTRY: dict[str, Saga | Pipeline] = {}


def register(saga: Saga | Pipeline) -> None:
    """Make a saga known to the runner under its name."""
    REGISTRY[saga.name] = saga


def task(
    name: str, *, queue: str, undo: Undo, retry: Retry | None = None, asks: TaskAsks | None = None
) -> Callable[[Callable[[Claimed], Outcome]], Task]:
    """Declare a task."""
    return lambda act: Task(name, queue, act, undo, retry or Retry(), asks=asks)


def step(
    name: str, *, queue: str, emits: type, undo: Undo, retry: Retry | None = None
) -> Callable[[Callable[[Any, Any], Any]], Step]:
    """Declare a step of a pipeline."""
    return lambda decide: Step(name, queue, decide, emits, undo, retry or Retry())


def can_be_given(saga: Saga | Pipeline) -> set[str]:
    """The names of a saga's steps that may be given to a downstream system."""
    if isinstance(saga, Pipeline):
        return {step.name for step in saga.steps if saga.asks and step.name in saga.asks.steps}
    return {task.name for task in saga.steps if task.asks}


def check(saga: Saga | Pipeline, name: str, output: dict[str, Any]) -> None:
    """Whether an output looks like an answer to this step. Raises events.answers.NotAnAnswer."""
    step = next(step for step in saga.steps if step.name == name)
    if isinstance(step, Task):
        assert step.asks is not None
        step.asks.check(output)
    else:
        assert isinstance(saga, Pipeline) and saga.asks is not None
        saga.asks.check(step, output)


def queues() -> list[str]:
    """The queues of all declared steps, in the order of the alphabet."""
    return sorted({step.queue for saga in REGISTRY.values() for step in saga.steps})


def first(saga: str) -> tuple[str, str]:
    """The name and the queue of a saga's first step."""
    begin = REGISTRY[saga].steps[0]
    return begin.name, begin.queue


def new_work(
    saga: str,
    *,
    id: UUID,
    subject: str,
    run_key: str,
    group_key: str,
    parent: UUID | None = None,
    turn: int = 0,
    items: int = 1,
    payload: Mapping[str, Any] | None = None,
) -> NewWork:
    """Work that begins a saga at its first step."""
    name, queue = first(saga)
    return NewWork(id, saga, name, queue, subject, run_key, group_key, parent, turn, items, payload or {})
