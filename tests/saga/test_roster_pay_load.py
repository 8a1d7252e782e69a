"""Loading the optional files, and what a run freezes of them."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from events import store as log
from ops.admin import pay_inputs as shown
from payroll import pay_inputs
from payroll.models import Deduction, Employee, Garnishment, PayItem, TaxForm
from payroll.roster import RosterRefused, import_folder
from tests.saga.roster_files import (
    DEDUCTIONS,
    EMPLOYEES,
    GARNISHMENTS,
    LETTER,
    LEVY,
    OPTIONAL_FILES,
    PAY_ITEMS,
    STATE_FORM,
    SUPPORT,
    TAX_FORMS,
    TIME_ENTRIES,
    deduction,
    garnishment,
    good,
    good_pay,
    pay_item,
    tax_form,
    write,
)

pytestmark = pytest.mark.usefixtures("db")

AS_OF = date(2026, 11, 21)
PAYDAY = date(2026, 11, 20)
KINDS = ("pay_items", "deductions", "garnishments", "tax_forms")
MODELS = (PayItem, Deduction, Garnishment, TaxForm)


def load(folder, rows, **options):
    """Import the good roster with these optional files, and no others."""
    for file in OPTIONAL_FILES:
        (folder / file).unlink(missing_ok=True)
    return import_folder(write(folder, good() | rows), **({"dry_run": False, "as_of": AS_OF} | options))


def counts(summary):
    """Per kind: (created, updated, unchanged, removed)."""
    return {kind: tuple(vars(getattr(summary, kind)).values()) for kind in KINDS}


def stored():
    """Every column of every row."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in MODELS}


def key(employee_id, employer_id="A1"):
    """Primary key of a person."""
    return Employee.objects.get(employer=employer_id, employee_id=employee_id).pk


def everybody():
    return list(Employee.objects.values_list("pk", flat=True))


def test_a_first_import_stores_and_the_second_writes_nothing(tmp_path, django_assert_max_num_queries):
    first = load(tmp_path, good_pay())
    assert counts(first) == {
        "pay_items": (3, 0, 0, 0),
        "deductions": (2, 0, 0, 0),
        "garnishments": (3, 0, 0, 0),
        "tax_forms": (2, 0, 0, 0),
    }
    before, version = stored(), log.version("roster")
    assert log.read("roster")[-1].data["garnishments"] == {
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
    }
    with django_assert_max_num_queries(16):
        again = load(tmp_path, good_pay())
    assert counts(again) == {
        "pay_items": (0, 0, 3, 0),
        "deductions": (0, 0, 2, 0),
        "garnishments": (0, 0, 3, 0),
        "tax_forms": (0, 0, 2, 0),
    }
    assert (again.changed, first.changed) == (0, 10 + 12)
    assert (stored(), log.version("roster")) == (before, version)


def test_files_that_are_absent_or_without_rows_change_nothing_and_cost_nothing(
    tmp_path, django_assert_max_num_queries
):
    load(tmp_path, good_pay())
    before = stored()
    for rows in ({}, {file: [] for file in OPTIONAL_FILES}):
        with django_assert_max_num_queries(12):
            assert load(tmp_path, rows).changed == 0
    assert stored() == before


def test_a_changed_row_updates_only_itself(tmp_path):
    load(tmp_path, good_pay())
    before = stored()
    rows = good_pay()
    rows[DEDUCTIONS][0]["amount"] = "13.00"
    rows[GARNISHMENTS][2]["balance"] = ""
    rows[TAX_FORMS][0] = tax_form("A1", "e1", state_allowances="1")
    assert counts(load(tmp_path, rows)) == {
        "pay_items": (0, 0, 3, 0),
        "deductions": (0, 1, 1, 0),
        "garnishments": (0, 1, 2, 0),
        "tax_forms": (0, 1, 1, 0),
    }
    after = stored()
    assert [row["id"] for row in after["Deduction"]] == [row["id"] for row in before["Deduction"]]
    assert [row["amount"] for row in after["Deduction"]] == [Decimal(13), Decimal(100)]
    assert [row["balance"] for row in after["Garnishment"]] == [None, None, None]
    form = TaxForm.objects.get(employee=key("e1"))
    assert (form.lock_in_since, form.lock_in_step3, form.state_allowances) == (None, Decimal(0), 1)
    assert (form.state_exempt, form.state_filing_status) == (None, "")


