"""The optional files of a roster: what is taken, and how everything else is refused or warned of."""

from datetime import date
from decimal import Decimal

import pytest

from payroll.roster import read
from payroll.roster.findings import SHOWN_CHARACTERS
from tests.saga.roster_files import (
    DEDUCTIONS,
    EMPLOYEES,
    EMPLOYERS,
    GARNISHMENTS,
    LETTER,
    LEVY,
    OPTIONAL_FILES,
    PAY_ITEMS,
    STATE_FORM,
    SUPPORT,
    TAX_FORMS,
    deduction,
    employee,
    found,
    garnishment,
    good,
    good_pay,
    pay_item,
    tax_form,
    write,
)

NO_PAYEE = ("",) * 6  # case, FIPS code, medical support, name, routing and account


def people():
    """The good roster, with a person on whose Form W-4 nothing stands."""
    rows = good()
    rows[EMPLOYEES].append(employee("A1", "e5", step3=""))
    return rows


def one(tmp_path, file, row):
    """Findings and warnings of a roster whose only optional row is this."""
    _, findings = read(write(tmp_path, people() | {file: [row]}))
    return [tuple(each) for each in findings.kept], [tuple(each) for each in findings.warnings]


def test_good_files_are_read_with_types_and_defaults(tmp_path):
    roster, findings = read(write(tmp_path, good() | good_pay()))
    assert (findings.total, findings.warnings) == (0, [])
    assert roster.pay_items == [
        (
            *(2, "A1", "e1", date(2026, 11, 5), "bonus", Decimal(500)),
            *(date(2026, 10, 1), date(2026, 10, 31), ""),
        ),
        (
            *(3, "A1", "e1", date(2026, 11, 12), "reimbursement", Decimal("33.1")),
            *(None, None, "Trip 7/A-1_x."),
        ),
        (4, "B2", "e4", date(2026, 11, 20), "commission", Decimal("0.01"), None, None, ""),
    ]
    since = date(2026, 1, 1)
    assert roster.deductions == [
        (2, "A1", "e1", "post_tax", "Union dues", Decimal("12.5"), since, None),
        (3, "A1", "e1", "hsa_family", "HSA", Decimal(100), since, date(2026, 12, 31)),
    ]
    came = date(2026, 3, 2)
    assert roster.garnishments == [
        (
            *(2, "A1", "e2", "CASE-7_b", "support", Decimal(100), None, None, came, None),
            *(True, False, "", None, None, None, *NO_PAYEE),
        ),
        (
            *(3, "A1", "e2", "IRS-1", "federal_levy", None, None, None, came, None),
            *(None, None, "mfj", 2, None, None, *NO_PAYEE),
        ),
        (
            *(4, "B2", "e1", "C-1", "creditor", None, Decimal(25), Decimal("1000.1"), came, None),
            *(None, None, "", None, None, None, *NO_PAYEE),
        ),
    ]
    zero = Decimal(0)
    assert roster.tax_forms == [
        (
            *(2, "A1", "e1", False, "", date(2026, 2, 1), "single", True),
            *(Decimal(500), Decimal(1), Decimal(2), Decimal("3.25")),
            *("married", 2, 0, Decimal("12.5"), False, Decimal("2.5"), Decimal(1000), 3),
        ),
        (
            *(3, "A1", "e2", True, "", None, "", False, zero, zero, zero, zero),
            *("", None, None, None, None, None, None, None),
        ),
    ]


def test_a_file_that_is_absent_or_has_no_rows_says_nothing(tmp_path):
    for rows in ({}, {file: [] for file in OPTIONAL_FILES}):
        roster, findings = read(write(tmp_path, good() | rows))
        assert (findings.total, findings.warnings) == (0, [])
        assert roster[3:] == ([], [], [], [], [])


