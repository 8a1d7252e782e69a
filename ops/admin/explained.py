"""A paycheck explained, as tables: net pay down to each cent, each worksheet once."""

from collections.abc import Iterator

from ops.admin import words
from ops.admin.base import Section, Table, Warn
from payroll import rulebook
from payroll.calc.money import dollars
from payroll.calc.worksheet import UnknownWorksheet
from payroll.explain.paycheck import Explanation, explain
from payroll.explain.sections import Section as Worksheet
from payroll.explain.text import own_lines, sources, whence
from payroll.explain.words import label, line_shown, shown
from payroll.objects import ObjectDamaged, ObjectsUnavailable
from payroll.runs import Refused


def explained(stream: str) -> list[Section]:
    """The sections of the page; a warning when the record cannot be read, or does not add up."""
    try:
        found = explain(stream)
    except (Refused, ObjectDamaged, ObjectsUnavailable, rulebook.RulesMissing, UnknownWorksheet) as refused:
        return [Warn(str(refused), "bad")]
    return [*_verdict(found), *map(_table, found.sections), _year(found)]


def _verdict(found: Explanation) -> Iterator[Section]:
    for wrong in found.wrong:
        yield Warn(f"Does not add up: {wrong}. Do not pay it; report this.", "bad")
    if not found.wrong:
        count, far = len(found.sections), "" if found.complete else " so far"
        yield Warn(
            f"Added up again from its {count} worksheets: every figure{far} agrees. Rules {found.rules_version}, "
            f"code {found.code_version}. Frozen inputs: {found.frozen_in}.",
            "good",
        )


def _table(section: Worksheet) -> Table:
    sheet = section.filled.worksheet
    rows: list[tuple[object, ...]] = [
        (label(entry.name), shown(entry.name, entry.value), whence(entry)) for entry in section.entries
    ]
    rows += [
        (words.strong(f"= {label(line.key)}"), words.strong(line_shown(line.key, line.value)), line.words)
        for line in own_lines(section)
    ]
    note = f"{sheet.source}. Rounding: {sheet.rounding}. Stored in {section.event}."
    note += "".join(f" Rules {table}: {source}." for table, source in sources(section).items())
    return Table(f"{section.number}. {sheet.title}", ("", ">value", "where it comes from"), rows, note=note)


def _year(found: Explanation) -> Table:
    rows = [
        (
            label(year.name),
            *(dollars(cents) for cents in (year.before_cents, year.this_cents, year.after_cents)),
        )
        for year in found.year_to_date
    ]
    return Table("Year to date", ("", ">before", ">this paycheck", ">after"), rows)