def test_lists_are_whole_for_everybody_in_the_file(tmp_path):
    load(tmp_path, good_pay())
    rows = {
        DEDUCTIONS: [deduction("A1", "e1", "HSA", "90", kind="hsa_self")],
        GARNISHMENTS: [garnishment("B2", "e1", "C-2")],
    }
    assert counts(load(tmp_path, rows)) == {
        "pay_items": (0, 0, 0, 0),
        "deductions": (0, 1, 0, 1),
        "garnishments": (1, 0, 0, 1),
        "tax_forms": (0, 0, 0, 0),
    }
    assert [row.name for row in Deduction.objects.all()] == ["HSA"]
    orders = Garnishment.objects.order_by("order_id").values_list("order_id", flat=True)
    assert list(orders) == ["C-2", "CASE-7_b", "IRS-1"], "people who are not in the file keep theirs"
    assert (PayItem.objects.count(), TaxForm.objects.count()) == (3, 2)


def test_pay_items_are_replaced_between_a_persons_first_and_last_day(tmp_path):
    days = ["2026-11-01", "2026-11-05", "2026-11-10", "2026-11-15", "2026-11-20"]
    load(tmp_path, {PAY_ITEMS: [pay_item("A1", who, day, "1.00") for who in ("e1", "e2") for day in days]})
    rows = {
        PAY_ITEMS: [
            pay_item("A1", "e1", "2026-11-05", "1.0"),
            pay_item("A1", "e1", "2026-11-15", "2.00"),
            pay_item("A1", "e2", "2026-11-20", "1.00", kind="retro"),
        ]
    }
    assert counts(load(tmp_path, rows))["pay_items"] == (2, 0, 1, 3)
    left = PayItem.objects.values_list("employee__employee_id", "item_date", "amount", "kind")
    assert sorted((who, day.day, amount, kind) for who, day, amount, kind in left) == [
        ("e1", 1, Decimal(1), "bonus"),
        ("e1", 5, Decimal(1), "bonus"),
        ("e1", 15, Decimal(2), "bonus"),
        ("e1", 20, Decimal(1), "bonus"),
        ("e2", 1, Decimal(1), "bonus"),
        ("e2", 5, Decimal(1), "bonus"),
        ("e2", 10, Decimal(1), "bonus"),
        ("e2", 15, Decimal(1), "bonus"),
        ("e2", 20, Decimal(1), "retro"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "retro"},
        {"amount": "1.01"},
        {"reference": "r"},
        {"earned_from": "2026-01-01", "earned_to": "2026-01-31"},
    ],
)
def test_any_column_makes_another_item(tmp_path, change):
    item = pay_item("A1", "e1", "2026-11-05", "1.00")
    load(tmp_path, {PAY_ITEMS: [item]})
    assert counts(load(tmp_path, {PAY_ITEMS: [item | change]}))["pay_items"] == (1, 0, 0, 1)


def test_two_equal_items_stay_two(tmp_path):
    item = pay_item("A1", "e1", "2026-11-05", "1.00")
    summary = load(tmp_path, {PAY_ITEMS: [item, item]})
    assert counts(summary)["pay_items"] == (2, 0, 0, 0)
    assert "pay_items.csv:3: is the same as line 2" in summary.warnings[0]
    assert counts(load(tmp_path, {PAY_ITEMS: [item, item]}))["pay_items"] == (0, 0, 2, 0)
    assert counts(load(tmp_path, {PAY_ITEMS: [item]}))["pay_items"] == (0, 0, 1, 1)


@pytest.mark.parametrize("file", OPTIONAL_FILES)
def test_a_bad_row_in_any_file_stores_nothing(tmp_path, file):
    rows = good_pay()
    rows[file][-1]["employee_id"] = "e9"
    with pytest.raises(RosterRefused, match=file):
        load(tmp_path, rows)
    assert not any(stored().values())
    assert not Employee.objects.exists()


def test_a_dry_run_changes_nothing(tmp_path):
    assert counts(load(tmp_path, good_pay(), dry_run=True))["garnishments"] == (3, 0, 0, 0)
    assert not any(stored().values())


