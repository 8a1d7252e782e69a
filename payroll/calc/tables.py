"""One year's rates and limits, as frozen data ready for exact integer arithmetic.

`payroll.rules.load(year)` reads them from TOML. Amounts are cents, rates are ppm (parts per million) or bp
(hundredths of a percent), hours are hundredths of an hour; the unit is in the name.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from events.failures import NeedsReview
from payroll.calc.money import PPM


class NoRules(NeedsReview):
    """No tables exist for the year of the pay date. Nothing falls back to another year's figures."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"no rule tables for {year}: add payroll/rules/{year}.toml with a source beside every figure, "
            "then redrive"
        )


@dataclass(frozen=True, slots=True)
class Brackets:
    """A progressive table: from `at_least` on, tax is base + rate x the excess over `at_least`.

    Three columns of one length. Amounts are cents, rates ppm; the first row starts at 0.
    """

    at_least: tuple[int, ...]
    base: tuple[int, ...]
    rate_ppm: tuple[int, ...]

    def tax_microcents(self, cents: int) -> int:
        """Look up the unrounded tax on `cents` (>= 0), in millionths of a cent."""
        row = bisect_right(self.at_least, cents) - 1
        return self.base[row] * PPM + self.rate_ppm[row] * (cents - self.at_least[row])


@dataclass(frozen=True, slots=True)
class FederalColumn:
    """What one filing status on a 2020+ Form W-4 selects: its table, and Worksheet 1A line 1g."""

    brackets: Brackets
    line_1g_cents: int


@dataclass(frozen=True, slots=True)
class Federal:
    """Pub. 15-T, Worksheet 1A and the annual tables of section 1.

    from_2020     (filing status, Step 2 box checked) -> column
    before_2020   marital status -> the STANDARD table
    nonresident   (table1 | table2, frequency) -> cents added to the period's wages
    """

    from_2020: Mapping[tuple[str, bool], FederalColumn]
    before_2020: Mapping[str, Brackets]
    allowance_cents: int
    nonresident: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class FicaRates:
    """Social Security, Medicare and Additional Medicare. Employer and employee rates are equal by law."""

    ss_rate_ppm: int
    ss_wage_base_cents: int
    ss_most_cents: int
    medicare_rate_ppm: int
    additional_rate_ppm: int
    additional_threshold_cents: int


@dataclass(frozen=True, slots=True)
class FutaRates:
    """Federal unemployment tax after the full state credit.

    credit_reduction_ppm   state -> ppm added on Form 940, or None while the year's list is not published
    """

    net_rate_ppm: int
    wage_base_cents: int
    credit_reduction_ppm: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Flsa:
    """Federal overtime: hours of a workweek beyond this many earn a premium of part of the regular rate."""

    overtime_after_hundredths: int
    premium_ppm: int


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of a match formula: the next `pay_bp` of pay, matched at `rate_bp` (10_000 is in full)."""

    pay_bp: int
    rate_bp: int


@dataclass(frozen=True, slots=True)
class Retirement:
    """The year's 401(k) limits, and the match formulas a plan may name.

    roth_catch_up_over_cents   prior-year wages above this make all catch-up Roth; None when not in force
    """

    deferral_limit_cents: int
    catch_up_50_cents: int
    catch_up_60_to_63_cents: int
    compensation_limit_cents: int
    roth_catch_up_over_cents: int | None
    formulas: Mapping[str, tuple[Tier, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRule:
    """What every state's rule says: when it holds (days included) and which pre-tax items it excludes."""

    since: date
    until: date
    excludes_401k: bool
    excludes_section125: bool
    excludes_hsa: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoIncomeTax(StateRule):
    """A state that taxes no wages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annualized(StateRule):
    """Annual wages, less a deduction by status and an amount per allowance, through a table; divided again.

    brackets, deduction_cents   by filing status
    deduction_may_be_named      the employee's form may replace the deduction by an amount of its own
    round_to_cents              1, or 100 where the state withholds whole dollars
    """

    brackets: Mapping[str, Brackets]
    deduction_cents: Mapping[str, int]
    deduction_may_be_named: bool
    per_allowance_cents: int
    per_further_allowance_cents: int
    credit_per_allowance_cents: int
    round_to_cents: int


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
    """A flat rate on wages less a printed deduction per period, less an annual credit over the periods."""

    rate_ppm: int
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


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a pay date's calendar year decides.

    version   the year and the first 12 hex digits of the file's sha256: a run is pinned to it
    states    postal code -> its rules in the order of their dates; a state without rules is absent
    """

    year: int
    version: str
    federal: Federal
    fica: FicaRates
    futa: FutaRates
    flsa: Flsa
    retirement: Retirement
    states: Mapping[str, tuple[StateRule, ...]]
