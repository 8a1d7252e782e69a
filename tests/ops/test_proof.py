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
from payroll import corrections
from payroll.payments import bank_process
from payroll.runs import Refused
from tests.conftest import point_at
from tests.saga import paydays
from tests.saga.paydays import employer, hourly, salaried

READ_MODELS = ("payroll_payrun", "payroll_employerrun", "payroll_paycheck", "payroll_yeartodate")


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
        salaried("ACME", "bob", "78000.00", work_state="CA"),
        salaried("ACME", "ned", "62400.00", work_state="NY"),
        hourly("ACME", "idle", "20.00"),
        salaried("BOLT", "cal", "62400.00", work_state="CA"),
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


# Corruptions of the log: SQL, and the lines that have to find it

ANN = "stream like 'paycheck-%+ann'"
EMPLOYER = "stream = 'employerrun-' || (select data ->> 'employer_run' from events_event where data ->> 'employer' = 'ACME' limit 1)"
COPY = "insert into events_event (stream, version, type, data, cause) select {stream}, {version}, type, {data}, cause"


def more(fact: str, of: str, where: str, cents: int = 1) -> str:
    """Raise one amount in one event."""
    return (
        f"update events_event set data = jsonb_set(data, '{{{fact}}}', to_jsonb((data ->> '{fact}')::bigint + {cents})) "
        f"where type = '{of}' and {where}"
    )


def replaced(fact: str, value: str, of: str, where: str) -> str:
    """Write another word over a fact."""
    return f"update events_event set data = jsonb_set(data, '{{{fact}}}', '\"{value}\"') where type = '{of}' and {where}"


LOG: dict[str, tuple[set[str], list[str]]] = {
    "net pay, a cent more": (
        {"lines", "totals", "approval"},
        [more("net_cents", "RetirementCalculated", ANN)],
    ),
    "one tax, a cent more": ({"approval"}, [more("federal_income_tax_cents", "TaxCalculated", ANN)]),
    "gross and net, a cent more": (
        {"totals", "approval", "payments", "files", "bank"},
        [more("gross_cents", "PayCalculated", ANN), more("net_cents", "RetirementCalculated", ANN)],
    ),
    "an hour more": ({"approval"}, [more("hours_worked_hundredths", "TimeEntered", ANN, 100)]),
    "a step gone": (
        {"streams", "steps", "approval"},
        [f"delete from events_event where type = 'TaxCalculated' and {ANN}"],
    ),
    "a paycheck gone": ({"people", "totals"}, [f"delete from events_event where {ANN}"]),
    "a person left out as well gone": (
        {"people", "totals"},
        ["delete from events_event where stream like 'paycheck-%+ned'"],
    ),
    "a paycheck of a stranger": (
        {"people", "totals", "payments", "files", "bank"},
        [
            COPY.format(stream="replace(stream, '+ann', '+eve')", version="version", data="data")
            + f" from events_event where {ANN} and type <> 'PaymentInstructed'"
        ],
    ),
    "a payment gone": (
        {"payments"},
        [f"delete from events_event where type = 'PaymentInstructed' and {ANN}"],
    ),
    "a payment doubled": (
        {"payments"},
        [
            COPY.format(stream="stream", version="version + 1", data="data")
            + f" from events_event where type = 'PaymentInstructed' and {ANN}"
        ],
    ),
    "a payment, a cent more": ({"payments"}, [more("amount_cents", "PaymentInstructed", ANN)]),
    "a payment under a key of its own making": (
        {"payments"},
        [replaced("payment_key", str(uuid.UUID(int=7)), "PaymentInstructed", ANN)],
    ),
    "an approval gone": (
        {"approval", "streams"},
        [f"delete from events_event where type = 'EmployerRunApproved' and {EMPLOYER}"],
    ),
    "an approval by the opener": (
        {"approval"},
        [replaced("approved_by", "maker", "EmployerRunApproved", EMPLOYER)],
    ),
    "an approval of something else": (
        {"approval"},
        [replaced("approved_register_sha256", "0" * 64, "EmployerRunApproved", EMPLOYER)],
    ),
    "a validated total": ({"totals"}, [more("total_net_cents", "EmployerRunValidated", EMPLOYER)]),
    "another head count": ({"people", "totals"}, [more("employees", "EmployerRunBegan", EMPLOYER)]),
    "the total instructed": ({"payments"}, [more("payments_cents", "PaymentsInstructed", EMPLOYER)]),
    "the number instructed": ({"payments"}, [more("payments", "PaymentsInstructed", EMPLOYER)]),
    "the total moved": ({"payments"}, [more("paid_cents", "MoneyMoved", EMPLOYER)]),
    "other rule tables": (
        {"rules"},
        [replaced("rules_version", "2026-000000000000", "PayRunOpened", "true")],
    ),
    "an employer in another run": (
        {"periods"},
        [replaced("run", str(uuid.UUID(int=7)), "EmployerRunOpened", EMPLOYER)],
    ),
}