def test_the_summary_says_how_many_were_read_new_and_changed(tmp_path):
    said = []
    load(tmp_path, good_pay(), say=said.append)
    assert said[0] == (
        "read and checked: 2 employers, 4 employees, 4 time entries, 3 pay items, 2 deductions, "
        "3 garnishments, 2 tax forms"
    )
    rows = good_pay()
    del rows[DEDUCTIONS][1]
    out = StringIO()
    call_command("import_roster", write(tmp_path, good() | rows), stdout=out)
    assert "deductions:    1 read, 0 created, 0 updated, 1 unchanged, 1 removed\n" in out.getvalue()
    assert "pay items:     3 read, 0 created, 0 updated, 3 unchanged\n" in out.getvalue()
    assert "tax forms:     2 read, " in out.getvalue()
    assert "CASE-7_b" not in out.getvalue() and "Union" not in out.getvalue()
    out = StringIO()
    call_command("import_roster", tmp_path, "--json", stdout=out)
    assert json.loads(out.getvalue())["garnishments"] == {
        "created": 0,
        "updated": 0,
        "unchanged": 3,
        "removed": 0,
    }
    said.clear()
    assert not [line for line in load(tmp_path, {}, say=said.append).lines() if "pay items" in line]
    assert said[0] == "read and checked: 2 employers, 4 employees, 4 time entries"


def test_a_refusal_names_no_order_and_no_deduction(tmp_path):
    rows = {GARNISHMENTS: [garnishment("A1", "e1", "CASE-2026-7788")] * 2}
    rows[DEDUCTIONS] = [deduction("A1", "e1", "Credit union loan", "1.00")] * 2
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("import_roster", write(tmp_path, good() | rows), stdout=StringIO(), stderr=err)
    assert "garnishments.csv:3 order_id ••••7788: is already in line 2" in err.getvalue()
    assert "deductions.csv:3 name ••••loan: is already in line 2" in err.getvalue()
    assert "CASE" not in err.getvalue() and "Credit" not in err.getvalue()


def test_the_database_keeps_what_the_files_promise(tmp_path):
    load(tmp_path, {})
    person = key("e1")
    day = date(2026, 11, 5)
    earned = {"earned_from": day, "earned_to": date(2026, 11, 4)}
    broken = [
        PayItem(employee_id=person, item_date=day, kind="bonus", amount=0),
        PayItem(employee_id=person, item_date=day, kind="bonus", amount=1, **earned),
        PayItem(employee_id=person, item_date=day, kind="retro", amount=1, earned_from=day, earned_to=day),
        Deduction(employee_id=person, kind="post_tax", name="x", amount=0, start_date=day),
        Garnishment(
            employee_id=person, order_id="x", kind="creditor", amount=1, percent=1, received_date=day
        ),
        TaxForm(employee_id=person, lock_in_since=day),
        TaxForm(employee_id=person, lock_in_filing_status="single"),
    ]
    for row in broken:
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


# What a run freezes


def test_nobody_has_anything_by_default(tmp_path, django_assert_num_queries):
    load(tmp_path, {})
    people = everybody()
    with django_assert_num_queries(4):
        assert pay_inputs.pay_items(people, AS_OF, AS_OF) == {}
        assert pay_inputs.deductions(people, PAYDAY) == {}
        assert pay_inputs.garnishments(people, PAYDAY) == {}
        assert pay_inputs.tax_forms(people, PAYDAY) == {}


def test_pay_items_of_a_period(tmp_path):
    rows = [
        pay_item("A1", "e1", "2026-11-14", "33.10", kind="reimbursement", reference="Trip 7"),
        pay_item("A1", "e1", "2026-11-01", "500.00", earned_from="2026-10-01", earned_to="2026-10-31"),
        pay_item("A1", "e1", "2026-10-31", "1.00"),
        pay_item("A1", "e1", "2026-11-15", "1.00"),
        pay_item("B2", "e4", "2026-11-03", "0.01", kind="commission"),
    ]
    load(tmp_path, {PAY_ITEMS: rows})
    period = (date(2026, 11, 1), date(2026, 11, 14))
    found = pay_inputs.pay_items(everybody(), *period)
    ids = [item.pop("id") for listed in found.values() for item in listed]
    assert len(set(ids)) == len(ids) == 3
    assert found == {
        key("e1"): [
            {
                "kind": "bonus",
                "cents": 50_000,
                "date": "2026-11-01",
                "earned_from": "2026-10-01",
                "earned_to": "2026-10-31",
                "reference": "",
            },
            {
                "kind": "reimbursement",
                "cents": 3_310,
                "date": "2026-11-14",
                "earned_from": None,
                "earned_to": None,
                "reference": "Trip 7",
            },
        ],
        key("e4", "B2"): [
            {
                "kind": "commission",
                "cents": 1,
                "date": "2026-11-03",
                "earned_from": None,
                "earned_to": None,
                "reference": "",
            }
        ],
    }
    assert json.loads(json.dumps(list(found.values()))) == list(found.values())
    assert list(pay_inputs.pay_items([key("e4", "B2")], *period)) == [key("e4", "B2")]


