"""Correction runs: what a run has paid, held against what the roster says now; the difference is a run of its own.

What a correction would freeze is computed and shown, or frozen by the snapshot of a run of the kind `correction`: the
inputs of the original period as the roster has them now, and what was paid so far. It goes its way like any other run.
Whoever opens one holds the employer's row (paid_once.py), so that two at one moment cannot both pay a difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from events import store, work
from events.doorbells import ring
from events.store import NewEvent, WrongExpectedVersion
from payroll import keys, kinds, manifest, paid_once, paid_so_far, rules
from payroll.calc import calendar
from payroll.chains import as_correction, chain_of, changed
from payroll.history import History
from payroll.late import changes, compare, touched
from payroll.manifest import Pinned
from payroll.models import Employer, Paycheck
from payroll.payments import same_day as settlement
from payroll.recompute import as_json, recompute
from payroll.refusal import Refused
from payroll.runs import employer_opened, facts_of, opening_facts
from payroll.saga import begin_run
from payroll.schedule import Period
from payroll.undo import decide


class Proposal(NamedTuple):
    """One person whose paycheck is not what it should be.

    inputs    names of the inputs that are not what they were: `year_to_date` alone when only other paychecks of the
              year have changed, or the rules
    amounts   the difference by fact, in cents, without those that are nothing
    stopped   why it cannot be computed; empty when it can
    """

    employer: str
    employee_id: str
    inputs: tuple[str, ...]
    amounts: dict[str, int]
    stopped: str = ""

    def cents(self, fact: str) -> int:
        return self.amounts.get(f"{fact}_cents", 0)


class Corrected(NamedTuple):
    """The run that was opened, and whose differences it pays.

    left_out    whose cannot be computed
    dismissed   whose was dismissed, as EMPLOYER/EMPLOYEE
    """

    run: UUID
    pay_date: date
    proposals: tuple[Proposal, ...]
    left_out: tuple[Proposal, ...]
    dismissed: tuple[str, ...]


class _Part(NamedTuple):
    """An employer's part that can be corrected.

    opened      the facts of the run that is corrected
    chain       employer's runs: that one, and its corrections so far
    pending     employee id to pay run, of those whose correction is on its way
    dismissed   employee ids, of those whose late change was dismissed when it was looked at
    """

    opened: dict[str, Any]
    chain: tuple[str, ...]
    pending: dict[str, str]
    dismissed: frozenset[str]


def propose(
    run: UUID | str,
    *,
    employers: Sequence[str] = (),
    people: Mapping[str, Sequence[str]] | None = None,
    pay_date: date | None = None,
) -> list[Proposal]:
    """Who of a run has a difference, and how much; nothing is changed.

    employers   ids; empty means all of the run that are paid
    people      employee ids by employer; None means everybody but those whose late change was dismissed
    pay_date    when the difference would be paid; None: the next day that banks work
    raises      Refused, NeedsReview
    """
    parts = _parts(run, list(people or employers))
    paid_on = _pay_date(parts, pay_date)
    return [found for part in parts for found in _proposals(part, (people or {}).get(_of(part)), paid_on)]


def dismissed(run: UUID | str, *, employers: Sequence[str] = ()) -> list[str]:
    """Whom a correction of a run leaves out unless they are named, because their late change was dismissed.

    employers   as for `propose`
    returns     EMPLOYER/EMPLOYEE
    raises      Refused
    """
    return [
        f"{_of(part)}/{name}" for part in _parts(run, employers) for name in compare.dismissed(part.chain[0])
    ]


def open_correction(
    run: UUID | str,
    *,
    by: str,
    employers: Sequence[str] = (),
    people: Mapping[str, Sequence[str]] | None = None,
    pay_date: date | None = None,
    same_day: bool = False,
) -> Corrected:
    """Open a run that pays the differences of everybody who has one that is not dismissed, or of who is named.

    by         who asks; somebody else has to approve
    same_day   as for runs.open_run: the pay date has to be given, and today
    raises     Refused when nothing differs, NeedsReview; see `propose` for the rest
    """
    parts = _parts(run, list(people or employers))
    paid_on = _pay_date(parts, pay_date)
    if same_day:
        settlement.refuse_start(pay_date or paid_on)
    leaves = () if people else tuple(dismissed(run, employers=employers))
    found = propose(run, employers=employers, people=people, pay_date=paid_on)
    able, left_out = [each for each in found if not each.stopped], [each for each in found if each.stopped]
    if people and left_out:
        raise Refused(f"{left_out[0].employee_id} of {left_out[0].employer}: {left_out[0].stopped}")
    if not able:
        unable = f", and {len(left_out)} people cannot be computed: see --preview" if left_out else ""
        unpaid = f", but for what was dismissed of {kinds.some(leaves)}" if leaves else ""
        raise Refused(f"nothing differs between what was paid and what the roster says now{unpaid}{unable}")
    try:
        with transaction.atomic(durable=True):
            opened = _open(parts, able, paid_on, by, same_day)
    except WrongExpectedVersion as lost_race:
        raise Refused(
            "something else has changed of these people at the same moment: look again"
        ) from lost_race
    ring([keys.key("work", opened)])
    return Corrected(opened, paid_on, tuple(able), tuple(left_out), leaves)


def _open(parts: Sequence[_Part], able: Sequence[Proposal], pay_date: date, by: str, same_day: bool) -> UUID:
    """Within the transaction. What was computed must still be what there is, under the lock of the employers' rows."""
    whom: dict[str, list[str]] = {}
    for each in able:
        whom.setdefault(each.employer, []).append(each.employee_id)
    chosen = [part for part in parts if _of(part) in whom]
    before = paid_once.opened_before(sorted(whom))
    if any(chain_of(part.opened, before[_of(part)]) != part.chain for part in chosen):
        raise Refused("somebody else opened a correction of this run at the same moment: look again")
    if any(changes.dismissed(part.chain[0]).keys() & {*whom[_of(part)]} - part.dismissed for part in chosen):
        raise Refused("somebody else dismissed one of these late changes at the same moment: look again")
    for part in chosen:
        _refuse_undone(part, whom[_of(part)])
    first = chosen[0].opened
    period = Period(date.fromisoformat(first["period_start"]), date.fromisoformat(first["period_end"]))
    named = [f"{employer}/{employee}" for employer, ids in whom.items() for employee in ids]
    sequence = 1
    while store.version(keys.payrun_stream(run := _run_id(period, pay_date, whom, named, sequence))):
        sequence += 1
    facts = opening_facts(run, kinds.CORRECTION, period, pay_date, opened_by=by, same_day=same_day)
    events: list[NewEvent] = []
    late: list[NewEvent] = []
    for part in chosen:
        employer = Employer.objects.get(id=_of(part))
        employer.pay_frequency = part.opened["frequency"]  # the period is that of the run that is corrected
        pinned = as_correction(part.opened, part.chain) | {"people": sorted(whom[employer.id])}
        events.append(opening := employer_opened(employer, facts, before[employer.id], pinned))
        corrected, correcting = part.chain[0], opening.data["employer_run"]
        late += changes.taken_up(corrected, whom[employer.id], run=run, part=correcting, by=by)
        touched.note_others(employer.id, whom[employer.id], but_for=corrected)
    ids = {event.data["employer"]: event.data["employer_run"] for event in events}
    stream = keys.payrun_stream(run)
    store.append([NewEvent(stream, 1, "PayRunOpened", facts | {"employer_runs": ids}), *events, *late])
    work.enqueue([begin_run(str(run), stream)])
    return run


