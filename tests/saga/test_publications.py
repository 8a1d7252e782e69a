"""What the world outside is told of a payday, by every kind of subscriber: all of it, by its id, and nobody's data."""

import hmac
import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail

from events import dead_letters, outbox, store
from events.models import Delivery, Publication
from payroll import cancel, publications, runs, topics
from payroll.payments import gateways
from payroll.payments.gateway import GatewayRejected
from payroll.subscribers import addresses, webhook
from tests import brokers
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

ROOT = Path(__file__).parent.parent.parent
SECRET = "a secret that the receiver knows"
CANARIES = ("Canarina", "Birdwatcher", "987-65-4320", "987654320", "9081726354", "8172635")
PEOPLE = {
    "first_name": "Canarina",
    "last_name": "Birdwatcher",
    "ssn": "987-65-4320",
    "account_number": "9081726354",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with brokers.ministack() as url:
        yield url


@pytest.fixture
def aws(db: object, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    brokers.use(monkeypatch, endpoint)
    return endpoint


def subscribe(settings: Any, *wanted: str) -> None:
    settings.PAYROLL_SUBSCRIBERS = addresses.parse(",".join(wanted), signed=True, production=False)
    settings.PAYROLL_WEBHOOK_SECRET = SECRET


def publish() -> None:
    """Until everything that can be sent is sent."""
    for _ in range(20):
        outbox.publish()
        if not Delivery.objects.filter(sent_at=None, attempts=0).exists():
            return
    raise AssertionError("publications stay behind")


# A webhook's receiver

DRIPS = {"/drip": (b"HTTP/1.1 200 ", b"O"), "/drip-headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")}


@dataclass
class Hook:
    """A receiver of webhooks that remembers; `answers` by path, 200 for any other."""

    url: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.got]


@pytest.fixture
def hook() -> Iterator[Hook]:
    """The receiver, on a free port of the loopback."""
    receiver = Hook()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((self.path, dict(self.headers), body))
            if self.path in DRIPS:
                self.drip(*DRIPS[self.path])
                return
            self.send_response(receiver.answers.get(self.path, 200))
            if self.path == "/moved":
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.end_headers()

        def drip(self, start: bytes, drop: bytes) -> None:
            """An answer that never ends, and never lets its reader wait long for the next of it."""
            try:
                self.wfile.write(start)
                while not receiver.closing.wait(0.02):
                    self.wfile.write(drop)
            except OSError:
                receiver.hung_up.set()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def verified(headers: dict[str, str], body: bytes, secret: str = SECRET) -> bool:
    """What a receiver does, written from the documentation of webhook.py and not from its code."""
    parts = dict(part.split("=", 1) for part in headers["Payroll-Signature"].split(","))
    expected = hmac.digest(secret.encode(), parts["t"].encode() + b"." + body, "sha256").hex()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300


# Queues and topics


def queue(endpoint: str, name: str = "") -> tuple[str, str, str]:
    """A new queue: name, URL, ARN."""
    sqs, name = brokers.client("sqs", endpoint), name or f"q-{uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return name, url, arn


def received(endpoint: str, url: str) -> list[dict[str, Any]]:
    """Every message that is in a queue, and now no longer."""
    sqs, found = brokers.client("sqs", endpoint), []
    while got := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
    ).get("Messages"):
        found += got
        for each in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


# Paydays


def load(tmp_path: Path, **of_ann: str) -> None:
    people = [salaried("ACME", "ann", "62400.00", **PEOPLE | of_ann), salaried("ACME", "bob", "78000.00")]
    paydays.load(
        tmp_path, [employer("ACME"), employer("BOLT")], [*people, salaried("BOLT", "cal", "52000.00")]
    )


def told() -> Counter[tuple[str, str]]:
    """How often each topic was told of each employer."""
    return Counter((each.topic, each.attributes.get("employer", "")) for each in Publication.objects.all())


def body(topic: str, employer_id: str = "") -> dict[str, Any]:
    """The body of the only publication of a topic about an employer."""
    (only,) = [
        each
        for each in Publication.objects.filter(topic=topic)
        if each.attributes.get("employer", "") == employer_id
    ]
    return dict(only.body)


