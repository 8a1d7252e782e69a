"""The employers of a run and their employees: states, and amounts in cents. Employees are named by their ids alone."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from events import projection
from events.models import DeadLetter, DeadLetterState
from ops.api.gate import operation
from ops.api.keys import Scope
from ops.api.problems import NOT_FOUND, Problem
from ops.api.runs import EmployerTold, Pages, exists, status_of
from ops.api.shapes import Cents, EmployerId, Id, Instant, ListOf, Told
from payroll import keys
from payroll.models import Paycheck
from payroll.projections import PAYCHECKS

router = Router(tags=["runs"])

# What the last event of a paycheck's stream says of it.
STATES = {
    "RetirementCalculated": "calculated",
    "PaymentInstructed": "payment instructed",
    "PaycheckExcluded": "left out",
    "PaycheckCarriedOver": "carried over",
    "PaycheckSuperseded": "begun again",
    "PaycheckCancelled": "cancelled",
    "PaycheckVoided": "voided",
}


class Employers(ListOf):
    employers: list[EmployerTold]


class EmployeeTold(Told):
    """One paycheck; a person has a second one when it was begun again with corrected inputs."""

    employee_id: str
    stream: str = Field(description="Its events: GET /events?stream=…")
    state: str = Field(description=f"calculating, {', '.join(STATES.values())}, or waits for a dead letter.")
    last_event: str
    last_at: Instant
    dead_letter: Id | None
    gross_cents: Cents
    employee_taxes_cents: Cents
    employer_taxes_cents: Cents
    net_cents: Cents
    amounts_cents: dict[str, Cents] = Field(description="Every amount of the paycheck, by its name.")


class Employees(ListOf):
    employees: list[EmployeeTold]


@operation(router, "GET", "/runs/{run}/employers", Scope.RUNS_READ, {200: Employers}, 404)
def list_employers(request: HttpRequest, run: Id, page: Query[Pages]) -> Employers:
    """The employers of a run, by their ids."""
    # Sorted as the cursor compares, whatever the collation of the database is.
    parts = sorted(status_of(run).employers, key=lambda part: part.employer)
    found = [part for part in parts if part.employer > (page.cursor or "")]
    more = len(found) > page.limit
    return Employers(employers=found[: page.limit], next=found[page.limit - 1].employer if more else None)


@operation(
    router, "GET", "/runs/{run}/employers/{employer}/employees", Scope.RUNS_READ, {200: Employees}, 404
)
def list_employees(
    request: HttpRequest, run: Id, employer: Annotated[EmployerId, Field()], page: Query[Pages]
) -> Employees:
    """The paychecks of one employer's part of a run, by employee; those that have begun."""
    employer_run = exists(run)["employer_runs"].get(employer)
    if employer_run is None:
        raise Problem(NOT_FOUND, "this run has no such employer")
    projection.catch_up(PAYCHECKS)
    rows = Paycheck.objects.filter(employer_run=employer_run).order_by("stream")
    if page.cursor:
        rows = rows.filter(stream__gt=keys.paycheck_prefix(employer_run) + page.cursor)
    chosen = list(rows[: page.limit + 1])
    more, chosen = len(chosen) > page.limit, chosen[: page.limit]
    open_letters = DeadLetter.objects.filter(
        state=DeadLetterState.OPEN, subject__in=[row.stream for row in chosen]
    )
    letters = dict(open_letters.values_list("subject", "id"))
    told = [_told(row, letters.get(row.stream)) for row in chosen]
    last = chosen[-1].stream.partition("+")[2] if more else None
    return Employees(employees=told, next=last)


def _told(row: Paycheck, letter: Id | None) -> EmployeeTold:
    state = "waits for a dead letter" if letter else STATES.get(row.last_event, "calculating")
    return EmployeeTold(
        employee_id=row.employee_id,
        stream=row.stream,
        state=state,
        last_event=row.last_event,
        last_at=row.last_at,
        dead_letter=letter,
        gross_cents=row.gross_cents,
        employee_taxes_cents=row.employee_taxes_cents,
        employer_taxes_cents=row.employer_taxes_cents,
        net_cents=row.net_cents,
        amounts_cents={
            name: value
            for name, value in sorted(row.facts.items())
            if name.endswith("_cents") and isinstance(value, int)
        },
    )
