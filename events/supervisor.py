"""Keeps workers working: starts them, sweeps, folds the read models, and restarts what makes no progress.

It watches progress, not liveness: a pool whose processes are all alive may have stopped for good (an
idle django-q2 worker that is killed takes the queue's lock with it). Due work that nobody takes for
EVENTS_STALL_S seconds means the workers are replaced. The same is true when they exit.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings
from django.db import connection

from events import projection, work
from events.database import DATABASE_LOST, revive
from events.doorbells import bell
from events.models import Work, WorkState
from events.orphans import die_with_parent

log = logging.getLogger(__name__)

TICK_S = 0.5
FOLD_S = 3.0
FOLD_BUSY_S = 30.0  # while work is due: doing it goes before showing it
STOP_S = 20.0  # what workers get to finish a step before they are killed
STUCK_S = 3.0  # after this, those that do not end although nobody holds any work are killed: nothing is lost
RESTART_PAUSE_S = 0.5


@dataclass
class Supervisor:
    """Runs `workers` workers of the configured doorbell until stopped.

    command   how to start a worker process; it gets `--serve N`
    ticks     called every EVENTS_TICK_S seconds; whatever they do, many supervisors may do at once
    """

    workers: int
    command: Sequence[str]
    ticks: Sequence[Callable[[], object]] = ()
    stop: threading.Event = field(default_factory=threading.Event)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _swept_at: float = 0.0
    _folded_at: float = 0.0
    _ticked_at: float = float("-inf")
    _idle_since: float | None = None

    def run(self) -> None:
        """Supervise in the foreground until SIGTERM or SIGINT, then let the workers finish their step."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        try:
            while not self.stop.is_set():
                self._keep_running()
                self._look()
                self.stop.wait(TICK_S)
        finally:
            self._end(signal.SIGTERM)

    def _keep_running(self) -> None:
        """Start the workers if they are not there, and again when one of their processes has ended."""
        gone = [process for process in self.processes if process.poll() is not None]
        if gone:
            log.warning("a worker process ended with %s: the workers are started again", gone[0].returncode)
            self._end(signal.SIGKILL)
            self.stop.wait(RESTART_PAUSE_S)
        if self.processes or self.stop.is_set():
            return
        each = [1] * self.workers if bell().PROCESSES_PER_WORKER else [self.workers]
        self.processes = [self._start(workers) for workers in each]
        self._idle_since = None

    def _start(self, workers: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, "--serve", str(workers)],
            start_new_session=True,  # one signal to the group reaches every process that a worker forked
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - this child has one thread
        )

    def _look(self) -> None:
        try:
            self._sweep()
            self._fold()
            self._tick()
            self._watch()
        except DATABASE_LOST as error:
            log.warning("the database does not answer: %s", type(error).__name__)
            self._idle_since = None
            revive()

    def _sweep(self) -> None:
        if time.monotonic() - self._swept_at < settings.EVENTS_SWEEP_S:
            return
        self._swept_at = time.monotonic()
        swept = work.sweep()
        if swept.expired:
            log.warning("%d pieces of work were held by workers that were lost", swept.expired)
        if swept.due:
            due = Work.objects.filter(state=WorkState.READY).order_by("turn", "enqueued_at")[: self.workers]
            bell().ring([late.id for late in due])

    def _fold(self) -> None:
        """Follow the log at a distance: the longer a range, the fewer times a row of a read model is rewritten."""
        since_s = time.monotonic() - self._folded_at
        if since_s < FOLD_S or (since_s < FOLD_BUSY_S and work.due()):
            return
        self._folded_at = time.monotonic()
        try:
            projection.catch_up()
        except DATABASE_LOST:
            raise
        except Exception as error:  # a read model that cannot be folded must not keep people from being paid
            log.error("the read models do not follow the log: %s", type(error).__name__, exc_info=True)

    def _tick(self) -> None:
        if time.monotonic() - self._ticked_at < settings.EVENTS_TICK_S:
            return
        self._ticked_at = time.monotonic()
        for tick in self.ticks:
            try:
                tick()
            except DATABASE_LOST:
                raise
            except Exception as error:  # one tick that fails must not keep the others from theirs
                log.error("a tick failed: %s", type(error).__name__, exc_info=True)

    def _watch(self) -> None:
        """Replace the workers when work has been due, and nobody held any, for the whole stall time."""
        busy = Work.objects.filter(state=WorkState.LEASED).exists()
        if busy or not work.due():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > settings.EVENTS_STALL_S:
            log.error("work is due and nobody takes it: the workers are replaced")
            self._end(signal.SIGKILL)

    def _end(self, signal_number: int) -> None:
        """End every worker process and all that they forked."""
        for process in self.processes:
            process.send_signal(signal_number)  # to the leader, who tells its own children how to stop
        began = time.monotonic()
        while any(process.poll() is None for process in self.processes):
            waited = time.monotonic() - began
            if waited > STOP_S or (waited > STUCK_S and not _held()):
                log.warning("a worker process did not end in %.0f s and is killed", waited)
                break
            time.sleep(0.02)
        for process in self.processes:
            _kill_group(process)
            process.wait()
        self.processes = []


def _held() -> bool:
    """Whether anybody holds work; True when the database does not answer."""
    try:
        return Work.objects.filter(state=WorkState.LEASED).exists()
    except DATABASE_LOST:
        connection.close()
        return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it is gone, which is what was wanted


def worker_command() -> list[str]:
    """How this program starts a worker: the same interpreter and the same manage.py."""
    return [sys.executable, "manage.py", "worker"]
