"""What payroll leaves to people: counted before it is decided, listed with its key, recorded as done by somebody."""

import json
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from events import projection, runner, store, work
from ops import by_hand_words
from ops.admin import words
from ops.proof import figures, prove
from ops.status import run_status
from payroll import by_hand, keys
from payroll.calc.money import dollars
from payroll.models import EmployerRun, PayOrder
from payroll.payments import remittances
from payroll.payments.imports import import_file
from payroll.undo import decide, plan
from tests.saga import pay_inputs, paydays, returned_files
from tests.saga.came_back_files import ACME, order, payment, settlement
from tests.saga.deposit_files import CHECK, DIRECT_DEPOSITS, deposit
from tests.saga.paydays import employer, salaried
from tests.saga.roster_files import GARNISHMENTS, PAYEE, SUPPORT, garnishment

pytestmark = pytest.mark.usefixtures("db")
AFTER_TAX = 2012_25  # of 2,400.00 every two weeks in Texas (tests/saga/test_pay_run.py)
SUPPORTED = garnishment("ACME", "ann", "A-1", **SUPPORT | PAYEE | {"amount": "300.00"})
OWED = garnishment("ACME", "bob", "B-1", amount="40.00")
EVIDENCE = ("--evidence", "bank reference 7")


@pytest.fixture(autouse=True)
def people(db: object, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PAYROLL_GATEWAY = "sandbox"
    monkeypatch.setattr(plan, "today", lambda: date(2026, 11, 23))
    for name in ("amy", "bea"):
        paydays.user(name, "undo_payrun", "settle_by_hand")


def load(folder: Path, way: str = "", *more: dict[str, str]) -> None:
    """ann has support withheld that the file remits, bob what nobody remits."""
    paid = [salaried("ACME", who, "62400.00", account_number=f"55500{who.upper()}") for who in ("ann", "bob")]
    with_orders = {GARNISHMENTS: [SUPPORTED, OWED]} | ({DIRECT_DEPOSITS: list(more)} if more else {})
    pay_inputs.load(folder, [employer("ACME", funding=way)], paid, more=with_orders)


def listed(run: UUID | None = None) -> list[tuple[str, str, int]]:
    """What is left to people: kind, whom it is about, cents that are left."""
    projection.catch_up()
    return [(item.kind, item.employee_id, item.left_cents) for item in by_hand.listed(run)]


def undone(run: UUID, **of: Any) -> None:
    decide.undo(run, by="amy", reason="paid by another bank", **of)
    decide.undo(run, by="bea", **of)
    paydays.work()
    projection.catch_up()


def settled(*orders: PayOrder, on: str = "2026-11-20") -> None:
    import_file(settlement(*orders, on=on), name="settled")
    projection.catch_up()


def command(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_what_no_file_carries_is_listed_and_recorded_as_done(tmp_path: Path) -> None:
    load(tmp_path)
    run = paydays.pay("ACME")
    assert listed(run) == listed() == [("remit", "", 40_00)]
    (item,) = json.loads(command("payments", "by-hand", str(run), "--json"))["by_hand"]
    assert (item["about"], item["payments"], item["cents"], item["left_cents"]) == (
        "creditor",
        1,
        40_00,
        40_00,
    )
    (note,) = run_status(run).notes
    assert note == "ACME: to be remitted by hand, by kind of order: creditor 40.00 (1)"

    said = command("payments", "by-hand", "done", item["key"][:8], "--as", "amy", *EVIDENCE)
    assert said.startswith("recorded: 40.00 to be remitted")
    assert listed(run) == [("remit", "", 0)]
    assert run_status(run).notes == [f"{note}; done by amy: 1 of 1"]
    shown = command("payments", "by-hand")
    assert "40.00 done by amy: bank reference 7" in shown
    assert "nothing is left to people" in command("payments", "by-hand", "--open")
    (event,) = store.read(by_hand.stream(item["key"]))
    assert (event.type, event.data["amount_cents"], event.data["done_by"]) == ("DoneByHand", 40_00, "amy")
    (of_proof,) = figures(run)["ACME"]["left_to_people"]
    assert (of_proof["done_cents"], of_proof["done_by"]) == (40_00, "amy")
    json.dumps(of_proof)
    with pytest.raises(CommandError, match="amy has recorded this as done: bank reference 7"):
        command("payments", "by-hand", "done", item["key"], "--as", "bea", *EVIDENCE)


def test_who_may_not_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    load(tmp_path)
    paydays.pay("ACME")
    key = str(by_hand.listed()[0].key)
    paydays.user("eve")
    for arguments, why in (
        ((key, "--as", "eve", *EVIDENCE), "eve does not hold the permission to record what was done by hand"),
        ((key, "--as", "nobody", *EVIDENCE), "no active user 'nobody'"),
        ((key, "--as", "amy"), "needs its evidence"),
        (("77777777", "--as", "amy", *EVIDENCE), "'77777777' names 0 things"),
        ((key, *EVIDENCE), "who did it"),
        (("--as", "amy", *EVIDENCE), "which, and who"),
    ):
        with pytest.raises(CommandError, match=why):
            command("payments", "by-hand", "done", *arguments)
    with pytest.raises(CommandError, match="of one run at a time"):
        command("payments", "by-hand", "a", "b")
    assert store.read(by_hand.stream(key)) == []


def test_an_account_number_in_the_evidence_is_masked(tmp_path: Path) -> None:
    load(tmp_path)
    paydays.pay("ACME")
    done = by_hand.done(str(by_hand.listed()[0].key), by="amy", evidence="to account 0072910045")
    assert done.evidence == "to account [masked]"


def test_undoing_says_what_stays_with_the_agency_and_what_the_employer_gets_back(tmp_path: Path) -> None:
    load(tmp_path, "debit")
    run = paydays.pay("ACME")
    settled(order())
    net = 2 * AFTER_TAX - 300_00 - 40_00
    (preview,) = decide.preview(run)
    assert preview.by_hand == {"agency": (1, 300_00), "funding": (2, net)}
    said = command("payrun", "undo", str(run), "--preview")
    assert "1 of 300.00 withheld by order are with the agency, and stay there" in said
    assert "2 of 3684.50 debited from the employer's account are given back by hand" in said
    (as_json,) = json.loads(command("payrun", "undo", str(run), "--preview", "--json"))["parts"]
    assert as_json["by_hand"]["agency"] == {"payments": 1, "cents": 300_00}

    undone(run)
    completed = store.read(decide.stream(plan.key(run)))[-1]
    assert completed.type == "UndoCompleted"
    assert completed.data["left_by_hand"] == {"agency": [1, 300_00], "funding": [2, net]}
    assert listed(run) == [("ask back", "ann", 300_00)], "nothing has come back yet"
    settled(order(kind="reversal"), on="2026-11-24")
    assert listed(run) == [("ask back", "ann", 300_00), ("give back", "", net)]
    assert [finding for line in prove(run) for finding in line.findings] == []
    notes = " ".join(run_status(run).notes)
    assert "300.00 to be asked back from the agency" in notes and "3684.50 to be given back" in notes


def test_what_the_employee_does_not_give_back_is_not_the_employers_either(tmp_path: Path) -> None:
    load(tmp_path, "debit")
    run = paydays.pay("ACME")
    settled(order())
    undone(run, employer="ACME", employee_id="bob")
    settled(order(kind="reversal"), on="2026-11-24")
    bob = AFTER_TAX - 40_00
    assert listed(run) == [("give back", "", bob)], "what was withheld of bob is not to be remitted any more"
    key = str(by_hand.listed(run)[0].key)
    by_hand.done(key, by="amy", evidence="wired")
    of = payment("bob").facts["reversal_trace"]
    back = returned_files.returned("R01", trace=of, cents=bob, sent_as="26", who="BOB")
    import_file(
        returned_files.file_of(returned_files.batch_of(back, company=ACME, effective="261124")), name="r"
    )
    assert listed(run) == [("give back", "", -bob)], "more was given back than has come back"
    too_much = f"{dollars(bob)} too much was given back to the employer"
    assert f"ACME: {too_much}" in run_status(run).notes
    assert f"{bob / 100:.2f}  ACME too much was given back" in command("payments", "by-hand", str(run))
    (as_json,) = json.loads(command("payments", "by-hand", str(run), "--json"))["by_hand"]
    assert (as_json["what"], as_json["left_cents"]) == ("too much was given back to the employer", -bob)


def test_too_much_done_of_one_thing_is_not_set_off_against_another() -> None:
    item = by_hand.Item(UUID(int=1), "pay employee", UUID(int=2), UUID(int=3), "ACME", "ann", "", 1, 100_00)
    over = item._replace(key=UUID(int=4), employee_id="bob", cents=0, done_cents=100_00, done_by="amy")
    said = by_hand_words._note("pay employee", [item, over])
    assert said.startswith("100.00 to be given back to the employee")
    assert said.endswith("; 100.00 too much was given back to the employee")
    assert by_hand.TOO_MUCH.keys() == by_hand.WORDS.keys()


def test_support_that_came_back_is_owed_again_unless_its_paycheck_is_void(tmp_path: Path) -> None:
    load(tmp_path, "debit")
    run = paydays.pay("ACME")
    settled(order())
    support = payment("ann", method="remit")

    def comes_back() -> tuple[str, ...]:
        record = returned_files.returned(
            "R03", trace=support.trace, cents=300_00, who=remittances.individual_id(support.payment)
        )
        content = returned_files.file_of(returned_files.batch_of(record, sec="CCD", company=ACME))
        return import_file(content, name="returns").notes

    undone(run)
    settled(order(kind="reversal"), on="2026-11-24")
    (note,) = comes_back()
    assert "the paycheck is void, so it is the employer's" in note
    assert listed(run) == [("give back", "", 2 * AFTER_TAX - 40_00)]


def test_support_that_came_back_is_owed_to_the_agency_again(tmp_path: Path) -> None:
    load(tmp_path)
    run = paydays.pay("ACME")
    support = payment("ann", method="remit")
    record = returned_files.returned(
        "R03", trace=support.trace, cents=300_00, who=remittances.individual_id(support.payment)
    )
    content = returned_files.file_of(returned_files.batch_of(record, sec="CCD", company=ACME))
    import_file(content, name="returns")
    assert listed(run) == [("remit", "", 40_00), ("remit again", "ann", 300_00)]


def test_a_check_is_to_be_stopped(tmp_path: Path) -> None:
    load(tmp_path, "", deposit("ACME", "bob", 1, **CHECK))
    run = paydays.pay("ACME")
    undone(run, employer="ACME", employee_id="bob")
    assert listed(run) == [("stop check", "bob", AFTER_TAX - 40_00)]
    (event,) = [each for each in paydays.paycheck("ACME", "bob") if each.type == "PaycheckVoided"]
    assert event.data["undo_left"] == {"checks": [AFTER_TAX - 40_00]}


def test_a_check_that_was_cashed_is_owed_back_and_not_stopped(tmp_path: Path) -> None:
    load(tmp_path, "", deposit("ACME", "bob", 1, **CHECK))
    run = paydays.pay("ACME")
    undone(run, employer="ACME", employee_id="bob", check_cashed=True)
    assert listed(run) == []


@pytest.fixture
def over_http(settings: Any) -> Iterator[None]:
    """A bank that takes payments over HTTP, and is not reached by these tests."""
    settings.PAYROLL_GATEWAY = "http"
    settings.PAYROLL_GATEWAY_URL = "http://127.0.0.1:9/payments"
    yield


@pytest.mark.filterwarnings("ignore:No directory at")  # static files are collected when deployed
def test_over_http_it_is_said_before_the_approval_what_the_bank_does_not_do(
    tmp_path: Path, over_http: None
) -> None:
    load(tmp_path, "debit")
    run = paydays.open_run("ACME")
    paydays.work()
    validated = paydays.part("ACME")["EmployerRunValidated"]
    assert (validated["unfunded"], validated["not_remitted"]) == ("debit", 1)
    funding, support = run_status(run).notes
    assert "files are to be funded by debit" in funding and "debit nothing" in funding
    assert support.startswith("ACME: 1 orders say where their money goes, and over HTTP none is remitted")
    assert listed(run) == []
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    stream = keys.employerrun_stream(paydays.employer_run("ACME"))
    page = client.get(words.page(EmployerRun, stream)).content.decode()
    assert "Its files are to be funded by debit" in page


def test_over_http_both_are_listed_when_it_is_instructed(tmp_path: Path, over_http: None) -> None:
    load(tmp_path, "debit")
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    instructed_only()
    net = 2 * AFTER_TAX - 300_00 - 40_00
    assert listed(run) == [("remit", "", 40_00), ("remit", "", 300_00), ("fund", "", net)]
    assert not any("HTTP" in note for note in run_status(run).notes)


def instructed_only() -> None:
    """One claim after the other until payments are instructed: nobody calls the bank."""
    while "PaymentsInstructed" not in paydays.part("ACME"):
        held = work.claim(runner.worker_name(), queues=None, lease_s=60)
        assert held is not None
        runner.run(held)


def test_where_files_do_it_nothing_is_said(tmp_path: Path) -> None:
    load(tmp_path, "debit")
    paydays.open_run("ACME")
    paydays.work()
    assert not {"unfunded", "not_remitted"} & paydays.part("ACME")["EmployerRunValidated"].keys()


@pytest.mark.own_session
def test_void_paychecks_are_found_by_an_index_that_only_they_are_in(tmp_path: Path) -> None:
    load(tmp_path)
    run = paydays.pay("ACME")
    undone(run, employer="ACME", employee_id="bob")
    with connection.cursor() as cursor:
        cursor.execute("analyze payroll_paycheck")
        cursor.execute("set enable_seqscan = off")
        cursor.execute(f"explain {by_hand.BY_HAND}", {"run": run})
        how = "\n".join(line for (line,) in cursor.fetchall())
    assert "using paycheck_voided" in how and "Seq Scan on payroll_payment" not in how, how
