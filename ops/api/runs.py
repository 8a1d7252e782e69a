"""Pay runs: open, look at, hold, let go on, release, limit, cancel."""

from typing import Annotated, Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status
from pydantic import BaseModel, ConfigDict, Field

from events import projection
from ops.api.gate import caller, operation
from ops.api.keys import Scope
from ops.api.problems import NOT_FOUND, UNAVAILABLE, Problem
from ops.api.shapes import Asked, Cents, Day, EmployerId, Fingerprint, Id, Instant, ListOf, Page, Reason, Told
from ops.status import run_status
from payroll import cancel, release, runs
from payroll.models import PayRun
from payroll.projections import RUNS
from payroll.runs import Refused
from payroll.tolerance import Tolerance

router = Router(tags=["runs"])
READ, WRITE = Scope.RUNS_READ, Scope.RUNS_WRITE
TOLERATED = r"^([0-9]{1,9}|(100|[0-9]{1,2}(\.[0-9]{1,2})?)%)$"

Tolerated = Annotated[str, Field(pattern=TOLERATED)]


class Start(Asked):
    """A run to open; the same run again changes nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_by_alias=True)

    start: Day = Field(alias="from", description="The first day of the period.")
    end: Day = Field(alias="to", description="The last day of the period.")
    pay_date: Day = Field(description="Moved to the banking day before it when it is none.")
    employers: list[EmployerId] = Field(
        default=[], max_length=10_000, description="Empty: all whose pay frequency fits the period."
    )
    tolerate: Tolerated | None = Field(
        default=None, description='People who may fail before nothing else of the run is begun: "5", or "2%".'
    )
    tolerate_employer: Tolerated | None = Field(default=None, description="The same for each employer.")
    same_day: bool = Field(
        default=False, description="The payment files settle on the day they are made: the pay date is today."
    )


class Started(Told):
    """A run that is open now. `new` is false when it was open before."""

    run: Id
    new: bool
    pay_date: Day
    employers: list[str]
    skipped: dict[str, str] = Field(description="Employers that do not fit the period, and why.")


class Row(Told):
    """A run in a list."""

    run: Id
    kind: str
    period_start: Day
    period_end: Day
    pay_date: Day
    opened_by: str
    opened_at: Instant
    state: str
    complete: bool


class Rows(ListOf):
    runs: list[Row]


class EmployerTold(Told):
    """One employer of a run."""

    employer: str
    name: str
    employer_run: Id
    state: str
    settlement: str = Field(description="When its payments settle, in words.")
    employees: int
    waiting_before: dict[str, int] = Field(description="People by the step they stand before.")
    completed: int
    dead_letters: int
    net_cents: Cents
    paid: int
    limits: list[str] = Field(description="What holds it back, in words.")
    carried_over: list[str] = Field(description="Employees whom a release has carried over to another run.")
    carried_to_run: Id | None


class LetterTold(Told):
    """An open dead letter of a run; employee_id is empty when it is about the employer."""

    id: Id
    employer: str
    employee_id: str
    step: str
    kind: str
    reason: str
    fingerprint: Fingerprint


class StatusTold(Told):
    """A run as `payrun status --json` tells it; amounts without what was cancelled."""

    run: Id
    period_start: Day
    period_end: Day
    pay_date: Day
    settlement: str = Field(description="standard or same-day")
    complete: bool
    employers: list[EmployerTold]
    gross_cents: Cents
    employee_taxes_cents: Cents
    employer_taxes_cents: Cents
    match_cents: Cents
    net_cents: Cents
    paid_cents: Cents
    no_hours: int
    no_pay: int
    ach_files: list[str]
    dead_letters: list[LetterTold]
    people: dict[str, int] = Field(description="By the step they stand before.")
    state: str = Field(description="running, paused, stopped, complete, being cancelled or cancelled")
    limits: list[str] = Field(description="What holds the run back, or would, in words.")
    notes: list[str] = Field(description="Who paused or cancelled it, and why.")
    employees: int
    paid: int
    waiting: int


class Why(Asked):
    reason: Reason


class PerhapsWhy(Asked):
    reason: Annotated[str, Field(max_length=500)] = ""


class HowMuch(Asked):
    """How much work of a run may be held at a time: by one employer, or by the run."""

    leased_max: Annotated[int, Field(ge=1, le=100_000)] | None = Field(description="null lifts the limit.")
    employer: EmployerId | None = None


class HowMany(Asked):
    """How many people may fail before nothing else is begun: of one employer's part, or of the run."""

    tolerate: Tolerated | None = Field(description='"5", or "2%"; null for any number.')
    employer: EmployerId | None = None


class Cancelled(Told):
    """What a cancellation came to: employers given up, and those whose money is on its way."""

    cancelled: list[str]
    goes_on: list[str]


class Who(Why):
    """Whose part of a run is to go on without those who wait as dead letters."""

    employer: EmployerId


class Released(Told):
    """Who was carried over: employee ids, and the run that was opened for them."""

    employer: str
    carried: list[str]
    run: Id
    employer_run: Id
    pay_date: Day


class Done(Told):
    run: Id


class Pages(BaseModel):
    limit: Page = 100
    cursor: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None


class RunPages(BaseModel):
    limit: Page = 100
    cursor: Id | None = None