def _refuse_undone(part: _Part, people: Sequence[str]) -> None:
    """From the log, under the lock: the read model of paychecks may lag. Raises Refused."""
    employer, run = _of(part), part.opened["run"]
    if void := paid_once.voided(part.chain[0], people):
        raise Refused(f"what was paid to {kinds.some(void)} of {employer} was undone: pay them by a new run")
    if decide.is_going(run, employer, people):
        raise Refused(
            f"{employer} is being undone in the run that is corrected: wait until it is, then look again"
        )


def _run_id(
    period: Period, pay_date: date, employers: Mapping[str, Any], people: Sequence[str], sequence: int
) -> UUID:
    return keys.run_id(kinds.CORRECTION, *period, pay_date, employers, people=people, sequence=sequence)


def _of(part: _Part) -> str:
    return str(part.opened["employer"])


def _parts(run: UUID | str, employers: Sequence[str]) -> list[_Part]:
    """The parts of a run that are paid; of a correction, those of the run that it corrects.

    raises   Refused when one that is named is not, or none is
    """
    ids = facts_of(run)["employer_runs"]
    if strange := [name for name in employers if name not in ids]:
        raise Refused(f"{', '.join(strange)} is not in this run")
    found, refused = [], []
    for employer in sorted(set(employers)) or sorted(ids):
        try:
            found.append(_part(employer, ids[employer]))
        except Refused as why:
            refused.append(why)
    if refused and (employers or not found):
        raise refused[0]
    return found


