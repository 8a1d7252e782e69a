"""Direct deposit splits and paper checks: the file, what is stored of it, what a run freezes and what it pays."""

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from events.failures import NeedsReview
from payroll import ask, crypto, keys, manifest, objects, replay
from payroll.history import History
from payroll.manifest import Pinned
from payroll.models import DepositDestination, Employee
from payroll.payments import ach_reader, building, instructions
from payroll.roster import ImportSummary, RosterRefused, import_folder, read
from tests.saga import paydays, roster_files
from tests.saga.deposit_files import CHECK, DIRECT_DEPOSITS, NO_ACCOUNT, PEOPLE, SHARED, deposit, payday
from tests.saga.roster_files import EMPLOYEES, Rows, good

NET_CENTS = 2012_25  # of a Texan's salary of 62,400 a year every two weeks, as test_pay_run has it
OWN = "3470824921"  # the account of employees.csv


# The file


def one(
    tmp_path: Path, rows: list[dict[str, str]], people: dict[str, str] | None = None
) -> list[tuple[Any, ...]]:
    """The findings of a good roster with these deposits; `people` changes A1's e1, in line 2 of employees.csv."""
    roster = good()
    roster[EMPLOYEES][0] |= people or {}
    if rows:
        roster[DIRECT_DEPOSITS] = rows
    _, findings = read(roster_files.write(tmp_path, roster))
    assert findings.warnings == []
    return [tuple(finding) for finding in findings.kept]


BAD_ROWS = [
    ({"priority": "0"}, "priority", "0", "is zero - the first priority is 1"),
    ({"priority": "100"}, "priority", "100", "is above 99 - check the number"),
    ({"priority": "first"}, "priority", "first", "is not a number - write a plain one like 1234.50"),
    ({"kind": "rest"}, "kind", "rest", "is not one of the allowed words - write amount, percent, remainder"),
    ({"method": "cash"}, "method", "cash", "is not one of the allowed words - write ach, check"),
    ({"method": ""}, "method", "", "is empty - fill it in"),
    (
        {"amount": "5.00"},
        "amount",
        "5.00",
        "is given, and the kind is remainder - leave it empty, or correct the kind",
    ),
    (
        {"percent": "5.00"},
        "percent",
        "5.00",
        "is given, and the kind is remainder - leave it empty, or correct the kind",
    ),
    ({"kind": "amount"}, "amount", "", "is empty, and the kind is amount - fill it in, or correct the kind"),
    (
        {"kind": "percent"},
        "percent",
        "",
        "is empty, and the kind is percent - fill it in, or correct the kind",
    ),
    (
        {"kind": "amount", "amount": "1.00", "percent": "5"},
        "percent",
        "5",
        "is given, and the kind is amount - leave it empty, or correct the kind",
    ),
    (
        {"kind": "amount", "amount": "0.00"},
        "amount",
        "0.00",
        "is outside 0.01 to 10,000,000 dollars - check the number",
    ),
    ({"kind": "amount", "amount": "0.001"}, "amount", "0.001", "has 3 decimals - at most 2 are kept"),
    (
        {"kind": "percent", "percent": "100.01"},
        "percent",
        "100.01",
        "is outside 0.01 to 100 percent - check the number",
    ),
    (
        {"routing_number": ""},
        "routing_number",
        "",
        "is empty, and the method is ach - fill it in, or write check",
    ),
    (
        {"account_number": ""},
        "account_number",
        "",
        "is empty, and the method is ach - fill it in, or write check",
    ),
    (
        {"account_type": ""},
        "account_type",
        "",
        "is empty, and the method is ach - fill it in, or write check",
    ),
    (
        CHECK | {"account_number": "AB12"},
        "account_number",
        "••••12",
        "is given, and the method is check - leave it empty, or write ach",
    ),
    (
        CHECK | {"account_type": "savings"},
        "account_type",
        "savings",
        "is given, and the method is check - leave it empty, or write ach",
    ),
    (
        {"routing_number": "071000302"},
        "routing_number",
        "••••0302",
        "has a wrong check digit - copy it again from a check or the bank's letter",
    ),
    (
        {"account_type": "loan"},
        "account_type",
        "loan",
        "is not one of the allowed words - write checking, savings",
    ),
]


