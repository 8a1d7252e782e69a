"""What the bank tells over HTTP: signed, recorded once, and the same events as if it had come as a file."""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client

from events import projection, store
from ops.proof import prove
from payroll.models import Payment, PayOrder
from payroll.payments import bank, gateways, imports, pay_accounts
from payroll.payments import returned as came_back
from payroll.payments.orders import Order
from tests.api.calling import ROOT, problem
from tests.api.serving import served
from tests.saga import paydays
from tests.saga.bank_orders import until
from tests.saga.bank_talk import Talk
from tests.saga.came_back_files import acknowledgement, payment, settlement

pytestmark = pytest.mark.usefixtures("db")

ADDRESS = f"{ROOT}/bank/webhooks"
SECRET = "what we share with the bank"


@pytest.fixture(autouse=True)
def talk(tmp_path: Path, db: object, settings: Any) -> Iterator[Talk]:
    """ACME pays ann and bob at a bank that takes payments over HTTP."""
    made = Talk(gateways.bank_dir())
    settings.PAYROLL_GATEWAY = "http"
    settings.PAYROLL_GATEWAY_URL, settings.PAYROLL_GATEWAY_TOKEN = made.address.url, made.address.token
    settings.PAYROLL_GATEWAY_WEBHOOK_SECRET = SECRET
    paydays.load(
        tmp_path,
        [paydays.employer("ACME")],
        [
            paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
            paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
        ],
    )
    yield made
    bank.stop(made.folder)


def headers(
    body: bytes, *, identity: str = "msg_1", at: float | None = None, secret: str = SECRET
) -> dict[str, str]:
    """As Standard Webhooks 1.0 has them."""
    moment = str(int(at or time.time()))
    digest = hmac.new(secret.encode(), f"{identity}.{moment}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": identity, "webhook-timestamp": moment, "webhook-signature": signature}


def tell(body: bytes, given: dict[str, str] | None = None, content_type: str = "application/json") -> Any:
    client = Client(raise_request_exception=False)
    return client.generic(
        "POST", ADDRESS, body, content_type, headers=headers(body) if given is None else given
    )


def returned(*payments: Payment, code: str = "R03", on: str = "2026-11-24", **change: Any) -> bytes:
    """What a bank tells that came back of a list."""
    rows = [
        {"payment": str(each.payment), "code": code, "amount_cents": each.amount_cents, "returned_on": on}
        | change
        for each in payments
    ]
    return json.dumps({"type": "return", "key": str(payments[0].order), "returns": rows}).encode()


def order() -> PayOrder:
    projection.catch_up()
    return PayOrder.objects.get()


def log() -> list[tuple[str, str]]:
    """Every event that what a bank says may leave behind."""
    found = [
        event
        for prefix in ("bankfile-", "payment-", "account-", "order-")
        for event in store.read_prefix(prefix)
    ]
    return [(event.stream, event.type) for event in found]


def test_a_payday_is_told_from_acceptance_to_return_and_everything_twice(talk: Talk) -> None:
    """The bank's own process tells a served API; the bank's books, the log and the proof agree in the end."""
    with served(get_wsgi_application()) as address:
        talk.post("/webhook", url=f"{address}{ADDRESS}", secret=SECRET)
        talk.script(
            {"on": "send", "do": "late_return", "code": "R03"},
            *({"on": "webhook", "do": "duplicate_webhook"} for _ in range(3)),
        )
        run = paydays.pay("ACME")
        talk.post("/settle", on=str(paydays.PAYDAY))
        until(lambda: len(store.read_prefix("bankfile-")) == 3)
    kinds = sorted(event.data["kind"] for event in store.read_prefix("bankfile-"))
    assert kinds == ["acknowledgement", "return", "settlement"]
    assert {event.data["imported_by"] for event in store.read_prefix("bankfile-")} == {"bank:webhook"}
    assert Order(order().stream).state == "settled"
    (back,) = store.read_prefix("payment-")
    (movement,) = [each for each in talk.movements() if each.return_code]
    assert (back.data["payment"], back.data["amount_cents"]) == (movement.trace, movement.amount_cents)
    assert (back.data["return_code"], back.data["state"]) == ("R03", "returned")
    (held,) = pay_accounts.listed()
    assert (held.employee_id, held.held_for) == (back.data["employee_id"], "R03")
    assert not [finding for line in prove(run) for finding in line.findings]
    assert not projection.differences()


def test_the_same_delivery_again_is_fine_and_changes_nothing() -> None:
    paydays.pay("ACME")
    tell(settlement(order()))
    told = returned(payment("ann"), payment("bob"))
    first = tell(told)
    assert (first.status_code, first.json()) == (200, {"new": True, "matched": 2, "unmatched": 0})
    before = log()
    assert [kind for _, kind in before].count("PaymentReturned") == 2
    again = tell(told, headers(told, at=time.time() - 60))
    assert (again.status_code, again.json()) == (200, {"new": False, "matched": 2, "unmatched": 0})
    assert log() == before


def test_what_is_told_and_fetched_as_a_file_too_is_on_record_once() -> None:
    """The bank tells of one order under an id of its own, and lays down a report of the day: other bytes."""
    paydays.pay("ACME")
    told = [settlement(order()), returned(payment("ann"))]
    for body in told:
        assert tell(body).json()["unmatched"] == 0
    before = [each for each in log() if not each[0].startswith("bankfile-")]
    for body in told:
        file = imports.import_file(b" " + body, name="a file of the day")
        assert (file.new, file.matched, file.findings) == (True, 1, ())
    assert [each for each in log() if not each[0].startswith("bankfile-")] == before


