"""The shapes of requests and answers. What is asked for is strict; amounts are integer cents."""

import json
import math
import re
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja.parser import Parser
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from events.dead_letters import UNSTORABLE

LIMIT_MAX = 1000
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DIGITS = re.compile(r"\d{1,9}", re.ASCII)


class StrictJson(Parser):
    """JSON in UTF-8: each name once, no NaN, and no text that the database cannot store. Raises ValueError."""

    def parse_body(self, request: HttpRequest) -> Any:
        parsed = json.loads(
            request.body.decode(),
            object_pairs_hook=_each_name_once,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if not _storable(parsed):
            raise ValueError("holds a NUL character or half of a surrogate pair")
        return parsed


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return names


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number that a float holds")
    return number


def _no_constant(name: str) -> None:
    raise ValueError("not a number of JSON")


def _storable(value: Any) -> bool:
    match value:
        case str():
            return not UNSTORABLE.search(value)
        case list():
            return all(map(_storable, value))
        case dict():
            return all(map(_storable, value)) and all(map(_storable, value.values()))
    return True


def _day(value: Any) -> date:
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ValueError("must be a day as YYYY-MM-DD")
    return date.fromisoformat(value)


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        raise ValueError("must be a time as YYYY-MM-DDTHH:MM:SSZ, or with an offset")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time of the calendar") from None


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not UUID_FORM.fullmatch(value):
        raise ValueError("must be a UUID with its four dashes")
    return UUID(value)


def _digits(value: Any) -> int:
    if not isinstance(value, str) or not DIGITS.fullmatch(value):
        raise ValueError("must be digits")
    return int(value)


Day = Annotated[date, BeforeValidator(_day)]
Id = Annotated[UUID, BeforeValidator(_uuid)]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(lambda value: value.isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
EmployerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
StepName = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Reason = Annotated[str, Field(max_length=500, pattern=r"\w", description="In words; it is kept in the log.")]
Page = Annotated[int, Field(ge=1, le=LIMIT_MAX), BeforeValidator(_digits)]
Cents = Annotated[int, Field(strict=True)]


class Asked(BaseModel):
    """A body: no unknown fields, and no value that is only like the type asked for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class ListOf(Told):
    """One page of a list; `next` is the cursor of the next one, and null on the last."""

    next: str | None
