"""Bonuses, deductions, court orders and tax forms, from the roster's files to the bank.

What people are owed is worked out here by hand. All are single Texans paid every two weeks, unless it says otherwise:

    federal   IRS Pub. 15-T (2026), Worksheet 1A: annual wages less 8,600; 10 % from 7,500, 1,240.00 + 12 % from 19,900,
              5,800.00 + 22 % from 57,900. Supplemental wages: 22 % flat (Pub. 15 sec. 7)
    FICA      6.2 % and 1.45 %
    orders    15 USC 1673: ordinary ones take at most 25 % of disposable pay, and leave 435.00 every two weeks
              (30 hours of 7.25 a week); support takes at most 50 % of who supports another family
"""

from pathlib import Path
from typing import Any

import pytest

from events import dead_letters
from ops import proof
from payroll import corrections
from payroll.models import Paycheck
from tests.saga import pay_inputs, paydays, roster_files
from tests.saga.paydays import NEXT, Row, employer, hourly, salaried, worked
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

pytestmark = pytest.mark.usefixtures("db", "by_file")

# 62,400 / 26 = 2,400.00. Federal: 62,400 - 8,600 = 53,800; 1,240 + 12 % of 33,900 = 5,308.00; / 26 = 204.15.
# Social Security 148.80, Medicare 34.80
REGULAR_TAX = 20_415
DISPOSABLE = 240_000 - REGULAR_TAX - 14_880 - 3_480
TAKEN = (
    *("federal_income_tax_cents", "social_security_cents", "medicare_cents", "additional_medicare_cents"),
    *("state_income_tax_cents", "state_programmes_cents", "section125_cents", "hsa_cents"),
    *("traditional_401k_cents", "roth_401k_cents", "garnished_cents", "post_tax_cents"),
)
FORTY_HOURS = dict.fromkeys(range(2, 7), "8.00")
FIFTY_HOURS = dict.fromkeys(range(2, 7), "10.00")


@pytest.fixture
def by_file(settings: Any) -> None:
    """Payment files are laid down for the bank to fetch; no process is started."""
    settings.PAYROLL_GATEWAY = "ach"


def ann(**other: str) -> Row:
    """2,400.00 every two weeks."""
    return salaried("ACME", "ann", "62400.00", **other)


def item(amount: str, kind: str, employee: str = "ann", **other: str) -> Row:
    """A pay item in the first period."""
    return pay_item("ACME", employee, "2026-11-05", amount, kind=kind, **other)


def paid(tmp_path: Path, people: list[Row], time: list[Row], **more: list[Row]) -> dict[str, list[int]]:
    """Run a payday of ACME; what the bank was told to pay. The proof of the run holds."""
    files = {f"{name}.csv": rows for name, rows in more.items()}
    pay_inputs.load(tmp_path, [employer("ACME")], people, time, more=files)
    run = paydays.pay()
    proven(run)
    return paydays.credits()


def proven(run: Any) -> None:
    """The run's proof holds, and each paycheck adds up line by line: added up here, with all that can be taken."""
    assert [(line.name, line.findings) for line in proof.prove(run) if not line.holds] == []
    for line in Paycheck.objects.all():
        facts = line.facts
        if "net_cents" not in facts:
            continue
        taken = sum(facts[name] for name in TAKEN)
        assert facts["net_cents"] == facts["gross_cents"] + facts["reimbursement_cents"] - taken, line.stream
        assert facts["garnished_cents"] == sum(order[2] for order in facts["garnishments"])
        assert facts["post_tax_cents"] == sum(each[1] for each in facts["post_tax"])
        assert facts["state_programmes_cents"] == sum(each[1] for each in facts["programmes"])


# Pay items


def test_a_bonus_is_taxed_flat_beside_the_salary(tmp_path: Path) -> None:
    """22 % of 1,000.00; FICA on 3,400.00: 210.80 and 49.30."""
    found = paid(tmp_path, [ann()], [], pay_items=[item("1000.00", "discretionary_bonus")])
    assert found == {"ann": [340_000 - REGULAR_TAX - 22_000 - 21_080 - 4_930]}
    facts = paydays.facts("ACME", "ann")
    assert (facts["supplemental_cents"], facts["supplemental_income_tax_cents"]) == (100_000, 22_000)
    assert facts["federal_income_tax_cents"] == REGULAR_TAX + 22_000


