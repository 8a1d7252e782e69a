"""What the kinds of `calculate` add to the calculators: how amounts are put together, and what may be left out."""

from typing import Any

import pytest

from payroll.calculate import BadInput, calculate


def overtime(*weeks: list[dict[str, str]], **extra: str) -> dict[str, Any]:
    return calculate("overtime", {"workweeks": [{"lines": lines, **extra} for lines in weeks]}).fields


def test_straight_time_is_rounded_once_for_each_rate_of_the_period() -> None:
    """Two weeks of 10.01 h at 12.50 are 250.25 together; by the week they would be 125.13 twice."""
    both = overtime([{"hours": "10.01", "rate": "12.50"}], [{"hours": "10.01", "rate": "12.50"}])
    assert both["straight_time_pay"] == "250.25"
    # 20.25 h at 15.50 = 313.875 and 10.75 h at 18.50 = 198.875: two lines of a stub, 313.88 and 198.88
    two = overtime([{"hours": "20.25", "rate": "15.50"}, {"hours": "10.75", "rate": "18.50"}])
    assert (two["straight_time_pay"], two["gross"]) == ("512.76", "512.76")


def test_other_pay_is_leave_bonus_and_what_is_excluded() -> None:
    lines = [
        {"hours": "40", "rate": "10.00"},
        {"hours": "8", "rate": "10.00", "kind": "leave"},
        {"hours": "4", "rate": "10.00", "kind": "holiday"},
    ]
    answer = overtime(lines, nondiscretionary_bonus="20.00", excluded_pay="3.00")
    assert (answer["other_pay"], answer["gross"]) == ("143.00", "543.00")
    assert answer["workweeks"] == [{"hours_worked": "40.00", "overtime_hours": "0.00", "premium": "0.00"}]


def state(code: str, **more: Any) -> str:
    given = {"tax_year": 2026, "state": code, "filing_status": "single", **more}
    answer: str = calculate("state", given).fields["withholding"]
    return answer


def test_iowa_takes_allowance_dollars_or_allowances() -> None:
    """40 allowance dollars withhold 59.26 of 2,100.00 (the state prints it); an older allowance is 40 dollars."""
    pay = {"pay_frequency": "biweekly", "taxable_wages": "2100.00"}
    assert state("IA", **pay, credit="40.00") == "59.26"
    assert state("IA", **pay, allowances=1) == "59.26"
    assert state("IA", **pay, filing_status="other") == state("IA", **pay) == "60.80"


def test_massachusetts_deducts_fica_given_or_not() -> None:
    """(60,000 - 2,000 - 5,400) x 5 % - 120: 7.65 % of the wages are more than the 2,000 that may be deducted."""
    pay = {"pay_frequency": "annual", "taxable_wages": "60000.00", "filing_status": "hoh", "allowances": 2}
    assert state("MA", **pay) == state("MA", **pay, fica_withheld="4590.00") == "2510.00"
    assert state("MA", **pay, ytd_fica_withheld="2000.00") == "2610.00"


@pytest.mark.parametrize("code", ["GA", "UT"])
def test_a_state_that_changed_its_rule_needs_the_pay_date(code: str) -> None:
    pay = {"pay_frequency": "monthly", "taxable_wages": "5000.00"}
    with pytest.raises(BadInput, match=f"{code} changed its rule on 2026-0[56]-[01]1: give the pay_date"):
        state(code, **pay)
    assert state(code, **pay, pay_date="2026-01-31") != state(code, **pay, pay_date="2026-12-31")


@pytest.mark.parametrize("payday", ["20260401", "2026-W14-3", "2026-4-1", "2026-02-30", 20260401, None])
def test_a_date_is_written_in_one_way(payday: Any) -> None:
    with pytest.raises(BadInput, match=r"^payday is a date like 2026-01-31$"):
        calculate("semiweekly_deposit", {"payday": payday})


def test_a_date_at_the_end_of_the_calendar_is_refused() -> None:
    with pytest.raises(BadInput, match="beyond what can be calculated"):
        calculate("semiweekly_deposit", {"payday": "9999-12-31"})
