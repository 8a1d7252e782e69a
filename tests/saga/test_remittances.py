"""What court orders take and where it goes: from garnishments.csv to the agency's entry, or to a list for people.

Everybody earns 2,400.00 every two weeks in Texas, of which 2,012.25 are left after tax (tests/saga/test_pay_run.py).
"""

from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from events import projection, store
from ops.proof import prove
from ops.reconcile import reconcile
from ops.status import run_status
from payroll import ask, crypto, keys, manifest, objects, replay
from payroll.frozen import paychecks
from payroll.ledger.balance import TrialBalance
from payroll.manifest import Pinned
from payroll.models import Garnishment, Payment, PayOrder
from payroll.payments import ach, ach_reader, bank, building, gateways, instructions, remittances
from payroll.payments.imports import import_file
from payroll.payments.repay import repay
from payroll.refusal import Refused
from payroll.roster import import_folder, read
from tests.saga import pay_inputs, paydays, returned_files, roster_files
from tests.saga.ach_parser import parse
from tests.saga.came_back_files import ACME, order, payment, settlement
from tests.saga.deposit_files import CHECK, DIRECT_DEPOSITS, deposit
from tests.saga.paydays import employer, salaried
from tests.saga.roster_files import GARNISHMENTS, PAYEE, SUPPORT, garnishment

pytestmark = pytest.mark.usefixtures("db")

AFTER_TAX = 2012_25
NAMES = {"ann": ("Ann", "Abernathy"), "bob": ("Bob", "Burr"), "cyd": ("Cyd", "Cole"), "dee": ("Dee", "Doe")}
SSNS = {"ann": "912-11-1001", "bob": "912-11-1002", "cyd": "912-11-1003", "dee": "912-11-1004"}
ORDERS = [
    garnishment("ACME", "ann", "A-1", **SUPPORT | PAYEE | {"amount": "300.00"}),
    garnishment(
        "ACME", "ann", "A-2", **SUPPORT | PAYEE | {"amount": "50.05", "case_id": "77", "fips_code": ""}
    ),
    garnishment("ACME", "bob", "B-1", **SUPPORT | {"amount": "200.00"}),
    garnishment("ACME", "cyd", "C-1", **SUPPORT | PAYEE | {"amount": "120.00", "medical_support": "W"}),
    garnishment("ACME", "cyd", "C-2", amount="40.00"),
]


def load(folder: Path, orders: list[dict[str, str]] | None = None) -> None:
    """ACME pays ann with two orders, bob with one that says nothing of its payee, cyd with one of either, and dee."""
    people = [
        salaried("ACME", who, "62400.00", ssn=SSNS[who], first_name=first, last_name=last)
        for who, (first, last) in NAMES.items()
    ]
    pay_inputs.load(folder, [employer("ACME")], people, more={GARNISHMENTS: orders or ORDERS})


def wrong(run: UUID) -> list[str]:
    return [finding for line in prove(run) for finding in line.findings]


def balances() -> dict[str, int]:
    projection.catch_up()
    return {name: each.balance_cents for name, each in TrialBalance().accounts.items() if each.balance_cents}


def sent() -> list[dict[str, Any]]:
    """The batches of the only order's file, by the parser that shares nothing with the writer."""
    return parse(objects.get_verified(order().object, order().facts["sha256"]))


# The file


BAD = [
    ({"case_id": "lower"}, "case_id", "is not 1 to 20 of A-Z"),
    ({"fips_code": "12"}, "fips_code", "is not 5 to 7 of A-Z"),
    ({"medical_support": "maybe"}, "medical_support", "is not one of the allowed words"),
    ({"payee_routing_number": "111000026"}, "payee_routing_number", ""),
    ({"payee_account_number": ""}, "payee_account_number", "is empty, and other remittance data is given"),
    ({"case_id": ""}, "case_id", "is empty, and other remittance data is given"),
    ({name: "" for name in PAYEE if name != "fips_code"}, "case_id", "is empty, and other remittance"),
    (
        {"kind": "creditor"} | dict.fromkeys(SUPPORT.keys() - {"kind"}, ""),
        "case_id",
        "is for orders for support",
    ),
]


