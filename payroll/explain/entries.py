"""What the entries of worksheets are that no table, event or input of the same name holds.

Each also says what stands there, where that has the entry's own form, so that the two can be compared.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from payroll.calc.calendar import PERIODS_PER_YEAR
from payroll.explain.sections import Asked, Origin


class Record(NamedTuple):
    """What is on record about one paycheck.

    facts      of its events, by name; `event_of` names the event that holds each
    inputs     its entry of the manifest, with the defaults of what is left out
    terms      of the manifest: what all paychecks of the run share
    tables     the rule tables that the run is pinned to
    """

    facts: Mapping[str, Any]
    event_of: Mapping[str, str]
    inputs: Mapping[str, Any]
    terms: Mapping[str, Any]
    tables: Mapping[str, Any]

    def earlier(self, fact: str) -> Any:
        """A year to date as it was frozen."""
        return self.inputs["year_to_date"].get(fact, 0)

    def form(self, name: str) -> Any:
        """A further tax form; None when there is none on file."""
        return (self.inputs["forms"] or {}).get(name)


Expect = Callable[[Asked, Record], Any]

# Years to date, by the names that worksheets have for them.
YEAR_TO_DATE = {
    "ytd_ss_wages_cents": "fica_wages_cents",
    "ytd_medicare_wages_cents": "fica_wages_cents",
    "ytd_futa_wages_cents": "fica_wages_cents",
    "ytd_social_security_cents": "social_security_cents",
    "ytd_deferrals_cents": "deferrals_cents",
    "ytd_comp_cents": "eligible_comp_cents",
    "ytd_supplemental_cents": "supplemental_cents",
    "ytd_additions_cents": "annual_additions_cents",
    "prior_year_ss_wages_cents": "prior_year_ss_wages_cents",
}


class Special(NamedTuple):
    """What is said of an entry, and what it must be, if that can be told; `None` for what cannot."""

    kind: str
    where: str
    expect: Expect | None = None
    only_unlinked: bool = True

    def origin(self, asked: Asked, record: Record) -> Origin:
        if self.expect is None:
            return Origin(self.kind, self.where)
        return Origin(self.kind, self.where, expected=(self.expect(asked, record),))


def _term(name: str) -> Special:
    return Special("input", f"terms.{name}", lambda _, record: record.terms[name])


def _frozen(name: str, expect: Expect | None = None) -> Special:
    return Special("input", name, expect)


def _summed(where: str, *names: str) -> Special:
    return Special("computed", where, lambda _, record: sum(record.facts[name] for name in names))


def _ytd_and_now(fact: str, sheet: str) -> Special:
    """A year to date, and what the same paycheck set aside by an earlier worksheet of the kind."""
    return Special(
        "year to date",
        f"year_to_date.{fact}, and what this paycheck set aside before",
        lambda asked, record: record.earlier(fact) + _given_before(asked, sheet, fact),
        only_unlinked=False,
    )


def _given_before(asked: Asked, sheet: str, fact: str) -> int:
    given = [each.facts[fact] for each in asked.earlier if each.worksheet.name == sheet]
    return sum(value for value in given if isinstance(value, int))


def _set_aside(fact: str, sheet: str) -> Special:
    return Special(
        "computed",
        "what every deduction of the kind sets aside",
        lambda asked, _: _given_before(asked, sheet, fact),
        only_unlinked=False,
    )


def _earlier_fica(_: Asked, record: Record) -> int:
    """A paycheck's Medicare is that of all wages: the additional tax is a fact of its own."""
    return int(record.earlier("social_security_cents") + record.earlier("medicare_cents"))


def _post_tax_wanted(_: Asked, record: Record) -> list[list[Any]]:
    return [
        [item["name"], item["cents"]] for item in record.inputs["deductions"] if item["kind"] == "post_tax"
    ]


def _room_cents(record: Record) -> int:
    """What taxes, deductions before tax and garnishments leave."""
    facts = record.facts
    return int(facts["disposable_cents"] - sum(facts[name] for name in (*_BEFORE_TAX, "garnished_cents")))


def _programme(name: str) -> Expect:
    """A year to date of one programme."""
    return lambda asked, record: (record.earlier(name) or {}).get(asked.sheet.entries["programme"], 0)


