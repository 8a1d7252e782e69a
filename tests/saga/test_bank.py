"""The gateways against a real bank process: one booking per key, the truth after every kind of silence."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from payroll.payments import bank, bank_process, gateway
from payroll.payments.gateway import GatewayRejected, OutcomeUnknown, PaymentOrder, SandboxBank
from tests.saga.bank_orders import gateway_to, order, until, with_bytes

ROOT = Path(bank.__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder with a blank in its name; whatever bank it got is ended."""
    path = tmp_path / "a bank"
    yield path
    bank.stop(path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bank.BankAddress]]:
    """One bank for the tests that only need it to be there; each uses keys and files of its own."""
    path = tmp_path_factory.mktemp("shared bank")
    yield path, bank.ensure_running(path)
    bank.stop(path)


def booked(path: Path, key: UUID) -> list[bank.BookedCredit]:
    return [credit for credit in bank.books(path) if credit.key == key]


# What is booked


def test_a_file_is_booked_once_to_the_cent(shared):
    path, address = shared
    sandbox, sent = gateway_to(address), order("once")
    assert sandbox.find(sent.key) is None
    receipt = sandbox.send(sent)
    assert (receipt.key, receipt.sha256, receipt.entries, receipt.total_cents) == (
        sent.key,
        sent.sha256,
        3,
        303,
    )
    assert sandbox.send(sent) == receipt == sandbox.find(sent.key)
    credits = booked(path, sent.key)
    assert [(c.individual_id, c.amount_cents) for c in credits] == [
        ("ONCE0", 100),
        ("ONCE1", 101),
        ("ONCE2", 102),
    ]
    first = credits[0]
    assert (first.company_id, first.name, first.routing, first.account) == (
        "1123456789", "ANNA ADAMS", "011401533", "777000",
    )  # fmt: skip
    assert (first.account_type, first.effective) == ("checking", date(2026, 11, 20))
    assert first.trace == "021000020000001"
    assert "ANNA" not in repr(first) and "77700" not in repr(first) + repr(sent)


def test_a_key_takes_one_file_and_a_file_one_key(shared):
    path, address = shared
    sandbox, sent = gateway_to(address), order("pair")
    sandbox.send(sent)
    with pytest.raises(GatewayRejected, match="409"):
        sandbox.send(with_bytes(sent, order("other").content))
    with pytest.raises(GatewayRejected, match="409"):
        sandbox.send(replace(sent, key=uuid4()))
    assert len(booked(path, sent.key)) == 3
    assert sandbox.find(order("other").key) is None


def test_many_senders_of_the_same_orders_book_each_once(shared):
    path, address = shared
    orders = [order(f"crowd{n}", 20) for n in range(8)]
    with ThreadPoolExecutor(16) as crowd:
        receipts = set(crowd.map(gateway_to(address).send, orders * 6))
    assert {(receipt.key, receipt.sha256) for receipt in receipts} == {(o.key, o.sha256) for o in orders}
    assert len(receipts) == 8
    assert [len(booked(path, sent.key)) for sent in orders] == [20] * 8


