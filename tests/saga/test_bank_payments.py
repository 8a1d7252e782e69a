"""Payments over HTTP: once to the cent under their key, and what the bank tells of them, signed."""

import base64
import hashlib
import hmac
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4, uuid5

import pytest

from payroll.payments import bank, bank_process, webhook
from payroll.payments.gateway import GatewayRejected, OutcomeUnknown, PaymentGateway, PaymentOrder
from payroll.payments.gateway_http import HttpGateway, HttpPayment, content
from payroll.payments.webhook import NotTheBanks
from tests.saga.bank_orders import NAMESPACE, gateway_to, order, until, with_bytes
from tests.saga.bank_talk import Talk

FRIDAY = date(2026, 11, 20)
SECRET = "between the bank and us"
BORIS = HttpPayment(str(UUID(int=2)), "E2", "BORIS BAKER", "091000019", "777002", "savings", 50_00)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    made = Talk(tmp_path_factory.mktemp("payments") / "bank")
    yield made
    bank.stop(made.folder)


@pytest.fixture
def talk(one: Talk) -> Talk:
    one.script()
    return one


def payments(name: str, count: int = 3) -> PaymentOrder:
    """An order of `count` payments, 1.00 and a cent more each; ids, key and bytes follow from the name."""
    rows = [
        HttpPayment(
            str(uuid5(NAMESPACE, f"{name}{n}")),
            f"E{n}",
            "ANNA ADAMS",
            "011401533",
            f"77700{n}",
            "checking",
            100 + n,
        )
        for n in range(count)
    ]
    made = content("1123456789", "ACME ANVILS", FRIDAY, rows)
    total_cents = sum(row.amount_cents for row in rows)
    digest = hashlib.sha256(made).hexdigest()
    return PaymentOrder(
        uuid5(NAMESPACE, f"http {name}"), f"http/{name}.json", digest, made, count, total_cents
    )


def to_bank(talk: Talk, timeout_s: float = 10) -> HttpGateway:
    return HttpGateway(talk.address.url, talk.address.token, timeout_s)


def booked(talk: Talk, sent: PaymentOrder) -> list[tuple[str, int]]:
    return sorted((c.individual_id, c.amount_cents) for c in bank.books(talk.folder) if c.key == sent.key)


# Sending


def test_the_bytes_follow_from_the_payments_alone():
    rows = [replace(BORIS, payment=str(UUID(int=n)), amount_cents=n + 1) for n in range(20)]
    assert content("1", "A", FRIDAY, rows) == content("1", "A", FRIDAY, rows[::-1])
    assert b" " not in content("1", "A", FRIDAY, rows).replace(b"BORIS BAKER", b"")
    for wrong in ([], [BORIS, BORIS]):
        with pytest.raises(ValueError, match="once"):
            content("1", "A", FRIDAY, wrong)
    assert "BORIS" not in repr(BORIS) and "777002" not in repr(BORIS)


def test_payments_are_booked_once_to_the_cent(talk):
    sent, to = payments("once"), to_bank(talk)
    gateway: PaymentGateway = to
    assert gateway.name == "http" and gateway.find(sent.key) is None
    receipt = to.send(sent)
    assert (receipt.key, receipt.sha256, receipt.entries, receipt.total_cents) == (
        sent.key,
        sent.sha256,
        3,
        303,
    )
    assert to.send(sent) == receipt == to.find(sent.key), "the same key and body, the same answer"
    assert booked(talk, sent) == [("E0", 100), ("E1", 101), ("E2", 102)]


def test_a_key_has_one_body_and_a_body_one_key(talk):
    sent, to = payments("pair"), to_bank(talk)
    to.send(sent)
    with pytest.raises(GatewayRejected, match="409"):
        to.send(with_bytes(sent, payments("another").content))
    with pytest.raises(GatewayRejected, match="409"):
        to.send(replace(sent, key=uuid4()))
    with pytest.raises(GatewayRejected, match="409"):
        gateway_to(talk.address).send(replace(order("cross"), key=sent.key))
    assert gateway_to(talk.address).find(sent.key) is None, "it is not there as a file"
    assert len(booked(talk, sent)) == 3


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        ({"payments": []}, 0, "payments"),
        ({"payments": {}}, 0, "payments"),
        ({"effective": "2026-11-21"}, 0, "effective"),
        ({"effective": 20261120}, 0, "effective"),
        ({"company_id": ""}, 0, "company_id"),
        ({"company_name": "x" * 17}, 0, "company_name"),
        ({"more": 1}, 0, "document"),
        ({"payments": [1]}, 1, "payment"),
        ({"payments": ["again"]}, 2, "payment"),
        ({"amount_cents": 0}, 1, "amount_cents"),
        ({"amount_cents": -5}, 1, "amount_cents"),
        ({"amount_cents": 1.5}, 1, "amount_cents"),
        ({"amount_cents": True}, 1, "amount_cents"),
        ({"amount_cents": 10_000_000_000}, 1, "amount_cents"),
        ({"routing": "091000018"}, 1, "routing"),
        ({"account": "_"}, 1, "account"),
        ({"account": ""}, 1, "account"),
        ({"account_type": "loan"}, 1, "account_type"),
        ({"name": "Boris"}, 1, "name"),
        ({"name": "B\u00d8RIS"}, 1, "name"),
        ({"payment": None}, 1, "payment"),
        ({"sort": 1}, 1, "payment"),
    ],
)
def test_payments_with_a_fault_are_refused_whole(talk, change, line, field):
    document = json.loads(content("1123456789", "ACME", FRIDAY, [BORIS]))
    rows = document["payments"]
    if change.get("payments") == ["again"]:
        rows.append(rows[0])
    elif change.keys() <= document.keys() | {"more"}:
        document |= change
    else:
        rows[0] |= change
    sent = with_bytes(payments("faults"), json.dumps(document).encode())
    with pytest.raises(GatewayRejected, match=f"422.*first in line {line}, {field}") as refused:
        to_bank(talk).send(sent)
    assert "BORIS" not in str(refused.value) and booked(talk, sent) == []


