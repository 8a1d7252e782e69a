"""From workings to sections that a person reads: each worksheet once, from the result down to what it was made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from payroll.calc.worksheet import Filled, UnknownWorksheet, Value, fill_in, is_working
from payroll.explain.words import unit_of

# An entry that a worksheet knows by another name than the fact that it is.
SAME_AS = {
    "ss_wages_cents": "fica_wages_cents",
    "medicare_wages_cents": "fica_wages_cents",
    "futa_wages_cents": "fica_wages_cents",
    "eligible_cents": "gross_cents",
}


# What an event says in the end, which is not what the worksheets beside it take.
ENDS = {"correction"}


class Origin(NamedTuple):
    """Where an entry comes from, when no other section gives it.

    kind       event, input, year to date, rules, or computed
    where      the event, the frozen input, or the table; for what is computed, from what
    source     of the table
    expected   what stands there, alone in a tuple; empty when it has another form there and cannot be compared
    """

    kind: str
    where: str
    source: str = ""
    expected: tuple[Any, ...] = ()


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


class Asked(NamedTuple):
    """An entry whose origin is asked for.

    above     the worksheets that this one is inside of, nearest first, and the entry that it is of each
    earlier   the worksheets that were filled in before
    linked    whether another section gives it
    """

    sheet: Filled
    name: str
    above: tuple[tuple[Filled, str], ...] = ()
    earlier: Sequence[Filled] = ()
    linked: bool = False

    @property
    def value(self) -> Any:
        return self.sheet.entries[self.name]


class _Sheet(NamedTuple):
    """A worksheet as it was filled in, with the entries of it that are worksheets by their index."""

    filled: Filled
    event: str
    inside: dict[str, int]


Givers = dict[str, list[int]]  # the worksheets that give a fact, in their order
Resolve = Callable[[Asked], Origin | None]


def sections(
    workings: Sequence[tuple[Sequence[Any], str]], roots: Sequence[str], resolve: Resolve
) -> list[Section]:
    """Number the worksheets from the roots down; those that lead to no root come last.

    workings   each with the event that it is stored with
    roots      facts to begin from, such as net_cents
    resolve    tells where an entry comes from; of an entry that a section gives, only when it is not simply that line
    raises     UnknownWorksheet
    """
    sheets = _flat(workings)
    parents = {
        child: (index, name) for index, sheet in enumerate(sheets) for name, child in sheet.inside.items()
    }
    givers: Givers = {}
    for index, sheet in enumerate(sheets):
        for line in sheet.filled.lines if index not in parents else ():
            if sheet.filled.worksheet.name in ENDS:
                break
            if unit_of(line.key):  # without a unit it is a step of its own worksheet, and no fact
                givers.setdefault(line.key, []).append(index)
    numbers: dict[int, int] = {}
    for index in [*_walk(sheets, givers, roots), *range(len(sheets))]:
        numbers.setdefault(index, len(numbers) + 1)
    made = []
    for index, number in numbers.items():
        filled, event, inside = sheets[index]
        above = tuple((sheets[parent].filled, name) for parent, name in _above(index, parents))
        earlier = [sheet.filled for sheet in sheets[:index]]
        entries = []
        for name, value in filled.entries.items():
            gives = inside.get(name, _giver(givers, name, index))
            origin = None
            if name not in inside:
                origin = resolve(Asked(filled, name, above, earlier, gives is not None))
            entries.append(Entry(name, value, origin, 0 if gives is None else numbers[gives]))
        made.append(Section(number, filled, event, tuple(entries), -1 if index in parents else index))
    return made


def without_ends(made: Sequence[Section]) -> list[Section]:
    """The worksheets that lead to what is right, without that which takes off what was paid before."""
    return [section for section in made if section.filled.worksheet.name not in ENDS]


def facts_of(made: Sequence[Section]) -> dict[str, Value]:
    """What the worksheets give, by fact; those inside another one give only to that one.

    A later worksheet that gives a fact again replaces it; one of the same name is about another item, and adds to it.
    """
    given: dict[str, Value] = {}
    giver: dict[str, str] = {}
    for section in sorted(made, key=lambda section: section.place):
        if section.place < 0:
            continue
        name = section.filled.worksheet.name
        for key, value in section.filled.facts.items():
            before = given.get(key)
            same = giver.get(key) == name and isinstance(before, int) and isinstance(value, int)
            given[key] = before + value if same else value  # type: ignore[operator]
            giver[key] = name
    return given


def disagreements(made: Sequence[Section], facts: Mapping[str, Any]) -> Iterator[str]:
    """What does not add up: a line that is not the fact on record, an entry that is not what it comes from.

    facts   as recorded, by name
    """
    for name, value in facts_of(made).items():
        if name in facts and facts[name] != value:
            yield f"{name} is {facts[name]} on record, and its worksheet gives {value}"
    by_number = {section.number: section for section in made}
    for section in made:
        for entry in section.entries:
            expected = entry.origin.expected if entry.origin else ()
            if entry.section and not entry.origin and not is_working(entry.value):
                lines = by_number[entry.section].filled.facts
                expected = (lines.get(entry.name, lines.get(SAME_AS.get(entry.name, ""))),)
            if expected and expected[0] != entry.value:
                title = section.filled.worksheet.title
                yield f"{title} took {entry.name} as {entry.value}, and it is {expected[0]}"


def _flat(workings: Sequence[tuple[Sequence[Any], str]]) -> list[_Sheet]:
    """Every worksheet filled in, those inside another one before it."""
    sheets: list[_Sheet] = []

    def add(working: Sequence[Any], event: str) -> int:
        filled = _filled(working, event)
        inside = {name: add(value, event) for name, value in filled.entries.items() if is_working(value)}
        sheets.append(_Sheet(filled, event, inside))
        return len(sheets) - 1

    for working, event in workings:
        add(working, event)
    return sheets


def _filled(working: Any, event: str) -> Filled:
    """A worksheet as it was filled in. Raises UnknownWorksheet for one that nobody can have filled in so."""
    try:
        return fill_in(working)
    except (ValueError, TypeError, LookupError, ArithmeticError) as fault:
        if isinstance(fault, UnknownWorksheet):
            raise
        raise UnknownWorksheet(f"a worksheet of {event} cannot be filled in: {fault}") from fault


def _above(index: int, parents: Mapping[int, tuple[int, str]]) -> Iterator[tuple[int, str]]:
    while index in parents:
        yield parents[index]
        index = parents[index][0]


def _walk(sheets: Sequence[_Sheet], givers: Givers, roots: Sequence[str]) -> Iterator[int]:
    """Worksheets in the order in which a reader meets them."""
    met: set[int] = set()
    ahead = [givers[root][-1] for root in reversed(roots) if root in givers]
    while ahead:
        index = ahead.pop()
        if index in met:
            continue
        met.add(index)
        yield index
        filled, _, inside = sheets[index]
        below = [inside.get(name, _giver(givers, name, index)) for name in filled.entries]
        ahead += [each for each in reversed(below) if each is not None]


def _giver(givers: Givers, name: str, asking: int) -> int | None:
    """The worksheet that gives an entry, if another one does.

    A later one may give a fact again, cut to what pay allows: the last is what counts, but not for itself.
    """
    giving = givers.get(name) or givers.get(SAME_AS.get(name, ""), [])
    if asking in giving:
        giving = giving[: giving.index(asking)]
    return giving[-1] if giving else None
