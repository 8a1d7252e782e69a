"""One paycheck for people: gross pay, taxes, deductions, net pay, and the employer's side apart."""

from collections.abc import Iterator, Mapping
from typing import Any

from payroll.calc.money import dollars
from payroll.calc.worksheet import fill_in
from payroll.calculate.answer import Answer
from payroll.explain.words import label

TAXES = (
    *("federal_income_tax_cents", "social_security_cents", "medicare_cents", "additional_medicare_cents"),
    *("state_income_tax_cents", "state_programmes_cents"),
)
DEDUCTIONS = (
    *("section125_cents", "hsa_cents", "traditional_401k_cents", "roth_401k_cents", "garnished_cents"),
    "post_tax_cents",
)
WAGES = {
    "fit_wages": "federal income tax",
    "fica_wages": "Social Security and Medicare",
    "state_wages": "state income tax",
}
EMPLOYER = {
    "employer_social_security": "Social Security tax",
    "employer_medicare": "Medicare tax",
    "employer_futa": "federal unemployment tax (FUTA)",
    "employer_programmes": "state programmes",
}
LEFT, RIGHT = 44, 16


def gross_to_net(answer: Answer) -> Iterator[str]:
    """The lines of a paycheck that the kind `paycheck` answered; deductions of nothing are left out."""
    net = fill_in(answer.workings[-1])
    entries, fields = net.entries, answer.fields
    yield _line("Gross pay", entries["gross_cents"])
    yield "Taxes"
    own = _programmes(fields)
    for name in TAXES:
        if name == "state_programmes_cents" and own:
            yield from (_line(f"  {programme}", -cents) for programme, cents in own.items())
        elif entries[name] or not name.startswith(("state", "additional")):
            yield _line(f"  {label(name)}", -entries[name])
    yield _line("Disposable earnings", net.facts["disposable_cents"])
    if any(entries[name] for name in DEDUCTIONS):
        yield "Deductions"
        yield from (_line(f"  {label(name)}", -entries[name]) for name in DEDUCTIONS if entries[name])
    if entries["reimbursement_cents"]:
        yield _line("Reimbursement, which is no wages", entries["reimbursement_cents"])
    yield _line("Net pay", net.facts["net_cents"])
    yield ""
    yield "Wages that are taxed for"
    yield from (_amount(f"  {words}", fields[name]) for name, words in WAGES.items() if name in fields)
    yield "Paid by the employer, not taken from pay"
    yield from (_amount(f"  {words}", fields[name]) for name, words in EMPLOYER.items() if name in fields)


def _programmes(fields: Mapping[str, Any]) -> dict[str, int]:
    """What each programme of the state takes from the employee, in cents."""
    taken = fields.get("programmes", {})
    return {name.replace("_", " "): int(amount.replace(".", "")) for name, amount in taken.items()}


def _line(words: str, cents: Any) -> str:
    return _amount(words, dollars(cents))


def _amount(words: str, amount: str) -> str:
    return f"{words:<{LEFT}}{amount:>{RIGHT}}"
