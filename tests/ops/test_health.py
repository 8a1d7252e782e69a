"""What is wrong with the machinery is said in a sentence, and nothing is when all is well."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from events import limits, outbox, projection, ticks
from ops import health
from tests.kernel.scene import claim, new, put, sql

pytestmark = pytest.mark.usefixtures("db")

OLD = "clock_timestamp() - interval '10 minutes'"


def said() -> list[str]:
    return list(health.troubles())


def test_nothing_is_wrong_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    put(new(queue="tax-calc"))
    assert said() == []
    call_command("health", "--json")
    assert json.loads(capsys.readouterr().out) == {"troubles": []}


def test_work_that_nobody_takes_is_named_by_its_queue() -> None:
    put(new(queue="tax-calc"), new(queue="control"))
    sql(f"update events_work set available_at = {OLD} where queue = 'tax-calc'")  # noqa: S608
    (trouble,) = said()
    assert trouble.startswith("work has been due in tax-calc for 60")
    with pytest.raises(CommandError):
        call_command("health")


def test_work_of_a_run_that_somebody_holds_back_is_no_trouble() -> None:
    put(new("ACME", run="r1", queue="tax-calc"))
    sql(f"update events_work set available_at = {OLD}")  # noqa: S608
    limits.change("run:r1", dead_max=1000)
    assert len(said()) == 1, "this limit holds nothing back"
    limits.change("run:r1", paused=True)
    assert said() == []


def test_leases_that_nobody_sweeps() -> None:
    put(new())
    claim()
    sql(f"update events_work set lease_until = {OLD}")  # noqa: S608
    (trouble,) = said()
    assert "nobody sweeps" in trouble
    ticks.sweep()
    assert said() == []


def test_read_models_that_do_not_follow() -> None:
    ticks.fold()
    sql(
        "insert into events_event (stream, version, type, data, recorded_at)"  # noqa: S608
        f" values ('payrun-{uuid4()}', 1, 'PayRunOpened', '{{}}', {OLD})"
    )
    assert [trouble.split(" is ")[0] for trouble in said()] == [
        *(model.name for model in projection.PROJECTIONS),
        outbox.NAME,
    ]


@pytest.mark.parametrize(
    ("column", "words"), [("given_up_at", "were given up"), ("due_at", "deliveries are late")]
)
def test_deliveries_that_do_not_arrive(column: str, words: str) -> None:
    publication = str(uuid4())
    sql(
        "insert into events_publication (id, topic, subject, attributes, body, recorded_at)"
        " values (%s, 't', 's', '{}', '{}', clock_timestamp())",
        publication,
    )
    sql(
        "insert into events_delivery (id, publication_id, subscriber, attempts, due_at, error)"
        " values (%s, %s, 'x', 1, clock_timestamp(), '')",
        str(uuid4()),
        publication,
    )
    assert said() == []
    sql(f"update events_delivery set {column} = {OLD}")  # noqa: S608
    (trouble,) = said()
    assert words in trouble


def test_the_tick_says_it_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    put(new(queue="notify"))
    sql(f"update events_work set available_at = {OLD}")  # noqa: S608
    ticks.run("health")
    assert "due in notify" in caplog.text


def test_a_tick_that_fails_keeps_no_other_from_its_turn(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EVENTS_TICKS = {
        "broken": ("tests.ops.test_health.broken", 60),
        "health": ("ops.health.watch", 60),
    }
    put(new(queue="notify"))
    sql(f"update events_work set available_at = {OLD}")  # noqa: S608
    clock = ticks.Clock(["broken", "health"])
    clock.run()
    assert "the tick broken failed: ZeroDivisionError" in caplog.text
    assert caplog.text.count("due in notify") == 1
    clock.run()
    assert caplog.text.count("due in notify") == 1, "it is not due again"


def broken() -> None:
    raise ZeroDivisionError