def test_a_bonus_for_earlier_weeks_raises_the_overtime_of_these_weeks(tmp_path: Path) -> None:
    """200.00 for two workweeks in October, 100.00 each. In the first 50 h were worked: 100 / 50 x 1/2 x 10 h = 10.00.

    Now 40 h at 20.00. Gross 800 + 200 + 10. Federal on 810.00: 21,060 - 8,600 = 12,460; 10 % of 4,960 = 496.00;
    / 26 = 19.08; 22 % of 200.00. FICA on 1,010.00: 62.62, and 14.645 is 14.65
    """
    october = [
        roster_files.entry("ACME", "tex", f"2026-10-{day}", hours)
        for days, hours in ((range(19, 24), "10.00"), (range(26, 31), "8.00"))
        for day in days
    ]
    bonus = item("200.00", "bonus", "tex", earned_from="2026-10-18", earned_to="2026-10-31")
    time = [*worked("ACME", "tex", FORTY_HOURS), *october]
    found = paid(tmp_path, [hourly("ACME", "tex", "20.00")], time, pay_items=[bonus])
    assert found == {"tex": [101_000 - 1_908 - 4_400 - 6_262 - 1_465]}
    facts = paydays.facts("ACME", "tex")
    assert (facts["straight_time_cents"], facts["overtime_premium_cents"]) == (80_000, 1_000)
    assert facts["hours_worked_hundredths"] == 4_000, "October was paid in October"
    assert paydays.part("ACME")["EmployerRunBegan"]["manifest_hours_hundredths"] == 4_000


def test_a_commission_raises_the_overtime_of_its_week(tmp_path: Path) -> None:
    """50 h at 20.00 and 100.00: (1,000 + 100) / 50 x 1/2 x 10 h = 110.00. Gross 1,210.00.

    Federal on 1,110.00: 28,860 - 8,600 = 20,260; 1,240 + 12 % of 360 = 1,283.20; / 26 = 49.35; 22 % of 100.00.
    FICA 75.02, and 17.545 is 17.55
    """
    commission = item("100.00", "commission", "tex", earned_from="2026-11-01", earned_to="2026-11-07")
    time = worked("ACME", "tex", FIFTY_HOURS)
    found = paid(tmp_path, [hourly("ACME", "tex", "20.00")], time, pay_items=[commission])
    assert found == {"tex": [121_000 - 4_935 - 2_200 - 7_502 - 1_755]}


@pytest.mark.parametrize("kind", ["bonus", "commission"])
def test_who_has_overtime_needs_the_days_over_which_it_was_earned(tmp_path: Path, kind: str) -> None:
    time = worked("ACME", "tex", FIFTY_HOURS)
    people = [hourly("ACME", "tex", "20.00")]
    rows = pay_inputs.load(
        tmp_path, [employer("ACME")], people, time, more={PAY_ITEMS: [item("100.00", kind, "tex")]}
    )
    paydays.pay()
    letter = paydays.letter()
    assert (letter.step, letter.kind) == ("time-entry", "needs review")
    assert "give its first and last day" in letter.reason and "100.00" in letter.reason
    days = {"earned_from": "2026-11-01", "earned_to": "2026-11-07"}
    pay_inputs.change(tmp_path, rows | {PAY_ITEMS: [item("100.00", kind, "tex", **days)]})
    corrections.redrive_corrected(letter.id, by="maker")
    paydays.work()
    assert paydays.facts("ACME", "tex", sequence=2)["overtime_premium_cents"] == 11_000


def test_commission_retro_and_reimbursement(tmp_path: Path) -> None:
    """ann: 500.00 more, 22 % of it, FICA on 2,900.00: 179.80 and 42.05. bob: 300.00 more, 66.00, 167.40 and 39.15.

    Nothing is taken from what was reimbursed, and somebody without hours gets that alone.
    """
    found = paid(
        tmp_path,
        [ann(), salaried("ACME", "bob", "62400.00"), hourly("ACME", "idle", "20.00")],
        [],
        pay_items=[
            item("500.00", "commission"),
            item("300.00", "retro", "bob"),
            item("33.10", "reimbursement", "bob", reference="Trip 7"),
            item("25.00", "reimbursement", "idle"),
            pay_item("ACME", "ann", "2026-10-31", "1.00", kind="retro"),
            pay_item("ACME", "ann", "2026-11-15", "1.00", kind="retro"),
        ],
    )
    assert found == {
        "ann": [290_000 - REGULAR_TAX - 11_000 - 17_980 - 4_205],
        "bob": [270_000 - REGULAR_TAX - 6_600 - 16_740 - 3_915 + 3_310],
        "idle": [2_500],
    }
    assert [line[:3] for line in paydays.facts("ACME", "bob")["items"]] == [
        ["retro", 30_000, ""],
        ["reimbursement", 3_310, "Trip 7"],
    ]
    idle = paydays.facts("ACME", "idle")
    assert (idle["gross_cents"], idle["employee_taxes_cents"], idle["no_hours"]) == (0, 0, True)


