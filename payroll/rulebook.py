"""The rule tables that a run is pinned to, kept by version: a later table changes no run that has begun."""

from functools import lru_cache

from payroll import objects, rules
from payroll.calc.tables import Rules


class RulesMissing(Exception):
    """The rule tables that a run is pinned to are neither in this program nor in object storage."""


def keep(year: int) -> Rules:
    """Store this program's tables of a year as they are, for runs that are opened now.

    raises   NoRules for a year without tables
    """
    text = rules.text_of(year)
    tables = rules.parse(text, year)
    objects.put_once(_name(tables.version), text)
    return tables


@lru_cache(maxsize=16)
def tables(version: str) -> Rules:
    """The tables of a version: this program's if they are the same, else those that were kept.

    raises   RulesMissing, naming the object; BadRules when this program cannot read them any more
    """
    year = int(version.partition("-")[0])
    if year in rules.known_years() and (ours := rules.load(year)).version == version:
        return ours
    return rules.parse(text(version), year)


def text(version: str) -> bytes:
    """The tables of a version as they were written. Raises RulesMissing when they are gone or damaged."""
    year = int(version.partition("-")[0])
    kept = objects.get(_name(version))
    if kept is not None and rules.version_of(kept, year) == version:
        return kept
    if year in rules.known_years() and rules.version_of(ours := rules.text_of(year), year) == version:
        return ours
    raise RulesMissing(
        f"the run is pinned to the rule tables {version}, and {_name(version)} is "
        f"{'missing from' if kept is None else 'damaged in'} object storage: restore it, then redrive"
    )


def _name(version: str) -> str:
    return f"rules/{version}.toml"
