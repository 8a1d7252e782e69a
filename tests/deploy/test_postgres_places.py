"""The embedded Postgres in odd places, as every kind of user, and what it says when it cannot run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import pgstate, postgres
from deploy.postgres import DatabaseUnavailable, ensure_running

from .servers import NOBODY, PROJECT, START, clean, kill_postmaster, postmaster, query, root_only, starter

# --- places and users ---


def test_odd_paths_and_an_empty_environment(tmp_path):
    state = tmp_path / "pay roll's 'état' $HOME"
    try:
        with starter(state, env={}) as process:
            out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert ensure_running(state).owner_url == out.strip()
    finally:
        clean(state)


def test_variables_of_another_postgres_change_nothing(state, monkeypatch):
    bent = {"PGHOSTADDR": "10.0.0.1", "PGPORT": "1", "PGSSLMODE": "require", "PGDATA": "/x"}
    for name, value in (bent | {"PGOPTIONS": "-c nonsense=1"}).items():
        monkeypatch.setenv(name, value)
    assert ensure_running(state).port > 1


@root_only
@pytest.mark.parametrize("reachable", [True, False])
def test_root_without_user_namespaces(fresh, open_folder, monkeypatch, reachable):
    monkeypatch.setenv("PAYROLL_PG_ROOT_MODE", "setuid")
    state = open_folder / "state" if reachable else fresh
    ancestors = {path: path.stat().st_mode for path in state.parents}
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE kept AS SELECT 1 AS n")
    assert cluster.data_dir.is_symlink() is not reachable
    assert Path(f"/proc/{postmaster(state)}").stat().st_uid == NOBODY
    kill_postmaster(state)
    assert ensure_running(state) == cluster
    assert query(cluster.owner_url, "SELECT n FROM kept") == [(1,)]
    assert {path: path.stat().st_mode for path in state.parents} == ancestors


@root_only
def test_root_that_loses_its_user_namespaces_keeps_its_data(open_folder, monkeypatch):
    state = open_folder / "state"
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE kept AS SELECT 1 AS n")
    postgres.stop(state)
    monkeypatch.setenv("PAYROLL_PG_ROOT_MODE", "setuid")
    assert query(ensure_running(state).owner_url, "SELECT n FROM kept") == [(1,)]
    postgres.stop(state)
    monkeypatch.delenv("PAYROLL_PG_ROOT_MODE")
    assert query(ensure_running(state).owner_url, "SELECT n FROM kept") == [(1,)]


@root_only
def test_root_of_a_container_that_may_not_look_into_other_processes(open_folder):
    state = open_folder / "state"
    without = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"]
    script = START + "postgres.stop(sys.argv[1])" + START + "postgres.stop(sys.argv[1])"
    environment = {"PAYROLL_PG_ROOT_MODE": "setuid"}
    command = [*without, sys.executable, "-c", script, str(state)]
    run = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert pgstate.log_of(state).read_text().count("database system is shut down") == 2


@root_only
def test_an_ordinary_user(open_folder, as_nobody):
    home = open_folder / "home of nobody"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    state = home / "state"
    try:
        first, second = as_nobody(START, str(state)), as_nobody(START, str(state))
        assert (first.returncode, second.stdout) == (0, first.stdout), first.stderr
        assert first.stdout.strip() == ensure_running(state).owner_url  # root finds the same server
        kill_postmaster(state)
        assert as_nobody(START, str(state)).stdout == first.stdout
        postgres.stop(state)
        ensure_running(state)  # started by root, who leaves nothing behind that the user could not use
        postgres.stop(state)
        again = as_nobody(START, str(state))
        assert again.stdout == first.stdout, again.stderr
    finally:
        clean(state)


# --- what goes wrong is said in one sentence ---


@root_only
def test_no_permission(open_folder, as_nobody):
    refused = as_nobody(START, str(open_folder / "state"))
    assert f"DatabaseUnavailable: no permission for {open_folder / 'state'}" in refused.stderr


@root_only
def test_a_full_disk_leaves_nothing_behind_and_more_room_mends_it(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        with pytest.raises(DatabaseUnavailable, match=f"disk that holds {disk}.* is full"):
            ensure_running(disk / "state")
        assert list((disk / "state").iterdir()) == []
        subprocess.run(["mount", "-o", "remount,size=600m", disk], check=True)
        cluster = ensure_running(disk / "state")
        filler = disk / "filler"
        postgres.stop(disk / "state")
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
            while out.write(bytes(1 << 20)):
                pass
        with pytest.raises(DatabaseUnavailable, match=f"disk that holds {disk}.* is full"):
            ensure_running(disk / "state")
        filler.unlink()
        assert ensure_running(disk / "state") == cluster
    finally:
        clean(disk / "state")
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("broken", ["", "{", "[]", "1", "null", '{"port": 1, "major": 16, "passwords": {}}'])
def test_a_broken_state_file(fresh, broken):
    fresh.mkdir()
    pgstate.file_of(fresh).write_text(broken)
    for call in (ensure_running, postgres.read):
        with pytest.raises(DatabaseUnavailable, match=r"postgres\.json makes no sense: delete it"):
            call(fresh)


def test_lost_passwords_are_set_anew_and_the_data_stays(state):
    cluster = ensure_running(state)
    query(cluster.owner_url, "CREATE TABLE kept AS SELECT 1 AS n")
    file = pgstate.file_of(state)
    record = json.loads(file.read_text())
    record["passwords"] = dict.fromkeys(record["passwords"], "wrong")
    file.write_text(json.dumps(record))
    with pytest.raises(DatabaseUnavailable, match=r"passwords in .*json are not those .*delete it"):
        ensure_running(state)
    file.unlink()
    renewed = ensure_running(state)
    assert renewed.owner_url != cluster.owner_url
    assert query(renewed.owner_url, "SELECT n FROM kept") == [(1,)]


def test_data_of_another_major_is_refused(state):
    cluster = ensure_running(state)
    postgres.stop(state)
    (cluster.data_dir / "PG_VERSION").write_text("14\n")
    with pytest.raises(DatabaseUnavailable, match=r"made by Postgres 14 .* set PAYROLL_PG_BIN"):
        ensure_running(state)


def test_a_data_folder_that_is_gone_or_broken(state):
    cluster = ensure_running(state)
    postgres.stop(state)
    (cluster.data_dir / "global" / "pg_control").rename(state / "pg_control")
    with pytest.raises(DatabaseUnavailable, match=r"pgdata.*postgres\.log.*FATAL|PANIC|could not"):
        ensure_running(state)
    real = cluster.data_dir.resolve()
    real.rename(state / "elsewhere")
    with pytest.raises(DatabaseUnavailable, match=r"pgdata is missing: restore it, or delete"):
        ensure_running(state)
    real.mkdir()
    with pytest.raises(DatabaseUnavailable, match="no Postgres data folder"):
        ensure_running(state)


def test_missing_programs(fresh, monkeypatch):
    monkeypatch.setenv("PAYROLL_PG_BIN", "/nowhere")
    with pytest.raises(DatabaseUnavailable, match=r"PAYROLL_PG_BIN=/nowhere .*pip install.*DATABASE_URL"):
        ensure_running(fresh)


def test_a_state_folder_that_is_a_file(fresh):
    fresh.write_text("")
    with pytest.raises(DatabaseUnavailable, match=str(fresh)):
        ensure_running(fresh)
