"""Webhooks: a signed POST, once for each try.

    Payroll-Event-Id    the same each time this is sent: deduplicate by it
    Payroll-Topic       what it is about
    Payroll-Signature   t=<unix seconds>,v1=<hex>: HMAC-SHA256 of "<t>.<body>" under PAYROLL_WEBHOOK_SECRET

A receiver takes what is signed and not older than a few minutes, and answers 2xx when it has kept it.
"""

import hashlib
import hmac
import http.client
import ssl
import time
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings

from events.models import Publication
from events.outbox import Undelivered
from payroll.subscribers import message

TIMEOUT_S = 3  # for the connection and for each wait on it


def send(url: str, publication: Publication) -> None:
    """POST it. Raises Undelivered for any answer but 2xx; a redirect is not followed, it may lead anywhere."""
    parts, body = urlsplit(url), message.text(publication).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "payroll",
        "Payroll-Event-Id": str(publication.id),
        "Payroll-Topic": publication.topic,
        "Payroll-Signature": signature(settings.PAYROLL_WEBHOOK_SECRET, int(time.time()), body),
    }
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=_trusted())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    )
    try:
        connection.request(
            "POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Undelivered(f"the webhook does not answer ({type(error).__name__})") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Undelivered(f"the webhook answers {status}")


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of Payroll-Signature; `at` in seconds since 1970."""
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
