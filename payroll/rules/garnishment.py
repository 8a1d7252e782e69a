"""From the TOML of a year to the limits of garnishment."""

from payroll.calc.tables import Garnishment, LevyExemption, StateGarnishment
from payroll.rules.federal import TABLE_OF_STATUS
from payroll.rules.table import BadRules, Table

PPM_A_BP = 100


def read_garnishment(table: Table, year: int) -> Garnishment:
    """Read [garnishment]: federal limits, what a tax levy leaves, and the states whose own limit is known."""
    ordinary, support = table.section("ordinary"), table.section("support")
    debt = table.section("federal_debt")
    return Garnishment(
        minimum_wage_cents=ordinary.cents("minimum_wage"),
        protected_hours=_whole(ordinary, "protected_hours_a_week"),
        ordinary_bp=_bp(ordinary, "percent"),
        support_bp={
            (True, False): _bp(support, "supports_others_percent"),
            (True, True): _bp(support, "supports_others_in_arrears_percent"),
            (False, False): _bp(support, "supports_nobody_else_percent"),
            (False, True): _bp(support, "supports_nobody_else_in_arrears_percent"),
        },
        federal_debt_bp={
            "student_loan": _bp(debt, "student_loan_percent"),
            "federal_agency": _bp(debt, "federal_agency_percent"),
        },
        levy=_levy(table.section("levy"), year),
        states=_states(table.table("states")),
    )


def _levy(table: Table, year: int) -> LevyExemption:
    exemption = table.cents("exemption")
    if not table.has("standard_deduction"):
        return LevyExemption(year, exemption, {})
    deductions = table.section("standard_deduction")
    by_status = {status: deductions.cents(name) for status, name in TABLE_OF_STATUS.items()}
    return LevyExemption(year, exemption, by_status)


def _states(table: Table) -> dict[str, StateGarnishment]:
    states = {}
    for state in table.unread_keys():
        limits = table.section(state)
        states[state] = StateGarnishment(
            state=state,
            ordinary_bp=_bp(limits, "percent"),
            excess_bp=_bp(limits, "excess_percent"),
            protected_hours=_whole(limits, "protected_hours_a_week"),
        )
    return states


def _bp(table: Table, key: str) -> int:
    ppm = table.ppm(key)
    if ppm % PPM_A_BP:
        raise BadRules(f"[{table.path}] {key}: at most two decimals")
    return ppm // PPM_A_BP


def _whole(table: Table, key: str) -> int:
    return table.integer(table.value(key), 1, key)
