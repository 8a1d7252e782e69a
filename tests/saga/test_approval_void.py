"""An approval is bound to what was approved: a change after it voids it, says what changed, and asks for another."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import IntegrityError, transaction

from deploy.postgres import Cluster
from events import projection, store
from events.models import Work, WorkState
from events.store import NewEvent
from ops.proof import prove
from ops.status import run_status
from payroll import approvals, keys, objects, runs
from payroll.models import Approval, EmployerRun
from payroll.runs import Refused
from tests.saga import paydays

pytestmark = pytest.mark.usefixtures("db")
LEFT_OUT = {"by": "somebody", "reason": "paid by hand"}


@pytest.fixture
def run(tmp_path: Path, settings: Any) -> UUID:
    """ann and bob of ACME wait for an approval."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [paydays.salaried("ACME", name, "62400.00") for name in ("ann", "bob")]
    paydays.load(tmp_path, [paydays.employer("ACME")], people)
    run = paydays.open_run("ACME")
    paydays.work()
    return run


def leave_out(employee_id: str) -> None:
    """Somebody is left out of a register that is approved, past every command."""
    stream = keys.paycheck_stream(paydays.employer_run("ACME"), employee_id)
    store.append([NewEvent(stream, store.version(stream) + 1, "PaycheckExcluded", LEFT_OUT)])


def types() -> list[str]:
    return [event.type for event in store.read(keys.employerrun_stream(paydays.employer_run("ACME")))]


def proof_of(run: UUID) -> list[str]:
    return [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]


def test_a_change_after_the_approval_voids_it_and_is_shown(run: UUID) -> None:
    before = paydays.part("ACME")["EmployerRunValidated"]
    paydays.approve(run)
    leave_out("bob")
    paydays.work()
    assert paydays.credits() == {} and paydays.letters() == []
    void = paydays.part("ACME")["EmployerRunApprovalVoided"]
    after = paydays.part("ACME")["EmployerRunValidated"]
    assert void["voided_register_sha256"] == before["register_sha256"]
    assert void["now_register_sha256"] == after["register_sha256"] != before["register_sha256"]
    half = before["total_net_cents"] // 2  # both earn the same
    assert void["changed"] == [["bob", "removed", half, 0]]
    assert (void["changed_payable"], void["changed_net_cents"]) == ([2, 1], [2 * half, half])
    assert types()[-3:] == ["EmployerRunApproved", "EmployerRunApprovalVoided", "EmployerRunValidated"]
    # It waits for an approval again, and nobody is named as having given one.
    projection.catch_up()
    row = EmployerRun.objects.get(employer="ACME")
    assert (row.approved_by, row.state) == (None, "waits for approval")
    (note,) = run_status(run).notes
    assert "the approval of checker is void" in note and "bob removed" in note
    assert Work.objects.get(saga="employerrun").state == WorkState.WAITING
    paydays.approve(run)
    paydays.work()
    assert paydays.credits() == {"ann": [half]}
    assert types().count("EmployerRunApproved") == 2
    assert run_status(run).notes == []
    assert proof_of(run) == []
    assert projection.differences() == []


def test_a_changed_amount_is_shown_by_person(run: UUID) -> None:
    """A further event of a paycheck that adds up: the register is another, and whose line it is is said."""
    paydays.approve(run)
    stream = keys.paycheck_stream(paydays.employer_run("ACME"), "ann")
    more = {"gross_cents": 100, "net_cents": 100}
    store.append([NewEvent(stream, store.version(stream) + 1, "PayCalculated", more)])
    paydays.work()
    void = paydays.part("ACME")["EmployerRunApprovalVoided"]
    (changed,) = void["changed"]
    assert changed[:2] == ["ann", "changed"] and changed[3] - changed[2] == 100
    assert void["changed_net_cents"][1] - void["changed_net_cents"][0] == 100


def test_voided_and_approved_twice_over(run: UUID, tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        paydays.approve(run)
        if name == "ann":
            leave_out("bob")
            paydays.work()
    with pytest.raises(Refused, match="already approved by checker"):
        runs.approve(paydays.employer_run("ACME"), by="checker")
    paydays.work()
    assert list(paydays.credits()) == ["ann"]
    assert Approval.objects.filter(employer_run=paydays.employer_run("ACME")).count() == 2


def test_a_run_that_nothing_changed_keeps_its_approval(run: UUID) -> None:
    paydays.approve(run)
    paydays.work()
    assert "EmployerRunApprovalVoided" not in types()
    kept = paydays.part("ACME")["EmployerRunValidated"]
    content = objects.get_verified(kept["register_object"], kept["register_object_sha256"])
    assert list(json.loads(content)) == ["ann", "bob"]
    (row,) = Approval.objects.all()
    assert (row.maker, row.checker, row.register_sha256) == ("maker", "checker", kept["register_sha256"])


# Maker and checker


def test_the_database_refuses_an_approval_of_the_maker_in_its_own_transaction(run: UUID) -> None:
    """Past the command: the event is appended and recorded as the command does, by who opened the run."""
    part = paydays.employer_run("ACME")
    stream = keys.employerrun_stream(part)
    sha256 = paydays.part("ACME")["EmployerRunValidated"]["register_sha256"]
    facts = {"approved_by": "maker", "approved_register_sha256": sha256}
    event = NewEvent(stream, store.version(stream) + 1, "EmployerRunApproved", facts)
    with pytest.raises(IntegrityError, match="maker_is_not_checker"), transaction.atomic():
        store.append([event])
        approvals.record(event)
    assert "EmployerRunApproved" not in types() and not Approval.objects.exists()


@pytest.mark.parametrize("role", ["app_url", "owner_url"])
def test_nobody_writes_such_a_row(run: UUID, db: Cluster, role: str) -> None:
    insert = """insert into payroll_approval (id, employer_run, maker, checker, register_sha256)
                values (%s, %s, 'maker', %s, 'x')"""
    with psycopg.connect(getattr(db, role)) as other:
        for checker in ("maker", ""):
            with pytest.raises(psycopg.errors.CheckViolation, match="maker_is_not_checker"):
                other.execute(insert, [uuid4(), uuid4(), checker])
            other.rollback()


@pytest.mark.parametrize(
    "statement", ["update payroll_approval set checker = 'x'", "delete from payroll_approval"]
)
def test_the_application_changes_no_approval(run: UUID, db: Cluster, statement: str) -> None:
    paydays.approve(run)
    with psycopg.connect(db.app_url) as other, pytest.raises(psycopg.errors.InsufficientPrivilege):
        other.execute(statement)


def test_an_approval_that_is_in_the_log_alone_is_void(run: UUID) -> None:
    part = paydays.employer_run("ACME")
    stream = keys.employerrun_stream(part)
    sha256 = paydays.part("ACME")["EmployerRunValidated"]["register_sha256"]
    facts = {"approved_by": "checker", "approved_register_sha256": sha256}
    store.append([NewEvent(stream, store.version(stream) + 1, "EmployerRunApproved", facts)])
    Work.objects.filter(saga="employerrun").update(state=WorkState.READY)
    paydays.work()
    assert paydays.credits() == {}
    assert types()[-2:] == ["EmployerRunApprovalVoided", "EmployerRunValidated"]
    paydays.approve(run)
    paydays.work()
    assert sorted(paydays.credits()) == ["ann", "bob"]
