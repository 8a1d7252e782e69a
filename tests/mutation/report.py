"""What the tests caught: mutants killed and survived, module by module, held against the survivors that are known.

`python -m tests.mutation.report` reads what the last run left. It fails when less than 90 % were killed, when a mutant
was not run, and when one survived that `survivors.txt` gives no reason for.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mutmut.stats import status_by_exit_code

from tests.mutation.tree import MUTATED, TREE, Wording, wording

KILLED_LEAST_PERCENT = 90
VERDICTS = TREE / "mutants" / MUTATED
SURVIVORS = Path(__file__).with_name("survivors.txt")
PREFIX = "payroll.calc."
CAUGHT = {"killed", "timeout"}  # a mutant that never ends is one that the tests notice


class Verdict(NamedTuple):
    """What became of one mutant; `name` is mutmut's, without payroll.calc."""

    name: str
    module: str
    status: str


def verdicts() -> list[Verdict]:
    """Of every mutant of the last run."""
    found = []
    for path in sorted(VERDICTS.rglob("*.py.meta")):
        module = ".".join(path.relative_to(VERDICTS).with_suffix("").with_suffix("").parts)
        for name, exit_code in json.loads(path.read_text())["exit_code_by_key"].items():
            found.append(Verdict(name.removeprefix(PREFIX), module, status_by_exit_code[exit_code]))
    return found


def reasons() -> dict[str, str]:
    """Why each known survivor may live, by the mutant's name."""
    lines = SURVIVORS.read_text().splitlines()
    pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return {name: reason.strip() for name, _, reason in pairs}


def table(found: list[Verdict], kept_out: dict[str, Wording]) -> str:
    """A row a module and one for all of them; the share is of the mutants that were run."""
    rows = [f"{'module':<26}{'mutants':>8}{'killed':>8}{'survived':>9}{'killed %':>10}{'wording':>9}"]
    modules = sorted({one.module for one in found})
    for title, members in [*((module, {module}) for module in modules), ("all", set(modules))]:
        statuses = Counter(one.status for one in found if one.module in members)
        mutants = statuses.total()
        killed = sum(statuses[status] for status in CAUGHT)
        survived = mutants - killed - statuses["not checked"]
        share = f"{killed * 100 / (killed + survived):.1f}" if killed + survived else "-"
        words = sum(kept_out[module].mutants for module in members if module in kept_out)
        rows.append(f"{title:<26}{mutants:>8}{killed:>8}{survived:>9}{share:>10}{words:>9}")
    return "\n".join(rows)


def complaints(found: list[Verdict], known: dict[str, str]) -> list[str]:
    """What is wrong with the result; nothing, when it is as it should be."""
    if not found:
        return ["there are no verdicts: run make mutants"]
    killed = [one for one in found if one.status in CAUGHT]
    unchecked = [one for one in found if one.status == "not checked"]
    survived = [one for one in found if one.status not in {*CAUGHT, "not checked"}]
    wrong = [
        f"{one.name} ({one.status}) has no reason in {SURVIVORS.name}"
        for one in survived
        if one.name not in known
    ]
    if unchecked:
        wrong.append(f"{len(unchecked)} mutants were not run")
    if len(killed) * 100 < KILLED_LEAST_PERCENT * (len(killed) + len(survived)):
        wrong.append(f"fewer than {KILLED_LEAST_PERCENT} % were killed")
    return wrong


def main() -> int:
    """Print the table and what is wrong."""
    found, known = verdicts(), reasons()
    kept_out = wording()
    sys.stdout.write(table(found, kept_out) + "\n")
    sys.stdout.write(
        f"wording: mutants of {sum(one.sentences for one in kept_out.values())} sentences for people, not made\n"
    )
    stale = known.keys() - {one.name for one in found if one.status not in CAUGHT}
    for name in sorted(stale):
        sys.stdout.write(f"note: {name} no longer survives; take it out of {SURVIVORS.name}\n")
    wrong = complaints(found, known)
    for complaint in wrong:
        sys.stdout.write(f"{complaint}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
