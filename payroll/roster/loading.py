"""A checked roster -> the database: only the difference is written, in one transaction.

The same folder twice writes nothing: SSNs are compared by blind index and account numbers after decryption,
since a ciphertext is another one each time.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path

from django.db import connection, transaction

from events import store as log
from events.store import NewEvent
from payroll import crypto
from payroll.late.touched import Touched, note
from payroll.models.roster import Employee, Employer
from payroll.roster.calendars import load_calendars
from payroll.roster.columns import EMPLOYEES, EMPLOYERS, EmployeeRow, EmployerRow
from payroll.roster.deposits import load_direct_deposits
from payroll.roster.difference import assign, assign_account, store, tally
from payroll.roster.findings import Findings, RosterRefused, shown
from payroll.roster.pay_loading import load_deductions, load_garnishments, load_pay_items, load_tax_forms
from payroll.roster.reading import Roster, read
from payroll.roster.references import Person
from payroll.roster.summary import ImportSummary
from payroll.roster.timesheet import load_time_entries

ROSTER_STREAM = "roster"
# Readers pass it; a pay run that is being opened waits, because it locks employers in another order than we write them.
ONE_IMPORT_AT_A_TIME = "lock table payroll_employer in exclusive mode"
# Between its statements an import encrypts what a whole file holds: longer than a worker may think in a transaction.
TIME_TO_ENCRYPT = "set local idle_in_transaction_session_timeout = '10min'"
EMPLOYER_PLAIN = ("name", "ein", "state", "pay_frequency", "retirement_plan", "routing_number", "funding")
EMPLOYER_STORED = (*EMPLOYER_PLAIN, "account_ciphertext", "account_last4")
NOT_PLAIN = {"line", "employer_id", "employee_id", "ssn", "account_number"}
EMPLOYEE_PLAIN = tuple(name for name in EmployeeRow._fields if name not in NOT_PLAIN)
EMPLOYEE_STORED = (
    *EMPLOYEE_PLAIN,
    *("ssn_ciphertext", "ssn_last4", "ssn_index", "account_ciphertext", "account_last4"),
)

Say = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody watches."""


def import_folder(folder: Path, *, dry_run: bool, as_of: date, say: Say = silent) -> ImportSummary:
    """Read a folder, and make the stored roster agree with it, all or nothing.

    dry_run   do everything, then roll back: the summary says what would change
    as_of     a new employer's schedule begins with the pay period that contains this day
    say       is told about progress, one line at a time
    raises    RosterRefused with every finding; nothing is stored then
    """
    roster, findings = read(folder)
    if findings.total:
        raise RosterRefused(findings)
    say(f"read and checked: {counted(roster)}")
    with transaction.atomic(durable=True):
        summary = load(roster, as_of=as_of, say=say)
        transaction.set_rollback(dry_run)
    summary.dry_run = dry_run
    summary.warnings = [str(warning) for warning in findings.warnings]
    return summary


def counted(roster: Roster) -> str:
    """How many rows of each file were read; files without a row are not named, but the first three are."""
    kinds = [(name, len(rows)) for name, rows in roster._asdict().items()]
    named = kinds[:3] + [(name, rows) for name, rows in kinds[3:] if rows]
    return ", ".join(f"{rows:,} {name.replace('_', ' ')}" for name, rows in named)


def load(roster: Roster, *, as_of: date, say: Say = silent) -> ImportSummary:
    """Write the difference between a checked roster and what is stored; the caller owns the transaction.

    raises   RosterRefused where an EIN or SSN belongs to someone stored who is not in the files
    """
    with connection.cursor() as cursor:
        cursor.execute(TIME_TO_ENCRYPT)
        cursor.execute(ONE_IMPORT_AT_A_TIME)
    summary = ImportSummary()
    findings = Findings()
    touched = Touched()
    employers = load_employers(roster.employers, summary, findings)
    people = load_employees(roster.employees, summary, findings, touched)
    if findings.total:
        raise RosterRefused(findings)
    say(f"employers stored: {summary.employers}")
    load_calendars(roster.employers, as_of, summary)
    say(f"employees stored: {summary.employees}")
    load_time_entries(roster.time_entries, people, summary, touched)
    say(f"time entries stored: {summary.time_entries}")
    load_pay_items(roster.pay_items, people, summary.pay_items, touched)
    load_deductions(roster.deductions, people, summary.deductions, touched)
    load_garnishments(roster.garnishments, people, summary.garnishments, touched)
    load_tax_forms(roster.tax_forms, people, summary.tax_forms, touched)
    load_direct_deposits(roster.direct_deposits, people, summary.direct_deposits)
    summary.employers_not_in_files = Employer.objects.count() - len(employers)
    summary.employees_not_in_files = Employee.objects.count() - len(people)
    summary.paychecks_touched = note(touched, sorted(employers))
    record(summary)
    return summary


