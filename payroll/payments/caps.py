"""How much may leave: caps per run, day and employer, and a second look where a total is far from what it was.

A cap counts what is reserved. An order reserves before it is sent, under a lock of the table, so that two orders
at one moment cannot both take what is left.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from events.failures import NeedsReview
from payroll.calc.money import dollars
from payroll.models import Reservation
from payroll.payments.orders import NET_PAY

MEAN_OF = 6  # earlier runs of the employer
MEAN_FROM = 3  # fewer say nothing

# Readers go on; whoever reserves waits for the transaction that reserves now. It lasts as long as the row takes.
LOCK = "lock table payroll_reservation in share row exclusive mode"


class Caps(NamedTuple):
    """The most that may leave, in cents; None: any amount. `factor`: how far from the mean needs a second look."""

    run_cents: int | None
    day_cents: int | None
    employer_cents: int | None
    factor: Decimal | None

    @classmethod
    def configured(cls) -> "Caps":
        """As the settings have them: PAYROLL_CAP_RUN, _DAY, _EMPLOYER in dollars, and PAYROLL_CAP_FACTOR."""
        return cls(*settings.PAYROLL_CAPS)


class Reserved(NamedTuple):
    """What is reserved already, in cents: for the run, for the day, for the employer's day."""

    run_cents: int
    day_cents: int
    employer_cents: int


def over(amount_cents: int, reserved: Reserved, caps: Caps) -> list[str]:
    """Which caps this amount would break, each in a sentence; pure."""
    kinds = {"this run": "run_cents", "the day": "day_cents", "this employer's day": "employer_cents"}
    wrong = []
    for what, name in kinds.items():
        cap_cents, before_cents = getattr(caps, name), getattr(reserved, name)
        if cap_cents is not None and before_cents + amount_cents > cap_cents:
            wrong.append(
                f"{dollars(amount_cents)} with {dollars(before_cents)} reserved before is over the cap of "
                f"{dollars(cap_cents)} for {what}"
            )
    return wrong


def unusual(amount_cents: int, earlier_cents: Sequence[int], factor: Decimal | None) -> str:
    """Why a total needs a second look beside the earlier ones; empty when it does not. Pure."""
    if factor is None or len(earlier_cents) < MEAN_FROM:
        return ""
    mean_cents = sum(earlier_cents) // len(earlier_cents)
    if mean_cents / factor <= amount_cents <= mean_cents * factor:
        return ""
    return (
        f"{dollars(amount_cents)} is far from {dollars(mean_cents)}, the mean of the last {len(earlier_cents)} runs "
        "of this employer"
    )


def earlier_totals(employer: str, but_for: UUID) -> list[int]:
    """Net pay of an employer's last runs, in cents, newest first."""
    rows = Reservation.objects.filter(employer=employer, kind=NET_PAY, amount_cents__gt=0)
    rows = rows.exclude(employer_run=but_for)  # a file of prenotes alone says nothing of what is usual
    totals = rows.values("employer_run", "effective").annotate(total=Sum("amount_cents"))
    return [row["total"] for row in totals.order_by("-effective", "employer_run")[:MEAN_OF]]


def reserve(reservation: Reservation, caps: Caps) -> None:
    """Reserve, within the caller's transaction; the same order again changes nothing.

    raises   NeedsReview when a cap would be broken: nothing is reserved
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
    if Reservation.objects.filter(order=reservation.order).exists():
        return
    if wrong := over(reservation.amount_cents, _reserved(reservation), caps):
        raise NeedsReview(
            f"nothing is sent: {'; '.join(wrong)}. Raise the cap and redrive, or allow this order: payments allow"
        )
    reservation.save(force_insert=True)


def _reserved(for_: Reservation) -> Reserved:
    def cents(**of: str | date | UUID) -> int:
        return Reservation.objects.filter(**of).aggregate(total=Sum("amount_cents"))["total"] or 0

    return Reserved(
        cents(run=for_.run),
        cents(effective=for_.effective),
        cents(employer=for_.employer, effective=for_.effective),
    )
