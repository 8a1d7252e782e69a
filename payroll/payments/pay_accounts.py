"""The account that a person's pay goes to, as the bank has spoken of it: held after a return, changed after a notice.

    account-<employer>+<employee>   AccountHeld ⟂ lifted by the roster naming another account
                                    AccountChangeNoticed ─▶ AccountChanged, by somebody other than who imported it
                                    AccountPrenoted: an entry of no money asked whether it is one (prenotes.py)

An account is known here by a keyed hash of its bank and number, and what a bank writes of it is ciphertext.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from events import store
from events.store import NewEvent, Recorded
from payroll import crypto, keys
from payroll.models import Decision, DepositDestination, Employee, Payment
from payroll.payments import decisions
from payroll.payments.came_back import Corrected
from payroll.payments.instructions import PRENOTE, Account, known_as
from payroll.payments.orders import RETURNED
from payroll.refusal import Refused

PREFIX = "account-"
PRENOTED = "AccountPrenoted"
PERMISSION = "payroll.change_payaccount"
PROPOSED, APPLIED = "proposed", "applied"


def stream(employer: str, employee_id: str) -> str:
    return f"{PREFIX}{employer}+{employee_id}"


def change_context(employer: str, employee_id: str, change: str) -> str:
    """What the ciphertext of a noticed change is bound to."""
    return crypto.context(f"account-{change}", "change", employer, employee_id)


def sealed(employer: str, employee_id: str, change: str, corrected: Corrected) -> str:
    """What a notice puts right, as ciphertext."""
    return crypto.encrypt(json.dumps(asdict(corrected)), change_context(employer, employee_id, change))


class Place(NamedTuple):
    """Where a part of a person's pay goes as the roster is now, and the row that says so."""

    row: Employee | DepositDestination
    account: Account


def place_now(employer: str, employee_id: str, part: int) -> Place:
    """The destination with this number, or the one that gets the remainder where there is none with it any more.

    part     as in instructions.Planned
    raises   Refused when the roster has nobody of this id, or the place is a check
    """
    person = Employee.objects.filter(employer=employer, employee_id=employee_id).first()
    if person is None:
        raise Refused(f"the roster has no {employer}/{employee_id} any more")
    rows: list[Employee | DepositDestination] = list(
        DepositDestination.objects.filter(employee=person).select_related("employee").order_by("priority")
    )
    remainder = next((row for row in rows if row.kind == "remainder"), None)  # type: ignore[union-attr]
    if remainder is None:
        rows.append(remainder := person)
    row = rows[part - 1] if part <= len(rows) else remainder
    if not row.account_ciphertext:
        raise Refused(
            f"{employer}/{employee_id} has no account for part {part} of their pay: it goes by check"
        )
    account = crypto.decrypt(row.account_ciphertext, row.account_context)
    name = f"{person.first_name} {person.last_name}"
    return Place(row, Account(name, row.routing_number, account, row.account_type))


def held(events: list[Recorded]) -> dict[str, str]:
    """The accounts of one person that came back, by their keyed hash, with the code they are held for."""
    return {
        event.data["routing_account"]: event.data["held_for"]
        for event in events
        if event.type == "AccountHeld"
    }


def held_of(employer: str) -> dict[str, dict[str, str]]:
    """`held` of everybody of an employer, by employee id."""
    found: dict[str, list[Recorded]] = {}
    for event in store.read_prefix(f"{PREFIX}{employer}+", "AccountHeld"):
        found.setdefault(whose(event)[1], []).append(event)
    return {employee_id: held(events) for employee_id, events in found.items()}


class Held(NamedTuple):
    """A person whose account in the roster is one that is held: nothing is paid into it again."""

    employer: str
    employee_id: str
    held_for: str
    payment: str


def listed() -> list[Held]:
    """Everybody whose pay would go to a held account as the roster is now."""
    found = []
    for event in store.read_prefix(PREFIX, "AccountHeld"):
        employer, employee_id = whose(event)
        try:
            to = place_now(employer, employee_id, event.data["part"]).account
        except Refused:
            continue  # no account at all: nothing goes to the held one
        if known_as(employer, employee_id, to.routing, to.account) == event.data["routing_account"]:
            found.append(Held(employer, employee_id, event.data["held_for"], event.data["payment"]))
    return found


def asked_as(traces: Iterable[str]) -> list[Payment]:
    """Every prenotification that has one of these traces, as a payment of no money that no table has.

    Its key is that of the payment which goes by check instead; its state of its own is `returned` when it came back.
    """
    wanted = set(traces)
    asked = [event for event in store.read_prefix(PREFIX, PRENOTED) if event.data["trace"] in wanted]
    held_for = store.read_prefix(PREFIX, "AccountHeld") if asked else []
    back = {event.data["payment"] for event in held_for if event.data.get("prenote")}
    return [_asked(event, RETURNED if event.data["payment"] in back else "") for event in asked]