@pytest.mark.parametrize(
    "noise", [b"", b"[]", b"{", b"null", b"[" * 100_000, b"\xff\xfe", b'{"payments": 1}']
)
def test_what_is_no_order_is_refused(talk, noise):
    with pytest.raises(GatewayRejected, match="422"):
        to_bank(talk).send(with_bytes(payments("noise"), noise))


@pytest.mark.parametrize(
    ("do", "count"),
    [("accept_and_time_out", 3), ("500_after_accept", 3), ("drop_before", 0), ("500_before", 0)],
)
def test_the_script_holds_for_payments_too(talk, do, count):
    sent = payments(do)
    talk.script({"on": "send", "do": do})
    with pytest.raises(OutcomeUnknown):
        to_bank(talk, 0.4).send(sent)
    assert len(booked(talk, sent)) == count
    assert (to_bank(talk).find(sent.key) is not None) == (count > 0)
    to_bank(talk).send(sent)
    assert len(booked(talk, sent)) == 3


def test_a_forgotten_payment_key_books_again(talk):
    sent, to = payments("pruned"), to_bank(talk)
    talk.script({"on": "send", "do": "prune_key"})
    to.send(sent)
    assert to.find(sent.key) is None
    to.send(sent)
    assert len(booked(talk, sent)) == 6


# What the bank tells


class Ear(ThreadingHTTPServer):
    """A receiver of webhooks that answers 500 to the first `deaf` of them."""

    daemon_threads = True

    def __init__(self, deaf: int = 0) -> None:
        self.deaf, self.heard = deaf, []
        super().__init__(("127.0.0.1", 0), _Heard)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/bank?x=1"

    def said(self) -> list[dict]:
        return [json.loads(body) for body, _ in self.heard]


class _Heard(BaseHTTPRequestHandler):
    server: Ear

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((body, dict(self.headers)))
        self.send_response(500 if len(self.server.heard) <= self.server.deaf else 204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@contextmanager
def listening(talk: Talk, deaf: int = 0) -> Iterator[Ear]:
    with Ear(deaf) as ear:
        thread = Thread(target=ear.serve_forever)
        thread.start()
        talk.post("/webhook", url=ear.url, secret=SECRET)
        try:
            yield ear
        finally:
            talk.post("/webhook", url="", secret=SECRET)
            ear.shutdown()
            thread.join()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Talk]:
    """A bank for one test alone."""
    made = Talk(tmp_path / "bank")
    yield made
    bank.stop(made.folder)


def test_a_payment_is_told_from_acceptance_to_return(own):
    sent = payments("story")
    with listening(own) as ear:
        own.script({"on": "send", "do": "late_return", "code": "R03"})
        receipt = to_bank(own).send(sent)
        own.post("/settle", on=str(FRIDAY))
        until(lambda: len(ear.heard) == 3)
        for body, headers in ear.heard:
            assert webhook.verify(body, headers, SECRET, time.time()) == json.loads(body)["id"]
        accepted, settled, returned = ear.said()
        assert (accepted["type"], accepted["status"]) == ("acknowledgement", "accepted")
        assert (accepted["key"], accepted["total_cents"]) == (str(sent.key), 303)
        assert (settled["type"], settled["settled_on"]) == ("settlement", "2026-11-20")
        assert settled["files"] == [
            {"key": str(sent.key), "sha256": sent.sha256, "reference": receipt.reference, "entries": 3,
             "credits_cents": 303, "debits_cents": 0}
        ]  # fmt: skip
        assert (returned["type"], returned["key"]) == ("return", str(sent.key))
        (payment,) = returned["returns"]
        (came_back,) = [movement for movement in own.movements() if movement.return_code]
        assert (payment["payment"], payment["code"], payment["amount_cents"], payment["returned_on"]) == (
            came_back.trace, "R03", came_back.amount_cents, "2026-11-20",
        )  # fmt: skip
        assert [json.loads(content)["type"] for content in own.outgoing("return")] == ["return"]
        text = b"".join(body for body, _ in ear.heard)
        assert b"ANNA" not in text and b"77700" not in text and b"011401533" not in text


