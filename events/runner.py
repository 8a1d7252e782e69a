"""Claim, work, apply: the one place that runs a step and owns its transaction.

A piece of work may run more than once; each effect is recorded once. The claim commits first. The work
holds no transaction. The apply is one transaction, guarded by the claim's epoch: events at their
expected versions, the next work, and the move of this work, all or nothing.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import transaction

from events import asking, batches, fates, limits, store, work
from events.database import DATABASE_LOST, reconnect
from events.doorbells import ring
from events.heartbeat import heartbeat
from events.saga import REGISTRY, Outcome, Pipeline, Retry, Saga
from events.work import Claimed, Fenced

log = logging.getLogger(__name__)


def worker_name() -> str:
    """Host and process, for people who look at who holds what."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run_due(
    *,
    queues: Sequence[str] | None = None,
    hop: bool = False,
    budget_s: float = 20.0,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Work through whatever is due, until nothing is, or the budget is used up.

    queues    the queues to serve; None means all
    hop       hand a batch over where its next step is on another queue, though it be one of these
    stopping  asked between pieces of work; True ends the loop
    returns   pieces of work claimed
    """
    done = 0
    until = time.monotonic() + budget_s
    while time.monotonic() < until and not stopping():
        try:
            held = work.claim(worker_name(), queues=queues, lease_s=settings.EVENTS_LEASE_S)
        except DATABASE_LOST:
            reconnect()
            continue
        if held is None:
            break
        done += 1
        run(held, [held.queue] if hop else queues, stopping)
    return done


def run(
    held: Claimed, queues: Sequence[str] | None = None, stopping: Callable[[], bool] = lambda: False
) -> None:
    """Run one claimed piece of work to where it goes next. Never raises for what the work did."""
    try:
        with heartbeat(held):
            _run(held, queues, stopping)
    except Fenced:
        log.warning("discarded: another worker took over %s at %s", held.subject, held.step)
    except DATABASE_LOST as error:
        # The outcome of the last statement is unknown. Handing the work back is right either way: if its
        # transaction committed, the work already stands before its next step and goes on from there.
        log.warning("the database went away during %s at %s", held.subject, held.step)
        reconnect()
        _hand_back(held, error)


def _run(held: Claimed, queues: Sequence[str] | None, stopping: Callable[[], bool]) -> None:
    saga = REGISTRY.get(held.saga)
    if saga is None or all(step.name != held.step for step in saga.steps):
        # Perhaps newer code enqueued it: it is left for a worker that knows it.
        fates.let_go(
            held, "ready", give_back=1, delay_s=30, error=f"no step {held.saga}/{held.step} in this version"
        )
    elif isinstance(saga, Pipeline):
        # A batch that is paused goes no further than the step that it is at.
        batches.run(saga, held, queues, lambda: stopping() or limits.stopped(held.run_key, held.group_key))
    else:
        _run_task(saga, held)


def _run_task(saga: Saga, held: Claimed) -> None:
    index, task = next((i, step) for i, step in enumerate(saga.steps) if step.name == held.step)
    if fates.spent(held, task.retry):
        return
    try:
        outcome = asking.outcome(task, held)
        if outcome is not None:
            _apply(saga, index, held, outcome)
    except (Fenced, *DATABASE_LOST):
        raise
    except Exception as error:
        fates.meet(held, task.retry, error)


def _apply(saga: Saga, index: int, held: Claimed, outcome: Outcome) -> None:
    """One transaction: the task's events, its children, and where its work goes next."""
    following = saga.steps[index + 1] if index + 1 < len(saga.steps) else None
    if outcome.to:
        following = next(step for step in saga.steps if step.name == outcome.to)
    step, queue = (following.name, following.queue) if following else (held.step, held.queue)
    if not following and (outcome.fork or outcome.wait):
        raise ValueError(
            f"{saga.name}/{held.step} forks or waits, but no step follows that could go on afterwards"
        )
    with transaction.atomic(durable=True):
        if outcome.fork:
            work.release(held, "joining", step=step, queue=queue, pending=len(outcome.fork), fresh=True)
        elif outcome.wait:
            work.release(held, "waiting", step=step, queue=queue, fresh=True)
        elif following:
            work.release(held, "ready", step=step, queue=queue, fresh=True)
        else:
            work.release(held, "done")
            if held.parent:
                work.child_finished(held.parent)
        store.append(outcome.events, cause=held.id)
        work.enqueue([*outcome.fork, *outcome.then])
        if outcome.within:
            outcome.within()
    next_id = held.id if following else held.parent
    ring([*([next_id] if next_id else []), *(new.id for new in (*outcome.fork, *outcome.then))])


def _hand_back(held: Claimed, error: Exception) -> None:
    # A broken connection is nobody's fault. A statement that was refused (a deadlock, a timeout) is an attempt.
    code = getattr(error.__cause__, "sqlstate", None) or "08"
    give_back = 1 if code.startswith(("08", "25", "53", "57P")) else 0
    reason = "the database went away while this was being done"
    try:
        fates.let_go(held, "ready", give_back=give_back, delay_s=Retry().delay_s(1), error=reason)
    except Fenced:
        pass  # it was finished, or somebody else has it: both are fine
    except DATABASE_LOST:
        log.warning("the database went away again: the lease of %s will run out", held.subject)
