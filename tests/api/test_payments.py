"""Orders and payments over the API, the switch, and release: what may be seen by whom, and what is done once."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from events import projection, store
from payroll import keys
from payroll.models import Payment, PayOrder
from payroll.payments import halt
from payroll.payments.imports import import_file
from payroll.runs import Opened
from tests.api import calling
from tests.api.calling import Program, problem
from tests.ops import payday
from tests.saga import paydays
from tests.saga.came_back_files import payment, returns, settlement

pytestmark = pytest.mark.usefixtures("db")
ACCOUNTS = ("5550001", "5550002")
NOBODY = UUID(int=7)


@pytest.fixture
def paid(tmp_path: Path, settings: Any) -> UUID:
    """ACME has paid ann and bob, the bank has settled it, and ann's payment came back."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [
        paydays.salaried("ACME", "ann", "62400.00", account_number=ACCOUNTS[0]),
        paydays.salaried("ACME", "bob", "52000.00", account_number=ACCOUNTS[1]),
    ]
    paydays.load(tmp_path, [paydays.employer("ACME")], people)
    run = paydays.pay("ACME")
    projection.catch_up()
    import_file(settlement(PayOrder.objects.get()), name="settlement")
    import_file(returns(payment("ann")), name="returns")
    return run


@pytest.fixture
def reader() -> Program:
    return calling.program("payments:read")


def test_the_orders_of_a_run_are_listed_and_shown(paid: UUID, reader: Program) -> None:
    listed = reader.get(f"/runs/{paid}/orders").json()
    (order,) = listed["orders"]
    row = PayOrder.objects.get()
    assert listed["next"] is None
    assert order == {
        "order": str(row.order),
        "kind": "net-pay",
        "run": str(paid),
        "employer_run": str(paydays.employer_run("ACME")),
        "employer": "ACME",
        "pay_date": "2026-11-20",
        "effective": "2026-11-20",
        "settles_at": "",
        "state": "settled",
        "entries": 2,
        "credits_cents": sum(each.amount_cents for each in Payment.objects.all()),
        "debits_cents": 0,
        "gateway": "ach-folder",
        "sha256": row.facts["sha256"],
        "bank_reference": row.bank_reference,
        "settled_on": "2026-11-20",
    }
    shown = reader.get(f"/orders/{row.order}").json()
    happened = [event["type"] for event in shown.pop("events")]
    assert shown == order
    assert happened == ["OrderCreated", "OrderReserved", "OrderSending", "OrderAccepted", "OrderSettled"]


def test_the_payments_of_a_run_are_listed_page_by_page_and_shown(paid: UUID, reader: Program) -> None:
    found: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        page = reader.get(f"/runs/{paid}/payments", limit=1, **more).json()
        found += page["payments"]
        if not page["next"]:
            break
        more = {"cursor": page["next"]}
    assert [each["payment"] for each in found] == sorted(str(row.payment) for row in Payment.objects.all())
    told = {each["employee_id"]: each for each in found}
    assert {name: (each["state"], each["return_code"]) for name, each in told.items()} == {
        "ann": ("returned", "R03"),
        "bob": ("settled", ""),
    }
    ann = payment("ann")
    assert (told["ann"]["amount_cents"], told["ann"]["order"]) == (ann.amount_cents, str(ann.order))
    assert reader.get(f"/payments/{ann.payment}").json() == told["ann"]
    assert reader.get(f"/runs/{paid}/payments", employer="OTHER").json()["payments"] == []


def test_no_answer_has_an_account_in_it(paid: UUID, reader: Program) -> None:
    row = PayOrder.objects.get()
    addresses = [f"/runs/{paid}/orders", f"/orders/{row.order}", f"/runs/{paid}/payments"]
    addresses += [f"/payments/{each.payment}" for each in Payment.objects.all()]
    told = b"".join(reader.get(address).content for address in addresses)
    assert b"ann" in told
    assert not [each for each in (*ACCOUNTS, "011401533") if each.encode() in told]


def test_what_is_not_there_is_not_found(reader: Program) -> None:
    for address in (
        f"/runs/{NOBODY}/orders",
        f"/orders/{NOBODY}",
        f"/runs/{NOBODY}/payments",
        f"/payments/{NOBODY}",
    ):
        problem(reader.get(address), 404, "not-found")


def test_payments_are_halted_once_and_let_go_on_by_keys_that_may() -> None:
    stops, lets = (
        calling.program("payments:halt", name="stops"),
        calling.program("payments:resume", name="lets"),
    )
    looks = calling.program("payments:read")
    assert looks.get("/payment-switch").json() == {"halted": False, "by": "", "reason": "", "since": None}
    problem(lets.post("/payment-switch/halt", {"reason": "x"}), 403, "forbidden")
    problem(stops.post("/payment-switch/halt", {}), 422)
    problem(stops.post("/payment-switch/halt", {"reason": "  "}), 422)
    assert halt.halted() is None
    first = stops.post("/payment-switch/halt", {"reason": "a wrong file"}, idempotency_key="one")
    again = stops.post("/payment-switch/halt", {"reason": "a wrong file"}, idempotency_key="one")
    assert first.status_code == again.status_code == 200 and first.json() == again.json()
    assert looks.get("/payment-switch").json() == first.json()
    assert (first.json()["halted"], first.json()["by"]) == (True, "api:stops")
    problem(stops.post("/payment-switch/halt", {"reason": "again"}), 409, "refused")
    problem(stops.post("/payment-switch/resume", {"reason": "x"}), 403, "forbidden")
    assert lets.post("/payment-switch/resume", {"reason": "mended"}).json()["halted"] is False
    assert [event.data for event in store.read("payments")] == [
        {"halted_by": "api:stops", "reason": "a wrong file"},
        {"resumed_by": "api:lets", "reason": "mended"},
    ]


def test_an_employer_is_released_once(scene: Opened) -> None:
    writer = calling.program("runs:write", name="hr-portal")
    address, body = f"/runs/{scene.run}/release", {"employer": "A1", "reason": "they are due"}
    problem(calling.program("runs:read").post(address, body), 403, "forbidden")
    problem(writer.post(address, {"employer": "A1"}), 422)
    problem(writer.post(f"/runs/{NOBODY}/release", body), 404, "not-found")
    problem(writer.post(address, body | {"employer": "A2"}), 409, "refused")
    told = writer.post(address, body, idempotency_key="one")
    assert told.status_code == 200, told.content
    assert (told.json()["employer"], told.json()["carried"]) == ("A1", ["e3"])
    assert json.loads(writer.post(address, body, idempotency_key="one").content) == told.json()
    problem(writer.post(address, body), 409, "refused")
    payday.go_on()
    part = keys.employerrun_stream(keys.employer_run_id("A1", payday.START, payday.END, "regular"))
    released = {event.type: event.data for event in store.read(part)}["EmployerRunReleased"]
    assert (released["released_by"], released["carried_to_run"]) == ("api:hr-portal", told.json()["run"])
