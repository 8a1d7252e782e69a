"""What a correction stands on is not undone: the correction goes first, or people keep its money for nothing."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection

from deploy.postgres import Cluster
from events import dead_letters, projection, store
from events.store import NewEvent
from ops.proof import prove
from payroll import by_hand, cancel, correct, keys, paid_once, recoveries, runs
from payroll.domain import VOIDED
from payroll.ledger.balance import TrialBalance
from payroll.refusal import Refused
from payroll.undo import decide, plan
from tests.saga import correcting, paydays
from tests.saga.roster_files import Rows

pytestmark = pytest.mark.usefixtures("db")
MONDAY = date(2026, 11, 23)
ONE = {"employer": "ACME", "employee_id": "ann"}
WHOLE: dict[str, str] = {}
PARTS = [ONE, WHOLE]


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """ACME pays ann and bob through the sandbox bank, BETA pays cat; amy and bea may undo."""
    settings.PAYROLL_GATEWAY = "sandbox"
    monkeypatch.setattr(plan, "today", lambda: MONDAY)
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun", "decide_payorder")
    people = [
        paydays.salaried("ACME", "ann", "62400.00"),
        paydays.salaried("ACME", "bob", "52000.00"),
        paydays.salaried("BETA", "cat", "62400.00"),
    ]
    return paydays.load(tmp_path, [paydays.employer("ACME"), paydays.employer("BETA")], people)


@pytest.fixture
def run(roster: Rows) -> UUID:
    return paydays.pay("ACME", "BETA")


@pytest.fixture
def fix(run: UUID, tmp_path: Path, roster: Rows) -> UUID:
    """A correction of ann that waits for its approval: she earns 100.00 more."""
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    opened = correcting.opened(run, "ann").run
    paydays.work()
    return opened


def undo(run: UUID, **of: Any) -> None:
    """By two people, carried out as far as it goes."""
    decide.undo(run, by="amy", reason="paid twice by hand", **of)
    decide.undo(run, by="bea", **of)
    paydays.work()


def part(run: UUID) -> str:
    return str(runs.facts_of(run)["employer_runs"]["ACME"])


def voided(run: UUID) -> list[str]:
    return paid_once.voided(part(run), ["ann", "bob"])


@pytest.mark.parametrize("of", PARTS, ids=["a paycheck", "a run"])
@pytest.mark.parametrize("paid", [False, True], ids=["waiting", "paid"])
def test_what_is_corrected_is_not_undone(run: UUID, fix: UUID, of: dict[str, str], paid: bool) -> None:
    if paid:
        correcting.finish(fix)
    with pytest.raises(Refused, match=f"undo or cancel the correction {str(fix)[:8]} first"):
        undo(run, **of)
    assert voided(run) == [] and paid_once.voided(part(run), ["cat"]) == []
    said, told = StringIO(), StringIO()
    chosen = ["--employer", "ACME", "--paycheck", "ann"] if of else ["--employer", "ACME"]
    call_command("payrun", "undo", str(run), *chosen, "--preview", stdout=said)
    call_command("payrun", "undo", str(run), *chosen, "--preview", "--json", stdout=told)
    sentence = f"is corrected by pay run {str(fix)[:8]}: undo or cancel the correction {str(fix)[:8]} first"
    assert sentence in said.getvalue()
    assert sentence in json.loads(told.getvalue())["parts"][0]["corrected"]


def test_who_is_not_corrected_is_undone(run: UUID, fix: UUID) -> None:
    undo(run, employer="ACME", employee_id="bob")
    undo(run, employer="BETA")
    correcting.finish(fix)
    assert voided(run) == ["bob"]
    correcting.sound(run, fix)


@pytest.mark.parametrize("of", PARTS, ids=["a paycheck", "a run"])
@pytest.mark.parametrize("how", ["cancelled", "undone", "undone when paid"])
def test_after_the_correction_is_gone_it_is(run: UUID, fix: UUID, of: dict[str, str], how: str) -> None:
    if how == "cancelled":
        cancel.cancel(fix, by="maker", reason="the raise was a mistake")
        paydays.work()
    else:
        if how == "undone when paid":
            correcting.finish(fix)
        undo(fix)
    undo(run, **of)
    assert "ann" in voided(run)
    correcting.sound(run, fix)


def test_a_correction_that_is_corrected_goes_last_but_one(
    run: UUID, fix: UUID, tmp_path: Path, roster: Rows
) -> None:
    correcting.finish(fix)
    paydays.mend(tmp_path, roster, "ann", pay_rate="67600.00")
    again = correcting.correct(run, "ann")
    for each in (run, fix):
        with pytest.raises(Refused, match=f"undo or cancel the correction {str(again)[:8]} first"):
            undo(each)
    for each in (again, fix, run):
        undo(each)
    correcting.sound(run, fix, again)


@pytest.mark.parametrize("taken", [False, True], ids=["not taken yet", "taken from later pay"])
def test_what_an_undone_correction_found_paid_too_much_is_not_owed_back(
    run: UUID, tmp_path: Path, roster: Rows, settings: Any, taken: bool
) -> None:
    """80.00 less were to be taken from later pay: with the correction undone, and then the run, ann owes nothing."""
    settings.PAYROLL_RECOVERY_BP = 100_00
    paydays.mend(tmp_path, roster, "ann", pay_rate="60320.00")
    fix = correcting.correct(run, "ann")
    owed_cents = -correcting.facts(fix, "ann")["net_cents"]
    assert [each["cents"] for each in recoveries.still_owed("ACME", ["ann"])["ann"]] == [owed_cents]
    if taken:
        later = paydays.pay("ACME", period=paydays.NEXT)
        assert correcting.facts(later, "ann")["post_tax_cents"] == owed_cents
    undo(fix)
    assert recoveries.still_owed("ACME", ["ann"]) == {}
    assert balances(fix) == {}
    assert [(each.kind, each.left_cents) for each in by_hand.listed(fix)] == (
        [("pay employee", owed_cents)] if taken else []
    )
    undo(run, **ONE)
    assert voided(run) == ["ann"]
    correcting.sound(run, fix)


def test_the_proof_names_what_is_owed_back_for_a_correction_that_was_undone(
    run: UUID, tmp_path: Path, roster: Rows, db: Cluster
) -> None:
    paydays.mend(tmp_path, roster, "ann", pay_rate="60320.00")
    fix = correcting.correct(run, "ann")
    undo(fix)
    paydays.as_owner(db, "alter table events_event disable trigger user")
    paydays.as_owner(db, "delete from events_event where type = 'RecoveryCancelled'")
    (line,) = [line for line in prove(fix) if line.name == "corrections"]
    assert "ann was paid 0 cents too much, and owes" in str(line.findings)


def balances(run: UUID) -> dict[str, int]:
    """What the part of a run has left in the accounts."""
    projection.catch_up()
    trial = TrialBalance(employer_run=UUID(part(run)))
    assert trial.total.balance_cents == 0
    return {name: each.balance_cents for name, each in trial.accounts.items() if each.balance_cents}


def test_a_correction_opened_before_it_is_carried_out_keeps_it_waiting(
    run: UUID, tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened by whoever held the employer's row just before the undoing took it."""
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    decide.undo(run, by="amy", reason="paid twice by hand", **ONE)
    decide.undo(run, by="bea", **ONE)
    monkeypatch.setattr(decide, "is_going", lambda *_: False)
    inner, fixes = paid_once.opened_before, []

    def locked(employers: Any) -> Any:
        monkeypatch.setattr(paid_once, "opened_before", inner)
        fixes.append(open_elsewhere(run))
        return inner(employers)

    monkeypatch.setattr(paid_once, "opened_before", locked)
    paydays.work()
    assert voided(run) == []
    assert "undo or cancel the correction" in paydays.letter().reason
    undo(fixes[0])
    dead_letters.redrive(paydays.letter().id, by="maker")
    paydays.work()
    assert voided(run) == ["ann"]
    correcting.sound(run)


