"""The embedded Postgres, proved on real servers: started, killed, copied, crowded out and started again."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from deploy import pgstate, postgres
from deploy.postgres import DatabaseUnavailable, ensure_running

from .servers import START, clean, kill_postmaster, postmaster, query, starter, until

# --- the ordinary life of a server ---


def test_a_fresh_start_and_a_second_call_give_the_same_cluster(fresh):
    postgres.stop(fresh)
    assert postgres.read(fresh) is None
    cluster = ensure_running(fresh)
    pid = postmaster(fresh)
    assert ensure_running(fresh) == cluster == postgres.read(fresh)
    assert postmaster(fresh) == pid
    assert cluster.owner_url.endswith(f"@127.0.0.1:{cluster.port}/payroll")
    assert pgstate.file_of(fresh).stat().st_mode & 0o777 == 0o600
    assert pgstate.log_of(fresh).stat().st_mode & 0o777 == 0o600
    passwords = json.loads(pgstate.file_of(fresh).read_text())["passwords"].values()
    assert not any(secret in repr(cluster) for secret in passwords)


def test_stop_and_stop_again_and_start(state):
    postgres.stop(state)
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE kept AS SELECT 1 AS n")
    postgres.stop(state)
    postgres.stop(state)
    assert postgres.read(state) == cluster
    with pytest.raises(psycopg.OperationalError):
        query(cluster.owner_url, "SELECT 1")
    assert query(ensure_running(state).owner_url, "SELECT n FROM kept") == [(1,)]


def test_it_is_durable_private_and_on_loopback(state, monkeypatch):
    monkeypatch.delenv("PAYROLL_PG_FSYNC")
    cluster = ensure_running(state)
    shown = dict(query(cluster.owner_url, "SELECT name, setting FROM pg_settings"))
    wanted = {
        "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on",
        "listen_addresses": "127.0.0.1", "max_connections": "100", "shared_buffers": "32768", "jit": "off",
        "max_wal_size": "4096", "checkpoint_timeout": "900", "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8", "TimeZone": "UTC",
    }  # fmt: skip
    assert {name: shown[name] for name in wanted} == wanted
    wrong = cluster.app_url.replace(cluster.app_url.split(":")[2].split("@")[0], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(wrong, "SELECT 1")


def test_the_app_role_may_connect_and_nothing_more(state):
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE secret (n int)")
    for forbidden in ("CREATE TABLE t (n int)", "SELECT * FROM secret", "CREATE TEMP TABLE t (n int)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(cluster.app_url, forbidden)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(cluster.owner_url, "CREATE ROLE other")
    assert query(cluster.app_url, "SHOW idle_in_transaction_session_timeout") == [("10s",)]
    assert query(cluster.app_url, "SHOW lock_timeout") == [("0",)]


def test_no_personal_data_reaches_the_log(state):
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE people (ssn text PRIMARY KEY)")
    for statement in ("INSERT INTO people VALUES ('123-45-6789')", "SELECT '123-45-6789'::int"):
        with contextlib.suppress(psycopg.Error):
            query(cluster.owner_url, statement)
            query(cluster.owner_url, statement)
    with psycopg.connect(cluster.owner_url) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT %s::int", ["123-45-6789"])
    assert "123-45" not in pgstate.log_of(state).read_text()


def test_a_long_log_is_moved_aside_while_the_server_writes_it(state, monkeypatch):
    monkeypatch.setattr(pgstate, "LOG_LIMIT", 1 << 20)
    cluster = ensure_running(state)
    with pgstate.log_of(state).open("a") as log:
        log.write("x" * (pgstate.LOG_LIMIT + 1))
    assert ensure_running(state) == cluster
    with pytest.raises(psycopg.OperationalError):
        query(cluster.owner_url.replace("/payroll_owner:", "/stranger:"), "SELECT 1")
    until(lambda: 0 < pgstate.log_size(state) < 2000, "the server writes on from the start of the file")


def test_a_running_server_is_found_in_less_than_50_ms(state):
    ensure_running(state)

    def once() -> float:
        before = time.perf_counter()
        ensure_running(state)
        return time.perf_counter() - before

    assert min(once() for _ in range(5)) < 0.05


def test_a_test_database_is_copied_from_a_template(state):
    cluster = ensure_running(state)
    template = postgres.create_database(cluster, "template-Ä")
    query(template.owner_url, "CREATE TABLE t AS SELECT 7 AS n")
    query(template.owner_url, "GRANT SELECT ON t TO payroll_app")
    copy = postgres.create_database(cluster, "copy", template="template-Ä")
    assert (copy.data_dir, copy.port) == (cluster.data_dir, cluster.port)
    assert query(copy.app_url, "SELECT n, current_database() FROM t") == [(7, "copy")]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(copy.app_url, "CREATE TABLE no (n int)")
    with pytest.raises(DatabaseUnavailable, match=r"copy.*already exists"):
        postgres.create_database(cluster, "copy")


def test_a_dropped_database_is_made_again(state):
    cluster = ensure_running(state)
    other = postgres.create_database(cluster, "other")
    query(other.owner_url, "DROP DATABASE payroll")
    assert ensure_running(state) == cluster
    assert query(cluster.app_url, "SELECT 1") == [(1,)]


def test_a_full_server_counts_as_running(state):
    cluster = ensure_running(state)
    with contextlib.ExitStack() as crowd:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                crowd.enter_context(contextlib.closing(psycopg.connect(cluster.app_url)))
        assert ensure_running(state) == cluster


# --- death at any moment ---


def test_rows_survive_kill_9_of_the_postmaster(state):
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    kill_postmaster(state)
    assert ensure_running(state) == cluster
    assert query(cluster.owner_url, "SELECT count(*) FROM kept") == [(1000,)]


def test_a_backend_that_does_not_notice_the_death_of_its_postmaster_is_ended_first(state):
    cluster = ensure_running(state)
    with contextlib.closing(psycopg.connect(cluster.owner_url, autocommit=True)) as busy:
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
        backend = busy.info.backend_pid
        active = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO%LOOP%' AND state = 'active'"
        until(lambda: query(cluster.owner_url, active), "the loop runs")
        kill_postmaster(state)
        assert pgstate.serves(backend, cluster.data_dir)
        assert ensure_running(state) == cluster
        assert not pgstate.serves(backend, cluster.data_dir)
    assert query(cluster.owner_url, "SELECT 1") == [(1,)]


def test_a_zombie_postmaster_is_not_taken_for_a_server(state):
    killing = """
