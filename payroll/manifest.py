"""The manifest: what a run was given, frozen. One object per batch, its sha256 in the employer run's event.

Nothing of the roster is read after this: later edits go to the next run. An SSN is never in a manifest,
and account numbers are there as ciphertext only.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from events import projection
from events.batches import numbers
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from payroll import frozen, keys, kinds, objects, paid_before, pay_inputs
from payroll.calc.money import percent_to_bp
from payroll.calc.timesheet import first_entry_day
from payroll.domain import Inputs, YearToDate
from payroll.models import Employee, Employer, TimeEntry
from payroll.models import YearToDate as YearToDateRow
from payroll.models.pay import deposit_context
from payroll.projections import PAYCHECKS

SCHEMA = 1
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

    @classmethod
    def of(cls, opened: dict[str, Any]) -> "Pinned":
        """From the data of the event; who is not named in it is not chosen, nor left out."""
        days = {name: date.fromisoformat(opened[name]) for name in ("period_start", "period_end", "pay_date")}
        return cls(**{name: opened[name] for name in cls._fields if name in opened} | days)

    @property
    def terms(self) -> dict[str, str]:
        """What a manifest says of it: for whom it was written is in the manifest itself."""
        given = self._asdict()
        for name in ("people", "without", *(["kind"] if self.kind == kinds.REGULAR else [])):
            del given[name]
        return {name: str(value) for name, value in given.items()}


def write(pinned: Pinned, employer: Employer, holds: dict[str, str]) -> Iterator[Written]:
    """Freeze the inputs of everybody whom the run pays, one object per batch, in order of employee id.

    holds   as `unfinished` told before `unsettled` was asked: a paycheck that is redriven in between is held
    """
    for number, people in enumerate(_batches(pinned), start=1):
        yield _write(pinned, employer, people, holds, name=f"{number:05d}", sequence=1)


def not_everybody(pinned: Pinned, employees: int) -> str:
    """What is wrong with how many people were found to be paid; empty when nothing is."""
    period = f"from {pinned.period_start} to {pinned.period_end}"
    if not kinds.pays_days(pinned.kind):
        unpaid = f"nobody of {pinned.employer} has a pay item {period} that is not paid yet"
        return "" if employees else f"{unpaid}: import the items and redrive, or cancel the run"
    if not employees:
        return (
            f"nobody is employed by {pinned.employer} {period}: "
            "a run with nobody in it is not completed. Import its employees and redrive"
        )
    if pinned.people and employees != len(pinned.people):
        return (
            f"the run is for {len(pinned.people)} people of {pinned.employer}, and {employees} of them are employed "
            f"there {period}: import the others and redrive, or cancel the run"
        )
    return ""


def write_again(
    pinned: Pinned, employer: Employer, holds: dict[str, str], employee_id: str, sequence: int
) -> Written:
    """Freeze one person's inputs again, as the roster has them now; their paycheck gets this sequence.

    raises   Employee.DoesNotExist
    """
    person = Employee.objects.get(employer=employer, employee_id=employee_id)
    name = f"again-{employee_id}-{sequence}"
    return _write(pinned, employer, [person], holds, name=name, sequence=sequence)


def _write(
    pinned: Pinned,
    employer: Employer,
    people: Sequence[Employee],
    holds: dict[str, str],
    *,
    name: str,
    sequence: int,
) -> Written:
    given = _Given.of(people, pinned, employer)
    inputs = [_inputs(person, given, pinned, holds) for person in people]
    content = json.dumps(
        {
            "schema": SCHEMA,
            "terms": {
                **pinned.terms,
                "retirement_plan": employer.retirement_plan,
                "workweek_start": employer.workweek_start,
                "sequence": sequence,
                "employees": Employee.objects.filter(employer=employer).count(),
            },
            "employees": [_entry(person) for person in inputs],
        },
        separators=(",", ":"),
    ).encode()
    # The content is in the name: what a lost worker left behind never collides with a manifest written again.
    content_sha256 = hashlib.sha256(content).hexdigest()
    key = f"manifests/{pinned.run}/{pinned.employer}/{name}-{content_sha256[:12]}.json"
    sha256 = objects.put_once(key, content)
    hours = sum(hours_hundredths(person.time, pinned.period_start) for person in inputs)
    return Written(key, sha256, len(inputs), hours)


def _entry(person: Inputs) -> dict[str, Any]:
    """One person as the manifest holds it: what most people do not have is left out."""
    year = {name: value for name, value in person.year_to_date._asdict().items() if value}
    entry = {name: value for name, value in person._asdict().items() if value or name in ALWAYS}
    return entry | {"year_to_date": year}


def hours_hundredths(time: list[list[Any]], since: date) -> int:
    """The hours of a manifest's time entries from a day on; earlier ones only complete the first workweek."""
    return sum(int(Decimal(hours).scaleb(2)) for day, hours, *_ in time if day >= since.isoformat())


def read(object_key: str, sha256: str) -> dict[str, Any]:
    """A manifest as it was written. Raises objects.ObjectDamaged."""
    manifest: dict[str, Any] = json.loads(objects.get_verified(object_key, sha256))
    return manifest


