"""The embedded Postgres: one server for one state folder, started when needed, found by everybody.

Nothing here trusts a pid. A server is up when it answers an authenticated connection and says that it serves
our data folder; it is gone when nobody holds the lock on that folder. The postmaster inherits that lock and
hands it to every backend: the kernel lets go of it when the last of them is dead, however they died.

PAYROLL_PG_BIN names the folder of the programs to use; PAYROLL_PG_ROOT_MODE (unshare or setuid) how root runs
them; PAYROLL_PG_FSYNC=off gives up surviving a power cut for speed, and is for tests only.
"""

from __future__ import annotations

import contextlib
import enum
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from deploy import pgstate
from deploy.pgbin import DatabaseUnavailable, Programs, make_folder, programs, why
from deploy.pgstate import APP, OWNER, SUPERUSER, Record

__all__ = ["Cluster", "DatabaseUnavailable", "create_database", "ensure_running", "read", "stop"]

DATABASE = "payroll"
START_LIMIT = 300.0  # seconds; crash recovery may be long
STOP_LIMIT = 60.0
READY_LIMIT = 30.0  # between "ready" in the pid file and an answer
ORPHAN_GRACE = 2.0  # for backends to notice that their postmaster died; then they are told to quit
ORPHAN_LIMIT = 20.0
PORTS = range(20_000, 32_000)  # below those the kernel hands out to clients
PORT_TAKEN = "Address already in use"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    # Errors quote values ("Key (ssn)=(...) already exists"): they go to the client, never to the log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}
# For a single-user server: one line, one statement. Running it again changes nothing but the passwords.
ROLES = """
DO $$ BEGIN IF to_regrole('payroll_owner') IS NULL THEN CREATE ROLE payroll_owner; END IF; END $$
DO $$ BEGIN IF to_regrole('payroll_app') IS NULL THEN CREATE ROLE payroll_app; END IF; END $$
ALTER ROLE postgres PASSWORD '%(postgres)s'
ALTER ROLE payroll_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '%(payroll_owner)s'
ALTER ROLE payroll_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '%(payroll_app)s'
ALTER ROLE payroll_app SET idle_in_transaction_session_timeout = '10s'
ALTER ROLE payroll_app SET statement_timeout = '600s'
ALTER ROLE payroll_app SET timezone = 'UTC'
"""

_started: list[subprocess.Popen[str]] = []  # kept, so that those that die do not stay zombies


@dataclass(frozen=True)
class Cluster:
    """One database of the embedded server; the URLs carry passwords, so it prints without them."""

    data_dir: Path
    port: int
    owner_url: str
    app_url: str

    def __repr__(self) -> str:
        return f"Cluster({self.data_dir}, port {self.port})"


class _Answer(enum.Enum):
    OURS = "it serves our data folder and takes our password"
    NO_DATABASE = "it takes our password, but the database is not there"
    FULL = "every connection is taken"
    LOCKED_OUT = "it does not take our password"
    STARTING = "it is starting, recovering or shutting down"
    STRANGER = "it is the server of another folder"
    SILENCE = "nobody answers, or nothing we understand"


def ensure_running(state_dir: Path) -> Cluster:
    """The cluster of this state folder, made and started if it was not.

    state_dir   created with mode 0700 when missing; it holds the data
    raises      DatabaseUnavailable
    """
    state_dir = Path(state_dir).resolve()
    with pgstate.one_sentence(state_dir):
        record = pgstate.load(state_dir)
        if record is None or _ask(state_dir, record) is not _Answer.OURS:
            make_folder(state_dir)
            with pgstate.alone(state_dir):
                record = _bring_up(state_dir)
        pgstate.bound_log(state_dir)
    return _cluster(state_dir, record)


def read(state_dir: Path) -> Cluster | None:
    """What is recorded, without touching the server; None when nothing was ever started here."""
    state_dir = Path(state_dir).resolve()
    with pgstate.one_sentence(state_dir):
        record = pgstate.load(state_dir)
    return None if record is None else _cluster(state_dir, record)


def stop(state_dir: Path) -> None:
    """Stop the server: clients are cut off, what was committed stays; fine when it is not running."""
    state_dir = Path(state_dir).resolve()
    with pgstate.one_sentence(state_dir):
        if pgstate.data_of(state_dir).exists():
            with pgstate.alone(state_dir):
                _stop(pgstate.data_of(state_dir).resolve())


