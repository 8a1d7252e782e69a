"""The saga that undoes: one piece of work for each employer's part, so that nobody waits for another's bank.

    undo            undo-parts ─▶ (every employer's part) ─▶ close
    employer-undo   give-up ─▶ take-back ─▶ (reversals, each an order) ─▶ taken-back

A part that is not instructed is given up as a cancellation does. Of one that is, everything is decided and recorded in
one transaction: paychecks voided, orders withdrawn, reversals created, what cannot be taken back opened as recoveries.
Each is the next event of its stream or the first of one whose name follows from what it undoes: killed anywhere, it is
done again from what stands in the log, and nothing is done twice. A reversal is sent as every order is.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from events import saga, store
from events.failures import NeedsReview, TryAgain
from events.models import Work
from events.saga import Outcome, Saga, Undo, task
from events.store import NewEvent
from events.work import Claimed
from payroll import cancel, domain, keys, notify, paid_once, recoveries
from payroll.history import History
from payroll.models import PayOrder
from payroll.payments import building, decisions, orders, sending, tax_owed
from payroll.payments.building import MODIFIERS, Built
from payroll.runs import facts_of
from payroll.undo import decide, plan
from payroll.undo.plan import RECOVER, REVERSE, STOP, VOID, WITHDRAW, Part, Standing

ASK_AGAIN_S = 5.0
FOR_EVER = Undo("", keeps="what is undone stays undone: people are paid by a new run")


class Decided(NamedTuple):
    """Who decided an undoing, and what for."""

    undo: str
    run: str
    undone_by: str
    confirmed_by: str
    reason: str
    check_cashed: bool
    employee_id: str

    @classmethod
    def of(cls, stream: str) -> "Decided":
        """From its stream."""
        facts = History(stream).facts
        proposed, confirmed = facts["UndoProposed"], facts["UndoConfirmed"]
        return cls(
            proposed["undo"],
            proposed["run"],
            proposed["proposed_by"],
            confirmed["confirmed_by"],
            proposed["reason"],
            proposed["check_cashed"],
            proposed["employee_id"],
        )


@task("undo-parts", queue="control", undo=FOR_EVER)
def undo_parts(work: Claimed) -> Outcome:
    """Undo every employer's part that the undoing is of, each by itself."""
    proposed = History(work.subject).facts["UndoProposed"]
    parts = facts_of(proposed["run"])["employer_runs"]
    chosen = {proposed["employer"]: parts[proposed["employer"]]} if proposed["employer"] else parts
    return Outcome(
        fork=[
            saga.new_work(
                "employer-undo",
                id=keys.key("work", proposed["undo"], employer_run),
                subject=work.subject,
                run_key=work.run_key,
                group_key=employer,
                parent=work.id,
                payload={"run": proposed["run"], "employer_run": employer_run},
            )
            for employer, employer_run in sorted(chosen.items())
        ]
    )


@task("close", queue="control", undo=FOR_EVER)
def close(work: Claimed) -> Outcome:
    """Everything is undone, so far as it is for us to do; what is left to people is said by kind, [payments, cents]."""
    history = History(work.subject)
    proposed = decide.standing(history.events)
    parts = facts_of(proposed["run"])["employer_runs"]
    of = [parts[proposed["employer"]]] if proposed["employer"] else list(parts.values())
    voided = [
        event.data
        for employer_run in of
        for event in store.read_prefix(keys.paycheck_prefix(employer_run), domain.VOIDED)
        if event.data["undo"] == proposed["undo"]
    ]
    facts: dict[str, Any] = {"undo_completed": True, "paychecks": len(voided)}
    facts |= {"employer": proposed["employer"]} if proposed["employer"] else {}
    undone = [History(keys.employerrun_stream(each)).facts.get("EmployerRunUndone", {}) for each in of]
    tax = [each.get("undone_tax_left", {}) for each in undone if each.get("undo") == proposed["undo"]]
    left = plan.left_by([*(each["undo_left"] for each in voided if "undo_left" in each), *tax])
    return Outcome(events=[history.next("UndoCompleted", facts | {"left_by_hand": left})])


@task("give-up", queue="control", undo=FOR_EVER)
def give_up(work: Claimed) -> Outcome:
    """Give up a part whose payments are not instructed, whole; one that is comes next.

    raises   TryAgain while the run is being opened, or a worker has just made new work of it
    """
    decided, employer_run = Decided.of(work.subject), work.payload["employer_run"]
    history = History(keys.employerrun_stream(employer_run))
    if decided.employee_id or "PaymentsInstructed" in history.facts:
        return Outcome()
    if not Work.objects.filter(id=keys.key("work", employer_run)).exists():
        raise TryAgain("the run is being opened", after_s=ASK_AGAIN_S)
    facts = {"cancelled_by": decided.undone_by, "cancelled_reason": decided.reason}
    facts |= {"cancel_confirmed_by": decided.confirmed_by, "undo": decided.undo}
    return Outcome(
        within=lambda: _give_up(decided.run, work.group_key, employer_run, facts, work.id),
    )


