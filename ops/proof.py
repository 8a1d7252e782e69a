"""The proof of a run: every invariant that applies to it, checked from the log, the files and the bank.

Each check returns what is wrong, one sentence a finding, and nothing when it holds. They read what is
stored, not what the code that stored it believed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection

from events import projection, store
from events.models import DeadLetter, DeadLetterState, Work, WorkState
from ops.corrected import corrects_what_was_paid
from ops.deposited import deposited_once
from ops.evidence import EmployerEvidence, Evidence
from ops.ledger import ledger_findings
from ops.money_proof import bank_agrees, file_is_right, instructed_once, remitted_once, states_follow
from ops.people import carried_over, days_once, nobody_missing
from ops.reconcile import reconcile
from ops.sums import lines_add_up, worksheets_agree
from ops.undone import undone_by_two
from payroll import by_hand, frozen, keys, manifest, objects, rulebook
from payroll.control import disagreements
from payroll.domain import OUT
from payroll.steps import PIPELINE

ENDED = {
    "PaycheckExcluded": "left_out",
    "PaycheckCarriedOver": "carried_over",
    "PaycheckSuperseded": "begun_again",
    "PaycheckCancelled": "cancelled",
    "PaycheckVoided": "voided",
}
STEP_EVENTS = [step.emits.__name__ for step in PIPELINE]


class Line(NamedTuple):
    """One invariant of the proof."""

    name: str
    claim: str
    findings: list[str]

    @property
    def holds(self) -> bool:
        return not self.findings


Check = Callable[[Evidence], Iterator[str]]
Looked = TypeVar("Looked")


def prove(run: UUID | str) -> list[Line]:
    """Check every invariant of a run."""
    projection.catch_up()
    evidence = Evidence(run)
    found: dict[str, list[str]] = {name: [] for name, _, _ in [*PER_EMPLOYER, *PER_RUN]}
    for part in evidence.employers():
        for name, _, check in PER_EMPLOYER:
            found[name].extend(f"{part.employer}: {finding}" for finding in _findings(check, part))
    for name, _, run_check in PER_RUN:
        found[name].extend(_findings(run_check, evidence))
    return [Line(name, claim, found[name]) for name, claim, _ in [*PER_EMPLOYER, *PER_RUN]]


def _findings(check: Callable[[Looked], Iterator[str]], at: Looked) -> Iterator[str]:
    """What a check finds; one that cannot be made does not hold."""
    try:
        yield from check(at)
    except Exception as error:
        yield f"cannot be checked: {type(error).__name__}: {error}"


def gapless(part: EmployerEvidence) -> Iterator[str]:
    of_orders = {order.history.stream: order.history.events for order in part.orders}
    for stream, events in {part.history.stream: part.history.events, **part.paychecks, **of_orders}.items():
        if [event.version for event in events] != list(range(1, len(events) + 1)):
            yield f"{stream} has versions {[event.version for event in events]}"


def steps_once(part: EmployerEvidence) -> Iterator[str]:
    for stream, events in part.paychecks.items():
        happened = [event.type for event in events if event.type in STEP_EVENTS]
        if happened != STEP_EVENTS[: len(happened)]:
            yield f"{stream} has the steps {', '.join(happened)}"


def manifests_intact(part: EmployerEvidence) -> Iterator[str]:
    for written in part.history.manifests if "EmployerRunBegan" in part.facts else ():
        try:
            given = manifest.read(written["object"], written["sha256"])
        except objects.ObjectDamaged as damage:
            yield str(damage)
            continue
        if frozen.rules_version(given) != part.facts["EmployerRunOpened"]["rules_version"]:
            yield f"{written['object']} names other rule tables than the run"


def totals_agree(part: EmployerEvidence) -> Iterator[str]:
    validated, began = part.facts.get("EmployerRunValidated"), part.facts.get("EmployerRunBegan")
    if validated is None or began is None or part.cancelled:
        return
    totals = part.totals
    yield from disagreements(began["employees"], part.history.manifest_hours_hundredths, totals)
    for name in ("gross_cents", "employee_taxes_cents", "employer_taxes_cents", "match_cents", "net_cents"):
        if validated[f"total_{name}"] != getattr(totals, name):
            yield f"{name} was {validated[f'total_{name}']} when validated and is {getattr(totals, name)} now"


def approved_by_second(part: EmployerEvidence) -> Iterator[str]:
    approved = part.history.approval
    if approved is None:
        if "PaymentsInstructed" in part.facts:
            yield "payments were instructed without an approval"
        return
    if approved["approved_by"] == part.facts["EmployerRunOpened"]["opened_by"]:
        yield f"{approved['approved_by']} opened and approved it"
    if not part.cancelled and approved["approved_register_sha256"] != part.totals.register_sha256:
        yield "what was approved is not what stands in the log"


def cancelled_whole(part: EmployerEvidence) -> Iterator[str]:
    """Of an employer that was cancelled nobody is paid, nothing is left to do, and nothing was recorded afterwards."""
    ends = {stream: events[-1].type for stream, events in part.paychecks.items()}
    if strange := [
        stream for stream, last in ends.items() if (last == "PaycheckCancelled") != part.cancelled
    ]:
        yield f"{len(strange)} paychecks are not cancelled with the employer, the first is {strange[0]}"
    if part.cancelled:
        if part.history.events[-1].type != "EmployerRunCancelled":
            yield f"after it was cancelled came {part.history.events[-1].type}"
        if "PaymentsInstructed" in part.facts or part.booked:
            yield "it is cancelled, and payments of it were instructed or booked"
        work = Work.objects.filter(run_key=part.facts["EmployerRunOpened"]["run"], group_key=part.employer)
        if left := work.exclude(state__in=(WorkState.DONE, WorkState.CANCELLED)).count():
            yield f"it is cancelled, and {left} pieces of its work are not"


def one_run_a_period(evidence: Evidence) -> Iterator[str]:
    for employer, employer_run in evidence.opened["employer_runs"].items():
        opened = store.read(keys.employerrun_stream(employer_run))
        if [event.type for event in opened].count("EmployerRunOpened") != 1:
            yield f"{employer} was opened more than once"
        elif opened[0].data["run"] != evidence.run:
            yield f"{employer} belongs to the run {opened[0].data['run']}"


def dead_have_letters(evidence: Evidence) -> Iterator[str]:
    """Dead work and open dead letters are the same things."""
    dead = set(Work.objects.filter(run_key=evidence.run, state=WorkState.DEAD).values_list("id", flat=True))
    letters = DeadLetter.objects.filter(run_key=evidence.run, state=DeadLetterState.OPEN)
    found = set(letters.values_list("work", flat=True))
    if dead != found:
        yield f"{len(dead - found)} dead pieces of work have no letter, {len(found - dead)} letters have no dead work"


def complete_means_done(evidence: Evidence) -> Iterator[str]:
    completed = any(event.type == "PayRunCompleted" for event in store.read(keys.payrun_stream(evidence.run)))
    work = Work.objects.filter(run_key=evidence.run)
    unfinished = work.exclude(state__in=(WorkState.DONE, WorkState.CANCELLED))
    if completed and (left := unfinished.count()):
        yield f"the run is complete and {left} pieces of its work are not"
    done = work.filter(saga__in=("payrun", "employerrun"), state=WorkState.DONE)
    for stream in done.values_list("subject", flat=True):
        if not any(event.type.endswith("RunCompleted") for event in store.read(stream)):
            yield f"the work of {stream} is done, and the log does not say that it is complete"


def rules_are_pinned(evidence: Evidence) -> Iterator[str]:
    try:
        rulebook.text(evidence.opened["rules_version"])
    except rulebook.RulesMissing as missing:
        yield str(missing)


def events_are_immutable(evidence: Evidence) -> Iterator[str]:
    """The application's role may insert and read events and nothing else, and the triggers always fire."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select right_ from unnest(array['UPDATE', 'DELETE', 'TRUNCATE']) right_ "
            "where has_table_privilege('events_event', right_) "
            "or right_ = 'UPDATE' and has_any_column_privilege('events_event', right_)"
        )
        if rights := [row[0] for row in cursor.fetchall()]:
            yield f"the application's database role may {', '.join(rights)} events: give it a role of its own"
        cursor.execute(
            "select tgname from pg_trigger where tgrelid = 'events_event'::regclass and tgname like "
            "'events_event_no_%%' and tgname <> 'events_event_no_gap' and tgenabled = 'A'"
        )
        if len(cursor.fetchall()) != 2:
            yield "a trigger that keeps events from being changed is missing or off"


