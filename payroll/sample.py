"""The built-in sample roster: 12 employers, about 2,000 people, and their punches of November 2026.

Every draw comes from a fixed seed, so `write` writes the same bytes each time. It covers one whole period of
each pay frequency, all paid on 2026-12-04. Two people cannot be paid as their data stands, so that the dead
letters have something to show; a few hourly people have no hours.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

from payroll.roster.columns import EMPLOYEES, EMPLOYERS, TIME_ENTRIES, Table
from payroll.sample_words import FAMILY_NAMES, GIVEN_NAMES, JOBS

SEED = "payroll sample 1"
THANKSGIVING = date(2026, 11, 26)
LAST_DAY_OF_DATA = date(2026, 11, 30)
# First and last day with punches. The semimonthly period begins on a Monday, in the middle of a workweek.
PUNCHED = {
    "weekly": (date(2026, 11, 22), date(2026, 11, 28)),
    "biweekly": (date(2026, 11, 15), date(2026, 11, 28)),
    "semimonthly": (date(2026, 11, 15), date(2026, 11, 30)),
    "monthly": (date(2026, 11, 1), date(2026, 11, 30)),
}
PERIODS = {"weekly": 52, "biweekly": 26, "semimonthly": 24, "monthly": 12}
ROUTING_NUMBERS = ("071000301", "121000358", "022000046", "111000025", "091000019", "061100402")
# Weekdays worked, 0 = Monday: office, hospitality from Sunday on, retail to Saturday
PATTERNS = ((0, 1, 2, 3, 4), (0, 1, 2, 3, 4), (6, 0, 1, 2, 3), (1, 2, 3, 4, 5))
NO_HOURS_EVERY = 131


class Sample(NamedTuple):
    """One employer of the sample and what its people are like."""

    employer_id: str
    name: str
    state: str
    frequency: str
    plan: str
    trade: str
    people: int
    hourly_percent: int


SAMPLES = (
    Sample("PRAIRIE", "Prairie Freight Lines LLC", "IL", "biweekly", "half_of_6", "freight", 900, 70),
    Sample("LONESTAR", "Lone Star Foods Inc", "TX", "weekly", "basic_safe_harbor", "food", 420, 80),
    Sample("KEYSTONE", "Keystone Medical Group", "PA", "semimonthly", "enhanced_4", "health", 260, 45),
    Sample("LAKEVIEW", "Lakeview Insurance Company", "IL", "monthly", "full_of_6", "office", 150, 10),
    Sample("BRAZOS", "Brazos Builders Inc", "TX", "weekly", "none", "building", 96, 85),
    Sample("ALLEGHENY", "Allegheny Machine Works", "PA", "biweekly", "qaca", "machine", 64, 75),
    Sample("ILLINI", "Illini Software LLC", "IL", "semimonthly", "enhanced_4", "software", 41, 0),
    Sample("PECAN", "Pecan Street Hotel LP", "TX", "biweekly", "none", "hotel", 28, 85),
    Sample("SUSQUEHANNA", "Susquehanna School of Music", "PA", "monthly", "half_of_6", "school", 17, 30),
    Sample("COUNTYLINE", "County Line Veterinary PC", "IL", "semimonthly", "none", "health", 9, 60),
    Sample("BLUEBONNET", "Bluebonnet Bakery", "TX", "weekly", "none", "food", 4, 100),
    Sample("SCHUYLKILL", "Schuylkill Consulting", "PA", "monthly", "none", "office", 1, 0),
)
# (employer, which person): Oregon has no withholding rules here; 1,850.00 was meant to be 185.00
WORKS_IN_OREGON = ("LONESTAR", 37)
PUNCHED_AFTER_LEAVING = ("KEYSTONE", 21)


Item = TypeVar("Item")
Row = dict[str, str]


class Dice:
    """Draws that stay the same in every Python: built on `random()` alone, whose sequence is promised."""

    def __init__(self, *seed: object) -> None:
        self.random = Random("/".join(map(str, (SEED, *seed)))).random  # noqa: S311 - made-up people, no secrets

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[int(self.random() * len(items))]

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.random() * 100 < percent


class Worker(NamedTuple):
    """A person of the sample: the row of employees.csv, and what their punches look like."""

    row: Row
    hourly: bool
    full_time: bool
    no_hours: bool
    last_day: date


def write(folder: Path) -> None:
    """Write employers.csv, employees.csv and time_entries.csv into `folder`, which is made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    people = list(workers())
    write_csv(folder / EMPLOYERS.file, names(EMPLOYERS), employers())
    write_csv(folder / EMPLOYEES.file, names(EMPLOYEES), (worker.row for _, worker in people))
    write_csv(folder / TIME_ENTRIES.file, names(TIME_ENTRIES), time_entries(people))


