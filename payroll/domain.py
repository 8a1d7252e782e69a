"""What happens in a pay run, and a paycheck folded from it.

Events are frozen and carry results: money in integer cents, hours in hundredths. The names of the facts
of one stream are unique, so that a read model can merge them; but for `working`, which each step has: the
worksheets that gave its results (payroll/calc/worksheet.py), left out of the read models.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from payroll import delta
from payroll.calc.tables import Rules
from payroll.calc.worksheet import Working

Workings = str  # as `stored` writes them
_as_json = json.JSONEncoder(separators=(",", ":")).encode


def stored(*workings: Working) -> Workings:
    """The worksheets of a step as one JSON text: as nested numbers they would take twice the room in the log."""
    return _as_json(workings)


def workings_of(facts: Mapping[str, Any]) -> list[list[Any]]:
    """The worksheets that an event holds; none in an event that has none."""
    found: list[list[Any]] = json.loads(facts.get("working", "[]"))
    return found


# The paycheck's stream: one event for each step


@dataclass(frozen=True)
class PaycheckBegan:
    """The inputs of this paycheck are frozen: entry `number` of a manifest."""

    run: str
    employer_run: str
    employer: str
    employee_id: str
    pay_date: str
    manifest: str
    number: int


@dataclass(frozen=True)
class TimeEntered:
    """Hours of the period by kind, and what they earn; the overtime premium is a line of its own."""

    hours_worked_hundredths: int
    regular_hours_hundredths: int
    overtime_hours_hundredths: int
    leave_hours_hundredths: int
    holiday_hours_hundredths: int
    double_time_hours_hundredths: int
    straight_time_cents: int
    overtime_premium_cents: int
    flsa_premium_cents: int  # of it: what the FLSA itself requires (Form W-2 box 12, code TT)
    leave_cents: int
    holiday_cents: int
    earnings: list[list[Any]]  # kind, dollars per hour, hours, cents
    working: Workings


@dataclass(frozen=True)
class PayCalculated:
    """Gross pay, and what comes off it before tax. The deferral is settled here: it lowers taxable wages."""

    salary_cents: int
    items: list[list[Any]]  # bonus, commission … and reimbursements: kind, cents, reference, id
    supplemental_cents: int  # of gross: identified separately, taxed by its own method
    reimbursement_cents: int  # not wages: paid on top, nothing is taken from it
    gross_cents: int
    section125_cents: int
    section125_short_cents: int  # elected, but over the limit, or there was no pay to take it from
    dependent_care_cents: int  # of Section 125
    hsa_cents: int
    hsa_short_cents: int
    traditional_401k_cents: int
    roth_401k_cents: int
    catch_up_cents: int
    deferral_refused_cents: int
    no_hours: bool
    working: Workings


@dataclass(frozen=True)
class TaxCalculated:
    """Every tax of the paycheck, and the wages each was computed on."""

    fit_wages_cents: int
    fica_wages_cents: int
    state_wages_cents: int
    ss_taxable_cents: int
    additional_medicare_taxable_cents: int
    futa_taxable_cents: int
    supplemental_income_tax_cents: int  # of the federal income tax
    federal_income_tax_cents: int
    social_security_cents: int
    medicare_cents: int
    additional_medicare_cents: int
    state: str
    state_income_tax_cents: int
    programmes: list[list[Any]]  # the state's own: name, employee's cents, employer's cents, wages
    state_programmes_cents: int
    employer_social_security_cents: int
    employer_medicare_cents: int
    employer_futa_cents: int
    employer_programmes_cents: int
    federal_income_tax_short_cents: int  # asked for on the Form W-4, but there was no pay to take it from
    state_income_tax_short_cents: int
    employee_taxes_cents: int
    employer_taxes_cents: int
    working: Workings


@dataclass(frozen=True)
class RetirementCalculated:
    """The employer's match, what others take from the pay, and the net pay: the paycheck is complete."""

    matched_comp_cents: int
    match_cents: int
    disposable_cents: int
    garnishments: list[list[Any]]  # order, kind, cents withheld, cents wanted, why less
    garnished_cents: int
    post_tax: list[
        list[Any]
    ]  # name, cents taken, cents wanted; the id of what is owed back, where it is that
    post_tax_cents: int
    net_cents: int
    working: Workings


