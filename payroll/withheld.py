"""What is taken from gross pay, in the order of precedence.ORDER: between the frozen inputs and the calculators.

Taxes depend on what is taken before tax, and what is taken before tax depends on what taxes and garnishments leave.
So premiums and the deferral are settled first, against the taxes there would be without the deferral, which only
lowers them.
"""

from dataclasses import replace
from datetime import date
from typing import NamedTuple

from payroll.calc import benefits, precedence
from payroll.calc.deferral import NO_DEFERRAL, Deferral, deferral
from payroll.calc.federal import W4, W4Before2020
from payroll.calc.garnishments import NOTHING_GARNISHED, Garnished, Order
from payroll.calc.garnishments import garnish as share_out
from payroll.calc.paycheck import NO_TAXES, Forms, Payment, PreTax, Taxes, YearToDate, taxes
from payroll.calc.state import Election
from payroll.calc.tables import Retirement
from payroll.calc.worksheet import Working
from payroll.domain import Inputs, PayCalculated, Terms
from payroll.domain import YearToDate as YearSoFar

HSA = {"hsa_self": "self", "hsa_family": "family"}
DEPENDENT_CARE, POST_TAX = "dependent_care", "post_tax"
RECOVERY = "Net pay owed back"  # the name of its line


class BeforeTax(NamedTuple):
    """What is taken before tax, and what was elected and is not; in cents."""

    section125_cents: int
    section125_short_cents: int
    dependent_care_cents: int
    hsa_cents: int
    hsa_short_cents: int
    deferral: Deferral
    workings: tuple[Working, ...]


NOTHING_TAKEN = BeforeTax(0, 0, 0, 0, 0, NO_DEFERRAL, ())


class AfterTax(NamedTuple):
    """Deductions after tax: all of them in cents, and name, taken and wanted of each; of a recovery its id as well."""

    cents: int
    lines: tuple[tuple[str | int, ...], ...]
    workings: tuple[Working, ...]


def before_tax(inputs: Inputs, terms: Terms, gross_cents: int, supplemental_cents: int) -> BeforeTax:
    """Settle premiums, whole or not at all, and the deferral, as far as it fits."""
    if gross_cents == 0:  # nothing earned: nothing is deducted either
        return NOTHING_TAKEN
    payment = Payment(gross_cents, PreTax(), supplemental_cents)
    elected, limited = _elected(inputs, terms)
    taken, cut = _within_pay(inputs, terms, payment, elected)
    section125_cents = taken.section125_cents + taken.dependent_care_cents
    deferred, deferring = _deferral(
        inputs, terms, payment._replace(pre_tax=PreTax(0, section125_cents, taken.hsa_cents))
    )
    summed = (("premiums", *taken),) if limited and not cut else ()
    wanted = dict.fromkeys((DEPENDENT_CARE, *HSA), 0)
    for item in inputs.deductions:
        if item["kind"] in wanted:
            wanted[item["kind"]] += item["cents"]
    hsa_wanted_cents = sum(wanted[kind] for kind in HSA)
    return BeforeTax(
        section125_cents=section125_cents,
        section125_short_cents=inputs.section125_cents + wanted[DEPENDENT_CARE] - section125_cents,
        dependent_care_cents=taken.dependent_care_cents,
        hsa_cents=taken.hsa_cents,
        hsa_short_cents=hsa_wanted_cents - taken.hsa_cents,
        deferral=deferred,
        workings=(*limited, *cut, *summed, *deferring),
    )


def taxes_of(inputs: Inputs, terms: Terms, pay: PayCalculated) -> tuple[Taxes, Taxes]:
    """The taxes of a paycheck: as computed, and within the pay that is left for them."""
    if not pay.gross_cents:
        return NO_TAXES, NO_TAXES
    pre_tax = PreTax(pay.traditional_401k_cents, pay.section125_cents, pay.hsa_cents)
    computed = _taxes(inputs, terms, Payment(pay.gross_cents, pre_tax, pay.supplemental_cents))
    available_cents = pay.gross_cents - sum(pre_tax) - pay.roth_401k_cents
    within = precedence.within_pay(computed, available_cents)
    if within is not computed:
        cut = precedence.within_pay_working(computed, available_cents)
        within = within._replace(workings=(*computed.workings, cut))
    return computed, within


