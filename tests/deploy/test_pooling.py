"""Few sessions for many: a pool in web processes, a pooler in front of the database, and what its role says."""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from deploy import pgstate, sessions
from deploy.postgres import Cluster, ensure_running
from payroll import paid_once, runs
from payroll.roster import loading
from tests.pooler import Pooler, count_pins
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

from .servers import PROJECT, query, until

pytestmark = pytest.mark.own_session  # a test that wants a pooler has one of its own
RUN = ("--from", "2026-11-01", "--to", "2026-11-14", "--pay-date", "2026-11-20")
OURS = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'payroll_app'"


def script(text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines in a process of their own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", text], cwd=PROJECT, env=os.environ | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


# Two sessions for everybody


def test_workers_a_web_server_and_a_pay_run_share_two_sessions(
    db: Cluster, pooler: Pooler, tmp_path: Path
) -> None:
    names = ("A1", "A2", "A3")
    people = [salaried(name, f"{name}-{number}", "62400.00") for name in names for number in range(20)]
    paydays.load(tmp_path, [employer(name) for name in names], people)
    call_command("setup", verbosity=0)
    connection.close()
    given = {"DATABASE_URL": pooler.through(db).app_url, "PAYROLL_POOLER": "1"}
    given = os.environ | given | {"PAYROLL_GATEWAY": "sandbox", "PAYROLL_DOORBELL": "django_q"}
    page = f"http://127.0.0.1:{(port := free_port())}/admin/login/"
    bind = ("--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4", "--no-control-socket")
    pay = ("payrun", "start", *RUN, "--approve-as", "checker", "--wait", "--json", "--workers", "2")
    log, answer = tmp_path / "processes.log", tmp_path / "answer.json"
    with log.open("w") as said, answer.open("w") as summary:

        def start(*command: str, output: IO[str] = said) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, *command], cwd=PROJECT, env=given, stdout=output, stderr=said
            )

        around = [
            start("-m", "gunicorn", "deploy.wsgi", *bind),
            start("manage.py", "worker", "--workers", "2"),
        ]
        seen: list[tuple[int, int]] = []
        try:
            until(lambda: fetched(page), "the web server answers", 60)
            paying = start("manage.py", *pay, output=summary)
            around.append(paying)
            until(
                lambda: seen.append(look(db, pooler, page)) or paying.poll() is not None, "all are paid", 120
            )
        finally:
            for process in around:
                process.terminate()
            for process in around:
                process.wait(60)
    assert paying.returncode == 0, log.read_text()
    outcome = json.loads(answer.read_text())
    assert (outcome["paid"], outcome["dead_letters"]) == (60, 0)
    assert max(sessions for sessions, _ in seen) <= 2
    assert max(clients for _, clients in seen) >= 4  # who share them
    counted = count_pins(pooler)
    assert counted.statements > 100 and not counted.pins, str(counted)


def look(db: Cluster, pooler: Pooler, page: str) -> tuple[int, int]:
    """Sessions that the server has, and clients that the pooler has, while a page is asked for."""
    assert fetched(page)
    ((sessions_now,),) = query(db.owner_url, OURS)
    return int(sessions_now), len(pooler.command("show clients")) - 1