def create_database(cluster: Cluster, name: str, template: str | None = None) -> Cluster:
    """A new database owned by payroll_owner, that payroll_app may connect to.

    template   a database nobody is connected to, copied with its tables and grants
    raises     DatabaseUnavailable, also when the name is taken
    """
    state_dir = cluster.data_dir.parent
    record = pgstate.load(state_dir)
    if record is None:
        raise DatabaseUnavailable(f"{pgstate.file_of(state_dir)} is missing: call ensure_running first")
    # Renamed last, so that a database of this name always has its grants.
    script = """
        DROP DATABASE IF EXISTS {half_made}; CREATE DATABASE {half_made} OWNER {owner} TEMPLATE {template};
        REVOKE ALL ON DATABASE {half_made} FROM PUBLIC; GRANT CONNECT ON DATABASE {half_made} TO {app};
        ALTER DATABASE {half_made} RENAME TO {name}"""
    names = {"half_made": f"{name[:58]}.new", "name": name, "template": template or "template1"}
    words = {word: sql.Identifier(value) for word, value in (names | {"owner": OWNER, "app": APP}).items()}
    try:
        with contextlib.closing(_connect(record, SUPERUSER, "postgres")) as connection:
            for statement in script.split(";"):
                connection.execute(sql.SQL(statement).format(**words))
    except psycopg.Error as error:
        failure = why(str(error), cluster.data_dir, f"making the database {name} failed")
        raise DatabaseUnavailable(failure) from error
    return _cluster(state_dir, record, name)


def _cluster(state_dir: Path, record: Record, name: str = DATABASE) -> Cluster:
    at = f"127.0.0.1:{record.port}/{name}"
    urls = [f"postgresql://{role}:{record.passwords[role]}@{at}" for role in (OWNER, APP)]
    return Cluster(pgstate.data_of(state_dir), record.port, *urls)


def _connect(record: Record, role: str, database: str) -> psycopg.Connection:
    # Everything that a PG* variable of the environment could bend is said here.
    return psycopg.connect(
        host="127.0.0.1", hostaddr="127.0.0.1", port=record.port, user=role, dbname=database,
        password=record.passwords[role], autocommit=True, connect_timeout=2, sslmode="disable",
        gssencmode="disable", channel_binding="prefer", target_session_attrs="any", options="",
        application_name="payroll-start", client_encoding="utf8",
    )  # fmt: skip


def _ask(state_dir: Path, record: Record) -> _Answer:
    """Connect as the owner and see who answers."""
    try:
        with contextlib.closing(_connect(record, OWNER, DATABASE)) as connection:
            row = connection.execute("SELECT current_setting('cluster_name')").fetchone()
        # A copied state folder has our passwords and our port, but is another folder.
        ours = row is not None and row[0] == pgstate.name_of(pgstate.data_of(state_dir))
        return _Answer.OURS if ours else _Answer.STRANGER
    except FileNotFoundError:
        return _Answer.STRANGER
    except psycopg.Error as error:
        said = str(error)
    for words, answer in (
        (f'database "{DATABASE}" does not exist', _Answer.NO_DATABASE),
        ("authentication failed", _Answer.LOCKED_OUT),
        ("too many clients", _Answer.FULL),
        ("connection slots are reserved", _Answer.FULL),
        ("the database system is", _Answer.STARTING),
    ):
        if words in said:
            return answer
    return _Answer.SILENCE


def _bring_up(state_dir: Path) -> Record:
    """Make what is missing and start what is down; the caller holds the state folder."""
    record = pgstate.load(state_dir) or _make(state_dir)
    data = pgstate.data_of(state_dir)
    if not data.exists():
        raise DatabaseUnavailable(
            f"the data folder {data} is missing: restore it, "
            f"or delete {pgstate.file_of(state_dir)} to start empty"
        )
    record = _start(state_dir, record)
    if _ask(state_dir, record) is _Answer.NO_DATABASE:
        create_database(_cluster(state_dir, record), DATABASE)
    return record


def _make(state_dir: Path) -> Record:
    """The data folder if there is none, and new passwords in any case; finishes what was left half-done."""
    data = pgstate.data_of(state_dir)
    tools = programs(state_dir, data)
    passwords = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, OWNER, APP)}
    real = data.resolve() if data.exists() else tools.home / data.name
    for stale in tools.home.glob("pgdata.new-*"):
        shutil.rmtree(stale, ignore_errors=True)
    if not real.exists() or not any(real.iterdir()):
        _initdb(tools, real, passwords[SUPERUSER])
    if not data.exists():
        data.unlink(missing_ok=True)
        data.symlink_to(real)
    _check_major(tools, real)
    _stop(real)
    with pgstate.claimed(real) as fd:  # a single-user server asks nobody for a password
        flags = ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]
        script = ROLES.strip() % passwords
        tools.run("postgres", "--single", "-D", str(real), *flags, SUPERUSER, pass_fd=fd, stdin=script)
    record = Record(_free_port(), tools.major, passwords)
    pgstate.save(state_dir, record)
    return record


