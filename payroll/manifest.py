"""The manifest: what a run was given, frozen. One object per batch, its sha256 in the employer run's event.

Nothing of the roster is read after this: later edits go to the next run. Account numbers are in a manifest as
ciphertext only, and so is the SSN of whoever has support remitted, whose agency asks for it; nobody else's is there.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from events import projection
from events.batches import numbers
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from payroll import frozen, keys, kinds, objects, paid_before, paid_so_far, pay_inputs, recoveries, years
from payroll.calc.money import percent_to_bp
from payroll.calc.timesheet import first_entry_day
from payroll.domain import Inputs, YearToDate
from payroll.models import Employee, Employer, PayItem, TimeEntry
from payroll.models.pay import deposit_context
from payroll.projections import PAYCHECKS

SCHEMA = 1
DAYS = ("period_start", "period_end", "pay_date", "original_pay_date")
ALWAYS = tuple(name for name in Inputs._fields if name not in Inputs._field_defaults)


class Written(NamedTuple):
    """One batch's manifest as the event records it."""

    object: str
    sha256: str
    employees: int
    hours_hundredths: int


class Pinned(NamedTuple):
    """What an employer's run was opened with; the facts of EmployerRunOpened that computing needs."""

    run: str
    employer_run: str
    employer: str
    frequency: str
    period_start: date
    period_end: date
    pay_date: date
    rules_version: str
    name: str
    ein: str
    file_modifier: str
    kind: str = kinds.REGULAR
    people: Sequence[str] = ()
    without: Sequence[str] = ()
    corrects: Sequence[str] = ()  # employer's runs: the one that is corrected, and its earlier corrections
    original_kind: str = ""
    original_pay_date: date | None = None

    @classmethod
    def of(cls, opened: dict[str, Any]) -> "Pinned":
        """From the data of the event; who is not named in it is not chosen, nor left out."""
        days = {name: date.fromisoformat(opened[name]) for name in DAYS if name in opened}
        return cls(**{name: opened[name] for name in cls._fields if name in opened} | days)

    @property
    def computed_as(self) -> str:
        """The kind by which its paychecks are computed: that of the run which it corrects, or its own."""
        return self.original_kind or self.kind

    @property
    def terms(self) -> dict[str, str]:
        """What a manifest says of it: for whom it was written is in the manifest itself."""
        given = self._replace(kind=self.computed_as)._asdict()
        without = ["kind"] if given["kind"] == kinds.REGULAR else []
        without += [] if self.original_pay_date else ["original_pay_date"]
        for name in ("people", "without", "corrects", "original_kind", *without):
            del given[name]
        return {name: str(value) for name, value in given.items()}


def write(pinned: Pinned, employer: Employer, waiting: "Unfinished") -> Iterator[Written]:
    """Freeze the inputs of everybody whom the run pays, one object per batch, in order of employee id.

    waiting   as `unfinished` told before and after `unsettled` was asked: a paycheck that dies, or is redriven, in
              between waits all the same
    """
    for number, content in enumerate(contents(pinned, employer, waiting), 1):
        yield _write(pinned, content, name=f"{number:05d}")


def contents(pinned: Pinned, employer: Employer, waiting: "Unfinished") -> Iterator[dict[str, Any]]:
    """What `write` would write, a batch at a time."""
    everybody = bool(pinned.corrects) or kinds.pays_days(pinned.kind)
    for people in _batches(pinned):
        given = _Given.of(people, pinned, employer, waiting)
        if paid := [person for person in people if everybody or person.pk in given.items]:
            yield _content(pinned, employer, paid, given, sequence=1)


def write_again(
    pinned: Pinned, employer: Employer, waiting: "Unfinished", employee_id: str, sequence: int
) -> Written:
    """Freeze one person's inputs again, as the roster has them now; their paycheck gets this sequence.

    raises   Employee.DoesNotExist
    """
    person = Employee.objects.get(employer=employer, employee_id=employee_id)
    name = f"again-{employee_id}-{sequence}"
    given = _Given.of([person], pinned, employer, waiting)
    return _write(pinned, _content(pinned, employer, [person], given, sequence=sequence), name=name)


