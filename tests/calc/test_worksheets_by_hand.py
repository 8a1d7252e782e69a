"""Worksheets filled in by hand: every line, also those that no tax depends on but an auditor reads."""

from fractions import Fraction
from typing import Any

import pytest

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.worksheet import Value, fill_in

ROW = ("a.table", 40_000_00, 1_000_00, 100_000)  # from 40,000: 1,000 + 10 %
FIRST_ROW = ("a.table", 0, 0, 100_000)
WITHHELD = "state_income_tax_cents"


def filled(*working: Any) -> dict[str, Value]:
    """The lines by their keys; each of them says something."""
    lines = fill_in(working).lines
    assert all(isinstance(line.words, str) and line.words.strip() for line in lines)
    return {line.key: line.value for line in lines}


# 52,000 a year: half of 12,000 is gone, 2 x 1,000 of allowances: 1,000 + 10 % x 4,000 = 1,400 / 52 = 26.923
# 52,000: 5,000 of the 5,200 are deducted, and 1,000: 1,000 + 10 % x 6,000 = 1,600 / 52 = 30.769
# 52,000: 2 x 2,000 + 500 of allowances: 1,000 + 10 % x 7,500 = 1,750 / 52 = 33.654
@pytest.mark.parametrize(
    ("working", "lines"),
    [
        (
            ("state_phased_deduction", 1000_00, 52, 12_000_00, 42_000_00, 62_000_00, 2, 1_000_00, 5_00, *ROW),
            {
                "annual_wages": 52_000_00,
                "phased_out": Fraction(1, 2),
                "deduction": 6_000_00,
                "taxable_wages": 44_000_00,
                "annual_tax": 1_400_00,
                WITHHELD: 31_92,
            },
        ),
        (
            ("state_phased_deduction", 0, 52, 12_000_00, 42_000_00, 62_000_00, 2, 1_000_00, 0, *FIRST_ROW),
            {
                "annual_wages": 0,
                "phased_out": 0,
                "deduction": 12_000_00,
                "taxable_wages": 0,
                "annual_tax": 0,
                WITHHELD: 0,
            },
        ),
        (
            ("state_percent_deduction", 1000_00, 52, 100_000, 5_000_00, 1, 1_000_00, 5_00, *ROW),
            {
                "annual_wages": 52_000_00,
                "deduction": 5_000_00,
                "taxable_wages": 46_000_00,
                "annual_tax": 1_600_00,
                WITHHELD: 35_77,
            },
        ),
        (
            ("state_percent_deduction", 0, 52, 100_000, 5_000_00, 0, 1_000_00, 0, *FIRST_ROW),
            {"annual_wages": 0, "deduction": 0, "taxable_wages": 0, "annual_tax": 0, WITHHELD: 0},
        ),
        (
            ("state_first_allowances", 1000_00, 52, 3, 2, 2_000_00, 500_00, 5_00, *ROW),
            {
                "annual_wages": 52_000_00,
                "allowances": 4_500_00,
                "taxable_wages": 47_500_00,
                "annual_tax": 1_750_00,
                WITHHELD: 38_65,
            },
        ),
        (
            ("state_first_allowances", 10_00, 52, 1, 2, 2_000_00, 500_00, 0, *FIRST_ROW),
            {
                "annual_wages": 520_00,
                "allowances": 2_000_00,
                "taxable_wages": 0,
                "annual_tax": 0,
                WITHHELD: 0,
            },
        ),
        (
            # 20.00 is left to deduct: 980 x 52 - 5,400 = 45,560 at 5 % - 120 = 2,158 / 52 = 41.50
            (
                *("state_ma", 1000_00, 52, 76_50, 1_980_00, 2_000_00, 2, 4_400_00, 1_000_00, 120_00),
                *(8_000_00, 5_00, "a.table", 0, 0, 50_000),
            ),
            {
                "fica_deducted": 20_00,
                "annual_wages": 50_960_00,
                "exemptions": 5_400_00,
                "taxable_wages": 45_560_00,
                "annual_tax": 2_278_00,
                "after_credit": 2_158_00,
                WITHHELD: 46_50,
            },
        ),
        (
            (
                *("state_ma", 100_00, 52, 76_50, 2_100_00, 2_000_00, 0, 4_400_00, 1_000_00, 0),
                *(5_200_00, 0, "a.table", 0, 0, 50_000),
            ),
            {
                "fica_deducted": 0,
                "annual_wages": 5_200_00,
                "exemptions": 0,
                "taxable_wages": 5_200_00,
                "annual_tax": 260_00,
                "after_credit": 0,
                WITHHELD: 0,
            },
        ),
        (
            # 2,000 / 52, 1,500 / 52 twice, 3,000 / 52; 846.15 at 3 % = 25.3845
            (
                *("state_exemption_lines", 1000_00, 52, 2, 1_000_00, 1, 1_500_00, 1, 1_500_00, 1, 3_000_00),
                *(30_000, 5_00, "a.table"),
            ),
            {
                "personal": 38_46,
                "dependent": 28_85,
                "first_time": 28_85,
                "adopted": 57_69,
                "taxable_wages": 846_15,
                WITHHELD: 30_38,
            },
        ),
        (
            ("state_exemption_lines", 1, 52, 2, 1_000_00, 0, 0, 0, 0, 0, 0, 30_000, 5_00, "a.table"),
            {
                "personal": 38_46,
                "dependent": 0,
                "first_time": 0,
                "adopted": 0,
                "taxable_wages": 0,
                WITHHELD: 5_00,
            },
        ),
        (
            ("state_period_deduction", 1000_00, 52, 200_00, 104_00, 38_000, 5_00, "a.table"),
            {"taxable_wages": 800_00, "after_credit": 28_40, WITHHELD: 33_40},
        ),
        (
            ("state_period_deduction", 100_00, 52, 200_00, 104_00, 38_000, 5_00, "a.table"),
            {"taxable_wages": 0, "after_credit": 0, WITHHELD: 5_00},
        ),
        (
            # 900 - 1.3 % x 34,000 = 458; 2,340 - 458 = 1,882 / 52 = 36.192
            ("state_tapered_credit", 1000_00, 52, 45_000, 900_00, 18_000_00, 13_000, 5_00, "a.table"),
            {"annual_wages": 52_000_00, "credit": 458_00, "after_credit": 1_882_00, WITHHELD: 41_19},
        ),
        (
            ("state_tapered_credit", 10_00, 52, 45_000, 900_00, 18_000_00, 13_000, 5_00, "a.table"),
            {"annual_wages": 520_00, "credit": 900_00, "after_credit": 0, WITHHELD: 5_00},
        ),
    ],
)
def test_states(working: tuple[Any, ...], lines: dict[str, Value]) -> None:
    assert filled(*working) == lines


