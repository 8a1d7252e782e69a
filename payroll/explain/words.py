"""Figures in words: the unit is the last part of a name."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

DECIMALS_MAX = 8


def exact(number: Fraction) -> str:
    """A number with at least two decimals, and as many more as it has; one that never ends is cut and marked."""
    sign, number = ("-" if number < 0 else ""), abs(number)
    whole, rest = divmod(number.numerator * 10**DECIMALS_MAX // number.denominator, 10**DECIMALS_MAX)
    decimals = f"{rest:0{DECIMALS_MAX}d}".rstrip("0").ljust(2, "0")
    ends = number * 10**DECIMALS_MAX == whole * 10**DECIMALS_MAX + rest
    return f"{sign}{whole}.{decimals}{'' if ends else '…'}"


def _over(scale: int, unit: str = "") -> Callable[[Fraction], str]:
    return lambda number: f"{exact(number * Fraction(1, scale))}{unit}"


UNITS: dict[str, Callable[[Fraction], str]] = {
    "_cents": _over(100),
    "_ppm": _over(10_000, " %"),
    "_bp": _over(100, " %"),
    "_e4": _over(10_000),
    "_hundredths": _over(100, " h"),
    "_count": str,
    "_days": str,
}
AS_WORDS = {None: "none", True: "yes", False: "no"}


def unit_of(name: str) -> str:
    """The unit that a name ends with; empty for none."""
    return next((unit for unit in UNITS if name.endswith(unit)), "")


def label(name: str) -> str:
    """A name for people: `ss_wages_cents` is "ss wages"."""
    return name.removesuffix(unit_of(name)).replace("_", " ")


def shown(name: str, value: Any) -> str:
    """A value in the unit of its name; without one as it stands."""
    if isinstance(value, list | tuple):
        return "; ".join(map(_item, value)) or "none"
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return AS_WORDS[value]
    return UNITS.get(unit_of(name), str)(Fraction(value))


def line_shown(key: str, value: Any) -> str:
    """The value of a worksheet's line: a number without a unit is cents."""
    number = isinstance(value, int | Fraction) and not isinstance(value, bool)
    return shown(key if unit_of(key) or not number else f"{key}_cents", value)


def _item(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
