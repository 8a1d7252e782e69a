"""Paydays for real processes: copies of one prepared state folder, each with a Postgres of its own."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psycopg
import pytest

from deploy import pgstate, postgres

from . import payday, roster

NewPayday = Callable[..., payday.Payday]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever makes a payday of real processes holds it to seconds."""
    for item in items:
        if "new_payday" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timed)


@pytest.fixture(scope="session")
def owed() -> roster.Owed:
    """What everybody has to be paid, computed without any of the machinery under test."""
    return roster.owed()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the roster in it, whose server is down: to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    _prepare(folder / "state", folder / "roster")
    postgres.stop(folder / "state")
    return folder / "state"


@pytest.fixture(scope="session")
def reference_events(prepared: Path, tmp_path_factory: pytest.TempPathFactory, owed: roster.Owed) -> int:
    """How many events an undisturbed run of the same roster has; its bank has paid what is owed."""
    with ExitStack() as stack:
        undisturbed = stack.enter_context(
            _copy(prepared, tmp_path_factory.mktemp("reference") / "state", fsync=False)
        )
        summary = undisturbed.finish(undisturbed.start())
        undisturbed.assert_paid_once(owed)
        assert (summary["complete"], summary["paid"]) == (True, roster.PEOPLE)
        assert summary["paid_cents"] == sum(owed.values())
        return undisturbed.events()


@pytest.fixture
def new_payday(prepared: Path, tmp_path: Path) -> Iterator[NewPayday]:
    """Make the payday of a test.

    pace    seconds that every append takes
    fsync   on where Postgres itself is killed
    change  of the environment of all processes
    """
    with ExitStack() as stack:

        def make(pace: float = 0, *, fsync: bool = False, **change: str) -> payday.Payday:
            made = stack.enter_context(_copy(prepared, tmp_path / "state", fsync=fsync, **change))
            made.pace(pace)
            return made

        yield make


def _copy(
    prepared: Path, state: Path, *, fsync: bool, **change: str
) -> AbstractContextManager[payday.Payday]:
    """A payday on a copy of the prepared folder, with its server up."""
    change["PAYROLL_PG_FSYNC"] = "on" if fsync else "off"
    if pgstate.data_of(prepared).is_symlink():  # the data lies outside, for its own folder only
        _prepare(state, state.parent / "roster")
    else:
        shutil.copytree(prepared, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYROLL_PG_FSYNC", change["PAYROLL_PG_FSYNC"])
        postgres.ensure_running(state)
    return payday.ended(payday.Payday(state, payday.environment(state, **change)))


def _prepare(state: Path, files: Path) -> None:
    roster.write(files)
    fresh = payday.Payday(state, payday.environment(state, PAYROLL_PG_FSYNC="off"))
    try:
        for arguments in (["setup"], ["import_roster", str(files)]):
            assert fresh.manage(*arguments).wait(payday.LIMIT_S) == 0, fresh.said()
        # Shorter than the lease, as it is outside of the tests: a paused worker must not keep its row locked.
        record = pgstate.load(state)
        assert record is not None
        login = {"user": pgstate.SUPERUSER, "password": record.passwords[pgstate.SUPERUSER]}
        with psycopg.connect(host="127.0.0.1", port=record.port, dbname="payroll", **login) as superuser:
            superuser.execute("alter role payroll_app set idle_in_transaction_session_timeout = '2s'")
        fresh.pace(0)
        fresh.query(payday.PACED)
    finally:
        fresh.end()
