"""The acceptance examples, each against the function that answers it.

examples.json has 80 vectors; the kinds no code answers yet are named in LATER, so a new kind cannot be
overlooked. Money and hours in it are decimal strings; only the fields in `expected` are promised.
"""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payroll.calc import aba, calendar, state
from payroll.calc.deferral import deferral
from payroll.calc.federal import W4, W4Before2020, withholding
from payroll.calc.fica import fica, futa
from payroll.calc.hours import Line, workweek
from payroll.calc.match import match, true_up
from payroll.calc.money import PPM, parse_cents, percent_to_bp
from payroll.calc.paycheck import PreTax, YearToDate, paycheck
from payroll.calc.state import Election
from payroll.rules import load

VECTORS = json.loads((Path(__file__).parent / "examples.json").read_text())["vectors"]
LATER = {
    "fit_supplemental",
    "garnish_ordinary",
    "garnish_support",
    "garnish_stack",
    "state_ca",
    "state_ny",
}
HOURS = {"regular_hours", "overtime_hours", "hours_worked"}
Answer = dict[str, Any]


def c(fields: Answer, key: str) -> int:
    return parse_cents(fields.get(key, "0.00"))


def w4_of(fields: Answer) -> W4 | W4Before2020:
    if fields["version"] == "pre2020":
        return W4Before2020(fields["marital_status"], fields["allowances"], c(fields, "additional"))
    steps = (c(fields, step) for step in ("step3", "step4a", "step4b", "step4c"))
    return W4(fields["filing_status"], fields["step2_checkbox"], *steps, exempt=fields.get("exempt", False))


def fit(i: Answer) -> Answer:
    federal = load(i["tax_year"]).federal
    tax = withholding(
        c(i, "taxable_wages"), i["pay_frequency"], w4_of(i["w4"]), federal, i.get("nonresident_alien")
    )
    return {
        "withholding": tax.withholding_cents,
        "adjusted_annual_wage": tax.adjusted_annual_wage_cents,
        "tentative_annual": Decimal(tax.tentative_annual_microcents) / PPM,
    }


def fica_once(i: Answer) -> Answer:
    withheld = parse_cents(i["ytd_ss_withheld"]) if "ytd_ss_withheld" in i else None
    tax = fica(
        c(i, "ss_wages"),
        c(i, "medicare_wages"),
        load(i["tax_year"]).fica,
        ytd_ss_wages_cents=c(i, "ytd_ss_wages"),
        ytd_medicare_wages_cents=c(i, "ytd_medicare_wages"),
        ytd_ss_withheld_cents=withheld,
    )
    answer = {key.removesuffix("_cents"): value for key, value in tax._asdict().items()}
    answer["additional_medicare_employee"] = answer.pop("additional_medicare")
    return answer


def fica_sequence(i: Answer) -> Answer:
    paid, checks = 0, []
    for gross in map(parse_cents, i["checks"]):
        withheld = sum(tax.ss_employee_cents for tax in checks)
        checks.append(
            fica(
                gross,
                gross,
                load(i["tax_year"]).fica,
                ytd_ss_wages_cents=paid,
                ytd_medicare_wages_cents=paid,
                ytd_ss_withheld_cents=withheld,
            )
        )
        paid += gross
    gross_by_check = [parse_cents(gross) for gross in i["checks"]]
    capped = (n for n, tax in enumerate(checks) if tax.ss_taxable_cents < gross_by_check[n])
    additional = (n for n, tax in enumerate(checks) if tax.additional_medicare_cents)
    return {
        "ss_taxable_total": sum(tax.ss_taxable_cents for tax in checks),
        "ss_employee_total": sum(tax.ss_employee_cents for tax in checks),
        "medicare_employee_total": sum(tax.medicare_employee_cents for tax in checks),
        "additional_medicare_total": sum(tax.additional_medicare_cents for tax in checks),
        "first_check_capped": next(capped) + 1,
        "first_check_additional_medicare": next(additional) + 1,
    }


def futa_once(i: Answer) -> Answer:
    reduction = int(Decimal(i["credit_reduction"]) * PPM)
    tax = futa(c(i, "futa_wages"), c(i, "ytd_futa_wages"), load(i["tax_year"]).futa, reduction)
    return {"futa_taxable": tax.taxable_cents, "futa_tax": tax.tax_cents}


def overtime(i: Answer) -> Answer:
    weeks = [
        workweek(
            [Line(Decimal(x["hours"]), Decimal(x["rate"]), x.get("kind", "work")) for x in week["lines"]],
            load(2026).flsa,
            nondiscretionary_bonus_cents=c(week, "nondiscretionary_bonus"),
            excluded_pay_cents=c(week, "excluded_pay"),
        )
        for week in i["workweeks"]
    ]
    return {
        "regular_hours": sum(week.regular_hours for week in weeks),
        "overtime_hours": sum(week.overtime_hours for week in weeks),
        "straight_time_pay": sum(week.straight_time_cents for week in weeks),
        "overtime_premium": sum(week.premium_cents for week in weeks),
        "other_pay": sum(week.other_cents for week in weeks),
        "gross": sum(week.gross_cents for week in weeks),
        "workweeks": [
            {
                "hours_worked": week.hours_worked,
                "overtime_hours": week.overtime_hours,
                "premium": week.premium_cents,
            }
            for week in weeks
        ],
    }


def deferral_once(i: Answer) -> Answer:
    settled = deferral(
        c(i, "eligible_comp"),
        percent_to_bp(i["traditional_percent"]),
        percent_to_bp(i["roth_percent"]),
        load(i["tax_year"]).retirement,
        age_at_year_end=i["age_at_year_end"],
        ytd_deferrals_cents=c(i, "ytd_deferrals"),
        prior_year_ss_wages_cents=c(i, "prior_year_ss_wages"),
    )
    answer = {key.removesuffix("_cents"): value for key, value in settled._asdict().items()}
    answer["of_which_catch_up"] = answer.pop("catch_up")
    return answer


