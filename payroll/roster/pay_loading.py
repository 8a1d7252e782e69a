"""The optional files -> the database. Each is the truth for everybody in it; everybody else is left alone.

Pay items replace those of a person between their first and their last day in the file, deductions and orders
the whole list, tax forms the one row.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import models

from payroll.late.touched import Touched
from payroll.models.pay import Deduction, Garnishment, PayItem, TaxForm
from payroll.models.roster import Employee
from payroll.roster import payees
from payroll.roster.difference import CHUNK, assign, assign_account, remove, store, tally
from payroll.roster.pay_columns import (
    DeductionRow,
    GarnishmentRow,
    PayItemRow,
    PayRow,
    TaxFormRow,
)
from payroll.roster.references import Person
from payroll.roster.summary import Counts

NOT_STORED = {"line", "employer_id", "employee_id"}
ITEM = tuple(name for name in PayItemRow._fields if name not in NOT_STORED)

Primary = Mapping[Person, int]


def load_pay_items(rows: Sequence[PayItemRow], people: Primary, counts: Counts, touched: Touched) -> None:
    """Write what differs; an item that is stored in the same words keeps its row.

    people    primary keys of everyone the rows name
    touched   takes the days on which somebody's items change
    """
    if not rows:
        return
    wanted: dict[int, Counter[tuple[Any, ...]]] = {}
    days: dict[int, list[date]] = {}
    for row in rows:
        person = people[row.employer_id, row.employee_id]
        wanted.setdefault(person, Counter())[tuple(getattr(row, name) for name in ITEM)] += 1
        days.setdefault(person, []).append(row.item_date)
    surplus = []
    stored = PayItem.objects.filter(employee__employer__in={row.employer_id for row in rows})
    for key, person, *item in stored.order_by("pk").values_list("pk", "employee_id", *ITEM):
        missing = wanted.get(person, Counter())
        if missing[tuple(item)]:
            missing[tuple(item)] -= 1
            counts.unchanged += 1
        elif person in days and min(days[person]) <= item[0] <= max(days[person]):
            surplus.append(key)
            touched.days[person].add(item[0])
    new = [
        PayItem(employee_id=person, **dict(zip(ITEM, item, strict=True)))
        for person, missing in wanted.items()
        for item in missing.elements()
    ]
    for each in new:
        touched.days[each.employee_id].add(each.item_date)
    remove(PayItem, surplus)
    PayItem.objects.bulk_create(new, batch_size=CHUNK)
    counts.created, counts.removed = len(new), len(surplus)


def load_deductions(rows: Sequence[DeductionRow], people: Primary, counts: Counts, touched: Touched) -> None:
    """Make the deductions of everyone in the file the file's."""
    load_list(Deduction, "name", rows, people, counts, touched=touched)


def load_garnishments(
    rows: Sequence[GarnishmentRow], people: Primary, counts: Counts, touched: Touched
) -> None:
    """Make the orders of everyone in the file the file's."""
    load_list(Garnishment, "order_id", rows, people, counts, touched=touched, account=payees.ACCOUNT)


def load_tax_forms(rows: Sequence[TaxFormRow], people: Primary, counts: Counts, touched: Touched) -> None:
    """Make the forms of everyone in the file the file's."""
    load_list(TaxForm, "", rows, people, counts, touched=touched)


def load_list(
    model: type[models.Model],
    key: str,
    rows: Sequence[PayRow],
    people: Primary,
    counts: Counts,
    *,
    touched: Touched,
    account: str = "",
) -> None:
    """Write new and changed rows, and remove what the file leaves out of a person's list.

    key       the field that tells the rows of one person apart; "" where a person has one row
    touched   takes whose list changes
    account   the column of an account number, which is stored as ciphertext; "" where there is none
    """
    if not rows:
        return
    named = {people[row.employer_id, row.employee_id] for row in rows}
    employers = {row.employer_id for row in rows}
    stored = {
        (target.employee_id, getattr(target, key, "")): target  # type: ignore[attr-defined]
        for target in model._default_manager.filter(employee__employer__in=employers)
        if target.employee_id in named  # type: ignore[attr-defined]
    }
    fields = [name for name in rows[0]._fields if name not in {*NOT_STORED, account}]
    changed = []
    for row in rows:
        person = people[row.employer_id, row.employee_id]
        before = stored.pop((person, getattr(row, key, "")), None)
        target = before or model(employee_id=person)
        differs = [assign(target, row, fields)]
        if isinstance(target, Garnishment):
            target.employee = Employee(
                pk=person, employer_id=row.employer_id, employee_id=row.employee_id
            )  # as much of them as the account is bound to
            differs.append(assign_account(target, getattr(row, account)))
        if tally(counts, is_new=before is None, differs=any(differs)):
            changed.append(target)
            touched.standing.add(person)
    touched.standing.update(person for person, _ in stored)
    surplus = [int(target.pk) for target in stored.values()]
    remove(model, surplus)
    unique = ["employee", key] if key else ["employee"]
    sealed = ["account_ciphertext", "account_last4"] if account else []
    store(changed, key=unique, fields=[*(name for name in fields if name != key), *sealed])
    counts.removed = len(surplus)
