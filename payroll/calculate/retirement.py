"""401(k) deferrals and the employer's match."""

from typing import Any

from payroll.calc.deferral import Deferral, deferral
from payroll.calc.match import Match, match, true_up
from payroll.calc.money import dollars
from payroll.calc.tables import Retirement
from payroll.calc.worksheet import Working
from payroll.calculate.answer import Answer, money, simply
from payroll.calculate.reading import Fields
from payroll.calculate.taxes import tables

PLAN_FLAGS = ("plan_has_roth", "plan_has_catch_up", "plan_has_60_to_63")


def deferral_of_one(fields: Fields) -> Answer:
    """What one check defers, within the year's limits."""
    settled = _deferral(
        fields, fields.cents("eligible_comp"), fields.cents("ytd_deferrals", 0), tables(fields).retirement
    )
    answer: dict[str, Any] = money(
        settled, "traditional", "roth", "total", "refused", of_which_catch_up="catch_up"
    )
    answer["roth_catch_up_required"] = settled.roth_catch_up_required
    given_by = {
        "traditional": "traditional_401k_cents",
        "roth": "roth_401k_cents",
        "total": "deferral_cents",
        "of_which_catch_up": "catch_up_cents",
        "refused": "deferral_refused_cents",
        "roth_catch_up_required": "roth_catch_up_required",
    }
    return Answer(answer, [settled.working], given_by)


def deferral_sequence(fields: Fields) -> Answer:
    """A year's deferrals and match, check by check, and the true-up at its end."""
    limits, formula = tables(fields).retirement, fields.text("formula", "none")
    comp = fields.cents_list("checks")
    checks: list[Deferral] = []
    matches: list[Match] = []
    for comp_cents in comp:
        deferred_cents = sum(check.total_cents for check in checks)
        check = _deferral(fields, comp_cents, deferred_cents, limits)
        paid_cents = sum(comp[: len(checks)])
        matches.append(match(comp_cents, paid_cents, check.total_cents, formula, limits))
        checks.append(check)
    totals = {
        "annual_deferrals": [check.total_cents for check in checks],
        "annual_match_per_check": [made.match_cents for made in matches],
    }
    deferred_cents, matched_cents = map(sum, totals.values())
    end = true_up(sum(comp), deferred_cents, matched_cents, formula, limits)
    limited = [check.refused_cents > 0 for check in checks]
    first = limited.index(True) if any(limited) else None
    answer: dict[str, Any] = {name: dollars(sum(amounts)) for name, amounts in totals.items()}
    answer |= money(end, "true_up")
    answer["first_check_limited"] = None if first is None else first + 1
    on_first = "deferral_on_first_limited_check"
    answer[on_first] = None if first is None else dollars(checks[first].total_cents)
    workings: list[Working] = [each.working for pair in zip(checks, matches, strict=True) for each in pair]
    workings += [("total", f"{name}_cents", amounts) for name, amounts in totals.items()]
    workings += [("first_of", "first_check_limited", limited), end.working]
    given_by = simply((*totals, "true_up")) | {"first_check_limited": "first_check_limited"}
    own = {} if first is None else {on_first: [checks[first].working]}
    return Answer(answer, workings, given_by | {on_first: "deferral_cents"}, own)


def match_of_one(fields: Fields) -> Answer:
    """The employer's match on one check."""
    made = match(
        fields.cents("eligible_comp"),
        fields.cents("ytd_comp", 0),
        fields.cents("deferrals"),
        fields.text("formula"),
        tables(fields).retirement,
    )
    names = ("matched_comp", "match")
    return Answer(money(made, *names), [made.working], simply(names))


def true_up_of_year(fields: Fields) -> Answer:
    """What the year's match still owes."""
    owed = true_up(
        fields.cents("annual_comp"),
        fields.cents("annual_deferrals"),
        fields.cents("ytd_match", 0),
        fields.text("formula"),
        tables(fields).retirement,
    )
    names = ("annual_match", "true_up")
    return Answer(money(owed, *names), [owed.working], simply(names))


def _deferral(fields: Fields, eligible_cents: int, ytd_cents: int, limits: Retirement) -> Deferral:
    return deferral(
        eligible_cents,
        fields.bp("traditional_percent", 0),
        fields.bp("roth_percent", 0),
        limits,
        age_at_year_end=fields.whole("age_at_year_end"),
        ytd_deferrals_cents=ytd_cents,
        prior_year_ss_wages_cents=fields.cents("prior_year_ss_wages", 0),
        **{name: fields.flag(name, True) for name in PLAN_FLAGS},
    )
