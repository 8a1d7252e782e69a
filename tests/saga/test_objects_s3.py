"""Objects in S3: written once between machines, verified, and an outage that costs nobody an attempt."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from django.db import connections

from deploy import postgres
from deploy.postgres import Cluster
from events import store
from events.models import DeadLetter, Work, WorkState
from payroll import objects
from payroll.objects import ObjectDamaged, ObjectExists, ObjectsUnavailable, s3
from payroll.payments import orders
from payroll.payments.orders import Order
from tests import brokers
from tests.conftest import point_at
from tests.kernel.scene import race
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

ROOT = Path(__file__).parent.parent.parent
PREFIX = "some/where"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with brokers.ministack() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> str:
    """A bucket of this test's own; storage is a prefix of it."""
    brokers.use(monkeypatch, endpoint)
    name = f"payroll-{uuid4().hex[:12]}"
    brokers.client("s3", endpoint).create_bucket(Bucket=name)
    settings.PAYROLL_STORAGE = f"s3://{name}/{PREFIX}"
    return name


@pytest.fixture
def nobody_there(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Storage at an address where nobody listens."""
    brokers.use(monkeypatch, f"http://127.0.0.1:{brokers.free_port()}")
    monkeypatch.setattr(s3, "TRIES_MAX", 1)
    settings.PAYROLL_STORAGE = f"s3://absent-{uuid4().hex[:12]}"


def lies_in(endpoint: str, bucket: str, key: str) -> bytes:
    content: bytes = (
        brokers.client("s3", endpoint).get_object(Bucket=bucket, Key=f"{PREFIX}/{key}")["Body"].read()
    )
    return content


# Written once


def test_an_object_is_stored_under_the_prefix_and_read_back(endpoint: str, bucket: str) -> None:
    assert objects.put_once("a/b.json", b"one") == hashlib.sha256(b"one").hexdigest()
    assert lies_in(endpoint, bucket, "a/b.json") == b"one"
    assert objects.get("a/b.json") == b"one"
    assert objects.location("a/b.json") == f"s3://{bucket}/{PREFIX}/a/b.json"


def test_the_same_bytes_again_are_fine_and_other_bytes_are_refused(endpoint: str, bucket: str) -> None:
    objects.put_once("a", b"one")
    assert objects.put_once("a", b"one") == hashlib.sha256(b"one").hexdigest()
    with pytest.raises(ObjectExists, match="a exists with other content"):
        objects.put_once("a", b"two")
    assert lies_in(endpoint, bucket, "a") == b"one"


def test_of_many_writers_at_once_one_wins_and_the_others_are_told(db: object, bucket: str) -> None:
    for number in range(5):
        contents = [b"one", b"one", b"two", b"three", b"four"]

        def put(start: Any, content: bytes, key: str = f"race/{number}") -> bytes:
            start.wait()
            objects.put_once(key, content)
            return content

        results = race(*(lambda start, content=content: put(start, content) for content in contents))
        kept = objects.get(f"race/{number}")
        for content, result in zip(contents, results, strict=True):
            assert result == kept if content == kept else isinstance(result, ObjectExists), results
        assert kept in contents


def test_a_conflict_is_tried_again(endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    conflict = ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": "…"}}, "PutObject")
    left, real = [conflict, conflict], s3.Bucket._ask

    def ask(self: s3.Bucket, request: Any) -> Any:
        if left:
            raise left.pop()
        return real(self, request)

    monkeypatch.setattr(s3.Bucket, "_ask", ask)
    objects.put_once("a", b"one")
    assert not left and lies_in(endpoint, bucket, "a") == b"one"


def test_conflicts_without_end_are_an_outage(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(self: s3.Bucket, request: Any) -> Any:
        raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject")

    monkeypatch.setattr(s3.Bucket, "_ask", ask)
    monkeypatch.setattr(s3, "CONFLICT_S", 0)
    with pytest.raises(ObjectsUnavailable, match="again and again"):
        objects.put_once("a", b"one")


def test_a_checksum_and_encryption_travel_with_every_object(endpoint: str, bucket: str) -> None:
    objects.put_once("a", b"one")
    stored = brokers.client("s3", endpoint).head_object(
        Bucket=bucket, Key=f"{PREFIX}/a", ChecksumMode="ENABLED"
    )
    # printf one | openssl dgst -sha256 -binary | base64
    assert stored["ChecksumSHA256"] == "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0="
    assert stored["ServerSideEncryption"] == "AES256"


def test_a_key_of_kms_encrypts_when_one_is_named(endpoint: str, bucket: str, settings: Any) -> None:
    settings.PAYROLL_STORAGE_KMS_KEY = "alias/payroll"
    objects.put_once("a", b"one")
    stored = brokers.client("s3", endpoint).head_object(Bucket=bucket, Key=f"{PREFIX}/a")
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", "alias/payroll")


def test_a_connection_does_not_cross_a_fork(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = objects._storage()
    assert objects._storage() is ours
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a child
    assert objects._storage() is not ours


# What is not there, or not what it was


def test_what_is_not_there_is_none_and_missing(bucket: str) -> None:
    assert objects.get("a") is None
    with pytest.raises(ObjectDamaged, match="a is missing from object storage"):
        objects.get_verified("a", "00")


def test_what_was_changed_behind_our_back_is_damage(endpoint: str, bucket: str) -> None:
    sha256 = objects.put_once("a", b"one")
    assert objects.get_verified("a", sha256) == b"one"
    brokers.client("s3", endpoint).put_object(Bucket=bucket, Key=f"{PREFIX}/a", Body=b"two")
    with pytest.raises(ObjectDamaged, match="a does not have the sha256"):
        objects.get_verified("a", sha256)


@pytest.mark.parametrize("key", ["../a", "/a", "a//b", "a b", "", "a/../b"])
def test_a_key_that_is_none_is_refused(bucket: str, key: str) -> None:
    with pytest.raises(ValueError, match="not an object key"):
        objects.put_once(key, b"one")


# Outages


def test_a_missing_bucket_says_so(bucket: str, settings: Any) -> None:
    settings.PAYROLL_STORAGE = "s3://no-such-bucket-here"
    for ask in (lambda: objects.get("a"), lambda: objects.put_once("a", b"one")):
        with pytest.raises(ObjectsUnavailable, match="there is no such bucket: create it"):
            ask()


def test_nobody_at_the_endpoint_says_so(nobody_there: None) -> None:
    for ask in (lambda: objects.get("a"), lambda: objects.put_once("a", b"one")):
        with pytest.raises(ObjectsUnavailable, match="it does not answer"):
            ask()


def test_missing_credentials_say_so(bucket: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    settings.PAYROLL_STORAGE = f"s3://{bucket}/elsewhere"  # another client, made without them
    with pytest.raises(ObjectsUnavailable, match="there are no AWS credentials"):
        objects.get("a")


@pytest.mark.parametrize(("code", "says"), [("AccessDenied", "s3:PutObject"), ("SlowDown", "SlowDown")])
def test_what_s3_refuses_says_why(bucket: str, monkeypatch: pytest.MonkeyPatch, code: str, says: str) -> None:
    """The emulator denies nobody: its answer is put in front of it."""
    from botocore.client import BaseClient

    def refuse(self: Any, operation: str, named: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "secret text"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    for ask in (lambda: objects.get("a"), lambda: objects.put_once("a", b"one")):
        with pytest.raises(ObjectsUnavailable, match=says) as told:
            ask()
        assert "secret text" not in str(told.value)


def test_an_outage_costs_nobody_an_attempt_and_no_dead_letter(
    db: object, tmp_path: Path, bucket: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every step of a run storage goes away, several times longer than a step may fail."""
    settings.PAYROLL_GATEWAY = "ach"
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    run = paydays.open_run("ACME")
    real, outages = s3.Bucket._ask, Counter[str]()

    def away_at_first(self: s3.Bucket, request: Any) -> Any:
        """Eight times at each step nobody answers: more often than any step may fail."""
        step = Work.objects.get(state=WorkState.LEASED).step
        if outages[step] < 8:
            outages[step] += 1
            raise ObjectsUnavailable("object storage is away for this test")
        return real(self, request)

    monkeypatch.setattr(s3.Bucket, "_ask", away_at_first)
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert outages.keys() >= {"snapshot", "begin", "push-payment", "move-money"}
    assert DeadLetter.objects.count() == 0
    assert "EmployerRunCompleted" in paydays.part("ACME")
    assert max(Work.objects.values_list("attempts", flat=True)) <= 1


def test_a_command_says_that_storage_is_away_and_nothing_is_opened(
    db: object, tmp_path: Path, nobody_there: None, endpoint: str
) -> None:
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    with pytest.raises(ObjectsUnavailable):
        paydays.open_run("ACME")
    assert store.read_prefix("payrun-") == []

    period = ("--from", str(paydays.START), "--to", str(paydays.END), "--pay-date", str(paydays.PAYDAY))
    said = subprocess.run(
        [sys.executable, "manage.py", "payrun", "start", *period, "--employer", "ACME"],
        cwd=ROOT,
        env={**os.environ, "PAYROLL_STORAGE": "s3://no-such-bucket-here", "AWS_ENDPOINT_URL": endpoint},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.strip().splitlines() == [
        "payroll: object storage s3://no-such-bucket-here: there is no such bucket: create it, or mend PAYROLL_STORAGE"
    ]


# A whole run


def everything() -> list[tuple[str, int, str, str]]:
    """Every event of the log, but for when it was recorded."""
    events = sorted(store.read_all(limit=10_000), key=lambda event: (event.stream, event.version))
    return [
        (event.stream, event.version, event.type, json.dumps(event.data, sort_keys=True)) for event in events
    ]


def in_bucket(endpoint: str, bucket: str) -> dict[str, bytes]:
    """The bytes of every object under the prefix."""
    listed = brokers.client("s3", endpoint).list_objects_v2(Bucket=bucket)["Contents"]
    names = [each["Key"].removeprefix(f"{PREFIX}/") for each in listed]
    return {name: lies_in(endpoint, bucket, name) for name in names}


def in_folder(root: Path) -> dict[str, bytes]:
    """The bytes of every object in a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.own_session  # its database is cloned, which takes that nobody else has it open
def test_a_run_on_s3_is_the_run_on_a_folder(
    db: Cluster, tmp_path: Path, endpoint: str, bucket: str, settings: Any
) -> None:
    """The same roster in two databases: equal logs, equal objects, equal payment files to the byte."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [salaried("ACME", "ann", "62400.00"), salaried("ACME", "bob", "78000.00")]
    people += [salaried("BOLT", "cal", "52000.00")]
    paydays.load(tmp_path, [employer("ACME"), employer("BOLT")], people)
    connections.close_all()
    name = urlsplit(db.owner_url).path.lstrip("/")
    other = postgres.create_database(db, f"test_{uuid4().hex[:12]}", template=name)
    paydays.pay("ACME", "BOLT")
    (key,) = paydays.part("ACME")["PaymentsInstructed"]["orders"]
    on_s3, sent = everything(), Order(orders.stream(key)).created["object"]
    assert not Path(settings.PAYROLL_OBJECTS).exists()
    point_at(other.app_url, other.owner_url)
    settings.PAYROLL_STORAGE = "folder"
    paydays.pay("ACME", "BOLT")
    assert everything() == on_s3
    found = in_bucket(endpoint, bucket)
    assert found == in_folder(Path(settings.PAYROLL_OBJECTS))
    assert found[sent.replace("files/", "outbox/", 1)] == found[sent]
    assert len([name for name in found if name.endswith(".ach")]) == 4
    assert paydays.credits().keys() == {"ann", "bob", "cal"}
