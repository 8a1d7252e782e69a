"""Bonus runs: pay items alone, and each item once, whichever run comes first."""

import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from events import dead_letters, projection, runner, store
from events.models import Work, WorkState
from ops.proof import prove
from payroll import cancel, corrections, keys, runs
from payroll.explain.paycheck import explain
from payroll.models import Employee, Paycheck, PayItem, YearToDate
from payroll.runs import Opened, Refused
from tests.saga import pay_inputs, paydays
from tests.saga.roster_files import PAY_ITEMS, Rows, garnishment, pay_item

pytestmark = pytest.mark.usefixtures("db")
DAYS = (paydays.START, paydays.END)
EARLY = paydays.PAYDAY.replace(day=13)  # a Friday, a week before payday
LATE = paydays.PAYDAY.replace(day=24)


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Rows:
    """ann and bob have a bonus, ann an expense besides; cal has neither, hal is paid by the hour."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [
        paydays.salaried(
            "ACME", "ann", "62400.00", section125_per_period="100.00", traditional_401k_percent="5"
        ),
        paydays.salaried("ACME", "bob", "62400.00"),
        paydays.salaried("ACME", "cal", "62400.00"),
        paydays.hourly("ACME", "hal", "20.00"),
    ]
    items = [
        pay_item("ACME", "ann", "2026-11-05", "1000.00", kind="discretionary_bonus", reference="Q3"),
        pay_item("ACME", "ann", "2026-11-06", "80.00", kind="reimbursement", reference="taxi"),
        pay_item("ACME", "bob", "2026-11-05", "500.00", kind="discretionary_bonus", reference="Q3"),
    ]
    time = [*paydays.worked("ACME", "hal", {2: "8.00"}), *paydays.worked("ACME", "bob", {3: "8.00"})]
    return pay_inputs.load(tmp_path, [paydays.employer("ACME")], people, time, more={PAY_ITEMS: items})


def bonus(*people: str, pay_date: Any = EARLY) -> Opened:
    return runs.open_run(
        *DAYS,
        pay_date,
        opened_by="maker",
        kind="bonus",
        employers=() if people else ["ACME"],
        people={"ACME": people} if people else None,
    )


def finish(run: UUID) -> UUID:
    paydays.work()
    paydays.approve(run)
    paydays.work()
    return run


def facts(run: UUID, employee_id: str) -> dict[str, Any]:
    part = runs.facts_of(run)["employer_runs"]["ACME"]
    events = store.read(keys.paycheck_stream(part, employee_id))
    return {name: value for event in events for name, value in event.data.items()}


def kinds_paid(run: UUID, employee_id: str) -> list[list[Any]]:
    return [line[:2] for line in facts(run, employee_id).get("items", [])]


def sound(*opened: UUID) -> None:
    for run in opened:
        assert [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings] == []
    assert projection.differences() == []


def test_a_bonus_run_pays_items_and_nothing_else() -> None:
    run = finish(bonus().run)
    ann, bob = facts(run, "ann"), facts(run, "bob")
    assert sorted(paydays.credits()) == ["ann", "bob"]
    for name in ("ann", "bob"):
        told = explain(keys.paycheck_stream(runs.facts_of(run)["employer_runs"]["ACME"], name))
        assert told.complete and told.wrong == []
    assert (ann["salary_cents"], ann["gross_cents"], ann["reimbursement_cents"]) == (0, 100_000, 8_000)
    assert (ann["section125_cents"], ann["section125_short_cents"]) == (0, 0)
    assert ann["traditional_401k_cents"] == 5_000  # 5 % of what is paid
    assert (ann["social_security_cents"], ann["medicare_cents"]) == (
        6_200,
        1_450,
    )  # 6.2 % and 1.45 % of $1,000.00
    assert (bob["gross_cents"], bob["social_security_cents"], bob["medicare_cents"]) == (50_000, 3_100, 725)
    assert (bob["hours_worked_hundredths"], bob["no_hours"]) == (0, False)
    sound(run)


@pytest.mark.parametrize("first", ["bonus", "regular"])
def test_an_item_is_paid_once_whichever_run_is_first(first: str) -> None:
    if first == "bonus":
        bonuses = finish(bonus().run)
        regular = paydays.pay("ACME")
        assert kinds_paid(regular, "ann") == kinds_paid(regular, "bob") == []
        assert kinds_paid(bonuses, "ann") == [["discretionary_bonus", 100_000], ["reimbursement", 8_000]]
    else:
        regular = paydays.pay("ACME")
        assert kinds_paid(regular, "bob") == [["discretionary_bonus", 50_000]]
        bonuses = bonus(pay_date=LATE).run
        paydays.work()
        nobody = "nobody of ACME has a pay item from 2026-11-01 to 2026-11-14 that is not paid yet"
        assert nobody in paydays.letter().reason
        cancel.cancel(bonuses, by="maker", reason="all are paid")
        paydays.work()
    year = {row.employee_id: row.supplemental_cents for row in YearToDate.objects.all()}
    assert year == {"ann": 100_000, "bob": 50_000, "cal": 0, "hal": 0}
    sound(bonuses, regular)


def test_only_who_is_chosen_and_the_others_by_the_regular_run() -> None:
    bonuses = finish(bonus("bob").run)
    assert list(paydays.credits()) == ["bob"]
    regular = paydays.pay("ACME")
    assert kinds_paid(regular, "bob") == []
    assert kinds_paid(regular, "ann") == [["discretionary_bonus", 100_000], ["reimbursement", 8_000]]
    sound(bonuses, regular)


def test_items_that_a_later_file_brings_are_paid_by_another_run(roster: Rows, tmp_path: Path) -> None:
    """The same items imported again are the same; one more of the same words is another."""
    first = finish(bonus().run)
    PayItem.objects.all().delete()
    more = [
        *roster[PAY_ITEMS],
        pay_item("ACME", "bob", "2026-11-05", "500.00", kind="discretionary_bonus", reference="Q3"),
    ]
    pay_inputs.change(tmp_path, roster | {PAY_ITEMS: more})
    second = finish(bonus(pay_date=LATE).run)
    assert kinds_paid(second, "bob") == [["discretionary_bonus", 50_000]]
    assert facts(second, "ann") == {}
    assert {name: len(amounts) for name, amounts in paydays.credits().items()} == {"ann": 1, "bob": 2}
    regular = paydays.pay("ACME")
    assert kinds_paid(regular, "bob") == []
    sound(first, second, regular)


@pytest.mark.parametrize(
    ("step", "wrong"),
    [("tax-calc", {"work_state": "AL"}), ("time-entry", {"work_state": "CA", "flsa_exempt": False})],
)
def test_what_a_dead_letter_holds_is_not_paid_elsewhere(step: str, wrong: dict[str, Any]) -> None:
    """bob's regular paycheck waits with his bonus in its manifest, recorded or not: it pays it when it goes on."""
    Employee.objects.filter(employee_id="bob").update(**wrong)
    regular = paydays.open_run("ACME")
    paydays.work()
    bonuses = bonus("bob").run  # paid earlier than the regular run, so it does not hold him
    paydays.work()
    reasons = {letter.step: letter.reason for letter in paydays.letters()}
    assert reasons.keys() == {step, "snapshot"} and "not paid yet" in reasons["snapshot"]
    cancel.cancel(bonuses, by="maker", reason="it waits")
    Employee.objects.filter(employee_id="bob").update(work_state="TX", flsa_exempt=True)
    (letter,) = [each for each in paydays.letters() if each.saga == "paychecks"]
    paydays.work()
    corrections.redrive_corrected(letter.id, by="maker")
    finish(regular)
    assert {name: len(amounts) for name, amounts in paydays.credits().items()} == dict.fromkeys(
        ("ann", "bob", "cal", "hal"), 1
    )
    assert paydays.facts("ACME", "bob", sequence=2)["supplemental_cents"] == 50_000
    sound(regular)


