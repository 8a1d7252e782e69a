"""Accounts that are new to an employer: asked first by an entry of no money, and paid by check until that has stood.

    account-<employer>+<employee>   AccountPrenoted* ─▶ paid into, three banking days later ⟂ AccountHeld: it came back

An account is known once a payment into it was accepted and did not come back, once its prenotification has stood, or
because a bank's notice of change names it.
All others of a run are paid by check. Which they are is decided when the run is paid, and is in its events afterwards.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from events import store
from events.store import NewEvent, Recorded
from payroll.calc import calendar
from payroll.models import Payment, PayOrder
from payroll.payments import ach, building, matching, orders, pay_accounts
from payroll.payments.building import Built
from payroll.payments.instructions import ACH, CHECK, Planned, known_as
from payroll.payments.orders import ACCEPTED, REJECTED, RETURNED, SETTLED, WITHDRAWN

NEW_ACCOUNTS = "new-accounts"  # PAYROLL_PRENOTES; anything else is off
WHY = "new account, prenoted"
NEVER_SENT = {REJECTED, WITHDRAWN}

Into = tuple[str, str]  # employee id, and the keyed hash of an account of theirs


class Paid(NamedTuple):
    """How an employer's payments are made, new accounts considered.

    payments   those for new accounts by check
    asked      of those, as they were planned, the ones whose account this run's file asks for, one an account
    waits      by payment that goes by check for it: the first day that its account can be paid into
    """

    payments: list[Planned]
    asked: Mapping[Into, Planned] = {}
    waits: Mapping[UUID, date] = {}

    def facts(self) -> dict[str, Any]:
        """What the employer's run records of it."""
        if not self.waits:
            return {}
        return {
            "new_accounts": len(self.waits),
            "new_accounts_until": max(self.waits.values()).isoformat(),
            "prenotes": len(self.asked),
        }

    def by_paycheck(self) -> dict[str, list[list[Any]]]:
        """What its paychecks record: part, why it goes by check, and until when."""
        found: dict[str, list[list[Any]]] = {}
        for each in self.payments:
            if each.key in self.waits:
                line = [each.part, WHY, self.waits[each.key].isoformat()]
                found.setdefault(each.stream, []).append(line)
        return found


def on() -> bool:
    """Whether new accounts are asked first: as PAYROLL_PRENOTES says, by a gateway that takes files."""
    return bool(settings.PAYROLL_PRENOTES == NEW_ACCOUNTS) and building.remits()


def paid(employer: str, planned: list[Planned], effective: date) -> Paid:
    """How these payments are made, whose file settles on this day; as planned while nothing is asked."""
    if not on():
        return Paid(planned)
    effective = calendar.adjust_before(effective)
    into = {
        each.key: (each.employee_id, known_as(employer, each.employee_id, each.to.routing, each.to.account))
        for each in planned
        if each.to
    }
    live, under_way = _asked_before(employer, set(into.values()), effective)
    unknown = set(into.values()) - live
    return decided(planned, into, live | _paid_into(employer, unknown), under_way, effective)


def decided(
    planned: Sequence[Planned],
    into: Mapping[UUID, Into],
    known: Collection[Into],
    under_way: Mapping[Into, date],
    effective: date,
) -> Paid:
    """Which payments go by check, and which accounts are asked; pure.

    into        where each payment by bank goes
    known       accounts that can be paid into
    under_way   those that were asked already: the first day that they can be
    effective   the day on which the file settles
    """
    asked: dict[Into, Planned] = {}
    waits: dict[UUID, date] = {}
    payments = []
    for each in planned:
        at = into.get(each.key)
        if at is None or at in known:
            payments.append(each)
            continue
        if at not in under_way:
            asked.setdefault(at, each)
        waits[each.key] = under_way.get(at) or ach.live_from(effective)
        payments.append(replace(each, method=CHECK, to=None))
    return Paid(payments, asked, waits)