def test_an_acknowledgement_is_taken_whoever_is_first() -> None:
    paydays.pay("ACME")
    assert tell(acknowledgement(order())).json() == {"new": True, "matched": 1, "unmatched": 0}
    assert [event.type for event in store.read(order().stream)].count("OrderAccepted") == 1


def test_a_return_that_contradicts_what_is_on_record_is_a_finding() -> None:
    paydays.pay("ACME")
    ann = payment("ann")
    tell(returned(ann))
    other = [
        returned(ann, code="R02"),
        returned(payment("bob"), amount_cents=1),
        returned(payment("bob"), payment=str(UUID(int=7))),
        returned(payment("bob")).replace(str(ann.order).encode(), str(UUID(int=7)).encode()),
    ]
    for body in other:
        assert tell(body).json() == {"new": True, "matched": 0, "unmatched": 1}
    assert [kind for _, kind in log()].count("PaymentReturned") == 1


def test_a_return_of_what_is_not_known_to_be_sent_is_refused_until_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paydays.pay("ACME")
    told = returned(payment("ann"))
    with monkeypatch.context() as patched:
        patched.setattr(came_back, "WITH_THE_BANK", set())
        assert "is accepted: find out" in problem(tell(told), 409, "refused")["detail"]
    assert not store.read_prefix("bankfile-")
    assert tell(told).json()["new"]


def test_a_returned_payment_that_holds_nothing_holds_no_account() -> None:
    paydays.pay("ACME")
    tell(returned(payment("ann"), code="R06"))
    assert not pay_accounts.listed()


@pytest.mark.parametrize(
    ("signed", "late_s", "of", "change"),
    [
        (b"{}", 0, {"secret": "another"}, {}),
        (b"{} ", 0, {}, {}),
        (b"{}", 3_000, {}, {}),
        (b"{}", -3_000, {}, {}),
        (b"{}", 0, {}, {"webhook-id": "msg_2"}),
        (b"{}", 0, {}, {"webhook-signature": "v1,"}),
        (b"{}", 0, {"identity": "../../x"}, {}),
    ],
)
def test_what_the_bank_did_not_sign_or_signed_long_ago_is_refused(
    signed: bytes, late_s: int, of: dict[str, str], change: dict[str, str]
) -> None:
    problem(tell(b"{}", headers(signed, at=time.time() - late_s, **of) | change), 401, "unsigned")
    problem(tell(b"{}", {}), 401, "unsigned")
    problem(tell(b"{}"), 409, "refused")
    assert not log()


def test_without_a_secret_nobody_is_the_bank(settings: Any) -> None:
    body = b"{}"
    for configured in ("", ","):
        settings.PAYROLL_GATEWAY_WEBHOOK_SECRET = configured
        problem(tell(body, headers(body, secret="")), 401)


def test_either_secret_counts_while_one_replaces_the_other(settings: Any) -> None:
    paydays.pay("ACME")
    body = settlement(order())
    settings.PAYROLL_GATEWAY_WEBHOOK_SECRET = f"the next,{SECRET}"
    assert tell(body).status_code == 200
    assert tell(body, headers(body, secret="the next")).status_code == 200
    problem(tell(body, headers(body, secret=f"the next,{SECRET}")), 401)


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"[]",
        b'{"type": "balance"}',
        b'{"type": "return"}',
        b'{"type": "return", "key": "x", "returns": []}',
        b'{"type": "return", "key": "00000000-0000-0000-0000-000000000007", "returns": [{"payment": 1}]}',
        b'{"a":' * 10_000,
        b"101 021000021 091000019",
    ],
)
def test_what_the_bank_signed_and_nobody_can_read_is_refused_whole(body: bytes) -> None:
    problem(tell(body), 409, "refused")
    assert not log()


@pytest.mark.parametrize(
    "change",
    [
        {"code": "C01"},
        {"code": 3},
        {"amount_cents": 1.0},
        {"amount_cents": -1},
        {"amount_cents": True},
        {"returned_on": "24.11.2026"},
        {"payment": "ann"},
    ],
)
def test_one_payment_that_cannot_be_read_refuses_the_whole_list(change: dict[str, Any]) -> None:
    paydays.pay("ACME")
    told = json.loads(returned(payment("ann"), payment("bob")))
    told["returns"][1] |= change
    document = problem(tell(json.dumps(told).encode()), 409, "refused")
    assert next(iter(change)) in document["detail"]
    assert not store.read_prefix("payment-")


def test_form_and_size_are_those_of_the_api(settings: Any) -> None:
    body = b"{}"
    problem(tell(body, content_type="text/plain"), 415)
    settings.PAYROLL_API_BODY_BYTES = 100
    large = b"{" + b" " * 200 + b"}"
    problem(tell(large), 413)
    problem(Client().get(ADDRESS), 405)


def test_nothing_of_it_is_in_the_log_of_the_program(caplog: pytest.LogCaptureFixture) -> None:
    paydays.pay("ACME")
    told = returned(payment("ann"))
    with caplog.at_level(logging.DEBUG):
        tell(told)
        tell(told, {})
        tell(told + b" ", headers(told))
    assert str(payment("ann").payment) not in caplog.text
    assert SECRET not in caplog.text
