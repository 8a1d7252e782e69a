"""What `payrun correct` takes and says: who has a difference, of which inputs, and how much."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from payroll import kinds
from payroll.calc.money import dollars
from payroll.correct import Corrected, Proposal

COLUMNS = ("gross", "employee_taxes", "employer_taxes", "net")
Told = tuple[dict[str, Any], list[str]]  # for programs, and for people


def add_arguments(verbs: Any, day: Callable[[str], date]) -> None:
    """The verb `correct`."""
    verb = verbs.add_parser("correct", help="pay the difference between what was paid and what is right now")
    verb.add_argument("run", help="the run that was paid: its id, or the beginning of it")
    verb.add_argument("--employer", nargs="+", action="extend", default=[], metavar="ID", help="default: all")
    verb.add_argument(
        "--employee",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="whom alone: ids of the one --employer, or EMPLOYER/EMPLOYEE; default: all with a difference",
    )
    verb.add_argument("--pay-date", type=day, metavar="DATE", help="default: the next banking day")
    verb.add_argument(
        "--same-day",
        action="store_true",
        help="pay it today: the payment files settle on the day they are made",
    )
    verb.add_argument("--preview", action="store_true", help="say what differs, and open nothing")
    verb.add_argument("--as", dest="user", default="cli", metavar="USER", help="who opens it (default: cli)")
    verb.add_argument("--json", action="store_true")


def proposed(found: Sequence[Proposal], dismissed: Sequence[str]) -> Told:
    """What `--preview` says.

    dismissed   who is left out because of that, as EMPLOYER/EMPLOYEE
    """
    facts = {"people": [_facts(each) for each in found], "dismissed": [*dismissed], **_sums(found)}
    if not found:
        nothing = "nothing differs between what was paid and what the roster says now"
        return facts, [nothing, *_left(dismissed)]
    return facts, [*_table(found), *_left(dismissed)]


def opened(run: Corrected) -> Told:
    """What is said of a run that was opened."""
    facts = {"run": str(run.run), "pay_date": run.pay_date.isoformat(), **_sums(run.proposals)}
    facts |= {
        name: [_facts(each) for each in of]
        for name, of in (("people", run.proposals), ("left_out", run.left_out))
    }
    facts["dismissed"] = [*run.dismissed]
    lines = [
        f"pay run {run.run} opened: it corrects {len(run.proposals)} people, paid {run.pay_date}; "
        "somebody else has to approve it"
    ]
    return facts, [*lines, *_table([*run.proposals, *run.left_out]), *_left(run.dismissed)]


def _left(dismissed: Sequence[str]) -> list[str]:
    """Who is not paid because somebody said so, and how they are paid all the same."""
    if not dismissed:
        return []
    who = f"{len(dismissed)} {'person is' if len(dismissed) == 1 else 'people are'} left out"
    return [f"{who}, because dismissed: {kinds.some(dismissed)}; --employee pays them all the same"]


def _facts(each: Proposal) -> dict[str, Any]:
    return {
        "employer": each.employer,
        "employee_id": each.employee_id,
        "inputs": list(each.inputs),
        **{f"{name}_cents": each.cents(name) for name in COLUMNS},
        "amounts": each.amounts,
        "stopped": each.stopped or None,
    }


def _sums(found: Sequence[Proposal]) -> dict[str, int]:
    able = [each for each in found if not each.stopped]
    return {f"{name}_cents": sum(each.cents(name) for each in able) for name in COLUMNS}


def _table(found: Sequence[Proposal]) -> list[str]:
    """A line for each person, and the sums."""
    lines = [
        f"{'person':<24} {'gross':>12} {'taxes':>12} {'employer':>12} {'net pay':>12}  what differs",
        *(f"{f'{each.employer}/{each.employee_id}':<24} {_amounts(each)}" for each in found),
    ]
    able = [each for each in found if not each.stopped]
    sums = " ".join(f"{dollars(cents):>12}" for cents in _sums(able).values())
    lines.append(f"{f'{len(able)} people':<24} {sums}")
    if owing := [each for each in able if each.cents("net") < 0]:
        back_cents = -sum(each.cents("net") for each in owing)
        lines.append(
            f"{len(owing)} people were paid too much: {dollars(back_cents)} are taken back from later pay"
        )
    return lines


def _amounts(each: Proposal) -> str:
    if each.stopped:
        return f"cannot be computed: {each.stopped}"
    amounts = " ".join(f"{dollars(each.cents(name)):>12}" for name in COLUMNS)
    return f"{amounts}  {', '.join(each.inputs)}"
