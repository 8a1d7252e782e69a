"""A tiny roster with its optional files, for tests of what people are paid beside rate and hours.

pay_inputs.load(tmp_path, [employer("ACME")], [salaried("ACME", "ann", "62400.00")],
                more={PAY_ITEMS: [pay_item("ACME", "ann", "2026-11-05", "500.00")]})
"""

from collections.abc import Sequence
from pathlib import Path

from payroll.roster import import_folder
from tests.saga import paydays, roster_files
from tests.saga.paydays import Row
from tests.saga.roster_files import Rows


def load(
    folder: Path, employers: Sequence[Row], people: Sequence[Row], time: Sequence[Row] = (), *, more: Rows
) -> Rows:
    """Import these as `paydays.load` does, and then once more with the optional files. Returns all that was written."""
    return change(folder, paydays.load(folder, employers, people, time) | more)


def change(folder: Path, rows: Rows) -> Rows:
    """Import a roster as it is now."""
    into = folder / f"roster-with-more-{len(list(folder.iterdir()))}"
    into.mkdir()
    import_folder(roster_files.write(into, rows), dry_run=False, as_of=paydays.AS_OF)
    return rows
