"""Where an entry of a worksheet comes from: an event, the frozen inputs, the rule tables, or a sum of those."""

from collections.abc import Mapping
from typing import Any

from payroll.explain.entries import SPECIAL, YEAR_TO_DATE, Record
from payroll.explain.sections import Asked, Origin

W4 = {
    *("step2_checkbox", "step3_cents", "step4a_cents", "step4b_cents", "step4c_cents"),
    *("allowances", "additional_withholding_cents"),
}
STATE_FORM = {
    *("allowances", "further_allowances", "age_blind_allowances", "estimated_deduction_allowances"),
    *("regular_allowances", "exemptions", "personal_exemptions", "dependents", "first_time_dependents"),
    *("adopted_dependents", "additional_cents"),
}
ROW = {"at_least_cents", "base_cents", "rate_ppm"}  # of a table of brackets
OF_TABLE = {
    *("deduction_cents", "deduction_ppm", "deduction_limit_cents", "standard_deduction_cents"),
    *("phase_out_from_cents", "phase_out_to_cents", "per_allowance_cents", "per_further_allowance_cents"),
    *("per_age_blind_allowance_cents", "per_first_allowance_cents", "first_allowances"),
    *("credit_per_allowance_cents", "round_to_cents", "no_allowance_above_cents", "low_income_cents"),
    *(
        "per_estimated_deduction_cents",
        "fica_limit_cents",
        "first_exemption_cents",
        "further_exemption_cents",
    ),
    *("hoh_credit_cents", "no_tax_up_to_cents", "personal_cents", "dependent_cents"),
    *(
        "first_time_dependent_cents",
        "adopted_dependent_cents",
        "credit_cents",
        "taper_from_cents",
        "taper_ppm",
    ),
    *(
        "wage_cap_cents",
        "employee_share_ppm",
        "most_a_period_cents",
        "most_a_year_cents",
        "employer_rate_ppm",
    ),
    *("nonelective_bp", "tiers", "unemployment_wage_base_cents"),
}
EXCLUDES = {"excludes_401k", "excludes_section125", "excludes_hsa"}


def rules_origin(asked: Asked, tables: Mapping[str, Any]) -> Origin | None:
    """The table of the rules that an entry is a figure of, and its source; None when it is of none."""
    sheet, name = asked.sheet.worksheet, asked.name
    table = asked.sheet.entries.get("table")
    path = sheet.figures.get(name)
    where = path
    if name == "table":
        path = where = table
    elif path is None and table and name in ROW:
        path, where = (
            table,
            f"{table}, the row that fits" if "at_least_cents" in asked.sheet.entries else table,
        )
    elif path is None and table and name in OF_TABLE:
        path = where = ".".join(table.split(".")[:2]) if table.startswith("states.") else table
    if path is None:
        return (
            Origin("computed", "there is none")
            if name in {"table", *OF_TABLE} and "table" in sheet.entries
            else None
        )
    return Origin("rules", str(where), source_in(tables, path))


def nonresident_origin(table: str | None, tables: Mapping[str, Any]) -> Origin:
    """The amount that is added to a nonresident alien's wages; for all others nothing is."""
    if table is None:
        return Origin("input", "forms: no nonresident alien", expected=(0,))
    path = f"federal.nonresident.{table}"
    return Origin("rules", path, source_in(tables, path))


def source_in(tables: Mapping[str, Any], path: str) -> str:
    """What rule tables say where the figures at a path come from: of the innermost table that says so."""
    found: Any = tables
    source = ""
    for part in path.split("."):
        if isinstance(found, list):
            found = found[int(part)] if part.isdigit() else found[0].get(part)
        else:
            found = found.get(part) if isinstance(found, dict) else None
        within = found[0] if isinstance(found, list) and found else found
        if isinstance(within, dict):
            source = within.get("source", source)
    return source


