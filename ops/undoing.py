"""`payrun undo` in words: what can still be undone, step by step, at what cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from payroll.calc.money import dollars
from payroll.refusal import Refused
from payroll.undo import decide, left
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


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be done about it: withdraw, preview, or else propose or confirm, in this order."""

    user: str
    reason: str
    preview: bool
    withdraw: bool
    check_cashed: bool


def act(asked: Asked, options: Options) -> tuple[dict[str, Any], list[str]]:
    """Do what `payrun undo` was told; what came of it, for programs and for people. Raises Refused."""
    of = {"employer": asked.employer, "employee_id": asked.employee_id}
    if options.preview and not options.withdraw:
        parts = decide.preview(asked.run, **of, check_cashed=options.check_cashed)
        proposal = decide.proposed(asked.run, **of)
        return told(asked, parts, proposal), [in_words(parts), *_proposed(proposal)]
    if not options.user:
        raise Refused("who undoes it? Name them with --as, or look with --preview")
    if options.withdraw:
        key = decide.withdraw(asked.run, by=options.user, reason=options.reason, **of)
        said = "withdrawn: nothing is undone. It may be proposed anew"
        return {"run": str(asked.run), "undo": str(key), "withdrawn": True}, [said]
    undone = decide.undo(
        asked.run, by=options.user, reason=options.reason, **of, check_cashed=options.check_cashed
    )
    did = {"undo": str(undone.key), "confirmed": undone.confirmed}
    return told(asked, undone.parts) | did, [in_words(undone.parts), after(undone)]


def waiting(run: UUID | str, employers: Iterable[str]) -> list[str]:
    """What somebody has proposed to undo of a run and nobody has confirmed, in words."""
    return [
        f"{facts['proposed_by']} has proposed to undo {facts['employer'] or 'all of it'}: {facts['reason']}"
        for facts in decide.waiting(UUID(str(run)), employers)
    ]


def _proposed(proposal: dict[str, Any]) -> list[str]:
    """Who has proposed it, where it waits for a second person."""
    if not proposal:
        return []
    return [
        f"proposed by {proposal['proposed_by']}: {proposal['reason']}; somebody else confirms it with --as, or it is "
        "taken back with --withdraw --as"
    ]


def told(asked: Asked, parts: Sequence[Preview], proposal: dict[str, Any] | None = None) -> dict[str, Any]:
    """As one JSON object."""
    named = ("proposed_by", "reason", "check_cashed")
    waits = {"proposal": {name: proposal[name] for name in named}} if proposal else {}
    return {
        "run": str(asked.run),
        **waits,
        "parts": [_facts(each) for each in parts],
    }


def _facts(part: Preview) -> dict[str, Any]:
    facts = part._asdict() | {"lines": [line._asdict() for line in part.lines]}
    for name in ("by_hand", "deposits"):
        facts[name] = {kind: each._asdict() for kind, each in facts[name].items()}
    return facts


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
    lines += [
        f"  {count} deposits of {dollars(cents)} of federal tax: {WORDS[does]}"
        for does, (count, cents) in part.deposits.items()
    ]
    lines += [f"  {sentence}" for sentence in left.in_words(part.by_hand)]
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
    undo.add_argument(
        "--withdraw", action="store_true", help="take a proposal back that nobody has confirmed"
    )
    undo.add_argument("--preview", action="store_true", help="show what would be done, and do nothing")
    undo.add_argument("--json", action="store_true")