def _asked(event: Recorded, state: str) -> Payment:
    data, (employer, employee_id) = event.data, whose(event)
    return Payment(
        payment=UUID(data["payment"]),
        employer_run=UUID(data["employer_run"]),
        employer=employer,
        employee_id=employee_id,
        part=data["part"],
        method=PRENOTE,
        amount_cents=0,
        order=UUID(data["order"]),
        trace=data["trace"],
        state_of_its_own=state,
    )


class Change(NamedTuple):
    """A change that the bank asks for; what it changes is not shown."""

    id: UUID
    employer: str
    employee_id: str
    code: str
    payment: str
    imported_by: str
    state: str


def changes() -> list[Change]:
    """Every change that was noticed, oldest first."""
    events = store.read_prefix(PREFIX, "AccountChangeNoticed", "AccountChanged")
    done = {event.data["change_id"] for event in events if event.type == "AccountChanged"}
    noticed = [event for event in events if event.type == "AccountChangeNoticed"]
    return [_change(event, done) for event in sorted(noticed, key=lambda event: event.position)]


def apply(change_id: str, *, by: str) -> Change:
    """Write a noticed change to the roster, by a second person.

    change_id  or the beginning of it
    by         holds the permission to, and did not import the notice
    raises     Refused
    """
    decisions.check_person(by, PERMISSION, "change an account as the bank asks")
    found = [change for change in changes() if str(change.id).startswith(change_id.lower())]
    if not change_id or len(found) != 1:
        raise Refused(f"{change_id!r} is the id of no change, or of more than one: bank changes list")
    (change,) = found
    if change.state == APPLIED:
        raise Refused("this change is in the roster already")
    if change.imported_by == by:
        raise Refused(f"{by} imported this notice: somebody else has to apply it")
    lost = "something else came back of this account at the same moment: look again"
    with decisions.by_two(lost), transaction.atomic(durable=True):
        _apply(change, by)
    return change._replace(state=APPLIED)


def _apply(change: Change, by: str) -> None:
    """The roster's row, the decision and the event; the caller owns the transaction."""
    person = Employee.objects.select_for_update().filter(
        employer=change.employer, employee_id=change.employee_id
    )
    list(person)  # who else changes this person waits
    events = store.read(stream(change.employer, change.employee_id))
    noticed = next(event.data for event in events if event.data.get("change_id") == str(change.id))
    row, now = place_now(change.employer, change.employee_id, noticed["part"])
    if known_as(change.employer, change.employee_id, now.routing, now.account) != noticed["routing_account"]:
        raise Refused("the roster has another account by now than the notice is about: nothing is to change")
    context = change_context(change.employer, change.employee_id, str(change.id))
    corrected = Corrected(**json.loads(crypto.decrypt(noticed["change"], context)))
    if not (corrected.routing or corrected.account or corrected.account_type):
        raise Refused(f"{change.code} changes no account: it is for the payroll office, not for the roster")
    if corrected.account:
        row.account_ciphertext = crypto.encrypt(corrected.account, row.account_context)
        row.account_last4 = corrected.account[-4:]
    row.routing_number = corrected.routing or row.routing_number
    row.account_type = corrected.account_type or row.account_type
    row.save(update_fields=["routing_number", "account_ciphertext", "account_last4", "account_type"])
    name = stream(change.employer, change.employee_id)
    Decision.objects.create(
        id=keys.key("decision", name, change.id),
        subject=name,
        decision=f"change {change.id}",
        maker=change.imported_by,
        checker=by,
    )
    facts = {
        "change_id": str(change.id),
        "changed_by": by,
        "imported_by": change.imported_by,
        "state": APPLIED,
        "into": known_as(
            change.employer, change.employee_id, row.routing_number, corrected.account or now.account
        ),
    }
    store.append([NewEvent(name, len(events) + 1, "AccountChanged", facts)])


def _change(event: Recorded, done: set[str]) -> Change:
    data = event.data
    state = APPLIED if data["change_id"] in done else PROPOSED
    return Change(
        UUID(data["change_id"]),
        *whose(event),
        data["change_code"],
        data["payment"],
        data["imported_by"],
        state,
    )


def whose(event: Recorded) -> tuple[str, str]:
    """Employer and employee id of an account's event."""
    employer, _, employee_id = event.stream.removeprefix(PREFIX).partition("+")
    return employer, employee_id
