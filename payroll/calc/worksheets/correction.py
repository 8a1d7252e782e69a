"""The end of a correction: what is right, what was paid before, and the difference that is owed."""

from collections.abc import Sequence

from payroll.calc.worksheet import Lines, worksheet


@worksheet("Correction: what is right less what was paid before", source="a paycheck is paid once (C)")
def correction(amounts: Sequence[tuple[str, int, int]]) -> Lines:
    """`amounts` are (fact, right, paid before)."""
    for fact, right, paid in amounts:
        yield f"right.{fact}", "as the worksheets above give it", right
        yield f"paid_before.{fact}", "by the paycheck, and by earlier corrections of it", paid
        yield fact, "the difference", right - paid
