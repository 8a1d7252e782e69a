"""Corrections in the middle of a year: its limits come out right in total, later paychecks counted.

Monthly pay of single people in Texas unless it says otherwise. FICA: 6.2 % up to 184,500, 0.9 % above 200,000.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from payroll import correct
from tests.saga import correcting, pay_inputs, paydays
from tests.saga.correcting import amounts, facts, together
from tests.saga.paydays import Row, employer, salaried
from tests.saga.roster_files import DEDUCTIONS, GARNISHMENTS, PAY_ITEMS, deduction, garnishment, pay_item

pytestmark = pytest.mark.usefixtures("db", "by_file")

SEPTEMBER = (date(2026, 9, 1), date(2026, 9, 30), date(2026, 10, 5))
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 5))
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 4))


@pytest.fixture
def by_file(settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"


def monthly(**other: str) -> Row:
    return employer("ACME", pay_frequency="monthly", **other)


def year(employee_id: str, *found: Any) -> dict[str, int]:
    """What paychecks come to."""
    return together(*(facts(run, employee_id) for run in found))


def test_nothing_differs_because_a_limit_was_reached_later(tmp_path: Path) -> None:
    """Whatever limit the later paychecks reach, the earlier ones were right, and are."""
    rich = salaried(
        "ACME",
        "rich",
        "1320000.00",
        traditional_401k_percent="20",
        work_state="NJ",
        section125_per_period="90",
    )
    old = rich | {"employee_id": "old", "birth_date": "1970-06-30", "work_state": "MA"}
    items = [
        pay_item("ACME", "rich", day, "600000.00", kind="discretionary_bonus")
        for day in ("2026-09-15", "2026-10-15")
    ]
    orders = [garnishment("ACME", "old", "C", amount="300.00", balance="450.00")]
    deductions = [
        deduction("ACME", "rich", "HSA", "3000.00", kind="hsa_self"),
        deduction("ACME", "rich", "Care", "5000.00", kind="dependent_care"),
    ]
    more = {GARNISHMENTS: orders, PAY_ITEMS: items, DEDUCTIONS: deductions}
    pay_inputs.load(tmp_path, [monthly(retirement_plan="full_of_6")], [rich, old], more=more)
    found = [paydays.pay(period=period) for period in (SEPTEMBER, OCTOBER, NOVEMBER)]
    assert [correct.propose(run) for run in found] == [[], [], []]


def test_the_wage_base_is_crossed_by_a_later_paycheck(tmp_path: Path) -> None:
    """100,000.00 a month, 150,000.00 should have been paid for September: no more Social Security, more of the rest.

    184,500 of the 250,000 are taxed whichever paycheck they are in, and 50,000 are above 200,000: 450.00.
    """
    rows = paydays.load(tmp_path, [monthly()], [salaried("ACME", "ann", "1200000.00")])
    found = [paydays.pay(period=period) for period in (SEPTEMBER, OCTOBER)]
    assert facts(found[1], "ann")["ss_taxable_cents"] == 84_500_00
    rows = paydays.mend(tmp_path, rows, "ann", pay_rate="1800000.00")
    fix = correcting.correct(found[0], "ann")
    got = facts(fix, "ann")
    names = ("gross_cents", "ss_taxable_cents", "social_security_cents", "futa_taxable_cents")
    assert [got.get(name, 0) for name in names] == [50_000_00, 0, 0, 0]
    assert (got["medicare_cents"], got["additional_medicare_cents"]) == (725_00, 450_00)
    total = year("ann", *found, fix)
    assert (total["ss_taxable_cents"], total["social_security_cents"]) == (184_500_00, 11_439_00)
    assert total["additional_medicare_taxable_cents"] == 50_000_00
    correcting.sound(*found, fix)
    # Down to 20,000.00: the year is 120,000.00, and 80,000.00 less of it are taxed.
    paydays.mend(tmp_path, rows, "ann", pay_rate="240000.00")
    again = correcting.correct(found[0], "ann")
    total = year("ann", *found, fix, again)
    assert total["ss_taxable_cents"] == 20_000_00 + 84_500_00
    later = correcting.opened(found[1], "ann")
    assert later.proposals[0].inputs == ("pay_rate",)
    correcting.sound(fix, again)


def test_what_one_frees_of_the_wage_base_the_next_takes(tmp_path: Path) -> None:
    """200,000.00 and 50,000.00 more, of which nothing was taxed. September falls to 100,000.00: the 50,000.00 are."""
    people = [salaried("ACME", "ann", "2400000.00"), salaried("ACME", "bob", "62400.00")]
    rows = paydays.load(tmp_path, [monthly()], people)
    first = paydays.pay(period=SEPTEMBER)
    rows = paydays.mend(tmp_path, rows, "ann", pay_rate="600000.00")
    second = paydays.pay(period=OCTOBER)
    assert facts(second, "ann")["ss_taxable_cents"] == 0
    rows = paydays.mend(tmp_path, rows, "ann", pay_rate="1200000.00")
    fix = correcting.correct(first, "ann")
    paydays.mend(tmp_path, rows, "ann", pay_rate="600000.00")
    (found,) = correct.propose(second)
    assert (found.employee_id, found.inputs) == ("ann", ("year_to_date",))
    assert found.amounts["social_security_cents"] == 3_100_00
    healed = correcting.correct(second, "ann")
    total = year("ann", first, fix, second, healed)
    assert total["ss_taxable_cents"] == 150_000_00 == total["fica_wages_cents"]
    correcting.sound(first, fix, second, healed)


def test_deferral_catch_up_and_match_within_the_year(tmp_path: Path) -> None:
    """Of 402(g) 24,500 and 8,000 of catch-up were used by October; a raise of September's pay defers nothing more."""
    old = salaried("ACME", "old", "1320000.00", traditional_401k_percent="20", birth_date="1970-06-30")
    rows = paydays.load(tmp_path, [monthly(retirement_plan="full_of_6")], [old])
    found = [paydays.pay(period=period) for period in (SEPTEMBER, OCTOBER)]
    before = year("old", *found)
    assert (before["traditional_401k_cents"], before["catch_up_cents"]) == (32_500_00, 8_000_00)
    rows = paydays.mend(tmp_path, rows, "old", traditional_401k_percent="30")
    (found_more,) = correct.propose(found[0])
    assert found_more.amounts == {"deferral_refused_cents": 11_000_00}, (
        "October has taken what there was of the year"
    )
    paydays.mend(tmp_path, rows, "old", traditional_401k_percent="5", pay_rate="1440000.00")
    fix = correcting.correct(found[0], "old")
    total = year("old", *found, fix)
    # 5 % of 120,000.00, and October's 10,500.00: no catch-up of September's, and 8,000.00 stay October's.
    assert total["traditional_401k_cents"] == 6_000_00 + 10_500_00
    assert total["catch_up_cents"] == 8_000_00
    correcting.sound(*found, fix)


