"""Money is an integer count of cents, and it is rounded once, half up, where a rule says so.

Rates are exact integers too: `ppm` is parts per million (6.2 % is 62_000), `bp` is hundredths of a percent
(6.2 % is 620). Nothing in this package knows a binary fraction, so equal inputs give equal cents anywhere.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

PPM = 1_000_000
BP = 10_000
_DOLLARS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_ONE = Decimal(1)


def ratio_half_up(numerator: int, denominator: int) -> int:
    """Round a ratio of integers to the nearest integer, a half away from zero.

    denominator   above zero
    source        the one rounding of every tax line, a convention of this product
    """
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))


def half_up(amount: Decimal | Fraction) -> int:
    """Round an exact amount of cents to whole cents, a half away from zero."""
    if isinstance(amount, Decimal):
        return int(amount.quantize(_ONE, rounding=ROUND_HALF_UP))
    return ratio_half_up(amount.numerator, amount.denominator)


def parse_cents(text: str) -> int:
    """Read a dollar amount such as "1234.5" or "-0.07" as cents.

    text     digits with an optional sign and decimal point; no currency mark, no thousands separator
    raises   ValueError for anything else, and for a fraction of a cent: it is refused, never rounded
    """
    if not _DOLLARS.fullmatch(text):
        raise ValueError(f"{text!r} is not an amount of dollars: write it like 1234.50")
    return exact_integer(Decimal(text), 100, "a fraction of a cent")


def dollars(cents: int) -> str:
    """Write cents as dollars with two decimals: 123450 is "1234.50"."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}"


def percent_to_bp(percent: Decimal | int | str) -> int:
    """Turn a percentage with up to two decimals into hundredths of a percent: 7.25 is 725.

    raises   ValueError beyond two decimals
    """
    return exact_integer(Decimal(percent), 100, "finer than a hundredth of a percent")


def exact_integer(amount: Decimal, scale: int, too_fine: str) -> int:
    """Multiply an amount by a scale that makes it whole.

    raises   ValueError when it does not become whole; `too_fine` says what is left over
    """
    scaled = amount * scale
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{amount} holds {too_fine}: give it exactly")
    return whole