def test_an_item_is_paid_once_in_the_period_of_its_day(tmp_path: Path) -> None:
    """The last day of the first period and the first of the next."""
    items = [
        pay_item("ACME", "ann", day, amount, kind="reimbursement")
        for day, amount in (("2026-11-14", "1.00"), ("2026-11-15", "2.00"))
    ]
    pay_inputs.load(tmp_path, [employer("ACME")], [ann()], more={PAY_ITEMS: items})
    paydays.pay()
    paydays.pay(period=NEXT)
    assert paydays.credits() == {"ann": [DISPOSABLE + 100, DISPOSABLE + 200]}


# Deductions


def test_deductions_after_tax_are_taken_in_order_as_far_as_they_fit(tmp_path: Path) -> None:
    """8 h at 20.00 less FICA of 9.92 and 2.32 are 147.76: 100.00 fit, of the next 100.00 47.76."""
    found = paid(
        tmp_path,
        [ann(), hourly("ACME", "few", "20.00")],
        worked("ACME", "few", {2: "8.00"}),
        deductions=[
            deduction("ACME", "ann", "Union dues", "12.50"),
            deduction("ACME", "ann", "over", "1.00", end_date="2026-11-19"),
            deduction("ACME", "ann", "not yet", "1.00", start_date="2026-11-21"),
            deduction("ACME", "few", "b", "100.00"),
            deduction("ACME", "few", "a", "100.00"),
        ],
    )
    assert found == {"ann": [DISPOSABLE - 1_250]}
    few = paydays.facts("ACME", "few")
    assert few["post_tax"] == [["a", 10_000, 10_000], ["b", 4_776, 10_000]]
    assert (few["post_tax_cents"], few["net_cents"]) == (14_776, 0)


def test_a_premium_lowers_all_taxes_and_one_that_does_not_fit_is_not_taken(tmp_path: Path) -> None:
    """ann: HSA of 200.00. Federal on 2,200.00: 57,200 - 8,600 = 48,600; 1,240 + 12 % of 28,700 = 4,684.00; / 26 =
    180.15; FICA 136.40 and 31.90. few: 160.00, and 200.00 do not fit.
    """
    found = paid(
        tmp_path,
        [ann(), hourly("ACME", "few", "20.00")],
        worked("ACME", "few", {2: "8.00"}),
        deductions=[deduction("ACME", each, "HSA", "200.00", kind="hsa_family") for each in ("ann", "few")],
    )
    assert found == {"ann": [220_000 - 18_015 - 13_640 - 3_190], "few": [16_000 - 992 - 232]}
    few = paydays.facts("ACME", "few")
    assert (few["hsa_cents"], few["hsa_short_cents"]) == (0, 20_000)


# Court orders


def test_support_is_served_before_creditors_under_one_limit(tmp_path: Path) -> None:
    """Disposable 2,012.25: support may take 1,006.12, ordinary orders 503.06, and support counts against that.

    ann: 800.00 for support leave a creditor nothing. bob: 300.00 leave 203.06 of 400.00.
    cal: 600.00 and 900.00 for support share 1,006.12 by amount: 402.448 and 603.672; the cent left goes to the first
    """
    orders = [
        garnishment("ACME", "ann", "S", **SUPPORT | {"amount": "800.00"}),
        garnishment("ACME", "ann", "C"),
        garnishment("ACME", "bob", "C", amount="400.00"),
        garnishment("ACME", "bob", "S", received_date="2026-10-01", **SUPPORT | {"amount": "300.00"}),
        garnishment("ACME", "cal", "S1", **SUPPORT | {"amount": "600.00"}),
        garnishment("ACME", "cal", "S2", **SUPPORT | {"amount": "900.00"}),
    ]
    people = [ann(), salaried("ACME", "bob", "62400.00"), salaried("ACME", "cal", "62400.00")]
    found = paid(tmp_path, people, [], garnishments=orders)
    assert DISPOSABLE == 201_225
    assert found == {
        "ann": [DISPOSABLE - 80_000],
        "bob": [DISPOSABLE - 30_000 - 20_306],
        "cal": [DISPOSABLE - 100_612],
    }
    lines = {each: paydays.facts("ACME", each)["garnishments"] for each in ("ann", "bob", "cal")}
    assert [line[:4] for line in lines["ann"]] == [
        ["S", "support", 80_000, 80_000],
        ["C", "creditor", 0, 10_000],
    ]
    assert [line[2] for line in lines["bob"]] == [30_000, 20_306]
    assert [line[2] for line in lines["cal"]] == [40_245, 60_367]
    assert lines["bob"][0][4] == "" and "503.06" in lines["bob"][1][4]


