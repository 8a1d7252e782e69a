"""How the steps of a paycheck are put to a downstream system, and how its answers become their events.

A request holds what computing needs and nothing that names a person or says where the money goes: no name, SSN, bank or
account, not even as ciphertext. An answer is held against the fields of the event, against what amounts can be, and
against the paycheck; what it gives is the same event that our own step would have emitted.

    input   {"number": 7, "inputs": {manifest entry without what is NEVER sent}, "facts": {"TimeEntered": {…}, …}}
    terms   {"employer_run": "…", "frequency": "biweekly", "pay_date": "2026-11-20", "rules_version": "2026-…", …}
"""

import hashlib
import json
from typing import Any

from events.answers import NotAnAnswer, fits
from events.saga import Asks, Step
from payroll import manifest, objects
from payroll.calc import worksheets  # noqa: F401 - so that all of them are known
from payroll.calc.worksheet import WORKSHEETS
from payroll.domain import Inputs, PayCalculated, Paycheck, TaxCalculated, Terms, item_lines

AMOUNT_MAX = 10**12  # cents or hundredths: ten billion dollars is no paycheck
COUNTED = ("_cents", "_hundredths")

# What a step does not read is not sent: hours are in the facts by then, and a court order concerns the tax authority
# of nobody.
UNREAD = {
    "time-entry": {"garnishments", "deductions", "forms"},
    "payroll-calc": {"time", "time_from"},
    "tax-calc": {"time", "time_from", "garnishments", "items"},
    "retirement-calc": {"time", "time_from", "items"},
}
NEVER = {"pay_to", "deposits", "remittances", "hold", "paid"}

TAXES = (
    "federal_income_tax_cents",
    "social_security_cents",
    "medicare_cents",
    "additional_medicare_cents",
    "state_income_tax_cents",
    "state_programmes_cents",
)
EMPLOYER_TAXES = (
    "employer_social_security_cents",
    "employer_medicare_cents",
    "employer_futa_cents",
    "employer_programmes_cents",
)


def terms(context: Terms) -> dict[str, Any]:
    """What the paychecks of a request share, as a manifest says it; the rule tables by their version.

    Of a correction a downstream system is asked what is right, by the day that the paychecks were paid on.
    """
    shared = context._asdict() | {"pay_date": context.taxed_as_of}
    rules = shared.pop("rules")
    del shared["manifest"], shared["original_pay_date"]
    dates = {name: shared[name].isoformat() for name in ("period_start", "period_end", "pay_date")}
    return shared | dates | {"rules_version": rules.version}


def ask(step: Step, paycheck: Paycheck, context: Terms) -> dict[str, Any]:
    """What a downstream needs to know of one paycheck to do this step."""
    left_out = NEVER | UNREAD[step.name]
    recorded = (paycheck.time, paycheck.pay, paycheck.tax)
    facts = {
        type(event).__name__: {name: value for name, value in vars(event).items() if name != "working"}
        for event in recorded
        if event is not None
    }
    entry = {name: value for name, value in _entry(paycheck.inputs).items() if name not in left_out}
    return {"number": paycheck.number, "inputs": entry, "facts": facts}


def check(step: Step, output: dict[str, Any]) -> None:
    """Whether an output can be this step's event, told from it alone. Raises NotAnAnswer."""
    fits(step.emits, output)
    for name, value in output.items():
        if isinstance(value, int) and name.endswith(COUNTED) and not 0 <= value <= AMOUNT_MAX:
            raise NotAnAnswer(f"{name} is below 0, or more than a paycheck can hold")
    _check_working(output["working"])
    if step.emits is TaxCalculated:
        _adds_up(output, "employee_taxes_cents", TAXES)
        _adds_up(output, "employer_taxes_cents", EMPLOYER_TAXES)


def accept(step: Step, paycheck: Paycheck, context: Terms, output: dict[str, Any]) -> Any:
    """The step's event. Raises NotAnAnswer for one that cannot be this paycheck's."""
    check(step, output)
    event = step.emits(**output)
    if isinstance(event, PayCalculated) and event.items != item_lines(paycheck.inputs.items):
        raise NotAnAnswer("it pays other items than it was asked for")
    if isinstance(event, TaxCalculated):
        assert paycheck.pay is not None
        if event.state != paycheck.inputs.work_state:
            raise NotAnAnswer(f"it is for {event.state!r:.10} and not for {paycheck.inputs.work_state}")
        if event.employee_taxes_cents > paycheck.pay.gross_cents:
            raise NotAnAnswer("it takes more tax than there is pay")
    return paycheck.owed(event)


def keep(run: str, content: bytes) -> tuple[str, str]:
    """Store the inputs of a request where its downstream reads them: the object and its sha256."""
    key = f"requests/{run}/{hashlib.sha256(content).hexdigest()[:32]}.json"
    return key, objects.put_once(key, content)


def _entry(inputs: Inputs) -> dict[str, Any]:
    """The frozen inputs as their manifest holds them."""
    year = {name: value for name, value in inputs.year_to_date._asdict().items() if value}
    entry = {name: value for name, value in inputs._asdict().items() if value or name in manifest.ALWAYS}
    return entry | {"year_to_date": year}


def _adds_up(output: dict[str, Any], total: str, parts: tuple[str, ...]) -> None:
    if output[total] != sum(output[part] for part in parts):
        raise NotAnAnswer(f"{total} is not the sum of its parts")


def _check_working(text: str) -> None:
    """Every working names a worksheet that we have, so that the paycheck can be explained."""
    try:
        workings = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAnAnswer("working is not JSON") from None
    if not isinstance(workings, list) or not all(
        isinstance(each, list) and each and isinstance(each[0], str) and each[0] in WORKSHEETS
        for each in workings
    ):
        raise NotAnAnswer("working is not a list of worksheets that are known here")


ASKS = Asks(
    steps=frozenset(UNREAD),
    terms=terms,
    ask=ask,
    check=check,
    accept=accept,
    keep=keep,
)