@pytest.mark.parametrize(
    ("working", "lines"),
    [
        (
            ("ordinary_limit", 1200_00, "weekly", 725, 30, 2500),
            {
                "protected_cents": 217_50,
                "ordinary_excess": 982_50,
                "ordinary_share": 300_00,
                "ordinary_maximum_cents": 300_00,
            },
        ),
        (
            ("state_ordinary_limit", 1000_00, "weekly", "CA", 1690, 48, 2000, 4000),
            {
                "state_protected_cents": 811_20,
                "state_excess": 75_52,
                "state_share": 200_00,
                "state_ordinary_maximum_cents": 75_52,
            },
        ),
        (
            ("state_ordinary_limit", 500_00, "weekly", "CA", 1690, 48, 2000, 4000),
            {
                "state_protected_cents": 811_20,
                "state_excess": 0,
                "state_share": 100_00,
                "state_ordinary_maximum_cents": 0,
            },
        ),
        (("federal_debt_limit", "student_loan", 999, 1500), {"student_loan_maximum_cents": 149}),
        (
            # 5,300 / 26 = 203.846; 16,100 / 26 = 619.231 + 2 x 203.85
            ("levy_limit", 2000_00, 300_00, 26, 16_100_00, 5_300_00, 2, None),
            {
                "levy_take_home_cents": 1700_00,
                "levy_exemption_cents": 203_85,
                "levy_exempt_cents": 1026_93,
                "federal_levy_maximum_cents": 673_07,
            },
        ),
        (
            ("levy_limit", 2000_00, 300_00, 26, 0, 5_300_00, 2, 900_00),
            {
                "levy_take_home_cents": 1700_00,
                "levy_exempt_cents": 900_00,
                "federal_levy_maximum_cents": 800_00,
            },
        ),
        (
            ("levy_limit", 800_00, 0, 26, 0, 5_300_00, 2, 900_00),
            {
                "levy_take_home_cents": 800_00,
                "levy_exempt_cents": 900_00,
                "federal_levy_maximum_cents": 0,
            },
        ),
        (
            (
                "garnishment_turn",
                "medical_support",
                "whole",
                0,
                [["support_maximum_cents", 100_00, 20_00]],
                [["a", 50_00], ["b", 30_01], ["c", 20_00]],
            ),
            {
                "medical_support_room_cents": 80_00,
                "medical_support_wanted_cents": 100_01,
                "garnishment_a_cents": 50_00,
                "garnishment_b_cents": 0,
                "garnishment_c_cents": 20_00,
                "medical_support_withheld_cents": 70_00,
            },
        ),
        (
            (
                "garnishment_turn",
                "medical_support",
                "whole",
                0,
                [["m", 80_00, 0]],
                [["a", 50_00], ["b", 30_00]],
            ),
            {
                "medical_support_room_cents": 80_00,
                "medical_support_wanted_cents": 80_00,
                "garnishment_a_cents": 50_00,
                "garnishment_b_cents": 30_00,
                "medical_support_withheld_cents": 80_00,
            },
        ),
        (
            (
                "garnishment_turn",
                "creditor",
                "in_turn",
                1_00,
                [["m", 10_00, 0]],
                [["a", 6_00], ["b", 6_00], ["c", 5]],
            ),
            {
                "creditor_room_cents": 10_00,
                "creditor_wanted_cents": 12_05,
                "garnishment_a_cents": 6_00,
                "garnishment_b_cents": 4_00,
                "garnishment_c_cents": 0,
                "creditor_withheld_cents": 11_00,
            },
        ),
        (
            ("garnished", 10_000, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
            {
                "garnished_family_cents": 7,
                "garnished_public_cents": 16 + 32 + 64 + 128,
                "garnished_private_cents": 8 + 256 + 512,
                "garnished_cents": 1023,
            },
        ),
    ],
)
def test_garnishment(working: tuple[Any, ...], lines: dict[str, Value]) -> None:
    assert filled(*working) == lines


def test_net_pay() -> None:
    assert filled("net_pay", 1000_00, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096) == {
        "employee_taxes": 63,
        "disposable_cents": 1000_00 - 63,
        "benefits": 64 + 128 + 256 + 512,
        "others": 1024 + 2048,
        "net_cents": 1000_00 - 4095 + 4096,
    }


def test_taxes_within_pay() -> None:
    programmes = [["A", 300], ["B", 600]]
    assert filled("taxes_within_pay", 1000, 100, 50, 25, programmes, 200, 100, 90) == {
        "room": 825,
        "A_cents": 300,
        "B_cents": 525,
        "state_programmes_cents": 825,
        "state_income_tax_cents": 0,
        "federal_income_tax_cents": 0,
        "supplemental_income_tax_cents": 0,
    }
    programmes = [["A", 300], ["B", 100]]
    assert filled("taxes_within_pay", 1000, 100, 50, 25, programmes, 200, 300, 290) == {
        "room": 825,
        "A_cents": 300,
        "B_cents": 100,
        "state_programmes_cents": 400,
        "state_income_tax_cents": 200,
        "federal_income_tax_cents": 225,
        "supplemental_income_tax_cents": 225,
    }


def test_sums() -> None:
    assert filled("gross_pay", 1, 2, 4, 8, 16, 32) == {"gross_cents": 63}
    assert filled("premiums", 1, 2, 4) == {"section125_cents": 3, "hsa_cents": 4}
    assert filled("post_tax_deductions", [1, 2]) == {"post_tax_cents": 3}
    assert filled("total", "hours", [1, 2]) == {"hours": 3}
    assert filled("first_of", "check", [False, True, True]) == {"check": 2}
    assert filled("first_of", "check", [False]) == {"check": None}
    assert filled("federal_together", ["federal_exempt"], ["federal_exempt"]) == {
        "regular.federal_income_tax_cents": 0,
        "supplemental.federal_income_tax_cents": 0,
        "supplemental_income_tax_cents": 0,
        "federal_income_tax_cents": 0,
    }


@pytest.mark.parametrize(
    ("rooms", "taken"),
    [
        ([100, 50, 10], (100, 50, 10)),
        ([101, 49, 11], (100, 0, 10)),
        ([99, 50, 9], (0, 50, 0)),
    ],
)
def test_a_premium_is_taken_whole_where_the_pay_bears_it(rooms: list[int], taken: tuple[int, ...]) -> None:
    names = ["section125_premiums", "dependent_care", "hsa"]
    entries = [list(each) for each in zip(names, [100, 50, 10], rooms, strict=True)]
    assert filled("premiums_within_pay", entries) == {
        **{f"{name}_cents": cents for name, cents in zip(names, taken, strict=True)},
        "section125_cents": taken[0] + taken[1],
    }


@pytest.mark.parametrize(
    ("day", "op", "count", "days", "result"),
    [
        # 2026-07-02 is a Thursday; the Monday after is a holiday here
        ("2026-07-02", "add", 2, ["03 open", "04", "05", "06", "07 open"], "2026-07-07"),
        ("2026-07-07", "add", -1, ["06", "05", "04", "03 open"], "2026-07-03"),
        ("2026-07-04", "add", 0, [], "2026-07-04"),
        ("2026-07-04", "adjust_after", 0, ["05", "06", "07 open"], "2026-07-07"),
        ("2026-07-04", "adjust_before", 0, ["03 open"], "2026-07-03"),
        ("2026-07-03", "adjust_before", 0, [], "2026-07-03"),
    ],
)
def test_banking_days(day: str, op: str, count: int, days: list[str], result: str) -> None:
    lines = fill_in(("banking_day", day, op, count, ["2026-07-06"])).lines
    assert [(line.key, line.words, line.value) for line in lines] == [
        *[
            (f"2026-07-{each[:2]}", "a banking day", True)
            if each.endswith("open")
            else (f"2026-07-{each}", "a weekend or a holiday", False)
            for each in days
        ],
        ("result", "the day that is reached", result),
    ]


def test_whether_a_day_is_a_banking_day() -> None:
    found = {
        day: filled("banking_day", f"2026-07-0{day}", "is_banking_day", 0, ["2026-07-06"])
        for day in range(3, 8)
    }
    assert found == {
        3: {"result": True},
        4: {"result": False},
        5: {"result": False},
        6: {"result": False},
        7: {"result": True},
    }
