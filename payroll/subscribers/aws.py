"""SNS topics and SQS queues, at AWS or at AWS_ENDPOINT_URL."""

import os
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from events import aws
from events.models import Publication
from events.outbox import Undelivered
from payroll.subscribers import message

CONNECT_S, READ_S = 2, 3
TRIES_MAX = 1  # the outbox tries again


def send_to_topic(arn: str, publication: Publication) -> None:
    """Publish to an SNS topic, with attributes that subscriptions filter on. Raises Undelivered."""
    fifo = _ordered(publication) if arn.endswith(".fifo") else {}
    try:
        client("sns").publish(
            TopicArn=arn,
            Message=message.text(publication),
            MessageAttributes=_attributes(publication),
            **fifo,
        )
    except (ClientError, BotoCoreError, OSError) as error:
        raise Undelivered(_reason("SNS", error)) from error


def send_to_queue(queue: str, publication: Publication) -> None:
    """Send to an SQS queue, by its name or URL. Raises Undelivered."""
    fifo = _ordered(publication) if queue.endswith(".fifo") else {}
    try:
        client("sqs").send_message(
            QueueUrl=queue if "://" in queue else _url(queue, *_here()),
            MessageBody=message.text(publication),
            MessageAttributes=_attributes(publication),
            **fifo,
        )
    except (ClientError, BotoCoreError, OSError) as error:
        raise Undelivered(_reason("SQS", error)) from error


def client(service: str) -> Any:
    """A client with bounds so short that one subscriber does not hold up a tick."""
    return aws.client(service, connect_s=CONNECT_S, read_s=READ_S, tries_max=TRIES_MAX)


@lru_cache(maxsize=64)
def _url(queue: str, process: int, endpoint: str) -> str:
    return str(client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def _here() -> tuple[int, str]:
    return os.getpid(), aws.endpoint("sqs")


def _attributes(publication: Publication) -> dict[str, dict[str, str]]:
    named = {"id": str(publication.id), **publication.attributes}
    return {name: {"DataType": "String", "StringValue": value} for name, value in named.items()}


def _ordered(publication: Publication) -> dict[str, str]:
    """What a FIFO topic or queue asks for.

    An employer's messages come in the order in which they were sent, which is not always that of what happened: one
    that failed is sent after later ones. A double is dropped within five minutes; later ones only its id tells.
    """
    group = publication.attributes.get("employer") or publication.attributes.get("run") or publication.topic
    return {"MessageGroupId": group, "MessageDeduplicationId": str(publication.id)}


def _reason(service: str, error: Exception) -> str:
    if isinstance(error, ClientError):
        return f"{service} answers {error.response.get('Error', {}).get('Code', 'nothing')}"
    return f"{service} does not answer ({type(error).__name__})"
