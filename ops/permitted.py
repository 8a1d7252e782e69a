"""Whether whoever a command is given for may: the same permission that the admin asks for."""

from payroll.payments import decisions
from payroll.payments.imports import BY_OPERATOR


def check(by: str, permission: str, to: str) -> None:
    """Refuse a command that is given for a person who may not.

    by       of --as; whoever has the command line and names nobody is the operator, who may
    to       what is to be done, in words
    raises   Refused
    """
    if by != BY_OPERATOR:
        decisions.check_person(by, permission, to)
