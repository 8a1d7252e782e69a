"""The writer of payment files: the same bytes every time, and nothing a bank would not take."""

import ast
import json
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.payments import ach, ach_fields, ach_reader
from tests.saga.ach_files import (
    ANNA,
    BANK,
    BORIS,
    EMPLOYER,
    FRIDAY,
    WEDNESDAY,
    build,
)

ROOT = Path(ach.__file__).resolve().parents[3]

# Worked out by hand from the record layouts, not by this program.
# Entry hash 01140153 + 09100001 = 10240154; total 123456 + 100 = 123556.
GOLDEN = [
    "101 02100002111234567892611181030A094101FIRST BANK OF SPRINGFIEACME ANVILS                    ",
    "5220ACME ANVILS                         1123456789PPDPAYROLL         261120   1021000020000001",
    "622011401533000123456789     0000123456E00001         ANNA ADAMS              0021000020000001",
    "63209100001998-7654          0000000100E00002         BORIS BAKER             0021000020000002",
    "822000000200102401540000000000000000001235561123456789                         021000020000001",
    "9000001000001000000020010240154000000000000000000123556" + " " * 39,
    *["9" * 94] * 4,
]


def test_the_file_is_the_one_worked_out_by_hand():
    assert build().decode().split("\n") == [*GOLDEN, ""]


def test_the_reader_reads_what_was_paid():
    read = ach_reader.read(build())
    assert read.findings == ()
    assert (read.destination, read.origin, read.modifier) == ("021000021", "1123456789", "A")
    assert read.created == WEDNESDAY
    assert (read.credit_cents, read.debit_cents) == (123_556, 0)
    (batch,) = read.batches
    assert (batch.sec_code, batch.description, batch.effective) == ("PPD", "PAYROLL", FRIDAY)
    assert [(e.account, e.account_type, e.amount_cents) for e in read.entries] == [
        ("000123456789", "checking", 123_456),
        ("98-7654", "savings", 100),
    ]


def test_the_same_credits_in_any_order_give_the_same_bytes():
    credits = [replace(ANNA, individual_id=f"E{n % 7}", amount_cents=n + 1) for n in range(40)]
    first = build(*credits)
    for seed in range(5):
        random.Random(seed).shuffle(credits)  # noqa: S311
        assert build(*credits) == first


def test_fifteen_thousand_entries_are_written_in_well_under_a_second():
    credits = [replace(ANNA, individual_id=f"E{n:05d}", name=f"Zoë {n}") for n in range(15_000)]
    started = time.process_time()
    content = build(*credits)
    took = time.process_time() - started
    assert took < 1
    assert ach_reader.read(content).findings == ()


ROUTING = st.integers(1, 10**8 - 1).map(lambda n: f"{n:08d}").map(lambda r: r + str(_check_digit(r)))
CREDIT = st.builds(
    ach.Entry,
    individual_id=st.text("ABCDEFGHIJ0123456789-", min_size=1, max_size=15),
    name=st.text(min_size=1, max_size=40),
    routing=ROUTING,
    account=st.from_regex(r"[0-9A-Z-]{0,16}[1-9A-Z]", fullmatch=True),
    account_type=st.sampled_from(["checking", "savings"]),
    amount_cents=st.integers(1, ach.MAX_ENTRY_CENTS),
)


def _check_digit(routing8: str) -> int:
    return -sum(int(digit) * weight for digit, weight in zip(routing8, (3, 7, 1) * 3, strict=False)) % 10


@settings(max_examples=200, deadline=None)
@given(
    st.lists(CREDIT, min_size=1, max_size=25),
    st.dates(date(2026, 11, 19), date(2035, 12, 31)),
    st.text(min_size=1, max_size=40),
    st.sampled_from(["PAYROLL", "PAYROLL 7", "PAYROLLXYZ"]),
)
def test_whatever_the_writer_accepts_the_reader_reads_back(credits, effective, name, description):
    employer = ach.Originator(name, "123456789")
    try:
        content = build(*credits, effective=effective, originator=employer, description=description)
    except ach.FileRefused:
        return
    lines = content.decode("ascii").split("\n")
    assert {len(line) for line in lines[:-1]} == {94} and len(lines) % 10 == 1 and lines[-1] == ""
    read = ach_reader.read(content)
    assert read.findings == ()
    assert read.credit_cents == sum(credit.amount_cents for credit in credits)
    assert sorted(map(read_back, read.entries)) == sorted(map(read_back, credits))


def read_back(side: ach.Entry | ach_reader.Entry) -> tuple[str, str, str, str, int]:
    return (side.individual_id, side.routing, side.account, side.account_type, side.amount_cents)


