"""The chart of accounts, from the employer's side: what each account holds, and on which side it normally stands.

A name with a slash is one of a family: state_income_tax/CA. What may stand behind the slash is not listed here: states,
programmes and kinds of order come from the rule tables, names of deductions from the employer.

    salaries are paid       Dr wages_expense …        Cr one liability for each tax and deduction, wages_payable
    the bank has the file   Dr wages_payable          Cr net_pay_clearing
    it settles              Dr net_pay_clearing       Cr employer_funding
    a payment comes back    Dr employer_funding       Cr returns
    it is paid again        Dr returns                Cr net_pay_clearing
    tax is deposited        Dr social_security …      Cr net_pay_clearing
"""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What an account is; expenses and assets normally have a debit balance, liabilities a credit balance."""

    EXPENSE = "expense"
    LIABILITY = "liability"
    ASSET = "asset"


class Account(NamedTuple):
    """An account, or a family of accounts whose names go on after a slash."""

    name: str
    kind: Kind
    words: str


ACCOUNTS = (
    Account("wages_expense", Kind.EXPENSE, "gross pay"),
    Account("reimbursements", Kind.EXPENSE, "expenses of employees that are paid back"),
    Account("employer_tax_expense", Kind.EXPENSE, "the employer's own taxes and programmes"),
    Account("contribution_expense", Kind.EXPENSE, "what the employer adds to a 401(k)"),
    Account("federal_income_tax", Kind.LIABILITY, "withheld, owed to the IRS"),
    Account("social_security", Kind.LIABILITY, "both shares, owed to the IRS"),
    Account("medicare", Kind.LIABILITY, "both shares and the additional tax, owed to the IRS"),
    Account("futa", Kind.LIABILITY, "federal unemployment tax, owed to the IRS"),
    Account("state_income_tax", Kind.LIABILITY, "withheld, owed to the state"),
    Account("programme", Kind.LIABILITY, "both shares of a state's programme"),
    Account("section125", Kind.LIABILITY, "premiums and dependent care before tax, owed to the plan"),
    Account("hsa", Kind.LIABILITY, "owed to health savings accounts"),
    Account("401k", Kind.LIABILITY, "deferrals, traditional and Roth, owed to the plan"),
    Account("contribution", Kind.LIABILITY, "the employer's contributions, owed to the plan"),
    Account("garnishment", Kind.LIABILITY, "withheld by order, owed to whom it names"),
    Account("post_tax", Kind.LIABILITY, "deductions after tax, owed to whom they are for"),
    Account(
        "wages_payable", Kind.LIABILITY, "net pay that is owed; in debit when more was paid than is owed"
    ),
    Account("returns", Kind.LIABILITY, "net pay that came back and is owed again"),
    Account("reversals", Kind.LIABILITY, "net pay that was taken back"),
    Account("checks_issued", Kind.LIABILITY, "paper checks that are written"),
    Account("net_pay_clearing", Kind.LIABILITY, "what the bank has been told to pay and has not settled"),
    Account("recoverable", Kind.ASSET, "net pay that people owe back, taken from later pay"),
    Account("employer_funding", Kind.ASSET, "the account that net pay is paid from"),
    Account("employer_bank", Kind.ASSET, "the employer's own account, from which funding is debited"),
)

_PLACE = {account.name: place for place, account in enumerate(ACCOUNTS)}


class UnknownAccount(Exception):
    """The ledger holds a name that is in no chart: something else than the fold has written to it."""


def account(name: str) -> Account:
    """What a name in the ledger is.

    raises   UnknownAccount
    """
    family = name.partition("/")[0]
    if family not in _PLACE:
        raise UnknownAccount(f"{family} is no account of the ledger")
    return ACCOUNTS[_PLACE[family]]


def in_order(name: str) -> tuple[int, str]:
    """The place of a name in the chart, for sorting; a name that is in no chart comes last."""
    return _PLACE.get(name.partition("/")[0], len(ACCOUNTS)), name
