"""What the bank says as JSON: an acknowledgement of a file, a settlement report of many, what came back of a list.

    {"type": "acknowledgement", "key", "sha256", "reference", "status", "entries", "total_cents", "findings"}
    {"type": "settlement", "settled_on", "files": [{"key", "sha256", "reference", "credits_cents", "debits_cents"}]}
    {"type": "return", "key", "returns": [{"payment", "code", "amount_cents", "returned_on"}]}

Pure and strict: what is not laid out so is refused as a whole. A fact that is not named here is not read.
"""

import json
import re
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

REFERENCE = re.compile(r"[!-~]{1,100}")
SHA256 = re.compile(r"[0-9a-f]{64}")
RETURN_CODE = re.compile(r"R[0-9]{2}")
CENTS_MAX = 10**14


class Unreadable(Exception):
    """The document is not what its type says. Names the field, never a value."""


class Acknowledgement(NamedTuple):
    """Whether the bank took a file; `why` says where it found the first fault, empty when it took it."""

    key: UUID
    sha256: str
    reference: str
    accepted: bool
    entries: int
    total_cents: int
    why: str


class SettledFile(NamedTuple):
    """A file whose money has moved."""

    key: UUID
    sha256: str
    reference: str
    credits_cents: int
    debits_cents: int


class Settlement(NamedTuple):
    """What the bank settled on a day; no file is there twice."""

    settled_on: date
    files: tuple[SettledFile, ...]


class ReturnedPayment(NamedTuple):
    """A payment of a list that came back, by our own key of it."""

    payment: UUID
    code: str
    amount_cents: int
    returned_on: date


class ListedReturn(NamedTuple):
    """What came back of one order of payments that went out as a list; no payment is there twice."""

    key: UUID
    returns: tuple[ReturnedPayment, ...]


def acknowledgement(content: bytes) -> Acknowledgement:
    """Read an acknowledgement. Raises Unreadable."""
    given = _document(content)
    status = given.get("status")
    if status not in {"accepted", "rejected"}:
        raise Unreadable("status is neither accepted nor rejected")
    accepted = status == "accepted"
    return Acknowledgement(
        *_file(given),
        accepted,
        _number(given, "entries"),
        _number(given, "total_cents"),
        "" if accepted else _fault(given.get("findings")),
    )


def settlement(content: bytes) -> Settlement:
    """Read a settlement report. Raises Unreadable."""
    given = _document(content)
    settled_on = _day(given, "settled_on")
    files = tuple(
        SettledFile(*_file(each), _number(each, "credits_cents"), _number(each, "debits_cents"))
        for each in _list(given, "files")
    )
    if len({file.key for file in files}) != len(files):
        raise Unreadable("files has a key twice")
    return Settlement(settled_on, files)


def listed_return(content: bytes) -> ListedReturn:
    """Read what came back of a list of payments. Raises Unreadable."""
    given = _document(content)
    returns = tuple(
        ReturnedPayment(
            _uuid(each, "payment"), _code(each), _number(each, "amount_cents"), _day(each, "returned_on")
        )
        for each in _list(given, "returns")
    )
    if len({each.payment for each in returns}) != len(returns):
        raise Unreadable("returns has a payment twice")
    return ListedReturn(_uuid(given, "key"), returns)


def _document(content: bytes) -> dict[str, Any]:
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        raise Unreadable("it is not JSON") from None
    if not isinstance(given, dict):
        raise Unreadable("it is not an object")
    return given


def _file(given: dict[str, Any]) -> tuple[UUID, str, str]:
    sha256, reference = given.get("sha256"), given.get("reference")
    key = _uuid(given, "key")
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
        raise Unreadable("sha256 is not 64 hexadecimal digits")
    if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
        raise Unreadable("reference is not a short word")
    return key, sha256, reference


def _list(given: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = given.get(name)
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise Unreadable(f"{name} is not a list of {name}")
    return listed


def _uuid(given: dict[str, Any], name: str) -> UUID:
    try:
        return UUID(given[name])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable(f"{name} is not one of ours") from None


def _day(given: dict[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(given[name])
    except (KeyError, TypeError, ValueError):
        raise Unreadable(f"{name} is no date") from None


def _code(given: dict[str, Any]) -> str:
    code = given.get("code")
    if not isinstance(code, str) or not RETURN_CODE.fullmatch(code):
        raise Unreadable("code is not R and two digits")
    return code


def _number(given: dict[str, Any], name: str) -> int:
    value = given.get(name)
    if type(value) is not int or not 0 <= value <= CENTS_MAX:
        raise Unreadable(f"{name} is not a whole number from 0")
    return value


def _fault(findings: object) -> str:
    """Where the bank found the first fault: line and field, when it says so in a shape we know; never a value."""
    match findings:
        case [{"line": int(line), "field": str(name)}, *_] if name.isascii() and name.isprintable():
            return f"the file has faults, the first in line {line}, {name[:40]}"
    return "the file has faults"
