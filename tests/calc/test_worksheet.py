"""Worksheets: a rule as a form to fill in."""

from collections.abc import Iterator
from fractions import Fraction

import pytest

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.worksheet import (
    WORKSHEETS,
    Line,
    Lines,
    UnknownWorksheet,
    add_up,
    fill_in,
    is_working,
    percent,
    share,
    worksheet,
)


@pytest.fixture
def tithe() -> Iterator[str]:
    """A worksheet for the length of a test."""

    @worksheet("Tithe", source="Genesis 14:20", rounding="none", figures={"rate_ppm": "old.rates"})
    def tithe_of_this_test(wages_cents: int, rate_ppm: int) -> Lines:
        yield "part", "wages at the rate", share(wages_cents, rate_ppm)
        yield "left_cents", "the rest", wages_cents - share(wages_cents, rate_ppm)

    yield "tithe_of_this_test"
    del WORKSHEETS["tithe_of_this_test"]


def test_a_worksheet_is_declared_by_its_function(tithe: str) -> None:
    sheet = WORKSHEETS[tithe]
    assert (sheet.name, sheet.title, sheet.source, sheet.rounding) == (
        tithe,
        "Tithe",
        "Genesis 14:20",
        "none",
    )
    assert sheet.entries == ("wages_cents", "rate_ppm")
    assert sheet.figures == {"rate_ppm": "old.rates"}


def test_it_is_filled_in_line_by_line(tithe: str) -> None:
    filled = fill_in((tithe, 1005, 100_000))
    assert filled.entries == {"wages_cents": 1005, "rate_ppm": 100_000}
    assert filled.lines == (
        Line("part", "wages at the rate", Fraction(201, 2)),
        Line("left_cents", "the rest", Fraction(1809, 2)),
    )
    assert filled.facts == {"part": Fraction(201, 2), "left_cents": Fraction(1809, 2)}
    assert fill_in([tithe, 1005, 100_000]) == filled  # as it comes out of JSON


@pytest.mark.parametrize("entries", [(), (1,), (1, 2, 3)])
def test_other_entries_than_it_has_are_refused(tithe: str, entries: tuple[int, ...]) -> None:
    with pytest.raises(UnknownWorksheet) as refused:
        fill_in((tithe, *entries))
    assert str(refused.value) == f"there is no worksheet {tithe} with {len(entries)} entries"


def test_a_worksheet_that_there_is_not_is_refused() -> None:
    with pytest.raises(UnknownWorksheet, match="there is no worksheet nonsense with 1 entries"):
        fill_in(("nonsense", 1))


def test_a_name_is_given_once(tithe: str) -> None:
    with pytest.raises(AssertionError, match="tithe_of_this_test"):

        @worksheet("Again", source="nowhere")
        def tithe_of_this_test() -> Lines:
            yield "x", "y", 0


def test_a_figure_is_an_entry() -> None:
    with pytest.raises(AssertionError, match="of_nothing"):

        @worksheet("Nothing", source="nowhere", figures={"rate_ppm": "a"})
        def of_nothing() -> Lines:
            yield "x", "y", 0

    assert "of_nothing" not in WORKSHEETS


def test_what_is_not_said_is_no_rounding_and_no_figures() -> None:
    @worksheet("Bare", source="nowhere")
    def bare_of_this_test() -> Lines:
        yield "x", "y", 0

    sheet = WORKSHEETS.pop("bare_of_this_test")
    assert (sheet.rounding, sheet.figures, sheet.entries) == ("none", {}, ())


def test_added_up_the_last_of_a_name_counts(tithe: str) -> None:
    assert add_up([]) == {}
    assert add_up([(tithe, 1000, 0), (tithe, 2000, 0), ("federal_exempt",)]) == {
        "part": 0,
        "left_cents": 2000,
        "federal_income_tax_cents": 0,
    }


@pytest.mark.parametrize(
    ("value", "working"),
    [
        (("federal_exempt",), True),
        (["federal_exempt"], True),
        (["federal_exempt", 1], True),
        (["nonsense"], False),
        ([["federal_exempt"]], False),
        ("federal_exempt", False),
        ([], False),
        ((), False),
        (None, False),
        (0, False),
    ],
)
def test_what_is_itself_a_working(value: object, working: bool) -> None:
    assert is_working(value) is working


def test_shares_are_exact() -> None:
    assert share(1, 1) == Fraction(1, 1_000_000)
    assert share(Fraction(1, 3), 500_000) == Fraction(1, 6)
    assert percent(1, 1) == Fraction(1, 10_000)
    assert percent(10_000, 2_500) == 2_500


def test_every_worksheet_is_said_in_words() -> None:
    for sheet in WORKSHEETS.values():
        assert sheet.title and sheet.source and sheet.rounding, sheet.name
        assert len(set(sheet.entries)) == len(sheet.entries)
