"""Loading a roster: the same folder twice writes nothing, a change writes only itself, a refusal nothing."""

import json
from datetime import date
from decimal import Decimal
from io import StringIO
from threading import Event

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from payroll import crypto, sample
from payroll.models.roster import Employee, Employer, PayCalendar, TimeEntry
from payroll.roster.findings import RosterRefused
from payroll.roster.loading import assign_ssn, import_folder, ssn_index
from tests.saga.roster_files import EMPLOYEES, EMPLOYERS, TIME_ENTRIES, employee, employer, entry, good, write

pytestmark = pytest.mark.usefixtures("db")

AS_OF = date(2026, 11, 21)
KINDS = ("employers", "calendars", "employees", "time_entries")


def load(folder, rows, **options):
    """Import these rows."""
    return import_folder(write(folder, rows), **({"dry_run": False, "as_of": AS_OF} | options))


def counts(summary):
    """Per kind: (created, updated, unchanged, removed)."""
    return {kind: tuple(vars(getattr(summary, kind)).values()) for kind in KINDS}


def stored():
    """Every column of every row, ciphertext included."""
    models = (Employer, PayCalendar, Employee, TimeEntry)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def test_a_first_import_stores_what_the_files_say(tmp_path):
    summary = load(tmp_path, good())
    assert counts(summary) == {
        "employers": (2, 0, 0, 0),
        "calendars": (2, 0, 0, 0),
        "employees": (4, 0, 0, 0),
        "time_entries": (4, 0, 0, 0),
    }
    person = Employee.objects.get(employer="A1", employee_id="e1")
    row = good()[EMPLOYEES][0]
    assert (person.last_name, person.pay_rate, person.hire_date) == (
        "O'Brien",
        Decimal("41.41"),
        date(2022, 3, 21),
    )
    assert crypto.decrypt(person.ssn_ciphertext, person.ssn_context) == row["ssn"]
    assert crypto.decrypt(person.account_ciphertext, person.account_context) == row["account_number"]
    assert (person.ssn_masked, person.account_masked) == ("***-**-0150", "••••4921")
    assert person.ssn_index == ssn_index("A1", row["ssn"]) != ssn_index("B2", row["ssn"])
    paid_by = Employer.objects.get(id="A1")
    assert crypto.decrypt(paid_by.account_ciphertext, paid_by.account_context) == "5386491042"
    assert str(person) == "Zoë O'Brien (e1)"
    assert TimeEntry.objects.get(employee__employee_id="e4").rate == Decimal("50.1234")


def test_nothing_personal_is_stored_in_the_clear(tmp_path):
    load(tmp_path, good())
    text = json.dumps(stored(), default=str)
    for row in good()[EMPLOYEES] + good()[EMPLOYERS]:
        assert row["account_number"] not in text
        assert row.get("ssn", "901-12-0150") not in text
        assert row.get("ssn", "901-12-0150").replace("-", "") not in text


def test_the_same_folder_twice_writes_nothing(tmp_path, django_assert_max_num_queries):
    load(tmp_path, good())
    before = stored()
    with django_assert_max_num_queries(12):
        summary = load(tmp_path, good(), as_of=date(2027, 3, 1))
    assert summary.changed == 0
    assert counts(summary) == {
        "employers": (0, 0, 2, 0),
        "calendars": (0, 0, 2, 0),
        "employees": (0, 0, 4, 0),
        "time_entries": (0, 0, 4, 0),
    }
    assert stored() == before


def test_a_changed_row_updates_that_person_only(tmp_path):
    load(tmp_path, good())
    before = stored()
    rows = good()
    rows[EMPLOYEES][1] |= {"pay_rate": "50.00", "termination_date": "2026-12-31"}
    summary = load(tmp_path, rows)
    assert counts(summary)["employees"] == (0, 1, 3, 0)
    changed = [
        (old["employee_id"], name)
        for old, new in zip(before["Employee"], stored()["Employee"], strict=True)
        for name in old
        if old[name] != new[name]
    ]
    assert changed == [("e2", "termination_date"), ("e2", "pay_rate")]


