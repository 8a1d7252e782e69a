"""Nobody approves their own run, nobody approves it twice, and nothing is paid that was not approved as it stands."""

import logging
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from deploy.postgres import Cluster
from events import projection, runner, store
from events.models import Work, WorkState
from events.store import NewEvent
from payroll import keys, runs
from payroll.models import EmployerRun
from payroll.payments import bank
from payroll.runs import Refused
from tests.saga import paydays
from tests.saga.paydays import employer, salaried

pytestmark = pytest.mark.usefixtures("db", "by_file")
MAY_APPROVE = "approve_employerrun"
ROUNDS = 5


@pytest.fixture
def by_file(settings: Any) -> None:
    """Payment files are laid down for the bank to fetch; no process is started."""
    settings.PAYROLL_GATEWAY = "ach"


@pytest.fixture
def ready(tmp_path: Path) -> Any:
    """An employer's run that waits for its approval, opened by maker."""
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    paydays.open_run()
    paydays.work()
    return paydays.employer_run("ACME")


def nothing_is_paid() -> None:
    assert "EmployerRunApproved" not in paydays.part("ACME")
    paydays.work()
    assert paydays.credits() == {}
    assert "PaymentsInstructed" not in paydays.part("ACME")


def test_who_opened_the_run_does_not_approve_it(ready: Any) -> None:
    paydays.user("opener", MAY_APPROVE)
    run = paydays.open_run("ACME", period=paydays.NEXT, by="opener")
    paydays.work()
    with pytest.raises(Refused, match="opener opened this run"):
        runs.approve(paydays.employer_run("ACME", paydays.NEXT), by="opener")
    paydays.approve(run)
    paydays.work()
    assert list(paydays.credits()) == ["ann"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nobody", "there is no active user 'nobody'"),
        ("", "there is no active user ''"),
        ("retired", "there is no active user 'retired'"),
        ("clerk", "clerk does not hold the permission"),
        ("redriver", "redriver does not hold the permission"),
        ("maker", "maker does not hold the permission"),
        ("CHECKER", "there is no active user 'CHECKER'"),
    ],
)
def test_others_who_may_not_are_refused_by_name(ready: Any, name: str, why: str) -> None:
    paydays.user("retired", MAY_APPROVE, active=False)
    paydays.user("clerk")
    paydays.user("redriver", "redrive_deadletter", "dismiss_deadletter", "view_employerrun")
    with pytest.raises(Refused, match=why):
        runs.approve(ready, by=name)
    nothing_is_paid()


def test_nothing_is_paid_without_an_approval(ready: Any, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"
    nothing_is_paid()
    assert bank.books(settings.STATE_DIR / "bank") == []
    assert Work.objects.get(saga="employerrun").state == WorkState.WAITING


def test_an_employer_is_approved_once(ready: Any) -> None:
    runs.approve(ready, by="checker")
    paydays.user("second", MAY_APPROVE)
    for again in ("checker", "second"):
        with pytest.raises(Refused, match="already approved by checker"):
            runs.approve(ready, by=again)
    paydays.work()
    with pytest.raises(Refused, match="already approved by checker"):
        runs.approve(ready, by="second")
    paydays.work()
    assert [len(amounts) for amounts in paydays.credits().values()] == [1]


def test_an_employer_run_that_is_none_is_refused(ready: Any) -> None:
    with pytest.raises(Refused, match="no employer run"):
        runs.approve(keys.employer_run_id("NONE", *paydays.NEXT[:2], "regular"), by="checker")


def test_of_two_approvers_at_the_same_moment_one_wins(tmp_path: Path) -> None:
    """Both have read the run as waiting before either writes."""
    names = [f"A{number}" for number in range(ROUNDS)]
    paydays.load(tmp_path, map(employer, names), [salaried(name, "ann", "62400.00") for name in names])
    paydays.open_run()
    paydays.work()
    for each in ("left", "right"):
        paydays.user(each, MAY_APPROVE)
    for name in names:
        outcomes = _race(paydays.employer_run(name), ("left", "right"))
        winner = paydays.part(name)["EmployerRunApproved"]["approved_by"]
        assert sorted(map(bool, outcomes.values())) == [False, True]
        assert outcomes[winner] == ""
        assert "at the same moment" in "".join(outcomes.values()) or "already approved" in "".join(
            outcomes.values()
        )
    paydays.work()
    assert [len(amounts) for amounts in paydays.credits().values()] == [ROUNDS]


def _race(employer_run: Any, approvers: tuple[str, ...]) -> dict[str, str]:
    """What each was told; the winner was told nothing."""
    ready = threading.Barrier(len(approvers))
    told = {}

    def try_it(name: str) -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            runs.approve(employer_run, by=name)
            told[name] = ""
        except Refused as refused:
            told[name] = str(refused)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it, args=(name,)) for name in approvers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


