"""The rows of a roster: what is taken, and how everything else is refused, by file, line and column."""

from datetime import date
from decimal import Decimal

import pytest

from payroll.roster.reading import read
from tests.saga import roster_files
from tests.saga.roster_files import (
    EMPLOYEES,
    EMPLOYERS,
    FILES,
    OLD_FORM,
    TIME_ENTRIES,
    entry,
    found,
    good,
    write,
)


def test_a_good_roster_is_read_with_types_and_defaults(tmp_path):
    roster, findings = read(write(tmp_path, good()))
    assert (findings.total, findings.warnings) == (0, [])
    assert [row.employer_id for row in roster.employers] == ["A1", "B2"]
    assert roster.employers[1].retirement_plan == "none"
    first, old_form = roster.employees[:2]
    assert (first.line, first.first_name, first.last_name) == (2, "Zoë", "O'Brien")
    assert (first.pay_rate, first.flsa_exempt, first.step4b) == (Decimal("41.41"), False, Decimal(0))
    assert (first.hire_date, first.termination_date) == (date(2022, 3, 21), None)
    assert (old_form.allowances, old_form.additional_withholding) == (2, Decimal("10.00"))
    assert (old_form.step2_checkbox, old_form.step3) == (False, Decimal(0))
    assert roster.time_entries[3] == (
        5,
        "B2",
        "e4",
        date(2026, 11, 3),
        Decimal("0.25"),
        "work",
        Decimal("50.1234"),
    )


def test_column_order_is_free_and_optional_columns_may_be_missing(tmp_path):
    rows = good()
    rows[EMPLOYEES] = [
        {name: row[name] for name in reversed(row) if not name.startswith(("step", "roth", "job"))}
        for row in rows[EMPLOYEES]
    ]
    roster, findings = read(write(tmp_path, rows))
    assert findings.total == 0
    assert (roster.employees[0].step3, roster.employees[0].job_title) == (Decimal(0), "")


def test_a_bom_windows_line_ends_blank_lines_and_no_time_entries_are_fine(tmp_path):
    write(tmp_path, good() | {TIME_ENTRIES: []})
    for file in FILES:
        text = (tmp_path / file).read_text().replace("\n", "\r\n") + "\r\n\n"
        (tmp_path / file).write_bytes(b"\xef\xbb\xbf" + text.encode())
    roster, findings = read(tmp_path)
    assert findings.total == 0
    assert (len(roster.employees), roster.time_entries) == (4, [])


def test_quoted_commas_quotes_and_formulas_are_data(tmp_path):
    rows = good()
    rows[EMPLOYEES][0] |= {
        "last_name": '=cmd|"x", 1',
        "first_name": "+José",
        "job_title": "-@x {{7*7}} <svg>",
    }
    roster, findings = read(write(tmp_path, rows))
    assert findings.total == 0
    assert roster.employees[0][3:5] == ("+José", '=cmd|"x", 1')


def test_surrounding_spaces_are_trimmed(tmp_path):
    rows = good()
    rows[EMPLOYEES][0] = {name: f"  {value} " for name, value in rows[EMPLOYEES][0].items()}
    roster, findings = read(write(tmp_path, rows))
    assert findings.total == 0
    assert roster.employees[0].first_name == "Zoë"
    assert roster.employees[0].ssn == good()[EMPLOYEES][0]["ssn"]


