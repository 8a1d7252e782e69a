"""How fast a run is, beside the raw ceiling measured in the same run.

The ceiling is a bare loop in one process that writes the very events of the run, in the same batches,
one commit a batch: no reading, no computing, no queue. What the system adds is the distance to it.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psutil
from django.db import connection, transaction

from events import store
from events.models import Work
from events.store import NewEvent
from ops import follow
from ops.status import run_status
from payroll import crypto, frozen, replay, rulebook, runs
from payroll.models import Employee, Employer, TimeEntry
from payroll.steps import PIPELINE

PERIOD = (date(2026, 11, 1), date(2026, 11, 14))
PAY_DATE = date(2026, 11, 20)
WORKDAYS = [PERIOD[0] + timedelta(days=n) for n in range(14) if (PERIOD[0] + timedelta(days=n)).weekday() < 5]
APPROVER = "checker"
WARMUPS = [f"WARMUP{number}" for number in range(1, 11)]
MEGABYTE = 1 << 20

# From the opening of the run to the last employer validated: gross to net, and everything around it.
SPAN = """
select extract(epoch from max(e.recorded_at) - (select min(recorded_at) from events_event where stream = %(run)s)),
       (select count(*) from events_event where recorded_at >= (select recorded_at from events_event
                                                                where stream = %(run)s and version = 1))
  from events_event e
 where e.type = 'EmployerRunValidated' and e.data ->> 'register_sha256' is not null
"""

BATCHES = """
select cause, version, json_agg(json_build_array(stream, type, data) order by stream)
  from events_event where stream like 'paycheck-%%' and version <= 5
 group by cause, version order by min(position)
