"""What touched paychecks have frozen, held against the roster as it is: a late change is noticed, or is settled.

Who imports compares after the import is committed; a tick takes up what was left over. A paycheck that is being frozen
or corrected at this moment waits: what it takes is known when its run has begun. Inputs are compared, not pay.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from events import projection, store
from events.failures import NeedsReview
from events.store import NewEvent, Recorded, WrongExpectedVersion
from payroll import chains, keys, kinds, manifest, paid_once
from payroll.domain import OUT
from payroll.history import History
from payroll.late import changes
from payroll.late.changes import SUPERSEDED, Compared
from payroll.manifest import Pinned
from payroll.models import Employer, Paycheck, TouchedPaycheck
from payroll.objects import ObjectDamaged
from payroll.projections import PAYCHECKS, RUNS
from payroll.recompute import as_json

log = logging.getLogger(__name__)

# Done with, but for those that were touched again since they were seen.
DONE = """
delete from payroll_touchedpaycheck as touched
 using unnest(%s::bigint[], %s::int[]) as seen (id, touches)
 where touched.id = seen.id and touched.touches = seen.touches
"""
EMPLOYMENT, ITEMS = ("employment",), ("items",)
OVER = ("EmployerRunCancelled", "EmployerRunUndone")


def compare() -> int:
    """Compare what can be compared now; how many late changes were noticed. What cannot waits for the next time."""
    noted: dict[str, dict[str, TouchedPaycheck]] = defaultdict(dict)
    for row in TouchedPaycheck.objects.all():
        noted[str(row.employer_run)][row.employee_id] = row
    if not noted:
        return 0
    projection.catch_up(PAYCHECKS)
    noticed = 0
    for employer_run, rows in noted.items():
        try:
            found = _compared(employer_run, sorted(rows))
            if found is not None:
                noticed += _record(found, list(rows.values()))
        except WrongExpectedVersion:
            log.info("%s is being compared by somebody else", employer_run)
        except (NeedsReview, ObjectDamaged) as why:
            log.error("late changes of the employer's run %s cannot be found: %s", employer_run, why)
    projection.catch_up(RUNS)
    return noticed


def dismissed(employer_run: str) -> list[str]:
    """Whose late change somebody has dismissed, and the roster says the same of them still; employee ids.

    raises   NeedsReview, ObjectDamaged
    """
    facts = changes.dismissed(employer_run)
    found = _compared(employer_run, sorted(facts)) if facts else []
    if found is None:
        return sorted(facts)
    return [each.employee_id for each in found if changes.decided(facts[each.employee_id], each) is None]


def _record(found: Sequence[Compared], rows: Sequence[TouchedPaycheck]) -> int:
    """Append what follows, and delete the rows that are done with; how many late changes were noticed."""
    before = store.read_each(each.stream for each in found)
    events = []
    for each in found:
        recorded = before.get(each.stream, [])
        if event := changes.decided(_merged(recorded), each):
            events.append(NewEvent(each.stream, len(recorded) + 1, *event))
    with transaction.atomic(durable=True):
        store.append(events)
        with connection.cursor() as cursor:
            cursor.execute(DONE, [[row.id for row in rows], [row.touches for row in rows]])
    return sum(event.type == "LateChangeNoticed" for event in events)


def _merged(events: Sequence[Recorded]) -> dict[str, Any]:
    return {name: value for event in events for name, value in event.data.items()}


def _compared(employer_run: str, people: Sequence[str]) -> list[Compared] | None:
    """Everybody of an employer's run whose paycheck counts; None while what they take is not known.

    people   employee ids
    raises   NeedsReview, ObjectDamaged
    """
    original = History(keys.employerrun_stream(employer_run))
    opened = original.facts["EmployerRunOpened"]
    if any(event in original.facts for event in OVER):
        return []
    chain = chains.chain_of(opened, paid_once.opened([opened["employer"]])[opened["employer"]])
    histories = [original, *(History(keys.employerrun_stream(each)) for each in chain[1:])]
    if any("EmployerRunBegan" not in each.facts for each in histories):
        return None
    if manifest.unsettled(opened["employer"], but_for=opened["run"]):
        return None
    out = Paycheck.objects.filter(
        employer_run__in=chain, employee_id__in=people, last_event__in={*OUT} - {SUPERSEDED}
    )
    gone = {(str(row.employer_run), row.employee_id) for row in out.only("employer_run", "employee_id")}
    given = dict(zip(chain, histories, strict=True))
    counts = {
        each: tuple(part for part in chain if (part, each) not in gone and _pays(given[part], each))
        for each in people
        if (employer_run, each) not in gone
    }
    frozen = _frozen(given, counts)
    # Whoever no correction has paid is compared as before there was one: somebody else's is no change of theirs.
    corrected = {each for each in frozen if counts[each][1:]}
    now = _now(opened, chain[:1], sorted(frozen.keys() - corrected)) | _now(opened, chain, sorted(corrected))
    return [
        Compared(opened, counts[each], each, *_differs(opened["kind"], frozen[each], now.get(each)))
        for each in frozen
    ]


def _pays(part: History, employee_id: str) -> bool:
    """Whether an employer's run is of this person as well: of a correction those who are named, and of others all."""
    opened = part.facts["EmployerRunOpened"]
    return "corrects" not in opened or employee_id in opened["people"]


def _frozen(chain: Mapping[str, History], counts: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    """What the last paycheck of each that counts was given; nobody who is in none.

    counts   by employee id, the employer's runs of the chain whose paycheck of them counts
    """
    found = {}
    for part, history in chain.items():
        for written in history.manifests:
            for entry in manifest.read(written["object"], written["sha256"])["employees"]:
                if part in counts.get(entry["employee_id"], ()):
                    found[entry["employee_id"]] = entry
    return found


def _now(opened: dict[str, Any], chain: tuple[str, ...], people: list[str]) -> dict[str, dict[str, Any]]:
    """What a snapshot would freeze of them now; nobody whom the roster does not have in the period any more."""
    if not people:
        return {}
    facts = opened | {"people": people, "without": []}
    if chain[1:]:  # what its corrections pay is not somebody else's
        facts |= chains.as_correction(opened, chain)
    pinned = Pinned.of(facts)
    employer = Employer.objects.get(id=pinned.employer)
    waiting = manifest.unfinished(pinned)
    return {
        entry["employee_id"]: as_json(entry)
        for content in manifest.contents(pinned, employer, waiting)
        for entry in content["employees"]
    }


def _differs(kind: str, before: dict[str, Any], now: dict[str, Any] | None) -> tuple[tuple[str, ...], str]:
    """Names of the inputs that are not what they were, and what they are."""
    if now is None:
        return EMPLOYMENT if kinds.pays_days(kind) else ITEMS, ""
    names = tuple(chains.changed(before, now))
    return names, json.dumps([now.get(name) for name in names])
