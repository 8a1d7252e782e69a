"""Reading TOML tables strictly: exact units, no key missing or unread, no figure without a source."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from payroll.calc.brackets import Brackets
from payroll.calc.money import PPM, exact_integer

_ABSENT = object()


class BadRules(ValueError):
    """A rules file is faulty. The message names the table and the key; mend the file."""


class Table:
    """One TOML table, which remembers what was read so that a misspelt key is refused and not ignored."""

    def __init__(self, content: dict[str, Any], path: str = "") -> None:
        self.content, self.path = content, path
        self.unread = set(content) - {"source"}
        self.children: list[Table] = []

    def value(self, key: str, default: Any = _ABSENT) -> Any:
        """Read a key; without a default it is required."""
        self.unread.discard(key)
        found = self.content.get(key, default)
        if found is _ABSENT:
            raise BadRules(f"[{self.path}] lacks {key}: add it with its source")
        return found

    def has(self, key: str) -> bool:
        return key in self.content

    def unread_keys(self) -> list[str]:
        """List the keys nobody has read yet."""
        return sorted(self.unread)

    def table(self, key: str) -> "Table":
        """Read a table that only holds sections, or one written inline under its section's source."""
        return self._child(self.value(key), key)

    def tables(self, key: str) -> list["Table"]:
        """Read a table, or a list of tables, as a list; otherwise as `table`."""
        found = self.value(key)
        return [self._child(each, key) for each in (found if isinstance(found, list) else [found])]

    def section(self, key: str) -> "Table":
        """Read a table of figures, which names its source."""
        (found,) = self.sections(key)
        return found

    def sections(self, key: str) -> list["Table"]:
        """Read a table of figures, or a list of them, each of which names its source."""
        found = self.tables(key)
        for section in found:
            source = section.content.get("source")
            if not isinstance(source, str) or not source.strip():
                raise BadRules(f"[{section.path}] has figures without a source: say where they come from")
        return found

    def cents(self, key: str, default: Any = _ABSENT) -> int:
        """Read dollars as cents; never below zero."""
        return self.integer(self.value(key, default), 100, key)

    def ppm(self, key: str) -> int:
        """Read a percentage as parts per million; never above 100 %."""
        return self.rate(self.value(key), key)

    def rate(self, percent: Any, key: str) -> int:
        rate = self.integer(percent, PPM // 100, key)
        if rate > PPM:
            raise BadRules(f"[{self.path}] {key} = {percent} is more than 100 percent")
        return rate

    def cents_by_key(self) -> dict[str, int]:
        """Read every figure of the table as dollars by its key."""
        return {key: self.cents(key) for key in self.unread_keys()}

    def day(self, key: str, default: date) -> date:
        found = self.value(key, default)
        if type(found) is not date:
            raise BadRules(f"[{self.path}] {key} = {found!r} is not a date")
        return found

    def names(self, key: str) -> list[str]:
        found = self.value(key)
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise BadRules(f"[{self.path}] {key} is a list of names")
        return found

    def integer(self, amount: Any, scale: int, key: str) -> int:
        """Scale a figure to a whole number, exactly."""
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
            raise BadRules(f"[{self.path}] {key} = {amount!r} is not a figure")
        try:
            scaled = exact_integer(Decimal(amount), scale, "more digits than its unit has")
        except ValueError as fault:
            raise BadRules(f"[{self.path}] {key}: {fault}") from fault
        if scaled < 0:
            raise BadRules(f"[{self.path}] {key} = {amount} is below zero")
        return scaled

    def brackets(self, key: str = "rows", *, gap_cents: int | None = None) -> Brackets:
        """Read rows of {at_least, less_than, base, rate_percent}, the last without less_than.

        gap_cents   by how much a printed base may miss the end of the row before; None does not check
        raises      BadRules unless the rows start at 0, adjoin and rise
        """
        rows = [self._child(row, key) for row in self.value(key)]
        lower = [row.cents("at_least") for row in rows]
        upper = [row.cents("less_than") for row in rows[:-1]]
        base = [row.cents("base") for row in rows]
        rates = [row.ppm("rate_percent") for row in rows]
        if not rows or lower[0] != 0 or lower[1:] != upper or rows[-1].has("less_than"):
            raise BadRules(f"[{self.path}] {key}: rows start at 0, adjoin each other, and the last is open")
        if any(low >= high for low, high in pairwise(lower)) or sorted(base) != base:
            raise BadRules(f"[{self.path}] {key}: lower bounds and bases rise from row to row")
        brackets = Brackets(self.path, tuple(lower), tuple(base), tuple(rates))
        for index in range(1, len(rows)) if gap_cents is not None else ():
            reached = base[index - 1] * PPM + rates[index - 1] * (lower[index] - lower[index - 1])
            if abs(reached - base[index] * PPM) > (gap_cents or 0) * PPM:
                raise BadRules(f"[{self.path}] {key} row {index + 1}: base does not continue the row before")
        return brackets

    def refuse_unread(self, *known: str) -> None:
        """Refuse a key nobody read, here or in any table inside."""
        unread = self.unread - set(known)
        if unread:
            raise BadRules(f"[{self.path}] has unknown keys: {', '.join(sorted(unread))}")
        for child in self.children:
            child.refuse_unread()

    def _child(self, content: Any, key: str) -> "Table":
        if not isinstance(content, dict):
            raise BadRules(f"[{self.path}] {key} is not a table")
        child = Table(content, f"{self.path}.{key}".lstrip("."))
        self.children.append(child)
        return child
