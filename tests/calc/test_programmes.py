"""State programmes and unemployment tax: both sides of every cap, one rounding, what is refused by name."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll import rules
from payroll.calc import programmes, worksheets
from payroll.calc.programmes import ProgrammeTax, ProgrammeTaxes, not_collected, sui
from payroll.calc.wages import PreTax
from payroll.calc.worksheet import WORKSHEETS, add_up
from payroll.rules import BadRules

RULES = rules.load(2026)
TEXT = rules.text_of(2026).decode()
STATES = sorted(RULES.programmes.collected)


def take(state: str, gross: int, **more: Any) -> ProgrammeTaxes:
    entries: dict[str, Any] = {"frequency": "weekly", "employees": 25} | more
    pre_tax, ytd = entries.pop("pre_tax", PreTax()), entries.pop("ytd", {})
    year = entries.pop("year", RULES)
    taken = programmes.programmes(state, gross, pre_tax, ytd, year, **entries)
    facts = add_up(taken.workings)
    for one in taken.results:
        name = one.name.lower()
        assert facts[f"{name}_taxable_cents"] == one.taxable_cents
        assert facts[f"{name}_cents"] == one.employee_cents
        assert facts.get(f"employer_{name}_cents") == one.employer_cents
    return taken


def only(name: str, gross: int, **more: Any) -> ProgrammeTax:
    (found,) = [one for one in take(name[:2], gross, **more).results if one.name == name]
    return found


@pytest.mark.parametrize(
    ("name", "employee", "employer"),
    [
        # of 1,000.00 a week
        ("CA_SDI", 13_00, 0),
        ("NY_PFL", 4_32, 0),
        ("NY_DBL", 60, 0),  # 5.00, and 0.60 is the most a week
        ("NJ_UI_WF_SWF", 4_25, 0),
        ("NJ_TDI", 1_90, None),
        ("NJ_FLI", 2_30, 0),
        ("WA_PFML", 8_07, None),  # 11.30 x 71.43 % = 8.07159
        ("WA_CARES", 5_80, 0),
        ("CO_FAMLI", 4_40, 4_40),
        ("CT_PAID_LEAVE", 5_00, 0),
        ("OR_PAID_LEAVE", 6_00, None),
        ("OR_TRANSIT", 1_00, 0),
        ("MA_PFML", 4_60, None),
        ("ME_PFML", 5_00, None),
        ("DE_PAID_LEAVE", 4_00, None),
        ("RI_TDI", 11_00, 0),
        ("PA_UC", 70, 0),
        ("VT_CHILD_CARE", 1_10, 4_40),
    ],
)
def test_each_programme(name: str, employee: int, employer: int | None) -> None:
    found = only(name, 1000_00)
    assert found[:5] == (name, 1000_00, 1000_00, employee, employer)


@pytest.mark.parametrize(
    ("name", "cap", "most"),
    [
        # a year's cap and, of the whole of it in one payment, the printed annual maximum where there is one
        ("NY_PFL", 95_348_76, 411_91),
        ("NJ_UI_WF_SWF", 44_800_00, 190_40),
        ("NJ_TDI", 171_100_00, 325_09),
        ("NJ_FLI", 171_100_00, 393_53),
        ("WA_PFML", 184_500_00, 1489_21),  # 2,084.85 x 71.43 % = 1,489.208355
        ("CO_FAMLI", 184_500_00, 811_80),
        ("CT_PAID_LEAVE", 184_500_00, 922_50),
        ("OR_PAID_LEAVE", 184_500_00, 1107_00),
        ("MA_PFML", 184_500_00, 848_70),
        ("ME_PFML", 184_500_00, 922_50),
        ("DE_PAID_LEAVE", 184_500_00, 738_00),
        ("RI_TDI", 100_000_00, 1100_00),
    ],
)
def test_a_cap_is_hit_in_mid_check(name: str, cap: int, most: int) -> None:
    assert only(name, 10**9)[2:4] == (cap, most)
    assert only(name, cap)[1:4] == (cap, cap, most)
    assert only(name, cap + 1)[1:4] == (cap + 1, cap, most)
    assert only(name, cap - 1).taxable_cents == cap - 1
    assert only(name, 500_00, ytd={name: cap - 100_00}).taxable_cents == 100_00
    assert only(name, 500_00, ytd={name: cap - 100_00})[1] == 500_00
    assert only(name, 500_00, ytd={name: cap})[2:4] == (0, 0)
    assert only(name, 500_00, ytd={name: cap + 1})[2:4] == (0, 0)
    assert only(name, 500_00, ytd={"XX": cap}).taxable_cents == 500_00


@pytest.mark.parametrize("name", ["CA_SDI", "WA_CARES", "OR_TRANSIT", "PA_UC", "VT_CHILD_CARE", "NY_DBL"])
def test_what_has_no_cap(name: str) -> None:
    assert only(name, 10**8, ytd={name: 10**9}).taxable_cents == 10**8


def test_half_cents_go_up_once() -> None:
    assert only("CA_SDI", 1_15).employee_cents == 1  # 1.495
    assert only("CA_SDI", 1_16).employee_cents == 2  # 1.508
    assert only("RI_TDI", 500).employee_cents == 6  # 5.5
    assert only("CT_PAID_LEAVE", 100).employee_cents == 1  # 0.5
    assert only("CT_PAID_LEAVE", 99).employee_cents == 0
    # 0.0113 x 0.7143 of 250,000 cents is 2,017.8975; 2,825 rounded first and then shared is the same, so a sharper one:
    # of 9,956 cents 11,3 % a hundredth is 112.5028 and its share 80.36; of 113 it would be 80.72, a cent more
    assert only("WA_PFML", 99_56).employee_cents == 80


def test_which_wages_count() -> None:
    pre_tax = PreTax(traditional_401k_cents=500_00, section125_cents=100_00, hsa_cafeteria_cents=50_00)
    assert only("CA_SDI", 2000_00, pre_tax=pre_tax)[1:4] == (1850_00, 1850_00, 24_05)
    for name in ("NY_PFL", "NJ_TDI", "WA_PFML", "CO_FAMLI", "MA_PFML", "PA_UC", "RI_TDI"):
        assert only(name, 2000_00, pre_tax=pre_tax).wages_cents == 2000_00
    assert only("WA_PFML", 1000_00, tips_cents=200_00).wages_cents == 800_00
    assert only("WA_CARES", 1000_00, tips_cents=200_00).wages_cents == 800_00
    assert only("CO_FAMLI", 1000_00, tips_cents=200_00).wages_cents == 1000_00


def test_the_sum_of_a_state() -> None:
    taken = take("NJ", 1000_00)
    assert taken.lines == (
        ("NJ_FLI", 2_30, 0, 1000_00),
        ("NJ_TDI", 1_90, 0, 1000_00),
        ("NJ_UI_WF_SWF", 4_25, 0, 1000_00),
    )
    assert (taken.employee_cents, taken.employer_cents, taken.not_computed) == (8_45, 0, ("NJ_TDI",))
    assert take("CO", 1000_00)[1:5] == ((("CO_FAMLI", 4_40, 4_40, 1000_00),), 4_40, 4_40, ())
    assert len(taken.workings) == 3
    assert take("TX", 1000_00) == ((), (), 0, 0, (), ())


def test_new_yorks_limit_a_week() -> None:
    assert only("NY_DBL", 119_00).employee_cents == 60  # 0.595
    assert only("NY_DBL", 118_99).employee_cents == 59
    assert only("NY_DBL", 1000_00, frequency="biweekly").employee_cents == 1_20
    for frequency in ("semimonthly", "monthly", "daily"):
        message = (
            f"NY_DBL has a limit a week and none for {frequency} pay: pay weekly or biweekly, or exempt it"
        )
        with pytest.raises(NeedsReview, match=message):
            take("NY", 1000_00, frequency=frequency)
    assert [one.name for one in take("NY", 1000_00, frequency="monthly", exempt=["NY_DBL"]).results] == [
        "NY_PFL"
    ]


@pytest.mark.parametrize(("employees", "cents"), [(10, 1_60), (24, 1_60), (25, 4_00), (1000, 4_00)])
def test_delawares_rate_goes_by_size(employees: int, cents: int) -> None:
    assert only("DE_PAID_LEAVE", 1000_00, employees=employees).employee_cents == cents


def test_delaware_without_a_size_or_a_rate() -> None:
    with pytest.raises(
        NeedsReview, match="DE_PAID_LEAVE depends on the number of employees: give the employer's"
    ):
        take("DE", 1000_00, employees=None)
    with pytest.raises(
        NeedsReview, match="DE_PAID_LEAVE has no rate for an employer of 9 employees: exempt it by"
    ):
        take("DE", 1000_00, employees=9)
    assert take("DE", 1000_00, employees=None, exempt={"DE_PAID_LEAVE"}).results == ()


def test_rounding_never_passes_the_years_maximum() -> None:
    ytd = {"NY_PFL": 95_000_00}
    assert only("NY_PFL", 500_00, ytd=ytd).employee_cents == 1_51  # 348.76 x 0.432 % = 1.5066
    for withheld, cents in ((410_40, 1_51), (410_41, 1_50), (411_91, 0), (412_00, 0), (0, 1_51)):
        found = only("NY_PFL", 500_00, ytd=ytd, ytd_withheld={"NY_PFL": withheld})
        assert found.employee_cents == cents
    assert only("CA_SDI", 1000_00, ytd_withheld={"CA_SDI": 10**9}).employee_cents == 13_00


def test_amounts_below_zero() -> None:
    message = "CA_SDI wages of -1 cents after 0 this year are below zero: correct the pay"
    with pytest.raises(NeedsReview, match=message):
        take("CA", -1)
    with pytest.raises(NeedsReview, match="CA_SDI wages of 100 cents after -1 this year"):
        take("CA", 100, ytd={"CA_SDI": -1})
    assert only("CA_SDI", 0)[1:5] == (0, 0, 0, 0)


def test_2025_has_californias_alone() -> None:
    year = rules.load(2025)
    assert only("CA_SDI", 1000_00, year=year).employee_cents == 12_00
    assert set(year.programmes.collected) == {"CA"}
    assert not_collected("WA", year) == ("WA_PFML", "WA_CARES")
    with pytest.raises(NeedsReview, match="no 2025 unemployment wage base for CA"):
        sui(100, 0, 1, "CA", year)


def test_what_exists_and_is_not_collected() -> None:
    assert not_collected("MN", RULES) == ("MN_PAID_LEAVE",)
    assert not_collected("HI", RULES) == ("HI_TDI",)
    assert not_collected("AK", RULES) == ("AK_UI",)
    assert not_collected("CA", RULES) == ()


@settings(max_examples=200, deadline=None)
@given(
    state=st.sampled_from(STATES),
    gross=st.integers(0, 10_000_00),
    ytd=st.integers(0, 200_000_00),
    frequency=st.sampled_from(["weekly", "biweekly"]),
    employees=st.integers(10, 40),
    withheld=st.none() | st.integers(0, 2000_00),
    rise=st.integers(0, 1000_00),
)
def test_limits_and_monotony(
    *, state: str, gross: int, ytd: int, frequency: str, employees: int, withheld: int | None, rise: int
) -> None:
    names = [programme.name for programme in RULES.programmes.collected[state]]
    more = {
        "ytd": dict.fromkeys(names, ytd),
        "ytd_withheld": {} if withheld is None else dict.fromkeys(names, withheld),
        "frequency": frequency,
        "employees": employees,
    }
    taken, higher = take(state, gross, **more), take(state, gross + rise, **more)
    assert 0 <= taken.employee_cents <= higher.employee_cents
    assert taken.employee_cents == sum(one.employee_cents for one in taken.results)
    for one in taken.results:
        assert 0 <= one.taxable_cents <= one.wages_cents == gross
        assert one.employee_cents <= one.taxable_cents * 13 // 1000 + 1


@pytest.mark.parametrize(
    ("state", "base"),
    [
        ("CA", 7_000),
        ("CO", 30_600),
        ("DE", 14_500),
        ("IL", 14_250),
        ("AK", 54_200),
        ("WI", 14_000),
        ("KY", 12_000),
    ],
)
def test_unemployment_wage_bases(state: str, base: int) -> None:
    found = sui(10**8, 0, 34_000, state, RULES)
    assert found[:2] == (base * 100, base * 100 * 34 // 1000)
    assert add_up([found.working]) == {"sui_taxable_cents": found[0], "employer_sui_cents": found[1]}


def test_unemployment_in_mid_check() -> None:
    assert sui(1000_00, 6_500_00, 34_000, "CA", RULES)[:2] == (500_00, 17_00)
    assert sui(500_00, 6_500_00, 34_000, "CA", RULES)[:2] == (500_00, 17_00)
    assert sui(499_99, 6_500_00, 34_000, "CA", RULES)[0] == 499_99
    assert sui(1000_00, 7_000_00, 34_000, "CA", RULES)[:2] == (0, 0)
    assert sui(1000_00, 9_000_00, 34_000, "CA", RULES)[:2] == (0, 0)
    assert sui(100, 0, 5_000, "CA", RULES).tax_cents == 1  # half a cent
    assert sui(99, 0, 5_000, "CA", RULES).tax_cents == 0
    assert sui(1000_00, 0, 0, "CA", RULES).tax_cents == 0


def test_the_rate_is_the_employers_own() -> None:
    found = sui(1000_00, 0, None, "CA", RULES)
    assert found[:2] == (1000_00, None)
    assert found.working == (
        "state_unemployment",
        1000_00,
        0,
        7_000_00,
        None,
        "unemployment.verified.CA",
    )
    assert add_up([found.working]) == {"sui_taxable_cents": 1000_00}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            (100, 0, 1, "KS"),
            "the 2026 unemployment wage base of KS is uncertain, 14,000 or 15,100: confirm it and add",
        ),
        ((100, 0, 1, "TX"), "no 2026 unemployment wage base for TX: add it to the rules with its source"),
        ((-1, 0, 1, "CA"), "CA unemployment wages of -1 cents after 0 at 1 ppm: nothing may be below zero"),
        ((1, -1, 1, "CA"), "wages of 1 cents after -1 at 1 ppm"),
        ((1, 0, -1, "CA"), "wages of 1 cents after 0 at -1 ppm"),
    ],
)
def test_unemployment_refused_by_name(entries: tuple[int, int, int, str], message: str) -> None:
    with pytest.raises(NeedsReview, match=message):
        sui(*entries, RULES)


@settings(max_examples=100, deadline=None)
@given(
    state=st.sampled_from(sorted(RULES.programmes.unemployment.wage_base_cents)),
    checks=st.lists(st.integers(0, 20_000_00), max_size=8),
    rate=st.integers(0, 150_000),
)
def test_a_year_never_taxes_more_than_the_base(state: str, checks: list[int], rate: int) -> None:
    ytd = taxed = 0
    for wages in checks:
        found = sui(wages, ytd, rate, state, RULES)
        assert add_up([found.working])["employer_sui_cents"] == found.tax_cents
        ytd, taxed = ytd + wages, taxed + found.taxable_cents
    assert taxed == min(ytd, RULES.programmes.unemployment.wage_base_cents[state][1])


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "annual_max = 411.91",
            "annual_max = 411.90",
            "annual_max is not the rate of wage_cap, which gives 41191",
        ),
        ("employees = 10,", "employees = 26,", r"\[programmes.DE_PAID_LEAVE\] sizes rise"),
        ('KS = "14,000 or 15,100"', 'IL = "14,000"', "IL has two wage bases"),
        ("AL = 8_000", "IL = 8_000", "IL has two wage bases"),
        ("weekly_max = 0.60", "weekly_most = 0.60", "has unknown keys: weekly_most"),
        ("rate_percent = 0.432\n", "", r"\[programmes.NY_PFL\] lacks rate_percent"),
    ],
)
def test_a_faulty_file_is_refused_by_name(before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(BadRules, match=message):
        rules.parse(TEXT.replace(before, after, 1).encode(), 2026)


def test_the_worksheets_are_known() -> None:
    mine = {
        name for name, sheet in WORKSHEETS.items() if sheet.lines.__module__ == worksheets.programmes.__name__
    }
    assert mine == {"state_programme", "state_unemployment"}
    assert RULES.states["CA"][0].since == date(2026, 1, 1)
