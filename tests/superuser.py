"""The server's own superuser, whom the product never works as."""

from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deploy import pgstate
from deploy.pgstate import SUPERUSER
from deploy.postgres import Cluster


def session(server: Cluster) -> psycopg.Connection:
    """A connection of the superuser to the database postgres, each statement a transaction of its own."""
    return psycopg.connect(
        host="127.0.0.1", port=server.port, dbname="postgres", user=SUPERUSER, sslmode="disable",
        password=passwords(server)[SUPERUSER], autocommit=True,
    )  # fmt: skip


def passwords(server: Cluster) -> dict[str, str]:
    """The passwords of the server's roles."""
    record = pgstate.load(server.data_dir.parent)
    assert record is not None
    return record.passwords


def drop(database: Cluster) -> None:
    """Delete a database, whoever is connected to it: those of a whole suite would fill a disk."""
    name = urlsplit(database.owner_url).path.lstrip("/")
    with session(database) as superuser:
        superuser.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
