"""Garnishments within the limits of the law."""

from typing import Any

from payroll import rules
from payroll.calc import garnishments
from payroll.calc.money import dollars
from payroll.calc.tables import Garnishment
from payroll.calculate.answer import Answer, money, simply
from payroll.calculate.reading import Fields
from payroll.calculate.taxes import frequency


def figures(fields: Fields) -> Garnishment:
    """The limits of the input's year, or of the latest that has tables: they have not changed since 2009."""
    return rules.load(fields.whole("tax_year", rules.known_years()[-1])).garnishment


def ordinary(fields: Fields) -> Answer:
    """What ordinary creditors get: all of the limit, or their orders as far as it goes."""
    disposable_cents, often, limits = fields.cents("disposable_earnings"), frequency(fields), figures(fields)
    most = garnishments.ordinary_maximum(disposable_cents, often, limits)
    answer: dict[str, Any] = money(most, "protected", "maximum")
    given_by = {"protected": "protected_cents", "maximum": "ordinary_maximum_cents"}
    if not fields.has("orders"):  # all that may be taken
        given_by["withheld"] = "ordinary_maximum_cents"
        return Answer(answer | {"withheld": answer["maximum"]}, [most.working], given_by)
    shared = garnishments.ordinary(disposable_cents, often, fields.cents_list("orders"), limits)
    answer |= money(shared, "withheld")
    answer["allocation"] = [dollars(cents) for cents in shared.allocation_cents]
    given_by |= {"withheld": "creditor_withheld_cents"} | _allocation(shared)
    return Answer(answer, shared.workings, given_by)


def support(fields: Fields) -> Answer:
    """What support orders get, each its share."""
    shared = garnishments.support(
        fields.cents("disposable_earnings"),
        fields.flag("supports_other_family"),
        fields.flag("arrears_over_12_weeks"),
        fields.cents_list("orders"),
        figures(fields),
    )
    answer: dict[str, Any] = money(shared, "maximum", "withheld") | {"percent": shared.percent}
    answer["allocation"] = [dollars(cents) for cents in shared.allocation_cents]
    given_by = {
        "percent": "support_percent_count",
        "maximum": "support_maximum_cents",
        "withheld": "support_withheld_cents",
    }
    return Answer(answer, shared.workings, given_by | _allocation(shared))


def stack(fields: Fields) -> Answer:
    """Support first, then a creditor under what that leaves of the ordinary limit."""
    creditors = [fields.cents("creditor_order")] if fields.has("creditor_order") else []
    stacked = garnishments.stack(
        fields.cents("disposable_earnings"),
        frequency(fields),
        fields.flag("supports_other_family"),
        fields.flag("arrears_over_12_weeks"),
        fields.cents_list("support_orders", []),
        [*creditors, *fields.cents_list("creditor_orders", [])],
        figures(fields),
    )
    names = ("support_withheld", "ordinary_maximum", "creditor_withheld")
    return Answer(money(stacked, *names), stacked.workings, simply(names))


def _allocation(shared: garnishments.Shared) -> dict[str, str]:
    """Which line gives each order's part: the orders are numbered from 1."""
    return {f"allocation.{n}": f"garnishment_{n + 1}_cents" for n in range(len(shared.allocation_cents))}