@pytest.mark.parametrize(("spoilt", "column", "value", "problem"), BAD_ROWS)
def test_a_bad_row_is_named_with_what_to_do(
    tmp_path: Path, spoilt: dict[str, str], column: str, value: str, problem: str
) -> None:
    found = one(tmp_path, [deposit("A1", "e1", 1) | spoilt])
    assert found == [(DIRECT_DEPOSITS, 2, column, value, problem)]


def test_what_must_hold_between_rows(tmp_path: Path) -> None:
    rows = [
        deposit("A1", "e1", 1, "percent", percent="60"),
        deposit("A1", "e1", 2, "percent", percent="40"),
        deposit("A1", "e1", 2, "percent", percent="0.01"),
        deposit("A1", "e1", 3, "percent", percent="1"),
        deposit("A1", "e1", 4),
        deposit("A1", "e1", 5),
        deposit("B2", "e1", 1, "percent", percent="100"),  # somebody else
        deposit("B2", "e1", 4),
        deposit("A1", "e9", 1),
    ]
    again = "of this person - correct or delete one of the two"
    assert one(tmp_path, rows) == [
        (DIRECT_DEPOSITS, 4, "priority", "2", f"is already in line 3 {again}"),
        (
            *(DIRECT_DEPOSITS, 4, "percent", "0.01"),
            "makes 100.01 percent for this person - lower them to 100 together",
        ),
        (DIRECT_DEPOSITS, 7, "kind", "remainder", f"is already in line 6 {again}"),
        (
            *(DIRECT_DEPOSITS, 10, "employee_id", "e9"),
            "is not an employee of A1 in employees.csv - add the person, or correct the key",
        ),
    ]


EMPTY = (
    "is empty, like the routing number and the account type - fill them in, or give this person a remainder in "
    "direct_deposits.csv, where method check is a paper check"
)


def test_no_account_needs_a_remainder_elsewhere(tmp_path: Path) -> None:
    """A cell that an export left empty pays nobody by check: that takes a row that says so."""
    refused = [(EMPLOYEES, 2, "account_number", "", EMPTY)]
    assert one(tmp_path, [], NO_ACCOUNT) == refused
    assert one(tmp_path, [deposit("A1", "e1", 1, "amount", amount="5.00")], NO_ACCOUNT) == refused
    assert one(tmp_path, [deposit("B2", "e1", 1)], NO_ACCOUNT) == refused
    assert one(tmp_path, [deposit("A1", "e1", 1)], NO_ACCOUNT) == []
    assert one(tmp_path, [deposit("A1", "e1", 1, **CHECK)], NO_ACCOUNT) == []


def test_half_an_account_is_refused_whoever_has_the_remainder(tmp_path: Path) -> None:
    for name in NO_ACCOUNT:
        found = one(tmp_path, [deposit("A1", "e1", 1)], {name: ""})
        assert found == [(EMPLOYEES, 2, name, "", "is empty - fill it in")]


def test_a_deposit_file_that_cannot_be_read_is_the_only_finding(tmp_path: Path) -> None:
    (tmp_path / DIRECT_DEPOSITS).write_bytes(b"priority,colour\n1,red\n")
    roster = good()
    roster[EMPLOYEES][0] |= NO_ACCOUNT
    _, findings = read(roster_files.write(tmp_path, roster))
    assert {finding.file for finding in findings.kept} == {DIRECT_DEPOSITS}


# What is stored


@pytest.fixture
def stored(db: Any, tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, rows: Rows, *, dry_run: bool = False) -> ImportSummary:
    (folder / DIRECT_DEPOSITS).unlink(missing_ok=True)
    return import_folder(roster_files.write(folder, rows), dry_run=dry_run, as_of=date(2026, 11, 21))


