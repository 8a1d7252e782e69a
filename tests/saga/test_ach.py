"""The writer and the independent reader: same bytes every time, nothing wrong gets past, nothing raises."""

import ast
import json
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.payments import ach, ach_fields, ach_reader

BANK = ach.Bank("021000021", "First Bank of Springfield")
EMPLOYER = ach.Originator("Acme Anvils", "12-3456789")
ANNA = ach.Credit("E00001", "Anna Adams", "011401533", "000123456789", "checking", 123_456)
BORIS = ach.Credit("E00002", "Boris Baker", "091000019", "98-7654", "savings", 100)
FRIDAY = date(2026, 11, 20)
WEDNESDAY = datetime(2026, 11, 18, 10, 30)  # noqa: DTZ001  the writer writes it as it stands
ROOT = Path(ach.__file__).resolve().parents[2]

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


def build(*credits: ach.Credit, **given: object) -> bytes:
    terms = {"bank": BANK, "originator": EMPLOYER, "effective": FRIDAY, "created": WEDNESDAY}
    return ach.build(credits=credits or (ANNA, BORIS), **(terms | given))  # type: ignore[arg-type]


def fields(content: bytes) -> set[str]:
    return {finding.field for finding in ach_reader.read(content).findings}


def retyped(line: int, first: int, text: str, content: bytes = b"") -> bytes:
    """The file with `text` put at a column of a line, both counted from 1."""
    lines = (content or build()).decode().split("\n")
    lines[line - 1] = lines[line - 1][: first - 1] + text + lines[line - 1][first - 1 + len(text) :]
    return "\n".join(lines).encode()


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
    started = time.perf_counter()
    content = build(*credits)
    took = time.perf_counter() - started
    assert took < 1
    assert ach_reader.read(content).findings == ()


ROUTING = st.integers(1, 10**8 - 1).map(lambda n: f"{n:08d}").map(lambda r: r + str(_check_digit(r)))
CREDIT = st.builds(
    ach.Credit,
    individual_id=st.text("ABCDEFGHIJ0123456789-", min_size=1, max_size=15),
    name=st.text(min_size=1, max_size=40),
    routing=ROUTING,
    account=st.from_regex(r"[0-9A-Z-]{0,16}[1-9A-Z]", fullmatch=True),
    account_type=st.sampled_from(["checking", "savings"]),
    amount_cents=st.integers(1, ach.MAX_ENTRY_CENTS),
)


def _check_digit(routing8: str) -> int:
    return -sum(int(digit) * weight for digit, weight in zip(routing8, (3, 7, 1) * 3, strict=False)) % 10


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CREDIT, min_size=1, max_size=25),
    st.dates(date(2025, 1, 1), date(2035, 12, 31)),
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


def read_back(side: ach.Credit | ach_reader.Entry) -> tuple[str, str, str, str, int]:
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
    assert str(refused.value).startswith("entry 3: ")


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
        ach.build(bank=BANK, originator=EMPLOYER, credits=(), effective=FRIDAY, created=WEDNESDAY)
    most = replace(ANNA, amount_cents=ach.MAX_ENTRY_CENTS)
    with pytest.raises(ach.FileRefused, match="total"):
        build(*[most] * 101)
    assert ach_reader.read(build(*[most] * 100)).credit_cents == 999_999_999_900
    with pytest.raises(ach.FileRefused, match="1000000 entries"):
        build(*[ANNA] * 1_000_000)


def test_neither_names_nor_accounts_show_in_what_is_printed():
    read = ach_reader.read(build())
    shown = f"{ANNA!r} {read!r}"
    with pytest.raises(ach.FileRefused) as refused:
        build(replace(ANNA, account="0001234567890000000"))
    shown += repr(refused.value)
    for secret in ("Anna", "ANNA", "123456789 ", "0001234"):
        assert secret not in shown


# What the reader finds


