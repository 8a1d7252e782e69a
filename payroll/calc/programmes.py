"""What a state takes beside income tax: employees' insurance programmes, and the employer's unemployment tax.

A programme is data in payroll/rules/<year>/programmes.toml. All of them are one rule: a rate of wages up to what the
year's cap leaves, rounded once a payment.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.state_tables import Programme
from payroll.calc.tables import Rules
from payroll.calc.wages import PreTax, state_wages
from payroll.calc.worksheet import Working

WagesByName = Mapping[str, int]
NO_WAGES: WagesByName = {}
WEEKS = {"weekly": 1, "biweekly": 2}


class ProgrammeTax(NamedTuple):
    """One programme's part of one payment, in cents.

    wages_cents      the payment's wages by the programme's rule, before its cap
    taxable_cents    of these, what the year's cap leaves
    employer_cents   None where the employer owes a part that was not collected (it depends on its size or notice)
    """

    name: str
    wages_cents: int
    taxable_cents: int
    employee_cents: int
    employer_cents: int | None
    working: Working


class ProgrammeTaxes(NamedTuple):
    """All programmes of one payment.

    lines            name, employee's cents, employer's cents, taxable cents
    employer_cents   what is computed of the employer's part; `not_computed` names the programmes that lack it
    """

    results: tuple[ProgrammeTax, ...]
    lines: tuple[tuple[str, int, int, int], ...]
    employee_cents: int
    employer_cents: int
    not_computed: tuple[str, ...]
    workings: tuple[Working, ...]


class Sui(NamedTuple):
    """One payment's state unemployment tax, the employer's; `tax_cents` is None without the employer's rate."""

    taxable_cents: int
    tax_cents: int | None
    working: Working


NOTHING = ProgrammeTaxes((), (), 0, 0, (), ())


def programmes(
    state: str,
    gross_cents: int,
    pre_tax: PreTax,
    ytd_wages: WagesByName,
    rules: Rules,
    *,
    frequency: str,
    tips_cents: int = 0,
    employees: int | None = None,
    exempt: Collection[str] = (),
    ytd_withheld: WagesByName = NO_WAGES,
) -> ProgrammeTaxes:
    """Take every programme of a state from one payment.

    tips_cents     of the gross pay; some programmes do not count them
    ytd_wages      programme -> its wages earlier in the pay date's year, capped or not; absent is none
    employees      how many the employer has; DE needs it
    exempt         programmes not taken: an exemption letter, or a part that the employer pays
    ytd_withheld   programme -> withheld from the employee earlier in the year; without it only the wage cap limits
    raises         NeedsReview for wages below zero, a frequency or size without a rule
    source         the programme's entry in the rule tables; rounded half up, once a payment
    """
    known = rules.programmes.collected.get(state)
    if known is None:
        return NOTHING
    taken = tuple(
        _programme(
            each,
            state_wages(gross_cents, pre_tax, each) - (tips_cents if each.excludes_tips else 0),
            ytd_wages.get(each.name, 0),
            ytd_withheld.get(each.name),
            frequency=frequency,
            employees=employees,
        )
        for each in known
        if each.name not in exempt
    )
    return ProgrammeTaxes(
        results=taken,
        lines=tuple(
            (one.name, one.employee_cents, one.employer_cents or 0, one.taxable_cents) for one in taken
        ),
        employee_cents=sum(one.employee_cents for one in taken),
        employer_cents=sum(one.employer_cents or 0 for one in taken),
        not_computed=tuple(one.name for one in taken if one.employer_cents is None),
        workings=tuple(one.working for one in taken),
    )


def without_a_limit(state: str, frequency: str, rules: Rules) -> tuple[str, ...]:
    """Name the programmes whose limit is a week's, for pay that is not by the week.

    A convention of this product: the employee is charged nothing, since more than the limit may not be taken.
    """
    known = rules.programmes.collected.get(state, ())
    return tuple(each.name for each in known if each.weekly_most_cents is not None and frequency not in WEEKS)


