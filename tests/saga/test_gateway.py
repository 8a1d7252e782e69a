"""The gateways alone: what a bank may answer, and a write-once folder that fails at any write."""

import hashlib
import json
import math
import socket
import threading
from dataclasses import replace
from uuid import uuid4

import pytest

from payroll.payments.gateway import (
    AchFolder,
    GatewayRejected,
    OutcomeUnknown,
    PaymentGateway,
    PaymentOrder,
    SandboxBank,
)
from tests.saga.bank_orders import order, with_bytes

# Answers that are not to be believed


class Impostor:
    """A server that says one thing to everybody, then hangs up."""

    def __init__(self, status: int, body: bytes, *, cut: int = 0) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        head = f"HTTP/1.0 {status} X\r\nContent-Length: {len(body) + cut}\r\n\r\n"
        self.answer = head.encode() + body if status else b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            with caller:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += caller.recv(1 << 16)
                head, _, body = request.partition(b"\r\n\r\n")
                said = [row for row in head.split(b"\r\n") if row.startswith(b"Content-Length:")]
                length = int(said[0][15:]) if said else 0
                while len(body) < length:
                    body += caller.recv(1 << 16)
                caller.sendall(self.answer)


def as_answer(sent: PaymentOrder, **change: object) -> bytes:
    receipt = {"key": str(sent.key), "reference": "R", "sha256": sent.sha256}
    return json.dumps(receipt | {"entries": sent.entries, "total_cents": sent.total_cents} | change).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (0, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, as_answer(order(), total_cents=1)),
        (200, as_answer(order(), entries=1)),
        (200, as_answer(order(), entries="3")),
        (200, as_answer(order(), sha256="0" * 64)),
        (200, as_answer(order(), key=str(uuid4()))),
        (301, b"{}"),
        (401, b'{"error": "who"}'),
        (404, b'{"error": "where"}'),
        (409, b"{}"),
        (429, b'{"error": "later"}'),
        (500, b'{"error": "oh"}'),
        (503, b"<html>"),
    ],
)
def test_what_is_no_clear_answer_leaves_the_outcome_unknown(status, body):
    impostor, sent = Impostor(status, body), order()
    with impostor.socket:
        with pytest.raises(OutcomeUnknown):
            SandboxBank(impostor.url, "t", 2).send(sent)
        if status != 200 or b'"key"' not in body or b"SANDBOX" in body:
            with pytest.raises(OutcomeUnknown):
                SandboxBank(impostor.url, "t", 2).find(sent.key)


def test_an_answer_cut_short_is_unknown():
    impostor = Impostor(200, as_answer(order()), cut=50)
    with impostor.socket, pytest.raises(OutcomeUnknown):
        SandboxBank(impostor.url, "t", 2).send(order())


def test_bytes_other_than_recorded_never_leave():
    store, sent = Store(), replace(order(), content=order("swap").content)
    for target in (SandboxBank("http://127.0.0.1:9", "t"), AchFolder(store.put_once, store.objects.get)):
        with pytest.raises(GatewayRejected, match="hash"):
            target.send(sent)
    assert store.objects == {}


# The write-once folder


class Store:
    """Write-once objects in memory, that can lose power before or after a write."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.writes_left = 1_000
        self.lost_after = False

    def put_once(self, name: str, content: bytes) -> str:
        if self.writes_left <= 0 and not self.lost_after:
            raise TimeoutError("the store is gone")
        if self.objects.setdefault(name, content) != content:
            raise FileExistsError(name)
        self.writes_left -= 1
        if self.writes_left < 0:
            raise TimeoutError("the store is gone, after the write")
        return hashlib.sha256(content).hexdigest()


def test_a_file_lies_once_in_the_folder():
    store, sent = Store(), order()
    target = AchFolder(store.put_once, store.objects.get)
    assert target.find(sent.key) is None
    receipt = target.send(sent)
    assert target.send(sent) == receipt == target.find(sent.key)
    assert store.objects[sent.storage_key] == sent.content
    assert f"receipts/{sent.key}.json" in store.objects
    assert all(
        b"ANNA" not in content for name, content in store.objects.items() if name.startswith("receipts/")
    )


def test_the_folder_takes_one_file_for_a_key_and_one_key_for_a_file():
    store, sent, other = Store(), order(), order("other")
    target = AchFolder(store.put_once, store.objects.get)
    target.send(sent)
    for wrong in (
        with_bytes(sent, other.content),
        replace(with_bytes(sent, other.content), storage_key="ach/else.txt"),
        replace(sent, key=uuid4(), storage_key="ach/else.txt"),
        replace(sent, key=uuid4()),
        replace(other, storage_key=sent.storage_key),
    ):
        with pytest.raises(GatewayRejected):
            target.send(wrong)
    assert [name for name in store.objects if name.startswith("ach/")] == [sent.storage_key]


@pytest.mark.parametrize("lost_after", [False, True])
@pytest.mark.parametrize("writes", range(3))
def test_a_folder_that_fails_at_any_write_is_unknown_and_mends(writes, lost_after):
    store, sent = Store(), order()
    store.writes_left, store.lost_after = writes, lost_after
    target = AchFolder(store.put_once, store.objects.get)
    with pytest.raises(OutcomeUnknown):
        target.send(sent)
    there = target.find(sent.key)
    assert (there is not None) == (sent.storage_key in store.objects)
    store.writes_left = 1_000
    with pytest.raises(GatewayRejected):  # not even a half-sent key takes another file
        if writes == 0 and not lost_after:
            raise GatewayRejected  # nothing was written: the key is still free
        target.send(replace(with_bytes(sent, order("other").content), storage_key="ach/else.txt"))
    receipt = target.send(sent)
    assert target.find(sent.key) == receipt and there in {None, receipt}


def test_a_folder_with_other_bytes_than_the_receipt_is_unknown():
    store, sent = Store(), order()
    target = AchFolder(store.put_once, store.objects.get)
    target.send(sent)
    store.objects[sent.storage_key] = sent.content[:-1]
    with pytest.raises(OutcomeUnknown):
        target.find(sent.key)
    store.objects[f"receipts/{sent.key}.json"] = b"[]"
    with pytest.raises(OutcomeUnknown):
        target.find(sent.key)


def test_both_are_payment_gateways():
    store = Store()
    both: list[PaymentGateway] = [
        SandboxBank("http://127.0.0.1:9", "t"),
        AchFolder(store.put_once, store.objects.get),
    ]
    assert [one.name for one in both] == ["sandbox-bank", "ach-folder"]
    assert (both[1].lookup_lag_s, both[1].key_valid_s) == (0, math.inf), "write-once, and for ever"
    for stated in ('{"lookup_lag_s": -1}', '{"lookup_lag_s": "1"}', '{"lookup_lag_s": Infinity}', "{}"):
        impostor = Impostor(200, stated.encode())
        with impostor.socket, pytest.raises(OutcomeUnknown, match="does not state"):
            _ = SandboxBank(impostor.url, "t", 2).lookup_lag_s


@pytest.mark.parametrize("url", ["127.0.0.1:80", "file:///etc/passwd", "http://"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="http"):
        SandboxBank(url, "t")
