"""A paycheck as a pay stub: from the facts of its events to lines that add up."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ops.admin import words
from ops.admin.base import Section, Table, Warn
from payroll.calc import precedence

Lines = list[tuple[str, int]]

KINDS = {"work": "Hours worked", "leave": "Paid leave", "holiday": "Paid holiday"}
ITEMS = {
    "bonus": "Bonus",
    "discretionary_bonus": "Discretionary bonus",
    "commission": "Commission",
    "retro": "Pay owed for the past",
    "reimbursement": "Reimbursement",
}
BEFORE_TAX = (
    ("section125_cents", "Section 125 benefits"),
    ("hsa_cents", "Health savings account"),
    ("traditional_401k_cents", "401(k) deferral, traditional"),
)
TAXES = (
    ("federal_income_tax_cents", "Federal income tax", "fit_wages_cents"),
    ("social_security_cents", "Social Security", "ss_taxable_cents"),
    ("medicare_cents", "Medicare", "fica_wages_cents"),
    ("additional_medicare_cents", "Additional Medicare", "additional_medicare_taxable_cents"),
    ("state_income_tax_cents", "State income tax", "state_wages_cents"),
    ("state_programmes_cents", "State programmes", ""),
)
AFTER_TAX = (
    ("garnished_cents", "Garnishments"),
    ("roth_401k_cents", "401(k) deferral, Roth"),
    ("post_tax_cents", "Deductions after tax"),
)
EMPLOYER = (
    ("employer_social_security_cents", "Social Security"),
    ("employer_medicare_cents", "Medicare"),
    ("employer_futa_cents", "Federal unemployment tax (FUTA)"),
    ("employer_programmes_cents", "State programmes"),
    ("match_cents", "401(k) match"),
)
LIMIT_OR_PAY = "over the year's limit, or not enough pay left"
SHORTS = (
    ("section125_short_cents", "Section 125 not taken", LIMIT_OR_PAY),
    ("hsa_short_cents", "Health savings not taken", LIMIT_OR_PAY),
    ("federal_income_tax_short_cents", "Federal income tax not withheld", "there was not enough pay left"),
    ("state_income_tax_short_cents", "State income tax not withheld", "there was not enough pay left"),
    ("deferral_refused_cents", "401(k) deferral not taken", LIMIT_OR_PAY),
)
STANDS = {
    "PaycheckBegan": ("hours come next", "busy"),
    "TimeEntered": ("gross pay comes next", "busy"),
    "PayCalculated": ("taxes come next", "busy"),
    "TaxCalculated": ("match and net pay come next", "busy"),
    "RetirementCalculated": ("calculated", "good"),
    "PaymentInstructed": ("payment instructed", "good"),
    "PaycheckExcluded": ("left out", "bad"),
    "PaycheckCarriedOver": ("carried over to another run", "wait"),
    "PaycheckSuperseded": ("begun again with corrected inputs", "plain"),
    "PaycheckCancelled": ("cancelled", "plain"),
    "PaycheckVoided": ("voided", "bad"),
}


def state(last_event: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Where a paycheck stands, in words, and the tone of it."""
    if last_event == "RetirementCalculated" and facts.get("no_hours"):
        return "no hours: nothing to pay", "wait"
    if last_event == "RetirementCalculated" and not facts.get("net_cents"):
        return "calculated: nothing to pay", "wait"
    if last_event == "RetirementCalculated" and facts["net_cents"] < 0:
        return "paid too much: taken back from later pay", "wait"
    return STANDS.get(last_event, (last_event, "plain"))


def stub(facts: Mapping[str, Any], last_event: str) -> list[Section]:
    """Everything between gross and net, as far as it was computed."""
    sections: list[Section] = [Warn(*note) for note in remarks(facts, last_event)]
    if "straight_time_cents" in facts:
        sections.append(earnings(facts))
    if "net_cents" in facts:
        sections += [gross_to_net(facts), taxed_wages(facts), employer_side(facts)]
        if facts.get("garnishments"):
            sections.append(orders(facts))
        if is_short(facts):
            sections.append(order_of_precedence())
    return sections


