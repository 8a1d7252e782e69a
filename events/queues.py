"""The queues on SQS that are ours, each with a dead-letter queue behind it.

One for each queue that a step has, when SQS is the broker: what ends in its dead-letter queue is a ring that could not
be answered, and not a piece of work. That is in the table, and its dead letters too. And one for the answers of
downstream systems, when one of them is asked over SQS: what ends behind it is no answer, or one that nobody waits for.
"""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from events import aws, saga

log = logging.getLogger(__name__)

DAY_S = 24 * 3600
RING_VISIBILITY_S = (
    720  # while it is answered it must not come again: twice the time limit of Celery, and more
)
ANSWER_VISIBILITY_S = 60  # an answer whose reader died is to come again long before its token expires
RECEIVES_MAX = 5  # deliveries of a message before it goes to the dead-letter queue
MISSING = ("NonExistentQueue", "QueueDoesNotExist")  # by the older and the newer protocol


class QueueMissing(Exception):
    """A queue is not there: `manage.py queues create` makes it."""


class Queue(NamedTuple):
    """One queue as it should be; times in seconds."""

    name: str
    visibility_s: int
    retention_s: int

    @property
    def dlq(self) -> str:
        """The name of its dead-letter queue."""
        return f"{self.name}-dlq"


class Depth(NamedTuple):
    """One queue as it is now, and what about it is not as it should be."""

    name: str
    waiting: int
    in_flight: int
    oldest_s: int | None  # age of the oldest message; None where CloudWatch does not tell
    dead: int
    differs: dict[str, list[str]]  # attribute: [is, should be]


def rings_on_sqs() -> bool:
    """Whether SQS carries the rings."""
    return settings.EVENTS_DOORBELL == "celery" and str(settings.EVENTS_BROKER_URL).startswith("sqs:")


def answers_on_sqs() -> bool:
    """Whether some downstream system is asked over SQS, and answers there."""
    return any(url.startswith("sqs:") for url in settings.EVENTS_DOWNSTREAM.values())


def ours() -> list[Queue]:
    """The queues that have to be there, as things are configured."""
    rings = [Queue(name(queue), RING_VISIBILITY_S, DAY_S) for queue in saga.queues()]
    answers = [Queue(settings.EVENTS_RESPONSE_QUEUE, ANSWER_VISIBILITY_S, 4 * DAY_S)]
    return [*(rings if rings_on_sqs() else []), *(answers if answers_on_sqs() else [])]


def name(queue: str) -> str:
    """What a step's queue is called on SQS."""
    return f"{settings.EVENTS_QUEUE_PREFIX}-{queue}"


def url(queue_name: str) -> str:
    """The URL of a queue. Raises QueueMissing."""
    found = _url(queue_name)
    if found is None:
        raise QueueMissing(f"there is no queue {queue_name}: run `manage.py queues create` first")
    return found


def create() -> list[str]:
    """Create every queue with its dead-letter queue, or bring the attributes of those that are there in line.

    returns   the names of the queues
    """
    for queue in ours():
        dead = _ensure(queue.dlq, _dlq_attributes())
        _ensure(queue.name, _attributes(queue, _arn(dead)))
    return [queue.name for queue in ours()]


def show() -> Iterator[Depth]:
    """Every queue as it is now. Raises QueueMissing."""
    for queue in ours():
        found, dead = _read(url(queue.name)), _url(queue.dlq)
        behind = _read(dead) if dead else {}
        wanted = _attributes(queue, _arn(dead) if dead else "missing")
        yield Depth(
            name=queue.name,
            waiting=int(found["ApproximateNumberOfMessages"]),
            in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
            oldest_s=_oldest_s(queue.name),
            dead=int(behind.get("ApproximateNumberOfMessages", 0)),
            differs={**_differences(found, wanted), **_differences(behind, _dlq_attributes(), "dlq ")},
        )


def _attributes(queue: Queue, dlq_arn: str) -> dict[str, str]:
    policy = {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": RECEIVES_MAX}
    return {
        "VisibilityTimeout": str(queue.visibility_s),
        "MessageRetentionPeriod": str(queue.retention_s),
        "ReceiveMessageWaitTimeSeconds": "20",
        "RedrivePolicy": json.dumps(policy),
        "SqsManagedSseEnabled": "true",
    }


def _dlq_attributes() -> dict[str, str]:
    return {"MessageRetentionPeriod": str(14 * DAY_S), "SqsManagedSseEnabled": "true"}


def _ensure(queue_name: str, attributes: dict[str, str]) -> str:
    found = _url(queue_name)
    if found is None:
        return str(_sqs().create_queue(QueueName=queue_name, Attributes=attributes)["QueueUrl"])
    _sqs().set_queue_attributes(QueueUrl=found, Attributes=attributes)
    return found


def _url(queue_name: str) -> str | None:
    try:
        return str(_sqs().get_queue_url(QueueName=queue_name)["QueueUrl"])
    except ClientError as error:
        if error.response["Error"]["Code"].endswith(MISSING):
            return None
        raise


def _read(queue_url: str) -> dict[str, str]:
    found = _sqs().get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return dict(found.get("Attributes", {}))


def _oldest_s(queue_name: str) -> int | None:
    """Seconds that the oldest message has waited, as CloudWatch measured it last."""
    now = datetime.now(UTC)
    try:
        found = aws.client("cloudwatch", read_s=5, tries_max=1).get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": queue_name}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
    except (BotoCoreError, ClientError) as error:
        log.warning("CloudWatch does not tell the age of messages: %s", type(error).__name__)
        return None
    points = sorted(found["Datapoints"], key=lambda point: point["Timestamp"])
    return int(points[-1]["Maximum"]) if points else None


def _arn(queue_url: str) -> str:
    return _read(queue_url)["QueueArn"]


def _differences(found: dict[str, str], wanted: dict[str, str], prefix: str = "") -> dict[str, list[str]]:
    """What is not as it should be; JSON is compared by what it says."""
    return {
        prefix + key: [found.get(key, "missing"), value]
        for key, value in wanted.items()
        if _meaning(found.get(key)) != _meaning(value)
    }


def _meaning(value: str | None) -> Any:
    try:
        found = json.loads(value or "null")
    except ValueError:
        return value
    return {key: str(part) for key, part in found.items()} if isinstance(found, dict) else str(found).lower()


def _sqs() -> Any:
    return aws.client("sqs")