@pytest.mark.parametrize(("column", "value"), [("ssn", "902-13-4567"), ("account_number", "99887766")])
def test_a_changed_personal_number_is_encrypted_anew_and_the_other_is_not(tmp_path, column, value):
    load(tmp_path, good())
    before = Employee.objects.get(employer="A1", employee_id="e1")
    rows = good()
    rows[EMPLOYEES][0][column] = value
    assert counts(load(tmp_path, rows))["employees"] == (0, 1, 3, 0)
    after = Employee.objects.get(pk=before.pk)
    same = "account_ciphertext" if column == "ssn" else "ssn_ciphertext"
    assert getattr(after, same) == getattr(before, same)
    number = {
        "ssn": crypto.decrypt(after.ssn_ciphertext, after.ssn_context),
        "account_number": crypto.decrypt(after.account_ciphertext, after.account_context),
    }
    assert number[column] == value
    assert value.endswith(after.ssn_last4 if column == "ssn" else after.account_last4)


def test_a_changed_employer_is_updated(tmp_path):
    load(tmp_path, good())
    rows = good()
    rows[EMPLOYERS][0] |= {"name": "Renamed", "account_number": "777000111"}
    assert counts(load(tmp_path, rows))["employers"] == (0, 1, 1, 0)
    after = Employer.objects.get(id="A1")
    assert (after.name, after.account_last4) == ("Renamed", "0111")


def test_swapped_eins_and_swapped_ssns_can_be_corrected(tmp_path):
    load(tmp_path, good())
    rows = good()
    for pair, column in ((rows[EMPLOYERS], "ein"), (rows[EMPLOYEES], "ssn")):
        pair[0][column], pair[1][column] = pair[1][column], pair[0][column]
    summary = load(tmp_path, rows)
    assert (counts(summary)["employers"], counts(summary)["employees"]) == ((0, 2, 0, 0), (0, 2, 2, 0))
    person = Employee.objects.get(employer="A1", employee_id="e1")
    assert crypto.decrypt(person.ssn_ciphertext, person.ssn_context) == rows[EMPLOYEES][0]["ssn"]


def test_people_who_are_not_in_the_files_are_left_alone_and_counted(tmp_path):
    load(tmp_path, good())
    rows = good()
    fewer = {EMPLOYERS: rows[EMPLOYERS][:1], EMPLOYEES: rows[EMPLOYEES][:1], TIME_ENTRIES: []}
    summary = load(tmp_path, fewer)
    assert (summary.employers_not_in_files, summary.employees_not_in_files) == (1, 3)
    assert (Employer.objects.count(), Employee.objects.count(), TimeEntry.objects.count()) == (2, 4, 4)
    assert any("1 employers, 3 employees" in line for line in summary.lines())


def test_someone_elses_stored_ssn_or_ein_is_refused(tmp_path):
    load(tmp_path, good())
    before = stored()
    rows = {EMPLOYERS: [employer("D4"), employer("A1")], EMPLOYEES: [], TIME_ENTRIES: []}
    rows[EMPLOYERS][0]["ein"] = good()[EMPLOYERS][1]["ein"]
    rows[EMPLOYEES] = [employee("A1", "e77", ssn=good()[EMPLOYEES][0]["ssn"])]
    with pytest.raises(RosterRefused) as refused:
        load(tmp_path, rows)
    first, second = refused.value.findings.kept
    assert first[:4] == (EMPLOYERS, 2, "ein", rows[EMPLOYERS][0]["ein"]) and "the EIN of B2" in first.problem
    assert second[:4] == (EMPLOYEES, 2, "ssn", "••••0150") and "the SSN of e1" in second.problem
    assert stored() == before


