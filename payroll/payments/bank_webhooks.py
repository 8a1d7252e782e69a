"""The sandbox bank tells: signed webhooks, delivered at least once, in the order in which they are due.

A body is signed as Standard Webhooks has it: HMAC-SHA256 of "<id>.<timestamp>.<body>", in headers webhook-id,
webhook-timestamp and webhook-signature ("v1," and base64). It is told again, later each time, until the receiver
answers 2xx; a bank that is killed after the answer and before writing it down tells once more.
"""

import base64
import hashlib
import hmac
import http.client
import time
from datetime import UTC, datetime
from threading import Event
from urllib.parse import urlsplit

from payroll.payments import bank_script
from payroll.payments.bank_books import Books
from payroll.payments.bank_post import setting
from payroll.payments.bank_script import Rule

ANSWER_WITHIN_S = 5.0
LOOK_EVERY_S = 0.5  # when nobody rings
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0


def is_address(url: object) -> bool:
    """An http or https URL with a host."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def deliver(books: Books, rung: Event) -> None:
    """Deliver what is due, for as long as the process lives; `rung` wakes it before its time."""
    while True:
        rung.wait(LOOK_EVERY_S)
        rung.clear()
        while deliver_next(books):
            pass


def deliver_next(books: Books) -> bool:
    """Deliver the webhook that is due first; whether there was one."""
    with books.writing() as connection:
        url, secret = setting(connection, "webhook_url"), setting(connection, "webhook_secret")
        row = connection.execute(DUE, (time.time(),)).fetchone()
        if row is None or not url:
            return False
        number, identity, key, body, attempts = row
        pause_s = min(FIRST_PAUSE_S * 2**attempts, LONGEST_PAUSE_S)
        connection.execute(  # before the call: a receiver that hangs does not hold up the others
            "update webhook set attempts = attempts + 1, next_at = ? where number = ?",
            (time.time() + pause_s, number),
        )
        rule = bank_script.fire(connection, "webhook", key)
    if _told(url, secret, identity, body, rule):
        with books.writing() as connection:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            connection.execute("update webhook set delivered_at = ? where number = ?", (now, number))
    return True


DUE = """
select number, id, key, body, attempts from webhook
where delivered_at is null and next_at <= ? order by next_at, number limit 1
"""


def _told(url: str, secret: str, identity: str, body: bytes, rule: Rule | None) -> bool:
    if rule and rule.do == "drop_before":
        return False
    times = 2 if rule and rule.do == "duplicate_webhook" else 1
    answers = [_post(url, body, signed(secret, identity, body, int(time.time()))) for _ in range(times)]
    return all(answers)


def signed(secret: str, identity: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a body that is told at this second."""
    message = f"{identity}.{at}.".encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    }


def _post(url: str, body: bytes, headers: dict[str, str]) -> bool:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN_S)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
