"""What a paycheck knows of the year before it: limits reached in the middle of it, and what is taken out again.

Worked out by hand; single people, paid monthly unless it says otherwise. Federal: IRS Pub. 15-T (2026), Worksheet 1A,
annual wages less 8,600. FICA: 6.2 % up to 184,500, 1.45 %, 0.9 % above 200,000.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from events import projection, store
from events.store import NewEvent
from payroll import keys
from payroll.models import YearToDate
from tests.saga import pay_inputs, paydays, roster_files, rule_files
from tests.saga.paydays import Row, employer, hourly, salaried
from tests.saga.roster_files import DEDUCTIONS, GARNISHMENTS, PAY_ITEMS, deduction, garnishment, pay_item

pytestmark = pytest.mark.usefixtures("db", "by_file")

SEPTEMBER = (date(2026, 9, 1), date(2026, 9, 30), date(2026, 10, 5))
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 5))
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 4))
OUT = ("PaycheckVoided", "PaycheckExcluded", "PaycheckSuperseded")


@pytest.fixture
def by_file(settings: Any) -> None:
    """Payment files are laid down for the bank to fetch; no process is started."""
    settings.PAYROLL_GATEWAY = "ach"


def monthly(**other: str) -> Row:
    return employer("ACME", pay_frequency="monthly", **other)


def year(employee_id: str, of: int = 2026) -> YearToDate:
    """The row of the read model, brought up to the log."""
    projection.catch_up()
    return YearToDate.objects.get(employer="ACME", employee_id=employee_id, year=of)


def take_out(event: str, employee_id: str, period: tuple[date, date, date]) -> None:
    """End a paycheck's stream with an event that takes it out of the year."""
    stream = keys.paycheck_stream(paydays.employer_run("ACME", period), employee_id, 1)
    store.append([NewEvent(stream, store.version(stream) + 1, event, {"reason": "a test"})])


def test_programmes_of_new_jersey_stop_at_their_own_caps(tmp_path: Path) -> None:
    """30,000.00 a month. Federal: 351,400; 58,448 + 35 % of 87,675 = 89,134.25; / 12 = 7,427.85. FICA 1,860.00, 435.00.

    State: 244 + 7 % of 23,750 = 1,906.50. Temporary disability 0.19 % = 57.00, family leave 0.23 % = 69.00, and
    unemployment 0.425 % up to 44,800 a year: 127.50, then of 14,800 62.90, then nothing.
    """
    paydays.load(tmp_path, [monthly()], [salaried("ACME", "ned", "360000.00", work_state="NJ")])
    for period in (SEPTEMBER, OCTOBER, NOVEMBER):
        paydays.pay(period=period)
    rest = 3_000_000 - 742_785 - 186_000 - 43_500 - 190_650 - 5_700 - 6_900
    assert paydays.credits() == {"ned": [rest - 12_750, rest - 6_290, rest]}
    assert sorted(paydays.facts("ACME", "ned", OCTOBER)["programmes"]) == [
        ["NJ_FLI", 6_900, 0, 3_000_000],
        ["NJ_TDI", 5_700, 0, 3_000_000],
        ["NJ_UI_WF_SWF", 6_290, 0, 1_480_000],
    ]
    found = year("ned")
    assert found.programme_wages_cents == {
        "NJ_UI_WF_SWF": 4_480_000,
        "NJ_TDI": 9_000_000,
        "NJ_FLI": 9_000_000,
    }
    assert (found.paychecks, found.gross_cents, found.state_programmes_cents) == (3, 9_000_000, 56_840)
    assert found.state_income_tax_cents == 3 * 190_650


def test_bonuses_over_a_million_a_year_bear_the_highest_rate(tmp_path: Path) -> None:
    """Twice 600,000.00 beside 5,200.00: 22 % of the first, 22 % of 400,000 and 37 % of 200,000 of the second.

    Federal on 5,200.00: 5,308.00 / 12 = 442.33. Social Security 11,439.00 and no more; Medicare 1.45 % of 605,200.00 =
    8,775.40; 0.9 % of 405,200.00 = 3,646.80, then of all 5,446.80.
    """
    items = [
        pay_item("ACME", "ann", day, "600000.00", kind="discretionary_bonus")
        for day in ("2026-09-15", "2026-10-15")
    ]
    people = [salaried("ACME", "ann", "62400.00")]
    pay_inputs.load(tmp_path, [monthly()], people, more={PAY_ITEMS: items})
    for period in (SEPTEMBER, OCTOBER):
        paydays.pay(period=period)
    each = 60_520_000 - 44_233 - 877_540
    assert paydays.credits() == {
        "ann": [each - 13_200_000 - 1_143_900 - 364_680, each - 16_200_000 - 544_680]
    }
    assert year("ann").supplemental_cents == 120_000_000


