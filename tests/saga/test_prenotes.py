"""Accounts that are new to an employer: asked by an entry of no money, paid by check until that has stood its time."""

import json
from datetime import date, datetime
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from deploy.prenotes import configured
from events import projection, store
from events.store import NewEvent
from ops.admin import words
from ops.proof import prove
from ops.reconcile import reconcile
from payroll import crypto, keys, runs
from payroll.models import Employee, EmployerRun, Payment
from payroll.payments import bank, gateways, halt, pay_accounts, prenotes, same_day
from payroll.payments.imports import import_file
from payroll.payments.instructions import Account, Planned
from tests.saga import order_days, paydays, returned_files
from tests.saga.bank_talk import Talk
from tests.saga.came_back_files import ACME

pytestmark = [
    pytest.mark.usefixtures("db"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected when deployed
]

SECOND = date(2026, 11, 15), date(2026, 11, 28)
EARLY = (*SECOND, date(2026, 11, 24))  # two banking days after the first payday
LATER = (*SECOND, date(2026, 11, 25))  # three


@pytest.fixture(autouse=True)
def roster(tmp_path: Path, db: object, settings: Any) -> None:
    """ACME pays ann and bob through the sandbox bank, and asks for accounts that it does not know."""
    settings.PAYROLL_GATEWAY = "sandbox"
    settings.PAYROLL_PRENOTES = "new-accounts"
    paydays.load(
        tmp_path,
        [paydays.employer("ACME")],
        [
            paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
            paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
        ],
    )


def moved() -> list[tuple[str, str, int, bool]]:
    """The bank's own books: who, account, cents, and whether it moved money."""
    found = bank.movements(gateways.bank_dir())
    return [(each.individual_id, each.account, each.amount_cents, each.live) for each in found]


def methods(period: Any = (paydays.START, paydays.END, paydays.PAYDAY)) -> dict[str, str]:
    """How everybody is paid by a run."""
    projection.catch_up()
    rows = Payment.objects.filter(employer_run=paydays.employer_run("ACME", period))
    return {row.employee_id: row.method for row in rows}


def asked(employee_id: str) -> list[dict[str, Any]]:
    """What is on record of a person's prenotes."""
    return [
        event.data for event in store.read(f"account-ACME+{employee_id}") if event.type == "AccountPrenoted"
    ]


def sound(run: UUID) -> None:
    assert not [finding for line in prove(run) for finding in line.findings]
    assert not reconcile().findings
    assert not projection.differences()


def new_account(employee_id: str, account: str) -> None:
    person = Employee.objects.get(employee_id=employee_id)
    person.account_ciphertext = crypto.encrypt(account, person.account_context)
    person.save()


def test_new_accounts_are_asked_and_paid_by_check_then_paid_into():
    first = paydays.pay("ACME")

    assert moved() == [("ANN", "5550001", 0, False), ("BOB", "5550002", 0, False)]
    assert methods() == {"ann": "check", "bob": "check"}
    of_order = order_days.order()
    assert (of_order.created["entries"], of_order.total_cents, of_order.state) == (2, 0, "accepted")
    facts = paydays.part("ACME")
    net_cents = facts["EmployerRunValidated"]["total_net_cents"]
    told = facts["PaymentsInstructed"]
    assert (told["payments"], told["checks"], told["checks_cents"]) == (0, 2, net_cents)
    assert (told["new_accounts"], told["prenotes"], told["new_accounts_until"]) == (2, 2, "2026-11-25")
    assert facts["MoneyMoved"]["paid_cents"] == net_cents
    assert paydays.facts("ACME", "ann")["by_check_for"] == [[1, "new account, prenoted", "2026-11-25"]]
    (event,) = asked("ann")
    assert event["order"] == str(of_order.key)
    assert event["effective"] == "2026-11-20"
    assert not {"5550001", "ann"} & {str(value) for value in event.values()}
    sound(first)

    second = paydays.pay("ACME", period=LATER)
    assert methods(LATER) == {"ann": "ach", "bob": "ach"}
    assert [(who, cents > 0, live) for who, _, cents, live in moved()[2:]] == [
        ("ANN", True, True),
        ("BOB", True, True),
    ]
    assert "new_accounts" not in paydays.part("ACME", LATER)["PaymentsInstructed"]
    assert len(asked("ann")) == 1
    sound(second)


def test_too_early_it_is_a_check_again_and_nothing_is_asked_twice():
    paydays.pay("ACME")
    run = paydays.pay("ACME", period=EARLY)
    assert methods(EARLY) == {"ann": "check", "bob": "check"}
    assert (len(asked("ann")), len(asked("bob"))) == (1, 1)
    assert len(moved()) == 2
    facts = paydays.part("ACME", EARLY)
    assert facts["PaymentsInstructed"]["orders"] == []
    assert facts["PaymentsInstructed"]["prenotes"] == 0
    assert facts["MoneyMoved"]["bank_reference"] == "nothing to pay"
    sound(run)


def test_accounts_that_were_paid_before_are_known_and_one_that_changed_is_new(settings: Any):
    settings.PAYROLL_PRENOTES = "off"
    paydays.pay("ACME")
    projection.catch_up()
    new_account("bob", "880011223")
    settings.PAYROLL_PRENOTES = "new-accounts"

    run = paydays.pay("ACME", period=LATER)

    assert methods(LATER) == {"ann": "ach", "bob": "check"}
    silent = [(who, account) for who, account, _, live in moved() if not live]
    assert silent == [("BOB", "880011223")]
    assert (asked("ann"), len(asked("bob"))) == ([], 1)
    sound(run)


def test_off_everybody_is_paid_and_nothing_is_asked(settings: Any):
    settings.PAYROLL_PRENOTES = "off"
    run = paydays.pay("ACME")
    assert methods() == {"ann": "ach", "bob": "ach"}
    assert all(live for *_, live in moved())
    assert order_days.order().created["object"] == f"files/2026-11-20/ACME-{paydays.employer_run('ACME')}.ach"
    assert not store.read_prefix("account-")
    sound(run)


@pytest.mark.parametrize("way", ["debit", "offset"])
def test_files_that_fund_themselves_carry_prenotes_and_take_no_money_for_them(tmp_path: Path, way: str):
    rows = paydays.load(
        tmp_path,
        [paydays.employer("ACME", funding=way)],
        [
            paydays.salaried("ACME", who, "62400.00", account_number=f"55500{who.upper()}")
            for who in ("ann", "bob")
        ],
    )
    first = paydays.pay("ACME")
    assert (order_days.order().total_cents, len(moved())) == (0, 2)
    sound(first)

    paydays.mend(tmp_path, rows, "bob", account_number="880011223")
    second = paydays.pay("ACME", period=LATER)
    assert methods(LATER) == {"ann": "ach", "bob": "check"}
    created = order_days.order(period=SECOND).created
    ann_cents = paydays.facts("ACME", "ann", LATER)["net_cents"]
    assert (created["credits_cents"], created["debits_cents"]) == (ann_cents, ann_cents)
    assert sorted(moved()[2:])[:2] == [("ANN", "55500ANN", ann_cents, True), ("BOB", "880011223", 0, False)]
    sound(second)


def test_a_same_day_file_carries_them_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(same_day, "eastern", lambda: datetime.fromisoformat("2026-11-20T10:00"))
    start, end, pay_date = paydays.START, paydays.END, paydays.PAYDAY
    run = runs.open_run(start, end, pay_date, opened_by="maker", employers=["ACME"], same_day=True).run
    paydays.work()
    paydays.approve(run)
    paydays.work()
    assert order_days.order().created["settles_at"] == "13:00"
    assert [live for *_, live in moved()] == [False, False]
    sound(run)


# What comes back


def come_back(employee_id: str, code: str = "R03") -> bytes:
    """A file of returns of the prenote of a person."""
    (event,) = asked(employee_id)
    record = returned_files.returned(code, trace=event["trace"], cents=0, who=employee_id.upper())
    return returned_files.file_of(returned_files.batch_of(record, company=ACME))


@pytest.mark.parametrize("code", ["R03", "R24"])
def test_a_prenote_that_comes_back_holds_the_account_and_owes_nothing(code: str):
    run = paydays.pay("ACME")
    told = import_file(come_back("ann", code), name="returns")
    assert (told.matched, told.findings, told.notes) == (1, (), ())
    held = store.read("account-ACME+ann")[-1]
    assert (held.type, held.data["held_for"], held.data["prenote"]) == ("AccountHeld", code, True)
    assert not store.read_prefix("payment-")
    sound(run)

    again = import_file(come_back("ann", "R02"), name="returns")
    assert (again.matched, again.unmatched) == (0, 1)
    assert "came back before" in again.findings[0]

    later = paydays.pay("ACME", period=LATER)
    assert methods(LATER) == {"ann": "held", "bob": "ach"}
    sound(later)


def test_the_banks_own_report_and_return_of_a_prenote_are_taken():
    """Written by the bank's code, which shares nothing with ours."""
    run = paydays.pay("ACME")
    talk = Talk(gateways.bank_dir())
    (event,) = asked("ann")
    talk.post("/settle", on="2026-11-20")
    talk.post("/return", traces=[event["trace"]], key=event["order"], code="R04", on="2026-11-23")
    for _, content in bank.outgoing(gateways.bank_dir()):
        told = import_file(content, name="from the bank")
        assert (told.unmatched, told.findings) == (0, ())
    assert order_days.order().state == "settled"
    (held,) = pay_accounts.listed()
    assert (held.employee_id, held.held_for, held.payment) == ("ann", "R04", event["payment"])
    sound(run)


def test_another_account_in_the_place_of_a_held_one_is_asked_anew():
    paydays.pay("ACME")
    import_file(come_back("ann"), name="returns")
    new_account("ann", "880011223")
    run = paydays.pay("ACME", period=LATER)
    assert methods(LATER) == {"ann": "check", "bob": "ach"}
    assert [each["effective"] for each in asked("ann")] == ["2026-11-20", "2026-11-25"]
    assert ("ANN", "880011223", 0, False) in moved()
    sound(run)


def test_a_notice_about_a_prenote_asks_for_a_change_and_what_the_bank_names_is_known():
    paydays.user("amy", "import_bankfile")
    paydays.user("bea", "change_payaccount")
    paydays.pay("ACME")
    (event,) = asked("ann")
    record = returned_files.changed("C01", "990077", trace=event["trace"], who="ANN")
    file = returned_files.file_of(returned_files.batch_of(record, sec="COR", company=ACME))
    told = import_file(file, name="changes", by="amy")
    assert (told.matched, told.findings) == (1, ())
    (change,) = json.loads(command("bank", "changes", "list", "--json"))
    command("bank", "changes", "apply", change["id"], "--as", "bea")
    run = paydays.pay("ACME", period=LATER)
    assert methods(LATER) == {"ann": "ach", "bob": "ach"}
    assert "990077" in [account for who, account, *_ in moved() if who == "ANN"]
    sound(run)


# Crashes, and undoing


def test_killed_between_the_file_and_the_record_asks_once(monkeypatch: pytest.MonkeyPatch, settings: Any):
    """What an attempt had built and not recorded is built again, to the byte, under the same name."""
    built: list[tuple[str, str]] = []
    real = prenotes.events

    def die(*given: Any) -> Any:
        built.extend((each.order.object, each.order.sha256) for each in given[2])
        if len(built) == 1:
            raise RuntimeError("killed")
        return real(*given)

    monkeypatch.setattr(prenotes, "events", die)
    run = paydays.pay("ACME")
    paydays.work()
    assert len(built) == 2
    assert built[0] == built[1]
    assert (len(asked("ann")), len(moved())) == (1, 2)
    files = [path for path in (Path(settings.PAYROLL_OBJECTS) / "files").rglob("*") if path.is_file()]
    assert len(files) == 1
    sound(run)


def test_killed_and_an_account_is_known_by_the_next_attempt(monkeypatch: pytest.MonkeyPatch):
    """What was left behind is another file than what is sent, under another name."""
    real = prenotes.events

    def die(*given: Any) -> Any:
        monkeypatch.setattr(prenotes, "events", real)
        monkeypatch.setattr(
            prenotes, "_paid_into", lambda _, unknown: {at for at in unknown if at[0] == "ann"}
        )
        raise RuntimeError("killed")

    monkeypatch.setattr(prenotes, "events", die)
    run = paydays.pay("ACME")
    assert not paydays.letters()
    assert methods() == {"ann": "ach", "bob": "check"}
    assert [(who, live) for who, _, _, live in moved()] == [("ANN", True), ("BOB", False)]
    sound(run)


def test_at_one_moment_with_something_else_of_the_account_it_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    real = prenotes.events
    other = {"payment": "0", "part": 1, "imported": "0", "routing_account": "0", "held_for": "R02"}

    def first(*given: Any) -> Any:
        monkeypatch.setattr(prenotes, "events", real)
        found = list(real(*given))
        with transaction.atomic(durable=True):
            store.append([NewEvent("account-ACME+ann", 1, "AccountHeld", other)])
        return found

    monkeypatch.setattr(prenotes, "events", first)
    run = paydays.pay("ACME")
    assert not paydays.letters()
    assert methods() == {"ann": "check", "bob": "check"}
    assert [event.type for event in store.read("account-ACME+ann")] == ["AccountHeld", "AccountPrenoted"]
    assert len(moved()) == 2
    sound(run)


def test_an_order_that_was_withdrawn_has_asked_nobody():
    paydays.user("amy", "undo_payrun")
    paydays.user("bea", "undo_payrun")
    halt.halt(by="checker", reason="a look at the bank")
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    order_days.until_state("reserved")
    for who in ("amy", "bea"):
        command("payrun", "undo", str(run), "--as", who, "--reason", "wrong period")
    paydays.work()
    halt.resume(by="checker")
    assert order_days.order().state == "withdrawn"
    assert moved() == []
    sound(run)

    again = paydays.pay("ACME", period=LATER)
    assert [each["effective"] for each in asked("ann")] == ["2026-11-20", "2026-11-25"]
    assert len(moved()) == 2
    sound(again)


# What is shown, and what the proof finds


def test_the_status_says_how_many_and_until_when():
    run = paydays.pay("ACME")
    assert "ACME: 2 new accounts are prenoted: their pay is by check until 2026-11-25" in command(
        "payrun", "status", str(run)
    )
    told = json.loads(command("payments", "list", "--employee", "ann", "--json"))
    shown = json.loads(command("payments", "show", told[0]["key"], "--json"))
    assert (shown["state"], shown["why"]) == ("by check", "new account, prenoted until 2026-11-25")
    row = EmployerRun.objects.get(employer="ACME")
    User.objects.create_superuser("root", password="correct horse battery")
    client = Client()
    client.force_login(User.objects.get(username="root"))
    page = unescape(client.get(words.page(EmployerRun, row.pk)).content.decode())
    assert "2 new accounts are prenoted: their pay is by check until 2026-11-25." in page


def test_a_run_with_prenotes_is_replayed_and_explained():
    run = paydays.pay("ACME")
    command("replay", str(run))  # raises where a fact differs
    assert command("explain", keys.paycheck_stream(paydays.employer_run("ACME"), "ann"))


@pytest.mark.parametrize(
    ("statement", "finds"),
    [
        (
            "delete from events_event where type = 'AccountPrenoted' and stream like '%+ann'",
            "the files have 1 prenotes that are not on record",
        ),
        (
            "update events_event set data = jsonb_set(data, '{routing_account}', '\"0\"') "
            "where type = 'AccountPrenoted' and stream like '%+ann'",
            "1 prenotes on record are not in the files",
        ),
    ],
)
def test_the_proof_accepts_the_prenotes_on_record_and_no_others(db: Any, statement: str, finds: str):
    run = paydays.pay("ACME")
    paydays.as_owner(db, "alter table events_event disable trigger all")
    paydays.as_owner(db, statement)
    found = [finding for line in prove(run) if line.name == "files" for finding in line.findings]
    assert f"ACME: {finds}" in found


# The setting, and the decision by itself


def test_the_setting_is_one_of_two_and_not_over_http():
    assert configured({}, "http") == "off"
    assert configured({"PAYROLL_PRENOTES": "new-accounts"}, "ach") == "new-accounts"
    with pytest.raises(ImproperlyConfigured, match="PAYROLL_PRENOTES"):
        configured({"PAYROLL_PRENOTES": "yes"}, "ach")
    with pytest.raises(ImproperlyConfigured, match="over HTTP"):
        configured({"PAYROLL_PRENOTES": "new-accounts"}, "http")


def test_one_account_of_two_parts_is_asked_once():
    to = Account("Ann", "021000021", "1", "checking")
    both = [
        Planned("p", "ann", part, keys.payment_key("run", "ann", part), "ach", 100, to) for part in (1, 2)
    ]
    into = {each.key: ("ann", "hash") for each in both}
    told = prenotes.decided(both, into, set(), {}, date(2026, 11, 20))
    assert [each.method for each in told.payments] == ["check", "check"]
    assert list(told.asked.values()) == both[:1]
    assert set(told.waits.values()) == {date(2026, 11, 25)}


def command(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()
