"""When pay does not suffice: what comes first, and what is cut.

`ORDER` is the order in words, for a pay stub and an auditor. Within rank 2 federal income tax gives way first: Form W-4
step 4(c) can ask for more than there is. Within rank 5 Roth dollars are cut first, then traditional.

A convention of this product (C), except that the law puts taxes before garnishments (15 USC 1672) and deferrals after
both. Nothing is cut in silence: the paycheck carries what was asked for and not taken, and `..._working` says how.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from payroll.calc.worksheet import Working

if TYPE_CHECKING:
    from payroll.calc.deferral import Deferral
    from payroll.calc.paycheck import Taxes


class Rank(NamedTuple):
    """One place in the order."""

    rank: int
    key: str
    words: str


ORDER = (
    Rank(1, "fica", "Social Security, Medicare and Additional Medicare tax; never cut"),
    Rank(2, "income_tax", "state income tax and state programmes, then federal income tax, within the pay"),
    Rank(3, "garnishments", "garnishments within their limits, by their priority"),
    Rank(4, "premiums", "Section 125 and HSA premiums, each whole or not at all"),
    Rank(5, "deferral", "the 401(k) deferral as far as it fits; Roth is cut first, then traditional"),
    Rank(
        6, "recovery", "net pay that is owed back, the oldest first, within its share of disposable earnings"
    ),
    Rank(7, "post_tax", "deductions after tax in the order given, each as far as it fits"),
    Rank(
        8,
        "net_pay",
        "net pay, never below zero; reimbursements are paid on top, and nothing is taken from them",
    ),
)

# No wages are taxed at more than this: federal 37 %, a state's 15 %, its programmes 1.5 %, 7.65 % and 0.9 %.
TAXED_PERCENT_MAX = 63


def surely_fits(taken_cents: int, gross_cents: int) -> bool:
    """Whether amounts fit whatever the taxes are, so that taxes need not be computed to know.

    taken_cents   all that is taken beside ordinary taxes: premiums, deferral, fixed extra withholding
    gross_cents   all wages: a state may tax what premiums and deferrals leave untaxed elsewhere

    Holds for wages taxed as they are: not with other income on Form W-4, a lock-in letter, a nonresident amount or an
    order to withhold.
    """
    return taken_cents * 100 <= gross_cents * (100 - TAXED_PERCENT_MAX)


def within_pay(taxes: "Taxes", available_cents: int) -> "Taxes":
    """The taxes that can be withheld from what is there.

    Federal income tax gives way first, then state income tax, then the state's programmes, the last of them first.
    """
    if taxes.employee_cents <= available_cents:
        return taxes
    kept_cents = taxes.social_security_cents + taxes.medicare_cents + taxes.additional_medicare_cents
    owed = [programme[1] for programme in taxes.programmes]
    owed += [taxes.state_income_tax_cents, taxes.federal_income_tax_cents]
    *programmes, state_cents, federal_cents = as_far_as_it_fits(owed, available_cents - kept_cents)
    return taxes._replace(
        federal_income_tax_cents=federal_cents,
        supplemental_income_tax_cents=min(taxes.supplemental_income_tax_cents, federal_cents),
        state_income_tax_cents=state_cents,
        programmes=tuple(
            (name, cents, employer_cents, wages_cents)
            for (name, _, employer_cents, wages_cents), cents in zip(
                taxes.programmes, programmes, strict=True
            )
        ),
        state_programmes_cents=sum(programmes),
    )


def within_pay_working(taxes: "Taxes", available_cents: int) -> Working:
    """How `within_pay` cuts; its lines are the taxes that are withheld."""
    fica = (taxes.social_security_cents, taxes.medicare_cents, taxes.additional_medicare_cents)
    owed = tuple((programme[0], programme[1]) for programme in taxes.programmes)
    federal = (taxes.federal_income_tax_cents, taxes.supplemental_income_tax_cents)
    return ("taxes_within_pay", available_cents, *fica, owed, taxes.state_income_tax_cents, *federal)


def reduced(elected: "Deferral", room_cents: int) -> "Deferral":
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


def reduced_working(elected: "Deferral", room_cents: int) -> Working:
    """How `reduced` cuts; its lines are the deferral that is taken."""
    asked = (elected.traditional_cents, elected.roth_cents, elected.catch_up_cents, elected.refused_cents)
    return ("deferral_within_pay", room_cents, *asked)


def whole_or_nothing(wanted_cents: Sequence[int], room_cents: int) -> tuple[int, ...]:
    """Take each amount whole where it still fits, in their order; one that does not fit is passed over."""
    taken = []
    for wanted in wanted_cents:
        fits = wanted <= room_cents
        taken.append(wanted if fits else 0)
        room_cents -= taken[-1]
    return tuple(taken)


def as_far_as_it_fits(wanted_cents: Sequence[int], room_cents: int) -> tuple[int, ...]:
    """Take each amount as far as there is room, in their order."""
    taken = []
    for wanted in wanted_cents:
        taken.append(max(0, min(wanted, room_cents)))
        room_cents -= taken[-1]
    return tuple(taken)


def recovered(
    wanted_cents: Sequence[int], disposable_cents: int, share_bp: int, room_cents: int
) -> tuple[int, ...]:
    """Take back what is owed, the oldest first: together never more than a share of disposable earnings, nor the room.

    share_bp   hundredths of a percent
    """
    return as_far_as_it_fits(wanted_cents, min(disposable_cents * share_bp // 10_000, room_cents))


def recovered_working(
    names: Sequence[str], wanted_cents: Sequence[int], disposable_cents: int, share_bp: int, room_cents: int
) -> Working:
    """How `recovered` takes; a line for each recovery by its id."""
    owed = tuple(zip(names, wanted_cents, strict=True))
    return ("recovered_within_pay", disposable_cents, share_bp, room_cents, owed)


def fitted_working(how: str, names: Sequence[str], wanted_cents: Sequence[int], room_cents: int) -> Working:
    """How `whole_or_nothing` or `as_far_as_it_fits` takes; a line for each name.

    how   the name of the function
    """
    return (how, room_cents, tuple(zip(names, wanted_cents, strict=True)))
