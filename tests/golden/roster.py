"""The roster of the golden run: three employers, about forty people, by hand, so that each kind of pay is there once.

Two paydays are made of it; the second is the golden one, and the first is its year to date.
"""

from tests.saga import roster_files
from tests.saga.paydays import Row, employer, hourly, salaried
from tests.saga.roster_files import (
    LETTER,
    LEVY,
    OLD_FORM,
    SUPPORT,
    deduction,
    garnishment,
    pay_item,
    tax_form,
)

EMPLOYERS = [
    employer("AURA", retirement_plan="basic_safe_harbor"),
    employer("BIRCH", retirement_plan="half_of_6"),
    employer("CEDAR", retirement_plan="none"),
]
OLD = {name: value for name, value in OLD_FORM.items() if name != "filing_status"}
JOINT = {"filing_status": "mfj", "step3": "4400.00"}

PEOPLE: list[Row] = [
    # Hours: overtime in one week, several rates, leave and a holiday, none at all, left in the middle
    hourly("AURA", "plain-hours", "24.50"),
    hourly("AURA", "overtime", "24.50", work_state="IL"),
    hourly("AURA", "several-rates", "18.1250", work_state="PA"),
    hourly("AURA", "leave-holiday", "31.07", work_state="WA"),
    hourly("AURA", "no-hours", "20.00"),
    hourly("AURA", "left", "22.22", termination_date="2026-11-18"),
    hourly("AURA", "ca-daily", "20.00", work_state="CA"),
    hourly("AURA", "ca-double", "35.3333", work_state="CA", filing_status="hoh"),
    hourly("AURA", "bonus-weeks", "21.75", work_state="OH"),
    hourly("AURA", "commission-week", "19.99", work_state="NJ"),
    hourly("AURA", "premium-too-high", "20.00", section125_per_period="450.00"),
    salaried("AURA", "salary-overtime", "41600.00", flsa_exempt="false", work_state="MA"),
    # Salaries in ten states and four filing statuses
    salaried("BIRCH", "tx", "62400.00"),
    salaried("BIRCH", "il", "62400.00", work_state="IL", **JOINT),
    salaried("BIRCH", "ca", "98765.43", work_state="CA", section125_per_period="120.00"),
    salaried("BIRCH", "ny", "143000.00", work_state="NY", filing_status="mfs", step2_checkbox="true"),
    salaried("BIRCH", "nj", "88888.88", work_state="NJ", traditional_401k_percent="7"),
    salaried("BIRCH", "pa", "78000.00", work_state="PA", traditional_401k_percent="5"),
    salaried("BIRCH", "wa", "210000.00", work_state="WA", step4c="55.00"),
    salaried("BIRCH", "ma", "72345.67", work_state="MA", filing_status="hoh", step4a="1200.00"),
    salaried("BIRCH", "co", "55555.55", work_state="CO", step4b="3000.00"),
    salaried("BIRCH", "oh", "47000.00", work_state="OH"),
    salaried("BIRCH", "hired", "62400.00", hire_date="2026-11-23"),
    salaried("BIRCH", "gone", "62400.00", termination_date="2026-11-17"),
    # Forms
    salaried("BIRCH", "before-2020", "62400.00", filing_status="married", **OLD),
    salaried("BIRCH", "exempt", "31200.00"),
    salaried("BIRCH", "lock-in", "62400.00", **JOINT),
    salaried("BIRCH", "nonresident", "62400.00", work_state="NY"),
    salaried("BIRCH", "state-form", "62400.00", work_state="IL"),
    # Limits of the year: Social Security, 402(g), catch-up, Additional Medicare
    salaried("BIRCH", "limits", "4800000.00", traditional_401k_percent="12", birth_date="1990-01-01"),
    salaried("BIRCH", "catch-up", "4000000.00", roth_401k_percent="15", birth_date="1964-05-05"),
    # Pay items, deductions, orders
    salaried("CEDAR", "bonus", "62400.00"),
    salaried("CEDAR", "first-bonus", "7800.00"),
    salaried("CEDAR", "retro-refund", "62400.00", work_state="CO"),
    salaried("CEDAR", "benefits", "104000.00", work_state="PA"),
    salaried("CEDAR", "dues", "62400.00"),
    salaried("CEDAR", "support", "62400.00"),
    salaried("CEDAR", "creditor", "62400.00", work_state="CA"),
    salaried("CEDAR", "levy", "62400.00", traditional_401k_percent="4"),
    hourly("CEDAR", "everything", "17.77", work_state="OH", traditional_401k_percent="10"),
]

WEEK = range(16, 21)  # Monday to Friday of the first workweek, 15 to 21 November
NEXT_WEEK = range(23, 28)