"""


@dataclass
class Measured:
    """One bench; rates per second."""

    employers: int
    employees: int
    workers: int
    seconds: float
    employees_per_s: float
    events_per_s: float
    paid_seconds: float
    wal_bytes_per_event: float
    worker_peak_mb: float
    ceiling_events_per_s: float
    ceiling_wal_bytes_per_event: float
    share_of_ceiling: float
    workers_cpu_s: float
    arithmetic_cpu_s: float
    arithmetic_share: float
    working_cost: float


def measure(employers: int, employees: int, *, workers: int = 2) -> Measured:
    """Run `employers` x `employees` people from hours to paid, and measure it. Needs a database of its own."""
    people = employers * employees
    names = generate(employers, employees)
    with follow.workers_running(workers) as pool:
        warm_up(pool, workers)
        memory = PeakMemory(pool.pid)
        cpu_s = workers_cpu_s(pool.pid)
        wal = _wal()
        began = time.monotonic()
        before = _count_validated()
        opened = runs.open_run(*PERIOD, PAY_DATE, opened_by="bench", employers=names)
        stream = f"payrun-{opened.run}"
        while not _validated(before + employers):
            memory.look()
            pool.keep()
            time.sleep(0.02)
        wal_bytes = _wal() - wal
        cpu_s = workers_cpu_s(pool.pid) - cpu_s
        with connection.cursor() as cursor:
            cursor.execute(SPAN, {"run": stream})
            seconds, events = cursor.fetchone()
        pay(opened.run, memory.look)
        paid_seconds = time.monotonic() - began
    ceiling, ceiling_wal = raw_ceiling()
    arithmetic_s = arithmetic_cpu_s(opened.run)
    rate = events / float(seconds)
    return Measured(
        employers=employers,
        employees=people,
        workers=workers,
        seconds=float(seconds),
        employees_per_s=people / float(seconds),
        events_per_s=rate,
        paid_seconds=paid_seconds,
        wal_bytes_per_event=wal_bytes / events,
        worker_peak_mb=memory.peak / MEGABYTE,
        ceiling_events_per_s=ceiling,
        ceiling_wal_bytes_per_event=ceiling_wal,
        share_of_ceiling=rate / ceiling,
        workers_cpu_s=cpu_s,
        arithmetic_cpu_s=arithmetic_s,
        arithmetic_share=arithmetic_s / cpu_s,
        working_cost=working_cost(arithmetic_s),
    )


def generate(employers: int, employees: int) -> list[str]:
    """Employers B001... with so many people each, half of them hourly with ten days of punches."""
    names = [f"B{number:03d}" for number in range(1, employers + 1)]
    serial = itertools.count(1)
    for name in [*WARMUPS, *names]:
        employer = _employer(name, next(serial))
        people = [_employee(employer, n, next(serial)) for n in range(1 if name in WARMUPS else employees)]
        Employee.objects.bulk_create(people, batch_size=1000)
        hourly = [person for person in people if person.pay_basis == "hourly"]
        TimeEntry.objects.bulk_create(
            (
                TimeEntry(employee=p, work_date=day, hours=Decimal("8.50"), kind="work")
                for p in hourly
                for day in WORKDAYS
            ),
            batch_size=5000,
        )
    return names


def warm_up(pool: follow.Pool, workers: int) -> None:
    """Runs of one person for each worker, until every worker has had work: it has started, imported and connected."""
    for begin in range(0, len(WARMUPS), workers):
        names = WARMUPS[begin : begin + workers]
        opened = runs.open_run(*PERIOD, PAY_DATE, opened_by="bench", employers=names)
        while not _validated(begin + len(names)):
            pool.keep()
            time.sleep(0.02)
        pay(opened.run)
        if len(_served(pool.pid)) >= workers:
            return


def _served(pid: int) -> set[int]:
    """The processes of this pool that have had work and may get more, by the name under which they claim.

    A worker that looks before it listens (events/doorbells/celery.py) has others do the work from then on.
    """
    names = Work.objects.exclude(worker="").values_list("worker", flat=True).distinct()
    had = {int(name.rpartition(":")[2]) for name in names}
    running = psutil.Process(pid).children(recursive=True)
    forked = {process.ppid() for process in running}
    return had & {process.pid for process in running} - forked


def pay(run: UUID, look: Callable[[], None] = lambda: None) -> None:
    """Approve what is validated until everybody is paid."""
    while not run_status(run, told=False).complete:
        follow.approve_ready(run, APPROVER)
        look()
        time.sleep(0.02)


def raw_ceiling() -> tuple[float, float]:
    """Events per second and WAL bytes per event of a bare loop that writes the run's events again."""
    wal = _wal()
    written, seconds = 0, 0.0
    for cause, rows in _batches():
        seconds += _write("raw", cause, rows)
        written += len(rows)
    return written / seconds, (_wal() - wal) / written


def arithmetic_cpu_s(run: UUID) -> float:
    """CPU seconds of the steps alone over everybody in the run: computed again here, the faster of two times."""
    given = [(batch.name, batch.manifest) for batch in replay.recorded(str(run)).batches]
    rules = rulebook.tables(given[0][1]["terms"]["rules_version"])

    def once() -> float:
        spent = 0.0
        for name, manifest in given:
            terms = frozen.terms(manifest, name, rules)
            paychecks = list(frozen.paychecks(manifest).values())
            began = time.process_time()
            for paycheck in paychecks:
                for step in PIPELINE:
                    paycheck.fold(step.decide(paycheck, terms))
            spent += time.process_time() - began
        return spent

    return min(once(), once())


def working_cost(arithmetic_s: float) -> float:
    """What keeping the working costs: computing and writing with it, over the same without it.

    Without it nothing of it is written, and the time that it takes to make its lists and their text is taken off. Each
    batch is written both ways, by turns the one and the other first, so that both meet the same machine.
    """
    with_s = without_s = made_s = 0.0
    for number, (cause, rows) in enumerate(_batches()):
        bare = [(stream, version, kind, _without(data)) for stream, version, kind, data in rows]
        workings = [json.loads(data.get("working", "[]")) for *_, data in rows]
        if number % 2:
            with_s += _write("with", cause, rows)
        without_s += _write("without", cause, bare)
        if not number % 2:
            with_s += _write("with", cause, rows)
        began = time.process_time()
        for working in workings:
            json.dumps([tuple(each) for each in working], separators=(",", ":"))
        made_s += time.process_time() - began
    return (arithmetic_s + with_s) / (arithmetic_s - made_s + without_s)


