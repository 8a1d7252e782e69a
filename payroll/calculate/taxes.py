"""Federal and state taxes of one payment."""

from datetime import date
from fractions import Fraction
from typing import Any

from payroll import rules
from payroll.calc import federal, state, supplemental
from payroll.calc.calendar import PERIODS_PER_YEAR
from payroll.calc.federal import W4, W4Before2020
from payroll.calc.fica import Fica, fica, futa
from payroll.calc.money import dollars
from payroll.calc.state import Election
from payroll.calc.tables import Rules
from payroll.calc.worksheet import Value, Working, fill_in
from payroll.calculate.answer import Answer, money, simply
from payroll.calculate.reading import BadInput, Fields

FIRST_OF_2020_FORMS, BEFORE_2020 = "2020+", "pre2020"
FICA_FIELDS = {
    "ss_taxable": "ss_taxable",
    "ss_employee": "ss_employee",
    "ss_employer": "ss_employer",
    "medicare_employee": "medicare_employee",
    "medicare_employer": "medicare_employer",
    "additional_medicare_taxable": "additional_medicare_taxable",
    "additional_medicare_employee": "additional_medicare",
}
FICA_GIVEN_BY = {
    "ss_taxable": "ss_taxable_cents",
    "ss_employee": "social_security_cents",
    "ss_employer": "employer_social_security_cents",
    "medicare_employee": "medicare_cents",
    "medicare_employer": "employer_medicare_cents",
    "additional_medicare_taxable": "additional_medicare_taxable_cents",
    "additional_medicare_employee": "additional_medicare_cents",
}


def tables(fields: Fields) -> Rules:
    """The rules of the input's tax year. Raises NoRules for a year without."""
    return rules.load(fields.whole("tax_year"))


def frequency(fields: Fields) -> str:
    return fields.choice("pay_frequency", *PERIODS_PER_YEAR)


def w4(fields: Fields) -> W4 | W4Before2020:
    """A Form W-4, of either kind."""
    form = fields.inside("w4")
    if form.choice("version", FIRST_OF_2020_FORMS, BEFORE_2020) == BEFORE_2020:
        return W4Before2020(
            form.choice("marital_status", "single", "married", "married_higher_single"),
            form.whole("allowances", 0),
            form.cents("additional", 0),
            form.flag("exempt", False),
        )
    return W4(
        form.choice("filing_status", "single", "mfs", "mfj", "qss", "hoh"),
        form.flag("step2_checkbox", False),
        form.cents("step3", 0),
        form.cents("step4a", 0),
        form.cents("step4b", 0),
        form.cents("step4c", 0),
        form.flag("exempt", False),
    )


def nonresident(fields: Fields) -> str | None:
    """The table of amounts added for a nonresident alien, if the input names one."""
    return fields.choice("nonresident_alien", "table1", "table2") if fields.has("nonresident_alien") else None


def fit(fields: Fields) -> Answer:
    """Federal income tax of regular wages, with the lines of Worksheet 1A that lead to it."""
    computed = federal.withholding(
        fields.cents("taxable_wages"),
        frequency(fields),
        w4(fields),
        tables(fields).federal,
        nonresident(fields),
    )
    lines = fill_in(computed.working).facts
    answer = money(computed, withholding="withholding")
    given_by = {"withholding": "federal_income_tax_cents"}
    for field, keys in {"adjusted_annual_wage": ("1i", "1l"), "tentative_annual": ("2g",)}.items():
        for key in keys:
            if key in lines:
                answer[field], given_by[field] = exact_dollars(lines[key]), key
    return Answer(answer, [computed.working], given_by)


def exact_dollars(cents: Value) -> str:
    """An amount that need not be whole cents, with all of its decimals and at least two."""
    assert isinstance(cents, int | Fraction)
    scaled = cents * 10**6  # every rate has at most six decimals, so nothing is left over
    whole, rest = divmod(int(scaled), 10**8)
    decimals = f"{rest:08d}".rstrip("0").ljust(2, "0")
    return f"{whole}.{decimals}"


def fit_supplemental(fields: Fields) -> Answer:
    """Federal income tax of wages that are paid beside the regular ones."""
    year = tables(fields).federal
    if fields.choice("method", "flat", "aggregate") == "flat":
        flat = supplemental.flat(
            fields.cents("supplemental_wages"), fields.cents("ytd_supplemental", 0), year.supplemental
        )
        given_by = {"at_22": "at_22_cents", "at_37": "at_37_cents", "withholding": "federal_income_tax_cents"}
        return Answer(money(flat, "at_22", "at_37", "withholding"), [flat.working], given_by)
    both = supplemental.aggregate(
        fields.cents("regular_wages"),
        fields.cents("supplemental_wages"),
        frequency(fields),
        w4(fields),
        year,
        nonresident=nonresident(fields),
        ytd_supplemental_cents=fields.cents("ytd_supplemental", 0),
    )
    names = ("on_combined", "on_regular", "withholding")
    given_by = simply(names, withholding="federal_income_tax_cents")
    return Answer(money(both, *names), both.workings, given_by)


