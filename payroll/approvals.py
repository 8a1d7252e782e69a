"""What an approval is: bound to the register it was given for, of another person than the maker, void when it changes.

EmployerRunValidated ─▶ EmployerRunApproved ─▶ PaymentsInstructed
        ▲                        └─▶ EmployerRunApprovalVoided ─┐   the register is another
        └───────────────────────────────────────────────────────┘   validated anew, approved anew
"""

from typing import Any

from events import database
from events.saga import Outcome
from events.store import NewEvent
from payroll import keys, register
from payroll.control import ControlTotals
from payroll.history import History
from payroll.models import Approval

# The maker is whom the log names, not whom the program says: the constraint maker_is_not_checker compares what is so.
RECORD = """
insert into payroll_approval (id, employer_run, maker, checker, register_sha256)
select %(id)s, %(employer_run)s, data ->> 'opened_by', %(checker)s, %(register_sha256)s
  from events_event
 where stream = %(stream)s and version = 1
"""


def record(approved: NewEvent) -> None:
    """Write the row of an approval, in the transaction that appends its event.

    raises   django.db.IntegrityError when the maker is the checker: nothing of the transaction stands then
    """
    employer_run = approved.stream.removeprefix(keys.employerrun_stream(""))
    facts: dict[str, Any] = {"id": keys.key("approval", employer_run, approved.version)}
    facts |= {
        "employer_run": employer_run,
        "stream": approved.stream,
        "checker": approved.data["approved_by"],
    }
    written = database.execute(RECORD, facts | {"register_sha256": approved.data["approved_register_sha256"]})
    assert written == 1, "an employer's run begins with the event that opened it"


def holds(approval: dict[str, Any], employer_run: str, totals: ControlTotals) -> bool:
    """Whether an approval was given for what stands in the log now, and is on record beside it."""
    given = approval["approved_register_sha256"]
    rows = Approval.objects.filter(
        employer_run=employer_run, register_sha256=given, checker=approval["approved_by"]
    )
    return given == totals.register_sha256 and rows.exists()


def void(history: History, approval: dict[str, Any], totals: ControlTotals) -> Outcome:
    """Take an approval back, saying what has changed since; the run is validated again, and waits for another one."""
    validated = history.facts["EmployerRunValidated"]
    changed = register.changes(validated, history.facts["EmployerRunOpened"]["employer_run"])
    facts: dict[str, Any] = {
        "voided_register_sha256": approval["approved_register_sha256"],
        "now_register_sha256": totals.register_sha256,
        "voided_approval_of": approval["approved_by"],
        "changed": [list(each) for each in changed[: register.SHOWN]],
        "changed_paychecks": len(changed),
        "changed_payable": [validated["payable"], totals.payable],
        "changed_net_cents": [validated["total_net_cents"], totals.net_cents],
        # Nobody has approved it any more.
        "approved_by": None,
        "approved_register_sha256": None,
    }
    return Outcome(events=[history.next("EmployerRunApprovalVoided", facts)], to="validate")
