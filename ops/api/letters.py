"""Dead letters: list, show, preview, redrive, dismiss. What is done goes the way that the command and the admin go."""

from typing import Annotated
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field, JsonValue

from events import dead_letters, store
from events.models import DeadLetter, DeadLetterState
from ops import redriving
from ops.api.gate import caller, operation
from ops.api.keys import Scope
from ops.api.problems import NOT_FOUND, Problem
from ops.api.shapes import Asked, EmployerId, Fingerprint, Id, Instant, ListOf, Page, Reason, StepName, Told
from payroll import keys
from payroll.runs import Refused

router = Router(tags=["dead letters"])
READ, WRITE = Scope.DEAD_LETTERS_READ, Scope.DEAD_LETTERS_WRITE
CHOSEN_MAX = 1000  # so many are done within one request: about 2 ms each
CORRECTED_MAX = 100  # each writes an object
LETTERS = DeadLetter.objects.defer("traceback")


class Filters(BaseModel):
    run: Id | None = None
    employer: EmployerId | None = None
    step: StepName | None = None
    fingerprint: Fingerprint | None = None
    state: DeadLetterState | None = None
    limit: Page = 100
    cursor: Id | None = None


class Letter(Told):
    """Work that waits for a person. `reason` says what to mend; employee_id is empty when it is about an employer."""

    id: Id
    state: str
    kind: str
    run: str
    employer: str
    employee_id: str
    step: str
    subject: str = Field(description="The stream it is about.")
    reason: str
    attempts: int
    fingerprint: str = Field(description="The same for the same fault.")
    opened_at: Instant
    closed_at: Instant | None
    closed_by: str
    closed_reason: str


class Letters(ListOf):
    dead_letters: list[Letter]


class Happened(Told):
    type: str
    recorded_at: Instant
    data: dict[str, JsonValue]


class Shown(Letter):
    history: list[Happened]


class Chosen(Asked):
    """Open dead letters, by their ids or by all of the filters given; and how they would be redriven.

    Up to 1,000 of them, and up to 100 to begin again; else nothing is done.
    """

    ids: list[Id] = Field(default=[], max_length=CHOSEN_MAX)
    run: Id | None = None
    employer: EmployerId | None = None
    step: StepName | None = None
    fingerprint: Fingerprint | None = None
    corrected: bool = Field(default=False, description="Begin again, with the roster as it is now.")
    rate: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="So many a second; null for all at once."
    )


class Redrive(Chosen):
    """Let them go on from the step they stand at."""

    reason: Annotated[str, Field(max_length=500)] = ""


class Dismiss(Asked):
    reason: Reason


class Previewed(Told):
    """What a redrive would set going again: people, by what the letters say. Nothing was changed."""

    letters: int
    people: int
    by_employer: dict[str, int]
    by_step: dict[str, int]
    by_fingerprint: dict[str, int]
    by_kind: dict[str, int]
    seconds: float = Field(description="Until the last of them is due, at this rate.")
    warning: str = Field(description="Why the same fault is to be expected; empty when nothing says so.")


class Refusal(Told):
    id: Id
    why: str


class Redriven(Told):
    redriven: list[Id]
    refused: list[Refusal]


@operation(router, "GET", "/dead-letters", READ, {200: Letters}, 404)
def list_letters(request: HttpRequest, filters: Query[Filters]) -> Letters:
    """Dead letters of any state, oldest first."""
    found = LETTERS.order_by("opened_at", "id")
    columns = {"group_key": filters.employer, "step": filters.step}
    columns |= {"fingerprint": filters.fingerprint, "state": filters.state}
    found = found.filter(**{name: str(value) for name, value in columns.items() if value is not None})
    if filters.run:  # and what cancels it
        found = found.filter(run_key__in=(str(filters.run), keys.cancellation(filters.run)))
    if filters.cursor:
        last = DeadLetter.objects.filter(id=filters.cursor).first()
        if last is None:
            raise Problem(NOT_FOUND, "the cursor is none that was given out")
        found = found.filter(Q(opened_at__gt=last.opened_at) | Q(opened_at=last.opened_at, id__gt=last.id))
    rows = list(found[: filters.limit + 1])
    more, rows = len(rows) > filters.limit, rows[: filters.limit]
    return Letters(dead_letters=[_told(row) for row in rows], next=str(rows[-1].id) if more else None)


