"""Whether federal tax was deposited once, as two people decided it: a check of the proof (proof.py).

What is owed is added up here from the paychecks themselves, not taken from the ledger.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from events.store import Recorded
from ops.evidence import EmployerEvidence
from ops.money_proof import OF_SANDBOX, TAKEN, WAY
from payroll import keys, objects
from payroll.domain import OUT, VOIDED
from payroll.history import History
from payroll.models import Decision, PayOrder
from payroll.payments import ach_reader, orders, tax_owed
from payroll.payments.orders import RETURNED, TAX_DEPOSIT, WITHDRAWN, Order
from payroll.payments.remittances import individual_id

# The facts of TaxCalculated that Form 941 adds up, and the amount types of what is deposited of them.
OWED = (
    *("social_security_cents", "employer_social_security_cents"),
    *("medicare_cents", "additional_medicare_cents", "employer_medicare_cents"),
    "federal_income_tax_cents",
)
TYPES = {"social_security": "1", "medicare": "2", "federal_income_tax": "3"}
GONE = {*OUT} - {VOIDED}  # what was voided may have been deposited before


def deposited_once(part: EmployerEvidence) -> Iterator[str]:
    """Every deposit has two people, one order, one entry that says whose tax it is; together no more than was owed."""
    history = History(keys.tax_deposit_stream(part.id))
    if [event.version for event in history.events] != list(range(1, history.version + 1)):
        yield f"{history.stream} has versions {[event.version for event in history.events]}"
    ordered = [event for event in history.events if event.type == tax_owed.ORDERED]
    standing_cents = 0
    for number, event in enumerate(ordered, start=1):
        made, order = event.data, Order(orders.stream(event.data["order"]))
        if made["payment"] != str(keys.tax_deposit_key(part.id, made["tax"], number)):
            yield f"the deposit {made['payment']} is under a key that is not its own"
        if made["amount_cents"] != sum(made["taxes"].values()) or min(made["taxes"].values(), default=0) <= 0:
            yield f"the deposit {made['payment']} is of {made['amount_cents']} cents, its taxes are not"
        yield from _decided(event, history)
        if not order.exists:
            yield f"the order {made['order']} of a deposit has no events"
            continue
        yield from _carried(made, order)
        yield from _in_file(part, made, order)
        yield from _at_bank(part, made, order)
        own = History(f"payment-{made['payment']}").events
        state = own[-1].data["state"] if own else order.state
        standing_cents += 0 if state in {RETURNED, WITHDRAWN} else made["amount_cents"]
    found = PayOrder.objects.filter(employer_run=UUID(part.id), kind=TAX_DEPOSIT)
    if strange := {str(row.order) for row in found} - {event.data["order"] for event in ordered}:
        yield f"{len(strange)} orders deposit tax that no deposit names, the first is {min(strange)}"
    if ordered and standing_cents > (most := _most_owed(part)):
        yield f"{standing_cents} cents of federal tax are deposited, and at most {most} were ever owed"


def _decided(event: Recorded, history: History) -> Iterator[str]:
    """Two people: a proposal of the same before it, and the row that the database holds them to."""
    made = event.data
    before = [each for each in history.events if each.version < event.version]
    same = ("taxes", "effective", "deposit_proposed_by")
    if not before or any(before[-1].data.get(name) != made[name] for name in same):
        yield f"the deposit {made['payment']} is not what was proposed"
    found = Decision.objects.filter(subject=orders.stream(made["order"]), decision=TAX_DEPOSIT).first()
    if found is None or (found.maker, found.checker) != (
        made["deposit_proposed_by"],
        made["deposit_confirmed_by"],
    ):
        yield f"no two people have decided the deposit {made['payment']}"


def _carried(made: Mapping[str, Any], order: Order) -> Iterator[str]:
    """The order is of this deposit and of nothing else, and was sent once."""
    of = order.created
    if (of["kind"], of["credits_cents"], of.get("taxes")) != (
        TAX_DEPOSIT,
        made["amount_cents"],
        made["taxes"],
    ):
        yield f"the order {order.key} is of {of['credits_cents']} cents, its deposit is not"
    types = [event.type for event in order.history.events]
    if [event.version for event in order.history.events] != list(range(1, len(types) + 1)):
        yield f"{order.history.stream} has a gap"
    if order.state in TAKEN and [type for type in types if type in WAY][:3] != [*WAY[:3]]:
        yield f"the order {order.key} is {order.state}, and its events are {', '.join(types)}"
    if order.count("OrderSending") > 1 or order.count("OrderAccepted") > 1:
        yield f"the order {order.key} was sent or accepted more than once"


def _in_file(part: EmployerEvidence, made: Mapping[str, Any], order: Order) -> Iterator[str]:
    """Its file, by the reader that shares nothing with the writer: one credit, which tells the same taxes."""
    name = order.created["object"]
    try:
        file = ach_reader.read(objects.get_verified(name, order.created["sha256"]))
    except objects.ObjectDamaged as damage:
        yield str(damage)
        return
    yield from (f"{name} line {each.line}, {each.field}: {each.what}" for each in file.findings[:3])
    credits = [each for each in file.entries if each.direction == "credit"]
    given = [(each.individual_id, each.amount_cents) for each in credits]
    if given != [(individual_id(UUID(made["payment"])), made["amount_cents"])]:
        yield f"{name} does not hold the deposit, or holds more"
        return
    opened = part.facts["EmployerRunOpened"]
    paid = date.fromisoformat(opened["pay_date"])
    quarter = f"{paid:%y}{(paid.month + 2) // 3 * 3:02d}01"
    head = ["TXP", opened["ein"].replace("-", ""), made["tax"], quarter]
    taxes = sorted((TYPES[tax], str(cents)) for tax, cents in made["taxes"].items())
    if credits[0].addenda != ("*".join([*head, *(word for pair in taxes for word in pair)]) + "\\",):
        yield f"{name} tells another employer, quarter or tax than its deposit"


def _at_bank(part: EmployerEvidence, made: Mapping[str, Any], order: Order) -> Iterator[str]:
    """The sandbox bank's own books: booked once, to the cent; not at all before it is sent."""
    if order.created["gateway"] != OF_SANDBOX:
        return
    booked = [each.amount_cents for each in part.books.get(order.key, [])]
    wanted = [[made["amount_cents"]]] if order.state in TAKEN else [[], [made["amount_cents"]]]
    if booked not in wanted:
        yield f"the bank's books hold {booked} cents under the key of the deposit {made['payment']}"


def _most_owed(part: EmployerEvidence) -> int:
    """The most that this part can have owed at any time: what counts, and of what was voided all that raised it."""
    most = 0
    for events in part.paychecks.values():
        types = {event.type for event in events}
        if "RetirementCalculated" in types and not types & GONE:
            cents = sum(
                event.data[name] for event in events if event.type == "TaxCalculated" for name in OWED
            )
            most += max(0, cents) if VOIDED in types else cents
    return most
