"""What a run looks like now: counts per step and employer, totals, files, dead letters.

Steps and states come from the work table, which is exact at any moment; sums come from the read models.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from events import limits, projection
from events.limits import Standing
from events.models import DeadLetter, DeadLetterState, Limit, Work, WorkState
from ops import by_hand_words, undoing
from ops.depositing import notes
from payroll import keys, objects
from payroll.calc.money import dollars
from payroll.late import listed
from payroll.models import EmployerRun, Paycheck, PayOrder, PayRun
from payroll.payments import decisions, prenotes, same_day
from payroll.projections import PAYCHECKS, RUNS
from payroll.runs import Refused
from payroll.steps import PIPELINE

STEPS = tuple(step.name for step in PIPELINE)
SENT = ("accepted", "settled")
CANCELLED = "EmployerRunCancelled"
CHANGES_SHOWN = 5  # paychecks that a note names


@dataclass
class EmployerStatus:
    """One employer of a run."""

    employer: str
    name: str
    employer_run: str
    state: str
    employees: int
    waiting_before: dict[str, int]  # people by the step they stand before
    completed: int
    dead_letters: int
    net_cents: int
    paid: int
    limits: list[str] = field(default_factory=list)  # what holds it back, in words
    carried_over: list[str] = field(default_factory=list)  # employee ids, to `carried_to_run`
    carried_to_run: str | None = None
    settlement: str = ""  # when its payments settle, in words


@dataclass
class RunStatus:
    """A run; amounts in cents, without what was cancelled.

    state    running, paused, stopped (more failed than is tolerated), complete, being cancelled, cancelled
    limits   what holds the run back, or would, in words
    notes    who paused or cancelled it and why, and what else there is to know
    settlement   standard or same-day
    """

    run: str
    period_start: str
    period_end: str
    pay_date: str
    complete: bool
    employers: list[EmployerStatus]
    gross_cents: int
    employee_taxes_cents: int
    employer_taxes_cents: int
    match_cents: int
    net_cents: int
    paid_cents: int
    no_hours: int
    no_pay: int
    ach_files: list[str]
    dead_letters: list[dict[str, Any]]
    people: dict[str, int] = field(default_factory=dict)
    state: str = "running"
    limits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settlement: str = same_day.STANDARD

    @property
    def employees(self) -> int:
        return sum(part.employees for part in self.employers)

    @property
    def paid(self) -> int:
        return sum(part.paid for part in self.employers)

    @property
    def waiting(self) -> int:
        """People whose employer has not been paid, and who would be paid with it."""
        return sum(
            part.employees - len(part.carried_over)
            for part in self.employers
            if part.state not in {"paid", "complete", "cancelled"}
        )


def find_run(text: str) -> PayRun:
    """The run with this id, or the only one whose id begins so. Raises Refused."""
    projection.catch_up(RUNS)
    found = list(PayRun.objects.filter(stream__startswith=f"payrun-{text.lower()}")[:2])
    if not found:
        raise Refused(f"there is no pay run {text!r}; payrun list shows them")
    if len(found) > 1:
        raise Refused(f"{text!r} is the beginning of more than one pay run; write more of it")
    return found[0]


def find_paycheck(text: str, run: str | None = None) -> str:
    """The stream of the paycheck that a person names.

    text     EMPLOYER/EMPLOYEE, or the name of the stream
    run      the pay run; without it the latest paycheck is meant
    raises   Refused
    """
    if text.startswith("paycheck-"):
        return text
    employer, slash, employee = text.partition("/")
    if not slash:
        raise Refused(f"{text!r} names no paycheck: write EMPLOYER/EMPLOYEE")
    projection.catch_up(PAYCHECKS)
    found = Paycheck.objects.filter(employer=employer, employee_id=employee)
    if run is not None:
        found = found.filter(run=find_run(run).run)
    latest = found.order_by("-pay_date", "-first_at").first()
    if latest is None:
        raise Refused(f"{text} has no paycheck{' in this run' if run else ''}")
    return latest.stream


def run_status(run: UUID | str, *, told: bool = True) -> RunStatus:
    """The status of a run, now.

    told   with its notes, which read payments, deposits and proposals; who looks again and again goes without
    """
    projection.catch_up(RUNS)
    pay_run = PayRun.objects.get(stream=f"payrun-{run}")
    before, dead = _people_before(str(run))
    parts = []
    rows = list(EmployerRun.objects.filter(run=run).order_by("employer"))
    holds = limits.standing(_scopes(str(run)))
    asked = _asked(str(run))
    files = decisions.sent_late(run) if same_day.is_same_day(pay_run.facts) else {}
    for row in rows:
        waiting = before.get(row.employer, Counter())
        parts.append(
            EmployerStatus(
                employer=row.employer,
                name=row.name,
                employer_run=str(row.employer_run),
                state=_state(row, dead[row.employer], asked.get(row.employer, "")),
                employees=row.employees,
                waiting_before={step: waiting[step] for step in STEPS if waiting[step]},
                completed=_completed(row, sum(waiting.values()) + dead[row.employer]),
                dead_letters=dead[row.employer],
                net_cents=row.net_cents if _counts(row) else 0,
                paid=row.facts.get("paid", 0),
                carried_over=row.facts.get("carried", []),
                carried_to_run=row.facts.get("carried_to_run"),
                settlement=same_day.in_words(row.facts, files.get(str(row.employer_run), same_day.IN_TIME)),
                limits=[
                    _in_words(limit, row.employees)
                    for limit in holds
                    if limit.scope.endswith(f"/{row.employer}")
                ],
            )
        )
    people: Counter[str] = Counter()
    for waiting in before.values():
        people.update(waiting)
    of_run = [limit for limit in holds if limit.scope == limits.of_run(str(run))]
    stopped = pay_run.state == "running" and any(limit.exceeded for limit in of_run)
    rows = [row for row in rows if row.last_event != CANCELLED]
    sums = {name: sum(getattr(row, name) for row in rows) for name in SUMS}
    return RunStatus(
        run=str(run),
        period_start=pay_run.period_start,
        period_end=pay_run.period_end,
        pay_date=pay_run.pay_date,
        complete=pay_run.complete,
        employers=parts,
        no_hours=sum(row.facts.get("no_hours", 0) for row in rows),
        no_pay=sum(row.facts.get("completed", 0) - row.facts.get("payable", 0) for row in rows),
        ach_files=[
            objects.location(file_of(order))
            for order in PayOrder.objects.filter(run=run).order_by("employer", "object")
            if order.state in SENT
        ],
        dead_letters=_letters(str(run)),
        people=dict(people),
        state="stopped" if stopped else pay_run.state,
        limits=[_in_words(limit, sum(part.employees for part in parts)) for limit in of_run],
        notes=_told(pay_run, rows) if told else [],
        settlement=pay_run.facts.get("settlement", same_day.STANDARD),
        **sums,
    )


SUMS = (
    "gross_cents",
    "employee_taxes_cents",
    "employer_taxes_cents",
    "match_cents",
    "net_cents",
    "paid_cents",
)


def file_of(order: PayOrder) -> str:
    """Where the file that went out lies: the bank's outbox when there is one, else the file as built."""
    built: str = order.object
    return built.replace("files/", "outbox/", 1) if order.gateway == "ach-folder" else built


