"""What the bank says of whole files, as JSON: an acknowledgement of one, a settlement report of many.

    {"type": "acknowledgement", "key", "sha256", "reference", "status", "entries", "total_cents", "findings"}
    {"type": "settlement", "settled_on", "files": [{"key", "sha256", "reference", "credits_cents", "debits_cents"}]}

Pure and strict: what is not laid out so is refused as a whole. A fact that is not named here is not read.
"""

import json
import re
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

REFERENCE = re.compile(r"[!-~]{1,100}")
SHA256 = re.compile(r"[0-9a-f]{64}")
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
    try:
        settled_on = date.fromisoformat(given["settled_on"])
    except (KeyError, TypeError, ValueError):
        raise Unreadable("settled_on is no date") from None
    listed = given.get("files")
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise Unreadable("files is not a list of files")
    files = tuple(
        SettledFile(*_file(each), _number(each, "credits_cents"), _number(each, "debits_cents"))
        for each in listed
    )
    if len({file.key for file in files}) != len(files):
        raise Unreadable("files has a key twice")
    return Settlement(settled_on, files)


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
    try:
        key = UUID(given["key"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable("key is not one of ours") from None
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
        raise Unreadable("sha256 is not 64 hexadecimal digits")
    if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
        raise Unreadable("reference is not a short word")
    return key, sha256, reference


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
