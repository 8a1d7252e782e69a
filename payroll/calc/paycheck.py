"""The taxes of one payment: which wages each is computed on, and how much it is."""

from datetime import date
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc import federal, programmes, state, supplemental
from payroll.calc.federal import W4, IncomeTax, W4Before2020
from payroll.calc.fica import fica, futa
from payroll.calc.money import dollars
from payroll.calc.state import Election
from payroll.calc.state_tables import StateRule
from payroll.calc.tables import Rules
from payroll.calc.wages import (
    PreTax,
    fica_wages,
    fica_wages_working,
    fit_wages,
    fit_wages_working,
    state_wages,
    state_wages_working,
)
from payroll.calc.worksheet import Working

__all__ = ["Forms", "Payment", "PreTax", "Taxes", "YearToDate", "taxes"]


class Payment(NamedTuple):
    """What is taxed, in cents: all wages, what is taken of them before tax, and how much of them is supplemental."""

    gross_cents: int
    pre_tax: PreTax = PreTax()
    supplemental_cents: int = 0


class Forms(NamedTuple):
    """What the employee's forms say.

    election      the state's form
    letter        an IRS lock-in letter, or None
    nonresident   None, or the table of amounts added for a nonresident alien: "table1", "table2"
    """

    w4: W4 | W4Before2020
    election: Election = Election()
    letter: W4 | W4Before2020 | None = None
    nonresident: str | None = None


class YearToDate(NamedTuple):
    """What this employer paid and withheld earlier in the pay date's calendar year, in cents.

    ss_withheld_cents     None when it is not known
    fica_withheld_cents   Social Security and Medicare together; None when it is not known
    programme_wages_cents by programme of the work state
    income_tax_withheld   from regular wages, this year or last: only then may supplemental wages be taxed flat
    """

    ss_wages_cents: int = 0
    medicare_wages_cents: int = 0
    futa_wages_cents: int = 0
    ss_withheld_cents: int | None = None
    fica_withheld_cents: int | None = None
    supplemental_cents: int = 0
    programme_wages_cents: programmes.WagesByName = programmes.NO_WAGES
    income_tax_withheld: bool = False


class Taxes(NamedTuple):
    """One payment's taxes in cents, and the wages each was computed on.

    supplemental_income_tax_cents   of the federal income tax: on supplemental wages
    programmes                      the state's own: name, employee's cents, employer's cents, wages
    """

    fit_wages_cents: int
    fica_wages_cents: int
    state_wages_cents: int
    ss_taxable_cents: int
    additional_medicare_taxable_cents: int
    futa_taxable_cents: int
    supplemental_income_tax_cents: int
    federal_income_tax_cents: int
    social_security_cents: int
    medicare_cents: int
    additional_medicare_cents: int
    state_income_tax_cents: int
    programmes: tuple[tuple[str, int, int, int], ...]
    state_programmes_cents: int
    employer_social_security_cents: int
    employer_medicare_cents: int
    employer_futa_cents: int
    employer_programmes_cents: int
    workings: tuple[Working, ...]

    @property
    def employee_cents(self) -> int:
        """All that the law takes from the employee's pay."""
        return (
            self.federal_income_tax_cents
            + self.social_security_cents
            + self.medicare_cents
            + self.additional_medicare_cents
            + self.state_income_tax_cents
            + self.state_programmes_cents
        )

    @property
    def employer_cents(self) -> int:
        """All that the employer owes on top of the pay."""
        return (
            self.employer_social_security_cents
            + self.employer_medicare_cents
            + self.employer_futa_cents
            + self.employer_programmes_cents
        )


NO_TAXES = Taxes(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (), 0, 0, 0, 0, 0, ())


