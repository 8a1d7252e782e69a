"""Keeps workers working: starts them, lets the ticks run, and restarts what makes no progress.

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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from socket import gethostname
from typing import cast

from django.conf import settings
from django.db import connection

from events import work
from events.database import DATABASE_LOST, revive
from events.doorbells import bell
from events.models import Work, WorkState
from events.orphans import die_with_parent
from events.ticks import Clock

log = logging.getLogger(__name__)

TICK_S = 0.5
STOP_S = 20.0  # what workers get to finish a step before they are killed
STUCK_S = 3.0  # after this, those that do not end although nobody holds any work are killed: nothing is lost
RESTART_PAUSE_S = 0.5
PATIENCE_MAX = 8  # times the stall time

Command = tuple[str, ...]


@dataclass
class Supervisor:
    """Runs `workers` workers of the configured doorbell until stopped.

    command   how to start a worker process; it gets `--serve N`
    queues    those that the workers serve; None means all
    clock     the ticks that this supervisor runs
    beside    commands of processes that run beside the workers and are kept running like them
    """

    workers: int
    command: Command
    queues: Sequence[str] | None = None
    clock: Clock = field(default_factory=lambda: Clock(()))
    beside: Sequence[Command] = ()
    stop: threading.Event = field(default_factory=threading.Event)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _idle_since: float | None = None
    _patience: int = 1  # grows while replacing the workers does not help, so that slow ones can start

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
            self._tick_once_more()

    def _keep_running(self) -> None:
        """Start the processes that are not there: at first all of them, later those that have ended."""
        gone = [process for process in self.processes if process.poll() is not None]
        for process in gone:
            log.warning("a worker process ended with %s and is started again", process.returncode)
            _kill_group(process)  # what it forked
            self.processes.remove(process)
        if gone:
            self.stop.wait(RESTART_PAUSE_S)
        missing = self._wanted() - Counter(cast(Command, process.args) for process in self.processes)
        if missing and not self.stop.is_set():
            self.processes += [self._start(command) for command in missing.elements()]
            self._idle_since = None

    def _wanted(self) -> Counter[Command]:
        """The processes that should run, by their command."""
        each = [1] * self.workers if bell().PROCESSES_PER_WORKER else [self.workers]
        return Counter([*((*self.command, "--serve", str(workers)) for workers in each), *self.beside])

    def _start(self, command: Command) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdout=2,  # what a worker says is no output of the command that started it
            start_new_session=True,  # one signal to the group reaches every process that a worker forked
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - this child has one thread
        )

    def _look(self) -> None:
        try:
            self.clock.run()
            self._watch()
        except DATABASE_LOST as error:
            log.warning("the database does not answer: %s", type(error).__name__)
            self._idle_since = None
            revive()

    def _tick_once_more(self) -> None:
        """Show and tell what the workers did last."""
        try:
            self.clock.run(all=True)
        except DATABASE_LOST as error:
            log.warning("the database does not answer: %s", type(error).__name__)

    def _watch(self) -> None:
        """Replace the workers when work has been due for them, and nobody held any, for the whole stall time."""
        held = Work.objects.filter(state=WorkState.LEASED)
        if self.queues:
            held = held.filter(queue__in=self.queues)
        if held.exists() or not work.due(self.queues):
            self._idle_since, self._patience = None, 1
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > settings.EVENTS_STALL_S * self._patience:
            log.error("work is due and nobody takes it: the workers are replaced")
            self._end(signal.SIGKILL)
            self._patience = min(2 * self._patience, PATIENCE_MAX)

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
    """Whether anybody on this machine holds work; True when the database does not answer."""
    try:
        return Work.objects.filter(state=WorkState.LEASED, worker__startswith=f"{gethostname()}:").exists()
    except DATABASE_LOST:
        connection.close()
        return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it is gone, which is what was wanted


def command(*arguments: str) -> Command:
    """How this program starts itself: the same interpreter and the same manage.py."""
    return (sys.executable, "manage.py", *arguments)
