"""The pay run: what follows what.

    payrun       open employers ─▶ (every employer's run) ─▶ complete
    employerrun  snapshot ─▶ (paychecks, in batches) ─▶ validate ─▶ (approval)
                 ─▶ push payment ─▶ (orders) ─▶ settle up ─▶ notify
    order        reserve ─▶ begin sending ─▶ move money ─▶ confirm             (payments/sending.py)
    paychecks    begin ─▶ time entry ─▶ payroll calc ─▶ tax calc ─▶ retirement calc

An employer with a dead letter waits, because a dead paycheck is a child of its run that has not
finished. The others go on. Each task below reads, decides and returns an Outcome; the runner applies it.
"""

import random
from collections.abc import Sequence

from events import limits, saga, store
from events.batches import numbers
from events.failures import NeedsReview, TryAgain
from events.saga import Batch, Outcome, Pipeline, Saga, Undo, task
from events.store import Recorded
from events.work import Claimed, NewWork
from payroll import (
    approvals,
    ask,
    ask_tasks,
    domain,
    frozen,
    keys,
    kinds,
    manifest,
    notify,
    outcomes,
    paid_once,
    rulebook,
)
from payroll.calc.money import dollars
from payroll.control import control_totals
from payroll.domain import PAYCHECK_EVENTS
from payroll.history import History
from payroll.manifest import Pinned
from payroll.models import Employer
from payroll.payments import (
    building,
    funding,
    instructions,
    orders,
    pay_accounts,
    prenotes,
    remittances,
    same_day,
    sending,
)
from payroll.payments.building import Built
from payroll.payments.orders import Order
from payroll.payments.remittances import Remittance
from payroll.steps import PIPELINE
from payroll.tolerance import of_employer

# The pay run


@task(
    "open-employers",
    queue="control",
    undo=Undo("each employer's part is undone by itself", keeps="the run stays on record"),
)
def open_employers(work: Claimed) -> Outcome:
    """Begin every employer's part; the run goes on when all of them have been paid."""
    opened = History(work.subject).facts["PayRunOpened"]
    return Outcome(
        fork=[
            saga.new_work(
                "employerrun",
                id=keys.key("work", employer_run),
                subject=keys.employerrun_stream(employer_run),
                run_key=opened["run"],
                group_key=employer,
                parent=work.id,
            )
            for employer, employer_run in opened["employer_runs"].items()
        ]
    )


@task(
    "complete",
    queue="control",
    undo=Undo("each employer's part is undone by itself", keeps="the run stays complete"),
)
def complete(work: Claimed) -> Outcome:
    """Close the run: every employer in it has been paid, or was cancelled."""
    history = History(work.subject)
    return Outcome(
        events=[history.next("PayRunCompleted", {"completed": True})],
        within=lambda: limits.forget(work.run_key),
    )


# One employer's run


@task(
    "snapshot",
    queue="control",
    undo=Undo("the part is cancelled", until="payments are instructed", keeps="the manifests"),
)
def snapshot(work: Claimed) -> Outcome:
    """Freeze the inputs of everybody in the period, and begin their paychecks in batches.

    raises   TryAgain while an earlier run of this employer is being computed, because year to date moves
             NeedsReview when there is nobody to pay
    """
    history = History(work.subject)
    pinned = Pinned.of(history.facts["EmployerRunOpened"])
    waiting = manifest.unfinished(pinned)
    _await_year_to_date(work)
    waiting = waiting.and_then(manifest.unfinished(pinned))
    written = list(manifest.write(pinned, Employer.objects.get(id=pinned.employer), waiting))
    employees = sum(batch.employees for batch in written)
    if why := _not_everybody(pinned, employees):
        raise NeedsReview(why)
    began = {
        "employees": employees,
        "manifest_hours_hundredths": sum(batch.hours_hundredths for batch in written),
        "manifests": [batch._asdict() for batch in written],
    }
    batches = [
        saga.new_work(
            "paychecks",
            id=manifest.batch_id(pinned.employer_run, number),
            subject=work.subject,
            run_key=work.run_key,
            group_key=work.group_key,
            parent=work.id,
            turn=number,
            items=batch.employees,
            payload={"manifest": batch.object, "sha256": batch.sha256, "lo": 0, "hi": batch.employees},
        )
        for number, batch in enumerate(written, start=1)
    ]
    return Outcome(
        events=[history.next("EmployerRunBegan", began)],
        fork=batches,
        within=lambda: _tolerate(work, employees),
    )


