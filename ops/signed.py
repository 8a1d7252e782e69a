"""A proof that can be carried out of the house: canonical JSON with a signature that anybody may check.

The key is derived from the secret key of the installation, so that the same installation signs with the same key; its
public half is in every proof, and in `manage.py proof --public-key`, where an auditor writes it down once.
"""

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

ALGORITHM = "ed25519"
PURPOSE = b"payroll proof signature, 1"


def sign(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its signature: {"algorithm", "public_key", "value"}, both in base64."""
    key = _key()
    signature = {"algorithm": ALGORITHM, "public_key": public_key()}
    return {**document, "signature": signature | {"value": _text(key.sign(_canonical(document)))}}


def verifies(signed: dict[str, Any], trusted: str) -> bool:
    """Whether a signed document is as the holder of this public key (base64) has signed it."""
    document = {name: value for name, value in signed.items() if name != "signature"}
    try:
        value = base64.b64decode(signed["signature"]["value"], validate=True)
        Ed25519PublicKey.from_public_bytes(base64.b64decode(trusted, validate=True)).verify(
            value, _canonical(document)
        )
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return True


def public_key() -> str:
    """The public half of this installation's key, in base64."""
    return _text(_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _key() -> Ed25519PrivateKey:
    derived = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(settings.SECRET_KEY.encode())
    return Ed25519PrivateKey.from_private_bytes(derived)


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