def _hours(employer_id: str, employee_id: str, first: str, second: str, **other: str) -> list[Row]:
    return [
        roster_files.entry(employer_id, employee_id, f"2026-11-{day}", hours, **other)
        for days, hours in ((WEEK, first), (NEXT_WEEK, second))
        for day in days
        if hours
    ]


def _day(employee_id: str, day: int, hours: str, **other: str) -> Row:
    return roster_files.entry("AURA", employee_id, f"2026-11-{day:02d}", hours, **other)


TIME = [
    *_hours("AURA", "plain-hours", "8.00", "8.00"),
    *_hours("AURA", "overtime", "9.75", "7.25"),
    *_hours("AURA", "several-rates", "5.00", "8.00"),
    *_hours("AURA", "several-rates", "4.50", "", rate="26.50"),
    *_hours("AURA", "leave-holiday", "8.00", ""),
    *(_day("leave-holiday", day, "8.00", kind="leave") for day in (23, 24, 25)),
    _day("leave-holiday", 26, "8.00", kind="holiday"),
    *(_day("left", day, "8.00") for day in (16, 17, 18)),
    *_hours("AURA", "ca-daily", "9.50", "8.00"),
    *(_day("ca-double", day, "13.25") for day in (16, 17)),
    *_hours("AURA", "bonus-weeks", "8.00", "8.00"),
    *(_day("bonus-weeks", day, "10.00") for day in (2, 3, 4, 5, 6)),
    *_hours("AURA", "commission-week", "8.80", "8.00"),
    *_hours("AURA", "premium-too-high", "4.00", ""),
    *_hours("AURA", "salary-overtime", "9.00", "8.00"),
    *_hours("CEDAR", "everything", "8.40", "8.00"),
]


def _item(employer_id: str, employee_id: str, amount: str, kind: str, **other: str) -> Row:
    return pay_item(employer_id, employee_id, "2026-11-20", amount, kind=kind, **other)


PAY_ITEMS = [
    _item("AURA", "bonus-weeks", "200.00", "bonus", earned_from="2026-11-01", earned_to="2026-11-14"),
    _item(
        "AURA", "commission-week", "333.33", "commission", earned_from="2026-11-15", earned_to="2026-11-21"
    ),
    pay_item("CEDAR", "bonus", "2026-11-06", "900000.00", kind="discretionary_bonus"),
    _item("CEDAR", "bonus", "150000.00", "discretionary_bonus"),
    _item("CEDAR", "first-bonus", "1000.00", "bonus"),
    _item("CEDAR", "retro-refund", "412.34", "retro"),
    _item("CEDAR", "retro-refund", "87.65", "reimbursement", reference="T-1"),
    _item("CEDAR", "everything", "60.00", "discretionary_bonus"),
    _item("CEDAR", "everything", "12.34", "reimbursement"),
]
DEDUCTIONS = [
    deduction("CEDAR", "benefits", "H", "2600.00", kind="hsa_self"),
    deduction("CEDAR", "benefits", "C", "300.00", kind="dependent_care"),
    deduction("CEDAR", "dues", "A", "12.50"),
    deduction("CEDAR", "dues", "B", "5000.00"),
    deduction("CEDAR", "levy", "A", "50.00", start_date="2026-01-02"),
    deduction("CEDAR", "everything", "A", "9.99"),
    deduction("CEDAR", "everything", "H", "40.00", kind="hsa_family"),
]
GARNISHMENTS = [
    garnishment("CEDAR", "support", "O-1", **SUPPORT | {"amount": "420.00"}),
    garnishment("CEDAR", "support", "O-2", balance="150.00"),
    garnishment("CEDAR", "creditor", "O-3", amount="", percent="25", minimum_wage="16.90"),
    garnishment("CEDAR", "levy", "O-4", **LEVY),
    garnishment("CEDAR", "everything", "O-5", **SUPPORT | {"amount": "250.00"}),
    garnishment("CEDAR", "everything", "O-6", kind="student_loan", amount=""),
]
TAX_FORMS = [
    tax_form("BIRCH", "exempt", w4_exempt="true"),
    tax_form("BIRCH", "lock-in", **LETTER),
    tax_form("BIRCH", "nonresident", nonresident_alien="table2"),
    tax_form("BIRCH", "state-form", state_allowances="2", state_additional_withholding="10.00"),
]
MORE = {
    roster_files.PAY_ITEMS: PAY_ITEMS,
    roster_files.DEDUCTIONS: DEDUCTIONS,
    roster_files.GARNISHMENTS: GARNISHMENTS,
    roster_files.TAX_FORMS: TAX_FORMS,
}
