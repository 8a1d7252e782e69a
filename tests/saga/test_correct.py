"""Corrections: the difference between what was paid and what is right now, paid by a run of its own."""

from pathlib import Path
from typing import Any

import pytest

from payroll import correct
from payroll.refusal import Refused
from tests.saga import correcting, pay_inputs, paydays
from tests.saga.correcting import facts
from tests.saga.roster_files import EMPLOYEES, TIME_ENTRIES, Rows

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Rows:
    """ann has a salary, hal is paid by the hour, and nothing of cal ever changes."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [
        paydays.salaried("ACME", "ann", "62400.00", traditional_401k_percent="5"),
        paydays.salaried("ACME", "cal", "62400.00"),
        paydays.hourly("ACME", "hal", "20.00"),
    ]
    time = paydays.worked("ACME", "hal", {day: "8.00" for day in (2, 3, 4, 5)})
    return paydays.load(tmp_path, [paydays.employer("ACME")], people, time)


def change(tmp_path: Path, rows: Rows, **files: Any) -> Rows:
    return pay_inputs.change(tmp_path, rows | files)


def test_late_time_entries_are_paid_and_nothing_else(tmp_path: Path, roster: Rows) -> None:
    """32 hours at 20.00 were paid; 16 more of the same week make 48: 8 of them at half as much again.

    Gross 16 x 20.00 + 8 x 10.00 = 400.00; Social Security 24.80, Medicare 5.80. Federal: 640.00 and 1,040.00 every two
    weeks are 16,640 - 8,600 = 8,040 and 27,040 - 8,600 = 18,440 a year: 10 % over 7,500 is 54.00, and 10 % of 10,940 is
    1,094.00; a 26th is 2.08 and 42.08, so 40.00 more.
    """
    run = paydays.pay("ACME")
    late = paydays.worked("ACME", "hal", {6: "8.00", 7: "8.00"})
    change(tmp_path, roster, **{TIME_ENTRIES: [*roster[TIME_ENTRIES], *late]})
    (found,) = correct.propose(run)
    assert (found.employee_id, found.inputs, found.stopped) == ("hal", ("time",), "")
    assert (found.cents("gross"), found.cents("net")) == (40_000, 40_000 - 2_480 - 580 - 4_000)
    fix = correcting.correct(run)
    got = facts(fix, "hal")
    names = ("straight_time_cents", "overtime_premium_cents", "gross_cents", "social_security_cents")
    assert [got[name] for name in names] == [32_000, 8_000, 40_000, 2_480]
    assert (got["hours_worked_hundredths"], got["overtime_hours_hundredths"]) == (16_00, 8_00)
    assert got["earnings"] == [["work", "20.0000", "16.00", 32_000]]
    assert facts(fix, "ann") == facts(fix, "cal") == {}
    assert paydays.credits()["hal"][1:] == [got["net_cents"]]
    correcting.sound(run, fix)
