"""State income tax withholding. A state is data: its rule in the year's tables names the method.

To add a state, write its figures and its method into payroll/rules/<year>.toml. To add a method, write its
dataclass in tables.py, its reader in rules/states.py, and a function here.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import (
    Annualized,
    ElectedRate,
    ExemptionLines,
    NoIncomeTax,
    PeriodDeduction,
    Rules,
    StateRule,
    TaperedCredit,
)


class Election(NamedTuple):
    """What an employee's state form says; each state reads the entries it knows.

    filing_status        the federal words: single, mfs, mfj, qss, hoh, married, married_higher_single;
                         IA also married_no_spouse_income
    allowances           MI, IL line 1, NC, GA dependents, IN personal exemptions
    further_allowances   IL line 2
    credit_cents         a year: IA allowance dollars
    deduction_cents      a year: CO DR 0004 line 2, in place of the standard one
    elected_rate_ppm     AZ form A-4; 0 elects no withholding, None elects nothing
    additional_cents     cents per period on top
    """

    filing_status: str = "single"
    allowances: int = 0
    additional_cents: int = 0
    exempt: bool = False
    further_allowances: int = 0
    dependents: int = 0
    first_time_dependents: int = 0
    adopted_dependents: int = 0
    credit_cents: int = 0
    deduction_cents: int | None = None
    elected_rate_ppm: int | None = None


def rule_for(state: str, pay_date: date, rules: Rules) -> StateRule:
    """Choose the state's rule in force on the pay date.

    state    postal code of the work state
    raises   NeedsReview for a state without rules: an unknown state is never a state without tax
    """
    for rule in rules.states.get(state, ()):
        if rule.since <= pay_date <= rule.until:
            return rule
    raise NeedsReview(
        f"no income tax rules for {state} on {pay_date} in the {rules.year} tables: correct the work state and redrive "
        f"--corrected, or dismiss and pay outside; rules added to payroll/rules/{rules.year}.toml hold for later runs"
    )


def withholding(
    state: str, wages_cents: int, election: Election, rules: Rules, *, frequency: str, pay_date: date
) -> int:
    """Withhold state income tax from one period's wages, in cents.

    wages_cents   what the state taxes (wages.state_wages), >= 0
    raises        NeedsReview for a state, status, frequency or election without a rule
    source        the state's entry in the rule tables; one rounding, half up
    """
    return withhold_by(rule_for(state, pay_date, rules), state, wages_cents, frequency, election)


def withhold_by(rule: StateRule, state: str, wages_cents: int, frequency: str, election: Election) -> int:
    """Withhold by a rule that was chosen before; otherwise as `withholding`."""
    if wages_cents < 0:
        raise NeedsReview(
            f"{state} wages of {wages_cents} cents are below zero: correct the pay or void the check"
        )
    if election.additional_cents < 0:
        raise NeedsReview(
            f"extra withholding of {election.additional_cents} cents is below zero: correct the state form"
        )
    method = METHODS[type(rule)]
    if election.exempt or method is None:
        return 0
    try:
        return method(rule, wages_cents, frequency, election) + election.additional_cents
    except KeyError as missing:
        raise NeedsReview(
            f"{state} has no figure for {missing}: correct filing status {election.filing_status!r} "
            f"or frequency {frequency!r}, or add the figure to the rules"
        ) from None


def _annualized(rule: Annualized, wages_cents: int, frequency: str, election: Election) -> int:
    periods, status = periods_per_year(frequency), election.filing_status
    deduction = rule.deduction_cents[status]
    if rule.deduction_may_be_named and election.deduction_cents is not None:
        deduction = election.deduction_cents
    allowances = (
        election.allowances * rule.per_allowance_cents
        + election.further_allowances * rule.per_further_allowance_cents
    )
    taxable = max(0, wages_cents * periods - deduction - allowances)
    credit = election.allowances * rule.credit_per_allowance_cents
    tax = max(0, rule.brackets[status].tax_microcents(taxable) - credit * PPM)
    return ratio_half_up(tax, PPM * periods * rule.round_to_cents) * rule.round_to_cents


def _exemption_lines(rule: ExemptionLines, wages_cents: int, frequency: str, election: Election) -> int:
    periods = periods_per_year(frequency)
    lines = (
        election.allowances * rule.personal_cents,
        election.dependents * rule.dependent_cents,
        election.first_time_dependents * rule.first_time_dependent_cents,
        election.adopted_dependents * rule.adopted_dependent_cents,
    )
    taxable = max(0, wages_cents - sum(ratio_half_up(line, periods) for line in lines))
    return ratio_half_up(taxable * rule.rate_ppm, PPM)


def _period_deduction(rule: PeriodDeduction, wages_cents: int, frequency: str, election: Election) -> int:
    periods = periods_per_year(frequency)
    taxable = max(0, wages_cents - rule.deduction_cents[frequency][election.filing_status])
    tax = max(0, taxable * rule.rate_ppm * periods - election.credit_cents * PPM)
    return ratio_half_up(tax, PPM * periods)


def _tapered_credit(rule: TaperedCredit, wages_cents: int, frequency: str, election: Election) -> int:
    periods, status = periods_per_year(frequency), election.filing_status
    annual = wages_cents * periods
    taper = rule.taper_ppm * max(0, annual - rule.taper_from_cents[status])
    credit = max(0, rule.credit_cents[status] * PPM - taper)
    return ratio_half_up(max(0, annual * rule.rate_ppm - credit), PPM * periods)


def _elected_rate(rule: ElectedRate, wages_cents: int, frequency: str, election: Election) -> int:
    rate = rule.default_ppm if election.elected_rate_ppm is None else election.elected_rate_ppm
    if rate not in rule.rates_ppm:
        raise NeedsReview(
            f"an elected state rate of {rate} ppm is not on the form: choose one of {rule.rates_ppm}"
        )
    return ratio_half_up(wages_cents * rate, PPM)


METHODS: dict[type[StateRule], Callable[[Any, int, str, Election], int] | None] = {
    NoIncomeTax: None,
    Annualized: _annualized,
    ExemptionLines: _exemption_lines,
    PeriodDeduction: _period_deduction,
    TaperedCredit: _tapered_credit,
    ElectedRate: _elected_rate,
}
