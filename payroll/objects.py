"""Object storage, written once: manifests, payment files, receipts.

An object is created whole or not at all, and never changes. Here it is a folder; object storage with
conditional writes promises the same.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from django.conf import settings

KEY = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")


class ObjectExists(Exception):
    """Other bytes lie under this key already. Nothing was written; find out who wrote them."""


class ObjectDamaged(Exception):
    """The bytes under this key are not those that the log recorded, or they are gone. Restore them."""


def put_once(key: str, content: bytes) -> str:
    """Store bytes under a key, durably; the same bytes again are fine.

    returns  their sha256 in hex
    raises   ObjectExists when other bytes are there; OSError when the disk is full or not writable
    """
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # atomic, and refuses to replace what is there
        except FileExistsError:
            if path.read_bytes() != content:
                raise ObjectExists(f"{key} exists with other content") from None
    finally:
        Path(temporary).unlink()
    _sync(path.parent)
    return hashlib.sha256(content).hexdigest()


def get(key: str) -> bytes | None:
    """The bytes under a key, or None."""
    try:
        return _path(key).read_bytes()
    except FileNotFoundError:
        return None


def get_verified(key: str, sha256: str) -> bytes:
    """The bytes under a key, which must be those that the log recorded. Raises ObjectDamaged."""
    content = get(key)
    if content is None:
        raise ObjectDamaged(f"{key} is missing from object storage")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ObjectDamaged(f"{key} does not have the sha256 that the log recorded")
    return content


def location(key: str) -> str:
    """Where a person finds the object."""
    return str(_path(key))


def _path(key: str) -> Path:
    if not KEY.match(key) or ".." in key:
        raise ValueError(f"not an object key: {key!r}")
    return Path(settings.PAYROLL_OBJECTS) / key


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
