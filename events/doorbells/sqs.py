"""The queues on SQS: one for each queue that a step has, each with a dead-letter queue behind it.

What ends in a dead-letter queue here is a ring that could not be answered, and not a piece of work: that is in the
table, and its dead letters too. So these queues are a symptom to look at and never a place to redrive from.
"""

import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from events import saga

log = logging.getLogger(__name__)

DAY_S = 24 * 3600
VISIBILITY_S = (
    720  # a ring that is answered must not be delivered again meanwhile: twice the time limit, and more
)
RECEIVES_MAX = 5  # deliveries of a ring before it goes to the dead-letter queue
RETENTION_S = DAY_S  # of rings: the sweeper rings again for what is due
DLQ_RETENTION_S = 14 * DAY_S
MISSING = ("NonExistentQueue", "QueueDoesNotExist")  # by the older and the newer protocol
CLIENT = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 4})


class QueueMissing(Exception):
    """A queue is not there: `manage.py queues create` makes it."""


class Depth(NamedTuple):
    """One queue as it is now, and what about it is not as it should be."""

    name: str
    waiting: int
    in_flight: int
    oldest_s: int | None  # age of the oldest message; None where CloudWatch does not tell
    dead: int
    differs: dict[str, list[str]]  # attribute: [is, should be]


def is_sqs(broker_url: str) -> bool:
    """Whether this broker is SQS."""
    return broker_url.startswith("sqs:")


def client() -> Any:
    """The SQS client of this process, at the broker's endpoint."""
    return _client("sqs")


@cache
def _client(service: str) -> Any:
    parts = urlsplit(settings.EVENTS_BROKER_URL)
    return boto3.client(
        service,
        region_name=region(),
        endpoint_url=_endpoint(),
        aws_access_key_id=parts.username,
        aws_secret_access_key=parts.password,
        config=CLIENT,
    )


def region() -> str:
    """The AWS region."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def is_secure() -> bool:
    """Whether the endpoint is reached over TLS; only one on this machine is not."""
    return not (_endpoint() or "").startswith("http://")


def broker_url() -> str:
    """PAYROLL_BROKER_URL with the endpoint of AWS_ENDPOINT_URL in it, where it names none itself."""
    parts, endpoint = urlsplit(settings.EVENTS_BROKER_URL), urlsplit(_endpoint() or "")
    credentials = parts.netloc.rpartition("@")[0]
    if not credentials and endpoint.netloc:
        credentials = (
            f"{os.environ.get('AWS_ACCESS_KEY_ID', '')}:{os.environ.get('AWS_SECRET_ACCESS_KEY', '')}"
        )
    return f"sqs://{credentials}@{endpoint.netloc}" if endpoint.netloc else settings.EVENTS_BROKER_URL


def name(queue: str) -> str:
    """What a step's queue is called on SQS."""
    return f"{settings.EVENTS_QUEUE_PREFIX}-{queue}"


def url(queue: str) -> str:
    """The URL of a step's queue. Raises QueueMissing."""
    return _there(name(queue))


def create() -> list[str]:
    """Create every queue with its dead-letter queue, or bring the attributes of those that are there in line.

    returns   the names of the queues
    """
    for queue in _names():
        dead = _ensure(f"{queue}-dlq", _dlq_attributes())
        _ensure(queue, _attributes(_arn(dead)))
    return _names()


def show() -> Iterator[Depth]:
    """Every queue as it is now. Raises QueueMissing."""
    for queue in _names():
        found, dead = _read(_there(queue)), _url(f"{queue}-dlq")
        wanted = _attributes(_arn(dead) if dead else "missing")
        behind = _read(dead) if dead else {}
        differs = {**_differences(found, wanted), **_differences(behind, _dlq_attributes(), "dlq ")}
        yield Depth(
            name=queue,
            waiting=int(found["ApproximateNumberOfMessages"]),
            in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
            oldest_s=_oldest_s(queue),
            dead=int(behind.get("ApproximateNumberOfMessages", 0)),
            differs=differs,
        )


def _names() -> list[str]:
    """Every queue of ours: one for each that a step has, and the one that downstream systems answer to."""
    return [*(name(queue) for queue in saga.queues()), settings.EVENTS_RESPONSE_QUEUE]


def _there(queue_name: str) -> str:
    found = _url(queue_name)
    if found is None:
        raise QueueMissing(f"there is no queue {queue_name}: run `manage.py queues create` first")
    return found


def _attributes(dlq_arn: str) -> dict[str, str]:
    policy = {"deadLetterTargetArn": dlq_arn, "maxReceiveCount": RECEIVES_MAX}
    return {
        "VisibilityTimeout": str(VISIBILITY_S),
        "MessageRetentionPeriod": str(RETENTION_S),
        "ReceiveMessageWaitTimeSeconds": "20",
        "RedrivePolicy": json.dumps(policy),
        "SqsManagedSseEnabled": "true",
    }


def _dlq_attributes() -> dict[str, str]:
    return {"MessageRetentionPeriod": str(DLQ_RETENTION_S), "SqsManagedSseEnabled": "true"}


def _ensure(queue_name: str, attributes: dict[str, str]) -> str:
    found = _url(queue_name)
    if found is None:
        return str(client().create_queue(QueueName=queue_name, Attributes=attributes)["QueueUrl"])
    client().set_queue_attributes(QueueUrl=found, Attributes=attributes)
    return found


def _url(queue_name: str) -> str | None:
    try:
        return str(client().get_queue_url(QueueName=queue_name)["QueueUrl"])
    except ClientError as error:
        if error.response["Error"]["Code"].endswith(MISSING):
            return None
        raise


def _read(queue_url: str) -> dict[str, str]:
    found = client().get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return dict(found.get("Attributes", {}))


def _oldest_s(queue_name: str) -> int | None:
    """Seconds that the oldest message has waited, as CloudWatch measured it last."""
    now = datetime.now(UTC)
    try:
        found = _client("cloudwatch").get_metric_statistics(
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


def _endpoint() -> str | None:
    parts = urlsplit(settings.EVENTS_BROKER_URL)
    if parts.hostname:
        return f"http://{parts.hostname}:{parts.port}" if parts.port else f"https://{parts.hostname}"
    return os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL")