def fica_of_one(fields: Fields) -> Answer:
    """Social Security and Medicare of one payment."""
    computed = fica(
        fields.cents("ss_wages"),
        fields.cents("medicare_wages"),
        tables(fields).fica,
        ytd_ss_wages_cents=fields.cents("ytd_ss_wages", 0),
        ytd_medicare_wages_cents=fields.cents("ytd_medicare_wages", 0),
        ytd_ss_withheld_cents=fields.cents("ytd_ss_withheld") if fields.has("ytd_ss_withheld") else None,
    )
    return Answer(money(computed, **FICA_FIELDS), [computed.working], FICA_GIVEN_BY)


def fica_sequence(fields: Fields) -> Answer:
    """Social Security and Medicare of a year's payments, one after the other."""
    rates, paid_cents, withheld_cents = tables(fields).fica, 0, 0
    checks: list[Fica] = []
    gross = fields.cents_list("checks")
    for gross_cents in gross:
        check = fica(
            gross_cents,
            gross_cents,
            rates,
            ytd_ss_wages_cents=paid_cents,
            ytd_medicare_wages_cents=paid_cents,
            ytd_ss_withheld_cents=withheld_cents,
        )
        paid_cents += gross_cents
        withheld_cents += check.ss_employee_cents
        checks.append(check)
    totals = {
        "ss_taxable_total": [check.ss_taxable_cents for check in checks],
        "ss_employee_total": [check.ss_employee_cents for check in checks],
        "medicare_employee_total": [check.medicare_employee_cents for check in checks],
        "additional_medicare_total": [check.additional_medicare_cents for check in checks],
    }
    first = {
        "first_check_capped": [
            check.ss_taxable_cents < cents for check, cents in zip(checks, gross, strict=True)
        ],
        "first_check_additional_medicare": [check.additional_medicare_taxable_cents > 0 for check in checks],
    }
    answer: dict[str, Any] = {name: dollars(sum(amounts)) for name, amounts in totals.items()}
    answer |= {name: holds.index(True) + 1 if any(holds) else None for name, holds in first.items()}
    workings: list[Working] = [check.working for check in checks]
    workings += [("total", f"{name}_cents", amounts) for name, amounts in totals.items()]
    workings += [("first_of", name, holds) for name, holds in first.items()]
    return Answer(answer, workings, simply(tuple(totals)) | {name: name for name in first})


def futa_of_one(fields: Fields) -> Answer:
    """Federal unemployment tax of one payment."""
    computed = futa(
        fields.cents("futa_wages"),
        fields.cents("ytd_futa_wages", 0),
        tables(fields).futa,
        fields.fraction_ppm("credit_reduction", 0),
    )
    given_by = {"futa_taxable": "futa_taxable_cents", "futa_tax": "employer_futa_cents"}
    return Answer(money(computed, futa_taxable="taxable", futa_tax="tax"), [computed.working], given_by)


def state_of(code: str | None) -> Any:
    """The calculation of one state's income tax, or of the one that the input names."""

    def state_tax(fields: Fields) -> Answer:
        year = tables(fields)
        place = code or fields.text("state")
        paid_on = pay_date(fields, place, year)
        tax = state.withholding(
            place,
            fields.cents("taxable_wages"),
            election(fields),
            year,
            frequency=frequency(fields),
            pay_date=paid_on,
            period_end=fields.day("period_end", paid_on),
            fica_cents=_fica_withheld(fields, year),
            ytd_fica_cents=fields.cents("ytd_fica_withheld", 0),
        )
        answer, given_by = money(tax, "withholding"), {"withholding": "state_income_tax_cents"}
        if tax.annual_tax_cents is not None:
            answer |= money(tax, "annual_tax")
            given_by["annual_tax"] = "annual_tax_cents"
        return Answer(answer, [tax.working], given_by)

    return state_tax


def _fica_withheld(fields: Fields, year: Rules) -> int:
    """Social Security and Medicare of the payment, which MA deducts: as given, or of the year's first such wages."""
    if fields.has("fica_withheld"):
        return fields.cents("fica_withheld")
    wages_cents = fields.cents("taxable_wages")
    social = fica(
        wages_cents,
        wages_cents,
        year.fica,
        ytd_ss_wages_cents=0,
        ytd_medicare_wages_cents=0,
        ytd_ss_withheld_cents=0,
    )
    return social.ss_employee_cents + social.medicare_employee_cents + social.additional_medicare_cents


def pay_date(fields: Fields, place: str, year: Rules) -> date:
    """The pay date; it may be left out where the state's rule is the same all year."""
    dated = year.states.get(place, ())
    if len(dated) > 1 and not fields.has("pay_date"):
        raise BadInput(f"{place} changed its rule on {dated[1].since}: give the pay_date")
    return fields.day("pay_date", date(year.year, 1, 1))


def election(fields: Fields) -> Election:
    """What the employee's state form says; every entry but the status may be left out."""
    counts = {
        name: fields.whole(name)
        for name in (
            "allowances",
            "further_allowances",
            "dependents",
            "first_time_dependents",
            "adopted_dependents",
            "estimated_deduction_allowances",
            "age_blind_allowances",
        )
        if fields.has(name)
    }
    amounts = {
        f"{name}_cents": fields.cents(name)
        for name in ("additional", "credit", "deduction")
        if fields.has(name)
    }
    if fields.has("elected_rate_percent"):
        counts["elected_rate_ppm"] = fields.bp("elected_rate_percent") * 100
    return Election(
        filing_status=fields.text("filing_status", "single"),
        table=fields.text("table") if fields.has("table") else None,
        exempt=fields.flag("exempt", False),
        **counts,
        **amounts,
    )