@operation(router, "POST", "/runs", WRITE, {200: Started, 201: Started}, once=True)
def start_run(request: HttpRequest, response: HttpResponse, body: Start) -> Any:
    """Open a pay run. 201 when it is new, 200 when this very run is open already."""
    opened = runs.open_run(
        body.start,
        body.end,
        body.pay_date,
        opened_by=caller(request).actor,
        employers=body.employers,
        tolerate=_tolerance(body.tolerate),
        tolerate_employer=_tolerance(body.tolerate_employer),
        same_day=body.same_day,
    )
    response["Location"] = f"/api/v1/runs/{opened.run}"
    told = Started.model_validate(opened._asdict() | {"pay_date": str(opened.pay_date)})
    return Status(201 if opened.new else 200, told)


@operation(router, "GET", "/runs", READ, {200: Rows}, 404)
def list_runs(request: HttpRequest, page: Query[RunPages]) -> Rows:
    """The pay runs, latest first."""
    projection.catch_up(RUNS)
    found = PayRun.objects.order_by("-first_at", "stream")
    if page.cursor:
        last = PayRun.objects.filter(stream=f"payrun-{page.cursor}").first()
        if last is None:
            raise Problem(NOT_FOUND, "the cursor is none that was given out")
        found = found.filter(
            Q(first_at__lt=last.first_at) | Q(first_at=last.first_at, stream__gt=last.stream)
        )
    rows = [
        Row(
            run=row.run,
            kind=row.kind,
            period_start=row.period_start,
            period_end=row.period_end,
            pay_date=row.pay_date,
            opened_by=row.opened_by,
            opened_at=row.first_at,
            state=row.state,
            complete=row.complete,
        )
        for row in found[: page.limit + 1]
    ]
    more = len(rows) > page.limit
    return Rows(runs=rows[: page.limit], next=str(rows[page.limit - 1].run) if more else None)


@operation(router, "GET", "/runs/{run}", READ, {200: StatusTold}, 404)
def show_run(request: HttpRequest, run: Id) -> StatusTold:
    """A run now: counts per step and employer, totals, files, open dead letters."""
    return status_of(run)


@operation(router, "POST", "/runs/{run}/cancel", WRITE, {200: Cancelled}, 404, once=True)
def cancel_run(request: HttpRequest, run: Id, body: Why) -> Cancelled:
    """Give up every employer of a run whose payments are not instructed; the others go on."""
    exists(run)
    done = cancel.cancel(run, by=caller(request).actor, reason=body.reason)
    return Cancelled(cancelled=list(done.cancelled), goes_on=list(done.goes_on))


@operation(router, "POST", "/runs/{run}/release", WRITE, {200: Released}, 404, once=True)
def release_employer(request: HttpRequest, run: Id, body: Who) -> Released:
    """Let an employer's part go on with who is complete; who waits is carried over to a run of their own."""
    exists(run)
    done = release.release(run, body.employer, by=caller(request).actor, reason=body.reason)
    return Released.model_validate(
        done._asdict() | {"carried": list(done.carried), "pay_date": str(done.pay_date)}
    )


@operation(router, "POST", "/runs/{run}/pause", WRITE, {200: Done}, 404, once=True)
def pause_run(request: HttpRequest, run: Id, body: PerhapsWhy) -> Done:
    """Begin nothing else of a run; what is held is finished."""
    exists(run)
    runs.pause(run, by=caller(request).actor, reason=body.reason)
    return Done(run=run)


@operation(router, "POST", "/runs/{run}/resume", WRITE, {200: Done}, 404, once=True)
def resume_run(request: HttpRequest, run: Id, body: PerhapsWhy) -> Done:
    """Let a paused run go on."""
    exists(run)
    runs.resume(run, by=caller(request).actor, reason=body.reason)
    return Done(run=run)


@operation(router, "POST", "/runs/{run}/limit", WRITE, {200: Done}, 404, once=True)
def limit_run(request: HttpRequest, run: Id, body: HowMuch) -> Done:
    """Limit how much work of a run, or of one employer's part, is held at a time; counts at the next claim."""
    exists(run)
    runs.set_limit(run, leased_max=body.leased_max, employer=body.employer or "", by=caller(request).actor)
    return Done(run=run)


@operation(router, "POST", "/runs/{run}/tolerance", WRITE, {200: Done}, 404, once=True)
def tolerate_failures(request: HttpRequest, run: Id, body: HowMany) -> Done:
    """Change how many people of a run, or of one employer's part, may fail; counts at the next claim."""
    exists(run)
    runs.set_tolerance(
        run, tolerate=_tolerance(body.tolerate), employer=body.employer or "", by=caller(request).actor
    )
    return Done(run=run)


def _tolerance(text: str | None) -> Tolerance | None:
    return Tolerance.parse(text) if text is not None else None


def exists(run: UUID) -> dict[str, Any]:
    """The facts with which a run was opened; from the log, which does not lag. Raises Problem 404."""
    try:
        return runs.facts_of(run)
    except Refused:
        raise Problem(NOT_FOUND, "there is no such pay run") from None


def status_of(run: UUID) -> StatusTold:
    """The status of a run that exists. Raises Problem."""
    exists(run)
    try:
        status = run_status(run)
    except PayRun.DoesNotExist:  # opened this moment, and an open transaction holds the fold back
        raise Problem(
            UNAVAILABLE, "the run is open, but cannot be shown yet", headers={"Retry-After": "1"}
        ) from None
    return StatusTold.model_validate(status, from_attributes=True)
