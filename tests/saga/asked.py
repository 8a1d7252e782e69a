"""A payday that a downstream system has a part in: its roster, its turns, and what our own steps would have made."""

import json
import threading
from collections.abc import Callable
from typing import Any

from events import store, tokens
from events.models import Work
from payroll import frozen, keys, manifest, rulebook
from payroll.steps import PIPELINE
from tests.saga import paydays
from tests.saga.paydays import employer, hourly, salaried, worked

PEOPLE = 40
EMPLOYERS = ("ACME", "BOLT")
PATIENCE_S = 60.0
PAUSE_S = 0.05


def roster() -> tuple[list[Any], list[Any], list[Any]]:
    """Two employers; people in four states, some with deductions, some without an hour."""
    people, time = [], []
    for place in range(PEOPLE):
        who, whose = f"e{place:02d}", ("ACME", "BOLT")[place % 2]
        more = {"work_state": ("TX", "CA", "NY", "IL")[place % 4], "step3": f"{place % 3 * 500}.00"}
        if place % 5 == 0:
            people.append(hourly(whose, who, "31.50", **more))
            if place % 10:
                time += worked(whose, who, dict.fromkeys((2, 3, 4, 5, 6, 9), "9.50"))
        else:
            more |= {
                "traditional_401k_percent": str(place % 7),
                "section125_per_period": f"{place % 4 * 50}.00",
            }
            people.append(salaried(whose, who, f"{45_000 + 9_000 * place}.00", **more))
    return [employer("ACME"), employer("BOLT", retirement_plan="basic_safe_harbor")], people, time


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for what another thread or process does."""
    wait = threading.Event()
    for _ in range(int(PATIENCE_S / PAUSE_S)):
        if true():
            return
        wait.wait(PAUSE_S)
    raise AssertionError(f"waited in vain until {what}")


def settle(still: Callable[[], bool] = lambda: False) -> None:
    """Take the workers' turns until nothing moves and no answer is awaited; nor `still` anything else."""

    def over() -> bool:
        paydays.work()
        tokens.expire()
        waits = Work.objects.filter(state="waiting", pending__gt=0).exists()
        return not waits and not Work.objects.filter(state="ready").exists() and not still()

    until(over, "the downstream system had answered everything")


def recorded() -> dict[str, list[tuple[str, Any]]]:
    """What the log holds of every paycheck, but for what names the run's own objects."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for event in store.read_prefix("paycheck-"):
        found.setdefault(keys.employee_of(event.stream), []).append((event.type, event.data))
    return found


def computed() -> dict[str, list[tuple[str, Any]]]:
    """What our own steps make of the same manifests."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for employer_id in EMPLOYERS:
        for written in paydays.part(employer_id)["EmployerRunBegan"]["manifests"]:
            given = manifest.read(written["object"], written["sha256"])
            terms = frozen.terms(given, written["object"], rulebook.tables(frozen.rules_version(given)))
            for paycheck in frozen.paychecks(given).values():
                events = []
                for step in PIPELINE:
                    event = step.decide(paycheck, terms)
                    paycheck.fold(event)
                    events.append((type(event).__name__, json.loads(json.dumps(vars(event)))))
                found[paycheck.inputs.employee_id] = events
    return found


def everybody_is_right() -> None:
    mine = {
        who: [each for each in events if each[0] != "PaymentInstructed"] for who, events in recorded().items()
    }
    assert len(mine) == PEOPLE
    assert mine == computed()
