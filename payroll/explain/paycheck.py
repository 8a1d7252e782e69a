"""Everything that is on record about one paycheck, put together so that every figure says where it comes from."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from events.store import Recorded
from payroll import delta, keys, manifest, rulebook
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.worksheet import UnknownWorksheet
from payroll.domain import Inputs, YearToDate, item_lines, workings_of
from payroll.explain.entries import Record
from payroll.explain.origins import origin
from payroll.explain.sections import Section, disagreements, sections, without_ends
from payroll.explain.sums import sums
from payroll.history import History
from payroll.runs import Refused

ROOTS = ("net_cents", "match_cents", "employer_social_security_cents", "employer_futa_cents")


class Before(NamedTuple):
    """A year to date: before this paycheck, of it, and after it, in cents."""

    name: str
    before_cents: int
    this_cents: int

    @property
    def after_cents(self) -> int:
        return self.before_cents + self.this_cents


class Explanation(NamedTuple):
    """A paycheck explained.

    frozen_in  the entry of the manifest that holds the inputs
    wrong      what does not add up; empty when every figure does
    complete   False while steps are missing: what there is, is explained
    """

    stream: str
    employer: str
    employee_id: str
    pay_date: str
    rules_version: str
    code_version: str
    frozen_in: str
    facts: dict[str, Any]
    events: list[Recorded]
    sections: list[Section]
    year_to_date: list[Before]
    wrong: list[str]
    complete: bool


def explain(stream: str) -> Explanation:
    """Explain one paycheck from the log, its manifest and the rules it is pinned to.

    stream   paycheck-<employer run>+<employee id>
    raises   Refused when there is no such paycheck; objects.ObjectDamaged, rulebook.RulesMissing,
             UnknownWorksheet
    """
    history = History(stream)
    began = history.facts.get("PaycheckBegan")
    if began is None:
        raise Refused(f"there is no paycheck {stream}, or it has not begun")
    part = History(keys.employerrun_stream(began["employer_run"]))
    opened = part.facts["EmployerRunOpened"]
    sha256 = {written["object"]: written["sha256"] for written in part.manifests}[began["manifest"]]
    batch = manifest.read(began["manifest"], sha256)
    given = batch["employees"][began["number"]]
    frozen = f"entry {began['number'] + 1} of {began['manifest']}"
    facts, event_of, workings = _merged(history.events)
    if "gross_cents" in facts and not workings:
        raise Refused(
            f"{stream} was recorded by a version that kept no worksheets: its stub is all there is to it"
        )
    inputs = Inputs._field_defaults | given
    right = _right(facts, inputs)
    record = Record(right, event_of, inputs, batch["terms"], _tables(opened["rules_version"]))
    made = sections(workings, ROOTS, lambda asked: origin(asked, record))
    return Explanation(
        stream=stream,
        employer=began["employer"],
        employee_id=began["employee_id"],
        pay_date=began["pay_date"],
        rules_version=opened["rules_version"],
        code_version=opened["code_version"],
        frozen_in=frozen,
        facts=facts,
        events=history.events,
        sections=made,
        year_to_date=list(_year_to_date(given, facts)),
        wrong=[*disagreements(made, facts), *sums(record, without_ends(made))],
        complete="net_cents" in facts,
    )


@lru_cache(maxsize=8)
def _tables(rules_version: str) -> dict[str, Any]:
    return tomllib.loads(rulebook.text(rules_version).decode())


def _merged(
    events: list[Recorded],
) -> tuple[dict[str, Any], dict[str, str], list[tuple[list[Any], str]]]:
    """All facts, the event that holds each, and all workings with their event."""
    facts: dict[str, Any] = {}
    event_of: dict[str, str] = {}
    workings: list[tuple[list[Any], str]] = []
    for event in events:
        label = f"{event.type}, event {event.version}"
        for name, value in event.data.items():
            if name != "working":
                facts[name], event_of[name] = value, label
        try:
            workings += [(working, label) for working in workings_of(event.data)]
        except ValueError as fault:
            raise UnknownWorksheet(f"the worksheets of {label} cannot be read: {fault}") from fault
    return facts, event_of, workings


def _right(facts: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that the worksheets lead to: of a correction, the difference and what was paid before."""
    paid = inputs["paid"]
    if not paid:
        return facts
    right = facts | delta.restored(facts, paid)
    items = item_lines(inputs["items"])
    if sorted(map(str, items)) == sorted(map(str, right.get("items", ()))):
        right["items"] = items
    order = [one["id"] for one in inputs["recoveries"]] + [one["name"] for one in inputs["deductions"]]
    right["post_tax"] = sorted(
        (line for line in right.get("post_tax", ()) if line[-1] in order or line[0] in order),
        key=lambda line: order.index(line[-1] if line[-1] in order else line[0]),
    )
    return right


def _year_to_date(given: dict[str, Any], facts: dict[str, Any]) -> Iterator[Before]:
    """Every year to date that this paycheck adds to."""
    this = dict(facts)
    deferred = facts.get("traditional_401k_cents", 0) + facts.get("roth_401k_cents", 0)
    this["deferrals_cents"] = deferred
    this["medicare_cents"] = facts.get("medicare_cents", 0) + facts.get("additional_medicare_cents", 0)
    this["eligible_comp_cents"] = facts.get("gross_cents", 0)
    this["annual_additions_cents"] = deferred - facts.get("catch_up_cents", 0) + facts.get("match_cents", 0)
    for name in YearToDate._fields:
        if name.endswith("_cents") and name in this:
            yield Before(name, given["year_to_date"].get(name, 0), this[name])