def test_a_payday_is_told_from_beginning_to_end(db: object, tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    load(tmp_path)
    run = paydays.pay("ACME", "BOLT")
    publish()
    each = (
        topics.EMPLOYER_VALIDATED,
        topics.EMPLOYER_APPROVED,
        topics.PAYMENT_SETTLED,
        topics.EMPLOYER_COMPLETED,
    )
    expected = {(topic, name): 1 for topic in each for name in ("ACME", "BOLT")}
    assert told() == expected | {(topics.PAYROLL_STARTED, ""): 1, (topics.PAYROLL_COMPLETED, ""): 1}
    nets = {who: paydays.facts("ACME", who)["net_cents"] for who in ("ann", "bob")}
    assert body(topics.PAYMENT_SETTLED, "ACME") == {
        "run": str(run),
        "run_kind": "regular",
        "employer": "ACME",
        "employer_run": str(paydays.employer_run("ACME")),
        "period_start": "2026-11-01",
        "period_end": "2026-11-14",
        "pay_date": "2026-11-20",
        "paid": 2,
        "paid_cents": sum(nets.values()),
        "gateway": "ach-folder",
    }
    assert body(topics.PAYROLL_STARTED) == {
        "run": str(run),
        "run_kind": "regular",
        "employers": 2,
        "period_start": "2026-11-01",
        "period_end": "2026-11-14",
        "pay_date": "2026-11-20",
    }
    validated = body(topics.EMPLOYER_VALIDATED, "ACME")
    assert (validated["completed"], validated["payable"], validated["total_net_cents"]) == (
        2,
        2,
        sum(nets.values()),
    )
    settled = Publication.objects.get(topic=topics.PAYMENT_SETTLED, attributes__employer="ACME")
    assert settled.attributes == {
        "topic": "payment.settled",
        "employer": "ACME",
        "run": str(run),
        "kind": "regular",
        "environment": "development",
    }


def test_a_sum_over_one_person_is_not_told(db: object, tmp_path: Path, settings: Any) -> None:
    """Nor is it in what is stored: BOLT has one person, and its sums are what she earns."""
    settings.PAYROLL_GATEWAY = "ach"
    load(tmp_path)
    paydays.pay("ACME", "BOLT")
    publish()
    assert paydays.facts("BOLT", "cal")["net_cents"] > 0
    assert (body(topics.PAYMENT_SETTLED, "BOLT")["paid"], body(topics.PAYMENT_SETTLED, "ACME")["paid"]) == (
        1,
        2,
    )
    about_bolt = json.dumps(
        [dict(each) for each in Publication.objects.filter(attributes__employer="BOLT").values("body")]
    )
    assert "_cents" not in about_bolt
    assert "total_gross_cents" in body(topics.EMPLOYER_VALIDATED, "ACME")


@pytest.mark.parametrize(
    ("completed", "no_hours", "payable", "told"),
    [
        (3, 1, 2, {"total_gross_cents", "total_net_cents"}),
        (3, 2, 2, {"total_net_cents"}),  # one of those who are paid has a reimbursement and no gross pay
        (3, 1, 1, {"total_gross_cents"}),  # of the two with gross pay, garnishments left one nothing
        (3, 2, 1, set()),
        (1, 0, 1, set()),
    ],
)
def test_which_sums_are_told(db: object, completed: int, no_hours: int, payable: int, told: set[str]) -> None:
    facts = {"completed": completed, "no_hours": no_hours, "payable": payable}
    facts |= {"total_gross_cents": 500000, "total_net_cents": 400000}
    store.append([store.NewEvent("employerrun-1", 1, "EmployerRunValidated", facts)])
    (notice,) = publications.tell(store.read("employerrun-1"))
    assert {name for name in notice.body if name.endswith("_cents")} == told
    assert notice.body["payable"] == payable


def test_a_dead_letter_and_what_becomes_of_it_are_told(db: object, tmp_path: Path) -> None:
    load(tmp_path, work_state="OR")  # no rules for Oregon: ann needs a person
    paydays.pay("ACME")
    letter = paydays.letter()
    publish()
    created = body(topics.DEAD_LETTER_CREATED, "ACME")
    assert created["dead_letter"] == str(letter.id) and created["about"] == letter.subject
    assert (created["step"], created["kind"], created["attempts"]) == (
        "tax-calc",
        "needs review",
        letter.attempts,
    )
    assert (created["run_kind"], created["period_start"]) == ("regular", "2026-11-01")
    assert "reason" not in created and (topics.PAYMENT_FAILED, "ACME") not in told()
    dead_letters.redrive(letter.id, by="maker")
    paydays.work()
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="paid by check")
    publish()
    closed = Publication.objects.filter(topic=topics.DEAD_LETTER_CLOSED)
    assert sorted(each.body["event"] for each in closed) == ["Dismissed", "Redriven"]
    assert told()[topics.DEAD_LETTER_CREATED, "ACME"] == 2