def garnish(inputs: Inputs, terms: Terms, disposable_cents: int, in_effect_cents: int) -> Garnished:
    """Share out what orders may take.

    in_effect_cents   what is taken before tax, which a federal levy leaves in force; deductions after tax that began
                      before the first levy came are added here
    source            Form 668-W: take-home pay is after the deductions that were in effect when the levy came
    """
    if not inputs.garnishments:
        return NOTHING_GARNISHED
    orders = [
        Order(
            id=order["id"],
            kind=order["kind"],
            amount_cents=order["cents"],
            percent_bp=order["percent_bp"],
            received=date.fromisoformat(order["received"]),
            supports_other_family=bool(order["supports_other_family"]),
            arrears_over_12_weeks=bool(order["arrears_over_12_weeks"]),
            exempt_cents=order.get("exempt_cents"),
            balance_cents=order["balance_cents"],
            filing_status=order["filing_status"] or "mfs",
            dependents=order["dependents"] or 0,
        )
        for order in inputs.garnishments
    ]
    levied = min((order.received for order in orders if order.kind == "federal_levy"), default=None)
    if levied is not None:
        in_effect_cents += sum(
            item["cents"]
            for item in inputs.deductions
            if item["kind"] == POST_TAX and item.get("since", "") <= levied.isoformat()
        )
    # Orders that name different minimum wages mean the place with the higher one, which leaves more.
    minimum_wages = [order.get("minimum_wage_cents") for order in inputs.garnishments]
    return share_out(
        disposable_cents,
        terms.frequency,
        orders,
        terms.rules.garnishment,
        work_state=inputs.work_state,
        minimum_wage_cents=max((cents for cents in minimum_wages if cents is not None), default=None),
        deductions_in_effect_cents=in_effect_cents,
    )


def after_tax(inputs: Inputs, disposable_cents: int, room_cents: int) -> AfterTax:
    """Take what is owed back, then what the employee asked for after tax, each as far as it fits, in their order."""
    recovered = 0
    lines: list[tuple[str | int, ...]] = []
    workings: list[Working] = []
    if inputs.recoveries:
        owed = [(each["id"], each["cents"]) for each in inputs.recoveries]
        ids, cents = zip(*owed, strict=True)
        share_bp = inputs.recoveries[0]["share_bp"]
        back = precedence.recovered(cents, disposable_cents, share_bp, room_cents)
        workings.append(precedence.recovered_working(ids, cents, disposable_cents, share_bp, room_cents))
        lines += [
            (RECOVERY, taken, wanted, each) for each, taken, wanted in zip(ids, back, cents, strict=True)
        ]
        recovered = sum(back)
    wanted = [(item["name"], item["cents"]) for item in inputs.deductions if item["kind"] == POST_TAX]
    if wanted:
        names, amounts = zip(*wanted, strict=True)
        taken = precedence.as_far_as_it_fits(amounts, room_cents - recovered)
        workings.append(
            precedence.fitted_working("as_far_as_it_fits", names, amounts, room_cents - recovered)
        )
        lines += zip(names, taken, amounts, strict=True)
    if not lines:
        return AfterTax(0, (), ())
    together = tuple(int(line[1]) for line in lines)
    return AfterTax(sum(together), tuple(lines), (*workings, ("post_tax_deductions", together)))


class _Premiums(NamedTuple):
    """Premiums in cents, in the order in which they are taken."""

    section125_cents: int
    dependent_care_cents: int
    hsa_cents: int