def origin(asked: Asked, record: Record) -> Origin | None:
    """Where an entry comes from, and what stands there; None for what is just a line of another section."""
    sheet, name = asked.sheet.worksheet.name, asked.name
    if sheet.startswith("federal_") and name == "fit_wages_cents":
        return _taxed_by_parts(asked, record)
    special = SPECIAL.get(f"{sheet}.{name}") or SPECIAL.get(name)
    if special is not None and not (asked.linked and special.only_unlinked):
        return special.origin(asked, record)
    if asked.linked:
        return None
    return (
        _of_state_form(asked, record)
        or _of_w4(asked, record)
        or rules_origin(asked, record.tables)
        or _of_state(asked, record)
        or _on_record(asked, record)
    )


def knows(sheet: str, name: str) -> bool:
    """Whether there is a rule for an entry that is neither a figure, nor a fact, nor an input of the same name."""
    of_state = sheet.startswith("state_") and name in STATE_FORM
    of_w4 = sheet.startswith("federal_") and name in W4
    named = {*SPECIAL, *YEAR_TO_DATE, *OF_TABLE, *ROW, *EXCLUDES, "table"}
    return of_state or of_w4 or bool({name, f"{sheet}.{name}"} & named)


def _of_w4(asked: Asked, record: Record) -> Origin | None:
    """An entry that the Form W-4 gives, or the lock-in letter."""
    name = asked.name
    if not asked.sheet.worksheet.name.startswith("federal_"):
        return None
    if name == "nonresident_cents":
        return nonresident_origin(record.form("nonresident"), record.tables)
    if name not in W4:
        return None
    if any(entry == "letter_working" for _, entry in asked.above):
        return Origin("input", f"forms.lock_in.{name}", expected=(record.form("lock_in")[name],))
    return Origin("input", name, expected=(record.inputs[name],))


def _of_state(asked: Asked, record: Record) -> Origin | None:
    """What the work state does not count as wages."""
    if asked.name not in EXCLUDES:
        return None
    state = record.inputs["work_state"]
    path = f"states.{state}" if state in record.tables["states"] else "no_income_tax"
    return Origin("rules", path, source_in(record.tables, path))


def _on_record(asked: Asked, record: Record) -> Origin | None:
    """A year to date, a fact of an event, or an input of the same name."""
    name = asked.name
    if name in (used := record.earlier("used") or {}):
        return Origin("year to date", f"year_to_date.used.{name}", expected=(used[name],))
    if name in YEAR_TO_DATE:
        fact = YEAR_TO_DATE[name]
        return Origin("year to date", f"year_to_date.{fact}", expected=(record.earlier(fact),))
    if name in record.event_of:
        return Origin("event", record.event_of[name], expected=(record.facts[name],))
    return Origin("input", name, expected=(record.inputs[name],)) if name in record.inputs else None


def _taxed_by_parts(asked: Asked, record: Record) -> Origin | None:
    """Regular and supplemental wages are taxed apart: then a worksheet takes a part of the wages."""
    wages_cents = record.facts["fit_wages_cents"]
    regular_cents = wages_cents - min(record.facts["supplemental_cents"], wages_cents)
    for sheet, entry in asked.above:
        if entry == "combined_working":
            return Origin(
                "computed", "regular and supplemental wages together", expected=(sheet.facts["combined"],)
            )
    if regular_cents == wages_cents:
        return None
    return Origin("computed", "taxable wages less supplemental wages", expected=(regular_cents,))


def _of_state_form(asked: Asked, record: Record) -> Origin | None:
    """An entry that the employee's state form gives."""
    name, given = asked.name, record.form("state") or {}
    if not asked.sheet.worksheet.name.startswith("state_"):
        return None
    if name == "rate_ppm" and asked.sheet.worksheet.name == "state_elected_rate":
        elected = given.get("elected_rate_ppm")  # without an election the state's table has a rate
        return Origin("input", "forms.state.elected_rate_ppm", expected=(elected,)) if elected else None
    if name in {"deduction_cents", "credit_cents"} and given.get(name) == asked.value:
        return Origin("input", f"forms.state.{name}", expected=(given[name],))
    if name not in STATE_FORM:
        return None
    where = "forms.state: not given" if given else "forms: no state form on file"
    expected = (given.get(name, 0),) if name == "additional_cents" else ()
    return Origin("input", f"forms.state.{name}" if name in given else where, expected=expected)
