"""Social Security, Medicare and Additional Medicare tax on one payment; federal unemployment tax."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import FicaRates, FutaRates, Rules
from payroll.calc.worksheet import Working


class Fica(NamedTuple):
    """One payment's FICA in cents. The employer owes what the employee does, but no Additional Medicare."""

    ss_taxable_cents: int
    ss_employee_cents: int
    ss_employer_cents: int
    medicare_employee_cents: int
    medicare_employer_cents: int
    additional_medicare_taxable_cents: int
    additional_medicare_cents: int
    working: Working


class Futa(NamedTuple):
    """One payment's federal unemployment tax in cents; the employer's alone."""

    taxable_cents: int
    tax_cents: int
    working: Working


class CreditReduction(NamedTuple):
    """What a year's wages in one state owe on top of the net federal unemployment tax."""

    rate_ppm: int
    tax_cents: int
    working: Working


def fica(
    ss_wages_cents: int,
    medicare_wages_cents: int,
    rates: FicaRates,
    *,
    ytd_ss_wages_cents: int,
    ytd_medicare_wages_cents: int,
    ytd_ss_withheld_cents: int | None,
) -> Fica:
    """Compute FICA on one payment, given what this employer paid earlier in the calendar year.

    ytd_ss_withheld_cents   Social Security withheld so far; None when it is not known, and then only
                            the wage base limits the tax
    raises                  NeedsReview for wages below zero
    source                  IRC 3101, 3102(f), 3111; Pub. 15 sec. 9. Each tax is rounded half up once per
                            payment; Social Security stops at base x rate, which rounding could pass
    """
    if ss_wages_cents < 0 or medicare_wages_cents < 0:
        raise NeedsReview(
            f"FICA wages of {ss_wages_cents} and {medicare_wages_cents} cents: a void is no payment"
        )
    ss_taxable = max(0, min(ss_wages_cents, rates.ss_wage_base_cents - ytd_ss_wages_cents))
    ss = ratio_half_up(ss_taxable * rates.ss_rate_ppm, PPM)
    if ytd_ss_withheld_cents is not None:
        ss = max(0, min(ss, rates.ss_most_cents - ytd_ss_withheld_cents))
    medicare = ratio_half_up(medicare_wages_cents * rates.medicare_rate_ppm, PPM)
    over = ytd_medicare_wages_cents + medicare_wages_cents - rates.additional_threshold_cents
    additional_taxable = min(medicare_wages_cents, over) if over > 0 else 0
    additional = ratio_half_up(additional_taxable * rates.additional_rate_ppm, PPM)
    working = (
        "fica",
        ss_wages_cents,
        medicare_wages_cents,
        ytd_ss_wages_cents,
        ytd_medicare_wages_cents,
        ytd_ss_withheld_cents,
        rates.ss_wage_base_cents,
        rates.ss_rate_ppm,
        rates.ss_most_cents,
        rates.medicare_rate_ppm,
        rates.additional_threshold_cents,
        rates.additional_rate_ppm,
    )
    return Fica(ss_taxable, ss, ss, medicare, medicare, additional_taxable, additional, working)


def futa(
    futa_wages_cents: int, ytd_futa_wages_cents: int, rates: FutaRates, credit_reduction_ppm: int = 0
) -> Futa:
    """Accrue federal unemployment tax on one payment.

    credit_reduction_ppm   a credit-reduction state's addition. Leave it 0 in a pay run: the reduction is
                           settled once a year on Form 940 Schedule A
    raises                 NeedsReview for wages below zero
    source                 IRC 3301, 3302; Pub. 15 sec. 14
    """
    if futa_wages_cents < 0:
        raise NeedsReview(f"FUTA wages of {futa_wages_cents} cents: below zero is a void, not a payment")
    taxable = max(0, min(futa_wages_cents, rates.wage_base_cents - ytd_futa_wages_cents))
    cents = ratio_half_up(taxable * (rates.net_rate_ppm + credit_reduction_ppm), PPM)
    entries = (futa_wages_cents, ytd_futa_wages_cents, rates.wage_base_cents, rates.net_rate_ppm)
    return Futa(taxable, cents, ("futa", *entries, credit_reduction_ppm))


def credit_reduction(state: str, futa_taxable_cents: int, rules: Rules) -> CreditReduction:
    """Settle a year's credit reduction for the wages paid in one state.

    state                postal code, as on Form 940 Schedule A; one that is not on the year's list owes nothing
    futa_taxable_cents   the year's FUTA wages there up to the wage base, of all employees together
    raises               NeedsReview while the year's list is not in the rule tables, and for wages below zero
    source               IRC 3302(c)(2); Form 940 Schedule A; the Department of Labor's list of November
    """
    reduced = rules.futa.credit_reduction_ppm
    if reduced is None:
        raise NeedsReview(
            f"the credit reduction states of {rules.year} are not in the rule tables: add "
            f"[futa.credit_reduction_percent] to payroll/rules/{rules.year}/federal.toml when the Department of "
            "Labor has named them"
        )
    if futa_taxable_cents < 0:
        raise NeedsReview(f"FUTA wages of {futa_taxable_cents} cents in {state}: a year cannot be below zero")
    rate = reduced.get(state, 0)
    cents = ratio_half_up(futa_taxable_cents * rate, PPM)
    return CreditReduction(rate, cents, ("futa_credit_reduction", state, futa_taxable_cents, rate))
