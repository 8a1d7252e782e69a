"""A payday on which a downstream system validates, moves the money and tells people: the same events, paid once."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from events import dead_letters, runner, store, tokens, transports
from events.models import TaskToken, Work
from events.tokens import NotAnAnswer, TooLate
from events.transports import Request, Task
from ops.proof import prove
from ops.status import quiet, run_status
from payroll import cancel, keys, objects, runs
from payroll.models import Notification
from payroll.payments import bank, gateways, orders
from payroll.payments.gateway import OutcomeUnknown, PaymentOrder, SandboxBank
from payroll.runs import Refused
from tests.saga import paydays

pytestmark = pytest.mark.usefixtures("db")

URL = "https://downstream.test/tasks"
GIVEN = ("validate", "move-money", "notify")


class Stub:
    """A downstream system in the test: it keeps what it is asked, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Task]] = []

    @contextmanager
    def open_sender(self, url: str, keep: Any) -> Iterator["Stub"]:
        assert url == URL
        yield self

    def send(self, request: Request) -> None:
        assert request.terms == {}
        self.asked += [(request.step, task) for task in request.tasks]

    def last(self, step: str) -> Task:
        return [task for name, task in self.asked if name == step][-1]

    def answer(self, step: str, **change: Any) -> None:
        task = self.last(step)
        tokens.succeed(task.token, getattr(self, step.replace("-", "_"))(task.input) | change)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        paid = given["gross_cents"] + given["reimbursement_cents"]
        assert paid - given["deductions_cents"] - given["employee_taxes_cents"] == given["net_cents"]
        return {"register_sha256": given["register_sha256"]}

    def move_money(self, given: dict[str, Any]) -> dict[str, Any]:
        content = objects.get(given["file_object"])
        assert content is not None and hashlib.sha256(content).hexdigest() == given["file_sha256"]
        figures = (given["file_sha256"], content, given["entries"], given["total_cents"])
        receipt = gateways.named("sandbox-bank").send(
            PaymentOrder(UUID(given["key"]), given["file_object"], *figures)
        )
        return {
            "reference": receipt.reference,
            "sha256": receipt.sha256,
            "entries": receipt.entries,
            "total_cents": receipt.total_cents,
        }

    def notify(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"notifications": given["paid"] + 1}


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path, db: object) -> Stub:
    """Three people of one employer, and a downstream for its tasks."""
    settings.PAYROLL_GATEWAY = "sandbox"
    give(settings, *GIVEN)
    who = Stub()
    monkeypatch.setattr(transports, "open_sender", who.open_sender)
    people = [paydays.salaried("ACME", name, f"{62_400 + 5_200 * n}.00") for n, name in enumerate(PEOPLE)]
    paydays.load(tmp_path, [paydays.employer("ACME"), paydays.employer("BOLT")], people)
    return who


PEOPLE = ("ann", "bob", "cyd")


def give(settings: Any, *steps: str) -> None:
    settings.EVENTS_DOWNSTREAM = dict.fromkeys(steps, URL)
    settings.EVENTS_DOWNSTREAM_LIMITS = {step: {"deadline_s": 600.0} for step in steps}


def part_work(step: str) -> dict[str, Any]:
    """The work that this step is put from: the employer's own, or that of its payment order."""
    return Work.objects.filter(saga="order" if step == "move-money" else "employerrun").values().get()


def order_events() -> list[str]:
    return [event.type for event in store.read(orders.stream(keys.order_key(paydays.employer_run("ACME"))))]


def waits_for(step: str) -> None:
    """The employer's part waits for this answer, says so, and no worker has anything to do."""
    paydays.work()
    found = part_work(step)
    assert (found["state"], found["step"], found["pending"]) == ("waiting", step, 1)
    run = found["run_key"]
    (status,) = run_status(run).employers
    assert status.state == f"waits for the downstream system for {step}"
    assert not quiet(run), "an answer comes by itself"