def _give_up(run: str, employer: str, employer_run: str, facts: dict[str, str], cause: UUID) -> None:
    cancel.give_up_part(run, employer, employer_run, facts, cause=cause)


@task("take-back", queue="push-payment", undo=FOR_EVER)
def take_back(work: Claimed) -> Outcome:
    """Void the paychecks of a part that is instructed, and take back what was paid for them.

    raises   TryAgain while nobody knows what the bank has; NeedsReview when no reversal can be made, or a correction
             of these people stands
    """
    decided, employer_run = Decided.of(work.subject), work.payload["employer_run"]
    part = Part(employer_run, decided.employee_id)
    if {"EmployerRunUndone", "EmployerRunCancelled"} & part.history.facts.keys():
        return Outcome()
    if not part.instructed and not decided.employee_id:
        return Outcome(to="give-up")
    today = plan.today()
    fates = part.fates(today, check_cashed=decided.check_cashed)
    if why := part.waits(fates):
        raise TryAgain(why, after_s=ASK_AGAIN_S)
    if why := part.refusal(fates):
        raise NeedsReview(why)
    reversals = list(_reversals(part, fates.get(REVERSE, ()), decided, today))
    unsent = set() if decided.employee_id else part.unsent_prenotes()
    keys_of = sorted({each.order for each in fates.get(WITHDRAW, ())} | unsent)
    withdrawn = [part.orders[key] for key in keys_of]
    withdrawn += [each.carrier for each in part.deposits_to(WITHDRAW)]
    events = [
        *_voided(part, fates, decided),
        *(each.order.event() for each in reversals),
        *_ordered(part, reversals, decided),
        *_recoveries(part, fates.get(RECOVER, ()), decided),
        *_owed_no_more(part),
        *(
            each.next("OrderWithdrawn", orders.WITHDRAWN, {"withdrawn_by": decided.undone_by})
            for each in withdrawn
        ),
    ]
    if not decided.employee_id:
        undone: dict[str, Any] = {"undo": decided.undo, "undone_by": decided.undone_by}
        undone |= {"undo_confirmed_by": decided.confirmed_by, "undo_reason": decided.reason}
        events.append(part.history.next("EmployerRunUndone", undone | {"undone_tax_left": part.tax_left()}))
        # The next of its stream: who proposes or confirms a deposit at this moment loses, or is seen above.
        closed = {"employer_run": employer_run, "undo": decided.undo, "deposit_closed_by": decided.undone_by}
        events.append(part.of_tax.next(tax_owed.CLOSED, closed))
    opened = part.history.facts["EmployerRunOpened"]
    told = notify.voided(opened, decided.undo, _told(fates)) if part.instructed else []

    def within() -> None:
        paid_once.opened_before([part.pinned.employer])  # nobody opens a correction of this until we commit
        if why := part.corrected():
            raise NeedsReview(why)
        sending.release(each.key for each in withdrawn)
        notify.record(told)

    return Outcome(
        events=events,
        fork=[sending.new_work(each.order, parent=work.id, payments_cents=0) for each in reversals],
        within=within,
    )


@task("taken-back", queue="push-payment", undo=FOR_EVER)
def taken_back(work: Claimed) -> Outcome:
    """The bank has every reversal; what waited for an order that was withdrawn goes on, to its end."""
    decided = Decided.of(work.subject)
    part = History(keys.employerrun_stream(work.payload["employer_run"]))
    deposits = tax_owed.made_of(History(keys.tax_deposit_stream(work.payload["employer_run"])))
    of = [
        *part.facts.get("PaymentsInstructed", {}).get("orders", ()),
        *(str(each.order) for each in deposits),
    ]
    for key in of:
        if orders.Order(orders.stream(key)).state == orders.WITHDRAWN:
            decisions.go_on(UUID(key), by=decided.undone_by, reason="the order was withdrawn")
    return Outcome()


SAGAS = (
    Saga("undo", (undo_parts, close)),
    Saga("employer-undo", (give_up, take_back, taken_back)),
)


