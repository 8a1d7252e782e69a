"""Individual notices: to a table, each once by its key. What the world outside is told is in publications.py."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from events import store
from payroll import keys
from payroll.calc.money import dollars
from payroll.models import Notification
from payroll.payments.instructions import HELD
from payroll.payments.same_day import POSTPONED

SETTLED = "payment.settled"


def paid(facts: dict[str, dict[str, Any]]) -> list[Notification]:
    """What to tell when an employer's run is paid: one notice to the employer, one to everybody paid.

    facts   of the employer run, by event type
    """
    opened, moved = facts["EmployerRunOpened"], facts["MoneyMoved"]
    employer_run = opened["employer_run"]
    pay_date = facts.get(POSTPONED, opened).get("settles_on") or opened["pay_date"]

    def notice(message: str, employee_id: str = "") -> Notification:
        return Notification(
            id=keys.key("notification", SETTLED, employer_run, employee_id),
            topic=SETTLED,
            employer_run=UUID(employer_run),
            employer=opened["employer"],
            employee_id=employee_id,
            message=message,
        )

    people = store.read_prefix(keys.paycheck_prefix(employer_run), "PaymentInstructed")
    summary = f"{moved['paid']} people are paid {dollars(moved['paid_cents'])} on {pay_date}"
    return [
        notice(summary),
        *(
            notice(
                f"You are paid {dollars(cents)} on {pay_date}.",
                keys.employee_of(event.stream),
            )
            for event in people
            if (cents := _paid_cents(event.data["payments"]))
        ),
    ]


def _paid_cents(payments: list[list[Any]]) -> int:
    """What a paycheck's payments move; not what is held back."""
    return sum(cents for _, _, method, cents, *_ in payments if method != HELD)


def record(notices: Sequence[Notification]) -> None:
    """Write the notices; the caller owns the transaction."""
    Notification.objects.bulk_create(notices, batch_size=2000, ignore_conflicts=True)
