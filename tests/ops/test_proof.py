"""The proof finds what it claims to find: one corruption at a time, planted where no command would put it.

A finished payday is made once and cloned for every test: ACME is paid, with somebody whose inputs were corrected,
somebody left out and somebody without hours; BOLT waits for a dead letter.
"""

import hashlib
import json
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from deploy import postgres
from deploy.postgres import Cluster
from events import dead_letters, projection
from ops import proof
from payroll import corrections, keys
from payroll.payments import bank_process, orders
from payroll.runs import Refused
from tests.conftest import point_at
from tests.ops.corruptions import BOOKS, LOG, TABLES
from tests.saga import paydays
from tests.saga.paydays import employer, hourly, salaried

READ_MODELS = (
    *("payroll_payrun", "payroll_employerrun", "payroll_payorder"),
    *("payroll_paycheck", "payroll_yeartodate", "payroll_payment"),
)
KEYS = {"payroll_yeartodate": "id", "payroll_payment": "payment::text"}


class Finished(NamedTuple):
    """What is stored after a payday: its database, its state folder, and the two runs."""

    cluster: Cluster
    state: Path
    paid: UUID
    waiting: UUID

    @property
    def objects(self) -> Path:
        return self.state / "objects"

    def only(self, pattern: str) -> Path:
        """The one object that matches."""
        (found,) = self.objects.glob(pattern)
        return found


def clone(source: Cluster) -> Cluster:
    """A database with the same contents."""
    name = urlsplit(source.owner_url).path.lstrip("/")
    return postgres.create_database(source, f"test_{uuid.uuid4().hex[:12]}", template=name)


