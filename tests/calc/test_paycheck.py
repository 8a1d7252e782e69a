"""Gross to net: every cent is accounted for, and nothing is cut short in silence."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc.federal import W4
from payroll.calc.paycheck import Paycheck, PreTax, YearToDate, net_pay, paycheck, taxes
from payroll.calc.state import Election
from payroll.rules import load

RULES = load(2026)
AMOUNTS = st.integers(0, 500_00)


def check(gross: int, pre_tax: PreTax = PreTax(), work_state: str = "TX", **deductions: Any) -> Paycheck:  # noqa: B008
    return paycheck(
        gross,
        pre_tax,
        deductions.pop("w4", W4()),
        YearToDate(ss_withheld_cents=0),
        RULES,
        frequency="biweekly",
        pay_date=date(2026, 11, 20),
        work_state=work_state,
        election=Election(),
        **deductions,
    )


@given(
    st.integers(2000_00, 90_000_00),
    st.builds(PreTax, AMOUNTS, st.integers(0, 100_00), st.integers(0, 100_00)),
    st.integers(0, 100_00),
    st.integers(0, 100_00),
    st.sampled_from(["TX", "PA", "IL", "UT", "MS", "IN"]),
)
def test_every_cent_is_somewhere(
    gross: int, pre_tax: PreTax, roth: int, post_tax: int, work_state: str
) -> None:
    taxed, net = check(gross, pre_tax, work_state, roth_401k_cents=roth, post_tax_cents=post_tax)
    assert gross == net.net_pay_cents + taxed.employee_cents + sum(pre_tax) + roth + post_tax
    assert net.disposable_cents == gross - taxed.employee_cents
    assert net.net_pay_cents >= 0
    assert min(taxed) >= 0
    assert taxed.fit_wages_cents <= taxed.fica_wages_cents <= gross
    assert taxed.employer_cents <= taxed.fica_wages_cents * 8250 // 100_000 + 2  # 7.65 % and 0.6 %


@given(st.integers(2000_00, 20_000_00), AMOUNTS)
def test_a_traditional_deferral_lowers_income_tax_and_no_fica(gross: int, deferred: int) -> None:
    plain, deferring = check(gross, work_state="PA").taxes, check(gross, PreTax(deferred), "PA").taxes
    assert deferring.fica_wages_cents == plain.fica_wages_cents
    assert deferring.social_security_cents == plain.social_security_cents
    assert deferring.state_income_tax_cents == plain.state_income_tax_cents  # Pennsylvania taxes the deferral
    assert deferring.federal_income_tax_cents <= plain.federal_income_tax_cents


def test_a_roth_deferral_lowers_no_tax() -> None:
    assert check(3000_00, roth_401k_cents=300_00).taxes == check(3000_00).taxes


def test_nothing_earned_nothing_due() -> None:
    taxed, net = check(0, work_state="IL")
    assert (set(taxed), set(net)) == ({0}, {0})


def test_pre_tax_items_beyond_the_gross() -> None:
    with pytest.raises(NeedsReview, match=r"deductions of 150\.00 exceed the gross pay of 100\.00"):
        check(100_00, PreTax(section125_cents=150_00))


@pytest.mark.parametrize("deductions", [{"roth_401k_cents": 924_00}, {"post_tax_cents": 924_00}])
def test_deductions_beyond_the_pay(deductions: dict[str, int]) -> None:
    assert check(1000_00, w4=W4(exempt=True)).net.net_pay_cents == 923_50  # FICA takes 76.50
    with pytest.raises(
        NeedsReview, match=r"deductions of 924\.00 exceed the 923\.50 that taxes leave of 1000\.00"
    ):
        check(1000_00, w4=W4(exempt=True), **deductions)


def test_extra_withholding_beyond_the_pay() -> None:
    with pytest.raises(NeedsReview, match="exceed the"):
        check(1000_00, w4=W4(step4c_cents=2000_00))


def test_the_two_steps_are_the_whole() -> None:
    pre_tax = PreTax(100_00, 50_00, 25_00)
    taxed = taxes(
        3000_00,
        pre_tax,
        W4("mfj"),
        YearToDate(ss_withheld_cents=0),
        RULES,
        frequency="biweekly",
        pay_date=date(2026, 11, 20),
        work_state="IL",
        election=Election(),
    )
    net = net_pay(3000_00, pre_tax, taxed, roth_401k_cents=10_00, post_tax_cents=5_00)
    assert check(3000_00, pre_tax, "IL", w4=W4("mfj"), roth_401k_cents=10_00, post_tax_cents=5_00) == (
        taxed,
        net,
    )
