"""The reference downstream over HTTP, as a process of its own: it prints its URL, and what it said when it ends.

python -m tests.downstream.http --api http://127.0.0.1:8000 [--port 0] [--secret S] [--silent 2 …]
GET /said tells how often it gave which answer, and what it was told.
"""

import argparse
import hmac
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from events.signing import signature
from tests.downstream import manners
from tests.downstream.service import Api, Asked, Service


class Server(ThreadingHTTPServer):
    """Takes requests for a service."""

    daemon_threads = True

    def __init__(self, service: Service, port: int = 0, secret: str = "") -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.service = service
        self.secret = secret
        self.bodies: list[dict[str, Any]] = []
        self.keep_bodies = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/tasks"


class Handler(BaseHTTPRequestHandler):
    """POST takes tasks, GET /said tells what came of them."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.secret and not self._signed(body):
            self._respond(401, {"error": "not signed by whom we know"})
            return
        asked = json.loads(body)
        if self.server.keep_bodies:
            self.server.bodies.append(asked)
        self.server.service.take(
            [
                Asked(asked["step"], asked["terms"], each["task"], each["token"], each["input"])
                for each in asked["tasks"]
            ]
        )
        self._respond(202, {"taken": len(asked["tasks"])})

    def do_GET(self) -> None:
        self._respond(200, dict(self.server.service.said))

    def log_message(self, *args: Any) -> None:
        """Nothing: there are too many."""

    def _signed(self, body: bytes) -> bool:
        given = self.headers.get("Request-Signature", "")
        moment = given.partition(",")[0].removeprefix("t=")
        return moment.isdecimal() and hmac.compare_digest(
            given, signature(self.server.secret, body, int(moment))
        )

    def _respond(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", required=True, help="where the answers go: http://host:port")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret", default="")
    manners.add_arguments(parser)
    options = parser.parse_args()
    service = Service(manners.of_arguments(options), lambda: Api(options.api), options.threads)
    server = Server(service, options.port, options.secret)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    service.stop()
    sys.stdout.write(f"{json.dumps(service.said)}\n")


if __name__ == "__main__":
    main()
