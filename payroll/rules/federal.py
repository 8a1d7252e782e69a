"""From the TOML of a year to the federal tables."""

from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import Federal, FederalColumn, FicaRates, Flsa, FutaRates, Retirement, Tier
from payroll.rules.table import BadRules, Table

# Pub. 15-T: which table a filing status uses
TABLE_OF_STATUS = {
    "single": "single_or_mfs",
    "mfs": "single_or_mfs",
    "mfj": "mfj",
    "qss": "mfj",
    "hoh": "hoh",
}
TABLE_BEFORE_2020 = {"single": "single_or_mfs", "married_higher_single": "single_or_mfs", "married": "mfj"}
NONRESIDENT_TABLES = ("table1", "table2")
# Checkbox tables print bases up to 18 cents off, since their thresholds are rounded to dollars.
PRINTED_GAP_CENTS = 18
BP_PPM = 100


def read_federal(table: Table) -> Federal:
    """Read [federal]: Worksheet 1A, the two sets of annual tables, the nonresident amounts."""
    worksheet = table.section("worksheet_1a")
    checked = worksheet.cents("line_1g_step2_checked")
    line_1g = {"mfj": worksheet.cents("line_1g_mfj")}
    line_1g_other = worksheet.cents("line_1g_other")
    standard, checkbox = table.table("standard"), table.table("step2_checkbox")
    standard_by_name, checkbox_by_name = (
        {
            name: tables.section(name).brackets(gap_cents=PRINTED_GAP_CENTS)
            for name in ("single_or_mfs", "mfj", "hoh")
        }
        for tables in (standard, checkbox)
    )
    columns = {}
    for status, name in TABLE_OF_STATUS.items():
        columns[status, False] = FederalColumn(standard_by_name[name], line_1g.get(name, line_1g_other))
        columns[status, True] = FederalColumn(checkbox_by_name[name], checked)
    nonresident = table.table("nonresident")
    return Federal(
        from_2020=columns,
        before_2020={status: standard_by_name[name] for status, name in TABLE_BEFORE_2020.items()},
        allowance_cents=worksheet.cents("line_1k_per_allowance"),
        nonresident={
            (name, frequency): cents
            for name in NONRESIDENT_TABLES
            for frequency, cents in nonresident.section(name).cents_by_key().items()
        },
    )


def read_fica(table: Table) -> FicaRates:
    """Read [fica]; the most Social Security a year can take is wage base x rate."""
    rate, base = table.ppm("ss_rate_percent"), table.cents("ss_wage_base")
    additional = table.section("additional_medicare")
    return FicaRates(
        ss_rate_ppm=rate,
        ss_wage_base_cents=base,
        ss_most_cents=ratio_half_up(rate * base, PPM),
        medicare_rate_ppm=table.ppm("medicare_rate_percent"),
        additional_rate_ppm=additional.ppm("rate_percent"),
        additional_threshold_cents=additional.cents("wages_over"),
    )


def read_futa(table: Table) -> FutaRates:
    """Read [futa]: the net rate is the gross rate less the full state credit."""
    reduction = None
    if table.has("credit_reduction_percent"):
        states = table.section("credit_reduction_percent")
        reduction = {state: states.ppm(state) for state in states.unread_keys()}
    return FutaRates(
        net_rate_ppm=table.ppm("gross_rate_percent") - table.ppm("state_credit_percent"),
        wage_base_cents=table.cents("wage_base"),
        credit_reduction_ppm=reduction,
    )


def read_flsa(table: Table) -> Flsa:
    """Read [flsa]."""
    return Flsa(
        overtime_after_hundredths=table.integer(
            table.value("overtime_after_hours"), 100, "overtime_after_hours"
        ),
        premium_ppm=table.ppm("premium_percent"),
    )


def read_retirement(table: Table) -> Retirement:
    """Read [retirement]: limits, the Roth catch-up threshold if one is in force, and the match formulas."""
    over = table.section("roth_catch_up").cents("wages_over") if table.has("roth_catch_up") else None
    match = table.table("match")
    formulas = {name: _tiers(match.section(name)) for name in match.unread_keys()}
    return Retirement(
        deferral_limit_cents=table.cents("elective_deferral"),
        catch_up_50_cents=table.cents("catch_up_50"),
        catch_up_60_to_63_cents=table.cents("catch_up_60_to_63"),
        compensation_limit_cents=table.cents("compensation"),
        roth_catch_up_over_cents=over,
        formulas=formulas,
    )


def _tiers(formula: Table) -> tuple[Tier, ...]:
    tiers = tuple(
        Tier(_bp(tier, "pay_percent"), _bp(tier, "rate_percent")) for tier in formula.tables("tiers")
    )
    if not tiers:
        raise BadRules(f"[{formula.path}] has no tiers")
    return tiers


def _bp(table: Table, key: str) -> int:
    ppm = table.ppm(key)
    if ppm % BP_PPM:
        raise BadRules(f"[{table.path}] {key}: at most two decimals")
    return ppm // BP_PPM
