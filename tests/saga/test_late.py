"""Late changes: what an import changes after a run took it is noticed by itself, once, until it is paid or dropped."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from events import dead_letters, projection, store
from events.store import NewEvent
from payroll import cancel, correct, corrections, manifest
from payroll.late import changes, listed
from payroll.late.changes import BEING_CORRECTED, CORRECTED, DISMISSED, NOT_PAID, OPEN, SETTLED, VOID
from payroll.late.compare import compare
from payroll.models import LateChange, TouchedPaycheck
from payroll.refusal import Refused
from payroll.roster import import_folder
from tests.saga import correcting, late, pay_inputs, paydays
from tests.saga.roster_files import (
    DEDUCTIONS,
    EMPLOYEES,
    GARNISHMENTS,
    PAY_ITEMS,
    PAYEE,
    SUPPORT,
    TAX_FORMS,
    TIME_ENTRIES,
    Rows,
    deduction,
    garnishment,
    pay_item,
    tax_form,
    write,
)

pytestmark = pytest.mark.usefixtures("db")
LATE_HOURS = {5: "8.00", 6: "8.00"}


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> Rows:
    """ann and cal have a salary, hal is paid by the hour."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [
        paydays.salaried("ACME", "ann", "62400.00"),
        paydays.salaried("ACME", "cal", "62400.00"),
        paydays.hourly("ACME", "hal", "20.00"),
    ]
    time = paydays.worked("ACME", "hal", dict.fromkeys((2, 3, 4, 9), "8.00"))
    return paydays.load(tmp_path, [paydays.employer("ACME")], people, time)


def late_hours(roster: Rows) -> dict[str, Any]:
    return {TIME_ENTRIES: [*roster[TIME_ENTRIES], *paydays.worked("ACME", "hal", LATE_HOURS)]}


def test_late_time_entries_are_noticed_once_and_settled_by_a_change_back(
    tmp_path: Path, roster: Rows
) -> None:
    """16 hours more of 20.00 in a week of 24: 320.00."""
    run = paydays.pay("ACME")
    assert late.stands(run) == {}
    changed = late.change(tmp_path, roster, late_hours(roster))
    assert late.stands(run) == {"hal": (OPEN, ["time"])}
    (found,) = listed.with_amounts([late.row(run, "hal")])
    assert found.able and found.able.cents("gross") == 320_00
    late.change(tmp_path, changed, {})
    compare()
    assert late.types(run, "hal") == ["Noticed"], "the same roster is no other change"
    late.change(tmp_path, roster, {})
    assert late.stands(run) == {"hal": (SETTLED, ["time"])}
    late.change(tmp_path, changed, {})
    assert late.types(run, "hal") == ["Noticed", "Settled", "Noticed"]
    assert late.stands(run) == {"hal": (OPEN, ["time"])}
    assert not TouchedPaycheck.objects.exists()
    assert projection.differences() == []


def test_a_changed_form_concerns_the_latest_run_and_a_day_the_runs_that_hold_it(
    tmp_path: Path, roster: Rows
) -> None:
    first = paydays.pay("ACME")
    second = paydays.pay("ACME", period=paydays.NEXT)
    rows = late.mend(tmp_path, roster, "ann", filing_status="mfj", step3="2200.00")
    assert late.stands(second) == {"ann": (OPEN, ["filing_status", "step3_cents"])}
    assert late.stands(first) == {}
    late.change(tmp_path, rows, late_hours(rows))
    assert late.stands(first) == {"hal": (OPEN, ["time"])}
    assert late.stands(second).keys() == {"ann"}


INPUTS = {
    "items": {PAY_ITEMS: [pay_item("ACME", "ann", "2026-11-06", "80.00", kind="reimbursement")]},
    "deductions": {DEDUCTIONS: [deduction("ACME", "ann", "Parking", "25.00", kind="post_tax")]},
    "garnishments": {GARNISHMENTS: [garnishment("ACME", "ann", "C", amount="30.00")]},
    "forms": {TAX_FORMS: [tax_form("ACME", "ann", w4_exempt="true")]},
}


