"""The limits a garnishment names are lines of worksheets, of the same amount; and what decides between two orders."""

from datetime import date
from typing import Any

import pytest

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.garnishments import Garnished, Order, garnish, support
from payroll.calc.worksheet import add_up
from payroll.rules import load

LIMITS = load(2026).garnishment


def order(name: str, kind: str, cents: int | None = None, day: int = 5, **rest: Any) -> Order:
    return Order(name, kind, cents, rest.pop("percent_bp", None), date(2026, 1, day), **rest)


def run(*orders: Order, **rest: Any) -> Garnished:
    return garnish(1000_00, "weekly", orders, LIMITS, **rest)


@pytest.mark.parametrize(
    ("orders", "names"),
    [
        ([order("a", "support", 100_00)], [["support_maximum_cents"]]),
        ([order("a", "creditor", 100_00)], [["ordinary_maximum_cents", "state_ordinary_maximum_cents"]]),
        ([order("a", "student_loan")], [["student_loan_maximum_cents", "ordinary_maximum_cents"]]),
        ([order("a", "federal_agency")], [["federal_agency_maximum_cents", "ordinary_maximum_cents"]]),
        ([order("a", "federal_levy", exempt_cents=900_00)], [["federal_levy_maximum_cents"]]),
        (
            [order("a", "support", 100_00), order("b", "creditor", 100_00)],
            [["support_maximum_cents"], ["ordinary_maximum_cents", "state_ordinary_maximum_cents"]],
        ),
    ],
)
def test_every_limit_is_a_line_of_a_worksheet(orders: list[Order], names: list[list[str]]) -> None:
    result = run(*orders, work_state="CA", minimum_wage_cents=1690)
    facts = add_up(result.workings)
    limits = [working[4] for working in result.workings if working[0] == "garnishment_turn"]
    assert [[name for name, _, _ in each] for each in limits] == names
    for name, cents, _ in (limit for each in limits for limit in each):
        assert facts[name] == cents


def test_what_limits_a_bankruptcy_is_the_disposable_pay() -> None:
    turn = run(order("a", "bankruptcy", 100_00)).workings[0]
    assert turn[4] == (("disposable_cents", 1000_00, 0),)


@pytest.mark.parametrize(
    ("other", "arrears", "percent"),
    [(True, False, 50), (True, True, 55), (False, False, 60), (False, True, 65)],
)
def test_the_percent_of_support_is_a_whole_number(other: bool, arrears: bool, percent: int) -> None:
    shared = support(1000_00, other, arrears, [1], LIMITS)
    assert type(shared.percent) is int
    assert shared.percent == percent
    result = run(order("a", "support", 999_00, supports_other_family=other, arrears_over_12_weeks=arrears))
    assert result.orders[0].why == (
        f"the limit of {percent} % for support is {percent * 10}.00, of which orders before took 0.00"
    )


def test_support_is_prorated_and_creditors_are_served_in_turn() -> None:
    result = run(order("a", "support", 600_00), order("b", "support", 600_00))
    assert [each.withheld_cents for each in result.orders] == [300_00, 300_00]
    result = run(order("a", "creditor", 200_00), order("b", "creditor", 200_00))
    assert [each.withheld_cents for each in result.orders] == [200_00, 50_00]
    assert [working[2] for working in result.workings if working[0] == "garnishment_turn"] == ["in_turn"]


def test_a_levy_goes_before_support_that_came_later_and_after_support_that_came_first() -> None:
    levy = order("levy", "federal_levy", day=10, exempt_cents=900_00)
    first = run(order("support", "support", 10_00, day=9), levy)
    assert [each.id for each in first.orders] == ["support", "levy"]
    after = run(order("support", "support", 10_00, day=11), levy)
    assert [each.id for each in after.orders] == ["levy", "support"]
    between = run(
        order("late", "support", 10_00, day=11),
        levy,
        order("early", "support", 10_00, day=9),
        order("bankrupt", "bankruptcy", 10_00, day=1),
    )
    assert [each.id for each in between.orders] == ["early", "levy", "late", "bankrupt"]
    alone = run(levy, order("bankrupt", "bankruptcy", 10_00, day=12))
    assert [each.id for each in alone.orders] == ["bankrupt", "levy"]