BAD_CELLS = [
    # file, column, value, as it is shown, part of the problem
    (EMPLOYERS, "employer_id", "", "", "empty"),
    (EMPLOYERS, "employer_id", "A 1", "A 1", "not a key"),
    (EMPLOYERS, "employer_id", "x" * 33, "x" * 33, "not a key"),
    (EMPLOYERS, "employer_id", "../../x", "../../x", "not a key"),
    (EMPLOYERS, "name", "x" * 121, "x" * 39 + "…", "121 characters"),
    (EMPLOYERS, "name", "   ", "   ", "empty"),
    (EMPLOYERS, "ein", "123456789", "••••6789", "NN-NNNNNNN"),
    (EMPLOYERS, "ein", "12345678", "••••5678", "lost its leading zero"),
    (EMPLOYERS, "ein", "1.23E+08", "1.23E+08", "spreadsheet"),
    (EMPLOYERS, "state", "ZZ", "ZZ", "postal code"),
    (EMPLOYERS, "state", "il", "il", "capitals"),
    (EMPLOYERS, "state", "PR", "PR", "postal code"),
    (EMPLOYERS, "pay_frequency", "Weekly", "Weekly", "weekly, biweekly, semimonthly, monthly"),
    (EMPLOYERS, "retirement_plan", "401k", "401k", "basic_safe_harbor"),
    (EMPLOYERS, "routing_number", "071000302", "••••0302", "check digit"),
    (EMPLOYERS, "routing_number", "000000000", "••••0000", "check digit"),
    (EMPLOYERS, "routing_number", "71000301", "••••0301", "lost its leading zero"),
    (EMPLOYERS, "routing_number", "0710003011", "••••3011", "nine digits"),
    (EMPLOYERS, "routing_number", "\u066071000301", "••••0301", "nine digits"),
    (EMPLOYERS, "account_number", "1" * 18, "••••1111", "1 to 17"),
    (EMPLOYERS, "account_number", "12 345", "••••45", "no spaces"),
    (EMPLOYERS, "account_number", "0000", "••••00", "all zeros"),
    (EMPLOYERS, "account_number", "3.47E+09", "••••E09", "spreadsheet"),
    (EMPLOYERS, "account_number", "#REF!", "••••F", "error mark"),
    (EMPLOYEES, "employee_id", "é", "é", "not a key"),
    (EMPLOYEES, "first_name", "", "", "empty"),
    (EMPLOYEES, "first_name", "a\tb", "a\\tb", "U+0009"),
    (EMPLOYEES, "first_name", "a\nb", "a\\nb", "U+000A"),
    (EMPLOYEES, "first_name", "a\x1bb", "a\\x1bb", "U+001B"),
    (EMPLOYEES, "last_name", "a\u202eb", "a\\u202eb", "U+202E"),
    (EMPLOYEES, "last_name", "a\u2069b", "a\\u2069b", "U+2069"),
    (EMPLOYEES, "last_name", "a\u2028b", "a\\u2028b", "U+2028"),
    (EMPLOYEES, "last_name", "Mu\ufffdoz", "Mu\ufffdoz", "wrong conversion"),
    (EMPLOYEES, "last_name", "x" * 61, "x" * 39 + "…", "61 characters"),
    (EMPLOYEES, "job_title", "x\x07", "x\\x07", "U+0007"),
    (EMPLOYEES, "ssn", "", "", "empty"),
    (EMPLOYEES, "ssn", "901120123", "••••0123", "no hyphens"),
    (EMPLOYEES, "ssn", "1120123", "••••123", "lost its leading zeros"),
    (EMPLOYEES, "ssn", "1.23E+08", "••••E08", "spreadsheet"),
    (EMPLOYEES, "ssn", "000-12-3456", "••••3456", "never issued"),
    (EMPLOYEES, "ssn", "666-12-3456", "••••3456", "never issued"),
    (EMPLOYEES, "ssn", "901-00-3456", "••••3456", "never issued"),
    (EMPLOYEES, "ssn", "123-45-0000", "••••0000", "never issued"),
    (EMPLOYEES, "ssn", "901-12-345", "••••2345", "AAA-GG-SSSS"),
    (EMPLOYEES, "ssn", "901-12-3456x", "••••456x", "AAA-GG-SSSS"),
    (EMPLOYEES, "birth_date", "02/03/04", "02/03/04", "more than one way"),
    (EMPLOYEES, "birth_date", "1-2-1980", "1-2-1980", "more than one way"),
    (EMPLOYEES, "birth_date", "19800102", "••••0102", "not a date"),
    (EMPLOYEES, "birth_date", "29221", "29221", "spreadsheet"),
    (EMPLOYEES, "birth_date", "1980-02-30", "1980-02-30", "not a day of the calendar"),
    (EMPLOYEES, "birth_date", "1899-12-31", "1899-12-31", "1900 to 2100"),
    (EMPLOYEES, "hire_date", "9999-01-01", "9999-01-01", "1900 to 2100"),
    (EMPLOYEES, "hire_date", "901-12-0123", "••••0123", "more than one way"),
    (EMPLOYEES, "termination_date", "2022-03-20", "2022-03-20", "before the hire date"),
    (EMPLOYEES, "pay_basis", "annual", "annual", "hourly, salary"),
    (EMPLOYEES, "pay_rate", "0", "0", "outside"),
    (EMPLOYEES, "pay_rate", "-1", "-1", "below zero"),
    (EMPLOYEES, "pay_rate", "41.41001", "41.41001", "5 decimals"),
    (EMPLOYEES, "pay_rate", "10000.01", "10000.01", "is it a salary?"),
    (EMPLOYEES, "pay_rate", "100000000.01", "••••0000.01", "outside"),
    (EMPLOYEES, "pay_rate", "$41.41", "$41.41", "dollar sign"),
    (EMPLOYEES, "pay_rate", "1,000.00", "1,000.00", "commas"),
    (EMPLOYEES, "pay_rate", "NaN", "NaN", "not a number"),
    (EMPLOYEES, "pay_rate", "4e1", "4e1", "spreadsheet"),
    (EMPLOYEES, "pay_rate", "\u0664\u0661", "\u0664\u0661", "not a number"),
    (EMPLOYEES, "standard_weekly_hours", "168.01", "168.01", "outside"),
    (EMPLOYEES, "flsa_exempt", "yes", "yes", "true nor false"),
    (EMPLOYEES, "flsa_exempt", "", "", "empty"),
    (EMPLOYEES, "work_state", "Illinois", "Illinois", "postal code"),
    (EMPLOYEES, "w4_version", "2020", "2020", "2020+, pre2020"),
    (EMPLOYEES, "filing_status", "married", "married", "2020+ Form W-4"),
    (EMPLOYEES, "filing_status", "divorced", "divorced", "allowed words"),
    (EMPLOYEES, "allowances", "2", "2", "2020+ Form W-4"),
    (EMPLOYEES, "allowances", "1.5", "1.5", "not a number"),
    (EMPLOYEES, "allowances", "1000", "1000", "above 999"),
    (EMPLOYEES, "additional_withholding", "5.00", "5.00", "2020+ Form W-4"),
    (EMPLOYEES, "step3", "-5", "-5", "below zero"),
    (EMPLOYEES, "step4a", "0.005", "0.005", "3 decimals"),
    (EMPLOYEES, "step4c", "Infinity", "Infinity", "not a number"),
    (EMPLOYEES, "traditional_401k_percent", "100.01", "100.01", "outside"),
    (EMPLOYEES, "roth_401k_percent", "95.01", "95.01", "more than 100 together"),
    (EMPLOYEES, "section125_per_period", "10000000.01", "••••0000.01", "outside"),
    (EMPLOYEES, "routing_number", "", "", "empty"),
    (EMPLOYEES, "account_number", "12-34", "••••34", "hyphens"),
    (EMPLOYEES, "account_type", "cheque", "cheque", "checking, savings"),
    (TIME_ENTRIES, "work_date", "11/02/2026", "11/02/2026", "more than one way"),
    (TIME_ENTRIES, "hours", "0", "0", "outside"),
    (TIME_ENTRIES, "hours", "0.001", "0.001", "3 decimals"),
    (TIME_ENTRIES, "hours", "24.01", "24.01", "outside"),
    (TIME_ENTRIES, "hours", "-1", "-1", "below zero"),
    (TIME_ENTRIES, "hours", "1e9", "1e9", "spreadsheet"),
    (TIME_ENTRIES, "hours", "8:00", "8:00", "decimal hours"),
    (TIME_ENTRIES, "hours", "nan", "nan", "not a number"),
    (TIME_ENTRIES, "hours", "8,5", "8,5", "commas"),
    (TIME_ENTRIES, "kind", "vacation", "vacation", "work, leave, holiday"),
    (TIME_ENTRIES, "rate", "10000.01", "10000.01", "outside"),
    (TIME_ENTRIES, "rate", "0.00", "0.00", "outside"),
]