def names(table: Table) -> list[str]:
    """Column names of a file, in its order."""
    return [column.name for column in table.columns]


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """One file, RFC 4180 except for its bare line feeds; a column that a row leaves out is empty."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def employers() -> Iterator[Row]:
    """Rows of employers.csv."""
    for number, sample in enumerate(SAMPLES, start=1):
        yield {
            "employer_id": sample.employer_id,
            "name": sample.name,
            "ein": f"{90 + number % 10}-{7_000_000 + number * 1_117:07d}",
            "state": sample.state,
            "pay_frequency": sample.frequency,
            "retirement_plan": sample.plan,
            "routing_number": ROUTING_NUMBERS[number % len(ROUTING_NUMBERS)],
            "account_number": f"88{number:02d}{number * 7_919:06d}",
        }


def workers() -> Iterator[tuple[Sample, Worker]]:
    """Everyone, employer by employer."""
    number = hourly = 0
    for sample in SAMPLES:
        for place in range(1, sample.people + 1):
            number += 1
            made = worker(sample, place, number)
            if made.hourly:
                hourly += 1
                if hourly % NO_HOURS_EVERY == 0 and (sample.employer_id, place) != WORKS_IN_OREGON:
                    made = without_hours(made)
            yield sample, made


def worker(sample: Sample, place: int, number: int) -> Worker:
    """One person, drawn from their employer and place alone, so that another employer changes nobody here."""
    dice = Dice(sample.employer_id, place)
    hourly = dice.chance(sample.hourly_percent)
    full_time = not hourly or dice.chance(85)
    title, low, high = dice.pick(JOBS[sample.trade][0 if hourly else 1])
    cents = dice.between(low * 100, high * 100) if hourly else dice.between(low // 100, high // 100) * 10_000
    born = date(1958, 1, 1) + timedelta(days=dice.between(0, 17_000))
    hired = min(born.replace(day=1, year=born.year + 19), date(2026, 6, 1))
    hired += timedelta(days=dice.between(0, (date(2026, 10, 1) - hired).days))
    left = date(2026, 11, 25) if dice.chance(1) and full_time else None
    row = {
        "employer_id": sample.employer_id,
        "employee_id": f"E{place:04d}",
        "first_name": dice.pick(GIVEN_NAMES),
        "last_name": dice.pick(FAMILY_NAMES),
        # groups 10 to 49 of the areas from 900 on belong neither to SSNs nor to ITINs: they are nobody's
        "ssn": f"{900 + number % 100}-{10 + number % 40}-{number:04d}",
        "birth_date": born.isoformat(),
        "hire_date": hired.isoformat(),
        "termination_date": left.isoformat() if left else "",
        "job_title": title,
        "pay_basis": "hourly" if hourly else "salary",
        "pay_rate": f"{cents // 100}.{cents % 100:02d}",
        "standard_weekly_hours": "40.00" if full_time else "20.00",
        "flsa_exempt": "false" if hourly or cents < 5_000_000 else "true",
        "work_state": sample.state,
        "routing_number": dice.pick(ROUTING_NUMBERS),
        "account_number": f"{4_000_000_000 + number * 2_654_435 % 999_999_937}",
        "account_type": "savings" if dice.chance(18) else "checking",
    }
    row |= form_w4(dice, hourly=hourly) | deductions(dice, sample, full_time=full_time and left is None)
    row |= stays_unpaid(sample.employer_id, place)
    punched_until = (
        left if (sample.employer_id, place) != PUNCHED_AFTER_LEAVING else None
    ) or LAST_DAY_OF_DATA
    return Worker(row, row["pay_basis"] == "hourly", full_time, False, punched_until)


def form_w4(dice: Dice, *, hourly: bool) -> Row:
    """Columns of a Form W-4; extra withholding only for salaries, which can bear it."""
    if dice.chance(15):
        status = dice.pick(("single", "married", "married_higher_single"))
        more = "20.00" if not hourly and dice.chance(20) else "0.00"
        return {
            "w4_version": "pre2020",
            "filing_status": status,
            "allowances": str(dice.between(0, 4)),
            "additional_withholding": more,
        }
    status = dice.pick(("single", "single", "mfj", "mfj", "hoh", "mfs"))
    return {
        "w4_version": "2020+",
        "filing_status": status,
        "step2_checkbox": "true" if dice.chance(20) else "false",
        "step3": dice.pick(("0.00", "0.00", "2200.00", "4400.00")) if status in {"mfj", "hoh"} else "0.00",
        "step4a": "1200.00" if dice.chance(5) else "0.00",
        "step4b": "3000.00" if dice.chance(5) else "0.00",
        "step4c": "25.00" if not hourly and dice.chance(10) else "0.00",
    }


def deductions(dice: Dice, sample: Sample, *, full_time: bool) -> Row:
    """401(k) percents where there is a plan, and benefits of people who work the whole period."""
    yearly_cents = dice.pick((0, 96_000, 180_000, 300_000)) if full_time else 0
    per_period = yearly_cents // PERIODS[sample.frequency]
    has_plan = sample.plan != "none"
    return {
        "traditional_401k_percent": dice.pick(("0", "3", "4", "5", "6", "8", "10")) if has_plan else "0",
        "roth_401k_percent": dice.pick(("0", "0", "0", "2", "4.5")) if has_plan else "0",
        "section125_per_period": f"{per_period // 100}.{per_period % 100:02d}",
    }


def stays_unpaid(employer_id: str, place: int) -> Row:
    """What makes a step fail for the two people who are there for that."""
    if (employer_id, place) == WORKS_IN_OREGON:
        return {"work_state": "OR", "termination_date": ""}
    if (employer_id, place) == PUNCHED_AFTER_LEAVING:
        return {
            "pay_basis": "hourly",
            "pay_rate": "24.50",
            "flsa_exempt": "false",
            "standard_weekly_hours": "40.00",
            "termination_date": "2026-11-20",
            "section125_per_period": "0.00",
        }
    return {}


def without_hours(person: Worker) -> Worker:
    """The same person, on unpaid leave the whole period: no punches, and nothing to deduct from no pay."""
    return person._replace(row=person.row | {"section125_per_period": "0.00"}, no_hours=True)


def time_entries(people: Iterable[tuple[Sample, Worker]]) -> Iterator[Row]:
    """Rows of time_entries.csv, person by person and day by day."""
    for sample, person in people:
        if person.hourly and not person.no_hours:
            first, last = PUNCHED[sample.frequency]
            for entry in punches(person, first, min(last, person.last_day)):
                yield {
                    "employer_id": sample.employer_id,
                    "employee_id": person.row["employee_id"],
                } | entry


def punches(person: Worker, first: date, last: date) -> Iterator[Row]:
    """One person's days: a pattern of weekdays, overtime for some, leave now and then, Thanksgiving off."""
    dice = Dice(person.row["employer_id"], person.row["employee_id"], "punches")
    pattern = dice.pick(PATTERNS)
    daily = ("9.50" if dice.chance(20) else "8.00") if person.full_time else "5.00"
    for number in range((last - first).days + 1):
        work_date = first + timedelta(days=number)
        if work_date.weekday() in pattern:
            for kind, hours, rate in one_day(dice, person, work_date, daily):
                yield {"work_date": work_date.isoformat(), "hours": hours, "kind": kind, "rate": rate}


def one_day(dice: Dice, person: Worker, work_date: date, daily: str) -> Iterator[tuple[str, str, str]]:
    """(kind, hours, other rate) of one working day."""
    if work_date == THANKSGIVING:
        if person.full_time:
            yield "holiday", "8.00", ""
    elif person.full_time and dice.chance(4):
        yield "leave", "8.00", ""
    else:
        yield "work", daily, ""
        if person.full_time and dice.chance(3):
            yield "work", f"{dice.between(2, 8) / 4:.2f}", on_call_rate(person)


def on_call_rate(person: Worker) -> str:
    """A dollar more per hour than the person's own rate."""
    dollars, cents = person.row["pay_rate"].split(".")
    return f"{int(dollars) + 1}.{cents}"