def _initdb(tools: Programs, real: Path, password: str) -> None:
    """A new data folder, complete or not there at all."""
    fresh = real.with_name(f"pgdata.new-{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700)
    try:
        (fresh / "password").write_text(password)  # in a folder that only its user may enter
        tools.own(fresh)
        tools.run(
            "initdb", "-D", str(fresh / "data"), "-U", SUPERUSER, "--auth=scram-sha-256",
            f"--pwfile={fresh / 'password'}", "--data-checksums", "--encoding=UTF8", "--lc-messages=C",
            "--locale=C" if os.uname().sysname == "Darwin" else "--locale=C.UTF-8",
            *(["--no-sync"] if _careless() else []),
        )  # fmt: skip
        (fresh / "data").rename(real)
        pgstate.sync_folder(real.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _careless() -> bool:
    return os.environ.get("PAYROLL_PG_FSYNC") == "off"


def _check_major(tools: Programs, real: Path) -> None:
    try:
        major = int((real / "PG_VERSION").read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise DatabaseUnavailable(f"{real} is no Postgres data folder: move it away or restore it") from error
    if major != tools.major:
        raise DatabaseUnavailable(
            f"{real} was made by Postgres {major} but {tools.folder} is Postgres {tools.major}: "
            f"set PAYROLL_PG_BIN to the bin folder of a Postgres {major}, or dump and load the data"
        )


def _start(state_dir: Path, record: Record) -> Record:
    """Start the server, or wait for the one that is starting; gives the record with the port it got."""
    real = pgstate.data_of(state_dir).resolve()
    tools = programs(state_dir, pgstate.data_of(state_dir))
    _check_major(tools, real)
    failure = said = ""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if pid := _settle(real):
            if _await_answer(state_dir, record, partial(pgstate.serves, pid, real), deadline):
                return record
            continue
        if not _is_free(record.port) or PORT_TAKEN in said:
            record = replace(record, port=_free_port())
            pgstate.save(state_dir, record)
        log_start = pgstate.log_size(state_dir)
        process = _spawn(state_dir, tools, real, record.port)
        if _await_answer(state_dir, record, partial(_lives, process), deadline):
            return record
        said = pgstate.log_since(state_dir, log_start)
        failure = why(said, real, f"Postgres stopped while starting, see {pgstate.log_of(state_dir)},")
        if PORT_TAKEN not in said and "is still in use" not in said:
            break
        time.sleep(0.05)
    raise DatabaseUnavailable(failure or f"Postgres stops again and again: see {pgstate.log_of(state_dir)}")


def _settle(real: Path) -> int | None:
    """The living postmaster; None when nobody serves the folder, the backends of a dead one included."""
    started, told = time.monotonic(), False
    while True:
        _started[:] = [process for process in _started if _lives(process)]
        if pid := pgstate.postmaster(real):
            return pid
        if (fd := pgstate.lock(real)) is not None:
            os.close(fd)
            return None
        waited = time.monotonic() - started
        if waited > ORPHAN_GRACE and not told:
            told = True
            for orphan in pgstate.servers(real):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan, signal.SIGQUIT)
        if waited > ORPHAN_LIMIT:
            raise DatabaseUnavailable(f"{real} is held by an unseen process, of a container perhaps: stop it")
        time.sleep(0.005)


def _lives(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


def _spawn(state_dir: Path, tools: Programs, real: Path, port: int) -> subprocess.Popen[str]:
    """Start the postmaster; it outlives us and inherits the lock on its data folder."""
    settings = SETTINGS | {"port": str(port), "cluster_name": pgstate.name_of(real)}
    if _careless():
        settings["fsync"] = "off"  # and nothing else, so that rows still survive kill -9
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with pgstate.claimed(real) as fd, pgstate.open_log(state_dir) as log:
        process = tools.start(
            "postgres", "-D", str(real), *flags,
            pass_fd=fd, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    _started.append(process)
    return process


def _await_answer(state_dir: Path, record: Record, alive: Callable[[], bool], deadline: float) -> bool:
    """Wait while a server lives until it takes our connection; False when it died first."""
    real = pgstate.data_of(state_dir).resolve()
    while alive():
        if pgstate.says_ready(real):
            answer = _ask(state_dir, record)
            if answer in (_Answer.OURS, _Answer.NO_DATABASE, _Answer.FULL):
                return True
            if answer is _Answer.LOCKED_OUT:
                raise DatabaseUnavailable(
                    f"the passwords in {pgstate.file_of(state_dir)} are not those of {real}: "
                    "delete it and start again; new passwords are set, the data stays"
                )
            if answer is not _Answer.STARTING:
                deadline = min(deadline, time.monotonic() + READY_LIMIT)
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"Postgres (process {pgstate.postmaster(real)}) has {real} but does not answer on port "
                f"{record.port}: see {pgstate.log_of(state_dir)}, or `kill -INT` it and start again"
            )
        time.sleep(0.005)
    return False


def _stop(real: Path) -> None:
    """Ask the postmaster for a fast shutdown and wait until all its processes are gone."""
    if pid := _settle(real):
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + STOP_LIMIT
        while pgstate.serves(pid, real):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(f"process {pid} does not stop: `kill -QUIT {pid}` loses nothing")
            time.sleep(0.005)
        _settle(real)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Postgres does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    for _ in range(200):
        if _is_free(port := secrets.choice(PORTS)):
            return port
    raise DatabaseUnavailable(f"no free port in {PORTS.start}-{PORTS.stop}: close some, or set DATABASE_URL")