def read_models_equal_log(evidence: Evidence) -> Iterator[str]:
    for table in projection.differences():
        yield f"{table} is not what the log says"


def ledger_holds(evidence: Evidence) -> Iterator[str]:
    yield from ledger_findings(evidence.run)


def books_agree(evidence: Evidence) -> Iterator[str]:
    yield from reconcile(evidence.run).findings


def figures(run: UUID | str) -> dict[str, Any]:
    """What a run comes to, by employer: people in the manifest and what became of them; net pay and payments."""
    found = {}
    left = by_hand.listed(UUID(str(run)))
    for part in Evidence(run).employers():
        instructed, began = part.facts.get("PaymentsInstructed", {}), part.facts.get("EmployerRunBegan", {})
        ends = Counter(events[-1].type for events in part.paychecks.values())
        found[part.employer] = {
            "employees": began.get("employees", 0),
            "done": len(part.paychecks) - sum(ends[type] for type in OUT),
            **{name: ends[type] for type, name in ENDED.items()},
            "net_cents": sum(part.net_cents.values()),
            "payments": instructed.get("payments", 0),
            "payments_cents": instructed.get("payments_cents", 0),
            "checks_cents": instructed.get("checks_cents", 0),
            "remitted_cents": instructed.get("remitted_cents", 0),
            "by_hand": instructed.get("by_hand", {}),
            "left_to_people": [item.facts for item in left if item.employer == part.employer],
            "orders": {str(order.created.get("order")): order.state for order in part.orders},
        }
    return found