@pytest.mark.parametrize("name", INPUTS)
def test_whatever_a_run_takes_is_compared(tmp_path: Path, roster: Rows, name: str) -> None:
    run = paydays.pay("ACME")
    late.change(tmp_path, roster, INPUTS[name])
    assert late.stands(run) == {"ann": (OPEN, [name])}


def remitted(account: str) -> dict[str, str]:
    """cal's support, and the account that it goes to."""
    order = SUPPORT | PAYEE | {"amount": "100.00", "payee_account_number": account}
    return garnishment("ACME", "cal", "S", **order)


def test_what_is_no_input_and_who_is_not_in_the_run_is_no_late_change(tmp_path: Path, roster: Rows) -> None:
    roster = late.change(tmp_path, roster, {GARNISHMENTS: [remitted("0072910045")]})
    run = paydays.pay("ACME")
    rows = late.mend(
        tmp_path, roster, "ann", account_number="998877665", last_name="Other", job_title="Clerk"
    )
    new = paydays.salaried("ACME", "new", "52000.00", hire_date="2026-11-09", ssn="912-11-2222")
    rows = late.change(tmp_path, rows, {EMPLOYEES: [*rows[EMPLOYEES], new]})
    late.mend(tmp_path, rows, "new", pay_rate="53000.00")
    late.change(tmp_path, rows, {GARNISHMENTS: [remitted("0072910046")]})
    assert late.stands(run) == {}
    assert not TouchedPaycheck.objects.exists(), "they were compared all the same"


def test_who_left_before_the_period_was_paid_too_much(tmp_path: Path, roster: Rows) -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    late.mend(tmp_path, roster, "ann", termination_date="2026-10-30")
    assert late.stands(run) == {"ann": (NOT_PAID, ["employment"])}
    paydays.approve(run)
    paydays.work()
    (found,) = listed.with_amounts([late.row(run, "ann")])
    assert found.able and found.able.cents("gross") == -2400_00
    assert found.inputs == ("termination_date",)


def test_who_is_in_no_later_run_is_late_in_the_last_one(tmp_path: Path, roster: Rows) -> None:
    left = {"termination_date": "2026-11-13"}
    people = [row | left if row["employee_id"] == "ann" else row for row in roster[EMPLOYEES]]
    rows = late.change(tmp_path, roster, {EMPLOYEES: people})
    first = paydays.pay("ACME")
    second = paydays.pay("ACME", period=paydays.NEXT)
    late.mend(tmp_path, rows, "ann", pay_rate="65000.00")
    assert (late.stands(first), late.stands(second)) == ({"ann": (OPEN, ["pay_rate"])}, {})


def test_what_a_correction_has_paid_is_not_late_again(tmp_path: Path, roster: Rows) -> None:
    run = paydays.pay("ACME")
    rows = late.change(tmp_path, roster, INPUTS["items"])
    correcting.correct(run)
    late.mend(tmp_path, rows, "ann", pay_rate="65000.00")
    assert late.stands(run) == {"ann": (OPEN, ["pay_rate"])}


