"""What a run freezes of a person's pay items, deductions, orders, tax forms and deposits, beside rate, hours and W-4.

Each function asks once for a whole batch. Whoever has none of these is not in the answer. Everything in it goes
into JSON as it is: cents, hundredths of a percent (bp), millionths (ppm), ISO dates.
"""

import hashlib
from collections import Counter
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q

from payroll.calc.money import percent_to_bp
from payroll.models import Deduction, DepositDestination, Employer, Garnishment, PayItem, TaxForm

Entry = dict[str, Any]
PPM_PER_PERCENT = 10_000
ITEM_ID = 16  # hexadecimal digits, among the items of one person


def funding(employer: Employer) -> Entry:
    """What of an employer's account a manifest's terms hold: {"funding": {"way", "routing", "account"}}, or nothing.

    way   as models.Funding has it; the account is ciphertext
    """
    frozen = {"way": employer.funding, "routing": employer.routing_number}
    return {"funding": frozen | {"account": employer.account_ciphertext}} if employer.funding else {}


def pay_items(employee_pks: Collection[int], first: date, last: date) -> dict[int, list[Entry]]:
    """The pay items dated from the first to the last day, in order of day, by the person's primary key.

    item   {"id", "kind", "cents", "date", "earned_from", "earned_to", "reference"}
    """
    found: dict[int, list[Entry]] = {}
    alike: Counter[tuple[int, str]] = Counter()
    rows = PayItem.objects.filter(employee__in=employee_pks, item_date__range=(first, last))
    for row in rows.order_by("item_date", "id"):
        item = {
            "kind": row.kind,
            "cents": _cents(row.amount),
            "date": row.item_date.isoformat(),
            "earned_from": _iso(row.earned_from),
            "earned_to": _iso(row.earned_to),
            "reference": row.reference,
        }
        same = row.employee_id, str(list(item.values()))
        alike[same] += 1
        item["id"] = item_id(item, alike[same])
        found.setdefault(row.employee_id, []).append(item)
    return found


def item_id(item: Entry, number: int) -> str:
    """What tells an item of a person from others: what it says, and which of those that say the same it is.

    Not the key of its row: an item that a file leaves out, and later brings again, is the same.
    """
    said = "|".join(map(str, [*item.values(), number]))
    return hashlib.sha256(said.encode()).hexdigest()[:ITEM_ID]


def deductions(employee_pks: Collection[int], pay_date: date) -> dict[int, list[Entry]]:
    """The deductions that are active on the pay date, in order of name, by the person's primary key.

    deduction   {"kind", "name", "cents", "since"}: the first pay date
    """
    found: dict[int, list[Entry]] = {}
    rows = Deduction.objects.filter(_not_ended(pay_date), employee__in=employee_pks, start_date__lte=pay_date)
    # Sorted here: the database's order of words depends on its locale.
    for row in sorted(rows.order_by(), key=lambda row: row.name):
        entry = {"kind": row.kind, "name": row.name, "cents": _cents(row.amount)}
        entry["since"] = row.start_date.isoformat()
        found.setdefault(row.employee_id, []).append(entry)
    return found


def garnishments(employee_pks: Collection[int], pay_date: date) -> dict[int, list[Entry]]:
    """The orders that are active on the pay date, in order of receipt and id, by the person's primary key.

    order   {"id", "kind", "cents", "percent_bp", "balance_cents", "received", "supports_other_family",
            "arrears_over_12_weeks", "filing_status", "dependents", "exempt_cents", "minimum_wage_cents"}; None for
            what the order does not say
    """
    found: dict[int, list[Entry]] = {}
    rows = Garnishment.objects.filter(
        _not_ended(pay_date), employee__in=employee_pks, received_date__lte=pay_date
    )
    for row in sorted(rows.order_by(), key=lambda row: (row.received_date, row.order_id)):
        found.setdefault(row.employee_id, []).append(
            {
                "id": row.order_id,
                "kind": row.kind,
                "cents": _cents(row.amount),
                "percent_bp": None if row.percent is None else percent_to_bp(row.percent),
                "balance_cents": _cents(row.balance),
                "received": row.received_date.isoformat(),
                "supports_other_family": row.supports_other_family,
                "arrears_over_12_weeks": row.arrears_over_12_weeks,
                "filing_status": row.filing_status or None,
                "dependents": row.dependents,
                "exempt_cents": _cents(row.exempt),
                "minimum_wage_cents": _cents(row.minimum_wage),
            }
        )
    return found