def _elected(inputs: Inputs, terms: Terms) -> tuple[_Premiums, tuple[Working, ...]]:
    """Premiums as elected, within the limits of the year."""
    ytd, limits = inputs.year_to_date, terms.rules.benefits
    care_cents = hsa_cents = 0
    workings: list[Working] = []
    for item in inputs.deductions:
        if item["kind"] == DEPENDENT_CARE:
            set_aside = benefits.dependent_care(
                item["cents"],
                ytd.dependent_care_cents + care_cents,
                limits,
                married_separate=inputs.filing_status == "mfs",
            )
            care_cents += set_aside.taken_cents
        elif item["kind"] in HSA:
            set_aside = benefits.hsa(
                item["cents"],
                ytd.hsa_cents + hsa_cents,
                limits,
                coverage=HSA[item["kind"]],
                age_at_year_end=inputs.age_at_year_end,
            )
            hsa_cents += set_aside.taken_cents
        else:
            continue
        workings.append(set_aside.working)
    return _Premiums(inputs.section125_cents, care_cents, hsa_cents), tuple(workings)


def _within_pay(
    inputs: Inputs, terms: Terms, payment: Payment, elected: _Premiums
) -> tuple[_Premiums, tuple[Working, ...]]:
    """Premiums that the pay bears beside its taxes and garnishments, each whole or not at all."""
    if not any(elected):
        return elected, ()
    if _surely_fits(inputs, sum(elected), payment.gross_cents):
        return elected, ()
    taken: list[int] = []
    rooms: list[tuple[str, int, int]] = []
    for name, wanted_cents in zip(("section125_premiums", "dependent_care", "hsa"), elected, strict=True):
        # Against the taxes there would be with it: a premium lowers them.
        before_cents = sum(taken)
        tried_cents = min(wanted_cents, payment.gross_cents - before_cents)
        premiums = [*taken, tried_cents, 0, 0]
        trial = payment._replace(pre_tax=PreTax(0, premiums[0] + premiums[1], premiums[2]))
        taxed = _taxes(inputs, terms, trial)
        required_cents = _required_cents(inputs, terms, trial, taxed, 0)
        room_cents = max(0, payment.gross_cents - before_cents - required_cents)
        taken.append(wanted_cents if wanted_cents <= room_cents else 0)
        rooms.append((name, wanted_cents, room_cents))
    return _Premiums(*taken), (("premiums_within_pay", rooms),)


def _deferral(inputs: Inputs, terms: Terms, payment: Payment) -> tuple[Deferral, tuple[Working, ...]]:
    """The deferral of this check, never more than taxes and garnishments leave of the pay."""
    if not (inputs.traditional_bp or inputs.roth_bp):
        return NO_DEFERRAL, ()
    elected = deferral(
        payment.gross_cents,
        inputs.traditional_bp,
        inputs.roth_bp,
        _catch_up_left(terms.rules.retirement, inputs.year_to_date),
        age_at_year_end=inputs.age_at_year_end,
        ytd_deferrals_cents=inputs.year_to_date.deferrals_cents,
        prior_year_ss_wages_cents=inputs.year_to_date.prior_year_ss_wages_cents,
    )
    before_cents = sum(payment.pre_tax)
    if _surely_fits(inputs, before_cents + elected.total_cents, payment.gross_cents):
        return elected, (elected.working,)
    left_cents = payment.gross_cents - before_cents
    within = precedence.within_pay(_taxes(inputs, terms, payment), left_cents)
    room_cents = left_cents - _required_cents(inputs, terms, payment, within, elected.total_cents)
    taken = precedence.reduced(elected, room_cents)
    # A smaller deferral may let an order take more: a levy leaves only what is really deferred, a premium fits whole.
    step_cents = 0
    while (
        inputs.garnishments
        and taken.total_cents
        and (over_cents := _over_cents(inputs, terms, payment, taken))
    ):
        step_cents = max(over_cents, 2 * step_cents)
        taken = precedence.reduced(elected, taken.total_cents - step_cents)
    if taken == elected:
        return elected, (elected.working,)
    return taken, (elected.working, precedence.reduced_working(elected, taken.total_cents))


def _catch_up_left(limits: Retirement, ytd: YearSoFar) -> Retirement:
    """The limits, without the catch-up that later paychecks of the year have taken before a correction."""
    taken_cents = ytd.used.get("later_catch_up_cents", 0)
    if not taken_cents:
        return limits
    return replace(
        limits,
        catch_up_50_cents=limits.catch_up_50_cents - taken_cents,
        catch_up_60_to_63_cents=limits.catch_up_60_to_63_cents - taken_cents,
    )