def record(summary: ImportSummary) -> None:
    """Put on record that the roster changed, and by how much; the same folder again is no event."""
    if summary.changed:
        counts = {kind: asdict(counts) for kind, counts in summary.kinds().items()}
        log.append([NewEvent(ROSTER_STREAM, log.version(ROSTER_STREAM) + 1, "RosterImported", counts)])


def load_employers(rows: Iterable[EmployerRow], summary: ImportSummary, findings: Findings) -> set[str]:
    """Write new and changed employers; the ids in the file come back."""
    by_id = {row.employer_id: row for row in rows}
    stored = Employer.objects.in_bulk(list(by_id))
    eins = [row.ein for row in by_id.values()]
    others = Employer.objects.filter(ein__in=eins).exclude(pk__in=list(by_id))
    owner_of = dict(others.values_list("ein", "id"))
    changed = []
    for row in by_id.values():
        if row.ein in owner_of:
            problem = f"is the EIN of {owner_of[row.ein]}, who is not in these files - correct one of the two"
            findings.add(EMPLOYERS.file, row.line, "ein", shown(row.ein), problem)
        employer = stored.get(row.employer_id)
        target = employer or Employer(id=row.employer_id)
        differs = [assign(target, row, EMPLOYER_PLAIN), assign_account(target, row.account_number)]
        if tally(summary.employers, is_new=employer is None, differs=any(differs)):
            changed.append(target)
    if not findings.total:
        store(changed, key=["id"], fields=EMPLOYER_STORED)
    return set(by_id)


def load_employees(
    rows: Iterable[EmployeeRow], summary: ImportSummary, findings: Findings, touched: Touched
) -> dict[Person, int]:
    """Write new and changed people; the primary keys of everyone in the file come back."""
    by_person = {(row.employer_id, row.employee_id): row for row in rows}
    employers = {employer_id for employer_id, _ in by_person}
    stored = {
        (employee.employer_id, employee.employee_id): employee
        for employee in Employee.objects.filter(employer__in=employers)
    }
    owner_of = {
        (person[0], employee.ssn_index): person[1]
        for person, employee in stored.items()
        if person not in by_person
    }
    targets, changed = {}, []
    for person, row in by_person.items():
        employee = stored.get(person)
        target = employee or Employee(employer_id=row.employer_id, employee_id=row.employee_id)
        differs = [
            assign(target, row, EMPLOYEE_PLAIN),
            assign_ssn(target, row.ssn),
            assign_account(target, row.account_number),
        ]
        if owner := owner_of.get((row.employer_id, target.ssn_index)):
            problem = f"is the SSN of {owner}, who is not in these files - did the employee ID change?"
            findings.add(EMPLOYEES.file, row.line, "ssn", shown(row.ssn, secret=True), problem)
        if tally(summary.employees, is_new=employee is None, differs=any(differs)):
            changed.append(target)
        if employee and differs[0]:
            touched.standing.add(employee.pk)
        targets[person] = target
    if not findings.total:
        store(changed, key=["employer", "employee_id"], fields=EMPLOYEE_STORED)
    return {person: target.pk for person, target in targets.items()}


def assign_ssn(target: Employee, ssn: str) -> bool:
    """Store an SSN unless it is already there; whether it differed."""
    index = ssn_index(target.employer_id, ssn)
    if target.ssn_index == index:
        return False
    target.ssn_ciphertext = crypto.encrypt(ssn, target.ssn_context)
    target.ssn_last4 = ssn[-4:]
    target.ssn_index = index
    return True


def ssn_index(employer_id: str, ssn: str) -> str:
    """Blind index of an SSN within one employer: rows of two employers cannot be joined by it."""
    return crypto.blind_index(ssn, crypto.context("employee", "ssn", employer_id))
