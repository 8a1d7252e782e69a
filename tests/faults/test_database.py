"""Kill -9 of Postgres in the middle of a run: the program starts it again by itself, and nothing is lost."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest

from deploy import pgstate, postgres

from . import roster
from .conftest import NewPayday
from .payday import FOLLOW, RECOVERY_S, STALL_S, START, Payday, kill


@pytest.mark.parametrize("doorbell", ["django_q", "polling"])
def test_the_postmaster_is_killed_twice(new_payday: NewPayday, owed: roster.Owed, doorbell: str) -> None:
    day = new_payday(pace=0.02, fsync=True, PAYROLL_DOORBELL=doorbell)
    run = day.start()
    day.until_computing()
    for _ in range(2):
        first = day.postmaster()
        day.recovered("kill -9 of the postmaster", [], kill(first))
        assert day.postmaster() != first
    day.pace(0)
    assert day.finish(run)["complete"]
    day.assert_paid_once(owed)


def test_the_port_is_taken_while_the_server_is_down(new_payday: NewPayday, owed: roster.Owed) -> None:
    """The server comes back on another port, where workers that are connected to the old one do not look."""
    day = new_payday(pace=0.02, fsync=True)
    run = day.start()
    day.until_computing()
    before = pgstate.load(day.state)
    assert before is not None
    killed_at = kill(day.postmaster())
    with _stranger_on(before.port):
        day.recovered("kill -9 of the postmaster, port taken", [], killed_at, RECOVERY_S + STALL_S)
        day.pace(0)
        assert day.finish(run)["complete"]
        assert pgstate.load(day.state) != before
        day.assert_paid_once(owed)


def test_a_backend_is_killed_in_a_transaction(new_payday: NewPayday, owed: roster.Owed) -> None:
    """Postgres then ends all other backends too and recovers; the postmaster stays."""
    day = new_payday(pace=0.02, fsync=True)
    run = day.start()
    day.until_computing()
    postmaster = day.postmaster()
    for _ in range(2):
        day.recovered(
            "kill -9 of a backend", [], kill(day.until(lambda: _appending(day), "a worker appends"))
        )
    assert day.postmaster() == postmaster
    day.pace(0)
    assert day.finish(run)["complete"]
    day.assert_paid_once(owed)


def test_a_long_transaction_holds_the_read_models_back(new_payday: NewPayday, owed: roster.Owed) -> None:
    """Whoever follows a run then sees approvals late, and must not take that for a refusal."""
    day = new_payday()
    unapproved = day.manage(*START, "--workers", "2", "--wait")
    assert unapproved.wait(60) == 0, day.said()
    assert day.events("EmployerRunValidated") == len(roster.EMPLOYERS)
    cluster = postgres.read(day.state)
    assert cluster is not None
    with psycopg.connect(cluster.owner_url) as long:
        long.execute("select pg_current_xact_id()")
        run = day.manage(*START, *FOLLOW, "--workers", "2")
        day.until(
            lambda: day.events("EmployerRunCompleted") == len(roster.EMPLOYERS), "all employers are paid"
        )
    assert day.finish(run)["complete"]
    day.assert_paid_once(owed)


def _appending(day: Payday) -> int:
    """The backend of a worker that is in the middle of an append; 0 when there is none."""
    rows = day.query(
        "select pid from pg_locks where relation = 'events_event'::regclass and mode = 'RowExclusiveLock'"
    )
    return int(rows[0][0]) if rows else 0


class _Stranger(socketserver.BaseRequestHandler):
    """Whoever took the port: hangs up on everybody."""


@contextmanager
def _stranger_on(port: int) -> Iterator[None]:
    socketserver.TCPServer.allow_reuse_address = True
    with socketserver.TCPServer(("127.0.0.1", port), _Stranger) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
