"""Net pay is what is left, to the cent; its worksheet is the root of every other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.net import net_pay
from payroll.calc.worksheet import add_up

TAXES = (
    "federal_income_tax_cents",
    "social_security_cents",
    "medicare_cents",
    "additional_medicare_cents",
    "state_income_tax_cents",
    "state_programmes_cents",
)
DEDUCTIONS = (
    "section125_cents",
    "hsa_cents",
    "traditional_401k_cents",
    "roth_401k_cents",
    "garnished_cents",
    "post_tax_cents",
)
ITEMS = (*TAXES, *DEDUCTIONS, "reimbursement_cents")
amounts = st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 100_000))


def test_a_paycheck_by_hand() -> None:
    """2,600.00 biweekly: taxes of 389.66 leave 2,210.34; a premium and a deferral leave 1,959.34."""
    net = net_pay(
        2600_00,
        federal_income_tax_cents=198_03,
        social_security_cents=155_31,
        medicare_cents=36_32,
        section125_cents=95_00,
        traditional_401k_cents=156_00,
    )
    assert (net.disposable_cents, net.net_cents) == (2210_34, 1959_34)


@pytest.mark.parametrize("item", TAXES)
def test_every_tax_lowers_disposable_earnings(item: str) -> None:
    net = net_pay(100_00, **{item: 1_00})
    assert (net.disposable_cents, net.net_cents) == (99_00, 99_00)


@pytest.mark.parametrize("item", DEDUCTIONS)
def test_a_deduction_lowers_net_pay_alone(item: str) -> None:
    net = net_pay(100_00, **{item: 1_00})
    assert (net.disposable_cents, net.net_cents) == (100_00, 99_00)


def test_reimbursements_are_paid_on_top_and_bear_nothing() -> None:
    net = net_pay(100_00, reimbursement_cents=40_00, medicare_cents=1_00, post_tax_cents=99_00)
    assert (net.disposable_cents, net.net_cents) == (99_00, 40_00)
    with pytest.raises(NeedsReview) as refused:
        net_pay(100_00, reimbursement_cents=40_00, medicare_cents=1_00, post_tax_cents=99_01)
    assert str(refused.value) == (
        "deductions of 99.01 exceed the 99.00 that taxes leave of 100.00: "
        "lower the deferral or the other deductions, then redrive"
    )


def test_nothing_earned_and_nothing_taken() -> None:
    net = net_pay(0)
    assert (net.disposable_cents, net.net_cents) == (0, 0)
    assert net.working == ("net_pay", *[0] * 14)


@pytest.mark.parametrize("item", ITEMS)
def test_an_amount_below_zero_is_refused(item: str) -> None:
    with pytest.raises(NeedsReview) as refused:
        net_pay(100_00, **{item: -1})
    assert str(refused.value) == (
        "a tax, deduction or reimbursement of -0.01 is below zero: correct it, then redrive"
    )


@settings(max_examples=150, deadline=None)
@given(gross=st.integers(0, 2_000_000), items=amounts)
def test_gross_is_accounted_for_and_the_worksheet_agrees(gross: int, items: dict[str, int]) -> None:
    taken = sum(items.get(name, 0) for name in (*TAXES, *DEDUCTIONS))
    if taken > gross:
        with pytest.raises(NeedsReview):
            net_pay(gross, **items)
        return
    net = net_pay(gross, **items)
    assert net.net_cents == gross - taken + items.get("reimbursement_cents", 0) >= 0
    assert net.disposable_cents == gross - sum(items.get(name, 0) for name in TAXES)
    facts = add_up([net.working])
    assert (facts["disposable_cents"], facts["net_cents"]) == (net.disposable_cents, net.net_cents)
    assert net.working == ("net_pay", gross, *(items.get(name, 0) for name in ITEMS))