def test_who_is_left_out_of_a_bonus_run_has_the_item_in_the_regular_one() -> None:
    Employee.objects.filter(employee_id="bob").update(work_state="AL")
    bonuses = bonus().run
    paydays.work()
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="the state is wrong")
    finish(bonuses)
    Employee.objects.filter(employee_id="bob").update(work_state="TX")
    regular = paydays.pay("ACME")
    assert kinds_paid(regular, "bob") == [["discretionary_bonus", 50_000]]
    assert kinds_paid(regular, "ann") == []
    sound(bonuses, regular)


def test_after_a_cancelled_bonus_run_its_items_are_free() -> None:
    bonuses = bonus().run
    paydays.work()
    cancel.cancel(bonuses, by="maker", reason="too early")
    paydays.work()
    regular = paydays.pay("ACME")
    assert kinds_paid(regular, "bob") == [["discretionary_bonus", 50_000]]
    sound(bonuses, regular)


def test_what_a_bonus_run_cannot_pay_waits_for_a_person(roster: Rows, tmp_path: Path) -> None:
    """A bonus that raises a regular rate, and a garnished person: dismissed, the regular run pays them."""
    more = [
        *roster[PAY_ITEMS],
        pay_item(
            "ACME",
            "hal",
            "2026-11-05",
            "100.00",
            kind="bonus",
            earned_from="2026-11-01",
            earned_to="2026-11-07",
        ),
    ]
    changed = roster | {PAY_ITEMS: more, "garnishments.csv": [garnishment("ACME", "bob", "G-1")]}
    pay_inputs.change(tmp_path, changed)
    run = bonus().run
    paydays.work()
    reasons = {keys.employee_of(each.subject): each.reason for each in paydays.letters()}
    assert reasons.keys() == {"bob", "hal"}
    assert "regular rate" in reasons["hal"] and "an order takes from this pay" in reasons["bob"]
    for letter in paydays.letters():
        dead_letters.dismiss(letter.id, by="maker", reason="with the regular run")
    finish(run)
    assert list(paydays.credits()) == ["ann"]
    regular = paydays.pay("ACME")
    assert kinds_paid(regular, "hal") == [["bonus", 10_000]]
    assert kinds_paid(regular, "bob") == [["discretionary_bonus", 50_000]]
    sound(run, regular)


