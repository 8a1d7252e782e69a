"""The rule tables of each year: a folder of TOML files a year, read once, checked whole, then frozen.

A year is added by its folder alone. Every table of figures in it names its `source`; a file that does not, or
whose brackets leave a gap, is refused here and no pay run starts with it.
"""

import hashlib
import tomllib
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from payroll.calc.tables import NoRules, Rules
from payroll.rules.federal import (
    read_benefits,
    read_federal,
    read_fica,
    read_flsa,
    read_futa,
    read_retirement,
)
from payroll.rules.garnishment import read_garnishment
from payroll.rules.programmes import read_programmes
from payroll.rules.states import read_states
from payroll.rules.table import BadRules, Table

__all__ = ["BadRules", "NoRules", "known_years", "load", "parse", "text_of", "version_of"]

FOLDER = Path(__file__).parent


@lru_cache(maxsize=16)
def load(year: int) -> Rules:
    """Load the rules of a pay date's calendar year.

    raises   NoRules for a year without tables: nothing falls back to another year. BadRules for a faulty file
    """
    return parse(text_of(year), year)


def text_of(year: int) -> bytes:
    """The tables of a year as one text: what a run is pinned to. Raises NoRules."""
    files = sorted((FOLDER / str(year)).glob("*.toml"))
    if not files:
        raise NoRules(year)
    return b"\n".join(path.read_bytes() for path in files)


def parse(text: bytes, year: int) -> Rules:
    """Read and check one year's TOML.

    text     all files of the year, one after the other; the version carries the first 12 hex digits of their sha256
    raises   BadRules naming the table and key that is missing or wrong
    """
    try:
        content: dict[str, Any] = tomllib.loads(text.decode(), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BadRules(f"rules {year}: {fault}") from fault
    if content.get("year") != year:
        raise BadRules(f"rules {year}: the file says year = {content.get('year')}")
    top = Table(content)
    rules = Rules(
        year=year,
        version=version_of(text, year),
        federal=read_federal(top.table("federal")),
        fica=read_fica(top.section("fica")),
        futa=read_futa(top.section("futa")),
        flsa=read_flsa(top.section("flsa")),
        retirement=read_retirement(top.section("retirement")),
        benefits=read_benefits(top.table("benefits")),
        garnishment=read_garnishment(top.table("garnishment"), year),
        states=read_states(top, year),
        programmes=read_programmes(top),
    )
    top.refuse_unread("year")
    return rules


def version_of(text: bytes, year: int) -> str:
    """What a run is pinned to: the year and the first 12 hex digits of the sha256 of its tables."""
    return f"{year}-{hashlib.sha256(text).hexdigest()[:12]}"


def known_years() -> tuple[int, ...]:
    """List the years that have tables."""
    return tuple(sorted(int(path.name) for path in FOLDER.glob("[0-9][0-9][0-9][0-9]") if path.is_dir()))
