"""The clerk's desk for money: asked about in words, done once, and only by whom it may be."""

import hashlib
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.test import Client

from deploy.management.commands.setup import GROUPS
from events import projection, store
from events.models import DeadLetter, DeadLetterState
from ops.admin import desk, words
from payroll import crypto, keys
from payroll.models import Employee, EmployerRun, Payment, PayOrder, PayRun
from payroll.payments import halt, pay_accounts
from payroll.payments.gateway import OutcomeUnknown, SandboxBank
from payroll.payments.imports import import_file
from payroll.payments.orders import Order
from tests.ops import payday
from tests.saga import paydays
from tests.saga.came_back_files import notice, payment, returns, settlement

pytestmark = [
    pytest.mark.usefixtures("db"),
    pytest.mark.filterwarnings("ignore:No directory at"),  # static files are collected when deployed
]
HOME = "/admin/"
CLERKS, APPROVERS, AUDITORS = "Payroll clerks", "Payroll approvers", "Payroll auditors"
PERIOD = ("--from", "2026-11-29", "--to", "2026-12-12", "--pay-date", "2026-12-18")
EVIDENCE = "the statement of 20 November, read to me on the phone"


def person(name: str, group: str = CLERKS) -> Client:
    """Somebody of one of the groups that setup makes, signed in."""
    user, new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    if new:
        user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def press(client: Client, model: type[Model], action: str, *rows: Any, **more: str) -> tuple[str, str]:
    """Press an action of a list; the page it leads to, and its messages."""
    form = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk) for row in rows], **more}
    return _answered(client.post(words.listing(model), form, follow=True))


def visit(client: Client, address: str, **form: str) -> tuple[str, str]:
    """Look at a page, or post its form; the page it leads to, and its messages."""
    return _answered(client.post(address, form, follow=True) if form else client.get(address))


def _answered(response: Any) -> tuple[str, str]:
    assert response.status_code == 200, response.status_code
    return unescape(response.content.decode()), " | ".join(map(str, response.context["messages"]))


