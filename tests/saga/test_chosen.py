"""Runs of chosen people: off-cycle and termination. A day of a person is paid once, whatever runs there are."""

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from events import dead_letters, projection, store
from ops.proof import prove
from payroll import cancel, keys, manifest, runs
from payroll.history import History
from payroll.models import Employee, YearToDate
from payroll.runs import Opened, Refused
from tests.saga import paydays
from tests.saga.test_cancel import in_thread

pytestmark = pytest.mark.usefixtures("db")
PERIOD = (paydays.START, paydays.END, paydays.PAYDAY)


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> None:
    """Three salaried people of ACME; gus leaves on the tenth."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [paydays.salaried("ACME", name, "62400.00") for name in ("ann", "bob")]
    gus = paydays.salaried("ACME", "gus", "62400.00", termination_date="2026-11-10")
    paydays.load(tmp_path, [paydays.employer("ACME")], [*people, gus])


def off_cycle(*people: str, kind: str = "off-cycle", period: Any = PERIOD, by: str = "maker") -> Opened:
    return runs.open_run(*period, opened_by=by, kind=kind, people={"ACME": people})


def finish(run: UUID) -> None:
    paydays.work()
    paydays.approve(run)
    paydays.work()


def manifests(run: UUID) -> list[str]:
    """Employee ids in the manifests of the only employer of a run."""
    (part,) = runs.facts_of(run)["employer_runs"].values()
    written = History(keys.employerrun_stream(part)).manifests
    read = [manifest.read(each["object"], each["sha256"]) for each in written]
    return [entry["employee_id"] for given in read for entry in given["employees"]]


def paid(**counts: int) -> None:
    assert {name: len(amounts) for name, amounts in paydays.credits().items()} == counts


def proof_of(run: UUID) -> list[str]:
    return [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]


def test_an_off_cycle_run_pays_whom_it_names_and_the_regular_run_the_others() -> None:
    first = off_cycle("bob").run
    finish(first)
    paid(bob=1)
    alone = paydays.credits()["bob"]
    regular = paydays.pay("ACME")
    assert manifests(first) == ["bob"] and manifests(regular) == ["ann", "gus"]
    paid(ann=1, bob=1, gus=1)
    assert paydays.part("ACME")["EmployerRunOpened"]["without"] == ["bob"]
    assert alone == paydays.credits()["ann"]  # the same salary for the same days
    assert {row.employee_id: row.paychecks for row in YearToDate.objects.all()} == {
        "ann": 1,
        "bob": 1,
        "gus": 1,
    }
    assert proof_of(first) == proof_of(regular) == []
    assert projection.differences() == []


def test_the_regular_run_of_an_employer_without_chosen_people_has_the_keys_it_always_had() -> None:
    run = paydays.open_run("ACME")
    assert run == keys.run_id("regular", *PERIOD, ["ACME"])
    assert runs.facts_of(run)["employer_runs"] == {"ACME": str(paydays.employer_run("ACME"))}
    assert not {"people", "without"} & paydays.part("ACME")["EmployerRunOpened"].keys()


def test_a_termination_run_pays_to_the_last_day() -> None:
    with pytest.raises(Refused, match="ann of ACME: the roster has no last day"):
        off_cycle("ann", kind="termination")
    run = off_cycle("gus", kind="termination").run
    finish(run)
    paid(gus=1)
    with connection.cursor() as cursor:
        cursor.execute("select facts ->> 'salary_cents' from payroll_paycheck where employee_id = 'gus'")
        assert cursor.fetchall() == [("168000",)]  # $2,400.00 x 7 of 10 weekdays, from Monday 2 to Tuesday 10
    regular = paydays.pay("ACME")
    assert manifests(regular) == ["ann", "bob"]
    paid(ann=1, bob=1, gus=1)


def test_the_same_run_again_changes_nothing() -> None:
    first, again = off_cycle("bob", "ann"), off_cycle("ann", "bob", "ann")
    assert (again.run, again.new) == (first.run, False)
    assert off_cycle("gus").run != first.run


@pytest.mark.parametrize("began", [False, True])
def test_whose_days_a_regular_run_pays_is_refused(began: bool) -> None:
    paydays.open_run("ACME")
    if began:
        paydays.work()
    with pytest.raises(Refused, match=r"already has a regular run .* for bob, and a day is paid once"):
        off_cycle("bob")


def test_whose_days_another_chosen_run_pays_is_refused() -> None:
    off_cycle("bob")
    with pytest.raises(Refused, match=r"already has an off-cycle run .* for bob"):
        off_cycle("ann", "bob")
    with pytest.raises(Refused, match="off-cycle run"):
        off_cycle("bob", kind="off-cycle", period=(*PERIOD[:2], paydays.NEXT[2]))
    assert off_cycle("ann").new


def test_who_was_left_out_of_the_regular_run_is_paid_off_cycle() -> None:
    Employee.objects.filter(employee_id="bob").update(work_state="AL")
    regular = paydays.open_run("ACME")
    paydays.work()
    with pytest.raises(Refused, match="for bob"):
        off_cycle("bob")  # a dead letter may still be redriven
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="the state is wrong")
    finish(regular)
    Employee.objects.filter(employee_id="bob").update(work_state="TX")
    run = off_cycle("bob").run
    finish(run)
    paid(ann=1, bob=1, gus=1)
    assert proof_of(regular) == proof_of(run) == []


def test_who_came_after_the_snapshot_is_paid_off_cycle(tmp_path: Path) -> None:
    """zoe is in no manifest of the regular run, so nothing of her days is paid by it."""
    regular = paydays.pay("ACME")
    people = [paydays.salaried("ACME", name, "62400.00") for name in ("ann", "bob")]
    gus = paydays.salaried("ACME", "gus", "62400.00", termination_date="2026-11-10")
    paydays.load(
        tmp_path, [paydays.employer("ACME")], [*people, gus, paydays.salaried("ACME", "zoe", "62400.00")]
    )
    run = off_cycle("zoe").run
    finish(run)
    paid(ann=1, bob=1, gus=1, zoe=1)
    assert proof_of(regular) == proof_of(run) == []


def test_after_a_cancelled_one_the_days_are_free() -> None:
    first = off_cycle("bob").run
    cancel.cancel(first, by="maker", reason="the wrong person")
    paydays.work()
    second = off_cycle("bob")
    assert second.new and second.run != first
    regular = paydays.open_run("ACME")
    assert paydays.part("ACME")["EmployerRunOpened"]["without"] == ["bob"]
    finish(second.run)
    finish(regular)
    paid(ann=1, bob=1, gus=1)


def test_a_regular_run_of_other_days_that_overlap_is_refused() -> None:
    off_cycle("bob")
    other = (paydays.START.replace(day=8), paydays.END.replace(day=21), paydays.NEXT[2])
    with pytest.raises(Refused, match=r"off-cycle run .* for bob: it shares days with this one"):
        runs.open_run(*other, opened_by="maker", employers=["ACME"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"kind": "off-cycle"}, "pays the people you name"),
        ({"kind": "regular", "people": {"ACME": ["ann"]}}, "a regular run pays everybody"),
        ({"kind": "remainder", "people": {"ACME": ["ann"]}}, "no run is opened as 'remainder'"),
        ({"kind": "weekly"}, "no run is opened as 'weekly'"),
        ({"kind": "off-cycle", "people": {"ACME": ["zoe"]}}, "zoe of ACME: not employed there"),
        ({"kind": "off-cycle", "people": {"ACME": []}}, "nobody of ACME is named"),
        ({"kind": "off-cycle", "people": {"NONE": ["ann"]}}, "no such employer: NONE"),
        ({"kind": "off-cycle", "people": {"ACME": ["ann"]}, "employers": ["BOLT"]}, "are not the same"),
    ],
)
def test_what_cannot_be_opened_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        runs.open_run(*PERIOD, opened_by="maker", **more)
    assert store.read_prefix("payrun-") == store.read_prefix("employerrun-") == []


def test_somebody_who_has_gone_from_the_roster_is_missed() -> None:
    run = off_cycle("ann", "gus").run
    Employee.objects.filter(employee_id="gus").update(termination_date="2026-10-30")
    paydays.work()
    letter = paydays.letter()
    assert (
        letter.step == "snapshot" and "is for 2 people of ACME, and 1 of them are employed" in letter.reason
    )
    assert "EmployerRunBegan" not in {event.type for event in _history(run)}


def _history(run: UUID) -> list[Any]:
    (part,) = runs.facts_of(run)["employer_runs"].values()
    return store.read(keys.employerrun_stream(part))


def test_of_two_openings_at_once_for_one_person_one_is_refused() -> None:
    """Off-cycle and regular, at the same moment: whichever is first, bob is in one of them."""
    told: list[str] = []
    ready = threading.Barrier(2)

    def opens(**more: Any) -> None:
        connection.ensure_connection()
        ready.wait()
        try:
            runs.open_run(*PERIOD, opened_by="maker", **more)
            told.append("")
        except Refused as refused:
            told.append(str(refused))

    with (
        in_thread("off-cycle", lambda: opens(kind="off-cycle", people={"ACME": ["bob"]})),
        in_thread("regular", lambda: opens(employers=["ACME"])),
    ):
        pass
    regular = paydays.part("ACME")["EmployerRunOpened"]
    if max(told) == "":  # the chosen run was first
        assert regular["without"] == ["bob"]
    else:
        assert "for bob" in max(told) and "without" not in regular
