"""What the roster says after a run has taken it: import, compare, and see where each late change stands.

late.stands(run)          {"hal": ("open", ["time"])}
late.change(tmp_path, rows, time_entries=[…])
"""

from pathlib import Path
from typing import Any
from uuid import UUID

from events import projection, store
from payroll.late import changes
from payroll.late.compare import compare
from tests.saga import pay_inputs, paydays
from tests.saga.roster_files import Rows


def change(tmp_path: Path, rows: Rows, files: dict[str, Any]) -> Rows:
    """Import a roster with some of its files changed, and compare."""
    changed = pay_inputs.change(tmp_path, rows | files)
    compare()
    return changed


def mend(tmp_path: Path, rows: Rows, employee_id: str, **other: str) -> Rows:
    """Import a roster with one person's row changed, and compare."""
    changed = paydays.mend(tmp_path, rows, employee_id, **other)
    compare()
    return changed


def stands(run: UUID) -> dict[str, tuple[str, list[str]]]:
    """Where the late changes of a run stand, and of which inputs, by employee id."""
    projection.catch_up()
    return {row.employee_id: (row.stands, row.facts["inputs"]) for row in changes.all_of(run=run)}


def types(run: UUID, employee_id: str) -> list[str]:
    """The events of somebody's late change, oldest first, without what all of them begin with."""
    return [each.type.removeprefix("LateChange") for each in store.read(row(run, employee_id).stream)]


def row(run: UUID, employee_id: str) -> Any:
    """Somebody's late change."""
    projection.catch_up()
    return changes.all_of(run=run).get(employee_id=employee_id)