def _corrected(asked: Asked, record: Record) -> list[list[Any]]:
    """What is right as the steps found it, and what was paid before as it was frozen."""
    paid = record.inputs["paid"]
    return [[name, record.facts[name], paid.get(name, 0)] for name, _, _ in asked.value]


_FICA = ("social_security_cents", "medicare_cents", "additional_medicare_cents")
_DEFERRED = ("traditional_401k_cents", "roth_401k_cents")
_BEFORE_TAX = ("section125_cents", "hsa_cents", *_DEFERRED)
_NO_ORDER = Special("computed", "no order of this kind", lambda *_: 0)
PLAIN = 3  # name, taken and wanted; a line with more of it is a recovery
_ORDERS = Special("input", "garnishments")
_PLAN = Special("computed", "every plan here is taken to offer it", lambda *_: True)

SPECIAL: dict[str, Special] = {
    "periods": Special(
        "input", "terms.frequency", lambda _, record: PERIODS_PER_YEAR[record.terms["frequency"]]
    ),
    **{name: _term(name) for name in ("frequency", "period_start", "period_end")},
    "annual_salary_e4": _frozen("pay_rate", lambda _, r: int(Decimal(r.inputs["pay_rate"]).scaleb(4))),
    "standard_hundredths": _frozen(
        "standard_weekly_hours", lambda _, r: int(Decimal(r.inputs["standard_weekly_hours"]).scaleb(2))
    ),
    "workweeks": _frozen("time, and pay_rate where an entry has no rate"),
    "lines": _frozen("time, and pay_rate where an entry has no rate"),
    "leave_hundredths": _frozen("time"),
    "holiday_hundredths": _frozen("time"),
    "items": _frozen("items", lambda _, r: [[item["kind"], item["cents"]] for item in r.inputs["items"]]),
    "correction.amounts": Special("computed", "what is right, and paid: what was paid before", _corrected),
    "elected_cents": _frozen("deductions"),
    "coverage": _frozen("deductions"),
    "married_separate": _frozen("filing_status", lambda _, r: r.inputs["filing_status"] == "mfs"),
    "hsa.ytd_hsa_cents": _ytd_and_now("hsa_cents", "hsa"),
    "dependent_care.ytd_dependent_care_cents": _ytd_and_now("dependent_care_cents", "dependent_care"),
    "premiums.section125_premiums_cents": _frozen(
        "section125_cents", lambda _, r: r.inputs["section125_cents"]
    ),
    "premiums.dependent_care_cents": _set_aside("dependent_care_cents", "dependent_care"),
    "premiums.hsa_cents": _set_aside("hsa_cents", "hsa"),
    "premiums_within_pay.room": Special(
        "computed", "elected premiums, and gross pay less taxes and garnishments as they would be with each"
    ),
    "deferral_within_pay.room_cents": Special(
        "computed", "gross pay less premiums, taxes and garnishments as they would be without the deferral"
    ),
    "deferral_within_pay.deductions": _frozen("deductions"),
    **dict.fromkeys(("plan_has_roth", "plan_has_catch_up", "plan_has_60_to_63"), _PLAN),
    "regular_cents": Special(
        "computed",
        "taxable wages less supplemental wages",
        lambda _, r: (
            r.facts["fit_wages_cents"] - min(r.facts["supplemental_cents"], r.facts["fit_wages_cents"])
        ),
    ),
    "supplemental_flat.supplemental_cents": Special(
        "computed",
        "supplemental wages, no more than taxable wages",
        lambda _, r: min(r.facts["supplemental_cents"], r.facts["fit_wages_cents"]),
        only_unlinked=False,
    ),
    "supplemental_aggregate.supplemental_cents": Special(
        "computed",
        "supplemental wages, no more than taxable wages",
        lambda _, r: min(r.facts["supplemental_cents"], r.facts["fit_wages_cents"]),
        only_unlinked=False,
    ),
    "supplemental_flat.exempt": Special(
        "input",
        "forms: exempt, unless a lock-in letter says otherwise",
        lambda _, r: bool(r.form("w4_exempt")) and r.form("lock_in") is None,
    ),
    "futa.credit_reduction_ppm": Special(
        "computed", "settled at the year's end, on Form 940 Schedule A", lambda *_: 0
    ),
    "fica_cents": _summed("Social Security and Medicare of this paycheck", *_FICA),
    "ytd_fica_cents": Special("year to date", "Social Security and Medicare before", _earlier_fica),
    "programme": Special("computed", "a programme of the work state"),
    "programme_wages_cents": Special(
        "computed", "gross pay less the pre-tax items that the programme does not count"
    ),
    "ytd_programme_wages_cents": Special(
        "year to date", "year_to_date.programme_wages_cents", _programme("programme_wages_cents")
    ),
    "ytd_withheld_cents": Special("computed", "not kept: the wage cap limits the year", lambda *_: None),
    "available_cents": Special(
        "computed",
        "gross pay less what is taken before tax and the Roth deferral",
        lambda _, r: r.facts["gross_cents"] - sum(r.facts[name] for name in _BEFORE_TAX),
    ),
    "programmes_owed": Special("computed", "what the state's programmes come to before the cut"),
    "state_programmes_cents": _summed("the state's programmes together", "state_programmes_cents"),
    "taxes_within_pay.supplemental_income_tax_cents": Special(
        "computed", "no supplemental wages", lambda *_: 0
    ),
    "deferrals_cents": _summed("traditional and Roth deferral of this check", *_DEFERRED),
    "formula_match_cents": Special("computed", "what the plan's formula gives"),
    "regular_deferral_cents": Special(
        "computed",
        "the deferral of this check without catch-up",
        lambda _, r: sum(r.facts[name] for name in _DEFERRED) - r.facts["catch_up_cents"],
    ),
    "comp_ytd_incl_now_cents": Special(
        "computed",
        "pay of the year, with this check",
        lambda _, r: r.earlier("eligible_comp_cents") + r.facts["gross_cents"],
    ),
    "as_far_as_it_fits.room_cents": Special(
        "computed",
        "disposable earnings less premiums, deferrals, garnishments and what is owed back",
        lambda _, r: _room_cents(r) - sum(line[1] for line in r.facts["post_tax"] if len(line) > PLAIN),
    ),
    "recovered_within_pay.room_cents": Special(
        "computed",
        "disposable earnings less premiums, deferrals and garnishments",
        lambda _, r: _room_cents(r),
    ),
    "recovered_within_pay.disposable_earnings_cents": Special(
        "computed", "gross pay less all that the law takes", lambda _, r: r.facts["disposable_cents"]
    ),
    "recovered_within_pay.share_bp": _frozen(
        "recoveries", lambda _, r: r.inputs["recoveries"][0]["share_bp"]
    ),
    "recoveries": _frozen(
        "recoveries", lambda _, r: [[each["id"], each["cents"]] for each in r.inputs["recoveries"]]
    ),
    "as_far_as_it_fits.deductions": _frozen("deductions", _post_tax_wanted),
    "taken_cents": Special(
        "event",
        "RetirementCalculated: what fitted of each",
        lambda _, r: [line[1] for line in r.facts["post_tax"]],
    ),
    "garnishment_turn.kind": _ORDERS,
    "federal_debt_limit.kind": _ORDERS,
    "how": Special("computed", "the rule of the kind"),
    "earlier_of_kind_cents": Special("computed", "orders of the kind under another limit"),
    "limits": Special("computed", "the limits of the kind, and what was taken under each before"),
    "orders": Special("input", "garnishments: what each asks for of this pay"),
    "supports_other_family": _ORDERS,
    "arrears_over_12_weeks": _ORDERS,
    "levy_limit.dependents": _ORDERS,
    "exempt_on_order_cents": _ORDERS,
    "local_minimum_wage_cents": Special("rules", "garnishment.states, or what an order says"),
    "state_ordinary_limit.state": _frozen("work_state", lambda _, r: r.inputs["work_state"]),
    "deductions_in_effect_cents": Special("computed", "premiums, deferrals, and older deductions after tax"),
    **{
        f"{kind}_withheld_cents": _NO_ORDER
        for kind in (
            *("support", "medical_support", "support_arrears", "bankruptcy", "federal_levy", "student_loan"),
            *("federal_agency", "state_levy", "creditor", "wage_assignment"),
        )
    },
}
