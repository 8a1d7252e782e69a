"""The reference downstream over SQS: takes requests from one queue, answers into another; ten messages at a time.

python -m tests.downstream.sqs --requests tax --responses payroll-task-tokens --objects /state/objects [--silent 2 …]
--objects is a folder or s3://bucket/prefix. It prints `ready` at the start and what it said when it ends on SIGTERM.
"""

import argparse
import hashlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from tests.downstream import manners
from tests.downstream.service import Asked, Service

Load = Callable[[str], bytes]
MESSAGES = 10  # what SQS takes at a time


def sqs() -> Any:
    return boto3.client("sqs", region_name=os.environ.get("AWS_REGION", "us-east-1"))


def loader(objects: str) -> Load:
    """How an object is read: from a folder, or from S3."""
    if not objects.startswith("s3://"):
        return lambda key: (Path(objects) / key).read_bytes()
    parts, s3 = urlsplit(objects), boto3.client("s3", region_name=os.environ.get("AWS_REGION", "us-east-1"))
    prefix = parts.path.strip("/")
    path = f"{prefix}/{{}}" if prefix else "{}"
    return lambda key: bytes(s3.get_object(Bucket=parts.netloc, Key=path.format(key))["Body"].read())


class Consumer:
    """Polls the request queue; answers are collected and sent ten at a time."""

    def __init__(
        self,
        requests: str,
        responses: str,
        load: Load,
        how: manners.Manners,
        *,
        threads: int = 4,
        pack: int = 1,
    ) -> None:
        self._client = sqs()
        self._requests = self._client.get_queue_url(QueueName=requests)["QueueUrl"]
        self._responses = self._client.get_queue_url(QueueName=responses)["QueueUrl"]
        self._load = load
        self._pack = pack
        self._out: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()
        self.service = Service(how, lambda: self._give, threads)

    def run(self, stop: threading.Event) -> None:
        """Take requests until told to stop."""
        while not stop.is_set():
            self.poll()

    def poll(self, wait_s: int = 1) -> int:
        """Take the next requests; a request is deleted once it was taken, as one that may come twice."""
        got = self._client.receive_message(
            QueueUrl=self._requests, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s
        ).get("Messages", [])
        for message in got:
            self.service.take(self._tasks(json.loads(message["Body"])))
            self._client.delete_message(QueueUrl=self._requests, ReceiptHandle=message["ReceiptHandle"])
        return len(got)

    def close(self) -> None:
        """Answer what is due, and stop."""
        self.service.stop()
        self._out.put(None)
        self._writer.join(30)

    def _tasks(self, request: dict[str, Any]) -> list[Asked]:
        content = self._load(request["object"])
        assert hashlib.sha256(content).hexdigest() == request["sha256"], (
            "these are not the inputs we were asked about"
        )
        held = json.loads(content)
        return [
            Asked(
                held["step"], held["terms"], each["task"], each["token"], held["inputs"][str(each["number"])]
            )
            for each in request["tasks"]
        ]

    def _give(self, token: str, outcome: str, body: dict[str, Any]) -> int:
        self._out.put({"token": token, "outcome": outcome, **body})
        return 202

    def _write(self) -> None:
        client, over = sqs(), False
        while not over:
            answers = [self._out.get()]
            while len(answers) < MESSAGES * self._pack and not self._out.empty():
                answers.append(self._out.get())
            over = None in answers
            given = [answer for answer in answers if answer is not None]
            packs = [given[i : i + self._pack] for i in range(0, len(given), self._pack)]
            entries = [
                {"Id": str(place), "MessageBody": json.dumps(pack if self._pack > 1 else pack[0])}
                for place, pack in enumerate(packs)
            ]
            if entries:
                sent = client.send_message_batch(QueueUrl=self._responses, Entries=entries)
                assert not sent.get("Failed"), "SQS did not take an answer"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", required=True, help="the queue with the requests")
    parser.add_argument("--responses", required=True, help="the queue for the answers")
    parser.add_argument("--objects", required=True, help="a folder, or s3://bucket/prefix")
    parser.add_argument("--pack", type=int, default=1, help="answers in one message")
    manners.add_arguments(parser)
    options = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    how = manners.of_arguments(options)
    load = loader(options.objects)
    size = {"threads": options.threads, "pack": options.pack}
    consumer = Consumer(options.requests, options.responses, load, how, **size)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    consumer.run(stop)
    consumer.close()
    sys.stdout.write(f"{json.dumps(consumer.service.said)}\n")


if __name__ == "__main__":
    main()