def _voided(part: Part, fates: dict[str, list[Standing]], decided: Decided) -> Iterator[NewEvent]:
    """The paychecks count nowhere any more; what came back of one is not paid again."""
    stopped = _by_paycheck(fates.get(STOP, ()))
    void = fates.get(VOID, [])
    returned = _by_paycheck(each for each in void if each.state == orders.RETURNED)
    facts = {"voided_by": decided.undone_by, "confirmed_by": decided.confirmed_by}
    facts |= {"reason": decided.reason, "undo": decided.undo}
    by_hand = part.left(fates)
    for stream, version in part.paychecks.items():
        money: dict[str, Any] = {"stopped_cents": stopped.get(stream, 0)}
        money |= {"returned_cents": returned.get(stream, 0)}
        if stream in by_hand:
            money["undo_left"] = by_hand[stream]
        yield NewEvent(stream, version + 1, domain.VOIDED, {**facts, "instructed": part.instructed, **money})
    for each in void:
        if each.state in {orders.RETURNED, "held"}:  # nobody pays it again
            own = {"payment": each.payment, "state": orders.VOIDED, "undo": decided.undo}
            yield NewEvent(f"payment-{each.payment}", part.own[each.payment] + 1, "PaymentVoided", own)


def _told(fates: dict[str, list[Standing]]) -> dict[str, dict[str, int]]:
    """What becomes of the money of each paycheck, in cents by what is done to it."""
    found: dict[str, dict[str, int]] = {}
    for does, standings in fates.items():
        for paycheck, cents in _by_paycheck(standings).items():
            found.setdefault(paycheck, {})[does] = cents
    return found


def _by_paycheck(standings: Any) -> dict[str, int]:
    cents: dict[str, int] = {}
    for each in standings:
        cents[each.paycheck] = cents.get(each.paycheck, 0) + each.amount_cents
    return cents


def _reversals(part: Part, standings: Sequence[Standing], decided: Decided, today: date) -> Iterator[Built]:
    """A reversing order for each order that carried some of these payments."""
    windows = part.windows(today)
    by_order: dict[str, list[Standing]] = {}
    for each in standings:
        by_order.setdefault(each.order, []).append(each)
    letters: dict[date, int] = {}
    for key, members in sorted(by_order.items()):
        of = windows[key]
        assert of.effective is not None
        effective = of.effective
        if effective not in letters:
            same_day = PayOrder.objects.filter(employer=part.pinned.employer, effective=effective.isoformat())
            letters[effective] = same_day.count()
        if letters[effective] >= len(MODIFIERS):
            raise NeedsReview(
                f"the employer has {letters[effective]} files for {effective}: no more are taken"
            )
        yield building.build_reversal(
            part.pinned,
            UUID(decided.undo),
            part.orders[key].created,
            [(one.payment, one.employee_id, one.paycheck, one.amount_cents, one.trace) for one in members],
            settled=of.settled,
            effective=effective,
            modifier=MODIFIERS[-1 - letters[effective]],
        )
        letters[effective] += 1


def _ordered(part: Part, reversals: Sequence[Built], decided: Decided) -> Iterator[NewEvent]:
    """On each payment that its reversal is on its way, and by which order and trace."""
    for each in reversals:
        for payment, employee_id, paycheck, cents, trace in each.order.reverses:
            facts: dict[str, Any] = {"payment": payment, "state": orders.REVERSING, "undo": decided.undo}
            facts |= {"reversal_order": str(each.order.key), "reversal_trace": trace, "paycheck": paycheck}
            facts |= {"run": decided.run, "employee_id": employee_id, "amount_cents": cents}
            facts |= {"undone_by": decided.undone_by, "confirmed_by": decided.confirmed_by}
            yield NewEvent(f"payment-{payment}", part.own[payment] + 1, "PaymentReversalOrdered", facts)


def _owed_no_more(part: Part) -> Iterator[NewEvent]:
    """What a correction found paid too much is owed back no more once the correction is void."""
    if not part.pinned.corrects:
        return
    for stream in part.paychecks:
        owed = History(recoveries.stream(recoveries.key(recoveries.CORRECTION, stream)))
        if "RecoveryOpened" in owed.facts and "RecoveryCancelled" not in owed.facts:
            yield owed.next("RecoveryCancelled", {"cancelled_because": recoveries.VOID})


def _recoveries(part: Part, standings: Sequence[Standing], decided: Decided) -> Iterator[NewEvent]:
    """What cannot be taken back is owed back, a recovery for each payment."""
    for each in standings:
        # On the payment too: if it comes back after all, at whatever moment, nothing is owed back.
        own: dict[str, Any] = {"payment": each.payment, "state": orders.NOT_REVERSED, "undo": decided.undo}
        yield NewEvent(f"payment-{each.payment}", part.own[each.payment] + 1, "PaymentOwedBack", own)
        yield recoveries.opened(
            recoveries.key(recoveries.VOID, each.payment),
            run=decided.run,
            employer_run=part.pinned.employer_run,
            employer=part.pinned.employer,
            employee_id=each.employee_id,
            paycheck=each.paycheck,
            amount_cents=each.amount_cents,
            because=recoveries.VOID,
            opened_by=decided.undone_by,
            confirmed_by=decided.confirmed_by,
            payment=each.payment,
        )
