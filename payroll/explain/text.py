"""A paycheck's working as text: numbered sections, from the result down."""

from collections.abc import Iterator, Sequence
from typing import Any

from payroll.explain.sections import Entry, Section
from payroll.explain.words import label, line_shown, shown

WIDTH = 44


def section_lines(section: Section) -> Iterator[str]:
    """One worksheet: its title and source, what it was filled in with, its lines."""
    sheet = section.filled.worksheet
    stored = f"   [{section.event}]" if section.event else ""
    yield f"{section.number}. {sheet.title}{stored}"
    yield f"   rule {sheet.name}: {sheet.source}; rounding: {sheet.rounding}"
    for entry in section.entries:
        yield f"     {label(entry.name):<{WIDTH}} {shown(entry.name, entry.value):>16}  {whence(entry)}".rstrip()
    for line in section.filled.lines:
        name = label(line.key)
        words = f"{name}: {line.words}" if name != line.words else name
        yield f"   = {words:<{WIDTH + 2}} {line_shown(line.key, line.value):>16}"


def whence(entry: Entry) -> str:
    """Where an entry comes from."""
    if entry.section:
        return f"see {entry.section}"
    if entry.origin is None:
        return ""
    source = f" ({entry.origin.source})" if entry.origin.source else ""
    return (
        f"{entry.origin.kind}: {entry.origin.where}{source}"
        if entry.origin.kind != "event"
        else entry.origin.where
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
                "from": entry.origin._asdict() if entry.origin else None,
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


def text_of(made: Sequence[Section]) -> str:
    """All sections."""
    return "\n".join(line for section in made for line in section_lines(section))