@pytest.mark.parametrize("what", LOG)
def test_a_changed_log_is_found(stored: Finished, what: str) -> None:
    finders, statements = LOG[what]
    with Tampering(stored) as owner:
        changed = [owner.execute(statement).rowcount for statement in statements]
    assert all(changed), "the corruption was planted"
    found = failing(stored.paid)
    assert finders <= found, f"found by {found} only"
    assert "read models" in found


def test_every_single_event_that_is_gone_is_missed(stored: Finished) -> None:
    """Also by who has rebuilt the read models since, so their line does not count."""
    unmissed = []
    with Tampering(stored) as owner:
        owner.execute("create temp table kept as select * from events_event")
        positions = owner.execute(
            "select position, stream, type from kept where stream like 'paycheck-%' or stream like 'employerrun-%' "
            "or stream like 'payrun-%' order by 1"
        ).fetchall()
        waiting = {
            row[0] for row in owner.execute(f"select position from kept where data ->> 'employer' = 'BOLT'")
        }
        for position, stream, kind in positions:
            run = stored.waiting if position in waiting else stored.paid
            owner.execute("delete from events_event where position = %s", [position])
            if not failing_or_refused(run) - {"read models", "immutable"}:
                unmissed.append(f"{kind} of {stream.rpartition('+')[2]}")
            owner.execute(
                "insert into events_event overriding system value select * from kept where position = %s",
                [position],
            )
    assert unmissed == []
    assert len(positions) > 20


def failing_or_refused(run: UUID) -> set[str]:
    """As `failing`; a run that cannot be found any more is noticed too."""
    try:
        return failing(run)
    except Refused:
        return {"refused"}


# Corruptions of what lies outside the log


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
            "update events_event set data = replace(data::text, %s, %s)::jsonb where type = 'PaymentsInstructed'",
            [before, after],
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


BOOKS = {
    "a credit gone": "delete from credit where individual_id = 'ANN'",
    "a credit, a cent more": "update credit set amount_cents = amount_cents + 1 where individual_id = 'ANN'",
    "a credit, twice": "insert into credit select file, trace + 77, company_id, individual_id, name, routing, account, "
    "account_type, amount_cents, effective, booked_at from credit where individual_id = 'ANN'",
    "a credit into another account": "update credit set account = '666' where individual_id = 'ANN'",
    "a credit of somebody else": "update credit set individual_id = 'EVE' where individual_id = 'ANN'",
    "a credit for each cent of two people, swapped": "update credit set amount_cents = "
    "(select sum(amount_cents) from credit) - amount_cents",
    "the file booked again under another key": "insert into file select number + 1, "
    "'00000000-0000-0000-0000-000000000007', 'other', entries, total_cents, booked_at from file; "
    "insert into credit select file + 1, trace, company_id, individual_id, name, routing, account, account_type, "
    "amount_cents, effective, booked_at from credit",
    "no books at all": "delete from credit; delete from file",
}


