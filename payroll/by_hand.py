"""What payroll leaves to people, and what they have done of it: money that no file moves, checks to be stopped.

    byhand-<key>   DoneByHand*

What there is to do follows from the log (sql/by_hand.sql; of federal tax payments/tax_owed.py) and is written nowhere.
What was done is an event with the amount as it was then, so that what is left, or was done too much, is seen when it
changes. It posts nothing to the ledger: whoever moves money by hand keeps its record, and names it as evidence.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from events import projection, store
from events.database import rows
from events.dead_letters import REASON_MAX, redact
from events.store import NewEvent, Recorded, WrongExpectedVersion
from payroll import keys, ledger
from payroll.models import EmployerRun
from payroll.payments import decisions, tax_owed
from payroll.projections import PAYCHECKS, RUNS, statement
from payroll.refusal import Refused

PERMISSION = "payroll.settle_by_hand"
PREFIX = "byhand-"
BY_HAND = statement("by_hand")

WORDS = {
    "remit": "to be remitted: withheld by order, and carried by no file",
    "fund": "to be funded as agreed with the bank: its files debit nothing",
    "remit again": "to be remitted again: it came back from the agency's bank",
    "ask back": "to be asked back from the agency: the paycheck is void, and support is never reversed",
    "stop check": "by paper check, which needs a stop payment at the bank: its paycheck is void",
    "give back": "to be given back to the employer: debited for pay that is void, and it has come back",
    "credit tax": "to be credited to another deposit of the quarter, or to the Form 941: federal tax that is not owed",
    "give back tax": "to be given back to the employer: debited for federal tax, which came back and is owed no more",
    "pay employee": "to be given back to the employee: it was taken, and the pay it was for had come back",
}

# What was done by hand, and need not have been by now.
TOO_MUCH = {
    "remit": "too much was remitted by hand",
    "fund": "too much was funded",
    "remit again": "too much was remitted again",
    "ask back": "too much was asked back from the agency",
    "stop check": "too much by paper check was stopped at the bank",
    "give back": "too much was given back to the employer",
    "credit tax": "too much federal tax was credited",
    "give back tax": "too much federal tax was given back to the employer",
    "pay employee": "too much was given back to the employee",
}


class Item(NamedTuple):
    """One thing that people have to do.

    key          for ever the same thing's
    about        the kind of order, or how the employer funds; empty where it needs no more words
    employee_id  whom it is about; empty for the sum of several
    cents        as things stand; 0 when there is nothing to do any more
    done_cents   that somebody has recorded as done, so many times; done_by the last of them
    """

    key: UUID
    kind: str
    run: UUID
    employer_run: UUID
    employer: str
    employee_id: str
    about: str
    payments: int
    cents: int
    done_cents: int = 0
    times: int = 0
    done_by: str = ""
    evidence: str = ""

    @property
    def left_cents(self) -> int:
        """What is still to be done; below zero where too much was done."""
        return self.cents - self.done_cents

    @property
    def says(self) -> str:
        """What there is to do with what is left, or what was done too much."""
        return (TOO_MUCH if self.left_cents < 0 else WORDS)[self.kind]

    @property
    def facts(self) -> dict[str, Any]:
        """For a program; ids as strings."""
        facts = {"what": self.says, **self._asdict(), "left_cents": self.left_cents}
        return {name: str(value) if isinstance(value, UUID) else value for name, value in facts.items()}


def listed(run: UUID | None = None) -> list[Item]:
    """Everything that a run, or any run, leaves to people: what is to be done and what was."""
    found = [
        Item(keys.key("by-hand", kind, subject), kind, *facts)
        for kind, subject, *facts in rows(BY_HAND, {"run": run})
    ]
    found += _of_tax(run)
    done = store.read_each(stream(item.key) for item in found)
    items = [_with_done(item, done.get(stream(item.key), ())) for item in found]
    return sorted(
        (item for item in items if item.cents or item.done_cents),
        key=lambda item: (
            item.employer,
            str(item.run),
            list(WORDS).index(item.kind),
            item.employee_id,
            item.key,
        ),
    )


def done(key: str, *, by: str, evidence: str) -> Item:
    """Record that something was done, as it stands.

    key        of the item, or the beginning of it
    evidence   what shows it, in words; required
    returns    the item as it is now
    raises     Refused
    """
    decisions.check_person(by, PERMISSION, "record what was done by hand")
    if not evidence.strip():
        raise Refused(
            "what was done by hand needs its evidence: a reference of the bank, a letter, who said so"
        )
    read = RUNS, PAYCHECKS, ledger.NAME
    if not projection.catch_up(*read) and projection.behind(*read):
        raise Refused("the read models have not caught up with the log: do it again in a moment")
    item = _find(key)
    if not item.left_cents:
        raise Refused(f"{item.done_by} has recorded this as done: {item.evidence}")
    facts: dict[str, Any] = {"item": str(item.key), "kind": item.kind, "run": str(item.run)}
    facts |= {"employer_run": str(item.employer_run), "employer": item.employer}
    facts |= {"employee_id": item.employee_id, "amount_cents": item.left_cents}
    facts |= {"done_by": by, "evidence": redact(evidence)[:REASON_MAX]}
    try:
        with transaction.atomic(durable=True):
            store.append([NewEvent(stream(item.key), item.times + 1, "DoneByHand", facts)])
    except WrongExpectedVersion as lost_race:
        raise Refused("somebody else has recorded this at the same moment: look again") from lost_race
    return _with_done(item, store.read(stream(item.key)))


def stream(key: UUID | str) -> str:
    return f"{PREFIX}{key}"


def _of_tax(run: UUID | None) -> Iterator[Item]:
    """What is left of the federal tax of each employer's run that has deposits, or corrects one that has."""
    rows_of = (
        EmployerRun.objects.filter(run=run) if run else EmployerRun.objects.filter(facts__has_key="corrects")
    )
    original = {
        str(row.employer_run): row.facts.get("corrects", [str(row.employer_run)])[0] for row in rows_of
    }
    if run is None:
        events = store.read_prefix(keys.tax_deposit_stream(""), tax_owed.ORDERED)
    else:
        read = store.read_each(keys.tax_deposit_stream(part) for part in {*original, *original.values()})
        events = [event for each in read.values() for event in each if event.type == tax_owed.ORDERED]
    deposited = {event.data["employer_run"] for event in events}
    parts = {part for part, of in original.items() if {part, of} & deposited} | (set() if run else deposited)
    for each in tax_owed.standings(sorted(parts)):
        of = each.pinned
        for kind, cents in (("credit tax", each.over_cents), ("give back tax", each.to_give_back_cents)):
            key = keys.key("by-hand", kind, of.employer_run)
            yield Item(key, kind, UUID(of.run), UUID(of.employer_run), of.employer, "", "", 1, cents)


def _find(text: str) -> Item:
    """The item with this key, or the only one whose key begins so. Raises Refused."""
    found = [item for item in listed() if str(item.key).startswith(text.lower())]
    if len(found) != 1:
        raise Refused(f"{text!r} names {len(found)} things to be done by hand: payments by-hand shows them")
    return found[0]


def _with_done(item: Item, events: Sequence[Recorded]) -> Item:
    if not events:
        return item
    last = events[-1].data
    done_cents = sum(event.data["amount_cents"] for event in events)
    return item._replace(
        done_cents=done_cents, times=len(events), done_by=last["done_by"], evidence=last["evidence"]
    )
