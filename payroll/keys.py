"""Deterministic keys: the uuid5 of what a thing is, and the streams that carry them.

Never in a key: an attempt, a worker, a time, an epoch, a code version. What is the same thing has the
same key wherever and however often it is computed, and the store's unique index does the rest.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID, uuid5

NAMESPACE = UUID("b3c2b0a6-7c52-5d0a-8f53-3d8f1f1c9a01")


def key(*parts: object) -> UUID:
    """The uuid5 of the parts, which name a thing."""
    return uuid5(NAMESPACE, "|".join(map(str, parts)))


def run_id(
    kind: str,
    start: date,
    end: date,
    pay_date: date,
    employers: Iterable[str],
    *,
    people: Iterable[str] = (),
    sequence: int = 1,
) -> UUID:
    """A pay run: these employers' pay for this period on this day; the second and later ones after a cancelled one.

    people   EMPLOYER/EMPLOYEE of those it pays; none means everybody
    """
    again = f"+{sequence}" if sequence > 1 else ""
    return key(f"payrun{again}", kind, start, end, pay_date, *sorted(employers), *sorted(people))


def employer_run_id(employer: str, start: date, end: date, kind: str, sequence: int = 1) -> UUID:
    """One employer's part of a pay run: unique for employer, period and kind, whatever run it belongs to.

    sequence   2 and later: the ones before it were cancelled, or pay chosen people or items alone
    """
    return key("employerrun", employer, start, end, kind, sequence)


def payment_key(employer_run: UUID | str, employee_id: str, sequence: int = 1) -> UUID:
    """One payment of net pay."""
    return key("payment", employer_run, employee_id, sequence)


def remittance_key(employer_run: UUID | str, employee_id: str, order_id: str) -> UUID:
    """One payment, to whom an order names, of what an employer's run withheld for it."""
    return key("remittance", employer_run, employee_id, order_id)


def order_key(employer_run: UUID | str, number: int = 0) -> UUID:
    """One payment file of an employer's run, the first is 0: the bank's idempotency key."""
    return key("file", employer_run, *([number] if number else []))


def tax_deposit_key(employer_run: UUID | str, tax: str, number: int) -> UUID:
    """One deposit of what an employer's run owes of a tax; the second and later ones are of what is owed after it."""
    return key("tax-deposit", employer_run, tax, number)


def repay_key(payment: UUID | str) -> UUID:
    """The payment that pays again what came back of another: one for each, for ever."""
    return key("repay", payment)


def payrun_stream(run: UUID | str) -> str:
    return f"payrun-{run}"


def employerrun_stream(employer_run: UUID | str) -> str:
    return f"employerrun-{employer_run}"


def tax_deposit_stream(employer_run: UUID | str) -> str:
    """What was decided about depositing the federal tax of an employer's run."""
    return f"taxdeposit-{employer_run}"


def paycheck_stream(employer_run: UUID | str, employee_id: str, sequence: int = 1) -> str:
    """One person's paycheck; the second and later ones were begun again with corrected inputs."""
    again = f"+{sequence}" if sequence > 1 else ""
    return f"{paycheck_prefix(employer_run)}{employee_id}{again}"


def employee_of(paycheck_stream: str) -> str:
    """The employee id in the name of a paycheck's stream; empty for any other stream."""
    return paycheck_stream.partition("+")[2].partition("+")[0]


def employer_run_of(paycheck_stream: str) -> str:
    """The employer's run in the name of a paycheck's stream."""
    return paycheck_stream.removeprefix("paycheck-").partition("+")[0]


def paycheck_prefix(employer_run: UUID | str) -> str:
    """What the streams of all paychecks of one employer's run begin with."""
    return f"paycheck-{employer_run}+"


def cancellation(run: UUID | str) -> str:
    """The run key of the work that cancels a pay run: it goes on while the run itself is held."""
    return f"cancel-{run}"
