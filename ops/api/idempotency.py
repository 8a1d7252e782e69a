"""Idempotency-Key: the same POST again gets the same answer, and acts once.

A record is opened before the act and closed with its answer. A crash in between leaves it open; it then expires, and
the request that comes again acts again. That is harmless: whatever is done here is named by what it is, or compares the
state before it acts, so a second time changes nothing.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

from ops.api.problems import IN_PROGRESS, INVALID, KEY_REUSED, Finding, Problem

HEADER = "Idempotency-Key"
FORM = re.compile(r"[!-~]{1,200}")
IN_PROGRESS_S = 120  # longer than any request may take
KEPT_HOURS = 24
STORED_MAX = 500  # statuses below it

BEGIN = """
insert into ops_apireply (key, idempotency_key, request_sha256, begun_at, content_type, location, body)
values (%(key)s, %(idempotency_key)s, %(request)s, clock_timestamp(), '', '', '')
    on conflict (key, idempotency_key) do nothing
returning begun_at
"""

# Who finds an open record that is too old takes it over; of two, the second finds it young again.
TAKE_OVER = """
update ops_apireply set begun_at = clock_timestamp()
 where key = %(key)s and idempotency_key = %(idempotency_key)s and request_sha256 = %(request)s
   and status is null and begun_at < clock_timestamp() - make_interval(secs => %(in_progress_s)s)
returning begun_at
"""

FIND = """
select request_sha256, status, content_type, location, body
  from ops_apireply where key = %(key)s and idempotency_key = %(idempotency_key)s
"""

# `begun_at` fences out a request that was so slow that another took its record over.
CLOSE = """
update ops_apireply
   set status = %(status)s, content_type = %(content_type)s, location = %(location)s, body = %(body)s
 where key = %(key)s and idempotency_key = %(idempotency_key)s and status is null and begun_at = %(begun_at)s
"""

FORGET = """
delete from ops_apireply
 where key = %(key)s and idempotency_key = %(idempotency_key)s and status is null and begun_at = %(begun_at)s
"""


def once(request: HttpRequest, key: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Act, or give the answer that was given before.

    key      the API key: an Idempotency-Key means something within one key only
    act      makes the answer; it does not raise
    raises   Problem: without a key 422, a key of another request 422, the same request at work 409
    """
    names = {"key": key, "idempotency_key": _key_of(request), "request": _digest(request)}
    begun = _rows(BEGIN, names) or _rows(TAKE_OVER, names | {"in_progress_s": IN_PROGRESS_S})
    if not begun:
        return _before(names)
    claim = names | {"begun_at": begun[0][0]}
    answer = act()
    if answer.status_code >= STORED_MAX:
        _run(FORGET, claim)
        return answer
    stored = {"status": answer.status_code, "content_type": answer["Content-Type"]}
    stored |= {"location": answer.get("Location", ""), "body": answer.content.decode()}
    _run(CLOSE, claim | stored)
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
    found = _rows(FIND, names)
    if found and found[0][0] != names["request"]:
        raise Problem(KEY_REUSED, "take a new Idempotency-Key for another request")
    if not found or found[0][1] is None:  # open, or it failed and was forgotten this moment
        raise Problem(IN_PROGRESS, "ask again for its answer in a moment", headers={"Retry-After": "2"})
    _, status, content_type, location, body = found[0]
    answer = HttpResponse(body, status=status, content_type=content_type)
    if location:
        answer["Location"] = location
    answer["Idempotent-Replayed"] = "true"
    return answer


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _run(statement: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
