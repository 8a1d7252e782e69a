"""A real pgbouncer by transaction in front of the tests' Postgres: few sessions, shared by everybody.

Nothing that a client might leave in a session is cleaned away or allowed for: no reset query, no start-up parameter
ignored. So a test that passes through it has not relied on a session of its own.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from deploy import pgstate
from deploy.pgstate import APP, SUPERUSER
from deploy.postgres import Cluster
from tests import pins
from tests.superuser import passwords, session

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
APPLICATION = "payroll-pooled"
NOBODY = 65534
PATIENCE_S = 20.0

SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} application_name={application} client_encoding=UTF8

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {size}
min_pool_size = 0
max_client_conn = 400
server_reset_query =
server_reset_query_always = 0
ignore_startup_parameters =
auth_type = scram-sha-256
auth_file = {folder}/users
admin_users = {admin}
query_wait_timeout = 60
"""


@dataclass(frozen=True)
class Pooler:
    """A pgbouncer that runs.

    server       the Postgres behind it
    application  what sessions through it call themselves
    """

    server: Cluster
    port: int
    application: str

    def through(self, cluster: Cluster) -> Cluster:
        """The same database as seen through the pooler; its owner, who migrates, goes straight to the server."""
        url = cluster.app_url.replace(f":{cluster.port}/", f":{self.port}/")
        return replace(cluster, app_url=f"{url}?application_name={self.application}")

    def forget(self, cluster: Cluster) -> None:
        """Close every session with a database, so that it can be dropped or copied."""
        with contextlib.suppress(psycopg.errors.ProtocolViolation):  # nobody ever asked for it
            self.command("kill", urlsplit(cluster.app_url).path.lstrip("/"))

    def command(self, word: str, database: str = "") -> list[tuple]:
        """One command of pgbouncer's own console."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, dbname="pgbouncer", user=SUPERUSER, sslmode="disable",
            password=passwords(self.server)[SUPERUSER], autocommit=True, application_name="",
            cursor_factory=psycopg.ClientCursor,
        ) as console:  # fmt: skip
            statement = sql.SQL(word) + sql.SQL(" ") + (sql.Identifier(database) if database else sql.SQL(""))
            cursor = console.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def pooling(server: Cluster, *, size: int = 4, application: str = APPLICATION) -> Iterator[Pooler]:
    """A pgbouncer in front of a server, ended afterwards; the test is skipped where there is no pgbouncer.

    size   sessions that it opens for each role and database
    """
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="payroll-pooler-"))
    pooler = Pooler(server, _free_port(), application)
    values = {"server": server.port, "port": pooler.port, "size": size, "folder": folder}
    (folder / "pgbouncer.ini").write_text(SETTINGS.format(**values, application=application, admin=SUPERUSER))
    users = (f'"{role}" "{passwords(server)[role]}"\n' for role in (APP, SUPERUSER))
    (folder / "users").write_text("".join(users))
    drop: list[str] = []
    if os.geteuid() == 0:  # pgbouncer does not run as root
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=KILL"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*drop, PROGRAM, folder / "pgbouncer.ini"], stdout=log, stderr=log)
    try:
        _await(pooler, process, folder / "log")
        yield pooler
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def log_statements(server: Cluster, what: str = "all") -> None:
    """Let the server log what the application's role sends from now on, in a form that `pins` reads.

    what   all, or none to stop
    """
    with session(server) as superuser:
        superuser.execute(f"alter role {APP} set log_statement = '{what}'")
        superuser.execute(f"alter system set log_line_prefix = '{pins.LOG_PREFIX}'")
        superuser.execute("select pg_reload_conf()")


def count_pins(pooler: Pooler) -> pins.Counted:
    """What was sent through a pooler so far, and what of it would pin."""
    return pins.count(pgstate.log_of(pooler.server.data_dir.parent), pooler.application)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(pooler: Pooler, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            pooler.command("show version")
            return
        except psycopg.OperationalError as error:
            assert process.poll() is None, f"pgbouncer stopped: {log.read_text()}"
            assert time.monotonic() < until, f"pgbouncer does not answer: {error}"
            time.sleep(0.02)
