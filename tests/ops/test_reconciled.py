"""The daily reconciliation: on record once a day; told, and shown in red, when the books differ."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events import outbox, projection, store, ticks
from events.models import Publication
from events.store import NewEvent
from ops import health, reconcile, reconciled
from ops.admin import desk
from payroll.models import PayOrder
from tests.ops.test_desk import AUDITORS, HOME, person, visit
from tests.saga import paydays

pytestmark = [
    pytest.mark.usefixtures("db"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected when deployed
]


@pytest.fixture(autouse=True)
def paid(tmp_path: Path, db: object, settings: Any) -> None:
    """ACME has paid ann and bob, and BOLT cyd, through the sandbox bank."""
    settings.PAYROLL_GATEWAY = "sandbox"
    settings.PAYROLL_SUBSCRIBERS = []
    paydays.load(
        tmp_path,
        [paydays.employer("ACME"), paydays.employer("BOLT")],
        [
            paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
            paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
            paydays.salaried("BOLT", "cyd", "78000.00", account_number="5550003"),
        ],
    )
    paydays.pay("ACME", "BOLT")
    projection.catch_up()


def recorded() -> list[Any]:
    return store.read_prefix(reconciled.PREFIX)


def lose_cents(db: Any, employer: str, cents: int) -> None:
    """So much of an employer's payments is missing in the read model."""
    statement = (
        "update payroll_payment set amount_cents = amount_cents - %s where payment = (select payment from"
    )
    paydays.as_owner(db, f"{statement} payroll_payment where employer = %s limit 1)", cents, employer)


def told() -> list[Any]:
    outbox.publish()
    return list(Publication.objects.filter(topic="reconcile.differs"))


def test_a_day_is_reconciled_once_by_its_tick() -> None:
    ticks.run("reconcile")
    ticks.run("reconcile")
    (only,) = recorded()
    assert (only.type, only.data["reconciled_by"], only.data["found"]) == ("BooksAgreed", "schedule", 0)
    assert (only.data["orders"], only.data["payments"], only.data["differing"]) == (2, 3, 0)
    assert not told() and not list(health.troubles())
    page, _ = visit(person("eve", AUDITORS), HOME)
    assert "Last reconciled" in page and "Books agree" in page and "2 orders" in page


def test_books_that_differ_are_told_logged_and_red_until_they_agree(
    db: Any, caplog: pytest.LogCaptureFixture
) -> None:
    acme = PayOrder.objects.get(employer="ACME")
    lose_cents(db, "ACME", 7)
    ticks.run("reconcile")
    (only,) = recorded()
    assert only.type == "BooksDiffered" and "the books do not agree" in caplog.text
    assert (only.data["orders"], only.data["differing"]) == (2, 1)
    (message,) = told()
    body = message.body.get("data", message.body)
    sums = {name: body[name] for name in ("payments_cents", "ledger_cents", "bank_cents")}
    assert sums == {
        "payments_cents": acme.credits_cents - 7,
        "ledger_cents": acme.credits_cents,
        "bank_cents": acme.credits_cents,
    }
    assert (body["orders"], body["differing"]) == (2, 1)
    assert "ACME" not in str(message.body) and str(acme.order) not in str(message.body)
    (trouble,) = health.troubles()
    assert "did not agree" in trouble and "manage.py reconcile" in trouble
    clerk = person("amy")
    page, _ = visit(clerk, HOME)
    assert "Books differ" in page and "ops-edge-bad" in page
    page, _ = visit(clerk, desk.address("books"))
    assert "Do not pay anything again" in page and str(acme.order) in page

    lose_cents(db, "ACME", -7)
    page, message_of = visit(clerk, desk.address("books"), action="reconcile")
    assert message_of == "Ledger, payments and bank agree." and "Do not pay anything again" not in page
    assert [event.type for event in recorded()] == ["BooksDiffered", "BooksAgreed"]
    assert recorded()[-1].data["reconciled_by"] == "amy"
    assert not list(health.troubles())
    assert "Books agree" in visit(clerk, HOME)[0]


def test_the_sum_of_one_person_is_not_told(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"orders": 1, "differing": 1, "found": 1, "findings": ["x"], "reconciled_by": "schedule"}
    sums = dict.fromkeys(("payments_cents", "ledger_cents", "bank_cents"), 2_012_25)
    store.append([NewEvent("reconcile-2026-11-20", 1, "BooksDiffered", facts | sums | {"payments": 1})])
    (message,) = told()
    assert "201225" not in str(message.body) and "differing" in str(message.body)


def test_what_moves_between_two_looks_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look reads the bank before an order is booked, and the order after."""
    really, looks = reconcile.reconcile, []

    def look() -> Any:
        looks.append(1)
        found = really()
        passing = ["an order that is just being sent"] if len(looks) == 1 else ["another one"]
        return found.__class__(found.lines, found.findings + passing)

    monkeypatch.setattr(reconciled, "reconcile", look)
    assert reconciled.record(by="schedule").type == "BooksAgreed" and len(looks) == 2


def test_a_reconciliation_that_stays_away_is_a_trouble(db: Any) -> None:
    ticks.run("reconcile")
    projection.catch_up()
    outbox.publish()
    paydays.as_owner(db, "alter table events_event disable trigger user")
    statement = "update events_event set recorded_at = recorded_at - %s where stream like 'reconcile-%%'"
    paydays.as_owner(db, statement, timedelta(days=3))
    paydays.as_owner(db, "alter table events_event enable trigger user")
    (trouble,) = health.troubles()
    assert "not reconciled for 3 days" in trouble


def test_the_page_of_the_books_is_for_who_may_see_orders(db: Any) -> None:
    assert visit(person("eve", AUDITORS), desk.address("books"))[0].count("has not happened yet") == 1
    assert Client().post(desk.address("books")).status_code == 302
    paydays.user("new")
    stranger = person("new")
    User.objects.filter(username="new").update(is_staff=True)
    for answer in (stranger.get(desk.address("books")), stranger.post(desk.address("books"))):
        assert answer.status_code == 403
    assert not recorded()