@operation(router, "POST", "/dead-letters/preview", READ, {200: Previewed}, 404)
def preview_redrive(request: HttpRequest, body: Chosen) -> Previewed:
    """What a redrive of these would set going. It changes nothing, and so needs no Idempotency-Key."""
    found = redriving.preview(_chosen(body), rate=body.rate, corrected=body.corrected)
    return Previewed.model_validate(found._asdict())


@operation(router, "POST", "/dead-letters/redrive", WRITE, {200: Redriven}, 404, once=True)
def redrive_letters(request: HttpRequest, body: Redrive) -> Redriven:
    """Redrive one by one; what is refused keeps nothing else from being done."""
    came = redriving.redrive_many(
        _chosen(body),
        by=caller(request).actor,
        reason=body.reason,
        rate=body.rate,
        corrected=body.corrected,
    )
    refused = [Refusal(id=letter, why=dead_letters.redact(why)) for letter, why in came.refused.items()]
    return Redriven(redriven=came.done, refused=refused)


@operation(router, "GET", "/dead-letters/{letter}", READ, {200: Shown}, 404)
def show_letter(request: HttpRequest, letter: Id) -> Shown:
    """One dead letter with its history. The traceback is not told here: the admin shows it."""
    return _shown(_find(letter))


@operation(router, "POST", "/dead-letters/{letter}/dismiss", WRITE, {200: Shown}, 404, once=True)
def dismiss_letter(request: HttpRequest, letter: Id, body: Dismiss) -> Shown:
    """Leave the person out of this run; the employer goes on without."""
    _find(letter)
    dead_letters.dismiss(letter, by=caller(request).actor, reason=body.reason)
    return _shown(_find(letter))


def _chosen(body: Chosen) -> list[DeadLetter]:
    """The letters that are meant.

    raises   Problem 404 for an id that is none; Refused when nothing is chosen by, or too much is chosen
    """
    by = {"run": body.run, "employer": body.employer, "step": body.step, "fingerprint": body.fingerprint}
    filters = {name: str(value) for name, value in by.items() if value is not None}
    most = CORRECTED_MAX if body.corrected else CHOSEN_MAX
    if not body.ids:
        letters = redriving.select(most + 1, **filters)
    elif filters:
        raise Refused("choose by ids or by filters, not by both")
    else:
        letters = list(LETTERS.filter(id__in=body.ids))
        if set(body.ids) - {letter.id for letter in letters}:
            raise Problem(NOT_FOUND, "one of these dead letters does not exist")
    if len(letters) > most:
        raise Refused(
            f"these are more than {most:,} dead letters: choose fewer, or use manage.py deadletters redrive"
        )
    return letters


def _find(letter: UUID) -> DeadLetter:
    found = DeadLetter.objects.filter(id=letter).first()
    if found is None:
        raise Problem(NOT_FOUND, "there is no such dead letter")
    return found


def _shown(found: DeadLetter) -> Shown:
    """A dead letter with its history."""
    history = [
        Happened(type=event.type, recorded_at=event.recorded_at, data=event.data)
        for event in store.read(dead_letters.stream(found.id))
    ]
    return Shown(**_told(found).model_dump(), history=history)


def _told(row: DeadLetter) -> Letter:
    return Letter(
        id=row.id,
        state=row.state,
        kind=row.kind,
        run=row.run_key,
        employer=row.group_key,
        employee_id=keys.employee_of(row.subject),
        step=row.step,
        subject=row.subject,
        reason=row.reason,
        attempts=row.attempts,
        fingerprint=row.fingerprint,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        closed_reason=row.closed_reason,
    )