def test_the_file_is_the_truth_for_everybody_in_it_over_its_dates(tmp_path):
    """A wrong entry is taken back by leaving it out; people and days that the file does not cover stay."""
    load(tmp_path, good())
    before = {row["id"]: row for row in stored()["TimeEntry"]}
    rows = good()
    rows[TIME_ENTRIES] = [
        entry("A1", "e1", "2026-11-02", "8.0"),  # as stored, in other words
        entry("A1", "e1", "2026-11-02", "2.00"),  # instead of four hours of leave
        entry("A1", "e2", "2026-11-03", "8.00"),  # someone else's day
    ]
    summary = load(tmp_path, rows)
    assert counts(summary)["time_entries"] == (2, 0, 1, 2)
    after = {row["id"]: row for row in stored()["TimeEntry"]}
    gone = [before[key] for key in before.keys() - after.keys()]
    assert sorted((str(row["work_date"]), row["kind"]) for row in gone) == [
        ("2026-11-02", "leave"),
        ("2026-11-03", "work"),
    ]
    assert all(after[key] == before[key] for key in before.keys() & after.keys())
    rows[TIME_ENTRIES] = [entry("A1", "e2", "2026-11-02", "8.00"), entry("A1", "e2", "2026-11-09", "8.00")]
    load(tmp_path, rows)
    assert TimeEntry.objects.filter(employee__employee_id="e1").count() == 2, "nobody who is not in the file"
    assert not TimeEntry.objects.filter(employee__employee_id="e2", work_date=date(2026, 11, 3)).exists()


def test_two_equal_entries_of_a_day_stay_two(tmp_path):
    rows = good()
    rows[TIME_ENTRIES] = [entry("A1", "e1", "2026-11-02", "4.00")] * 2
    load(tmp_path, rows)
    assert counts(load(tmp_path, rows))["time_entries"] == (0, 0, 2, 0)
    rows[TIME_ENTRIES] = rows[TIME_ENTRIES][:1]
    assert counts(load(tmp_path, rows))["time_entries"] == (0, 0, 1, 1)


def test_a_bad_row_anywhere_stores_nothing(tmp_path):
    rows = good()
    rows[TIME_ENTRIES][-1]["hours"] = "25"
    with pytest.raises(RosterRefused):
        load(tmp_path, rows)
    assert not any(stored().values())