def fetched(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_transaction_that_is_stuck_is_ended_and_lets_go(db: Cluster, pooler: Pooler) -> None:
    """A worker stopped in the middle of a transaction: its lock is free before anybody has to look."""
    url = pooler.through(db).app_url
    with closing(psycopg.connect(db.app_url, autocommit=True)) as role:
        role.execute(f"alter role current_user in database {role.info.dbname} "
                     "set idle_in_transaction_session_timeout = '300ms'")  # fmt: skip
    with closing(psycopg.connect(url)) as stuck, closing(psycopg.connect(url)) as next_one:
        lock = "select 1 from events_checkpoint where name = 'runs' for update"
        stuck.execute("insert into events_checkpoint (name, xid, position) values ('runs', '0', 0)")
        stuck.commit()
        stuck.execute(lock)
        assert next_one.execute(lock).fetchone() == (1,)  # waits until it may
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            stuck.execute("select 1")


def test_a_statement_that_never_ends_is_ended(db: Cluster, pooler: Pooler) -> None:
    with closing(psycopg.connect(db.app_url, autocommit=True)) as role:
        role.execute(f"alter role current_user in database {role.info.dbname} set statement_timeout = '50ms'")
    with closing(psycopg.connect(pooler.through(db).app_url)) as client:
        with pytest.raises(psycopg.errors.QueryCanceled):
            client.execute("select pg_sleep(600)")
        client.rollback()
        assert client.execute("select 1").fetchone() == (1,)


# The pool of a web process

POOLED = """
import threading
import deploy.wsgi
from django.db import connection, connections
def ask():
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]
    connection.close()
    return pid
"""
MANY = """
found = set()
threads = [threading.Thread(target=lambda: [found.add(ask()) for _ in range(10)]) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found))
connection.close_pool()
"""


def test_the_threads_of_a_web_process_share_a_pool(db: Cluster) -> None:
    said = script(POOLED + MANY, PAYROLL_POOL_MAX="2")
    assert said.stderr == "" and 1 <= int(said.stdout) <= 2


LOST = """
import os, psycopg
first = ask()
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
    other.execute("select pg_terminate_backend(%s, 20000)", [first])
print(ask() != first)
connection.close_pool()
"""


def test_a_session_that_was_lost_is_not_given_out_again(db: Cluster) -> None:
    said = script(POOLED + LOST, PAYROLL_POOL_MAX="1")
    assert said.stdout == "True\n", said.stderr


EXHAUSTED = """
from django.db import OperationalError
connection.ensure_connection()
def wait():
    try:
        connection.ensure_connection()
    except OperationalError as error:
        print(type(error.__cause__).__name__)
other = threading.Thread(target=wait)
other.start()
other.join()
connection.close()
connection.close_pool()
"""


def test_a_request_waits_for_a_session_only_so_long(db: Cluster) -> None:
    said = script(POOLED + EXHAUSTED, PAYROLL_POOL_MAX="1", PAYROLL_POOL_TIMEOUT_S="0.1")
    assert said.stdout == "PoolTimeout\n", said.stderr


def test_a_pool_is_not_opened_before_a_server_may_fork(db: Cluster) -> None:
    said = script(POOLED + "print(connection.pool.closed)")
    assert said.stdout == "True\n", said.stderr
    early = "from deploy import sessions\nconnection.ensure_connection()\nsessions.refuse_open_pool()"
    said = script(POOLED + early)
    assert "ImproperlyConfigured: the database was asked while the application was loaded" in said.stderr


@pytest.mark.parametrize(
    "sizes", [{"MIN": "3", "MAX": "2"}, {"MIN": "-1"}, {"MAX": "0", "MIN": "0"}, {"MAX": "many"}, {"TIMEOUT_S": "soon"}]
)  # fmt: skip
def test_sizes_that_make_no_sense_are_refused_by_name(sizes: dict[str, str]) -> None:
    given = {f"PAYROLL_POOL_{name}": value for name, value in sizes.items()}
    said = script("import deploy.wsgi", **given)
    assert "ImproperlyConfigured: " + next(iter(given)) in said.stderr or "PAYROLL_POOL_MIN=" in said.stderr


def test_behind_a_pooler_a_web_process_has_no_pool_of_its_own(db: Cluster) -> None:
    kept = "print(connection.pool, connection.settings_dict['CONN_MAX_AGE'])"
    assert script(POOLED + kept, PAYROLL_POOLER="1").stdout == "None 60\n"
    assert script(POOLED + kept).stdout.endswith(" 0\n")


def test_what_is_no_web_process_has_no_pool(db: Cluster) -> None:
    assert sessions.kept() == {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


# What the role says


def say(cluster: Cluster, setting: str, value: str) -> None:
    """Let sessions of the application's role begin with this, in this database."""
    with closing(psycopg.connect(cluster.app_url, autocommit=True)) as role:
        role.execute(f"alter role current_user in database {role.info.dbname} set {setting} = '{value}'")
    connection.close()


def test_setup_leaves_nothing_amiss(db: Cluster) -> None:
    assert sessions.amiss() == []
    assert query(db.app_url, "show statement_timeout") == [("10min",)]


WRONG = {
    "idle_in_transaction_session_timeout": ("0", "15s"),  # never, and not below the lease
    "statement_timeout": ("0",),
    "timezone": ("America/Chicago",),
    "default_transaction_isolation": ("repeatable read",),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_role_that_says_otherwise_starts_no_worker(db: Cluster, name: str, value: str) -> None:
    say(db, name, value)
    assert [each.name for each in sessions.amiss()] == [name]
    worker = subprocess.run(
        [sys.executable, "manage.py", "worker"], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert worker.returncode == 1
    assert f"{name} of the database role is" in worker.stderr and "Traceback" not in worker.stderr
    assert f"alter role payroll_app set {name} = '" in worker.stderr


def test_a_lease_shorter_than_the_timeout_is_told(db: Cluster, settings: Any) -> None:
    settings.EVENTS_LEASE_S = 10.0
    (wrong,) = sessions.amiss()
    assert (wrong.name, wrong.found, wrong.value) == (
        "idle_in_transaction_session_timeout",
        "10000",
        "6666ms",
    )
    settings.EVENTS_LEASE_S = 10.1
    assert sessions.amiss() == []


def test_setup_says_on_the_role_what_it_lacks(state: Path) -> None:
    """A database of somebody else's, whose role says nothing and whose clock is in Chicago."""
    cluster = ensure_running(state)
    superuser = pgstate.load(state)
    assert superuser is not None
    url = cluster.owner_url.replace("payroll_owner", "postgres")
    url = url.replace(superuser.passwords["payroll_owner"], superuser.passwords["postgres"])
    query(url, "alter role payroll_app reset all")
    query(url, "alter database payroll set timezone = 'America/Chicago'")
    given = {"DATABASE_URL": cluster.app_url, "DATABASE_OWNER_URL": cluster.owner_url, "PAYROLL_LEASE_S": "6"}
    for _ in range(2):
        setup = subprocess.run(
            [sys.executable, "manage.py", "setup"], cwd=PROJECT, env=os.environ | given,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert setup.returncode == 0, setup.stderr
        assert query(cluster.app_url, "show timezone") == [("UTC",)]
        assert query(cluster.app_url, "show idle_in_transaction_session_timeout") == [("4s",)]
        assert query(cluster.app_url, "show statement_timeout") == [("10min",)]


# Row locks where an advisory lock was


def test_of_two_runs_over_the_same_days_opened_at_once_the_second_sees_the_first(
    db: Cluster, tmp_path: Path
) -> None:
    paydays.load(tmp_path, [employer("A1"), employer("A2")], [salaried("A1", "ann", "62400.00")])
    pay_dates = [date(2026, 11, 20), date(2026, 11, 24)]
    outcomes: list[str] = []

    def opening(pay_date: date, employers: tuple[str, ...]) -> None:
        try:
            runs.open_run(paydays.START, paydays.END, pay_date, opened_by="maker", employers=employers)
            outcomes.append("opened")
        except runs.Refused as refused:
            outcomes.append(str(refused))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=opening, args=(pay_date, employers))
        for pay_date, employers in zip(pay_dates, (("A1", "A2"), ("A2", "A1")), strict=True)
    ]
    waiting = "select count(*) from pg_locks where not granted"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select 1 from payroll_employer where id = 'A1' for no key update")
        for thread in threads:
            thread.start()
        until(lambda: query(db.owner_url, waiting) == [(2,)], "both wait for the first employer")
    for thread in threads:
        thread.join(20)
    assert sorted(outcome == "opened" for outcome in outcomes) == [False, True]
    assert "a day is paid once" in "".join(outcomes)


def test_a_roster_import_waits_for_runs_being_opened_and_readers_pass_it(db: Cluster, tmp_path: Path) -> None:
    def load() -> None:
        paydays.load(tmp_path, [employer("A1")], [])
        connection.close()

    importing = threading.Thread(target=load)
    waiting = "select mode from pg_locks where not granted and relation = 'payroll_employer'::regclass"
    with closing(psycopg.connect(db.app_url)) as opening:
        opening.execute(paid_once.LOCK_EMPLOYERS, [["A1"]])
        importing.start()
        until(lambda: query(db.owner_url, waiting) == [("ExclusiveLock",)], "the import waits")
        assert query(db.app_url, "select count(*) from payroll_employer") == [(0,)]
        opening.rollback()
    importing.join(20)
    assert query(db.app_url, "select count(*) from payroll_employer") == [(1,)]
    with closing(psycopg.connect(db.app_url)) as other:
        other.execute(loading.ONE_IMPORT_AT_A_TIME)
        assert query(db.app_url, "select count(*) from payroll_employer") == [(1,)]
