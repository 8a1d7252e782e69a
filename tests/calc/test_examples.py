"""The acceptance examples through the command that people use, and every one of their answers added up again."""

import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from payroll.calc.worksheet import add_up
from payroll.calculate import KINDS, calculate

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((Path(__file__).parent / "examples.json").read_text())["vectors"]
NOT_FROM_ONE_LINE = {
    "fica_sequence": {"first_check_capped", "first_check_additional_medicare"},
    "deferral_sequence": {"first_check_limited", "deferral_on_first_limited_check"},
}
by_id = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What `manage.py calculate` says to all of them at once."""
    asked = [{key: vector[key] for key in ("id", "kind", "input")} for vector in VECTORS]
    done = subprocess.run(
        [sys.executable, "manage.py", "calculate"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@by_id
def test_example(vector: dict[str, Any], answers: dict[str, Any]) -> None:
    assert promised(answers[vector["id"]], vector["expected"]) == vector["expected"]


@by_id
def test_its_working_adds_up_to_what_was_promised(vector: dict[str, Any]) -> None:
    """The worksheets state each rule a second time; their lines give the expected figures, not ours."""
    answer = calculate(vector["kind"], vector["input"])
    for field, expected in vector["expected"].items():
        if field in NOT_FROM_ONE_LINE.get(vector["kind"], ()):
            continue
        for name, value in parts(field, expected):
            lines = add_up(answer.workings_of.get(name, answer.workings))
            assert lines[answer.given_by[name]] == in_units(value, answer.given_by[name]), name


def test_there_are_all_of_them() -> None:
    assert len(VECTORS) == 80
    assert {vector["kind"] for vector in VECTORS} <= KINDS.keys()


def promised(answer: Any, expected: Any) -> Any:
    """Of an answer only what the example promises."""
    if isinstance(expected, dict):
        return {key: promised(answer.get(key), value) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(answer, list) and len(answer) == len(expected):
        return [promised(one, other) for one, other in zip(answer, expected, strict=True)]
    return answer


def parts(field: str, expected: Any) -> list[tuple[str, Any]]:
    """A field, or the fields of a list one by one: `workweeks.0.premium`, `allocation.1`."""
    if not isinstance(expected, list):
        return [(field, expected)]
    found = []
    for number, item in enumerate(expected):
        inside = item.items() if isinstance(item, dict) else [("", item)]
        found += [(f"{field}.{number}.{name}".rstrip("."), value) for name, value in inside]
    return found


def in_units(value: Any, line: str) -> Any:
    """An expected value in the unit of the line that gives it; money without a unit is cents."""
    if isinstance(value, str) and "." in value:
        return Fraction(Decimal(value)) * 100
    return value
