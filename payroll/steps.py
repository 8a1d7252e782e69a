"""The steps of a paycheck, in their order. Each is pure: frozen inputs and pinned rules in, one event out.

The order is the order of money: the deferral is settled before tax, because a traditional 401(k)
deferral lowers the wages that income tax is withheld on.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from events.failures import NeedsReview
from events.saga import step
from payroll.calc import federal, gross, precedence, state, timesheet
from payroll.calc.deferral import NO_DEFERRAL, Deferral, deferral
from payroll.calc.match import match
from payroll.calc.paycheck import PreTax, Taxes, net_pay, taxes
from payroll.calc.paycheck import YearToDate as TaxYearToDate
from payroll.calc.timesheet import Entry
from payroll.domain import (
    Inputs,
    PayCalculated,
    Paycheck,
    PaycheckBegan,
    RetirementCalculated,
    TaxCalculated,
    Terms,
    TimeEntered,
)

NO_TAXES = Taxes(*[0] * len(Taxes._fields))


@step("begin", queue="time-entry", emits=PaycheckBegan)
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


@step("time-entry", queue="time-entry", emits=TimeEntered)
def time_entry(paycheck: Paycheck, terms: Terms) -> TimeEntered:
    """Count the period's hours by workweek, and price those that are paid by the hour.

    raises   NeedsReview for hours that cannot be
    source   29 CFR 778.104, 778.106, 778.113, 778.115
    """
    inputs = paycheck.inputs
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


@step("payroll-calc", queue="payroll-calc", emits=PayCalculated)
def payroll_calc(paycheck: Paycheck, terms: Terms) -> PayCalculated:
    """Gross pay, Section 125 and the 401(k) deferral within the year's limits.

    When pay does not suffice, the order is: taxes, Section 125 whole or not at all, the deferral as far as it fits.
    What was asked for and not taken is on the paycheck.

    source   IRC 125, 402(g), 414(v); the order is a convention of this product (precedence.py)
    """
    inputs, time = paycheck.inputs, paycheck.time
    assert time is not None
    salary_cents = _salary_cents(inputs, terms) if inputs.pay_basis == "salary" else 0
    hourly_cents = time.straight_time_cents + time.leave_cents + time.holiday_cents
    gross_cents = salary_cents + hourly_cents + time.overtime_premium_cents
    if gross_cents == 0:  # nothing earned: nothing is deducted either
        return PayCalculated(salary_cents, 0, 0, 0, 0, 0, 0, 0, no_hours=inputs.pay_basis == "hourly")
    section125_cents = _section125_cents(inputs, gross_cents, terms)
    deferred = _deferral(inputs, gross_cents, section125_cents, terms)
    return PayCalculated(
        salary_cents=salary_cents,
        gross_cents=gross_cents,
        section125_cents=section125_cents,
        section125_short_cents=inputs.section125_cents - section125_cents,
        traditional_401k_cents=deferred.traditional_cents,
        roth_401k_cents=deferred.roth_cents,
        catch_up_cents=deferred.catch_up_cents,
        deferral_refused_cents=deferred.refused_cents,
        no_hours=False,
    )


@step("tax-calc", queue="tax-calc", emits=TaxCalculated)
def tax_calc(paycheck: Paycheck, terms: Terms) -> TaxCalculated:
    """Federal and state withholding, Social Security, Medicare and federal unemployment tax.

    raises   NeedsReview for a state without rules: never zero tax
    source   Pub. 15-T Worksheet 1A; Pub. 15; the states' own guides
    """
    inputs, pay = paycheck.inputs, paycheck.pay
    assert pay is not None
    computed = _taxes(inputs, _pre_tax(pay), pay.gross_cents, terms) if pay.gross_cents else NO_TAXES
    taken_cents = pay.section125_cents + pay.traditional_401k_cents + pay.roth_401k_cents
    withheld = precedence.within_pay(computed, pay.gross_cents - taken_cents)
    return TaxCalculated(
        **withheld._asdict(),
        state=inputs.work_state,
        federal_income_tax_short_cents=computed.federal_income_tax_cents - withheld.federal_income_tax_cents,
        employee_taxes_cents=withheld.employee_cents,
        employer_taxes_cents=withheld.employer_cents,
    )


@step("retirement-calc", queue="retirement-calc", emits=RetirementCalculated)
def retirement_calc(paycheck: Paycheck, terms: Terms) -> RetirementCalculated:
    """The employer's match on the deferral, and what is left to pay out.

    raises   NeedsReview when nothing is left to pay from, or the plan is unknown
    source   IRC 401(a)(17); the plan's formula
    """
    inputs, pay, tax = paycheck.inputs, paycheck.pay, paycheck.tax
    assert pay is not None and tax is not None
    matched = match(
        pay.gross_cents,
        inputs.year_to_date.eligible_comp_cents,
        pay.traditional_401k_cents + pay.roth_401k_cents,
        terms.retirement_plan,
        terms.rules.retirement,
    )
    left = net_pay(pay.gross_cents, _pre_tax(pay), _as_taxes(tax), roth_401k_cents=pay.roth_401k_cents)
    return RetirementCalculated(
        matched_comp_cents=matched.matched_comp_cents,
        match_cents=matched.match_cents,
        disposable_cents=left.disposable_cents,
        net_cents=left.net_pay_cents,
    )


PIPELINE = (begin, time_entry, payroll_calc, tax_calc, retirement_calc)


def _hourly(inputs: Inputs, terms: Terms, entries: list[Entry], last_day: date | None) -> TimeEntered:
    period = timesheet.hourly_period(
        entries,
        Decimal(inputs.pay_rate),
        terms.rules.flsa,
        period_start=terms.period_start,
        period_end=terms.period_end,
        workweek_start=terms.workweek_start,
        last_day=last_day,
    )
    return TimeEntered(
        hours_worked_hundredths=_hundredths(period.hours_worked),
        regular_hours_hundredths=_hundredths(period.regular_hours),
        overtime_hours_hundredths=_hundredths(period.overtime_hours),
        leave_hours_hundredths=_hundredths(period.leave_hours),
        holiday_hours_hundredths=_hundredths(period.holiday_hours),
        straight_time_cents=period.straight_time_cents,
        overtime_premium_cents=period.premium_cents,
        leave_cents=period.leave_cents,
        holiday_cents=period.holiday_cents,
        earnings=[[line.kind, str(line.rate), str(line.hours), line.cents] for line in period.lines],
    )


def _salaried_nonexempt(
    inputs: Inputs, terms: Terms, entries: list[Entry], last_day: date | None
) -> TimeEntered:
    period = timesheet.salaried_period(
        entries,
        Decimal(inputs.pay_rate),
        Decimal(inputs.standard_weekly_hours),
        terms.rules.flsa,
        period_start=terms.period_start,
        period_end=terms.period_end,
        workweek_start=terms.workweek_start,
        last_day=last_day,
    )
    return TimeEntered(
        hours_worked_hundredths=_hundredths(period.hours_worked),
        regular_hours_hundredths=_hundredths(period.regular_hours),
        overtime_hours_hundredths=_hundredths(period.overtime_hours),
        leave_hours_hundredths=_hundredths(period.leave_hours),
        holiday_hours_hundredths=_hundredths(period.holiday_hours),
        straight_time_cents=period.extra_straight_cents,
        overtime_premium_cents=period.premium_cents,
        leave_cents=0,
        holiday_cents=0,
        earnings=[],
    )


def _exempt(terms: Terms, entries: Iterable[Entry]) -> TimeEntered:
    """Hours on record of somebody whose salary covers them all."""
    hours = {"work": 0, "leave": 0, "holiday": 0}
    for entry in entries:
        if terms.period_start <= entry.work_date:
            hours[entry.kind] += _hundredths(entry.hours)
    return TimeEntered(hours["work"], hours["work"], 0, hours["leave"], hours["holiday"], 0, 0, 0, 0, [])


def _salary_cents(inputs: Inputs, terms: Terms) -> int:
    return gross.salary(
        Decimal(inputs.pay_rate),
        terms.frequency,
        terms.period_start,
        terms.period_end,
        hire_date=date.fromisoformat(inputs.hire_date),
        termination_date=date.fromisoformat(inputs.termination_date) if inputs.termination_date else None,
    ).cents


def _section125_cents(inputs: Inputs, gross_cents: int, terms: Terms) -> int:
    """The Section 125 deduction of this check: whole where the pay bears it and its taxes, else nothing."""
    elected_cents = inputs.section125_cents
    left_cents = gross_cents - elected_cents
    if left_cents < 0:
        return 0
    extra_cents = inputs.step4c_cents + inputs.additional_withholding_cents
    if precedence.surely_fits(extra_cents, left_cents):
        return elected_cents
    computed = _taxes(inputs, PreTax(0, elected_cents), gross_cents, terms)
    return elected_cents if computed.employee_cents <= left_cents else 0


def _deferral(inputs: Inputs, gross_cents: int, section125_cents: int, terms: Terms) -> Deferral:
    """The deferral of this check, never more than the taxes leave of the pay."""
    if not (inputs.traditional_bp or inputs.roth_bp):
        return NO_DEFERRAL
    elected = deferral(
        gross_cents,
        inputs.traditional_bp,
        inputs.roth_bp,
        terms.rules.retirement,
        age_at_year_end=inputs.age_at_year_end,
        ytd_deferrals_cents=inputs.year_to_date.deferrals_cents,
        prior_year_ss_wages_cents=inputs.year_to_date.prior_year_ss_wages_cents,
    )
    extra_cents = inputs.step4c_cents + inputs.additional_withholding_cents
    left_cents = gross_cents - section125_cents - extra_cents
    if precedence.surely_fits(elected.total_cents, left_cents):
        return elected
    computed = _taxes(inputs, PreTax(0, section125_cents), gross_cents, terms)
    withheld = precedence.within_pay(computed, gross_cents - section125_cents)
    return precedence.reduced(elected, gross_cents - section125_cents - withheld.employee_cents)


def _taxes(inputs: Inputs, pre_tax: PreTax, gross_cents: int, terms: Terms) -> Taxes:
    ytd = inputs.year_to_date
    return taxes(
        gross_cents,
        pre_tax,
        _w4(inputs),
        TaxYearToDate(
            ytd.fica_wages_cents, ytd.fica_wages_cents, ytd.fica_wages_cents, ytd.social_security_cents
        ),
        terms.rules,
        frequency=terms.frequency,
        pay_date=terms.pay_date,
        work_state=inputs.work_state,
        election=state.Election(filing_status=inputs.filing_status),
    )


def _w4(inputs: Inputs) -> federal.W4 | federal.W4Before2020:
    if inputs.w4_version == "pre2020":
        return federal.W4Before2020(
            inputs.filing_status, inputs.allowances, inputs.additional_withholding_cents
        )
    return federal.W4(
        inputs.filing_status,
        inputs.step2_checkbox,
        inputs.step3_cents,
        inputs.step4a_cents,
        inputs.step4b_cents,
        inputs.step4c_cents,
    )


def _pre_tax(pay: PayCalculated) -> PreTax:
    return PreTax(pay.traditional_401k_cents, pay.section125_cents)


def _as_taxes(tax: TaxCalculated) -> Taxes:
    facts = vars(tax)
    return Taxes(*[facts[name] for name in Taxes._fields])


def _hundredths(hours: Decimal) -> int:
    return int(hours.scaleb(2))
