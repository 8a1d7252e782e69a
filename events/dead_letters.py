"""Dead letters: work that waits for a person. Bury, preview, redrive, dismiss.

A dead letter stands beside exactly one piece of work in the state `dead`. What happens to it is
recorded on a stream of its own, so the table is a convenience and the log is the record.
"""

import hashlib
import re
import traceback as tracebacks
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models.functions import Now

from events import store, work
from events.doorbells import ring
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from events.saga import REGISTRY, Pipeline
from events.store import NewEvent
from events.work import Claimed, NewWork

LETTERS = UUID("3f6f9f2e-86b9-5d0a-9f43-0b7f5a1c9e52")
REASON_MAX = 500
CLOSED = {
    DeadLetterState.REDRIVEN: "Redriven",
    DeadLetterState.DISMISSED: "Dismissed",
    DeadLetterState.CARRIED_OVER: "CarriedOver",  # other work takes its items up, elsewhere
}

# Not inside a word, so that most of a UUID stays readable; but behind an underscore, as in account_0123456789.
SECRETS = re.compile(
    r"(?<![^\W_])(?:\d{3}[- ]\d{2}[- ]\d{4}|\d{6,}(?!\.\d{2}(?!\d)))(?![^\W_])"
)  # but not an amount
UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # what Postgres refuses in a text, and UTF-8 cannot encode


class NotOpen(Exception):
    """The dead letter is no longer open: somebody redrove or dismissed it first. Reload and look."""


class NothingToUndo(Exception):
    """The dead letter cannot be dismissed, because its saga cannot go on without this work. Redrive it."""


def redact(text: str) -> str:
    """Mask what could be an SSN or an account number, and what no table takes; error texts are stored and shown."""
    return SECRETS.sub("[masked]", UNSTORABLE.sub("\ufffd", text))


def fingerprint(step: str, kind: str, error: BaseException | None) -> str:
    """The same 12 hex digits for the same fault: step, kind of error, and the function that raised it."""
    frames = tracebacks.extract_tb(error.__traceback__) if error else []
    where = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].name}" if frames else ""
    return hashlib.sha256(f"{step}|{kind}|{type(error).__name__}|{where}".encode()).hexdigest()[:12]


def bury(held: Claimed, *, kind: str, reason: str, error: BaseException | None = None) -> None:
    """Dead-letter held work; one transaction. Raises Fenced."""
    with transaction.atomic(durable=True):
        work.release(held, "dead", error=redact(reason))
        open_letter(held, kind=kind, reason=reason, attempts=held.attempts, error=error)


def open_letter(
    about: Claimed | NewWork, *, kind: str, reason: str, attempts: int, error: BaseException | None
) -> None:
    """Write the letter of dead work, and its event; the caller owns the transaction."""
    number = DeadLetter.objects.filter(work=about.id).count() + 1
    letter = DeadLetter(
        id=uuid5(LETTERS, f"{about.id}|{number}"),
        work=about.id,
        saga=about.saga,
        step=about.step,
        subject=about.subject,
        run_key=about.run_key,
        group_key=about.group_key,
        kind=kind,
        reason=redact(reason)[:REASON_MAX],
        attempts=attempts,
        traceback=redact("".join(tracebacks.format_exception(error))) if error else "",
        fingerprint=fingerprint(about.step, kind, error),
        opened_at=Now(),
    )
    letter.save(force_insert=True)
    facts = {
        "work": str(about.id),
        "subject": about.subject,
        "step": about.step,
        "kind": kind,
        "attempts": attempts,
    }
    facts |= {"reason": letter.reason, "fingerprint": letter.fingerprint}
    store.append([NewEvent(stream(letter.id), 1, "DeadLettered", facts)], cause=about.id)


def stream(letter_id: UUID) -> str:
    """The stream that records what happened to a dead letter."""
    return f"deadletter-{letter_id}"


def redrive(letter_id: UUID, *, by: str, reason: str = "", delay_s: float = 0.0) -> None:
    """Let the work go on from the step it stands at, with fresh attempts.

    delay_s  seconds until it is due
    raises   NotOpen when it was redriven or dismissed already, so a double click redrives once
    """
    with transaction.atomic(durable=True):
        letter = set_going(letter_id, by=by, reason=reason, delay_s=delay_s)
    if not delay_s:
        ring([letter.work])


def set_going(letter_id: UUID, *, by: str, reason: str = "", delay_s: float = 0.0) -> DeadLetter:
    """Redrive within the caller's transaction, who rings afterwards. Raises NotOpen."""
    letter = _close(letter_id, DeadLetterState.REDRIVEN, by=by, reason=reason)
    if not work.resume(letter.work, from_state="dead", delay_s=delay_s):
        raise NotOpen(f"the work of {letter} is no longer dead: reload and look again")
    return letter


def replace(letter_id: UUID, new: NewWork, events: Sequence[NewEvent], *, by: str, reason: str = "") -> None:
    """Redrive by other work: the dead work is cancelled, the new work stands in its place at their parent.

    events   recorded in the same transaction
    raises   NotOpen; WrongExpectedVersion when one of the events' streams has moved on
    """
    with transaction.atomic(durable=True):
        letter = _close(letter_id, DeadLetterState.REDRIVEN, by=by, reason=reason)
        if new.parent:
            work.children_added(new.parent, 1)
        if not work.cancel(letter.work, from_state="dead"):
            raise NotOpen(f"the work of {letter} is no longer dead: reload and look again")
        store.append(events, cause=letter.work)
        work.enqueue([new])
    if not new.delay_s:
        ring([new.id])


