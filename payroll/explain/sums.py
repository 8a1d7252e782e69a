"""Facts of a paycheck that no worksheet gives: they are sums of others, and checked as such."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from payroll.domain import item_lines
from payroll.explain.entries import Record
from payroll.explain.sections import Section, facts_of

# A fact, and what it is the sum of.
SUMS = {
    "employee_taxes_cents": (
        *("federal_income_tax_cents", "social_security_cents", "medicare_cents", "additional_medicare_cents"),
        *("state_income_tax_cents", "state_programmes_cents"),
    ),
    "employer_taxes_cents": (
        *("employer_social_security_cents", "employer_medicare_cents", "employer_futa_cents"),
        "employer_programmes_cents",
    ),
}
# A list, the place of the cents in its rows, and the fact that they add up to.
LISTS = (
    ("programmes", 1, "state_programmes_cents"),
    ("programmes", 2, "employer_programmes_cents"),
    ("garnishments", 2, "garnished_cents"),
    ("post_tax", 1, "post_tax_cents"),
)
WAGE_LINES = ("straight_time_cents", "leave_cents", "holiday_cents")


# Facts that are nothing unless a worksheet gives them.
ELSE_ZERO = (
    *("flsa_premium_cents", "dependent_care_cents", "catch_up_cents", "deferral_refused_cents"),
    "supplemental_income_tax_cents",
)
CUT = {
    "federal_income_tax_short_cents": "federal_income_tax_cents",
    "state_income_tax_short_cents": "state_income_tax_cents",
}


def sums(record: Record, made: Sequence[Section]) -> Iterator[str]:
    """What does not add up among the facts on record."""
    for name, expected in (*_expected(record), *_without_worksheet(record, made)):
        if name in record.facts and record.facts[name] != expected:
            yield f"{name} is {record.facts[name]} on record, and its parts come to {expected}"


def _expected(record: Record) -> Iterator[tuple[str, Any]]:
    facts, inputs = record.facts, record.inputs
    for name, parts in SUMS.items():
        if name in facts:
            yield name, sum(facts[part] for part in parts)
    for name, place, total in LISTS:
        if name in facts:
            yield total, sum(row[place] or 0 for row in facts[name])
    if facts.get("earnings"):
        paid = sum(row[3] for row in facts["earnings"])
        hours = sum(facts[name] for name in WAGE_LINES)
        if inputs["pay_basis"] == "hourly":
            yield "straight_time_cents", paid - hours + facts["straight_time_cents"]
    if "section125_cents" in facts:
        yield from _premiums(facts, inputs)
    if "amount_cents" in facts:
        yield "amount_cents", facts["net_cents"]


def _without_worksheet(record: Record, made: Sequence[Section]) -> Iterator[tuple[str, int]]:
    """Nothing, and what was asked for before taxes were cut to the pay there is."""
    given = facts_of(made)
    yield from ((name, 0) for name in ELSE_ZERO if name not in given)
    cuts = [section.filled for section in made if section.filled.worksheet.name == "taxes_within_pay"]
    for short, tax in CUT.items():
        yield short, sum(cut.entries[tax] - record.facts[tax] for cut in cuts)


def _premiums(facts: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was elected is either taken or short; who earned nothing is asked for nothing."""
    yield "items", item_lines(inputs["items"])
    if not facts["gross_cents"]:
        yield "section125_short_cents", 0
        yield "hsa_short_cents", 0
        return
    elected = {"dependent_care": 0, "hsa_self": 0, "hsa_family": 0, "post_tax": 0}
    for item in inputs["deductions"]:
        elected[item["kind"]] += item["cents"]
    premiums = inputs["section125_cents"] + elected["dependent_care"]
    yield "section125_short_cents", premiums - facts["section125_cents"]
    yield "hsa_short_cents", elected["hsa_self"] + elected["hsa_family"] - facts["hsa_cents"]