@pytest.mark.parametrize(
    ("file", "required"),
    [
        (PAY_ITEMS, {"item_date", "kind", "amount"}),
        (DEDUCTIONS, {"kind", "name", "amount", "start_date"}),
        (GARNISHMENTS, {"order_id", "kind", "received_date"}),
        (TAX_FORMS, set()),
    ],
)
def test_required_columns_are_required_and_the_others_may_be_missing(tmp_path, file, required):
    required |= {"employer_id", "employee_id"}
    row = good_pay()[file][0]
    write(tmp_path, good() | {file: [{"employee_id": row["employee_id"], "colour": "red"}]})
    missing = {finding[2] for finding in found(tmp_path) if "missing" in finding[4]}
    assert missing == required - {"employee_id"}
    assert [finding[2] for finding in found(tmp_path) if "unknown column" in finding[4]] == ["colour"]
    if file != GARNISHMENTS:  # its amount may be empty, but not everything may be
        write(tmp_path, good() | {file: [{name: row[name] for name in row if name in required}]})
        assert found(tmp_path) == []


ITEM = pay_item("A1", "e1", "2026-11-05", "500.00")
TAKE = deduction("A1", "e1", "Dues", "1.00")
ORDER = garnishment("A1", "e1", "C-1")
FORM = tax_form("A1", "e1")
BAD_CELLS = [
    # file, row, column, value, as it is shown, part of the problem
    (PAY_ITEMS, ITEM, "item_date", "11/05/2026", "11/05/2026", "YYYY-MM-DD"),
    (PAY_ITEMS, ITEM, "kind", "tip", "tip", "bonus, discretionary_bonus, commission, retro, reimbursement"),
    (PAY_ITEMS, ITEM, "amount", "0", "0", "outside 0.01 to 10,000,000 dollars"),
    (PAY_ITEMS, ITEM, "amount", "10000000.01", "••••0000.01", "outside 0.01 to 10,000,000 dollars"),
    (PAY_ITEMS, ITEM, "amount", "0.001", "0.001", "3 decimals"),
    (PAY_ITEMS, ITEM, "amount", "", "", "empty"),
    (PAY_ITEMS, ITEM, "earned_from", "2026", "2026", "not a date"),
    (PAY_ITEMS, ITEM, "earned_to", "2026-02-30", "2026-02-30", "calendar"),
    (PAY_ITEMS, ITEM, "reference", "x" * 41, "x" * (SHOWN_CHARACTERS - 1) + "…", "up to 40 letters"),
    (PAY_ITEMS, ITEM, "reference", "é", "é", "is not a reference - use up to 40 letters"),
    (DEDUCTIONS, TAKE, "kind", "hsa", "hsa", "hsa_self, hsa_family, dependent_care, post_tax"),
    (DEDUCTIONS, TAKE, "name", "Dues of the club" * 3, "••••club", "48 characters - at most 40"),
    (DEDUCTIONS, TAKE, "name", "", "", "empty"),
    (DEDUCTIONS, TAKE, "amount", "0.00", "0.00", "outside 0.01 to 10,000,000 dollars"),
    (DEDUCTIONS, TAKE, "start_date", "", "", "empty"),
    (DEDUCTIONS, TAKE, "end_date", "2025-12-31", "2025-12-31", "is before start_date - correct"),
    (GARNISHMENTS, ORDER, "order_id", "CASE 7788", "••••7788", "not a key"),
    (GARNISHMENTS, ORDER, "order_id", "C" * 33, "••••CCCC", "not a key"),
    (GARNISHMENTS, ORDER, "kind", "alimony", "alimony", "support, support_arrears, medical_support"),
    (GARNISHMENTS, ORDER, "amount", "0", "0", "outside 0.01 to 10,000,000 dollars"),
    (GARNISHMENTS, ORDER, "percent", "100.01", "100.01", "outside 0.01 to 100 percent"),
    (GARNISHMENTS, ORDER, "percent", "0", "0", "outside 0.01 to 100 percent"),
    (GARNISHMENTS, ORDER, "percent", "2.505", "2.505", "3 decimals"),
    (GARNISHMENTS, ORDER, "balance", "-1", "-1", "below zero"),
    (GARNISHMENTS, ORDER, "received_date", "", "", "empty"),
    (GARNISHMENTS, ORDER, "end_date", "2026-03-01", "2026-03-01", "is before received_date - correct"),
    (GARNISHMENTS, ORDER | LEVY, "filing_status", "married", "married", "write single, mfs, mfj, hoh"),
    (GARNISHMENTS, ORDER | LEVY, "dependents", "1000", "1000", "above 999"),
    (GARNISHMENTS, ORDER | LEVY, "exempt", "-0.01", "-0.01", "below zero"),
    (GARNISHMENTS, ORDER, "minimum_wage", "16.905", "16.905", "3 decimals"),
    (GARNISHMENTS, ORDER, "minimum_wage", "0", "0", "outside 0.01 to 1,000 dollars"),
    (GARNISHMENTS, ORDER, "minimum_wage", "1000.01", "1000.01", "outside 0.01 to 1,000 dollars"),
    (GARNISHMENTS, ORDER | SUPPORT, "supports_other_family", "yes", "yes", "true nor false"),
    (TAX_FORMS, FORM, "w4_exempt", "1", "1", "true nor false"),
    (TAX_FORMS, FORM, "nonresident_alien", "table3", "table3", "table1, table2"),
    (TAX_FORMS, FORM | LETTER, "lock_in_filing_status", "married", "married", "single, mfs, mfj, hoh"),
    (TAX_FORMS, FORM | LETTER, "lock_in_step3", "-1", "-1", "below zero"),
    (TAX_FORMS, FORM | LETTER, "lock_in_since", "soon", "soon", "not a date"),
    (TAX_FORMS, FORM, "state_filing_status", "Single", "Single", "allowed words"),
    (TAX_FORMS, FORM, "state_allowances", "1.5", "1.5", "not a number"),
    (TAX_FORMS, FORM, "state_further_allowances", "1000", "1000", "above 999"),
    (TAX_FORMS, FORM, "state_additional_withholding", "1.001", "1.001", "3 decimals"),
    (TAX_FORMS, FORM, "state_exempt", "no", "no", "true nor false"),
    (TAX_FORMS, FORM, "state_elected_rate_percent", "100.0001", "100.0001", "outside 0 to 100 percent"),
    (TAX_FORMS, FORM, "state_elected_rate_percent", "2.00001", "2.00001", "5 decimals"),
    (TAX_FORMS, FORM, "state_deduction", "$5", "$5", "dollar sign"),
    (TAX_FORMS, FORM, "state_estimated_deduction_allowances", "-1", "-1", "below zero"),
]


