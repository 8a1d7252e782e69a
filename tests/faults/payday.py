"""One payday by real processes, that a test kills one by one, and the bank's word for what came of it.

Every test has a state folder of its own, with a Postgres of its own. What is waited for is read from the
database or from the kernel; nothing here sleeps for a time that should be enough.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import psutil
import psycopg

from deploy import pgstate, postgres
from payroll.payments import bank, bank_process

from . import roster

PROJECT = Path(__file__).resolve().parents[2]
LEASE_S, SWEEP_S, STALL_S = 3.0, 1.0, 3.0
# The supervisor looks twice a second, and two busy cores take a while to start Django again.
MARGIN_S = 6.0
RECOVERY_S = LEASE_S + SWEEP_S + MARGIN_S
STOP_WITHIN_S = 6.0  # for the processes of a run that is over
LIMIT_S = 60.0  # for a run to come to its end; far more than it takes
STEPS = 6  # events of a paycheck that is paid

ENVIRONMENT = {
    "PAYROLL_BATCH": "5",
    "PAYROLL_LEASE_S": str(LEASE_S),
    "PAYROLL_SWEEP_S": str(SWEEP_S),
    "PAYROLL_STALL_S": str(STALL_S),
    "PAYROLL_DOORBELL": "django_q",
    "PAYROLL_GATEWAY": "sandbox",
}
START = [
    *("payrun", "start", "--from", str(roster.PERIOD_START), "--to", str(roster.PERIOD_END)),
    *("--pay-date", str(roster.PAY_DATE)),
]
FOLLOW = ["--approve-as", "checker", "--wait", "--json"]

# Makes every append take that long, so that a run can be met in the middle of it.
PACE = """
create or replace function test_pace() returns trigger language plpgsql as
$$ begin perform pg_sleep({seconds}); return null; end $$
"""
PACED = (
    "create trigger test_pace after insert on events_event for each statement execute function test_pace()"
)


Found = TypeVar("Found")


class Held(NamedTuple):
    """A piece of work that a worker holds."""

    work: UUID
    pid: int
    epoch: int


@dataclass
class Tree:
    """The processes of a supervisor with django-q2 workers, as they were first started."""

    supervisor: psutil.Process
    main: psutil.Process
    sentinel: psutil.Process
    workers: list[psutil.Process]
    monitor: psutil.Process
    pusher: psutil.Process


@dataclass
class Payday:
    """A state folder with an imported roster, and the processes that pay it."""

    state: Path
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _connection: psycopg.Connection | None = None

    # Processes

    def manage(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of the program."""
        number = len(self.started)
        with self._log(number).open("wb") as log, self._output(number).open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=log,
            )
        self.started.append(process)
        return process

    def start(self, workers: int = 2) -> subprocess.Popen[bytes]:
        """Open the run, or find it open, and follow it to its end."""
        return self.manage(*START, *FOLLOW, "--workers", str(workers))

    def finish(
        self, process: subprocess.Popen[bytes], stop_within_s: float = STOP_WITHIN_S
    ) -> dict[str, Any]:
        """Wait for a followed run and for the end of its processes; what it ends with."""
        self.until(lambda: self.is_complete() or process.poll() is not None, "the run is complete")
        self.until(lambda: process.poll() is not None, "the command ends", stop_within_s)
        code = process.wait()
        number = self.started.index(process)
        assert code == 0, f"exit {code}\n{self.said()}"
        summary: dict[str, Any] = json.loads(self._output(number).read_text())
        return summary

    def said(self) -> str:
        """What all processes wrote to their logs."""
        logs = (self._log(number) for number in range(len(self.started)))
        return "\n".join(log.read_text(errors="replace")[-4000:] for log in logs)

    def ours(self) -> list[psutil.Process]:
        """Every living process of the program that works on this state folder; not Postgres, not the bank."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def tree(self, root: subprocess.Popen[bytes], workers: int = 2) -> Tree:
        """The processes under a `payrun start --workers` or `worker --workers`, once all are there."""
        return self.until(lambda: self._tree(psutil.Process(root.pid), workers), "all processes are started")

    def nobody_left(self, processes: Sequence[psutil.Process], within_s: float = MARGIN_S) -> None:
        """Processes whose parent was killed are gone too, in a bounded time."""
        try:
            self.until(lambda: not any(map(lives, processes)), "no orphan is left", within_s)
        except AssertionError as late:
            left = [(p.pid, p.ppid(), p.status(), p.cmdline()) for p in processes if lives(p)]
            raise AssertionError(f"{late}\nleft: {left}") from None

    def end(self) -> None:
        """End everything that was started here, whatever became of the test."""
        for process in self.ours():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for started in self.started:
            started.kill()
            started.wait()
        if self._connection:
            self._connection.close()
        bank_process.stop(self.bank)
        postgres.stop(self.state)

    # What the database says

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows, as the owner of the tables; connects again when the server went away."""
        if self._connection is None or self._connection.closed:
            cluster = postgres.read(self.state)
            assert cluster is not None
            self._connection = psycopg.connect(cluster.owner_url, autocommit=True)
        try:
            cursor = self._connection.execute(statement, parameters or None)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            self._connection.close()
            raise

    def pace(self, seconds: float) -> None:
        """Let every append take this long from now on."""
        self.query(PACE.format(seconds=seconds))

    def events(self, *types: str) -> int:
        """How many events the log holds, of these types or of all."""
        wanted = list(types) or None
        statement = "select count(*) from events_event where %s::text[] is null or type = any(%s)"
        (row,) = self.query(statement, wanted, wanted)
        return int(row[0])

    def held(self, *pids: int) -> list[Held]:
        """Paychecks that are being computed, by these processes or by all."""
        rows = self.query(
            "select id, worker, epoch from events_work where state = 'leased' and saga = 'paychecks'"
        )
        found = [Held(work, int(worker.rpartition(":")[2]), epoch) for work, worker, epoch in rows]
        return [held for held in found if held.pid in pids or not pids]

    def let_go(self, held: Sequence[Held]) -> bool:
        """Whether other workers have taken all of that over, or finished it."""
        rows = self.query(
            "select id, epoch, state from events_work where id = any(%s)", [each.work for each in held]
        )
        now = {work: (epoch, state) for work, epoch, state in rows}
        return all(now[each.work][0] > each.epoch or now[each.work][1] == "done" for each in held)

    def until(self, condition: Callable[[], Found], what: str, within_s: float = LIMIT_S) -> Found:
        """Wait for a condition, also while the database is down; a failure names it and shows the logs."""
        deadline = time.monotonic() + within_s
        while True:
            with contextlib.suppress(psycopg.OperationalError, psutil.NoSuchProcess):
                if found := condition():
                    return found
            gave_up = [process.args for process in self.started if (process.poll() or 0) > 0]
            if gave_up or time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:g} s: {what}; gave up: {gave_up}\n{self.said()}")
            time.sleep(0.005)

    def until_events(self, count: int) -> None:
        self.until(lambda: self.events() >= count, f"{count} events")

    def until_computing(self) -> None:
        """Wait until paychecks are being computed and many are still to come."""
        self.until(lambda: self.held() and self.events() > 100, "paychecks are being computed")

    def recovered(self, what: str, lost: Sequence[Held], since: float, within_s: float = RECOVERY_S) -> float:
        """Wait until the run moves on and others took over what the killed ones held; prints how long."""
        count = self.until(self.events, "the database answers again", within_s)
        self.until(lambda: self.events() > count or self.is_complete(), f"progress after {what}", within_s)
        self.until(lambda: self.let_go(lost), f"what was held at {what} is taken over", within_s)
        took = time.monotonic() - since
        print(f"{what}: recovered in {took:.1f} s, at most {within_s:g}")  # noqa: T201 - pytest -s shows it
        assert took <= within_s, what
        return took

    def is_complete(self) -> bool:
        return self.events("PayRunCompleted") == 1

    # What the bank says

    @property
    def bank(self) -> Path:
        return self.state / "bank"

    def postmaster(self) -> int:
        """The pid of the database server."""
        pid = pgstate.postmaster(pgstate.data_of(self.state).resolve())
        assert pid is not None
        return pid

    def assert_paid_once(self, owed: roster.Owed) -> None:
        """Everybody was paid once, what they are owed, by the bank's own books; and our log has no gap."""
        credits = bank.books(self.bank)
        times = Counter((credit.company_id, credit.individual_id) for credit in credits)
        assert not [who for who, count in times.items() if count > 1], "paid twice"
        assert {(credit.company_id, credit.individual_id): credit.amount_cents for credit in credits} == owed
        assert self.is_complete()
        streams = self.query(
            "select stream, array_agg(version order by version) from events_event"
            " where stream like 'paycheck-%' group by stream"
        )
        assert len(streams) == len(owed)
        assert all(versions == list(range(1, STEPS + 1)) for _, versions in streams)
        assert self.query("select distinct state, pending from events_work") == [("done", 0)]
        assert self.query("select reason from events_deadletter") == []

    # Inner parts

    def _log(self, number: int) -> Path:
        return self.state.parent / f"process-{number}.log"

    def _output(self, number: int) -> Path:
        return self.state.parent / f"process-{number}.out"

    def _is_ours(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return lives(process) and process.environ().get("PAYROLL_STATE_DIR") == str(self.state)
        return False

    def _tree(self, root: psutil.Process, workers: int) -> Tree | None:
        supervisor = root if "worker" in root.cmdline() else _child(root, "--workers")
        main = supervisor and _child(supervisor, "--serve")
        sentinel = main and _child(main, "--serve")
        if not (supervisor and main and sentinel):
            return None
        children = sorted(sentinel.children(), key=lambda process: (process.create_time(), process.pid))
        if len(children) < workers + 2:
            return None
        return Tree(supervisor, main, sentinel, children[:workers], *children[workers : workers + 2])


def lives(found: psutil.Process | int) -> bool:
    """Whether this very process runs; a zombie does not, and neither does another with its pid."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(found) if isinstance(found, int) else found
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def kill(*processes: psutil.Process | int) -> float:
    """Kill -9, and wait until the kernel has ended them; when that was, by the monotonic clock."""
    found = [psutil.Process(process) if isinstance(process, int) else process for process in processes]
    now = time.monotonic()
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    deadline = now + MARGIN_S
    while any(map(lives, found)):
        assert time.monotonic() < deadline, "kill -9 did not end it"
        time.sleep(0.001)
    return now


def family(process: psutil.Process | int) -> list[psutil.Process]:
    """A process and all below it."""
    root = psutil.Process(process) if isinstance(process, int) else process
    return [root, *root.children(recursive=True)]


def _child(parent: psutil.Process, argument: str) -> psutil.Process | None:
    return next((child for child in parent.children() if argument in child.cmdline()), None)


def environment(state: Path, **change: str) -> dict[str, str]:
    """What the processes of one payday are given."""
    passed = {
        name: os.environ[name] for name in ("PATH", "HOME", "PAYROLL_PG_BIN", "LANG") if name in os.environ
    }
    return passed | ENVIRONMENT | {"PAYROLL_STATE_DIR": str(state)} | change


@contextlib.contextmanager
def ended(payday: Payday) -> Iterator[Payday]:
    """A payday whose processes are all ended afterwards."""
    try:
        yield payday
    finally:
        payday.end()
