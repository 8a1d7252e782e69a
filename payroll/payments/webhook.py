"""Whether a webhook is the bank's: signed, fresh, and by whom we share a secret with.

The headers are those of Standard Webhooks: webhook-id, webhook-timestamp (seconds since 1970) and
webhook-signature, one or several "v1,<base64>" with blanks between, each the HMAC-SHA256 of
"<id>.<timestamp>.<body>".

source   standardwebhooks.com, specification 1.0
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

FRESH_S = 300  # how far the sender's clock may be from ours
IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOMENT = re.compile(r"[0-9]{1,12}")


class NotTheBanks(Exception):
    """The webhook is not signed with our secret, or is too old; it does not say which."""


def verify(body: bytes, headers: Mapping[str, str], secret: str | Sequence[str], now: float) -> str:
    """The id of a webhook that the bank sent; the same id again is the same webhook, told once more.

    body      the bytes as they came, before anything reads them
    headers   in any case of letters
    secret    what we share with the bank; two of them while one takes the place of the other
    now       seconds since 1970
    raises    NotTheBanks
    """
    given = {name.lower(): value for name, value in headers.items()}
    identity, moment = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not IDENTITY.fullmatch(identity) or not MOMENT.fullmatch(moment) or abs(now - int(moment)) > FRESH_S:
        raise NotTheBanks("the webhook is not the bank's")
    secrets = [secret] if isinstance(secret, str) else secret
    message = f"{identity}.{moment}.".encode() + body
    due = [hmac.digest(each.encode(), message, hashlib.sha256) for each in secrets if each]
    shown = [_signature(part) for part in given.get("webhook-signature", "").split(" ")[:4]]
    matches = [hmac.compare_digest(one, other) for one in due for other in shown]
    if not any(matches):
        raise NotTheBanks("the webhook is not the bank's")
    return identity


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix("v1,"), validate=True) if text.startswith("v1,") else b""
    except (binascii.Error, ValueError):
        return b""
