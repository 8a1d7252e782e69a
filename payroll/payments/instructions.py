"""From approved net pay to the bytes that the bank is given."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from events import projection
from events.failures import NeedsReview
from payroll import crypto, keys, manifest
from payroll.calc import calendar
from payroll.manifest import Pinned
from payroll.models import Employer, EmployerRun
from payroll.payments import ach, gateways
from payroll.projections import RUNS

CUT_OFF_DAYS = 2  # banking days before payday that the bank wants the file
MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def payment_file(pinned: Pinned, manifests: list[dict[str, Any]], owed_cents: dict[str, int]) -> bytes:
    """The NACHA file of an employer's run: a pure function of the payment set and the frozen manifests.

    manifests    as the employer run's history lists them
    owed_cents   net pay by paycheck stream, all above zero
    raises       NeedsReview when a paycheck has no account, or the file is refused
    """
    credits = list(_credits(manifests, pinned, owed_cents).values())
    employer = Employer.objects.get(id=pinned.employer)
    effective = calendar.adjust_before(pinned.pay_date)
    cut_off = calendar.add_banking_days(effective, -CUT_OFF_DAYS)
    try:
        return ach.build(
            bank=gateways.odfi(),
            originator=ach.Originator(employer.name, employer.ein),
            credits=credits,
            effective=effective,
            created=datetime.combine(cut_off, time(12)),
            modifier=_modifier(pinned),
        )
    except ach.FileRefused as refused:
        raise NeedsReview(f"no payment file can be made: {refused}") from refused


def _credits(
    manifests: list[dict[str, Any]], pinned: Pinned, owed_cents: dict[str, int]
) -> dict[str, ach.Credit]:
    """Who is paid how much into which account: net pay from the log, accounts from the manifests."""
    credits: dict[str, ach.Credit] = {}
    for written in manifests:
        frozen = manifest.read(written["object"], written["sha256"])
        for entry in frozen["employees"]:
            stream = keys.paycheck_stream(
                pinned.employer_run, entry["employee_id"], frozen["terms"]["sequence"]
            )
            if stream not in owed_cents:
                continue
            to = entry["pay_to"]
            account = crypto.decrypt(to["account"], manifest.account_context(pinned, entry["employee_id"]))
            credits[stream] = ach.Credit(
                individual_id=entry["employee_id"][:15],
                name=to["name"],
                routing=to["routing"],
                account=account,
                account_type=to["account_type"],
                amount_cents=owed_cents[stream],
            )
    if missing := owed_cents.keys() - credits.keys():
        raise NeedsReview(
            f"{len(missing)} paychecks have no entry in a manifest: nothing is paid until they do"
        )
    return credits


def _modifier(pinned: Pinned) -> str:
    """Which of the employer's files of one day this is: A, B, ... in the order in which its runs were opened."""
    projection.catch_up(RUNS)
    same_day = EmployerRun.objects.filter(employer=pinned.employer, pay_date=str(pinned.pay_date))
    opened = list(same_day.order_by("first_at", "stream").values_list("employer_run", flat=True))
    place = opened.index(UUID(pinned.employer_run)) if UUID(pinned.employer_run) in opened else len(opened)
    if place >= len(MODIFIERS):
        raise NeedsReview(f"{pinned.employer} has more than {len(MODIFIERS)} files for {pinned.pay_date}")
    return MODIFIERS[place]
