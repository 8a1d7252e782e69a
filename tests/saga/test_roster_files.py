"""The files of a roster as files: encodings, quotes, headers, and what a finding may show of them."""

import pytest

from payroll.roster.findings import Findings, RosterRefused, last_four, shown
from payroll.roster.reading import read
from tests.saga.roster_files import EMPLOYEES, EMPLOYERS, FILES, TIME_ENTRIES, entry, found, good, write

TWELVE_LONG_VALUES = b",".join([b'"' + b"\n" * 100_000 + b'"'] * 12)
BAD_BYTES = [
    # what is done to the bytes of employees.csv, line and column of the finding, part of the problem
    (lambda old: b"", 0, "", "is empty"),
    (lambda old: b"\n\n", 0, "", "is empty"),
    (lambda old: old.decode().encode("utf-16"), 0, "", "UTF-16"),
    (lambda old: old.decode().encode("utf-16-be"), 1, "", "UTF-16"),
    (lambda old: old.decode().encode("latin-1"), 2, "", "byte 0xEB is not UTF-8"),
    (lambda old: old.replace(b"Foreman", b"Fore\0man", 1), 2, "", "NUL"),
    (
        lambda old: old.replace(b"Foreman", b'"Foreman', 1),
        2,
        "",
        "quote that opens in this row is never closed",
    ),
    (lambda old: old.replace(b"Foreman", b'"Fore"man', 1), 2, "", "double every quote"),
    (lambda old: old.replace(b"Foreman", b"Foreman,x", 1), 2, "", "has 30 values where the header has 29"),
    (lambda old: old.replace(b",checking", b"", 1), 2, "", "has 28 values"),
    (lambda old: old + b"," * 28 + b"\r\n", 6, "", "the row is empty"),
    (lambda old: old.replace(b"Foreman", b"x" * 1_000_001, 1), 2, "", "longer than 1 MB"),
    (lambda old: old.replace(b"Foreman", TWELVE_LONG_VALUES, 1), 2, "", "longer than 1 MB"),
    (lambda old: old.replace(b"Foreman", b"x" * 200_000, 1), 2, "", "longer than 128 KB"),
    (lambda old: old.replace(b"\r\n", b"\r"), 1, "", "line ends"),
    (lambda old: old.replace(b",", b";"), 1, "", "another separator"),
    (lambda old: old.partition(b"\n")[2], 1, "", "not the header"),
    (lambda old: old.replace(b"job_title", b"title", 1), 1, "title", "unknown column"),
    (lambda old: old.replace(b"job_title", b"901-12-0123", 1), 1, "••••0123", "unknown column"),
    (lambda old: old.replace(b"job_title", b"", 1), 1, "number 9", "unknown column"),
    (lambda old: old.replace(b"job_title", b"ssn", 1), 1, "ssn", "twice"),
]


@pytest.mark.parametrize(("spoil", "line", "column", "problem"), BAD_BYTES)
def test_a_file_that_is_not_good_csv_is_refused(tmp_path, spoil, line, column, problem):
    path = write(tmp_path, good()) / EMPLOYEES
    path.write_bytes(spoil(path.read_bytes()))
    first = next(finding for finding in found(tmp_path) if finding[0] == EMPLOYEES)
    assert first[1:4] == (line, column, "")
    assert problem in first[4]


def test_a_file_that_cannot_be_read_does_not_blame_those_that_refer_to_it(tmp_path):
    (write(tmp_path, good()) / EMPLOYERS).unlink()
    assert [(finding[0], finding[1]) for finding in found(tmp_path)] == [(EMPLOYERS, 0)]


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_or_a_folder_in_its_place_is_refused(tmp_path, file):
    (write(tmp_path, good()) / file).unlink()
    (finding,) = found(tmp_path)
    assert finding[0] == file and "is missing" in finding[4]
    (tmp_path / file).mkdir()
    (finding,) = found(tmp_path)
    assert finding[0] == file and "cannot be read" in finding[4]


def test_a_missing_required_column_is_named(tmp_path):
    rows = good()
    for row in rows[EMPLOYEES]:
        del row["ssn"], row["account_type"]
    assert [finding[:3] for finding in found(write(tmp_path, rows))] == [
        (EMPLOYEES, 1, "ssn"),
        (EMPLOYEES, 1, "account_type"),
    ]


def test_lines_are_counted_through_values_of_several_lines(tmp_path):
    path = write(tmp_path, good()) / EMPLOYERS
    path.write_bytes(
        path.read_bytes().replace(b"Employer A1", b'"Employer\nA1"').replace(b"monthly", b"never")
    )
    assert [finding[1:3] for finding in found(tmp_path)] == [(2, "name"), (4, "pay_frequency")]


@pytest.mark.parametrize(
    "column", [name for name in good()[EMPLOYEES][0] if name not in {"employer_id", "employee_id"}]
)
@pytest.mark.parametrize("secret", ["901-12-7654", "901127654", "3470827654", "x901 12 7654x", "901.12.7654"])
def test_a_personal_number_in_any_column_is_masked(tmp_path, column, secret):
    rows = good()
    rows[EMPLOYEES][0][column] = f"{secret}\x07"
    (finding,) = found(write(tmp_path, rows))
    assert "••••" in finding[3]
    assert "12765" not in finding[3].replace("-", "").replace(" ", "").replace(".", "")
    assert "082765" not in finding[3]


def test_a_masked_number_shows_at_most_half_of_itself():
    assert [last_four(number) for number in ("", "1", "12", "1234", "1234567", "12345678")] == [
        "",
        "",
        "2",
        "34",
        "567",
        "5678",
    ]
    assert shown("1", secret=True) == "••••"
    assert shown("", secret=True) == ""


def test_printing_stops_at_200_findings_and_counts_the_rest(tmp_path):
    rows = good() | {TIME_ENTRIES: [entry("A1", "e1", "2026-11-02", "x") for _ in range(250)]}
    _, findings = read(write(tmp_path, rows))
    lines = list(findings.lines())
    assert (findings.total, len(lines), lines[-1]) == (250, 201, "... and 50 more")
    assert lines[0].startswith("time_entries.csv:2 hours x: is not a number - ")
    assert "250 problems, the first in time_entries.csv line 2; nothing was loaded" in str(
        RosterRefused(findings)
    )


def test_findings_beyond_the_limit_are_counted_and_not_kept(monkeypatch):
    monkeypatch.setattr("payroll.roster.findings.KEPT_FINDINGS", 3)
    findings = Findings()
    for line in range(5):
        findings.add("f.csv", line, "", "", "is bad - mend it")
    assert (findings.total, len(findings.kept)) == (5, 3)
    assert list(findings.lines(2))[-1] == "... and 3 more"