def test_a_correction_that_pays_it_closes_it_as_long_as_it_stands(tmp_path: Path, roster: Rows) -> None:
    run = paydays.pay("ACME")
    rows = late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    rows = late.change(tmp_path, rows, late_hours(rows))
    given_up = correcting.opened(run, "ann").run
    assert late.stands(run) == {"ann": (BEING_CORRECTED, ["pay_rate"]), "hal": (OPEN, ["time"])}
    cancel.cancel(given_up, by="maker", reason="a test")
    paydays.work()
    assert late.stands(run)["ann"] == (OPEN, ["pay_rate"])
    fix = correcting.correct(run)
    assert {name: where for name, (where, _) in late.stands(run).items()} == {
        "ann": CORRECTED,
        "hal": CORRECTED,
    }
    assert listed.by_run() == []
    late.change(tmp_path, rows, {})
    rows = late.mend(tmp_path, rows, "ann", pay_rate="70000.00")
    assert late.stands(run)["ann"] == (OPEN, ["pay_rate"]), "what the correction has paid is another rate"
    rows = late.mend(tmp_path, rows, "ann", pay_rate="65000.00")
    assert late.stands(run)["ann"] == (SETTLED, ["pay_rate"])
    stream = correcting.stream(fix, "hal")
    store.append([NewEvent(stream, store.version(stream) + 1, "PaycheckVoided", {"reason": "a test"})])
    assert late.stands(run)["hal"] == (OPEN, ["time"]), "what had paid it does not stand any more"
    late.change(tmp_path, rows, {TIME_ENTRIES: roster[TIME_ENTRIES]})
    assert late.stands(run)["hal"] == (SETTLED, ["time"]), "and the run itself has taken these hours"


def test_of_a_paycheck_that_was_voided_nothing_is_late(tmp_path: Path, roster: Rows) -> None:
    run = paydays.pay("ACME")
    rows = late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    correcting.correct(run)
    stream = correcting.stream(run, "ann")
    store.append([NewEvent(stream, store.version(stream) + 1, "PaycheckVoided", {"reason": "a test"})])
    late.mend(tmp_path, rows, "ann", pay_rate="70000.00")
    assert late.stands(run) == {"ann": (VOID, ["pay_rate"])}
    assert not TouchedPaycheck.objects.exists()


def test_dismissed_is_dismissed_until_it_is_another_change(tmp_path: Path, roster: Rows) -> None:
    run = paydays.pay("ACME")
    rows = late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    stream = late.row(run, "ann").stream
    for reason in ("", "  "):
        with pytest.raises(Refused, match="needs a reason"):
            changes.dismiss([stream], by="maker", reason=reason)
    changes.dismiss([stream], by="maker", reason="from the next period on; 901-11-1001")
    row = late.row(run, "ann")
    assert (row.stands, row.facts["dismissed_by"]) == (DISMISSED, "maker")
    assert row.facts["dismissed_reason"] == "from the next period on; [masked]"
    with pytest.raises(Refused, match="ACME/ann: dismissed"):
        changes.dismiss([stream], by="maker", reason="again")
    with pytest.raises(Refused, match="no such late change"):
        changes.dismiss(["late-x"], by="maker", reason="again")
    rows = late.mend(tmp_path, rows, "cal", pay_rate="65000.00")
    rows = late.mend(tmp_path, rows, "ann", job_title="Clerk")
    assert late.stands(run)["ann"][0] == DISMISSED
    late.mend(tmp_path, rows, "ann", pay_rate="65000.00", filing_status="mfj")
    assert late.stands(run)["ann"] == (OPEN, ["filing_status", "pay_rate"])
    assert late.types(run, "ann") == ["Noticed", "Dismissed", "Noticed"]


