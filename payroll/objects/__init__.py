"""Object storage, written once: manifests, rule tables, payment files, receipts.

An object is created whole or not at all, and never changes. PAYROLL_STORAGE says where: `folder`, or
`s3://bucket/prefix`, where a conditional write keeps the same promise between any number of machines.
"""

import hashlib
import os
import re
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings

from payroll.objects.faults import ObjectDamaged, ObjectExists, ObjectsUnavailable
from payroll.objects.folder import Folder

__all__ = [
    "ObjectDamaged",
    "ObjectExists",
    "ObjectsUnavailable",
    "get",
    "get_verified",
    "location",
    "put_once",
]

KEY = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")


class Storage(Protocol):
    """Where objects lie. `create` writes whole and durably, and only where nothing is."""

    def create(self, key: str, content: bytes) -> bool:
        """Store bytes under a key; False when something lies there already."""
        ...

    def read(self, key: str) -> bytes | None:
        """The bytes under a key, or None."""
        ...

    def location(self, key: str) -> str:
        """Where a person finds the object."""
        ...


def put_once(key: str, content: bytes) -> str:
    """Store bytes under a key, durably; the same bytes again are fine.

    returns  their sha256 in hex
    raises   ObjectExists when other bytes are there; ObjectsUnavailable while storage does not answer;
             OSError when the disk is full or not writable
    """
    _check(key)
    storage = _storage()
    if not storage.create(key, content) and storage.read(key) != content:
        raise ObjectExists(f"{key} exists with other content")
    return hashlib.sha256(content).hexdigest()


def get(key: str) -> bytes | None:
    """The bytes under a key, or None. Raises ObjectsUnavailable while storage does not answer."""
    _check(key)
    return _storage().read(key)


def get_verified(key: str, sha256: str) -> bytes:
    """The bytes under a key, which must be those that the log recorded. Raises ObjectDamaged, ObjectsUnavailable."""
    content = get(key)
    if content is None:
        raise ObjectDamaged(f"{key} is missing from object storage")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ObjectDamaged(f"{key} does not have the sha256 that the log recorded")
    return content


def location(key: str) -> str:
    """Where a person finds the object."""
    _check(key)
    return _storage().location(key)


def _check(key: str) -> None:
    if not KEY.match(key) or ".." in key:
        raise ValueError(f"not an object key: {key!r}")


def _storage() -> Storage:
    if settings.PAYROLL_STORAGE == "folder":
        return Folder(settings.PAYROLL_OBJECTS)
    here = os.getpid(), os.environ.get("AWS_ENDPOINT_URL", "")
    return _bucket(settings.PAYROLL_STORAGE, settings.PAYROLL_STORAGE_KMS_KEY, *here)


@lru_cache(maxsize=4)
def _bucket(address: str, kms_key: str, process: int, endpoint: str) -> Storage:
    """One client a process, made when it is first needed: a connection must not cross a fork."""
    from payroll.objects.s3 import Bucket  # a tenth of a second, which `folder` need not spend

    parts = urlsplit(address)
    return Bucket(parts.netloc, parts.path.strip("/"), kms_key)
