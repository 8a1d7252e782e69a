"""Late changes of a run over the API: by person and amount, page by page, and nothing of what the inputs are."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from payroll import correct
from tests.api import calling
from tests.api.calling import problem
from tests.saga import late, paydays

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def run(tmp_path: Path, settings: Any) -> UUID:
    """ann and bob were paid, and both have another rate since."""
    settings.PAYROLL_GATEWAY = "ach"
    people = [paydays.salaried("ACME", each, "62400.00") for each in ("ann", "bob")]
    rows = paydays.load(tmp_path, [paydays.employer("ACME")], people)
    paid = paydays.pay("ACME")
    for each in ("ann", "bob"):
        rows = late.mend(tmp_path, rows, each, pay_rate="65000.00")
    return paid


def test_late_changes_are_listed_page_by_page_with_amounts(run: UUID) -> None:
    reader = calling.program("runs:read")
    first = reader.get(f"/runs/{run}/late-changes", limit=1).json()
    second = reader.get(f"/runs/{run}/late-changes", limit=1, cursor=first["next"]).json()
    assert second["next"] is None
    told = [*first["late_changes"], *second["late_changes"]]
    net_cents = {each.employee_id: each.cents("net") for each in correct.propose(run)}
    assert {each["employee_id"]: each["net_cents"] for each in told} == net_cents
    assert [(each["employee_id"], each["state"], each["inputs"]) for each in told] == [
        (name, "open", ["pay_rate"]) for name in ("ann", "bob")
    ]
    assert [each["gross_cents"] for each in told] == [100_00, 100_00]
    assert "65000" not in str(told)


def test_of_no_run_there_are_none(run: UUID) -> None:
    problem(calling.program("runs:read").get(f"/runs/{UUID(int=7)}/late-changes"), 404, "not-found")
    problem(calling.program("payments:read").get(f"/runs/{run}/late-changes"), 403, "forbidden")