def test_dismissed_it_is_paid_to_nobody_who_is_not_named(tmp_path: Path, roster: Rows) -> None:
    """A raise and a leaving that were dismissed stay so while others are corrected, until they are other changes."""
    run = paydays.pay("ACME")
    rows = late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    rows = late.mend(tmp_path, rows, "cal", termination_date="2026-10-30")
    rows = late.change(tmp_path, rows, late_hours(rows))
    changes.dismiss([late.row(run, who).stream for who in ("ann", "cal")], by="maker", reason="from December")
    assert correct.dismissed(run) == ["ACME/ann", "ACME/cal"]
    assert [each.employee_id for each in correct.propose(run)] == ["hal"]
    opened = correcting.opened(run)
    assert [each.employee_id for each in opened.proposals] == ["hal"]
    assert opened.dismissed == ("ACME/ann", "ACME/cal")
    correcting.finish(opened.run)
    assert {name: where for name, (where, _) in late.stands(run).items()} == {
        **{"ann": DISMISSED, "cal": DISMISSED},
        "hal": CORRECTED,
    }
    with pytest.raises(Refused, match=r"but for what was dismissed of ACME/ann, ACME/cal$"):
        correcting.opened(run)
    assert [each.employee_id for each in correct.propose(run, people={"ACME": ["ann"]})] == ["ann"]
    correcting.correct(run, "ann")
    assert late.stands(run)["ann"][0] == CORRECTED and correct.dismissed(run) == ["ACME/cal"]
    assert correct.propose(run) == []
    paydays.mend(tmp_path, rows, "cal", termination_date="", pay_rate="70000.00")
    assert correct.dismissed(run) == [], "it is another change by now, whether it was noticed yet or not"
    assert [each.employee_id for each in correct.propose(run)] == ["cal"]