pid = int(open(cluster.data_dir / "postmaster.pid").readline())
os.kill(pid, signal.SIGKILL)
print(pid, flush=True)
input()
"""
    with starter(state, START + killing) as parent:
        try:
            assert parent.stdout is not None
            pid = int([parent.stdout.readline() for _ in range(2)][1])
            until(lambda: "State:\tZ" in Path(f"/proc/{pid}/status").read_text(), "the zombie")
            cluster = ensure_running(state)
            assert "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
            assert query(cluster.owner_url, "SELECT 1") == [(1,)]
        finally:
            parent.kill()


def test_a_pid_file_that_names_an_unrelated_process_is_put_aside(state):
    cluster = ensure_running(state)
    pid_file = cluster.data_dir / "postmaster.pid"
    pid_text = pid_file.read_text()
    postgres.stop(state)
    with subprocess.Popen(["sleep", "100"]) as unrelated:
        try:
            pid_file.write_text(pid_text.replace(pid_text.split("\n")[0], str(unrelated.pid), 1))
            assert ensure_running(state) == cluster
            assert unrelated.poll() is None
        finally:
            unrelated.kill()


MOMENTS = ["pgdata.new-*", "pgdata.new-*/data/base", "pgdata", "postgres.json", "pgdata/postmaster.pid"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_while_it_starts_for_the_first_time(fresh, moment):
    with starter(fresh) as process:
        until(lambda: any(fresh.glob(moment)) or process.poll() is not None, moment)
        process.kill()
    cluster = ensure_running(fresh)
    assert query(cluster.app_url, "SELECT 1") == [(1,)]
    postgres.stop(fresh)
    pgstate.file_of(fresh).unlink()
    assert query(ensure_running(fresh).app_url, "SELECT 1") == [(1,)]
    assert sorted(path.name for path in fresh.iterdir()) == ["pgdata", "postgres.json", "postgres.log"]


# --- many at once ---


def test_processes_that_start_together_get_one_cluster(fresh):
    starters = [starter(fresh) for _ in range(4)]
    outputs = [process.communicate(timeout=30) for process in starters]
    assert [process.returncode for process in starters] == [0] * 4, outputs
    assert {out.strip() for out, _ in outputs} == {ensure_running(fresh).owner_url}
    assert pgstate.log_of(fresh).read_text().count("starting PostgreSQL") == 1


def test_processes_that_start_together_after_a_crash_get_one_server(state):
    cluster = ensure_running(state)
    kill_postmaster(state)
    outputs = [process.communicate(timeout=30) for process in [starter(state) for _ in range(4)]]
    assert {out.strip() for out, _ in outputs} == {cluster.owner_url}, outputs
    assert pgstate.log_of(state).read_text().count("starting PostgreSQL") == 2


def test_a_copied_state_folder_gets_its_own_server(state, tmp_path):
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE whose AS SELECT 'original' AS name")
    copied = tmp_path / "copied"
    postgres.stop(state)
    shutil.copytree(state, copied, symlinks=True)
    assert ensure_running(state) == cluster
    try:
        copy = ensure_running(copied)
        assert copy.port != cluster.port
        query(copy.owner_url, "UPDATE whose SET name = 'copy'")
        assert query(cluster.owner_url, "SELECT name FROM whose") == [("original",)]
        assert ensure_running(state) == cluster
    finally:
        clean(copied)


def test_a_taken_port_is_replaced(state):
    port = ensure_running(state).port
    postgres.stop(state)
    with socket.create_server(("127.0.0.1", port)):
        moved = ensure_running(state)
        assert moved.port != port
        assert postgres.read(state) == moved
    assert query(moved.app_url, "SELECT 1") == [(1,)]
    assert ensure_running(state) == moved
