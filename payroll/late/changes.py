"""Where a late change stands, from the notice to the correction that pays it, or the reason why none does.

    late-<employer run>+<employee>   LateChangeNoticed ─▶ LateChangeTaken     by a correction that was opened
                                                       ─▶ LateChangeDismissed by a person, who says why
                                                       ─▶ LateChangeSettled   the roster says again what was paid

Noticed again whenever the roster says something else than it did at the last notice. Whether a correction has paid it
is not written here: it is taken as long as the correction that took it is neither cancelled nor undone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, TextField, Value, When
from django.utils import timezone

from events import projection, store
from events.dead_letters import REASON_MAX, redact
from events.store import NewEvent, WrongExpectedVersion
from payroll import crypto, kinds
from payroll.domain import OUT
from payroll.models import EmployerRun, LateChange, Paycheck
from payroll.projections import PAYCHECKS, RUNS
from payroll.refusal import Refused

PREFIX = "late-"
PERMISSION = "payroll.correct_payrun"
# What the last event says.
NOTICED, TAKEN, DISMISSED, SETTLED = "noticed", "taken", "dismissed", "settled"
# Where it stands: what the last event says, with what has become of the runs.
OPEN, NOT_PAID, BEING_CORRECTED, CORRECTED, VOID = (
    *("open", "waits until the run is paid", "being corrected", "corrected"),
    "void",
)
STANDS = (OPEN, NOT_PAID, BEING_CORRECTED, CORRECTED, DISMISSED, SETTLED, VOID)
TO_DO = (OPEN, NOT_PAID)
SUPERSEDED = "PaycheckSuperseded"  # begun again: another paycheck of the same person counts
CANCELLED = "EmployerRunCancelled"

Facts = Mapping[str, Any]


def stream(employer_run: UUID | str, employee_id: str) -> str:
    return f"{PREFIX}{employer_run}+{employee_id}"


class Compared(NamedTuple):
    """What a run and its corrections froze of a person, held against the roster as it is.

    opened   the facts of EmployerRunOpened of the run
    chain    employer's runs: that one, and its corrections, as far as they pay this person
    inputs   the names of what is not what it was; empty when the roster says what was frozen last
    values   what they are now, by name; kept as a keyed hash
    """

    opened: Facts
    chain: tuple[str, ...]
    employee_id: str
    inputs: tuple[str, ...]
    values: str

    @property
    def stream(self) -> str:
        return stream(self.opened["employer_run"], self.employee_id)

    @property
    def sign(self) -> str:
        """The same as long as nothing else has changed since."""
        bound = crypto.context("late", "inputs", self.opened["employer"], self.employee_id)
        return crypto.blind_index(f"{self.chain} {self.inputs} {self.values}", bound)


def decided(before: Facts, found: Compared) -> tuple[str, dict[str, Any]] | None:
    """The event that follows from a comparison: its type and facts; None when it is known.

    before   the merged facts of the stream; empty for none
    """
    state = before.get("state")
    if found.inputs:
        known = state in {NOTICED, TAKEN, DISMISSED} and before["sign"] == found.sign
        return None if known else ("LateChangeNoticed", _notice(found))
    paid = state == TAKEN and before["taken_part"] in found.chain
    if state is None or state == SETTLED or paid:
        return None
    return "LateChangeSettled", {"state": SETTLED}


def _notice(found: Compared) -> dict[str, Any]:
    names = ("run", "employer_run", "employer", "kind", "period_start", "period_end", "pay_date")
    return {
        **{name: found.opened[name] for name in names},
        "employee_id": found.employee_id,
        "inputs": list(found.inputs),
        "sign": found.sign,
        "state": NOTICED,
        "taken_run": None,
        "taken_part": None,
    }


def dismissed(employer_run: str) -> dict[str, dict[str, Any]]:
    """The merged facts of late changes that were dismissed last, by employee id, as the log has them now."""
    found: dict[str, dict[str, Any]] = {}
    for event in store.read_prefix(stream(employer_run, "")):
        found.setdefault(event.stream, {}).update(event.data)
    return {each["employee_id"]: each for each in found.values() if each["state"] == DISMISSED}


def taken_up(
    employer_run: str, people: Sequence[str], *, run: UUID, part: UUID | str, by: str
) -> Iterator[NewEvent]:
    """What is recorded with the opening of a correction, of those among its people who have a late change.

    employer_run   that is corrected
    run, part      the correction, and the employer's part of it
    """
    facts = {"state": TAKEN, "taken_run": str(run), "taken_part": str(part), "taken_by": by}
    found = store.read_each(stream(employer_run, each) for each in people)
    for name, events in found.items():
        yield NewEvent(name, len(events) + 1, "LateChangeTaken", facts)


def all_of(**of: Any) -> QuerySet[Any]:
    """Late changes, each with `stands`: one of STANDS.

    of   what to filter by, such as run=…, employer=…
    """
    return with_standing(LateChange.objects.filter(**of))


def with_standing(rows: QuerySet[LateChange]) -> QuerySet[Any]:
    """The same rows, each with `stands`."""
    original = EmployerRun.objects.filter(employer_run=OuterRef("employer_run"))
    taking = EmployerRun.objects.filter(employer_run=OuterRef("taken_part")).exclude(
        Q(last_event=CANCELLED) | Q(facts__has_key="undone_by")
    )
    out = Paycheck.objects.filter(employee_id=OuterRef("employee_id"), last_event__in={*OUT} - {SUPERSEDED})
    gone = Exists(original.filter(Q(last_event=CANCELLED) | Q(facts__has_key="undone_by"))) | Exists(
        out.filter(employer_run=OuterRef("employer_run"))
    )
    taken = Exists(taking) & ~Exists(out.filter(employer_run=OuterRef("taken_part")))
    is_paid = {"facts__has_key": "paid_cents"}
    return rows.annotate(
        stands=Case(
            When(state__in=(DISMISSED, SETTLED), then="state"),
            When(gone, then=Value(VOID)),
            When(taken & Exists(taking.filter(**is_paid)), then=Value(CORRECTED)),
            When(taken, then=Value(BEING_CORRECTED)),
            When(Exists(original.filter(**is_paid)), then=Value(OPEN)),
            default=Value(NOT_PAID),
            output_field=TextField(),
        )
    )


def to_do(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those that somebody has to decide about, now or when the run is paid; a run of last year no run corrects.

    rows   as `all_of` gives them
    """
    return rows.filter(stands__in=TO_DO, pay_date__gte=f"{timezone.now().year}-01-01")


def dismiss(streams: Sequence[str], *, by: str, reason: str) -> None:
    """Say of late changes that none of them is to be corrected; a later change of the same people is noticed again.

    raises   Refused without a reason, and when one of them is not to be decided about
    """
    if not reason.strip():
        raise Refused("to dismiss a late change needs a reason")
    projection.catch_up(RUNS, PAYCHECKS)
    found = {row.stream: row for row in all_of(stream__in=streams)}
    if not found or len(found) != len(set(streams)):
        raise Refused("there is no such late change: payrun corrections lists them")
    if done := [row for row in found.values() if row.stands not in TO_DO]:
        who = kinds.some([f"{row.employer}/{row.employee_id}" for row in done])
        raise Refused(f"{who}: {done[0].stands}, so there is nothing to dismiss")
    facts = {"state": DISMISSED, "dismissed_by": by, "dismissed_reason": redact(reason)[:REASON_MAX]}
    events = [NewEvent(row.stream, row.version + 1, "LateChangeDismissed", facts) for row in found.values()]
    try:
        with transaction.atomic(durable=True):
            store.append(events)
    except WrongExpectedVersion as lost_race:
        raise Refused("one of them has changed at the same moment: look again") from lost_race
    projection.catch_up(RUNS)