def test_deductions_of_a_pay_date_in_order_of_name(tmp_path):
    rows = [
        deduction("A1", "e1", "b starts today", "12.50", start_date="2026-11-20"),
        deduction("A1", "e1", "a ends today", "1", end_date="2026-11-20", kind="dependent_care"),
        deduction("A1", "e1", "C", "2.00"),
        deduction("A1", "e1", "starts tomorrow", "1.00", start_date="2026-11-21"),
        deduction("A1", "e1", "ended yesterday", "1.00", end_date="2026-11-19"),
        deduction("A1", "e2", "over", "1.00", end_date="2026-01-02"),
    ]
    load(tmp_path, {DEDUCTIONS: rows})
    assert pay_inputs.deductions(everybody(), PAYDAY) == {
        key("e1"): [
            {"kind": "post_tax", "name": "C", "cents": 200, "since": "2026-01-01"},
            {"kind": "dependent_care", "name": "a ends today", "cents": 100, "since": "2026-01-01"},
            {"kind": "post_tax", "name": "b starts today", "cents": 1_250, "since": "2026-11-20"},
        ]
    }
    assert pay_inputs.deductions([key("e2")], PAYDAY) == {}


def test_orders_of_a_pay_date_in_order_of_receipt(tmp_path):
    rows = [
        garnishment(
            *("A1", "e1", "B"),
            **{"received_date": "2026-11-20", "percent": "7.25", "amount": "", "balance": "100.10"},
            minimum_wage="16.90",
        ),
        garnishment("A1", "e1", "A", received_date="2026-11-20", exempt="619.23", **LEVY),
        garnishment("A1", "e1", "Z", end_date="2026-11-20", **SUPPORT),
        garnishment("A1", "e1", "tomorrow", received_date="2026-11-21"),
        garnishment("A1", "e1", "yesterday", end_date="2026-11-19"),
    ]
    load(tmp_path, {GARNISHMENTS: rows})
    nothing = {
        "cents": None,
        "percent_bp": None,
        "balance_cents": None,
        "supports_other_family": None,
        "arrears_over_12_weeks": None,
        "filing_status": None,
        "dependents": None,
        "exempt_cents": None,
        "minimum_wage_cents": None,
    }
    support = {"cents": 10_000, "supports_other_family": True, "arrears_over_12_weeks": False}
    levy = {"filing_status": "mfj", "dependents": 2, "exempt_cents": 61_923}
    debt = {"percent_bp": 725, "balance_cents": 10_010, "minimum_wage_cents": 1_690}
    assert pay_inputs.garnishments(everybody(), PAYDAY) == {
        key("e1"): [
            nothing | support | {"id": "Z", "kind": "support", "received": "2026-03-02"},
            nothing | levy | {"id": "A", "kind": "federal_levy", "received": "2026-11-20"},
            nothing | debt | {"id": "B", "kind": "creditor", "received": "2026-11-20"},
        ]
    }


def test_tax_forms_say_only_what_was_given(tmp_path):
    rows = [
        tax_form("A1", "e1", **LETTER, **STATE_FORM),
        tax_form("A1", "e2", w4_exempt="true", state_exempt="true", state_elected_rate_percent="0"),
        tax_form("B2", "e1", nonresident_alien="table2"),
    ]
    load(tmp_path, {TAX_FORMS: rows})
    letter = {
        "filing_status": "single",
        "step2_checkbox": True,
        "step3_cents": 50_000,
        "step4a_cents": 100,
        "step4b_cents": 200,
        "step4c_cents": 325,
    }
    state = {
        "filing_status": "married",
        "allowances": 2,
        "further_allowances": 0,
        "additional_cents": 1_250,
        "exempt": False,
        "elected_rate_ppm": 25_000,
        "deduction_cents": 100_000,
        "estimated_deduction_allowances": 3,
    }
    first = {"w4_exempt": False, "nonresident": None, "lock_in": letter, "state": state}
    assert pay_inputs.tax_forms(everybody(), PAYDAY) == {
        key("e1"): first,
        key("e2"): {
            "w4_exempt": True,
            "nonresident": None,
            "lock_in": None,
            "state": {"exempt": True, "elected_rate_ppm": 0},
        },
        key("e1", "B2"): {"w4_exempt": False, "nonresident": "table2", "lock_in": None, "state": {}},
    }
    assert pay_inputs.tax_forms([key("e1")], date(2026, 2, 1)) == {key("e1"): first}
    assert pay_inputs.tax_forms([key("e1")], date(2026, 1, 31)) == {key("e1"): first | {"lock_in": None}}


