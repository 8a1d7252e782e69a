"""Every kind of paycheck that the steps can make is accrued leg by leg, and its legs sum to zero.

Each kind is an employer of its own with one person, so that its transaction is that paycheck. What must stand on each
account is added up here from the facts, by the meaning that payroll/domain.py gives them; two are worked out by hand.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from payroll.ledger.accounts import Kind, account
from payroll.ledger.balance import TrialBalance
from payroll.models import LedgerTransaction
from tests.saga import pay_inputs, paydays
from tests.saga.paydays import Row, employer, hourly, salaried, worked
from tests.saga.roster_files import (
    DEDUCTIONS,
    GARNISHMENTS,
    LEVY,
    PAY_ITEMS,
    SUPPORT,
    TAX_FORMS,
    deduction,
    garnishment,
    pay_item,
    tax_form,
)

pytestmark = pytest.mark.usefixtures("db")

STATES = ("CA", "CO", "IL", "MA", "NJ", "NY", "PA", "TX", "WA")
DAY = "2026-11-05"


def someone(kind: str, **other: str) -> Row:
    """2,400.00 every two weeks."""
    return salaried(kind, "ann", "62400.00", **other)


def roster() -> tuple[list[Row], list[Row], list[Row], dict[str, list[Row]]]:
    """An employer for each kind of paycheck; named by the kind."""
    people = [
        someone("plain"),
        hourly("hours", "ann", "20.00"),
        hourly("idle", "ann", "20.00"),
        someone("roth", roth_401k_percent="5"),
        someone("both", traditional_401k_percent="6", roth_401k_percent="3", section125_per_period="85.00"),
        salaried("capped", "ann", "9000000.00", traditional_401k_percent="50", birth_date="1960-01-01"),
        *(someone(kind) for kind in ("items", "care", "orders", "levied", "dues", "short", "extra")),
        someone("matched", traditional_401k_percent="4", roth_401k_percent="2"),
        *(someone(f"in{state}", work_state=state) for state in STATES),
    ]
    more = {
        PAY_ITEMS: [
            pay_item("items", "ann", DAY, "33.10", kind="reimbursement"),
            pay_item("items", "ann", DAY, "1000.00", kind="discretionary_bonus"),
            pay_item("items", "ann", DAY, "250.50", kind="commission"),
        ],
        DEDUCTIONS: [
            deduction("care", "ann", "Care", "150.00", kind="dependent_care"),
            deduction("care", "ann", "HSA", "100.00", kind="hsa_self"),
            deduction("dues", "ann", "Union dues", "12.50"),
            deduction("dues", "ann", "Parking/garage", "40.01"),
            deduction("short", "ann", "Loan", "5000.00"),
        ],
        GARNISHMENTS: [
            garnishment("orders", "ann", "C-1"),
            garnishment("orders", "ann", "C-2", amount="50.00"),
            garnishment("orders", "ann", "S-1", amount="300.00", **SUPPORT),
            garnishment("levied", "ann", "L-1", **LEVY),
        ],
        TAX_FORMS: [tax_form("extra", "ann", w4_exempt="true")],
    }
    kinds = [row["employer_id"] for row in people]
    plans = {"matched": {"retirement_plan": "half_of_6"}}
    employers = [employer(kind, **plans.get(kind, {})) for kind in kinds]
    return employers, people, worked("hours", "ann", dict.fromkeys(range(2, 7), "10.00")), more


def wanted(facts: dict[str, Any]) -> Counter[str]:
    """What a paycheck comes to by account, in signed cents."""
    cents: Counter[str] = Counter()
    cents["wages_expense"] += facts["gross_cents"]
    cents["reimbursements"] += facts["reimbursement_cents"]
    for tax in ("social_security", "medicare"):
        cents[tax] -= facts[f"{tax}_cents"] + facts[f"employer_{tax}_cents"]
        cents["employer_tax_expense"] += facts[f"employer_{tax}_cents"]
    cents["medicare"] -= facts["additional_medicare_cents"]
    cents["federal_income_tax"] -= facts["federal_income_tax_cents"]
    cents["futa"] -= facts["employer_futa_cents"]
    cents["employer_tax_expense"] += facts["employer_futa_cents"]
    cents[f"state_income_tax/{facts['state']}"] -= facts["state_income_tax_cents"]
    for name, employee_cents, employer_cents, _ in facts["programmes"]:
        cents[f"programme/{name}"] -= employee_cents + employer_cents
        cents["employer_tax_expense"] += employer_cents
    cents["section125"] -= facts["section125_cents"]
    cents["hsa"] -= facts["hsa_cents"]
    cents["401k"] -= facts["traditional_401k_cents"] + facts["roth_401k_cents"]
    for _, kind, withheld_cents, _, _ in facts["garnishments"]:
        cents[f"garnishment/{kind}"] -= withheld_cents
    for name, taken_cents, _ in facts["post_tax"]:
        cents[f"post_tax/{name}"] -= taken_cents
    cents["contribution_expense"] += facts["match_cents"]
    cents["contribution/match"] -= facts["match_cents"]
    cents["wages_payable"] -= facts["net_cents"]
    return Counter({name: each for name, each in cents.items() if each})


def accrued(kind: str) -> dict[str, int]:
    """The legs of an employer's instruction."""
    found = LedgerTransaction.objects.filter(event="PaymentsInstructed", employer=kind).first()
    return {leg.account: leg.amount_cents for leg in found.legs.all()} if found else {}


def test_every_kind_of_paycheck_is_accrued_to_the_cent(tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    employers, people, time, more = roster()
    pay_inputs.load(tmp_path, employers, people, time, more=more)
    run = paydays.pay()
    assert paydays.letters() == []
    seen: set[str] = set()
    for row in employers:
        kind = row["employer_id"]
        legs = accrued(kind)
        assert legs == wanted(paydays.facts(kind, "ann")), kind
        assert sum(legs.values()) == 0, kind
        assert all((account(name).kind == Kind.EXPENSE) == (cents > 0) for name, cents in legs.items()), kind
        seen |= legs.keys()
    assert {name.partition("/")[0] for name in seen} == {
        *("wages_expense", "reimbursements", "employer_tax_expense", "contribution_expense", "wages_payable"),
        *("federal_income_tax", "social_security", "medicare", "futa", "state_income_tax", "programme"),
        *("section125", "hsa", "401k", "contribution", "garnishment", "post_tax"),
    }, "every account of an accrual was posted by some kind"
    assert {"garnishment/support", "garnishment/creditor", "garnishment/federal_levy"} <= seen
    assert {"post_tax/Union dues", "post_tax/Parking/garage"} <= seen
    assert accrued("idle") == {}
    assert TrialBalance(run=run).total.balance_cents == 0
    by_hand()


def by_hand() -> None:
    """Federal income tax of 2,400.00: tests/saga/test_pay_inputs_run.py. FICA 6.2 % and 1.45 %, twice; FUTA 0.6 %."""
    plain = {
        "wages_expense": 240_000,
        "employer_tax_expense": 14_880 + 3_480 + 1_440,
        "federal_income_tax": -20_415,
        "social_security": -2 * 14_880,
        "medicare": -2 * 3_480,
        "futa": -1_440,
        "wages_payable": -201_225,
    }
    assert accrued("plain") == plain
    dues = {
        "post_tax/Union dues": -1_250,
        "post_tax/Parking/garage": -4_001,
        "wages_payable": -201_225 + 5_251,
    }
    assert accrued("dues") == plain | dues
