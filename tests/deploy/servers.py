"""What the tests of the embedded Postgres share: real servers, other processes, and waiting on conditions."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from deploy import pgstate, postgres

PROJECT = Path(__file__).resolve().parents[2]
START = """
import os, signal, sys
from deploy import postgres
cluster = postgres.ensure_running(sys.argv[1])
print(cluster.owner_url)
"""
NOBODY = 65534
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def clean(folder: Path) -> None:
    data = pgstate.data_of(folder)
    if data.exists():
        postgres.stop(folder)
    if data.is_symlink():
        shutil.rmtree(data.resolve().parent)


def until(condition: Callable[[], object], what: str, limit: float = 20) -> None:
    """Wait for a condition; a failure names it."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.002)


def starter(state: Path, script: str = START, **options: object) -> subprocess.Popen[str]:
    """Another process that calls ensure_running."""
    command = [sys.executable, "-c", script, str(state)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=PROJECT, **pipes, **options)  # type: ignore[call-overload]


def query(url: str, statement: str) -> list[tuple]:
    with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def postmaster(state: Path) -> int:
    pid = pgstate.postmaster(pgstate.data_of(state))
    assert pid is not None
    return pid


def kill_postmaster(state: Path) -> None:
    pid = postmaster(state)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not pgstate.serves(pid, pgstate.data_of(state)), "the postmaster dies")
