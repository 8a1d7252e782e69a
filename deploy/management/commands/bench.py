"""Measure a run, on a database of its own that is thrown away."""

import json as _json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from deploy import postgres
from ops import bench
from payroll.payments import bank_process

INSIDE = "PAYROLL_BENCH_INSIDE"
STARTS_WITHIN_S = 30.0
WORDS = {
    "sqs_employees_per_s_1": "on SQS, one worker, employees/s",
    "sqs_employees_per_s_2": "on SQS, two workers, employees/s",
    "sqs_share_of_embedded": "two on SQS, of the embedded ones",
    "sqs_second_worker": "two on SQS, of one",
}


class Command(BaseCommand):
    help = "Measure gross-to-net for E employers x M employees beside the raw ceiling of the same run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--employers", type=int, default=10, metavar="E")
        parser.add_argument("--employees", type=int, default=1000, metavar="M", help="of each employer")
        parser.add_argument("--workers", type=int, default=2, metavar="N")
        parser.add_argument(
            "--sqs",
            action="store_true",
            help="measure Celery on SQS as well, with one worker and with two: at AWS_ENDPOINT_URL, or at an "
            "endpoint that is started for it",
        )
        parser.add_argument("--json", action="store_true")

    def handle(
        self, *args: Any, employers: int, employees: int, workers: int, sqs: bool, json: bool, **options: Any
    ) -> None:
        if min(employers, employees, workers) < 1:
            raise CommandError("--employers, --employees and --workers are at least 1")
        size = ("--employers", str(employers), "--employees", str(employees))
        if os.environ.get(INSIDE):
            call_command("setup", verbosity=0)
            measured = bench.measure(employers, employees, workers=workers)
            self.stdout.write(_json.dumps(asdict(measured)))
            return
        found = in_a_database_of_its_own(size, workers)
        self.stdout.write(_json.dumps(asdict(found)) if json else report(found))
        if sqs:
            with sqs_endpoint() as endpoint:
                one, two = (in_a_database_of_its_own(size, count, endpoint) for count in (1, 2))
            facts = beside(found, one, two)
            self.stdout.write(_json.dumps(facts) if json else "\n".join(map(line, facts.items())))


def in_a_database_of_its_own(size: tuple[str, ...], workers: int, endpoint: str = "") -> bench.Measured:
    """Run the bench in a process of its own, with a state folder that is removed afterwards.

    endpoint   of SQS, for workers of Celery; empty for the embedded doorbell
    raises     CommandError when it did not finish
    """
    state_dir = Path(tempfile.mkdtemp(prefix="payroll-bench-"))
    outside = {"DATABASE_URL", "DATABASE_OWNER_URL", "PAYROLL_DOORBELL"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    environment |= {"PAYROLL_STATE_DIR": str(state_dir), INSIDE: "1"}
    if endpoint:
        environment |= on_sqs(endpoint, prefix=state_dir.name)
    manage = partial(subprocess.run, env=environment, cwd=settings.BASE_DIR, check=False)
    try:
        if endpoint:
            manage([sys.executable, "manage.py", "queues", "create"], stdout=subprocess.DEVNULL)
        command = [sys.executable, "manage.py", "bench", *size, "--workers", str(workers)]
        done = manage(command, stdout=subprocess.PIPE, text=True)
    finally:
        bank_process.stop(state_dir / "bank")
        postgres.stop(state_dir)
        shutil.rmtree(state_dir, ignore_errors=True)
    if done.returncode:
        raise CommandError("the bench did not finish")
    return bench.Measured(**_json.loads(done.stdout.strip().splitlines()[-1]))


def on_sqs(endpoint: str, prefix: str) -> dict[str, str]:
    """The environment of workers that meet at this endpoint of SQS."""
    local = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
    credentials = {name: os.environ.get(name, value) for name, value in local.items()}
    meeting = {"PAYROLL_DOORBELL": "celery", "PAYROLL_BROKER_URL": "sqs://", "PAYROLL_QUEUE_PREFIX": prefix}
    return credentials | meeting | {"AWS_ENDPOINT_URL": endpoint}


@contextmanager
def sqs_endpoint() -> Iterator[str]:
    """AWS_ENDPOINT_URL, or an SQS that is started on this machine for the length of the block."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        yield endpoint
        return
    program = Path(sys.executable).parent / "ministack"
    if not program.exists():
        raise CommandError(
            "no SQS: set AWS_ENDPOINT_URL, or install requirements-dev.txt, which brings ministack"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    change = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen(
        [str(program)], env={**os.environ, **change}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + STARTS_WITHIN_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until:
                raise CommandError("ministack did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def beside(embedded: bench.Measured, one: bench.Measured, two: bench.Measured) -> dict[str, float]:
    """Celery on SQS beside the embedded workers, and two of its workers beside one."""
    return {
        "sqs_employees_per_s_1": one.employees_per_s,
        "sqs_employees_per_s_2": two.employees_per_s,
        "sqs_share_of_embedded": two.employees_per_s / embedded.employees_per_s,
        "sqs_second_worker": two.employees_per_s / one.employees_per_s,
    }


def line(fact: tuple[str, float]) -> str:
    """One figure of Celery on SQS for people."""
    name, value = fact
    return f"{WORDS[name]:<34} {value:10,.2f}"


def report(measured: bench.Measured) -> str:
    """The figures for people."""
    return "\n".join(
        [
            f"{measured.employers} employers, {measured.employees:,} employees, {measured.workers} workers",
            f"gross to net     {measured.seconds:10.2f} s    opened to the last employer validated",
            f"employees/s      {measured.employees_per_s:10,.0f}",
            f"events/s         {measured.events_per_s:10,.0f}",
            f"raw ceiling      {measured.ceiling_events_per_s:10,.0f} events/s, one process, same events, same batches",
            f"share of ceiling {measured.share_of_ceiling:10.2f}",
            f"WAL              {measured.wal_bytes_per_event:10,.0f} bytes/event "
            f"(ceiling {measured.ceiling_wal_bytes_per_event:,.0f})",
            f"worker memory    {measured.worker_peak_mb:10,.0f} MB at most in one process",
            f"all paid after   {measured.paid_seconds:10.2f} s",
            f"arithmetic       {measured.arithmetic_share:10.2f} of the workers' {measured.workers_cpu_s:.2f} s CPU: "
            f"{measured.arithmetic_cpu_s * 1e6 / measured.employees:,.0f} us an employee, all steps, working kept",
            f"keeping working  {measured.working_cost:10.2f} times the computing and writing without it",
        ]
    )
