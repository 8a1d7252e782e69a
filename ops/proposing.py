"""What `payrun corrections` and `payrun dismiss` take and say: late changes by run and person, and their amounts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ops.correcting import COLUMNS, Told
from payroll.calc.money import dollars
from payroll.late import changes, listed
from payroll.late.changes import DISMISSED, NOT_PAID, OPEN
from payroll.late.listed import Late
from payroll.refusal import Refused

NONE = "no late change waits: what was paid is what the roster says now, or somebody has dismissed it"


def add_arguments(verbs: Any) -> None:
    """The verbs that list what an import has found, and dismiss it; `correct` pays it."""
    listing = verbs.add_parser(
        "corrections",
        help="whose inputs were changed after a run had taken them, and what the difference comes to",
    )
    listing.add_argument(
        "run", nargs="?", default="", help="by person and amount; default: the runs that have any"
    )
    listing.add_argument(
        "--employer", nargs="+", action="extend", default=[], metavar="ID", help="default: all"
    )
    listing.add_argument(
        "--all", dest="everything", action="store_true", help="those that are settled as well"
    )
    listing.add_argument("--json", action="store_true")
    dismissal = verbs.add_parser("dismiss", help="say that a late change is not to be corrected, and why")
    dismissal.add_argument("run", help="the run's id, or the beginning of it")
    dismissal.add_argument("--employer", nargs="+", action="extend", default=[], metavar="ID")
    dismissal.add_argument(
        "--employee",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="whose: ids of the one --employer, or EMPLOYER/EMPLOYEE",
    )
    dismissal.add_argument(
        "--all", dest="everybody", action="store_true", help="everybody's of the run, or of --employer"
    )
    dismissal.add_argument("--as", dest="user", required=True, metavar="USER", help="who dismisses it")
    dismissal.add_argument("--reason", required=True, help="why, for the record")


def runs(employers: Sequence[str]) -> Told:
    """The runs that somebody has to decide about."""
    found = listed.by_run(**_of(employers))
    facts = {"runs": [each._asdict() | {"run": str(each.run)} for each in found]}
    if not found:
        return facts, [NONE]
    lines = [f"{'run':<36}  {'kind':<12} {'paid':<10} {'to correct':>10} {'not paid yet':>12}"]
    lines += [
        f"{each.run}  {each.kind:<12} {each.pay_date:<10} {each.open:>10,} {each.not_paid:>12,}"
        for each in found
    ]
    return facts, [*lines, "by person and amount: manage.py payrun corrections RUN"]


def of_run(run: UUID, employers: Sequence[str], *, everything: bool) -> Told:
    """The late changes of a run by person, with amounts where there are any to pay."""
    listed.by_run(run=run)
    rows = changes.all_of(run=run, **_of(employers)).order_by("employer", "employee_id")
    found = listed.with_amounts(list(rows if everything else changes.to_do(rows)))
    facts = {"run": str(run), "people": [told(each) for each in found], **_sums(found)}
    return facts, _table(run, found)


def dismissed(run: UUID, employers: Sequence[str], people: dict[str, list[str]] | None, **why: str) -> str:
    """Dismiss those of some people, or of everybody who has one; what was done.

    people   employee ids by employer; None for everybody
    why      by, reason
    raises   Refused
    """
    listed.by_run(run=run)
    if people is None:
        streams = [row.stream for row in changes.to_do(changes.all_of(run=run, **_of(employers)))]
    else:
        named = {(employer, each) for employer, ids in people.items() for each in ids}
        rows = changes.all_of(run=run, employer__in=list(people))
        streams = [row.stream for row in rows if (row.employer, row.employee_id) in named]
        if missing := named - {(row.employer, row.employee_id) for row in rows}:
            raise Refused(
                f"{'/'.join(min(missing))} has no late change in this run: payrun corrections lists them"
            )
    changes.dismiss(streams, **why)
    return f"dismissed: {listed.people(len(streams))}. A later change of the same people is noticed again"


def told(each: Late) -> dict[str, Any]:
    """One late change for programs; amounts are null where there are none."""
    row, able = each.row, each.able
    return {
        "employer": row.employer,
        "employee_id": row.employee_id,
        "state": row.stands,
        "inputs": list(each.inputs),
        "noticed_at": row.last_at.isoformat(),
        **{f"{name}_cents": able.cents(name) if able else None for name in COLUMNS},
        "why": each.why or None,
        "corrected_by": str(row.taken_run) if row.taken_run else None,
        "dismissed_by": row.facts.get("dismissed_by") if row.stands == DISMISSED else None,
        "dismissed_reason": row.facts.get("dismissed_reason") if row.stands == DISMISSED else None,
    }


def _of(employers: Sequence[str]) -> dict[str, Any]:
    return {"employer__in": list(employers)} if employers else {}


def _sums(found: Sequence[Late]) -> dict[str, int]:
    able = [each.able for each in found if each.able]
    return {f"{name}_cents": sum(each.cents(name) for each in able) for name in COLUMNS}


def _table(run: UUID, found: Sequence[Late]) -> list[str]:
    if not found:
        return [NONE]
    lines = [f"{'person':<24} {'gross':>12} {'taxes':>12} {'employer':>12} {'net pay':>12}  what differs"]
    lines += [f"{f'{each.row.employer}/{each.row.employee_id}':<24} {_line(each)}" for each in found]
    sums = " ".join(f"{dollars(cents):>12}" for cents in _sums(found).values())
    lines.append(f"{listed.people(len(found)):<24} {sums}")
    stands = {each.row.stands for each in found}
    if OPEN in stands:
        lines.append(
            f"to pay the difference: manage.py payrun correct {run}; not to: manage.py payrun dismiss {run}"
        )
    if NOT_PAID in stands:
        lines.append(f"not paid yet: {listed.NEXT[NOT_PAID]}")
    return lines


def _line(each: Late) -> str:
    what = listed.said(each.inputs)
    if each.able:
        return " ".join(f"{dollars(each.able.cents(name)):>12}" for name in COLUMNS) + f"  {what}"
    return f"{each.why or each.row.stands}: {what}"