@pytest.mark.parametrize("case", BAD_CELLS, ids=lambda case: f"{case[2]}={ascii(case[3])[:30]}")
def test_a_bad_cell_is_refused_where_it_stands(tmp_path, case):
    file, row, column, value, masked, problem = case
    findings, warnings = one(tmp_path, file, row | {column: value})
    assert [finding[:4] for finding in findings] == [(file, 2, column, masked)]
    assert problem in findings[0][4]
    assert " - " in findings[0][4], "a problem says what to do"
    assert warnings == []


GOOD_EDGES = [
    (PAY_ITEMS, ITEM | {"amount": "10000000.00", "reference": "x" * 40}),
    (PAY_ITEMS, ITEM | {"earned_from": "2026-10-01", "earned_to": "2026-10-01"}),
    (PAY_ITEMS, ITEM | {"kind": "commission", "earned_from": "2026-10-01", "earned_to": "2026-10-31"}),
    (DEDUCTIONS, TAKE | {"name": "x" * 40, "end_date": "2026-01-01"}),
    (GARNISHMENTS, ORDER | {"amount": "", "percent": "0.01", "end_date": "2026-03-02", "balance": "0"}),
    (GARNISHMENTS, ORDER | {"amount": "", "percent": "100"}),
    (GARNISHMENTS, ORDER | {"order_id": "C" * 32}),
    (GARNISHMENTS, ORDER | LEVY | {"filing_status": "", "dependents": ""}),
    (GARNISHMENTS, ORDER | LEVY | {"dependents": "0"}),
    (GARNISHMENTS, ORDER | LEVY | {"exempt": "0"}),
    (GARNISHMENTS, ORDER | LEVY | {"exempt": "619.23", "filing_status": "", "dependents": ""}),
    (GARNISHMENTS, ORDER | {"minimum_wage": "0.01"}),
    (GARNISHMENTS, ORDER | {"kind": "wage_assignment", "minimum_wage": "1000"}),
    (GARNISHMENTS, ORDER | {"kind": "student_loan", "amount": ""}),
    (GARNISHMENTS, ORDER | {"kind": "federal_agency", "amount": ""}),
    (GARNISHMENTS, ORDER | {"kind": "state_levy"}),
    (GARNISHMENTS, ORDER | SUPPORT | {"kind": "support_arrears"}),
    (GARNISHMENTS, ORDER | SUPPORT | {"kind": "medical_support", "amount": "", "percent": "5"}),
    (TAX_FORMS, FORM | {"employee_id": "e2", "nonresident_alien": "table1"}),
    (TAX_FORMS, FORM | {"employee_id": "e2", "w4_exempt": "TRUE"}),
    (TAX_FORMS, FORM | {"nonresident_alien": "table2", "w4_exempt": "false"}),
    (TAX_FORMS, FORM | {"employee_id": "e5", "w4_exempt": "true"}),
    (TAX_FORMS, FORM | {"lock_in_step2_checkbox": "false", "lock_in_step3": "0.00"}),
    (TAX_FORMS, FORM | {"lock_in_since": "2026-02-01", "lock_in_filing_status": "hoh"}),
    (TAX_FORMS, FORM | {"state_elected_rate_percent": "0", "state_exempt": "true"}),
    (
        TAX_FORMS,
        FORM | {"state_elected_rate_percent": "100", "state_filing_status": "married_spouse_not_working"},
    ),
]


