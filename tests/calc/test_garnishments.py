"""Garnishments: the limits of 15 USC 1673, the order of orders, and never a cent more than the law lets be taken."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.garnishments import (
    KINDS,
    NOTHING_GARNISHED,
    Garnished,
    Order,
    garnish,
    ordinary,
    ordinary_maximum,
    prorated,
    stack,
    state_maximum,
    support,
)
from payroll.calc.worksheet import add_up
from payroll.rules import BadRules, load, parse, text_of

LIMITS = load(2026).garnishment
DAY = date(2026, 1, 5)
WEEKS = {"weekly": (1, 1), "biweekly": (2, 1), "semimonthly": (13, 6), "monthly": (13, 3)}
frequencies = st.sampled_from(list(WEEKS))
disposables = st.integers(0, 400_000)
lists = st.lists(st.integers(0, 100_000), max_size=6)
checked = settings(max_examples=150, deadline=None)


def order(name: str, kind: str, cents: int | None = None, day: int = 5, **rest: Any) -> Order:
    return Order(name, kind, cents, rest.pop("percent_bp", None), date(2026, 1, day), **rest)


def taken(result: Garnished) -> dict[str, int]:
    return {each.id: each.withheld_cents for each in result.orders}


def run(disposable: int, *orders: Order, **rest: Any) -> Garnished:
    return garnish(disposable, rest.pop("frequency", "weekly"), orders, LIMITS, **rest)


@pytest.mark.parametrize(
    ("frequency", "disposable", "protected", "maximum"),
    [
        # 30 x 7.25 = 217.50 a week: nothing up to it, 25 % from 290.00, the excess between; DOL Fact Sheet 30
        ("weekly", 0, 217_50, 0),
        ("weekly", 217_50, 217_50, 0),
        ("weekly", 217_51, 217_50, 1),
        ("weekly", 250_00, 217_50, 32_50),
        ("weekly", 289_99, 217_50, 72_49),
        ("weekly", 290_00, 217_50, 72_50),
        ("weekly", 290_03, 217_50, 72_50),  # 72.5075 is cut off
        ("weekly", 290_04, 217_50, 72_51),
        ("biweekly", 435_00, 435_00, 0),
        ("biweekly", 435_01, 435_00, 1),
        ("biweekly", 580_00, 435_00, 145_00),
        ("biweekly", 1200_00, 435_00, 300_00),
        ("semimonthly", 471_25, 471_25, 0),
        ("semimonthly", 471_26, 471_25, 1),
        ("semimonthly", 550_00, 471_25, 78_75),
        ("semimonthly", 628_33, 471_25, 157_08),  # 157.0825 of 157.08
        ("semimonthly", 628_34, 471_25, 157_08),
        ("monthly", 942_50, 942_50, 0),
        ("monthly", 942_51, 942_50, 1),
        ("monthly", 1256_67, 942_50, 314_16),
        ("monthly", 3000_00, 942_50, 750_00),
    ],
)
def test_the_ordinary_limit(frequency: str, disposable: int, protected: int, maximum: int) -> None:
    limit = ordinary_maximum(disposable, frequency, LIMITS)
    assert (limit.protected_cents, limit.maximum_cents) == (protected, maximum)


@pytest.mark.parametrize("frequency", ["daily", "quarterly", "annual", "fortnightly"])
def test_a_period_without_workweeks_is_refused_by_name(frequency: str) -> None:
    with pytest.raises(NeedsReview) as refused:
        ordinary_maximum(1, frequency, LIMITS)
    assert str(refused.value) == (
        f"pay {frequency!r} has no number of workweeks to limit a garnishment by: "
        "use one of weekly, biweekly, semimonthly, monthly"
    )


def test_earnings_below_zero_are_refused() -> None:
    attempts = (
        lambda: ordinary_maximum(-1, "weekly", LIMITS),
        lambda: state_maximum(-1, "weekly", LIMITS.states["CA"], 1690),
        lambda: support(-1, True, True, [1], LIMITS),
        lambda: run(-1, order("a", "bankruptcy", 1)),
    )
    for attempt in attempts:
        with pytest.raises(NeedsReview) as refused:
            attempt()
        assert str(refused.value) == (
            "disposable earnings of -1 cents are below zero: correct the pay or void the check"
        )


def test_the_limit_is_on_all_ordinary_orders_and_the_first_served_is_paid_first() -> None:
    shared = ordinary(1200_00, "biweekly", [200_00, 150_00, 10_00], LIMITS)
    assert shared.percent is None
    assert (shared.maximum_cents, shared.withheld_cents) == (300_00, 300_00)
    assert shared.allocation_cents == (200_00, 100_00, 0)
    with pytest.raises(NeedsReview) as refused:
        ordinary(1200_00, "biweekly", [1, -2], LIMITS)
    assert str(refused.value) == "an order of -2 cents is below zero: correct it, then redrive"


@pytest.mark.parametrize(
    ("other", "arrears", "percent", "maximum"),
    [
        (True, False, 50, 499),
        (True, True, 55, 549),
        (False, False, 60, 599),
        (False, True, 65, 649),
    ],
)
def test_the_limits_of_support(other: bool, arrears: bool, percent: int, maximum: int) -> None:
    shared = support(999, other, arrears, [5000], LIMITS)  # 499.5, 549.45, 599.4, 649.35 cents
    assert (shared.percent, shared.maximum_cents, shared.withheld_cents) == (percent, maximum, maximum)


@pytest.mark.parametrize(
    ("disposable", "orders", "allocation"),
    [
        (800_00, [350_00], (350_00,)),
        (800_00, [250_00, 150_00], (250_00, 150_00)),  # exactly the limit
        (800_00, [300_00, 200_00], (240_00, 160_00)),
        (800_00, [200_00, 200_00, 200_00], (133_34, 133_33, 133_33)),
        (800_01, [200_00, 200_00, 200_00], (133_34, 133_33, 133_33)),
        (800_02, [200_00, 200_00, 200_00], (133_34, 133_34, 133_33)),
        (4, [0, 1, 1, 1], (0, 1, 1, 0)),  # nobody gets more than the order
        (0, [5, 5], (0, 0)),
        (100, [], ()),
    ],
)
def test_support_is_shared_by_amount(disposable: int, orders: list[int], allocation: tuple[int, ...]) -> None:
    shared = support(disposable, True, False, orders, LIMITS)
    assert shared.allocation_cents == allocation
    assert shared.withheld_cents == sum(allocation)
    facts = add_up(shared.workings)
    assert [facts[f"garnishment_{n}_cents"] for n, _ in enumerate(orders, 1)] == list(allocation)


@pytest.mark.parametrize(
    ("frequency", "disposable", "supports", "creditors", "expected"),
    [
        ("biweekly", 1400_00, [200_00], [400_00], (200_00, 350_00, 150_00)),
        ("weekly", 600_00, [200_00], [75_00], (200_00, 150_00, 0)),  # support takes more than 25 %
        ("weekly", 600_00, [150_00], [75_00], (150_00, 150_00, 0)),
        ("weekly", 600_00, [149_99], [75_00], (149_99, 150_00, 1)),
        ("weekly", 600_00, [], [70_00, 70_00, 70_00], (0, 150_00, 150_00)),
    ],
)
def test_creditors_get_what_support_leaves_of_their_limit(
    frequency: str, disposable: int, supports: list[int], creditors: list[int], expected: tuple[int, int, int]
) -> None:
    assert stack(disposable, frequency, True, False, supports, creditors, LIMITS)[:3] == expected


@pytest.mark.parametrize(
    ("frequency", "wage", "disposable", "protected", "maximum"),
    [
        # 48 x 10.00 a week, 96 biweekly, 104 semimonthly, 208 monthly; Cal. Code Civ. Proc. 706.050
        ("weekly", 1000, 480_00, 480_00, 0),
        ("weekly", 1000, 480_02, 480_00, 0),  # 40 % of two cents
        ("weekly", 1000, 480_03, 480_00, 1),
        ("weekly", 1000, 960_00, 480_00, 192_00),  # 40 % of the excess is 20 % of all
        ("weekly", 1000, 970_00, 480_00, 194_00),
        ("weekly", 1000, 950_00, 480_00, 188_00),
        ("biweekly", 1000, 970_00, 960_00, 4_00),
        ("semimonthly", 1000, 1050_00, 1040_00, 4_00),
        ("monthly", 1000, 2090_00, 2080_00, 4_00),
    ],
)
def test_californias_limit(frequency: str, wage: int, disposable: int, protected: int, maximum: int) -> None:
    limit = state_maximum(disposable, frequency, LIMITS.states["CA"], wage)
    assert (limit.protected_cents, limit.maximum_cents) == (protected, maximum)


def test_california_needs_its_minimum_wage() -> None:
    with pytest.raises(NeedsReview) as refused:
        run(1000_00, order("a", "creditor", 300_00), work_state="CA")
    assert str(refused.value) == (
        "CA limits a garnishment by the minimum wage at the place of work, which is not known: "
        "enter it, then redrive"
    )
    assert taken(run(1000_00, order("a", "student_loan"), work_state="CA")) == {
        "a": 150_00
    }  # federal law alone


def test_the_lower_of_the_states_and_the_federal_limit_holds() -> None:
    creditor = order("a", "creditor", 300_00)
    of_state = run(1000_00, creditor, work_state="CA", minimum_wage_cents=1000)
    assert (taken(of_state), of_state.state_limit_verified, of_state.remarks) == ({"a": 200_00}, True, ())
    assert of_state.orders[0].why == (
        "the limit of CA on ordinary garnishments is 200.00, of which orders before took 0.00"
    )
    federal = run(
        270_00, creditor, work_state="CA", minimum_wage_cents=100
    )  # 20 % is 54.00, the excess 52.50
    assert taken(federal) == {"a": 52_50}


def test_a_limit_that_was_not_checked_is_said() -> None:
    result = run(1000_00, order("a", "creditor", 300_00), work_state="NY")
    assert (taken(result), result.state_limit_verified) == ({"a": 250_00}, False)
    assert result.remarks == (
        "the limit of NY on ordinary garnishments was not checked: the federal limit was used",
    )
    assert run(1000_00, order("a", "wage_assignment", 1)).remarks == (
        "the limit of the work state on ordinary garnishments was not checked: the federal limit was used",
    )
    assert run(1000_00, order("a", "support", 1), work_state="NY").state_limit_verified


def test_orders_are_served_by_priority_whatever_their_list() -> None:
    kinds = [kind for kind in KINDS if kind != "federal_agency"]
    orders = [order(kind, kind, 1, day=20 - n) for n, kind in enumerate(kinds)]
    orders = [each._replace(received=DAY) if each.kind == "support" else each for each in orders]
    late = [
        each._replace(received=date(2026, 2, 1)) if each.kind == "federal_levy" else each for each in orders
    ]
    assert [each.kind for each in run(5000_00, *reversed(late)).orders] == [
        "support",
        "medical_support",
        "support_arrears",
        "bankruptcy",
        "federal_levy",
        "student_loan",
        "state_levy",
        "creditor",
        "wage_assignment",
    ]


def test_federal_debts_are_served_by_date_and_ties_by_id() -> None:
    served = run(
        5000_00,
        order("d", "student_loan", 1, day=9),
        order("b", "federal_agency", 1, day=7),
        order("a", "student_loan", 1, day=6),
        order("c", "creditor", 1),
        order("B", "creditor", 1),
    )
    assert [each.id for each in served.orders] == ["a", "b", "d", "B", "c"]


@pytest.mark.parametrize(
    ("levy_day", "support_day", "served"),
    [(4, 5, ["levy", "child", "plan"]), (5, 5, ["child", "plan", "levy"]), (6, 5, ["child", "plan", "levy"])],
)
def test_a_levy_received_before_the_support_order_goes_first(
    levy_day: int, support_day: int, served: list[str]
) -> None:
    result = run(
        1000_00,
        order("plan", "bankruptcy", 100_00),
        order("levy", "federal_levy", day=levy_day, exempt_cents=700_00),
        order("child", "support", 100_00, day=support_day, supports_other_family=True),
    )
    assert [each.id for each in result.orders] == served
    # the levy takes what is over 700.00 and was not taken before
    assert taken(result)["levy"] == (300_00 if served[0] == "levy" else 100_00)


def test_levies_and_support_orders_go_by_date_among_each_other() -> None:
    result = run(
        1000_00,
        order("s2", "support", 1, day=4),
        order("l2", "federal_levy", 1, day=3, exempt_cents=0),
        order("s1", "support", 1, day=2),
        order("l1", "federal_levy", 1, day=1, exempt_cents=0),
        order("l3", "federal_levy", 1, day=6, exempt_cents=0),
        order("plan", "bankruptcy", 1, day=1),
    )
    assert [each.id for each in result.orders] == ["l1", "s1", "l2", "s2", "plan", "l3"]
    assert add_up(result.workings)["federal_levy_withheld_cents"] == 3
    assert add_up(result.workings)["support_withheld_cents"] == 2


def test_cash_support_then_the_premium_whole_then_arrears() -> None:
    cash, health = order("cash", "support", 300_00), order("health", "medical_support", 150_00)
    late = order("late", "support_arrears", 400_00)
    other = {"supports_other_family": True}
    result = run(1000_00, late, health, cash._replace(**other))
    assert taken(result) == {"cash": 300_00, "health": 150_00, "late": 50_00}
    assert (
        result.orders[2].why == "the limit of 50 % for support is 500.00, of which orders before took 450.00"
    )
    tight = run(899_99, late, health, cash._replace(**other))  # 449.99: a cent less than both
    assert taken(tight) == {"cash": 300_00, "health": 0, "late": 149_99}
    # any order's arrears of more than 12 weeks raise the limit to 55 %
    more = run(1000_00, late._replace(arrears_over_12_weeks=True), health, cash._replace(**other))
    assert taken(more)["late"] == 100_00
    assert taken(run(1000_00, late, health, cash))["late"] == 150_00  # 60 %: supports nobody else


def test_support_counts_what_a_levy_took_before() -> None:
    """29 CFR 870.11(b)(2): 45 % taken for taxes leave 5 % of the 50 % for support."""
    result = run(
        1000_00,
        order("levy", "federal_levy", 450_00, day=1, exempt_cents=0),
        order("child", "support", 200_00, supports_other_family=True),
        order("bank", "creditor", 1),
    )
    assert taken(result) == {"levy": 450_00, "child": 50_00, "bank": 0}


def test_federal_debts_have_a_limit_of_their_own_inside_the_ordinary_one() -> None:
    result = run(
        1000_00,
        order("l1", "student_loan", day=1),
        order("l2", "student_loan", 10_00, day=2),
        order("agency", "federal_agency", day=3),
        order("bank", "creditor", 5_00, day=1),
    )
    assert taken(result) == {"l1": 150_00, "l2": 0, "agency": 100_00, "bank": 0}
    short = {each.id: (each.wanted_cents, each.short_cents) for each in result.orders}
    assert short == {"l1": (150_00, 0), "l2": (10_00, 10_00), "agency": (150_00, 50_00), "bank": (5_00, 5_00)}
    assert (result.garnished_cents, result.short_cents) == (250_00, 65_00)
    assert [each.why for each in result.orders] == [
        "",
        "the limit of 15 % for this debt is 150.00, of which orders before took 0.00",
        "the limit on ordinary garnishments is 250.00, of which orders before took 150.00",
        "the limit on ordinary garnishments is 250.00, of which orders before took 250.00",
    ]
    # and not above the excess over 30 x minimum wage: 15 % of 230.00 is 34.50, the excess 12.50
    assert taken(run(230_00, order("a", "student_loan"))) == {"a": 12_50}


def test_a_second_turn_of_a_kind_counts_the_first() -> None:
    result = run(
        1000_00,
        order("a", "student_loan", 100_00, day=1),
        order("b", "federal_agency", 20_00, day=2),
        order("c", "student_loan", 100_00, day=3),
    )
    assert taken(result) == {"a": 100_00, "b": 20_00, "c": 50_00}
    assert add_up(result.workings)["student_loan_withheld_cents"] == 150_00


def test_bankruptcy_and_state_levies_are_under_no_percentage() -> None:
    result = run(
        100_00,
        order("plan", "bankruptcy", 80_00),
        order("state", "state_levy", percent_bp=3333),
        order("bank", "creditor", 1),
    )
    assert taken(result) == {"plan": 80_00, "state": 20_00, "bank": 0}
    assert result.orders[1] == ("state", "state_levy", 33_33, 20_00, 13_33, result.orders[1].why)
    assert result.orders[1].why == "the disposable pay is 100.00, of which orders before took 80.00"
    assert taken(run(999, order("state", "state_levy", percent_bp=1550))) == {"state": 154}  # 154.845


def test_a_wage_assignment_stays_within_the_ordinary_limit() -> None:
    assert taken(run(1000_00, order("a", "wage_assignment", 900_00))) == {"a": 250_00}


def test_nothing_is_taken_beyond_what_is_owed() -> None:
    result = run(
        1000_00,
        order("a", "creditor", 100_00, balance_cents=40_00),
        order("b", "creditor", 100_00, balance_cents=0, day=6),
        order("c", "federal_levy", exempt_cents=0, balance_cents=7_00, day=7),
        order("d", "student_loan", balance_cents=3_00),
        order("e", "bankruptcy", 5_00, balance_cents=5_01),
    )
    assert taken(result) == {"e": 5_00, "c": 7_00, "d": 3_00, "a": 40_00, "b": 0}
    assert result.short_cents == 0


@pytest.mark.parametrize(
    ("frequency", "status", "dependents", "exempt"),
    [
        # Publication 1494 by its formula: standard deduction and 5,300 a dependent, of a period, each rounded
        ("weekly", "single", 0, 309_62),  # 16,100 / 52 = 309.615
        ("weekly", "single", 3, 309_62 + 3 * 101_92),  # 5,300 / 52 = 101.923
        ("biweekly", "mfj", 2, 1238_46 + 2 * 203_85),  # 32,200 / 26, 5,300 / 26
        ("semimonthly", "hoh", 1, 1006_25 + 220_83),
        ("monthly", "qss", 0, 2683_33),
        ("monthly", "mfs", 0, 1341_67),
    ],
)
def test_what_a_levy_leaves(frequency: str, status: str, dependents: int, exempt: int) -> None:
    levy = order("a", "federal_levy", filing_status=status, dependents=dependents)
    assert taken(run(exempt, levy, frequency=frequency)) == {"a": 0}
    assert taken(run(exempt + 1, levy, frequency=frequency)) == {"a": 1}
    in_effect = run(exempt + 100, levy, frequency=frequency, deductions_in_effect_cents=60)
    assert taken(in_effect) == {"a": 40}
    assert add_up(in_effect.workings)["levy_exempt_cents"] == exempt


def test_the_printed_table_of_2024() -> None:
    """Publication 1494 (2024): married biweekly with 2 dependents 1,507.70; single weekly with 3 569.22."""
    figures = parse(
        text_of(2026)
        .replace(b"exemption = 5300", b"exemption = 5000")
        .replace(b"single_or_mfs = 16100", b"single_or_mfs = 14600")
        .replace(b"mfj = 32200", b"mfj = 29200"),
        2026,
    ).garnishment
    for frequency, status, dependents, exempt in (
        ("weekly", "single", 0, 280_77),
        ("weekly", "single", 3, 569_22),
        ("biweekly", "mfj", 2, 1507_70),
    ):
        levy = order("a", "federal_levy", filing_status=status, dependents=dependents)
        assert garnish(2000_00, frequency, [levy], figures).garnished_cents == 2000_00 - exempt


def test_each_levy_leaves_its_own_exempt_amount() -> None:
    result = run(
        1000_00,
        order("l1", "federal_levy", day=1, exempt_cents=900_00),
        order("l2", "federal_levy", day=2, exempt_cents=500_00),
        order("l3", "federal_levy", 1_00, day=3, exempt_cents=1000_01),
    )
    assert taken(result) == {"l1": 100_00, "l2": 400_00, "l3": 0}
    assert result.orders[2].why == (
        "the take-home pay over the exempt 1000.01 is 0.00, of which orders before took 500.00"
    )


def test_without_a_statement_a_levy_takes_the_employee_as_married_filing_separately() -> None:
    assert taken(run(309_62 + 55, order("a", "federal_levy"))) == {"a": 55}


def test_a_levy_of_2025_needs_its_exempt_amount() -> None:
    figures, levy = load(2025).garnishment, order("a", "federal_levy", filing_status="single")
    with pytest.raises(NeedsReview) as refused:
        garnish(1000_00, "weekly", [levy], figures)
    assert str(refused.value) == (
        "the levy received 2026-01-05: Publication 1494 of 2025 for filing status 'single' is not in the rule tables: "
        "enter the exempt amount on the order, then redrive"
    )
    assert garnish(1000_00, "weekly", [levy._replace(exempt_cents=0)], figures).garnished_cents == 1000_00


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (
            order("a", "gift", 1),
            "kind 'gift' is unknown: use one of support, medical_support, support_arrears, bankruptcy, "
            "federal_levy, student_loan, federal_agency, state_levy, creditor, wage_assignment",
        ),
        (order("a", "creditor", 1, percent_bp=1), "it names an amount and a percentage: keep one"),
        (order("a", "creditor"), "it names no amount and no percentage: enter one"),
        (order("a", "state_levy"), "it names no amount and no percentage: enter one"),
        (order("a", "creditor", -1), "an amount of it is below zero: correct it"),
        (order("a", "creditor", percent_bp=-1), "an amount of it is below zero: correct it"),
        (order("a", "creditor", 1, balance_cents=-1), "an amount of it is below zero: correct it"),
        (order("a", "federal_levy", exempt_cents=-1), "an amount of it is below zero: correct it"),
        (order("a", "federal_levy", dependents=-1), "an amount of it is below zero: correct it"),
        (
            order("a", "creditor", percent_bp=10_001),
            "10001 hundredths of a percent is more than all: correct it",
        ),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(wrong: Order, fault: str) -> None:
    with pytest.raises(NeedsReview) as refused:
        run(1000_00, wrong)
    named = f"the order of kind {wrong.kind} received 2026-01-05"
    assert str(refused.value) == f"{named}: {fault}, then redrive"


def test_every_order_has_an_id_of_its_own() -> None:
    with pytest.raises(NeedsReview) as refused:
        run(1000_00, order("a", "creditor", 1), order("a", "support", 1))
    assert str(refused.value) == "two orders have one id: give each its own, then redrive"


def test_edges_that_are_no_faults() -> None:
    assert run(1000_00) == NOTHING_GARNISHED == Garnished((), 0, 0, True, (), ())
    assert taken(run(100_00, order("a", "state_levy", percent_bp=10_000))) == {"a": 100_00}
    assert taken(run(0, order("a", "creditor", 0), order("b", "federal_levy"))) == {"a": 0, "b": 0}
    assert run(10_00, order("a", "federal_levy", 10_00, exempt_cents=5_00)).orders[0] == (
        "a",
        "federal_levy",
        10_00,
        5_00,
        5_00,
        "the take-home pay over the exempt 5.00 is 5.00, of which orders before took 0.00",
    )


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_figures_of_a_year(year: int) -> None:
    figures = load(year).garnishment
    assert (figures.minimum_wage_cents, figures.protected_hours, figures.ordinary_bp) == (725, 30, 2500)
    assert figures.support_bp == {
        (True, False): 5000,
        (True, True): 5500,
        (False, False): 6000,
        (False, True): 6500,
    }
    assert figures.federal_debt_bp == {"student_loan": 1500, "federal_agency": 1500}
    assert figures.levy.year == year
    assert figures.levy.exemption_cents == {2025: 5150_00, 2026: 5300_00}[year]
    assert bool(figures.levy.standard_deduction_cents) == (year == 2026)
    california = figures.states["CA"]
    assert (california.state, california.protected_hours) == ("CA", 48)
    assert (california.ordinary_bp, california.excess_bp) == (2000, 4000)
    assert set(figures.states) == {"CA"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("supports_others_percent = 50", "supports_others_percent = 50.001", "at most two decimals"),
        ("protected_hours_a_week = 30", "protected_hours_a_week = 30.5", "more digits than its unit has"),
        ("excess_percent = 40", "", r"\[garnishment.states.CA\] lacks excess_percent"),
        ("mfj = 32200\nhoh = 24150", "mfj = 32200", r"\[garnishment.levy.standard_deduction\] lacks hoh"),
        ("student_loan_percent = 15", "student_loan_percent = 15\nx = 1", "unknown keys: x"),
    ],
)
def test_a_faulty_table_is_refused(before: str, after: str, message: str) -> None:
    text = text_of(2026).decode()
    assert before in text
    with pytest.raises(BadRules, match=message):
        parse(text.replace(before, after, 1).encode(), 2026)


# Properties


@checked
@given(disposables, frequencies)
def test_the_ordinary_limit_is_what_the_law_says_cut_off(disposable: int, frequency: str) -> None:
    exact = min(Fraction(disposable, 4), disposable - 30 * 725 * Fraction(*WEEKS[frequency]))
    limit = ordinary_maximum(disposable, frequency, LIMITS)
    assert limit.maximum_cents == max(0, exact // 1)
    facts = add_up([limit.working])
    assert facts["protected_cents"] == limit.protected_cents
    assert facts["ordinary_maximum_cents"] == limit.maximum_cents


@checked
@given(disposables, frequencies, st.integers(0, 3000))
def test_the_states_worksheet_agrees(disposable: int, frequency: str, wage: int) -> None:
    limit = state_maximum(disposable, frequency, LIMITS.states["CA"], wage)
    facts = add_up([limit.working])
    assert facts["state_protected_cents"] == limit.protected_cents
    assert facts["state_ordinary_maximum_cents"] == limit.maximum_cents


@checked
@given(lists, st.integers(0, 300_000))
def test_shares_add_up_and_are_within_a_cent_of_their_proportion(wanted: list[int], room: int) -> None:
    shares, total = prorated(wanted, room), sum(wanted)
    assert sum(shares) == min(total, room)
    for share, each in zip(shares, wanted, strict=True):
        assert 0 <= share <= each
        assert abs(share - Fraction(each * min(total, room), total or 1)) < 1


@checked
@given(lists, st.integers(0, 300_000), st.randoms(use_true_random=False))
def test_the_order_of_the_list_moves_no_more_than_a_cent(wanted: list[int], room: int, random: Any) -> None:
    places = list(range(len(wanted)))
    random.shuffle(places)
    shares, shuffled = prorated(wanted, room), prorated([wanted[place] for place in places], room)
    assert all(abs(shares[place] - share) <= 1 for place, share in zip(places, shuffled, strict=True))


@checked
@given(disposables, st.booleans(), st.booleans(), lists)
def test_support_and_its_worksheet_agree(
    disposable: int, other: bool, arrears: bool, orders: list[int]
) -> None:
    shared, facts = support(disposable, other, arrears, orders, LIMITS), {}
    facts = add_up(shared.workings)
    assert facts["support_percent_count"] == shared.percent
    assert facts["support_maximum_cents"] == shared.maximum_cents
    assert facts["support_withheld_cents"] == shared.withheld_cents == min(shared.maximum_cents, sum(orders))
    each = tuple(facts[f"garnishment_{n}_cents"] for n in range(1, len(orders) + 1))
    assert each == shared.allocation_cents


@checked
@given(disposables, frequencies, st.booleans(), lists, lists)
def test_a_stack_and_its_worksheet_agree(
    disposable: int, frequency: str, flag: bool, supports: list[int], creditors: list[int]
) -> None:
    stacked = stack(disposable, frequency, flag, flag, supports, creditors, LIMITS)
    room = max(0, stacked.ordinary_maximum_cents - stacked.support_withheld_cents)
    assert stacked.creditor_withheld_cents == min(sum(creditors), room)
    facts = add_up(stacked.workings)
    assert facts["support_withheld_cents"] == stacked.support_withheld_cents
    assert facts["ordinary_maximum_cents"] == stacked.ordinary_maximum_cents
    assert facts["creditor_withheld_cents"] == stacked.creditor_withheld_cents


@checked
@given(disposables, frequencies, lists)
def test_ordinary_orders_and_their_worksheet_agree(
    disposable: int, frequency: str, orders: list[int]
) -> None:
    shared = ordinary(disposable, frequency, orders, LIMITS)
    facts = add_up(shared.workings)
    assert facts["creditor_withheld_cents"] == shared.withheld_cents == sum(shared.allocation_cents)
    assert shared.withheld_cents == min(sum(orders), shared.maximum_cents)


@st.composite
def any_orders(draw: Any) -> list[Order]:
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=7))
    orders = []
    for number, kind in enumerate(kinds):
        amount = draw(st.one_of(st.none(), st.integers(0, 80_000)))
        rate = draw(st.integers(0, 10_000)) if amount is None else None
        if kind in ("federal_levy", "student_loan", "federal_agency") and draw(st.booleans()):
            amount = rate = None
        orders.append(
            order(
                f"o{number}",
                kind,
                amount,
                draw(st.integers(1, 9)),
                percent_bp=rate,
                supports_other_family=draw(st.booleans()),
                arrears_over_12_weeks=draw(st.booleans()),
                exempt_cents=draw(st.one_of(st.none(), st.integers(0, 90_000))),
                balance_cents=draw(st.one_of(st.none(), st.integers(0, 90_000))),
                dependents=draw(st.integers(0, 3)),
            )
        )
    return orders


@settings(max_examples=200, deadline=None)
@given(any_orders(), disposables, frequencies, st.integers(0, 50_000), st.sampled_from([None, "CA", "NY"]))
def test_whatever_the_orders_no_limit_is_passed_and_all_adds_up(
    orders: list[Order], disposable: int, frequency: str, in_effect: int, state: str | None
) -> None:
    rest = {"work_state": state, "minimum_wage_cents": 1650, "deductions_in_effect_cents": in_effect}
    result = garnish(disposable, frequency, orders, LIMITS, **rest)
    assert result.garnished_cents == sum(each.withheld_cents for each in result.orders) <= disposable
    assert result.short_cents == sum(each.short_cents for each in result.orders)
    assert sorted(each.id for each in result.orders) == [each.id for each in orders]
    for each in result.orders:
        assert each.wanted_cents == each.withheld_cents + each.short_cents
        assert min(each.withheld_cents, each.short_cents) >= 0
        assert bool(each.why) == (each.short_cents > 0)
    by_kind = {kind: sum(e.withheld_cents for e in result.orders if e.kind == kind) for kind in KINDS}
    family = by_kind["support"] + by_kind["medical_support"] + by_kind["support_arrears"]
    assert family * 100 <= disposable * 65
    ordinary_kinds = ("student_loan", "federal_agency", "creditor", "wage_assignment")
    limit = ordinary_maximum(disposable, frequency, LIMITS).maximum_cents
    assert sum(by_kind[kind] for kind in ordinary_kinds) <= limit
    assert max(by_kind["student_loan"], by_kind["federal_agency"]) * 100 <= disposable * 15
    if state == "CA":
        assert (by_kind["creditor"] + by_kind["wage_assignment"]) * 5 <= disposable
    # orders listed otherwise, the same result
    assert garnish(disposable, frequency, orders[::-1], LIMITS, **rest) == result
    if orders:
        facts = add_up(result.workings)
        assert facts["garnished_cents"] == result.garnished_cents
        assert all(facts[f"garnishment_{each.id}_cents"] == each.withheld_cents for each in result.orders)
        assert all(facts.get(f"{kind}_withheld_cents", 0) == cents for kind, cents in by_kind.items())


@settings(max_examples=200, deadline=None)
@given(any_orders(), disposables, st.integers(1, 5_000), frequencies)
def test_more_earnings_never_mean_less_withheld(
    orders: list[Order], disposable: int, raise_: int, frequency: str
) -> None:
    less = garnish(disposable, frequency, orders, LIMITS).garnished_cents
    assert less <= garnish(disposable + raise_, frequency, orders, LIMITS).garnished_cents
