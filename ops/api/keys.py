"""API keys: made and revoked on the command line, shown in the admin; the secret is shown once, when it is made."""

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from django.db import IntegrityError, transaction
from django.utils import timezone

from ops.models import ApiKey
from payroll import crypto
from payroll.runs import Refused

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
SECRET_BYTES = 32


class Scope(StrEnum):
    """What a key may do. None of them approves anything."""

    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    DEAD_LETTERS_READ = "dead-letters:read"
    DEAD_LETTERS_WRITE = "dead-letters:write"
    EVENTS_READ = "events:read"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_HALT = "payments:halt"
    PAYMENTS_RESUME = "payments:resume"


def create(name: str, scopes: Sequence[str], *, expires_days: int | None = None) -> tuple[ApiKey, str]:
    """Make a key; returns it with its secret, which cannot be shown again.

    name     lower case letters, digits, dots, dashes and underscores; never used before, because the log names it
    raises   Refused
    """
    if not NAME.fullmatch(name):
        raise Refused(
            "a key's name has 1 to 63 lower case letters, digits, dots, dashes or underscores, such as hr-portal"
        )
    if unknown := sorted(set(scopes) - set(Scope)):
        raise Refused(f"no such scope: {', '.join(unknown)}. There are {', '.join(Scope)}")
    if not scopes:
        raise Refused(f"a key without a scope may do nothing: give some of {', '.join(Scope)}")
    if expires_days is not None and not 0 < expires_days <= 3660:
        raise Refused("a key expires after 1 to 3660 days")
    now = timezone.now()
    secret = f"sk_{secrets.token_urlsafe(SECRET_BYTES)}"
    key = ApiKey(id=f"pk_{secrets.token_hex(12)}", name=name, scopes=sorted(set(scopes)), created_at=now)
    key.secret = crypto.encrypt(secret, context(key.id))
    key.expires_at = now + timedelta(days=expires_days) if expires_days else None
    try:
        with transaction.atomic(durable=True):
            key.save(force_insert=True)
    except IntegrityError:
        raise Refused(
            f"there is a key {name} already, perhaps revoked: the log names it, so take another name"
        ) from None
    return key, secret


def revoke(key_id: str, *, by: str) -> ApiKey:
    """Take a key out of force at once; again changes nothing. Raises Refused when there is none."""
    ApiKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=timezone.now(), revoked_by=by)
    key = ApiKey.objects.filter(id=key_id).first()
    if key is None:
        raise Refused("there is no such key: apikeys list shows them")
    return key


def secret_of(key: ApiKey) -> str:
    """The secret of a key, to check a signature with."""
    return crypto.decrypt(key.secret, context(key.id))


def context(key_id: str) -> str:
    """What the ciphertext of a secret is bound to."""
    return f"ops_apikey:secret:{key_id}"
