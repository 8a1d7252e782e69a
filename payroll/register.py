"""The register of an employer's run, line by line: what an approval was given for, so that a change can be shown.

The hash itself is that of the control totals. The lines are kept as an object when the run is validated; when the hash
is another at payment, they say whose paychecks are.
"""

import hashlib
import json
from typing import Any, NamedTuple

from events.database import rows
from payroll import keys, objects
from payroll.domain import OUT, PAYCHECK_EVENTS, VOIDED
from payroll.projections import statement

REGISTER = statement("register")
SHOWN = 50  # paychecks that an event names

Lines = dict[
    str, list[Any]
]  # digest, gross and net in cents, by employee id (and sequence, where begun again)
NOBODY = ["", 0, 0]


class Changed(NamedTuple):
    """One paycheck that is not what it was; net pay in cents, 0 for who is not paid."""

    paycheck: str
    how: str  # added, removed, changed
    net_cents: int
    net_cents_now: int


def lines(employer_run: str) -> Lines:
    """The register as it stands in the log."""
    prefix = keys.paycheck_prefix(employer_run)
    asked = {"prefix": prefix, "out": list(OUT), "types": [*PAYCHECK_EVENTS, *OUT], "voided": VOIDED}
    return {
        stream.removeprefix(prefix): [digest, int(gross), int(net)]
        for stream, digest, gross, net in rows(REGISTER, asked)
    }


def keep(employer_run: str) -> dict[str, str]:
    """Store the register as it stands; the facts by which it is found again."""
    content = json.dumps(lines(employer_run), separators=(",", ":")).encode()
    name = f"registers/{employer_run}-{hashlib.sha256(content).hexdigest()[:12]}.json"
    return {"register_object": name, "register_object_sha256": objects.put_once(name, content)}


def changes(validated: dict[str, Any], employer_run: str) -> list[Changed]:
    """Whose paychecks have changed since an employer's run was validated, in order of employee id."""
    if "register_object" not in validated:  # validated before registers were kept
        return []
    before: Lines = json.loads(
        objects.get_verified(validated["register_object"], validated["register_object_sha256"])
    )
    now = lines(employer_run)
    return [
        _changed(name, before.get(name, NOBODY), now.get(name, NOBODY))
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _changed(name: str, before: list[Any], now: list[Any]) -> Changed:
    was_paid, is_paid = before[2] > 0, now[2] > 0
    how = "changed" if was_paid == is_paid else "added" if is_paid else "removed"
    return Changed(name, how, before[2], now[2])