def remittances(employee_pks: Collection[int], pay_date: date) -> dict[int, list[Entry]]:
    """Where the orders of `garnishments` are remitted to, of those that say so, by the person's primary key.

    remittance   {"order", "case_id", "fips", "medical", "payee", "routing", "account", "ssn", "surname", "first_name"};
                 account and ssn as ciphertext
    """
    found: dict[int, list[Entry]] = {}
    rows = Garnishment.objects.filter(
        _not_ended(pay_date), employee__in=employee_pks, received_date__lte=pay_date
    ).exclude(account_ciphertext="")
    for row in sorted(rows.order_by().select_related("employee"), key=lambda row: row.order_id):
        found.setdefault(row.employee_id, []).append(
            {
                "order": row.order_id,
                "case_id": row.case_id,
                "fips": row.fips_code,
                "medical": row.medical_support,
                "payee": row.payee_name,
                "routing": row.payee_routing_number,
                "account": row.account_ciphertext,
                "ssn": row.employee.ssn_ciphertext,
                "surname": row.employee.last_name,
                "first_name": row.employee.first_name,
            }
        )
    return found


def tax_forms(employee_pks: Collection[int], pay_date: date) -> dict[int, Entry]:
    """The further tax forms by the person's primary key.

    form   {"w4_exempt", "nonresident": None, "table1" or "table2", "lock_in", "state"}; "lock_in" is None
           unless a letter holds on the pay date; "state" has only what the person gave
    """
    rows = TaxForm.objects.filter(employee__in=employee_pks)
    return {
        row.pk: {
            "w4_exempt": row.w4_exempt,
            "nonresident": row.nonresident_alien or None,
            "lock_in": _lock_in(row, pay_date),
            "state": _state(row),
        }
        for row in rows
    }


def deposits(employee_pks: Collection[int]) -> dict[int, list[Entry]]:
    """Where their net pay goes beside, or instead of, the account of their record, by the person's primary key.

    deposit   {"priority", "kind", "cents" or "bp", "method"}, and for "ach" {"routing", "account", "account_type"},
              the account as ciphertext; by priority
    """
    found: dict[int, list[Entry]] = {}
    for row in DepositDestination.objects.filter(employee__in=employee_pks).order_by("priority"):
        entry: Entry = {"priority": row.priority, "kind": row.kind, "method": row.method}
        if row.amount is not None:
            entry["cents"] = _cents(row.amount)
        if row.percent is not None:
            entry["bp"] = percent_to_bp(row.percent)
        if row.account_ciphertext:
            entry["routing"], entry["account"] = row.routing_number, row.account_ciphertext
            entry["account_type"] = row.account_type
        found.setdefault(row.employee_id, []).append(entry)
    return found


def _lock_in(row: TaxForm, pay_date: date) -> Entry | None:
    """What a letter fixes, from its date on."""
    if row.lock_in_since is None or row.lock_in_since > pay_date:
        return None
    return {
        "filing_status": row.lock_in_filing_status,
        "step2_checkbox": row.lock_in_step2_checkbox,
        "step3_cents": _cents(row.lock_in_step3),
        "step4a_cents": _cents(row.lock_in_step4a),
        "step4b_cents": _cents(row.lock_in_step4b),
        "step4c_cents": _cents(row.lock_in_step4c),
    }


def _state(row: TaxForm) -> Entry:
    """What the state's form says, without what was not given."""
    elected = row.state_elected_rate_percent
    entries = {
        "filing_status": row.state_filing_status or None,
        "allowances": row.state_allowances,
        "further_allowances": row.state_further_allowances,
        "additional_cents": _cents(row.state_additional_withholding),
        "exempt": row.state_exempt,
        "elected_rate_ppm": None if elected is None else int(elected * PPM_PER_PERCENT),
        "deduction_cents": _cents(row.state_deduction),
        "estimated_deduction_allowances": row.state_estimated_deduction_allowances,
    }
    return {name: value for name, value in entries.items() if value is not None}


def _not_ended(pay_date: date) -> Q:
    return Q(end_date=None) | Q(end_date__gte=pay_date)


def _cents(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars.scaleb(2))


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
