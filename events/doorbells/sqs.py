"""SQS as Celery reaches it: one client for a process, whatever the number of queues.

Kombu makes a session and a client of botocore for each queue, in each process that sends, before its first ring is out:
0.05 s, 8 MB and 26,000 objects each, which every full garbage collection of that process then walks through.
"""

from typing import Any

from kombu.transport import SQS

from events import aws

CONNECT_S, READ_S = 3.0, 5.0
LONG_POLL_S = 20
TRIES_MAX = 2  # no call may block whoever rings: the sweeper rings again


class Channel(SQS.Channel):  # type: ignore[misc]
    """Kombu's channel, with the client of this process."""

    def new_sqs_client(self, *_: Any, **__: Any) -> Any:
        """The client for any queue: region, endpoint and credentials are those of the environment (events/aws.py)."""
        return aws.client("sqs", connect_s=CONNECT_S, read_s=LONG_POLL_S + READ_S, tries_max=TRIES_MAX)


class Transport(SQS.Transport):  # type: ignore[misc]
    """Kombu's transport, with that channel."""

    Channel = Channel
