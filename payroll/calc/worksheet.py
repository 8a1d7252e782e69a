"""Worksheets: every rule a second time, line by line and exact, as a person adds it up on paper.

A calculator is fast integer code. Beside its result it returns its *working*: the name of the worksheet that the
rule is, and the entries it was filled in with. The worksheet itself is a generator that yields its lines:

    @worksheet("Social Security", source="IRC 3101(a)", rounding="half up to the cent, once a payment")
    def social_security(wages_cents, ytd_wages_cents, wage_base_cents, rate_ppm):
        taxable = max(0, min(wages_cents, wage_base_cents - ytd_wages_cents))
        yield "ss_taxable_cents", "wages up to what the wage base leaves", taxable
        yield "social_security_cents", "that at the rate", half_up(share(taxable, rate_ppm))

`add_up(("social_security", 260000, 0, 18450000, 62000))` fills it in again. A working is a plain tuple of names,
integers and texts, so it is cheap to make and is stored as JSON with the event that it explains. The key of a line is
the name of the fact it gives, or the line's number on the official form; units are last in a name: `_cents`, `_ppm`,
`_bp`, `_e4` (ten-thousandths of a dollar), `_hundredths` (of an hour). A line without a unit is cents, whole or not.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from payroll.calc.money import BP, PPM, half_up

Working = tuple[Any, ...]  # the name of a worksheet, then its entries in their order
Value = int | Fraction | str | bool | None
Lines = Iterator[tuple[str, str, Value]]

WORKSHEETS: dict[str, "Worksheet"] = {}


class UnknownWorksheet(LookupError):
    """A working names a worksheet that this program does not have, or fills in other entries than it has."""


@dataclass(frozen=True)
class Worksheet:
    """A rule as a form to fill in.

    entries    the names of what is filled in, in their order
    source     the law, publication or convention; `figures` are found in the year's rule tables
    figures    entry -> the table of payroll/rules/<year>/ that holds it; an entry that itself names a table is
               listed in `tables`
    """

    name: str
    title: str
    source: str
    rounding: str
    entries: tuple[str, ...]
    figures: dict[str, str]
    lines: Callable[..., Lines]


class Line(NamedTuple):
    """One line of a worksheet as filled in."""

    key: str
    words: str
    value: Value


@dataclass(frozen=True)
class Filled:
    """A worksheet with its entries and every line of it."""

    worksheet: Worksheet
    entries: dict[str, Any]
    lines: tuple[Line, ...]

    @property
    def facts(self) -> dict[str, Value]:
        """Every line's value by its key."""
        return {line.key: line.value for line in self.lines}


def worksheet(
    title: str, *, source: str, rounding: str = "none", figures: dict[str, str] | None = None
) -> Callable[[Callable[..., Lines]], Callable[..., Lines]]:
    """Declare a worksheet; its parameters are the entries. A worksheet in use is never changed: make another."""

    def declare(lines: Callable[..., Lines]) -> Callable[..., Lines]:
        name = lines.__name__
        assert name not in WORKSHEETS, name
        entries = tuple(inspect.signature(lines).parameters)
        assert set(figures or {}) <= set(entries), name
        WORKSHEETS[name] = Worksheet(name, title, source, rounding, entries, figures or {}, lines)
        return lines

    return declare


def fill_in(working: Sequence[Any]) -> Filled:
    """Fill in the worksheet that a working names, line by line.

    raises   UnknownWorksheet
    """
    name, *values = working
    sheet = WORKSHEETS.get(name)
    if sheet is None or len(values) != len(sheet.entries):
        raise UnknownWorksheet(f"there is no worksheet {name} with {len(values)} entries")
    lines = tuple(Line(*line) for line in sheet.lines(*values))
    return Filled(sheet, dict(zip(sheet.entries, values, strict=True)), lines)


def is_working(value: Any) -> bool:
    """Whether an entry is itself a worksheet that was filled in."""
    return (
        isinstance(value, tuple | list)
        and bool(value)
        and isinstance(value[0], str)
        and value[0] in WORKSHEETS
    )


def add_up(workings: Sequence[Sequence[Any]]) -> dict[str, Value]:
    """Fill in every worksheet; the facts that they give, by name."""
    facts: dict[str, Value] = {}
    for working in workings:
        facts |= fill_in(working).facts
    return facts


def share(cents: int | Fraction, rate_ppm: int) -> Fraction:
    """A rate of an amount, exact."""
    return Fraction(cents) * Fraction(rate_ppm, PPM)


def percent(cents: int | Fraction, rate_bp: int) -> Fraction:
    """A rate in hundredths of a percent of an amount, exact."""
    return Fraction(cents) * Fraction(rate_bp, BP)


__all__ = [
    "WORKSHEETS",
    "Filled",
    "Line",
    "Lines",
    "UnknownWorksheet",
    "Value",
    "Working",
    "Worksheet",
    "add_up",
    "fill_in",
    "half_up",
    "is_working",
    "percent",
    "share",
    "worksheet",
]