def taxes(
    payment: Payment,
    forms: Forms,
    ytd: YearToDate,
    rules: Rules,
    *,
    frequency: str,
    pay_date: date,
    period_end: date,
    work_state: str | None,
    employees: int | None = None,
) -> Taxes:
    """Compute every tax of one payment, the employee's and the employer's.

    rules        the tables of the pay date's year
    work_state   postal code; None computes no state tax and no state programme
    employees    how many the employer has: a state programme may depend on it
    raises       NeedsReview when pre-tax items exceed the gross pay, or a state, form or status has no rule
    source       wages.py for what each tax is computed on; the tax's own module for the tax
    """
    gross_cents, pre_tax, _ = payment
    fit, fica_base = fit_wages(gross_cents, pre_tax), fica_wages(gross_cents, pre_tax)
    if fit < 0:
        raise _too_much_before_tax(gross_cents, fit)
    income_tax, on_supplemental = _income_tax(fit, payment.supplemental_cents, forms, ytd, rules, frequency)
    social = fica(
        fica_base,
        fica_base,
        rules.fica,
        ytd_ss_wages_cents=ytd.ss_wages_cents,
        ytd_medicare_wages_cents=ytd.medicare_wages_cents,
        ytd_ss_withheld_cents=ytd.ss_withheld_cents,
    )
    unemployment = futa(fica_base, ytd.futa_wages_cents, rules.futa)
    workings = (
        fit_wages_working(gross_cents, pre_tax),
        fica_wages_working(gross_cents, pre_tax),
        income_tax.working,
        social.working,
        unemployment.working,
    )
    own = _NO_STATE
    if work_state is not None:
        fica_cents = (
            social.ss_employee_cents + social.medicare_employee_cents + social.additional_medicare_cents
        )
        rule = state.rule_for(work_state, pay_date, rules, period_end)
        own = _of_state(work_state, rule, payment, forms, ytd, rules, frequency, fica_cents, employees)
    return Taxes(
        fit_wages_cents=fit,
        fica_wages_cents=fica_base,
        state_wages_cents=own.wages_cents,
        ss_taxable_cents=social.ss_taxable_cents,
        additional_medicare_taxable_cents=social.additional_medicare_taxable_cents,
        futa_taxable_cents=unemployment.taxable_cents,
        supplemental_income_tax_cents=on_supplemental,
        federal_income_tax_cents=income_tax.withholding_cents,
        social_security_cents=social.ss_employee_cents,
        medicare_cents=social.medicare_employee_cents,
        additional_medicare_cents=social.additional_medicare_cents,
        state_income_tax_cents=own.income_tax_cents,
        programmes=own.programmes.lines,
        state_programmes_cents=own.programmes.employee_cents,
        employer_social_security_cents=social.ss_employer_cents,
        employer_medicare_cents=social.medicare_employer_cents,
        employer_futa_cents=unemployment.tax_cents,
        employer_programmes_cents=own.programmes.employer_cents,
        workings=(*workings, *own.workings),
    )


def _too_much_before_tax(gross_cents: int, fit_cents: int) -> NeedsReview:
    return NeedsReview(
        f"pre-tax deductions of {dollars(gross_cents - fit_cents)} exceed the gross pay of {dollars(gross_cents)}: "
        "lower them, then redrive"
    )


class _StateTaxes(NamedTuple):
    """What the work state takes of one payment, in cents."""

    wages_cents: int
    income_tax_cents: int
    programmes: programmes.ProgrammeTaxes
    workings: tuple[Working, ...]


_NO_STATE = _StateTaxes(0, 0, programmes.NOTHING, ())


def _of_state(  # noqa: PLR0917 - all of a payment, from the one caller above
    work_state: str,
    rule: StateRule,
    payment: Payment,
    forms: Forms,
    ytd: YearToDate,
    rules: Rules,
    frequency: str,
    fica_cents: int,
    employees: int | None,
) -> _StateTaxes:
    gross_cents, pre_tax, _ = payment
    wages_cents = state_wages(gross_cents, pre_tax, rule)
    withheld = state.withhold_by(
        rule,
        work_state,
        wages_cents,
        frequency,
        forms.election,
        fica_cents=fica_cents,
        ytd_fica_cents=ytd.fica_withheld_cents,
    )
    own = programmes.programmes(
        work_state,
        gross_cents,
        pre_tax,
        ytd.programme_wages_cents,
        rules,
        frequency=frequency,
        employees=employees,
        exempt=programmes.without_a_limit(work_state, frequency, rules),
    )
    workings = (state_wages_working(gross_cents, pre_tax, rule), withheld.working, *own.workings)
    return _StateTaxes(wages_cents, withheld.withholding_cents, own, workings)


def _income_tax(  # noqa: PLR0917 - ditto
    fit_cents: int, supplemental_cents: int, forms: Forms, ytd: YearToDate, rules: Rules, frequency: str
) -> tuple[IncomeTax, int]:
    """Federal income tax, and how much of it is on supplemental wages. Pre-tax items come off regular wages first."""
    on_supplemental_cents = min(supplemental_cents, fit_cents)
    regular_cents = fit_cents - on_supplemental_cents
    regular = _on_regular(regular_cents, forms, rules, frequency)
    if not on_supplemental_cents:
        return regular, 0
    taxed_before = ytd.income_tax_withheld or regular.withholding_cents > 0
    extra: supplemental.FlatTax | supplemental.AggregateTax
    if supplemental.FLAT in supplemental.allowed_methods(taxed_before):
        extra = supplemental.flat(
            on_supplemental_cents,
            ytd.supplemental_cents,
            rules.federal.supplemental,
            exempt=forms.w4.exempt and forms.letter is None,  # a letter overrides the claim
        )
        working = extra.working
    else:
        extra = supplemental.aggregate(
            regular_cents,
            on_supplemental_cents,
            frequency,
            forms.w4,
            rules.federal,
            nonresident=forms.nonresident,
            ytd_supplemental_cents=ytd.supplemental_cents,
            letter=forms.letter,
        )
        (working,) = extra.workings
    together = regular.withholding_cents + extra.withholding_cents
    return IncomeTax(together, ("federal_together", regular.working, working)), extra.withholding_cents


def _on_regular(wages_cents: int, forms: Forms, rules: Rules, frequency: str) -> IncomeTax:
    if forms.letter is None:
        return federal.withholding(wages_cents, frequency, forms.w4, rules.federal, forms.nonresident)
    return federal.withholding_with_floor(
        wages_cents, frequency, forms.w4, forms.letter, rules.federal, nonresident=forms.nonresident
    )
