"""Runs a pipeline over a batch: batch for speed, isolate for failure.

Each step is one computation over all items and one transaction; where a downstream system computes, its answers
are taken instead (asking.py). An item that fails is set aside as work of its own, and everybody else goes on. A batch
that keeps losing its workers is split, until the item that kills them stands alone.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import uuid5

from django.conf import settings
from django.db import transaction

from events import asking, dead_letters, fates, store, work
from events.database import DATABASE_LOST
from events.doorbells import ring
from events.failures import NeedsReview, TryAgain
from events.saga import Batch, Item, Pipeline, Step
from events.store import NewEvent
from events.work import Claimed, Fenced, NewWork

log = logging.getLogger(__name__)

LOST_BEFORE_SPLIT = 2  # one lost worker is a deployment or bad luck; two are a suspicion
PARTS = 24  # so that 500 items stand alone after two splits


class Failed(NamedTuple):
    """An item whose step raised."""

    number: int
    stream: str
    error: Exception


class LetGo(NamedTuple):
    """A batch as this process left it to the workers of its next step."""

    held: Claimed
    batch: Batch

    def is_back(self, held: Claimed) -> bool:
        """Whether this claim is the next after ours, so that nobody has touched the batch in between."""
        ours = (self.held.id, self.held.epoch + 1, self.held.step, self.held.payload)
        return (held.id, held.epoch, held.step, held.payload) == ours


_let_go: LetGo | None = None  # the last one of this process


class Decided(NamedTuple):
    """What one step made of a batch."""

    events: list[NewEvent]
    failed: list[Failed]


def numbers(payload: Mapping[str, Any]) -> list[int]:
    """The item numbers that a batch's payload covers: from lo up to hi, without those set aside."""
    without = set(payload.get("without", ()))
    return [number for number in range(payload["lo"], payload["hi"]) if number not in without]


def run(
    pipeline: Pipeline, held: Claimed, queues: Sequence[str] | None, stopping: Callable[[], bool]
) -> None:
    """Move a held batch through its remaining steps.

    queues    the queues this worker serves (None: all); a step on another queue is left to its workers
    stopping  asked after each step; True hands the batch back
    raises    Fenced, and what a lost database raises
    """
    at = next(i for i, step in enumerate(pipeline.steps) if step.name == held.step)
    try:
        if held.lost >= LOST_BEFORE_SPLIT and held.items > 1:
            _split_lost(pipeline, held)
            return
        if fates.spent(held, pipeline.steps[at].retry):
            return
        batch = _taken_back(held) or pipeline.load(held)
        while held.step == pipeline.steps[at].name:
            step = asking.answered(pipeline, at, held, batch)
            following = _run_step(pipeline, step, at, held, batch) if step else None
            if following is None:
                return
            if not (queues is None or following.queue in queues) or stopping():
                _hop(following, batch)
                return
            held, at = following, at + 1
    except (Fenced, *DATABASE_LOST):
        raise
    except asking.TooMany as many:
        _split(held, batch.items, lost=held.lost, why=str(many), size=many.size)
    except Exception as error:
        fates.meet(held, pipeline.steps[at].retry, error)


def decide(step: Step, at: int, batch: Batch) -> Decided:
    """Compute a step for every item of the batch that stands before it; failures are values.

    at   the step's place in its pipeline, which is the number of events its items have by then
    """
    events: list[NewEvent] = []
    failed: list[Failed] = []
    name = step.emits.__name__
    for number, item in batch.items.items():
        if item.version > at:
            continue  # recorded by an earlier claim of this work
        try:
            event = step.decide(item, batch.context)
            item.fold(event)
        except Exception as error:
            failed.append(Failed(number, item.stream, error))
        else:
            events.append(NewEvent(item.stream, at + 1, name, vars(event)))
    for each in failed:
        del batch.items[each.number]
    return Decided(events, failed)


def _run_step(pipeline: Pipeline, step: Step, at: int, held: Claimed, batch: Batch) -> Claimed | None:
    """One step over the batch; returns the work as it stands before the next step, or None at the end.

    step   the step at place `at`, as it is decided
    """
    decided = decide(step, at, batch)
    if held.items == 1 and decided.failed:
        failed = decided.failed[0]
        fates.meet(replace(held, subject=failed.stream), step.retry, failed.error)
        return None
    without = sorted({*held.payload.get("without", ()), *(failed.number for failed in decided.failed)})
    payload = {**held.payload, "without": without}
    following = pipeline.steps[at + 1] if at + 1 < len(pipeline.steps) and numbers(payload) else None
    try:
        _apply(held, step, following, payload, decided)
    except store.WrongExpectedVersion:
        _already_recorded(held, decided)
        return None
    except (Fenced, *DATABASE_LOST):
        raise
    except Exception as error:
        if held.items == 1:
            raise
        # Some item's event cannot be recorded (a NUL byte, a NaN), and the refusal does not say whose.
        log.warning("%s is split at %s: %s", held.subject, held.step, type(error).__name__)
        _split(held, batch.items, lost=0, why=f"{step.name} could not be recorded: {type(error).__name__}")
        return None
    if following is None:
        return None
    return replace(
        held,
        step=following.name,
        queue=following.queue,
        payload=payload,
        items=len(numbers(payload)),
        attempts=1,
    )


