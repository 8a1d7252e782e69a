"""Overtime by workweek."""

from decimal import Decimal
from typing import Any

from payroll import rules
from payroll.calc.hours import KINDS, Line, Workweek, workweek
from payroll.calc.money import dollars
from payroll.calc.worksheet import Working
from payroll.calculate.answer import Answer, money
from payroll.calculate.reading import Fields

WEEK = {
    "hours_worked": "hours_worked_hundredths",
    "regular_hours": "regular_hours_hundredths",
    "overtime_hours": "overtime_hours_hundredths",
    "straight_time_pay": "straight_time_cents",
    "premium": "overtime_premium_cents",
}


def overtime(fields: Fields) -> Answer:
    """Pay for the workweeks of a period, each by itself."""
    year = fields.whole("tax_year", rules.known_years()[-1])
    flsa = rules.load(year).flsa
    weeks = [_week(each, flsa) for each in fields.each("workweeks")]
    hours = {
        "regular_hours": [week.regular_hours for week in weeks],
        "overtime_hours": [week.overtime_hours for week in weeks],
    }
    amounts = {
        "straight_time_pay": [week.straight_time_cents for week in weeks],
        "overtime_premium": [week.premium_cents for week in weeks],
        "other_pay": [week.other_cents for week in weeks],
        "gross": [week.gross_cents for week in weeks],
    }
    answer: dict[str, Any] = {name: f"{sum(each, Decimal(0)):.2f}" for name, each in hours.items()}
    answer |= {name: dollars(sum(each)) for name, each in amounts.items()}
    answer["workweeks"] = [
        {
            "hours_worked": f"{week.hours_worked:.2f}",
            "regular_hours": f"{week.regular_hours:.2f}",
            "overtime_hours": f"{week.overtime_hours:.2f}",
            **money(week, "premium", straight_time_pay="straight_time"),
        }
        for week in weeks
    ]
    given_by = {name: f"{name}_hundredths" for name in hours} | {name: f"{name}_cents" for name in amounts}
    sums: list[Working] = [
        ("total", given_by[name], [int(value.scaleb(2)) for value in each]) for name, each in hours.items()
    ]
    sums += [("total", given_by[name], each) for name, each in amounts.items()]
    of_week = {f"workweeks.{n}.{name}": line for n in range(len(weeks)) for name, line in WEEK.items()}
    own = {name: [weeks[int(name.split(".")[1])].working] for name in of_week}
    return Answer(answer, [*(week.working for week in weeks), *sums], given_by | of_week, own)


def _week(fields: Fields, flsa: Any) -> Workweek:
    lines = [
        Line(line.decimal("hours"), line.decimal("rate"), line.choice("kind", *KINDS, default="work"))
        for line in fields.each("lines")
    ]
    return workweek(
        lines,
        flsa,
        nondiscretionary_bonus_cents=fields.cents("nondiscretionary_bonus", 0),
        excluded_pay_cents=fields.cents("excluded_pay", 0),
    )
