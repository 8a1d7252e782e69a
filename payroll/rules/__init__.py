"""The rule tables of each year: TOML files beside this one, read once, checked whole, then frozen.

A year is added by its file alone. Every table of figures in it names its `source`; a file that does not, or
whose brackets leave a gap, is refused here and no pay run starts with it.
"""

import hashlib
import tomllib
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from payroll.calc.tables import NoRules, Rules
from payroll.rules.federal import read_federal, read_fica, read_flsa, read_futa, read_retirement
from payroll.rules.states import read_states
from payroll.rules.table import BadRules, Table

__all__ = ["BadRules", "NoRules", "known_years", "load", "parse"]

FOLDER = Path(__file__).parent


@lru_cache(maxsize=16)
def load(year: int) -> Rules:
    """Load the rules of a pay date's calendar year.

    raises   NoRules for a year without a file: nothing falls back to another year. BadRules for a faulty file
    """
    path = FOLDER / f"{year}.toml"
    if not path.is_file():
        raise NoRules(year)
    return parse(path.read_bytes(), year)


def parse(text: bytes, year: int) -> Rules:
    """Read and check one year's TOML.

    text     the file's bytes; the version carries the first 12 hex digits of their sha256
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
        version=f"{year}-{hashlib.sha256(text).hexdigest()[:12]}",
        federal=read_federal(top.table("federal")),
        fica=read_fica(top.section("fica")),
        futa=read_futa(top.section("futa")),
        flsa=read_flsa(top.section("flsa")),
        retirement=read_retirement(top.section("retirement")),
        states=read_states(top, year),
    )
    top.refuse_unread("year")
    return rules


def known_years() -> tuple[int, ...]:
    """List the years that have a file."""
    return tuple(sorted(int(path.stem) for path in FOLDER.glob("[0-9][0-9][0-9][0-9].toml")))
