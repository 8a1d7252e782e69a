"""What the bank sends back: read to the last column, or found at fault by line and field."""

import json
from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payroll.payments import came_back
from payroll.payments.came_back import RETURN_CODES, Corrected, return_code
from tests.saga.ach_files import build, joined, lines_of, retyped
from tests.saga.returned_files import ODFI, batch_of, changed, file_of, returned

MIXED = file_of(
    batch_of(
        returned("R03", remark="NO SUCH ACCOUNT"),
        returned("R15", trace=f"{ODFI}0000002", cents=100, sent_as="31", died="261101", who="E00002"),
    ),
    batch_of(
        returned("R01", trace=f"{ODFI}0000003", cents=123_556, sent_as="26", who="FUNDING"),
        sec="CCD",
        number=2,
        first=3,
    ),
    batch_of(changed("C01"), sec="COR", service="220", number=3, first=4),
)


def found(content: bytes) -> set[str]:
    return {finding.field for finding in came_back.read(content).findings}


def test_returns_and_changes_are_read_to_the_last_column():
    read = came_back.read(MIXED)
    assert read.findings == ()
    assert read.created == datetime(2026, 11, 24, 10, 30)  # noqa: DTZ001
    no_account, died, no_funds = read.returns
    assert (no_account.line, no_account.code, no_account.remark) == (4, "R03", "NO SUCH ACCOUNT")
    assert no_account.trace == "091000010000001" and no_account.died_on is None
    sent = no_account.original
    assert (sent.trace, sent.company_id, sent.effective) == (
        "021000020000001",
        "1123456789",
        date(2026, 11, 20),
    )
    assert (sent.routing8, sent.account, sent.account_type) == ("09100001", "000123456789", "checking")
    assert (sent.direction, sent.amount_cents, sent.individual_id, sent.name) == (
        "credit",
        123_456,
        "E00001",
        "Anna Adams",
    )
    assert (died.code, died.died_on, died.original.account_type) == ("R15", date(2026, 11, 1), "savings")
    assert (no_funds.original.direction, no_funds.original.amount_cents) == ("debit", 123_556)
    (change,) = read.changes
    assert (change.code, change.corrected) == ("C01", Corrected(account="1918171614"))
    assert change.original.trace == "021000020000001" and change.original.amount_cents == 0


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("C01", "00918171614", Corrected(account="00918171614")),
        ("C01", "12345678901234567", Corrected(account="12345678901234567")),
        ("C02", "091000019", Corrected(routing="091000019")),
        # by the rules: three blanks, the account from column 13 on
        ("C03", "091000019   98-7654", Corrected(routing="091000019", account="98-7654")),
        ("C03", "091000019             98-7654", Corrected(routing="091000019", account="98-7654")),
        ("C03", "091000019   12345678901234567", Corrected(routing="091000019", account="12345678901234567")),
        ("C05", "37", Corrected(account_type="savings")),
        ("C05", "22", Corrected(account_type="checking")),
        # by the rules: account in 1-17, the code in 21-22
        ("C06", "98-7654             32", Corrected(account="98-7654", account_type="savings")),
        ("C06", "12345678901234567   22", Corrected(account="12345678901234567", account_type="checking")),
        ("C06", "98-7654                    32", Corrected(account="98-7654", account_type="savings")),
        # by the rules: routing 1-9, account 10-26, code 27-28
        ("C07", "09100001998-7654          32", Corrected("091000019", "98-7654", "savings")),
        ("C07", "0910000191234567890123456722", Corrected("091000019", "12345678901234567", "checking")),
        ("C09", "E12345", Corrected(individual_id="E12345")),
    ],
)
def test_corrected_data_is_cut_by_its_code(code, data, expected):
    read = came_back.read(file_of(batch_of(changed(code, data), sec="COR")))
    assert read.findings == ()
    assert [change.corrected for change in read.changes] == [expected]


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("C01", ""),
        ("C01", "123456789012345678"),
        ("C01", "12 34"),
        ("C01", "0000"),
        ("C01", "abc"),
        ("C02", "091000018"),
        ("C02", "09100001"),
        ("C02", "091000019 1"),
        ("C03", "091000019"),
        ("C03", "091000018   98-7654"),
        ("C05", "21"),
        ("C05", "42"),
        ("C05", ""),
        ("C06", "98-7654"),
        ("C06", "32"),
        ("C06", "98-7654             99"),
        ("C06", "98 7654             32"),
        ("C07", "09100001998-7654"),
        ("C07", "09100001898-7654          32"),
        ("C09", ""),
        ("C09", "1" * 16),
        ("C04", "ANNA ADAMS"),
        ("C13", "X"),
        ("C61", "X"),
        ("R03", "X"),
        ("", "1"),
    ],
)
def test_what_cannot_be_applied_is_a_finding(code, data):
    read = came_back.read(file_of(batch_of(changed(code, data), sec="COR")))
    assert {finding.field for finding in read.findings} == {"corrected data"}
    assert read.changes == () and (
        not data.strip() or all(data.strip() not in str(f.what).split() for f in read.findings)
    )