def events(employer: str, asked: Mapping[Into, Planned], built: Sequence[Built]) -> Iterator[NewEvent]:
    """One event an account that is asked: which payment goes by check for it, and where its entry stands."""
    carried = {payment: (each.order, trace) for each in built for payment, trace in each.traces.items()}
    recorded = store.read_each({pay_accounts.stream(employer, employee_id) for employee_id, _ in asked})
    versions = {stream: len(of) for stream, of in recorded.items()}
    for (employee_id, routing_account), payment in asked.items():
        order, trace = carried[building.prenote_reference(payment)]
        stream = pay_accounts.stream(employer, employee_id)
        versions[stream] = versions.get(stream, 0) + 1
        facts = {"payment": str(payment.key), "part": payment.part, "employer_run": order.employer_run}
        facts |= {"routing_account": routing_account, "order": str(order.key), "trace": trace}
        yield NewEvent(
            stream, versions[stream], pay_accounts.PRENOTED, facts | {"effective": order.effective}
        )


def in_words(facts: Mapping[str, Any]) -> str:
    """What an employer's run says of new accounts, for people to read; empty without any. From its merged facts."""
    count = facts.get("new_accounts", 0)
    if not count or "undone_by" in facts:
        return ""
    asked = "is prenoted: its" if count == 1 else "are prenoted: their"
    return (
        f"{count} new account{'' if count == 1 else 's'} {asked} pay is by check until "
        f"{facts['new_accounts_until']}"
    )


def why_check(row: Payment) -> str:
    """Why a payment that was planned for an account went by check, and until when; empty of any other."""
    lines = [
        line
        for event in (store.read(row.paycheck) if row.method == CHECK else ())
        for line in event.data.get("by_check_for", ())
    ]
    return next((f"{why} until {until}" for part, why, until in lines if part == row.part), "")


# What is on record


def _asked_before(
    employer: str, wanted: Collection[Into], effective: date
) -> tuple[set[Into], dict[Into, date]]:
    """Of these accounts, those that the bank has answered for by this day, and when it will have of the others."""
    found: dict[Into, list[Recorded]] = {}
    for event in store.read_prefix(f"{pay_accounts.PREFIX}{employer}+", pay_accounts.PRENOTED):
        at = pay_accounts.whose(event)[1], event.data["routing_account"]
        if at in wanted:
            found.setdefault(at, []).append(event)
    of = {event.data["order"] for several in found.values() for event in several}
    carried = store.read_each(orders.stream(key) for key in of)
    live, under_way = _named_by_bank(employer, wanted), {}
    for at, several in found.items():
        for event in several:
            merged = {
                name: value
                for told in carried[orders.stream(event.data["order"])]
                for name, value in told.data.items()
            }
            if merged["state"] in NEVER_SENT:
                continue
            stands = ach.live_from(date.fromisoformat(merged.get("settled_on") or event.data["effective"]))
            if merged["state"] in {ACCEPTED, SETTLED} and stands <= effective:
                live.add(at)
            under_way[at] = stands
    return live, {at: day for at, day in under_way.items() if at not in live}


def _named_by_bank(employer: str, wanted: Collection[Into]) -> set[Into]:
    """Of these accounts, those that a bank's notice has put into the roster."""
    changed = store.read_prefix(f"{pay_accounts.PREFIX}{employer}+", "AccountChanged")
    return {(pay_accounts.whose(event)[1], event.data.get("into", "")) for event in changed} & set(wanted)


def _paid_into(employer: str, unknown: Collection[Into]) -> set[Into]:
    """Of these accounts, those that a payment went into which the bank has accepted and not sent back.

    The latest orders first, no further back than it takes: in most runs the last one has paid everybody.
    """
    left, known = set(unknown), set()
    sent = Payment.objects.filter(employer=employer, method=ACH).exclude(state_of_its_own=RETURNED)
    before = set(sent.filter(employee_id__in={who for who, _ in left}).values_list("employee_id", flat=True))
    left = {at for at in left if at[0] in before}
    accepted = PayOrder.objects.filter(employer=employer, facts__state__in=(ACCEPTED, SETTLED))
    for order in accepted.order_by("-effective", "stream"):
        if not left:
            break
        rows = sent.filter(order=order.order, employee_id__in={who for who, _ in left})
        if traces := list(rows.values_list("employee_id", "trace")):
            accounts = matching.accounts_in(order.object, order.facts["sha256"])
            found = {(who, known_as(employer, who, *accounts[trace])) for who, trace in traces}
            known |= left & found
            left -= found
    return known