def of_e1() -> list[tuple[int, str, str, str]]:
    """Priority, kind, method and decrypted account of A1's e1."""
    person = DepositDestination.objects.filter(employee__employer="A1", employee__employee_id="e1")
    return [
        (
            row.priority,
            row.kind,
            row.method,
            crypto.decrypt(row.account_ciphertext, row.account_context) if row.account_ciphertext else "",
        )
        for row in person.select_related("employee")
    ]


SPLIT = [
    deposit("A1", "e1", 1, "amount", amount="100.00", name="Holidays"),
    deposit("A1", "e1", 2, "percent", percent="12.5", **CHECK),
    deposit("A1", "e1", 3, account_number="77665544"),
]


def test_an_import_is_idempotent_and_accounts_are_encrypted(stored: Path) -> None:
    first = load(stored, good() | {DIRECT_DEPOSITS: SPLIT})
    assert str(first.direct_deposits) == "3 created, 0 updated, 0 unchanged"
    expected = [
        (1, "amount", "ach", "8800112201"),
        (2, "percent", "check", ""),
        (3, "remainder", "ach", "77665544"),
    ]
    assert of_e1() == expected
    rows = list(DepositDestination.objects.order_by("pk").values())
    assert "8800112201" not in str(rows) and "77665544" not in str(rows)
    assert [row["account_last4"] for row in rows] == ["2201", "", "5544"]

    again = load(stored, good() | {DIRECT_DEPOSITS: SPLIT})
    assert (again.changed, again.direct_deposits.unchanged) == (0, 3)
    assert list(DepositDestination.objects.order_by("pk").values()) == rows
    assert load(stored, good()).changed == 0, "an absent file changes nothing"
    assert of_e1() == expected


def test_a_dry_run_stores_nothing(stored: Path) -> None:
    load(stored, good())
    tried = load(stored, good() | {DIRECT_DEPOSITS: SPLIT}, dry_run=True)
    assert tried.direct_deposits.created == 3
    assert not DepositDestination.objects.exists()


def test_the_file_is_the_truth_for_everybody_in_it(stored: Path) -> None:
    load(stored, good() | {DIRECT_DEPOSITS: [*SPLIT, deposit("B2", "e1", 1)]})
    changed = [
        deposit("A1", "e1", 1, account_number="77665544"),  # the remainder goes first …
        deposit("A1", "e1", 3, "amount", amount="100.00"),  # … and where it was, an amount
    ]
    summary = load(stored, good() | {DIRECT_DEPOSITS: changed})
    assert str(summary.direct_deposits) == "0 created, 2 updated, 0 unchanged, 1 removed"
    assert of_e1() == [(1, "remainder", "ach", "77665544"), (3, "amount", "ach", "8800112203")]
    assert DepositDestination.objects.filter(employee__employer="B2").count() == 1


def test_an_account_may_leave_the_record_and_come_back(stored: Path) -> None:
    load(stored, good())
    rows = good() | {DIRECT_DEPOSITS: [deposit("A1", "e1", 1, **CHECK)]}
    rows[EMPLOYEES][0] |= NO_ACCOUNT
    assert load(stored, rows).employees.updated == 1
    person = Employee.objects.get(employer="A1", employee_id="e1")
    assert (person.account_ciphertext, person.account_masked, person.routing_number) == ("", "", "")
    assert load(stored, rows).changed == 0
    with pytest.raises(RosterRefused):
        load(stored, {name: content for name, content in rows.items() if name != DIRECT_DEPOSITS})
    assert load(stored, good()).employees.updated == 1
    person = Employee.objects.get(employer="A1", employee_id="e1")
    assert crypto.decrypt(person.account_ciphertext, person.account_context) == OWN


