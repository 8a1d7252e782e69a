"""From the TOML of a year to the federal tables."""

from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.tables import (
    BenefitLimits,
    California,
    Federal,
    FederalColumn,
    FicaRates,
    Flsa,
    Formula,
    FutaRates,
    Retirement,
    SupplementalRates,
    Tier,
)
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
    """Read [federal]: Worksheet 1A, both sets of annual tables, nonresident amounts, supplemental rates."""
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
        supplemental=_supplemental(table.section("supplemental")),
    )


def _supplemental(table: Table) -> SupplementalRates:
    return SupplementalRates(
        rate_ppm=table.ppm("rate_percent"),
        over_rate_ppm=table.ppm("over_rate_percent"),
        threshold_cents=table.cents("threshold"),
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
    """Read [flsa], and the daily rule of California if the year has it."""
    return Flsa(
        overtime_after_hundredths=_hundredths(table, "overtime_after_hours"),
        premium_ppm=table.ppm("premium_percent"),
        california=_california(table.section("california_overtime"))
        if table.has("california_overtime")
        else None,
    )


def _california(table: Table) -> California:
    return California(
        daily_overtime_after_hundredths=_hundredths(table, "overtime_after_hours_a_day"),
        daily_double_after_hundredths=_hundredths(table, "double_time_after_hours_a_day"),
        weekly_overtime_after_hundredths=_hundredths(table, "overtime_after_hours_a_week"),
        seventh_day_double_after_hundredths=_hundredths(table, "seventh_day_double_time_after_hours"),
        overtime_premium_ppm=table.ppm("overtime_premium_percent"),
        double_premium_ppm=table.ppm("double_time_premium_percent"),
    )


def _hundredths(table: Table, key: str) -> int:
    return table.integer(table.value(key), 100, key)


def read_retirement(table: Table) -> Retirement:
    """Read [retirement]: limits, the Roth catch-up threshold if one is in force, and the formulas."""
    over = table.section("roth_catch_up").cents("wages_over") if table.has("roth_catch_up") else None
    match = table.table("match")
    formulas = {name: _formula(match.section(name)) for name in match.unread_keys()}
    return Retirement(
        deferral_limit_cents=table.cents("elective_deferral"),
        catch_up_50_cents=table.cents("catch_up_50"),
        catch_up_60_to_63_cents=table.cents("catch_up_60_to_63"),
        compensation_limit_cents=table.cents("compensation"),
        annual_additions_limit_cents=table.cents("annual_additions"),
        roth_catch_up_over_cents=over,
        formulas=formulas,
    )


def read_benefits(table: Table) -> BenefitLimits:
    """Read [benefits]: what may be set aside before tax."""
    hsa, care = table.section("hsa"), table.section("dependent_care")
    fsa, transportation = table.section("health_fsa"), table.section("qualified_transportation")
    return BenefitLimits(
        hsa_cents={coverage: hsa.cents(coverage) for coverage in ("self", "family")},
        hsa_catch_up_cents=hsa.cents("catch_up_55"),
        dependent_care_cents=care.cents("limit"),
        dependent_care_married_separate_cents=care.cents("married_separate"),
        health_fsa_cents=fsa.cents("limit"),
        health_fsa_carryover_cents=fsa.cents("carryover"),
        transportation_cents=transportation.cents("per_month"),
    )


def _formula(formula: Table) -> Formula:
    """A formula has tiers, or a percent of pay for everybody eligible."""
    if formula.has("nonelective_percent"):
        return Formula(formula.path, _bp(formula, "nonelective_percent"), ())
    return Formula(formula.path, 0, _tiers(formula))


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