def _batches() -> Iterator[tuple[UUID, list[tuple[str, int, str, dict[str, Any]]]]]:
    """The events of the run's paychecks as they were written, a batch and a step at a time."""
    with connection.cursor() as cursor:
        cursor.execute(BATCHES)
        found = cursor.fetchall()
    for cause, version, rows in found:
        listed = rows if isinstance(rows, list) else json.loads(rows)
        yield cause, [(stream, version, kind, data) for stream, kind, data in listed]


def _write(prefix: str, cause: UUID, rows: list[tuple[str, int, str, dict[str, Any]]]) -> float:
    """Write a batch again under other names, in one commit; the seconds it took."""
    began = time.perf_counter()
    events = [NewEvent(f"{prefix}{stream}", version, kind, data) for stream, version, kind, data in rows]
    with transaction.atomic(durable=True):
        store.append(events, cause=cause)
    return time.perf_counter() - began


def _without(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "working"}


def workers_cpu_s(pid: int) -> float:
    """CPU seconds that the workers' processes have used so far."""
    root = psutil.Process(pid)
    spent = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


class PeakMemory:
    """The largest resident size that any one process of the workers had, in bytes."""

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)
        self.peak = 0
        self._next = 0.0

    def look(self) -> None:
        """Sample, at most ten times a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.1
        for process in [self.root, *self.root.children(recursive=True)]:
            try:
                self.peak = max(self.peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue


def _employer(name: str, serial: int) -> Employer:
    employer = Employer(
        id=name,
        name=f"Bench {name}",
        ein=f"{10 + serial % 80}-{serial:07d}",
        state="IL",
        pay_frequency="biweekly",
        retirement_plan="basic_safe_harbor",
        routing_number="071000301",
        account_last4="0000",
    )
    employer.account_ciphertext = crypto.encrypt("1000000000", employer.account_context)
    employer.save()
    return employer


def _employee(employer: Employer, number: int, serial: int) -> Employee:
    hourly = number % 2 == 0
    person = Employee(
        employer=employer,
        employee_id=f"E{number:06d}",
        first_name="Given",
        last_name=f"Family{number}",
        ssn_last4=f"{serial % 10_000:04d}",
        ssn_index=f"bench-{serial}",
        birth_date=date(1980, 1, 1) + timedelta(days=number % 9000),
        hire_date=date(2015, 1, 1),
        pay_basis="hourly" if hourly else "salary",
        pay_rate=Decimal(18 + number % 40) if hourly else Decimal(42_000 + number % 90 * 1000),
        standard_weekly_hours=Decimal(40),
        flsa_exempt=not hourly,
        work_state=("IL", "TX", "PA")[number % 3],
        w4_version="2020+" if number % 7 else "pre2020",
        filing_status=("single", "mfj", "hoh")[number % 3] if number % 7 else "married",
        allowances=0 if number % 7 else 2,
        traditional_401k_percent=Decimal(number % 8),
        section125_per_period=Decimal(number % 5 * 20),
        routing_number="071000301",
        account_last4=f"{serial % 10_000:04d}",
        account_type="checking",
    )
    person.account_ciphertext = crypto.encrypt(str(4_000_000_000 + serial), person.account_context)
    person.ssn_ciphertext = crypto.encrypt(f"900-10-{serial % 10_000:04d}", person.ssn_context)
    return person


def _validated(employers: int) -> bool:
    return _count_validated() >= employers


def _count_validated() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from events_event where stream >= 'employerrun-' and stream < 'employerrun.' "
            "and type = 'EmployerRunValidated'"
        )
        return int(cursor.fetchone()[0])


def _wal() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])
