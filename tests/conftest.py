"""A fresh database for every test that asks for one: real commits, the application's own role.

Transactions are not rolled back and tables not truncated, because the log refuses both. A test gets a
clone of a migrated template, and a state folder of its own; processes that it starts get the same.
"""

import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from deploy import pgstate, postgres
from deploy.settings import database
from payroll.payments import bank_process
from tests import pooler as pgbouncer
from tests import superuser
from tests.environment import CLUSTER, STATE_DIR

PINS = pytest.StashKey[list[pgbouncer.pins.Counted]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pooled", action="store_true", help="reach test databases through pgbouncer")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if counted := config.stash.get(PINS, None):
        terminalreporter.write_line(str(pgbouncer.pins.total(counted)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs a part of the suite hands over what it counted."""
    if (handed := getattr(session.config, "workeroutput", None)) is not None:
        handed["pins"] = [counted.plain() for counted in session.config.stash.get(PINS, [])]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what a process has counted that ran a part of the suite."""
    counted = map(pgbouncer.pins.Counted.of, getattr(node, "workeroutput", {}).get("pins", []))
    node.config.stash.setdefault(PINS, []).extend(counted)


@pytest.fixture(scope="session")
def template(django_db_blocker: DjangoDbBlocker) -> postgres.Cluster:
    """The migrated database that every test's own is cloned from."""
    with django_db_blocker.unblock():
        call_command("setup", verbosity=0)
        connections.close_all()
    return CLUSTER


@pytest.fixture(scope="session")
def pooled(pytestconfig: pytest.Config) -> Iterator[pgbouncer.Pooler | None]:
    """With --pooled, what every test database is reached through; fails when anything sent through it pins."""
    if not pytestconfig.getoption("pooled"):
        yield None
        return
    pgbouncer.log_statements(CLUSTER)
    with pgbouncer.pooling(CLUSTER) as pooler, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pgstate, "LOG_LIMIT", sys.maxsize)  # none of it is moved aside before it is counted
        yield pooler
        counted = pgbouncer.count_pins(pooler)
    pytestconfig.stash.setdefault(PINS, []).append(counted)
    assert counted.statements and not counted.pins, str(counted)


def point_at(url: str, owner_url: str) -> None:
    """Let Django's connections use other databases from now on."""
    for alias, target in (("default", url), ("owner", owner_url)):
        connections[alias].close()
        now, described = connections[alias].settings_dict, database(target)
        now |= {"NAME": described["NAME"], "PORT": described["PORT"], "OPTIONS": described["OPTIONS"]}


@pytest.fixture
def db(  # noqa: PLR0917 - fixtures
    request: pytest.FixtureRequest,
    template: postgres.Cluster,
    pooled: pgbouncer.Pooler | None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> Iterator[postgres.Cluster]:
    """A database and a state folder for this test, for this process and for those it starts."""
    clone = postgres.create_database(template, f"test_{uuid.uuid4().hex[:12]}", template="payroll")
    if pooled and not request.node.get_closest_marker("own_session"):
        clone = pooled.through(clone)
        monkeypatch.setenv("PAYROLL_POOLER", "1")
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    shutil.copy(STATE_DIR / "secrets.json", state_dir)
    settings.STATE_DIR = state_dir
    settings.PAYROLL_OBJECTS = state_dir / "objects"
    settings.EVENTS_DOORBELL = "polling"
    for name, value in {
        "PAYROLL_STATE_DIR": str(state_dir),
        "DATABASE_URL": clone.app_url,
        "DATABASE_OWNER_URL": clone.owner_url,
        "PAYROLL_GATEWAY": settings.PAYROLL_GATEWAY,
        "PAYROLL_DOORBELL": "polling",
    }.items():
        monkeypatch.setenv(name, value)
    with django_db_blocker.unblock():
        point_at(clone.app_url, clone.owner_url)
        try:
            yield clone
        finally:
            connections.close_all()
            point_at(template.app_url, template.owner_url)
            bank_process.stop(state_dir / "bank")
            if pooled:
                pooled.forget(clone)
            superuser.drop(clone)
