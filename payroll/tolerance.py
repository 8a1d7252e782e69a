"""How many people of a run may fail before nothing else of it is begun: a number, or a share of them."""

import re
from decimal import Decimal
from typing import NamedTuple

from payroll.history import History

COUNT = re.compile(r"([0-9]{1,9})\Z")
PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%\Z")


class Tolerance(NamedTuple):
    """A number of people who may fail, or a percentage of all; exactly one of the two is given."""

    people: int | None = None
    percent: Decimal | None = None

    @classmethod
    def parse(cls, text: str) -> "Tolerance":
        """From "5" or "2%" or "0.5%". Raises ValueError."""
        if found := COUNT.match(text):
            return cls(people=int(found[1]))
        if (found := PERCENT.match(text)) and Decimal(found[1]) <= 100:
            return cls(percent=Decimal(found[1]))
        raise ValueError(f"{text!r} is neither a number of people nor a percentage: write 5, or 2%")

    def of(self, employees: int) -> int:
        """How many people that is of so many; a part of a person is nobody."""
        if self.percent is not None:
            return int(employees * self.percent / 100)
        return self.people or 0

    def __str__(self) -> str:
        return f"{self.percent}%" if self.percent is not None else str(self.people)


def of_employer(run: History, employer: str) -> Tolerance | None:
    """What is tolerated in an employer's part of a run: as it was opened, or as it was changed last."""
    given = run.facts["PayRunOpened"].get("tolerate_employer")
    for event in run.events:
        limited = event.data.get("limited", {})
        if limited.get("employer") == employer and "tolerate" in limited:
            given = limited["tolerate"]
    return Tolerance.parse(given) if given and given != "any" else None