def test_an_account_does_not_open_in_another_place(stored: Path) -> None:
    """Bound to person and priority: nobody with the database alone can turn pay into another account."""
    load(stored, good() | {DIRECT_DEPOSITS: [*SPLIT, deposit("A1", "e2", 1)]})
    first, _, third = DepositDestination.objects.filter(employee__employee_id="e1").select_related("employee")
    other = DepositDestination.objects.select_related("employee").get(employee__employee_id="e2")
    for place in (third, other):
        with pytest.raises(crypto.Undecryptable):
            crypto.decrypt(first.account_ciphertext, place.account_context)
    with pytest.raises(crypto.Undecryptable):
        crypto.decrypt(first.account_ciphertext, first.employee.account_context)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": None},
        {"kind": "remainder", "amount": None},  # there is one already
        {"percent": 5},
        {"method": "check"},
        {"account_ciphertext": ""},
        {"priority": 3},
    ],
)
def test_the_database_refuses_what_cannot_be(stored: Path, wrong: dict[str, Any]) -> None:
    load(stored, good() | {DIRECT_DEPOSITS: SPLIT})
    with pytest.raises(IntegrityError), transaction.atomic():
        DepositDestination.objects.filter(priority=1).update(**wrong)


def test_half_an_account_is_refused_by_the_database(stored: Path) -> None:
    load(stored, good())
    with pytest.raises(IntegrityError), transaction.atomic():
        Employee.objects.filter(employee_id="e1").update(routing_number="")


def test_the_command_says_what_it_did_and_shows_no_account(stored: Path) -> None:
    out = StringIO()
    call_command("import_roster", roster_files.write(stored, good() | {DIRECT_DEPOSITS: SPLIT}), stdout=out)
    assert "direct deposits: 3 read, 3 created" in out.getvalue()
    assert "8800112201" not in out.getvalue() and "Holidays" not in out.getvalue()


# What a run freezes, and what it pays


def owed(pinned: Pinned, *people: str) -> dict[str, int]:
    """Their net pay, from the log."""
    streams = {keys.paycheck_stream(pinned.employer_run, who): who for who in people}
    found = {stream: int(paydays.facts("ACME", who)["net_cents"]) for stream, who in streams.items()}
    assert set(found.values()) == {NET_CENTS}
    return found


def manifests(pinned: Pinned) -> list[dict[str, Any]]:
    return History(keys.employerrun_stream(pinned.employer_run)).manifests


def entries(pinned: Pinned) -> dict[str, dict[str, Any]]:
    """What is frozen of everybody."""
    return {
        entry["employee_id"]: entry
        for written in manifests(pinned)
        for entry in manifest.read(written["object"], written["sha256"])["employees"]
    }


# By hand: 33.33 % of 2,012.25 is 670.682925
PAID = [
    ("ann", 1, "ach", 500_00, "8800112202", "checking"),
    ("ann", 2, "ach", 670_68, "8800112205", "savings"),
    ("ann", 3, "ach", 841_57, OWN, "checking"),
    ("bob", 1, "ach", NET_CENTS, OWN, "checking"),
    ("cyd", 1, "check", NET_CENTS, None, None),
    ("dee", 1, "ach", 2000_00, "8800112201", "savings"),
    ("dee", 2, "ach", 12_25, "8800112202", "savings"),
]


def test_a_run_pays_every_part_to_the_cent(stored: Path) -> None:
    pinned = payday(stored, PEOPLE, SHARED)
    net = owed(pinned, "ann", "bob", "cyd", "dee")
    payments = instructions.planned(pinned, manifests(pinned), net)
    assert [
        (p.employee_id, p.part, p.method, p.amount_cents, p.to and p.to.account, p.to and p.to.account_type)
        for p in payments
    ] == PAID
    assert sum(p.amount_cents for p in payments) == sum(net.values())
    assert [p.key for p in payments] == [
        keys.payment_key(pinned.employer_run, who, sequence=part) for who, part, *_ in PAID
    ]
    assert len({p.key for p in payments}) == len(payments)
    assert payments == instructions.planned(pinned, manifests(pinned), net), "planned again it is the same"
    assert not any(account in repr(payments) for account in (OWN, "8800112202", "O'Brien"))

    by_bank = [each for each in payments if each.method == "ach"]
    (built,) = building.build(pinned, by_bank, kind="net-pay", effective=pinned.pay_date)
    content = objects.get_verified(built.order.object, built.order.sha256)
    file = ach_reader.read(content)
    assert not file.findings
    assert [(e.individual_id, e.account.strip(), e.amount_cents) for e in file.entries] == [
        ("ANN", "8800112202", 500_00),
        ("ANN/2", "8800112205", 670_68),
        ("ANN/3", OWN, 841_57),
        ("BOB", OWN, NET_CENTS),
        ("DEE", "8800112201", 2000_00),
        ("DEE/2", "8800112202", 12_25),
    ]
    assert built.traces.keys() == {str(each.key) for each in by_bank}
    assert (built.order.entries, built.order.credits_cents) == (6, sum(each.amount_cents for each in by_bank))


