"""A whole paycheck, from gross to net."""

from datetime import date
from typing import Any

from payroll.calc.federal import W4Before2020
from payroll.calc.money import dollars
from payroll.calc.net import net_pay
from payroll.calc.paycheck import Forms, Payment, PreTax, YearToDate, taxes
from payroll.calc.worksheet import Working
from payroll.calculate.answer import Answer, money
from payroll.calculate.reading import Fields
from payroll.calculate.taxes import election, frequency, nonresident, pay_date, tables, w4

WAGES = ("fit_wages", "fica_wages")
TAXES = (
    "federal_income_tax",
    "social_security",
    "medicare",
    "additional_medicare",
    "employer_social_security",
    "employer_medicare",
    "employer_futa",
)
STATE = ("state_wages", "state_income_tax", "state_programmes", "employer_programmes")


def paycheck(fields: Fields) -> Answer:
    """Gross to net of one paycheck; amounts are given, not percents. Without `state` there is no state tax."""
    gross_cents = fields.cents("gross")
    pre_tax = PreTax(
        fields.cents("traditional_401k", 0),
        sum(_amounts(fields, "section125")),
        fields.cents("hsa_cafeteria", 0),
    )
    year = tables(fields)
    state = fields.text("state") if fields.has("state") else None
    form = w4(fields)
    paid_on: date = pay_date(fields, state or "", year)
    computed = taxes(
        Payment(gross_cents, pre_tax, fields.cents("supplemental", 0)),
        Forms(form, _election(fields, form), nonresident=nonresident(fields)),
        YearToDate(
            ss_wages_cents=fields.cents("ytd_ss_wages", 0),
            medicare_wages_cents=fields.cents("ytd_medicare_wages", 0),
            futa_wages_cents=fields.cents("ytd_futa_wages", 0),
            ss_withheld_cents=fields.cents("ytd_ss_withheld") if fields.has("ytd_ss_withheld") else None,
            fica_withheld_cents=fields.cents("ytd_fica_withheld", 0),
            supplemental_cents=fields.cents("ytd_supplemental", 0),
            income_tax_withheld=fields.flag("income_tax_withheld", False),
        ),
        year,
        frequency=frequency(fields),
        pay_date=paid_on,
        period_end=fields.day("period_end", paid_on),
        work_state=state,
        employees=fields.whole("employees") if fields.has("employees") else None,
    )
    left = net_pay(
        gross_cents,
        federal_income_tax_cents=computed.federal_income_tax_cents,
        social_security_cents=computed.social_security_cents,
        medicare_cents=computed.medicare_cents,
        additional_medicare_cents=computed.additional_medicare_cents,
        state_income_tax_cents=computed.state_income_tax_cents,
        state_programmes_cents=computed.state_programmes_cents,
        section125_cents=pre_tax.section125_cents,
        hsa_cents=pre_tax.hsa_cafeteria_cents,
        traditional_401k_cents=pre_tax.traditional_401k_cents,
        roth_401k_cents=fields.cents("roth_401k", 0),
        garnished_cents=fields.cents("garnished", 0),
        post_tax_cents=sum(_amounts(fields, "post_tax")),
        reimbursement_cents=fields.cents("reimbursement", 0),
    )
    names = (*WAGES, *TAXES, *(STATE if state else ()))
    answer: dict[str, Any] = money(computed, *names)
    if state:
        answer["programmes"] = {name: dollars(cents) for name, cents, _, _ in computed.programmes}
    answer |= money(left, disposable_earnings_federal="disposable", net_pay="net")
    given_by = {name: f"{name}_cents" for name in (*WAGES, *TAXES)}
    given_by |= {"disposable_earnings_federal": "disposable_cents", "net_pay": "net_cents"}
    workings: list[Working] = [*computed.workings, left.working]
    return Answer(answer, workings, given_by)


def _amounts(fields: Fields, key: str) -> list[int]:
    """One amount, or a list of them."""
    if isinstance(fields.content.get(key), list):
        return fields.cents_list(key)
    return [fields.cents(key, 0)]


def _election(fields: Fields, form: Any) -> Any:
    """The state's form; its filing status is that of the Form W-4 unless `state_filing_status` says another."""
    own = form.marital_status if isinstance(form, W4Before2020) else form.filing_status
    status = fields.text("state_filing_status", own)
    return election(fields)._replace(filing_status=status)
