"""The states' methods: one function a method, from one period's pay and the employee's form to the tax."""

from collections.abc import Callable
from typing import Any, NamedTuple

from events.failures import NeedsReview
from payroll.calc.brackets import Brackets
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.state_tables import (
    Annualized,
    CaliforniaB,
    ElectedRate,
    ExemptionLines,
    FirstAllowances,
    LimitedAllowances,
    MassachusettsM,
    PercentDeduction,
    PeriodDeduction,
    PeriodTables,
    PhasedDeduction,
    StateRule,
    TaperedCredit,
)
from payroll.calc.worksheet import Working


class Election(NamedTuple):
    """What an employee's state form says; each state reads the entries it knows.

    filing_status                    the federal words: single, mfs, mfj, qss, hoh, married, married_higher_single;
                                     IA also married_no_spouse_income, MO married_spouse_not_working
    allowances                       allowances, exemptions or dependents as the state counts them; IL line 1,
                                     CA regular allowances, IN personal exemptions
    further_allowances               IL line 2
    estimated_deduction_allowances   CA, DE 4 line 2
    age_blind_allowances             VA
    credit_cents                     a year: IA allowance dollars
    deduction_cents                  a year: CO DR 0004 line 2, in place of the standard one
    elected_rate_ppm                 AZ form A-4; 0 elects no withholding, None elects nothing
    table                            the table that a form names: NJ-W4 line 3 "A" to "E", WV "two_earner"
    additional_cents                 cents per period on top
    """

    filing_status: str = "single"
    allowances: int = 0
    additional_cents: int = 0
    exempt: bool = False
    further_allowances: int = 0
    dependents: int = 0
    first_time_dependents: int = 0
    adopted_dependents: int = 0
    estimated_deduction_allowances: int = 0
    age_blind_allowances: int = 0
    credit_cents: int = 0
    deduction_cents: int | None = None
    elected_rate_ppm: int | None = None
    table: str | None = None


class Pay(NamedTuple):
    """One period's pay as a method needs it; what was withheld of FICA is None where nobody said it."""

    wages_cents: int
    frequency: str
    periods: int
    fica_cents: int | None
    ytd_fica_cents: int | None


class StateTax(NamedTuple):
    """Withholding for one period; the tax of a year after credits where the method gives it in cents (CA)."""

    withholding_cents: int
    annual_tax_cents: int | None
    working: Working


class Filled(NamedTuple):
    """What a method makes of a form: annual taxable wages of `taxable` / `scale` cents, and what is written down."""

    sheet: str
    taxable: int
    scale: int
    entries: tuple[int, ...]


NO_INCOME_TAX = StateTax(0, None, ("state_no_income_tax",))
EXEMPT = StateTax(0, None, ("state_exempt",))


def _annualized(rule: Annualized, pay: Pay, election: Election) -> StateTax:
    deduction = rule.deduction_cents[election.filing_status]
    if rule.deduction_may_be_named and election.deduction_cents is not None:
        deduction = election.deduction_cents
    brackets = rule.brackets[election.filing_status]
    if rule.elected_tables and election.table is not None:
        brackets = rule.elected_tables[election.table]
    allowances, further, age_blind = (
        election.allowances,
        election.further_allowances,
        election.age_blind_allowances,
    )
    each, each_further = rule.per_allowance_cents, rule.per_further_allowance_cents
    each_age_blind, each_credit = rule.per_age_blind_allowance_cents, rule.credit_per_allowance_cents
    exempt = allowances * each + further * each_further + age_blind * each_age_blind
    taxable = max(0, pay.wages_cents * pay.periods - deduction - exempt)
    row = brackets.row(taxable)
    tax = max(0, row.tax_microcents(taxable) - allowances * each_credit * PPM)
    unit, additional = rule.round_to_cents, election.additional_cents
    cents = ratio_half_up(tax, PPM * pay.periods * unit) * unit + additional
    form = (deduction, allowances, each, further, each_further, age_blind, each_age_blind, each_credit)
    entries = (pay.wages_cents, pay.periods, *form, unit, additional)
    return StateTax(cents, None, ("state_annualized", *entries, *row))


def _phased_deduction(rule: PhasedDeduction, pay: Pay, election: Election) -> StateTax:
    """The deduction is a fraction with the width of the phase-out below it; all is carried in that unit."""
    status, annual = election.filing_status, pay.wages_cents * pay.periods
    whole, start, end = (
        rule.deduction_cents[status],
        rule.phase_out_from_cents[status],
        rule.phase_out_to_cents[status],
    )
    width = end - start
    deduction = whole * min(width, max(0, end - annual))
    taxable = max(0, (annual - election.allowances * rule.per_allowance_cents) * width - deduction)
    form = (whole, start, end, election.allowances, rule.per_allowance_cents)
    return _divided(
        Filled("state_phased_deduction", taxable, width, form), rule.brackets[status], pay, election
    )


