"""From approved net pay to payments: who is paid how much, into which account, or by check."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from events.failures import NeedsReview
from payroll import crypto, keys, manifest
from payroll.calc import deposits
from payroll.manifest import Pinned

ACH, CHECK, HELD = "ach", "check", "held"
PRENOTE = "prenote"  # what asks for an account, and pays nothing
DEPOSIT = "deposit"  # the method of a payment of tax, which is nobody's net pay
ID_MAX = 15


@dataclass(frozen=True, slots=True)
class Account:
    """Where a direct deposit goes; its repr shows neither the name nor the account."""

    name: str = field(repr=False)
    routing: str
    account: str = field(repr=False)
    account_type: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One payment of a person's net pay.

    part     the place of its destination in the person's order, from 1, so that a destination keeps its number in
             a run where another gets nothing; 1 for whoever has one destination
    key      the payment's, for ever
    method   "ach", or "check" with nothing in `to`; "held" where money came back from the account: it stays owed
    """

    stream: str
    employee_id: str
    part: int
    key: UUID
    method: str
    amount_cents: int
    to: Account | None

    @property
    def individual_id(self) -> str:
        """How the file and the bank call it."""
        return individual_id(self.employee_id, self.key, self.part)


def planned(
    pinned: Pinned,
    manifests: list[dict[str, Any]],
    owed_cents: Mapping[str, int],
    held: Mapping[str, Collection[str]] | None = None,
) -> list[Planned]:
    """Every payment of an employer's run: by person as the manifests list them, and by priority.

    manifests    as the employer run's history lists them
    owed_cents   net pay by paycheck stream, all above zero; the payments sum to it
    held         accounts that nothing is paid into, as keyed hashes by employee id (pay_accounts.held_of)
    raises       NeedsReview when a paycheck has no entry in them, or its pay no place to go
    """
    payments: list[Planned] = []
    found = set()
    for written in manifests:
        frozen = manifest.read(written["object"], written["sha256"])
        for entry in frozen["employees"]:
            employee_id = entry["employee_id"]
            stream = keys.paycheck_stream(pinned.employer_run, employee_id, frozen["terms"]["sequence"])
            if stream in owed_cents:
                found.add(stream)
                kept = (held or {}).get(employee_id, ())
                payments += _of_person(pinned, entry, stream, owed_cents[stream], kept)
    if missing := owed_cents.keys() - found:
        raise NeedsReview(
            f"{len(missing)} paychecks have no entry in a manifest: nothing is paid until they do"
        )
    return payments


def _of_person(
    pinned: Pinned, entry: dict[str, Any], stream: str, net_cents: int, held: Collection[str] = ()
) -> Iterator[Planned]:
    """The payments of one person; a destination that gets nothing has none."""
    employee_id, pay_to = entry["employee_id"], entry["pay_to"]
    places = sorted(entry.get("deposits", ()), key=lambda place: int(place["priority"]))
    if all(place["kind"] != deposits.REMAINDER for place in places):
        # The account of the person's own record, which is the only one of most people.
        own = {name: pay_to.get(name, "") for name in ("routing", "account", "account_type")}
        places.append({"kind": deposits.REMAINDER, "priority": None, "method": ACH, **own})
    shares = [deposits.Share(place["kind"], place.get("cents", 0), place.get("bp", 0)) for place in places]
    try:
        amounts = deposits.split(net_cents, shares)
    except NeedsReview as refused:
        raise NeedsReview(f"the direct deposits of {employee_id}: {refused}") from refused
    for part, (place, amount_cents) in enumerate(zip(places, amounts, strict=True), start=1):
        if not amount_cents:
            continue
        to, method = None, place["method"]
        if method == ACH:
            if not place["account"]:
                raise NeedsReview(
                    f"{employee_id} has no place for their pay: correct the inputs, then redrive"
                )
            context = manifest.account_context(pinned, employee_id, place["priority"])
            account = crypto.decrypt(place["account"], context)
            if held and known_as(pinned.employer, employee_id, place["routing"], account) in held:
                method = HELD
            else:
                to = Account(pay_to["name"], place["routing"], account, place["account_type"])
        key = keys.payment_key(pinned.employer_run, employee_id, sequence=part)
        yield Planned(stream, employee_id, part, key, method, amount_cents, to)


def known_as(employer: str, employee_id: str, routing: str, account: str) -> str:
    """A keyed hash: equal for the same account of the same person, and nothing to turn back without the key."""
    context = crypto.context("payment", "routing+account", employer, employee_id)
    return crypto.blind_index(f"{routing[:8]}{account}", context)


def individual_id(employee_id: str, payment_key: UUID, part: int = 1) -> str:
    """How the file and the bank call a payment, in 15 characters.

    The person's id, with "/2" for their second part: no employee id holds a slash. When that is longer, the
    payment's key.
    """
    name = employee_id if part == 1 else f"{employee_id}/{part}"
    return name.upper() if len(name) <= ID_MAX else f"P{payment_key.hex[: ID_MAX - 1]}".upper()