@pytest.mark.parametrize("state", ["NJ", "CA"])
def test_two_who_end_alike_were_paid_alike(tmp_path: Path, state: str) -> None:
    """Of two people one is paid right from the start, and the other in two steps with a month between."""
    right = salaried(
        *("ACME", "right", "360000.00"),
        **{"work_state": state, "traditional_401k_percent": "6", "section125_per_period": "120"},
    )
    wrong = right | {"employee_id": "wrong", "pay_rate": "240000.00", "traditional_401k_percent": "3"}
    rows = paydays.load(tmp_path, [monthly(retirement_plan="full_of_6")], [right, wrong])
    first = paydays.pay(period=SEPTEMBER)
    rows = paydays.mend(tmp_path, rows, "wrong", pay_rate="270000.00", filing_status="mfj")
    fix = correcting.correct(first)
    paydays.mend(
        tmp_path, rows, "wrong", pay_rate="360000.00", traditional_401k_percent="6", filing_status="single"
    )
    again = correcting.correct(fix)
    assert year("wrong", first, fix, again) == amounts(facts(first, "right"))
    second = paydays.pay(period=OCTOBER)
    assert amounts(facts(second, "wrong")) == amounts(facts(second, "right")), "and the year goes on alike"
    correcting.sound(first, fix, again, second)
