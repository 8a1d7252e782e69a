"""Personal numbers at rest: AES-256-GCM for the value, HMAC-SHA256 to find equal values.

settings.PAYROLL_FIELD_KEYS   {key id: base64 of 32 bytes}; the first encrypts, all of them decrypt, so a
                              key is rotated by putting a new one in front
settings.PAYROLL_INDEX_KEY    base64 of 32 bytes, another secret than the field keys: whoever holds the
                              database and this key alone can test guesses of SSNs, but reads no account

A token is `v1.<key id>.<base64url of 12 bytes nonce, ciphertext and tag>`. It is bound to its context
(table, column and row), so that a ciphertext copied into another person's row does not decrypt.
"""

import base64
import binascii
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = "v1"
NONCE_BYTES = 12
KEY_BYTES = 32


class Undecryptable(Exception):
    """A stored token cannot be read: unknown key, altered bytes, or a token moved from another row.

    The message names the context and the key id, never a value.
    """


def context(table: str, column: str, employer_id: str, employee_id: str = "") -> str:
    """What a value is bound to: "table:column:employer" or "table:column:employer/employee"."""
    row = f"{employer_id}/{employee_id}" if employee_id else employer_id
    return f"{table}:{column}:{row}"


def encrypt(plaintext: str, context: str) -> str:
    """Token for `plaintext`, bound to `context`; another token each time, since the nonce is random."""
    key_id = current_key_id()
    nonce = os.urandom(NONCE_BYTES)
    sealed = cipher(key_id).encrypt(nonce, plaintext.encode(), context.encode())
    return f"{VERSION}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(token: str, context: str) -> str:
    """Value of a token made by `encrypt` for the same `context`; raises Undecryptable."""
    version, key_id, body = (*token.split("."), "", "")[:3]
    if version != VERSION or token.count(".") != 2:
        raise Undecryptable(f"{context}: not a {VERSION} token; was the column filled by something else?")
    try:
        raw = base64.b64decode(body, altchars=b"-_", validate=True)
        return cipher(key_id).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
    except (InvalidTag, binascii.Error, ValueError):
        # `from None`: the cause carries nothing of use, and a frame dump of it would carry the token
        raise Undecryptable(
            f"{context}: token of key {key_id!r} does not open: it was altered, or belongs to another row, "
            "or the key was changed under its id"
        ) from None


def blind_index(value: str, context: str) -> str:
    """64 hex digits, equal exactly when value and context are; nothing to turn back without the key."""
    message = context.encode() + b"\0" + value.encode()
    return hmac.digest(index_key(settings.PAYROLL_INDEX_KEY), message, hashlib.sha256).hex()


def key_id_of(token: str) -> str:
    """Id of the key that a token was encrypted with; "" for what is not a token."""
    return token.split(".")[1] if token.count(".") == 2 else ""


def current_key_id() -> str:
    """Id of the key that encrypts: the first of settings.PAYROLL_FIELD_KEYS."""
    key_id: str = next(iter(settings.PAYROLL_FIELD_KEYS), "")
    if not key_id:
        raise ImproperlyConfigured("PAYROLL_FIELD_KEYS is empty: give {key id: base64 of 32 bytes}")
    if "." in key_id:
        raise ImproperlyConfigured(f"PAYROLL_FIELD_KEYS: key id {key_id!r} holds a dot, which parts a token")
    return key_id


def cipher(key_id: str) -> AESGCM:
    """Cipher of one key; raises Undecryptable for an id that is not in the key ring."""
    encoded = settings.PAYROLL_FIELD_KEYS.get(key_id)
    if encoded is None:
        raise Undecryptable(
            f"key {key_id!r} is not in PAYROLL_FIELD_KEYS; a retired key must stay until nothing uses it"
        )
    return _cipher(key_id, encoded)


@lru_cache(maxsize=64)
def _cipher(key_id: str, encoded: str) -> AESGCM:
    return AESGCM(_key(encoded, f"PAYROLL_FIELD_KEYS[{key_id!r}]"))


@lru_cache(maxsize=4)
def index_key(encoded: str) -> bytes:
    """Bytes of settings.PAYROLL_INDEX_KEY."""
    return _key(encoded, "PAYROLL_INDEX_KEY")


def _key(encoded: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured(f"{setting} is not base64") from None
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(f"{setting} has {len(key)} bytes; it takes {KEY_BYTES}")
    return key
