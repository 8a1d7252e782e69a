"""Who asks: requests signed with HMAC-SHA256, each taken once.

    Authorization: Payroll-HMAC-SHA256 key=pk_…, timestamp=1763712000, nonce=…, signature=<64 hex digits>

The signature is over seven lines: method, path (percent-decoded), query (as sent, without the question mark),
timestamp, nonce, Idempotency-Key (empty when there is none), SHA-256 of the body in hex. Of these only the path can
hold a line break, as %0A: the first line is the method, the last five are what follows the path, and what is between
them is the path. So no two requests have the same lines. The timestamp may be off by 300 seconds; within them the nonce
tells a replay.
"""

import hashlib
import hmac
import re
import time
from typing import NamedTuple, NoReturn

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from ops.api import keys
from ops.api.problems import UNSIGNED, Problem
from ops.models import ApiKey
from payroll.crypto import Undecryptable
from payroll.payments import webhook

SCHEME = "Payroll-HMAC-SHA256"
WINDOW_S = 300
NONCE_KEPT_S = 3 * WINDOW_S  # a timestamp may lie ahead, so a request is fresh for twice the window
HEADER = re.compile(
    rf"{SCHEME} key=(pk_[0-9a-f]{{24}}), ?timestamp=([0-9]{{10}}), "
    r"?nonce=([A-Za-z0-9_-]{16,64}), ?signature=([0-9a-f]{64})"
)

TAKE_NONCE = """
insert into ops_apinonce (key, nonce, taken_at) values (%s, %s, now()) on conflict do nothing
"""

USED = """
update ops_apikey set last_used_at = now()
 where id = %s and (last_used_at is null or last_used_at < now() - interval '1 minute')
"""


class Caller(NamedTuple):
    """A key whose signature was good."""

    key: str
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """What the log calls it. No user has such a name, so a key approves nothing."""
        return f"api:{self.name}"


def string_to_sign(  # noqa: PLR0917 - the order is the definition
    method: str, path: str, query: str, timestamp: str, nonce: str, idempotency_key: str, body: bytes
) -> bytes:
    """What a request is signed over."""
    lines = [method, path, query, timestamp, nonce, idempotency_key, hashlib.sha256(body).hexdigest()]
    return "\n".join(lines).encode()


def authenticate(request: HttpRequest) -> Caller:
    """The caller of a signed request, which is taken once.

    raises   Problem 401, which does not say what was wrong
    """
    found = HEADER.fullmatch(request.headers.get("Authorization", ""))
    if found is None:
        _refuse()
    key_id, timestamp, nonce, signature = found.groups()
    key = ApiKey.objects.filter(id=key_id).first()
    signed = string_to_sign(
        str(request.method),
        request.path,
        request.META.get("QUERY_STRING", ""),
        timestamp,
        nonce,
        request.headers.get("Idempotency-Key", ""),
        request.body,
    )
    expected = hmac.new(_secret(key), signed, hashlib.sha256).hexdigest()
    good = hmac.compare_digest(expected, signature)
    fresh = abs(time.time() - int(timestamp)) <= WINDOW_S
    if key is None or not (good and fresh and _in_force(key) and _first_time(key_id, nonce)):
        _refuse()
    with connection.cursor() as cursor:
        cursor.execute(USED, [key_id])
    return Caller(key.id, key.name, frozenset(key.scopes))


def authenticate_bank(request: HttpRequest) -> str:
    """The id of a webhook that the bank signed, within five minutes of its timestamp.

    It may come again within them, and later under a new timestamp: what it says is recorded once.
    raises   Problem 401, which does not say what was wrong
    """
    secrets = [each for each in settings.PAYROLL_GATEWAY_WEBHOOK_SECRET.split(",") if each]
    try:
        return webhook.verify(request.body, dict(request.headers), secrets, time.time())
    except webhook.NotTheBanks:
        raise Problem(UNSIGNED, "this takes what the bank signs with the secret that we share") from None


def _secret(key: ApiKey | None) -> bytes:
    # An unknown key costs as much as a wrong signature, so that nobody learns which it was.
    try:
        return keys.secret_of(key).encode() if key else bytes(32)
    except Undecryptable:
        _refuse()


def _in_force(key: ApiKey) -> bool:
    now = timezone.now()
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _first_time(key_id: str, nonce: str) -> bool:
    # Kept only after the signature was good: nobody else can fill the table, or use up a nonce.
    with connection.cursor() as cursor:
        cursor.execute(TAKE_NONCE, [key_id, nonce])
        return bool(cursor.rowcount)


def _refuse() -> NoReturn:
    detail = "sign the request with a key that is in force, once, within five minutes of its timestamp"
    raise Problem(UNSIGNED, detail, headers={"WWW-Authenticate": SCHEME})