@pytest.mark.parametrize("what", BOOKS)
def test_changed_books_are_found(stored: Finished, what: str) -> None:
    with closing(sqlite3.connect(stored.state / "bank" / "bank.sqlite")) as books:
        books.executescript(BOOKS[what])
    assert "bank" in failing(stored.paid)


def test_books_that_are_gone_are_found(stored: Finished) -> None:
    for path in (stored.state / "bank").glob("bank.sqlite*"):
        path.unlink()
    assert "bank" in failing(stored.paid)


# Corruptions of tables that are no log

TABLES: dict[str, tuple[str, bool, str]] = {
    "a paycheck's row": ("read models", True, "update payroll_paycheck set facts = facts || '{\"net_cents\": 1}' where stream like '%+ann'"),
    "a paycheck's row gone": ("read models", True, "delete from payroll_paycheck where stream like '%+ann'"),
    "a year to date": ("read models", True, "update payroll_yeartodate set fica_wages_cents = 0 where employee_id = 'ann'"),
    "an employer's row": ("read models", True, "update payroll_employerrun set last_event = 'EmployerRunBegan' where employer = 'ACME'"),
    "a run's row": ("read models", True, "update payroll_payrun set facts = facts || '{\"opened_by\": \"you\"}'"),
    "a row that is in no stream": (
        "read models",
        True,
        "insert into payroll_yeartodate select id || 'x', employer, 'eve', year, paychecks, gross_cents, fit_wages_cents, "
        "federal_income_tax_cents, fica_wages_cents, ss_taxable_cents, social_security_cents, medicare_cents, "
        "state_income_tax_cents, deferrals_cents, match_cents, net_cents from payroll_yeartodate where employee_id = 'ann'",
    ),
    "a dead letter gone": ("dead letters", False, "delete from events_deadletter where subject like '%+cal'"),
    "a dead letter closed by hand": ("dead letters", False, "update events_deadletter set state = 'dismissed' where subject like '%+cal'"),
    "dead work called done": ("dead letters", False, "update events_work set state = 'done' where state = 'dead'"),
    "work begun again in a complete run": ("complete", True, "update events_work set state = 'ready' where saga = 'paychecks' and state = 'done'"),
    "the right to change events": ("immutable", True, "grant update on events_event to {app}"),
    "the right to delete events": ("immutable", True, "grant delete on events_event to {app}"),
    "the right to change one column": ("immutable", True, "grant update (data) on events_event to {app}"),
    "the right of everybody": ("immutable", True, "grant update on events_event to public"),
    "a trigger off": ("immutable", True, "alter table events_event disable trigger events_event_no_change"),
    "a trigger that replicas do not fire": ("immutable", True, "alter table events_event enable trigger events_event_no_change"),
    "a trigger gone": ("immutable", True, "drop trigger events_event_no_truncate on events_event"),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_a_changed_table_is_found(stored: Finished, what: str) -> None:
    finder, of_paid, statement = TABLES[what]
    app = urlsplit(stored.cluster.app_url).username
    paydays.as_owner(stored.cluster, statement.format(app=app) if "{app}" in statement else statement)
    assert finder in failing(stored.paid if of_paid else stored.waiting)


# Commands


def contents(cluster: Cluster) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every read model."""
    return {
        table: paydays.as_owner(cluster, f"select t::text from {table} t order by 1") for table in READ_MODELS
    }  # noqa: S608


def test_a_rebuild_equals_what_was_live(stored: Finished) -> None:
    projection.catch_up()
    live = contents(stored.cluster)
    assert all(live.values())
    paydays.as_owner(stored.cluster, "delete from payroll_paycheck")
    call_command("rebuild")
    assert contents(stored.cluster) == live
    call_command("rebuild", "--check")


@pytest.mark.parametrize("table", READ_MODELS)
def test_a_difference_is_told_by_its_table(stored: Finished, table: str) -> None:
    projection.catch_up()
    key = "id" if table == "payroll_yeartodate" else "stream"
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