def test_a_bank_that_refuses_is_a_failed_payment(
    db: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        name = "refusing"
        lookup_lag_s = 0.0
        key_valid_s = math.inf

        def find(self, key: object) -> None:
            return None

        def send(self, order: object) -> None:
            raise GatewayRejected("the bank answered 422: the file has faults")

    monkeypatch.setattr(gateways, "named", lambda name: Refusing())
    load(tmp_path)
    paydays.pay("ACME")
    publish()
    failed = body(topics.PAYMENT_FAILED, "ACME")
    assert failed["step"] == "confirm" and failed["dead_letter"] == str(paydays.letter().id)
    assert told()[topics.DEAD_LETTER_CREATED, "ACME"] == 1
    assert told()[topics.PAYMENT_SETTLED, "ACME"] == 0


def test_what_people_do_to_a_run_is_told(db: object, tmp_path: Path) -> None:
    load(tmp_path)
    run = paydays.open_run("ACME")
    runs.pause(run, by="maker")
    runs.resume(run, by="maker")
    cancel.cancel(run, by="maker", reason="wrong hours")
    paydays.work()
    publish()
    for topic in (topics.PAYROLL_PAUSED, topics.PAYROLL_RESUMED, topics.PAYROLL_CANCELLED):
        assert body(topic)["run"] == str(run)
    assert body(topics.EMPLOYER_CANCELLED, "ACME")["run"] == str(run)
    assert all("wrong hours" not in json.dumps(each.body) for each in Publication.objects.all())


def test_every_published_event_has_its_topic_and_every_topic_its_event() -> None:
    told = {each.topic for row in publications.TABLE.values() for each in row}
    assert told == topics.TOPICS


# Subscribers


def test_every_subscriber_has_every_publication_and_nobodys_data(
    aws: str, tmp_path: Path, settings: Any, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    """SNS to SQS, SQS, a webhook, e-mail and the console, of a payday with a dead letter and a refusal to pay."""
    caplog.set_level(logging.INFO)
    name, direct, _ = queue(aws)
    _, behind, arn = queue(aws)
    sns = brokers.client("sns", aws)
    topic = sns.create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    subscribe(
        settings, "console", f"sns:{topic}", f"sqs:{name}", f"{hook.url}/in?x=1", "mailto:ops@example.com"
    )
    settings.PAYROLL_GATEWAY = "ach"
    load(tmp_path, work_state="OR")
    run = paydays.pay("ACME", "BOLT")
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="left")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    publish()
    expected = {str(each.id): each for each in Publication.objects.all()}
    assert len(expected) == 12
    sent, queued = received(aws, direct), received(aws, behind)
    for messages in (sent, queued):
        assert sorted(json.loads(each["Body"])["id"] for each in messages) == sorted(expected)
        for each in messages:
            told = json.loads(each["Body"])
            attributes = {key: value["StringValue"] for key, value in each["MessageAttributes"].items()}
            assert attributes == {"id": told["id"], **expected[told["id"]].attributes}
            assert told["data"] == expected[told["id"]].body and told["topic"] == attributes["topic"]
    assert sorted(each["id"] for each in hook.bodies()) == sorted(expected)
    assert {path for path, _, _ in hook.got} == {"/in?x=1"}
    assert sorted(letter.extra_headers["Message-ID"] for letter in mail.outbox) == sorted(
        f"<{key}@localhost>" for key in expected
    )
    for key in expected:
        assert key in caplog.text
    everywhere = [
        json.dumps(sent),
        json.dumps(queued),
        caplog.text,
        str([letter.message().as_string() for letter in mail.outbox]),
    ]
    everywhere += [
        str(hook.got),
        str(list(Publication.objects.values())),
        str(list(Delivery.objects.values())),
    ]
    for text in everywhere:
        assert "payment.settled" in text or "mailto" in text
        for canary in CANARIES:
            assert canary not in text
    assert "ops@example.com" not in caplog.text + str(list(Delivery.objects.values()))  # it is somebody's


def test_a_worker_that_is_killed_leaves_nothing_untold(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real workers with a supervisor, which publishes: killed when the first message came, and begun again."""
    name, url, _ = queue(aws)
    monkeypatch.setenv("PAYROLL_SUBSCRIBERS", f"sqs:{name}")
    monkeypatch.setenv("PAYROLL_AUTO_APPROVE", "1")
    monkeypatch.setenv("PAYROLL_GATEWAY", "ach")
    load(tmp_path)
    run = paydays.open_run("ACME", "BOLT")
    heard: Counter[tuple[str, str]] = Counter()

    def listen() -> Counter[tuple[str, str]]:
        for each in received(aws, url):
            told = json.loads(each["Body"])
            heard[told["id"], told["topic"]] += 1
        return heard

    with worker():
        brokers.until(listen, "something is told")
    with worker():
        brokers.until(lambda: len(listen()) >= 10, "the rest is told, when the leases have ended", 90)
    recorded = {
        (str(outbox.publication_id(event, told.topic)), told.topic)
        for event in store.read_all(limit=1000)
        for told in publications.TABLE.get(event.type, ())
    }
    assert heard.keys() == recorded and len(recorded) == 10
    assert str(run) in store.read_prefix("payrun-")[0].stream


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor with a worker, killed at the end of the block with all that it forked."""
    command = [sys.executable, "manage.py", "worker", "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        yield process
    finally:
        assert process.poll() is None, "it ended by itself"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_filter_policy_lets_through_what_was_asked_for(aws: str, tmp_path: Path, settings: Any) -> None:
    sns = brokers.client("sns", aws)
    topic = sns.create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
    _, url, arn = queue(aws)
    policy = {"topic": [{"prefix": "payment."}], "employer": ["BOLT"]}
    wanted = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(policy)}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=wanted)
    subscribe(settings, f"sns:{topic}")
    load(tmp_path)
    paydays.pay("ACME", "BOLT")
    publish()
    assert told()[topics.PAYMENT_SETTLED, "ACME"] == 1
    (only,) = received(aws, url)
    assert json.loads(only["Body"])["topic"] == "payment.settled"
    assert only["MessageAttributes"]["employer"]["StringValue"] == "BOLT"


def test_a_fifo_queue_drops_the_second_of_a_kind(aws: str, settings: Any) -> None:
    sqs = brokers.client("sqs", aws)
    url = sqs.create_queue(QueueName=f"q-{uuid4().hex[:8]}.fifo", Attributes={"FifoQueue": "true"})[
        "QueueUrl"
    ]
    subscribe(settings, f"sqs:{url}")
    one = publication()
    for _ in range(2):
        publications.OUTLET.subscribers()[0].send(one)
    assert len(received(aws, url)) == 1


def test_only_the_topics_behind_the_hash_are_delivered(
    db: object, tmp_path: Path, settings: Any, hook: Hook
) -> None:
    subscribe(settings, f"{hook.url}/pay#payment.*", f"{hook.url}/some#payroll.started+employer.approved")
    load(tmp_path)
    paydays.pay("ACME")
    publish()
    heard = Counter((path, json.loads(body)["topic"]) for path, _, body in hook.got)
    assert heard == {
        ("/pay", "payment.settled"): 1,
        ("/some", "payroll.started"): 1,
        ("/some", "employer.approved"): 1,
    }


def publication() -> Publication:
    """One that nobody has told of yet."""
    run = str(uuid4())
    facts = {"run": run, "kind": "regular", "employer_runs": {}}
    store.append([store.NewEvent(f"payrun-{run}", 1, "PayRunOpened", facts)])
    outbox.follow()
    return Publication.objects.get(body__run=run)


def test_a_webhook_is_signed_so_that_others_can_tell(db: object, settings: Any, hook: Hook) -> None:
    subscribe(settings, f"{hook.url}/in")
    one = publication()
    publish()
    ((_, headers, body),) = hook.got
    assert verified(headers, body)
    assert not verified(headers, body + b" ") and not verified(headers, body, "another secret")
    assert headers["Payroll-Event-Id"] == str(one.id) == json.loads(body)["id"]
    assert headers["Payroll-Topic"] == "payroll.started"


@pytest.mark.parametrize(("path", "status"), [("/moved", 307), ("/broken", 500), ("/gone", 404)])
def test_any_answer_but_success_is_tried_again(
    db: object, settings: Any, hook: Hook, path: str, status: int
) -> None:
    """A redirect too: it is followed nowhere."""
    hook.answers[path] = status
    subscribe(settings, f"{hook.url}{path}")
    publication()
    publish()
    assert [got for got, _, _ in hook.got] == [path]
    delivery = Delivery.objects.get()
    assert delivery.error == f"the webhook answers {status}" and delivery.sent_at is None
    hook.answers[path] = 204
    Delivery.objects.update(due_at="2026-01-01T00:00Z")
    publish()
    assert len({headers["Payroll-Event-Id"] for _, headers, _ in hook.got}) == 1 and len(hook.got) == 2
    assert Delivery.objects.get().sent_at


@pytest.mark.parametrize("path", DRIPS)
def test_a_webhook_that_drips_is_hung_up_on(
    db: object, settings: Any, hook: Hook, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TOTAL_S", 0.5)
    subscribe(settings, f"{hook.url}{path}")
    publication()
    publish()
    assert hook.hung_up.wait(10) and len(hook.got) == 1
    delivery = Delivery.objects.get()
    assert delivery.error == "the webhook does not answer (TimeoutError)" and delivery.sent_at is None


def test_nobody_listening_is_an_error_without_an_address(db: object, aws: str, settings: Any) -> None:
    closed = f"http://127.0.0.1:{brokers.free_port()}/secret-path"
    missing = "arn:aws:sns:us-east-1:000000000000:no-such-topic"
    subscribe(settings, closed, f"sns:{missing}", "sqs:no-such-queue")
    publication()
    publish()
    errors = dict(Delivery.objects.values_list("subscriber", "error"))
    assert sorted(errors.values()) == [
        "SNS answers NotFound",
        "SQS answers AWS.SimpleQueueService.NonExistentQueue",
        "the webhook does not answer (ConnectionRefusedError)",
    ]
    assert "secret-path" not in str(errors)


# Settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("consle", "subscriber 1: it is one of console"),
        ("console,", "subscriber 2: it is one of"),
        ("console,console", "names console twice"),
        ("sns:payroll", "sns: wants the ARN"),
        ("sqs:a b", "sqs: wants"),
        ("mailto:nobody", "mailto: wants one address"),
        ("mailto:a@b.c\nBcc: d@e.f", "mailto: wants one address"),
        ("https://", "no address of a webhook"),
        ("https://host:port/", "no address of a webhook"),
        ("https://user:hunter2@host/", "carries no user"),
        ("http://host/", "production calls no webhook over plain http"),
        ("console#payment.setled", "there is no topic 'payment.setled'; there are dead_letter.closed"),
        ("console#", "there is no topic ''"),
    ],
)
def test_a_misspelt_subscriber_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="PAYROLL_SUBSCRIBERS") as refused:
        addresses.parse(text, signed=True, production=True)
    assert says in str(refused.value) and "hunter2" not in str(refused.value)


