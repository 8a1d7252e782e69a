"""The ledger in the admin, and a rebuild that the ledger refuses."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from ops.admin import words
from payroll.models import EmployerRun as Row
from payroll.models import LedgerTransaction, PayRun
from tests.ops import payday
from tests.saga.ledger_log import O1, EmployerRun, record

pytestmark = [
    pytest.mark.usefixtures("db"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected when deployed
]


def client() -> Client:
    made = Client()
    made.force_login(User.objects.get(username="checker"))
    return made


def test_a_paid_employer_shows_what_its_accounts_come_to(tmp_path: Any, settings: Any) -> None:
    payday.begin(tmp_path / "roster", settings)
    paid, waiting = Row.objects.get(employer="A3"), Row.objects.get(employer="A2")
    page = client().get(words.page(Row, paid.pk)).content.decode()
    assert "what the bank has been told to pay" in page
    assert page.count(words.amount(paid.net_cents)) >= 3, "net pay, what was paid, and what is under way"
    assert "Nothing is posted until" in client().get(words.page(Row, waiting.pk)).content.decode()


def test_a_transaction_shows_its_legs_and_the_list_its_amount(tmp_path: Any, settings: Any) -> None:
    payday.begin(tmp_path / "roster", settings)
    paid = Row.objects.get(employer="A3")
    posted = LedgerTransaction.objects.get(event="PaymentsInstructed")
    page = client().get(words.page(LedgerTransaction, posted.pk)).content.decode()
    debits = sum(leg.amount_cents for leg in posted.legs.all() if leg.amount_cents > 0)
    assert all(leg.account in page for leg in posted.legs.all())
    assert words.amount(debits) in page
    listed = words.listing(LedgerTransaction, event="PaymentsInstructed", employer="A3")
    assert words.amount(debits) in client().get(listed).content.decode()
    other = words.listing(LedgerTransaction, event="OrderSettled")
    assert words.amount(debits) not in client().get(other).content.decode()
    assert debits > paid.gross_cents


def test_a_rebuild_that_does_not_balance_is_refused_and_changes_nothing(db: Any) -> None:
    part = EmployerRun("ACME")
    part.paycheck("ann", gross=10, net=9)
    posted = part.instruct(O1)
    record("payrun-x", "PayRunOpened", {"run": part.run})
    with pytest.raises(CommandError, match=f"cannot be folded from the log.*{posted}"):
        call_command("rebuild")
    assert PayRun.objects.count() == 1, "the others are rebuilt"
    assert LedgerTransaction.objects.count() == 0
