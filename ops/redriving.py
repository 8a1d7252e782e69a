"""Redrive dead letters by what they have in common: choose, look at what it would do, do it at a pace.

The command, the admin and the API redrive through here, so that each does the same.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from events import dead_letters
from events.dead_letters import NothingToUndo, NotOpen
from events.models import DeadLetter, DeadLetterState
from payroll import corrections, keys
from payroll.objects import ObjectsUnavailable
from payroll.runs import Refused

REFUSALS = (Refused, NotOpen, NothingToUndo, ObjectsUnavailable)
BY = {"run": "run_key", "employer": "group_key", "step": "step", "fingerprint": "fingerprint", "kind": "kind"}
EXAMPLES = 5
RATE_MAX = 1000.0
FROZEN = (
    "The inputs of these people are frozen: they are computed again from what the run began with, and where that is "
    "the cause they fail again. To compute with the roster as it is now, redrive with corrected inputs."
)
FAILED_BY_INPUTS = frozenset({"needs review"})


class Preview(NamedTuple):
    """What redriving some letters would set going again; nothing was changed.

    people     how many people they are about; an employer's step counts as one
    by_*       how many of them by what the letters say, most first
    examples   a few of the letters, as a program shows them
    seconds    until the last of them is due, at the rate that was asked for
    warning    why the same fault is to be expected; empty when nothing says so
    """

    letters: int
    people: int
    by_employer: dict[str, int]
    by_step: dict[str, int]
    by_fingerprint: dict[str, int]
    by_kind: dict[str, int]
    examples: list[dict[str, Any]]
    seconds: float
    warning: str


class Redriven(NamedTuple):
    """What became of each letter: those that were redriven, and why others were not, by id."""

    done: list[UUID]
    refused: dict[UUID, str]


def select(most: int | None = None, /, **filters: str) -> list[DeadLetter]:
    """The open dead letters that match: run (whole id), employer, step, fingerprint, kind; oldest first.

    most     how many to look for; None: all. Their tracebacks stay in the database until they are asked for
    raises   Refused when nothing is chosen by, or by something else
    """
    if unknown := filters.keys() - BY.keys():
        raise Refused(f"dead letters are not chosen by {', '.join(sorted(unknown))}: {', '.join(BY)}")
    chosen = {BY[name]: value for name, value in filters.items() if value}
    if not chosen:
        raise Refused(f"say which dead letters: by {', '.join(BY)}")
    found = (
        DeadLetter.objects.filter(state=DeadLetterState.OPEN).order_by("opened_at", "id").defer("traceback")
    )
    if run := chosen.pop(BY["run"], ""):
        found = found.filter(run_key__in=(run, keys.cancellation(run)))
    return list(found.filter(**chosen)[:most])


def preview(letters: Sequence[DeadLetter], *, rate: float | None = None, corrected: bool = False) -> Preview:
    """What redriving these letters would set going again. Raises Refused for a rate that is none."""
    pace_s = _pace_s(rate)
    still_open = [letter for letter in letters if letter.state == DeadLetterState.OPEN]
    counted = dead_letters.preview(still_open)
    frozen = any(letter.kind in FAILED_BY_INPUTS and letter.saga == "paychecks" for letter in still_open)
    return Preview(
        letters=counted.letters,
        people=counted.items,
        by_employer=dict(counted.by_group.most_common()),
        by_step=dict(counted.by_step.most_common()),
        by_fingerprint=dict(counted.by_fingerprint.most_common()),
        by_kind=dict(counted.by_kind.most_common()),
        examples=[_example(letter) for letter in still_open[:EXAMPLES]],
        seconds=pace_s * max(counted.letters - 1, 0),
        warning=FROZEN if frozen and not corrected else "",
    )


def redrive_many(
    letters: Sequence[DeadLetter], *, by: str, reason: str = "", rate: float | None, corrected: bool = False
) -> Redriven:
    """Redrive letters one by one, each in a transaction of its own: what is refused keeps nothing else from it.

    rate        letters a second, kept by when each becomes due; None: all at once
    corrected   begin the paychecks again, with the roster as it is now
    raises      Refused for a rate that is none, before anything is done
    """
    pace_s = _pace_s(rate)
    redriven = Redriven([], {})
    redrive = corrections.redrive_corrected if corrected else dead_letters.redrive
    for letter in letters:
        try:
            redrive(letter.id, by=by, reason=reason, delay_s=pace_s * len(redriven.done))
        except REFUSALS as no:
            redriven.refused[letter.id] = str(no)
        else:
            redriven.done.append(letter.id)
    return redriven


def _pace_s(rate: float | None) -> float:
    """Seconds between one letter and the next."""
    if rate is None:
        return 0.0
    if not 0 < rate <= RATE_MAX:  # also not for a NaN
        raise Refused(f"a rate is above 0 and up to {RATE_MAX:g} dead letters a second")
    return 1 / rate


def _example(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": str(letter.id),
        "employer": letter.group_key,
        "employee_id": keys.employee_of(letter.subject),
        "step": letter.step,
        "kind": letter.kind,
        "reason": letter.reason,
    }
