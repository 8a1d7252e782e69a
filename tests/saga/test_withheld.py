"""When pay does not suffice: whole paychecks through the steps, with whatever people elect and courts order."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll import rules
from payroll.domain import Inputs, Paycheck, Terms, YearToDate
from payroll.steps import PIPELINE

PERIOD = (date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20))
STATES = st.sampled_from(["TX", "IL", "PA", "NJ", "CA", "CO"])
CENTS = st.integers(0, 1500_00)


def pay(salary: int, work_state: str = "TX", **more: Any) -> Paycheck:
    """A biweekly paycheck of a yearly salary in dollars, gone through every step."""
    plain = {
        "pay_basis": "salary",
        "pay_rate": str(salary),
        "standard_weekly_hours": "40.00",
        "flsa_exempt": True,
        "work_state": work_state,
        "hire_date": "2020-01-01",
        "termination_date": None,
        "age_at_year_end": 40,
        "w4_version": "2020+",
        "filing_status": "single",
        "step2_checkbox": False,
        "allowances": 0,
        "additional_withholding_cents": 0,
        "time": [],
        "year_to_date": YearToDate(),
        "pay_to": {},
    }
    zero = (
        "step3_cents",
        "step4a_cents",
        "step4b_cents",
        "step4c_cents",
        "traditional_bp",
        "roth_bp",
        "section125_cents",
    )
    inputs = Inputs("ann", **{**dict.fromkeys(zero, 0), **plain, **more})
    terms = Terms("run", "part", "ACME", "biweekly", *PERIOD, "none", 0, "manifest", rules.load(2026), 50)
    paycheck = Paycheck("paycheck-part+ann", 0, inputs)
    for step in PIPELINE:
        paycheck.fold(step.decide(paycheck, terms))
    return paycheck


def order(kind: str, cents: int | None, **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("percent_bp", "balance_cents", "filing_status", "dependents", "minimum_wage_cents")
    )
    known = {"id": kind, "kind": kind, "cents": cents, "received": "2026-01-05", "exempt_cents": None}
    flags = {"supports_other_family": False, "arrears_over_12_weeks": False}
    return nothing | known | flags | more


def taken_before_tax(paycheck: Paycheck) -> int:
    assert paycheck.pay is not None
    deferred = paycheck.pay.traditional_401k_cents + paycheck.pay.roth_401k_cents
    return paycheck.pay.section125_cents + paycheck.pay.hsa_cents + deferred


FORMS = st.sampled_from(
    [
        {},
        {"state": {"additional_cents": 50_00}},
        {"lock_in": {"filing_status": "single", "step4c_cents": 900_00}},
        {"nonresident": "table2"},
    ]
)
ORDERS = st.lists(
    st.one_of(
        st.builds(order, st.sampled_from(["support", "medical_support", "bankruptcy", "state_levy"]), CENTS),
        st.builds(lambda left: order("federal_levy", None, exempt_cents=left), CENTS),
    ),
    max_size=3,
    unique_by=lambda each: each["id"],
)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(2_600, 52_000),
    STATES,
    st.fixed_dictionaries(
        {
            "step4a_cents": st.sampled_from([0, 0, 150_000_00]),
            "step4c_cents": st.sampled_from([0, 0, 300_00]),
            "traditional_bp": st.sampled_from([0, 500, 3000, 6000]),
            "roth_bp": st.sampled_from([0, 1000, 3000]),
            "section125_cents": st.one_of(st.just(0), CENTS),
            "forms": FORMS,
            "garnishments": ORDERS,
            "deductions": st.lists(
                st.builds(
                    lambda kind, cents: {"kind": kind, "name": kind, "cents": cents},
                    st.sampled_from(["hsa_self", "dependent_care", "post_tax"]),
                    CENTS,
                ),
                max_size=3,
            ),
        }
    ),
)
def test_no_tax_is_short_while_something_voluntary_is_taken(
    salary: int, work_state: str, more: dict[str, Any]
) -> None:
    paycheck = pay(salary, work_state, **more)
    assert paycheck.tax is not None and paycheck.retirement is not None
    short = paycheck.tax.federal_income_tax_short_cents + paycheck.tax.state_income_tax_short_cents
    assert not (short and taken_before_tax(paycheck))
    assert paycheck.retirement.net_cents >= 0


def test_other_income_on_the_form_comes_before_the_deferral() -> None:
    """500.00, with 150,000.00 of other income: the tax takes all that FICA leaves, so nothing is deferred."""
    paycheck = pay(13_000, step4a_cents=150_000_00, traditional_bp=3700)
    assert taken_before_tax(paycheck) == 0
    assert paycheck.tax is not None and paycheck.tax.federal_income_tax_cents == 500_00 - 31_00 - 7_25


def test_a_state_that_taxes_premiums_comes_before_them() -> None:
    """New Jersey taxes what goes into Section 125: nearly all of the pay as a premium leaves nothing for that."""
    paycheck = pay(260_000, "NJ", section125_cents=9_970_00)
    assert taken_before_tax(paycheck) == 0
    assert paycheck.tax is not None and paycheck.tax.state_income_tax_short_cents == 0


@pytest.mark.parametrize(
    "more",
    [
        {"garnishments": [order("medical_support", 1015_00)], "traditional_bp": 6000},
        {
            "garnishments": [order("federal_levy", None, exempt_cents=356_87), order("state_levy", 652_02)],
            "traditional_bp": 9000,
        },
    ],
    ids=["a premium that fits whole once the deferral lowers the tax", "a levy beside another order"],
)
def test_an_order_that_grows_when_the_deferral_changes_still_fits(more: dict[str, Any]) -> None:
    for salary in (26_000, 52_000):
        paycheck = pay(salary, **more)
        assert paycheck.retirement is not None and paycheck.retirement.net_cents >= 0
