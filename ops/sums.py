"""Whether paychecks add up: by their lines, and a second time by the worksheets that are stored with them."""

from collections.abc import Iterator, Mapping, Sequence

from events.store import Recorded
from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.worksheet import UnknownWorksheet
from payroll.domain import workings_of
from payroll.explain.sections import facts_of, sections

Paychecks = Mapping[str, Sequence[Recorded]]  # by stream

TAKEN = (
    "employee_taxes_cents",
    "section125_cents",
    "hsa_cents",
    "traditional_401k_cents",
    "roth_401k_cents",
    "garnished_cents",
    "post_tax_cents",
)


def lines_add_up(paychecks: Paychecks) -> Iterator[str]:
    """Each by itself: gross less all that is taken, with reimbursements, is the net pay, to the cent."""
    for stream, events in paychecks.items():
        facts = {name: value for event in events for name, value in event.data.items()}
        if "net_cents" not in facts:
            continue
        taken = sum(facts.get(name, 0) for name in TAKEN)
        if facts["gross_cents"] - taken + facts.get("reimbursement_cents", 0) != facts["net_cents"]:
            yield f"{stream} does not add up to its net pay"


def worksheets_agree(paychecks: Paychecks) -> Iterator[str]:
    """Every line of a worksheet that names a fact is that fact."""
    for stream, events in paychecks.items():
        facts = {name: value for event in events for name, value in event.data.items()}
        try:
            workings = [(working, "") for event in events for working in workings_of(event.data)]
            given = facts_of(sections(workings, (), lambda _: None))
        except (UnknownWorksheet, ValueError, TypeError) as fault:
            yield f"{stream} has a worksheet that cannot be filled in: {fault}"
            continue
        if wrong := sorted(name for name, value in given.items() if facts.get(name, value) != value):
            yield f"{stream} has worksheets that give another {', '.join(wrong)}"
