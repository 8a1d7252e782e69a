"""Individual notices: to a table, each once by its key. What the world outside is told is in publications.py."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from events import store
from events.store import NewEvent
from payroll import keys
from payroll.calc.money import dollars
from payroll.models import Notification
from payroll.payments.instructions import HELD
from payroll.payments.same_day import POSTPONED

SETTLED = "payment.settled"
VOIDED = "paycheck.voided"
OWED_BACK = "recovery.opened"


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


def voided(opened: Mapping[str, Any], undo: str, what: Mapping[str, Mapping[str, int]]) -> list[Notification]:
    """What to tell when paychecks that were instructed are void: one notice to the employer, one to each person.

    opened   the facts with which the employer's run was opened
    undo     the key of the undoing
    what     by paycheck: the cents of what is done to its payments, as payroll/undo/plan.py names it
    """
    day = opened["pay_date"]
    told = []
    for paycheck, cents in what.items():
        sentences = [
            sentence.format(dollars(cents[name])) for name, sentence in SAID.items() if cents.get(name)
        ]
        if sentences:
            said = " ".join([f"Your pay of {day} is void.", *sentences])
            told.append(_notice(VOIDED, opened, said, keys.employee_of(paycheck), paycheck))
    if told:
        said = f"{len(told)} paychecks of {day} are void, {dollars(sum(map(_sum, what.values())))} in all"
        told.append(_notice(VOIDED, opened, said, "", undo))
    return told


# What becomes of the money of a paycheck that is void, by how it was paid.
SAID = {
    "reverse": "{} are taken back from your account.",
    "recover": "{} that you were paid are owed back, and are taken from your later pay.",
    "stop": "The check of {} is stopped: do not cash it.",
    "withdraw": "{} were not sent to the bank, and are not paid.",
    "void": "{} had not reached you, and are not paid again.",
}


def owed_back(events: Iterable[NewEvent]) -> list[Notification]:
    """What to tell those who owe net pay back.

    events   of several kinds; those that open a recovery are told of
    """
    return [
        _notice(
            OWED_BACK,
            event.data,
            f"You were paid {dollars(event.data['amount_cents'])} too much. It is taken from your later pay.",
            event.data["employee_id"],
            event.data["recovery"],
        )
        for event in events
        if event.type == "RecoveryOpened"
    ]


def _notice(
    topic: str, about: Mapping[str, Any], message: str, employee_id: str, *cause: object
) -> Notification:
    """One notice; the same cause again is the same notice."""
    return Notification(
        id=keys.key("notification", topic, about["employer_run"], employee_id, *cause),
        topic=topic,
        employer_run=UUID(about["employer_run"]),
        employer=about["employer"],
        employee_id=employee_id,
        message=message,
    )


def _sum(cents: Mapping[str, int]) -> int:
    return sum(cents.values())


def _paid_cents(payments: list[list[Any]]) -> int:
    """What a paycheck's payments move; not what is held back."""
    return sum(cents for _, _, method, cents, *_ in payments if method != HELD)


def record(notices: Sequence[Notification]) -> None:
    """Write the notices; the caller owns the transaction."""
    Notification.objects.bulk_create(notices, batch_size=2000, ignore_conflicts=True)
