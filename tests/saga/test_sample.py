"""The built-in sample: the same bytes each time, good in itself, and with exactly the people it promises."""

import csv
import hashlib
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal

import pytest

from payroll import sample
from payroll.roster.reading import read

FILES = ("employers.csv", "employees.csv", "time_entries.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sample, written once."""
    folder = tmp_path_factory.mktemp("sample") / "new"
    sample.write(folder)
    return folder


@pytest.fixture(scope="module")
def roster(folder):
    """The sample, read; good in itself."""
    roster, findings = read(folder)
    assert (findings.total, findings.warnings) == (0, [])
    return roster


def sha256(folder):
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest()[:16] for file in FILES}


def test_the_bytes_are_the_same_each_time(folder, tmp_path):
    sample.write(tmp_path)
    sample.write(tmp_path)
    assert sha256(tmp_path) == sha256(folder)


def test_its_shape(roster):
    sizes = Counter(row.employer_id for row in roster.employees)
    assert (len(roster.employers), sum(sizes.values()), min(sizes.values()), max(sizes.values())) == (
        12,
        1990,
        1,
        900,
    )
    assert {row.pay_frequency for row in roster.employers} == {"weekly", "biweekly", "semimonthly", "monthly"}
    assert {row.work_state for row in roster.employees} == {"IL", "TX", "PA", "OR"}
    assert {row.w4_version for row in roster.employees} == {"2020+", "pre2020"}
    assert len({row.retirement_plan for row in roster.employers}) == 6
    assert {row.kind for row in roster.time_entries} == {"work", "leave", "holiday"}
    assert any(row.rate for row in roster.time_entries)


def test_nobody_in_it_can_be_real(folder):
    with (folder / "employees.csv").open(newline="", encoding="utf-8") as stream:
        numbers = [row["ssn"].split("-") for row in csv.DictReader(stream)]
    assert all(area >= "900" and "10" <= group <= "49" for area, group, _ in numbers)
    assert len({tuple(number) for number in numbers}) == len(numbers)


def test_punches_cover_one_period_of_each_frequency_and_no_other_day(roster):
    frequency = {row.employer_id: row.pay_frequency for row in roster.employers}
    days = defaultdict(set)
    for row in roster.time_entries:
        days[frequency[row.employer_id]].add(row.work_date)
    assert {name: (min(found), max(found)) for name, found in days.items()} == {
        "weekly": (date(2026, 11, 22), date(2026, 11, 28)),
        "biweekly": (date(2026, 11, 15), date(2026, 11, 28)),
        "semimonthly": (date(2026, 11, 15), date(2026, 11, 30)),
        "monthly": (date(2026, 11, 1), date(2026, 11, 30)),
    }


def test_only_hourly_people_punch_and_a_few_of_them_do_not(roster):
    punched = {(row.employer_id, row.employee_id) for row in roster.time_entries}
    hourly = {(row.employer_id, row.employee_id) for row in roster.employees if row.pay_basis == "hourly"}
    assert punched < hourly
    assert 5 <= len(hourly - punched) <= 12


def test_thanksgiving_is_a_holiday_and_some_work_overtime(roster):
    weeks = defaultdict(Decimal)
    for row in roster.time_entries:
        assert (row.kind == "holiday") == (row.work_date == date(2026, 11, 26))
        if row.kind == "work":
            weeks[row.employer_id, row.employee_id, (row.work_date.toordinal() // 7)] += row.hours
    assert sum(hours > 40 for hours in weeks.values()) > 100


def test_exactly_two_people_cannot_be_paid(roster):
    """One works in a state without rules, one has hours after the last day of employment."""
    last_day = {(row.employer_id, row.employee_id): row.termination_date for row in roster.employees}
    oregon = [(row.employer_id, row.employee_id) for row in roster.employees if row.work_state == "OR"]
    punched = {
        (row.employer_id, row.employee_id): row.work_date for row in roster.time_entries if row.kind == "work"
    }
    late = [person for person, day in punched.items() if last_day[person] and day > last_day[person]]
    assert oregon == [("LONESTAR", "E0037")] and oregon[0] in punched
    assert late == [("KEYSTONE", "E0021")]
