"""What is left of the pay: the root of the tree that explains every cent of a paycheck."""

from typing import NamedTuple

from events.failures import NeedsReview
from payroll.calc.money import dollars
from payroll.calc.worksheet import Working


class Net(NamedTuple):
    """Disposable earnings (gross less what the law takes) and net pay with reimbursements, in cents."""

    disposable_cents: int
    net_cents: int
    working: Working


def net_pay(
    gross_cents: int,
    *,
    federal_income_tax_cents: int = 0,
    social_security_cents: int = 0,
    medicare_cents: int = 0,
    additional_medicare_cents: int = 0,
    state_income_tax_cents: int = 0,
    state_programmes_cents: int = 0,
    section125_cents: int = 0,
    hsa_cents: int = 0,
    traditional_401k_cents: int = 0,
    roth_401k_cents: int = 0,
    garnished_cents: int = 0,
    post_tax_cents: int = 0,
    reimbursement_cents: int = 0,
) -> Net:
    """Take taxes, garnishments and deductions from gross pay; add what is reimbursed.

    gross_cents              all wages of the period
    state_programmes_cents   the employee's share of disability, family leave and the like, required by law
    reimbursement_cents      paid on top: no wages, and nothing is taken from them
    raises                   NeedsReview when more is taken than there is, or an amount is below zero: what does not fit
                             is cut before, by precedence.py
    source                   15 USC 1672(b): voluntary deductions are part of disposable earnings
    """
    taxes = (
        federal_income_tax_cents,
        social_security_cents,
        medicare_cents,
        additional_medicare_cents,
        state_income_tax_cents,
        state_programmes_cents,
    )
    deductions = (section125_cents, hsa_cents, traditional_401k_cents, roth_401k_cents, garnished_cents)
    rest = (post_tax_cents, reimbursement_cents)
    disposable = gross_cents - sum(taxes)
    taken = sum(deductions) + post_tax_cents
    if taken > disposable:
        raise NeedsReview(
            f"deductions of {dollars(taken)} exceed the {dollars(disposable)} that taxes leave of "
            f"{dollars(gross_cents)}: lower the deferral or the other deductions, then redrive"
        )
    if min(*taxes, *deductions, *rest) < 0:
        raise NeedsReview(
            f"a tax, deduction or reimbursement of {dollars(min(*taxes, *deductions, *rest))} is below zero: "
            "correct it, then redrive"
        )
    working = ("net_pay", gross_cents, *taxes, *deductions, *rest)
    return Net(disposable, disposable - taken + reimbursement_cents, working)
