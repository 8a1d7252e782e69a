"""A step that a downstream system does: work asks, waits without a worker, and goes on with the answers.

    claim ─▶ tokens and TaskRequested ─▶ send ─▶ waiting ─▶ (answers, or their deadline) ─▶ ready ─▶ claim ─▶ apply

The claim that finds an answer for every item applies the step as if it had computed it: the same events, the same
transaction (batches.py). A task is asked for in the same way, as one item that is its subject (runner.py). A worker
that dies anywhere loses nothing: what has not been answered is asked again with new tokens, and the old ones are too
late.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid5

from django.conf import settings
from django.db import transaction

from events import downstream, store, tokens, transports, work
from events.answers import NotAnAnswer
from events.doorbells import ring
from events.downstream import Downstream
from events.failures import NeedsReview, NoAnswer, TryAgain
from events.saga import Asks, Batch, Item, Outcome, Pipeline, Step, Task
from events.store import NewEvent
from events.tokens import Known
from events.transports import Refused, Request, Unreachable
from events.work import Claimed, Fenced

log = logging.getLogger(__name__)

REFUSED_MAX = 3  # single tasks refused, and none accepted: it is not the tasks


class TooMany(Exception):
    """The batch has more items than its downstream takes at a time: split it.

    size   how many of them fit
    """

    def __init__(self, step: str, items: int, size: int) -> None:
        super().__init__(f"the downstream system for {step} takes {size} of its {items} tasks at a time")
        self.size = size


@dataclass
class Subject:
    """What a task is about, as the one item of a batch."""

    stream: str
    version: int = 0

    def fold(self, event: Any) -> None:
        """A task has no next step here: nothing is to be taken in."""


@dataclass
class Sent:
    """What became of the tasks of a request, by number."""

    accepted: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    unsent: set[int] = field(default_factory=set)
    why: Unreachable | None = None


def answered(pipeline: Pipeline, at: int, held: Claimed, batch: Batch) -> Step | None:
    """The step before which a batch stands, as it is to be decided.

    returns  the step itself when it is ours; the step with the answers in place of its computation when all are there;
             None when they were asked for, and the work waits
    raises   TooMany; TryAgain when the downstream cannot be asked now; NeedsReview when it takes none of this batch
    """
    step = pipeline.steps[at]
    target = downstream.of(step.name)
    if target is None or pipeline.asks is None:
        return step
    before = {number: item for number, item in batch.items.items() if item.version <= at}
    return _answered(target, pipeline.asks, step, held, replace(batch, items=before))


def outcome(task: Task, held: Claimed) -> Outcome | None:
    """What a task comes to; None when a downstream system was asked, and the work waits.

    raises   what the task raises; NeedsReview and TryAgain as the downstream says, NoAnswer when it says nothing
    """
    target, asks = downstream.of(task.name), task.asks
    given = asks.ask(held) if target and asks else None
    if target is None or asks is None or given is None:
        return task.act(held)
    put = Asks(
        steps=frozenset({task.name}),
        terms=lambda work: {},
        ask=lambda step, subject, work: given,
        check=lambda step, output: asks.check(output),
        accept=lambda step, subject, work, output: asks.accept(work, output),
        keep=asks.keep,
    )
    step = Step(task.name, task.queue, lambda subject, work: task.act(work), Outcome, task.undo, task.retry)
    subject = Subject(held.subject)
    decided = _answered(target, put, step, held, Batch({0: subject}, held))
    return decided.decide(subject, held) if decided else None


def _answered(target: Downstream, asks: Asks, step: Step, held: Claimed, batch: Batch) -> Step | None:
    """The step with the answers in place of its computation; None when these items were asked for."""
    found = tokens.known(held, [item.stream for item in batch.items.values()])
    decided: dict[str, Callable[[], Any]] = {}
    unanswered: dict[int, Item] = {}
    for number, item in batch.items.items():
        answer = _decision(asks, step, item, batch.context, found.get(item.stream))
        if answer is None:
            unanswered[number] = item
        else:
            decided[item.stream] = answer
    if not unanswered:
        return replace(step, decide=lambda item, context: decided[item.stream]())
    if target.at_a_time is not None and len(unanswered) > target.at_a_time:
        raise TooMany(step.name, len(unanswered), target.at_a_time)
    _ask(target, asks, held, replace(batch, items=unanswered), step)
    return None


def _decision(
    asks: Asks, step: Step, item: Item, context: Any, known: Known | None
) -> Callable[[], Any] | None:
    """What an answer makes of its item: the step's event or why there is none; None when it has to be asked."""
    if known is None:
        return None
    if known.state == "failed":
        said = f"{_of(step)} says: {known.content['error']}"
        return _raising(TryAgain(said) if known.content["retryable"] else NeedsReview(said))
    if known.state == "expired":
        return _raising(NoAnswer(_silence(step, known.content)))
    try:
        event = asks.accept(step, item, context, known.content["output"])
    except NotAnAnswer as wrong:
        unfit = NeedsReview(f"{_of(step)} gave an answer that does not fit this item: {wrong}")
        return _raising(unfit) if known.fresh else None
    except Exception as error:
        return _raising(error)
    return lambda: event


