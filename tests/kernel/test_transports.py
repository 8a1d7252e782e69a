"""Requests over real HTTP: what is sent, and what each answer means."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from events import transports
from events.transports import Refused, Request, Task, Unreachable

TASKS = [Task(7, "task-7", "token-7", {"gross_cents": 100}), Task(9, "task-9", "token-9", {"gross_cents": 5})]
REQUEST = Request("id-1", "tax-calc", "run-1", {"fica": "0.0765"}, TASKS)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    status, headers, body = 202, {}, b"{}"  # type: ignore[var-annotated]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0

    def url(self, path: str = "/tasks?v=1") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(self.server.body)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=[0.02], daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def keep(run: str, content: bytes) -> tuple[str, str]:
    raise AssertionError("HTTP carries the inputs itself")


def send(url: str, *requests: Request) -> None:
    with transports.open_sender(url, keep) as sender:
        for request in requests or (REQUEST,):
            sender.send(request)


def test_a_request_is_one_signed_post(server: Server, settings: Any) -> None:
    settings.EVENTS_DOWNSTREAM_SECRET = "shared"
    send(server.url())
    ((path, headers, body),) = server.seen
    assert path == "/tasks?v=1"
    assert json.loads(body) == {
        "step": "tax-calc",
        "run": "run-1",
        "terms": {"fica": "0.0765"},
        "tasks": [
            {"task": "task-7", "token": "token-7", "input": {"gross_cents": 100}},
            {"task": "task-9", "token": "token-9", "input": {"gross_cents": 5}},
        ],
    }
    assert (headers["Content-Type"], headers["Idempotency-Key"]) == ("application/json", "id-1")
    moment, _, mac = headers["Request-Signature"].removeprefix("t=").partition(",v1=")
    assert mac == hmac.new(b"shared", moment.encode() + b"." + body, hashlib.sha256).hexdigest()


def test_without_a_secret_nothing_is_signed_and_credentials_are_a_header(server: Server) -> None:
    send(server.url().replace("//", "//ann:p%40ss@"))
    ((_, headers, _),) = server.seen
    assert "Request-Signature" not in headers
    assert headers["Authorization"] == "Basic YW5uOnBAc3M="


def test_the_requests_of_a_batch_share_a_connection(server: Server) -> None:
    send(server.url(), *[REQUEST] * 5)
    assert (len(server.seen), server.connections) == (5, 1)


def test_a_long_answer_does_not_stand_before_the_next_one(server: Server) -> None:
    server.body = b"x" * 200_000
    send(server.url(), *[REQUEST] * 3)
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_accepted(server: Server, status: int) -> None:
    server.status, server.body = status, b""
    send(server.url())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_a_task_may_be_the_reason_of_is_a_refusal(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(Refused, match=f"^HTTP {status}$"):
        send(server.url())


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 408, 429, 500, 502, 503])
def test_what_concerns_every_request_is_no_refusal_and_no_redirect_is_followed(
    server: Server, status: int
) -> None:
    server.status, server.headers = status, {"Location": server.url("/elsewhere"), "Retry-After": "7"}
    with pytest.raises(Unreachable, match=f"^it answered HTTP {status}$") as why:
        send(server.url())
    assert why.value.after_s == 7
    assert len(server.seen) == 1


@pytest.mark.parametrize("given", ["soon", "-1", "99999999999", ""])
def test_how_long_to_wait_is_believed_within_reason(server: Server, given: str) -> None:
    server.status, server.headers = 503, {"Retry-After": given}
    with pytest.raises(Unreachable) as why:
        send(server.url())
    assert why.value.after_s in (None, 300)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match=r"^ConnectionRefusedError$"):
        send(f"http://127.0.0.1:{port}/tasks")


def test_somebody_who_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports.http, "READ_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(Unreachable, match=r"^TimeoutError$"),
    ):
        send(f"http://127.0.0.1:{mute.getsockname()[1]}/tasks")


@pytest.mark.parametrize("said", [b"", b"HELLO\r\n\r\n"])
def test_what_is_no_http_was_not_accepted(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def serve() -> None:
            caller, _ = odd.accept()
            with caller:
                caller.recv(1 << 16)
                caller.sendall(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(Unreachable):
            send(f"http://127.0.0.1:{odd.getsockname()[1]}/tasks")
        thread.join(10)