def remarks(facts: Mapping[str, Any], last_event: str) -> list[tuple[str, str]]:
    """What a person has to know about this paycheck, in words, and the tone of each."""
    notes = []
    if last_event == "PaycheckExcluded":
        by, reason = facts.get("by", "somebody"), facts.get("reason", "no reason given")
        notes.append(
            (f"Left out of this run by {by}: {reason}. Nothing is paid to this person in it.", "bad")
        )
    if last_event == "PaycheckCarriedOver":
        by, reason = (
            facts.get("carried_over_by", "somebody"),
            facts.get("carried_over_reason", "no reason given"),
        )
        notes.append(
            (
                f"Carried over by {by}: {reason}. This person is paid by a run of its own, not in this one.",
                "wait",
            )
        )
    if last_event == "PaycheckSuperseded":
        notes.append(
            ("Begun again with corrected inputs: another paycheck of this person took its place.", "wait")
        )
    if last_event == "PaycheckCancelled":
        by, reason = facts.get("cancelled_by", "somebody"), facts.get("cancelled_reason", "no reason given")
        notes.append(
            (f"Cancelled with its pay run by {by}: {reason}. Nothing of it is paid or counts.", "bad")
        )
    if last_event == "PaycheckVoided":
        by, second = facts.get("voided_by", "somebody"), facts.get("confirmed_by", "nobody")
        notes.append(
            (f"Voided by {by}, confirmed by {second}: {facts.get('reason', '')}. It counts nowhere.", "bad")
        )
    if facts.get("no_hours"):
        notes.append(("No hours: paid by the hour, and there are no time entries in the period.", "wait"))
    if facts.get("net_cents", 0) < 0:
        back = words.amount(-facts["net_cents"])
        notes.append(
            (
                f"{back} more was paid than is right. Nothing is paid here, and it is taken back from later pay.",
                "wait",
            )
        )
    for name, what, why in SHORTS:
        if facts.get(name, 0) > 0:  # a correction has differences, which may be below
            notes.append((f"{what}: {words.amount(facts[name])}, because {why}.", "wait"))
    for name, taken_cents, wanted_cents, *recovery in facts.get("post_tax", ()):
        if taken_cents < wanted_cents:
            amount = words.amount(wanted_cents - taken_cents)
            why = "more of it is taken from later pay" if recovery else "there was not enough pay left"
            notes.append((f"{name} not taken: {amount}, because {why}.", "wait"))
    if "net_cents" in facts and (wrong := difference(facts)):
        notes.append(
            (f"The lines differ from net pay by {words.amount(wrong)}. Do not pay it; report this.", "bad")
        )
    return notes


def difference(facts: Mapping[str, Any]) -> int:
    """What is left when everything that was taken is taken from gross, less net pay; 0 when it adds up."""
    taken = sum(facts.get(name, 0) for name, *_ in (*BEFORE_TAX, *TAXES, *AFTER_TAX))
    return int(facts["gross_cents"] - taken + facts.get("reimbursement_cents", 0) - facts["net_cents"])


def is_short(facts: Mapping[str, Any]) -> bool:
    """Whether something that was asked for was not taken."""
    unmet = any(line[2] > line[1] for line in facts.get("post_tax", ()))
    return (
        unmet
        or any(facts.get(name, 0) > 0 for name, *_ in SHORTS)
        or any(line[4] for line in facts.get("garnishments", ()))
    )


def orders(facts: Mapping[str, Any]) -> Table:
    """What each order to withhold got, and why it got less than it asks for."""
    rows = [
        (f"{kind.replace('_', ' ')} {order}", words.money(wanted), words.money(taken), why or "")
        for order, kind, taken, wanted, why in facts["garnishments"]
    ]
    note = f"Limits are shares of disposable earnings, {words.amount(facts['disposable_cents'])}: gross pay less taxes."
    return Table("Garnishments", ("", ">asked", ">withheld", "why less"), rows, note=note)


def order_of_precedence() -> Table:
    """When pay does not suffice: what comes first."""
    return Table(
        "What comes first when pay does not suffice",
        ("", ""),
        [(str(r.rank), r.words) for r in precedence.ORDER],
    )