def test_a_failure_in_the_middle_stores_nothing(tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("the database went away")

    monkeypatch.setattr("payroll.roster.loading.load_time_entries", fails)
    with pytest.raises(RuntimeError):
        load(tmp_path, good())
    assert not any(stored().values())


@pytest.mark.own_session
def test_it_may_take_its_time_between_statements(tmp_path, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("set idle_in_transaction_session_timeout = '50ms'")

    def slow(target, ssn):
        Event().wait(0.2)  # nobody sets it: this is how long the encryption of a large file takes
        return assign_ssn(target, ssn)

    monkeypatch.setattr("payroll.roster.loading.assign_ssn", slow)
    load(tmp_path, good())
    assert all(stored().values())


def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path):
    summary = load(tmp_path, good(), dry_run=True)
    assert summary.dry_run and counts(summary)["employees"] == (4, 0, 0, 0)
    assert not any(stored().values())
    load(tmp_path, good())
    before = stored()
    rows = good()
    rows[EMPLOYEES][0]["pay_rate"] = "42.00"
    assert counts(load(tmp_path, rows, dry_run=True))["employees"] == (0, 1, 3, 0)
    assert stored() == before


CALENDARS = [
    ("weekly", 6, date(2026, 11, 15)),
    ("biweekly", 6, date(2026, 11, 15)),
    ("semimonthly", 5, date(2026, 11, 16)),
    ("monthly", 5, date(2026, 11, 1)),
]


@pytest.mark.parametrize(("frequency", "lag", "starts_on"), CALENDARS)
def test_a_new_employers_calendar_begins_with_the_period_of_the_day(tmp_path, frequency, lag, starts_on):
    load(tmp_path, {EMPLOYERS: [employer("A1", pay_frequency=frequency)], EMPLOYEES: [], TIME_ENTRIES: []})
    calendar = PayCalendar.objects.get()
    assert (calendar.frequency, calendar.pay_lag_days, calendar.starts_on) == (frequency, lag, starts_on)
    assert calendar.anchor == date(2026, 11, 1)


def test_a_changed_frequency_never_overlaps_a_period_already_paid(tmp_path):
    load(tmp_path, {EMPLOYERS: [employer("A1", pay_frequency="weekly")], EMPLOYEES: [], TIME_ENTRIES: []})
    monthly = {EMPLOYERS: [employer("A1", pay_frequency="monthly")], EMPLOYEES: [], TIME_ENTRIES: []}
    summary = load(tmp_path, monthly)
    calendar = PayCalendar.objects.get()
    assert (calendar.frequency, calendar.pay_lag_days, calendar.starts_on) == (
        "monthly",
        5,
        date(2026, 12, 1),
    )
    assert summary.notes == [
        "A1 changed from weekly to monthly pay from 2026-12-01; "
        "2026-11-15 to 2026-11-30 need a one-off run if they are not paid yet"
    ]
    assert counts(summary)["calendars"] == (0, 1, 0, 0)
    assert load(tmp_path, monthly).changed == 0


def test_a_retired_key_is_reported_and_a_new_one_in_front_changes_nothing(tmp_path, settings):
    load(tmp_path, good())
    before = stored()
    settings.PAYROLL_FIELD_KEYS = {"k9": crypto_key(9), **settings.PAYROLL_FIELD_KEYS}
    assert load(tmp_path, good()).changed == 0
    assert stored() == before
    settings.PAYROLL_FIELD_KEYS = {"k9": crypto_key(9)}
    with pytest.raises(crypto.Undecryptable, match="not in PAYROLL_FIELD_KEYS"):
        load(tmp_path, good())
    with pytest.raises(CommandError, match="cannot be compared"):
        call_command("import_roster", tmp_path, stdout=StringIO())


def crypto_key(byte):
    """A key of 32 equal bytes, as settings hold it."""
    return crypto.base64.b64encode(bytes([byte]) * 32).decode()


def test_the_command_prints_findings_and_refuses_in_one_sentence(tmp_path):
    rows = good()
    rows[EMPLOYEES][0]["ssn"] = "901120123"
    write(tmp_path, rows)
    out, err = StringIO(), StringIO()
    with pytest.raises(
        CommandError, match=r"1 problem, the first in employees.csv line 2; nothing was loaded"
    ) as refused:
        call_command("import_roster", tmp_path, stdout=out, stderr=err)
    assert refused.value.returncode == 1
    assert err.getvalue() == "employees.csv:2 ssn ••••0123: has no hyphens - write AAA-GG-SSSS\n"
    with pytest.raises(CommandError):
        call_command("import_roster", tmp_path, json=True, stdout=out, stderr=err)
    assert json.loads(out.getvalue())["findings"][0]["line"] == 2


def test_the_command_prints_what_changed(tmp_path):
    write(tmp_path, good())
    out = StringIO()
    call_command("import_roster", tmp_path, "--dry-run", "--as-of", "2026-11-21", stdout=out)
    assert "employees:     4 created, 0 updated, 0 unchanged" in out.getvalue()
    assert "dry run: nothing was stored" in out.getvalue()
    out = StringIO()
    call_command("import_roster", tmp_path, "--json", stdout=out)
    assert json.loads(out.getvalue())["employees"]["created"] == 4


def test_the_sample_loads(tmp_path):
    sample.write(tmp_path)
    summary = import_folder(tmp_path, dry_run=False, as_of=AS_OF)
    assert (summary.employers.created, summary.employees.created) == (12, 1990)
    assert import_folder(tmp_path, dry_run=False, as_of=AS_OF).changed == 0