# What a person's page shows


def sections(employee_id, employer_id="A1"):
    """Titles and cells of what is shown of a person."""
    person = Employee.objects.get(employer=employer_id, employee_id=employee_id)
    return {
        section.title: [[str(cell) for cell in row] for row in section.rows]
        for section in shown.sections(person)
    }


def line(text):
    return f'<span class="ops-line">{text}</span>'


def code(text):
    return f'<span class="ops-code">{text}</span>'


def test_a_persons_page_shows_everything_they_have_and_nothing_else(tmp_path):
    rows = good_pay()
    rows[GARNISHMENTS].append(garnishment("B2", "e1", "S-1", kind="student_loan", amount=""))
    load(tmp_path, rows)
    assert sections("e1") == {
        "Further tax forms": [
            ["Exempt by Form W-4", "no"],
            ["Lock-in letter since", "2026-02-01"],
            ["Lock-in filing status", "single"],
            ["Lock-in step 2(c)", "marked"],
            ["Lock-in step 3", "$500.00"],
            ["Lock-in step 4(a)", "$1.00"],
            ["Lock-in step 4(b)", "$2.00"],
            ["Lock-in step 4(c)", "$3.25"],
            ["State filing status", "married"],
            ["State allowances", "2"],
            ["Further state allowances", "0"],
            ["State allowances for estimated deductions", "3"],
            ["Exempt from state withholding", "no"],
            ["Additional state withholding a period", "$12.50"],
            ["Elected state rate", "2.5000 %"],
            ["State deduction a year", "$1,000.00"],
        ],
        "Deductions": [
            ["HSA", "HSA, family", line("2026-01-01"), line("2026-12-31"), "$100.00"],
            ["Union dues", "After tax", line("2026-01-01"), line("-"), "$12.50"],
        ],
        "Latest pay items": [
            [line("2026-11-12"), "Reimbursement", "", "Trip 7/A-1_x.", "$33.10"],
            [line("2026-11-05"), "Bonus", line("2026-10-01 to 2026-10-31"), "", "$500.00"],
        ],
    }
    came, never = line("2026-03-02"), line("-")
    assert sections("e2") == {
        "Further tax forms": [["Exempt by Form W-4", "yes"]],
        "Court orders and levies": [
            [code("CASE-7_b"), "Support", came, never, "supports others", "$100.00", ""],
            [code("IRS-1"), "Federal tax levy", came, never, "mfj, 2 dependents", "what the law allows", ""],
        ],
    }
    assert sections("e1", "B2") == {
        "Court orders and levies": [
            [code("C-1"), "Creditor", came, never, "", "25.00 %", "$1,000.10"],
            [code("S-1"), "Student loan", came, never, "", "what the law allows", ""],
        ],
    }
    load(
        tmp_path,
        {GARNISHMENTS: [garnishment("B2", "e4", "S", **SUPPORT | {"arrears_over_12_weeks": "true"})]},
    )
    assert sections("e4", "B2")["Court orders and levies"][0][4] == "supports others, arrears over 12 weeks"


def test_the_page_itself_shows_them(tmp_path, admin_client):
    load(tmp_path, good_pay())
    page = admin_client.get(f"/admin/payroll/employee/{key('e1')}/change/").content.decode()
    for text in ("Union dues", "Latest pay items", "Lock-in letter since"):
        assert text in page
    plain = admin_client.get(f"/admin/payroll/employee/{key('e4', 'B2')}/change/").content.decode()
    for text in ("Further tax forms", "Court orders and levies", "/admin/payroll/garnishment/"):
        assert text not in plain


def test_time_entries_and_people_are_as_before(tmp_path):
    summary = load(tmp_path, good_pay())
    assert (summary.employees.created, summary.time_entries.created) == (
        len(good()[EMPLOYEES]),
        len(good()[TIME_ENTRIES]),
    )
