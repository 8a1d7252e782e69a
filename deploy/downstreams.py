"""The environment's PAYROLL_DOWNSTREAM_…: which steps are given to downstream systems, and within which limits.

PAYROLL_DOWNSTREAM_<STEP>              local, https://…, sqs:<queue>; http://… outside production
PAYROLL_DOWNSTREAM_<STEP>_AT_A_TIME    tasks it may have open at most
PAYROLL_DOWNSTREAM_<STEP>_PER_S        tasks it may be asked a second on average
PAYROLL_DOWNSTREAM_<STEP>_DEADLINE_S   seconds until a task must be answered; default 900
PAYROLL_DOWNSTREAM_<STEP>_HEARTBEAT_S  seconds in which it must be heard of; default: the deadline
PAYROLL_DOWNSTREAM_SECRET              signs what is sent over HTTP
PAYROLL_DOWNSTREAM_REQUEST_TASKS       tasks of one request; default 50
PAYROLL_RESPONSE_QUEUE                 where those on SQS put their answers; default: payroll-task-tokens

<STEP> is the step's name in capitals, with _ for -. Whether there is such a step is known once the sagas are
(events.downstream.check).
"""

import math
import re
from collections.abc import Mapping
from typing import TypedDict
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

PREFIX = "PAYROLL_DOWNSTREAM_"
OTHERS = {"PAYROLL_DOWNSTREAM_SECRET", "PAYROLL_DOWNSTREAM_REQUEST_TASKS"}
LIMITS = ("_AT_A_TIME", "_PER_S", "_DEADLINE_S", "_HEARTBEAT_S")
QUEUE = re.compile(r"sqs:[A-Za-z0-9_-]{1,80}\Z")


class Limits(TypedDict, total=False):
    """What events.downstream.Downstream takes besides step and URL."""

    at_a_time: int
    per_s: float
    deadline_s: float
    heartbeat_s: float


def configured(
    environment: Mapping[str, str], *, production: bool
) -> tuple[dict[str, str], dict[str, Limits]]:
    """URLs and limits by step. Raises ImproperlyConfigured, naming the variable."""
    urls: dict[str, str] = {}
    limits: dict[str, Limits] = {}
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in OTHERS or not value:
            continue
        suffix = next((each for each in LIMITS if name.endswith(each)), "")
        step = name.removeprefix(PREFIX).removesuffix(suffix).lower().replace("_", "-")
        if suffix:
            limits.setdefault(step, {}).update(_limit(name, suffix, value))
        elif value != "local":
            urls[step] = _url(name, value, production)
    return urls, limits


def request_tasks(environment: Mapping[str, str]) -> int:
    """Tasks of one request. Raises ImproperlyConfigured."""
    name = "PAYROLL_DOWNSTREAM_REQUEST_TASKS"
    return int(_positive(name, environment.get(name) or "50", whole=True))


def _limit(name: str, suffix: str, value: str) -> Limits:
    if suffix == "_AT_A_TIME":
        return {"at_a_time": int(_positive(name, value, whole=True))}
    number = _positive(name, value, whole=False)
    if suffix == "_PER_S":
        return {"per_s": number}
    return {"deadline_s": number} if suffix == "_DEADLINE_S" else {"heartbeat_s": number}


def _positive(name: str, value: str, *, whole: bool) -> float:
    try:
        number = int(value) if whole else float(value)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise ImproperlyConfigured(f"{name} is a {'whole ' if whole else ''}number above 0")
    return number


def _url(name: str, value: str, production: bool) -> str:
    """The URL as it is; it is not in the message, because it may hold a password."""
    if QUEUE.match(value):
        return value
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.fragment or not value.isprintable():
        raise ImproperlyConfigured(f"{name} is local, https://host/path, or sqs:<queue>")
    if production and parts.scheme == "http":
        raise ImproperlyConfigured(f"{name} is http://: in production tokens and pay go over https:// only")
    return value