def test_whoever_has_no_item_is_not_chosen() -> None:
    with pytest.raises(Refused, match="cal of ACME: no pay item in these dates"):
        bonus("cal")


def test_a_bonus_paid_before_items_had_ids_is_not_paid_again() -> None:
    """As an older version recorded it: an item without an id, told by what it says and by the period of its run."""
    regular = paydays.open_run("ACME")
    paydays.work()
    stream = keys.paycheck_stream(paydays.employer_run("ACME"), "bob")
    row = Paycheck.objects.get(stream=stream)
    assert len(row.facts["items"][0]) == 4
    row.facts["items"] = [["discretionary_bonus", 50_000, "Q3"]]
    row.save()
    run = bonus("bob", pay_date=LATE).run
    paydays.work()
    assert "not paid yet" in paydays.letter().reason
    assert run != regular


def test_of_two_snapshots_at_once_one_takes_the_item() -> None:
    """The bonus run and the regular run are snapshot by two workers: each item is in one of them."""
    bonuses, regular = bonus().run, paydays.open_run("ACME")
    workers = [threading.Thread(target=_work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    paydays.work()
    for run in (bonuses, regular):
        for letter in paydays.letters():
            assert letter.step == "snapshot"
        paydays.approve(run)
    paydays.work()
    year = {row.employee_id: row.supplemental_cents for row in YearToDate.objects.all()}
    assert year == {"ann": 100_000, "bob": 50_000, "cal": 0, "hal": 0}


def _work() -> None:
    try:
        while Work.objects.filter(state__in=(WorkState.READY, WorkState.LEASED)).exists():
            if not runner.run_due(budget_s=5):
                return
    finally:
        connection.close()