def item_lines(items: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """The pay items of a manifest as PayCalculated records them; those of older manifests have no id."""
    return [
        [item["kind"], item["cents"], item["reference"], *([item["id"]] if "id" in item else [])]
        for item in items
    ]


PaycheckEvent = PaycheckBegan | TimeEntered | PayCalculated | TaxCalculated | RetirementCalculated
PAYCHECK_EVENTS: dict[str, type[PaycheckEvent]] = {
    kind.__name__: kind
    for kind in (PaycheckBegan, TimeEntered, PayCalculated, TaxCalculated, RetirementCalculated)
}


# What takes a paycheck out of its run: it counts nowhere, and is not paid.
VOIDED = "PaycheckVoided"
OUT = ("PaycheckExcluded", "PaycheckCarriedOver", "PaycheckSuperseded", "PaycheckCancelled", VOIDED)


def is_out(type: str, data: Mapping[str, Any]) -> bool:
    """Whether an event takes its paycheck out of what its run instructs, or instructed.

    One that is voided after payment was instructed has been part of what was approved and paid: undoing it adds to the
    record of the run, and changes nothing in it.
    """
    return type in OUT and not (type == VOIDED and data.get("instructed"))


# What a run is pinned to, and what a paycheck is computed from


class Terms(NamedTuple):
    """What all paychecks of one employer's run share, and the rules they are pinned to.

    original_pay_date   of the paychecks that are corrected: they are right by the rules of that day; None elsewhere
    """

    run: str
    employer_run: str
    employer: str
    frequency: str
    period_start: date
    period_end: date
    pay_date: date
    retirement_plan: str
    workweek_start: int
    manifest: str
    rules: Rules
    employees: int | None = None
    kind: str = "regular"
    original_pay_date: date | None = None

    @property
    def taxed_as_of(self) -> date:
        """The day whose rules hold."""
        return self.original_pay_date or self.pay_date


class YearToDate(NamedTuple):
    """What this employer paid this person earlier in the pay date's year, in cents.

    annual_additions_cents   deferrals without catch-up, and the match: IRC 415(c)
    programme_wages_cents    by state programme, the wages that it took its part of
    income_tax_withheld      from regular wages, this year or last: only then may a bonus be taxed flat
    used                     of a correction: what all other paychecks of the year take of its limits, later ones too,
                             by the entry of the worksheet that asks (years.py); empty elsewhere
    """

    fica_wages_cents: int = 0
    social_security_cents: int = 0
    medicare_cents: int = 0
    deferrals_cents: int = 0
    eligible_comp_cents: int = 0
    prior_year_ss_wages_cents: int = 0
    supplemental_cents: int = 0
    hsa_cents: int = 0
    dependent_care_cents: int = 0
    annual_additions_cents: int = 0
    programme_wages_cents: Mapping[str, int] = MappingProxyType({})
    income_tax_withheld: bool = False
    used: Mapping[str, int] = MappingProxyType({})


class Inputs(NamedTuple):
    """One person as the run found them, frozen in the manifest. Amounts in cents, percents in hundredths.

    time          [day, hours, kind, rate or null], from the start of the first workweek on
    pay_to        name, routing, account as ciphertext, account_type; without an account where `deposits` have the
                  remainder, which it is otherwise
    hold          the earlier paycheck of this person that is not finished, so that year to date is unknown
    time_from     the first day of `time`, where a bonus asks for more than the first workweek
    items, deductions, garnishments, forms, deposits, remittances   as payroll/pay_inputs.py gives them; empty for
                  most people
    paid          of a correction: what the paycheck and earlier corrections of it gave, by fact; empty elsewhere
    recoveries    net pay that is still owed back, as payroll/recoveries.py gives it
    """

    employee_id: str
    pay_basis: str
    pay_rate: str
    standard_weekly_hours: str
    flsa_exempt: bool
    work_state: str
    hire_date: str
    termination_date: str | None
    age_at_year_end: int
    w4_version: str
    filing_status: str
    step2_checkbox: bool
    step3_cents: int
    step4a_cents: int
    step4b_cents: int
    step4c_cents: int
    allowances: int
    additional_withholding_cents: int
    traditional_bp: int
    roth_bp: int
    section125_cents: int
    time: list[list[Any]]
    year_to_date: YearToDate
    pay_to: dict[str, str]
    hold: str | None = None
    items: Sequence[Mapping[str, Any]] = ()
    deductions: Sequence[Mapping[str, Any]] = ()
    garnishments: Sequence[Mapping[str, Any]] = ()
    forms: Mapping[str, Any] = MappingProxyType({})
    time_from: str | None = None
    deposits: Sequence[Mapping[str, Any]] = ()
    remittances: Sequence[Mapping[str, Any]] = ()
    recoveries: Sequence[Mapping[str, Any]] = ()
    paid: Mapping[str, Any] = MappingProxyType({})


Result = TypeVar("Result", TimeEntered, PayCalculated, TaxCalculated, RetirementCalculated)


class Paycheck:
    """A paycheck as far as it has come: its frozen inputs and the results of its steps.

    That of a correction holds what is right, so that each step computes as it always does; its events say what is owed.
    """

    __slots__ = ("inputs", "number", "pay", "retirement", "stream", "tax", "time", "version")

    def __init__(self, stream: str, number: int, inputs: Inputs) -> None:
        self.stream = stream
        self.number = number
        self.inputs = inputs
        self.version = 0
        self.time: TimeEntered | None = None
        self.pay: PayCalculated | None = None
        self.tax: TaxCalculated | None = None
        self.retirement: RetirementCalculated | None = None

    def fold(self, event: PaycheckEvent) -> None:
        """Take in the next event of the stream."""
        self.version += 1
        if self.inputs.paid and not isinstance(event, PaycheckBegan):
            event = replace(event, **delta.restored(vars(event), self.inputs.paid))
        match event:
            case TimeEntered():
                self.time = event
            case PayCalculated():
                self.pay = event
            case TaxCalculated():
                self.tax = event
            case RetirementCalculated():
                self.retirement = event

    def owed(self, right: Result) -> Result:
        """What the event of a step says, when this is right: itself, or of a correction less what was paid before."""
        paid = self.inputs.paid
        if not paid:
            return right
        facts = vars(right)
        steps = stored(*map(tuple, workings_of(facts)), delta.working(facts, paid))
        return replace(right, **delta.difference(facts, paid), working=steps)
