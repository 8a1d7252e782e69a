"""Celery on SQS and on Redis, by real processes: whatever becomes of the messages, everybody is paid once.

The broker only rings. What is due stands in our own table, so a message that is lost, doubled, late or out of order
costs at most the time until the sweeper rings again, and a broker that hears nothing at all the time until the
supervisor replaces the workers, which look before they listen.
"""

import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from tests import brokers
from tests.mangler import Mangler, mangling

from . import payday, roster
from .conftest import NewPayday
from .payday import FOLLOW, START, Payday, kill

STOPPED_WITHIN_S = 15.0  # Celery takes its time to stop listening
IDS = "select id::text from events_work"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with brokers.ministack() as url:
        yield url


@pytest.fixture
def mangler(endpoint: str) -> Iterator[Mangler]:
    with mangling(endpoint) as proxy:
        yield proxy


def on_sqs(endpoint: str, **change: str) -> dict[str, str]:
    """What processes are given to meet each other at this endpoint, in queues of this test's own."""
    own = f"t{os.urandom(4).hex()}"
    return {
        **brokers.CREDENTIALS,
        "AWS_ENDPOINT_URL": endpoint,
        "PAYROLL_DOORBELL": "celery",
        "PAYROLL_BROKER_URL": "sqs://",
        "PAYROLL_QUEUE_PREFIX": own,
        **change,
    }


def with_queues(day: Payday) -> Payday:
    assert day.manage("queues", "create").wait(payday.LIMIT_S) == 0, day.said()
    return day


def purge(day: Payday, endpoint: str) -> None:
    """Empty every queue of this payday behind everybody's back."""
    client = brokers.client("sqs", endpoint)
    found = client.list_queues(QueueNamePrefix=day.environment["PAYROLL_QUEUE_PREFIX"])
    for url in found["QueueUrls"]:
        client.purge_queue(QueueUrl=url)


def paid(day: Payday, run: "subprocess.Popen[bytes]", owed: roster.Owed) -> None:
    """The run comes to its end, and everybody was paid once by the bank's own books."""
    assert day.finish(run, STOPPED_WITHIN_S)["complete"]
    day.assert_paid_once(owed)


def ids(day: Payday) -> set[str]:
    return {row[0] for row in day.query(IDS)}


@pytest.mark.parametrize("fate", ["double", "delay", "reorder"])
def test_every_message_is_mangled(
    new_payday: NewPayday, owed: roster.Owed, mangler: Mangler, fate: str
) -> None:
    mangler.fate = fate
    day = with_queues(new_payday(**on_sqs(mangler.url)))
    paid(day, day.start(), owed)
    assert mangler.counted[fate] > 20, "the messages did not come by here"
    assert mangler.carried() <= ids(day), "a message carried something that is no id"


def test_every_message_is_lost(new_payday: NewPayday, owed: roster.Owed, mangler: Mangler) -> None:
    mangler.fate = "drop"
    day = with_queues(new_payday(**on_sqs(mangler.url)))
    paid(day, day.start(), owed)
    assert mangler.counted["drop"] > 5


def test_the_queues_are_purged_in_the_middle(new_payday: NewPayday, owed: roster.Owed, endpoint: str) -> None:
    day = with_queues(new_payday(pace=0.02, **on_sqs(endpoint)))
    run = day.start()
    for events in (50, 400, 900):
        day.until_events(events)
        purge(day, endpoint)
    day.pace(0)
    paid(day, run, owed)


@pytest.mark.parametrize("broker", ["sqs", "redis"])
@pytest.mark.parametrize("whom", ["the child that computes", "the whole worker"])
def test_a_worker_is_killed_in_the_middle_of_a_batch(
    new_payday: NewPayday, owed: roster.Owed, broker: str, whom: str, request: pytest.FixtureRequest
) -> None:
    day = _on(broker, new_payday, request, pace=0.03)
    run = day.start()
    day.until_computing()
    held = day.until(day.held, "a worker holds a batch")[0]
    child = psutil.Process(held.pid)
    victims = [child] if whom.startswith("the child") else [child, child.parent()]
    killed_at = kill(*[victim for victim in victims if victim is not None])
    day.recovered(f"kill -9 of {whom} on {broker}", [held], killed_at)
    day.pace(0)
    paid(day, run, owed)