def test_later_edits_of_the_roster_go_to_the_next_run(stored: Path) -> None:
    pinned = payday(stored, PEOPLE, SHARED)
    DepositDestination.objects.all().delete()
    Employee.objects.filter(employee_id="ann").update(routing_number="021000021")
    payments = instructions.planned(pinned, manifests(pinned), owed(pinned, "ann", "bob", "cyd", "dee"))
    assert [payment.amount_cents for payment in payments] == [cents for _, _, _, cents, *_ in PAID]
    assert {payment.to.routing for payment in payments if payment.to} == {"071000301"}


def test_the_manifest_holds_ciphertext_and_a_single_destination_stays_as_it_was(stored: Path) -> None:
    frozen = entries(payday(stored, PEOPLE, SHARED))
    assert "deposits" not in frozen["bob"]
    assert frozen["bob"]["pay_to"].keys() == {"name", "routing", "account", "account_type"}
    assert [place.keys() for place in frozen["ann"]["deposits"]] == [
        {"priority", "kind", "method", size, "routing", "account", "account_type"} for size in ("cents", "bp")
    ]
    assert frozen["cyd"]["deposits"] == [{"priority": 1, "kind": "remainder", "method": "check"}]
    text = json.dumps(frozen)
    assert not any(number in text for number in (OWN, "8800112201", "8800112202", "8800112205"))


def test_nothing_of_it_leaves_the_house(stored: Path) -> None:
    """Neither in what a downstream is asked nor in what is exported for a replay elsewhere."""
    pinned = payday(stored, PEOPLE, SHARED)
    assert "deposits" in ask.NEVER
    for written in manifests(pinned):
        exported = json.dumps(replay._nameless(manifest.read(written["object"], written["sha256"])))
        assert "deposits" not in exported and "routing" not in exported


def test_who_has_no_place_for_their_pay_stops_the_payments(stored: Path) -> None:
    pinned = payday(stored, PEOPLE[:1], SHARED[:2])
    stream = keys.paycheck_stream(pinned.employer_run, "ann")
    entry = entries(pinned)["ann"]
    entry["pay_to"] |= {"routing": "", "account": "", "account_type": ""}
    with pytest.raises(NeedsReview, match="ann has no place for their pay"):
        list(instructions._of_person(pinned, entry, stream, NET_CENTS))
    entry["deposits"] = [place | {"kind": "percent", "bp": 60_00} for place in entry["deposits"]]
    with pytest.raises(
        NeedsReview, match="the direct deposits of ann: the percents of the deposits are over 100"
    ):
        list(instructions._of_person(pinned, entry, stream, NET_CENTS))


def test_pay_without_an_entry_stops_the_payments(stored: Path) -> None:
    pinned = payday(stored, PEOPLE[:1], SHARED[:1])
    net = owed(pinned, "ann") | {keys.paycheck_stream(pinned.employer_run, "eve"): 1}
    with pytest.raises(NeedsReview, match="1 paychecks have no entry in a manifest"):
        instructions.planned(pinned, manifests(pinned), net)


def test_payments_have_names_of_15_characters_that_nobody_else_has() -> None:
    run = "0b7c1a52-0000-5000-8000-000000000001"
    names = {
        instructions.individual_id(who, keys.payment_key(run, who, sequence=part), part)
        for who in ("e1", "e1-2", "e12", "E" * 13, "E" * 14, "E" * 15, "E" * 16)
        for part in (1, 2, 12)
    }
    assert len(names) == 7 * 3
    assert all(len(name) <= 15 for name in names)
    assert {"E1", "E1/2", "E1/12", "E" * 13 + "/2"} <= names
