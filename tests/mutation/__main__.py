"""`python -m tests.mutation [PATTERN...]`: mutate the arithmetic, run its tests on every mutant, report.

A verdict is kept until its function changes, so a run can be stopped and gone on with; what survived is tried again
every time. PATTERN names mutants as mutmut does: `payroll.calc.fica.*`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.mutation import report, tree


def run(patterns: Iterable[str]) -> None:
    """Let mutmut make the mutants and run the tests that reach each of them."""
    forget_survivors()
    mutmut = Path(sys.executable).parent / "mutmut"
    children = os.environ.get("MUTATION_CHILDREN", str(os.cpu_count() or 1))
    subprocess.run([mutmut, "run", "--max-children", children, *patterns], cwd=tree.TREE, check=True)


def forget_survivors() -> None:
    """A test written since then may kill them."""
    for path in report.VERDICTS.rglob("*.py.meta"):
        kept = json.loads(path.read_text())
        codes = kept["exit_code_by_key"]
        kept["exit_code_by_key"] = {
            name: code if report.status_by_exit_code[code] in report.CAUGHT else None
            for name, code in codes.items()
        }
        path.write_text(json.dumps(kept))


if __name__ == "__main__":
    tree.make()
    run(sys.argv[1:])
    sys.exit(report.main())
