"""What a worksheet is: declared once, filled in whole, and known by its name."""

from collections.abc import Iterator
from typing import Any

import pytest

from payroll.calc import worksheets  # noqa: F401 - every worksheet is known
from payroll.calc.worksheet import (
    WORKSHEETS,
    Line,
    Lines,
    UnknownWorksheet,
    Worksheet,
    add_up,
    fill_in,
    is_working,
    percent,
    share,
    worksheet,
)


@pytest.fixture
def declared() -> Iterator[Any]:
    """A worksheet of two lines, known for one test."""

    def two_lines(first_cents: int, second_cents: int) -> Lines:
        yield "first", "the first", first_cents
        yield "both", "with the second", first_cents + second_cents

    yield two_lines
    WORKSHEETS.pop("two_lines", None)


def test_a_worksheet_is_known_by_its_name_with_all_that_was_said(declared: Any) -> None:
    figures = {"second_cents": "a.table"}
    given = worksheet("Two lines", source="a law", rounding="half up", figures=figures)(declared)
    assert given is declared
    entries = ("first_cents", "second_cents")
    assert WORKSHEETS["two_lines"] == Worksheet(
        "two_lines", "Two lines", "a law", "half up", entries, figures, declared
    )


def test_what_is_not_said_of_a_worksheet(declared: Any) -> None:
    worksheet("Two lines", source="a law")(declared)
    assert (WORKSHEETS["two_lines"].rounding, WORKSHEETS["two_lines"].figures) == ("none", {})


def test_a_name_is_taken_once(declared: Any) -> None:
    worksheet("Two lines", source="a law")(declared)
    with pytest.raises(AssertionError, match="two_lines"):
        worksheet("Two lines again", source="a law")(declared)


def test_a_figure_is_of_an_entry(declared: Any) -> None:
    with pytest.raises(AssertionError, match="two_lines"):
        worksheet("Two lines", source="a law", figures={"third_cents": "a.table"})(declared)
    worksheet("Two lines", source="a law", figures=dict.fromkeys(("first_cents", "second_cents"), "t"))(
        declared
    )


def test_a_worksheet_is_filled_in_line_by_line(declared: Any) -> None:
    worksheet("Two lines", source="a law")(declared)
    filled = fill_in(["two_lines", 1, 2])
    assert filled.worksheet is WORKSHEETS["two_lines"]
    assert filled.entries == {"first_cents": 1, "second_cents": 2}
    assert filled.lines == (Line("first", "the first", 1), Line("both", "with the second", 3))
    assert filled.facts == {"first": 1, "both": 3}
    assert add_up([("two_lines", 1, 2), ("total", "sum", [4, 5])]) == {"first": 1, "both": 3, "sum": 9}
    assert add_up([]) == {}


@pytest.mark.parametrize(
    ("working", "message"),
    [
        (("no_such_rule", 1), "there is no worksheet no_such_rule with 1 entries"),
        (("premiums", 1, 2), "there is no worksheet premiums with 2 entries"),
        (("premiums", 1, 2, 3, 4), "there is no worksheet premiums with 4 entries"),
    ],
)
def test_a_working_that_fits_no_worksheet(working: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UnknownWorksheet) as unknown:
        fill_in(working)
    assert str(unknown.value) == message


@pytest.mark.parametrize("value", [("federal_exempt",), ["federal_exempt"], ["total", "sum", [1]]])
def test_a_working_inside_another(value: Any) -> None:
    assert is_working(value) is True


@pytest.mark.parametrize(
    "value",
    [
        (),
        [],
        ("sum", "total"),
        ["no such", 1],
        [1, 2],
        [None],
        "federal_exempt",
        "total",
        {"total": 1},
        None,
        0,
    ],
)
def test_entries_that_are_no_working(value: Any) -> None:
    assert is_working(value) is False


def test_shares_are_exact() -> None:
    assert share(1, 62_000) * 1_000_000 == 62_000
    assert percent(1, 2_500) * 4 == 1


def test_every_worksheet_says_what_it_is_and_where_it_comes_from() -> None:
    assert len(WORKSHEETS) > 70
    for name, sheet in WORKSHEETS.items():
        assert name == sheet.name == sheet.lines.__name__
        assert sheet.title and sheet.source and sheet.rounding, name
        assert set(sheet.figures) <= set(sheet.entries), name