def until(stub: Stub, step: str) -> UUID:
    """A run that waits for the downstream before this step, answered and approved up to there."""
    run = paydays.open_run("ACME")
    for name in GIVEN:
        paydays.work()
        if name == step:
            break
        if name in dict(stub.asked):
            stub.answer(name)
            paydays.work()
        if name == "validate":
            paydays.approve(run)
    waits_for(step)
    return run


def events_of_part() -> list[tuple[str, dict[str, Any]]]:
    stream = keys.employerrun_stream(paydays.employer_run("ACME"))
    return [(event.type, event.data) for event in store.read(stream)]


def booked() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for credit in bank.books(gateways.bank_dir()):
        found.setdefault(credit.individual_id.strip().lower(), []).append(credit.amount_cents)
    return found


def net_pay() -> dict[str, list[int]]:
    return {name: [paydays.facts("ACME", name)["net_cents"]] for name in PEOPLE}


def findings(run: UUID) -> list[str]:
    return [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]


def test_a_run_whose_tasks_are_all_given_away_pays_everybody_once(stub: Stub) -> None:
    run = until(stub, "notify")
    assert [step for step, _ in stub.asked] == ["validate", "move-money", "notify"]
    stub.answer("notify")
    paydays.work()
    part = paydays.part("ACME")
    assert [name for name, _ in events_of_part()] == [
        *("EmployerRunOpened", "EmployerRunBegan", "EmployerRunValidated", "EmployerRunApproved"),
        *("PaymentsInstructed", "MoneyMoved", "EmployerRunCompleted"),
    ]
    assert part["MoneyMoved"] | {"gateway": "downstream", "paid": 3} == part["MoneyMoved"]
    assert part["MoneyMoved"]["paid_cents"] == sum(cents for (cents,) in net_pay().values())
    assert part["EmployerRunCompleted"] == {"notifications": 4}
    assert order_events() == ["OrderCreated", "OrderReserved", "OrderSending", "OrderAccepted"]
    assert booked() == net_pay()
    assert findings(run) == [] and quiet(run) and run_status(run).state == "complete"
    assert not Notification.objects.exists(), "who tells people is the downstream"


def test_the_events_are_those_of_a_run_of_our_own(stub: Stub, settings: Any) -> None:
    until(stub, "notify")
    stub.answer("notify")
    paydays.work()
    asked = dict(events_of_part())
    give(settings)
    settings.PAYROLL_GATEWAY = "ach"
    paydays.pay("ACME", period=paydays.NEXT)
    ours = paydays.part("ACME", paydays.NEXT)
    assert list(asked) == list(ours)
    for name, data in ours.items():
        assert asked[name].keys() == data.keys(), name
    begin = {"completed", "excluded", "payable", "total_net_cents", "total_gross_cents"}
    validated = ("EmployerRunValidated", begin)
    settled = ("MoneyMoved", {"paid", "paid_cents"})
    for name, alike in (validated, settled, ("EmployerRunCompleted", {"notifications"})):
        assert {each: asked[name][each] for each in alike} == {each: ours[name][each] for each in alike}


def test_what_leaves_the_house_names_nobody(stub: Stub) -> None:
    until(stub, "notify")
    sent = json.dumps([(step, task.input) for step, task in stub.asked])
    assert set(stub.last("notify").input) == {
        *("run", "employer_run", "employer", "pay_date", "paid", "paid_cents"),
    }
    for word in (*PEOPLE, "ssn", "account", "routing", "pay_to", '"ein"', '"name"'):
        assert word not in sent, word


# validate


