"""The same payday with the taxes computed over SQS: requests by claim check, answers on the response queue."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from events import aws, responses, tokens
from events.answers import AnsweredOtherwise
from events.models import TaskToken
from tests import brokers
from tests.downstream.manners import Manners
from tests.downstream.sqs import Consumer, loader
from tests.saga import paydays
from tests.saga.asked import PEOPLE, everybody_is_right, roster, settle, until

pytestmark = pytest.mark.usefixtures("db")

REQUESTS, RESPONSES, DEAD = "tax", "payroll-task-tokens", "payroll-task-tokens-dlq"


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with brokers.ministack() as endpoint:
        yield endpoint


@pytest.fixture
def queues(emulator: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Any]:
    """The request and the response queue, empty; tax-calc is given away."""
    brokers.use(monkeypatch, emulator)
    client = brokers.client("sqs", emulator)
    dead = client.create_queue(QueueName=DEAD)["QueueUrl"]
    wanted = ["QueueArn"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=wanted)["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    client.create_queue(QueueName=REQUESTS)
    client.create_queue(QueueName=RESPONSES, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    settings.EVENTS_DOWNSTREAM = {"tax-calc": f"sqs:{REQUESTS}"}
    yield client
    for name in (REQUESTS, RESPONSES, DEAD):
        client.delete_queue(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"])
    client.close()


def found() -> tuple[Any, responses.Queue]:
    client = aws.client("sqs", read_s=15)
    return client, responses.find(client, RESPONSES)


def drained(client: Any, queue: responses.Queue) -> None:
    while responses.poll(client, queue, wait_s=0):
        pass


def asked(tmp_path: Path) -> dict[str, Any]:
    """One person was asked about; the message that went out."""
    one = paydays.salaried("ACME", "ann", "62400.00")
    paydays.load(tmp_path, [paydays.employer("ACME")], [one])
    paydays.open_run("ACME")
    paydays.work()
    client, _ = found()
    url = client.get_queue_url(QueueName=REQUESTS)["QueueUrl"]
    (message,) = client.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    body: dict[str, Any] = json.loads(message["Body"])
    return body


def say(client: Any, queue: responses.Queue, body: Any) -> None:
    client.send_message(QueueUrl=queue.url, MessageBody=body if isinstance(body, str) else json.dumps(body))


@pytest.mark.parametrize("pack", [1, 7])
def test_a_payday_over_sqs_is_the_same_to_the_cent(queues: Any, tmp_path: Path, pack: int) -> None:
    paydays.load(tmp_path, *roster())
    paydays.open_run("ACME", "BOLT")
    how = Manners(double=20, wrong=30)
    consumer = Consumer(REQUESTS, RESPONSES, loader(str(django_settings.PAYROLL_OBJECTS)), how, pack=pack)
    stop = threading.Event()
    threads = [
        threading.Thread(target=consumer.run, args=[stop]),
        threading.Thread(target=responses.serve, args=[RESPONSES, stop]),
    ]
    for thread in threads:
        thread.start()
    try:
        settle()
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        consumer.close()
    everybody_is_right()
    assert TaskToken.objects.filter(state="succeeded").count() == PEOPLE


def test_a_message_carries_ids_and_no_pay(queues: Any, tmp_path: Path) -> None:
    body = asked(tmp_path)
    assert body.keys() == {"id", "step", "run", "object", "sha256", "tasks"}
    assert [task.keys() for task in body["tasks"]] == [{"task", "token", "number"}]
    held = json.loads(loader(str(django_settings.PAYROLL_OBJECTS))(body["object"]))
    assert held.keys() == {"step", "run", "terms", "inputs"}
    assert body["tasks"][0]["token"] not in json.dumps(held), "who reads the object cannot answer"
    assert "pay_to" not in json.dumps(held)


def test_answers_may_come_in_lists_and_twice(queues: Any, tmp_path: Path) -> None:
    (task,) = asked(tmp_path)["tasks"]
    client, queue = found()
    no = {"token": task["token"], "outcome": "failure", "error": "no tables", "retryable": False}
    alive = {"token": task["token"], "outcome": "heartbeat"}
    say(client, queue, [alive, no])
    say(client, queue, no)
    drained(client, queue)
    settle()
    assert paydays.letter().reason == "the downstream system for tax-calc says: no tables"
    with pytest.raises(AnsweredOtherwise):
        tokens.fail(task["token"], "another reason")
    say(client, queue, {**no, "error": "another reason"})
    drained(client, queue)
    assert depth(client, RESPONSES) == 0 == depth(client, DEAD), (
        "a verdict that is final is not asked for again"
    )


USELESS = [
    "no json",
    "[]",
    "{}",
    "[[1]]",
    '{"token": 1, "outcome": "success", "output": {}}',
    '{"token": "x", "outcome": "success", "output": {}}',
    '{"token": "TOKEN", "outcome": "success", "output": {"a": NaN}}',
    '{"token": "TOKEN", "outcome": "success", "output": {}}',
    '{"token": "TOKEN", "outcome": "perhaps"}',
    '{"token": "TOKEN", "outcome": "heartbeat", "more": 1}',
    "[" * 100_000,
]


@pytest.mark.parametrize("body", USELESS, ids=range(len(USELESS)))
def test_what_is_useless_goes_to_the_dead_letter_queue_and_holds_up_nobody(
    queues: Any, tmp_path: Path, body: str, caplog: Any
) -> None:
    (task,) = asked(tmp_path)["tasks"]
    client, queue = found()
    say(client, queue, body.replace("TOKEN", task["token"]))

    def moved() -> bool:
        responses.poll(client, queue, wait_s=0)
        return depth(client, DEAD) == 1 and depth(client, RESPONSES) == 0

    until(moved, "the message was in the dead-letter queue")
    say(client, queue, {"token": task["token"], "outcome": "failure", "error": "no", "retryable": False})
    drained(client, queue)
    assert TaskToken.objects.get().state == "failed"
    said = " ".join(record.getMessage() for record in caplog.records)
    assert task["token"] not in said and "left to the dead-letter queue" in said


def test_without_a_dead_letter_queue_what_is_useless_is_deleted(queues: Any) -> None:
    client, queue = found()
    say(client, queue, "no json")
    assert responses.poll(client, queue._replace(redrives=False), wait_s=5) == 1
    assert depth(client, RESPONSES) == 0


def test_the_command_stops_when_it_is_told_and_says_what_is_missing(queues: Any) -> None:
    command = [sys.executable, "manage.py", "answers", "--threads", "2"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "deploy.settings"}
    wrong = subprocess.run(
        [*command, "--queue", "nowhere"], env=environment, capture_output=True, text=True, check=False
    )
    assert (
        wrong.returncode == 1
        and "manage.py queues create" in wrong.stderr
        and "Traceback" not in wrong.stderr
    )
    client, queue = found()
    running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        say(client, queue, {"token": "x" * 43, "outcome": "heartbeat"})
        until(lambda: depth(client, DEAD) == 1, "it had looked at the message")
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=30)
        assert running.returncode == 0, said
    finally:
        running.kill()


def depth(client: Any, name: str) -> int:
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(
        map(int, client.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"].values())
    )
