"""Figures in words: the unit is the last part of a name; the name without it is put as people say it."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from payroll.calc.worksheet import is_working

DECIMALS_MAX = 8
LABELS = {
    "fit_wages_cents": "taxable wages for federal income tax",
    "ss_taxable_cents": "wages taxed for Social Security",
    "garnished_cents": "garnishments",
    "post_tax_cents": "deductions after tax",
    "disposable_cents": "disposable earnings",
    "disposable_earnings_federal": "disposable earnings",
    "net_cents": "net pay",
    "gross_cents": "gross pay",
    "match_cents": "employer's match",
    "matched_comp_cents": "pay that is matched",
    "deferrals_cents": "deferrals",
    "eligible_comp_cents": "eligible pay",
    "eligible_cents": "eligible pay",
    "at_least_cents": "lower bound of the row",
    "base_cents": "base tax of the row",
    "periods": "pay periods a year",
    "programmes": "state programmes, each",
    "employer_sui_cents": "employer's state unemployment tax",
    "line_1g_cents": "amount of line 1g",
    "nonresident_cents": "amount added for a nonresident alien",
    "at_22_cents": "part at the flat rate",
    "at_37_cents": "part at the mandatory rate",
    "how": "how orders share",
    "ytd_comp_cents": "pay earlier this year",
    "ytd_social_security_cents": "Social Security tax withheld earlier this year",
    "ytd_ss_withheld": "Social Security tax withheld earlier this year",
    "social_security_cents": "Social Security tax",
    "employer_social_security_cents": "employer's Social Security tax",
    "medicare_cents": "Medicare tax",
    "employer_medicare_cents": "employer's Medicare tax",
    "additional_medicare_cents": "Additional Medicare Tax",
}
# Part of a name -> as people write it.
PARTS = {
    "401k": "401(k)",
    "ss": "Social Security",
    "fica": "Social Security and Medicare",
    "futa": "FUTA",
    "fit": "federal income tax",
    "flsa": "FLSA",
    "hsa": "HSA",
    "fsa": "FSA",
    "section125": "Section 125",
    "medicare": "Medicare",
    "w4": "Form W-4",
    "step2": "step 2",
    "step3": "step 3",
    "step4a": "step 4(a)",
    "step4b": "step 4(b)",
    "step4c": "step 4(c)",
    "bp": "",
    "comp": "pay",
    "sdi": "SDI",
    "ca": "California",
    "ny": "New York",
    "roth": "Roth",
}
FORM_LINES = {"1a", "1c", "1i", "1l", "2g", "3c", "4b"}
# Lines that are counts although their name has no unit.
COUNTS = {
    *("weekdays_in_period", "weekdays_employed", "phased_out", "paydays_in_year", "check_digit", "threes"),
    *("sevens", "ones", "sum", "full_blocks", "records_left", "filler_records", "block_count"),
    *("first_check_capped", "first_check_additional_medicare", "first_check_limited"),
}
DUE = {
    "closes": "its premium is due now",
    "closed": "its premium was paid before",
    "open": "it ends after the period",
}


def exact(number: Fraction) -> str:
    """A number with at least two decimals, and as many more as it has; one that never ends is cut and marked."""
    sign, number = ("-" if number < 0 else ""), abs(number)
    whole, rest = divmod(number.numerator * 10**DECIMALS_MAX // number.denominator, 10**DECIMALS_MAX)
    decimals = f"{rest:0{DECIMALS_MAX}d}".rstrip("0").ljust(2, "0")
    ends = number * 10**DECIMALS_MAX == whole * 10**DECIMALS_MAX + rest
    return f"{sign}{whole}.{decimals}{'' if ends else '…'}"


def _over(scale: int, unit: str = "") -> Callable[[Fraction], str]:
    return lambda number: f"{exact(number * Fraction(1, scale))}{unit}"


def _count(number: Fraction) -> str:
    return str(number) if number.denominator == 1 else exact(number)


dollars, percents, hours, rate = _over(100), _over(100, " %"), _over(100, " h"), _over(10_000)
UNITS: dict[str, Callable[[Fraction], str]] = {
    "_cents": dollars,
    "_ppm": _over(10_000, " %"),
    "_bp": percents,
    "_e4": rate,
    "_hundredths": hours,
    "_count": _count,
    "_days": _count,
}
AS_WORDS = {None: "none", True: "yes", False: "no"}


def unit_of(name: str) -> str:
    """The unit that a name ends with; empty for none."""
    return next((unit for unit in UNITS if name.endswith(unit)), "")


def label(name: str) -> str:
    """A name for people: `ytd_ss_wages_cents` is "Social Security wages earlier this year"."""
    if name in LABELS or f"{name}_cents" in LABELS:
        return LABELS.get(name) or LABELS[f"{name}_cents"]
    if name in FORM_LINES:
        return f"line {name}"
    head, dot, rest = name.partition(".")
    if dot:
        return f"{label(head)}: {label(rest)}"
    plain = name.removesuffix(unit_of(name))
    earlier, plain = plain.startswith("ytd_"), plain.removeprefix("ytd_")
    employers, plain = plain.startswith("employer_"), plain.removeprefix("employer_")
    words = " ".join(filter(None, (PARTS.get(part, part) for part in plain.split("_"))))
    whose, when = "employer's " if employers else "", " earlier this year" if earlier else ""
    return f"{whose}{words}{when}"


def shown(name: str, value: Any) -> str:
    """A value in the unit of its name; without one as it stands."""
    if isinstance(value, list | tuple):
        return "; ".join(rows_shown(name, value)) or "none"
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return AS_WORDS[value]
    return UNITS.get(unit_of(name), _count)(Fraction(value))


def line_shown(key: str, value: Any) -> str:
    """The value of a worksheet's line: a number without a unit is cents, but for a few that are counts."""
    number = isinstance(value, int | Fraction) and not isinstance(value, bool)
    counted = key in COUNTS or key.startswith("20")  # a day, and how many were counted by then
    in_cents = number and not unit_of(key) and not counted
    return shown(f"{key}_cents" if in_cents else key, value)


