"""The limits on what is set aside before tax for health, care and the way to work."""

from payroll.calc.worksheet import Lines, worksheet


def _within(fact: str, elected_cents: int, earlier_cents: int, limit_cents: int) -> Lines:
    room = max(0, limit_cents - earlier_cents)
    yield "room", "what the limit leaves", room
    yield f"{fact}_cents", "the smaller of what is elected and that", min(elected_cents, room)
    yield f"{fact}_refused_cents", "elected, but over the limit", max(0, elected_cents - room)


@worksheet(
    "Health savings account",
    source="IRC 223(b)",
    figures={"coverage_limit_cents": "benefits.hsa", "catch_up_55_cents": "benefits.hsa"},
)
def hsa(
    elected_cents: int,
    ytd_hsa_cents: int,
    coverage: str,
    age_at_year_end: int,
    coverage_limit_cents: int,
    catch_up_55_cents: int,
) -> Lines:
    catch_up = 0 if age_at_year_end < 55 else catch_up_55_cents
    limit = coverage_limit_cents + catch_up
    yield "limit", "the limit of the coverage, and more from age 55 at the year's end", limit
    yield from _within("hsa", elected_cents, ytd_hsa_cents, limit)


@worksheet(
    "Dependent care assistance",
    source="IRC 129(a)(2)",
    figures={
        "limit_cents": "benefits.dependent_care",
        "married_separate_limit_cents": "benefits.dependent_care",
    },
)
def dependent_care(
    elected_cents: int,
    ytd_dependent_care_cents: int,
    married_separate: bool,
    limit_cents: int,
    married_separate_limit_cents: int,
) -> Lines:
    limit = married_separate_limit_cents if married_separate else limit_cents
    yield "limit", "the year's limit; lower for the married who file separately", limit
    yield from _within("dependent_care", elected_cents, ytd_dependent_care_cents, limit)


@worksheet("Health FSA", source="IRC 125(i)", figures={"limit_cents": "benefits.health_fsa"})
def health_fsa(elected_cents: int, ytd_health_fsa_cents: int, limit_cents: int) -> Lines:
    yield from _within("health_fsa", elected_cents, ytd_health_fsa_cents, limit_cents)


@worksheet(
    "Health FSA: carryover into the next plan year",
    source="IRS Notice 2013-71, Notice 2020-33",
    figures={"limit_cents": "benefits.health_fsa"},
)
def health_fsa_carryover(unused_cents: int, limit_cents: int) -> Lines:
    carried = min(unused_cents, limit_cents)
    yield "health_fsa_carryover_cents", "what is unused, up to the limit", carried
    yield "health_fsa_carryover_refused_cents", "the rest is forfeited", unused_cents - carried


@worksheet(
    "Qualified transportation: transit or parking of a month",
    source="IRC 132(f)(2)",
    figures={"limit_cents": "benefits.qualified_transportation"},
)
def qualified_transportation(elected_cents: int, month_to_date_cents: int, limit_cents: int) -> Lines:
    yield from _within("qualified_transportation", elected_cents, month_to_date_cents, limit_cents)
