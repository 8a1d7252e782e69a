"""How the states' tables are read: nothing missing, nothing unknown, figures that continue each other."""

from itertools import pairwise

import pytest

from payroll import rules
from payroll.calc.brackets import Brackets, Row
from payroll.calc.state_tables import (
    Annualized,
    CaliforniaB,
    FirstAllowances,
    MassachusettsM,
    PeriodTables,
    PhasedDeduction,
)
from payroll.rules import BadRules

RULES = rules.load(2026)
TEXT = rules.text_of(2026).decode()
WORDS = {"single", "mfs", "mfj", "qss", "hoh", "married", "married_higher_single"}
BY_STATUS = sorted(
    code
    for code, (rule, *_) in RULES.states.items()
    if hasattr(rule, "brackets") and not isinstance(rule, MassachusettsM)
)


def gaps(brackets: Brackets) -> list[int]:
    """By how many cents each base misses the end of the row before."""
    columns = zip(brackets.at_least, brackets.base, brackets.rate_ppm, strict=True)
    return [
        abs(base - low_base - rate * (at_least - low) // 1_000_000)
        for (low, low_base, rate), (at_least, base, _) in pairwise(columns)
    ]


@pytest.mark.parametrize("code", BY_STATUS)
def test_annual_tables_continue(code: str) -> None:
    for rule in RULES.states[code]:
        assert rule.brackets.keys() >= WORDS
        for brackets in {id(each): each for each in rule.brackets.values()}.values():
            assert brackets.table.startswith(f"states.{code}")
            assert all(gap <= 60 for gap in gaps(brackets)), gaps(brackets)


def test_period_tables_continue() -> None:
    for code in ("NY", "NJ"):
        (rule,) = RULES.states[code]
        assert isinstance(rule, PeriodTables)
        assert list(rule.tables) == ["annual", "biweekly", "monthly", "semimonthly", "weekly"]
        for frequency, named in rule.tables.items():
            for name, brackets in named.items():
                assert brackets.table == f"states.{code}.tables.{frequency}.{name}"
                assert all(gap <= 270 for gap in gaps(brackets)), (brackets.table, gaps(brackets))


def test_a_row_begins_at_its_bound() -> None:
    brackets = Brackets("t", (0, 100, 200), (0, 10, 30), (100_000, 200_000, 300_000))
    assert [brackets.row(cents).at_least for cents in (0, 99, 100, 199, 200, 10**9)] == [
        0,
        0,
        100,
        100,
        200,
        200,
    ]
    assert brackets.row(150) == Row("t", 100, 10, 200_000)
    assert brackets.row(150).tax_microcents(150) == 20_000_000


def test_the_words_of_forms() -> None:
    (california,) = RULES.states["CA"]
    assert isinstance(california, CaliforniaB)
    assert california.low_income_cents == {
        "single": 18_896_00,
        "mfs": 18_896_00,
        "married_higher_single": 18_896_00,
        "mfj": 18_896_00,
        "qss": 18_896_00,
        "married": 18_896_00,
        "married_2plus": 37_791_00,
        "hoh": 37_791_00,
    }
    (jersey,) = RULES.states["NJ"]
    assert isinstance(jersey, PeriodTables)
    assert {word: jersey.table_of[word] for word in WORDS} == {
        "single": "A",
        "mfs": "A",
        "married_higher_single": "A",
        "mfj": "B",
        "qss": "B",
        "married": "B",
        "hoh": "B",
    }
    (york,) = RULES.states["NY"]
    assert isinstance(york, PeriodTables)
    assert york.table_of["hoh"] == "single"
    assert (york.tables_may_be_named, jersey.tables_may_be_named) == (False, True)


@pytest.mark.parametrize("code", ["PA", "CA", "NY", "MN", "TX"])
def test_a_year_has_its_days(code: str) -> None:
    (rule,) = RULES.states[code]
    assert (str(rule.since), str(rule.until), rule.by_period_end) == ("2026-01-01", "2026-12-31", False)
    if code == "TX":
        assert rule.table == "no_income_tax"
        assert (rule.excludes_401k, rule.excludes_section125, rule.excludes_hsa) == (True, True, True)
    else:
        assert rule.table == f"states.{code}"


def test_ohio_goes_by_the_period() -> None:
    early, late = RULES.states["OH"]
    assert (early.by_period_end, late.by_period_end) == (True, True)
    assert (str(early.until), str(late.since)) == ("2026-07-31", "2026-08-01")


def test_what_is_left_out_is_nothing() -> None:
    (kentucky,) = RULES.states["KY"]
    assert isinstance(kentucky, Annualized)
    assert kentucky.per_allowance_cents == kentucky.per_further_allowance_cents == 0
    assert kentucky.per_age_blind_allowance_cents == kentucky.credit_per_allowance_cents == 0
    assert (kentucky.elected_tables, kentucky.deduction_may_be_named, kentucky.round_to_cents) == (
        {},
        False,
        1,
    )
    (michigan,) = RULES.states["MI"]
    assert isinstance(michigan, Annualized)
    assert set(michigan.deduction_cents.values()) == {0}


def test_figures_by_status() -> None:
    (kansas,) = RULES.states["KS"]
    assert isinstance(kansas, FirstAllowances)
    assert (kansas.first_allowances["hoh"], kansas.first_allowances["qss"]) == (1, 2)
    (wisconsin,) = RULES.states["WI"]
    assert isinstance(wisconsin, PhasedDeduction)
    assert wisconsin.phase_out_to_cents["mfj"] == 73_032_00


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("phase_out_to = { single = 177_250", "phase_out_to = { single = 102_250", "phase_out_to is above"),
        (
            "first_allowances = { single = 1,",
            "first_allowances = { single = 1.5,",
            "more digits than its unit has",
        ),
        ("table_of = { single", "tables_of = { single", r"\[states.NY\] lacks table_of"),
        (
            'table_of = { single = "A", married',
            'table_of = { single = "A", wed',
            "for single and for married",
        ),
        ("per_estimated_deduction = 1_000", "", r"\[states.CA\] lacks per_estimated_deduction"),
        ("fica_limit = 2_000", "fica_limits = 2_000", r"\[states.MA\] lacks fica_limit"),
        (
            "no_allowance_above = 290_800",
            "no_allowance_over = 290_800",
            r"\[states.RI\] lacks no_allowance_above",
        ),
        ("deduction_limit = 7_500", "", r"\[states.SC\] lacks deduction_limit"),
        ("per_age_blind_allowance = 800", "per_age_allowance = 800", "unknown keys: per_age_allowance"),
        ("two_earner = [", "two_earner = []\nsole = [", "rows start at 0"),
    ],
)
def test_a_faulty_table_is_refused_by_name(before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(BadRules, match=message):
        rules.parse(TEXT.replace(before, after, 1).encode(), 2026)
