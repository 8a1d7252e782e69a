"""The limits of garnishment: the most that one rule lets orders take of one pay.

Every limit is a share of disposable earnings, cut off to the cent since it may not be passed.

source   15 USC 1673, 29 CFR 870.10; 20 USC 1095a; 31 USC 3720D; Form 668-W and Publication 1494
"""

from datetime import date
from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.calendar import periods_per_year
from payroll.calc.money import BP, dollars, ratio_half_up
from payroll.calc.tables import Garnishment, StateGarnishment
from payroll.calc.worksheet import Working

# A month has 4 1/3 workweeks, half a month 2 1/6: 29 CFR 870.10(c).
WORKWEEK_SIXTHS = {"weekly": 6, "biweekly": 12, "semimonthly": 13, "monthly": 26}
SIXTHS = 6

# Cash support comes first, then the premiums of a medical support notice, then arrears.
SUPPORT = ("support", "medical_support", "support_arrears")
FEDERAL_DEBT = ("student_loan", "federal_agency")
# Ranks of what follows support. A federal levy received before a support order goes before that order.
RANK = {"bankruptcy": 1, "federal_levy": 2, "student_loan": 3, "federal_agency": 3, "state_levy": 4}
RANK |= {"creditor": 5, "wage_assignment": 6}
KINDS = (*SUPPORT, *RANK)


class Order(NamedTuple):
    """An order to withhold from one employee's pay.

    kind                     one of KINDS; a support order with current and past amounts is two orders
    amount_cents             per pay period; None where percent_bp says it, or where the kind takes all that its limit
                             gives (federal_levy, student_loan, federal_agency)
    percent_bp               of disposable earnings
    received                 a federal levy: when it came; support: when it was issued; else when it was served
    supports_other_family    support only: another spouse or child is supported
    arrears_over_12_weeks    support only: some of it is more than 12 weeks late
    exempt_cents             federal levy only: what it leaves of one pay; None computes it by Publication 1494
    balance_cents            what is still owed in all; None when there is no end
    filing_status, dependents   federal levy only, of the employee's statement; without one, mfs and none
    """

    id: str
    kind: str
    amount_cents: int | None
    percent_bp: int | None
    received: date
    supports_other_family: bool = False
    arrears_over_12_weeks: bool = False
    exempt_cents: int | None = None
    balance_cents: int | None = None
    filing_status: str = "mfs"
    dependents: int = 0


class OrdinaryLimit(NamedTuple):
    """What ordinary garnishment may take of one pay, and what it leaves in any case, in cents."""

    protected_cents: int
    maximum_cents: int
    working: Working


class Limit(NamedTuple):
    """The most that may be taken under one rule, and what counts against it already.

    named   the line of a worksheet that gives it
    """

    named: str
    words: str
    cents: int
    taken_cents: int
    working: Working | None

    @property
    def left_cents(self) -> int:
        return self.cents - self.taken_cents


class Earnings(NamedTuple):
    """What the limits of one pay depend on."""

    disposable_cents: int
    frequency: str
    figures: Garnishment
    work_state: str | None
    minimum_wage_cents: int | None
    deductions_in_effect_cents: int