PER_EMPLOYER: list[tuple[str, str, Callable[[EmployerEvidence], Iterator[str]]]] = [
    ("streams", "every stream starts at 1 and has no gap", gapless),
    ("steps", "every step of every paycheck happened once, in order", steps_once),
    ("manifests", "every manifest has the sha256 and the rules that the run was pinned to", manifests_intact),
    (
        "people",
        "everybody in the manifest is done, left out, carried over or waiting; nobody else is paid",
        nobody_missing,
    ),
    ("carried over", "who was carried over stands in the run that was opened for them", carried_over),
    (
        "corrections",
        "a correction goes from what was paid before; what was paid too much is owed back",
        corrects_what_was_paid,
    ),
    ("days", "nobody's hours or salary of a day are in two runs", days_once),
    ("lines", "every paycheck's lines add up to its net pay", lambda part: lines_add_up(part.paychecks)),
    (
        "worksheets",
        "every paycheck's worksheets, added up again, give the figures on record",
        lambda part: worksheets_agree(part.paychecks),
    ),
    ("totals", "the control totals agree with the log, and with what was validated", totals_agree),
    (
        "cancelled",
        "nobody is paid by an employer's run that was cancelled, and nothing came after",
        cancelled_whole,
    ),
    ("approval", "a second person approved exactly what stands in the log", approved_by_second),
    (
        "payments",
        "every approved net pay is paid once, to the cent, each payment under its own key",
        instructed_once,
    ),
    (
        "remitted",
        "what court orders took is remitted once, to the cent, or listed as to be remitted by hand",
        remitted_once,
    ),
    (
        "orders",
        "every order was reserved, committed as being sent, sent once, and accepted whole",
        states_follow,
    ),
    ("files", "every payment file reads without findings and holds exactly the net pay", file_is_right),
    ("bank", "the bank's own books hold each net pay once, to the cent", bank_agrees),
]
PER_EMPLOYER.append(
    (
        "undone",
        "what was undone was decided by two people, and its money taken back once, or owed back",
        undone_by_two,
    )
)
PER_EMPLOYER.append(
    (
        "deposited",
        "federal tax is deposited once, by two people, to the cent, and never more than was owed",
        deposited_once,
    )
)
PER_RUN: list[tuple[str, str, Check]] = [
    ("periods", "every employer is in one run for the period", one_run_a_period),
    ("dead letters", "every dead piece of work has an open dead letter", dead_have_letters),
    ("complete", "a run is complete when all of its work is done, and only then", complete_means_done),
    ("rules", "the rule tables that the run is pinned to are kept, unharmed", rules_are_pinned),
    ("immutable", "the application cannot change an event", events_are_immutable),
    ("ledger", "the ledger balances, and folded again from the log every leg is the same", ledger_holds),
    ("books", "ledger, payments and the bank's books say the same of every order", books_agree),
    ("read models", "folded again from the log, the read models are the same", read_models_equal_log),
]
