"""What a calculation answers: its fields, and the working that gives them."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from payroll.calc.money import dollars
from payroll.calc.worksheet import Working
from payroll.calculate.reading import Fields


class Answer(NamedTuple):
    """One calculation's result.

    fields        by name; money as decimal strings
    workings      the worksheets it was computed by, in their order
    given_by      field -> the line of a worksheet that gives it; inside a list `workweeks.0.premium`, `allocation.1`
    workings_of   for a field that has worksheets of its own
    """

    fields: dict[str, Any]
    workings: Sequence[Working]
    given_by: dict[str, str]
    workings_of: Mapping[str, Sequence[Working]] = MappingProxyType({})


Kind = Callable[[Fields], Answer]


def money(result: Any, *names: str, **renamed: str) -> dict[str, str]:
    """Fields of a result in dollars: `net` is its `net_cents`; `tax="withholding"` is its `withholding_cents`."""
    wanted = {name: name for name in names} | renamed
    return {field: dollars(getattr(result, f"{name}_cents")) for field, name in wanted.items()}


def simply(names: Sequence[str], **renamed: str) -> dict[str, str]:
    """For fields whose line has the same name with `_cents`."""
    return {name: f"{name}_cents" for name in names} | renamed