def ordinary_maximum(disposable_cents: int, frequency: str, figures: Garnishment) -> OrdinaryLimit:
    """Give what federal law lets all ordinary garnishments of one pay take together.

    raises   NeedsReview for earnings below zero, or a frequency without a number of workweeks
    source   15 USC 1673(a), 29 CFR 870.10: the lesser of 25 % and the excess over 30 hours of minimum wage a week
    """
    protected = figures.protected_hours * figures.minimum_wage_cents * _workweek_sixths(frequency)
    refuse_negative(disposable_cents)
    excess = (disposable_cents * SIXTHS - protected) // SIXTHS
    maximum = max(0, min(disposable_cents * figures.ordinary_bp // BP, excess))
    limits = (figures.minimum_wage_cents, figures.protected_hours, figures.ordinary_bp)
    working = ("ordinary_limit", disposable_cents, frequency, *limits)
    return OrdinaryLimit(ratio_half_up(protected, SIXTHS), maximum, working)


def state_maximum(
    disposable_cents: int, frequency: str, limit: StateGarnishment, minimum_wage_cents: int | None
) -> OrdinaryLimit:
    """Give what a state lets ordinary garnishments take; the lower of this and the federal limit holds.

    minimum_wage_cents   an hour's, of the state or the place of work
    raises               NeedsReview without the minimum wage, and as `ordinary_maximum`
    source               Cal. Code Civ. Proc. 706.050: the lesser of 20 % and 40 % of the excess over 48 hours a week
    """
    if minimum_wage_cents is None:
        raise NeedsReview(
            f"{limit.state} limits a garnishment by the minimum wage at the place of work, which is not known: "
            "enter it, then redrive"
        )
    protected = limit.protected_hours * minimum_wage_cents * _workweek_sixths(frequency)
    refuse_negative(disposable_cents)
    excess = (disposable_cents * SIXTHS - protected) * limit.excess_bp // (SIXTHS * BP)
    maximum = max(0, min(disposable_cents * limit.ordinary_bp // BP, excess))
    rules = (limit.state, minimum_wage_cents, limit.protected_hours, limit.ordinary_bp, limit.excess_bp)
    working = ("state_ordinary_limit", disposable_cents, frequency, *rules)
    return OrdinaryLimit(ratio_half_up(protected, SIXTHS), maximum, working)


def ordinary_limit(limit: OrdinaryLimit, taken_cents: int) -> Limit:
    words = "the limit on ordinary garnishments"
    return Limit("ordinary_maximum_cents", words, limit.maximum_cents, taken_cents, limit.working)


def support_limit(
    disposable_cents: int, supports_other: bool, arrears: bool, figures: Garnishment, taken_cents: int
) -> Limit:
    refuse_negative(disposable_cents)
    rate = figures.support_bp[supports_other, arrears]
    words = f"the limit of {rate * 100 // BP} % for support"
    working = ("support_limit", disposable_cents, supports_other, arrears, rate)
    return Limit("support_maximum_cents", words, disposable_cents * rate // BP, taken_cents, working)


def levy_limit(order: Order, pay: Earnings, taken_cents: int) -> Limit:
    """Take-home pay less what a federal tax levy leaves: Form 668-W, Publication 1494."""
    levy, periods = pay.figures.levy, periods_per_year(pay.frequency)
    deduction, exempt = 0, order.exempt_cents
    if exempt is None:
        try:
            deduction = levy.standard_deduction_cents[order.filing_status]
        except KeyError:
            raise NeedsReview(
                f"the levy received {order.received}: Publication 1494 of {levy.year} for filing status "
                f"{order.filing_status!r} "
                "is not in the rule tables: enter the exempt amount on the order, then redrive"
            ) from None
        each = ratio_half_up(levy.exemption_cents, periods)
        exempt = ratio_half_up(deduction, periods) + order.dependents * each
    take_home = pay.disposable_cents - pay.deductions_in_effect_cents
    amounts = (periods, deduction, levy.exemption_cents, order.dependents, order.exempt_cents)
    working = ("levy_limit", pay.disposable_cents, pay.deductions_in_effect_cents, *amounts)
    words = f"the take-home pay over the exempt {dollars(exempt)}"
    return Limit("federal_levy_maximum_cents", words, max(0, take_home - exempt), taken_cents, working)


def _workweek_sixths(frequency: str) -> int:
    try:
        return WORKWEEK_SIXTHS[frequency]
    except KeyError:
        raise NeedsReview(
            f"pay {frequency!r} has no number of workweeks to limit a garnishment by: "
            f"use one of {', '.join(WORKWEEK_SIXTHS)}"
        ) from None


def refuse_negative(disposable_cents: int) -> None:
    if disposable_cents < 0:
        raise NeedsReview(
            f"disposable earnings of {disposable_cents} cents are below zero: correct the pay or void the check"
        )
