"""direct_deposits.csv: how a person's net pay is shared among accounts and paper checks. An optional file.

It replaces the whole list of each person it names. Whoever has no remainder in it has it in the account of
employees.csv; that account may be left empty (all three columns) by whoever has their remainder here, so that
nobody is paid by check because a cell of an export was empty.

employer_id, employee_id    a person in employees.csv
priority                1 to 99, once per person: 1 comes first
kind                    amount, percent, remainder: at most one remainder per person
amount                  dollars per pay date, above zero; for kind amount alone
percent                 of net pay, 0.01 to 100 with two decimals, 100 together at most; for kind percent alone
method                  ach or check
routing_number,         for ach alone, all three: a bank account; what a check is drawn on is the employer's affair
account_number,
account_type            checking or savings
name                    * up to 40 characters: what the person calls it

`payroll.calc.deposits` has the rule by which they share.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from payroll.models.pay import DepositDestination, DepositKind, PaymentMethod
from payroll.models.roster import AccountType, Employee
from payroll.roster import cells
from payroll.roster.columns import EMPLOYEES, Column, EmployeeRow, Rule, Table
from payroll.roster.difference import CHUNK, assign, assign_account, remove, tally
from payroll.roster.files import Read
from payroll.roster.findings import Findings
from payroll.roster.pay_columns import WHOSE, above_zero, optional
from payroll.roster.pay_loading import Primary
from payroll.roster.pay_reading import OF_PERSON
from payroll.roster.references import Person, Unique
from payroll.roster.summary import Counts

LAST_PRIORITY = cells.count(99)
ALL_OF_IT = Decimal(100)
ACCOUNT = ("routing_number", "account_number", "account_type")
STORED = ("kind", "amount", "percent", "method", "routing_number", "account_type", "name")


class DepositRow(NamedTuple):
    """One line of direct_deposits.csv; percents are of 100."""

    line: int
    employer_id: str
    employee_id: str
    priority: int
    kind: str
    amount: Decimal | None
    percent: Decimal | None
    method: str
    routing_number: str
    account_number: str
    account_type: str
    name: str


def priority(text: str) -> int:
    """Place in a person's order, from 1."""
    found = LAST_PRIORITY(text)
    if not found:
        raise cells.Refused("is zero - the first priority is 1")
    return found


def size_of_kind(kind: str) -> Rule:
    """Each kind has its own column, and a remainder has none; both columns are called like their kind."""

    def broken(row: DepositRow) -> str:
        given = getattr(row, kind) is not None
        if given and row.kind != kind:
            return f"is given, and the kind is {row.kind} - leave it empty, or correct the kind"
        if row.kind == kind and not given:
            return f"is empty, and the kind is {kind} - fill it in, or correct the kind"
        return ""

    return Rule((kind, "kind"), broken)


def account_of_method(column: str) -> Rule:
    """A direct deposit needs a bank account, and a check has none."""

    def broken(row: DepositRow) -> str:
        given = bool(getattr(row, column))
        if given and row.method == PaymentMethod.CHECK:
            return "is given, and the method is check - leave it empty, or write ach"
        if row.method == PaymentMethod.ACH and not given:
            return "is empty, and the method is ach - fill it in, or write check"
        return ""

    return Rule((column, "method"), broken)


DIRECT_DEPOSITS = Table(
    "direct_deposits.csv",
    DepositRow,
    (
        *WHOSE,
        Column("priority", priority),
        Column("kind", cells.choice(*DepositKind.values)),
        optional("amount", above_zero),
        optional("percent", cells.amount("0.01", "100", 2, "percent")),
        Column("method", cells.choice(*PaymentMethod.values)),
        Column("routing_number", cells.routing, required=False, default="", secret=True),
        Column("account_number", cells.account, required=False, default="", secret=True),
        Column("account_type", cells.choice(*AccountType.values), required=False, default=""),
        Column("name", cells.words(40), required=False, default="", secret=True),
    ),
    (
        size_of_kind("amount"),
        size_of_kind("percent"),
        *map(account_of_method, ACCOUNT),
    ),
)


def checked(rows: Iterable[Read], findings: Findings) -> Iterator[DepositRow]:
    """Rows of the file; priorities and the remainder once per person, percents of 100 together at most."""
    priorities = Unique(DIRECT_DEPOSITS, "priority", OF_PERSON, findings)
    remainders = Unique(DIRECT_DEPOSITS, "kind", OF_PERSON, findings)
    percents: dict[Person, Decimal] = {}
    for row, bad in rows:
        person = (row.employer_id, row.employee_id)
        if "priority" not in bad:
            priorities.add((person, row.priority), row.line, str(row.priority))
        if row.kind == DepositKind.REMAINDER:
            remainders.add(person, row.line, row.kind)
        if row.kind == DepositKind.PERCENT and row.percent is not None:
            before = percents.get(person, Decimal(0))
            percents[person] = after = before + row.percent
            if before <= ALL_OF_IT < after:
                problem = f"makes {after} percent for this person - lower them to 100 together"
                findings.add(DIRECT_DEPOSITS.file, row.line, "percent", str(row.percent), problem)
        yield row


def accounts_given(people: Iterable[EmployeeRow], rows: Iterable[DepositRow], findings: Findings) -> None:
    """Findings for accounts of employees.csv that are empty although something has to be paid into them."""
    elsewhere = {(row.employer_id, row.employee_id) for row in rows if row.kind == DepositKind.REMAINDER}
    elsewhere_unknown = DIRECT_DEPOSITS.file in findings.unread
    for row in people:
        empty = [name for name in ACCOUNT if getattr(row, name) == ""]
        if len(empty) == len(ACCOUNT) and not elsewhere_unknown:
            if (row.employer_id, row.employee_id) not in elsewhere:
                problem = (
                    "is empty, like the routing number and the account type - fill them in, or give this person "
                    f"a remainder in {DIRECT_DEPOSITS.file}, where method check is a paper check"
                )
                findings.add(EMPLOYEES.file, row.line, "account_number", "", problem)
        elif len(empty) < len(ACCOUNT):
            for name in empty:
                findings.add(EMPLOYEES.file, row.line, name, "", "is empty - fill it in")


def load_direct_deposits(rows: Sequence[DepositRow], people: Primary, counts: Counts) -> None:
    """Make the destinations of everyone in the file the file's.

    What changed is removed and written anew: two rows that exchange the remainder would otherwise have it both.
    """
    if not rows:
        return
    named = {people[row.employer_id, row.employee_id] for row in rows}
    employers = {row.employer_id for row in rows}
    stored = {
        (target.employee_id, target.priority): target
        for target in DepositDestination.objects.filter(employee__employer__in=employers).select_related(
            "employee"
        )
        if target.employee_id in named
    }
    changed, surplus = [], []
    for row in rows:
        person = people[row.employer_id, row.employee_id]
        before = stored.pop((person, row.priority), None)
        target = before or DepositDestination(employee=_employee(person, row), priority=row.priority)
        differs = [assign(target, row, STORED), assign_account(target, row.account_number)]
        if tally(counts, is_new=before is None, differs=any(differs)):
            if before is not None:
                surplus.append(before.pk)
                target.pk = None
            changed.append(target)
    counts.removed = len(stored)
    remove(DepositDestination, [*surplus, *(target.pk for target in stored.values())])
    DepositDestination.objects.bulk_create(changed, batch_size=CHUNK)


def _employee(pk: int, row: DepositRow) -> Employee:
    """As much of a stored person as a new destination needs to know."""
    return Employee(pk=pk, employer_id=row.employer_id, employee_id=row.employee_id)
