"""From approved net pay to the bytes that the bank is given."""

from typing import Any, NamedTuple
from uuid import UUID

from events.failures import NeedsReview
from payroll import crypto, keys, manifest
from payroll.manifest import Pinned

ID_MAX = 15


class Destination(NamedTuple):
    """Where a payment goes."""

    name: str
    routing: str
    account: str
    account_type: str


class Planned(NamedTuple):
    """One payment that a paycheck makes: `part` of it, from 1. `to` is None for a check."""

    stream: str
    employee_id: str
    part: int
    key: UUID
    method: str
    amount_cents: int
    to: Destination | None


def planned(pinned: Pinned, manifests: list[dict[str, Any]], owed_cents: dict[str, int]) -> list[Planned]:
    """Who is paid how much into which account: net pay from the log, accounts from the manifests.

    manifests    as the employer run's history lists them
    owed_cents   net pay by paycheck stream, all above zero
    raises       NeedsReview when a paycheck has no account
    """
    found: list[Planned] = []
    for written in manifests:
        frozen = manifest.read(written["object"], written["sha256"])
        for entry in frozen["employees"]:
            who = entry["employee_id"]
            stream = keys.paycheck_stream(pinned.employer_run, who, frozen["terms"]["sequence"])
            if stream not in owed_cents:
                continue
            to = entry["pay_to"]
            account = crypto.decrypt(to["account"], manifest.account_context(pinned, who))
            destination = Destination(to["name"], to["routing"], account, to["account_type"])
            key = keys.payment_key(pinned.employer_run, who)
            found.append(Planned(stream, who, 1, key, "ach", owed_cents[stream], destination))
    if missing := owed_cents.keys() - {each.stream for each in found}:
        raise NeedsReview(
            f"{len(missing)} paychecks have no entry in a manifest: nothing is paid until they do"
        )
    return found


def individual_id(employee_id: str, payment_key: UUID, part: int = 1) -> str:
    """How the file and the bank call a person, in 15 characters: their id, or when that is longer, their payment."""
    return (
        employee_id.upper()
        if part == 1 and len(employee_id) <= ID_MAX
        else f"P{payment_key.hex[: ID_MAX - 1]}".upper()
    )