@pytest.mark.parametrize("case", BAD_CELLS, ids=lambda case: f"{case[1]}={ascii(case[2])[:30]}")
def test_a_bad_cell_is_refused_where_it_stands(tmp_path, case):
    file, column, value, masked, problem = case
    rows = good()
    rows[file][0][column] = value
    first, *rest = found(write(tmp_path, rows))
    assert first[:4] == (file, 2, column, masked)
    assert problem in first[4]
    assert " - " in first[4], "a problem says what to do"
    if column not in {"employer_id", "employee_id"}:  # what refers to a lost key is reported as well
        assert rest == []


@pytest.mark.parametrize("column", ["step3", "step4a", "step4b", "step4c"])
def test_an_old_form_has_no_steps(tmp_path, column):
    rows = good()
    rows[EMPLOYEES][1][column] = "1.00"
    assert [finding[:4] for finding in found(write(tmp_path, rows))] == [(EMPLOYEES, 3, column, "1.00")]


def test_an_old_form_has_no_checkbox_and_its_own_statuses(tmp_path):
    rows = good()
    rows[EMPLOYEES][1] |= {"step2_checkbox": "true", "filing_status": "mfj"}
    assert {finding[2] for finding in found(write(tmp_path, rows))} == {"step2_checkbox", "filing_status"}


