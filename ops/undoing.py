"""`payrun undo` in words: what can still be undone, step by step, at what cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from payroll.calc.money import dollars
from payroll.refusal import Refused
from payroll.undo import decide
from payroll.undo.plan import WORDS, Preview


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be undone: of a run an employer's part, or one paycheck of it; empty for all."""

    run: UUID
    employer: str = ""
    employee_id: str = ""

    @classmethod
    def of(cls, run: UUID, employer: str, paycheck: str) -> "Asked":
        """A paycheck is named by the employee's id, or EMPLOYER/EMPLOYEE. Raises Refused."""
        named, slash, employee_id = paycheck.rpartition("/")
        if slash and employer and named != employer:
            raise Refused(f"{paycheck} is not of {employer}")
        return cls(run, named or employer, employee_id)


def told(asked: Asked, parts: Sequence[Preview]) -> dict[str, Any]:
    """As one JSON object."""
    return {
        "run": str(asked.run),
        "parts": [each._asdict() | {"lines": [line._asdict() for line in each.lines]} for each in parts],
    }


def in_words(parts: Sequence[Preview]) -> str:
    """For people: a block for each employer, the last step first."""
    return "\n".join(line for part in parts for line in _block(part))


def _block(part: Preview) -> list[str]:
    who = f"{part.employer}/{part.employee_id}" if part.employee_id else part.employer
    if part.refused:
        return [f"{who}: cannot be undone now. {part.refused}"]
    lines = [f"{who}:"]
    for line in part.lines:
        until = f", until {line.until}" if line.until else ""
        lines.append(f"  {line.step}: {line.undone_by}{until}" + (f" ({line.cost})" if line.cost else ""))
    lines += [
        f"  {part.entries[does]} payments of {dollars(part.cents[does])}: {WORDS[does]}"
        for does in part.entries
    ]
    if part.reversible_until:
        lines.append(f"  the last day for reversing entries is {part.reversible_until}")
    if not part.entries:
        lines.append("  nothing was instructed: no money moves")
    return lines


def after(undone: decide.Undone) -> str:
    """What a command did."""
    if undone.confirmed:
        return f"proposed by {undone.proposed_by} and confirmed: the workers undo it now"
    return f"proposed by {undone.proposed_by}: a second person confirms it by the same command"


def add_arguments(verbs: Any) -> None:
    """The verb that takes back what was paid."""
    undo = verbs.add_parser(
        "undo", help="void a run, an employer's part or a paycheck, and take back what was paid"
    )
    undo.add_argument("run", help="the run's id, or the beginning of it")
    undo.add_argument("--employer", default="", metavar="ID")
    undo.add_argument("--paycheck", default="", metavar="ID", help="an employee's id, or EMPLOYER/EMPLOYEE")
    undo.add_argument("--as", dest="user", default="", metavar="USER", help="who proposes, or confirms")
    undo.add_argument("--reason", default="", help="why, for the record; whoever proposes gives it")
    undo.add_argument(
        "--check-cashed", action="store_true", help="paper checks were cashed: they are owed back"
    )
    undo.add_argument("--preview", action="store_true", help="show what would be done, and do nothing")
    undo.add_argument("--json", action="store_true")
