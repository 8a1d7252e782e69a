"""Folders for real Postgres servers, which are stopped at the end."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deploy import pgbin, pgstate, postgres
from tests.pooler import Pooler, log_statements, pooling

from .servers import NOBODY, PROJECT, clean


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder that is not there yet; its server is stopped at the end, wherever its data lies."""
    monkeypatch.setenv("PAYROLL_PG_FSYNC", "off")
    folder = tmp_path / "state"
    yield folder
    clean(folder)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder made once and stopped: copying it is faster than making one."""
    folder = tmp_path_factory.mktemp("made") / "state"
    postgres.ensure_running(folder)
    postgres.stop(folder)
    return folder


@pytest.fixture
def state(fresh: Path, made: Path) -> Path:
    """A state folder with its data, whose server is down."""
    if not pgstate.data_of(made).is_symlink():  # else the data lies outside, for its own folder only
        shutil.copytree(made, fresh)
        pgstate.log_of(fresh).unlink()
    return fresh


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user can reach; those of pytest are closed to others."""
    monkeypatch.setenv("PAYROLL_PG_FSYNC", "off")
    folder = Path(tempfile.mkdtemp(prefix="payroll test "))
    folder.chmod(0o755)
    yield folder
    clean(folder / "state")
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody(open_folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script as an ordinary user, with copies of all it needs where it can reach them."""
    site = Path(psycopg.__file__).parents[1]
    for name in ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions.py"):
        source = site / name
        if source.exists():
            (shutil.copytree if source.is_dir() else shutil.copy)(source, open_folder / name)
    shutil.copytree(PROJECT / "deploy", open_folder / "deploy")
    programs = pgbin._copied(pgbin._find()[0], open_folder)
    same = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    pythons = (sys.executable, f"/usr/bin/{same}")
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    environment = {"PYTHONPATH": str(open_folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PAYROLL_PG_BIN": str(programs), "PAYROLL_PG_FSYNC": "off"}

    def run(script: str, *arguments: str, python: str) -> subprocess.CompletedProcess[str]:
        command = [*drop, python, "-c", script, *arguments]
        return subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)

    for python in pythons:
        if run("import psycopg", python=python).returncode == 0:
            return functools.partial(run, python=python)
    pytest.skip(f"no {same} that an ordinary user can run")


@pytest.fixture
def pooler(db: postgres.Cluster, pytestconfig: pytest.Config) -> Iterator[Pooler]:
    """A pooler with two sessions; what goes through it is logged, under a name that only this test has."""
    log_statements(db)
    try:
        with pooling(db, size=2, application=f"test-{uuid.uuid4().hex}") as pooler:
            yield pooler
    finally:
        log_statements(db, "all" if pytestconfig.getoption("pooled") else "none")
