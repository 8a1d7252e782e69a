"""The proof finds what is wrong with a deposit of federal tax: one corruption after the other, each taken back."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.postgres import Cluster
from events import projection
from ops import proof
from payroll.models import PayOrder
from payroll.payments.tax_deposits import deposit
from tests.ops.corruptions import DEPOSITED_BOOKS, DEPOSITS
from tests.ops.test_proof import Finished, Tampering
from tests.saga import paydays

AGAIN = (
    "delete from events_event",
    "insert into events_event overriding system value select * from kept order by position",
)


@pytest.fixture
def stored(db: Cluster, tmp_path: Path, settings: Any) -> Finished:
    """ACME has paid ann, and deposited her federal tax."""
    settings.PAYROLL_GATEWAY = "sandbox"
    settings.PAYROLL_TAX_ROUTING, settings.PAYROLL_TAX_ACCOUNT = "091000019", "9400123"
    for name in ("amy", "bea"):
        paydays.user(name, "decide_payorder")
    paydays.load(tmp_path, [paydays.employer("ACME")], [paydays.salaried("ACME", "ann", "62400.00")])
    run = paydays.pay("ACME")
    for name in ("amy", "bea"):
        deposit(run, by=name)
    paydays.work()
    projection.catch_up()
    return Finished(db, Path(settings.STATE_DIR), run, run)


def findings(run: UUID) -> list[str]:
    (line,) = [line for line in proof.prove(run) if line.name == "deposited"]
    return line.findings


def test_a_changed_log_is_found(stored: Finished) -> None:
    assert findings(stored.paid) == []
    unfound = []
    with Tampering(stored) as owner:
        owner.execute("create temp table kept as select * from events_event")
        for what, statements in DEPOSITS.items():
            changed = [owner.execute(statement).rowcount for statement in statements]
            assert all(changed), f"{what} was planted"
            if not findings(stored.paid):
                unfound.append(what)
            for statement in AGAIN:
                owner.execute(statement)
    assert unfound == []
    assert findings(stored.paid) == []


@pytest.mark.parametrize("what", DEPOSITED_BOOKS)
def test_changed_books_are_found(stored: Finished, what: str) -> None:
    with closing(sqlite3.connect(stored.state / "bank" / "bank.sqlite")) as books:
        books.executescript(DEPOSITED_BOOKS[what])
    (finding,) = findings(stored.paid)
    assert finding.startswith("ACME: the bank's books hold")


def test_a_changed_file_and_a_decision_that_is_gone_are_found(stored: Finished) -> None:
    paydays.as_owner(stored.cluster, "delete from payroll_decision")
    (finding,) = findings(stored.paid)
    assert "no two people have decided" in finding
    stored.only(PayOrder.objects.get(kind="tax-deposit").object).unlink()
    assert len(findings(stored.paid)) == 2