@pytest.mark.parametrize("case", GOOD_EDGES, ids=lambda case: str(case[0]))
def test_what_just_holds_is_taken(tmp_path, case):
    assert one(tmp_path, *case) == ([], [])


BROKEN_RULES = [
    # file, row, [(column, value, problem)]
    (
        PAY_ITEMS,
        ITEM | {"earned_from": "2026-10-02", "earned_to": "2026-10-01"},
        [("earned_to", "2026-10-01", "is before earned_from - correct one of the two")],
    ),
    (
        PAY_ITEMS,
        ITEM | {"earned_from": "2026-10-02"},
        [("earned_to", "", "is empty, and earned_from is not - give both days or neither")],
    ),
    (
        PAY_ITEMS,
        ITEM | {"earned_to": "2026-10-02"},
        [("earned_from", "", "is empty, and earned_to is not - give both days or neither")],
    ),
    (
        PAY_ITEMS,
        ITEM | {"kind": "retro", "earned_from": "2026-10-01", "earned_to": "2026-10-02"},
        [
            (
                "earned_from",
                "2026-10-01",
                "is for a bonus or a commission, and this is retro - leave it empty, or correct the kind",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | {"percent": "5"},
        [("amount", "100.00", "is given besides a percent - keep the one that the order names")],
    ),
    (
        GARNISHMENTS,
        ORDER | {"exempt": "100.00"},
        [("exempt", "100.00", "is for a federal levy, and this is creditor - leave it empty")],
    ),
    (
        GARNISHMENTS,
        ORDER | {"kind": "state_levy", "minimum_wage": "16.90"},
        [
            (
                "minimum_wage",
                "16.90",
                "is for creditors and wage assignments, and this is state_levy - leave it empty",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | {"amount": "", "kind": "state_levy"},
        [("amount", "", "is empty, and so is percent - give the one that the order names")],
    ),
    (
        GARNISHMENTS,
        ORDER | {"amount": ""},
        [("amount", "", "is empty, and so is percent - give the one that the order names")],
    ),
    (
        GARNISHMENTS,
        ORDER | LEVY | {"amount": "5.00"},
        [
            (
                "amount",
                "5.00",
                "is not on a federal levy, which takes all above the exempt amount - leave it empty",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | LEVY | {"percent": "5.00"},
        [
            (
                "percent",
                "5.00",
                "is not on a federal levy, which takes all above the exempt amount - leave it empty",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | SUPPORT | {"supports_other_family": "", "kind": "support_arrears"},
        [
            (
                "supports_other_family",
                "",
                "is empty, and the limit of a support order depends on it - write true or false",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | {"arrears_over_12_weeks": "false"},
        [
            (
                "arrears_over_12_weeks",
                "false",
                "is for orders for support, and this is creditor - leave it empty",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | {"filing_status": "single", "dependents": "0"},
        [("filing_status", "single", "is for a federal levy, and this is creditor - leave it empty")],
    ),
    (
        GARNISHMENTS,
        ORDER | LEVY | {"filing_status": ""},
        [
            (
                "filing_status",
                "",
                "is empty, and dependents is not - give both as on the statement, or neither",
            )
        ],
    ),
    (
        GARNISHMENTS,
        ORDER | LEVY | {"dependents": ""},
        [
            (
                "dependents",
                "",
                "is empty, and filing_status is not - give both as on the statement, or neither",
            )
        ],
    ),
    (
        TAX_FORMS,
        FORM | {"employee_id": "e5", "w4_exempt": "true", "nonresident_alien": "table2"},
        [
            (
                "w4_exempt",
                "true",
                "cannot be claimed on the W-4 of a nonresident alien - write false, or clear nonresident_alien",
            )
        ],
    ),
    (
        TAX_FORMS,
        FORM | {"lock_in_since": "2026-02-01"},
        [
            (
                "lock_in_filing_status",
                "",
                "is empty, and lock_in_since is not - copy the status from the letter",
            )
        ],
    ),
    (
        TAX_FORMS,
        FORM | LETTER | {"lock_in_since": ""},
        [
            (name, value, "is given without lock_in_since - add the letter's date, or leave it empty")
            for name, value in LETTER.items()
            if name != "lock_in_since"
        ],
    ),
    (
        TAX_FORMS,
        FORM | {"w4_exempt": "true"},
        [
            (
                "w4_exempt",
                "true",
                "is not valid on a Form W-4 with entries in step 2, 3 or 4 (employees.csv) - clear those, "
                "or write false and keep the earlier form",
            )
        ],
    ),
    (
        TAX_FORMS,
        FORM | {"nonresident_alien": "table1"},
        [
            (
                "nonresident_alien",
                "table1",
                "is for a Form W-4 of 2019 or earlier, and employees.csv says 2020+ - write table2",
            )
        ],
    ),
]


@pytest.mark.parametrize("case", BROKEN_RULES, ids=lambda case: f"{case[0]}-{case[2][0][0]}")
def test_what_does_not_fit_together_is_refused(tmp_path, case):
    file, row, expected = case
    findings, _ = one(tmp_path, file, row)
    assert findings == [(file, 2, *finding) for finding in expected]


@pytest.mark.parametrize("step", ["step2_checkbox", "step3", "step4a", "step4b", "step4c"])
def test_exemption_stands_alone_on_a_form_w4(tmp_path, step):
    rows = good() | {TAX_FORMS: [tax_form("A1", "e5", w4_exempt="true")]}
    rows[EMPLOYEES].append(
        employee("A1", "e5", step3="") | {step: "true" if step == "step2_checkbox" else "1"}
    )
    assert [finding[:4] for finding in found(write(tmp_path, rows))] == [(TAX_FORMS, 2, "w4_exempt", "true")]


@pytest.mark.parametrize("file", OPTIONAL_FILES)
def test_unknown_employers_and_people_are_refused_in_every_file(tmp_path, file):
    row = good_pay()[file][0]
    rows = [row, row | {"employer_id": "C3"}, row | {"employee_id": "e9"}, row | {"employee_id": "e 9"}]
    assert found(write(tmp_path, good() | {file: rows})) == [
        (file, 3, "employer_id", "C3", "is not in employers.csv - add the employer, or correct the key"),
        (
            *(file, 4, "employee_id", "e9"),
            "is not an employee of A1 in employees.csv - add the person, or correct the key",
        ),
        (
            file,
            5,
            "employee_id",
            "e 9",
            "is not a key - use 1 to 32 letters, digits, hyphens and underscores",
        ),
    ]


@pytest.mark.parametrize("missing", [EMPLOYERS, EMPLOYEES])
def test_a_file_that_cannot_be_read_does_not_blame_those_that_refer_to_it(tmp_path, missing):
    (write(tmp_path, good() | good_pay()) / missing).unlink()
    assert {finding[0] for finding in found(tmp_path)} == {missing}


@pytest.mark.parametrize(
    ("file", "column", "masked", "within"),
    [
        (DEDUCTIONS, "name", "••••dues", "this person"),
        (GARNISHMENTS, "order_id", "••••E7b", "this person"),
        (TAX_FORMS, "employee_id", "e1", "this employer"),
    ],
)
def test_what_is_there_once_per_person_is(tmp_path, file, column, masked, within):
    row = good_pay()[file][0]
    rows = [row, row | {"employer_id": "B2", "employee_id": "e1"}, row]
    findings = found(write(tmp_path, good() | {file: rows}))
    problem = f"is already in line 2 of {within} - correct or delete one of the two"
    assert findings == [(file, 4, column, masked, problem)]


@pytest.mark.parametrize("file", OPTIONAL_FILES)
def test_a_folder_or_a_broken_link_in_place_of_a_file_is_refused(tmp_path, file):
    write(tmp_path, good())
    (tmp_path / file).mkdir()
    assert [(finding[0], finding[4][:14]) for finding in found(tmp_path)] == [(file, "cannot be read")]
    (tmp_path / file).rmdir()
    (tmp_path / file).symlink_to(tmp_path / "gone")
    assert [(finding[0], finding[4][:10]) for finding in found(tmp_path)] == [(file, "is missing")]


def test_a_misspelt_file_is_warned_of(tmp_path):
    write(tmp_path, good())
    for name in ("Garnishments.CSV", "notes.txt", "901-12-3456.csv"):
        (tmp_path / name).write_text("")
    _, findings = read(tmp_path)
    names = (
        "deductions.csv, direct_deposits.csv, employees.csv, employers.csv, garnishments.csv, pay_items.csv, "
        "tax_forms.csv, time_entries.csv"
    )
    assert findings.total == 0
    assert [str(warning) for warning in findings.warnings] == [
        f"{name}: is not a roster file and was not read - the names are {names}"
        for name in ("••••3456.csv", "Garnishments.CSV")
    ]


def test_an_equal_item_is_warned_of_and_another_one_is_not(tmp_path):
    rows = [ITEM, ITEM | {"reference": "second"}, ITEM | {"amount": "500"}, ITEM]
    _, findings = read(write(tmp_path, good() | {PAY_ITEMS: rows}))
    problem = "is the same as line 2 - if this is one payment, delete one of the two"
    assert findings.total == 0
    assert [tuple(each) for each in findings.warnings] == [
        (PAY_ITEMS, 4, "", "", problem),
        (PAY_ITEMS, 5, "", "", problem),
    ]


@pytest.mark.parametrize(
    ("day", "problem"),
    [
        ("2022-03-20", "is before the hire date 2022-03-21"),
        ("2022-03-21", ""),
        ("2026-11-20", ""),
        ("2026-11-21", "is after the last day of employment 2026-11-20"),
    ],
)
def test_an_item_on_a_day_without_employment_is_warned_of(tmp_path, day, problem):
    findings, warnings = one(tmp_path, PAY_ITEMS, pay_item("B2", "e4", day, "1.00"))
    advice = " - it is paid only if the person is employed on a day of its pay period"
    assert findings == []
    assert warnings == ([(PAY_ITEMS, 2, "item_date", day, problem + advice)] if problem else [])


def test_every_state_form_entry_of_the_builder_is_taken(tmp_path):
    assert one(tmp_path, TAX_FORMS, FORM | STATE_FORM) == ([], [])
