"""Gross to net for one paycheck, from amounts that are already settled."""

from datetime import date
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc import federal, state
from payroll.calc.federal import W4, W4Before2020
from payroll.calc.fica import fica, futa
from payroll.calc.money import dollars
from payroll.calc.state import Election
from payroll.calc.tables import Rules
from payroll.calc.wages import PreTax, fica_wages, fit_wages, state_wages

__all__ = ["Net", "Paycheck", "PreTax", "Taxes", "YearToDate", "net_pay", "paycheck", "taxes"]


class YearToDate(NamedTuple):
    """What this employer paid and withheld earlier in the pay date's calendar year, in cents.

    ss_withheld_cents   None when it is not known
    """

    ss_wages_cents: int = 0
    medicare_wages_cents: int = 0
    futa_wages_cents: int = 0
    ss_withheld_cents: int | None = None


class Taxes(NamedTuple):
    """One paycheck's taxes in cents, and the wages each was computed on."""

    fit_wages_cents: int
    fica_wages_cents: int
    state_wages_cents: int
    ss_taxable_cents: int
    additional_medicare_taxable_cents: int
    futa_taxable_cents: int
    federal_income_tax_cents: int
    social_security_cents: int
    medicare_cents: int
    additional_medicare_cents: int
    state_income_tax_cents: int
    employer_social_security_cents: int
    employer_medicare_cents: int
    employer_futa_cents: int

    @property
    def employee_cents(self) -> int:
        """All that the law takes from the employee's pay."""
        return (
            self.federal_income_tax_cents
            + self.social_security_cents
            + self.medicare_cents
            + self.additional_medicare_cents
            + self.state_income_tax_cents
        )

    @property
    def employer_cents(self) -> int:
        """All that the employer owes on top of the pay."""
        return self.employer_social_security_cents + self.employer_medicare_cents + self.employer_futa_cents


class Net(NamedTuple):
    """What is left: disposable earnings (gross less taxes, 15 USC 1672) and the net pay, in cents."""

    disposable_cents: int
    net_pay_cents: int


class Paycheck(NamedTuple):
    """A whole paycheck."""

    taxes: Taxes
    net: Net


def taxes(
    gross_cents: int,
    pre_tax: PreTax,
    w4: W4 | W4Before2020,
    ytd: YearToDate,
    rules: Rules,
    *,
    frequency: str,
    pay_date: date,
    work_state: str,
    election: Election,
    nonresident: str | None = None,
) -> Taxes:
    """Compute every tax of one paycheck, the employee's and the employer's.

    gross_cents   all wages of the period, >= 0
    rules         the tables of the pay date's year
    raises        NeedsReview when pre-tax items exceed the gross pay, or a state, form or status has no rule
    source        wages.py for what each tax is computed on; federal.py, fica.py and state.py for the taxes
    """
    fit, fica_base = fit_wages(gross_cents, pre_tax), fica_wages(gross_cents, pre_tax)
    if fit < 0:
        raise NeedsReview(
            f"pre-tax deductions of {dollars(gross_cents - fit)} exceed the gross pay of "
            f"{dollars(gross_cents)}: lower them, then redrive"
        )
    rule = state.rule_for(work_state, pay_date, rules)
    state_base = state_wages(gross_cents, pre_tax, rule)
    income_tax = federal.withholding(fit, frequency, w4, rules.federal, nonresident)
    social = fica(
        fica_base,
        fica_base,
        rules.fica,
        ytd_ss_wages_cents=ytd.ss_wages_cents,
        ytd_medicare_wages_cents=ytd.medicare_wages_cents,
        ytd_ss_withheld_cents=ytd.ss_withheld_cents,
    )
    unemployment = futa(fica_base, ytd.futa_wages_cents, rules.futa)
    return Taxes(
        fit_wages_cents=fit,
        fica_wages_cents=fica_base,
        state_wages_cents=state_base,
        ss_taxable_cents=social.ss_taxable_cents,
        additional_medicare_taxable_cents=social.additional_medicare_taxable_cents,
        futa_taxable_cents=unemployment.taxable_cents,
        federal_income_tax_cents=income_tax.withholding_cents,
        social_security_cents=social.ss_employee_cents,
        medicare_cents=social.medicare_employee_cents,
        additional_medicare_cents=social.additional_medicare_cents,
        state_income_tax_cents=state.withhold_by(rule, work_state, state_base, frequency, election),
        employer_social_security_cents=social.ss_employer_cents,
        employer_medicare_cents=social.medicare_employer_cents,
        employer_futa_cents=unemployment.tax_cents,
    )


def net_pay(
    gross_cents: int, pre_tax: PreTax, taxed: Taxes, *, roth_401k_cents: int = 0, post_tax_cents: int = 0
) -> Net:
    """Take taxes and deductions from gross pay.

    post_tax_cents   everything after tax but Roth: garnishments, union dues, charity
    raises           NeedsReview when the deductions exceed the pay: nothing is cut short in silence
    source           15 USC 1672(b): voluntary deductions are part of disposable earnings
    """
    disposable = gross_cents - taxed.employee_cents
    deductions = sum(pre_tax) + roth_401k_cents + post_tax_cents
    if deductions > disposable:
        raise NeedsReview(
            f"deductions of {dollars(deductions)} exceed the {dollars(disposable)} that taxes leave of "
            f"{dollars(gross_cents)}: lower the deferral or the other deductions, then redrive"
        )
    return Net(disposable, disposable - deductions)


def paycheck(
    gross_cents: int,
    pre_tax: PreTax,
    w4: W4 | W4Before2020,
    ytd: YearToDate,
    rules: Rules,
    *,
    frequency: str,
    pay_date: date,
    work_state: str,
    election: Election,
    nonresident: str | None = None,
    roth_401k_cents: int = 0,
    post_tax_cents: int = 0,
) -> Paycheck:
    """Compute one paycheck from gross to net: `taxes`, then `net_pay`."""
    taxed = taxes(
        gross_cents,
        pre_tax,
        w4,
        ytd,
        rules,
        frequency=frequency,
        pay_date=pay_date,
        work_state=work_state,
        election=election,
        nonresident=nonresident,
    )
    net = net_pay(gross_cents, pre_tax, taxed, roth_401k_cents=roth_401k_cents, post_tax_cents=post_tax_cents)
    return Paycheck(taxed, net)