@pytest.fixture(scope="module")
def finished(
    template: Cluster, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """A payday with a bit of everything, by the sandbox bank."""
    folder, made = tmp_path_factory.mktemp("finished"), clone(template)
    state = folder / "state"
    changed = {"STATE_DIR": state, "PAYROLL_OBJECTS": state / "objects"}
    changed |= {"PAYROLL_GATEWAY": "sandbox", "EVENTS_DOORBELL": "polling"}
    with django_db_blocker.unblock(), override_settings(**changed):
        point_at(made.app_url, made.owner_url)
        try:
            paid, waiting = payday(folder)
        finally:
            connections.close_all()
            point_at(template.app_url, template.owner_url)
            bank_process.stop(state / "bank")
    yield Finished(made, state, paid, waiting)


def payday(folder: Path) -> tuple[UUID, UUID]:
    """Run it; returns ACME's run and BOLT's."""
    people = [
        salaried("ACME", "ann", "62400.00"),
        salaried("ACME", "bob", "78000.00", work_state="AL"),
        salaried("ACME", "ned", "62400.00", work_state="OR"),
        hourly("ACME", "idle", "20.00"),
        salaried("BOLT", "cal", "62400.00", work_state="AL"),
    ]
    rows = paydays.load(folder, [employer("ACME"), employer("BOLT")], people)
    paid, waiting = paydays.pay("ACME"), paydays.pay("BOLT")
    rows = paydays.mend(folder, rows, "bob", work_state="TX")
    for letter in paydays.letters():
        if letter.subject.endswith("+bob"):
            corrections.redrive_corrected(letter.id, by="maker", reason="moved")
        elif letter.subject.endswith("+ned"):
            dead_letters.dismiss(letter.id, by="maker", reason="paid by check")
    paydays.work()
    paydays.approve(paid)
    paydays.work()
    return paid, waiting


@pytest.fixture
def stored(
    finished: Finished, django_db_blocker: DjangoDbBlocker, tmp_path: Path, settings: Any
) -> Iterator[Finished]:
    """A copy of the finished payday for this test."""
    made, state = clone(finished.cluster), tmp_path / "state"
    shutil.copytree(finished.state, state)
    settings.STATE_DIR, settings.PAYROLL_OBJECTS = state, state / "objects"
    settings.EVENTS_DOORBELL = "polling"
    before = {alias: connections[alias].settings_dict["NAME"] for alias in ("default", "owner")}
    with django_db_blocker.unblock():
        point_at(made.app_url, made.owner_url)
        try:
            yield finished._replace(cluster=made, state=state)
        finally:
            connections.close_all()
            for alias, name in before.items():
                connections[alias].settings_dict["NAME"] = name


def failing(run: UUID) -> set[str]:
    """The names of the lines that do not hold."""
    return {line.name for line in proof.prove(run) if not line.holds}


class Tampering:
    """The owner of the tables with the triggers out of the way; on leaving they are as they were."""

    def __init__(self, stored: Finished) -> None:
        self.owner = psycopg.connect(stored.cluster.owner_url, autocommit=True)

    def __enter__(self) -> psycopg.Connection[Any]:
        self.owner.execute("alter table events_event disable trigger user")
        return self.owner

    def __exit__(self, *_: object) -> None:
        for trigger in ("events_event_no_change", "events_event_no_truncate"):
            self.owner.execute(f"alter table events_event enable always trigger {trigger}")
        self.owner.execute("alter table events_event enable trigger events_event_no_gap")
        self.owner.close()


def test_an_untouched_payday_proves(stored: Finished) -> None:
    assert (failing(stored.paid), failing(stored.waiting)) == (set(), set())


# The log


@pytest.mark.parametrize("what", LOG)
def test_a_changed_log_is_found(stored: Finished, what: str) -> None:
    finders, statements = LOG[what]
    with Tampering(stored) as owner:
        changed = [owner.execute(statement).rowcount for statement in statements]
    assert all(changed), "the corruption was planted"
    found = failing(stored.paid)
    assert finders <= found, f"found by {found} only"


def test_every_event_that_is_gone_is_missed(stored: Finished) -> None:
    """Also by who has rebuilt the read models since, so their line does not count."""
    part = paydays.employer_run("ACME")
    streams = [f"payrun-{stored.paid}", f"employerrun-{part}", orders.stream(keys.order_key(part))]
    unmissed = []
    with Tampering(stored) as owner:
        owner.execute("create temp table kept as select * from events_event")
        events = owner.execute(
            "select position, stream, type from kept where stream = any(%s) or stream like %s order by position",
            [streams, f"paycheck-{part}+%"],
        ).fetchall()
        for position, stream, kind in events:
            owner.execute("delete from events_event where position = %s", [position])
            if not failing_or_refused(stored.paid) - {"read models", "immutable"}:
                unmissed.append((kind, stream))
            again = "insert into events_event overriding system value select * from kept where position = %s"
            owner.execute(again, [position])
    assert unmissed == []
    assert len(events) > 20


def failing_or_refused(run: UUID) -> set[str]:
    """As `failing`; a run that cannot be found any more is noticed too."""
    try:
        return failing(run)
    except Refused:
        return {"refused"}


# What lies outside the log


def edit_json(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def batch_manifest(stored: Finished) -> Path:
    return stored.only(f"manifests/{stored.paid}/ACME/0*.json")


def swap_amounts(stored: Finished) -> None:
    """Two people's pay changes places, and the log knows the file's new hash: every total still agrees."""
    path = stored.only("files/*/*.ach")
    lines = path.read_text().split("\n")
    first, second = (place for place, line in enumerate(lines) if line.startswith("6"))
    one, two = lines[first][29:39], lines[second][29:39]
    lines[first] = lines[first][:29] + two + lines[first][39:]
    lines[second] = lines[second][:29] + one + lines[second][39:]
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text("\n".join(lines))
    after = hashlib.sha256(path.read_bytes()).hexdigest()
    with Tampering(stored) as owner:
        done = owner.execute(
            "update events_event set data = jsonb_set(data, '{sha256}', to_jsonb(%s::text)) "
            "where type = 'OrderCreated' and data ->> 'sha256' = %s",
            [after, before],
        )
        assert done.rowcount == 1 and one != two


FILES: dict[str, tuple[set[str], Callable[[Finished], object]]] = {
    "a manifest edited": (
        {"manifests"},
        lambda stored: edit_json(
            batch_manifest(stored), lambda frozen: frozen["employees"][0].update(pay_rate="1.00")
        ),
    ),
    "a manifest with one byte more": (
        {"manifests"},
        lambda stored: batch_manifest(stored).write_bytes(batch_manifest(stored).read_bytes() + b" "),
    ),
    "a manifest gone": ({"manifests"}, lambda stored: batch_manifest(stored).unlink()),
    "a manifest of noise": ({"manifests"}, lambda stored: batch_manifest(stored).write_bytes(b"\0\xff" * 50)),
    "a corrected manifest gone": (
        {"manifests"},
        lambda stored: stored.only(f"manifests/{stored.paid}/ACME/again-bob-*.json").unlink(),
    ),
    "a payment file edited": (
        {"files"},
        lambda stored: stored.only("files/*/*.ach").write_bytes(
            stored.only("files/*/*.ach").read_bytes().replace(b"3470824921", b"3470824922", 1)
        ),
    ),
    "a payment file gone": ({"files"}, lambda stored: stored.only("files/*/*.ach").unlink()),
    "two people's pay swapped in file and log": ({"files"}, swap_amounts),
}


@pytest.mark.parametrize("what", FILES)
def test_a_changed_object_is_found(stored: Finished, what: str) -> None:
    finders, plant = FILES[what]
    plant(stored)
    found = failing(stored.paid)
    assert finders <= found, f"found by {found} only"


@pytest.mark.parametrize("what", BOOKS)
def test_changed_books_are_found(stored: Finished, what: str) -> None:
    with closing(sqlite3.connect(stored.state / "bank" / "bank.sqlite")) as books:
        books.executescript(BOOKS[what])
    assert "bank" in failing(stored.paid)


def test_books_that_are_gone_are_found(stored: Finished) -> None:
    for path in (stored.state / "bank").glob("bank.sqlite*"):
        path.unlink()
    assert "bank" in failing(stored.paid)


# Tables that are no log


@pytest.mark.parametrize("what", TABLES)
def test_a_changed_table_is_found(stored: Finished, what: str) -> None:
    finder, of_paid, statement = TABLES[what]
    app = urlsplit(stored.cluster.app_url).username
    paydays.as_owner(stored.cluster, statement.format(app=app) if "{app}" in statement else statement)
    assert finder in failing(stored.paid if of_paid else stored.waiting)


# Commands


def contents(cluster: Cluster) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every read model."""
    every = {table: f"select t::text from {table} t order by 1" for table in READ_MODELS}  # noqa: S608
    return {table: paydays.as_owner(cluster, statement) for table, statement in every.items()}


def test_a_rebuild_equals_what_was_live(stored: Finished) -> None:
    projection.catch_up()
    live = contents(stored.cluster)
    assert all(live.values())
    paydays.as_owner(
        stored.cluster,
        "delete from payroll_paycheck; delete from payroll_payorder; delete from payroll_payment",
    )
    call_command("rebuild")
    assert contents(stored.cluster) == live
    call_command("rebuild", "--check")


@pytest.mark.parametrize("table", READ_MODELS)
def test_a_difference_is_told_by_its_table(stored: Finished, table: str) -> None:
    projection.catch_up()
    key = KEYS.get(table, "stream")
    paydays.as_owner(stored.cluster, f"delete from {table} where {key} = (select min({key}) from {table})")  # noqa: S608
    damaged = contents(stored.cluster)
    with pytest.raises(CommandError, match=table) as refused:
        call_command("rebuild", "--check")
    assert refused.value.returncode == 1
    assert contents(stored.cluster) == damaged, "--check changes nothing"


def test_the_command_fails_with_the_proof(stored: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("proof", str(stored.paid)[:8], "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["run"], said["holds"]) == (str(stored.paid), True)
    stored.only("files/*/*.ach").unlink()
    with pytest.raises(CommandError, match="the proof fails"):
        call_command("proof", str(stored.paid)[:8], "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["holds"] is False
    assert [check["name"] for check in said["checks"] if check["findings"]] == ["files"]