def test_an_order_ends_with_its_balance_over_two_runs(tmp_path: Path) -> None:
    """300.00 a time of 450.00 in all; nothing is left for a third time."""
    orders = [
        garnishment("ACME", "ann", "C", amount="300.00", balance="450.00"),
        garnishment("ACME", "bob", "C", amount="10.00"),
    ]
    people = [ann(), salaried("ACME", "bob", "62400.00")]
    pay_inputs.load(tmp_path, [employer("ACME")], people, more={GARNISHMENTS: orders})
    december = (NEXT[1].replace(day=29), NEXT[2].replace(day=12), NEXT[2].replace(day=18))
    for period in ((paydays.START, paydays.END, paydays.PAYDAY), NEXT, december):
        paydays.pay(period=period)
    assert paydays.credits() == {
        "ann": [DISPOSABLE - 30_000, DISPOSABLE - 15_000, DISPOSABLE],
        "bob": [DISPOSABLE - 1_000] * 3,
    }
    assert paydays.facts("ACME", "ann", december)["garnishments"] == [["C", "creditor", 0, 0, ""]]


def test_a_levy_leaves_its_exempt_amount_and_what_was_in_effect_before_it(tmp_path: Path) -> None:
    """5 % = 120.00 deferred. Federal on 2,280.00: 59,280 - 8,600 = 50,680; 1,240 + 12 % of 30,780 = 4,933.60; / 26 =
    189.75. FICA 183.60, disposable 2,026.65. Take-home is that less 120.00 and dues of 50.00, 1,856.65.

    ann: all above 1,000.00. bob: dues began after the levy and come out of the 1,000.00. cal: no statement, so married
    filing separately: 16,100 / 26 = 619.23. dan: jointly with two dependents: 1,238.46 + 2 x 203.85 = 1,646.16.
    eve: an HSA of 100.00 beside, once. Federal on 2,180.00: 48,080; 1,240 + 12 % of 28,180 = 4,621.60; / 26 = 177.75;
    FICA 142.60 and 33.35; disposable 2,046.30 less 100.00, 120.00, 50.00 and 1,000.00 are 776.30.
    """
    names = ("ann", "bob", "cal", "dan", "eve")
    people = [salaried("ACME", each, "62400.00", traditional_401k_percent="5") for each in names]
    levy = LEVY | {"filing_status": "", "dependents": ""}
    dues = [
        deduction("ACME", each, "Dues", "50.00", start_date="2026-03-03" if each == "bob" else "2026-03-02")
        for each in names
    ]
    found = paid(
        tmp_path,
        people,
        [],
        garnishments=[
            garnishment("ACME", "ann", "L", exempt="1000.00", **levy),
            garnishment("ACME", "bob", "L", exempt="1000.00", **LEVY),
            garnishment("ACME", "cal", "L", **levy),
            garnishment("ACME", "dan", "L", **LEVY),
            garnishment("ACME", "eve", "L", exempt="1000.00", **levy),
        ],
        deductions=[
            deduction("ACME", "eve", "HSA", "100.00", kind="hsa_self"),
            *dues,
        ],
    )
    assert found == {"ann": [100_000], "bob": [95_000], "cal": [61_923], "dan": [164_616], "eve": [100_000]}
    taken = {each: paydays.facts("ACME", each)["garnished_cents"] for each in names}
    assert taken == {"ann": 85_665, "bob": 90_665, "cal": 123_742, "dan": 21_049, "eve": 77_630}
    assert {paydays.facts("ACME", each)["traditional_401k_cents"] for each in names} == {12_000}


