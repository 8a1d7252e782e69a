"""Progressive tables: from a lower bound on, tax is a base amount and a rate of the excess."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from payroll.calc.money import PPM


class Row(NamedTuple):
    """One row of a progressive table, as a worksheet is filled in with it."""

    table: str
    at_least: int
    base: int
    rate_ppm: int

    def tax_microcents(self, cents: int) -> int:
        """The unrounded tax on `cents`, in millionths of a cent."""
        return self.base * PPM + self.rate_ppm * (cents - self.at_least)


@dataclass(frozen=True, slots=True)
class Brackets:
    """A progressive table: from `at_least` on, tax is base + rate x the excess over `at_least`.

    Three columns of one length. Amounts are cents, rates ppm; the first row starts at 0.
    `table` is the path of the table in the year's file.
    """

    table: str
    at_least: tuple[int, ...]
    base: tuple[int, ...]
    rate_ppm: tuple[int, ...]

    def row(self, cents: int) -> Row:
        """Look up the row that `cents` (>= 0) falls into."""
        index = bisect_right(self.at_least, cents) - 1
        return Row(self.table, self.at_least[index], self.base[index], self.rate_ppm[index])
