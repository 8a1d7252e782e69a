"""How tasks of an employer's run are put to a downstream system, and how its answers become their outcomes.

    step         is told                                             answers
    validate     control totals, register_sha256                     {"register_sha256"}: the register that it agrees to
    move-money   key, file_object, file_sha256, entries, total_cents {"reference", "sha256", "entries", "total_cents"}
    notify       paid, paid_cents                                    {"notifications"}: how many notices went out

All of them are told `run`, `employer_run`, `employer` and `pay_date`, and nothing that names a person. `move-money` is
told the file's idempotency key: a downstream that is asked again sends nothing a second time and gives the same answer.
The file holds names and accounts; it lies in object storage, where the downstream fetches it with rights of its own.

What decides who is in a run, and what is paid to whom, stays ours: open-employers, snapshot, push-payment, complete.
"""

import re
from typing import Any, NamedTuple

from events import downstream
from events.answers import NotAnAnswer, fits
from events.failures import NeedsReview
from events.saga import Outcome, TaskAsks
from events.work import Claimed
from payroll import ask, outcomes
from payroll.history import History
from payroll.payments.gateway import Receipt
from payroll.payments.orders import SENDING, Order, accepted

MOVE_MONEY = "move-money"
DOWNSTREAM = "downstream"  # instead of a gateway's name: who moves the money
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,99}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ABOUT = ("run", "employer_run", "employer", "pay_date")
COUNT_MAX = 10**12  # people, notices or cents


class Agreed(NamedTuple):
    """The answer to `validate`."""

    register_sha256: str


class Booked(NamedTuple):
    """The answer to `move-money`: the bank's reference, and what it has booked."""

    reference: str
    sha256: str
    entries: int
    total_cents: int


class Told(NamedTuple):
    """The answer to `notify`."""

    notifications: int


def check(emits: type, output: dict[str, Any]) -> None:
    """Whether an output can be such an answer, told from it alone. Raises NotAnAnswer."""
    fits(emits, output)
    for name, value in output.items():
        if isinstance(value, int) and not 0 <= value <= COUNT_MAX:
            raise NotAnAnswer(f"{name} is below 0, or more than there can be")
        if name.endswith("sha256") and not SHA256.fullmatch(value):
            raise NotAnAnswer(f"{name} is not 64 hexadecimal digits")
    if "reference" in output and not REFERENCE.fullmatch(output["reference"]):
        raise NotAnAnswer("reference is not a short word")


def who_moves_money() -> str:
    """What an order records of who is to carry it out; empty when we are.

    It is settled with the order: a file that one of us may have sent is never sent by the other, whatever the
    configuration says by then.
    """
    return DOWNSTREAM if downstream.of(MOVE_MONEY) else ""


def refuse_another_mover(order: dict[str, Any]) -> None:
    """Raises NeedsReview when a downstream system is to carry out this order, and none is configured."""
    if order["moved_by"] == DOWNSTREAM:
        raise NeedsReview(
            f"this payment was given to a downstream system, and nobody else sends it: configure {MOVE_MONEY} again, "
            "then redrive. It knows the file by its key"
        )


def _ask_validate(work: Claimed) -> dict[str, Any]:
    history = History(work.subject)
    totals = outcomes.agreed_totals(history)
    return _about(history) | totals._asdict()


def _accept_validate(work: Claimed, output: dict[str, Any]) -> Outcome:
    check(Agreed, output)
    history = History(work.subject)
    totals = outcomes.agreed_totals(history)
    if output["register_sha256"] != totals.register_sha256:
        raise NotAnAnswer(
            "the register that it agrees to is not the one in the log: nothing of it is approved"
        )
    return outcomes.validated(history, totals)


def _ask_move_money(work: Claimed) -> dict[str, Any] | None:
    order = Order(work.subject)
    if order.created["moved_by"] != DOWNSTREAM or order.state != SENDING:
        return None
    names = {"key": "order", "file_object": "object", "file_sha256": "sha256"}
    told = {name: order.created[fact] for name, fact in names.items()}
    told |= {"entries": order.created["entries"], "total_cents": order.total_cents}
    return {name: order.created[name] for name in ABOUT} | told


def _accept_move_money(work: Claimed, output: dict[str, Any]) -> Outcome:
    check(Booked, output)
    order = Order(work.subject)
    receipt = Receipt(key=order.key, **output)
    if other := order.differs(receipt):
        raise NotAnAnswer(other)
    return Outcome(events=[accepted(order, receipt)])


def _ask_notify(work: Claimed) -> dict[str, Any] | None:
    history = History(work.subject)
    if "EmployerRunUndone" in history.facts:  # nobody is told that they are paid
        return None
    moved = history.facts["MoneyMoved"]
    return _about(history) | {"paid": moved["paid"], "paid_cents": moved["paid_cents"]}


def _accept_notify(work: Claimed, output: dict[str, Any]) -> Outcome:
    check(Told, output)
    history = History(work.subject)
    most = history.facts["MoneyMoved"]["paid"] + 1
    if output["notifications"] > most:
        raise NotAnAnswer(f"{output['notifications']} notices, and {most} are the most there can be")
    return Outcome(events=[outcomes.completed(history, output["notifications"])])


def _about(history: History) -> dict[str, Any]:
    opened = history.facts["EmployerRunOpened"]
    return {name: opened[name] for name in ABOUT}


VALIDATE = TaskAsks(_ask_validate, lambda output: check(Agreed, output), _accept_validate, ask.keep)
MOVES_MONEY = TaskAsks(_ask_move_money, lambda output: check(Booked, output), _accept_move_money, ask.keep)
NOTIFY = TaskAsks(_ask_notify, lambda output: check(Told, output), _accept_notify, ask.keep)
