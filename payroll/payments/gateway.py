"""How a payment file leaves the house: a protocol, a write-once folder, the sandbox bank.

The caller commits key, bytes and sha256 before `send`. After `OutcomeUnknown` it asks `find` by the same key
before anything else; sending the same key and the same bytes again never pays twice.
"""

import hashlib
import http.client
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

MAX_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """One file to send; key is its deterministic id, sha256 that of content as recorded before the call."""

    key: UUID
    storage_key: str
    sha256: str
    content: bytes = field(repr=False)
    entries: int
    total_cents: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the bank holds under a key: its own reference, and the file's hash, entry count and total."""

    key: UUID
    reference: str
    sha256: str
    entries: int
    total_cents: int


class GatewayRejected(Exception):
    """The bank said no, for good: nothing was booked. One sentence, no personal data; a person must look."""


class OutcomeUnknown(Exception):
    """Neither sent nor failed (timeout, lost connection, 5xx): ask `find` by key before anything else."""


class PaymentGateway(Protocol):
    """A bank to send files to. All but the name may raise OutcomeUnknown; find and send also GatewayRejected."""

    @property
    def name(self) -> str:
        """A short word for events and screens."""
        ...

    @property
    def lookup_lag_s(self) -> float:
        """Seconds after a call in which `find` may still say None of what the bank took."""
        ...

    @property
    def key_valid_s(self) -> float:
        """Seconds for which the bank remembers a key; sent again after that it would pay again."""
        ...

    def find(self, key: UUID) -> Receipt | None:
        """The receipt under this key; None when the bank answers that it holds nothing whole under it.

        GatewayRejected says that what it holds was rejected after the receipt: nothing was paid.
        """
        ...

    def send(self, order: PaymentOrder) -> Receipt:
        """Send the file once; the same key with the same bytes again gives the same receipt."""
        ...


class AchFolder:
    """The file lies write-once in object storage, for the bank to fetch.

    put_once  stores bytes under a name, returns their sha256; the same bytes again are fine, others raise
    get       the bytes under a name, or None

    Three objects, in this order: the receipt reserves the key, the claim reserves the bytes, the file itself
    is the commit. A receipt counts only once its file is there: a crash in between leaves "not sent".
    """

    name = "ach-folder"
    lookup_lag_s = 0.0  # what lies there is there for whoever looks
    key_valid_s = math.inf  # and for ever

    def __init__(self, put_once: Callable[[str, bytes], str], get: Callable[[str], bytes | None]) -> None:
        self._put_once = put_once
        self._get = get

    def find(self, key: UUID) -> Receipt | None:
        reserved = self._read(_receipt_name(key))
        if reserved is None:
            return None
        try:
            record = json.loads(reserved)
            receipt, storage_key = _receipt(record), str(record["storage_key"])
        except (ValueError, KeyError, TypeError) as error:
            raise OutcomeUnknown("the receipt in storage cannot be read") from error
        stored = self._read(storage_key)
        if stored is None:
            return None
        if hashlib.sha256(stored).hexdigest() != receipt.sha256 or receipt.key != key:
            raise OutcomeUnknown("the file in storage is not the one of its receipt")
        return receipt

    def send(self, order: PaymentOrder) -> Receipt:
        _check_hash(order)
        receipt = Receipt(
            order.key, f"folder:{order.storage_key}", order.sha256, order.entries, order.total_cents
        )
        record = asdict(receipt) | {"key": str(order.key), "storage_key": order.storage_key}
        self._put(_receipt_name(order.key), _json(record), "another file was sent under this key")
        claim = {"key": str(order.key), "storage_key": order.storage_key}
        self._put(f"receipts/{order.sha256}.json", _json(claim), "this file was sent under another key")
        self._put(order.storage_key, order.content, "another file lies under this storage key")
        return receipt

    def _put(self, name: str, content: bytes, taken: str) -> None:
        """Write once, or say whether other bytes hold the name; storage may fail in ways of its own."""
        try:
            stored = self._put_once(name, content)
        except Exception as error:
            if self._read(name) not in {None, content}:
                raise GatewayRejected(taken) from error
            raise OutcomeUnknown("storage did not confirm the write") from error
        if stored != hashlib.sha256(content).hexdigest():
            raise OutcomeUnknown("storage holds other bytes than were written")

    def _read(self, name: str) -> bytes | None:
        try:
            return self._get(name)
        except Exception as error:
            raise OutcomeUnknown("storage did not answer") from error


