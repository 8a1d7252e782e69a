"""Whether everybody in a run's manifests is accounted for: checks of the proof (proof.py)."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from events import store
from events.store import Recorded
from ops.evidence import EmployerEvidence
from payroll import keys, kinds, manifest
from payroll.domain import OUT
from payroll.models import EmployerRun


def nobody_missing(part: EmployerEvidence) -> Iterator[str]:
    """Manifest count = done + left out + carried over + waiting, and nobody who is in no manifest."""
    began = part.facts.get("EmployerRunBegan")
    if began is None:
        return
    listed: Counter[str] = Counter()
    for written in began["manifests"]:
        frozen = manifest.read(written["object"], written["sha256"])
        listed.update(entry["employee_id"] for entry in frozen["employees"])
    if strange := {data["corrected"] for data in part.history.corrections} - listed.keys():
        yield f"{len(strange)} people were corrected who are in no manifest, the first is {min(strange)}"
    if twice := [employee for employee, times in listed.items() if times > 1]:
        yield f"{len(twice)} people are in the manifest twice, the first is {twice[0]}"
    if listed.total() != began["employees"]:
        yield f"{listed.total()} people in the manifests, {began['employees']} in the event"
    known = {keys.employee_of(stream) for stream in part.paychecks}
    if strange := known - listed.keys():
        yield f"{len(strange)} paychecks are in no manifest, the first is {min(strange)}"
    if part.paid:
        ended = ("RetirementCalculated", "PaycheckExcluded", "PaycheckCarriedOver")
        done = {
            keys.employee_of(s)
            for s, events in part.paychecks.items()
            if any(e.type in ended for e in events)
        }
        if missing := listed.keys() - done:
            yield f"{len(missing)} people are neither done, left out nor carried over, the first is {min(missing)}"


def carried_over(part: EmployerEvidence) -> Iterator[str]:
    """Whoever is carried over is named by the release, and chosen for the run that was opened for them; nobody else."""
    released = part.facts.get("EmployerRunReleased", {})
    named = set(released.get("carried", ()))
    last = {keys.employee_of(stream) for stream, events in part.paychecks.items() if _carried(events)}
    if last != named:
        yield f"{len(named)} people were released from it, and {len(last)} paychecks are carried over"
    if not released:
        return
    taken_up = store.read(keys.employerrun_stream(released["carried_to"]))
    if not taken_up or set(taken_up[0].data.get("people", ())) != named:
        yield f"the run {released['carried_to_run']} was not opened for exactly those who are carried over"
    elif taken_up[0].data["employer"] != part.employer:
        yield f"the run {released['carried_to_run']} is of another employer"


def days_once(part: EmployerEvidence) -> Iterator[str]:
    """Who is computed in this run is in no other run of the employer that pays hours and salary of the same days."""
    opened = part.facts["EmployerRunOpened"]
    if part.cancelled or not kinds.pays_days(opened["kind"]):
        return
    ours = _computed(part.id)
    others = EmployerRun.objects.filter(
        employer=part.employer, period_start__lte=opened["period_end"], period_end__gte=opened["period_start"]
    )
    for other in others.exclude(employer_run=part.id).exclude(last_event="EmployerRunCancelled"):
        if kinds.pays_days(other.facts["kind"]) and (twice := ours & _computed(other.employer_run)):
            kind = other.facts["kind"]
            yield f"{len(twice)} people are also in the {kind} run {other.run}, the first is {min(twice)}"


def _computed(employer_run: UUID | str) -> set[str]:
    """The employee ids of those whose paychecks of an employer's run are complete and count."""
    found = store.read_prefix(keys.paycheck_prefix(employer_run), "RetirementCalculated", *OUT)
    out = {event.stream for event in found if event.type in OUT}
    return {keys.employee_of(event.stream) for event in found if event.stream not in out}


def _carried(events: list[Recorded]) -> bool:
    return any(event.type == "PaycheckCarriedOver" for event in events)
