"""The bench runs, on a database of its own, and prints every figure it promises. No figure is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy import postgres

ROOT = Path(__file__).parent.parent.parent


def test_a_small_bench_prints_its_figures_beside_the_ceiling(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "bench", "--employers", "2", "--employees", "12", "--json"]
    place = os.environ | {"PAYROLL_STATE_DIR": str(tmp_path)}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=place, capture_output=True, text=True, timeout=120, check=True
        )
    finally:
        postgres.stop(tmp_path)
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert figures["employees"] == 24
    for name in (
        "employees_per_s",
        "events_per_s",
        "wal_bytes_per_event",
        "worker_peak_mb",
        "ceiling_events_per_s",
    ):
        assert figures[name] > 0, name
    assert figures["share_of_ceiling"] == figures["events_per_s"] / figures["ceiling_events_per_s"]
