"""From the payments of an employer's run to orders: a pure function of what is paid, so that it can be built again.

Everything that goes into the bytes is frozen before: the net pay in the log, accounts in the manifests, the name and
the letter of the file in the run's first event. What the bank gets under a key is the same whoever builds it, whenever.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID

from events.failures import NeedsReview
from events.store import NewEvent
from payroll import ask_tasks, keys, objects
from payroll.calc import calendar
from payroll.manifest import Pinned
from payroll.payments import ach, ach_reader, gateway_http, gateways
from payroll.payments.funding import FundedBy
from payroll.payments.gateway_http import HttpGateway, HttpPayment
from payroll.payments.instructions import ACH, CHECK, HELD, Planned
from payroll.payments.orders import REVERSAL, TAX_DEPOSIT, NewOrder
from payroll.payments.remittances import Remittance, by_kind

CUT_OFF_DAYS = 2  # banking days before the money moves that the bank wants the file
MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"  # of one employer's payment files to one bank on one day


class Built(NamedTuple):
    """An order whose bytes lie in object storage, and the trace of every payment in it, by payment key."""

    order: NewOrder
    traces: dict[str, str]


class Again(NamedTuple):
    """A file besides those of the run, to pay again or to pay tax: which payment makes it one of a kind, its letter."""

    of: UUID
    modifier: str


def build(
    pinned: Pinned,
    payments: Iterable[Planned],
    remitted: Sequence[Remittance] = (),
    *,
    kind: str,
    effective: date,
    funded: FundedBy | None = None,
    limits: ach.Limits | None = None,
    again: Again | None = None,
    in_part: bool = False,
    made: datetime | None = None,
    asked: Iterable[Planned] = (),
) -> list[Built]:
    """The orders that carry these payments: one, or as many as the limits of a file make of them.

    payments    by account; checks are not the bank's
    remitted    what was withheld by order and goes to an agency; not by a gateway that is not `remits`
    funded      where each file takes the money for its credits itself
    effective   the day on which the money is to move, moved to the banking day before when it is none
    in_part     something of it is decided when it is paid, and not frozen as all else is: see the file's name
    made        of files that settle on the day they are made: the moment, Eastern time, by the window then open
    again       where it is not the employer's run that is paid, but what came back of it
    asked       payments whose account is only asked whether it is one, by an entry of no money
    raises      NeedsReview when no file can be made, or the finished file does not read as it should
    """
    effective = calendar.adjust_before(effective)
    entries = [_entry(payment) for payment in payments]
    entries += [_prenote(payment) for payment in asked]
    if not remits():
        return [_order(pinned, kind, effective, 0, _listed(pinned, effective, entries), again, in_part)]
    batches = [ach.payroll(entries, effective)] if entries else []
    if remitted:
        batches.append(ach.child_support([each.entry for each in remitted], effective))
    try:
        limits = limits or ach.Limits()
        if made:
            limits = limits._replace(entry_cents=ach.SAME_DAY_MAX_CENTS)
        if funded:
            limits = funded.room(batches, limits)
            batches = [funded.balanced(batch) for batch in batches]
        parts = ach.split(batches, limits=limits)
        if funded:
            parts = [funded.debited(part, limits) for part in parts]
        if made:
            parts = [[ach.same_day(batch, made) for batch in part] for part in parts]
        created = made or _nominal(effective)
        first = again.modifier if again else pinned.file_modifier
        files = [_file(pinned, created, modifier(first, number), part) for number, part in enumerate(parts)]
    except ach.FileRefused as refused:
        raise NeedsReview(f"no payment file can be made: {refused}") from refused
    built = [
        _order(pinned, kind, effective, number, file, again, in_part, by_kind(remitted, file.traces))
        for number, file in enumerate(files)
    ]
    if made:
        return [each._replace(order=each.order._replace(settles_at=settles_at(made))) for each in built]
    return built


def remits() -> bool:
    """Whether the gateway takes files, whose entries may have addenda."""
    return gateways.configured() != HttpGateway.name


def build_reversal(
    pinned: Pinned,
    undo: UUID,
    of: Mapping[str, Any],
    payments: Sequence[tuple[str, str, str, int, str]],
    *,
    settled: date,
    effective: date,
    modifier: str,
) -> Built:
    """The order that takes these payments back: their entries as they were sent, every direction turned round.

    of          the facts of the order that carried them, in a file
    payments    payment, employee id, paycheck, cents and trace of each
    effective   the day on which the money is to come back
    raises      NeedsReview when no file can be made of them
    """
    sent = {entry.trace: entry for entry in ach_reader.read(_sent(of)).entries}
    by_trace = {trace: payment for payment, *_, trace in payments}
    if missing := by_trace.keys() - sent.keys():
        raise NeedsReview(
            f"{len(missing)} payments are not in the file that carried them: nothing is reversed"
        )
    entries = [_as_sent(entry, by_trace[trace]) for trace, entry in sent.items() if trace in by_trace]
    paid = ach.payroll(entries, date.fromisoformat(of["effective"]))
    try:
        turned = ach.reversal(paid, settled=settled, effective=effective)
        file = _file(pinned, _nominal(effective), modifier, [turned])
    except ach.FileRefused as refused:
        raise NeedsReview(f"no reversal can be made: {refused}") from refused
    again = Again(keys.key("reversal", undo, of["order"]), modifier)
    return _reversal(_order(pinned, REVERSAL, effective, 0, file, again, False), payments)


def build_reversal_again(
    pinned: Pinned, of: Mapping[str, Any], payments: Sequence[tuple[str, str, str, int, str]]
) -> Built:
    """The order that takes the place of a reversal which is withdrawn before it is sent: some of its payments alone.

    of         the facts of the order that is withdrawn
    payments   those that stay, as its `reverses` has them
    raises     NeedsReview when no file can be made of them
    """
    withdrawn = ach_reader.read(_sent(of))
    by_trace = {trace: payment for payment, *_, trace in payments}
    entries = [
        _as_sent(entry, by_trace[entry.trace], ach.DEBIT)
        for entry in withdrawn.entries
        if entry.trace in by_trace
    ]
    effective = date.fromisoformat(of["effective"])
    batch = ach.Batch(ach.PPD, withdrawn.batches[0].description, effective, tuple(entries))
    try:  # the bank has never seen the file of this letter
        file = _file(pinned, _nominal(effective), withdrawn.modifier, [batch])
    except ach.FileRefused as refused:
        raise NeedsReview(f"no reversal can be made: {refused}") from refused
    again = Again(keys.key("reversal", of["order"]), withdrawn.modifier)
    return _reversal(_order(pinned, REVERSAL, effective, 0, file, again, False), payments)


def _reversal(built: Built, payments: Sequence[tuple[str, str, str, int, str]]) -> Built:
    """The order of a reversal, which says what it takes back, each by its new trace."""
    traced = tuple((*each[:-1], built.traces[each[0]]) for each in payments)
    return Built(built.order._replace(reverses=traced), built.traces)


def build_tax_deposit(
    pinned: Pinned,
    payment: UUID,
    entry: ach.Entry,
    taxes: Mapping[str, int],
    *,
    effective: date,
    lead_days: int,
    funded: FundedBy | None,
    modifier: str,
) -> Built:
    """The order that deposits the federal tax of an employer's run: one entry, and the debit that funds it.

    payment     the deposit's key, which makes its file one of a kind
    taxes       cents by tax; the entry is of their sum
    lead_days   banking days from the file's date to `effective`
    raises      NeedsReview when no file can be made, or the finished file does not read as it should
    """
    batch = ach.federal_tax(entry, effective)
    batches = funded.debited([funded.balanced(batch)], ach.Limits()) if funded else [batch]
    try:
        file = _file(pinned, _nominal(effective, lead_days), modifier, batches)
    except ach.FileRefused as refused:
        raise NeedsReview(f"no payment file can be made: {refused}") from refused
    built = _order(pinned, TAX_DEPOSIT, effective, 0, file, Again(payment, modifier), False)
    return Built(built.order._replace(taxes=taxes), built.traces)


def _as_sent(entry: ach_reader.Entry, payment: str, direction: str = ach.CREDIT) -> ach.Entry:
    """An entry of a file that was built, as it was put into it."""
    return ach.Entry(
        individual_id=entry.individual_id.strip(),
        name=entry.name.strip(),
        routing=entry.routing,
        account=entry.account.strip(),
        account_type=entry.account_type,
        amount_cents=entry.amount_cents,
        direction=direction,
        reference=payment,
    )


def _sent(of: Mapping[str, Any]) -> bytes:
    return objects.get_verified(of["object"], of["sha256"])


def _nominal(effective: date, lead_days: int = CUT_OFF_DAYS) -> datetime:
    """The moment that an ordinary file bears: noon of the day on which the bank wants it, whenever it is built."""
    return datetime.combine(calendar.add_banking_days(effective, -lead_days), time(12))


def _file(pinned: Pinned, created: datetime, letter: str, batches: Sequence[ach.Batch]) -> ach.File:
    """A NACHA file, which a reader that shares nothing with its writer has read again."""
    file = ach.build(
        bank=gateways.odfi(),
        originator=ach.Originator(pinned.name, pinned.ein),
        batches=batches,
        created=created,
        modifier=letter,
    )
    read = ach_reader.read(file.content)
    sums = len(read.entries), read.credit_cents, read.debit_cents
    if read.findings or sums != (file.entries, file.credits_cents, file.debits_cents):
        raise NeedsReview(
            "the finished file does not read as it was written: nothing is sent, the fault is ours"
        )
    return file


def settles_at(made: datetime) -> str:
    """When a file that is made at this moment asks to be settled on its day: Eastern time, as 13:00.

    made   before the last window of its day closes
    """
    window = ach.same_day_window(made.time())
    assert window is not None, "no file is made after the last window"
    return f"{window.settles:%H:%M}"


def _listed(pinned: Pinned, effective: date, entries: Sequence[ach.Entry]) -> ach.File:
    """The same payments as a bank takes them over HTTP; each is traced by its own key."""
    listed = [
        HttpPayment(
            payment=entry.reference,
            individual_id=ach.fitted(entry.individual_id, 15).rstrip(),
            name=ach.fitted(entry.name, 22).rstrip(),
            routing=entry.routing,
            account=entry.account,
            account_type=entry.account_type,
            amount_cents=entry.amount_cents,
        )
        for entry in entries
    ]
    company = "1" + pinned.ein.replace("-", "")
    document = gateway_http.content(company, ach.fitted(pinned.name, 16).rstrip(), effective, listed)
    total_cents = sum(entry.amount_cents for entry in entries)
    return ach.File(document, {each.payment: each.payment for each in listed}, len(listed), total_cents, 0)


def _order(  # noqa: PLR0917
    pinned: Pinned,
    kind: str,
    effective: date,
    number: int,
    file: ach.File,
    again: Again | None,
    in_part: bool,
    remitted: Mapping[str, int] = {},
) -> Built:
    """The order of a file, whose bytes are stored once under its name."""
    ending = "json" if gateways.configured() == HttpGateway.name else "ach"
    key = keys.order_key(pinned.employer_run, number)
    name = f"{pinned.pay_date}/{pinned.employer}-{pinned.employer_run}{f'-{number + 1}' if number else ''}"
    if again:
        key = keys.key("file", pinned.employer_run, "again", again.of, number)
        name = f"{effective}/{pinned.employer}-{key}"
    if again or in_part:
        # What the roster or the log says of an account at this moment is in it: another attempt makes another file,
        # so the content is in its name, and what was left behind never collides.
        name += f"-{hashlib.sha256(file.content).hexdigest()[:12]}"
    name = f"files/{name}.{ending}"
    order = NewOrder(
        key=key,
        kind=kind,
        run=pinned.run,
        employer_run=pinned.employer_run,
        employer=pinned.employer,
        pay_date=pinned.pay_date.isoformat(),
        effective=effective.isoformat(),
        object=name,
        sha256=objects.put_once(name, file.content),
        entries=file.entries,
        credits_cents=file.credits_cents,
        debits_cents=file.debits_cents,
        gateway=gateways.configured(),
        moved_by=ask_tasks.who_moves_money(),
        remitted=remitted,
    )
    return Built(order, file.traces)


def instructed(planned: Sequence[Planned], built: Sequence[Built]) -> dict[str, Any]:
    """What the employer's run records of its payments: how many people, how much by bank, by check, held back."""
    by_bank = [payment.amount_cents for payment in planned if payment.method == ACH]
    by_check = [payment.amount_cents for payment in planned if payment.method == CHECK]
    held = [payment.amount_cents for payment in planned if payment.method == HELD]
    people = {payment.stream for payment in planned}
    facts: dict[str, Any] = {"people": len(people)}
    facts |= {"payments": len(by_bank), "payments_cents": sum(by_bank)}
    facts |= {"checks": len(by_check), "checks_cents": sum(by_check)}
    if held:
        somewhere = {payment.stream for payment in planned if payment.method != HELD}
        facts |= {"held": len(held), "held_cents": sum(held), "held_people": len(people - somewhere)}
    return facts | {"orders": [str(each.order.key) for each in built]}


