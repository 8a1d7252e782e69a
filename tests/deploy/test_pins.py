"""What would pin a session of RDS Proxy is counted: each kind is planted, and found in the server's own log.

`make pooled` counts what the tests of kernel, sagas and operations send; here is why its zero can be trusted.
"""

from contextlib import closing

import psycopg
import pytest

from deploy.postgres import Cluster
from tests import pins
from tests.pooler import Pooler, count_pins

pytestmark = pytest.mark.own_session  # each test that wants a pooler has one of its own
PLANTED = {
    "set": ["set lock_timeout = '1s'", "SET SESSION statement_timeout TO 5", "reset all", "set role none"],
    "set_config": ["select set_config('lock_timeout', '1s', false)"],
    "prepare": ["prepare p as select 1; execute p; deallocate p"],
    "discard": ["discard plans"],
    "cursor": ["begin; declare c cursor for select 1; commit"],
    "listen": ["listen changes", "unlisten *", "notify changes", "select pg_notify('changes', '')"],
    "temporary": ["do $$ begin null; end $$; create temp table t (n int)",
                  "create or replace temporary view v as select 1"],
    "advisory lock": ["select pg_advisory_xact_lock(1)", "select pg_try_advisory_lock(1)"],
    "sequence": ["select nextval('events_event_position_seq')", "select lastval()"],
    "load": ["load 'plpgsql'"],
    "longer than 16 KB": [f"select length('{'x' * pins.TEXT_MAX}')"],
}  # fmt: skip
HARMLESS = [
    "update events_work set state = 'set role none' where id is null",
    "select 'discard; listen x', 1 as \"declare\" -- load it; set it",
    "select E'it\\'s; set x' /* ; set y */ , $body$; prepare z $body$",
    "begin; set local lock_timeout = '1s'; lock table events_limit in exclusive mode; commit",
    "begin; set transaction isolation level read committed; set constraints all deferred; commit",
    "insert into events_checkpoint (name, xid, position) values ('temp table', '0', 0) on conflict do nothing",
]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in PLANTED.items() for text in texts]
)
def test_each_kind_that_pins_is_known(kind: str, text: str) -> None:
    assert set(pins.pins(pins.Statement("payroll_app", "payroll", text))) == {kind}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_ends_with_its_transaction_does_not_pin(text: str) -> None:
    assert pins.pins(pins.Statement("payroll_app", "payroll", text)) == []


def test_what_is_planted_is_found_in_the_servers_own_log(db: Cluster, pooler: Pooler) -> None:
    sent = 0
    with closing(psycopg.connect(pooler.through(db).app_url, autocommit=True)) as client:
        for text in [*HARMLESS, *(text for texts in PLANTED.values() for text in texts)]:
            try:
                client.execute(text)
            except (
                psycopg.Error
            ) as error:  # temporary tables are not for this role; it was asked all the same
                assert error.sqlstate == "42501", error
            sent += 1
        client.execute("select %s::text", ["a value"], prepare=True)
        client.execute("select %s::text as other", ["a value that is not part of the text" * 1000])
        sent += 2
    found = count_pins(pooler)
    assert found.statements >= sent
    by_kind = {
        kind: sum(times for (of, _), times in found.pins.items() if of == kind) for kind, _ in found.pins
    }
    wanted = {kind: len(texts) for kind, texts in PLANTED.items()}
    assert by_kind == wanted | {"named statement": 1}, str(found)
    assert f"{sum(by_kind.values())} statements that pin of {found.statements:,}" in str(found)


def test_sessions_of_others_are_not_counted(db: Cluster, pooler: Pooler) -> None:
    with closing(psycopg.connect(db.owner_url, autocommit=True)) as owner:
        owner.execute("set lock_timeout = '1s'")
    assert count_pins(pooler) == pins.Counted(0, pins.Counter())
