"""More forms filled in by hand: states, retirement, calendar; and calculators where two rules meet."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from payroll.calc import (
    state,
    worksheets,  # noqa: F401 - every worksheet is known
)
from payroll.calc.earnings import RetroWeek, retro_hourly
from payroll.calc.federal import W4
from payroll.calc.garnishments import Order, garnish
from payroll.calc.hours import salaried_workweek
from payroll.calc.paycheck import NO_TAXES
from payroll.calc.precedence import within_pay_working
from payroll.calc.state import Election
from payroll.calc.supplemental import aggregate
from payroll.calc.timesheet import Bonus, Entry, hourly_period
from payroll.calc.worksheet import Value, fill_in
from payroll.rules import load

RULES = load(2026)
ROW = ("a.table", 30_000_00, 1_000_00, 100_000)  # from 30,000: 1,000 + 10 %
FIRST_ROW = ("a.table", 0, 0, 100_000)
WITHHELD = "state_income_tax_cents"
DAY = date(2026, 9, 11)


def filled(*working: Any) -> dict[str, Value]:
    lines = fill_in(working).lines
    assert all(isinstance(line.words, str) and line.words.strip() for line in lines)
    return {line.key: line.value for line in lines}


@pytest.mark.parametrize(
    ("working", "lines"),
    [
        (
            # 52,000 - 12,000 - 2,750 = 37,250: 1,725 - 20 = 1,705 / 52 = 32.788, in whole dollars 33
            (
                *("state_annualized", 1000_00, 52, 12_000_00, 2, 1_000_00, 1, 500_00, 1, 250_00, 10_00),
                *(100, 5_00, *ROW),
            ),
            {
                "annual_wages": 52_000_00,
                "allowances": 2_750_00,
                "taxable_wages": 37_250_00,
                "annual_tax": 1_725_00,
                "after_credit": 1_705_00,
                WITHHELD: 38_00,
            },
        ),
        (
            ("state_limited_allowances", 1000_00, 52, 2, 1_000_00, 52_000_00, 5_00, *ROW),
            {
                "annual_wages": 52_000_00,
                "allowances": 2_000_00,
                "taxable_wages": 50_000_00,
                "annual_tax": 3_000_00,
                WITHHELD: 62_69,
            },
        ),
        (
            ("state_limited_allowances", 1000_00, 52, 2, 1_000_00, 51_999_99, 5_00, *ROW),
            {
                "annual_wages": 52_000_00,
                "allowances": 0,
                "taxable_wages": 52_000_00,
                "annual_tax": 3_200_00,
                WITHHELD: 66_54,
            },
        ),
        (
            ("state_period_table", 1000_00, 200_00, 2, 50_00, 5_00, "a.table", 500_00, 10_00, 50_000),
            {"taxable_wages": 700_00, "tax": 20_00, WITHHELD: 25_00},
        ),
        (
            ("state_period_table", 100_00, 200_00, 2, 50_00, 5_00, "a.table", 0, 0, 50_000),
            {"taxable_wages": 0, "tax": 0, WITHHELD: 5_00},
        ),
        (
            # 52,000 - 1,000 - 5,706 = 45,294: 2,529.40 - 168.30 = 2,361.10 / 52 = 45.406
            ("state_ca", 1000_00, 52, 18_896_00, 1, 1_000_00, 5_706_00, 1, 168_30, 5_00, *ROW),
            {
                "annual_wages": 52_000_00,
                "low_income": False,
                "taxable_wages": 45_294_00,
                "computed_tax": 2_529_40,
                "annual_tax_cents": 2_361_10,
                WITHHELD: 50_41,
            },
        ),
        (
            ("state_ca", 100_00, 52, 5_200_00, 0, 1_000_00, 5_706_00, 0, 168_30, 0, *FIRST_ROW),
            {
                "annual_wages": 5_200_00,
                "low_income": True,
                "taxable_wages": 0,
                "computed_tax": 0,
                "annual_tax_cents": 0,
                WITHHELD: 0,
            },
        ),
        (
            ("state_elected_rate", 1000_00, 25_000, 5_00, "a.table"),
            {"tax": 25_00, WITHHELD: 30_00},
        ),
        (
            ("federal_before_2020", 100_00, 0, 52, 2, 10_00, 4_300_00, *FIRST_ROW),
            {"1a": 100_00, "1c": 5_200_00, "1l": 0, "2g": 0, "federal_income_tax_cents": 10_00},
        ),
        (
            ("federal_2020", 100_00, 0, 52, False, 0, 0, 0, 10_00, 8_600_00, *FIRST_ROW),
            {"1a": 100_00, "1c": 5_200_00, "1i": 0, "2g": 0, "3c": 0, "federal_income_tax_cents": 10_00},
        ),
        (
            ("state_unemployment", 1000_00, 8_000_00, 7_000_00, 27_000, "a.table"),
            {"sui_taxable_cents": 0, "employer_sui_cents": 0},
        ),
        (
            ("annual_additions", 500_00, 300_00, 69_900_00, 90_000_00, 70_000_00),
            {"limit": 70_000_00, "room": 0, "match_cents": 0, "match_cut_cents": 500_00},
        ),
        (
            # 3 % of 50,000 of 60,000, less what the year gave
            ("true_up", 60_000_00, 10_000_00, 1_000_00, 50_000_00, None, 300, []),
            {
                "annual_comp": 50_000_00,
                "nonelective": 1_500_00,
                "annual_match_cents": 1_500_00,
                "true_up_cents": 500_00,
            },
        ),
        (
            ("paydays_in_year", 2026, "biweekly", "2027-01-01"),
            {"first_in_year": "none", "paydays_in_year": 0},
        ),
        (
            ("paydays_in_year", 2026, "biweekly", "2026-01-02"),
            {"first_in_year": "2026-01-02", "paydays_in_year": 26},
        ),
    ],
)
def test_forms(working: tuple[Any, ...], lines: dict[str, Value]) -> None:
    assert filled(*working) == lines


def deferred(
    traditional_bp: int, roth_bp: int, age: int, wages: int, *, roth: bool = True
) -> dict[str, Value]:
    """On 1,000.00 a check, 24,000.00 deferred of 24,500.00; catch-up 8,000 or 11,250; Roth over 150,000."""
    plan = (roth, True, True, 24_500_00, 8_000_00, 11_250_00, 150_000_00)
    return filled("deferral", 1000_00, traditional_bp, roth_bp, age, 24_000_00, wages, *plan)


@pytest.mark.parametrize(
    ("age", "wages", "roth", "limit"),
    [
        (49, 0, True, 0),
        (50, 0, True, 8_000_00),
        (59, 0, True, 8_000_00),
        (60, 0, True, 11_250_00),
        (61, 0, True, 11_250_00),
        (62, 0, True, 11_250_00),
        (63, 0, True, 11_250_00),
        (64, 0, True, 8_000_00),
        (50, 150_000_01, True, 8_000_00),
        (50, 150_000_00, False, 8_000_00),
        (50, 150_000_01, False, 0),  # it would have to be Roth, which the plan does not have
    ],
)
def test_the_form_of_catch_up(age: int, wages: int, roth: bool, limit: int) -> None:
    assert deferred(1000, 0, age, wages, roth=roth)["catch_up_limit"] == limit


def test_the_form_of_a_deferral_of_more_than_the_pay() -> None:
    facts = deferred(6000, 6000, 50, 0)
    assert (facts["wanted_traditional"], facts["wanted_roth"]) == (600_00, 400_00)


def test_the_form_of_matched_pay_beyond_the_limit() -> None:
    assert filled("match", 1000_00, 360_000_01, 0, 360_000_00, None, 300, [])["matched_comp_cents"] == 0


def test_the_days_to_a_deposit_are_named() -> None:
    lines = fill_in(("semiweekly_deposit", "2026-07-01", ["2026-07-06"])).lines
    assert [(line.key, line.words, line.value) for line in lines] == [
        ("period_end", "the last day of the semiweekly period", "2026-07-03"),
        ("2026-07-04", "a day of the weekend", 0),
        ("2026-07-05", "a day of the weekend", 0),
        ("2026-07-06", "a legal holiday", 0),
        ("2026-07-07", "a business day", 1),
        ("2026-07-08", "a business day", 2),
        ("2026-07-09", "a business day", 3),
        ("due", "the third business day after the period", "2026-07-09"),
    ]


def withheld(code: str, election: Election) -> int:
    paid = {"frequency": "weekly", "pay_date": DAY, "period_end": DAY, "fica_cents": 0, "ytd_fica_cents": 0}
    return state.withholding(code, 1000_00, election, RULES, **paid).withholding_cents  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "allowances", "cents"),
    [
        # 52,000 - 5,200 - 5,000 = 41,800: 437.70 + 6 % x 23,570 = 1,851.90 / 52 = 35.613
        ("SC", 1, 35_61),
        # 52,000 - 9,160 - 2,320 = 40,520: 1,196 + 5.58 % x 13,915 = 1,972.457 / 52 = 37.932
        ("KS", 2, 37_93),
    ],
)
def test_a_weeks_wages_are_annualized(code: str, allowances: int, cents: int) -> None:
    assert withheld(code, Election(allowances=allowances)) == cents


@pytest.mark.parametrize("code", sorted(RULES.states))
def test_an_additional_amount_is_added_whole(code: str) -> None:
    untaxed = code in {"AK", "FL", "NV", "NH", "SD", "TN", "TX", "WA", "WY"}
    more = withheld(code, Election(additional_cents=7_00)) - withheld(code, Election())
    assert more == (0 if untaxed else 7_00)


def test_retro_pay_just_under_half_a_cent() -> None:
    """0.0001 an hour: 49.99 hours are 0.4999 cents; of 99.98 hours half is the same, and so is the FLSA's."""
    old, new = Decimal(10), Decimal("10.0001")
    none = Decimal(0)
    leave = RetroWeek(none, none, none, leave_hours=Decimal("49.99"))
    assert retro_hourly(old, new, [leave], RULES.flsa).cents == 0
    premium = RetroWeek(Decimal("99.98"), Decimal("99.98"), Decimal("99.98"))
    assert retro_hourly(old, new, [premium], RULES.flsa)[:2] == (1, 0)
    federal = RetroWeek(Decimal("139.98"), Decimal("139.98"), none)
    assert retro_hourly(old, new, [federal], RULES.flsa)[2] == 0


