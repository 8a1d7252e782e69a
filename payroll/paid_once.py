"""A day is paid once: what earlier runs of an employer pay of a period, asked before another one is opened.

Whoever opens a run holds the employer's row, and reads the log and not a read model, which may lag. Somebody who was
left out of a run, carried over or voided, is never taken back into it, so what is free here stays free.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from events import store
from payroll import domain, keys, kinds, manifest
from payroll.history import History
from payroll.refusal import Refused
from payroll.schedule import Period

# In the order of their ids, so that two openings never wait for each other. Rows, because an advisory lock keeps
# RDS Proxy from sharing the session; no key update, so that foreign keys may be checked meanwhile.
LOCK_EMPLOYERS = "select id from payroll_employer where id = any(%s) order by id for no key update"

OPENED = """
select data::text, exists (select 1 from events_event c where c.stream = o.stream and c.type in ('EmployerRunCancelled',
                                                                                               'EmployerRunUndone'))
  from events_event o
 where stream >= 'employerrun-' and stream < 'employerrun.' and version = 1 and data ->> 'employer' = any(%s)
 order by position
"""
OUT_OF_A_RUN = ("PaycheckExcluded", "PaycheckCarriedOver", "PaycheckVoided")

Facts = dict[str, Any]  # of EmployerRunOpened, and whether it was `cancelled`, or undone


def opened_before(employers: Sequence[str]) -> dict[str, list[Facts]]:
    """The facts of every run that these employers have had, by employer; nobody opens another until we commit.

    The second statement sees what whoever held the rows before us has committed.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK_EMPLOYERS, [sorted(employers)])
    return opened(employers)


def opened(employers: Sequence[str]) -> dict[str, list[Facts]]:
    """The same as it is at this moment."""
    before: dict[str, list[Facts]] = {employer: [] for employer in employers}
    with connection.cursor() as cursor:
        cursor.execute(OPENED, [list(employers)])
        for data, cancelled in cursor.fetchall():
            facts = json.loads(data) | {"cancelled": cancelled}
            before[facts["employer"]].append(facts)
    return before


def without(
    run: UUID, kind: str, period: Period, earlier_runs: Sequence[Facts], people: Sequence[str]
) -> list[str]:
    """Whom a run of everybody has to leave out, because a run of chosen people pays them for the same period.

    run      the run that is opened; what the log holds of itself does not count
    people   the employee ids that it is opened for; empty for everybody
    raises   Refused when a day of somebody would be paid a second time
    """
    start, end = map(str, period)
    left_out: set[str] = set()
    if not kinds.pays_days(kind):
        return []
    for earlier in earlier_runs:
        shares_days = earlier["period_start"] <= end and start <= earlier["period_end"]
        if earlier["run"] == str(run) or earlier["cancelled"] or not shares_days:
            continue
        if not kinds.pays_days(earlier["kind"]):
            continue
        if people:
            if twice := sorted(paid_by(earlier, people)):
                raise Refused(
                    f"{_already(earlier)} for {kinds.some(twice)}, and a day is paid once: see payrun status"
                )
        elif "people" not in earlier:
            raise Refused(
                f"{_already(earlier)}, and a day is paid once: see payrun status. "
                "Leave the employer out with --employer"
            )
        elif chosen := paid_by(earlier, earlier["people"]):
            if (earlier["period_start"], earlier["period_end"]) != (start, end):
                raise Refused(
                    f"{_already(earlier)} for {kinds.some(sorted(chosen))}: it shares days with this one"
                )
            left_out |= chosen
    return sorted(left_out)


def paid_by(opened: Facts, people: Collection[str]) -> set[str]:
    """Of these people, those whom a run pays or is going to pay."""
    prefix = keys.paycheck_prefix(opened["employer_run"])
    out = {keys.employee_of(event.stream) for event in store.read_prefix(prefix, *OUT_OF_A_RUN)}
    wanted = set(people) - out - set(opened.get("without", ()))
    if "people" in opened:
        return wanted & set(opened["people"])
    began = History(keys.employerrun_stream(opened["employer_run"])).facts.get("EmployerRunBegan")
    if began is None:  # the snapshot takes everybody whom it finds
        return wanted
    listed = (manifest.read(each["object"], each["sha256"])["employees"] for each in began["manifests"])
    return wanted & {entry["employee_id"] for entries in listed for entry in entries}


def corrected_by(employer_run: str, people: Collection[str], runs: Sequence[Facts]) -> str:
    """The last pay run that corrects what an employer's run pays these people, and stands; empty when none does.

    people   employee ids; empty for everybody
    runs     all of the employer, as `opened` gives them
    """
    for each in reversed(runs):
        stands = not each["cancelled"] and employer_run in each.get("corrects", ())
        if stands and paid_by(each, people or each["people"]):
            return str(each["run"])
    return ""


def voided(employer_run: str, people: Collection[str]) -> list[str]:
    """Of these people, those whose paycheck in an employer's run was undone."""
    found = store.read_prefix(keys.paycheck_prefix(employer_run), domain.VOIDED)
    return sorted({keys.employee_of(event.stream) for event in found} & set(people))


def void_base(opened: Facts) -> str:
    """Why a correction pays too much: what it corrects was undone. Empty when it was not, or this corrects nothing."""
    if "corrects" not in opened:
        return ""
    void = voided(opened["corrects"][0], paid_by(opened, opened["people"]))
    return (
        f"what this run corrects was undone for {kinds.some(void)} of {opened['employer']}: cancel this run, or undo "
        "their paychecks in it"
        if void
        else ""
    )


def same_period(earlier: Facts, facts: Facts) -> bool:
    """Whether two runs are of one kind and one period."""
    return all(earlier[name] == facts[name] for name in ("kind", "period_start", "period_end"))


def _already(earlier: Facts) -> str:
    kind, days = earlier["kind"], f"from {earlier['period_start']} to {earlier['period_end']}"
    article = "an" if kind == kinds.OFF_CYCLE else "a"
    return f"{earlier['employer']} already has {article} {kind} run {days} ({earlier['run']})"