# What is paid is what was approved


@pytest.mark.parametrize("kind", ["TaxCalculated", "Noted"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_register_that_has_changed_is_not_paid(ready: Any, kind: str, when: str) -> None:
    """Somebody appends to a paycheck once it is validated, before or after the approval."""
    stream = keys.paycheck_stream(ready, "ann")
    added = NewEvent(stream, store.version(stream) + 1, kind, {"net_cents": 99_999_999})
    if when == "before":
        store.append([added])
    runs.approve(ready, by="checker")
    if when == "after":
        store.append([added])
    paydays.work()
    letter = paydays.letter()
    if kind == "TaxCalculated":  # the approval is void, and what stands there now is not validated
        assert (letter.step, letter.kind) == ("validate", "needs review")
        assert "control totals of ACME do not agree" in letter.reason
        assert paydays.part("ACME")["EmployerRunApprovalVoided"]["voided_approval_of"] == "checker"
    else:  # another kind is no part of the register, and stands in the way of its payment
        assert letter.step == "push-payment"
    assert paydays.credits() == {}
    assert "PaymentsInstructed" not in paydays.part("ACME")


def test_an_approval_of_the_opener_that_got_into_the_log_is_not_paid(ready: Any) -> None:
    """Past the command: an approval event by hand, and the work set going."""
    validated = paydays.part("ACME")["EmployerRunValidated"]
    stream = keys.employerrun_stream(ready)
    facts = {"approved_by": "maker", "approved_register_sha256": validated["register_sha256"]}
    store.append([NewEvent(stream, store.version(stream) + 1, "EmployerRunApproved", facts)])
    Work.objects.filter(saga="employerrun").update(state=WorkState.READY)
    runner.run_due()
    assert paydays.credits() == {}
    letter = paydays.letter()
    assert letter.step == "push-payment" and "maker" in letter.reason


@pytest.mark.parametrize("role", ["app_url", "owner_url"])
def test_the_database_itself_keeps_opener_and_approver_apart(ready: Any, db: Cluster, role: str) -> None:
    """A read model row is not the record, and still nobody can write that the opener approved."""
    projection.catch_up()
    change = """update payroll_employerrun set facts = facts || '{"approved_by": "maker"}' where employer = 'ACME'"""
    with (
        psycopg.connect(getattr(db, role)) as other,
        pytest.raises(psycopg.errors.CheckViolation, match="approver_is_not_opener"),
    ):
        other.execute(change)


def test_the_orm_cannot_either(ready: Any) -> None:
    projection.catch_up()
    row = EmployerRun.objects.get(employer="ACME")
    row.facts["approved_by"] = row.opened_by
    with pytest.raises(IntegrityError, match="approver_is_not_opener"), transaction.atomic():
        row.save()
    assert EmployerRun.objects.get(employer="ACME").approved_by is None


def test_auto_approval_says_so(tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.PAYROLL_AUTO_APPROVE = True
    paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    paydays.open_run()
    with caplog.at_level(logging.WARNING, logger="payroll.saga"):
        paydays.work()
    assert "ACME is approved by nobody" in caplog.text
    assert paydays.part("ACME")["EmployerRunApproved"]["approved_by"] == "auto-approve"
    assert list(paydays.credits()) == ["ann"]


def test_without_the_switch_nobody_approves_by_themselves(ready: Any, settings: Any) -> None:
    assert settings.PAYROLL_AUTO_APPROVE is False
    nothing_is_paid()
