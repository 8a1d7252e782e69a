"""Celery as a doorbell: what its messages carry, which queues they go to, and the settings that it is held to."""

import base64
import gc
import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from events import aws, doorbells, runner, saga, ticks, work
from events import queues as sqs
from events.doorbells import celery, checks
from events.models import Work
from tests import brokers
from tests.kernel import toy
from tests.kernel.scene import all_due, claim, finished, new, put, row, run_all

pytestmark = pytest.mark.usefixtures("toys")

SECRET = "123-45-6789"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with brokers.ministack() as url:
        yield url


@pytest.fixture
def queues(endpoint: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Queues of this test's own, created; yields a client that looks into them."""
    brokers.use(monkeypatch, endpoint)
    settings.EVENTS_DOORBELL = "celery"
    settings.EVENTS_BROKER_URL = "sqs://"
    settings.EVENTS_QUEUE_PREFIX = f"t{uuid4().hex[:8]}"
    _forget()
    sqs.create()
    yield brokers.client("sqs", endpoint)
    _forget()


def _forget() -> None:
    """Let the next call connect anew, with the settings of now."""
    celery.app.cache_clear()
    aws._client.cache_clear()


def messages(client: Any, queue: str) -> list[dict[str, Any]]:
    """What waits in a queue, taken out of it: the decoded body and the group."""
    found = []
    while True:
        received = client.receive_message(
            QueueUrl=sqs.url(sqs.name(queue)),
            MaxNumberOfMessages=10,
            AttributeNames=["All"],
            WaitTimeSeconds=0,
        ).get("Messages", [])
        if not received:
            return found
        for message in received:
            client.delete_message(QueueUrl=sqs.url(sqs.name(queue)), ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(base64.b64decode(message["Body"]))
            found.append({**body, "group": message["Attributes"].get("MessageGroupId")})


def rung_for(client: Any, queue: str) -> list[str]:
    """The ids that the rings in a queue carry."""
    return [arguments(message)[0][0] for message in messages(client, queue)]


def arguments(message: dict[str, Any]) -> list[Any]:
    """Celery's own encoding: positional, by name, and what to do with the result."""
    decoded: list[Any] = json.loads(base64.b64decode(message["body"]))
    return decoded


# What a ring is


def test_a_ring_goes_to_the_queue_of_its_work_under_its_group_and_carries_the_id(queues: Any) -> None:
    tax, control = new("ACME", queue="tax-calc"), new("ZENITH", queue="control")
    put(tax, control)
    doorbells.ring([tax.id, control.id])
    for queue, one, group in (("tax-calc", tax, "ACME"), ("control", control, "ZENITH")):
        (message,) = messages(queues, queue)
        assert arguments(message)[:2] == [[str(one.id)], {}]
        assert message["group"] == group
        assert message["headers"]["task"] == "events.ring"
        assert message["content-type"] == "application/json"


def test_no_ring_of_a_whole_run_carries_more_than_an_id(queues: Any) -> None:
    toy.FAULTS["tax-calc", 1] = toy.raising(ValueError(SECRET))
    put(toy.errand((0, 3), (3, 5)))
    while runner.run_due(hop=True):
        all_due()
    ids = {str(one) for one in Work.objects.values_list("id", flat=True)}
    sent = [message for queue in saga.queues() for message in messages(queues, queue)]
    assert len(sent) > len(toy.NAMES)
    for message in sent:
        (carried,), by_name, after = arguments(message)
        assert carried in ids
        assert not by_name
        assert not any(after.values())
        assert SECRET not in json.dumps(message)
        said = {name: value for name, value in message["headers"].items() if value is not None}
        assert set(said) <= {
            *("lang", "task", "id", "root_id", "retries", "timelimit", "argsrepr", "kwargsrepr", "origin"),
            *("ignore_result", "replaced_task_nesting", "stamps", "stamped_headers"),
        }


def test_only_what_can_be_claimed_now_is_rung_for(queues: Any) -> None:
    ready, later, held, gone = new(queue="control"), new(queue="control", delay_s=60), new(), uuid4()
    put(held)
    claim()
    put(ready, later)
    doorbells.ring([ready.id, later.id, held.id, gone])
    assert rung_for(queues, "control") == [str(ready.id)]


def test_the_sweeper_rings_where_no_ring_waits_and_nowhere_else(queues: Any) -> None:
    tax, control = new(queue="tax-calc"), new(queue="control")
    put(tax, control)
    doorbells.ring([tax.id])
    ticks.sweep()
    assert rung_for(queues, "tax-calc") == [str(tax.id)], "a ring for it was waiting"
    assert rung_for(queues, "control") == [str(control.id)], "nobody had rung for it"
    for queue in ("tax-calc", "control"):
        queues.purge_queue(QueueUrl=sqs.url(sqs.name(queue)))
    ticks.sweep()
    assert rung_for(queues, "tax-calc") == [str(tax.id)], "its ring was purged"
    assert rung_for(queues, "control") == [str(control.id)]


def test_the_sweeper_rings_for_every_queue_that_has_something_due(queues: Any) -> None:
    flood = [new(queue="time-entry", turn=0) for _ in range(50)]
    put(*flood, new(queue="notify", turn=9))
    ticks.sweep()
    assert len(rung_for(queues, "time-entry")) <= ticks.RINGS_PER_QUEUE
    assert len(rung_for(queues, "notify")) == 1


def test_a_parent_is_rung_for_when_its_last_child_has_finished(queues: Any) -> None:
    errand = toy.errand((0, 2), (2, 4))
    put(errand)
    runner.run_due(queues=["control"])
    assert rung_for(queues, "control") == []
    runner.run_due(queues=toy.NAMES)
    assert (row(errand.id)["step"], row(errand.id)["state"]) == ("sum", "ready")
    assert rung_for(queues, "control") == [str(errand.id)]


def test_a_ring_without_its_queue_undoes_no_work(
    queues: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EVENTS_QUEUE_PREFIX = "nobody-made-these"
    _forget()
    put(toy.errand((0, 2)))
    run_all()
    assert finished(0, 1)
    assert "could not ring for" in caplog.text


@pytest.mark.parametrize(
    ("group", "sent"), [("ACME", "ACME"), ("", "-"), ("a b\u00e9\n", "a_b__"), ("x" * 200, "x" * 128)]
)
def test_any_group_has_a_name_that_sqs_takes(group: str, sent: str) -> None:
    assert celery.message_group(group) == sent


def test_nothing_is_sent_for_later(queues: Any) -> None:
    task = celery.app().tasks["events.ring"]
    for later in ({"countdown": 1}, {"eta": "2026-12-01T00:00:00Z"}):
        with pytest.raises(ValueError, match="no countdown and no eta"):
            task.apply_async([str(uuid4())], **later)
    assert not messages(queues, "control")


def test_one_client_rings_for_every_queue(queues: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs a tenth of a second and stays in the memory of every process that a worker forks."""
    celery.app()
    made: list[Any] = []
    make = boto3.session.Session.client

    def counted(session: Any, *args: Any, **options: Any) -> Any:
        made.append(make(session, *args, **options))
        return made[-1]

    monkeypatch.setattr(boto3.session.Session, "client", counted)
    works = [new(queue=name) for name in toy.NAMES]
    put(*works)
    celery.ring([one.id for one in works])
    assert [rung_for(queues, name) for name in toy.NAMES] == [[str(one.id)] for one in works]
    ours = [one for one in made if one is not queues]
    assert len(ours) == 1
    config = ours[0].meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 25), "a ring must not block, and a poll may"
    assert config.retries["total_max_attempts"] == 2


def test_what_is_loaded_before_the_fork_is_not_walked_through_by_the_collections_of_the_children(
    queues: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[int] = []

    class Worker:
        def __init__(self, **options: Any) -> None:
            pass

        def start(self) -> None:
            frozen.append(gc.get_freeze_count())

    monkeypatch.setattr(celery, "_look_first", lambda: None)
    monkeypatch.setattr(celery, "forks_die_with_us", lambda: None)
    monkeypatch.setattr(celery.app(), "Worker", Worker)
    try:
        celery.serve(1, ["tax-calc"])
    finally:
        gc.unfreeze()
    assert frozen[0] > 10_000


# Answering


def test_a_batch_hops_where_the_queue_changes_and_runs_on_where_it_does_not(queues: Any) -> None:
    """Each queue can be scaled by itself, though one worker may serve them all."""
    batch = toy.batch(0, 3)
    put(batch)
    stood = []
    while runner.run_due(queues=[*toy.NAMES], hop=True, budget_s=0.0001):
        stood.append((row(batch.id)["step"], row(batch.id)["state"]))
    assert stood == [*((name, "ready") for name in toy.NAMES[1:]), (toy.NAMES[-1], "done")]
    together = toy.batch(3, 6)
    put(together)
    assert runner.run_due(queues=[*toy.NAMES]) == 1
    assert finished(*range(6))


def test_an_answer_works_through_the_queues_of_its_worker_and_no_others(
    queues: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "_serves", ["time-entry", "payroll-calc"])
    batch = toy.batch(0, 3)
    put(batch)
    for forged in (str(uuid4()), "", "' or 1=1 --", "\x00"):
        celery.answer(forged)
    assert (row(batch.id)["step"], row(batch.id)["state"]) == ("tax-calc", "ready")


# Settings


def good() -> dict[str, Any]:
    return {**celery.CONFIG}


def said(**change: Any) -> list[str]:
    conf = {**good(), **change.pop("conf", {})}
    arguments = {
        "visibility_s": sqs.RING_VISIBILITY_S,
        "step_timeout_s": celery.STEP_TIMEOUT_S,
        "remapped": "SIGQUIT",
    }
    return [error.id for error in checks.findings(conf, **{**arguments, **change})]


def test_the_settings_as_they_are_pass(queues: Any) -> None:
    assert said() == []
    assert checks.check() == []


@pytest.mark.parametrize("name", checks.MUST_BE)
def test_each_setting_is_held_to(name: str) -> None:
    wanted, _ = checks.MUST_BE[name]
    other = {"True": False, "False": True, "1": 4, "json": "pickle", "None": "rpc://", "['json']": ["pickle"]}
    changed = other[str(wanted)]
    assert said(conf={name: changed}) == ["events.E001"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"step_timeout_s": celery.TIME_LIMIT_S}, "events.E002"),
        ({"visibility_s": 2 * celery.TIME_LIMIT_S - 1}, "events.E003"),
        ({"conf": {"worker_soft_shutdown_timeout": 0}}, "events.E004"),
        ({"conf": {"worker_soft_shutdown_timeout": 120}}, "events.E004"),
        ({"remapped": ""}, "events.E005"),
    ],
)
def test_times_that_do_not_fit_each_other_are_found(change: dict[str, Any], found: str) -> None:
    assert said(**change) == [found]


def test_a_setting_that_is_overridden_is_found(queues: Any, settings: Any) -> None:
    settings.EVENTS_CELERY = {"task_acks_late": False}
    (error,) = checks.check()
    assert "task_acks_late is False" in error.msg
    settings.EVENTS_DOORBELL = "polling"
    assert checks.check() == [], "it does not matter to other doorbells"


def test_the_application_runs_with_the_settings_that_were_checked(queues: Any) -> None:
    conf = celery.app().conf
    assert {name: conf[name] for name in checks.MUST_BE} == {
        name: wanted for name, (wanted, _) in checks.MUST_BE.items()
    }
    assert conf.broker_transport_options["polling_interval"] <= 0.1


def test_every_tick_is_in_the_schedule_of_beat(queues: Any, settings: Any) -> None:
    schedule = celery.app().conf.beat_schedule
    assert {name: (one["args"], one["schedule"]) for name, one in schedule.items()} == {
        name: ([name], every_s) for name, (_, every_s) in settings.EVENTS_TICKS.items()
    }
    assert {one["options"]["queue"] for one in schedule.values()} == {"control"}


# The queues


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    call_command("queues", "show", "--json")
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)["queues"]}


def test_every_queue_has_a_dead_letter_queue_behind_it(queues: Any, settings: Any) -> None:
    for queue in saga.queues():
        found = queues.get_queue_attributes(QueueUrl=sqs.url(sqs.name(queue)), AttributeNames=["All"])[
            "Attributes"
        ]
        policy = json.loads(found["RedrivePolicy"])
        assert policy["deadLetterTargetArn"].endswith(f":{settings.EVENTS_QUEUE_PREFIX}-{queue}-dlq")
        assert int(policy["maxReceiveCount"]) == 5
        assert int(found["VisibilityTimeout"]) >= 2 * celery.TIME_LIMIT_S


def test_show_tells_depth_and_what_differs_and_create_mends_it(
    queues: Any, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    put(one := new(queue="tax-calc"))
    doorbells.ring([one.id])
    tax = f"{settings.EVENTS_QUEUE_PREFIX}-tax-calc"
    queues.set_queue_attributes(
        QueueUrl=sqs.url(sqs.name("tax-calc")), Attributes={"VisibilityTimeout": "30"}
    )
    found = shown(capsys)
    assert found[tax]["waiting"] == 1
    assert found[tax]["differs"] == {"VisibilityTimeout": ["30", str(sqs.RING_VISIBILITY_S)]}
    assert not any(each["differs"] for name, each in found.items() if name != tax)
    call_command("queues", "create")
    capsys.readouterr()
    assert not shown(capsys)[tax]["differs"]
    assert rung_for(queues, "tax-calc") == [str(one.id)], "creating again loses nothing"


def test_queues_that_are_not_there_are_asked_for_by_name(queues: Any, settings: Any) -> None:
    settings.EVENTS_QUEUE_PREFIX = "absent"
    with pytest.raises(CommandError, match=r"no queue absent-control: run `manage.py queues create`"):
        call_command("queues", "show")


def test_an_endpoint_that_does_not_answer_is_named(queues: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{brokers.free_port()}")
    with pytest.raises(CommandError, match="the queues do not answer"):
        call_command("queues", "show")


def test_what_only_celery_has_is_refused_elsewhere(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.EVENTS_DOORBELL = "polling"
    with pytest.raises(CommandError, match="only celery has a beat"):
        call_command("beat")
    call_command("queues", "create")
    assert "no queue has to be created" in capsys.readouterr().out


def test_the_response_queue_is_made_whatever_the_doorbell(
    queues: Any, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer whose reader died has to come again long before its token expires."""
    settings.EVENTS_DOORBELL = "polling"
    settings.EVENTS_RESPONSE_QUEUE = f"{settings.EVENTS_QUEUE_PREFIX}-task-tokens"
    settings.EVENTS_DOWNSTREAM = {"tax-calc": "sqs:requests"}
    call_command("queues", "create")
    capsys.readouterr()
    assert list(shown(capsys)) == [settings.EVENTS_RESPONSE_QUEUE]
    found = queues.get_queue_attributes(
        QueueUrl=sqs.url(settings.EVENTS_RESPONSE_QUEUE), AttributeNames=["All"]
    )["Attributes"]
    assert int(found["VisibilityTimeout"]) <= 60


@pytest.mark.parametrize("name", checks.MUST_NOT_BE_SET)
def test_what_celery_would_follow_instead_is_found(
    queues: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "redis://elsewhere/0")
    (error,) = checks.check()
    assert (error.id, name in error.msg) == ("events.E006", True)


@pytest.mark.parametrize(
    ("url", "endpoint", "key"),
    [
        ("sqs://", None, None),
        ("sqs://a:b%2Fc@127.0.0.1:4566", "http://127.0.0.1:4566", ("a", "b/c")),
        ("sqs://sqs.eu-west-1.amazonaws.com:443", "https://sqs.eu-west-1.amazonaws.com:443", None),
    ],
)
def test_a_broker_url_with_a_place_in_it_says_it_to_everybody(
    monkeypatch: pytest.MonkeyPatch, url: str, endpoint: str | None, key: Any
) -> None:
    from deploy.settings import broker

    names = ("AWS_ENDPOINT_URL_SQS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in names:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    assert broker(url, "celery") == "sqs://"
    found = [os.environ.get(name) for name in names]
    assert found == [endpoint, *(key or (None, None))]


def test_ringing_at_a_broker_that_says_nothing_ends(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen Redis must not hold up an approval that has just committed."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings.EVENTS_DOORBELL = "celery"
        settings.EVENTS_BROKER_URL = f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"
        monkeypatch.setattr(celery, "READ_S", 0.5)
        _forget()
        put(one := new(queue="control"))
        began = time.monotonic()
        doorbells.ring([one.id])
        assert time.monotonic() - began < 10
        _forget()


def test_a_worker_refuses_a_queue_that_no_step_has(settings: Any) -> None:
    with pytest.raises(CommandError, match="no step has the queue tax-clac"):
        call_command("worker", "--queues", "time-entry,tax-clac")


# Redis


def test_on_redis_the_same_rings(settings: Any) -> None:
    with brokers.redis() as url:
        settings.EVENTS_DOORBELL = "celery"
        settings.EVENTS_BROKER_URL = url
        settings.EVENTS_QUEUE_PREFIX = "t"
        _forget()
        try:
            put(one := new(queue="tax-calc"), new(queue="control"))
            doorbells.ring([one.id])
            assert celery.depths()["tax-calc"] == 1
            ticks.sweep()
            assert {name: depth for name, depth in celery.depths().items() if depth} == {
                "tax-calc": 1,
                "control": 1,
            }
        finally:
            celery.app().close()
            _forget()


def test_rings_are_dropped_with_their_transaction(queues: Any) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        work.enqueue([one := new(queue="control")])
        doorbells.ring([one.id])
        raise KeyError
    all_due()
    assert not rung_for(queues, "control")