# California: SDI 1.3 % = 31.20; 62,400 - 5,706 = 56,694; 1,124.21 + 6.6 % of 15,242 = 2,130.18; / 26 = 81.93
CALIFORNIAN = DISPOSABLE - 3_120 - 8_193


def test_california_limits_a_creditor_by_the_minimum_wage(tmp_path: Path) -> None:
    """Disposable 1,899.12: 20 % are 379.82, and 40 % of what exceeds 2 x 48 h of 16.90 = 1,622.40 are 110.688.

    bob: of two wages the higher counts; 40 % over 2 x 48 h of 17.00 = 1,632.00 are 106.848. cal: nobody said it.
    """
    people = [salaried("ACME", each, "62400.00", work_state="CA") for each in ("ann", "bob", "cal")]
    orders = [
        garnishment("ACME", "ann", "C", amount="400.00", minimum_wage="16.90"),
        garnishment("ACME", "bob", "C1", amount="50.00", minimum_wage="16.90"),
        garnishment("ACME", "bob", "C2", amount="350.00", minimum_wage="17.00"),
        garnishment("ACME", "cal", "C", amount="400.00"),
    ]
    rows = pay_inputs.load(tmp_path, [employer("ACME")], people, more={GARNISHMENTS: orders})
    paydays.pay()
    assert CALIFORNIAN == 189_912
    letter = paydays.letter()
    assert letter.step == "retirement-calc" and "minimum wage" in letter.reason
    orders[3] |= {"minimum_wage": "16.90"}
    pay_inputs.change(tmp_path, rows | {GARNISHMENTS: orders})
    corrections.redrive_corrected(letter.id, by="maker")
    paydays.work()
    paydays.approve(runs_of_acme())
    paydays.work()
    assert paydays.credits() == {
        "ann": [CALIFORNIAN - 11_068],
        "bob": [CALIFORNIAN - 10_684],
        "cal": [CALIFORNIAN - 11_068],
    }


def runs_of_acme() -> Any:
    return paydays.part("ACME")["EmployerRunOpened"]["run"]


# Tax forms


def test_forms_beside_the_w4(tmp_path: Path) -> None:
    """Step 3 of 2,000: (5,308 - 2,000) / 26 = 127.23, and a letter without it holds 204.15.

    Exempt: no income tax, of a bonus of 1,000.00 neither; FICA on 3,400.00. A nonresident: 2,400.00 + 619.20 =
    3,019.20; 78,499.20 - 8,600 = 69,899.20; 5,800 + 22 % of 11,999.20 = 8,439.824; / 26 = 324.61.
    """
    names = ("letter", "later", "exempt", "abroad")
    letter = {"lock_in_filing_status": "single"}
    people = [
        salaried("ACME", each, "62400.00", step3="2000.00" if each in {"letter", "later"} else "0.00")
        for each in names
    ]
    found = paid(
        tmp_path,
        people,
        [],
        tax_forms=[
            tax_form("ACME", "letter", lock_in_since="2026-11-20", **letter),
            tax_form("ACME", "later", lock_in_since="2026-11-21", **letter),
            tax_form("ACME", "exempt", w4_exempt="true"),
            tax_form("ACME", "abroad", nonresident_alien="table2"),
        ],
        pay_items=[item("1000.00", "discretionary_bonus", "exempt")],
    )
    assert found == {
        "letter": [DISPOSABLE],
        "later": [DISPOSABLE + REGULAR_TAX - 12_723],
        "exempt": [340_000 - 21_080 - 4_930],
        "abroad": [DISPOSABLE + REGULAR_TAX - 32_461],
    }


def test_state_forms(tmp_path: Path) -> None:
    """Illinois: 62,400 - 2 x 2,925 - 1 x 1,000 = 55,550; 4.95 % = 2,749.725; / 26 = 105.76, and 12.50 more.

    Colorado: 62,400 - 1,000 = 61,400; 4.4 % = 2,701.60; / 26 = 103.91; FAMLI 0.44 % = 10.56. Arizona: 2.5 % = 60.00.
    Pennsylvania, exempt: unemployment 0.07 % = 1.68 alone.
    """
    states = {"il": "IL", "co": "CO", "az": "AZ", "pa": "PA"}
    people = [salaried("ACME", each, "62400.00", work_state=state) for each, state in states.items()]
    illinois = {
        "state_allowances": "2",
        "state_further_allowances": "1",
        "state_additional_withholding": "12.50",
    }
    found = paid(
        tmp_path,
        people,
        [],
        tax_forms=[
            tax_form("ACME", "il", **illinois),
            tax_form("ACME", "co", state_deduction="1000"),
            tax_form("ACME", "az", state_elected_rate_percent="2.5"),
            tax_form("ACME", "pa", state_exempt="true"),
        ],
    )
    assert found == {
        "il": [DISPOSABLE - 10_576 - 1_250],
        "co": [DISPOSABLE - 10_391 - 1_056],
        "az": [DISPOSABLE - 6_000],
        "pa": [DISPOSABLE - 168],
    }