def test_a_register_that_is_not_ours_needs_review_and_is_asked_about_again(stub: Stub) -> None:
    until(stub, "validate")
    stub.answer("validate", register_sha256="0" * 64)
    paydays.work()
    letter = paydays.letter()
    assert letter.kind == "needs review" and "the register that it agrees to is not the one" in letter.reason
    assert "EmployerRunValidated" not in paydays.part("ACME")
    dead_letters.redrive(letter.id, by="checker")
    waits_for("validate")
    stub.answer("validate")
    paydays.work()
    assert "EmployerRunValidated" in paydays.part("ACME") and len(stub.asked) == 2
    waiting = part_work("validate")
    assert (waiting["state"], waiting["pending"]) == ("waiting", 0), "for an approval"


def test_totals_that_do_not_agree_here_are_not_asked_about(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payroll.outcomes.disagreements", lambda *_: ["one cent too many"])
    paydays.open_run("ACME")
    paydays.work()
    assert paydays.letter().reason == "the control totals of ACME do not agree: one cent too many"
    assert stub.asked == []


def test_nobody_approves_what_waits_for_a_downstream(stub: Stub) -> None:
    """Before it is validated, and after it was approved: neither wakes the work."""
    until(stub, "validate")
    part = paydays.employer_run("ACME")
    with pytest.raises(Refused, match="not validated yet"):
        runs.approve(part, by="checker")
    waits_for("validate")
    stub.answer("validate")
    paydays.work()
    runs.approve(part, by="checker")
    waits_for("move-money")
    with pytest.raises(Refused, match="already approved"):
        runs.approve(part, by="checker")
    waits_for("move-money")


# move-money


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entries": 2}, "the bank booked 2 entries"),
        ({"total_cents": 1}, "the bank booked 3 entries of 0.01"),
        ({"sha256": "a" * 64}, "booked another file than was sent: call the bank"),
    ],
)
def test_a_bank_that_booked_something_else_is_a_letter_and_not_a_payment(
    stub: Stub, change: dict[str, Any], said: str
) -> None:
    until(stub, "move-money")
    stub.answer("move-money", **change)
    paydays.work()
    assert said in paydays.letter().reason and "MoneyMoved" not in paydays.part("ACME")
    dead_letters.redrive(paydays.letter().id, by="checker")
    waits_for("move-money")
    first, second = (task for step, task in stub.asked if step == "move-money")
    assert (first.task, first.input) == (second.task, second.input), (
        "by this it knows that it is the same file"
    )
    stub.answer("move-money")
    paydays.work()
    assert booked() == net_pay(), "sent twice under one key, booked once"


@pytest.mark.parametrize(
    "change",
    [
        {"reference": "Ann Adams"},
        {"reference": ""},
        {"entries": -1},
        {"entries": True},
        {"sha256": "x"},
        {"more": 1},
    ],
)
def test_what_is_no_receipt_is_refused_at_once(stub: Stub, change: dict[str, Any]) -> None:
    until(stub, "move-money")
    with pytest.raises(NotAnAnswer):
        stub.answer("move-money", **change)
    waits_for("move-money")
    stub.answer("move-money")
    waits_for("notify")


def test_silence_is_a_dead_letter_and_nobody_is_paid_twice_for_it(stub: Stub) -> None:
    """The file was sent, and the answer is lost: asked again, the bank knows the key."""
    until(stub, "move-money")
    late = stub.last("move-money")
    stub.move_money(late.input)
    with connection.cursor() as cursor:
        cursor.execute("update events_tasktoken set deadline_at = clock_timestamp() where state = 'open'")
    tokens.expire()
    paydays.work()
    assert (paydays.letter().kind, paydays.letter().step) == ("no answer", "move-money")
    dead_letters.redrive(paydays.letter().id, by="checker")
    waits_for("move-money")
    with pytest.raises(TooLate):
        tokens.succeed(late.token, stub.move_money(late.input))
    stub.answer("move-money")
    waits_for("notify")
    assert booked() == net_pay()