def _silence(step: Step, content: Mapping[str, Any]) -> str:
    after_s = float(content["after_s"])
    what = (
        f"{_of(step)} gave no answer within {after_s:g} s, its deadline"
        if content["over"] == "deadline"
        else f"{_of(step)} was not heard of for {after_s:g} s, its heartbeat"
    )
    return (
        f"{what}. Find out whether it got the request; redrive asks it again, and its late answer is refused"
    )


def _ask(target: Downstream, asks: Asks, held: Claimed, batch: Batch, step: Step) -> None:
    """Commit the questions, send them, then let go of the work until they are answered.

    A worker lost between the two transactions leaves leased work: the next claim finds early answers and asks the rest.
    """
    items = batch.items
    inputs = {number: asks.ask(step, item, batch.context) for number, item in items.items()}
    terms = asks.terms(batch.context)
    with transaction.atomic(durable=True):
        _hold(held)
        downstream.admit(target, len(items), held.snoozes)
        issued = tokens.issue(
            held, items, deadline_s=target.deadline_s, heartbeat_s=min(target.heartbeat_s, target.deadline_s)
        )
        store.append([_requested(target, held, len(items))], cause=held.id)
    to_send = [transports.Task(each.number, each.task, each.token, inputs[each.number]) for each in issued]
    sent = _send(target, asks, held, terms, to_send)
    after_s = _fares(target.step, sent.why, held)
    if sent.why and not sent.accepted:
        raise TryAgain(f"{_of(step)} cannot be asked now: {sent.why}", after_s=after_s)
    with transaction.atomic(durable=True):
        _hold(held)
        tokens.settle(held, sent.refused, sent.unsent)
        waits_for = tokens.still_open(held)
        work.release(held, "waiting" if waits_for else "ready", pending=waits_for, give_back=1)
    if not waits_for:
        ring([held.id])


def _requested(target: Downstream, held: Claimed, items: int) -> NewEvent:
    facts = {"step": held.step, "downstream": target.shown, "subject": held.subject, "items": items}
    facts |= {"deadline_s": target.deadline_s, "heartbeat_s": target.heartbeat_s}
    return NewEvent(tokens.request_stream(held.id, held.step, held.epoch), 1, "TaskRequested", facts)


def _send(
    target: Downstream, asks: Asks, held: Claimed, terms: dict[str, Any], tasks: Sequence[transports.Task]
) -> Sent:
    """Send the tasks in requests of a bounded size. One that is refused is halved, until the guilty task is alone.

    raises   NeedsReview when it does not seem to be the tasks
    """
    sent = Sent()
    size = settings.EVENTS_DOWNSTREAM_REQUEST_TASKS
    todo = deque(tasks[i : i + size] for i in range(0, len(tasks), size))
    with transports.open_sender(target.url, asks.keep) as sender:
        while todo and not sent.why:
            part = todo.popleft()
            numbers = [task.number for task in part]
            key = uuid5(held.id, f"{held.step}|{held.epoch}|{numbers}")
            try:
                sender.send(Request(str(key), held.step, held.run_key, terms, part))
                sent.accepted.update(numbers)
            except Unreachable as why:
                sent.why = why
                sent.unsent = {task.number for rest in (part, *todo) for task in rest}
            except Refused as no:
                if len(part) > 1:
                    half = len(part) // 2
                    todo.extendleft((part[half:], part[:half]))
                    continue
                sent.refused[numbers[0]] = str(no)
                if not sent.accepted and len(tasks) > len(sent.refused) >= REFUSED_MAX:
                    raise NeedsReview(
                        f"the downstream system for {held.step} takes nothing it is asked ({no}): "
                        f"{len(sent.refused)} of {len(tasks)} tasks were tried alone. This letter covers all of them; "
                        "mend it, then redrive"
                    ) from no
    return sent


def _fares(step: str, why: Unreachable | None, held: Claimed) -> float | None:
    """Let the breaker know how a send went; in how many seconds to ask again, None for the step's own back-off."""
    with transaction.atomic(durable=True):
        if why is None:
            downstream.worked(step)
            return None
        open_s = downstream.failed(step)
    if open_s:
        log.error("the downstream system for %s is left alone for %.0f s: %s", step, open_s, why)
    else:
        log.warning("the downstream system for %s was not reached for %s: %s", step, held.subject, why)
    return max(open_s, why.after_s or 0) or None


def _hold(held: Claimed) -> None:
    """Lock the row of held work until the transaction ends, with a whole lease ahead. Raises Fenced."""
    if not work.heartbeat(held, lease_s=settings.EVENTS_LEASE_S):
        raise Fenced("the lease was lost while a downstream system was asked")


def _of(step: Step) -> str:
    return f"the downstream system for {step.name}"


def _raising(error: Exception) -> Callable[[], Any]:
    def decide() -> Any:
        raise error

    return decide
