"""Pay again what came back, and pay what was held back, by an order of its own: one person proposes, another confirms.

    payment-<key>   (PaymentReturned) ─▶ PaymentRepayProposed ─▶ PaymentReissued

The money goes to the account that the roster names by now, and never to one that is held. The new payment's key follows
from the old one's, and the old one's stream takes PaymentReissued once, so nothing is paid again twice.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from events import database, projection, store, work
from events.doorbells import ring
from events.failures import NeedsReview
from events.store import NewEvent
from payroll import keys
from payroll.calc import calendar
from payroll.history import History
from payroll.manifest import Pinned
from payroll.models import Decision, Payment, PayOrder
from payroll.payments import building, decisions, funding, pay_accounts, sending
from payroll.payments.building import MODIFIERS, Again, Built
from payroll.payments.instructions import ACH, DEPOSIT, HELD, Planned, known_as
from payroll.payments.orders import HELD_PAY, REPAY, RETURNED, VOIDED
from payroll.payments.remittances import REMIT
from payroll.projections import PAYCHECKS, RUNS
from payroll.refusal import Refused

PROPOSED = "PaymentRepayProposed"


class Repaid(NamedTuple):
    """What one person's command did.

    proposed   payments that a second person has to confirm
    orders     that were made of payments which another person had proposed
    waiting    payments that stay as they are, each with the reason
    """

    proposed: tuple[UUID, ...]
    orders: tuple[UUID, ...]
    waiting: dict[UUID, str]


class Back(NamedTuple):
    """A payment that came back and is still owed, and where it would go now.

    into          the account, as a keyed hash: what was proposed for another is proposed anew
    proposed_by   who proposed to pay it into this account; empty when nobody did
    """

    row: Payment
    history: History
    planned: Planned
    into: str
    proposed_by: str


class Preview(NamedTuple):
    """What one person's command would do as things stand.

    proposed    would be proposed, for somebody else to confirm
    confirmed   were proposed by somebody else, and would be paid now; with whom
    waiting     would stay as they are, each with the reason
    """

    proposed: tuple[Payment, ...]
    confirmed: tuple[tuple[Payment, str], ...]
    waiting: tuple[tuple[Payment, str], ...]


def preview(
    *, by: str, run: UUID | None = None, employer: str = "", payments: Sequence[UUID] = ()
) -> Preview:
    """What `repay` would do. Nothing is changed; raises Refused as it does."""
    rows = _chosen(run, employer, payments)
    sorted_out = _sorted_out(rows, by)
    by_key = {row.payment: row for row in rows}
    return Preview(
        tuple(each.row for each in sorted_out.fresh),
        tuple((each.row, each.proposed_by) for each in sorted_out.ready),
        tuple((by_key[key], why) for key, why in sorted_out.waiting.items()),
    )


def repay(*, by: str, run: UUID | None = None, employer: str = "", payments: Sequence[UUID] = ()) -> Repaid:
    """Propose to pay again, or confirm what somebody else has proposed.

    run, employer, payments   which of those that came back; all of them when none is given
    raises                    Refused when there are none, or one of `payments` did not come back; nothing is done
    """
    decisions.check_person(by)
    if not projection.catch_up(RUNS, PAYCHECKS) and projection.behind(RUNS, PAYCHECKS):
        raise Refused("the read models have not caught up with the log: do it again in a moment")
    fresh, ready, waiting = _sorted_out(_chosen(run, employer, payments), by)
    made = list(_orders(ready))
    lost = "something else happened to one of these payments at this moment: look again"
    with decisions.by_two(lost), transaction.atomic(durable=True):
        store.append([_proposal(each, by) for each in fresh])
        for built, carried in made:
            _record(built, carried, by)
    ring([sending.work_id(built.order.key) for built, _ in made])
    proposed = tuple(each.row.payment for each in fresh)
    return Repaid(proposed, tuple(built.order.key for built, _ in made), waiting)


def _chosen(run: UUID | None, employer: str, payments: Sequence[UUID]) -> list[Payment]:
    """The payments that came back, or were held back, and were not paid again. Raises Refused."""
    back = Q(state_of_its_own=RETURNED) & ~Q(method__in=(REMIT, DEPOSIT))
    wanted = back | Q(method=HELD) & ~Q(state_of_its_own=VOIDED)
    wanted &= Q(run=run) if run else Q()
    wanted &= Q(employer=employer) if employer else Q()
    wanted &= Q(payment__in=payments) if payments else Q()
    found = [row for row in Payment.objects.filter(wanted) if "reissue_key" not in row.facts]
    if strange := set(payments) - {row.payment for row in found}:
        raise Refused(
            f"{len(strange)} of these payments did not come back, or are paid again already: {min(strange)}"
        )
    if not found:
        raise Refused("no payment that came back is still to be paid again")
    return found


class _SortedOut(NamedTuple):
    fresh: list[Back]
    ready: list[Back]
    waiting: dict[UUID, str]


def _sorted_out(rows: Sequence[Payment], by: str) -> _SortedOut:
    """What this person may propose, what they may confirm, and what has to wait."""
    waiting: dict[UUID, str] = {}
    back = list(_back(rows, waiting))
    waiting |= {
        each.row.payment: f"{by} has proposed it already: somebody else has to confirm"
        for each in back
        if each.proposed_by == by
    }
    fresh = [each for each in back if not each.proposed_by]
    return _SortedOut(fresh, [each for each in back if each.proposed_by not in {"", by}], waiting)


def _back(rows: Sequence[Payment], waiting: dict[UUID, str]) -> Iterator[Back]:
    """Where each would go; those that cannot go anywhere are put to `waiting`, with the reason."""
    for row in rows:
        try:
            to = pay_accounts.place_now(row.employer, row.employee_id, row.part).account
        except Refused as nowhere:
            waiting[row.payment] = str(nowhere)
            continue
        into = known_as(row.employer, row.employee_id, to.routing, to.account)
        held = pay_accounts.held(store.read(pay_accounts.stream(row.employer, row.employee_id)))
        if into in held:
            waiting[row.payment] = (
                f"{row.employer}/{row.employee_id} still has the account that is held for {held[into]}: change it in "
                "the roster, or apply what the bank asks for (bank changes)"
            )
            continue
        history = History(f"payment-{row.payment}")
        proposal = history.facts.get(PROPOSED, {})
        by = str(proposal["repay_proposed_by"]) if proposal.get("into") == into else ""
        key = keys.repay_key(row.payment)
        planned = Planned(row.paycheck, row.employee_id, row.part, key, ACH, row.amount_cents, to)
        yield Back(row, history, planned, into, by)


def _orders(ready: Sequence[Back]) -> Iterator[tuple[Built, list[Back]]]:
    """The orders that pay these: per employer's run, per person who proposed, and what was held back by itself.

    Their bytes lie in storage after.
    """
    groups: dict[tuple[UUID, str, str], list[Back]] = {}
    for each in ready:
        kind = HELD_PAY if each.row.method == HELD else REPAY
        groups.setdefault((each.row.employer_run, each.proposed_by, kind), []).append(each)
    effective = calendar.add_banking_days(database.now().date(), building.CUT_OFF_DAYS)
    letters: dict[str, int] = {}
    for (employer_run, _, kind), members in groups.items():
        history = History(keys.employerrun_stream(employer_run))
        pinned = Pinned.of(history.facts["EmployerRunOpened"])
        # What came back lies in the funding account already; what was held back never left the employer's own.
        funded = funding.of(pinned, history.manifests) if kind == HELD_PAY else None
        again = Again(min(each.row.payment for each in members), letter(pinned.employer, effective, letters))
        try:
            made = building.build(
                pinned,
                [each.planned for each in members],
                kind=kind,
                effective=effective,
                funded=funded,
                again=again,
            )
        except NeedsReview as refused:
            raise Refused(str(refused)) from refused
        for built in made:
            yield built, [each for each in members if str(each.planned.key) in built.traces]


def letter(employer: str, effective: date, letters: dict[str, int]) -> str:
    """The letter of an employer's next file for a day: runs begin at A, what is paid besides them at the end.

    letters   how many an employer has by now, kept between calls
    raises    Refused when there is none left
    """
    before = letters.get(employer)
    if before is None:
        before = PayOrder.objects.filter(employer=employer, effective=effective.isoformat()).count()
    if before >= len(MODIFIERS):
        raise Refused(f"{employer} has {before} files for {effective}: its bank takes no more of them")
    letters[employer] = before + 1
    return MODIFIERS[-1 - before]


def _state(row: Payment) -> str:
    return row.state_of_its_own or HELD


def _proposal(each: Back, by: str) -> NewEvent:
    facts = {
        "payment": str(each.row.payment),
        "state": _state(each.row),
        "repay_proposed_by": by,
        "into": each.into,
    }
    return each.history.next(PROPOSED, facts)


def _record(built: Built, carried: Sequence[Back], by: str) -> None:
    """An order, what it pays again, the decision and the work that sends it; the caller owns the transaction."""
    order, maker = built.order, carried[0].proposed_by
    store.append(
        [
            order.event(),
            *(_reissued(each, order.key, built.traces[str(each.planned.key)], by) for each in carried),
        ]
    )
    name = order.event().stream
    Decision.objects.create(
        id=keys.key("decision", name, REPAY), subject=name, decision=REPAY, maker=maker, checker=by
    )
    work.enqueue([sending.new_work(order, parent=None, payments_cents=order.credits_cents)])


def _reissued(each: Back, order: UUID, trace: str, by: str) -> NewEvent:
    """The last event of the old payment: everything that the new one is known by, but for the account."""
    row = each.row
    facts: dict[str, Any] = {"payment": str(row.payment), "state": _state(row)}
    facts |= {"reissued_by": each.proposed_by, "confirmed_by": by}
    facts |= {"reissue_key": str(each.planned.key), "reissue_order": str(order), "reissue_trace": trace}
    facts |= {"paycheck": row.paycheck, "run": str(row.run), "employer_run": str(row.employer_run)}
    facts |= {"employer": row.employer, "employee_id": row.employee_id, "pay_date": row.pay_date}
    facts |= {"part": row.part, "amount_cents": row.amount_cents}
    return each.history.next("PaymentReissued", facts)