def _content(
    pinned: Pinned, employer: Employer, people: Sequence[Employee], given: "_Given", *, sequence: int
) -> dict[str, Any]:
    terms = {
        **pinned.terms,
        "retirement_plan": employer.retirement_plan,
        "workweek_start": employer.workweek_start,
        "sequence": sequence,
        "employees": Employee.objects.filter(employer=employer).count(),
        **pay_inputs.funding(employer),
    }
    entries = [_entry(_inputs(person, given, pinned)) for person in people]
    return {"schema": SCHEMA, "terms": terms | given.so_far.terms, "employees": entries}


def _write(pinned: Pinned, given: dict[str, Any], *, name: str) -> Written:
    content = json.dumps(given, separators=(",", ":")).encode()
    # The content is in the name: what a lost worker left behind never collides with a manifest written again.
    content_sha256 = hashlib.sha256(content).hexdigest()
    key = f"manifests/{pinned.run}/{pinned.employer}/{name}-{content_sha256[:12]}.json"
    sha256 = objects.put_once(key, content)
    hours = sum(hours_hundredths(entry, pinned.period_start) for entry in given["employees"])
    return Written(key, sha256, len(given["employees"]), hours)


def _entry(person: Inputs) -> dict[str, Any]:
    """One person as the manifest holds it: what most people do not have is left out."""
    year = {name: value for name, value in person.year_to_date._asdict().items() if value}
    entry = {name: value for name, value in person._asdict().items() if value or name in ALWAYS}
    return entry | {"year_to_date": year}


def hours_hundredths(entry: dict[str, Any], since: date) -> int:
    """The hours of a person's time entries from a day on, less those of the paychecks that are corrected.

    Earlier ones only complete the first workweek.
    """
    paid = sum(int(entry.get("paid", {}).get(name, 0)) for name in paid_so_far.HOURS)
    worked = (Decimal(hours).scaleb(2) for day, hours, *_ in entry["time"] if day >= since.isoformat())
    return int(sum(worked)) - paid


def read(object_key: str, sha256: str) -> dict[str, Any]:
    """A manifest as it was written. Raises objects.ObjectDamaged."""
    manifest: dict[str, Any] = json.loads(objects.get_verified(object_key, sha256))
    return manifest


class Unfinished(NamedTuple):
    """What paychecks of an employer's other runs hold that wait as dead letters.

    holds   employee id to stream, where the year to date of this run needs it
    items   employee id and item id, whatever their run: it pays them when it goes on
    """

    holds: dict[str, str]
    items: frozenset[tuple[str, str]]

    def and_then(self, later: "Unfinished") -> "Unfinished":
        """What was found on either occasion."""
        return Unfinished(self.holds | later.holds, self.items | later.items)


def unfinished(pinned: Pinned) -> Unfinished:
    """The paychecks of this employer's other runs that wait as dead letters.

    Only earlier ones hold: two unfinished paychecks of one person would otherwise wait for each other.
    """
    letters = DeadLetter.objects.filter(
        group_key=pinned.employer, saga="paychecks", state=DeadLetterState.OPEN
    ).exclude(run_key=pinned.run)
    dead = Work.objects.filter(id__in=letters.values("work")).values_list("payload", flat=True)
    manifests: dict[str, dict[str, Any]] = {}
    holds, items = {}, set()
    for payload in dead:
        name = payload["manifest"]
        if name not in manifests:
            manifests[name] = read(name, payload["sha256"])
        earlier = _order(manifests[name]["terms"]) < _order(pinned._asdict())
        for paycheck in frozen.paychecks(manifests[name], numbers(payload)).values():
            employee_id = paycheck.inputs.employee_id
            items |= {(employee_id, item["id"]) for item in paycheck.inputs.items if "id" in item}
            if earlier:
                holds[employee_id] = paycheck.stream
    return Unfinished(holds, frozenset(items))


def _order(terms: dict[str, Any]) -> tuple[str, ...]:
    """The order in which an employer's runs count for the year to date."""
    return tuple(str(terms[name]) for name in ("pay_date", "period_start", "employer_run"))


def unsettled(employer: str, *, but_for: str) -> str:
    """Why the year to date of an employer's people is still moving; empty when it is not.

    but_for   the run that asks: its own paychecks do not count
    """
    held = Q(saga="employerrun", step="snapshot", state=WorkState.LEASED)
    # A paycheck that waits is being computed by a downstream system.
    computing = Q(saga="paychecks", state__in=(WorkState.READY, WorkState.LEASED, WorkState.WAITING))
    if Work.objects.filter(held | computing, group_key=employer).exclude(run_key=but_for).exists():
        return "another run of this employer is being computed, and year to date with it"
    if not projection.catch_up(PAYCHECKS) and projection.behind_on(PAYCHECKS, employer):
        return "the read models have not caught up with this employer's last run"
    return ""