def test_who_moves_the_money_is_settled_with_the_instruction(stub: Stub, settings: Any) -> None:
    """The configuration changes while the downstream has the file: we do not send it as well."""
    until(stub, "move-money")
    stub.move_money(stub.last("move-money").input)
    give(settings, "notify")
    tokens.fail(stub.last("move-money").token, "the answer was lost", retryable=True)
    paydays.work()
    assert "given to a downstream system, and nobody else sends it" in paydays.letter().reason
    assert order_events()[-1] == "OrderSending", "it can be put to the downstream again"
    give(settings, "move-money")
    dead_letters.redrive(paydays.letter().id, by="checker")
    waits_for("move-money")
    stub.answer("move-money")
    paydays.work()
    assert booked() == net_pay() and len(paydays.part("ACME")) == 7


def test_money_that_we_may_have_moved_is_not_given_away_later(
    stub: Stub, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank has the file and its answer is lost; then the configuration names a downstream."""
    give(settings)
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    with monkeypatch.context() as patch:
        patch.setattr(SandboxBank, "find", loses(SandboxBank.find))
        patch.setattr(SandboxBank, "send", loses(SandboxBank.send))
        runner.run_due()
    order = part_work("move-money")
    assert (order["step"], order["state"]) == ("confirm", "ready") and order_events()[-1] == "OrderUnknown"
    give(settings, "move-money")
    paydays.work()
    assert stub.asked == [] and paydays.part("ACME")["MoneyMoved"]["gateway"] == "sandbox-bank"
    assert booked() == net_pay()


def loses(call: Any) -> Any:
    """The call is made; its answer, where there is one, is lost."""

    def lost(*arguments: Any) -> None:
        if call(*arguments):
            raise OutcomeUnknown("the line went dead")

    return lost


# notify


def test_more_notices_than_people_are_no_answer(stub: Stub) -> None:
    until(stub, "notify")
    stub.answer("notify", notifications=5)
    paydays.work()
    assert "5 notices, and 4 are the most there can be" in paydays.letter().reason
    assert booked() == net_pay()


# Cancelled


def test_cancelled_while_its_validation_is_awaited(stub: Stub) -> None:
    run = until(stub, "validate")
    cancel.cancel(run, by="maker", reason="the wrong period")
    paydays.work()
    assert_cancelled(run)
    with pytest.raises(TooLate):
        stub.answer("validate")
    assert_cancelled(run)


def test_cancelled_while_its_batch_is_awaited(stub: Stub, settings: Any) -> None:
    """Every paycheck of the batch was asked for and none is answered: the questions are void, and nobody is paid."""
    asked: list[Task] = []
    give(settings, "tax-calc")
    stub.send = lambda request: asked.extend(request.tasks)  # type: ignore[method-assign]
    run = paydays.open_run("ACME")
    paydays.work()
    batch = Work.objects.get(saga="paychecks")
    assert (batch.state, batch.step, batch.pending) == ("waiting", "tax-calc", 3)
    assert len(asked) == 3 and not quiet(run)
    cancel.cancel(run, by="maker", reason="the wrong period")
    paydays.work()
    assert_cancelled(run)
    for task in asked:
        with pytest.raises(TooLate):
            tokens.fail(task.token, "too late")
    assert tokens.expire() == 0
    assert_cancelled(run)


def test_past_the_instruction_it_is_not_cancelled_and_the_answer_counts(stub: Stub) -> None:
    run = until(stub, "move-money")
    with pytest.raises(Refused, match="instructed already"):
        cancel.cancel(run, by="maker", reason="the wrong period")
    stub.answer("move-money")
    waits_for("notify")
    assert booked() == net_pay()


def assert_cancelled(run: UUID) -> None:
    assert events_of_part()[-1][0] == "EmployerRunCancelled"
    assert set(TaskToken.objects.values_list("state", flat=True)) == {"void"}
    assert set(Work.objects.filter(run_key=run).values_list("state", flat=True)) <= {"cancelled", "done"}
    assert run_status(run).state == "cancelled" and quiet(run)
    assert booked() == {} and findings(run) == []