@pytest.mark.parametrize(("change", "column", "problem"), BAD)
def test_a_half_told_payee_is_a_finding_that_shows_no_secret(tmp_path, change, column, problem):
    roster = roster_files.good() | {
        GARNISHMENTS: [garnishment("A1", "e1", "A-1", **SUPPORT | PAYEE | change)]
    }
    _, findings = read(roster_files.write(tmp_path, roster))
    mine = [each for each in findings.kept if each.column == column]
    assert mine and problem in mine[0].problem
    assert all(PAYEE["payee_account_number"] not in str(each) for each in findings.kept)


def test_the_payees_account_is_stored_as_ciphertext_and_a_second_import_changes_nothing(
    tmp_path: Path,
) -> None:
    load(tmp_path)
    row = Garnishment.objects.select_related("employee").get(order_id="A-1")
    assert PAYEE["payee_account_number"] not in row.account_ciphertext and row.account_masked == "••••0045"
    assert crypto.decrypt(row.account_ciphertext, row.account_context) == PAYEE["payee_account_number"]
    other = Garnishment.objects.select_related("employee").get(order_id="A-2")
    with pytest.raises(crypto.Undecryptable):
        crypto.decrypt(row.account_ciphertext, other.account_context)
    before = row.account_ciphertext
    (last,) = tmp_path.glob("roster-with-more-*")
    again = import_folder(last, dry_run=False, as_of=paydays.AS_OF).garnishments
    assert (again.unchanged, again.created, again.updated, again.removed) == (5, 0, 0, 0)
    row.refresh_from_db()
    assert row.account_ciphertext == before
    moved = [ORDERS[0] | {"payee_account_number": "0072910046"}, *ORDERS[1:]]
    roster_files.write(last, {GARNISHMENTS: moved})
    again = import_folder(last, dry_run=False, as_of=paydays.AS_OF).garnishments
    assert (again.unchanged, again.updated) == (4, 1)
    row = Garnishment.objects.select_related("employee").get(order_id="A-1")
    assert crypto.decrypt(row.account_ciphertext, row.account_context) == "0072910046"


# From the snapshot to the bank


def test_support_is_remitted_in_the_employers_file_and_the_rest_is_listed(tmp_path: Path) -> None:
    load(tmp_path)
    run = paydays.pay("ACME")
    assert paydays.letters() == []
    pay, support = sent()
    assert (pay["sec"], pay["description"].strip(), pay["credits"]) == (
        "PPD",
        "PAYROLL",
        4 * AFTER_TAX - 300_00 - 50_05 - 200_00 - 160_00,
    )
    assert (support["sec"], support["description"].strip(), support["service"]) == ("CCD", "CHILDSUP", "220")
    assert {entry["cents"]: entry["addenda"] for entry in support["entries"]} == {
        300_00: "DED*CS*CASE 07/4-B*261120*30000*912111001*Y*ABERNATANN*48201\\",
        50_05: "DED*CS*77*261120*5005*912111001*Y*ABERNATANN\\",
        120_00: "DED*CS*CASE 07/4-B*261120*12000*912111003*W*COLE,CYD*48201\\",
    }
    assert {
        (entry["code"], entry["routing"], entry["account"], entry["name"]) for entry in support["entries"]
    } == {("22", "111000025", "0072910045", "LONE STAR DISBURSEMENT")}
    created = order()
    assert created.facts["remitted"] == {"support": 470_05}
    assert created.credits_cents == created.accepted_cents == pay["credits"] + 470_05
    instructed = paydays.part("ACME")["PaymentsInstructed"]
    assert (instructed["payments"], instructed["remitted"], instructed["remitted_cents"]) == (4, 3, 470_05)
    assert instructed["by_hand"] == {"creditor": [1, 40_00], "support": [1, 200_00]}
    booked = bank.books(gateways.bank_dir())
    assert Counter(each.amount_cents for each in booked) == Counter(
        [AFTER_TAX - 350_05, AFTER_TAX - 200_00, AFTER_TAX - 160_00, AFTER_TAX, 300_00, 50_05, 120_00]
    )
    assert {each.account for each in booked if each.amount_cents in {300_00, 50_05, 120_00}} == {"0072910045"}
    assert wrong(run) == [] and reconcile().findings == []
    assert any(
        "to be remitted by hand, by kind of order: creditor 40.00 (1), support 200.00 (1)" in note
        for note in run_status(run).notes
    )
    assert balances()["garnishment/support"] == -200_00 and balances()["garnishment/creditor"] == -40_00