def not_collected(state: str, rules: Rules) -> tuple[str, ...]:
    """Name the programmes that a state has and whose rules are not in the tables."""
    return rules.programmes.not_collected.get(state, ())


def _programme(
    rule: Programme,
    wages_cents: int,
    ytd_cents: int,
    ytd_withheld_cents: int | None,
    *,
    frequency: str,
    employees: int | None,
) -> ProgrammeTax:
    if wages_cents < 0 or ytd_cents < 0:
        raise NeedsReview(
            f"{rule.name} wages of {wages_cents} cents after {ytd_cents} this year are below zero: correct the pay"
        )
    rate = _rate_by_size(rule, employees) if rule.sizes else rule.rate_ppm
    most = _most(rule, frequency)
    taxable, cap = wages_cents, rule.wage_cap_cents
    if cap is not None:
        taxable = max(0, min(wages_cents, cap - ytd_cents))
    share = rule.employee_share_ppm
    employee = ratio_half_up(taxable * rate * share, PPM * PPM)
    if most is not None:
        employee = min(employee, most)
    year = rule.employee_most_cents
    if ytd_withheld_cents is not None and year is not None:
        employee = max(0, min(employee, year - ytd_withheld_cents))
    own = rule.employer_ppm
    employer = None if own is None else ratio_half_up(taxable * own, PPM)
    entries = (
        rule.name,
        rule.table,
        wages_cents,
        ytd_cents,
        cap,
        rate,
        share,
        most,
        ytd_withheld_cents,
        year,
        own,
    )
    return ProgrammeTax(rule.name, wages_cents, taxable, employee, employer, ("state_programme", *entries))


def _rate_by_size(rule: Programme, employees: int | None) -> int:
    if employees is None:
        raise NeedsReview(f"{rule.name} depends on the number of employees: give the employer's size")
    rates = [rate for size, rate in rule.sizes if employees >= size]
    if not rates:
        raise NeedsReview(
            f"{rule.name} has no rate for an employer of {employees} employees: exempt it by name if it does not apply"
        )
    return rates[-1]


def _most(rule: Programme, frequency: str) -> int | None:
    if rule.weekly_most_cents is None:
        return None
    if frequency not in WEEKS:
        raise NeedsReview(
            f"{rule.name} has a limit a week and none for {frequency} pay: pay weekly or biweekly, "
            "or exempt it by name where the employer pays it"
        )
    return rule.weekly_most_cents * WEEKS[frequency]


def sui(wages_cents: int, ytd_wages_cents: int, rate_ppm: int | None, state: str, rules: Rules) -> Sui:
    """Accrue state unemployment tax on one payment; the employer's alone.

    rate_ppm   from the employer's own notice; None computes the taxable wages only
    raises     NeedsReview for a state whose wage base is not known, or wages or a rate below zero
    source     the state's wage base in the rule tables; rounded half up, once a payment
    """
    if wages_cents < 0 or ytd_wages_cents < 0 or (rate_ppm is not None and rate_ppm < 0):
        raise NeedsReview(
            f"{state} unemployment wages of {wages_cents} cents after {ytd_wages_cents} at {rate_ppm} ppm: "
            "nothing may be below zero"
        )
    unemployment = rules.programmes.unemployment
    if state in unemployment.conflicting:
        raise NeedsReview(
            f"the {rules.year} unemployment wage base of {state} is uncertain, {unemployment.conflicting[state]}: "
            "confirm it and add it to the rules"
        )
    if state not in unemployment.wage_base_cents:
        raise NeedsReview(
            f"no {rules.year} unemployment wage base for {state}: add it to the rules with its source"
        )
    table, base = unemployment.wage_base_cents[state]
    taxable = max(0, min(wages_cents, base - ytd_wages_cents))
    cents = None if rate_ppm is None else ratio_half_up(taxable * rate_ppm, PPM)
    return Sui(taxable, cents, ("state_unemployment", wages_cents, ytd_wages_cents, base, rate_ppm, table))