def test_what_a_working_of_cut_taxes_names() -> None:
    taxes = NO_TAXES._replace(
        programmes=(("A", 300, 7, 1000), ("B", 200, 9, 1000)), state_programmes_cents=500
    )
    assert within_pay_working(taxes, 100)[5] == (("A", 300), ("B", 200))


def test_nothing_paid_before_is_what_an_aggregate_takes_for_granted() -> None:
    federal = RULES.federal
    silent = aggregate(0, 1_000_000_00, "weekly", W4(), federal)
    assert silent == aggregate(0, 1_000_000_00, "weekly", W4(), federal, ytd_supplemental_cents=0)


def test_hours_of_a_salaried_workweek() -> None:
    week = salaried_workweek(Decimal(20_800), Decimal(40), Decimal(44), RULES.flsa)
    assert (week.hours_worked, week.regular_hours, week.overtime_hours) == (44, 40, 4)


START = date(2026, 11, 1)  # a Sunday


@pytest.mark.parametrize("week", [0, 1])
def test_a_bonus_belongs_to_its_workweek_alone(week: int) -> None:
    """44 hours at 10.00 in each of two weeks: 20.00 each, and 1.00 / 2 x 4 for the week of the bonus."""
    first = START + timedelta(days=7 * week)
    worked = [
        Entry(START + timedelta(days=7 * each + day), Decimal(11)) for each in (0, 1) for day in range(4)
    ]
    period = hourly_period(
        worked,
        Decimal(10),
        RULES.flsa,
        period_start=START,
        period_end=START + timedelta(days=13),
        bonuses=[Bonus(first, first + timedelta(days=6), 44_00)],
    )
    assert period.premium_cents == 42_00