def command(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def paid(tmp_path: Path, settings: Any) -> None:
    """ACME has paid ann and bob, and the bank has settled it."""
    settings.PAYROLL_GATEWAY = "ach"
    paydays.load(
        tmp_path,
        [paydays.employer("ACME")],
        [
            paydays.salaried("ACME", "ann", "62400.00", account_number="5550001"),
            paydays.salaried("ACME", "bob", "52000.00", account_number="5550002"),
        ],
    )
    paydays.pay("ACME")
    projection.catch_up()
    import_file(settlement(PayOrder.objects.get()), name="settlement")
    projection.catch_up()


# The switch


def test_all_payments_are_stopped_and_let_go_on_from_the_first_page(paid: None) -> None:
    clerk, switch = person("amy"), desk.address("switch")
    page, _ = visit(clerk, HOME)
    assert "Go out" in page and switch in page and "Halted" not in page
    page, _ = visit(clerk, switch)
    assert "Stop all payments?" in page and "call the bank" in page and halt.halted() is None
    page, _ = visit(clerk, switch, action="halt", confirmed="yes", reason=" ")
    assert "Give a reason." in page and halt.halted() is None
    page, told = visit(clerk, switch, action="halt", confirmed="yes", reason="a wrong file <b>")
    assert told == "Halted: no payment goes out until somebody lets them go on."
    stopped = halt.halted()
    assert stopped and stopped.data == {"halted_by": "amy", "reason": "a wrong file <b>"}
    assert "All payments are halted since" in page and "amy: a wrong file <b>" in page
    page, _ = visit(person("bea", APPROVERS), switch)
    assert "Let payments go out again?" in page and "amy stopped them" in page
    _, told = visit(clerk, switch, action="halt", confirmed="yes", reason="again")
    assert "halted already, by amy" in told
    _, told = visit(person("bea"), switch, action="resume", confirmed="yes", reason="it was mended")
    assert told == "Payments go out again."
    (_, resumed) = store.read("payments")
    assert resumed.data == {"resumed_by": "bea", "reason": "it was mended"}
    _, told = visit(person("bea"), switch, action="resume", confirmed="yes", reason="again")
    assert "payments are not halted" in told


def test_the_switch_names_what_would_wait(tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    paydays.load(tmp_path, [paydays.employer("ACME")], [paydays.salaried("ACME", "ann", "62400.00")])
    halt.halt(by="cli", reason="a look")
    run = paydays.open_run("ACME")
    paydays.work()
    paydays.approve(run)
    payday.go_on()
    page, _ = visit(person("amy"), desk.address("switch"))
    (order,) = PayOrder.objects.all()
    assert words.page(PayOrder, order.pk) in page and words.amount(order.credits_cents) in page


def test_who_may_only_look_cannot_turn_the_switch(paid: None) -> None:
    client = person("eve", AUDITORS)
    page, _ = visit(client, HOME)
    assert "Go out" in page and desk.address("switch") not in page
    for form in ({}, {"action": "halt", "confirmed": "yes", "reason": "I like to"}):
        answer = client.post(desk.address("switch"), form)
        assert answer.status_code == 403
    assert halt.halted() is None


def test_whoever_may_stop_payments_may_not_for_that_let_them_go_on(paid: None) -> None:
    halt.halt(by="cli", reason="a look")
    paydays.user("ian", "halt_payments", "view_payorder")
    User.objects.filter(username="ian").update(is_staff=True)
    client = person("ian")
    form = {"action": "resume", "confirmed": "yes", "reason": "I like to"}
    assert client.post(desk.address("switch"), form).status_code == 403
    assert halt.halted()


# Payments that came back


def test_what_came_back_is_paid_again_by_two_people(paid: None) -> None:
    ann = payment("ann")
    import_file(returns(ann), name="returns")
    amount = words.amount(ann.amount_cents)
    amy, bea = person("amy"), person("bea", APPROVERS)
    page, _ = visit(amy, HOME)
    assert "Came back, still owed" in page and amount in page
    page, _ = visit(amy, words.page(Payment, ann.pk))
    assert "no account, or unable to locate it" in page and "is still owed" in page and "Pay again…" in page
    _, told = press(amy, Payment, "repay", ann)
    assert "still has the account that is held for R03" in told
    _new_account("ann")

    page, _ = press(amy, Payment, "repay", ann)
    assert "Pay these again?" in page and f"Propose {amount}" in page
    seen = {"confirmed": "yes", "would": f"{ann.amount_cents} 0"}
    _, told = press(amy, Payment, "repay", ann, **seen)
    assert told == "Proposed: 1 payment. Now somebody else has to confirm."
    _, told = press(amy, Payment, "repay", ann, **seen)
    assert "amy has proposed it already" in told
    page, _ = visit(bea, words.page(Payment, ann.pk))
    assert "amy has proposed to pay it again" in page
    page, _ = press(bea, Payment, "repay", ann, **seen)
    assert "It has changed since you looked." in page and f"Pay {amount} now" in page
    assert PayOrder.objects.count() == 1
    seen["would"] = f"0 {ann.amount_cents}"
    _, told = press(bea, Payment, "repay", ann, **seen)
    assert told == "Paid again: 1 order to the bank."
    projection.catch_up()
    again = PayOrder.objects.get(kind="repay")
    assert again.credits_cents == ann.amount_cents
    assert "Pay again…" not in visit(bea, words.page(Payment, ann.pk))[0]
    assert "Came back, still owed" not in visit(amy, HOME)[0]


def test_what_did_not_come_back_is_not_paid_again(paid: None) -> None:
    ann = payment("ann")
    assert "Pay again…" not in visit(person("amy"), words.page(Payment, ann.pk))[0]
    _, told = press(person("amy"), Payment, "repay", ann, confirmed="yes", would="0 0")
    assert "did not come back" in told
    assert not store.read_prefix("payment-")


def test_who_may_only_look_pays_nothing_again(paid: None) -> None:
    ann = payment("ann")
    import_file(returns(ann), name="returns")
    _new_account("ann")
    before = len(store.read_prefix("payment-"))
    seen = {"confirmed": "yes", "would": f"{ann.amount_cents} 0"}
    press(person("eve", AUDITORS), Payment, "repay", ann, **seen)
    assert len(store.read_prefix("payment-")) == before


def _new_account(employee_id: str) -> None:
    somebody = Employee.objects.get(employee_id=employee_id)
    somebody.account_ciphertext = crypto.encrypt("880011223", somebody.account_context)
    somebody.account_last4 = "1223"
    somebody.save()


# What the bank asks for


def test_a_change_is_applied_by_somebody_other_than_who_imported_it(paid: None) -> None:
    person("amy")
    import_file(notice(payment("ann"), "C01", "8800112233"), name="changes.ach", by="amy")
    (change,) = pay_accounts.changes()
    address = desk.address("apply_change", change=change.id)
    page, _ = visit(person("amy"), desk.address("from_the_bank"))
    assert "C01: account number" in page and "you imported it" in page and address not in page
    _, told = visit(person("amy"), address, confirmed="yes")
    assert "amy imported this notice" in told
    bea = person("bea", APPROVERS)
    assert "Changes by the bank" in visit(bea, HOME)[0]
    assert address in visit(bea, desk.address("from_the_bank"))[0]
    page, _ = visit(bea, address)
    assert "Write this change to the roster?" in page and "2233" not in page
    assert Employee.objects.get(employee_id="ann").account_last4 != "2233"
    page, told = visit(bea, address, confirmed="yes")
    assert told == "Applied: C01 of ACME/ann." and "in the roster" in page
    assert Employee.objects.get(employee_id="ann").account_last4 == "2233"
    assert store.read("account-ACME+ann")[-1].data["changed_by"] == "bea"
    _, told = visit(bea, address, confirmed="yes")
    assert "in the roster already" in told
    assert "Changes by the bank" not in visit(bea, HOME)[0]


def test_changes_and_findings_are_seen_and_refused_by_permission(paid: None) -> None:
    ann = payment("ann")
    import_file(notice(ann, "C01", "8800112233"), name="changes.ach")
    import_file(returns(payment("bob")), name="returns.ach")
    import_file(returns(ann, cents=1), name="strange.ach")
    (change,) = pay_accounts.changes()
    address = desk.address("apply_change", change=change.id)
    eve = person("eve", AUDITORS)
    page, _ = visit(eve, desk.address("from_the_bank"))
    assert "ACME/bob" in page and "R03: no account" in page and "strange.ach" in page
    assert "is no payment of ours" in page and "Call it" in page and address not in page
    assert "8800112233" not in page
    assert eve.post(address, {"confirmed": "yes"}).status_code == 403
    nobody = Client()
    nobody.force_login(User.objects.create_user("new", is_staff=True))
    assert nobody.get(desk.address("from_the_bank")).status_code == 403
    assert Client().get(desk.address("from_the_bank")).status_code == 302
    assert [each.state for each in pay_accounts.changes()] == ["proposed"]


def test_a_file_is_imported_once_in_the_admin(paid: None) -> None:
    amy, address, ann = person("amy"), desk.address("import"), payment("ann")

    def give(content: bytes | None) -> tuple[str, str]:
        form: dict[str, Any] = {"confirmed": "yes"}
        form |= {"file": SimpleUploadedFile("back.ach", content)} if content is not None else {}
        return _answered(amy.post(address, form, follow=True))

    assert address in visit(amy, desk.address("from_the_bank"))[0]
    assert "Each file is recorded once" in visit(amy, address)[0]
    for nothing in (None, b""):
        assert "Choose a file" in give(nothing)[0]
    assert "Nothing was imported: this is no file that a bank sends back" in give(b"hello")[0]
    assert not store.read_prefix("payment-")
    page, told = give(returns(ann))
    assert told == "returns: 1 fit, 0 do not." and "back.ach" in page and "ACME/ann" in page
    (back,) = store.read_prefix("payment-")
    assert back.data["payment"] == str(ann.payment)
    assert store.read(f"bankfile-{back.data['imported']}")[0].data["imported_by"] == "amy"
    assert "It was imported before" in give(returns(ann))[1]
    assert len(store.read_prefix("payment-")) == 1


def test_who_may_only_look_imports_nothing(paid: None) -> None:
    eve = person("eve", AUDITORS)
    assert desk.address("import") not in visit(eve, desk.address("from_the_bank"))[0]
    file = SimpleUploadedFile("back.ach", returns(payment("ann")))
    assert eve.post(desk.address("import"), {"confirmed": "yes", "file": file}).status_code == 403
    assert not store.read_prefix("payment-")


# An order of which nobody knows


@pytest.fixture
def unknown(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> PayOrder:
    """An order that was lost on the way there, at a bank that keeps no key for long enough to be asked again."""
    settings.PAYROLL_GATEWAY = "sandbox"
    paydays.load(tmp_path, [paydays.employer("ACME")], [paydays.salaried("ACME", "ann", "62400.00")])
    really, lost = SandboxBank.send, []

    def send(bank: SandboxBank, each: Any) -> Any:
        lost.append(each.key)
        if len(lost) == 1:
            raise OutcomeUnknown("the line went dead")
        return really(bank, each)

    monkeypatch.setattr(SandboxBank, "send", send)
    monkeypatch.setattr(SandboxBank, "key_valid_s", 0.0)
    paydays.pay("ACME")
    return PayOrder.objects.get()


def test_an_unknown_order_is_decided_by_two_people_with_evidence(unknown: PayOrder) -> None:
    amy, bea = person("amy"), person("bea", APPROVERS)
    page, _ = visit(amy, words.page(PayOrder, unknown.pk))
    assert "The bank has it…" in page and "The bank does not have it…" in page
    assert "Send it all the same…" not in page and "look at its statement" in page
    page, _ = press(amy, PayOrder, "absent", unknown)
    assert "people are paid twice" in page and "It takes two people" in page
    first = {"confirmed": "yes", "step": "propose"}
    page, _ = press(amy, PayOrder, "absent", unknown, **first, reason=" ")
    assert "Say what it rests on." in page
    _, told = press(amy, PayOrder, "absent", unknown, **first, reason=EVIDENCE)
    assert "Now somebody else has to confirm it." in told
    _, told = press(amy, PayOrder, "absent", unknown, **first, reason=EVIDENCE)
    assert "amy has proposed this already" in told
    page, _ = visit(bea, words.page(PayOrder, unknown.pk))
    assert "amy has proposed: the bank does not have it" in page and EVIDENCE in page
    page, _ = press(bea, PayOrder, "absent", unknown, **first, reason="I saw it too")
    assert "It has changed since you looked" in page and "You are the second person" in page
    assert Order(unknown.stream).state == "unknown" and not Order(unknown.stream).count("OrderResolved")
    _, told = press(bea, PayOrder, "absent", unknown, confirmed="yes", step="confirm", reason="I saw it too")
    assert told.startswith("Recorded: the bank does not have it.")
    resolved = Order(unknown.stream).facts["OrderResolved"]
    assert (resolved["resolved_by"], resolved["confirmed_by"]) == ("amy", "bea")
    assert resolved["confirmed_evidence"] == "I saw it too"
    paydays.work()
    assert Order(unknown.stream).state == "accepted"
    _, told = press(bea, PayOrder, "absent", unknown, confirmed="yes", step="propose", reason="again")
    assert "it is accepted now" in told


def test_who_may_only_look_decides_nothing(unknown: PayOrder) -> None:
    eve = person("eve", AUDITORS)
    assert "The bank has it…" not in visit(eve, words.page(PayOrder, unknown.pk))[0]
    for action in ("accepted", "absent", "allowed"):
        press(eve, PayOrder, action, unknown, confirmed="yes", step="propose", reason=EVIDENCE)
    assert not Order(unknown.stream).count("OrderDecisionProposed")


def test_an_order_over_a_cap_is_allowed_by_two_people(tmp_path: Path, settings: Any) -> None:
    settings.PAYROLL_GATEWAY = "ach"
    settings.PAYROLL_CAPS = (1, None, None, None)
    paydays.load(tmp_path, [paydays.employer("ACME")], [paydays.salaried("ACME", "ann", "62400.00")])
    paydays.pay("ACME")
    order = PayOrder.objects.get()
    amy, bea = person("amy"), person("bea", APPROVERS)
    page, _ = visit(amy, words.page(PayOrder, order.pk))
    assert (
        "Send it all the same…" in page and "It waits for a person" in page and "The bank has it…" not in page
    )
    press(amy, PayOrder, "allowed", order, confirmed="yes", step="propose", reason=EVIDENCE)
    press(bea, PayOrder, "allowed", order, confirmed="yes", step="confirm", reason="I looked too")
    paydays.work()
    assert Order(order.stream).state == "accepted"


# Release


@pytest.fixture
def waits(tmp_path: Path, settings: Any) -> EmployerRun:
    """A1, where e3 waits as a dead letter and three others are complete."""
    payday.begin(tmp_path / "roster", settings)
    return EmployerRun.objects.get(employer="A1")


def test_who_waits_is_named_before_the_others_go_on(waits: EmployerRun) -> None:
    clerk = person("amy")
    assert "Go on without them…" in visit(clerk, words.page(EmployerRun, waits.pk))[0]
    page, _ = press(clerk, EmployerRun, "release", waits)
    letter = DeadLetter.objects.get(group_key="A1", state="open")
    assert "go on without 1 person?" in page and "e3" in page and letter.reason[:40] in page
    seen = page.split('name="people" value="')[1].split('"')[0]
    page, _ = press(clerk, EmployerRun, "release", waits, confirmed="yes", people=seen, reason=" ")
    assert "Give a reason." in page
    page, _ = press(
        clerk, EmployerRun, "release", waits, confirmed="yes", people="others", reason="they are due"
    )
    assert "Somebody else waits now" in page
    assert not Paychecks.carried(waits)
    _, told = press(clerk, EmployerRun, "release", waits, confirmed="yes", people=seen, reason="they are due")
    assert "1 person is carried over to a run of their own" in told
    payday.go_on()
    assert Paychecks.carried(waits) == ["e3"]
    released = {event.type: event.data for event in store.read(waits.stream)}["EmployerRunReleased"]
    assert (released["released_by"], released["released_reason"]) == ("amy", "they are due")
    _, told = press(clerk, EmployerRun, "release", waits)
    assert "nobody of A1 waits" in told
    assert "Go on without them…" not in visit(clerk, words.page(EmployerRun, waits.pk))[0]


class Paychecks:
    """What became of the paychecks of a part."""

    @staticmethod
    def carried(part: EmployerRun) -> list[str]:
        found = store.read_prefix(keys.paycheck_prefix(part.employer_run), "PaycheckCarriedOver")
        return [keys.employee_of(event.stream) for event in found]


@pytest.mark.parametrize("group", [APPROVERS, AUDITORS])
def test_who_may_not_release_cannot(waits: EmployerRun, group: str) -> None:
    client = person("eve", group)
    assert "Go on without them…" not in visit(client, words.page(EmployerRun, waits.pk))[0]
    seen = hashlib.sha256(b"e3").hexdigest()
    press(client, EmployerRun, "release", waits, confirmed="yes", people=seen, reason="I like to")
    assert not Paychecks.carried(waits)


# Groups, and the same question asked by the commands


def test_the_groups_may_what_their_half_of_a_payday_is() -> None:
    may = {name: {p.codename for p in Group.objects.get(name=name).permissions.all()} for name in GROUPS}
    assert "approve_employerrun" in may[APPROVERS] and "approve_employerrun" not in may[CLERKS]
    assert "release_employerrun" in may[CLERKS] and "release_employerrun" not in may[APPROVERS]
    assert {name for name in may[AUDITORS] if not name.startswith("view_")} == set()
    for name in (CLERKS, APPROVERS):
        assert {"halt_payments", "resume_payments", "decide_payorder", "change_payaccount"} <= may[name]
    ours = {codename for model in apps.get_models() for codename, _ in model._meta.permissions}
    assert ours <= may[CLERKS] | may[APPROVERS], "nobody may, until somebody with the admin finds it"
    assert {group.name for group in User.objects.get(username="maker").groups.all()} == {CLERKS}
    assert {group.name for group in User.objects.get(username="checker").groups.all()} == {APPROVERS}


def test_a_command_given_for_somebody_asks_what_the_admin_asks(waits: EmployerRun) -> None:
    person("eve", AUDITORS)
    letter = DeadLetter.objects.filter(state=DeadLetterState.OPEN)[0]
    run, why = str(waits.run), ("--as", "eve", "--reason", "I like to")
    for arguments in (
        ("payments", "halt", *why),
        ("payrun", "release", run, *why),
        ("payrun", "pause", run, *why),
        ("payrun", "cancel", run, *why),
        ("payments", "repay", "--as", "eve"),
        ("payrun", "undo", run, *why),
        ("payrun", "correct", run, "--as", "eve"),
        ("payrun", "start", *PERIOD, "--as", "eve"),
        ("deadletters", "redrive", "--run", run, *why),
        ("deadletters", "dismiss", str(letter.id), *why),
    ):
        with pytest.raises(CommandError, match="eve does not hold the permission"):
            command(*arguments)
    with pytest.raises(CommandError, match="no active user 'nobody'"):
        command("payments", "halt", "--as", "nobody", "--reason", "x")
    halt.halt(by="cli", reason="a look")
    with pytest.raises(CommandError, match="eve does not hold the permission to let payments go out"):
        command("payments", "resume", *why)
    command("payrun", "pause", run, "--as", "maker")
    with pytest.raises(CommandError, match="eve does not hold the permission to let a paused"):
        command("payrun", "resume", run, "--as", "eve")
    assert not Paychecks.carried(waits)
    letter.refresh_from_db()
    assert letter.state == DeadLetterState.OPEN
    opened = PayRun.objects.count()
    command("payrun", "start", *PERIOD, "--as", "maker")
    projection.catch_up()
    assert PayRun.objects.count() == opened + 1
    assert "dismissed" in command("deadletters", "dismiss", str(letter.id), "--as", "maker", "--reason", "x")
    assert "go out again" in command("payments", "resume", "--as", "checker")
