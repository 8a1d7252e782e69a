"""Reading one calculation's input strictly: every field in its type, none missing, none unknown."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from payroll.calc.money import PPM, exact_integer, parse_cents, percent_to_bp

T = TypeVar("T")
_REQUIRED = object()
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,12})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LIST_MAX = 10_000
_SHOWN = 40  # characters of a wrong word that are told


class BadInput(ValueError):
    """The input cannot be calculated. The message names the field and what it should be."""


class Fields:
    """A JSON object that remembers what was read, so that a misspelt field is refused and not ignored."""

    def __init__(self, content: Any, name: str = "input") -> None:
        if not isinstance(content, dict):
            raise BadInput(f"{name} is an object of fields")
        self.content, self.name = content, name
        self.unread = set(content)
        self.children: list[Fields] = []

    def value(self, key: str, default: Any = _REQUIRED) -> Any:
        """A field as it stands."""
        self.unread.discard(key)
        found = self.content.get(key, default)
        if found is _REQUIRED:
            raise BadInput(f"{self.name} lacks {key}")
        return found

    def has(self, key: str) -> bool:
        return self.content.get(key) is not None

    def cents(self, key: str, default: Any = _REQUIRED) -> int:
        """Dollars of 0 or more as a decimal string, as cents."""
        return self._exact(key, self.value(key, default), parse_cents)

    def cents_list(self, key: str, default: Any = _REQUIRED) -> list[int]:
        """A list of dollar amounts, as cents."""
        return [self._exact(key, each, parse_cents) for each in self._list(key, default)]

    def bp(self, key: str, default: Any = _REQUIRED) -> int:
        """A percentage of 0 or more with up to two decimals, in hundredths of a percent."""
        return self._exact(key, self.value(key, default), percent_to_bp)

    def fraction_ppm(self, key: str, default: Any = _REQUIRED) -> int:
        """A fraction between 0 and 1 such as 0.012, as parts per million."""
        ppm = self._exact(
            key,
            self.value(key, default),
            lambda text: exact_integer(Decimal(text), PPM, "more than 6 decimals"),
        )
        if ppm > PPM:
            raise BadInput(f"{key} is a fraction between 0 and 1 such as 0.012")
        return ppm

    def decimal(self, key: str, default: Any = _REQUIRED) -> Decimal:
        """An exact decimal number: hours, a rate."""
        return self._exact(key, self.value(key, default), Decimal)

    def whole(self, key: str, default: Any = _REQUIRED) -> int:
        """A whole number of 0 or more."""
        found = self.value(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 10**9:
            raise BadInput(f"{key} is a whole number of 0 or more")
        return found

    def flag(self, key: str, default: Any = _REQUIRED) -> bool:
        """true or false."""
        found = self.value(key, default)
        if not isinstance(found, bool):
            raise BadInput(f"{key} is true or false")
        return found

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """A word."""
        found = self.value(key, default)
        if not isinstance(found, str):
            raise BadInput(f"{key} is a text")
        return found

    def texts(self, key: str) -> list[str]:
        """A list of words."""
        found = self._list(key, _REQUIRED)
        if not all(isinstance(each, str) for each in found):
            raise BadInput(f"{key} is a list of texts")
        return found

    def choice(self, key: str, *known: str, default: Any = _REQUIRED) -> str:
        """One of the words that are known."""
        found = self.text(key, default)
        if found not in known:
            raise BadInput(f"{key} is {found[:_SHOWN]!r}: use one of {', '.join(known)}")
        return found

    def day(self, key: str, default: Any = _REQUIRED) -> date:
        """An ISO date."""
        found = self.value(key, default)
        if isinstance(found, date):
            return found
        try:
            if _DATE.fullmatch(found):
                return date.fromisoformat(found)
        except (TypeError, ValueError):
            pass
        raise BadInput(f"{key} is a date like 2026-01-31")

    def inside(self, key: str) -> "Fields":
        """An object inside this one."""
        return self._child(self.value(key), key)

    def each(self, key: str) -> list["Fields"]:
        """A list of objects."""
        return [self._child(item, f"{key}[{n}]") for n, item in enumerate(self._list(key, _REQUIRED))]

    def refuse_unread(self) -> None:
        """Refuse fields that nobody asked for, here and inside; null is no way to leave a field out."""
        for key in sorted(map(str, self.unread)):
            if self.content.get(key, "") is None:
                raise BadInput(f"{key} is null: give it, or leave it out")
        if self.unread:
            raise BadInput(f"{self.name} has unknown fields: {', '.join(sorted(map(str, self.unread)))}")
        for child in self.children:
            child.refuse_unread()

    def _list(self, key: str, default: Any) -> list[Any]:
        found = self.value(key, default)
        if not isinstance(found, list) or len(found) > _LIST_MAX:
            raise BadInput(f"{key} is a list of at most {_LIST_MAX:,} items")
        return found

    def _child(self, content: Any, name: str) -> "Fields":
        child = Fields(content, name)
        self.children.append(child)
        return child

    def _exact(self, key: str, found: Any, convert: Callable[[str], T]) -> T:
        """Numbers come as decimal strings; a JSON number is read as it is written, never as a binary fraction."""
        text = str(found) if isinstance(found, int | Decimal) and not isinstance(found, bool) else found
        if not isinstance(text, str) or not _NUMBER.fullmatch(text):
            raise BadInput(f"{key} is a decimal number like 1234.50")
        if text.startswith("-") and Decimal(text):
            raise BadInput(f"{key} of {text} is below zero")
        try:
            return convert(text)
        except ValueError as fault:
            raise BadInput(f"{key}: {fault}") from None