def test_names_tell_mailboxes_and_webhooks_apart_and_give_none_away() -> None:
    listed = (
        "mailto:ann@example.com,mailto:bob@example.com,https://example.com/secret,https://example.com/other"
    )
    names = [each.name for each in addresses.parse(listed, signed=True, production=True)]
    assert len(set(names)) == 4
    assert names == [each.name for each in addresses.parse(listed, signed=True, production=True)]
    assert not any(part in name for name in names for part in ("ann", "bob", "secret", "other"))


def test_a_webhook_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="needs PAYROLL_WEBHOOK_SECRET"):
        addresses.parse("https://example.com/in", signed=False, production=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PAYROLL_SUBSCRIBERS", "consle"), ("PAYROLL_TOPIC_ARN", "payroll"), ("PAYROLL_STORAGE", "s3:/bucket")],
)
def test_the_program_refuses_to_start_on_it_in_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    environment = {**os.environ, name: value, "PAYROLL_STATE_DIR": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    lines = said.stderr.decode().strip().splitlines()
    assert said.returncode == 2 and len(lines) == 1 and lines[0].startswith("payroll: PAYROLL_")


def test_production_on_a_folder_is_warned_of(settings: Any) -> None:
    from payroll import checks

    assert checks.storage() == []
    settings.ENVIRONMENT = "production"
    (warning,) = checks.storage()
    assert warning.id == "payroll.W001"
    settings.PAYROLL_STORAGE = "s3://bucket"
    assert checks.storage() == []
