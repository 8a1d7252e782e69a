"""Late changes of a run: what the roster says otherwise by now than it took. Inputs by name, never their values."""

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from events import projection
from ops.api.gate import operation
from ops.api.keys import Scope
from ops.api.runs import Pages, exists
from ops.api.shapes import Cents, Id, Instant, ListOf, Told
from ops.proposing import told
from payroll.late import changes, listed
from payroll.projections import PAYCHECKS, RUNS

router = Router(tags=["runs"])


class LateTold(Told):
    """One person of the run. Amounts are what is right less what was paid, and null where none is computed."""

    employer: str
    employee_id: str
    state: str = Field(description=", ".join(changes.STANDS))
    inputs: list[str] = Field(description="Names of what differs.")
    noticed_at: Instant
    gross_cents: Cents | None
    employee_taxes_cents: Cents | None
    employer_taxes_cents: Cents | None
    net_cents: Cents | None
    why: str | None = Field(description="Why there is no amount.")
    corrected_by: Id | None = Field(description="The correction run that was opened for it.")
    dismissed_by: str | None
    dismissed_reason: str | None


class LateChanges(ListOf):
    late_changes: list[LateTold]


@operation(router, "GET", "/runs/{run}/late-changes", Scope.RUNS_READ, {200: LateChanges}, 404)
def list_late_changes(request: HttpRequest, run: Id, page: Query[Pages]) -> LateChanges:
    """Whose inputs were changed after the run had taken them, an employer after the other, in whatever state."""
    exists(run)
    projection.catch_up(RUNS, PAYCHECKS)
    # By the stream's name, which is employer's run and employee: nothing comes between two pages.
    found = changes.all_of(run=run).order_by("stream")
    if page.cursor:
        found = found.filter(stream__gt=f"{changes.PREFIX}{page.cursor}")
    rows = list(found[: page.limit + 1])
    shown = listed.with_amounts(rows[: page.limit])
    more = len(rows) > page.limit
    cursor = rows[page.limit - 1].stream.removeprefix(changes.PREFIX) if more else None
    return LateChanges(late_changes=[LateTold.model_validate(told(each)) for each in shown], next=cursor)
