"""What was paid and what its corrections add are, field by field, the paycheck as it would have been from the start."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from payroll import ask, delta, rules, steps
from payroll.calc.worksheet import add_up
from payroll.domain import Inputs, Paycheck, Terms, YearToDate, workings_of
from payroll.steps import PIPELINE
from tests.saga.test_withheld import order

PERIOD = (date(2026, 11, 1), date(2026, 11, 14), date(2026, 11, 20))
LISTS = {
    "earnings": (2, 3),
    "items": (1,),
    "programmes": (1, 2, 3),
    "garnishments": (2, 3),
    "post_tax": (1, 2),
}


def events(paid: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    """The facts of a paycheck's events, those of a correction when something was paid before."""
    terms = Terms(
        "run", "part", "ACME", "biweekly", *PERIOD, "half_of_6", 0, "manifest", rules.load(2026), 50
    )
    paycheck = Paycheck("paycheck-part+ann", 0, Inputs("ann", **inputs, paid=paid or {}))
    facts: dict[str, Any] = {}
    for step in PIPELINE:
        event = step.decide(paycheck, terms)
        said = vars(event)
        if step.emits.__name__ != "PaycheckBegan":
            for name, value in add_up(workings_of(said)).items():
                assert said.get(name, value) == value, f"the worksheets of {step.name} give another {name}"
        facts |= said
        paycheck.fold(event)
    return facts


def amounts(*paychecks: dict[str, Any]) -> dict[Any, Any]:
    """Every amount and every place of every line, by what names it, added up; without what is nothing."""
    found: dict[Any, Any] = {}
    for facts in paychecks:
        for name, value in facts.items():
            if name in LISTS:
                for line in value:
                    told = 4 if name == "garnishments" else -1
                    key = [part for place, part in enumerate(line) if place not in {*LISTS[name], told}]
                    for place in LISTS[name]:
                        of = (name, *key, place)
                        found[of] = found.get(of, 0) + Decimal(line[place])
            elif isinstance(value, int) and name.endswith(("_cents", "_hundredths")):
                found[name] = found.get(name, 0) + value
    return {name: value for name, value in found.items() if value}


CENTS = st.integers(0, 400_00)
TIME = st.lists(
    st.tuples(
        st.integers(2, 13),
        st.integers(1, 14),
        st.sampled_from(["work", "work", "leave", "holiday"]),
        st.sampled_from([None, None, "31.50"]),
    ),
    max_size=12,
    unique_by=lambda entry: (entry[0], entry[2]),
).map(
    lambda entries: [
        [f"2026-11-{day:02d}", f"{hours}.00" if kind == "work" else "4.00", kind, rate]
        for day, hours, kind, rate in sorted(entries, key=lambda entry: entry[0])
    ]
)
ITEMS = st.lists(
    st.builds(
        lambda kind, cents: {
            **{"id": f"{kind}{cents}", "kind": kind, "cents": cents, "date": "2026-11-05"},
            **{"earned_from": None, "earned_to": None, "reference": ""},
        },
        st.sampled_from(["discretionary_bonus", "reimbursement"]),
        st.integers(1, 900_00),
    ),
    max_size=3,
    unique_by=lambda item: item["id"],
)
DEDUCTIONS = st.lists(
    st.builds(
        lambda kind, cents: {"kind": kind, "name": kind, "cents": cents},
        st.sampled_from(["hsa_self", "dependent_care", "post_tax"]),
        CENTS,
    ),
    max_size=3,
    unique_by=lambda each: each["kind"],
)
FORM = {
    "filing_status": st.sampled_from(["single", "mfj", "hoh"]),
    "step2_checkbox": st.booleans(),
    "step3_cents": st.sampled_from([0, 2200_00]),
    "step4a_cents": st.sampled_from([0, 9000_00]),
    "step4b_cents": st.sampled_from([0, 5000_00]),
    "step4c_cents": st.sampled_from([0, 0, 50_00]),
    "traditional_bp": st.sampled_from([0, 500, 2000]),
    "roth_bp": st.sampled_from([0, 300]),
    "section125_cents": st.sampled_from([0, 0, 45_00]),
    "deductions": DEDUCTIONS,
    "items": ITEMS,
    "garnishments": st.lists(
        st.builds(order, st.sampled_from(["support", "creditor"]), CENTS, minimum_wage_cents=st.just(16_90)),
        max_size=2,
        unique_by=lambda o: o["id"],
    ),
}
FIXED = {
    "standard_weekly_hours": "40.00",
    "hire_date": "2020-01-01",
    "termination_date": None,
    "age_at_year_end": 40,
    "w4_version": "2020+",
    "allowances": 0,
    "additional_withholding_cents": 0,
    "year_to_date": YearToDate(fica_wages_cents=180_000_00, social_security_cents=11_160_00),
    "pay_to": {},
}
HOURLY = st.fixed_dictionaries(
    FORM | {"pay_rate": st.sampled_from(["15.00", "20.37", "118.00"]), "time": TIME}
).map(lambda found: found | {"pay_basis": "hourly", "flsa_exempt": False})
SALARIED = st.fixed_dictionaries(FORM | {"pay_rate": st.sampled_from(["26000", "62400", "180000"])}).map(
    lambda found: found | {"pay_basis": "salary", "flsa_exempt": True, "time": []}
)
PERSON = st.one_of(HOURLY, SALARIED)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["TX", "IL", "NJ", "CA"]), st.lists(PERSON, min_size=2, max_size=4))
def test_by_total(work_state: str, versions: list[dict[str, Any]]) -> None:
    """Each version of the inputs corrects the one before it; of the last, together, nothing is missing or too much."""
    paid: list[dict[str, Any]] = []
    for version in versions:
        given_now = FIXED | version | {"work_state": work_state}
        paid.append(events(delta.total(paid) if paid else None, **given_now))
        right = events(**given_now)
        assert amounts(*paid) == amounts(right)
        assert paid[-1]["no_hours"] == right["no_hours"]
    again = events(delta.total(paid), **given_now)
    assert amounts(again) == {}, "what is corrected has no difference any more"


@settings(max_examples=20, deadline=None)
@given(HOURLY, HOURLY)
def test_what_a_downstream_system_finds_right_is_recorded_as_the_difference(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    """It is asked for the whole paycheck by the day it was paid, and not told what that was."""
    paid = delta.total([events(**FIXED | before | {"work_state": "TX"})])
    inputs = Inputs("ann", **FIXED | now | {"work_state": "TX"}, paid=paid)
    paycheck = Paycheck("paycheck-part+ann", 0, inputs)
    pinned = (*PERIOD[:2], date(2026, 12, 11), "half_of_6", 0, "manifest", rules.load(2026), 50)
    terms = Terms("run", "part", "ACME", "biweekly", *pinned, original_pay_date=PERIOD[2])
    assert ask.terms(terms)["pay_date"] == "2026-11-20"
    for ours, whole in zip(
        PIPELINE[1:], (steps.time_entry, steps.payroll_calc, steps.tax_calc), strict=False
    ):
        assert "paid" not in ask.ask(ours, paycheck, terms)["inputs"]
        answer = vars(whole.decide(paycheck, terms))
        event = ask.accept(ours, paycheck, terms, answer)
        assert event == ours.decide(paycheck, terms)
        paycheck.fold(event)