def test_a_file_with_a_fault_is_refused_whole(shared):
    path, address = shared
    sandbox, sound = gateway_to(address), order("fault")
    for spoilt in (
        sound.content.replace(b"0000000101", b"0000000901"),
        sound.content[:-95],
        sound.content[: len(sound.content) // 2],
        b"",
        b"not a file",
    ):
        with pytest.raises(GatewayRejected, match="422"):
            sandbox.send(with_bytes(sound, spoilt))
    with pytest.raises(GatewayRejected, match="first in line 6, total credits") as refused:
        sandbox.send(with_bytes(sound, sound.content.replace(b"0000000101", b"0000000901")))
    assert "ANNA" not in str(refused.value) and "777" not in str(refused.value)
    assert booked(path, sound.key) == [] and sandbox.find(sound.key) is None


# When the bank dies or is slow


def test_a_killed_bank_keeps_its_books_and_is_found_again(folder):
    address = bank.ensure_running(folder)
    before, after = order("before"), order("after")
    receipt = gateway_to(address).send(before)
    os.kill(pid_of(folder), signal.SIGKILL)
    until(lambda: bank_process.running_pid(folder) is None)
    assert len(bank.books(folder)) == 3  # read without any bank
    with pytest.raises(OutcomeUnknown):
        gateway_to(address).send(after)
    with pytest.raises(OutcomeUnknown):
        gateway_to(address).find(before.key)
    again = bank.ensure_running(folder)
    assert again == address  # the same port and token, so that callers find it again
    assert gateway_to(address).find(before.key) == receipt
    assert gateway_to(address).find(after.key) is None
    gateway_to(address).send(after)
    assert gateway_to(address).send(before) == receipt
    assert len(bank.books(folder)) == 6


def test_a_late_answer_is_unknown_until_the_bank_is_asked(folder):
    address = bank.ensure_running(folder, delay_ms=60_000)
    sent = order("late")
    with pytest.raises(OutcomeUnknown):
        gateway_to(address, timeout_s=0.3).send(sent)
    receipt = until(lambda: gateway_to(address).find(sent.key))
    assert (receipt.sha256, receipt.total_cents) == (sent.sha256, sent.total_cents)
    with pytest.raises(OutcomeUnknown):
        gateway_to(address, timeout_s=0.3).send(sent)
    assert len(bank.books(folder)) == 3


MOMENTS = {
    "before": lambda path, sent: True,
    "while it writes": lambda path, sent: (path / "bank.sqlite-wal").stat().st_size > 100_000,
    "once it is booked": lambda path, sent: booked(path, sent.key),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_bank_killed_at_a_moment_has_all_of_a_file_or_nothing(folder, moment):
    address, sent = bank.ensure_running(folder), order("torn", 5_000)
    pid = pid_of(folder)
    with ThreadPoolExecutor(1) as sender:
        answer = sender.submit(outcome, gateway_to(address), sent)
        until(lambda: MOMENTS[moment](folder, sent))
        os.kill(pid, signal.SIGKILL)
        said = answer.result()
    address = bank.ensure_running(folder)
    found = gateway_to(address).find(sent.key)
    assert len(booked(folder, sent.key)) == (5_000 if found else 0)
    assert said in {None, found}
    assert found or moment != "once it is booked"
    gateway_to(address).send(sent)
    assert len(booked(folder, sent.key)) == 5_000


def outcome(sandbox: SandboxBank, sent: PaymentOrder) -> gateway.Receipt | None:
    try:
        return sandbox.send(sent)
    except OutcomeUnknown:
        return None


def test_a_paused_bank_is_replaced(folder, monkeypatch):
    monkeypatch.setattr(bank_process, "ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr(bank_process, "END_WITHIN_S", 0.2)
    address = bank.ensure_running(folder)
    sent, paused = order("paused"), pid_of(folder)
    gateway_to(address).send(sent)
    os.kill(paused, signal.SIGSTOP)
    with pytest.raises(OutcomeUnknown):
        gateway_to(address, timeout_s=0.2).find(sent.key)
    monkeypatch.setattr(bank_process, "ANSWER_WITHIN_S", 0.2)
    again = bank.ensure_running(folder)
    assert pid_of(folder) != paused
    assert gateway_to(again).find(sent.key).sha256 == sent.sha256


# At the counter


def ask(
    address: bank.BankAddress, method: str, path: str, headers: dict[str, str], body: bytes | None = None
):
    parts = urlsplit(address.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "change", "status"),
    [
        ("GET", "/books", {"Authorization": ""}, 401),
        ("GET", "/books", {"Authorization": "Bearer "}, 401),
        ("GET", "/books", {"Authorization": "Bearer \xe9"}, 401),
        ("POST", "/files", {"Authorization": "Bearer wrong"}, 401),
        ("GET", f"/files/{UUID(int=1)}", {}, 404),
        ("GET", "/files/../../etc/passwd", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("POST", "/books", {}, 404),
        ("POST", "/files", {"Idempotency-Key": ""}, 400),
        ("POST", "/files", {"Idempotency-Key": "x' or 1=1--"}, 400),
        ("POST", "/files", {"Content-Length": "-1"}, 411),
        ("POST", "/files", {"Content-Length": "9" * 5_000}, 411),
        ("POST", "/files", {"Content-Length": str((64 << 20) + 1)}, 413),
        ("PUT", "/files", {}, 501),
        ("DELETE", "/files", {}, 501),
    ],
)
def test_the_counter_refuses_in_json(shared, method, path, change, status):
    _, address = shared
    headers = {
        "Authorization": f"Bearer {address.token}",
        "Idempotency-Key": str(uuid4()),
        "Content-Length": "0",
    }
    said, answer = ask(address, method, path, headers | change)
    assert said == status and isinstance(answer["error"], str)
    assert address.token not in json.dumps(answer)


def test_a_file_cut_off_on_the_way_is_not_booked(shared):
    path, address = shared
    sent, parts = order("cut"), urlsplit(address.url)
    with socket.create_connection((parts.hostname, parts.port)) as line:
        head = f"POST /files HTTP/1.0\r\nAuthorization: Bearer {address.token}\r\n"
        head += f"Idempotency-Key: {sent.key}\r\nContent-Length: {len(sent.content) + 950}\r\n\r\n"
        line.sendall(head.encode() + sent.content)
        line.shutdown(socket.SHUT_WR)
        assert b" 408 " in line.recv(4096)
    assert booked(path, sent.key) == []


def test_the_books_add_up_for_whoever_asks(shared):
    path, address = shared
    gateway_to(address).send(order("sum"))
    status, said = ask(address, "GET", "/books", {"Authorization": f"Bearer {address.token}"})
    credits = bank.books(path)
    assert status == 200
    assert said["entries"] == len(credits) == sum(file["entries"] for file in said["files"])
    assert said["total_cents"] == sum(credit.amount_cents for credit in credits)


# The process


def pid_of(path: Path) -> int:
    return int(until(lambda: bank_process.running_pid(path)))


def test_two_who_start_a_bank_at_once_get_the_same(folder):
    code = (
        "import sys, pathlib; from payroll.payments.bank import ensure_running;"
        "print(ensure_running(pathlib.Path(sys.argv[1])).url)"
    )
    start = [sys.executable, "-c", code, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(subprocess.check_output, start, env=environment, cwd="/") for _ in range(2)]
        inside = [pool.submit(bank.ensure_running, folder) for _ in range(2)]
        urls = {run.result().decode().strip() for run in runs} | {run.result().url for run in inside}
    assert len(urls) == 1
    assert gateway_to(bank.ensure_running(folder)).find(uuid4()) is None


def test_stop_ends_this_bank_and_no_other_process(folder):
    assert bank.stop(folder) is False
    bank.ensure_running(folder)
    pid = pid_of(folder)
    assert bank.stop(folder) is True
    assert bank_process.running_pid(folder) is None
    assert bank.stop(folder) is False
    # A stale pid that now belongs to somebody else: nobody holds the lock, so nobody is ended.
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (folder / "bank.lock").write_text(str(bystander.pid))
        assert bank.stop(folder) is False
        assert bystander.poll() is None
        bystander.kill()
    assert pid != bystander.pid


def test_a_second_bank_does_not_open_the_same_books(folder):
    address = bank.ensure_running(folder)
    command = [sys.executable, "-c", SECOND_BANK, "--state-dir", str(folder), "--port", "0"]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert done.returncode == 3 and b"another bank" in done.stderr
    assert bank.ensure_running(folder) == address


SECOND_BANK = (
    "import sys; from payroll.payments import bank, bank_process;"
    "bank_process.END_WITHIN_S = 0.05; sys.exit(bank.main())"
)


def test_a_port_somebody_took_gets_another_port_and_another_token(folder):
    before = bank.ensure_running(folder)
    bank.stop(folder)
    port = urlsplit(before.url).port
    with socket.create_server(("127.0.0.1", port)):
        after = bank.ensure_running(folder)
        assert after.url != before.url and after.token != before.token


def test_a_bank_that_cannot_start_says_so(folder):
    folder.mkdir()
    (folder / "bank.sqlite").write_text("this is no database, whatever its name says")
    with pytest.raises(bank.BankNotRunning, match="did not start"):
        bank.ensure_running(folder)


def test_nobody_else_reads_the_banks_folder_and_its_log_is_silent(folder):
    address = bank.ensure_running(folder)
    gateway_to(address).send(order("quiet"))
    with pytest.raises(GatewayRejected):
        gateway_to(address).send(with_bytes(order("loud"), b"6" * 94))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert (folder / "bank.log").read_bytes() == b""
    assert address.token not in repr(address)
    assert json.loads((folder / "bank.json").read_text())["pid"] == pid_of(folder)