def earnings(facts: Mapping[str, Any]) -> Table:
    """What was earned, by kind and rate. Lines by rate where they are on record, else one for each kind."""
    rows: list[Sequence[object]] = []
    if facts.get("salary_cents"):
        rows.append(("Salary", "", "", words.money(facts["salary_cents"])))
    by_kind = facts["straight_time_cents"] + facts["leave_cents"] + facts["holiday_cents"]
    if sum(line[3] for line in facts["earnings"]) == by_kind and facts["earnings"]:
        for kind, rate, worked, cents in facts["earnings"]:
            rows.append((KINDS.get(kind, kind), f"${rate}", worked, words.money(cents)))
    else:
        kinds = (("straight_time_cents", "Hours beyond the salary"), ("leave_cents", "Paid leave"))
        for name, label in (*kinds, ("holiday_cents", "Paid holiday")):
            if facts[name]:
                rows.append((label, "", "", words.money(facts[name])))
    for kind, cents, reference, *_ in facts.get("items", ()):
        if kind != "reimbursement":
            rows.append(
                (" ".join(filter(None, (ITEMS.get(kind, kind), reference))), "", "", words.money(cents))
            )
    if facts["overtime_premium_cents"]:
        overtime = words.hours(facts["overtime_hours_hundredths"])
        rows.append(("Overtime premium", "", overtime, words.money(facts["overtime_premium_cents"])))
    total = ("Gross pay", "", "", words.money(facts["gross_cents"])) if "gross_cents" in facts else ()
    worked = {kind: facts[f"{kind}_hours_hundredths"] for kind in ("regular", "overtime", "leave", "holiday")}
    note = ", ".join(f"{words.hours(value)} {kind} hours" for kind, value in worked.items() if value)
    columns = ("", ">rate", ">hours", ">amount")
    return Table("Earnings", columns, rows, note=note, empty="Nothing earned.", total=total)


def gross_to_net(facts: Mapping[str, Any]) -> Table:
    """Each amount that is taken, and what is left after it: the last of them is net pay."""
    left = facts["gross_cents"]
    rows: list[Sequence[object]] = [("Gross pay", "", words.money(left))]
    for label, cents in taken(facts):
        left -= cents
        rows.append((label, words.money(-cents), words.money(left)))
    if reimbursed := facts.get("reimbursement_cents"):
        left += reimbursed
        rows.append(("Reimbursements, which are no wages", words.money(reimbursed), words.money(left)))
    note = ""
    if facts.get("catch_up_cents"):
        note = (
            f"{words.amount(facts['catch_up_cents'])} of the deferral is catch-up for people of 50 and older."
        )
    return Table(
        "From gross to net",
        ("", ">taken", ">left"),
        rows,
        note=note,
        total=("Net pay", "", words.money(facts["net_cents"])),
    )


def taken(facts: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What is taken from gross pay, in words and cents; programmes and deductions after tax each by name."""
    by_name = {
        "state_programmes_cents": [(row[0].replace("_", " "), row[1]) for row in facts.get("programmes", ())],
        "post_tax_cents": [(f"{row[0]}, after tax", row[1]) for row in facts.get("post_tax", ())],
    }
    for name, label, *_ in (*BEFORE_TAX, *TAXES, *AFTER_TAX):
        cents = facts.get(name, 0)
        place = f" ({facts['state']})" if name == "state_income_tax_cents" and cents else ""
        parts = by_name.get(name, [])
        known = bool(parts) and sum(part for _, part in parts) == cents  # an old record has the sum alone
        yield from (each for each in (parts if known else [(f"{label}{place}", cents)]) if each[1])


def taxed_wages(facts: Mapping[str, Any]) -> Table:
    """The wages each tax was computed on."""
    rows = [
        (label, words.money(facts[wages]) if wages else "", words.money(facts.get(name, 0)))
        for name, label, wages in TAXES
    ]
    total = ("Employee taxes", "", words.money(facts["employee_taxes_cents"]))
    return Table(
        "Taxes and the wages they were computed on", ("", ">taxable wages", ">tax"), rows, total=total
    )


def employer_side(facts: Mapping[str, Any]) -> Table:
    """What the employer pays on top of gross pay."""
    rows = [(label, words.money(facts.get(name, 0))) for name, label in EMPLOYER]
    total = sum(facts.get(name, 0) for name, _ in EMPLOYER)
    together = ("Together", words.money(total))
    note = f"With gross pay, this paycheck costs the employer {words.amount(facts['gross_cents'] + total)}."
    return Table("Paid by the employer, not taken from pay", ("", ">amount"), rows, note=note, total=together)