def test_no_name_and_no_ssn_of_the_person_leaves_but_in_the_addenda(tmp_path: Path) -> None:
    load(tmp_path)
    paydays.pay("ACME")
    written = "".join(str(event.data) for event in store.read_prefix(""))
    frozen = "".join(
        objects.get(each["object"]).decode()  # type: ignore[union-attr]
        for each in paydays.part("ACME")["EmployerRunBegan"]["manifests"]
    )
    for ssn in SSNS.values():
        assert ssn not in written + frozen and ssn.replace("-", "") not in written + frozen
    assert PAYEE["payee_account_number"] not in written + frozen
    assert PAYEE["case_id"] not in written
    assert "ssn" in frozen and "remittances" in ask.NEVER
    (given,) = (manifest.read(**name) for name in objects_of())
    bare = replay._nameless(given)
    assert all(not paycheck.inputs.remittances for paycheck in paychecks(bare).values())
    assert sum(bool(paycheck.inputs.remittances) for paycheck in paychecks(given).values()) == 2


def objects_of() -> list[dict[str, str]]:
    return [
        {"object_key": each["object"], "sha256": each["sha256"]}
        for each in paydays.part("ACME")["EmployerRunBegan"]["manifests"]
    ]


def test_built_again_the_files_are_the_same_bytes_and_over_a_limit_they_are_several(
    tmp_path: Path, settings: Any
) -> None:
    load(tmp_path)
    paydays.pay("ACME")
    part = paydays.part("ACME")
    pinned = Pinned.of(part["EmployerRunOpened"])
    manifests = part["EmployerRunBegan"]["manifests"]
    facts = {who: paydays.facts("ACME", who) for who in NAMES}
    streams = {who: keys.paycheck_stream(pinned.employer_run, who) for who in NAMES}
    owed = {streams[who]: facts[who]["net_cents"] for who in NAMES}
    planned = instructions.planned(pinned, manifests, owed)
    withheld = remittances.planned(
        pinned, manifests, {streams[who]: facts[who]["garnishments"] for who in NAMES}
    )
    given: dict[str, Any] = {"kind": "net-pay", "effective": pinned.pay_date}
    (again,) = building.build(pinned, planned, withheld.remitted, **given)
    assert (again.order.sha256, again.order.key) == (order().facts["sha256"], order().order)
    assert "912111001" not in repr(withheld) and "0072910045" not in repr(withheld)
    settings.PAYROLL_OBJECTS = tmp_path / "elsewhere"
    # Four entries of pay, then three of support with an addenda each: six records and then four, in files of six.
    made = building.build(pinned, planned, withheld.remitted, limits=ach.Limits(file_records=6), **given)
    assert [each.order.entries for each in made] == [4, 3]
    assert sum(sum(each.order.remitted.values()) for each in made) == 470_05
    assert sum(each.order.credits_cents for each in made) == order().credits_cents
    for each in made:
        read_again = ach_reader.read(objects.get_verified(each.order.object, each.order.sha256))
        told = sum(entry.amount_cents for entry in read_again.entries if entry.addenda)
        assert told == sum(each.order.remitted.values()) and not read_again.findings


def test_who_is_paid_by_check_still_has_support_remitted_by_bank(tmp_path: Path) -> None:
    rows = paydays.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")])
    more = {GARNISHMENTS: ORDERS[:1], DIRECT_DEPOSITS: [deposit("ACME", "ann", 1, **CHECK)]}
    pay_inputs.change(tmp_path, rows | more)
    run = paydays.pay("ACME")
    (support,) = sent()
    assert [entry["cents"] for entry in support["entries"]] == [300_00]
    assert order().credits_cents == 300_00 and wrong(run) == [] and reconcile().findings == []


