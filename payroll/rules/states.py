"""From the TOML of a year to the states' rules. `method` in a state's table names its reader here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TypedDict, TypeVar

from payroll.calc.brackets import Brackets
from payroll.calc.state_tables import (
    Annualized,
    CaliforniaB,
    ElectedRate,
    ExemptionLines,
    FirstAllowances,
    LimitedAllowances,
    MassachusettsM,
    NoIncomeTax,
    PercentDeduction,
    PeriodDeduction,
    PeriodTables,
    PhasedDeduction,
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
    """What every rule has; see state_tables.StateRule."""

    table: str
    since: date
    until: date
    by_period_end: bool
    excludes_401k: bool
    excludes_section125: bool
    excludes_hsa: bool


def read_states(top: Table, year: int) -> dict[str, tuple[StateRule, ...]]:
    """Read [no_income_tax] and [states], if the year has any.

    raises   BadRules for a state in both, an unknown method, or dates that overlap
    """
    whole_year = Common(
        table="no_income_tax",
        by_period_end=False,
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
    excludes = pre_tax_items(table)
    common = Common(
        table=table.path,
        since=table.day("since", date(year, 1, 1)),
        until=table.day("until", date(year, 12, 31)),
        by_period_end=table.value("by_period_end", False) is True,
        excludes_401k="traditional_401k" in excludes,
        excludes_section125="section125" in excludes,
        excludes_hsa="hsa_cafeteria" in excludes,
    )
    method = table.value("method")
    if method not in READERS:
        raise BadRules(f"[{table.path}] method {method!r} is unknown: use one of {', '.join(READERS)}")
    return READERS[method](table, common)


def pre_tax_items(table: Table) -> list[str]:
    """Read which pre-tax items a rule does not count as wages."""
    excludes = table.names("excludes")
    if not set(excludes) <= set(PRE_TAX_ITEMS):
        raise BadRules(f"[{table.path}] excludes knows {', '.join(PRE_TAX_ITEMS)}")
    return excludes


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
        deduction = _cents_by_status(table, "deduction")
    elected = _named_brackets(table.section("elected_tables")) if table.has("elected_tables") else {}
    return Annualized(
        **common,
        brackets=_brackets(table, *deduction),
        elected_tables=elected,
        deduction_cents=deduction,
        deduction_may_be_named=table.value("deduction_may_be_named", False) is True,
        per_allowance_cents=table.cents("per_allowance", 0),
        per_further_allowance_cents=table.cents("per_further_allowance", 0),
        per_age_blind_allowance_cents=table.cents("per_age_blind_allowance", 0),
        credit_per_allowance_cents=table.cents("credit_per_allowance", 0),
        round_to_cents=100 if table.value("whole_dollars", False) is True else 1,
    )


def _brackets(table: Table, *statuses: str) -> dict[str, Brackets]:
    """Read a flat rate, one table for all (`rows`), or one by status (`rows_by_status`).

    statuses   words of the state's own that the one table holds for too
    """
    if table.has("rows_by_status"):
        return _by_status(_named_brackets(table.section("rows_by_status")), table)
    one = (
        table.brackets()
        if table.has("rows")
        else Brackets(table.path, (0,), (0,), (table.ppm("rate_percent"),))
    )
    return dict.fromkeys((*STATUS_OF, *statuses), one)


def _named_brackets(table: Table) -> dict[str, Brackets]:
    """Read every key of a table as a progressive table, with its own path."""
    return {key: replace(table.brackets(key), table=f"{table.path}.{key}") for key in table.unread_keys()}


def _phased_deduction(table: Table, common: Common) -> StateRule:
    start, end = _cents_by_status(table, "phase_out_from"), _cents_by_status(table, "phase_out_to")
    if any(start[status] >= end[status] for status in start):
        raise BadRules(f"[{table.path}] phase_out_to is above phase_out_from")
    return PhasedDeduction(
        **common,
        brackets=_brackets(table),
        deduction_cents=_cents_by_status(table, "deduction"),
        phase_out_from_cents=start,
        phase_out_to_cents=end,
        per_allowance_cents=table.cents("per_allowance"),
    )


def _percent_deduction(table: Table, common: Common) -> StateRule:
    return PercentDeduction(
        **common,
        brackets=_brackets(table),
        deduction_ppm=table.ppm("deduction_percent"),
        deduction_limit_cents=table.cents("deduction_limit"),
        per_allowance_cents=table.cents("per_allowance"),
    )


def _first_allowances(table: Table, common: Common) -> StateRule:
    counts = table.table("first_allowances")
    each = {key: counts.integer(counts.value(key), 1, key) for key in counts.unread_keys()}
    return FirstAllowances(
        **common,
        brackets=_brackets(table),
        first_allowances=_by_status(each, table),
        per_first_allowance_cents=table.cents("per_first_allowance"),
        per_allowance_cents=table.cents("per_allowance"),
    )


def _limited_allowances(table: Table, common: Common) -> StateRule:
    return LimitedAllowances(
        **common,
        brackets=_brackets(table),
        per_allowance_cents=table.cents("per_allowance"),
        no_allowance_above_cents=table.cents("no_allowance_above"),
    )


def _period_tables(table: Table, common: Common) -> StateRule:
    by_frequency = table.table("tables")
    tables = {name: _named_brackets(by_frequency.section(name)) for name in by_frequency.unread_keys()}
    table_of = table.table("table_of")
    words = {key: str(table_of.value(key)) for key in table_of.unread_keys()}
    none = {name: dict.fromkeys(tables[name], 0) for name in tables}
    endless: dict[str, dict[str, int]] = {name: {} for name in tables}
    return PeriodTables(
        **common,
        tables=tables,
        table_of=_by_status(words, table),
        deduction_cents=_cents_by_frequency(table, "deduction") if table.has("deduction") else none,
        per_allowance_cents=table.section("per_allowance").cents_by_key(),
        not_from_cents=_cents_by_frequency(table, "not_from") if table.has("not_from") else endless,
        tables_may_be_named=table.value("tables_may_be_named", False) is True,
    )


def _california_b(table: Table, common: Common) -> StateRule:
    return CaliforniaB(
        **common,
        brackets=_brackets(table),
        low_income_cents=_cents_by_status(table, "low_income"),
        standard_deduction_cents=_cents_by_status(table, "standard_deduction"),
        per_estimated_deduction_cents=table.cents("per_estimated_deduction"),
        credit_per_allowance_cents=table.cents("credit_per_allowance"),
    )


def _massachusetts_m(table: Table, common: Common) -> StateRule:
    return MassachusettsM(
        **common,
        brackets=table.brackets(),
        first_exemption_cents=table.cents("first_exemption"),
        further_exemption_cents=table.cents("further_exemption"),
        fica_limit_cents=table.cents("fica_limit"),
        hoh_credit_cents=table.cents("hoh_credit"),
        no_tax_up_to_cents=table.cents("no_tax_up_to"),
    )


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
    return PeriodDeduction(
        **common,
        rate_ppm=table.ppm("rate_percent"),
        credit_per_allowance_cents=table.cents("credit_per_allowance", 0),
        deduction_cents=deduction,
    )


def _tapered_credit(table: Table, common: Common) -> StateRule:
    return TaperedCredit(
        **common,
        rate_ppm=table.ppm("rate_percent"),
        credit_cents=_cents_by_status(table, "credit"),
        taper_from_cents=_cents_by_status(table, "taper_from"),
        taper_ppm=table.ppm("taper_percent"),
    )


def _elected_rate(table: Table, common: Common) -> StateRule:
    rates = tuple(table.rate(percent, "rates_percent") for percent in table.value("rates_percent"))
    default = table.ppm("default_percent")
    if default not in rates:
        raise BadRules(f"[{table.path}] default_percent is not one of the rates")
    return ElectedRate(**common, rates_ppm=rates, default_ppm=default)


def _cents_by_status(table: Table, key: str) -> dict[str, int]:
    return _by_status(table.table(key).cents_by_key(), table)


def _cents_by_frequency(table: Table, key: str) -> dict[str, dict[str, int]]:
    section = table.section(key)
    return {name: section.table(name).cents_by_key() for name in section.unread_keys()}


def _by_status(figures: dict[str, T], table: Table) -> dict[str, T]:
    """Spell a state's statuses out for every word a form may use, so that a check is one look-up."""
    if not {"single", "married"} <= figures.keys():
        raise BadRules(f"[{table.path}] needs a figure for single and for married")
    spelled = {word: figures.get(status, figures["single"]) for word, status in STATUS_OF.items()}
    return figures | spelled


READERS: dict[str, Callable[[Table, Common], StateRule]] = {
    "annualized": _annualized,
    "phased_deduction": _phased_deduction,
    "percent_deduction": _percent_deduction,
    "first_allowances": _first_allowances,
    "limited_allowances": _limited_allowances,
    "period_tables": _period_tables,
    "california_b": _california_b,
    "massachusetts_m": _massachusetts_m,
    "exemption_lines": _exemption_lines,
    "period_deduction": _period_deduction,
    "tapered_credit": _tapered_credit,
    "elected_rate": _elected_rate,
}
