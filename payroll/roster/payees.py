"""Where what an order for support takes is to go: columns of garnishments.csv, all of them optional.

An order that has them is remitted by a payment of its own in the employer's file; without them it is remitted by hand.

case_id                 the agency's number of the case: 1 to 20 of A-Z 0-9, blank, point, hyphen, slash
fips_code               * 5 to 7 of A-Z 0-9: the place that issued the order, where the agency wants it
medical_support         Y, N or W: whether medical support is available through the employer, or waived
payee_name              up to 40 characters: the state disbursement unit
payee_routing_number,   its checking account
payee_account_number

All or none of them, a star aside, and on orders for support alone.

source   payroll.payments.ach.support
"""

from typing import Any

from payroll.payments.ach import support
from payroll.roster import cells
from payroll.roster.columns import Column, Rule

SUPPORT = ("support", "support_arrears", "medical_support")
WHOLE = ("case_id", "medical_support", "payee_name", "payee_routing_number", "payee_account_number")
ACCOUNT = "payee_account_number"


def case_id(text: str) -> str:
    """The number of a case as an agency's addenda carries it."""
    if not support.is_case_id(text):
        raise cells.Refused(
            "is not 1 to 20 of A-Z, 0-9, blank, point, hyphen, slash - copy it from the order"
        )
    return text


def fips_code(text: str) -> str:
    """The code of the place that issued an order."""
    if not support.is_fips(text):
        raise cells.Refused("is not 5 to 7 of A-Z, 0-9 - copy it from the order")
    return text


def _whole(column: str) -> Rule:
    """All of them or none, and only for support: else the agency cannot tell whose money it is."""

    def broken(row: Any) -> str:
        given = bool(getattr(row, column))
        if given and row.kind not in SUPPORT:
            return f"is for orders for support, and this is {row.kind} - leave it empty"
        if column in WHOLE and not given and any(getattr(row, name) for name in (*WHOLE, "fips_code")):
            return "is empty, and other remittance data is given - fill it in, or clear the rest"
        return ""

    return Rule((column, "kind"), broken)


def _column(name: str, check: cells.Check, *, secret: bool = True) -> Column:
    return Column(name, check, required=False, default="", secret=secret)


COLUMNS = (
    _column("case_id", case_id),
    _column("fips_code", fips_code),
    _column("medical_support", cells.choice("Y", "N", "W"), secret=False),
    _column("payee_name", cells.words(40)),
    _column("payee_routing_number", cells.routing),
    _column(ACCOUNT, cells.account),
)
RULES = tuple(_whole(name) for name in (*WHOLE, "fips_code"))
