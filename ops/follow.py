"""Follow runs until nothing moves by itself: start workers, approve, show progress."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from rich.console import Console
from rich.live import Live
from rich.table import Table

from events import projection, work
from events.database import DATABASE_LOST, revive
from events.models import Work, WorkState
from events.orphans import die_with_parent
from events.supervisor import command
from ops.status import STEPS, RunStatus, quiet, run_status
from payroll import keys, runs
from payroll.calc.money import dollars
from payroll.history import History
from payroll.models import EmployerRun
from payroll.projections import RUNS

LOOK_S = 0.25
LONELY_S = 10.0  # until somebody who waits is told that no worker takes the work
LINE_S = 2.0  # between plain lines, when the output is no terminal
EMPLOYERS_SHOWN = 20


def until_quiet(
    run_ids: Sequence[UUID], *, workers: int, approve_as: str | None = None, silent: bool = False
) -> None:
    """Wait until all of these runs are paid, or wait for a person.

    workers      started for this time; 0 relies on those that run elsewhere
    approve_as   approves each employer as soon as it is validated
    silent       show no progress
    """
    lonely_since: float | None = None
    with workers_running(workers) as pool, _display(silent) as show:
        while True:
            try:
                pool.keep()
                approved = [
                    part
                    for run in run_ids
                    if approve_as
                    for part in approve_ready(run, approve_as, again=False)
                ]
                show([run_status(run, told=False) for run in run_ids])
                if not approved and all(_settled(run, approve_as) for run in run_ids):
                    return
                lonely_since = _tell_if_lonely(lonely_since)
            except DATABASE_LOST:
                revive()
            time.sleep(LOOK_S)


def _tell_if_lonely(since: float | None) -> float:
    """Say once that nobody takes the work; returns since when that is so, infinity once it was said."""
    now = time.monotonic()
    if since is None or Work.objects.filter(state=WorkState.LEASED).exists() or not work.due():
        return now
    if now - since > LONELY_S:
        print("work is due and no worker takes it: start one with `manage.py worker`", file=sys.stderr)  # noqa: T201
        return float("inf")
    return since


def approve_ready(run: UUID, user: str, *, only: Sequence[str] = (), again: bool = True) -> list[str]:
    """Approve every employer of a run that waits for an approval; returns their ids.

    again    whether also those whose approval became void: somebody has to look at what has changed
    raises   Refused when this user may not
    """
    projection.catch_up(RUNS)
    approved = []
    waiting = _waiting(run, again=again).order_by("employer")
    if only:
        waiting = waiting.filter(employer__in=only)
    for part in waiting:
        try:
            runs.approve(part.employer_run, by=user)
        except runs.Refused:
            if not _is_approved(part):
                raise
        else:
            approved.append(part.employer)
    return approved


def _is_approved(part: EmployerRun) -> bool:
    """Whether the log says so: the read model lags behind an approval, perhaps one whose answer we lost."""
    return History(keys.employerrun_stream(part.employer_run)).approval is not None


def _settled(run: UUID, approve_as: str | None) -> bool:
    if not quiet(run):
        return False
    projection.catch_up(RUNS)
    if projection.behind(RUNS):
        return False
    return quiet(run) and not (approve_as and _waiting(run, again=False).exists())


def _waiting(run: UUID, *, again: bool) -> QuerySet[EmployerRun]:
    """The employers of a run that wait for an approval."""
    waiting = EmployerRun.objects.filter(run=run, last_event="EmployerRunValidated")
    return waiting if again else waiting.exclude(facts__has_key="voided_register_sha256")


class Pool:
    """A supervisor with its workers, as a process that ends with this one."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The supervisor's process; 0 when there is none."""
        return self.process.pid if self.process else 0

    def keep(self) -> None:
        """Start the supervisor, and again if somebody killed it."""
        if self.workers and (self.process is None or self.process.poll() is not None):
            worker = command("worker", "--workers", str(self.workers), "--no-schedule")
            # Beside a live display the workers' words go to a file; elsewhere they are part of the output.
            log = (settings.STATE_DIR / "workers.log").open("ab") if sys.stdout.isatty() else None
            self.process = subprocess.Popen(
                worker,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - this child has one thread
            )
            if log:
                log.close()


@contextmanager
def workers_running(workers: int) -> Iterator[Pool]:
    """Workers under a supervisor, for the time of the block; 0 starts none."""
    pool = Pool(workers)
    pool.keep()
    try:
        yield pool
    finally:
        if pool.process and pool.process.poll() is None:
            pool.process.terminate()
            pool.process.wait()


@contextmanager
def _display(silent: bool) -> Iterator[Any]:
    """A live table on a terminal, plain lines elsewhere, nothing when silent."""
    if silent:
        yield lambda statuses: None
    elif sys.stdout.isatty():
        with Live(console=Console(), refresh_per_second=8) as live:
            yield lambda statuses: live.update(table(statuses))
    else:
        yield _Lines()


class _Lines:
    """A line now and then, when something has changed."""

    def __init__(self) -> None:
        self.last = ""
        self.at = 0.0

    def __call__(self, statuses: Sequence[RunStatus]) -> None:
        text = line(statuses)
        if text != self.last and time.monotonic() - self.at >= LINE_S:
            print(text, flush=True)  # noqa: T201
            self.last, self.at = text, time.monotonic()


def line(statuses: Sequence[RunStatus]) -> str:
    """All runs in one line."""
    steps = [(step, sum(status.people.get(step, 0) for status in statuses)) for step in STEPS]
    before = ", ".join(f"{step} {count:,}" for step, count in steps if count) or "no step"
    paid, people = sum(status.paid for status in statuses), sum(status.employees for status in statuses)
    dead = sum(len(status.dead_letters) for status in statuses)
    return f"  paid {paid:,} of {people:,} people, before {before}, dead letters {dead}"


def table(statuses: Sequence[RunStatus]) -> Table:
    """Progress per employer and step; the busiest employers when there are many."""
    shown = Table(title=line(statuses).strip(), title_justify="left", header_style="bold")
    for heading in ("employer", "people", *STEPS, "done", "dead"):
        shown.add_column(heading, justify="left" if heading == "employer" else "right")
    shown.add_column("net pay", justify="right")
    shown.add_column("state")
    parts = [part for status in statuses for part in status.employers]
    for part in parts[:EMPLOYERS_SHOWN]:
        shown.add_row(
            part.employer,
            f"{part.employees:,}",
            *(f"{part.waiting_before.get(step, 0) or ''}" for step in STEPS),
            f"{part.completed:,}",
            f"{part.dead_letters or ''}",
            dollars(part.net_cents) if part.net_cents else "",
            part.state,
        )
    if len(parts) > EMPLOYERS_SHOWN:
        shown.caption = f"and {len(parts) - EMPLOYERS_SHOWN} more employers"
    return shown