@pytest.mark.parametrize(
    ("line", "first", "text", "field"),
    [
        (1, 2, "02", "priority code"),
        (1, 5, "1", "immediate destination"),
        (1, 14, " " * 10, "immediate origin"),
        (1, 24, "261331", "file creation date"),
        (1, 30, "2460", "file creation time"),
        (1, 34, "-", "file id modifier"),
        (1, 35, "095", "record size"),
        (1, 38, "09", "blocking factor"),
        (1, 40, "2", "format code"),
        (2, 2, "225", "service class"),
        (2, 2, "999", "service class"),
        (2, 5, " " * 16, "company name"),
        (2, 50, "8", "company identification"),
        (2, 51, "WEB", "standard entry class"),
        (2, 54, "SALARY ", "entry description"),
        (2, 70, "261121", "effective entry date"),
        (2, 70, "261126", "effective entry date"),
        (2, 70, "2611 0", "effective entry date"),
        (2, 76, "324", "settlement date"),
        (2, 79, "3", "originator status"),
        (2, 87, "3", "odfi identification"),
        (2, 94, "0", "batch number"),
        (3, 2, "27", "transaction code"),
        (3, 2, "21", "transaction code"),
        (3, 2, "23", "amount"),
        (3, 4, "0" * 9, "routing number"),
        (3, 12, "4", "routing number"),
        (3, 11, "4", "routing number"),
        (3, 13, " ", "account number"),
        (3, 13, "0" * 12, "account number"),
        (3, 14, "_", "account number"),
        (3, 39, "7", "total credits"),
        (3, 30, "0" * 10, "amount"),
        (3, 30, "-", "amount"),
        (3, 55, " " * 22, "name"),
        (3, 79, "1", "addenda indicator"),
        (3, 79, "2", "addenda indicator"),
        (3, 80, "9", "trace number"),
        (4, 94, "1", "trace number"),
        (4, 94, "0", "trace number"),
        (5, 2, "200", "service class"),
        (5, 10, "3", "entry count"),
        (5, 20, "5", "entry hash"),
        (5, 32, "1", "total debits"),
        (5, 44, "7", "total credits"),
        (5, 54, "8", "company identification"),
        (5, 60, "X", "message authentication code"),
        (5, 76, "X", "reserved"),
        (5, 80, "1", "odfi identification"),
        (5, 94, "2", "batch number"),
        (6, 7, "2", "batch count"),
        (6, 13, "2", "block count"),
        (6, 21, "3", "entry count"),
        (6, 31, "5", "entry hash"),
        (6, 43, "1", "total debits"),
        (6, 55, "7", "total credits"),
        (6, 60, "X", "reserved"),
        (8, 50, "8", "filler"),
        (3, 60, "é", "record"),
        (3, 60, "a", "record"),
        (3, 60, "\x7f", "record"),
        (3, 60, "\r", "record"),
    ],
)
def test_the_reader_finds_every_field_that_was_changed(line, first, text, field):
    findings = ach_reader.read(retyped(line, first, text)).findings
    assert field in {finding.field for finding in findings}


def free_text() -> set[tuple[int, int]]:
    """(line, column) of what no check in the file itself can vouch for; only the recorded sha256 does."""
    spans = [(1, 14, 34), (1, 41, 94), (2, 5, 40), (2, 61, 75)]  # origin, creation, modifier; names; date
    spans += [(n, 13, 29) for n in (3, 4)] + [(n, 40, 78) for n in (3, 4)]  # account; id, name, discretionary
    return {(n, column) for n, first, last in spans for column in range(first, last + 1)}


def test_one_changed_byte_anywhere_else_is_found():
    content, free, unseen = build(), free_text(), []
    for line in range(1, 11):
        for column in range(1, 95):
            now = content.decode().split("\n")[line - 1][column - 1]
            for other in {"digit": "0123456789", "blank": "1X"}["digit" if now.isdigit() else "blank"]:
                if other != now and not fields(retyped(line, column, other)):
                    unseen.append((line, column, other))
    outside = {place for place in unseen if place[:2] not in free}
    # Trace numbers may begin anywhere and have gaps, as long as they ascend.
    traces = {place for place in outside if place[0] in {3, 4} and 88 <= place[1] <= 94}
    assert all(line == 4 or other == "0" for line, _, other in traces)
    # 22, 32, 42 and 52 are all credits: the kind of account, like the account itself, is the employee's word.
    kinds = {(3, 2, kind) for kind in "345"} | {(4, 2, kind) for kind in "245"}
    originator_status = {(2, 79, "2")}  # 1 and 2 are both lawful
    assert outside - traces == kinds | originator_status


def lines_of(content: bytes) -> list[bytes]:
    return content.split(b"\n")[:-1]


def joined(lines: list[bytes], end: bytes = b"\n") -> bytes:
    return b"".join(line + end for line in lines)


@pytest.mark.parametrize(
    ("rearrange", "field"),
    [
        (lambda rows: [], "file"),
        (lambda rows: rows[1:], "record type"),
        (lambda rows: rows[:2] + rows[3:], "entry count"),
        (lambda rows: rows[:3] + rows[2:], "trace number"),
        (lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]], "trace number"),
        (lambda rows: rows[:4] + rows[5:], "record type"),
        (lambda rows: rows[:5], "record type"),
        (lambda rows: rows[:5] + rows[6:], "batch count"),
        (lambda rows: rows[:9], "blocking"),
        (lambda rows: [*rows, b""], "filler"),
        (lambda rows: [*rows[:9], b"\x1a"], "filler"),
        (lambda rows: [rows[0] + b" ", *rows[1:]], "record"),
        (lambda rows: [rows[0][:93], *rows[1:]], "record"),
        (lambda rows: [*rows[:2], rows[2][:40], *rows[3:]], "record"),
        (lambda rows: [*rows[:5], rows[1], *rows[2:5], rows[5]], "batch number"),
        (lambda rows: [rows[0], *rows[:9]], "record type"),
        (lambda rows: [b"X" * 94, *rows[:9]], "record type"),
    ],
)
def test_the_reader_finds_records_lost_doubled_or_moved(rearrange, field):
    assert field in fields(joined(rearrange(lines_of(build()))))