def open_elsewhere(run: UUID) -> UUID:
    """A correction of ann, opened and committed on a connection of its own."""

    def one() -> UUID:
        try:
            return correcting.opened(run, "ann").run
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(one).result(timeout=30)


@pytest.mark.parametrize("of", PARTS, ids=["a paycheck", "a run"])
def test_what_is_being_undone_is_not_corrected(
    run: UUID, tmp_path: Path, roster: Rows, of: dict[str, str]
) -> None:
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    decide.undo(run, by="amy", reason="paid twice by hand", **of)
    decide.undo(run, by="bea", **of)
    with pytest.raises(Refused, match="is being undone in the run that is corrected"):
        correcting.opened(run, "ann")
    paydays.work()
    assert "ann" in voided(run)


def test_what_was_undone_since_it_was_computed_is_not_corrected(
    run: UUID, tmp_path: Path, roster: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    paydays.mend(tmp_path, roster, "ann", pay_rate="65000.00")
    inner = correct.propose

    def late(*given: Any, **of: Any) -> Any:
        found = inner(*given, **of)
        undo(run, **ONE)
        return found

    monkeypatch.setattr(correct, "propose", late)
    with pytest.raises(Refused, match="what was paid to ann of ACME was undone: pay them by a new run"):
        correcting.opened(run, "ann")


def void(run: UUID, employee_id: str = "ann") -> None:
    """A void of what is corrected, as it could be recorded before it was refused."""
    stream = correcting.stream(run, employee_id)
    facts = {
        "voided_by": "amy",
        "confirmed_by": "bea",
        "undo": str(UUID(int=7)),
        "reason": "",
        "instructed": True,
    }
    store.append([NewEvent(stream, store.version(stream) + 1, VOIDED, facts)])
    projection.catch_up()


def test_over_what_was_undone_nothing_is_approved_or_paid(run: UUID, fix: UUID) -> None:
    void(run)
    with pytest.raises(Refused, match="what this run corrects was undone for ann of ACME: cancel this run"):
        paydays.approve(fix)


def test_approved_before_it_was_undone_it_is_not_paid(run: UUID, fix: UUID) -> None:
    paydays.approve(fix)
    void(run)
    paydays.work()
    assert "what this run corrects was undone for ann of ACME" in paydays.letter().reason
    types = [event.type for event in store.read(keys.employerrun_stream(part(fix)))]
    assert "PaymentsInstructed" not in types


def test_the_proof_names_a_correction_over_what_was_undone(run: UUID, fix: UUID, db: Cluster) -> None:
    correcting.finish(fix)
    correcting.sound(fix)
    void(run)
    (line,) = [line for line in prove(fix) if line.name == "corrections"]
    assert [each.partition("ann ")[2] for each in line.findings] == [
        "is corrected, although the paycheck that is corrected was undone"
    ]
