"""From approved net pay to the bytes that the bank is given."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from events.failures import NeedsReview
from payroll import crypto, keys, manifest
from payroll.calc import calendar
from payroll.manifest import Pinned
from payroll.payments import ach, gateways

CUT_OFF_DAYS = 2  # banking days before payday that the bank wants the file
ID_MAX = 15


def payment_file(pinned: Pinned, manifests: list[dict[str, Any]], owed_cents: dict[str, int]) -> bytes:
    """The NACHA file of an employer's run: a pure function of the payment set and the frozen manifests.

    manifests    as the employer run's history lists them
    owed_cents   net pay by paycheck stream, all above zero
    raises       NeedsReview when a paycheck has no account, or the file is refused
    """
    credits = list(_credits(manifests, pinned, owed_cents).values())
    effective = calendar.adjust_before(pinned.pay_date)
    cut_off = calendar.add_banking_days(effective, -CUT_OFF_DAYS)
    try:
        return ach.build(
            bank=gateways.odfi(),
            originator=ach.Originator(pinned.name, pinned.ein),
            batches=[ach.payroll(credits, effective)],
            created=datetime.combine(cut_off, time(12)),
            modifier=pinned.file_modifier,
        ).content
    except ach.FileRefused as refused:
        raise NeedsReview(f"no payment file can be made: {refused}") from refused


def _credits(
    manifests: list[dict[str, Any]], pinned: Pinned, owed_cents: dict[str, int]
) -> dict[str, ach.Entry]:
    """Who is paid how much into which account: net pay from the log, accounts from the manifests."""
    credits: dict[str, ach.Entry] = {}
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
            credits[stream] = ach.Entry(
                individual_id=individual_id(
                    entry["employee_id"], keys.payment_key(pinned.employer_run, entry["employee_id"])
                ),
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


def individual_id(employee_id: str, payment_key: UUID) -> str:
    """How the file and the bank call a person, in 15 characters: their id, or when that is longer, their payment."""
    return employee_id.upper() if len(employee_id) <= ID_MAX else f"P{payment_key.hex[: ID_MAX - 1]}".upper()
