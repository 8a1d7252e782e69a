"""What the kernel's tests do to the queue and see of it: time passing, workers lost, races."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from events import runner, store, work
from events.models import DeadLetter, Work
from events.work import Claimed, NewWork
from tests.kernel import toy

LEASE_S = 60.0
PATIENCE_S = 30.0


def new(group: str = "g", *, run: str = "r", turn: int = 0, queue: str = "q", **more: Any) -> NewWork:
    """Work of a saga that nobody has to know."""
    return NewWork(uuid4(), "saga", "step", queue, "subject-1", run, group, turn=turn, **more)


def put(*works: NewWork) -> None:
    with transaction.atomic():
        work.enqueue(works)


def claim(worker: str = "somebody", queues: list[str] | None = None) -> Claimed:
    """The next piece of work, which has to be there."""
    held = work.claim(worker, queues=queues, lease_s=LEASE_S)
    assert held is not None, "nothing could be claimed"
    return held


def sql(statement: str, *arguments: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def all_due() -> None:
    """Let the time pass that snoozed work waits for."""
    sql("update events_work set available_at = clock_timestamp() where state = 'ready'")


def leases_expire() -> None:
    """Let the time pass that leases last, and sweep: the workers that held them count as lost."""
    sql("update events_work set lease_until = clock_timestamp() - interval '1 second' where state = 'leased'")
    work.sweep()


def run_all(passes: int = 50) -> int:
    """Work through everything, snoozed work included; returns how many pieces were claimed."""
    done = 0
    for _ in range(passes):
        all_due()
        claimed = runner.run_due(budget_s=PATIENCE_S)
        done += claimed
        if not claimed:
            return done
    raise AssertionError(f"work is still due after {passes} passes")


def row(work_id: UUID) -> dict[str, Any]:
    """One piece of work, every column of it."""
    return Work.objects.filter(id=work_id).values().get()


def state(work_id: UUID) -> str:
    return str(row(work_id)["state"])


def letter() -> DeadLetter:
    """The only open dead letter."""
    return DeadLetter.objects.get(state="open")


def types(number: int) -> list[str]:
    """What is recorded of one toy; its versions count from 1 by the way."""
    events = store.read(toy.stream(number))
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events]


def finished(*numbers: int) -> bool:
    """Whether each of these toys has been through every step once."""
    return all(types(number) == toy.TYPES for number in numbers)


def race(*acts: Callable[[threading.Barrier], Any]) -> list[Any]:
    """Run each act in a thread with a connection of its own; what each returned or raised."""
    start = threading.Barrier(len(acts), timeout=PATIENCE_S)
    results: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            connection.ensure_connection()
            results[place] = acts[place](start)
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place], daemon=True) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a racer hangs"
    return results
