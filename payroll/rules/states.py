"""From the TOML of a year to the states' rules. `method` in a state's table names its reader here."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import TypedDict, TypeVar

from payroll.calc.tables import (
    Annualized,
    Brackets,
    ElectedRate,
    ExemptionLines,
    NoIncomeTax,
    PeriodDeduction,
    StateRule,
    TaperedCredit,
)
from payroll.rules.table import BadRules, Table

T = TypeVar("T")
PRE_TAX_ITEMS = ("traditional_401k", "section125", "hsa_cafeteria")
CODE_LENGTH = 2
# How the words of federal forms read in a state's table; hoh is single where a state has no hoh of its own.
STATUS_OF = {
    "single": "single",
    "mfs": "single",
    "married_higher_single": "single",
    "mfj": "married",
    "qss": "married",
    "married": "married",
    "hoh": "hoh",
}


class Common(TypedDict):
    """What every rule has; see tables.StateRule."""

    since: date
    until: date
    excludes_401k: bool
    excludes_section125: bool
    excludes_hsa: bool


def read_states(top: Table, year: int) -> dict[str, tuple[StateRule, ...]]:
    """Read [no_income_tax] and [states], if the year has any.

    raises   BadRules for a state in both, an unknown method, or dates that overlap
    """
    whole_year = Common(
        since=date(year, 1, 1),
        until=date(year, 12, 31),
        excludes_401k=True,
        excludes_section125=True,
        excludes_hsa=True,
    )
    free = top.section("no_income_tax").names("states") if top.has("no_income_tax") else []
    states: dict[str, tuple[StateRule, ...]] = {code: (NoIncomeTax(**whole_year),) for code in free}
    if top.has("states"):
        section = top.table("states")
        for code in section.unread_keys():
            if code in states:
                raise BadRules(f"[states.{code}] is also listed as a state without income tax")
            states[code] = tuple(_read_rule(table, year) for table in section.sections(code))
    for code, rules in states.items():
        _check(code, rules, year)
    return states


def _read_rule(table: Table, year: int) -> StateRule:
    excludes = table.names("excludes")
    if not set(excludes) <= set(PRE_TAX_ITEMS):
        raise BadRules(f"[{table.path}] excludes knows {', '.join(PRE_TAX_ITEMS)}")
    common = Common(
        since=table.day("since", date(year, 1, 1)),
        until=table.day("until", date(year, 12, 31)),
        excludes_401k="traditional_401k" in excludes,
        excludes_section125="section125" in excludes,
        excludes_hsa="hsa_cafeteria" in excludes,
    )
    method = table.value("method")
    if method not in READERS:
        raise BadRules(f"[{table.path}] method {method!r} is unknown: use one of {', '.join(READERS)}")
    return READERS[method](table, common)


def _check(code: str, rules: tuple[StateRule, ...], year: int) -> None:
    if len(code) != CODE_LENGTH or not code.isupper():
        raise BadRules(f"[states.{code}] is not a postal code")
    day = date(year, 1, 1)
    for rule in rules:
        if rule.since != day or rule.until < rule.since:
            raise BadRules(
                f"[states.{code}] dates leave a gap or overlap at {rule.since}: they follow each other"
            )
        day = rule.until + timedelta(days=1)
    if day != date(year + 1, 1, 1):
        raise BadRules(f"[states.{code}] ends on {day - timedelta(days=1)}: cover the year to its end")


def _annualized(table: Table, common: Common) -> StateRule:
    deduction = dict.fromkeys(STATUS_OF, 0)
    if table.has("deduction"):
        deduction = _by_status(table.table("deduction").cents_by_key(), table)
    return Annualized(
        **common,
        brackets=_brackets(table),
        deduction_cents=deduction,
        deduction_may_be_named=table.value("deduction_may_be_named", False) is True,
        per_allowance_cents=table.cents("per_allowance", 0),
        per_further_allowance_cents=table.cents("per_further_allowance", 0),
        credit_per_allowance_cents=table.cents("credit_per_allowance", 0),
        round_to_cents=100 if table.value("whole_dollars", False) is True else 1,
    )


def _brackets(table: Table) -> dict[str, Brackets]:
    """Read a flat rate, one table for all (`rows`), or one by status (`rows_by_status`)."""
    if table.has("rows_by_status"):
        by_status = table.section("rows_by_status")
        return _by_status({key: by_status.brackets(key) for key in by_status.unread_keys()}, table)
    one = table.brackets() if table.has("rows") else Brackets((0,), (0,), (table.ppm("rate_percent"),))
    return dict.fromkeys(STATUS_OF, one)


def _exemption_lines(table: Table, common: Common) -> StateRule:
    return ExemptionLines(
        **common,
        rate_ppm=table.ppm("rate_percent"),
        personal_cents=table.cents("personal"),
        dependent_cents=table.cents("dependent"),
        first_time_dependent_cents=table.cents("first_time_dependent"),
        adopted_dependent_cents=table.cents("adopted_dependent"),
    )


def _period_deduction(table: Table, common: Common) -> StateRule:
    amounts = table.section("deduction_per_period")
    deduction = {
        name: _by_status(amounts.table(name).cents_by_key(), table) for name in amounts.unread_keys()
    }
    return PeriodDeduction(**common, rate_ppm=table.ppm("rate_percent"), deduction_cents=deduction)


def _tapered_credit(table: Table, common: Common) -> StateRule:
    return TaperedCredit(
        **common,
        rate_ppm=table.ppm("rate_percent"),
        credit_cents=_by_status(table.table("credit").cents_by_key(), table),
        taper_from_cents=_by_status(table.table("taper_from").cents_by_key(), table),
        taper_ppm=table.ppm("taper_percent"),
    )


def _elected_rate(table: Table, common: Common) -> StateRule:
    rates = tuple(table.rate(percent, "rates_percent") for percent in table.value("rates_percent"))
    default = table.ppm("default_percent")
    if default not in rates:
        raise BadRules(f"[{table.path}] default_percent is not one of the rates")
    return ElectedRate(**common, rates_ppm=rates, default_ppm=default)


def _by_status(figures: dict[str, T], table: Table) -> dict[str, T]:
    """Spell a state's statuses out for every word a form may use, so that a check is one look-up."""
    if not {"single", "married"} <= figures.keys():
        raise BadRules(f"[{table.path}] needs a figure for single and for married")
    spelled = {word: figures.get(status, figures["single"]) for word, status in STATUS_OF.items()}
    return figures | spelled


READERS: dict[str, Callable[[Table, Common], StateRule]] = {
    "annualized": _annualized,
    "exemption_lines": _exemption_lines,
    "period_deduction": _period_deduction,
    "tapered_credit": _tapered_credit,
    "elected_rate": _elected_rate,
}
