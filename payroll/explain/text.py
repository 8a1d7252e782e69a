"""A paycheck's working as text: numbered sections, from the result down, in columns that fit a terminal."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from payroll.calc.worksheet import Line, is_working
from payroll.explain.origins import ROW
from payroll.explain.sections import Entry, Section
from payroll.explain.words import label, line_shown, rows_shown, shown

WIDTH = 110
WORDS, VALUE = 52, 16  # columns: what it is, and its value, which ends with the column
ENTRY, RESULT = "     ", "   = "
DATED = re.compile(r"(\d{4}-\d\d-\d\d)\.(.+)")
KINDS = {"input": "frozen input ", "rules": "rules ", "year to date": "", "event": "", "computed": ""}


def text_of(made: Sequence[Section]) -> str:
    """All sections."""
    return "\n".join(line for section in made for line in section_lines(section))


def section_lines(section: Section) -> Iterator[str]:
    """One worksheet: its title and source, what it was filled in with, its lines, the sources of its tables."""
    sheet = section.filled.worksheet
    stored = f"   [{section.event}]" if section.event else ""
    yield f"{section.number}. {sheet.title}{stored}"
    yield from _wrapped(f"rule {sheet.name}: {sheet.source}; rounding: {sheet.rounding}", "   ")
    if is_zero(section):
        last = section.filled.lines[-1]
        yield from columns(RESULT, f"{label(last.key)}; every line is zero", line_shown(last.key, last.value))
        return
    for entries in _alike(section.entries):
        yield from _entry_lines(entries)
    yield from _result_lines(section)
    for where, source in sources(section).items():
        yield from _wrapped(f"{where}: {source}", "   ~ ")


def is_zero(section: Section) -> bool:
    """Whether nothing came of it: every line is zero, none or no."""
    return bool(section.filled.lines) and not any(line.value for line in section.filled.lines)


def own_lines(section: Section) -> Iterator[Line]:
    """The lines without those of a worksheet inside, but for its taxes: it has its own section."""
    inside = {entry.name.removesuffix("_working") for entry in section.entries if is_working(entry.value)}
    for line in section.filled.lines:
        of, _, key = line.key.rpartition(".")
        if (of in inside and key == "federal_income_tax_cents") or of.partition(".")[0] not in inside:
            yield line


def sources(section: Section) -> dict[str, str]:
    """The tables of rules that the entries are figures of, each once, with its source."""
    origins = [entry.origin for entry in section.entries if entry.origin]
    return {origin.where.partition(",")[0]: origin.source for origin in origins if origin.source}


def whence(entry: Entry) -> str:
    """Where an entry comes from; the source of a table is told once a section."""
    if entry.origin is None:
        return f"see {entry.section}" if entry.section else ""
    if entry.name in ROW and "," in entry.origin.where:
        return "the row of the table that fits"
    see = f", see {entry.section}" if entry.section else ""
    return f"{KINDS.get(entry.origin.kind, '')}{entry.origin.where}{see}"


def columns(margin: str, words: str, value: str, after: str = "") -> Iterator[str]:
    """Words, a value that ends at the same column everywhere, and where it comes from; each wrapped in its column."""
    said = textwrap.wrap(words, WORDS) or [""]
    where = textwrap.wrap(after, WIDTH - len(margin) - WORDS - VALUE - 2) or [""]
    if len(value) > VALUE:  # a text: it may begin in the column of words
        said[-1:] = [said[-1]] if len(said[-1]) + len(value) + 1 <= WORDS + VALUE else [said[-1], ""]
    last = len(said) - 1
    for number in range(max(len(said), last + len(where))):
        text = said[number] if number <= last else ""
        amount = value if number == last else ""
        place = where[number - last] if 0 <= number - last < len(where) else ""
        begin = margin if number == 0 else " " * len(margin)
        yield f"{begin}{text}{amount:>{WORDS + VALUE - len(text)}}  {place}".rstrip()


def _alike(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Entries in their order; zeros that come from the same place are told together."""

    def place(numbered: tuple[int, Entry]) -> tuple[Any, ...]:
        number, entry = numbered
        zero = entry.value == 0 and not isinstance(entry.value, bool)
        return ("zero", shown(entry.name, 0), whence(entry)) if zero else (number,)

    for _, same in groupby(enumerate(entries), place):
        yield [entry for _, entry in same]


def _entry_lines(entries: Sequence[Entry]) -> Iterator[str]:
    first = entries[0]
    words = ", ".join(label(entry.name) for entry in entries)
    if not isinstance(first.value, list | tuple):
        yield from columns(ENTRY, words, shown(first.name, first.value), whence(first))
        return
    if is_working(first.value):
        yield from columns(ENTRY, words, "", whence(first))
        return
    rows = rows_shown(first.name, first.value)
    yield from columns(ENTRY, words, "" if rows else "none", whence(first))
    for row in rows:
        yield from _wrapped(row, f"{ENTRY}  ")


def _result_lines(section: Section) -> Iterator[str]:
    """The lines; those of a workweek under its first day."""
    day = ""
    for line in own_lines(section):
        dated = DATED.fullmatch(line.key)
        key = dated[2] if dated else line.key
        if dated and dated[1] != day:
            yield f"   workweek from {dated[1]}"
        day = dated[1] if dated else ""
        name = label(key)
        words = line.words if line.words.startswith(name) else f"{name}: {line.words}"
        yield from columns(RESULT, words, line_shown(line.key, line.value))


def _wrapped(text: str, margin: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=margin, subsequent_indent=" " * len(margin), break_long_words=False
    )


def section_facts(section: Section) -> dict[str, Any]:
    """One worksheet as JSON; exact values that are no whole number are written as fractions."""
    sheet = section.filled.worksheet
    return {
        "number": section.number,
        "rule": sheet.name,
        "title": sheet.title,
        "source": sheet.source,
        "rounding": sheet.rounding,
        "stored_in": section.event,
        "inputs": [
            {
                "name": entry.name,
                "value": entry.value,
                "shown": shown(entry.name, entry.value),
                "given_by_section": entry.section or None,
                "from": _origin_facts(entry),
            }
            for entry in section.entries
        ],
        "lines": [
            {
                "key": line.key,
                "words": line.words,
                "value": line.value if isinstance(line.value, int | str | None) else str(line.value),
                "shown": line_shown(line.key, line.value),
            }
            for line in section.filled.lines
        ],
    }


def _origin_facts(entry: Entry) -> dict[str, str] | None:
    if entry.origin is None:
        return None
    return {"kind": entry.origin.kind, "where": entry.origin.where, "source": entry.origin.source}
