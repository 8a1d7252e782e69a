"""Loaded before Django (see addopts): the tests run on an embedded Postgres of their own, in a folder of their own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for name in [name for name in os.environ if name.startswith(("PAYROLL_", "DATABASE_"))]:
    if name not in {"PAYROLL_PG_BIN", "PAYROLL_CONTRACT_AWS"}:
        del os.environ[name]

MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # bytes


def _place() -> Path | None:
    """Memory, where there is plenty: thousands of databases are made, and on a disk that is most of the time."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM
    return MEMORY if roomy else None


if place := _place():
    os.environ.setdefault(
        "PYTEST_DEBUG_TEMPROOT", str(place)
    )  # tmp_path: state folders, each with a Postgres
STATE_DIR = Path(tempfile.mkdtemp(prefix="payroll-tests-", dir=place))
os.environ["PAYROLL_STATE_DIR"] = str(STATE_DIR)
os.environ["PAYROLL_PG_FSYNC"] = (
    "off"  # nothing here survives the tests; the tests that kill Postgres turn it on
)

from deploy import postgres  # noqa: E402

CLUSTER = postgres.ensure_running(STATE_DIR)


@atexit.register
def _remove() -> None:
    postgres.stop(STATE_DIR)
    shutil.rmtree(STATE_DIR, ignore_errors=True)
