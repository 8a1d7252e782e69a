"""Kill -9 of the whole command, again and again: the same command goes on where the log ends."""

import pytest

from . import roster
from .conftest import NewPayday
from .payday import family, kill


@pytest.mark.parametrize(("doorbell", "kills"), [("django_q", 8), ("polling", 4)])
def test_the_command_is_killed_with_all_its_processes_and_started_again(
    new_payday: NewPayday, owed: roster.Owed, reference_events: int, doorbell: str, kills: int
) -> None:
    day = new_payday(PAYROLL_DOORBELL=doorbell)
    for number in range(kills):
        run = day.start()
        day.until_events(max(2, reference_events * number // kills))
        processes = family(run.pid)
        kill(*processes)
        day.nobody_left(processes)
        day.until(lambda: not day.ours(), "no process is left that was started meanwhile")
        run.wait()
        assert not day.is_complete()
    assert day.finish(day.start())["complete"]
    assert day.events() >= reference_events
    day.assert_paid_once(owed)