def test_california_pays_overtime_by_the_day(tmp_path: Path) -> None:
    """10 h, 13 h and three times 8 h at 20.00: 47 h = 940.00. Over 8 h a day 6 h at half, over 12 h 1 h at one more:
    60.00 + 20.00. The FLSA itself asks 7 h at half, 70.00. Gross 1,020.00.

    Federal: 26,520 - 8,600 = 17,920; 10 % of 10,420 = 1,042.00; / 26 = 40.08. FICA 63.24 and 14.79. SDI 1.3 % = 13.26.
    California: 26,520 - 5,706 = 20,814; 121.87 + 2.2 % of 9,735 = 336.04; / 26 = 12.92.
    """
    hours = {2: "10.00", 3: "13.00", 4: "8.00", 5: "8.00", 6: "8.00"}
    people = [hourly("ACME", "cal", "20.00", work_state="CA")]
    found = paid(tmp_path, people, worked("ACME", "cal", hours))
    assert found == {"cal": [102_000 - 4_008 - 6_324 - 1_479 - 1_326 - 1_292]}
    facts = paydays.facts("ACME", "cal")
    assert (facts["overtime_hours_hundredths"], facts["double_time_hours_hundredths"]) == (700, 100)
    assert (facts["overtime_premium_cents"], facts["flsa_premium_cents"]) == (8_000, 7_000)
    assert facts["programmes"] == [["CA_SDI", 1_326, 0, 102_000]]


def test_a_dismissed_person_with_orders_holds_nobody_up(tmp_path: Path) -> None:
    people = [ann(), salaried("ACME", "cal", "62400.00", work_state="CA")]
    orders = [garnishment("ACME", "cal", "C")]
    pay_inputs.load(tmp_path, [employer("ACME")], people, more={GARNISHMENTS: orders})
    run = paydays.pay()
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="paid outside")
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [DISPOSABLE]}
    proven(run)


def test_everything_at_once_stays_within_the_pay(tmp_path: Path) -> None:
    """The order of what is taken: taxes, support, premium, deferral, dues. 40 h at 20.00, HSA 100.00, 10 % deferred.

    FICA first without the premium: the trial takes it off. Federal on 700.00: 18,200 - 8,600 = 9,600; 10 % of 2,100 =
    210.00; / 26 = 8.08; FICA on 700.00: 43.40 and 10.15. Disposable 738.37, of which support takes 50 %: 369.18.
    There is room for the HSA (800 - 61.63 - 369.18) and the deferral of 80.00. With it federal tax is on 620.00:
    16,120 - 8,600 = 7,520; 10 % of 20 = 2.00; / 26 = 0.08. Disposable 746.37; support 373.18; net 800 - 53.63 - 373.18
    - 100 - 80 = 193.19, of which dues take 12.50.
    """
    people = [hourly("ACME", "tex", "20.00", traditional_401k_percent="10")]
    found = paid(
        tmp_path,
        people,
        worked("ACME", "tex", FORTY_HOURS),
        deductions=[
            deduction("ACME", "tex", "HSA", "100.00", kind="hsa_self"),
            deduction("ACME", "tex", "Dues", "12.50"),
        ],
        garnishments=[garnishment("ACME", "tex", "S", **SUPPORT | {"amount": "900.00"})],
    )
    assert found == {"tex": [19_319 - 1_250]}
    facts = paydays.facts("ACME", "tex")
    assert (facts["hsa_cents"], facts["traditional_401k_cents"], facts["garnished_cents"]) == (
        10_000,
        8_000,
        37_318,
    )


assert {DEDUCTIONS, GARNISHMENTS, PAY_ITEMS, TAX_FORMS} == set(roster_files.OPTIONAL_FILES)