def test_over_http_nothing_has_addenda_so_all_of_it_is_by_hand(tmp_path: Path, settings: Any) -> None:
    load(tmp_path)
    settings.PAYROLL_GATEWAY = "http"
    part = paydays.open_run("ACME")
    paydays.work()
    assert not building.remits()
    withheld = remittances.planned(
        Pinned.of(paydays.part("ACME")["EmployerRunOpened"]),
        paydays.part("ACME")["EmployerRunBegan"]["manifests"],
        {
            keys.paycheck_stream(paydays.employer_run("ACME"), "ann"): paydays.facts("ACME", "ann")[
                "garnishments"
            ]
        },
        by_file=building.remits(),
    )
    assert part and withheld.remitted == () and withheld.by_hand == {"support": [2, 350_05]}


# What comes back


def test_returned_support_is_owed_to_the_agency_again_and_never_to_the_person(tmp_path: Path) -> None:
    load(tmp_path)
    run = paydays.pay("ACME")
    import_file(settlement(order()), name="settled")
    projection.catch_up()
    of = Payment.objects.get(method="remit", amount_cents=300_00)
    assert (of.employee_id, of.facts) == ("ann", {"garnishment": "A-1", "remits": "support"})
    before = balances()
    content = returned_files.file_of(
        returned_files.batch_of(
            returned_files.returned(
                "R03", trace=of.trace, cents=300_00, who=remittances.individual_id(of.payment)
            ),
            sec="CCD",
            company=ACME,
        )
    )
    told = import_file(content, name="returns")
    assert (told.matched, told.findings) == (1, ())
    assert told.notes == (
        "line 4: 300.00 that ACME withheld for support of ann came back: it is owed to the agency again, by hand",
    )
    assert import_file(content, name="returns").notes == told.notes, "told again, done once"
    after = balances()
    assert after["garnishment/support"] == before["garnishment/support"] - 300_00
    assert after["employer_funding"] == before["employer_funding"] + 300_00 and "returns" not in after
    assert store.read_prefix("account-") == [], "the person's own account is not held"
    assert reconcile().findings == [] and wrong(run) == []
    paydays.user("maker2", "decide_payorder")
    with pytest.raises(Refused, match="no payment that came back"):
        repay(by="maker2", run=run)


def test_a_notice_about_an_agencys_account_is_left_to_people(tmp_path: Path) -> None:
    load(tmp_path)
    paydays.pay("ACME")
    of = payment("ann", part=1, method="remit")
    record = returned_files.changed(
        "C01", "1918171614", trace=of.trace, who=remittances.individual_id(of.payment)
    )
    told = import_file(
        returned_files.file_of(returned_files.batch_of(record, sec="COR", company=ACME)), name="noc"
    )
    assert told.matched == 0 and "correct garnishments.csv" in told.findings[0]
    assert store.read_prefix("account-") == []


def test_the_import_command_says_what_is_owed_again(tmp_path: Path) -> None:
    load(tmp_path)
    paydays.pay("ACME")
    of = payment("cyd", method="remit")
    file = tmp_path / "returns.ach"
    record = returned_files.returned(trace=of.trace, cents=120_00, who=remittances.individual_id(of.payment))
    file.write_bytes(returned_files.file_of(returned_files.batch_of(record, sec="CCD", company=ACME)))
    out = StringIO()
    call_command("bank", "import", str(file), stdout=out)
    assert "owed to the agency again" in out.getvalue() and PayOrder.objects.count() == 1


def test_the_proof_names_what_was_neither_remitted_nor_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, ORDERS[2:4])
    run = paydays.pay("ACME")
    evidence = "ops.evidence.EmployerEvidence.garnished"
    for taken, finding in (
        ({"bob": [("B-1", "support", 200_01)]}, "to be remitted by hand is not what orders took"),
        ({"cyd": [("C-1", "support", 120_01)]}, "cyd had 12001 cents taken for support, and 12000 are"),
        ({"cyd": []}, "cyd has money remitted that no order took"),
    ):
        right = {"bob": [("B-1", "support", 200_00)], "cyd": [("C-1", "support", 120_00)]}
        monkeypatch.setattr(evidence, right | taken)
        (line,) = [line for line in prove(run) if not line.holds]
        assert line.name == "remitted" and finding in line.findings[0]