# One thing wrong at a time: (line, column from 1, text), and the field it is found in.
@pytest.mark.parametrize(
    ("line", "first", "text", "field"),
    [
        (1, 2, "02", "priority code"),
        (1, 4, " " * 10, "immediate destination"),
        (1, 14, " " * 10, "immediate origin"),
        (1, 24, "261331", "file creation date"),
        (1, 30, "2460", "file creation time"),
        (1, 34, "a", "file id modifier"),
        (1, 35, "095", "record size"),
        (1, 38, "09", "blocking factor"),
        (1, 40, "2", "format code"),
        (2, 2, "280", "service class"),
        (2, 2, "225", "transaction code"),
        (2, 5, " " * 16, "company name"),
        (2, 41, " " * 10, "company identification"),
        (2, 51, "WEB", "standard entry class"),
        (2, 51, "COR", "addenda type"),
        (2, 54, " " * 10, "entry description"),
        (2, 70, "261301", "effective entry date"),
        (2, 76, "367", "settlement date"),
        (2, 79, "3", "originator status"),
        (2, 80, "X", "odfi identification"),
        (2, 88, "0000000", "batch number"),
        (3, 2, "22", "transaction code"),
        (3, 12, "2", "routing number"),
        (3, 13, " " * 17, "account number"),
        (3, 30, "000000123X", "amount"),
        (3, 30, "0000123457", "total credits"),
        (3, 79, "0", "addenda indicator"),
        (3, 80, "8", "trace number"),
        (4, 2, "98", "addenda type"),
        (4, 4, "X03", "return reason code"),
        (4, 4, "R61", "return reason code"),
        (4, 4, "R77", "return reason code"),
        (4, 7, "X", "original trace number"),
        (4, 22, "261101", "date of death"),
        (4, 28, "X", "original rdfi identification"),
        (4, 94, "9", "trace number"),
        (6, 22, "261301", "date of death"),
        (5, 94, "1", "trace number"),
        (7, 2, "220", "service class"),
        (7, 10, "5", "entry count"),
        (7, 20, "5", "entry hash"),
        (7, 32, "1", "total debits"),
        (7, 44, "7", "total credits"),
        (7, 45, "2", "company identification"),
        (7, 60, "X", "message authentication code"),
        (7, 75, "X", "reserved"),
        (7, 80, "1", "odfi identification"),
        (7, 94, "2", "batch number"),
        (13, 30, "0000000001", "amount"),
        (14, 22, "1", "reserved"),
        (14, 70, "X", "reserved"),
        (14, 4, "C99", "corrected data"),
        (16, 7, "9", "batch count"),
        (16, 13, "9", "block count"),
        (16, 21, "9", "entry count"),
        (16, 31, "9", "entry hash"),
        (16, 43, "9", "total debits"),
        (16, 55, "9", "total credits"),
        (16, 60, "X", "reserved"),
        (17, 50, "8", "filler"),
        (3, 60, "\x7f", "record"),
        (3, 60, "é", "record"),
        (3, 60, "\r", "record"),
    ],
)
def test_every_field_that_was_changed_is_found_and_nothing_is_imported(line, first, text, field):
    read = came_back.read(retyped(line, first, text, MIXED))
    assert field in {finding.field for finding in read.findings}
    assert read.returns == () and read.changes == ()


@pytest.mark.parametrize(
    ("rearrange", "field"),
    [
        (lambda rows: [], "file"),
        (lambda rows: rows[1:], "blocking"),
        (lambda rows: rows[1:10] + rows[10:] + rows[:1], "record type"),
        (lambda rows: rows[:2] + rows[4:] + rows[-1:] * 2, "entry count"),
        (lambda rows: rows[:3] + rows[4:] + rows[-1:], "record type"),
        (lambda rows: rows[:3] + rows[3:4] + rows[3:-1], "record type"),
        (lambda rows: [*rows[:2], *rows[4:6], *rows[2:4], *rows[6:]], "trace number"),
        (lambda rows: rows[:6] + rows[7:] + rows[-1:], "record type"),
        (lambda rows: rows[:15] + rows[16:] + rows[-1:], "batch count"),  # a filler in its place
        (lambda rows: rows[:1] + rows[15:] + rows[-1:] * 14, "record type"),
        (lambda rows: rows[:-1], "blocking"),
        (lambda rows: [*rows[:16], rows[1], *rows[17:]], "filler"),
        (lambda rows: [rows[0] + b" ", *rows[1:]], "record"),
        (lambda rows: [*rows[:1], *rows[7:11], *rows[1:7], *rows[11:]], "batch number"),
        (lambda rows: [*rows[:1], rows[1], rows[6], *rows[7:], *rows[-1:] * 4], "record type"),
    ],
)
def test_records_lost_doubled_or_moved_are_found(rearrange, field):
    assert field in found(joined(rearrange(lines_of(MIXED))))


