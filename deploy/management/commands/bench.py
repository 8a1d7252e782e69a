"""Measure a run, on a database of its own that is thrown away."""

import json as _json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from deploy import postgres
from ops import bench
from payroll.payments import bank_process

INSIDE = "PAYROLL_BENCH_INSIDE"


class Command(BaseCommand):
    help = "Measure gross-to-net for E employers x M employees beside the raw ceiling of the same run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--employers", type=int, default=10, metavar="E")
        parser.add_argument("--employees", type=int, default=1000, metavar="M", help="of each employer")
        parser.add_argument("--workers", type=int, default=2, metavar="N")
        parser.add_argument("--json", action="store_true")

    def handle(
        self, *args: Any, employers: int, employees: int, workers: int, json: bool, **options: Any
    ) -> None:
        if min(employers, employees, workers) < 1:
            raise CommandError("--employers, --employees and --workers are at least 1")
        if not os.environ.get(INSIDE):
            self._in_a_database_of_its_own()
            return
        call_command("setup", verbosity=0)
        measured = bench.measure(employers, employees, workers=workers)
        self.stdout.write(_json.dumps(asdict(measured)) if json else report(measured))

    def _in_a_database_of_its_own(self) -> None:
        """Run this very command again with a state folder that is removed afterwards."""
        state_dir = Path(tempfile.mkdtemp(prefix="payroll-bench-"))
        outside = {"DATABASE_URL", "DATABASE_OWNER_URL"}
        environment = {name: value for name, value in os.environ.items() if name not in outside}
        environment |= {"PAYROLL_STATE_DIR": str(state_dir), INSIDE: "1"}
        try:
            again = [sys.executable, "manage.py", *sys.argv[1:]]
            done = subprocess.run(again, env=environment, cwd=settings.BASE_DIR, check=False)
        finally:
            bank_process.stop(state_dir / "bank")
            postgres.stop(state_dir)
            shutil.rmtree(state_dir, ignore_errors=True)
        if done.returncode:
            raise CommandError("the bench did not finish")


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
