"""The loader refuses what is missing, misspelt, inexact, out of order or without a source."""

import hashlib
import re
from dataclasses import FrozenInstanceError

import pytest

from events.failures import NeedsReview
from payroll import rules
from payroll.rules import BadRules, NoRules, load, parse
from payroll.rules.table import BadRules as SameBadRules

TEXT = rules.text_of(2026).decode()


@pytest.mark.parametrize("year", [2024, 2027, 0, -1])
def test_a_year_without_tables_never_falls_back(year: int) -> None:
    with pytest.raises(NoRules, match=rf"no rule tables for {year}: add payroll/rules/{year}/") as refused:
        load(year)
    assert isinstance(refused.value, NeedsReview)


def test_a_run_can_be_pinned_to_the_version() -> None:
    for year in rules.known_years():
        digest = hashlib.sha256(rules.text_of(year)).hexdigest()
        assert load(year).version == f"{year}-{digest[:12]}"
        assert load(year) is load(year)
    assert parse(TEXT.encode() + b"\n# a remark\n", 2026).version != load(2026).version


def test_rules_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        load(2026).year = 2027  # type: ignore[misc]


@pytest.mark.parametrize(
    ("year", "ss_base", "ss_most", "deferral", "catch_up", "compensation"),
    [
        # SSA; IRS Notice 2024-80 and Notice 2025-67
        (2025, 176_100, 10_918_20, 23_500, 7_500, 350_000),
        (2026, 184_500, 11_439_00, 24_500, 8_000, 360_000),
    ],
)
def test_the_years_limits(
    *, year: int, ss_base: int, ss_most: int, deferral: int, catch_up: int, compensation: int
) -> None:
    fica, retirement = load(year).fica, load(year).retirement
    assert (fica.ss_wage_base_cents, fica.ss_most_cents) == (ss_base * 100, ss_most)
    assert retirement.deferral_limit_cents == deferral * 100
    assert retirement.catch_up_50_cents == catch_up * 100
    assert retirement.compensation_limit_cents == compensation * 100
    assert load(year).futa.net_rate_ppm == 6_000


def section_of(start: int) -> str:
    return re.findall(r"^\[+([\w.]+)\]+$", TEXT[:start], re.MULTILINE)[-1]


SOURCES = [match.span() for match in re.finditer(r'^source = ".*"\n', TEXT, re.MULTILINE)]


@pytest.mark.parametrize("span", SOURCES, ids=lambda span: section_of(span[0]))
def test_every_table_needs_its_source(span: tuple[int, int]) -> None:
    text = TEXT[: span[0]] + TEXT[span[1] :]
    with pytest.raises(BadRules, match="has figures without a source"):
        parse(text.encode(), 2026)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("year = 2026", "year = 2025", "the file says year = 2025"),
        ("year = 2026", "year = ", "rules 2026"),
        ("ss_wage_base = 184500\n", "", r"\[fica\] lacks ss_wage_base"),
        ("ss_wage_base = 184500", "ss_wage_bass = 184500", r"\[fica\] lacks ss_wage_base"),
        ("ss_wage_base = 184500", "ss_wage_base = 184500\nspare = 1", r"\[fica\] has unknown keys: spare"),
        ("ss_wage_base = 184500", "ss_wage_base = true", "is not a figure"),
        ("ss_wage_base = 184500", 'ss_wage_base = "184500"', "is not a figure"),
        ("ss_wage_base = 184500", "ss_wage_base = 184500.005", "more digits than its unit has"),
        ("ss_wage_base = 184500", "ss_wage_base = -184500", "below zero"),
        ("ss_rate_percent = 6.2", "ss_rate_percent = 620", "more than 100 percent"),
        ("less_than = 19900,", "less_than = 19800,", "adjoin each other"),
        ("{ at_least = 0, less_than = 7500,", "{ at_least = 1, less_than = 7500,", "rows start at 0"),
        ("base = 1240.00, rate_percent = 12", "base = 1241.00, rate_percent = 12", "does not continue"),
        ("at_least = 648100, base", "at_least = 648100, less_than = 700000, base", "the last is open"),
        (
            'method = "annualized"\nexcludes = ["section125"]',
            'method = "magic"\nexcludes = []',
            "'magic' is unknown",
        ),
        ('excludes = ["section125"]', 'excludes = ["section129"]', "excludes knows"),
        (
            "since = 2026-05-11",
            "since = 2026-05-12",
            r"\[states.GA\] dates leave a gap or overlap at 2026-05-12",
        ),
        ("until = 2026-05-31", "until = 2026-12-31", r"\[states.UT\] dates leave a gap or overlap"),
        ("since = 2026-06-01", "since = 2026-06-01\nuntil = 2026-11-30", r"\[states.UT\] ends on 2026-11-30"),
        ("since = 2026-06-01", 'since = "2026-06-01"', "is not a date"),
        ('"WA", "WY"]', '"WA", "WY", "PA"]', "PA.* is also listed as a state without income tax"),
        ("[states.PA]", "[states.Pennsylvania]", "is not a postal code"),
        ("default_percent = 2.0", "default_percent = 2.1", "is not one of the rates"),
        (
            "credit = { single = 450, married = 900 }",
            "credit = { single = 450 }",
            "for single and for married",
        ),
        ("tiers = [{ pay_percent = 4, rate_percent = 100 }]", "tiers = []", "has no tiers"),
        ("pay_percent = 4,", "pay_percent = 4.125,", "at most two decimals"),
    ],
)
def test_a_faulty_file_is_refused_by_name(before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(BadRules, match=message):
        parse(TEXT.replace(before, after, 1).encode(), 2026)


def test_progressive_states_need_only_data() -> None:
    """A table by status, a credit per allowance: the figures of a made-up state, through the same method."""
    text = TEXT + (
        "\n[states.ZZ]\n"
        'source = "invented"\nmethod = "annualized"\nexcludes = []\ncredit_per_allowance = 100\n'
        "[states.ZZ.rows_by_status]\n"
        'source = "invented"\n'
        "single = [{ at_least = 0, less_than = 1000, base = 0, rate_percent = 1 }, "
        "{ at_least = 1000, base = 10, rate_percent = 2 }]\n"
        "married = [{ at_least = 0, base = 0, rate_percent = 1 }]\n"
    )
    from datetime import date

    from payroll.calc.state import Election, withholding

    made = parse(text.encode(), 2026)
    for election, cents in ((Election(), 190_00), (Election("mfj", 1), 0), (Election("hoh", 1), 90_00)):
        assert (
            withholding(
                "ZZ", 10_000_00, election, made, frequency="annual", pay_date=date(2026, 2, 6)
            ).withholding_cents
            == cents
        )


def test_one_name_for_a_faulty_file() -> None:
    assert BadRules is SameBadRules