def deferral_sequence(i: Answer) -> Answer:
    limits, deferred, matched, paid, first_limited = load(i["tax_year"]).retirement, 0, 0, 0, None
    for number, comp in enumerate(map(parse_cents, i["checks"]), 1):
        check = deferral(
            comp,
            percent_to_bp(i["traditional_percent"]),
            0,
            limits,
            age_at_year_end=i["age_at_year_end"],
            ytd_deferrals_cents=deferred,
            prior_year_ss_wages_cents=0,
        )
        if check.refused_cents and first_limited is None:
            first_limited = (number, check.total_cents)
        matched += match(comp, paid, check.total_cents, i["formula"], limits).match_cents
        deferred, paid = deferred + check.total_cents, paid + comp
    return {
        "annual_deferrals": deferred,
        "annual_match_per_check": matched,
        "true_up": true_up(paid, deferred, matched, i["formula"], limits).true_up_cents,
        "first_check_limited": first_limited and first_limited[0],
        "deferral_on_first_limited_check": first_limited and first_limited[1],
    }


def match_once(i: Answer) -> Answer:
    limits = load(i["tax_year"]).retirement
    made = match(c(i, "eligible_comp"), c(i, "ytd_comp"), c(i, "deferrals"), i["formula"], limits)
    return {"matched_comp": made.matched_comp_cents, "match": made.match_cents}


def true_up_once(i: Answer) -> Answer:
    limits = load(i["tax_year"]).retirement
    owed = true_up(c(i, "annual_comp"), c(i, "annual_deferrals"), c(i, "ytd_match"), i["formula"], limits)
    return {"annual_match": owed.annual_match_cents, "true_up": owed.true_up_cents}


def whole_paycheck(i: Answer) -> Answer:
    section125 = sum(map(parse_cents, i.get("section125", [])))
    taxes, net = paycheck(
        c(i, "gross"),
        PreTax(c(i, "traditional_401k"), section125, c(i, "hsa_cafeteria")),
        w4_of(i["w4"]),
        YearToDate(c(i, "ytd_ss_wages"), c(i, "ytd_medicare_wages"), c(i, "ytd_futa_wages")),
        load(i["tax_year"]),
        frequency=i["pay_frequency"],
        pay_date=date(i["tax_year"], 6, 30),
        work_state="TX",  # the vectors are federal
        election=Election(),
        roth_401k_cents=c(i, "roth_401k"),
        post_tax_cents=c(i, "post_tax"),
    )
    answer = {key.removesuffix("_cents"): value for key, value in taxes._asdict().items()}
    return answer | {"disposable_earnings_federal": net.disposable_cents, "net_pay": net.net_pay_cents}


def state_flat(i: Answer) -> Answer:
    withheld = state.withholding(
        i["state"],
        c(i, "taxable_wages"),
        Election(filing_status=i["filing_status"], allowances=i["allowances"]),
        load(i["tax_year"]),
        frequency=i["pay_frequency"],
        pay_date=date(i["tax_year"], 6, 30),
    )
    return {"withholding": withheld}


def banking_day(i: Answer) -> Answer:
    day = date.fromisoformat(i["date"])
    if i["op"] == "is_banking_day":
        return {"result": calendar.is_banking_day(day)}
    if i["op"] == "adjust_before":
        return {"result": calendar.adjust_before(day).isoformat()}
    assert i["op"] == "add"
    return {"result": calendar.add_banking_days(day, i["banking_days"]).isoformat()}


def paydays(i: Answer) -> Answer:
    first = date.fromisoformat(i["first_payday"])
    return {"paydays_in_year": calendar.paydays_in_year(i["year"], i["pay_frequency"], first)}


ANSWERS: dict[str, Callable[[Answer], Answer]] = {
    "fit": fit,
    "fica": fica_once,
    "fica_sequence": fica_sequence,
    "futa": futa_once,
    "overtime": overtime,
    "deferral": deferral_once,
    "deferral_sequence": deferral_sequence,
    "match": match_once,
    "true_up": true_up_once,
    "paycheck": whole_paycheck,
    "state_flat": state_flat,
    "aba_check_digit": lambda i: {"check_digit": aba.check_digit(i["routing8"])},
    "entry_hash": lambda i: {"entry_hash": aba.entry_hash(i["routing_numbers"])},
    "block_count": lambda i: aba.blocks(i["records"])._asdict(),
    "banking_day": banking_day,
    "paydays": paydays,
    "semiweekly_deposit": lambda i: {
        "due": calendar.semiweekly_due(date.fromisoformat(i["payday"])).isoformat()
    },
}


def promised(value: Any, key: str = "") -> Any:
    """Read an expected value: money as exact cents, hours as hours, everything else as it stands."""
    if isinstance(value, list):
        return [{key: promised(each, key) for key, each in item.items()} for item in value]
    if isinstance(value, str) and "." in value:
        return Decimal(value) if key in HOURS else Decimal(value) * 100
    return value


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["kind"] not in LATER], ids=lambda v: v["id"])
def test_example(vector: Answer) -> None:
    answer = ANSWERS[vector["kind"]](vector["input"])
    expected = {key: promised(value, key) for key, value in vector["expected"].items()}
    assert {key: answer[key] for key in expected} == expected


def test_every_kind_is_answered_or_waits_on_purpose() -> None:
    assert len(VECTORS) == 80
    assert {vector["kind"] for vector in VECTORS} == ANSWERS.keys() | LATER