def rows_shown(name: str, value: Sequence[Any]) -> list[str]:
    """The rows of an entry that is a list, each in words."""
    if is_working(value):
        return ["a worksheet of its own"]
    if name in ROWS and all(isinstance(row, list | tuple) for row in value):
        return [ROWS[name](row) for row in value]
    return [_item(name, each) for each in value]


def _item(name: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(_item("", each) for each in value)
    return shown(name, value)


def _hours_at(rates: Sequence[Sequence[Any]]) -> str:
    """Hours and rates: (rate, hours)."""
    return ", ".join(f"{hours(Fraction(worked))} at {rate(Fraction(each))}" for each, worked in rates)


def _workweek(row: Sequence[Any]) -> str:
    """A workweek of any of the three ways in which a period is paid."""
    if isinstance(row[0], int):  # of retro pay
        at_rate, worked, over, double, leave = (hours(Fraction(each)) for each in row)
        return f"{at_rate} at the old rate of {worked}, {over} overtime, {double} of it double, {leave} leave"
    first_day, due, before, worked, bonuses = row
    by_day = isinstance(worked, list | tuple) and bool(worked) and all(map(_is_day, worked))
    if by_day:
        first = date.fromisoformat(first_day)
        dated = ((first + timedelta(days=number), day) for number, day in enumerate(worked))
        said = "; ".join(f"{each:%a} {_hours_at(day)}" for each, day in dated if day)
    else:
        said = hours(Fraction(worked)) if isinstance(worked, int) else _hours_at(worked)
    words = f"workweek from {first_day}: {said or 'nothing'}"
    if before:
        words += f"; of it before the period: {f'{before} days' if by_day else hours(Fraction(before))}"
    for cents, weeks in bonuses:
        words += f"; a bonus of {dollars(Fraction(cents))} over {weeks} workweeks"
    return f"{words}; {DUE[due]}"


def _is_day(value: Any) -> bool:
    """Whether it is a day's list of (rate, hours), and not one of these itself."""
    return isinstance(value, list | tuple) and not any(isinstance(each, int) for each in value)


def _named(*, cents: int = 1) -> Callable[[Sequence[Any]], str]:
    return lambda row: f"{str(row[0]).replace('_', ' ')} {dollars(Fraction(row[cents]))}"


ROWS: dict[str, Callable[[Sequence[Any]], str]] = {
    "workweeks": _workweek,
    "lines": lambda row: f"{row[0]}: {_hours_at([row[1:]])}",
    "days": lambda row: (
        "; ".join(f"{kind}: {_hours_at([[each, worked]])}" for kind, each, worked in row) or "off"
    ),
    "items": _named(),
    "orders": _named(),
    "deductions": _named(),
    "recoveries": lambda row: f"{row[0][:8]} {dollars(Fraction(row[1]))}",
    "programmes_owed": _named(),
    "limits": lambda row: f"{label(row[0])} {dollars(Fraction(row[1]))}, before {dollars(Fraction(row[2]))}",
    "room": lambda row: f"{label(row[0])} {dollars(Fraction(row[1]))}, room for {dollars(Fraction(row[2]))}",
    "tiers": lambda row: f"up to {percents(Fraction(row[0]))} of pay, at {percents(Fraction(row[1]))}",
    "parts": lambda row: f"{row[0]} of {row[1]} weekdays",
}
