"""A program that calls the API. It signs by the words of the documentation, and shares no code with who checks.

program = calling.program("runs:read")
program.get("/runs").json()
program.post("/runs", {"from": …})          signs, with a new nonce and a new Idempotency-Key
"""

import hashlib
import hmac
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from django.test import Client

from ops.api import keys

ROOT = "/api/v1"
PROBLEM = "application/problem+json"


def signature(secret: str, *lines: str) -> str:
    """HMAC-SHA256 over lines, in hex."""
    return hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


@dataclass
class Program:
    """A key and its secret, and how to call with them."""

    key: str
    secret: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def authorization(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        idempotency_key: str = "",
        *,
        timestamp: int | None = None,
        nonce: str | None = None,
    ) -> str:
        at, nonce = str(timestamp or int(time.time())), nonce or secrets.token_urlsafe(24)
        digest = hashlib.sha256(body).hexdigest()
        signed = signature(self.secret, method, unquote(path), query, at, nonce, idempotency_key, digest)
        return f"Payroll-HMAC-SHA256 key={self.key}, timestamp={at}, nonce={nonce}, signature={signed}"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        idempotency_key: str | None = None,
        content_type: str = "application/json",
        **query: Any,
    ) -> Any:
        """A signed request. bytes are sent as they are; "" sends no Idempotency-Key."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if idempotency_key is None:
            idempotency_key = str(uuid.uuid4()) if method == "POST" else ""
        full, asked = f"{ROOT}{path}", urlencode(query)
        headers = {"Authorization": self.authorization(method, full, asked, raw, idempotency_key)}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return self.raw(method, full, asked, raw, headers, content_type)

    def raw(  # noqa: PLR0917 - a request, in the order in which it is written
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Exactly this request."""
        address = f"{path}?{query}" if query else path
        return self.client.generic(method, address, body, content_type, headers=headers or {})

    def get(self, path: str, **query: Any) -> Any:
        return self.send("GET", path, **query)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.send("POST", path, {} if body is None else body, **options)


def program(*scopes: str, name: str | None = None, expires_days: int | None = None) -> Program:
    """A program with a new key."""
    key, secret = keys.create(
        name or f"key-{secrets.token_hex(4)}", scopes or tuple(keys.Scope), expires_days=expires_days
    )
    return Program(key.id, secret)


def problem(response: Any, status: int, name: str = "") -> dict[str, Any]:
    """The problem document of a response that must be one."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    document: dict[str, Any] = json.loads(response.content)
    assert document["status"] == status
    assert document["type"].startswith("urn:problem-type:payroll:")
    assert document["title"] and document["detail"]
    uuid.UUID(document["instance"].removeprefix("urn:uuid:"))
    if name:
        assert document["type"] == f"urn:problem-type:payroll:{name}"
    return document
