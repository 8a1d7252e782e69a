"""State withholding against the examples the states print, and what has no rule."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import state, worksheets
from payroll.calc.calendar import PERIODS_PER_YEAR
from payroll.calc.money import ratio_half_up
from payroll.calc.state import Election
from payroll.calc.state_tables import Annualized, PeriodDeduction
from payroll.calc.wages import PreTax, state_wages
from payroll.calc.worksheet import add_up
from payroll.rules import load

RULES = load(2026)
SPRING, AUTUMN = date(2026, 3, 13), date(2026, 11, 20)
NO_TAX = ["AK", "FL", "NV", "NH", "SD", "TN", "TX", "WA", "WY"]
FLAT = ["PA", "IL", "IN", "MI", "NC", "KY", "CO", "LA", "ID", "GA", "IA", "AZ", "UT", "MS"]


def tax(code: str, wages: int, frequency: str, election: Election, pay_date: date = AUTUMN) -> int:
    taken = state.withholding(code, wages, election, RULES, frequency=frequency, pay_date=pay_date)
    assert add_up([taken.working])["state_income_tax_cents"] == taken.withholding_cents
    assert taken.annual_tax_cents is None
    return taken.withholding_cents


@pytest.mark.parametrize(
    ("code", "wages", "frequency", "election", "cents"),
    [
        # printed by the state itself, as recorded with the rates
        ("IL", 399_00, "weekly", Election(allowances=2), 14_18),
        (
            "IN",
            800_00,
            "weekly",
            Election(allowances=5, dependents=3, first_time_dependents=1, adopted_dependents=2),
            13_96,
        ),
        ("MI", 1000_00, "weekly", Election(allowances=2), 32_86),
        ("NC", 23_400_00, "annual", Election(allowances=2), 231_09),
        ("KY", 3270_00, "monthly", Election(), 104_65),
        ("LA", 4600_00, "biweekly", Election("mfj"), 111_54),
        ("ID", 60_000_00, "annual", Election(), 2326_70),
        ("GA", 2000_00, "semimonthly", Election("mfj", 1), 27_03),
        ("IA", 2100_00, "biweekly", Election(credit_cents=40_00), 59_26),
    ],
)
def test_printed_examples(code: str, wages: int, frequency: str, election: Election, cents: int) -> None:
    assert tax(code, wages, frequency, election) == cents


@pytest.mark.parametrize(
    ("code", "wages", "frequency", "election", "pay_date", "cents"),
    [
        # worked by hand from the recorded rates, for what no state printed
        ("PA", 2000_00, "biweekly", Election("mfj", 9), AUTUMN, 61_40),  # no deduction, no allowance
        ("CO", 60_000_00, "annual", Election("mfj"), AUTUMN, 2156_00),  # 49,000 x 4.4 %
        ("CO", 60_000_00, "annual", Election("mfj", deduction_cents=20_000_00), AUTUMN, 1760_00),
        ("IL", 52_000_00, "annual", Election(allowances=1, further_allowances=1), AUTUMN, 2379_71),
        ("GA", 52_000_00, "annual", Election(), date(2026, 5, 10), 2076_00),  # 40,000 x 5.19 %
        ("GA", 52_000_00, "annual", Election(), date(2026, 5, 11), 1846_30),  # 37,000 x 4.99 %
        ("IA", 1000_00, "semimonthly", Election("hoh"), AUTUMN, 7_13),  # 187.50 x 3.8 %
        ("IA", 2000_00, "semimonthly", Election("married_no_spouse_income"), AUTUMN, 34_83),
        # each Indiana line is rounded: 2 x 28.85, where 3,000 / 52 is 57.69 and would give 59.01
        ("IN", 2057_86, "weekly", Election(dependents=1, first_time_dependents=1), AUTUMN, 59_00),
        ("AZ", 1000_00, "weekly", Election(), AUTUMN, 20_00),
        ("AZ", 1000_00, "weekly", Election(elected_rate_ppm=35_000), AUTUMN, 35_00),
        ("AZ", 1000_00, "weekly", Election(elected_rate_ppm=0), AUTUMN, 0),
        ("UT", 20_000_00, "annual", Election(), date(2026, 5, 31), 591_61),  # 900 - (450 - 1.3 % x 10,893)
        ("UT", 20_000_00, "annual", Election(), date(2026, 6, 1), 543_48),  # 890 - (485 - 1.3 % x 10,652)
        ("UT", 9_000_00, "annual", Election(), AUTUMN, 0),  # the credit is more than the tax
        ("UT", 12_000_00, "annual", Election(), AUTUMN, 83_48),  # 534 - (485 - 1.3 % x 2,652)
        ("UT", 11_000_00, "annual", Election("mfj"), AUTUMN, 0),
        ("UT", 200_000_00, "annual", Election(), AUTUMN, 8900_00),  # the credit is gone
        ("MS", 52_000_00, "annual", Election(), AUTUMN, 1348_00),  # (43,700 - 10,000) x 4 %
        ("MS", 2010_00, "biweekly", Election(), AUTUMN, 52_00),  # 52.246 in whole dollars
        ("MS", 18_300_00, "annual", Election(), AUTUMN, 0),
    ],
)
def test_worked_by_hand(
    *, code: str, wages: int, frequency: str, election: Election, pay_date: date, cents: int
) -> None:
    assert tax(code, wages, frequency, election, pay_date) == cents


@pytest.mark.parametrize(
    ("code", "single", "married", "hoh"),
    [
        # the deductions of 2026 as recorded, all three of them
        ("NC", 12_750, 12_750, 19_125),
        ("KY", 3_360, 3_360, 3_360),
        ("CO", 5_500, 11_000, 5_500),
        ("LA", 12_875, 25_750, 25_750),
        ("ID", 16_100, 32_200, 16_100),
        ("GA", 15_000, 30_000, 15_000),
        ("MS", 8_300, 16_600, 12_900),
    ],
)
def test_deductions_by_status(code: str, single: int, married: int, hoh: int) -> None:
    rule = state.rule_for(code, AUTUMN, RULES)
    assert isinstance(rule, Annualized)
    words = {"single": single, "mfs": single, "mfj": married, "qss": married, "hoh": hoh}
    assert {word: rule.deduction_cents[word] // 100 for word in words} == words


def test_iowas_period_deductions_are_its_annual_ones_divided() -> None:
    rule = state.rule_for("IA", AUTUMN, RULES)
    assert isinstance(rule, PeriodDeduction)
    annual = {"single": 13_000_00, "mfj": 13_000_00, "hoh": 19_500_00, "married_no_spouse_income": 26_000_00}
    for frequency in ("weekly", "biweekly", "semimonthly", "monthly", "annual"):
        for status, deduction in annual.items():
            period = ratio_half_up(deduction, PERIODS_PER_YEAR[frequency])
            assert rule.deduction_cents[frequency][status] == period


def test_only_colorados_form_names_a_deduction() -> None:
    named = Election(deduction_cents=20_000_00)
    assert tax("KY", 3270_00, "monthly", named) == tax("KY", 3270_00, "monthly", Election())


@pytest.mark.parametrize("code", NO_TAX)
@pytest.mark.parametrize("year", [2025, 2026])
def test_states_without_income_tax(code: str, year: int) -> None:
    pay_date = date(year, 6, 30)
    election = Election(additional_cents=99)
    taken = state.withholding(code, 10**8, election, load(year), frequency="weekly", pay_date=pay_date)
    assert taken == (0, None, (worksheets.state.state_no_income_tax.__name__,))
    assert add_up([taken.working]) == {"state_income_tax_cents": 0}


@pytest.mark.parametrize(
    ("code", "year"),
    [
        ("AL", 2026),
        ("OR", 2026),
        ("AR", 2026),
        ("CT", 2026),
        ("MD", 2026),
        ("DC", 2026),
        ("CA", 2025),
        ("IL", 2025),
        ("PA", 2025),
        ("XX", 2026),
        ("", 2026),
    ],
)
def test_an_unknown_state_is_never_a_state_without_tax(code: str, year: int) -> None:
    message = f"no income tax rules for {code} on {year}-06-30 in the {year} tables"
    with pytest.raises(NeedsReview, match=message):
        state.withholding(
            code, 1000_00, Election(), load(year), frequency="weekly", pay_date=date(year, 6, 30)
        )


def test_tables_of_another_year_are_never_used() -> None:
    with pytest.raises(NeedsReview, match="on 2027-01-08 in the 2026 tables"):
        tax("PA", 1000_00, "weekly", Election(), date(2027, 1, 8))


@pytest.mark.parametrize(
    ("code", "frequency", "election", "message"),
    [
        ("NC", "weekly", Election("divorced"), "'divorced'"),
        ("IA", "daily", Election(), "'daily'"),
        ("KY", "fortnightly", Election(), "'fortnightly' is unknown"),
        ("AZ", "weekly", Election(elected_rate_ppm=12_345), "12345 ppm"),
        ("PA", "weekly", Election(additional_cents=-1), "extra withholding of -1 cents"),
        *[
            (
                "PA",
                "weekly",
                Election(**{entry: -1}),
                "PA form with an entry below zero: correct the state form",
            )
            for entry in (
                "allowances",
                "further_allowances",
                "dependents",
                "first_time_dependents",
                "adopted_dependents",
                "estimated_deduction_allowances",
                "age_blind_allowances",
                "credit_cents",
                "deduction_cents",
            )
        ],
    ],
)
def test_what_a_form_cannot_say(code: str, frequency: str, election: Election, message: str) -> None:
    with pytest.raises(NeedsReview, match=message):
        tax(code, 1000_00, frequency, election)


def test_wages_below_zero_are_refused_even_where_nothing_is_taxed() -> None:
    with pytest.raises(NeedsReview, match="below zero"):
        tax("TX", -1, "weekly", Election())


@pytest.mark.parametrize(
    ("code", "cents"),
    [
        ("NJ", 500_00),  # NJ-WT: 401(k) deferrals are no wages, section 125 and HSA are
        ("CA", 400_00),  # California taxes HSA contributions
        ("PA", 900_00),  # 61 Pa. Code 101.6: health premiums reduce, a 401(k) deferral does not
        ("IL", 350_00),
    ],
)
def test_which_wages_a_state_taxes(code: str, cents: int) -> None:
    pre_tax = PreTax(traditional_401k_cents=500_00, section125_cents=100_00, hsa_cafeteria_cents=50_00)
    assert state_wages(1000_00, pre_tax, state.rule_for(code, AUTUMN, RULES)) == cents


def test_exempt_and_additional() -> None:
    assert tax("PA", 2000_00, "biweekly", Election(additional_cents=10_00)) == 71_40
    assert tax("PA", 2000_00, "biweekly", Election(exempt=True, additional_cents=10_00)) == 0
    exempt = state.withholding(
        "CA", 9000_00, Election(exempt=True), RULES, frequency="weekly", pay_date=AUTUMN
    )
    assert exempt == (0, None, ("state_exempt",))


STATUSES = st.sampled_from(["single", "mfs", "mfj", "qss", "hoh", "married", "married_higher_single"])
ELECTIONS = st.tuples(STATUSES, st.integers(0, 6)).map(lambda entries: Election(*entries))


@given(
    code=st.sampled_from(FLAT),
    wages=st.integers(0, 50_000_00),
    raise_=st.integers(0, 1000_00),
    frequency=st.sampled_from(["weekly", "biweekly", "semimonthly", "monthly"]),
    election=ELECTIONS,
    pay_date=st.sampled_from([SPRING, AUTUMN]),
)
def test_more_wages_never_mean_less_tax(
    *, code: str, wages: int, raise_: int, frequency: str, election: Election, pay_date: date
) -> None:
    less = tax(code, wages, frequency, election, pay_date)
    more = tax(code, wages + raise_, frequency, election, pay_date)
    assert 0 <= less <= more
    # 5.8 % at most (Utah's rate with its taper); Mississippi rounds to whole dollars
    assert more - less <= raise_ * 58 // 1000 + (101 if code == "MS" else 2)
