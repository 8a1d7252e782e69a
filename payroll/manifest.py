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
from django.db import connection
from django.db.models import Q, QuerySet

from events import projection
from events.batches import numbers
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from payroll import frozen, keys, objects, pay_inputs
from payroll.calc.money import percent_to_bp
from payroll.calc.timesheet import first_entry_day
from payroll.domain import Inputs, YearToDate
from payroll.models import Employee, Employer, TimeEntry
from payroll.models import YearToDate as YearToDateRow
from payroll.models.pay import deposit_context
from payroll.projections import PAYCHECKS, statement

SCHEMA = 1
ALWAYS = tuple(name for name in Inputs._fields if name not in Inputs._field_defaults)
WITHHELD_BEFORE = statement("withheld_before")
TAXED_BEFORE = statement("taxed_before")


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

    @classmethod
    def of(cls, opened: dict[str, Any]) -> "Pinned":
        """From the data of the event."""
        days = {name: date.fromisoformat(opened[name]) for name in ("period_start", "period_end", "pay_date")}
        return cls(**{name: days.get(name, opened[name]) for name in cls._fields})


def write(pinned: Pinned, employer: Employer, holds: dict[str, str]) -> Iterator[Written]:
    """Freeze the inputs of everybody employed in the period, one object per batch, in order of employee id.

    holds   as `unfinished` told before `unsettled` was asked: a paycheck that is redriven in between is held
    """
    for number, people in enumerate(_batches(pinned), start=1):
        yield _write(pinned, employer, people, holds, name=f"{number:05d}", sequence=1)


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
                **{name: str(value) for name, value in pinned._asdict().items()},
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
    """Everybody employed on a day of the period, by keyset, so that memory holds one batch."""
    everybody = employed([pinned.employer], pinned.period_start, pinned.period_end)
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
        _less_withheld_before(people, pinned, orders)
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
            taxed_before=_taxed_before(
                [person.employee_id for person in people if person.pk in items], pinned
            ),
        )


def _less_withheld_before(
    people: Sequence[Employee], pinned: Pinned, orders: dict[int, list[dict[str, Any]]]
) -> None:
    """Lower the balance of every order by what earlier paychecks withheld for it."""
    limited = {
        person.employee_id: orders[person.pk]
        for person in people
        if any(order["balance_cents"] is not None for order in orders.get(person.pk, ()))
    }
    if not limited:
        return
    with connection.cursor() as cursor:
        cursor.execute(WITHHELD_BEFORE, {"employer": pinned.employer, "people": list(limited)})
        withheld = {(employee, order): cents for employee, order, cents in cursor.fetchall()}
    for employee_id, listed in limited.items():
        for order in listed:
            if order["balance_cents"] is not None:
                before = withheld.get((employee_id, order["id"]), 0)
                order["balance_cents"] = max(0, order["balance_cents"] - before)


def _taxed_before(employee_ids: Sequence[str], pinned: Pinned) -> set[str]:
    """Who had income tax withheld from regular wages this year or last: asked of those with pay items alone."""
    if not employee_ids:
        return set()
    year = pinned.pay_date.year
    asked: dict[str, Any] = {
        "employer": pinned.employer,
        "people": list(employee_ids),
        "since": f"{year - 1}-01-01",
        "until": f"{year + 1}-01-01",
    }
    with connection.cursor() as cursor:
        cursor.execute(TAXED_BEFORE, asked)
        return {employee_id for (employee_id,) in cursor.fetchall()}


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
