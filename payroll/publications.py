"""What each event says to the world outside: the one table of topics, attributes and bodies.

No personal data: ids, counts, and sums over an employer's people, which are left out where they would be of fewer
than PEOPLE_MIN. Of a dead letter the stream it is about, which carries an employee's id; never a reason, a name or
what one person earns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.conf import settings

from events.models import Event
from events.outbox import Notice, Outlet
from events.store import Recorded
from payroll import keys, topics
from payroll.subscribers.configured import subscribers


class Told(NamedTuple):
    """A topic, and the facts of the event that its body takes over."""

    topic: str
    facts: tuple[str, ...] = ()


VALIDATED = ("completed", "excluded", "no_hours", "payable", "total_gross_cents", "total_net_cents")
PEOPLE_MIN = 2  # the sum over one person is what that person earns
DIFFERENCE = ("orders", "differing", "found", "payments_cents", "ledger_cents", "bank_cents")
LETTER = ("step", "kind", "attempts", "fingerprint")
PAYING = frozenset(
    {"push-payment", "reserve", "begin-sending", "move-money", "confirm"}
)  # a dead letter here: an employer's people are not paid

TABLE: dict[str, tuple[Told, ...]] = {
    "PayRunOpened": (Told(topics.PAYROLL_STARTED),),
    "PayRunPaused": (Told(topics.PAYROLL_PAUSED),),
    "PayRunResumed": (Told(topics.PAYROLL_RESUMED),),
    "PayRunCancelled": (Told(topics.PAYROLL_CANCELLED),),
    "PayRunCompleted": (Told(topics.PAYROLL_COMPLETED),),
    "EmployerRunValidated": (Told(topics.EMPLOYER_VALIDATED, VALIDATED),),
    "EmployerRunReleased": (Told(topics.EMPLOYER_RELEASED, ("carried_to_run",)),),
    "EmployerRunApproved": (Told(topics.EMPLOYER_APPROVED),),
    "EmployerRunApprovalVoided": (Told(topics.EMPLOYER_APPROVAL_VOIDED, ("changed_paychecks",)),),
    "SettlementPostponed": (Told(topics.EMPLOYER_POSTPONED, ("settles_on",)),),
    "EmployerRunCancelled": (Told(topics.EMPLOYER_CANCELLED),),
    "EmployerRunCompleted": (Told(topics.EMPLOYER_COMPLETED, ("notifications",)),),
    "MoneyMoved": (Told(topics.PAYMENT_SETTLED, ("paid", "paid_cents", "gateway")),),
    "UndoCompleted": (Told(topics.PAYROLL_UNDONE, ("paychecks", "employer")),),
    "RecoveryOpened": (Told(topics.RECOVERY_OPENED, ("because",)),),
    "RecoveryCancelled": (Told(topics.RECOVERY_CANCELLED, ("cancelled_because",)),),
    "BooksDiffered": (Told(topics.RECONCILE_DIFFERS, DIFFERENCE),),
    "DeadLettered": (Told(topics.DEAD_LETTER_CREATED, LETTER), Told(topics.PAYMENT_FAILED, LETTER)),
    "Redriven": (Told(topics.DEAD_LETTER_CLOSED, ("step",)),),
    "Dismissed": (Told(topics.DEAD_LETTER_CLOSED, ("step",)),),
    "CarriedOver": (Told(topics.DEAD_LETTER_CLOSED, ("step",)),),
}

# Streams that are about another one, and what their own id is called.
BESIDE = {"deadletter-": "dead_letter", "undo-": "undo", "recovery-": "recovery"}

# Of the event that opened the run, or the employer's part of it.
OPENED = ("run", "employer_run", "employer", "period_start", "period_end", "pay_date")
FILTERED = ("run", "employer", "kind")  # attributes, beside the topic and the environment

Facts = dict[str, Any]

# Over how many people a sum goes; who has no hours has no gross pay, and who is not payable no net pay.
SUMS: dict[str, Callable[[Facts], int]] = {
    "total_gross_cents": lambda facts: int(facts["completed"]) - int(facts["no_hours"]),
    "total_net_cents": lambda facts: int(facts["payable"]),
    "paid_cents": lambda facts: int(facts["paid"]),
    **dict.fromkeys(("payments_cents", "ledger_cents", "bank_cents"), lambda facts: int(facts["payments"])),
}


def tell(events: Sequence[Recorded]) -> Iterator[Notice]:
    """What these events say, each with what its run was opened with."""
    beside = _first(event.stream for event in events if event.stream.startswith(tuple(BESIDE)))
    subjects = {stream: _subject(facts) for stream, facts in beside.items()}
    about = {event.stream: _run_stream(subjects.get(event.stream, event.stream)) for event in events}
    opened = _first(about.values())
    for event in events:
        run = opened.get(about[event.stream], {})
        for told in TABLE[event.type]:
            if told.topic == topics.PAYMENT_FAILED and event.data.get("step") not in PAYING:
                continue
            body = {name: run[name] for name in OPENED if name in run}
            body |= {"run_kind": run["kind"]} if "kind" in run else {}
            body |= {"employers": len(run["employer_runs"])} if "employer_runs" in run else {}
            if event.stream in subjects:
                kind, _, id = event.stream.partition("-")
                body |= {BESIDE[f"{kind}-"]: id, "about": subjects[event.stream], "event": event.type}
            body |= {name: event.data[name] for name in told.facts if _tellable(name, event.data)}
            yield Notice(event, told.topic, _attributes(told.topic, run), body)


def _subject(facts: Facts) -> str:
    """The stream that a dead letter, an undoing or a recovery is about."""
    if "recovery" in facts:
        return str(facts["paycheck"])
    return keys.payrun_stream(facts["run"]) if "undo" in facts else str(facts.get("subject", ""))


def _tellable(name: str, facts: Facts) -> bool:
    """Whether a fact is there, and says of nobody what he or she earns."""
    return name in facts and (name not in SUMS or SUMS[name](facts) >= PEOPLE_MIN)


def _attributes(topic: str, run: Facts) -> dict[str, str]:
    """What subscribers filter on; SNS takes no empty ones."""
    named = {name: str(run[name]) for name in FILTERED if run.get(name)}
    return {"topic": topic, "environment": settings.ENVIRONMENT} | named


def _run_stream(stream: str) -> str:
    """The stream whose first event says which run this is: the employer's part of a paycheck, else itself."""
    if stream.startswith("paycheck-"):
        return keys.employerrun_stream(keys.employer_run_of(stream))
    return stream


def _first(streams: Iterable[str]) -> dict[str, Facts]:
    """The facts of the first event of each stream."""
    first = Event.objects.filter(stream__in=set(streams), version=1)
    return dict(first.values_list("stream", "data"))


OUTLET = Outlet(frozenset(TABLE), tell, subscribers)
