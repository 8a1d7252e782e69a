"""Which pre-tax items lower which wages.

| item                      | federal income | FICA, FUTA | state          |
|---------------------------|----------------|------------|----------------|
| traditional 401(k)        | yes            | no         | by its rule    |
| section 125, dep. care    | yes            | yes        | by its rule    |
| HSA in the cafeteria plan | yes            | yes        | by its rule    |
| Roth, post-tax            | no             | no         | no             |

source   IRC 125, 402(e)(3), 3121(a)(5); Pub. 15 sec. 5 and 15, Pub. 15-B
"""

from typing import NamedTuple

from payroll.calc.state_tables import WageBase
from payroll.calc.worksheet import Working


class PreTax(NamedTuple):
    """One check's pre-tax items in cents.

    section125_cents   health, dental, vision premiums, health FSA, dependent care, qualified transportation
    """

    traditional_401k_cents: int = 0
    section125_cents: int = 0
    hsa_cafeteria_cents: int = 0


def fit_wages(gross_cents: int, pre_tax: PreTax) -> int:
    """Give the wages that federal income tax is withheld from, in cents."""
    return (
        gross_cents - pre_tax.traditional_401k_cents - pre_tax.section125_cents - pre_tax.hsa_cafeteria_cents
    )


def fica_wages(gross_cents: int, pre_tax: PreTax) -> int:
    """Give the wages for Social Security, Medicare and federal unemployment tax, in cents."""
    return gross_cents - pre_tax.section125_cents - pre_tax.hsa_cafeteria_cents


def state_wages(gross_cents: int, pre_tax: PreTax, rule: WageBase) -> int:
    """Give the wages a state taxes, in cents, by what its rule excludes."""
    wages = gross_cents
    if rule.excludes_401k:
        wages -= pre_tax.traditional_401k_cents
    if rule.excludes_section125:
        wages -= pre_tax.section125_cents
    if rule.excludes_hsa:
        wages -= pre_tax.hsa_cafeteria_cents
    return wages


def fit_wages_working(gross_cents: int, pre_tax: PreTax) -> Working:
    """How `fit_wages` adds up; its line is fit_wages_cents."""
    return (
        "fit_wages",
        gross_cents,
        pre_tax.traditional_401k_cents,
        pre_tax.section125_cents,
        pre_tax.hsa_cafeteria_cents,
    )


def fica_wages_working(gross_cents: int, pre_tax: PreTax) -> Working:
    """How `fica_wages` adds up; its line is fica_wages_cents."""
    return ("fica_wages", gross_cents, pre_tax.section125_cents, pre_tax.hsa_cafeteria_cents)


def state_wages_working(gross_cents: int, pre_tax: PreTax, rule: WageBase) -> Working:
    """How `state_wages` adds up; its line is state_wages_cents."""
    return (
        "state_wages",
        gross_cents,
        pre_tax.traditional_401k_cents,
        pre_tax.section125_cents,
        pre_tax.hsa_cafeteria_cents,
        rule.excludes_401k,
        rule.excludes_section125,
        rule.excludes_hsa,
    )
