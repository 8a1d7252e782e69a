"""The steps of a paycheck, in their order. Each is pure: frozen inputs and pinned rules in, one event out.

The order is the order of money: the deferral is settled before tax, because a traditional 401(k)
deferral lowers the wages that income tax is withheld on.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from events.failures import NeedsReview
from events.saga import Step, Undo, step
from payroll import kinds, withheld
from payroll.calc import gross, timesheet
from payroll.calc.earnings import NOTHING_EXTRA, Item, earnings, in_regular_rate
from payroll.calc.match import annual_additions, match
from payroll.calc.net import net_pay
from payroll.calc.timesheet import Bonus, Entry
from payroll.domain import (
    Inputs,
    PayCalculated,
    Paycheck,
    PaycheckBegan,
    RetirementCalculated,
    TaxCalculated,
    Terms,
    TimeEntered,
    item_lines,
    stored,
)

# What a step has computed stays in the log; a paycheck that is voided, or cancelled with its run, counts nowhere.
VOIDED = Undo("the paycheck is voided: its days are free again, and year to date is without it")


@step("begin", queue="time-entry", emits=PaycheckBegan, undo=VOIDED)
def begin(paycheck: Paycheck, terms: Terms) -> PaycheckBegan:
    """Pin a paycheck to its entry in the manifest.

    raises   NeedsReview when an earlier paycheck of this person is unfinished: year to date is then unknown
    """
    if paycheck.inputs.hold:
        raise NeedsReview(
            f"an earlier paycheck is not finished ({paycheck.inputs.hold}), so the year to date is unknown: "
            "redrive or dismiss that one first, then redrive this one --corrected"
        )
    return PaycheckBegan(
        run=terms.run,
        employer_run=terms.employer_run,
        employer=terms.employer,
        employee_id=paycheck.inputs.employee_id,
        pay_date=terms.pay_date.isoformat(),
        manifest=terms.manifest,
        number=paycheck.number,
    )


@step("time-entry", queue="time-entry", emits=TimeEntered, undo=VOIDED)
def time_entry(paycheck: Paycheck, terms: Terms) -> TimeEntered:
    """Count the period's hours by workweek, and price those that are paid by the hour.

    raises   NeedsReview for hours that cannot be
    source   29 CFR 778.104, 778.106, 778.113, 778.115, 778.209; Cal. Labor Code 510
    """
    inputs = paycheck.inputs
    if not kinds.pays_days(terms.kind):
        return _items_alone(inputs)
    entries = [
        Entry(date.fromisoformat(day), Decimal(hours), kind, None if rate is None else Decimal(rate))
        for day, hours, kind, rate in inputs.time
    ]
    last_day = date.fromisoformat(inputs.termination_date) if inputs.termination_date else None
    if inputs.pay_basis == "hourly":
        return _hourly(inputs, terms, entries, last_day)
    if inputs.flsa_exempt or not entries:
        return _exempt(terms, entries)
    return _salaried_nonexempt(inputs, terms, entries, last_day)


@step("payroll-calc", queue="payroll-calc", emits=PayCalculated, undo=VOIDED)
def payroll_calc(paycheck: Paycheck, terms: Terms) -> PayCalculated:
    """Gross pay, what is taken before tax, and the 401(k) deferral within the year's limits.

    When pay does not suffice, the order is that of precedence.ORDER: taxes, garnishments, premiums whole or not at all,
    the deferral as far as it fits. What was asked for and not taken is on the paycheck.

    source   IRC 125, 129, 223, 402(g), 414(v); the order is a convention of this product
    """
    inputs, time = paycheck.inputs, paycheck.time
    assert time is not None
    workings = []
    salary_cents = 0
    if inputs.pay_basis == "salary" and kinds.pays_days(terms.kind):
        salary = _salary(inputs, terms)
        salary_cents = salary.cents
        workings.append(salary.working)
    extra = earnings(_items(inputs)) if inputs.items else NOTHING_EXTRA
    if inputs.items:
        workings.append(extra.working)
    hourly_cents = time.straight_time_cents + time.leave_cents + time.holiday_cents
    gross_cents = salary_cents + hourly_cents + time.overtime_premium_cents + extra.supplemental_cents
    workings.append(
        (
            "gross_pay",
            salary_cents,
            time.straight_time_cents,
            time.overtime_premium_cents,
            time.leave_cents,
            time.holiday_cents,
            extra.supplemental_cents,
        )
    )
    settled = withheld.before_tax(inputs, terms, gross_cents, extra.supplemental_cents)
    return PayCalculated(
        salary_cents=salary_cents,
        items=item_lines(inputs.items),
        supplemental_cents=extra.supplemental_cents,
        reimbursement_cents=extra.reimbursement_cents,
        gross_cents=gross_cents,
        section125_cents=settled.section125_cents,
        section125_short_cents=settled.section125_short_cents,
        dependent_care_cents=settled.dependent_care_cents,
        hsa_cents=settled.hsa_cents,
        hsa_short_cents=settled.hsa_short_cents,
        traditional_401k_cents=settled.deferral.traditional_cents,
        roth_401k_cents=settled.deferral.roth_cents,
        catch_up_cents=settled.deferral.catch_up_cents,
        deferral_refused_cents=settled.deferral.refused_cents,
        no_hours=inputs.pay_basis == "hourly" and gross_cents == 0 and kinds.pays_days(terms.kind),
        working=stored(*workings, *settled.workings),
    )


@step("tax-calc", queue="tax-calc", emits=TaxCalculated, undo=VOIDED)
def tax_calc(paycheck: Paycheck, terms: Terms) -> TaxCalculated:
    """Federal and state withholding, Social Security, Medicare, state programmes and federal unemployment tax.

    raises   NeedsReview for a state without rules: never zero tax
    source   Pub. 15-T Worksheet 1A; Pub. 15; the states' own guides
    """
    inputs, pay = paycheck.inputs, paycheck.pay
    assert pay is not None
    computed, within = withheld.taxes_of(inputs, terms, pay)
    taxed = within._asdict()
    workings = list(taxed.pop("workings"))
    programmes = [list(line) for line in taxed.pop("programmes")]
    return TaxCalculated(
        **taxed,
        programmes=programmes,
        state=inputs.work_state,
        federal_income_tax_short_cents=computed.federal_income_tax_cents - within.federal_income_tax_cents,
        state_income_tax_short_cents=computed.state_income_tax_cents - within.state_income_tax_cents,
        employee_taxes_cents=within.employee_cents,
        employer_taxes_cents=within.employer_cents,
        working=stored(*workings),
    )


@step("retirement-calc", queue="retirement-calc", emits=RetirementCalculated, undo=VOIDED)
def retirement_calc(paycheck: Paycheck, terms: Terms) -> RetirementCalculated:
    """The employer's match, what garnishments and deductions after tax take, and what is left to pay out.

    raises   NeedsReview when the plan or an order cannot be computed
    source   IRC 401(a)(17), 415(c); the plan's formula; 15 USC 1672, 1673
    """
    inputs, pay, tax = paycheck.inputs, paycheck.pay, paycheck.tax
    assert pay is not None and tax is not None
    ytd = inputs.year_to_date
    limits = terms.rules.retirement
    deferred_cents = pay.traditional_401k_cents + pay.roth_401k_cents
    workings = []
    comp_cents = ytd.used.get("ytd_comp_cents", ytd.eligible_comp_cents)
    matched = match(pay.gross_cents, comp_cents, deferred_cents, terms.retirement_plan, limits)
    match_cents = matched.match_cents
    workings.append(matched.working)
    regular_cents = deferred_cents - pay.catch_up_cents
    if match_cents + regular_cents + ytd.annual_additions_cents > limits.annual_additions_limit_cents:
        allowed = annual_additions(
            match_cents,
            regular_cents,
            ytd.annual_additions_cents,
            ytd.eligible_comp_cents + pay.gross_cents,
            limits,
        )
        match_cents = allowed.match_cents
        workings.append(allowed.working)
    disposable_cents = pay.gross_cents - tax.employee_taxes_cents
    voluntary_cents = pay.section125_cents + pay.hsa_cents + deferred_cents
    garnished = withheld.garnish(inputs, terms, disposable_cents, voluntary_cents)
    room_cents = disposable_cents - voluntary_cents - garnished.garnished_cents
    after_tax = withheld.after_tax(inputs, disposable_cents, room_cents)
    left = net_pay(
        pay.gross_cents,
        federal_income_tax_cents=tax.federal_income_tax_cents,
        social_security_cents=tax.social_security_cents,
        medicare_cents=tax.medicare_cents,
        additional_medicare_cents=tax.additional_medicare_cents,
        state_income_tax_cents=tax.state_income_tax_cents,
        state_programmes_cents=tax.state_programmes_cents,
        section125_cents=pay.section125_cents,
        hsa_cents=pay.hsa_cents,
        traditional_401k_cents=pay.traditional_401k_cents,
        roth_401k_cents=pay.roth_401k_cents,
        garnished_cents=garnished.garnished_cents,
        post_tax_cents=after_tax.cents,
        reimbursement_cents=pay.reimbursement_cents,
    )
    return RetirementCalculated(
        matched_comp_cents=matched.matched_comp_cents,
        match_cents=match_cents,
        disposable_cents=left.disposable_cents,
        garnishments=[[o.id, o.kind, o.withheld_cents, o.wanted_cents, o.why] for o in garnished.orders],
        garnished_cents=garnished.garnished_cents,
        post_tax=[list(line) for line in after_tax.lines],
        post_tax_cents=after_tax.cents,
        net_cents=left.net_cents,
        working=stored(*workings, *garnished.workings, *after_tax.workings, left.working),
    )


def _owed(right: Step) -> Step:
    """A step whose event says what is owed: of a correction, what is right less what was paid before."""
    return replace(right, decide=lambda paycheck, terms: paycheck.owed(right.decide(paycheck, terms)))


PIPELINE = (begin, *map(_owed, (time_entry, payroll_calc, tax_calc, retirement_calc)))


def _hourly(inputs: Inputs, terms: Terms, entries: list[Entry], last_day: date | None) -> TimeEntered:
    flsa = terms.rules.flsa
    period = timesheet.hourly_period(
        entries,
        Decimal(inputs.pay_rate),
        flsa,
        period_start=terms.period_start,
        period_end=terms.period_end,
        workweek_start=terms.workweek_start,
        last_day=last_day,
        bonuses=_bonuses(inputs),
        entries_from=_entries_from(inputs),
        daily_overtime=flsa.california if inputs.work_state == "CA" else None,
    )
    return TimeEntered(
        hours_worked_hundredths=_hundredths(period.hours_worked),
        regular_hours_hundredths=_hundredths(period.regular_hours),
        overtime_hours_hundredths=_hundredths(period.overtime_hours),
        leave_hours_hundredths=_hundredths(period.leave_hours),
        holiday_hours_hundredths=_hundredths(period.holiday_hours),
        double_time_hours_hundredths=_hundredths(period.double_time_hours),
        straight_time_cents=period.straight_time_cents,
        overtime_premium_cents=period.premium_cents,
        flsa_premium_cents=period.flsa_premium_cents,
        leave_cents=period.leave_cents,
        holiday_cents=period.holiday_cents,
        earnings=[[line.kind, str(line.rate), str(line.hours), line.cents] for line in period.lines],
        working=stored(period.working),
    )


def _salaried_nonexempt(
    inputs: Inputs, terms: Terms, entries: list[Entry], last_day: date | None
) -> TimeEntered:
    if inputs.work_state == "CA":
        raise NeedsReview(
            "a nonexempt salary in California has daily overtime by a rule of its own (Labor Code 515(d)), which "
            "is not collected: pay by the hour, or dismiss and pay outside"
        )
    period = timesheet.salaried_period(
        entries,
        Decimal(inputs.pay_rate),
        Decimal(inputs.standard_weekly_hours),
        terms.rules.flsa,
        period_start=terms.period_start,
        period_end=terms.period_end,
        workweek_start=terms.workweek_start,
        last_day=last_day,
        bonuses=_bonuses(inputs),
        entries_from=_entries_from(inputs),
    )
    return TimeEntered(
        hours_worked_hundredths=_hundredths(period.hours_worked),
        regular_hours_hundredths=_hundredths(period.regular_hours),
        overtime_hours_hundredths=_hundredths(period.overtime_hours),
        leave_hours_hundredths=_hundredths(period.leave_hours),
        holiday_hours_hundredths=_hundredths(period.holiday_hours),
        double_time_hours_hundredths=0,
        straight_time_cents=period.extra_straight_cents,
        overtime_premium_cents=period.premium_cents,
        flsa_premium_cents=period.premium_cents,
        leave_cents=0,
        holiday_cents=0,
        earnings=[],
        working=stored(period.working),
    )


def _items_alone(inputs: Inputs) -> TimeEntered:
    """No hours: the run pays items and nothing else.

    raises   NeedsReview for an item that raises the regular rate, and for somebody whose pay is garnished
    """
    if not inputs.flsa_exempt and _bonuses(inputs):
        raise NeedsReview(
            "a bonus or commission that raises the regular rate of somebody nonexempt is paid with the hours of its "
            "period: dismiss it here, and the regular run that contains its date pays it"
        )
    if inputs.garnishments:
        raise NeedsReview(
            "an order takes from this pay by pay period, and how much of a bonus paid alone is its court's or agency's "
            "to say: dismiss it here, and the regular run that contains its date pays it"
        )
    return TimeEntered(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, [], stored())


def _exempt(terms: Terms, entries: Iterable[Entry]) -> TimeEntered:
    """Hours on record of somebody whose salary covers them all."""
    hours = {"work": 0, "leave": 0, "holiday": 0}
    for entry in entries:
        if terms.period_start <= entry.work_date:
            hours[entry.kind] += _hundredths(entry.hours)
    worked, leave, holiday = hours.values()
    return TimeEntered(worked, worked, 0, leave, holiday, 0, 0, 0, 0, 0, 0, [], stored())


def _salary(inputs: Inputs, terms: Terms) -> gross.Salary:
    return gross.salary(
        Decimal(inputs.pay_rate),
        terms.frequency,
        terms.period_start,
        terms.period_end,
        hire_date=date.fromisoformat(inputs.hire_date),
        termination_date=date.fromisoformat(inputs.termination_date) if inputs.termination_date else None,
    )


def _items(inputs: Inputs) -> list[Item]:
    """The pay items of the period, besides hours and salary."""
    return [
        Item(item["kind"], item["cents"], _day(item["earned_from"]), _day(item["earned_to"]))
        for item in inputs.items
    ]


def _bonuses(inputs: Inputs) -> tuple[Bonus, ...]:
    """The items that raise a nonexempt employee's regular rate."""
    return in_regular_rate(_items(inputs)) if inputs.items else ()


def _entries_from(inputs: Inputs) -> date | None:
    """The day from which on the manifest holds time entries, where a bonus asks for earlier ones."""
    return _day(inputs.time_from) if inputs.time_from else None


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _hundredths(hours: Decimal) -> int:
    return int(hours.scaleb(2))