def _percent_deduction(rule: PercentDeduction, pay: Pay, election: Election) -> StateTax:
    annual, allowances = pay.wages_cents * pay.periods, election.allowances
    deduction = min(annual * rule.deduction_ppm, rule.deduction_limit_cents * PPM) if allowances else 0
    taxable = max(0, (annual - allowances * rule.per_allowance_cents) * PPM - deduction)
    form = (rule.deduction_ppm, rule.deduction_limit_cents, allowances, rule.per_allowance_cents)
    brackets = rule.brackets[election.filing_status]
    return _divided(Filled("state_percent_deduction", taxable, PPM, form), brackets, pay, election)


def _first_allowances(rule: FirstAllowances, pay: Pay, election: Election) -> StateTax:
    status, allowances = election.filing_status, election.allowances
    count, each_first, each = (
        rule.first_allowances[status],
        rule.per_first_allowance_cents,
        rule.per_allowance_cents,
    )
    first = min(allowances, count)
    taxable = max(0, pay.wages_cents * pay.periods - first * each_first - (allowances - first) * each)
    form = (allowances, count, each_first, each)
    return _divided(Filled("state_first_allowances", taxable, 1, form), rule.brackets[status], pay, election)


def _limited_allowances(rule: LimitedAllowances, pay: Pay, election: Election) -> StateTax:
    annual, allowances = pay.wages_cents * pay.periods, election.allowances
    counted = 0 if annual > rule.no_allowance_above_cents else allowances
    taxable = max(0, annual - counted * rule.per_allowance_cents)
    form = (allowances, rule.per_allowance_cents, rule.no_allowance_above_cents)
    brackets = rule.brackets[election.filing_status]
    return _divided(Filled("state_limited_allowances", taxable, 1, form), brackets, pay, election)


