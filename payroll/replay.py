"""Replay a past run: compute every paycheck again from its frozen inputs, and compare with what the log recorded.

With the pinned rules and the code that computed it, every event comes out bit for bit. With other rules or other code
the differences are listed by person, fact and cent: what a change would have paid.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from events import store
from payroll import keys, manifest, rulebook, rules, runs
from payroll.calc.tables import Rules
from payroll.history import History
from payroll.recompute import STEPS, Recomputed, recompute

NOT_RECORDED = "not recorded"
NOT_COMPUTED = "not computed"
COMPUTED = "computed"  # not a fact: that there is such an event, or why there is none
COUNTED = ("batches", "paychecks", "events")  # what an export says of itself

Engine = Callable[[dict[str, Any], str, str], Iterable[Recomputed]]  # manifest, its name, text of the rules


class Batch(NamedTuple):
    """One manifest of a past run, and what was recorded of its paychecks: stream to [type, data]."""

    name: str
    manifest: dict[str, Any]
    events: dict[str, list[list[Any]]]


class Recorded(NamedTuple):
    """A past run as it was recorded; `rules_text` are the tables that it is pinned to."""

    run: str
    code: str
    year: int
    rules_text: str
    batches: Iterable[Batch]


class Difference(NamedTuple):
    """One fact that comes out otherwise."""

    employer: str
    employee_id: str
    stream: str
    event: str
    fact: str
    recorded: Any
    computed: Any

    @property
    def cents(self) -> int | None:
        """How many cents more, where the fact is an amount."""
        amounts = (self.recorded, self.computed)
        if self.fact.endswith("_cents") and all(isinstance(amount, int) for amount in amounts):
            return int(self.computed - self.recorded)
        return None


class Replayed(NamedTuple):
    """What a replay found: versions of code and rules as recorded, and as computed with now."""

    run: str
    paychecks: int
    events: int
    differences: list[Difference]
    code: str
    present_code: str
    rules: str
    present_rules: str

    @property
    def totals(self) -> dict[str, int]:
        """The differences in cents, added up by fact."""
        totals: Counter[str] = Counter()
        for difference in self.differences:
            totals[difference.fact] += difference.cents or 0
        return {fact: cents for fact, cents in totals.items() if cents}


def here(given: dict[str, Any], name: str, rules_text: str) -> Iterator[Recomputed]:
    """Compute with this program."""
    yield from recompute(given, name, _tables(rules_text, _year(given)))


def elsewhere(folder: Path) -> Engine:
    """Compute with another version of this program, in a folder of its own.

    raises   runs.Refused when the folder holds no such program, or it cannot do it
    """
    if not (folder / "payroll" / "recompute.py").is_file():
        raise runs.Refused(f"{folder} holds no version of this program: name the folder that manage.py is in")
    # Nothing of this program may stand in for a module that the other version lacks.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def engine(given: dict[str, Any], name: str, rules_text: str) -> Iterator[Recomputed]:
        asked = {"manifest": given, "name": name, "rules": rules_text, "year": _year(given)}
        answer = subprocess.run(
            [sys.executable, "-m", "payroll.recompute"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            check=False,
        )
        if answer.returncode:
            why = answer.stderr.strip().rpartition("\n")[2]
            raise runs.Refused(f"the code in {folder} cannot recompute this run: {why}")
        for line in answer.stdout.splitlines():
            yield Recomputed(*json.loads(line))

    return engine


def recorded(run: str) -> Recorded:
    """A run as the log and the object storage hold it.

    raises   runs.Refused when there is no such run; rulebook.RulesMissing
    """
    opened = runs.facts_of(run)
    text = rulebook.text(opened["rules_version"]).decode()
    return Recorded(
        opened["run"], opened["code_version"], int(opened["pay_date"][:4]), text, _batches(opened)
    )


def compare(batch: Batch, rules_text: str, engine: Engine = here) -> Iterator[Difference]:
    """Compute a batch again and compare every fact of every event."""
    employer = batch.manifest["terms"]["employer"]
    for paycheck in engine(batch.manifest, batch.name, rules_text):
        before = batch.events.get(paycheck.stream, [])
        who = (employer, paycheck.employee_id, paycheck.stream)
        for (event, was), (_, now) in zip(before, paycheck.events, strict=False):
            for fact in sorted(was.keys() | now.keys()):
                old, new = was.get(fact, NOT_RECORDED), now.get(fact, NOT_COMPUTED)
                if old != new:
                    yield Difference(*who, event, fact, old, new)
        # Who was left out, or waits, has fewer events on record; that is no difference. More than can be computed is.
        for event, _ in before[len(paycheck.events) :]:
            yield Difference(*who, event, COMPUTED, True, paycheck.stopped)


def replay(
    run: Recorded, *, rules_text: str | None = None, engine: Engine = here, present_code: str = ""
) -> Replayed:
    """Compute a recorded run again.

    rules_text   other rules than those that the run is pinned to
    engine       another version of the code; `present_code` names it
    """
    text = run.rules_text if rules_text is None else rules_text
    paychecks = events = 0
    differences: list[Difference] = []
    for batch in run.batches:
        differences += compare(batch, text, engine)
        paychecks += len(batch.events)
        events += sum(map(len, batch.events.values()))
    pinned, present = (rules.version_of(each.encode(), run.year) for each in (run.rules_text, text))
    code = present_code or runs.code_version()
    return Replayed(run.run, paychecks, events, differences, run.code, code, pinned, present)


def export(run: Recorded, folder: Path) -> int:
    """Write a run as it was recorded into a folder, one file a batch; the number of paychecks.

    raises   OSError; runs.Refused when the folder holds something already
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise runs.Refused(f"{folder} is not empty: name a new folder")
    (folder / "rules.toml").write_bytes(run.rules_text.encode())
    counted = [0] * len(COUNTED)
    for number, batch in enumerate(run.batches, 1):
        lines = [json.dumps({"name": batch.name, "manifest": _nameless(batch.manifest)})]
        lines += [json.dumps({"stream": stream, "events": e}) for stream, e in batch.events.items()]
        (folder / f"{number:05d}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        counted = [sum(pair) for pair in zip(counted, _count(batch), strict=True)]
    # Last: a folder without it was not finished.
    about = {"run": run.run, "code": run.code, "year": run.year} | dict(zip(COUNTED, counted, strict=True))
    (folder / "run.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return counted[COUNTED.index("paychecks")]


def exported(folder: Path) -> Recorded:
    """A run that `export` wrote.

    raises   runs.Refused for another folder, and as its batches are read for one that is not whole
    """
    try:
        about = json.loads((folder / "run.json").read_bytes())
        text = (folder / "rules.toml").read_bytes().decode()
        expected = [int(about[name]) for name in COUNTED]
        return Recorded(
            about["run"], about["code"], int(about["year"]), text, _exported_batches(folder, expected)
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError) as missing:
        raise runs.Refused(f"{folder} holds no exported run: {missing}") from None


def _exported_batches(folder: Path, expected: list[int]) -> Iterator[Batch]:
    counted = [0] * len(COUNTED)
    for path in sorted(folder.glob("*.jsonl")):
        try:
            first, *rest = map(json.loads, path.read_bytes().decode().splitlines())
            batch = Batch(first["name"], first["manifest"], {line["stream"]: line["events"] for line in rest})
        except (ValueError, KeyError, TypeError) as damaged:
            raise runs.Refused(f"{path} is damaged: {damaged}") from None
        counted = [sum(pair) for pair in zip(counted, _count(batch), strict=True)]
        yield batch
    if counted != expected:
        found, wanted = (
            ", ".join(f"{count} {name}" for name, count in zip(COUNTED, counts, strict=True))
            for counts in (counted, expected)
        )
        raise runs.Refused(f"{folder} is not whole: it holds {found}, and {wanted} were written")


def _count(batch: Batch) -> tuple[int, int, int]:
    """What COUNTED counts of a batch."""
    return 1, len(batch.events), sum(map(len, batch.events.values()))


def _batches(opened: dict[str, Any]) -> Iterator[Batch]:
    """Every manifest of a run with its recorded paychecks, corrected inputs included."""
    for employer_run in opened["employer_runs"].values():
        history = History(keys.employerrun_stream(employer_run))
        for written in history.manifests if "EmployerRunBegan" in history.facts else ():
            given = manifest.read(written["object"], written["sha256"])
            terms = given["terms"]
            streams = [
                keys.paycheck_stream(terms["employer_run"], entry["employee_id"], terms["sequence"])
                for entry in given["employees"]
            ]
            found = store.read_each(streams)
            events = {
                stream: [[e.type, e.data] for e in found.get(stream, ()) if e.type in STEPS]
                for stream in streams
            }
            yield Batch(written["object"], given, events)


def _nameless(given: dict[str, Any]) -> dict[str, Any]:
    """A manifest without names, EIN, SSNs and accounts, which no step reads. Pay, forms and orders stay in it."""
    people = [
        {name: value for name, value in entry.items() if name not in {"deposits", "remittances"}}
        | {"pay_to": {}}
        for entry in given["employees"]
    ]
    terms = {name: value for name, value in given["terms"].items() if name != "funding"}
    return {**given, "terms": {**terms, "name": "", "ein": ""}, "employees": people}


@lru_cache(maxsize=4)
def _tables(rules_text: str, year: int) -> Rules:
    return rules.parse(rules_text.encode(), year)


def _year(given: dict[str, Any]) -> int:
    return int(given["terms"]["pay_date"][:4])
