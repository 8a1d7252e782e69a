"""Where the net pay of a paycheck goes: part by part, accounts by their last characters alone."""

from events.failures import NeedsReview
from ops.admin import words
from ops.admin.base import Section, Table, Warn
from payroll import keys
from payroll.crypto import Undecryptable
from payroll.history import History
from payroll.manifest import Pinned
from payroll.models import Paycheck
from payroll.models.roster import AccountType, masked
from payroll.objects import ObjectDamaged, ObjectsUnavailable
from payroll.payments.instructions import Planned, planned
from payroll.roster.findings import last_four

PAID = ("RetirementCalculated", "PaymentInstructed")


def paid_to(row: Paycheck) -> list[Section]:
    """The parts of a paycheck that is or will be paid, from its frozen inputs; or a warning why they are not told."""
    if row.last_event not in PAID or not row.facts.get("net_cents"):
        return []
    try:
        parts = _parts(row)
    except (ObjectDamaged, ObjectsUnavailable, Undecryptable, NeedsReview) as refused:
        return [Warn(f"Where this pay goes cannot be told: {refused}", "bad")]
    rows = [(str(part.part), _place(part), words.money(part.amount_cents)) for part in parts]
    total = ("", "Net pay", words.money(sum(part.amount_cents for part in parts)))
    return [Table("Where net pay goes", ("part", "to", ">amount"), rows, total=total)]


def _parts(row: Paycheck) -> list[Planned]:
    part = History(keys.employerrun_stream(str(row.employer_run)))
    pinned = Pinned.of(part.facts["EmployerRunOpened"])
    its_own = [written for written in part.manifests if written["object"] == row.facts["manifest"]]
    return planned(pinned, its_own, {row.stream: row.facts["net_cents"]})


def _place(part: Planned) -> str:
    if part.to is None:
        return "paper check"
    kind = AccountType(part.to.account_type).label.lower()
    return f"{kind} account {masked(last_four(part.to.account))} at {part.to.routing}"