def test_a_working_names_the_first_day_of_its_workweek_and_gross_is_all_of_it() -> None:
    worked = [
        Entry(START, Decimal(8)),
        Entry(START, Decimal(3), "leave"),
        Entry(START, Decimal(2), "holiday"),
    ]
    period = hourly_period(
        worked, Decimal(10), RULES.flsa, period_start=START, period_end=START, workweek_start=3
    )
    assert [week[0] for week in period.working[1]] == ["2026-10-28"]  # a Wednesday
    assert period.gross_cents == 130_00


def test_a_levy_takes_what_is_left_and_support_of_one_day_goes_first() -> None:
    def order(name: str, kind: str, day: int, cents: int | None = None, exempt: int | None = None) -> Order:
        return Order(name, kind, cents, None, date(2026, 1, day), exempt_cents=exempt)

    levy = order("a", "federal_levy", 10, exempt=900_00)
    orders = [levy, order("b", "support", 10, 10_00), order("c", "support", 11, 5_00)]
    result = garnish(1000_00, "weekly", orders, RULES.garnishment)
    assert [(each.id, each.wanted_cents, each.short_cents) for each in result.orders] == [
        ("b", 10_00, 0),
        ("a", 90_00, 0),
        ("c", 5_00, 0),
    ]
    (limit,) = [working for working in result.workings if working[0] == "levy_limit"]
    assert limit[4] == 0  # the order says what is exempt: no standard deduction