def test_hsa_and_dependent_care_stop_at_the_limits_of_the_year(tmp_path: Path) -> None:
    """10,000.00 a month. An HSA of 3,000.00 for one person stops at 4,400.00, care of 5,000.00 at 7,500.00.

    First 2,000.00 are taxed: 15,400; 10 % of 7,900 = 790.00; / 12 = 65.83; FICA 124.00 and 29.00. Then 6,100.00:
    64,600; 5,800 + 22 % of 6,700 = 7,274.00; / 12 = 606.17; FICA 378.20 and 88.45. Then 10,000.00: 111,400;
    5,800 + 22 % of 53,500 = 17,570.00; / 12 = 1,464.17; FICA 620.00 and 145.00.
    """
    deductions = [
        deduction("ACME", "ann", "HSA", "3000.00", kind="hsa_self"),
        deduction("ACME", "ann", "Care", "5000.00", kind="dependent_care"),
    ]
    people = [salaried("ACME", "ann", "120000.00")]
    pay_inputs.load(tmp_path, [monthly()], people, more={DEDUCTIONS: deductions})
    for period in (SEPTEMBER, OCTOBER, NOVEMBER):
        paydays.pay(period=period)
    assert paydays.credits() == {
        "ann": [
            200_000 - 6_583 - 12_400 - 2_900,
            610_000 - 60_617 - 37_820 - 8_845,
            1_000_000 - 146_417 - 62_000 - 14_500,
        ]
    }
    names = ("hsa_cents", "hsa_short_cents", "dependent_care_cents", "section125_short_cents")
    taken = [
        [paydays.facts("ACME", "ann", period)[name] for name in names]
        for period in (SEPTEMBER, OCTOBER, NOVEMBER)
    ]
    assert taken == [[300_000, 0, 500_000, 0], [140_000, 160_000, 250_000, 250_000], [0, 300_000, 0, 500_000]]
    assert (year("ann").hsa_cents, year("ann").dependent_care_cents) == (440_000, 750_000)