@task(
    "validate",
    queue="employer-validation",
    undo=Undo("an approval is void as soon as a paycheck is", until="payments are instructed"),
    asks=ask_tasks.VALIDATE,
)
def validate(work: Claimed) -> Outcome:
    """Everybody is done and the totals agree; now a second person may approve.

    raises   NeedsReview, naming the totals that do not agree
    """
    history = History(work.subject)
    return outcomes.validated(history, outcomes.agreed_totals(history))


@task(
    "push-payment",
    queue="push-payment",
    undo=Undo(
        "orders are withdrawn and paychecks voided",
        until="an order is being sent",
        keeps="paper checks: they are stopped at the bank by hand",
    ),
)
def push_payment(work: Claimed) -> Outcome:
    """Turn approved net pay into payments, and into the orders that carry them to the bank.

    The keys and the hashes of the exact bytes are on record before anything is sent.

    An approval of something else than what stands in the log is void: the run is validated and approved again.

    raises   NeedsReview when nobody else has approved it, the file is refused, or cannot settle on its day any more,
             or what this corrects was undone
    """
    history = History(work.subject)
    pinned = Pinned.of(history.facts["EmployerRunOpened"])
    if void := paid_once.void_base(history.facts["EmployerRunOpened"]):
        raise NeedsReview(void)
    approved = history.approval
    totals = control_totals(pinned.employer_run)
    if approved is None:
        raise NeedsReview(
            f"{pinned.employer} is not approved as it stands: nothing is paid without an approval"
        )
    if approved["approved_by"] == history.facts["EmployerRunOpened"]["opened_by"]:
        raise NeedsReview(
            f"{approved['approved_by']} opened and approved {pinned.employer}: a second person has to"
        )
    if not approvals.holds(approved, pinned.employer_run, totals):
        return approvals.void(history, approved, totals)
    last = last_steps(pinned.employer_run)
    net_cents = {stream: event.data["net_cents"] for stream, event in last.items()}
    owed_cents = {stream: cents for stream, cents in net_cents.items() if cents > 0}
    overpaid = {stream: -cents for stream, cents in net_cents.items() if cents < 0}
    if (len(owed_cents), sum(net_cents.values())) != (totals.payable, totals.net_cents):
        raise NeedsReview(
            f"{totals.payable} people and {dollars(totals.net_cents)} were approved, the payments are "
            f"{len(owed_cents)} and {dollars(sum(net_cents.values()))}: nothing is paid until they agree"
        )
    held = pay_accounts.held_of(pinned.employer)
    planned = instructions.planned(pinned, history.manifests, owed_cents, held)
    garnished = {stream: event.data["garnishments"] for stream, event in last.items()}
    withheld = remittances.planned(pinned, history.manifests, garnished, by_file=building.remits())
    by_bank = [payment for payment in planned if payment.method == instructions.ACH]
    built, new = [], prenotes.Paid(planned)
    if by_bank or withheld.remitted:
        due = same_day.due(history, [payment.amount_cents for payment in by_bank])
        if due.event:
            return Outcome(events=[due.event], to=work.step)
        new = prenotes.paid(pinned.employer, planned, due.effective)
        built = _files(history, due, new, withheld.remitted)
    versions = {stream: event.version for stream, event in last.items()}
    payments_cents = sum(owed_cents.values()) + withheld.cents
    back = list(outcomes.owed_back(history, overpaid))
    instructed = building.instructed(new.payments, built) | withheld.facts() | new.facts()
    return Outcome(
        events=[
            history.next("PaymentsInstructed", instructed),
            *building.payment_events(new.payments, built, versions, withheld.remitted, new.by_paycheck()),
            *prenotes.events(pinned.employer, new.asked, built),
            *(each.order.event() for each in built),
            *back,
        ],
        fork=[sending.new_work(each.order, parent=work.id, payments_cents=payments_cents) for each in built],
        within=lambda: notify.record(notify.owed_back(back)),
    )


def _files(
    history: History, due: same_day.Due, new: prenotes.Paid, remitted: Sequence[Remittance]
) -> list[Built]:
    """The orders of an employer's run; none where everything goes by check and no account is asked."""
    by_bank = [payment for payment in new.payments if payment.method == instructions.ACH]
    if not (by_bank or new.asked or remitted):
        return []
    held_back = any(payment.method == instructions.HELD for payment in new.payments)
    return building.build(
        due.pinned,
        by_bank,
        remitted,
        kind=orders.NET_PAY,
        effective=due.effective,
        funded=funding.of(due.pinned, history.manifests),
        in_part=held_back or due.chosen or prenotes.on(),
        made=due.made,
        asked=new.asked.values(),
    )