def payable(kind: str, employer: str, start: date, end: date) -> QuerySet[Employee]:
    """Everybody of an employer whom a run of this kind could pay: employed in the period, or with an item in it."""
    if kinds.pays_days(kind):
        return employed([employer], start, end)
    with_items = PayItem.objects.filter(item_date__range=(start, end), employee=OuterRef("pk"))
    return Employee.objects.filter(Exists(with_items), employer=employer)


def employed(employers: Sequence[str], start: date, end: date) -> QuerySet[Employee]:
    """Everybody whom these employers employ on a day of the period."""
    still_there = Q(termination_date=None) | Q(termination_date__gte=start)
    return Employee.objects.filter(still_there, employer__in=employers, hire_date__lte=end)


def _batches(pinned: Pinned) -> Iterator[list[Employee]]:
    """Everybody whom the run could pay, by keyset, so that memory holds one batch."""
    everybody = payable(pinned.kind, pinned.employer, pinned.period_start, pinned.period_end)
    if pinned.corrects:  # whom the roster no longer employs in the period has a difference as well
        everybody = Employee.objects.filter(employer=pinned.employer)
    if pinned.people:
        everybody = everybody.filter(employee_id__in=pinned.people)
    if pinned.without:
        everybody = everybody.exclude(employee_id__in=pinned.without)
    after = ""
    while people := list(
        everybody.filter(employee_id__gt=after).order_by("employee_id")[: settings.PAYROLL_BATCH]
    ):
        yield people
        after = people[-1].employee_id


def _time(people: Sequence[Employee], first: date, last: date) -> dict[int, list[list[Any]]]:
    entries: dict[int, list[list[Any]]] = {}
    rows = TimeEntry.objects.filter(
        employee__in=[person.pk for person in people], work_date__range=(first, last)
    )
    for person, day, hours, kind, rate in rows.order_by("employee", "work_date", "id").values_list(
        "employee", "work_date", "hours", "kind", "rate"
    ):
        entry = [day.isoformat(), str(hours), kind, None if rate is None else str(rate)]
        entries.setdefault(int(person), []).append(entry)
    return entries


class _Given(NamedTuple):
    """What the database holds of a batch of people: by primary key, but for the years."""

    years: dict[str, YearToDate]  # by employee id
    so_far: paid_so_far.PaidSoFar
    items: dict[int, list[dict[str, Any]]]
    deductions: dict[int, list[dict[str, Any]]]
    garnishments: dict[int, list[dict[str, Any]]]
    remittances: dict[int, list[dict[str, Any]]]
    forms: dict[int, dict[str, Any]]
    deposits: dict[int, list[dict[str, Any]]]
    time_from: dict[int, date]
    time: dict[int, list[list[Any]]]
    recoveries: dict[str, list[dict[str, Any]]]  # by employee id
    holds: dict[str, str]  # by employee id

    @classmethod
    def of(
        cls, people: Sequence[Employee], pinned: Pinned, employer: Employer, waiting: "Unfinished"
    ) -> "_Given":
        """Read it, one query each. A run that pays items alone takes nothing that is taken by pay period.

        A correction reads what holds on the day that it corrects, and what was paid and withheld otherwise.
        """
        pks = [person.pk for person in people]
        ids = {person.pk: person.employee_id for person in people}
        as_of, ours = pinned.original_pay_date or pinned.pay_date, (*pinned.corrects, pinned.employer_run)
        items = pay_inputs.pay_items(pks, pinned.period_start, pinned.period_end)
        items = paid_before.unpaid_items(pinned.employer, ours, ids, items, waiting.items)
        orders = pay_inputs.garnishments(pks, as_of)
        paid_before.less_withheld(pinned.employer, ids, orders, but_for=pinned.corrects)
        week = first_entry_day(pinned.period_start, employer.workweek_start)
        # A bonus is spread over the workweeks in which it was earned, so their hours are needed again.
        earned = {
            pk: first_entry_day(min(days), employer.workweek_start)
            for pk, listed in items.items()
            if (days := [date.fromisoformat(item["earned_from"]) for item in listed if item["earned_from"]])
        }
        earlier = {pk: day for pk, day in earned.items() if day < week}
        since = min([week, *earlier.values()])
        pays_days = kinds.pays_days(pinned.computed_as)
        time = _time(people, since, pinned.period_end) if pays_days else {}
        if since < week:
            for pk, entries in time.items():
                first = earlier.get(pk, week).isoformat()
                time[pk] = [entry for entry in entries if entry[0] >= first]
        with_items = [ids[pk] for pk in items]
        owed_back = recoveries.still_owed(pinned.employer, list(ids.values())) if pays_days else {}
        if pinned.corrects:
            so_far = paid_so_far.read(pinned.employer, pinned.corrects, list(ids.values()))
            taxed = paid_before.taxed(pinned.employer, with_items, as_of.year, until=as_of.isoformat())
            year = years.besides(pinned.employer, ours, as_of.year, so_far.known(taxed))
            owed_back = so_far.recoveries(owed_back)
        else:
            so_far = paid_so_far.NOTHING
            taxed = paid_before.taxed(pinned.employer, with_items, as_of.year)
            year = years.before(pinned.employer, list(ids.values()), as_of.year, taxed)
        return cls(
            years=year,
            so_far=so_far,
            items=items,
            deductions=pay_inputs.deductions(pks, as_of) if pays_days else {},
            garnishments=orders,
            remittances=pay_inputs.remittances(list(orders), as_of),
            forms=pay_inputs.tax_forms(pks, as_of),
            deposits=pay_inputs.deposits(pks),
            time_from=earlier if pays_days else {},
            time=time,
            recoveries=owed_back,
            holds=waiting.holds,
        )