def test_deferral_and_match_stop_at_the_limits_of_the_year(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """402(g): 20 % of 110,000.00 is 22,000.00, and of the next 22,000.00 there are 2,500.00 left of 24,500.

    The whole of up to 6 % is matched: 6,600.00, then 2,500.00. With 32,000 for all additions of the year, which the
    law's figure is too high to be reached by: 32,000 - 28,600 - 2,500 = 900.00.
    """
    rule_files.change(monkeypatch, tmp_path, "annual_additions = 72000", "annual_additions = 32000")
    rich = salaried("ACME", "rich", "1320000.00", traditional_401k_percent="20")
    old = rich | {"employee_id": "old", "birth_date": "1970-06-30"}
    paydays.load(tmp_path, [monthly(retirement_plan="full_of_6")], [rich, old])
    for period in (SEPTEMBER, OCTOBER):
        paydays.pay(period=period)
    names = ("traditional_401k_cents", "roth_401k_cents", "catch_up_cents", "match_cents")
    assert [paydays.facts("ACME", "rich", SEPTEMBER)[name] for name in names] == [2_200_000, 0, 0, 660_000]
    assert [paydays.facts("ACME", "rich", OCTOBER)[name] for name in names] == [250_000, 0, 0, 90_000]
    # From 50 on 8,000.00 more, which do not count: 10,500.00 are deferred, of them 2,500.00 as an addition.
    assert [paydays.facts("ACME", "old", OCTOBER)[name] for name in names] == [1_050_000, 0, 800_000, 90_000]
    found = year("old")
    assert (found.deferrals_cents, found.catch_up_cents, found.match_cents) == (3_250_000, 800_000, 750_000)


def test_catch_up_is_no_addition_of_the_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 % of 110,000.00 stops at 24,500 and 8,000 of catch-up, and 3 % = 3,300.00 are for everybody.

    With 30,000 for all additions of the year 30,000 - 24,500 - 3,300 = 2,200.00 are left for the second time.
    """
    rule_files.change(monkeypatch, tmp_path, "annual_additions = 72000", "annual_additions = 30000")
    tiers, everybody = "tiers = [{ pay_percent = 6, rate_percent = 100 }]", "nonelective_percent = 3"
    rule_files.change(monkeypatch, tmp_path, tiers, everybody)
    old = salaried("ACME", "old", "1320000.00", traditional_401k_percent="30", birth_date="1970-06-30")
    paydays.load(tmp_path, [monthly(retirement_plan="full_of_6")], [old])
    for period in (SEPTEMBER, OCTOBER):
        paydays.pay(period=period)
    names = ("traditional_401k_cents", "catch_up_cents", "match_cents")
    assert [paydays.facts("ACME", "old", SEPTEMBER)[name] for name in names] == [3_250_000, 800_000, 330_000]
    assert [paydays.facts("ACME", "old", OCTOBER)[name] for name in names] == [0, 0, 220_000]


def test_wages_of_last_year_make_the_catch_up_roth(tmp_path: Path) -> None:
    """Over 150,000 in 2025 from the same employer (IRC 414(v)(7)): 24,500 traditional, and 8,000 as Roth."""
    periods = [
        (date(2025, 11, 1), date(2025, 11, 30), date(2025, 12, 5)),
        (date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 5)),
    ]
    rich = salaried("ACME", "rich", "2400000.00", traditional_401k_percent="20", birth_date="1970-06-30")
    paydays.load(tmp_path, [monthly()], [rich, rich | {"employee_id": "new", "hire_date": "2025-12-29"}])
    for period in periods:
        paydays.pay(period=period)
    names = ("traditional_401k_cents", "roth_401k_cents", "catch_up_cents")
    deferred = {
        each: [paydays.facts("ACME", each, periods[1])[name] for name in names] for each in ("rich", "new")
    }
    assert deferred == {"rich": [2_450_000, 800_000, 800_000], "new": [3_250_000, 0, 800_000]}


@pytest.mark.parametrize("event", OUT)
def test_a_paycheck_that_is_taken_out_is_taken_out_of_the_year(tmp_path: Path, event: str) -> None:
    """The next one defers as much again, and owes Social Security up to the base again; nobody else's year moves."""
    rich = salaried("ACME", "rich", "1320000.00", traditional_401k_percent="20")
    people = [rich, rich | {"employee_id": "too"}]
    orders = [garnishment("ACME", each, "C", amount="300.00", balance="450.00") for each in ("rich", "too")]
    pay_inputs.load(tmp_path, [monthly()], people, more={GARNISHMENTS: orders})
    paydays.pay(period=SEPTEMBER)
    assert year("rich").deferrals_cents == 2_200_000
    take_out(event, "rich", SEPTEMBER)
    gone = year("rich")
    amounts = {name: value for name, value in vars(gone).items() if name.endswith("_cents")}
    assert set(amounts.pop("programme_wages_cents")) == set()
    assert gone.paychecks == 0 and set(amounts.values()) == {0}
    assert year("too").deferrals_cents == 2_200_000
    paydays.pay(period=OCTOBER)
    later = {each: paydays.facts("ACME", each, OCTOBER) for each in ("rich", "too")}
    names = (
        "traditional_401k_cents",
        "ss_taxable_cents",
        "additional_medicare_taxable_cents",
        "garnished_cents",
    )
    assert [later["rich"][name] for name in names] == [2_200_000, 11_000_000, 0, 30_000]
    assert [later["too"][name] for name in names] == [250_000, 7_450_000, 2_000_000, 15_000]
    assert (year("rich").deferrals_cents, year("too").deferrals_cents) == (2_200_000, 2_450_000)
    call_command("rebuild", "--check")


def test_a_bonus_is_not_taxed_flat_because_the_last_one_was_taxed(tmp_path: Path) -> None:
    """500.00 a month bear no income tax. A bonus of 2,000.00 is taxed along with them, and so is the next.

    2,500.00: 30,000 - 8,600 = 21,400; 1,240 + 12 % of 1,500 = 1,420.00; / 12 = 118.33. FICA 155.00 and 36.25.
    """
    items = [
        pay_item("ACME", "low", day, "2000.00", kind="discretionary_bonus")
        for day in ("2026-09-15", "2026-10-15")
    ]
    pay_inputs.load(tmp_path, [monthly()], [salaried("ACME", "low", "6000.00")], more={PAY_ITEMS: items})
    for period in (SEPTEMBER, OCTOBER):
        paydays.pay(period=period)
    assert paydays.credits() == {"low": [250_000 - 11_833 - 15_500 - 3_625] * 2}


@pytest.mark.parametrize("event", ["", *OUT])
def test_what_was_withheld_last_year_lets_a_bonus_be_taxed_flat(tmp_path: Path, event: str) -> None:
    """Paid every two weeks: 40 h at 20.00 in 2025 bore tax, nothing is earned now but a bonus of 1,000.00: 220.00.

    Who had no such paycheck is taxed as on wages: 26,000 - 8,600 = 17,400; 10 % of 9,900 = 990.00; / 26 = 38.08.
    """
    december = (date(2025, 11, 30), date(2025, 12, 13), date(2025, 12, 19))
    january = (date(2025, 12, 28), date(2026, 1, 10), date(2026, 1, 16))
    time = [roster_files.entry("ACME", "tex", f"2025-12-{day:02d}", "8.00") for day in range(1, 6)]
    items = [
        pay_item("ACME", each, "2026-01-09", "1000.00", kind="discretionary_bonus") for each in ("tex", "new")
    ]
    people = [hourly("ACME", each, "20.00") for each in ("tex", "new")]
    pay_inputs.load(tmp_path, [employer("ACME")], people, time, more={PAY_ITEMS: items})
    paydays.pay(period=december)
    assert year("tex", 2025).federal_income_tax_cents > 0
    if event:
        take_out(event, "tex", december)
    paydays.pay(period=january)
    flat, with_wages = 100_000 - 22_000 - 6_200 - 1_450, 100_000 - 3_808 - 6_200 - 1_450
    assert paydays.credits()["new"] == [with_wages]
    assert paydays.credits()["tex"][1] == (with_wages if event else flat)
    assert year("tex").gross_cents == 100_000, "a year begins at nothing"