def test_what_is_dismissed_while_a_correction_is_computed_is_not_paid_by_it(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = paydays.pay("ACME")
    late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    inner = correct.propose

    def propose(*given: Any, **more: Any) -> Any:
        found = inner(*given, **more)
        changes.dismiss([late.row(run, "ann").stream], by="checker", reason="from December on")
        return found

    monkeypatch.setattr(correct, "propose", propose)
    with pytest.raises(Refused, match="somebody else dismissed one of these"):
        correcting.opened(run)
    assert late.stands(run)["ann"][0] == DISMISSED


def test_of_a_run_that_is_not_paid_it_waits_for_that(tmp_path: Path, roster: Rows) -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    assert late.stands(run) == {"ann": (NOT_PAID, ["pay_rate"])}
    (told,) = listed.in_words()
    assert "1 person of the regular run" in told and "not paid yet" in told and f"corrections {run}" in told
    paydays.approve(run)
    paydays.work()
    assert late.stands(run) == {"ann": (OPEN, ["pay_rate"])}
    assert correct.propose(run)[0].inputs == ("pay_rate",)
    assert f"payrun correct {run} --preview" in listed.in_words()[0]


def test_of_a_run_that_is_cancelled_nothing_is_late(tmp_path: Path, roster: Rows) -> None:
    run = paydays.open_run("ACME")
    paydays.work()
    rows = late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    cancel.cancel(run, by="maker", reason="a test")
    paydays.work()
    assert late.stands(run) == {"ann": (VOID, ["pay_rate"])}
    again = paydays.pay("ACME")
    assert again != run or late.stands(again) == {"ann": (VOID, ["pay_rate"])}
    late.mend(tmp_path, rows, "cal", pay_rate="65000.00")
    open_now = [row.employee_id for row in changes.to_do(changes.all_of())]
    assert open_now == ["cal"], "who is paid by the run that took its place was given the new rate"


def test_begun_again_with_corrected_inputs_it_is_settled(tmp_path: Path, roster: Rows) -> None:
    rows = paydays.mend(tmp_path, roster, "ann", work_state="OR")
    run = paydays.open_run("ACME")
    paydays.work()
    late.mend(tmp_path, rows, "ann", work_state="TX")
    assert late.stands(run) == {"ann": (NOT_PAID, ["work_state"])}
    corrections.redrive_corrected(paydays.letter().id, by="maker", reason="the state was wrong")
    paydays.work()
    compare()
    assert late.stands(run) == {"ann": (SETTLED, ["work_state"])}
    assert not TouchedPaycheck.objects.exists()


def test_who_is_left_out_has_nothing_to_correct(tmp_path: Path, roster: Rows) -> None:
    rows = paydays.mend(tmp_path, roster, "ann", work_state="OR")
    run = paydays.open_run("ACME")
    paydays.work()
    rows = late.mend(tmp_path, rows, "ann", work_state="TX")
    dead_letters.dismiss(paydays.letter().id, by="maker", reason="paid by check")
    paydays.work()
    assert late.stands(run) == {"ann": (VOID, ["work_state"])}
    late.mend(tmp_path, rows, "ann", work_state="TX", pay_rate="70000.00")
    assert late.types(run, "ann") == ["Noticed"]


def test_an_import_before_the_snapshot_is_taken_by_it(tmp_path: Path, roster: Rows) -> None:
    run = paydays.open_run("ACME")
    late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    assert TouchedPaycheck.objects.count() == 1, "what the run takes is not known yet"
    paydays.work()
    assert compare() == 0
    assert late.stands(run) == {}
    assert not TouchedPaycheck.objects.exists()


def test_an_import_in_the_middle_of_the_snapshot_is_noticed(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot has read the roster, the import commits, and then the run begins with what it has read."""
    inner, imported = manifest.write, []

    def frozen(*given: Any) -> Any:
        written = list(inner(*given))
        if not imported:
            imported.append(late.mend(tmp_path, roster, "ann", pay_rate="65000.00"))
        return written

    run = paydays.open_run("ACME")
    monkeypatch.setattr(manifest, "write", frozen)
    paydays.work()
    assert late.stands(run) == {}
    assert compare() == 1
    assert late.stands(run) == {"ann": (NOT_PAID, ["pay_rate"])}


def test_what_is_touched_while_it_is_compared_is_compared_again(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roster was read, another import changes it, and only then are the rows of the first one deleted."""
    run = paydays.pay("ACME")
    inner, imported = changes.decided, []

    def decided(*given: Any) -> Any:
        if not imported:
            imported.append(paydays.mend(tmp_path, roster, "ann", pay_rate="70000.00"))
        return inner(*given)

    monkeypatch.setattr(changes, "decided", decided)
    late.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    assert TouchedPaycheck.objects.count() == 1
    compare()
    assert late.types(run, "ann") == ["Noticed", "Noticed"]
    assert not TouchedPaycheck.objects.exists()


def test_a_dry_run_notes_nothing(tmp_path: Path, roster: Rows) -> None:
    paydays.pay("ACME")
    folder = tmp_path / "dry"
    folder.mkdir()
    summary = import_folder(write(folder, roster | late_hours(roster)), dry_run=True, as_of=paydays.AS_OF)
    assert summary.paychecks_touched == 1
    assert not TouchedPaycheck.objects.exists()


def test_a_run_of_another_year_is_left_to_a_form(
    tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = paydays.pay("ACME")
    next_year = timezone.now().replace(year=2027)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: next_year)
        late.change(tmp_path, roster, late_hours(roster))
    assert late.stands(run) == {}


def test_a_bonus_earned_in_weeks_whose_hours_change_is_compared(tmp_path: Path, roster: Rows) -> None:
    """The bonus of 2 to 7 November is paid two weeks later: hours that come late make its part of the overtime more."""
    bonus = pay_item(
        *("ACME", "hal", "2026-11-20", "100.00"),
        kind="bonus",
        earned_from="2026-11-01",
        earned_to="2026-11-07",
    )
    rows = pay_inputs.change(tmp_path, roster | {PAY_ITEMS: [bonus]})
    first = paydays.pay("ACME")
    second = paydays.pay("ACME", period=paydays.NEXT)
    late.change(tmp_path, rows, late_hours(rows))
    assert late.stands(first) == {"hal": (OPEN, ["time"])}
    assert late.stands(second) == {"hal": (OPEN, ["time"])}


def test_events_hold_names_and_no_values(tmp_path: Path, roster: Rows) -> None:
    run = paydays.pay("ACME")
    late.mend(tmp_path, roster, "ann", pay_rate="65123.00")
    (event,) = store.read(late.row(run, "ann").stream)
    assert "65123" not in str(event.data) and event.data["inputs"] == ["pay_rate"]
    assert LateChange.objects.count() == 1
