"""From the TOML of a year to what states take beside income tax. Each programme is a table of figures."""

from payroll.calc.money import PPM, ratio_half_up
from payroll.calc.state_tables import Programme, StateProgrammes, Unemployment
from payroll.rules.states import pre_tax_items
from payroll.rules.table import BadRules, Table


def read_programmes(top: Table) -> StateProgrammes:
    """Read [programmes] and [unemployment], if the year has them.

    raises   BadRules for a programme whose printed annual maximum is not its rate of its wage cap
    """
    collected: dict[str, list[Programme]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    if top.has("programmes"):
        table = top.table("programmes")
        if table.has("not_collected"):
            section = table.section("not_collected")
            missing = {state: tuple(section.names(state)) for state in section.unread_keys()}
        for name in table.unread_keys():
            state, programme = _programme(name, table.section(name))
            collected.setdefault(state, []).append(programme)
    return StateProgrammes(
        collected={state: tuple(programmes) for state, programmes in collected.items()},
        not_collected=missing,
        unemployment=_unemployment(top),
    )


def _programme(name: str, table: Table) -> tuple[str, Programme]:
    excludes = pre_tax_items(table)
    share = table.ppm("employee_share_percent") if table.has("employee_share_percent") else PPM
    sizes = tuple(
        (size.integer(size.value("employees"), 1, "employees"), size.ppm("rate_percent"))
        for size in (table.tables("sizes") if table.has("sizes") else [])
    )
    if list(sizes) != sorted(sizes):
        raise BadRules(f"[{table.path}] sizes rise")
    rate = 0 if sizes else table.ppm("rate_percent")
    cap = table.cents("wage_cap") if table.has("wage_cap") else None
    most = None if cap is None or sizes else ratio_half_up(cap * rate * share, PPM * PPM)
    if table.has("annual_max") and table.cents("annual_max") != most:
        raise BadRules(f"[{table.path}] annual_max is not the rate of wage_cap, which gives {most} cents")
    programme = Programme(
        name=name,
        table=table.path,
        excludes_401k="traditional_401k" in excludes,
        excludes_section125="section125" in excludes,
        excludes_hsa="hsa_cafeteria" in excludes,
        excludes_tips=table.value("excludes_tips", False) is True,
        rate_ppm=rate,
        employee_share_ppm=share,
        sizes=sizes,
        employer_ppm=table.ppm("employer_percent") if table.has("employer_percent") else None,
        wage_cap_cents=cap,
        employee_most_cents=most,
        weekly_most_cents=table.cents("weekly_max") if table.has("weekly_max") else None,
    )
    return str(table.value("state")), programme


def _unemployment(top: Table) -> Unemployment:
    bases: dict[str, tuple[str, int]] = {}
    conflicting: dict[str, str] = {}
    if top.has("unemployment"):
        table = top.table("unemployment")
        if table.has("conflicting"):
            section = table.section("conflicting")
            conflicting = {state: str(section.value(state)) for state in section.unread_keys()}
        for name in table.unread_keys():
            section = table.section(name)
            for state, cents in section.cents_by_key().items():
                if state in bases or state in conflicting:
                    raise BadRules(f"[{section.path}] {state} has two wage bases")
                bases[state] = (f"{section.path}.{state}", cents)
    return Unemployment(bases, conflicting)
