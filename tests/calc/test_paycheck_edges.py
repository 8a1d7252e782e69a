"""What one tax of a payment hands to another: by hand, from the 2026 tables."""

from datetime import date

import pytest

from events.failures import NeedsReview
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.federal import W4, withholding_with_floor
from payroll.calc.paycheck import Forms, Payment, Taxes, YearToDate, taxes
from payroll.calc.state import Election
from payroll.rules import load

PAY_DATE = date(2026, 8, 5)


def tax(
    payment: Payment,
    work_state: str | None = None,
    *,
    forms: Forms = Forms(W4()),  # noqa: B008
    ytd: YearToDate = YearToDate(ss_withheld_cents=0, fica_withheld_cents=0),  # noqa: B008
    frequency: str = "biweekly",
    period_end: date = PAY_DATE,
    employees: int | None = None,
) -> Taxes:
    return taxes(
        payment,
        forms,
        ytd,
        load(2026),
        frequency=frequency,
        pay_date=PAY_DATE,
        period_end=period_end,
        work_state=work_state,
        employees=employees,
    )


@pytest.mark.parametrize(
    ("ytd", "cents"),
    [
        # 2,000.00 less 6.2 % and 1.45 % at 5 %
        (YearToDate(ss_withheld_cents=0, fica_withheld_cents=0), 92_35),
        # 2,000.00 of FICA is all that a year deducts: 50.00 is left of it, then nothing
        (YearToDate(ss_withheld_cents=0, fica_withheld_cents=1950_00), 97_50),
        (YearToDate(ss_withheld_cents=0, fica_withheld_cents=2000_00), 100_00),
        # above 184,500 and 200,000 there is Medicare of 29.00 and Additional Medicare of 18.00 alone
        (
            YearToDate(ss_wages_cents=184_500_00, medicare_wages_cents=300_000_00, fica_withheld_cents=0),
            97_65,
        ),
    ],
)
def test_massachusetts_deducts_the_fica_of_this_payment(ytd: YearToDate, cents: int) -> None:
    assert tax(Payment(2000_00), "MA", ytd=ytd).state_income_tax_cents == cents


def test_massachusetts_needs_to_know_the_fica_of_the_year() -> None:
    with pytest.raises(NeedsReview, match="Massachusetts deducts Social Security and Medicare"):
        tax(Payment(2000_00), "MA", ytd=YearToDate())


@pytest.mark.parametrize(("period_end", "cents"), [(date(2026, 7, 31), 1159_06), (date(2026, 8, 1), 1113_47)])
def test_ohio_goes_by_the_end_of_the_period(period_end: date, cents: int) -> None:
    """50,000 - 650: 462.39 + 2.99 % x 23,300, and from August 416.80 + the same."""
    computed = tax(
        Payment(50_000_00),
        "OH",
        forms=Forms(W4(), Election(allowances=1)),
        frequency="annual",
        period_end=period_end,
    )
    assert computed.state_income_tax_cents == cents


def test_a_refusal_names_the_state() -> None:
    with pytest.raises(NeedsReview, match=r"^NJ has no figure for 'C'"):
        tax(Payment(1000_00), "NJ", forms=Forms(W4(), Election(table="C")))


def test_the_size_of_the_employer_reaches_the_programmes() -> None:
    """Delaware: 0.16 % from 10 employees on, 0.4 % from 25 on."""
    small, large = (tax(Payment(1000_00), "DE", employees=count) for count in (10, 25))
    assert (small.state_programmes_cents, large.state_programmes_cents) == (1_60, 4_00)
    with pytest.raises(NeedsReview):
        tax(Payment(1000_00), "DE")


@pytest.mark.parametrize(
    ("withheld", "cents"),
    [(None, 124_00), (0, 124_00), (11_315_00, 124_00), (11_438_00, 1_00), (11_439_00, 0)],
)
def test_social_security_stops_at_what_a_year_may_withhold(withheld: int | None, cents: int) -> None:
    """6.2 % of 184,500 is 11,439.00."""
    ytd = YearToDate(ss_wages_cents=100_000_00, ss_withheld_cents=withheld)
    assert tax(Payment(2000_00), ytd=ytd).social_security_cents == cents


def test_without_supplemental_wages_no_tax_is_on_them() -> None:
    computed = tax(Payment(3000_00))
    assert (computed.federal_income_tax_cents, computed.supplemental_income_tax_cents) == (320_38, 0)


@pytest.mark.parametrize(
    ("forms", "regular", "on_supplemental"),
    [
        # one cent on regular wages is enough for the flat 22 %
        (Forms(W4(step4c_cents=1)), 1, 220_00),
        # else both together: 28,600 - 8,600 = 20,000 a year: 1,240 + 12 % x 100 = 1,252 / 26
        (Forms(W4()), 0, 48_15),
        (Forms(W4("mfj")), 0, 0),
        # with 619.20 a period: 44,699.20 - 12,900 = 31,799.20: 10 % x 12,499.20 = 1,249.92 / 26
        (Forms(W4("mfj"), nonresident="table2"), 0, 48_07),
        # as the lock-in letter says
        (Forms(W4("mfj"), letter=W4()), 0, 48_15),
        (Forms(W4(), letter=W4("mfj")), 0, 48_15),
    ],
)
def test_supplemental_wages_beside_regular_wages_that_bear_little(
    forms: Forms, regular: int, on_supplemental: int
) -> None:
    computed = tax(Payment(1100_00, supplemental_cents=1000_00), forms=forms)
    assert computed.supplemental_income_tax_cents == on_supplemental
    assert computed.federal_income_tax_cents == regular + on_supplemental


def test_a_floor_under_the_tax_of_a_nonresident() -> None:
    """1,309.60 a week: 68,099.20 - 8,600 = 59,499.20: 5,800 + 22 % x 1,599.20 = 6,151.824 / 52."""
    federal = load(2026).federal
    for w4, letter in ((W4(), W4("mfj")), (W4("mfj"), W4())):
        floored = withholding_with_floor(1000_00, "weekly", w4, letter, federal, nonresident="table2")
        assert floored.withholding_cents == 118_30
