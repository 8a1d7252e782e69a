"""The clouds that the contract is held against: two emulators, and AWS itself when it is asked for.

PAYROLL_CONTRACT_AWS=1 python -m pytest tests/contract     with credentials, a region, perhaps AWS_ENDPOINT_URL
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests import brokers

ASKED = "set PAYROLL_CONTRACT_AWS=1 and credentials to hold the contract against AWS: it makes and removes resources"


@dataclass
class Cloud:
    """One of them: its clients, and what a test has made there."""

    name: str
    client: Callable[[str], Any]
    leave: ExitStack = field(default_factory=ExitStack)

    def queue(self, **attributes: str) -> tuple[str, str]:
        """A new queue: its URL and ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=f"contract-{uuid4().hex[:12]}", Attributes=attributes)["QueueUrl"]
        self.leave.callback(sqs.delete_queue, QueueUrl=url)
        known = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, known["Attributes"]["QueueArn"]

    def topic(self) -> str:
        """A new topic's ARN."""
        sns = self.client("sns")
        arn: str = sns.create_topic(Name=f"contract-{uuid4().hex[:12]}")["TopicArn"]
        self.leave.callback(sns.delete_topic, TopicArn=arn)
        return arn

    def bucket(self) -> str:
        """A new bucket's name."""
        s3, name = self.client("s3"), f"contract-{uuid4().hex[:12]}"
        s3.create_bucket(Bucket=name)
        self.leave.callback(self._empty, s3, name)
        return name

    def _empty(self, s3: Any, name: str) -> None:
        for each in s3.list_objects_v2(Bucket=name).get("Contents", ()):
            s3.delete_object(Bucket=name, Key=each["Key"])
        s3.delete_bucket(Bucket=name)


@pytest.fixture(scope="session", params=["ministack", "moto", "aws"])
def clients(request: pytest.FixtureRequest) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """Clients of one cloud."""
    if request.param == "aws":
        if os.environ.get("PAYROLL_CONTRACT_AWS") != "1":
            pytest.skip(ASKED)
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        yield "aws", lambda service: boto3.client(service, region_name=region)
        return
    with getattr(brokers, request.param)() as url:
        yield request.param, lambda service: brokers.client(service, url)


@pytest.fixture
def cloud(clients: tuple[str, Callable[[str], Any]]) -> Iterator[Cloud]:
    """One cloud; what the test made there is removed."""
    there = Cloud(*clients)
    with there.leave:
        yield there
