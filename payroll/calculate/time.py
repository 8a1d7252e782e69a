"""Overtime by workweek."""

from collections import Counter
from typing import Any

from payroll import rules
from payroll.calc.hours import E4_PER_CENT, KINDS, Line, as_hours, hours_by_line, workweek
from payroll.calc.money import dollars, ratio_half_up
from payroll.calc.worksheet import Working
from payroll.calculate.answer import Answer, money
from payroll.calculate.reading import Fields

WEEK = {
    "hours_worked": "hours_worked_hundredths",
    "overtime_hours": "overtime_hours_hundredths",
    "premium": "overtime_premium_cents",
}


def overtime(fields: Fields) -> Answer:
    """Pay for the workweeks of a period: the premium of each by itself, hours as a stub prints them.

    Straight time is rounded once for each kind and rate of the period, as in a pay run.
    """
    flsa = rules.load(fields.whole("tax_year", rules.known_years()[-1])).flsa
    each = fields.each("workweeks")
    lines = [_lines(week) for week in each]
    extra = [(week.cents("nondiscretionary_bonus", 0), week.cents("excluded_pay", 0)) for week in each]
    weeks = [
        workweek(mine, flsa, nondiscretionary_bonus_cents=bonus, excluded_pay_cents=excluded)
        for mine, (bonus, excluded) in zip(lines, extra, strict=True)
    ]
    by_line = hours_by_line(line for mine in lines for line in mine)
    pay = Counter[str]()
    for (kind, rate), hours in by_line.items():
        pay[kind] += ratio_half_up(hours * rate, E4_PER_CENT)
    amounts = {
        "straight_time_pay": [pay["work"]],
        "overtime_premium": [week.premium_cents for week in weeks],
        "other_pay": [pay["leave"], pay["holiday"], *(cents for pair in extra for cents in pair)],
    }
    amounts["gross"] = [sum(cents) for cents in amounts.values()]
    hundredths = {
        "regular_hours": [int(week.regular_hours.scaleb(2)) for week in weeks],
        "overtime_hours": [int(week.overtime_hours.scaleb(2)) for week in weeks],
    }
    answer: dict[str, Any] = {name: f"{as_hours(sum(found)):.2f}" for name, found in hundredths.items()}
    answer |= {name: dollars(sum(cents)) for name, cents in amounts.items()}
    answer["workweeks"] = [
        {
            "hours_worked": f"{week.hours_worked:.2f}",
            "overtime_hours": f"{week.overtime_hours:.2f}",
            **money(week, "premium"),
        }
        for week in weeks
    ]
    given_by = {name: f"{name}_hundredths" for name in hundredths} | {
        name: f"{name}_cents" for name in amounts
    }
    workings: list[Working] = [
        *(week.working for week in weeks),
        ("paid_hours", [[*line, hours] for line, hours in by_line.items()]),
    ]
    workings += [("total", given_by[name], found) for name, found in (hundredths | amounts).items()]
    of_week = {f"workweeks.{n}.{name}": line for n in range(len(weeks)) for name, line in WEEK.items()}
    own = {name: [weeks[int(name.split(".")[1])].working] for name in of_week}
    return Answer(answer, workings, given_by | of_week, own)


def _lines(fields: Fields) -> list[Line]:
    return [
        Line(line.decimal("hours"), line.decimal("rate"), line.choice("kind", *KINDS, default="work"))
        for line in fields.each("lines")
    ]
