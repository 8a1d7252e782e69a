"""The independent reader: every fault is found and named, nothing is raised."""

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.payments import ach_fields, ach_reader
from tests.saga.ach_files import (
    build,
    fields,
    joined,
    lines_of,
    retyped,
)


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
    assert [finding.what for finding in flood[:1]] == ["the records are too short to be read"]


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
    before = datetime(2026, 3, 17)  # noqa: DTZ001
    assert fields(named(date(2026, 3, 19), before)) == set()
    assert fields(named(date(2026, 3, 20), before)) == {"entry description"}
    # Created after the rule began, for a day before: the writer refuses to, so the date is typed over.
    assert fields(retyped(1, 24, "260320", named(date(2026, 3, 19), before))) == {"entry description"}
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
