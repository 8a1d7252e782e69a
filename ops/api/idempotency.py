"""Idempotency-Key: the same POST again gets the same answer, and acts once.

A record is opened before the act and closed with its answer. After a crash in between, or a fault within the act,
nobody knows how far it came: the request that comes again is told so, and nothing is done. Meanwhile a person may have
cancelled the run that it would open again, or what it would redrive may have failed again. So nothing is done twice
under one key for as long as its record is kept.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from events import database
from ops.api.problems import FAULT, IN_PROGRESS, INVALID, KEY_REUSED, OUTCOME_UNKNOWN, Finding, Problem

HEADER = "Idempotency-Key"
FORM = re.compile(r"[!-~]{1,200}")
IN_PROGRESS_S = 120  # longer than any request may take
KEPT_HOURS = 24

BEGIN = """
insert into ops_apireply (key, idempotency_key, request_sha256, begun_at, content_type, location, body)
values (%(key)s, %(idempotency_key)s, %(request)s, clock_timestamp(), '', '', '')
    on conflict (key, idempotency_key) do nothing
returning id
"""

FIND = """
select request_sha256, status, content_type, location, body,
       begun_at < clock_timestamp() - make_interval(secs => %(in_progress_s)s) as overdue
  from ops_apireply where key = %(key)s and idempotency_key = %(idempotency_key)s
"""

CLOSE = """
update ops_apireply
   set status = %(status)s, content_type = %(content_type)s, location = %(location)s, body = %(body)s
 where id = %(id)s
"""


def once(request: HttpRequest, key: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Act, or give the answer that was given before.

    key      the API key: an Idempotency-Key means something within one key only
    act      makes the answer; it does not raise
    raises   Problem: without a key 422, a key of another request 422, the same request at work 409, or with an
             outcome that is not known 409
    """
    names = {"key": key, "idempotency_key": _key_of(request), "request": _digest(request)}
    begun = database.rows(BEGIN, names)
    if not begun:
        return _before(names)
    answer = act()
    stored = {"status": answer.status_code, "content_type": answer["Content-Type"]}
    stored |= {"location": answer.get("Location", ""), "body": answer.content.decode()}
    _close(stored | {"id": begun[0][0]})
    return answer


def _key_of(request: HttpRequest) -> str:
    key = request.headers.get(HEADER, "")
    if not FORM.fullmatch(key):
        detail = "every POST that changes something carries an Idempotency-Key: a UUID is a good one"
        finding = Finding(where=f"header.{HEADER}", what="1 to 200 visible ASCII characters")
        raise Problem(INVALID, detail, findings=[finding])
    return key


def _digest(request: HttpRequest) -> str:
    # What is asked for, and not how it was sent: timestamp and signature differ in every attempt.
    head = f"{request.method}\n{request.path}\n{request.META.get('QUERY_STRING', '')}\n"
    return hashlib.sha256(head.encode() + request.body).hexdigest()


def _before(names: dict[str, Any]) -> HttpResponse:
    found = database.rows(FIND, names | {"in_progress_s": IN_PROGRESS_S})
    if not found:  # it was forgotten this moment
        raise Problem(IN_PROGRESS, "ask again in a moment", headers={"Retry-After": "2"})
    request, status, content_type, location, body, overdue = found[0]
    if request != names["request"]:
        raise Problem(KEY_REUSED, "take a new Idempotency-Key for another request")
    if status is None and not overdue:
        raise Problem(IN_PROGRESS, "ask again for its answer in a moment", headers={"Retry-After": "2"})
    if status is None or status >= FAULT.status:
        detail = (
            "it is not known whether this was done: look at what it was about, and use a new Idempotency-Key"
        )
        raise Problem(OUTCOME_UNKNOWN, detail)
    answer = HttpResponse(body, status=status, content_type=content_type)
    if location:
        answer["Location"] = location
    answer["Idempotent-Replayed"] = "true"
    return answer


def _close(stored: dict[str, Any]) -> None:
    database.execute(CLOSE, stored)