def _apply(
    held: Claimed, step: Step, following: Step | None, payload: dict[str, Any], decided: Decided
) -> None:
    """One transaction: the step's events, the items set aside, and where the batch goes next."""
    aside = [_aside(held, step, payload, failed) for failed in decided.failed]
    with transaction.atomic(durable=True):
        if following:
            work.advance(
                held,
                step=following.name,
                queue=following.queue,
                payload=payload,
                items=len(numbers(payload)),
                lease_s=settings.EVENTS_LEASE_S,
            )
        else:
            work.release(held, "done")
        store.append(decided.events, cause=held.id)
        work.enqueue(aside)
        for new, failed in zip(aside, decided.failed, strict=True):
            if isinstance(failed.error, NeedsReview):
                dead_letters.open_letter(
                    new, kind=failed.error.kind, reason=str(failed.error), attempts=1, error=failed.error
                )
        if held.parent and aside:
            work.children_added(held.parent, len(aside))
        if held.parent and not following:
            work.child_finished(held.parent)
    finished = [held.parent] if held.parent and not following else []
    ring([*finished, *(new.id for new in aside)])


def _aside(held: Claimed, step: Step, payload: dict[str, Any], failed: Failed) -> NewWork:
    """The work of its own that an item becomes when it fails: dead at once, or due again later."""
    delay_s = step.retry.delay_s(1)
    if isinstance(failed.error, TryAgain) and failed.error.after_s is not None:
        delay_s = failed.error.after_s
    part = _part(held, payload, [failed.number], subject=failed.stream)
    return replace(part, delay_s=delay_s, state="dead" if isinstance(failed.error, NeedsReview) else "ready")


def _part(held: Claimed, payload: dict[str, Any], part: Sequence[int], *, subject: str) -> NewWork:
    """Work for some of the items of a batch, at the step where the batch stands."""
    lo, hi = part[0], part[-1] + 1
    without = [number for number in payload.get("without", ()) if lo <= number < hi and number not in part]
    return NewWork(
        id=uuid5(held.id, f"{lo}-{hi}"),
        saga=held.saga,
        step=held.step,
        queue=held.queue,
        subject=subject,
        run_key=held.run_key,
        group_key=held.group_key,
        parent=held.parent,
        turn=held.turn,
        items=len(part),
        payload={**payload, "lo": lo, "hi": hi, "without": without},
    )


def _split_lost(pipeline: Pipeline, held: Claimed) -> None:
    """Split a batch that keeps losing its workers."""
    # Loading only reads, so it is not what kills; but if it is, the next claim splits without it.
    alone = held.items <= PARTS and held.lost == LOST_BEFORE_SPLIT
    items = pipeline.load(held).items if alone else {}
    _split(held, items, lost=LOST_BEFORE_SPLIT - 1, why=f"it lost {held.lost} workers")


def _split(held: Claimed, items: Mapping[int, Item], *, lost: int, why: str, size: int = 0) -> None:
    """Replace a batch by smaller ones; the guilty item ends up alone.

    items   to name an item that stands alone by its own stream
    lost    workers that its parts are known to have lost
    size    items of a part; 0 for what two splits need to single one out
    """
    every = numbers(held.payload)
    size = size or max(1, -(-len(every) // PARTS))
    parts = []
    for i in range(0, len(every), size):
        item = items.get(every[i]) if size == 1 else None
        part = _part(held, held.payload, every[i : i + size], subject=item.stream if item else held.subject)
        parts.append(replace(part, lost=lost))
    with transaction.atomic(durable=True):
        work.release(held, "done", error=f"split into {len(parts)}: {why}")
        work.enqueue(parts)
        if held.parent:
            work.children_added(held.parent, len(parts) - 1)
    ring([part.id for part in parts])


def _hop(held: Claimed, batch: Batch) -> None:
    """Leave a batch before its next step to the workers of that step's queue."""
    global _let_go  # noqa: PLW0603 - it outlives the claim, and is worth no more than the time to load it again
    with transaction.atomic(durable=True):
        work.release(held, "ready", fresh=True)
    _let_go = LetGo(held, batch)
    ring([held.id])


def _taken_back(held: Claimed) -> Batch | None:
    """The batch that this process let go of, when it is the one to claim it next; otherwise it is forgotten.

    Every claim counts the epoch up, and so does everybody who sets work going again: one more than when it was let go
    of, at the same step with the same payload, means that inputs and log are what they were.
    """
    global _let_go
    left, _let_go = _let_go, None
    return left.batch if left and left.is_back(held) else None


def _already_recorded(held: Claimed, decided: Decided) -> None:
    """The log already holds an event that was just computed: the same is a duplicate, another is an alarm."""
    recorded = store.read_each(event.stream for event in decided.events)
    for event in decided.events:
        computed = json.loads(json.dumps(event.data))  # as the log would give it back: a tuple is a list
        for found in recorded.get(event.stream, ()):
            if found.version == event.version and (found.type, found.data) != (event.type, computed):
                reason = (
                    f"{event.stream} already holds another result of {held.step}: inputs, rules or code changed "
                    "under a run that is pinned to them. Find out which before redriving"
                )
                dead_letters.bury(replace(held, subject=event.stream), kind="alarm", reason=reason)
                return
    fates.let_go(held, "ready", give_back=1, error="an earlier claim had recorded this step")
