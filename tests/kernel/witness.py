"""A downstream system that is an object of the test: it remembers what it was asked, and answers when it is told to.

It does the toys' tax-calc. What it computes it takes from the request alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from events import store, tokens
from events.answers import NotAnAnswer, fits
from events.models import TaskToken
from events.saga import Asks, Pipeline, Step
from events.store import Recorded
from events.transports import Request, Task
from tests.kernel import toy

STEP = "tax-calc"
URL = "https://user:secret@downstream.test:8443/tasks?key=secret"


def ask(step: Step, item: toy.Toy, rules: Any) -> dict[str, Any]:
    return {"gross_cents": item.facts["gross_cents"]}


def check(step: Step, output: dict[str, Any]) -> None:
    fits(step.emits, output)


def accept(step: Step, item: toy.Toy, rules: Any, output: dict[str, Any]) -> Any:
    check(step, output)
    if step.name == STEP and output["after_tax_cents"] > item.facts["gross_cents"]:
        raise NotAnAnswer("more is left than there was")
    return step.emits(**output)


def keep(run: str, content: bytes) -> tuple[str, str]:
    raise AssertionError("only transports that carry ids store anything")


ASKS = Asks(frozenset({STEP, "retirement-calc"}), dict, ask, check, accept, keep)
TOYS: Pipeline = replace(toy.TOYS, asks=ASKS)


@dataclass
class Witness:
    """Stands where the transports stand; `on_send` happens inside the send, before it is accepted."""

    requests: list[Request] = field(default_factory=list)
    on_send: Callable[[Request], None] = lambda request: None

    @contextmanager
    def open_sender(self, url: str, keep: Any) -> Iterator["Witness"]:
        assert url == URL
        yield self

    def send(self, request: Request) -> None:
        self.requests.append(request)
        self.on_send(request)

    @property
    def tasks(self) -> list[Task]:
        """Every task it was asked, in order."""
        return [task for request in self.requests for task in request.tasks]

    def last(self, number: int) -> Task:
        """The last question about a toy."""
        return [task for task in self.tasks if task.number == number][-1]

    def answer(self, *numbers: int) -> None:
        """Answer the last question about each of these toys, or about all."""
        for number in numbers or sorted({task.number for task in self.tasks}):
            task = self.last(number)
            tokens.succeed(task.token, output(task))


def output(task: Task) -> dict[str, Any]:
    """The tax of one toy, from what the request says and nothing else."""
    one = toy.Toy(task.number, "elsewhere", facts=dict(task.input))
    return dict(vars(toy.taxed(one, toy.RULES)))


def states() -> dict[int, str]:
    """The state of each toy's last token."""
    return dict(TaskToken.objects.order_by("issued_at").values_list("number", "state"))


def told() -> list[Recorded]:
    """The events of all request streams."""
    return store.read_prefix("request-")
