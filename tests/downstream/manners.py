"""How a downstream system behaves: well, or for some share of its tasks not. The task's key decides, so tests can too.

    silent   no answer
    double   the same answer twice
    late     the answer comes, after its deadline
    early    the answer comes before the request was accepted
    wrong    three kinds by turns: not an answer first, another answer afterwards, a token of its own making first

Bad manners are for the first time that a task is asked, so that a redrive finds a better day; `stubborn` ones stay.
"""

import hashlib
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

KINDS = ("silent", "double", "late", "early", "wrong")
WRONG = ("malformed", "other", "unknown")


def place(task: str) -> float:
    """Where a task lies between 0 and 100; the same for the same task, everywhere."""
    return int.from_bytes(hashlib.sha256(task.encode()).digest()[:6], "big") / 2**48 * 100


@dataclass
class Manners:
    """Shares in percent, delays in seconds."""

    silent: float = 0
    double: float = 0
    late: float = 0
    early: float = 0
    wrong: float = 0
    slow_s: float = 0
    late_s: float = 0
    stubborn: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def of(self, task: str) -> str:
        """What this task meets when it is asked for the first time: a kind, or `plain`."""
        upto = 0.0
        for kind in KINDS:
            upto += getattr(self, kind)
            if place(task) < upto:
                return WRONG[int(place(task) * 1e6) % len(WRONG)] if kind == "wrong" else kind
        return "plain"

    def met(self, task: str) -> str:
        """What it meets now."""
        with self._lock:
            self.asked[task] += 1
            again = self.asked[task] > 1
        return "plain" if again and not self.stubborn else self.of(task)


def add_arguments(parser: ArgumentParser) -> None:
    """An option for each kind."""
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=float, default=0, metavar="PERCENT")
    parser.add_argument("--slow-s", type=float, default=0, help="seconds before an answer")
    parser.add_argument("--late-s", type=float, default=0, help="seconds before a late answer")
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--threads", type=int, default=4)


def of_arguments(options: Namespace) -> Manners:
    """The manners that the options ask for."""
    shares = {kind: getattr(options, kind) for kind in KINDS}
    return Manners(**shares, slow_s=options.slow_s, late_s=options.late_s, stubborn=options.stubborn)
