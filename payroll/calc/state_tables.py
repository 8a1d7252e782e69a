"""The states' rules of one year, as frozen data: income tax, other employee deductions, unemployment wage bases.

Amounts are cents, annual unless the name says otherwise; rates are ppm. A mapping `by status` is spelled out for every
word a form may use, so that a check is one look-up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from payroll.calc.brackets import Brackets


@dataclass(frozen=True, slots=True, kw_only=True)
class WageBase:
    """Which pre-tax items do not count as wages. `table` is the path of the rule in the year's file."""

    table: str
    excludes_401k: bool
    excludes_section125: bool
    excludes_hsa: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRule(WageBase):
    """What every state's rule says: when it holds (days included), and for which wages.

    by_period_end   the days are those on which a pay period ends, and not paydays
    """

    since: date
    until: date
    by_period_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoIncomeTax(StateRule):
    """A state that taxes no wages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annualized(StateRule):
    """Annual wages, less a deduction by status and an amount per allowance, through a table; divided again.

    brackets, deduction_cents   by filing status
    elected_tables              a table that the form may name in place of the one of the filing status
    deduction_may_be_named      the employee's form may replace the deduction by an amount of its own
    round_to_cents              1, or 100 where the state withholds whole dollars
    """

    brackets: Mapping[str, Brackets]
    elected_tables: Mapping[str, Brackets]
    deduction_cents: Mapping[str, int]
    deduction_may_be_named: bool
    per_allowance_cents: int
    per_further_allowance_cents: int
    per_age_blind_allowance_cents: int
    credit_per_allowance_cents: int
    round_to_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasedDeduction(StateRule):
    """As Annualized; the deduction falls in a straight line to nothing between two annual wages, by status."""

    brackets: Mapping[str, Brackets]
    deduction_cents: Mapping[str, int]
    phase_out_from_cents: Mapping[str, int]
    phase_out_to_cents: Mapping[str, int]
    per_allowance_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentDeduction(StateRule):
    """As Annualized; who claims an allowance deducts a share of annual wages, up to a limit."""

    brackets: Mapping[str, Brackets]
    deduction_ppm: int
    deduction_limit_cents: int
    per_allowance_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAllowances(StateRule):
    """As Annualized; the first allowances, as many as the filing status has, are worth more than the others."""

    brackets: Mapping[str, Brackets]
    first_allowances: Mapping[str, int]
    per_first_allowance_cents: int
    per_allowance_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedAllowances(StateRule):
    """As Annualized; who earns more than an annual wage has no allowances."""

    brackets: Mapping[str, Brackets]
    per_allowance_cents: int
    no_allowance_above_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodTables(StateRule):
    """A table, a deduction and an amount per allowance printed for each pay period; nothing is annualized.

    tables                    frequency -> table's name -> table
    table_of                  filing status -> table's name
    deduction_cents           frequency -> table's name -> cents a period
    per_allowance_cents       frequency -> cents a period
    not_from_cents            frequency -> table's name -> net wages of a period from which the tables do not hold
    tables_may_be_named       the employee's form may name a table
    """

    tables: Mapping[str, Mapping[str, Brackets]]
    table_of: Mapping[str, str]
    deduction_cents: Mapping[str, Mapping[str, int]]
    per_allowance_cents: Mapping[str, int]
    not_from_cents: Mapping[str, Mapping[str, int]]
    tables_may_be_named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaliforniaB(StateRule):
    """California's Method B. What depends on the allowances of a married employee is named married_2plus."""

    brackets: Mapping[str, Brackets]
    low_income_cents: Mapping[str, int]
    standard_deduction_cents: Mapping[str, int]
    per_estimated_deduction_cents: int
    credit_per_allowance_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MassachusettsM(StateRule):
    """Massachusetts: FICA up to a yearly limit and exemptions are deducted; a credit for a head of household."""

    brackets: Brackets
    first_exemption_cents: int
    further_exemption_cents: int
    fica_limit_cents: int
    hoh_credit_cents: int
    no_tax_up_to_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionLines(StateRule):
    """A flat rate on wages less exemption lines, each divided by the periods and rounded to the cent."""

    rate_ppm: int
    personal_cents: int
    dependent_cents: int
    first_time_dependent_cents: int
    adopted_dependent_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodDeduction(StateRule):
    """A flat rate on wages less a printed deduction per period, less an annual credit over the periods.

    credit_per_allowance_cents   the credit of a form that counts allowances and names no dollars
    """

    rate_ppm: int
    credit_per_allowance_cents: int
    deduction_cents: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperedCredit(StateRule):
    """A flat rate on all wages, less a credit that shrinks as wages pass a threshold; by filing status."""

    rate_ppm: int
    credit_cents: Mapping[str, int]
    taper_from_cents: Mapping[str, int]
    taper_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectedRate(StateRule):
    """The employee elects one of the printed rates; who elects none has the default."""

    rates_ppm: tuple[int, ...]
    default_ppm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme(WageBase):
    """A deduction for a state's insurance or fund: a rate of wages, up to a limit.

    rate_ppm             of the wages; the employee pays `employee_share_ppm` of it
    sizes                (employees from, rate_ppm), rising, where the rate depends on the employer's size; else empty
    employer_ppm         the employer's own rate; None where what the employer owes was not collected
    wage_cap_cents       wages of a year above this are free; None without limit
    employee_most_cents  what wages up to the cap give in a year; None without a cap
    weekly_most_cents    the most a week; None without
    excludes_tips        tips are not wages of this programme
    """

    name: str
    rate_ppm: int
    employee_share_ppm: int
    sizes: tuple[tuple[int, int], ...]
    employer_ppm: int | None
    wage_cap_cents: int | None
    employee_most_cents: int | None
    weekly_most_cents: int | None
    excludes_tips: bool


@dataclass(frozen=True, slots=True)
class Unemployment:
    """State unemployment insurance. The rate is each employer's own and is not here.

    wage_base_cents   state -> (path of its table, wages of a year that are taxed)
    conflicting       state -> what the sources say where they disagree
    """

    wage_base_cents: Mapping[str, tuple[str, int]]
    conflicting: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StateProgrammes:
    """What a state takes beside income tax.

    collected       state -> its programmes
    not_collected   state -> names of programmes that exist and whose rules are not here
    """

    collected: Mapping[str, tuple[Programme, ...]]
    not_collected: Mapping[str, tuple[str, ...]]
    unemployment: Unemployment