def test_who_does_not_answer_is_told_again(talk):
    with listening(talk, deaf=2) as ear:
        to_bank(talk).send(payments("deaf"))
        until(lambda: len(ear.heard) == 3)
        assert len({document["id"] for document in ear.said()}) == 1


def test_a_webhook_told_twice_has_one_id(talk):
    talk.script({"on": "webhook", "do": "duplicate_webhook"}, {"on": "webhook", "do": "drop_before"})
    with listening(talk) as ear:
        to_bank(talk).send(payments("twice"))
        until(lambda: len(ear.heard) == 2)
        assert len({document["id"] for document in ear.said()}) == 1
        to_bank(talk).send(payments("lost and told"))
        until(lambda: len(ear.heard) == 3)


def test_files_are_not_told_and_nobody_is_told_who_did_not_ask(talk):
    to_bank(talk).send(payments("unheard"))
    with listening(talk) as ear:
        gateway_to(talk.address).send(order("a file"))
        sent = payments("heard")
        to_bank(talk).send(sent)
        until(lambda: ear.heard)
        assert [document["key"] for document in ear.said()] == [str(sent.key)]


def test_a_killed_bank_tells_what_it_had_to_tell(own):
    with listening(own) as ear:
        own.script({"on": "webhook", "times": 10_000, "do": "drop_before"})
        sent = payments("killed")
        to_bank(own).send(sent)
        pid = bank_process.running_pid(own.folder)
        os.kill(pid, signal.SIGKILL)
        until(lambda: bank_process.running_pid(own.folder) is None)
        assert not ear.heard
        assert bank.ensure_running(own.folder) == own.address
        own.script()
        until(lambda: ear.heard)
        assert [document["key"] for document in ear.said()] == [str(sent.key)]


# Whether a webhook is the bank's


def signed(body: bytes, *, at: int = 1_000, identity: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"Webhook-Id": identity, "Webhook-Timestamp": str(at), "Webhook-Signature": signature}


def test_a_signature_is_checked():
    body = b'{"type":"return"}'
    good = signed(body)
    assert webhook.verify(body, good, SECRET, 1_000) == "msg_1"
    assert webhook.verify(body, good, ["the next", SECRET], 1_300) == "msg_1"
    several = good | {"Webhook-Signature": "v1,AAAA v2,x " + good["Webhook-Signature"]}
    assert webhook.verify(body, several, SECRET, 700) == "msg_1"


@pytest.mark.parametrize(
    ("change", "body", "secret", "now"),
    [
        ({}, b"{} ", SECRET, 1_000),
        ({}, b"{}", "another", 1_000),
        ({}, b"{}", "", 1_000),
        ({}, b"{}", [], 1_000),
        ({}, b"{}", SECRET, 1_301),
        ({}, b"{}", SECRET, 699),
        ({"Webhook-Id": "msg_2"}, b"{}", SECRET, 1_000),
        ({"Webhook-Id": ""}, b"{}", SECRET, 1_000),
        ({"Webhook-Timestamp": "1001"}, b"{}", SECRET, 1_000),
        ({"Webhook-Timestamp": "1e3"}, b"{}", SECRET, 1_000),
        ({"Webhook-Timestamp": "9" * 5_000}, b"{}", SECRET, 1_000),
        ({"Webhook-Timestamp": "\u0661"}, b"{}", SECRET, 1),
        ({"Webhook-Signature": ""}, b"{}", SECRET, 1_000),
        ({"Webhook-Signature": "v1,"}, b"{}", SECRET, 1_000),
        ({"Webhook-Signature": "v1,\u00e9"}, b"{}", SECRET, 1_000),
        ({"Webhook-Signature": "v1,not base64!"}, b"{}", SECRET, 1_000),
    ],
)
def test_what_is_not_the_banks_is_refused_without_saying_why(change, body, secret, now):
    with pytest.raises(NotTheBanks, match="the webhook is not the bank's"):
        webhook.verify(body, signed(b"{}") | change, secret, now)


def test_an_empty_secret_signs_nothing():
    with pytest.raises(NotTheBanks):
        webhook.verify(b"{}", signed(b"{}", secret=""), "", 1_000)
    with pytest.raises(NotTheBanks):
        webhook.verify(b"{}", {}, SECRET, 1_000)


def test_what_is_told_and_listed_has_no_name_in_it(talk):
    to_bank(talk).send(payments("masked"))
    assert b"ANNA" not in json.dumps(talk.get("/books")).encode()
    assert b"ANNA" not in b"".join(content for _, content in bank.outgoing(talk.folder))