def unfinished(pinned: Pinned) -> dict[str, str]:
    """People of this employer whose paycheck of an earlier run waits as a dead letter: employee id to stream.

    Only earlier ones hold: two unfinished paychecks of one person would otherwise wait for each other.
    """
    letters = DeadLetter.objects.filter(
        group_key=pinned.employer, saga="paychecks", state=DeadLetterState.OPEN
    ).exclude(run_key=pinned.run)
    dead = Work.objects.filter(id__in=letters.values("work")).values_list("payload", flat=True)
    manifests: dict[str, dict[str, Any]] = {}
    holds = {}
    for payload in dead:
        name = payload["manifest"]
        if name not in manifests:
            manifests[name] = read(name, payload["sha256"])
        if _order(manifests[name]["terms"]) < _order(pinned._asdict()):
            for paycheck in frozen.paychecks(manifests[name], numbers(payload)).values():
                holds[paycheck.inputs.employee_id] = paycheck.stream
    return holds


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


def employed(employers: Sequence[str], start: date, end: date) -> QuerySet[Employee]:
    """Everybody whom these employers employ on a day of the period."""
    still_there = Q(termination_date=None) | Q(termination_date__gte=start)
    return Employee.objects.filter(still_there, employer__in=employers, hire_date__lte=end)


def _batches(pinned: Pinned) -> Iterator[list[Employee]]:
    """Everybody employed on a day of the period whom the run pays, by keyset, so that memory holds one batch."""
    everybody = employed([pinned.employer], pinned.period_start, pinned.period_end)
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


def _years(pinned: Pinned, employee_ids: Sequence[str]) -> dict[tuple[str, int], YearToDateRow]:
    year = pinned.pay_date.year
    rows = YearToDateRow.objects.filter(
        employer=pinned.employer, employee_id__in=employee_ids, year__in=(year - 1, year)
    )
    return {(row.employee_id, row.year): row for row in rows}


class _Given(NamedTuple):
    """What the database holds of a batch of people: by primary key, but for the years."""

    years: dict[tuple[str, int], YearToDateRow]
    items: dict[int, list[dict[str, Any]]]
    deductions: dict[int, list[dict[str, Any]]]
    garnishments: dict[int, list[dict[str, Any]]]
    forms: dict[int, dict[str, Any]]
    deposits: dict[int, list[dict[str, Any]]]
    time_from: dict[int, date]
    time: dict[int, list[list[Any]]]
    taxed_before: set[str]

    @classmethod
    def of(cls, people: Sequence[Employee], pinned: Pinned, employer: Employer) -> "_Given":
        """Read it, one query each."""
        pks = [person.pk for person in people]
        items = pay_inputs.pay_items(pks, pinned.period_start, pinned.period_end)
        orders = pay_inputs.garnishments(pks, pinned.pay_date)
        ids = {person.pk: person.employee_id for person in people}
        paid_before.less_withheld(pinned.employer, ids, orders)
        week = first_entry_day(pinned.period_start, employer.workweek_start)
        # A bonus is spread over the workweeks in which it was earned, so their hours are needed again.
        earned = {
            pk: first_entry_day(min(days), employer.workweek_start)
            for pk, listed in items.items()
            if (days := [date.fromisoformat(item["earned_from"]) for item in listed if item["earned_from"]])
        }
        earlier = {pk: day for pk, day in earned.items() if day < week}
        since = min([week, *earlier.values()])
        time = _time(people, since, pinned.period_end)
        if since < week:
            for pk, entries in time.items():
                first = earlier.get(pk, week).isoformat()
                time[pk] = [entry for entry in entries if entry[0] >= first]
        return cls(
            years=_years(pinned, [person.employee_id for person in people]),
            items=items,
            deductions=pay_inputs.deductions(pks, pinned.pay_date),
            garnishments=orders,
            forms=pay_inputs.tax_forms(pks, pinned.pay_date),
            deposits=pay_inputs.deposits(pks),
            time_from=earlier,
            time=time,
            taxed_before=paid_before.taxed(pinned.employer, [ids[pk] for pk in items], pinned.pay_date.year),
        )


def _inputs(person: Employee, given: _Given, pinned: Pinned, holds: dict[str, str]) -> Inputs:
    year = pinned.pay_date.year
    this, before = (given.years.get((person.employee_id, when)) for when in (year, year - 1))
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
        age_at_year_end=year - person.birth_date.year,
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
        section125_cents=_cents(person.section125_per_period),
        time=given.time.get(person.pk, []),
        year_to_date=YearToDate(
            fica_wages_cents=this.fica_wages_cents if this else 0,
            social_security_cents=this.social_security_cents if this else 0,
            medicare_cents=this.medicare_cents if this else 0,
            deferrals_cents=this.deferrals_cents if this else 0,
            eligible_comp_cents=this.gross_cents if this else 0,
            prior_year_ss_wages_cents=before.ss_taxable_cents if before else 0,
            supplemental_cents=this.supplemental_cents if this else 0,
            hsa_cents=this.hsa_cents if this else 0,
            dependent_care_cents=this.dependent_care_cents if this else 0,
            annual_additions_cents=this.deferrals_cents - this.catch_up_cents + this.match_cents
            if this
            else 0,
            programme_wages_cents=this.programme_wages_cents if this else {},
            income_tax_withheld=person.employee_id in given.taxed_before,
        ),
        pay_to={
            "name": f"{person.first_name} {person.last_name}",
            "routing": person.routing_number,
            "account": person.account_ciphertext,
            "account_type": person.account_type,
        },
        hold=holds.get(person.employee_id),
        items=given.items.get(person.pk, []),
        deductions=given.deductions.get(person.pk, []),
        garnishments=given.garnishments.get(person.pk, []),
        forms=given.forms.get(person.pk, {}),
        time_from=time_from.isoformat() if time_from else None,
        deposits=given.deposits.get(person.pk, []),
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
