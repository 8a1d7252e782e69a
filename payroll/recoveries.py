"""Recoveries: net pay that an employee owes back, taken from later pay.

    recovery-<key>   RecoveryOpened, RecoveryCancelled

Opened once for its cause, which is its key; cancelled when what it is for came back after all. What is left of it is
not written anywhere: it is what was opened, less what the paychecks that count have withheld for it. So a paycheck that
is voided later gives back what it took.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from events.database import rows
from events.store import NewEvent
from payroll import keys
from payroll.projections import statement

PREFIX = "recovery-"
VOID, CORRECTION, REVERSAL_RETURNED = "void", "correction", "reversal-returned"  # because of what

OWED_BACK = statement("owed_back")


def stream(recovery: UUID | str) -> str:
    return f"{PREFIX}{recovery}"


def key(because: str, *cause: object) -> UUID:
    """The recovery that a cause opens: one for each, for ever."""
    return keys.key("recovery", because, *cause)


def opened(
    recovery: UUID,
    *,
    run: UUID | str,
    employer_run: UUID | str,
    employer: str,
    employee_id: str,
    paycheck: str,
    amount_cents: int,
    because: str,
    opened_by: str,
    confirmed_by: str,
    payment: UUID | str = "",
) -> NewEvent:
    """The event that opens a recovery, for the caller to append; the same cause again loses by its version.

    recovery       as `key` gives it
    run, employer_run   in whose books the money stands: those of the paycheck that was paid too much
    amount_cents   above zero
    because        void, correction or reversal-returned
    payment        that could not be taken back, where it is one
    """
    if amount_cents <= 0:
        raise ValueError(f"a recovery of {amount_cents} cents is none")
    facts: dict[str, Any] = {"recovery": str(recovery), "run": str(run), "employer_run": str(employer_run)}
    facts |= {"employer": employer, "employee_id": employee_id, "paycheck": paycheck}
    facts |= {"amount_cents": amount_cents, "because": because}
    facts |= {"opened_by": opened_by, "confirmed_by": confirmed_by}
    facts |= {"payment": str(payment)} if payment else {}
    return NewEvent(stream(recovery), 1, "RecoveryOpened", facts)


def still_owed(employer: str, people: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What these people still owe back, the oldest first, by employee id; who owes nothing is not in the answer.

    recovery   {"id", "cents" that are left, "share_bp" of disposable earnings that one paycheck may give}
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for employee_id, recovery, left_cents in rows(OWED_BACK, {"employer": employer, "people": list(people)}):
        entry = {"id": recovery, "cents": left_cents, "share_bp": settings.PAYROLL_RECOVERY_BP}
        found.setdefault(employee_id, []).append(entry)
    return found