# Names


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("José Muñoz", "JOSE MUNOZ"),
        ("Łukasz Øst-Groß", "LUKASZ OST-GROSS"),
        ("O\u2019Brien", "O'BRIEN"),
        ("Anna\r\n6220114015330001234567890000123456", "ANNA 62201140153300012"),
        ("Anna\n", "ANNA"),
        ("A\x00B\x0bC\x85D\u2028E\u2029F\tG", "A B C D E F G"),
        ("\u202eevil\u200b", "EVIL"),
        ("李小龍", "???"),
        ("\ud800x", "?X"),
        ("🙂 Smith", "? SMITH"),
        ("x" * 500, "X" * 22),
        ("\ufb01nn \u0131", "FINN I"),
        ("=cmd|' /C calc'!A0", "=CMD|' /C CALC'!A0"),
    ],
)
def test_no_name_can_break_a_record(name, written):
    content = build(replace(ANNA, name=name), BORIS, originator=ach.Originator(name, "12-3456789"))
    read = ach_reader.read(content)
    assert read.findings == ()
    assert [entry.name for entry in read.entries] == [written, "BORIS BAKER"]
    assert re.fullmatch(rb"(?:[ -`{-~]{94}\n){10}", content)


# What the writer refuses


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"amount_cents": 0}, "amount"),
        ({"amount_cents": -1}, "amount"),
        ({"amount_cents": 10_000_000_000}, "amount"),
        ({"amount_cents": 1.0}, "amount"),
        ({"amount_cents": True}, "amount"),
        ({"routing": "091000018"}, "check digit"),
        ({"routing": "000000000"}, "check digit"),
        ({"routing": "09100001"}, "check digit"),
        ({"routing": "0910000190"}, "check digit"),
        ({"routing": "09100001９"}, "check digit"),  # noqa: RUF001
        ({"account": ""}, "account number"),
        ({"account": "1" * 18}, "account number"),
        ({"account": " 123"}, "account number"),
        ({"account": "12\n3"}, "account number"),
        ({"account": "123\n"}, "account number"),
        ({"account": "abc"}, "account number"),
        ({"account": "0000"}, "account number"),
        ({"account_type": "loan"}, "account type"),
        ({"name": " \u200b\r\n"}, "name"),
        ({"individual_id": ""}, "individual id"),
        ({"individual_id": "E" * 16}, "individual id"),
    ],
)
def test_a_credit_no_bank_would_take_is_refused_by_its_place(change, why):
    with pytest.raises(ach.FileRefused, match=why) as refused:
        build(ANNA, ANNA, replace(BORIS, **change))
    assert refused.value.entry == 3
    assert str(refused.value).startswith("batch 1, entry 3: ")


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"effective": date(2026, 11, 21)}, "not a banking day"),
        ({"effective": date(2026, 11, 26)}, "not a banking day"),
        ({"effective": date(1999, 11, 22)}, "outside 2000-2099"),
        ({"description": "SALARY"}, "PAYROLL"),
        ({"description": "Payroll"}, "PAYROLL"),
        ({"description": "PAYROLL\n"}, "PAYROLL"),
        ({"description": "PAYROLL 123"}, "PAYROLL"),
        ({"modifier": "a"}, "modifier"),
        ({"modifier": "AB"}, "modifier"),
        ({"bank": ach.Bank("021000022", "B")}, "bank's routing"),
        ({"bank": ach.Bank("021000021", "\n")}, "bank has no name"),
        ({"originator": ach.Originator("A", "1-23456789")}, "EIN"),
        ({"originator": ach.Originator("", "12-3456789")}, "employer has no name"),
    ],
)
def test_a_file_no_bank_would_take_is_refused(terms, why):
    with pytest.raises(ach.FileRefused, match=why):
        build(**terms)


def test_the_fields_have_ceilings(monkeypatch):
    with pytest.raises(ach.FileRefused, match="nothing to pay"):
        ach.build(bank=BANK, originator=EMPLOYER, batches=[ach.payroll((), FRIDAY)], created=WEDNESDAY)
    most = replace(ANNA, amount_cents=ach.MAX_ENTRY_CENTS)
    with pytest.raises(ach.FileRefused, match="total"):
        build(*[most] * 101)
    assert ach_reader.read(build(*[most] * 100)).credit_cents == 999_999_999_900
    with pytest.raises(ach.FileRefused, match="1000000 records"):
        build(*[ANNA] * 1_000_000)


def test_neither_names_nor_accounts_show_in_what_is_printed():
    read = ach_reader.read(build())
    shown = f"{ANNA!r} {read!r}"
    with pytest.raises(ach.FileRefused) as refused:
        build(replace(ANNA, account="0001234567890000000"))
    shown += repr(refused.value)
    for secret in ("Anna", "ANNA", "123456789 ", "0001234"):
        assert secret not in shown


# Apart from each other, and from Django


def test_the_reader_shares_nothing_with_the_writer():
    for module in (ach_reader, ach_fields):
        tree = ast.parse(Path(module.__file__).read_text())
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = {
            f"{node.module}.{name.name}"
            for node in froms
            for name in node.names
            if "payroll" in str(node.module)
        }
        assert {name.split(".")[2] for name in ours} <= {"ach_fields"}


def test_payments_need_no_django():
    code = (
        "import sys, json; from payroll.payments import ach, ach_reader, bank, gateway;"
        "print(json.dumps([m for m in sys.modules if m.split('.')[0] == 'django']))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout) == []