def _divided(filled: Filled, brackets: Brackets, pay: Pay, election: Election) -> StateTax:
    """Tax annual wages by a table, and divide by the periods."""
    sheet, taxable, scale, form = filled
    row = brackets.row(taxable // scale)
    tax = row.base * PPM * scale + row.rate_ppm * (taxable - row.at_least * scale)
    cents = ratio_half_up(tax, PPM * scale * pay.periods) + election.additional_cents
    entries = (pay.wages_cents, pay.periods, *form, election.additional_cents)
    return StateTax(cents, None, (sheet, *entries, *row))


def _period_tables(rule: PeriodTables, pay: Pay, election: Election) -> StateTax:
    frequency, name = pay.frequency, rule.table_of[election.filing_status]
    if rule.tables_may_be_named and election.table is not None:
        name = election.table
    brackets = rule.tables[frequency][name]
    deduction = rule.deduction_cents[frequency][name]
    each, additional = rule.per_allowance_cents[frequency], election.additional_cents
    taxable = max(0, pay.wages_cents - deduction - election.allowances * each)
    limit = rule.not_from_cents[frequency].get(name)
    if limit is not None and taxable >= limit:
        raise NeedsReview(
            f"net wages of {taxable} cents {frequency} reach {limit} cents, where the printed tables end and "
            f"the rates of [{rule.table}] are not collected: dismiss and pay outside"
        )
    row = brackets.row(taxable)
    cents = ratio_half_up(row.tax_microcents(taxable), PPM) + additional
    entries = (pay.wages_cents, deduction, election.allowances, each, additional)
    return StateTax(cents, None, ("state_period_table", *entries, *row))


def _california_b(rule: CaliforniaB, pay: Pay, election: Election) -> StateTax:
    status, regular, estimated = (
        election.filing_status,
        election.allowances,
        election.estimated_deduction_allowances,
    )
    brackets = rule.brackets[status]
    filed = "married_2plus" if regular >= 2 and brackets is rule.brackets["married"] else status
    low_income, standard = rule.low_income_cents[filed], rule.standard_deduction_cents[filed]
    each, each_credit = rule.per_estimated_deduction_cents, rule.credit_per_allowance_cents
    annual = pay.wages_cents * pay.periods
    taxable = max(0, annual - estimated * each - standard)
    row = brackets.row(taxable)
    tax = 0
    if annual > low_income:
        tax = max(0, ratio_half_up(row.tax_microcents(taxable), PPM) - regular * each_credit)
    cents = ratio_half_up(tax, pay.periods) + election.additional_cents
    form = (low_income, estimated, each, standard, regular, each_credit, election.additional_cents)
    return StateTax(cents, tax, ("state_ca", pay.wages_cents, pay.periods, *form, *row))


def _massachusetts_m(rule: MassachusettsM, pay: Pay, election: Election) -> StateTax:
    fica, ytd = pay.fica_cents, pay.ytd_fica_cents
    if fica is None or ytd is None:
        raise NeedsReview(
            "Massachusetts deducts Social Security and Medicare: give what this payment and the year so far withheld"
        )
    if fica < 0 or ytd < 0:
        raise NeedsReview(f"FICA of {fica} and {ytd} cents withheld is below zero: correct the year to date")
    if election.filing_status not in STATUSES:
        raise KeyError(election.filing_status)
    allowances, hoh = election.allowances, election.filing_status == "hoh"
    first, further, limit = rule.first_exemption_cents, rule.further_exemption_cents, rule.fica_limit_cents
    exemption = first + (allowances - 1) * further if allowances else 0
    deduction = min(fica, max(0, limit - ytd))
    taxable = max(0, (pay.wages_cents - deduction) * pay.periods - exemption)
    row = rule.brackets.row(taxable)
    credit = rule.hoh_credit_cents if hoh else 0
    free = pay.wages_cents * pay.periods <= rule.no_tax_up_to_cents
    tax = 0 if free else max(0, row.tax_microcents(taxable) - credit * PPM)
    cents = ratio_half_up(tax, PPM * pay.periods) + election.additional_cents
    form = (fica, ytd, limit, allowances, first, further, credit, rule.no_tax_up_to_cents)
    entries = (pay.wages_cents, pay.periods, *form, election.additional_cents)
    return StateTax(cents, None, ("state_ma", *entries, *row))


def _exemption_lines(rule: ExemptionLines, pay: Pay, election: Election) -> StateTax:
    lines = (
        (election.allowances, rule.personal_cents),
        (election.dependents, rule.dependent_cents),
        (election.first_time_dependents, rule.first_time_dependent_cents),
        (election.adopted_dependents, rule.adopted_dependent_cents),
    )
    exempt = sum(ratio_half_up(count * each, pay.periods) for count, each in lines)
    taxable = max(0, pay.wages_cents - exempt)
    cents = ratio_half_up(taxable * rule.rate_ppm, PPM) + election.additional_cents
    form = tuple(entry for line in lines for entry in line)
    entries = (pay.wages_cents, pay.periods, *form, rule.rate_ppm, election.additional_cents, rule.table)
    return StateTax(cents, None, ("state_exemption_lines", *entries))


def _period_deduction(rule: PeriodDeduction, pay: Pay, election: Election) -> StateTax:
    deduction = rule.deduction_cents[pay.frequency][election.filing_status]
    taxable = max(0, pay.wages_cents - deduction)
    credit = election.credit_cents or election.allowances * rule.credit_per_allowance_cents
    tax = max(0, taxable * rule.rate_ppm * pay.periods - credit * PPM)
    cents = ratio_half_up(tax, PPM * pay.periods) + election.additional_cents
    form = (deduction, credit, rule.rate_ppm, election.additional_cents, rule.table)
    return StateTax(cents, None, ("state_period_deduction", pay.wages_cents, pay.periods, *form))


def _tapered_credit(rule: TaperedCredit, pay: Pay, election: Election) -> StateTax:
    status, annual = election.filing_status, pay.wages_cents * pay.periods
    whole, start, rate = rule.credit_cents[status], rule.taper_from_cents[status], rule.taper_ppm
    credit = max(0, whole * PPM - rate * max(0, annual - start))
    cents = ratio_half_up(max(0, annual * rule.rate_ppm - credit), PPM * pay.periods)
    form = (rule.rate_ppm, whole, start, rate, election.additional_cents, rule.table)
    working = ("state_tapered_credit", pay.wages_cents, pay.periods, *form)
    return StateTax(cents + election.additional_cents, None, working)


def _elected_rate(rule: ElectedRate, pay: Pay, election: Election) -> StateTax:
    rate = rule.default_ppm if election.elected_rate_ppm is None else election.elected_rate_ppm
    if rate not in rule.rates_ppm:
        raise NeedsReview(
            f"an elected state rate of {rate} ppm is not on the form: choose one of {rule.rates_ppm}"
        )
    cents = ratio_half_up(pay.wages_cents * rate, PPM) + election.additional_cents
    entries = (pay.wages_cents, rate, election.additional_cents, rule.table)
    return StateTax(cents, None, ("state_elected_rate", *entries))


STATUSES = frozenset({"single", "mfs", "mfj", "qss", "hoh", "married", "married_higher_single"})
METHODS: dict[type[StateRule], Callable[[Any, Pay, Election], StateTax]] = {
    Annualized: _annualized,
    PhasedDeduction: _phased_deduction,
    PercentDeduction: _percent_deduction,
    FirstAllowances: _first_allowances,
    LimitedAllowances: _limited_allowances,
    PeriodTables: _period_tables,
    CaliforniaB: _california_b,
    MassachusettsM: _massachusetts_m,
    ExemptionLines: _exemption_lines,
    PeriodDeduction: _period_deduction,
    TaperedCredit: _tapered_credit,
    ElectedRate: _elected_rate,
}
