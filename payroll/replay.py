"""Replay a past run: compute every paycheck again from its frozen inputs, and compare with what the log recorded.

With the pinned rules and the code that computed it, every event comes out bit for bit. With other rules or other code
the differences are listed by person, fact and cent: what a change would have paid.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from events import store
from payroll import keys, manifest, rulebook, rules, runs
from payroll.history import History
from payroll.recompute import STEPS, Recomputed, recompute

NOT_RECORDED = "not recorded"
NOT_COMPUTED = "not computed"

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
    yield from recompute(given, name, rules.parse(rules_text.encode(), _year(given)))


def elsewhere(folder: Path) -> Engine:
    """Compute with another version of this program, in a folder of its own.

    raises   runs.Refused when that version cannot do it
    """

    def engine(given: dict[str, Any], name: str, rules_text: str) -> Iterator[Recomputed]:
        asked = {"manifest": given, "name": name, "rules": rules_text, "year": _year(given)}
        answer = subprocess.run(
            [sys.executable, "-m", "payroll.recompute"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            cwd=folder,
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
        before = batch.events[paycheck.stream]
        who = (employer, paycheck.employee_id, paycheck.stream)
        for (event, was), (_, now) in zip(before, paycheck.events, strict=False):
            for fact in sorted(was.keys() | now.keys()):
                old, new = was.get(fact, NOT_RECORDED), now.get(fact, NOT_COMPUTED)
                if old != new:
                    yield Difference(*who, event, fact, old, new)
        # Who was left out, or waits, has fewer events on record; that is no difference. More than can be computed is.
        for event, _ in before[len(paycheck.events) :]:
            yield Difference(*who, event, "computed", True, paycheck.stopped)


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
    (folder / "rules.toml").write_text(run.rules_text)
    (folder / "run.json").write_text(json.dumps({"run": run.run, "code": run.code, "year": run.year}) + "\n")
    paychecks = 0
    for number, batch in enumerate(run.batches, 1):
        lines = [json.dumps({"name": batch.name, "manifest": _without_accounts(batch.manifest)})]
        lines += [json.dumps({"stream": stream, "events": e}) for stream, e in batch.events.items()]
        (folder / f"{number:05d}.jsonl").write_text("\n".join(lines) + "\n")
        paychecks += len(batch.events)
    return paychecks


def exported(folder: Path) -> Recorded:
    """A run that `export` wrote. Raises runs.Refused for another folder."""
    try:
        about = json.loads((folder / "run.json").read_text())
        text = (folder / "rules.toml").read_text()
    except (FileNotFoundError, ValueError) as missing:
        raise runs.Refused(f"{folder} holds no exported run: {missing}") from None
    return Recorded(about["run"], about["code"], about["year"], text, _exported_batches(folder))


def _exported_batches(folder: Path) -> Iterator[Batch]:
    for path in sorted(folder.glob("*.jsonl")):
        first, *rest = map(json.loads, path.read_text().splitlines())
        yield Batch(first["name"], first["manifest"], {line["stream"]: line["events"] for line in rest})


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


def _without_accounts(given: dict[str, Any]) -> dict[str, Any]:
    """A manifest without names and accounts, which no step reads: an export is to be handed around."""
    people = [{**entry, "pay_to": {}} for entry in given["employees"]]
    return {**given, "employees": people}


def _year(given: dict[str, Any]) -> int:
    return int(given["terms"]["pay_date"][:4])
