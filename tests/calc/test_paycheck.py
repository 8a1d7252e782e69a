"""The taxes of one payment: which wages each is on, how supplemental wages are taxed, and that it all adds up."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.federal import W4
from payroll.calc.paycheck import NO_TAXES, Forms, Payment, PreTax, Taxes, YearToDate, taxes
from payroll.calc.state import Election
from payroll.calc.worksheet import add_up
from payroll.rules import load

AMOUNTS = st.integers(0, 500_00)
STATES = ["TX", "PA", "IL", "UT", "MS", "IN", "CA", "NJ", "WA", "CO"]
TAXED_BEFORE = YearToDate(ss_withheld_cents=0, income_tax_withheld=True)


def tax(
    gross: int,
    pre_tax: PreTax = PreTax(),  # noqa: B008
    work_state: str | None = "TX",
    *,
    supplemental: int = 0,
    w4: W4 = W4(),  # noqa: B008
    ytd: YearToDate = YearToDate(ss_withheld_cents=0),  # noqa: B008
    **forms: Any,
) -> Taxes:
    return taxes(
        Payment(gross, pre_tax, supplemental),
        Forms(w4, **forms),
        ytd,
        load(2026),
        frequency="biweekly",
        pay_date=date(2026, 11, 20),
        period_end=date(2026, 11, 14),
        work_state=work_state,
    )


@given(
    st.integers(2000_00, 90_000_00),
    st.builds(PreTax, AMOUNTS, st.integers(0, 100_00), st.integers(0, 100_00)),
    st.integers(0, 2000_00),
    st.sampled_from(STATES),
    st.booleans(),
)
def test_the_worksheets_give_every_tax(
    gross: int, pre_tax: PreTax, supplemental: int, work_state: str, taxed_before: bool
) -> None:
    ytd = YearToDate(ss_withheld_cents=0, income_tax_withheld=taxed_before)
    computed = tax(gross, pre_tax, work_state, supplemental=supplemental, ytd=ytd)
    given_by = add_up(computed.workings)
    for name, value in computed._asdict().items():
        if name in given_by:
            assert given_by[name] == value, name
    assert {"federal_income_tax_cents", "social_security_cents", "state_income_tax_cents"} <= given_by.keys()
    assert computed.fit_wages_cents <= computed.fica_wages_cents <= gross
    assert computed.employee_cents < gross
    rate = 7650 + 600 + 440  # 7.65 %, 0.6 % and a state programme's share, in thousandths of a percent
    assert computed.employer_cents <= computed.fica_wages_cents * rate // 100_000 + gross * 440 // 100_000 + 3


def test_all_that_is_taken_and_all_that_is_owed() -> None:
    """Illinois, 3,000.00 biweekly, single: 5,800 + 22 % of 11,500 = 8,330 a year; 4.95 %; FICA; FUTA 0.6 %."""
    computed = tax(3000_00, work_state="IL")
    assert computed.federal_income_tax_cents == 320_38
    assert computed.state_income_tax_cents == 148_50
    assert (computed.social_security_cents, computed.medicare_cents) == (186_00, 43_50)
    assert computed.employee_cents == 320_38 + 148_50 + 186_00 + 43_50
    assert computed.employer_cents == 186_00 + 43_50 + 18_00


def test_the_states_own_programmes() -> None:
    """California disability: 1.3 % of 2,900.00. Washington: 3,000.00 x 1.13 % x 71.43 % and 0.58 %."""
    california = tax(3000_00, PreTax(section125_cents=100_00), "CA")
    assert california.programmes == (("CA_SDI", 37_70, 0, 2900_00),)
    assert california.state_programmes_cents == 37_70
    washington = tax(3000_00, work_state="WA")
    assert {name: cents for name, cents, _, _ in washington.programmes} == {
        "WA_PFML": 24_21,
        "WA_CARES": 17_40,
    }
    assert washington.employee_cents == washington.federal_income_tax_cents + 186_00 + 43_50 + 41_61
    colorado = tax(3000_00, work_state="CO")
    assert (colorado.state_programmes_cents, colorado.employer_programmes_cents) == (13_20, 13_20)
    assert colorado.employer_cents == 186_00 + 43_50 + 18_00 + 13_20


def test_a_cap_is_hit_in_mid_check() -> None:
    """New Jersey unemployment and the workforce funds end at 44,800.00 of wages."""
    ytd = YearToDate(ss_withheld_cents=0, programme_wages_cents={"NJ_UI_WF_SWF": 44_000_00})
    lines = {
        name: (cents, wages) for name, cents, _, wages in tax(3000_00, work_state="NJ", ytd=ytd).programmes
    }
    assert lines["NJ_UI_WF_SWF"] == (3_40, 800_00)
    assert lines["NJ_FLI"] == (6_90, 3000_00)


def test_a_weekly_limit_is_no_limit_of_a_month() -> None:
    """New York disability may take 0.60 a week: of pay that is not by the week the employee bears nothing."""

    def names(frequency: str) -> set[str]:
        computed = taxes(
            Payment(3000_00),
            Forms(W4()),
            YearToDate(),
            load(2026),
            frequency=frequency,
            pay_date=date(2026, 11, 20),
            period_end=date(2026, 11, 14),
            work_state="NY",
        )
        return {line[0] for line in computed.programmes}

    assert names("biweekly") == {"NY_PFL", "NY_DBL"}
    assert names("monthly") == {"NY_PFL"}


def test_no_state_is_asked_for() -> None:
    computed = tax(3000_00, work_state=None)
    assert (computed.state_wages_cents, computed.state_income_tax_cents, computed.programmes) == (0, 0, ())


def test_a_bonus_is_taxed_flat_beside_the_regular_wages() -> None:
    """2,000.00 of regular wages bear 156.15, 1,000.00 of bonus 22 %; FICA is on both."""
    computed = tax(3000_00, supplemental=1000_00)
    assert computed.supplemental_income_tax_cents == 220_00
    assert computed.federal_income_tax_cents == 376_15
    assert (computed.social_security_cents, computed.medicare_cents) == (186_00, 43_50)
    assert add_up(computed.workings)["supplemental_income_tax_cents"] == 220_00


def test_without_tax_on_regular_wages_a_bonus_is_aggregated() -> None:
    """1,200.00 together: 31,200 - 8,600 = 22,600; 1,240 + 12 % of 2,700 = 1,564; / 26 = 60.15."""
    assert tax(1200_00, supplemental=1000_00).federal_income_tax_cents == 60_15
    assert tax(1200_00, supplemental=1000_00, ytd=TAXED_BEFORE).federal_income_tax_cents == 220_00


def test_pre_tax_items_come_off_regular_wages_first() -> None:
    computed = tax(3000_00, PreTax(2100_00), supplemental=1000_00, ytd=TAXED_BEFORE)
    assert computed.fit_wages_cents == 900_00
    assert computed.federal_income_tax_cents == 198_00


def test_over_a_million_of_supplemental_wages() -> None:
    """500.00 at 22 % and 500.00 at 37 %; aggregate takes the 37 % too."""
    ytd = TAXED_BEFORE._replace(supplemental_cents=999_500_00)
    assert tax(1000_00, supplemental=1000_00, ytd=ytd).federal_income_tax_cents == 110_00 + 185_00
    never_taxed = ytd._replace(income_tax_withheld=False)
    assert tax(1000_00, supplemental=1000_00, ytd=never_taxed).federal_income_tax_cents == 185_00


def test_forms_reach_the_tax() -> None:
    letter = W4("single", step4c_cents=100_00)
    plain = tax(3000_00).federal_income_tax_cents
    assert tax(3000_00, w4=W4(exempt=True), letter=letter).federal_income_tax_cents == plain + 100_00
    assert tax(3000_00, nonresident="table2").federal_income_tax_cents > plain
    assert tax(3000_00, work_state="IL", election=Election(exempt=True)).state_income_tax_cents == 0
    bonus = tax(1200_00, supplemental=1000_00, w4=W4(exempt=True), letter=letter, nonresident="table2")
    # 819.20 a period with the nonresident amount: 21,299.20 - 8,600; 10 % of 5,199.20 / 26 = 20.00; + 100.00; 22 %
    assert bonus.federal_income_tax_cents == 20_00 + 100_00 + 220_00
    assert (
        tax(1200_00, supplemental=1000_00, w4=W4(exempt=True), ytd=TAXED_BEFORE).federal_income_tax_cents == 0
    )


@given(st.integers(2000_00, 20_000_00), AMOUNTS)
def test_a_traditional_deferral_lowers_income_tax_and_no_fica(gross: int, deferred: int) -> None:
    plain, deferring = tax(gross, work_state="PA"), tax(gross, PreTax(deferred), "PA")
    assert deferring.fica_wages_cents == plain.fica_wages_cents
    assert deferring.social_security_cents == plain.social_security_cents
    assert deferring.state_income_tax_cents == plain.state_income_tax_cents  # Pennsylvania taxes the deferral
    assert deferring.federal_income_tax_cents <= plain.federal_income_tax_cents


def test_nothing_earned_nothing_due() -> None:
    assert tax(0, work_state="IL").employee_cents == 0
    assert tax(0, work_state="IL").employer_cents == 0
    assert (NO_TAXES.employee_cents, NO_TAXES.employer_cents, NO_TAXES.workings) == (0, 0, ())


def test_pre_tax_items_beyond_the_gross() -> None:
    with pytest.raises(NeedsReview, match=r"deductions of 150\.00 exceed the gross pay of 100\.00"):
        tax(100_00, PreTax(section125_cents=150_00))
    assert tax(100_00, PreTax(section125_cents=100_00)).fit_wages_cents == 0
