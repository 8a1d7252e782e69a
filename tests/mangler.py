"""A proxy before an SQS endpoint that loses, doubles, delays and reorders the messages sent through it."""

import base64
import hashlib
import http.client
import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SEND = "AmazonSQS.SendMessage"


class Mangler:
    """What becomes of a message: `fate` is one of the methods below, and may be changed at any time."""

    def __init__(self, endpoint: str, seed: int) -> None:
        self.endpoint = endpoint
        self.url = ""
        self.fate = "pass"
        self.random = random.Random(seed)  # noqa: S311 - so that a failure can be repeated
        self.counted: Counter[str] = Counter()
        self.bodies: list[str] = []

    def copies(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """What is sent on instead of this message."""
        self.counted[self.fate] += 1
        self.bodies.append(message["MessageBody"])
        if self.fate == "drop":
            return []
        if self.fate == "double":
            return [message, message]
        if self.fate == "delay":
            return [message | {"DelaySeconds": 2}]
        if self.fate == "reorder":
            return [message | {"DelaySeconds": self.random.randrange(4)}]
        return [message]

    def carried(self) -> set[str]:
        """The first argument of every message: its id."""
        return {_argument(body) for body in self.bodies}


def _argument(body: str) -> str:
    envelope = json.loads(base64.b64decode(body))
    positional, _, _ = json.loads(base64.b64decode(envelope["body"]))
    return str(positional[0])


@contextmanager
def mangling(endpoint: str, seed: int = 1) -> Iterator[Mangler]:
    """A mangler on a free port; give its `url` to those whose messages it is to mangle."""
    mangler = Mangler(endpoint, seed)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("X-Amz-Target") != SEND:
                self._answer(*self._forward(body))
                return
            message = json.loads(body)
            answers = [self._forward(json.dumps(copy).encode()) for copy in mangler.copies(message)]
            self._answer(*(answers or [_as_if_sent(message)])[0])

        do_GET = do_POST

        def _forward(self, body: bytes) -> tuple[int, bytes, str]:
            parts = urlsplit(mangler.endpoint)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=40)
            headers = {
                name: value for name, value in self.headers.items() if name.lower() != "content-length"
            }
            try:
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                return response.status, response.read(), response.headers.get("Content-Type", "")
            finally:
                connection.close()

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the worker that asked was killed

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        server.block_on_close = False
        mangler.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield mangler
        finally:
            server.shutdown()


def _as_if_sent(message: dict[str, Any]) -> tuple[int, bytes, str]:
    digest = hashlib.md5(message["MessageBody"].encode()).hexdigest()  # noqa: S324 - SQS's own checksum
    answer = {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": digest}
    return 200, json.dumps(answer).encode(), "application/x-amz-json-1.0"