def _over_cents(inputs: Inputs, terms: Terms, payment: Payment, deferred: Deferral) -> int:
    """By how much premiums, this deferral, taxes and garnishments together exceed the pay."""
    pre_tax = payment.pre_tax._replace(traditional_401k_cents=deferred.traditional_cents)
    voluntary_cents = sum(payment.pre_tax) + deferred.total_cents
    computed = _taxes(inputs, terms, payment._replace(pre_tax=pre_tax))
    within = precedence.within_pay(computed, payment.gross_cents - voluntary_cents)
    required_cents = _required_cents(inputs, terms, payment, within, deferred.total_cents)
    return max(0, voluntary_cents + required_cents - payment.gross_cents)


def _required_cents(
    inputs: Inputs, terms: Terms, payment: Payment, withheld: Taxes, wanted_cents: int
) -> int:
    """What comes before a premium or a deferral: taxes, then garnishments on what they leave.

    wanted_cents   of the deferral that is being settled
    """
    disposable_cents = max(0, payment.gross_cents - withheld.employee_cents)
    in_effect_cents = sum(payment.pre_tax) + wanted_cents
    garnished = garnish(inputs, terms, disposable_cents, in_effect_cents)
    return withheld.employee_cents + garnished.garnished_cents


def _surely_fits(inputs: Inputs, voluntary_cents: int, gross_cents: int) -> bool:
    """Whether amounts fit whatever the taxes are; not known where more than wages and a fixed extra decides them."""
    if inputs.garnishments or inputs.forms or inputs.step4a_cents:
        return False
    extra_cents = inputs.step4c_cents + inputs.additional_withholding_cents
    return precedence.surely_fits(voluntary_cents + extra_cents, gross_cents)


def _taxes(inputs: Inputs, terms: Terms, payment: Payment) -> Taxes:
    ytd = inputs.year_to_date
    return taxes(
        payment,
        _forms(inputs),
        YearToDate(
            ss_wages_cents=ytd.used.get("ytd_ss_wages_cents", ytd.fica_wages_cents),
            medicare_wages_cents=ytd.used.get("ytd_medicare_wages_cents", ytd.fica_wages_cents),
            futa_wages_cents=ytd.used.get("ytd_futa_wages_cents", ytd.fica_wages_cents),
            ss_withheld_cents=ytd.used.get("ytd_social_security_cents", ytd.social_security_cents),
            fica_withheld_cents=ytd.social_security_cents + ytd.medicare_cents,
            supplemental_cents=ytd.supplemental_cents,
            programme_wages_cents=ytd.programme_wages_cents,
            income_tax_withheld=ytd.income_tax_withheld,
        ),
        terms.rules,
        frequency=terms.frequency,
        pay_date=terms.taxed_as_of,
        period_end=terms.period_end,
        work_state=inputs.work_state,
        employees=terms.employees,
    )


def _forms(inputs: Inputs) -> Forms:
    """The employee's forms: of most people only the Form W-4 is known, and the state goes by its filing status."""
    forms = inputs.forms
    if not forms:
        return Forms(_w4(inputs, exempt=False), Election(filing_status=inputs.filing_status))
    letter = forms.get("lock_in")
    election = Election(**{"filing_status": inputs.filing_status} | forms.get("state", {}))
    return Forms(
        _w4(inputs, exempt=forms.get("w4_exempt", False)),
        election,
        None if letter is None else W4(**letter),
        forms.get("nonresident"),
    )


def _w4(inputs: Inputs, *, exempt: bool) -> W4 | W4Before2020:
    if inputs.w4_version == "pre2020":
        return W4Before2020(
            inputs.filing_status, inputs.allowances, inputs.additional_withholding_cents, exempt
        )
    return W4(
        inputs.filing_status,
        inputs.step2_checkbox,
        inputs.step3_cents,
        inputs.step4a_cents,
        inputs.step4b_cents,
        inputs.step4c_cents,
        exempt,
    )
