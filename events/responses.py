"""Answers from the response queue of SQS: polled, taken ten messages at a time, deleted after the commit.

A message is one answer, or a list of them (answers.from_message). It may come twice: the same answer again changes
nothing. What nobody will ever be able to use, such as no JSON, no answer, or a token that we do not know, is logged
without its contents. It stays in a queue with a redrive policy, which takes it to the dead-letter queue, where whoever
runs the downstream finds it; without such a policy it would go round for days, so it is deleted.
"""

import json
import logging
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from events import answers, aws, tokens
from events.answers import Answer, AnsweredOtherwise, NotAnAnswer, TooLate
from events.database import DATABASE_LOST, reconnect

log = logging.getLogger(__name__)

MESSAGES = 10  # what SQS gives and deletes at a time
LONG_POLL_S = 5
READ_S = LONG_POLL_S + 10.0
PAUSE_S, PAUSE_MAX_S = 1.0, 30.0
ANSWERS_MAX = 100  # in one message
FINAL = (TooLate, AnsweredOtherwise)  # another try would end the same way, and it is on record


class NoQueue(Exception):
    """There is no such queue, or we may not read it."""


class Queue(NamedTuple):
    """The response queue; `redrives` tells whether it has a dead-letter queue."""

    url: str
    redrives: bool


def find(client: Any, name: str) -> Queue:
    """The queue of this name. Raises NoQueue."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        wanted = ["RedrivePolicy"]
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=wanted).get("Attributes", {})
    except (ClientError, BotoCoreError) as lost:
        raise NoQueue(f"the response queue {name} cannot be read: {type(lost).__name__}") from None
    return Queue(url, bool(found.get("RedrivePolicy")))


def serve(name: str, stop: threading.Event, *, threads: int = 1) -> None:
    """Take answers from a queue until `stop` is set; what is in hand then is finished.

    raises   NoQueue at the start; later on a queue that does not answer is asked again
    """
    queue = find(_client(), name)
    others = [threading.Thread(target=_serve, args=[queue, stop]) for _ in range(threads - 1)]
    for other in others:
        other.start()
    _serve(queue, stop)
    for other in others:
        other.join()


def poll(client: Any, queue: Queue, *, wait_s: int = LONG_POLL_S) -> int:
    """Take the next messages; how many there were. Raises what SQS and a lost database raise, and deletes nothing."""
    received = client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=MESSAGES, WaitTimeSeconds=wait_s
    )
    messages: Sequence[dict[str, Any]] = received.get("Messages", ())
    read = [_read(message) for message in messages]
    given = [answer for each in read for answer in each or ()]
    verdicts = iter(tokens.take(given) if given else ())
    done: list[dict[str, str]] = []
    for message, each in zip(messages, read, strict=True):
        wrong = [verdict for _, verdict in zip(each or (), verdicts, strict=False) if verdict is not None]
        useless = each is None or any(not isinstance(verdict, FINAL) for verdict in wrong)
        if useless:
            why = ", ".join(sorted({type(verdict).__name__ for verdict in wrong})) or "NotAnAnswer"
            fate = "left to the dead-letter queue" if queue.redrives else "deleted"
            log.error("message %s of the response queue is %s: %s", message["MessageId"], fate, why)
        if not useless or not queue.redrives:
            done.append({"Id": str(len(done)), "ReceiptHandle": message["ReceiptHandle"]})
    if done:  # one that is not deleted comes again, and changes nothing
        client.delete_message_batch(QueueUrl=queue.url, Entries=done)
    return len(messages)


def _serve(queue: Queue, stop: threading.Event) -> None:
    client, pause_s = _client(), PAUSE_S
    try:
        while not stop.is_set():
            try:
                poll(client, queue)
                pause_s = PAUSE_S
            except DATABASE_LOST:
                log.warning("the database went away: the answers in hand come again")
                reconnect()
            except Exception as error:
                log.error("the response queue is asked again in %.0f s: %s", pause_s, type(error).__name__)
                stop.wait(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
    finally:
        connection.close()


def _client() -> Any:
    return aws.client("sqs", read_s=READ_S)


def _read(message: dict[str, Any]) -> list[Answer] | None:
    """The answers of a message; None when it is not made of answers."""
    try:
        body = json.loads(message["Body"])
        several = body if isinstance(body, list) else [body]
        if not 0 < len(several) <= ANSWERS_MAX:
            return None
        return [answers.from_message(each) for each in several]
    except (ValueError, RecursionError, NotAnAnswer):
        return None