def test_zeros_on_the_other_form_say_nothing_and_are_taken(tmp_path):
    rows = good()
    rows[EMPLOYEES][0] |= {"allowances": "0", "additional_withholding": "0.00"}
    rows[EMPLOYEES][1] |= {"step2_checkbox": "FALSE", "step3": "0.00"}
    assert found(write(tmp_path, rows)) == []


def test_hired_before_birth_is_a_warning_that_refuses_nothing(tmp_path):
    rows = good()
    rows[EMPLOYEES][0]["hire_date"] = "1971-09-12"
    _, findings = read(write(tmp_path, rows))
    assert findings.total == 0
    assert [warning[:4] for warning in findings.warnings] == [(EMPLOYEES, 2, "hire_date", "1971-09-12")]


def test_every_bad_row_of_every_file_is_reported(tmp_path):
    rows = good()
    rows[EMPLOYERS][1]["state"] = "ZZ"
    rows[EMPLOYEES][0] |= {"pay_rate": "x", "hire_date": "x", "ssn": "x"}
    rows[EMPLOYEES][3]["account_type"] = "x"
    rows[TIME_ENTRIES][2]["hours"] = "25"
    assert [finding[:3] for finding in found(write(tmp_path, rows))] == [
        (EMPLOYERS, 3, "state"),
        (EMPLOYEES, 2, "ssn"),
        (EMPLOYEES, 2, "hire_date"),
        (EMPLOYEES, 2, "pay_rate"),
        (EMPLOYEES, 5, "account_type"),
        (TIME_ENTRIES, 4, "hours"),
    ]


DUPLICATES = [
    (EMPLOYERS, 1, {"employer_id": "A1"}, "employer_id", "A1", "line 2"),
    (EMPLOYERS, 1, {"ein": good()[EMPLOYERS][0]["ein"]}, "ein", good()[EMPLOYERS][0]["ein"], "line 2"),
    (EMPLOYEES, 1, {"employee_id": "e1"}, "employee_id", "e1", "line 2 of this employer"),
    (EMPLOYEES, 1, {"ssn": good()[EMPLOYEES][0]["ssn"]}, "ssn", "••••0150", "line 2 of this employer"),
]


@pytest.mark.parametrize("case", DUPLICATES, ids=lambda case: f"{case[0]}-{case[3]}")
def test_what_must_be_unique_is(tmp_path, case):
    file, row, changes, column, masked, problem = case
    rows = good()
    rows[file][row] |= changes
    first = found(write(tmp_path, rows))[0]
    assert first[:4] == (file, row + 2, column, masked)
    assert problem in first[4]


def test_the_same_key_and_ssn_at_another_employer_are_fine(tmp_path):
    rows = good()
    rows[EMPLOYEES][2] |= {"employee_id": "e1", "ssn": rows[EMPLOYEES][0]["ssn"]}
    assert found(write(tmp_path, rows)) == []


def test_unknown_employers_and_people_are_refused(tmp_path):
    rows = good()
    rows[EMPLOYEES].append(roster_files.employee("C3", "e9"))
    rows[TIME_ENTRIES] += [
        entry("C4", "e1", "2026-11-02", "1.00"),
        entry("B2", "e2", "2026-11-02", "1.00"),  # someone of another employer
    ]
    assert [finding[:4] for finding in found(write(tmp_path, rows))] == [
        (EMPLOYEES, 6, "employer_id", "C3"),
        (TIME_ENTRIES, 6, "employer_id", "C4"),
        (TIME_ENTRIES, 7, "employee_id", "e2"),
    ]


def test_a_day_has_24_hours(tmp_path):
    rows = good()
    rows[TIME_ENTRIES] += [entry("A1", "e1", "2026-11-02", "12.00")]
    assert found(write(tmp_path, rows)) == []
    rows[TIME_ENTRIES] += [entry("A1", "e1", "2026-11-02", "0.01"), entry("A1", "e1", "2026-11-02", "1.00")]
    (finding,) = found(write(tmp_path, rows))
    assert finding[:4] == (TIME_ENTRIES, 7, "hours", "0.01")
    assert "24.01 hours on 2026-11-02" in finding[4]


def test_employers_must_not_be_empty_but_the_others_may(tmp_path):
    assert found(write(tmp_path, {EMPLOYERS: good()[EMPLOYERS], EMPLOYEES: [], TIME_ENTRIES: []})) == []
    (finding,) = found(write(tmp_path, {EMPLOYERS: [], EMPLOYEES: [], TIME_ENTRIES: []}))
    assert finding[:2] == (EMPLOYERS, 0)
    assert "at least one" in finding[4]


def test_the_small_roster_has_both_forms():
    assert {row["w4_version"] for row in good()[EMPLOYEES]} == {"2020+", OLD_FORM["w4_version"]}
