"""Late changes as people are told of them: by run, with what differs in words, and with amounts when they are asked.

Amounts are computed when somebody looks, for those people alone: they follow the roster, and other paychecks.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Q

from events import projection
from events.failures import NeedsReview
from payroll import correct
from payroll.correct import Proposal
from payroll.late import changes
from payroll.late.changes import NOT_PAID, OPEN
from payroll.projections import PAYCHECKS, RUNS
from payroll.refusal import Refused

RUNS_TOLD = 5
WORDS = {
    "time": "hours",
    "items": "single payments",
    "deductions": "deductions",
    "garnishments": "court orders",
    "forms": "further tax forms",
    "employment": "not employed in the period",
    "hire_date": "hired on",
    "termination_date": "left on",
    "age_at_year_end": "date of birth",
    "pay_basis": "paid by",
    "pay_rate": "pay rate",
    "standard_weekly_hours": "standard hours",
    "flsa_exempt": "exempt from overtime",
    "work_state": "state of work",
    "traditional_bp": "traditional 401(k)",
    "roth_bp": "Roth 401(k)",
    "section125_cents": "section 125",
    "w4_version": "W-4: version",
    "filing_status": "W-4: filing status",
    "step2_checkbox": "W-4: step 2(c)",
    "step3_cents": "W-4: step 3",
    "step4a_cents": "W-4: step 4(a)",
    "step4b_cents": "W-4: step 4(b)",
    "step4c_cents": "W-4: step 4(c)",
    "allowances": "W-4: allowances",
    "additional_withholding_cents": "W-4: additional withholding",
    "year_to_date": "other paychecks of the year",
}
NEXT = {
    OPEN: "open a correction run, or dismiss it with a reason",
    NOT_PAID: (
        "the run took what the roster said when it began. Correct it once the run is paid; or cancel the run and open "
        "it again; whoever waits as a dead letter is begun again by deadletters redrive --corrected"
    ),
}


class Late(NamedTuple):
    """One late change with what it comes to.

    row        with `stands`, as changes.all_of gives it
    proposal   None when nothing is computed, or nobody's pay differs by it
    why        why there is no amount; empty when there is one
    """

    row: Any
    proposal: Proposal | None
    why: str

    @property
    def able(self) -> Proposal | None:
        """What a correction would pay or take back."""
        return None if self.why else self.proposal

    @property
    def inputs(self) -> Sequence[str]:
        """The names of what differs: as it is computed now, else as it was noticed."""
        inputs: Sequence[str] = self.proposal.inputs if self.proposal else self.row.facts["inputs"]
        return inputs


class OfRun(NamedTuple):
    """How many people of a run have a late change: that can be corrected, and that wait until it is paid."""

    run: UUID
    kind: str
    pay_date: str
    open: int
    not_paid: int


def said(inputs: Iterable[str]) -> str:
    """Names of inputs as a clerk knows them."""
    return ", ".join(WORDS.get(name, name) for name in inputs)


def by_run(**of: Any) -> list[OfRun]:
    """The runs that somebody has to decide about, latest first, as of now."""
    projection.catch_up(RUNS, PAYCHECKS)
    return counted(**of)


def counted(**of: Any) -> list[OfRun]:
    """The same as the read models have it."""
    counts = changes.to_do(changes.all_of(**of)).order_by().values("run", "facts__kind", "pay_date")
    found = counts.annotate(
        open=Count("stream", filter=Q(stands=OPEN)), not_paid=Count("stream", filter=Q(stands=NOT_PAID))
    )
    rows = found.order_by("-pay_date", "run")
    return [
        OfRun(row["run"], row["facts__kind"], row["pay_date"], row["open"], row["not_paid"]) for row in rows
    ]


def in_words() -> list[str]:
    """A line for each run that somebody has to decide about, and which command tells more."""
    found = by_run()
    lines = [_line(each) for each in found[:RUNS_TOLD]]
    if len(found) > RUNS_TOLD:
        lines.append(f"{len(found) - RUNS_TOLD} more runs have late changes: manage.py payrun corrections")
    return lines


def _line(each: OfRun) -> str:
    name = f"the {each.kind} run {each.run}, paid {each.pay_date},"
    parts = []
    if each.open:
        parts.append(
            f"{people(each.open)} of {name} {has(each.open)} late changes: "
            f"manage.py payrun correct {each.run} --preview"
        )
    if each.not_paid:
        parts.append(
            f"{people(each.not_paid)} of {name} {has(each.not_paid)} changes that it did not take, and it is not paid "
            f"yet: manage.py payrun corrections {each.run}"
        )
    return "; ".join(parts)


def people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def has(count: int) -> str:
    return "has" if count == 1 else "have"


def with_amounts(rows: Sequence[Any]) -> list[Late]:
    """What late changes come to now, of one run or of many; nothing is changed."""
    found: dict[tuple[UUID | None, str], dict[str, Proposal]] = {}
    refused: dict[tuple[UUID | None, str], str] = {}
    wanted: dict[tuple[UUID | None, str], list[str]] = {}
    for row in rows:
        if row.stands == OPEN:
            wanted.setdefault((row.run, str(row.employer)), []).append(str(row.employee_id))
    for (run, employer), ids in wanted.items():
        try:
            proposals = correct.propose(str(run), people={employer: ids})
        except (Refused, NeedsReview) as why:
            refused[run, employer] = str(why)
        else:
            found[run, employer] = {each.employee_id: each for each in proposals}
    return [_late(row, found, refused) for row in rows]


def _late(row: Any, found: Any, refused: Any) -> Late:
    part = (row.run, row.employer)
    if row.stands != OPEN:
        return Late(row, None, "")
    if part in refused:
        return Late(row, None, refused[part])
    proposal = found[part].get(row.employee_id)
    if proposal is None:
        return Late(row, None, "the same is paid all the same: it can be dismissed")
    return Late(row, proposal, proposal.stopped)
