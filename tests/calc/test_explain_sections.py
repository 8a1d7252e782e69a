"""Workings put into sections that a person reads, and the words and columns of them."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.worksheet import WORKSHEETS, Lines, UnknownWorksheet, worksheet
from payroll.explain import text, words
from payroll.explain.origins import rules_origin, source_in
from payroll.explain.sections import Asked, Origin, Section, disagreements, facts_of, sections

GROSS = ("gross_pay", 0, 200_000, 0, 0, 0, 0)
WAGES = ("fica_wages", 200_000, 5_000, 0)
FUTA = ("futa", 195_000, 0, 700_000, 6_000, 0)
EARLY, LATE = "PayCalculated, event 3", "TaxCalculated, event 4"
STORED = [(GROSS, EARLY), (WAGES, LATE), (FUTA, LATE)]


def made(*workings: Any, roots: tuple[str, ...] = (), origin: Origin | None = None) -> list[Section]:
    stored = [(each, "") for each in workings]
    return sections(stored, roots, lambda asked: None if asked.linked else origin)


@pytest.fixture
def twice() -> Iterator[None]:
    """A worksheet that is filled in once an item, and one that gives the fact again."""

    @worksheet("Item", source="this test")
    def item_of_this_test(asked_cents: int) -> Lines:
        yield "limit", "no fact", 7
        yield "taken_of_this_test_cents", "all of it", asked_cents

    @worksheet("Cut", source="this test")
    def cut_of_this_test(taken_of_this_test_cents: int, limit: int) -> Lines:
        yield "taken_of_this_test_cents", "half of it", taken_of_this_test_cents // 2

    yield
    del WORKSHEETS["item_of_this_test"], WORKSHEETS["cut_of_this_test"]


# Sections


def test_the_root_comes_first_and_each_leads_to_what_it_was_made_of() -> None:
    found = sections(STORED, ["employer_futa_cents"], lambda _: None)
    assert [(each.number, each.filled.worksheet.name) for each in found] == [
        (1, "futa"),
        (2, "fica_wages"),
        (3, "gross_pay"),
    ]
    assert {entry.name: entry.section for entry in found[0].entries}["fica_wages_cents"] == 2
    assert {entry.name: entry.section for entry in found[1].entries} == {
        "gross_cents": 3,
        "section125_cents": 0,
        "hsa_cents": 0,
    }
    assert [each.event for each in found] == [LATE, LATE, EARLY]
    assert [each.place for each in found] == [2, 1, 0]


def test_what_leads_to_no_root_comes_last_in_the_order_of_computing() -> None:
    found = sections(STORED, ["gross_cents", "nothing"], lambda _: None)
    assert [each.filled.worksheet.name for each in found] == ["gross_pay", "fica_wages", "futa"]
    assert [each.number for each in found] == [1, 2, 3]


def test_roots_come_in_their_order() -> None:
    found = sections(STORED, ["gross_cents", "employer_futa_cents"], lambda _: None)
    assert [each.filled.worksheet.name for each in found] == ["gross_pay", "futa", "fica_wages"]


def test_a_fact_known_by_another_name_is_linked() -> None:
    fica = ("fica", 195_000, 195_000, 0, 0, None, 18_450_000, 62_000, 1_143_900, 14_500, 20_000_000, 9_000)
    first, *_ = made(WAGES, fica, roots=("social_security_cents",))
    assert {entry.name: entry.section for entry in first.entries}["ss_wages_cents"] == 2
    assert not list(disagreements(made(WAGES, fica), {}))
    (wrong,) = disagreements(made(("fica_wages", 200_000, 5_001, 0), ("fica", 194_999, *fica[2:])), {})
    assert wrong == "Social Security and Medicare took medicare_wages_cents as 195000, and it is 194999"


def test_a_worksheet_inside_another_one_is_a_section_of_its_own() -> None:
    inner = ("federal_exempt",)
    found = made(("lock_in_floor", inner, inner), roots=("federal_income_tax_cents",))
    assert [each.filled.worksheet.name for each in found] == [
        "lock_in_floor",
        "federal_exempt",
        "federal_exempt",
    ]
    assert [entry.section for entry in found[0].entries] == [2, 3]
    assert [each.place for each in found] == [2, -1, -1]
    assert facts_of(found)["federal_income_tax_cents"] == 0
    flat = ("supplemental_flat", 100_000, 0, False, 220_000, 370_000, 100_000_000)
    together = facts_of(made(("federal_together", inner, flat)))
    assert together["federal_income_tax_cents"] == 22_000
    assert "at_22_cents" not in together and together["supplemental.at_22_cents"] == 100_000


def test_what_is_asked_says_what_is_above_and_before() -> None:
    asked: list[Asked] = []

    def keep(each: Asked) -> None:
        asked.append(each)

    tax = ("supplemental_flat", 100_000, 0, False, 220_000, 370_000, 100_000_000)
    sections(
        [(GROSS, ""), (("federal_together", ("lock_in_floor", ("federal_exempt",), tax), tax), "")],
        [],
        keep,
    )
    inner = next(each for each in asked if each.name == "exempt")
    assert [name for _, name in inner.above] == ["letter_working", "regular_working"]
    assert inner.value is False
    assert [sheet.worksheet.name for sheet in inner.earlier] == ["gross_pay", "federal_exempt"]
    assert not [each for each in asked if each.name.endswith("_working")]
    assert {each.name for each in asked if each.linked} == set()


def test_a_step_without_a_unit_is_no_fact_of_others(twice: None) -> None:
    found = made(("item_of_this_test", 5), ("cut_of_this_test", 5, 9), roots=("taken_of_this_test_cents",))
    cut = found[0]
    assert {entry.name: entry.section for entry in cut.entries} == {"taken_of_this_test_cents": 2, "limit": 0}


def test_a_fact_given_again_is_replaced_and_that_of_another_item_added(twice: None) -> None:
    items = [("item_of_this_test", 5), ("item_of_this_test", 6)]
    assert facts_of(made(*items))["taken_of_this_test_cents"] == 11
    assert facts_of(made(*items, ("cut_of_this_test", 6, 0)))["taken_of_this_test_cents"] == 3
    whole = made(*items, ("cut_of_this_test", 6, 0), roots=("taken_of_this_test_cents",))
    assert facts_of(whole)["taken_of_this_test_cents"] == 3  # in the order of computing, not of reading


def test_a_worksheet_that_nobody_can_have_filled_in_is_told() -> None:
    with pytest.raises(UnknownWorksheet, match="a worksheet of PayCalculated, event 3 cannot be filled in"):
        sections([(("gross_pay", "x", 0, 0, 0, 0, 0), EARLY)], [], lambda _: None)
    with pytest.raises(UnknownWorksheet, match="there is no worksheet nonsense with 0 entries"):
        sections([(("nonsense",), EARLY)], [], lambda _: None)


# What does not add up


def test_a_record_that_agrees() -> None:
    facts = {"gross_cents": 200_000, "fica_wages_cents": 195_000, "employer_futa_cents": 1_170, "other": 1}
    assert not list(disagreements(made(GROSS, WAGES, FUTA), facts))


def test_a_line_that_is_not_the_fact_on_record_is_told() -> None:
    assert list(disagreements(made(GROSS), {"gross_cents": 200_001})) == [
        "gross_cents is 200001 on record, and its worksheet gives 200000"
    ]


def test_an_entry_that_is_not_the_line_it_comes_from_is_told() -> None:
    assert list(disagreements(made(GROSS, ("fica_wages", 200_001, 0, 0)), {})) == [
        "Wages for Social Security, Medicare and unemployment took gross_cents as 200001, and it is 200000"
    ]


def test_an_entry_that_is_not_what_its_origin_holds_is_told() -> None:
    kept = Origin("input", "somewhere", expected=(5_001,))
    wrong = list(disagreements(made(WAGES, origin=kept), {}))
    assert "took section125_cents as 5000, and it is 5001" in wrong[1]
    assert len(wrong) == 3
    assert not list(disagreements(made(WAGES, origin=Origin("computed", "somehow")), {}))
    none = Origin("input", "nothing there", expected=(None,))
    assert len(list(disagreements(made(WAGES, origin=none), {}))) == 3


# Rules


TABLES: dict[str, Any] = {
    "fica": {
        "source": "SSA",
        "rate": "6.2",
        "additional": {"source": "IRC", "rate": "0.9"},
        "bare": {"x": 1},
    },
    "states": {"IL": [{"source": "IL-700-T"}], "CA": [{"source": "EDD", "rows": {"source": "page 3"}}]},
}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("fica", "SSA"),
        ("fica.additional", "IRC"),
        ("fica.bare", "SSA"),
        ("fica.rate", "SSA"),
        ("fica.nothing.at.all", "SSA"),
        ("states.IL", "IL-700-T"),
        ("states.IL.0", "IL-700-T"),
        ("states.CA.rows", "page 3"),
        ("nothing", ""),
    ],
)
def test_the_source_is_that_of_the_innermost_table(path: str, source: str) -> None:
    assert source_in(TABLES, path) == source


def test_figures_of_tables_are_told_by_their_table() -> None:
    row = ("state_ca", 1, 26, 1, 0, 1, 1, 0, 1, 0, "states.CA.rows", 1, 1, 1)
    (only,) = sections([(row, "")], [], lambda asked: rules_origin(asked, TABLES))
    origins = {entry.name: entry.origin for entry in only.entries}
    assert origins["table"] == Origin("rules", "states.CA.rows", "page 3")
    assert origins["rate_ppm"] == Origin("rules", "states.CA.rows, the row that fits", "page 3")
    assert origins["standard_deduction_cents"] == Origin("rules", "states.CA", "EDD")
    assert origins["state_wages_cents"] is origins["regular_allowances"] is None
    (futa,) = sections([(FUTA, "")], [], lambda asked: rules_origin(asked, {"futa": {"source": "IRC 3301"}}))
    assert {entry.name: entry.origin for entry in futa.entries}["futa_rate_ppm"] == Origin(
        "rules", "futa", "IRC 3301"
    )


def test_a_plan_that_there_is_not_has_no_table() -> None:
    (only,) = sections(
        [(("match", 1, 0, 0, 36_000_000, None, 0, []), "")], [], lambda asked: rules_origin(asked, {})
    )
    origins = {entry.name: entry.origin for entry in only.entries}
    assert origins["table"] == origins["tiers"] == Origin("computed", "there is none")


# Words


@pytest.mark.parametrize(
    ("name", "value", "words_for_it"),
    [
        ("gross_cents", 200_000, "2000.00"),
        ("gross_cents", -5, "-0.05"),
        ("x_cents", Fraction(20_000, 9), "22.22222222…"),
        ("x_cents", Fraction(1, 8), "0.00125"),
        ("rate_ppm", 62_000, "6.20 %"),
        ("rate_bp", 1_250, "12.50 %"),
        ("rate_e4", 414_100, "41.41"),
        ("x_hundredths", 4_000, "40.00 h"),
        ("support_percent_count", Fraction(65, 1), "65"),
        ("x_count", Fraction(1, 2), "0.50"),
        ("periods", 26, "26"),
        ("kind", "support", "support"),
        ("exempt", True, "yes"),
        ("exempt", False, "no"),
        ("most_cents", None, "none"),
        ("orders", [], "none"),
        ("orders", [["C-1", 10_000]], "C-1 100.00"),
        (
            "items",
            [["discretionary_bonus", 1], ["commission", 2]],
            "discretionary bonus 0.01; commission 0.02",
        ),
        ("amounts_cents", [100, 200], "1.00; 2.00"),
        ("holds", [True, False], "yes; no"),
        ("holidays", ["2026-11-26"], "2026-11-26"),
        ("lines", [["work", 414_100, 4_000]], "work: 40.00 h at 41.41"),
        ("tiers", [[600, 5_000]], "up to 6.00 % of pay, at 50.00 %"),
        (
            "limits",
            [["support_maximum_cents", 144_475, 0]],
            "support maximum 1444.75, before 0.00",
        ),
        ("room", [["hsa", 10_000, 9_999]], "HSA 100.00, room for 99.99"),
        ("days", [[["work", 200_000, 800]], []], "work: 8.00 h at 20.00; off"),
        ("parts", [[5, 10]], "5 of 10 weekdays"),
        ("w4_working", ["federal_exempt"], "a worksheet of its own"),
        (
            "workweeks",
            [["2026-11-01", "closes", 0, [[414_100, 4_000]], []]],
            "workweek from 2026-11-01: 40.00 h at 41.41; its premium is due now",
        ),
        (
            "workweeks",
            [["2026-11-01", "closed", 800, [], [[50_000, 4]]]],
            "workweek from 2026-11-01: nothing; of it before the period: 8.00 h; a bonus of 500.00 over 4 workweeks; "
            "its premium was paid before",
        ),
        (
            "workweeks",
            [["2026-11-01", "open", 0, 4_550, []]],
            "workweek from 2026-11-01: 45.50 h; it ends after the period",
        ),
        (
            "workweeks",
            [["2026-11-01", "closes", 1, [[], [[200_000, 900]], [[300_000, 100], [200_000, 800]]], []]],
            "workweek from 2026-11-01: Mon 9.00 h at 20.00; Tue 1.00 h at 30.00, 8.00 h at 20.00; "
            "of it before the period: 1 days; its premium is due now",
        ),
        (
            "workweeks",
            [[4_000, 4_500, 500, 0, 800]],
            "40.00 h at the old rate of 45.00 h, 5.00 h overtime, 0.00 h of it double, 8.00 h leave",
        ),
    ],
)
def test_values_in_words(name: str, value: Any, words_for_it: str) -> None:
    assert words.shown(name, value) == words_for_it


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ytd_ss_wages_cents", "Social Security wages earlier this year"),
        ("federal_income_tax_cents", "federal income tax"),
        ("employer_medicare_cents", "employer's Medicare tax"),
        ("employer_futa_cents", "employer's FUTA"),
        ("employer_medicare", "employer's Medicare tax"),
        ("fit_wages", "taxable wages for federal income tax"),
        ("traditional_401k_cents", "traditional 401(k)"),
        ("step4c_cents", "step 4(c)"),
        ("1i", "line 1i"),
        ("w4.1a", "Form W-4: line 1a"),
        ("letter.federal_income_tax_cents", "letter: federal income tax"),
        ("net_cents", "net pay"),
        ("Union dues", "Union dues"),
    ],
)
def test_names_in_words(name: str, label: str) -> None:
    assert words.label(name) == label


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("room", 5_000, "50.00"),
        ("2g", Fraction(44_066_944, 100), "4406.6944"),
        ("weekdays_in_period", 10, "10"),
        ("phased_out", Fraction(1, 2), "0.50"),
        ("2026-11-26", 2, "2"),
        ("low_income", True, "yes"),
        ("due", "2026-11-25", "2026-11-25"),
        ("first_check_limited", None, "none"),
        ("ss_taxable_cents", 1, "0.01"),
        ("hours_worked_hundredths", 100, "1.00 h"),
    ],
)
def test_lines_in_words(key: str, value: Any, line: str) -> None:
    assert words.line_shown(key, value) == line


def test_no_line_of_a_worksheet_is_a_count_shown_as_money() -> None:
    salary = ("salary", 780_000_000, 26, "2026-11-01", "2026-11-14", "2020-03-02", None)
    lines = {line.key: words.line_shown(*line[::2]) for line in made(salary)[0].filled.lines}
    assert lines == {
        "period_salary_cents": "3000.00",
        "weekdays_in_period": "10",
        "weekdays_employed": "10",
        "salary_cents": "3000.00",
    }


# Text


def test_a_section_as_text() -> None:
    origin = Origin("event", EARLY)
    found = sections(STORED[:2], ["fica_wages_cents"], lambda asked: None if asked.linked else origin)
    assert text.text_of(found).splitlines()[:7] == [
        "1. Wages for Social Security, Medicare and unemployment   [TaxCalculated, event 4]",
        "   rule fica_wages: IRC 3121(a)(5); IRS Pub. 15 sec. 5; rounding: none",
        "     gross pay                                                    2000.00  see 2",
        "     Section 125                                                    50.00  PayCalculated, event 3",
        "     HSA                                                             0.00  PayCalculated, event 3",
        "   = Social Security and Medicare wages: gross pay less",
        "     Section 125 and HSA; a deferral is wages                     1950.00",
    ]


def test_zeros_of_one_place_are_told_together() -> None:
    shown = list(text.section_lines(made(GROSS, origin=Origin("event", "E"))[0]))
    assert shown[2] == "     salary                                                          0.00  E"
    assert shown[3] == "     straight time                                                2000.00  E"
    assert shown[4] == "     overtime premium, leave, holiday, supplemental                  0.00  E"


def test_where_nothing_came_of_it_is_short() -> None:
    nothing = ("gross_pay", 0, 0, 0, 0, 0, 0)
    assert list(text.section_lines(made(nothing)[0]))[2:] == [
        "   = gross pay; every line is zero                                   0.00"
    ]
    assert not text.is_zero(made(GROSS)[0])


def test_lines_of_a_worksheet_inside_are_in_its_own_section() -> None:
    inner = ("federal_2020", 200_000, 0, 26, False, 0, 0, 0, 0, 860_000, "federal.x", 0, 0, 100_000)
    outer = made(("lock_in_floor", inner, ("federal_exempt",)), roots=("federal_income_tax_cents",))[0]
    assert [line.key for line in text.own_lines(outer)] == [
        "w4.federal_income_tax_cents",
        "letter.federal_income_tax_cents",
        "federal_income_tax_cents",
    ]
    assert len(outer.filled.lines) > 5
    together = made(("federal_together", ("lock_in_floor", inner, inner), ("federal_exempt",)))[-1]
    assert [line.key for line in text.own_lines(together)] == [
        "regular.federal_income_tax_cents",
        "supplemental.federal_income_tax_cents",
        "supplemental_income_tax_cents",
        "federal_income_tax_cents",
    ]


def test_a_source_is_told_once_a_section() -> None:
    origin = Origin("rules", "futa, the row that fits", "IRC 3301")
    (only,) = made(FUTA, origin=origin)
    assert text.sources(only) == {"futa": "IRC 3301"}
    shown = list(text.section_lines(only))
    assert [line for line in shown if "IRC 3301" in line][1:] == ["   ~ futa: IRC 3301"]


def test_a_long_source_goes_on_under_its_beginning() -> None:
    fica = ("fica", 1, 1, 0, 0, None, 18_450_000, 62_000, 1_143_900, 14_500, 20_000_000, 9_000)
    assert list(text.section_lines(made(fica)[0]))[1:3] == [
        "   rule fica: IRC 3101, 3102(f), 3111; IRS Pub. 15 sec. 9; rounding: each tax half up to the cent, once a",
        "   payment; Social Security stops at wage base x rate",
    ]


def test_values_end_in_one_column_and_long_ones_are_wrapped() -> None:
    assert list(text.columns("  ", "word " * 15, "1.00", "here")) == [
        "  word word word word word word word word word word",
        f"  {'word word word word word':<52}{'1.00':>16}  here",
    ]
    (first, second) = text.columns("  ", "x", "1.00", "some place " * 6)
    assert first.index("some") == second.index("place") == 72
    assert max(map(len, text.columns("", "x", "y" * 60, "z"))) <= 110
    long = list(text.columns("", "x" * 40, "y" * 40, "z"))
    assert long == ["x" * 40, " " * 28 + "y" * 40 + "  z"]


@pytest.mark.parametrize(
    ("origin", "section", "told"),
    [
        (None, 0, ""),
        (None, 3, "see 3"),
        (Origin("input", "pay_rate"), 0, "frozen input pay_rate"),
        (Origin("rules", "fica", "SSA"), 0, "rules fica"),
        (Origin("year to date", "year_to_date.x"), 0, "year_to_date.x"),
        (Origin("computed", "a sum"), 4, "a sum, see 4"),
    ],
)
def test_where_an_entry_comes_from(origin: Origin | None, section: int, told: str) -> None:
    assert text.whence(text.Entry("x_cents", 1, origin, section)) == told
    row = Origin("rules", "federal.x, the row that fits", "Pub. 15-T")
    assert text.whence(text.Entry("base_cents", 1, row, 0)) == "the row of the table that fits"


def test_a_section_as_json() -> None:
    week = ("workweek", [["work", 200_000, 4_500]], 0, 0, 4_000, 500_000)
    (only,) = made(week, origin=Origin("rules", "flsa", "29 USC 207", expected=(1,)))
    found = text.section_facts(only)
    assert (found["number"], found["rule"], found["stored_in"]) == (1, "workweek", "")
    assert found["inputs"][0] == {
        "name": "lines",
        "value": [["work", 200_000, 4_500]],
        "shown": "work: 45.00 h at 20.00",
        "given_by_section": None,
        "from": {"kind": "rules", "where": "flsa", "source": "29 USC 207"},
    }
    rate = next(line for line in found["lines"] if line["key"] == "regular_rate_cents")
    assert (rate["value"], rate["shown"]) == ("2000", "20.00") or rate["value"] == 2000
