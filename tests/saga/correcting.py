"""A correction in one process: a run is paid, the roster changes, and the difference is paid by the test's own turns.

rows = paydays.load(...)
run = paydays.pay("ACME")
paydays.mend(tmp_path, rows, "ann", pay_rate="65000.00")
fix = correcting.correct(run)
correcting.facts(fix, "ann")["gross_cents"]
"""

from typing import Any
from uuid import UUID

from events import projection, store
from ops.proof import prove
from payroll import correct as command
from payroll import keys, runs
from payroll.correct import Corrected
from payroll.explain.paycheck import explain
from tests.saga import paydays


def opened(run: UUID, *people: str, by: str = "maker", **more: Any) -> Corrected:
    """Open a correction of some people of ACME, or of all with a difference."""
    return command.open_correction(run, by=by, people={"ACME": people} if people else None, **more)


def finish(run: UUID) -> UUID:
    """Compute, approve and pay a run that is open."""
    paydays.work()
    paydays.approve(run)
    paydays.work()
    return run


def correct(run: UUID, *people: str, **more: Any) -> UUID:
    """A whole correction; the run that it is."""
    return finish(opened(run, *people, **more).run)


def stream(run: UUID, employee_id: str, employer: str = "ACME") -> str:
    return keys.paycheck_stream(runs.facts_of(run)["employer_runs"][employer], employee_id)


def facts(run: UUID, employee_id: str) -> dict[str, Any]:
    """The merged facts of somebody's paycheck in a run, without the worksheets."""
    events = store.read(stream(run, employee_id))
    return {name: value for event in events for name, value in event.data.items() if name != "working"}


def amounts(found: dict[str, Any]) -> dict[str, int]:
    """Every amount and every count of hours that is not nothing."""
    return {
        name: value for name, value in found.items() if name.endswith(("_cents", "_hundredths")) and value
    }


def together(*paychecks: dict[str, Any]) -> dict[str, int]:
    """Their amounts added up."""
    names = {name for found in paychecks for name in amounts(found)}
    sums = {name: sum(found.get(name, 0) for found in paychecks) for name in names}
    return {name: value for name, value in sums.items() if value}


def sound(*found: UUID) -> None:
    """The proofs of runs hold, their paychecks explain every cent, and folded again the read models are the same."""
    for run in found:
        wrong = [f"{line.name}: {finding}" for line in prove(run) for finding in line.findings]
        assert not wrong, wrong
        for part in runs.facts_of(run)["employer_runs"].values():
            for each in store.read_prefix(keys.paycheck_prefix(part), "RetirementCalculated"):
                told = explain(each.stream)
                assert told.complete
                assert not told.wrong, told.wrong
    assert projection.differences() == []
