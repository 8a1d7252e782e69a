"""One year's rates and limits, as frozen data ready for exact integer arithmetic.

`payroll.rules.load(year)` reads them from TOML. Amounts are cents, rates are ppm (parts per million) or bp
(hundredths of a percent), hours are hundredths of an hour; the unit is in the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from events.failures import NeedsReview
from payroll.calc.brackets import Brackets
from payroll.calc.state_tables import StateProgrammes, StateRule


class NoRules(NeedsReview):
    """No tables exist for the year of the pay date. Nothing falls back to another year's figures."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"no rule tables for {year}: add payroll/rules/{year}/ with a source beside every figure, "
            "then redrive"
        )


@dataclass(frozen=True, slots=True)
class FederalColumn:
    """What one filing status on a 2020+ Form W-4 selects: its table, and Worksheet 1A line 1g."""

    brackets: Brackets
    line_1g_cents: int


@dataclass(frozen=True, slots=True)
class SupplementalRates:
    """The flat rates on supplemental wages: one up to the calendar year's threshold, a mandatory one above."""

    rate_ppm: int
    over_rate_ppm: int
    threshold_cents: int


@dataclass(frozen=True, slots=True)
class Federal:
    """Pub. 15-T, Worksheet 1A and the annual tables of section 1; the rates of Pub. 15 section 7.

    from_2020     (filing status, Step 2 box checked) -> column
    before_2020   marital status -> the STANDARD table
    nonresident   (table1 | table2, frequency) -> cents added to the period's wages
    """

    from_2020: Mapping[tuple[str, bool], FederalColumn]
    before_2020: Mapping[str, Brackets]
    allowance_cents: int
    nonresident: Mapping[tuple[str, str], int]
    supplemental: SupplementalRates


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
class California:
    """California overtime: after so many hours of a day, of a week, and all of a seventh day in a row.

    *_after_hundredths   hours beyond these earn the premium; on the seventh day the first hours earn the
                         overtime premium, and hours beyond `seventh_day_double_after` the double time premium
    *_premium_ppm        what is added to straight time for the hour
    """

    daily_overtime_after_hundredths: int
    daily_double_after_hundredths: int
    weekly_overtime_after_hundredths: int
    seventh_day_double_after_hundredths: int
    overtime_premium_ppm: int
    double_premium_ppm: int


@dataclass(frozen=True, slots=True)
class Flsa:
    """Federal overtime: hours of a workweek beyond this many earn a premium of part of the regular rate.

    california   the daily rule that comes on top of it for work in California; None when the year has none
    """

    overtime_after_hundredths: int
    premium_ppm: int
    california: California | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of a match formula: the next `pay_bp` of pay, matched at `rate_bp` (10_000 is in full)."""

    pay_bp: int
    rate_bp: int


@dataclass(frozen=True, slots=True)
class Formula:
    """What an employer adds: a part of pay for everybody eligible, and a match in tiers for who defers.

    table   the path of the formula in the year's file; None without a plan
    """

    table: str | None
    nonelective_bp: int
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Retirement:
    """The year's 401(k) limits, and the formulas a plan may name for what the employer adds.

    roth_catch_up_over_cents   prior-year wages above this make all catch-up Roth; None when not in force
    """

    deferral_limit_cents: int
    catch_up_50_cents: int
    catch_up_60_to_63_cents: int
    compensation_limit_cents: int
    annual_additions_limit_cents: int
    roth_catch_up_over_cents: int | None
    formulas: Mapping[str, Formula]


@dataclass(frozen=True, slots=True)
class BenefitLimits:
    """What may be set aside before tax in a calendar year (health FSA: a plan year; transportation: a month).

    hsa_cents   coverage (self | family) -> limit without the catch-up from age 55
    """

    hsa_cents: Mapping[str, int]
    hsa_catch_up_cents: int
    dependent_care_cents: int
    dependent_care_married_separate_cents: int
    health_fsa_cents: int
    health_fsa_carryover_cents: int
    transportation_cents: int


@dataclass(frozen=True, slots=True)
class LevyExemption:
    """What a federal tax levy leaves in a year, by Publication 1494.

    exemption_cents            a year's, for each dependent
    standard_deduction_cents   a year's, by filing status; empty when the year's amounts are not known
    """

    year: int
    exemption_cents: int
    standard_deduction_cents: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StateGarnishment:
    """A state's own limit of ordinary garnishment: a share of disposable earnings, or a share of their excess.

    protected_hours   hours of the minimum wage at the place of work that a week's excess is counted over
    """

    state: str
    ordinary_bp: int
    excess_bp: int
    protected_hours: int


@dataclass(frozen=True, slots=True)
class Garnishment:
    """How much of disposable earnings may be taken for others.

    protected_hours   hours of the federal minimum wage a week that ordinary garnishment leaves
    support_bp        (supports another spouse or child, arrears of more than 12 weeks) -> share
    federal_debt_bp   student_loan | federal_agency -> share
    states            postal code -> its own limit; absent where it was not collected
    """

    minimum_wage_cents: int
    protected_hours: int
    ordinary_bp: int
    support_bp: Mapping[tuple[bool, bool], int]
    federal_debt_bp: Mapping[str, int]
    levy: LevyExemption
    states: Mapping[str, StateGarnishment]


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a pay date's calendar year decides.

    version   the year and the first 12 hex digits of the file's sha256: a run is pinned to it
    states    postal code -> its rules in the order of their dates; a state without rules is absent
    programmes   what states take beside income tax
    """

    year: int
    version: str
    federal: Federal
    fica: FicaRates
    futa: FutaRates
    flsa: Flsa
    retirement: Retirement
    benefits: BenefitLimits
    garnishment: Garnishment
    states: Mapping[str, tuple[StateRule, ...]]
    programmes: StateProgrammes
