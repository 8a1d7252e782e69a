"""Requests over SQS, by claim check: the message carries ids, tokens and the name of the object with the inputs.

    {"id": "…", "step": "tax-calc", "run": "…", "object": "requests/…", "sha256": "…",
     "tasks": [{"task": "…", "token": "…", "number": 7}, …]}

The object holds {"step", "run", "terms", "inputs": {"7": {…}, …}}. Answers come on the response queue (responses.py).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from events import aws
from events.transports.errors import Refused, Unreachable

if TYPE_CHECKING:
    from events.transports import Keep, Request, Sender

CONNECT_S, READ_S, TRIES_MAX = 5, 10, 2
REFUSALS = {"InvalidMessageContents", "InvalidParameterValue"}


@contextmanager
def sender(queue: str, keep: "Keep") -> "Iterator[Sender]":
    """A client that sends to this queue."""
    opened = aws.client("sqs", connect_s=CONNECT_S, read_s=READ_S, tries_max=TRIES_MAX)
    yield _Sqs(opened, queue, keep)


class _Sqs:
    def __init__(self, opened: Any, queue: str, keep: "Keep") -> None:
        self._client = opened
        self._queue = queue
        self._keep = keep
        self._url = ""

    def send(self, request: "Request") -> None:
        """Store the inputs, then send where they are. Raises Unreachable, Refused; what `keep` raises."""
        from botocore.exceptions import BotoCoreError, ClientError

        held = {"step": request.step, "run": request.run, "terms": request.terms}
        held["inputs"] = {str(task.number): task.input for task in request.tasks}
        content = json.dumps(held, sort_keys=True, separators=(",", ":")).encode()
        key, sha256 = self._keep(request.run, content)
        message = {
            "id": request.id,
            "step": request.step,
            "run": request.run,
            "object": key,
            "sha256": sha256,
        }
        tasks = [{"task": t.task, "token": t.token, "number": t.number} for t in request.tasks]
        try:
            if not self._url:
                self._url = self._client.get_queue_url(QueueName=self._queue)["QueueUrl"]
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({**message, "tasks": tasks}))
        except ClientError as no:
            code = str(no.response.get("Error", {}).get("Code", ""))
            if code.rpartition(".")[2] in REFUSALS:
                raise Refused(code) from None
            raise Unreachable(f"SQS said {code}") from None
        except BotoCoreError as lost:
            raise Unreachable(type(lost).__name__) from None
