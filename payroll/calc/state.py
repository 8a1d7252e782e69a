"""State income tax withholding. A state is data: its rule in the year's tables names the method.

To add a state, write its figures and its method into payroll/rules/<year>/states*.toml. To add a method, write its
dataclass in state_tables.py, its reader in rules/states.py, a function in state_methods.py and its worksheet.
"""

from datetime import date

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.state_methods import EXEMPT, METHODS, NO_INCOME_TAX, Election, Pay, StateTax
from payroll.calc.state_tables import NoIncomeTax, StateRule
from payroll.calc.tables import Rules

__all__ = ["Election", "StateTax", "rule_for", "withhold_by", "withholding"]


def rule_for(state: str, pay_date: date, rules: Rules, period_end: date | None = None) -> StateRule:
    """Choose the state's rule in force on the pay date, or on the period's last day where the state goes by that.

    state        postal code of the work state
    period_end   the last day of the pay period; may be None where the state goes by the pay date
    raises       NeedsReview for a state without rules: an unknown state is never a state without tax; for a period_end
                 that is needed and not given
    """
    known = rules.states.get(state, ())
    day = pay_date
    if known and known[0].by_period_end and pay_date.year == rules.year:
        if period_end is None:
            raise NeedsReview(f"{state} goes by the day on which the pay period ends: give it for {pay_date}")
        # A period that began or ends in another year than it is paid in has this year's first or last rule.
        day = min(max(period_end, known[0].since), known[-1].until)
    for rule in known:
        if rule.since <= day <= rule.until:
            return rule
    raise NeedsReview(
        f"no income tax rules for {state} on {pay_date} in the {rules.year} tables: correct the work state and "
        "redrive --corrected, or dismiss and pay outside; rules added to "
        f"payroll/rules/{rules.year}/states.toml hold for later runs"
    )


def withholding(
    state: str,
    wages_cents: int,
    election: Election,
    rules: Rules,
    *,
    frequency: str,
    pay_date: date,
    period_end: date | None = None,
    fica_cents: int | None = None,
    ytd_fica_cents: int | None = None,
) -> StateTax:
    """Withhold state income tax from one period's wages.

    wages_cents      what the state taxes (wages.state_wages), >= 0
    period_end       the pay period's last day; OH needs it
    fica_cents       Social Security and Medicare withheld from this payment; MA needs it
    ytd_fica_cents   the same, withheld earlier in the year; MA needs it
    raises           NeedsReview for a state, status, frequency or election without a rule
    source           the state's entry in the rule tables; one rounding, half up
    """
    rule = rule_for(state, pay_date, rules, period_end)
    return withhold_by(
        rule, state, wages_cents, frequency, election, fica_cents=fica_cents, ytd_fica_cents=ytd_fica_cents
    )


def withhold_by(
    rule: StateRule,
    state: str,
    wages_cents: int,
    frequency: str,
    election: Election,
    *,
    fica_cents: int | None = None,
    ytd_fica_cents: int | None = None,
) -> StateTax:
    """Withhold by a rule that was chosen before; otherwise as `withholding`."""
    if wages_cents < 0:
        raise NeedsReview(
            f"{state} wages of {wages_cents} cents are below zero: correct the pay or void the check"
        )
    if election.additional_cents < 0:
        raise NeedsReview(
            f"extra withholding of {election.additional_cents} cents is below zero: correct the state form"
        )
    if isinstance(rule, NoIncomeTax):
        return NO_INCOME_TAX
    if election.exempt:
        return EXEMPT
    _refuse_below_zero(state, election)
    pay = Pay(wages_cents, frequency, periods_per_year(frequency), fica_cents, ytd_fica_cents)
    try:
        return METHODS[type(rule)](rule, pay, election)
    except KeyError as missing:
        raise NeedsReview(
            f"{state} has no figure for {missing}: correct filing status {election.filing_status!r}, "
            f"frequency {frequency!r} or table {election.table!r}, or add the figure to the rules"
        ) from None


def _refuse_below_zero(state: str, election: Election) -> None:
    counts = election[4:10]
    if min(election.allowances, *counts, election.credit_cents, election.deduction_cents or 0) < 0:
        raise NeedsReview(f"{state} form with an entry below zero: correct the state form")