def quiet(run: UUID | str) -> bool:
    """Whether nothing of this run is due, held or coming by itself: all is paid, or waits for a person."""
    asked = Q(state=WorkState.WAITING, pending__gt=0)  # a downstream system answers, or its deadline comes
    moving = Work.objects.filter(
        asked | Q(state__in=(WorkState.READY, WorkState.LEASED)),
        run_key__in=(str(run), keys.cancellation(run)),
    )
    if not moving.exists():
        return True
    # What a pause or too many failures hold back does not come by itself either.
    stopped = [limit.scope for limit in limits.standing(_scopes(str(run))) if limit.stopped]
    held = Q(state=WorkState.LEASED) | Q(run_key=keys.cancellation(run))
    if limits.of_run(str(run)) in stopped:
        return not moving.filter(held).exists()
    groups = [scope.partition("/")[2] for scope in stopped]
    return not moving.filter(held | ~Q(group_key__in=groups)).exists()


def _scopes(run: str) -> list[str]:
    """The scopes of the limits of a run and of its employers' parts."""
    found = Limit.objects.filter(Q(scope=limits.of_run(run)) | Q(scope__startswith=limits.of_part(run, "")))
    return list(found.values_list("scope", flat=True))


def _in_words(limit: Standing, people: int) -> str:
    """What a limit does, for people to read."""
    says = []
    if limit.exceeded:
        says.append(f"stopped: {limit.dead:,} of {people:,} failed, {limit.dead_max:,} are tolerated")
    elif limit.dead_max is not None:
        says.append(f"{limit.dead_max:,} may fail, {limit.dead:,} have")
    if limit.leased_max is not None:
        says.append(f"at most {limit.leased_max:,} at a time")
    return "; ".join(says)


