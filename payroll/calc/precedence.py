"""When pay does not suffice: what comes first, and what is cut.

    1  Social Security, Medicare, Additional Medicare
    2  state income tax, then federal income tax (Form W-4 step 4(c) can ask for more than there is)
    3  Section 125        a premium is paid whole or not at all: it is taken when the pay bears it and the taxes that
                          are left with it, and otherwise owed to the plan
    4  401(k) deferral    as far as it fits: Roth dollars are cut first, then traditional
    5  net pay            what is left; it is never below zero

A convention of this product (C). Nothing is cut in silence: the paycheck carries what was asked for and
not taken.
"""

from payroll.calc.deferral import Deferral
from payroll.calc.paycheck import Taxes

# No wages are taxed at more than this: federal 37 %, a state's 15 %, 7.65 % and 0.9 %.
TAXED_PERCENT_MAX = 62


def surely_fits(deferral_cents: int, left_cents: int) -> bool:
    """Whether a deferral fits whatever the taxes are, so that they need not be computed to know.

    left_cents   pay after Section 125 and any fixed extra withholding
    """
    return deferral_cents * 100 <= left_cents * (100 - TAXED_PERCENT_MAX)


def within_pay(taxes: Taxes, available_cents: int) -> Taxes:
    """The taxes that can be withheld from what is there: federal income tax gives way first, then the state's."""
    over_cents = taxes.employee_cents - available_cents
    if over_cents <= 0:
        return taxes
    federal_cut = min(over_cents, taxes.federal_income_tax_cents)
    state_cut = min(over_cents - federal_cut, taxes.state_income_tax_cents)
    return taxes._replace(
        federal_income_tax_cents=taxes.federal_income_tax_cents - federal_cut,
        state_income_tax_cents=taxes.state_income_tax_cents - state_cut,
    )


def reduced(elected: Deferral, room_cents: int) -> Deferral:
    """A deferral cut down to what pay has room for; what is cut counts as refused."""
    over_cents = elected.total_cents - max(room_cents, 0)
    if over_cents <= 0:
        return elected
    roth_cut = min(over_cents, elected.roth_cents)
    total_cents = elected.total_cents - over_cents
    regular_cents = elected.total_cents - elected.catch_up_cents
    return elected._replace(
        roth_cents=elected.roth_cents - roth_cut,
        traditional_cents=elected.traditional_cents - (over_cents - roth_cut),
        total_cents=total_cents,
        catch_up_cents=max(0, total_cents - regular_cents),
        refused_cents=elected.refused_cents + over_cents,
    )