class SandboxBank:
    """The sandbox bank over HTTP. What it states of itself is asked once, when it is first needed.

    base_url, token  as `bank.ensure_running` gives them
    timeout_s        for the connection and for each wait on it
    """

    name = "sandbox-bank"
    kind = "files"  # the part of the bank's address where such orders are sent and found

    def __init__(self, base_url: str, token: str, timeout_s: float = 10) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the bank's address is not an http or https URL")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._token = token
        self._timeout_s = timeout_s
        self._terms: dict[str, float] = {}

    @property
    def lookup_lag_s(self) -> float:
        return self._stated("lookup_lag_s")

    @property
    def key_valid_s(self) -> float:
        return self._stated("key_valid_s")

    def find(self, key: UUID) -> Receipt | None:
        status, answer = self._call("GET", f"/{self.kind}/{key}")
        # Only the bank's own "no such key" means absent; any other 404 may come from something in between.
        if status == http.client.NOT_FOUND and answer.get("key") == str(key):
            return None
        if status != http.client.OK:
            raise OutcomeUnknown(f"the bank answered {status} to a question by key")
        receipt = _confirmed(answer, key)
        if answer.get("status") == "rejected":
            raise GatewayRejected(f"the bank rejected what it had taken{_first_finding(answer)}")
        return None if answer.get("status") == "partial" else receipt  # a part books nothing and gives way

    def send(self, order: PaymentOrder) -> Receipt:
        _check_hash(order)
        status, answer = self._call(
            "POST", f"/{self.kind}", order.content, {"Idempotency-Key": str(order.key)}
        )
        if status in _REJECTED and isinstance(answer.get("error"), str):
            raise GatewayRejected(f"the bank answered {status}: {_REJECTED[status]}{_first_finding(answer)}")
        if status not in {http.client.OK, http.client.CREATED}:
            raise OutcomeUnknown(f"the bank answered {status}")
        receipt = _confirmed(answer, order.key)
        if (receipt.sha256, receipt.entries, receipt.total_cents) != (
            order.sha256,
            order.entries,
            order.total_cents,
        ):
            raise OutcomeUnknown("the bank confirmed another hash, entry count or total")
        return receipt

    def _stated(self, name: str) -> float:
        if name not in self._terms:
            status, answer = self._call("GET", "/terms")
            value = answer.get(name)
            if status != http.client.OK or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise OutcomeUnknown(f"the bank does not state its {name}")
            self._terms[name] = float(value)
        return self._terms[name]

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One request, one connection; everything that goes wrong on the way is an unknown outcome."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout_s)
        try:
            connection.request(
                method, path, body, {"Authorization": f"Bearer {self._token}"} | (headers or {})
            )
            response = connection.getresponse()
            body = response.read(MAX_ANSWER_BYTES)
            if response.length:  # cut short, or longer than any answer of a bank
                raise http.client.IncompleteRead(body)
            answer = json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OutcomeUnknown(f"the bank did not answer ({type(error).__name__})") from error
        finally:
            connection.close()
        if not isinstance(answer, dict):
            raise OutcomeUnknown("the bank's answer is not an object")
        return response.status, answer


_REJECTED = {
    400: "the request is not one it takes",
    409: "this key has another file, or this file another key",
    413: "the file is too large",
    422: "the file has faults",
}


def _first_finding(answer: dict[str, Any]) -> str:
    """Where the first fault is, when the bank says so in a shape we know: line and field, never a value."""
    match answer.get("findings"):
        case [{"line": int(line), "field": str(name)}, *_] if name.isascii() and name.isprintable():
            return f", first in line {line}, {name[:40]}"
    return ""


def _confirmed(answer: dict[str, Any], key: UUID) -> Receipt:
    """The receipt in a bank's answer; one that cannot be read, or of another key, leaves the outcome open."""
    try:
        receipt = _receipt(answer)
    except (ValueError, KeyError, TypeError) as error:
        raise OutcomeUnknown("the bank's receipt cannot be read") from error
    if receipt.key != key:
        raise OutcomeUnknown("the bank's receipt is of another key")
    return receipt


def _receipt(record: dict[str, Any]) -> Receipt:
    """Raises ValueError, KeyError or TypeError when the record is no receipt."""
    entries, total_cents = record["entries"], record["total_cents"]
    if type(entries) is not int or type(total_cents) is not int:
        raise TypeError("entries and total_cents are whole numbers")
    return Receipt(
        UUID(str(record["key"])), str(record["reference"]), str(record["sha256"]), entries, total_cents
    )


def _check_hash(order: PaymentOrder) -> None:
    """Bytes other than those recorded before the call never leave."""
    if hashlib.sha256(order.content).hexdigest() != order.sha256:
        raise GatewayRejected("the file is not the one whose hash was recorded; it was not sent")


def _receipt_name(key: UUID) -> str:
    return f"receipts/{key}.json"


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