def dismiss(letter_id: UUID, *, by: str, reason: str) -> None:
    """Give the item up: it is left out, and whatever waits for it goes on without it.

    reason   why, in the words of the person who decided; required
    raises   NotOpen; NothingToUndo when this is not one item of a pipeline
    """
    if not reason.strip():
        raise ValueError("a dismissal needs a reason: it leaves somebody out")
    with transaction.atomic(durable=True):
        letter = _close(letter_id, DeadLetterState.DISMISSED, by=by, reason=reason)
        saga = REGISTRY[letter.saga]
        if not isinstance(saga, Pipeline) or not saga.dismissed:
            raise NothingToUndo(
                f"{letter}: the saga cannot go on without this step. Mend the cause and redrive it"
            )
        given_up = Work.objects.get(id=letter.work)
        item = _only_item(saga, given_up)
        if not work.cancel(given_up.id, from_state="dead"):
            raise NotOpen(f"the work of {letter} is no longer dead: reload and look again")
        facts = {"by": by, "reason": redact(reason)[:REASON_MAX]}
        store.append([NewEvent(item, store.version(item) + 1, saga.dismissed, facts)], cause=given_up.id)
    if given_up.parent:
        ring([given_up.parent])


class Preview(NamedTuple):
    """What redriving some letters would set going again: items in all, and by what the letters say.

    items   a letter about a batch counts everybody in it
    """

    letters: int
    items: int
    by_group: Counter[str]
    by_step: Counter[str]
    by_fingerprint: Counter[str]
    by_kind: Counter[str]


def preview(letters: Sequence[DeadLetter]) -> Preview:
    """Count what redriving these letters would set going; nothing is changed."""
    dead = Work.objects.filter(id__in=[letter.work for letter in letters], state=WorkState.DEAD)
    items = dict(dead.values_list("id", "items"))
    found = Preview(len(letters), sum(items.values()), Counter(), Counter(), Counter(), Counter())
    for letter in letters:
        count = items.get(letter.work, 0)
        found.by_group[letter.group_key] += count
        found.by_step[letter.step] += count
        found.by_fingerprint[letter.fingerprint] += count
        found.by_kind[letter.kind] += count
    return found


def open_letters(**filters: str) -> Sequence[DeadLetter]:
    """The open dead letters that match (run_key, group_key, step, fingerprint), oldest first."""
    return list(DeadLetter.objects.filter(state=DeadLetterState.OPEN, **filters).order_by("opened_at", "id"))


def close_of(
    works: Sequence[UUID], state: DeadLetterState, *, by: str, reason: str, cause: UUID | None
) -> None:
    """Close the open letters of these works, which the caller has locked and decides about."""
    facts = {"by": by, "reason": redact(reason)[:REASON_MAX]}
    letters = list(DeadLetter.objects.filter(work__in=works, state=DeadLetterState.OPEN))
    DeadLetter.objects.filter(id__in=[letter.id for letter in letters]).update(
        state=state, closed_at=Now(), closed_by=by, closed_reason=facts["reason"]
    )
    kind = CLOSED[state]
    store.append(
        [NewEvent(stream(letter.id), 2, kind, facts | {"step": letter.step}) for letter in letters],
        cause=cause,
    )


def _close(letter_id: UUID, state: DeadLetterState, *, by: str, reason: str) -> DeadLetter:
    # The work comes first, as in every transaction that changes both: so none of them waits for each other.
    of_letter = DeadLetter.objects.filter(id=letter_id).values("work")
    list(Work.objects.filter(id__in=of_letter).select_for_update().values_list("id"))
    # Compare and set: of two people who click at the same time one wins, and the other is told.
    closed = DeadLetter.objects.filter(id=letter_id, state=DeadLetterState.OPEN).update(
        state=state, closed_at=Now(), closed_by=by, closed_reason=redact(reason)[:REASON_MAX]
    )
    letter = DeadLetter.objects.filter(id=letter_id).first()
    if letter is None:
        raise NotOpen(f"there is no dead letter {letter_id}")
    if not closed:
        raise NotOpen(f"{letter} was already {letter.get_state_display()} by {letter.closed_by}")
    facts = {"by": by, "reason": redact(reason)[:REASON_MAX], "step": letter.step}
    store.append([NewEvent(stream(letter_id), 2, CLOSED[state], facts)], cause=letter.work)
    return letter


def _only_item(saga: Pipeline, given_up: Work) -> str:
    """The stream of the one item that this work is about. Raises NothingToUndo when it is about more.

    An item that was set aside carries its stream as the subject, and is not loaded: what it waits for may be that
    it cannot be. One that stands alone after splits may not; then its batch tells.
    """
    if given_up.items > 1:
        raise NothingToUndo(f"this would leave out {given_up.items} items. Mend the cause and redrive it")
    batch = Work.objects.filter(id=given_up.parent).first() if given_up.parent else None
    if batch is None or given_up.subject != batch.subject:
        return given_up.subject
    names = Claimed.__dataclass_fields__
    held = Claimed(**{name: getattr(given_up, name) for name in names})
    return next(iter(saga.load(held).items.values())).stream