def test_line_ends_are_of_one_kind():
    assert fields(joined(lines_of(build()), b"\r\n")) == set()
    assert fields(build()[:-1]) == set()
    assert "file" in fields(build().replace(b"\n", b"\r\n", 1))
    flood = ach_reader.read(b"\n" * 1_000_000).findings
    assert flood[-1].what == "the records are too short to be read" and len(flood) < 5


def test_a_trace_number_ascends_in_its_batch():
    again = ach_reader.read(retyped(4, 94, "1")).findings
    assert [finding.what for finding in again] == ["not ascending in the batch", "twice in the file"]


def test_a_trace_number_is_unique_in_the_whole_file():
    rows = lines_of(build())
    second = [rows[1][:-1] + b"2", *rows[2:4], rows[4][:-1] + b"2"]
    control = rows[5].replace(b"9000001000001000000020010240154", b"9000002000001000000040020480308")
    control = control.replace(b"000000123556", b"000000247112")
    content = joined([*rows[:5], *second, control])
    assert {f.what for f in ach_reader.read(content).findings} == {"twice in the file"}


def with_addenda(*addenda: bytes) -> bytes:
    rows = lines_of(retyped(4, 79, "1"))
    rows[4] = rows[4].replace(b"822000000200", b"8220%06d00" % (2 + len(addenda)))
    rows[5] = rows[5].replace(b"00000002", b"%08d" % (2 + len(addenda)), 1)
    return joined((rows[:4] + list(addenda) + rows[4:])[:10])


ADDENDA = b"705" + b"DED*CS*1234\\".ljust(80) + b"0001" + b"0000002"


def test_an_addenda_belongs_to_the_entry_that_announces_it():
    read = ach_reader.read(with_addenda(ADDENDA))
    assert read.findings == ()
    assert read.entries[1].addenda == ("DED*CS*1234\\",)
    assert fields(with_addenda()) == {"addenda indicator"}
    assert fields(with_addenda(ADDENDA, ADDENDA)) == {"addenda indicator"}
    assert fields(with_addenda(ADDENDA[:-1] + b"1")) == {"entry detail sequence"}
    assert fields(with_addenda(ADDENDA.replace(b"0001", b"0002"))) == {"addenda sequence"}
    assert fields(with_addenda(ADDENDA.replace(b"705", b"799"))) == {"addenda type"}


def test_wages_say_payroll_from_the_day_the_rule_began():
    named = lambda day, created: retyped(  # noqa: E731
        2, 54, "SALARY    ", build(effective=day, created=created)
    )
    before, since = datetime(2026, 3, 17), datetime(2026, 3, 20)  # noqa: DTZ001
    assert fields(named(date(2026, 3, 19), before)) == set()
    assert fields(named(date(2026, 3, 20), before)) == {"entry description"}
    assert fields(named(date(2026, 3, 19), since)) == {"entry description"}
    assert fields(retyped(2, 54, "REVERSAL  ")) == set()


@pytest.mark.parametrize(
    ("year", "closed"),
    [  # Federal Reserve holiday schedule
        (2025, "0101 0120 0217 0526 0619 0704 0901 1013 1111 1127 1225"),
        (2026, "0101 0119 0216 0525 0619 0907 1012 1111 1126 1225"),
        (2027, "0101 0118 0215 0531 0705 0906 1011 1111 1125"),
    ],
)
def test_the_readers_own_calendar_is_the_reserve_banks(year, closed):
    days = (
        date.fromordinal(n) for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
    )
    holidays = [f"{day:%m%d}" for day in days if day.weekday() < 5 and not ach_fields.is_banking_day(day)]
    assert holidays == closed.split()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_the_reader_never_raises_on_noise(content):
    assert ach_reader.read(content).findings


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 949), st.binary(max_size=200), st.integers(0, 200))
def test_the_reader_never_raises_on_a_damaged_file(at, noise, cut):
    content = build()
    damaged = content[:at] + noise + content[at + cut :]
    assert ach_reader.read(damaged) is not None


def test_a_file_of_faults_does_not_become_a_list_as_long():
    read = ach_reader.read(joined([b"6" * 94] * 5_000))
    assert len(read.findings) == ach_reader.MOST_FINDINGS + 1


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