def _told(pay_run: PayRun, parts: Sequence[EmployerRun]) -> list[str]:
    """All notes, of a run and the employers that take part in it."""
    run = pay_run.run
    return [
        *_notes(pay_run.facts, pay_run.state),
        *_notes_of(parts),
        *notes(parts),
        *undoing.waiting(run, [part.employer for part in parts]),
        *by_hand_words.notes(run),
        *_notes_of_late(run),
    ]


def _notes(facts: dict[str, Any], state: str) -> list[str]:
    """Who paused or cancelled a run, and why."""
    done = "cancelled" if "cancelled_by" in facts else "paused" if state == "paused" else ""
    if not done:
        return []
    reason = facts.get(f"{done}_reason")
    return [f"{done} by {facts[f'{done}_by']}{f': {reason}' if reason else ''}"]


def _notes_of_late(run: UUID | str) -> list[str]:
    """What the roster says otherwise by now."""
    late = sum(each.open + each.not_paid for each in listed.counted(run=run))
    who = f"{listed.people(late)} {listed.has(late)}"
    return [f"{who} late changes in the roster: payrun corrections {run}"] if late else []


def _notes_of(parts: Sequence[EmployerRun]) -> list[str]:
    """Who was carried over from an employer's part, what the bank does not do for it, what took an approval back."""
    notes = []
    for part in parts:
        facts = part.facts
        if carried := facts.get("carried"):
            notes.append(
                f"{part.employer}: {len(carried)} carried over to run {facts['carried_to_run']} by "
                f"{facts['released_by']}: {facts['released_reason']}"
            )
        notes += [f"{part.employer}: {note}" for note in by_hand_words.ahead(facts)]
        if note := prenotes.in_words(facts):
            notes.append(f"{part.employer}: {note}")
        if "voided_register_sha256" in facts and not part.approved_by:
            notes.append(f"{part.employer}: {voided(facts)}")
    return notes


def voided(facts: dict[str, Any]) -> str:
    """What took an approval back, in words."""
    payable, net_cents = facts["changed_payable"], facts["changed_net_cents"]
    shown = [
        f"{paycheck} {how} ({dollars(before)}, now {dollars(now)})"
        for paycheck, how, before, now in facts["changed"][:CHANGES_SHOWN]
    ]
    more = facts["changed_paychecks"] - len(shown)
    return (
        f"the approval of {facts['voided_approval_of']} is void, the register has changed since: {payable[0]} people "
        f"and {dollars(net_cents[0])} were approved, it is {payable[1]} and {dollars(net_cents[1])} now"
        + (f"; {', '.join(shown)}" if shown else "")
        + (f" and {more} more" if more > 0 else "")
    )


def _completed(row: EmployerRun, unfinished: int) -> int:
    """People of an employer's run whose paychecks are done, or were left out."""
    return row.employees - unfinished - len(row.facts.get("carried", ())) if _counts(row) else 0


def _counts(row: EmployerRun) -> bool:
    """Whether an employer's figures count: it has begun, and was not cancelled."""
    return bool(row.employees) and row.last_event != CANCELLED


def _people_before(run: str) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """By employer: people by the step they stand before, and dead letters."""
    before: dict[str, Counter[str]] = {}
    dead: Counter[str] = Counter()
    rows = Work.objects.filter(run_key=run).exclude(state__in=(WorkState.DONE, WorkState.CANCELLED))
    for saga, employer, step, state, items, count in rows.values_list(
        "saga", "group_key", "step", "state"
    ).annotate(Sum("items"), Count("id")):
        if state == WorkState.DEAD:
            dead[employer] += items if saga == "paychecks" else count
        elif saga == "paychecks":
            before.setdefault(employer, Counter())[step] += items
    return before, dead


def _asked(run: str) -> dict[str, str]:
    """By employer: the step of its own, or of its payment order, that a downstream system was asked to do."""
    waits = Work.objects.filter(
        run_key=run, saga__in=("employerrun", "order"), state=WorkState.WAITING, pending__gt=0
    )
    return dict(waits.values_list("group_key", "step"))


def _state(row: EmployerRun, dead: int, asked: str) -> str:
    if dead:
        return "waits for a dead letter"
    if asked:
        return f"waits for the downstream system for {asked}"
    return row.state


def _letters(run: str) -> list[dict[str, Any]]:
    keys_of_run = (run, keys.cancellation(run))
    letters = DeadLetter.objects.filter(run_key__in=keys_of_run, state=DeadLetterState.OPEN).order_by(
        "opened_at", "id"
    )
    return [
        {
            "id": str(letter.id),
            "employer": letter.group_key,
            "employee_id": keys.employee_of(letter.subject),
            "step": letter.step,
            "kind": letter.kind,
            "reason": letter.reason,
            "fingerprint": letter.fingerprint,
        }
        for letter in letters
    ]