@task("settle-up", queue="push-payment", undo=Undo("paychecks are voided, the ledger turns what they posted"))
def settle_up(work: Claimed) -> Outcome:
    """The bank has every order of this employer's run: it is paid, so far as it is by bank."""
    history = History(work.subject)
    if "EmployerRunUndone" in history.facts:  # before all of it was paid
        return Outcome()
    return outcomes.moved(
        history, [Order(orders.stream(key)) for key in history.facts["PaymentsInstructed"]["orders"]]
    )


@task("notify", queue="notify", undo=Undo("", keeps="what was told is told"), asks=ask_tasks.NOTIFY)
def notify_paid(work: Claimed) -> Outcome:
    """Tell the employer and everybody who was paid; the employer's run is complete."""
    history = History(work.subject)
    told = [] if "EmployerRunUndone" in history.facts else notify.paid(history.facts)
    done = outcomes.completed(history, len(told))
    return Outcome(events=[done], within=lambda: notify.record(told))


def last_steps(employer_run: str) -> dict[str, Recorded]:
    """The last step of every paycheck of an employer's run, by stream; none that is out.

    Its net pay is below zero where a correction finds that too much was paid.
    """
    found = store.read_prefix(keys.paycheck_prefix(employer_run), "RetirementCalculated", *domain.OUT)
    out = {event.stream for event in found if event.type != "RetirementCalculated"}
    return {
        event.stream: event
        for event in found
        if event.type == "RetirementCalculated" and event.stream not in out
    }


# Paychecks


def load_batch(work: Claimed) -> Batch:
    """The paychecks of a batch: their frozen inputs, and what the log already holds of them."""
    name = work.payload["manifest"]
    given = manifest.read(name, work.payload["sha256"])
    terms = frozen.terms(given, name, rulebook.tables(frozen.rules_version(given)))
    paychecks = frozen.paychecks(given, numbers(work.payload))
    recorded = store.read_each(paycheck.stream for paycheck in paychecks.values())
    for paycheck in paychecks.values():
        for event in recorded.get(paycheck.stream, ()):
            if kind := PAYCHECK_EVENTS.get(event.type):
                paycheck.fold(kind(**event.data))
            else:  # left out, or paid: no step is before it any more
                paycheck.version = event.version
    return Batch(dict(paychecks), terms)


SAGAS: tuple[Saga | Pipeline, ...] = (
    Saga("payrun", (open_employers, complete)),
    Saga("employerrun", (snapshot, validate, push_payment, settle_up, notify_paid)),
    sending.SAGA,
    Pipeline("paychecks", PIPELINE, load=load_batch, dismissed="PaycheckExcluded", asks=ask.ASKS),
)


def begin_run(run: str, stream: str) -> NewWork:
    """The work that drives a pay run."""
    return saga.new_work("payrun", id=keys.key("work", run), subject=stream, run_key=run, group_key="")


def _tolerate(work: Claimed, employees: int) -> None:
    """How many of an employer's people may fail, now that it is known how many there are."""
    tolerance = of_employer(History(keys.payrun_stream(work.run_key)), work.group_key)
    if tolerance:
        limits.change(limits.of_part(work.run_key, work.group_key), dead_max=tolerance.of(employees))


def _await_year_to_date(work: Claimed) -> None:
    """Year to date must hold everything this employer's earlier runs have computed."""
    if why := manifest.unsettled(work.group_key, but_for=work.run_key):
        # Two snapshots of one employer that are held at once both wait; the jitter lets one of them go first.
        raise TryAgain(why, after_s=random.uniform(0.2, 1))  # noqa: S311 - jitter, not a secret


def _not_everybody(pinned: Pinned, employees: int) -> str:
    """What is wrong with how many people were found to be paid; empty when nothing is."""
    period = f"from {pinned.period_start} to {pinned.period_end}"
    if pinned.corrects:
        gone = len(pinned.people) - employees
        return (
            f"{gone} people of {pinned.employer} who are corrected are not in the roster any more"
            if gone
            else ""
        )
    if not kinds.pays_days(pinned.kind):
        unpaid = f"nobody of {pinned.employer} has a pay item {period} that is not paid yet"
        return "" if employees else f"{unpaid}: import the items and redrive, or cancel the run"
    if not employees:
        return (
            f"nobody is employed by {pinned.employer} {period}: "
            "a run with nobody in it is not completed. Import its employees and redrive"
        )
    if pinned.people and employees != len(pinned.people):
        return (
            f"the run is for {len(pinned.people)} people of {pinned.employer}, and {employees} of them are employed "
            f"there {period}: import the others and redrive, or cancel the run"
        )
    return ""
