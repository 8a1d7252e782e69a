"""Begin one person's paycheck again, with the inputs corrected.

A run's inputs are frozen, so mending the roster changes nothing in a run that has begun. This is the
explicit way in for one person whose paycheck is a dead letter: the old paycheck is superseded, the new one
is pinned to a manifest of its own, and both stay in the log with who did it and why. The payment's key is
the person's and not the paycheck's, so it cannot be paid for both.
"""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from events import dead_letters, saga, store
from events.models import DeadLetter, Work
from events.store import NewEvent, WrongExpectedVersion
from payroll import keys, manifest
from payroll.history import History
from payroll.late.touched import note_again
from payroll.manifest import Pinned
from payroll.models import Employee, Employer
from payroll.runs import Refused


def redrive_corrected(letter_id: UUID, *, by: str, reason: str = "", delay_s: float = 0.0) -> None:
    """Give up the paycheck of a dead letter and begin it again with the roster as it is now.

    delay_s  seconds until it is due
    raises   Refused when the letter is not one person's paycheck; NotOpen when somebody was first
    """
    letter = DeadLetter.objects.filter(id=letter_id).first()
    old = keys.employee_of(letter.subject) if letter else ""
    if letter is None or letter.saga != "paychecks" or not old:
        raise Refused(
            "only one person's paycheck can be begun again with corrected inputs: redrive this as it is"
        )
    work = Work.objects.get(id=letter.work)
    if work.items > 1:
        raise Refused(f"this is the work of {work.items} people, not of {old} alone: redrive it as it is")
    history = History(keys.employerrun_stream(keys.employer_run_of(letter.subject)))
    pinned = Pinned.of(history.facts["EmployerRunOpened"])
    waiting = manifest.unfinished(pinned)
    if moving := manifest.unsettled(pinned.employer, but_for=pinned.run):
        raise Refused(f"{old} cannot be begun again yet: {moving}. Try again in a moment")
    sequence = 2 + sum(data["corrected"] == old for data in history.corrections)
    try:
        waiting = waiting.and_then(manifest.unfinished(pinned))
        employer = Employer.objects.get(id=pinned.employer)
        written = manifest.write_again(pinned, employer, waiting, old, sequence)
    except Employee.DoesNotExist as gone:
        raise Refused(
            f"{old} is not in the roster of {pinned.employer} any more: dismiss the dead letter"
        ) from gone
    stream = keys.paycheck_stream(pinned.employer_run, old, sequence)
    why = {"by": by, "reason": dead_letters.redact(reason)}
    before = _hours_hundredths(history, old, pinned.period_start)
    corrected: dict[str, Any] = {"corrected": old, "manifest": written._asdict(), "begun_again_as": stream}
    corrected |= {"corrected_by": by, "corrected_reason": why["reason"]}
    corrected["hours_hundredths"] = written.hours_hundredths - before
    superseded = NewEvent(
        letter.subject,
        store.version(letter.subject) + 1,
        "PaycheckSuperseded",
        {"superseded_by": stream, **why},
    )
    again = saga.new_work(
        "paychecks",
        id=keys.key("again", stream),
        subject=stream,
        run_key=work.run_key,
        group_key=work.group_key,
        parent=work.parent,
        turn=work.turn,
        payload={"manifest": written.object, "sha256": written.sha256, "lo": 0, "hi": 1},
    )
    events = [superseded, history.next("InputsCorrected", corrected)]
    try:
        dead_letters.replace(letter_id, replace(again, delay_s=delay_s), events, by=by, reason=reason)
    except WrongExpectedVersion as lost_race:
        raise Refused(
            f"somebody else corrected {pinned.employer} at the same moment: try again"
        ) from lost_race
    note_again([(pinned.employer_run, old)])  # what it was late with, it has taken now


def _hours_hundredths(history: History, employee_id: str, since: date) -> int:
    """The hours of a person that the manifests counted last, in hundredths."""
    for written in reversed(history.manifests):
        for entry in manifest.read(written["object"], written["sha256"])["employees"]:
            if entry["employee_id"] == employee_id:
                return manifest.hours_hundredths(entry, since)
    return 0