def payment_events(
    planned: Sequence[Planned],
    built: Sequence[Built],
    versions: Mapping[str, int],
    remitted: Sequence[Remittance] = (),
    by_check_for: Mapping[str, list[list[Any]]] = {},
) -> Iterator[NewEvent]:
    """One event a paycheck: its payments, each as [key, part, method, cents, order, trace].

    versions   of the paychecks' streams
    remitted   beside them, where there is something: [key, part, garnishment, kind, cents, order, trace]
    by_check_for   by paycheck, of payments that go by check for it: [part, why, until]
    """
    carried = {
        payment: (str(each.order.key), trace) for each in built for payment, trace in each.traces.items()
    }
    of_paycheck: dict[str, list[list[Any]]] = {}
    for each in planned:
        line = [
            str(each.key),
            each.part,
            each.method,
            each.amount_cents,
            *carried.get(str(each.key), ("", "")),
        ]
        of_paycheck.setdefault(each.stream, []).append(line)
    to_others: dict[str, list[list[Any]]] = {}
    for of in remitted:
        line = [str(of.key), of.part, of.order_id, of.kind, of.amount_cents, *carried[str(of.key)]]
        to_others.setdefault(of.stream, []).append(line)
    for stream in dict.fromkeys([*of_paycheck, *to_others]):
        facts = {"payments": of_paycheck.get(stream, [])}
        facts |= {"remitted": to_others[stream]} if stream in to_others else {}
        facts |= {"by_check_for": by_check_for[stream]} if stream in by_check_for else {}
        yield NewEvent(stream, versions[stream] + 1, "PaymentInstructed", facts)


def modifier(first: str, number: int) -> str:
    """The letter of the file with this number, from 0: the run's own, then those that its later runs come to last."""
    return first if number == 0 else MODIFIERS[-number]


def prenote_reference(payment: Planned) -> str:
    """What an order's traces call the prenotification of the account that a payment was planned for."""
    return f"prenote/{payment.key}"


def _prenote(payment: Planned) -> ach.Entry:
    return replace(ach.prenote(_entry(payment)), reference=prenote_reference(payment))


def _entry(payment: Planned) -> ach.Entry:
    to = payment.to
    assert to is not None
    return ach.Entry(
        individual_id=payment.individual_id,
        name=to.name,
        routing=to.routing,
        account=to.account,
        account_type=to.account_type,
        amount_cents=payment.amount_cents,
        reference=str(payment.key),
    )