def test_a_company_may_stand_to_the_left_or_to_the_right():
    nine = retyped(2, 41, " 123456789", retyped(7, 45, "123456789 ", MIXED))
    assert came_back.read(nine).findings == ()
    assert came_back.read(nine).returns[0].original.company_id == "123456789"


def test_a_trace_is_of_the_bank_that_its_batch_names():
    other = retyped(7, 80, "1", retyped(2, 80, "1", MIXED))
    assert {(f.field, f.what) for f in came_back.read(other).findings} == {
        ("trace number", "not of the bank of its batch")
    }


def test_one_return_told_twice_is_found_and_two_files_with_one_trace_are_not():
    twice = file_of(batch_of(returned(), returned()))
    assert [(f.line, f.field, f.what) for f in came_back.read(twice).findings] == [
        (6, "original trace number", "told twice in the file")
    ]
    others = file_of(batch_of(returned(), returned(who="E00009", cents=5)))
    assert len(came_back.read(others).returns) == 2


def test_line_ends_are_of_one_kind():
    assert came_back.read(joined(lines_of(MIXED), b"\r\n")) == came_back.read(MIXED)
    assert came_back.read(MIXED[:-1]) == came_back.read(MIXED)
    assert "record" in found(MIXED.replace(b"\n", b"\r\n", 2).replace(b"\r\n", b"\n", 1))


def test_a_flood_is_refused_at_once_and_findings_have_an_end():
    assert [f.what for f in came_back.read(b"\n" * 1_000_000).findings] == [
        "the records are too short to be read"
    ]
    assert len(came_back.read((b"x" * 95 + b"\n") * 10_000).findings) == 100
    assert came_back.read(b"").findings and came_back.read(b"\x00" * 94).findings


def test_our_own_file_is_no_file_that_came_back():
    read = came_back.read(build())
    assert {"transaction code", "addenda indicator", "record type"} & {f.field for f in read.findings}
    assert read.returns == ()


def test_a_prenote_that_comes_back_has_no_amount():
    (back,) = came_back.read(file_of(batch_of(returned("R04", cents=0)))).returns
    assert back.original.amount_cents == 0


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_nothing_is_ever_raised_and_nothing_shown(data):
    rows = lines_of(MIXED)
    for _ in range(data.draw(st.integers(1, 4))):
        n = data.draw(st.integers(0, len(rows) - 1))
        at = data.draw(st.integers(0, 93))
        rows[n] = (
            rows[n][:at] + data.draw(st.binary(max_size=3)) + rows[n][at + data.draw(st.integers(0, 3)) :]
        )
    content = joined(data.draw(st.permutations(rows)) if data.draw(st.booleans()) else rows)
    shown = repr(came_back.read(content))
    for secret in ("Anna", "000123456789", "1918171614", "NO SUCH"):
        assert secret not in shown


@given(st.binary(max_size=2000))
def test_no_bytes_are_too_strange(content):
    assert came_back.read(content).findings
    assert came_back.kind_of(content) in {"", "returns"}


# Which kind a file is


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (MIXED, "returns"),
        (json.dumps({"type": "acknowledgement", "key": "k"}).encode(), "acknowledgement"),
        (b'\n {"type": "settlement"}', "settlement"),
        (b'{"type": "other"}', ""),
        (b'{"type": ["settlement"]}', ""),
        (b'{"type": "settlement"', ""),
        (b'["settlement"]', ""),
        (b"", ""),
        (b"\xff\xfe{", ""),
        (b'{"type": "\xff"}', ""),
        (b"employer_id,employee_id\n", ""),
        (b'{"a":' * 100_000, ""),
    ],
)
def test_a_file_is_known_by_how_it_begins(content, kind):
    assert came_back.kind_of(content) == kind


# What a code means. From the format page: two banking days unless said, retry only R01 and R09.


@pytest.mark.parametrize("code", ["R02", "R03", "R04", "R16", "R20", "R23", "R14", "R15"])
def test_a_credit_that_no_account_took_holds_the_account(code):
    assert return_code(code).hold and not return_code(code).again


def test_only_debits_without_funds_may_go_again():
    assert {code for code, row in RETURN_CODES.items() if row.again} == {"R01", "R09"}
    assert not any(row.hold for row in RETURN_CODES.values() if row.again)
    assert all(code == row.code and row.known for code, row in RETURN_CODES.items())


def test_a_code_nobody_knows_holds_the_account():
    assert return_code("R99") == replace(return_code("R99"), hold=True, again=False, known=False)
    assert return_code("R99").latest(date(2026, 11, 20)) is None


@pytest.mark.parametrize(
    ("code", "latest"),
    [
        ("R03", date(2026, 11, 27)),
        ("R10", date(2027, 1, 24)),
        ("R06", None),
    ],  # settled the day before Thanksgiving
)
def test_a_late_return_can_be_told(code, latest):
    settled = date(2026, 11, 25) if code != "R03" else date(2026, 11, 24)
    assert return_code(code).latest(settled) == latest