def _part(employer: str, employer_run: str) -> _Part:
    opened = History(keys.employerrun_stream(employer_run)).facts["EmployerRunOpened"]
    if "corrects" in opened:
        opened = History(keys.employerrun_stream(opened["corrects"][0])).facts["EmployerRunOpened"]
    facts = History(keys.employerrun_stream(opened["employer_run"])).facts
    if "EmployerRunCancelled" in facts:
        raise Refused(
            f"{employer} was cancelled in this run: nobody was paid, so there is nothing to correct"
        )
    if "MoneyMoved" not in facts:
        raise Refused(
            f"{employer} is not paid yet in this run: mend the inputs there, with deadletters redrive --corrected, or "
            "cancel it; what is paid can be corrected"
        )
    earlier = paid_once.opened([employer])[employer]
    chain = chain_of(opened, earlier)
    pending = {
        employee: each["run"]
        for each in earlier
        if each["employer_run"] in chain[1:]
        and "MoneyMoved" not in History(keys.employerrun_stream(each["employer_run"])).facts
        for employee in each["people"]
    }
    return _Part(opened, chain, pending, frozenset(changes.dismissed(chain[0])))


def _pay_date(parts: Sequence[_Part], asked: date | None) -> date:
    """When a difference is paid: a banking day, not before what it corrects, and in the same calendar year."""
    paid = date.fromisoformat(parts[0].opened["pay_date"])
    pay_date = max(paid, calendar.add_banking_days(timezone.now().date(), 1)) if asked is None else asked
    pay_date = calendar.adjust_before(pay_date)
    if pay_date < paid:
        raise Refused(f"the difference cannot be paid on {pay_date}, before what it corrects on {paid}")
    if pay_date.year != paid.year:
        raise Refused(
            f"what was paid on {paid} is on the Form W-2 of {paid.year}, and {pay_date} is in another year: that is "
            "corrected by a Form W-2c, and not by a run"
        )
    return pay_date


def _proposals(part: _Part, named: Sequence[str] | None, pay_date: date) -> Iterator[Proposal]:
    employer = Employer.objects.get(id=_of(part))
    if why := manifest.unsettled(employer.id, but_for=""):
        raise Refused(f"what {employer.id} has paid is not known yet: {why}. Try again in a moment")
    paid = _paid(part)
    people = list(dict.fromkeys(named)) if named else paid
    if strange := sorted(set(people) - set(paid)):
        raise Refused(
            f"{kinds.some(strange)} of {employer.id} have no paycheck in that run which counts: it was left out, "
            "carried over, voided, or never there"
        )
    if named and (twice := [name for name in people if name in part.pending]):
        raise Refused(
            f"{twice[0]} of {employer.id} is being corrected already, by pay run {part.pending[twice[0]]}"
        )
    leaves = {*part.pending} if named else {*part.pending, *compare.dismissed(part.chain[0])}
    people = [name for name in people if name not in leaves]
    if not people:
        return
    tables = rules.load(pay_date.year)
    facts = part.opened | as_correction(part.opened, part.chain) | {"people": people, "without": []}
    facts |= {"kind": kinds.CORRECTION, "pay_date": pay_date.isoformat(), "rules_version": tables.version}
    pinned = Pinned.of(facts)
    for content in manifest.contents(pinned, employer, manifest.unfinished(pinned)):
        differs = []
        for entry, found in zip(content["employees"], recompute(content, "", tables), strict=True):
            amounts = {
                name: cents
                for _, data in found.events
                for name, cents in data.items()
                if name.endswith("_cents") and cents
            }
            if amounts or found.stopped:
                differs.append((entry, Proposal(employer.id, found.employee_id, (), amounts, found.stopped)))
        if differs:
            before = paid_so_far.read(employer.id, part.chain, [each.employee_id for _, each in differs])
            for entry, each in differs:
                names = tuple(changed(before.entries[each.employee_id], as_json(entry)))
                yield each._replace(inputs=names or ("year_to_date",))


def _paid(part: _Part) -> list[str]:
    """Everybody who was paid by the run that is corrected."""
    rows = Paycheck.objects.filter(employer_run=part.chain[0]).exclude(last_event__in=paid_so_far.GONE)
    return sorted(row.employee_id for row in rows.only("employee_id"))
