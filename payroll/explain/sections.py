"""From workings to sections that a person reads: each worksheet once, from the result down to what it was made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from payroll.calc.worksheet import Filled, Value, fill_in, is_working

# An entry that a worksheet knows by another name than the fact that it is.
SAME_AS = {
    "ss_wages_cents": "fica_wages_cents",
    "medicare_wages_cents": "fica_wages_cents",
    "futa_wages_cents": "fica_wages_cents",
    "eligible_cents": "gross_cents",
}


class Origin(NamedTuple):
    """Where an entry comes from: an event, the frozen inputs, the rule tables, or another section."""

    kind: str
    where: str
    source: str = ""


class Entry(NamedTuple):
    """What a worksheet was filled in with. `section` is the number of the section that gives it; 0 for none."""

    name: str
    value: Any
    origin: Origin | None
    section: int


class Section(NamedTuple):
    """One worksheet as it was filled in.

    event   where it is stored; empty outside of a run
    place   in the order of computing; -1 inside another worksheet
    """

    number: int
    filled: Filled
    event: str
    entries: tuple[Entry, ...]
    place: int


Givers = dict[str, list[int]]  # the worksheets that give a fact, in their order
Inside = dict[tuple[int, str], int]  # (worksheet, entry) -> the worksheet that the entry is
Resolve = Callable[[Filled, str], Origin | None]


def sections(
    workings: Sequence[tuple[Sequence[Any], str]], roots: Sequence[str], resolve: Resolve
) -> list[Section]:
    """Number the worksheets from the roots down; those that lead to no root come last.

    workings   each with the event that it is stored with
    roots      facts to begin from, such as net_cents
    resolve    tells where an entry comes from that no worksheet gives
    """
    filled, inside = _flat(workings)
    givers: Givers = {}
    nested = set(inside.values())
    for index, (sheet, _) in enumerate(filled):
        for line in sheet.lines if index not in nested else ():
            givers.setdefault(line.key, []).append(index)
    numbers: dict[int, int] = {}
    for index in [*_walk(filled, givers, inside, roots), *range(len(filled))]:
        numbers.setdefault(index, len(numbers) + 1)
    made = []
    for index, number in numbers.items():
        sheet, event = filled[index]
        entries = []
        for name, value in sheet.entries.items():
            gives = inside.get((index, name), _giver(givers, name, index))
            origin = None if gives is not None else resolve(sheet, name)
            entries.append(Entry(name, value, origin, 0 if gives is None else numbers[gives]))
        made.append(Section(number, sheet, event, tuple(entries), -1 if index in nested else index))
    return made


def facts_of(made: Sequence[Section]) -> dict[str, Value]:
    """What the worksheets give, by fact; those inside another one give only to that one."""
    given: dict[str, Value] = {}
    for section in sorted(made, key=lambda section: section.place):
        if section.place >= 0:
            given |= section.filled.facts
    return given


def disagreements(made: Sequence[Section], facts: Mapping[str, Any]) -> Iterator[str]:
    """What does not add up: a line that is not the fact on record, an entry that is not the line it comes from.

    facts   as recorded, by name
    """
    for name, value in facts_of(made).items():
        if name in facts and facts[name] != value:
            yield f"{name} is {facts[name]} on record, and its worksheet gives {value}"
    by_number = {section.number: section for section in made}
    for section in made:
        for entry in section.entries:
            name = SAME_AS.get(entry.name, entry.name)
            recorded = facts.get(name)
            if entry.section:
                lines = by_number[entry.section].filled.facts
                recorded = lines.get(entry.name, lines.get(name))
            if recorded is not None and entry.value is not None and recorded != entry.value:
                yield f"{section.filled.worksheet.title} took {entry.name} as {entry.value}, and it is {recorded}"


def _flat(
    workings: Sequence[tuple[Sequence[Any], str]],
) -> tuple[list[tuple[Filled, str]], Inside]:
    """Every worksheet filled in, those inside another one before it, and which entry of which they are."""
    filled: list[tuple[Filled, str]] = []
    inside: Inside = {}

    def add(working: Sequence[Any], event: str) -> int:
        sheet = fill_in(working)
        within = {name: add(value, event) for name, value in sheet.entries.items() if is_working(value)}
        filled.append((sheet, event))
        index = len(filled) - 1
        inside.update({(index, name): child for name, child in within.items()})
        return index

    for working, event in workings:
        add(working, event)
    return filled, inside


def _walk(
    filled: Sequence[tuple[Filled, str]], givers: Givers, inside: Inside, roots: Sequence[str]
) -> Iterator[int]:
    """Worksheets in the order in which a reader meets them."""
    met: set[int] = set()
    ahead = [givers[root][-1] for root in reversed(roots) if root in givers]
    while ahead:
        index = ahead.pop()
        if index in met:
            continue
        met.add(index)
        yield index
        entries = filled[index][0].entries
        below = [inside.get((index, name), _giver(givers, name, index)) for name in entries]
        ahead += [each for each in reversed(below) if each is not None]


def _giver(givers: Givers, name: str, asking: int) -> int | None:
    """The worksheet that gives an entry, if another one does.

    A later one may give a fact again, cut to what pay allows: the last is what counts, but not for itself.
    """
    giving = givers.get(name) or givers.get(SAME_AS.get(name, ""), [])
    if asking in giving:
        giving = giving[: giving.index(asking)]
    return giving[-1] if giving else None