def _inputs(person: Employee, given: _Given, pinned: Pinned) -> Inputs:
    time_from = given.time_from.get(person.pk)
    return Inputs(
        employee_id=person.employee_id,
        pay_basis=person.pay_basis,
        pay_rate=str(person.pay_rate),
        standard_weekly_hours=str(person.standard_weekly_hours),
        flsa_exempt=person.flsa_exempt,
        work_state=person.work_state,
        hire_date=person.hire_date.isoformat(),
        termination_date=person.termination_date.isoformat() if person.termination_date else None,
        age_at_year_end=pinned.pay_date.year - person.birth_date.year,
        w4_version=person.w4_version,
        filing_status=person.filing_status,
        step2_checkbox=person.step2_checkbox,
        step3_cents=_cents(person.step3),
        step4a_cents=_cents(person.step4a),
        step4b_cents=_cents(person.step4b),
        step4c_cents=_cents(person.step4c),
        allowances=person.allowances,
        additional_withholding_cents=_cents(person.additional_withholding),
        traditional_bp=percent_to_bp(person.traditional_401k_percent),
        roth_bp=percent_to_bp(person.roth_401k_percent),
        section125_cents=_cents(person.section125_per_period) if kinds.pays_days(pinned.computed_as) else 0,
        time=given.time.get(person.pk, []),
        year_to_date=given.years[person.employee_id],
        pay_to={
            "name": f"{person.first_name} {person.last_name}",
            "routing": person.routing_number,
            "account": person.account_ciphertext,
            "account_type": person.account_type,
        },
        hold=given.holds.get(person.employee_id),
        items=given.items.get(person.pk, []),
        deductions=given.deductions.get(person.pk, []),
        garnishments=given.garnishments.get(person.pk, []),
        forms=given.forms.get(person.pk, {}),
        time_from=time_from.isoformat() if time_from else None,
        deposits=given.deposits.get(person.pk, []),
        remittances=given.remittances.get(person.pk, []),
        paid=given.so_far.paid.get(person.employee_id, {}),
        recoveries=given.recoveries.get(person.employee_id, []),
    )


def _cents(dollars: Decimal) -> int:
    return int(dollars.scaleb(2))


def account_context(pinned: Pinned, employee_id: str, priority: int | None = None) -> str:
    """What a frozen account ciphertext is bound to: that of a deposit by its priority, else the person's own."""
    if priority is not None:
        return deposit_context(pinned.employer, employee_id, priority)
    return Employee(employer_id=pinned.employer, employee_id=employee_id).account_context


def batch_id(employer_run: UUID | str, number: int) -> UUID:
    """The id of a batch's work."""
    return keys.key("batch", employer_run, number)