def test_a_worker_told_to_stop_hands_its_batch_back_at_once(
    new_payday: NewPayday, owed: roster.Owed, endpoint: str
) -> None:
    """Not when its lease runs out: the lease here is longer than the test may take."""
    day = with_queues(new_payday(pace=0.05, **on_sqs(endpoint, PAYROLL_LEASE_S="600", PAYROLL_STALL_S="600")))
    first = day.manage("worker", "--workers", "1", "--no-schedule")
    run = day.manage(*START, *FOLLOW)
    day.until_computing()
    told = day.until(day.held, "a worker holds a batch")
    first.send_signal(signal.SIGTERM)
    day.until(lambda: first.poll() is not None, "the worker ends", 30)
    assert not day.query("select 1 from events_work where state = 'leased'"), "it went without letting go"
    assert day.events() < 6 * len(owed), "there is something left to do"
    day.pace(0)
    second = day.manage("worker", "--workers", "1", "--no-schedule")
    paid(day, run, owed)
    second.terminate()
    assert told
    assert day.query("select coalesce(max(lost), 0) from events_work") == [(0,)]


def test_a_person_who_kills_workers_becomes_one_dead_letter(new_payday: NewPayday, endpoint: str) -> None:
    """Poison: the table counts the attempt at the claim, so no broker can repeat it for ever."""
    poisoned = {"PYTHONPATH": "tests/poison", "PAYROLL_TEST_POISON": "P0007"}
    day = with_queues(new_payday(**on_sqs(endpoint, **poisoned)))
    run = day.manage(*START, *FOLLOW, "--workers", "2")
    day.until(lambda: run.poll() is not None, "the run waits for a person", 120)
    letters = day.query("select kind, step, split_part(subject, '+', 2) from events_deadletter")
    assert letters == [("lost worker", "payroll-calc", "P0007")]
    finished = day.query("select count(*) from events_event where type = 'RetirementCalculated'")
    assert finished == [(roster.PEOPLE - 1,)], "everybody else was computed"


def test_on_redis_everybody_is_paid_once(
    new_payday: NewPayday, owed: roster.Owed, request: pytest.FixtureRequest
) -> None:
    day = _on("redis", new_payday, request)
    paid(day, day.start(), owed)


def test_beat_sends_the_ticks_and_workers_by_queue_do_the_rest(
    new_payday: NewPayday, owed: roster.Owed, endpoint: str
) -> None:
    """As it is deployed: beat, and workers that each serve their own queues and tick nothing themselves."""
    day = with_queues(new_payday(**on_sqs(endpoint)))
    day.manage("beat")
    day.manage("worker", "--workers", "1", "--queues", "control,employer-validation,push-payment,notify")
    day.manage("worker", "--workers", "1", "--queues", "time-entry,payroll-calc")
    day.manage("worker", "--workers", "1", "--queues", "tax-calc,retirement-calc")
    run = day.manage(*START, *FOLLOW)
    day.until_events(60)
    purge(day, endpoint)
    paid(day, run, owed)


def _on(broker: str, new_payday: NewPayday, request: pytest.FixtureRequest, pace: float = 0) -> Payday:
    if broker == "sqs":
        return with_queues(new_payday(pace, **on_sqs(request.getfixturevalue("endpoint"))))
    server = brokers.redis()
    url = server.__enter__()
    request.addfinalizer(lambda: server.__exit__(None, None, None))
    return new_payday(pace, PAYROLL_DOORBELL="celery", PAYROLL_BROKER_URL=url)
