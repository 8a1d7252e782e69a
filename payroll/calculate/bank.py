"""Calendar and bank arithmetic."""

from payroll.calc import aba, calendar
from payroll.calc.calendar import PERIODS_PER_YEAR
from payroll.calculate.answer import Answer
from payroll.calculate.reading import BadInput, Fields

TEN_YEARS = 3660
DAYS_PER_YEAR_MIN = 200


def check_digit(fields: Fields) -> Answer:
    """The ninth digit of a routing number."""
    routing8 = fields.text("routing8")
    return Answer(
        {"check_digit": aba.check_digit(routing8)},
        [aba.check_digit_working(routing8)],
        {"check_digit": "check_digit"},
    )


def entry_hash(fields: Fields) -> Answer:
    """The hash of a file's routing numbers."""
    numbers = fields.texts("routing_numbers")
    for number in numbers:
        if not (number.isascii() and number.isdigit() and len(number) in (8, 9)):
            raise BadInput("routing_numbers have 8 or 9 digits each")
    return Answer(
        {"entry_hash": aba.entry_hash(numbers)},
        [aba.entry_hash_working(numbers)],
        {"entry_hash": "entry_hash"},
    )


def block_count(fields: Fields) -> Answer:
    """The blocks that a file of so many records fills."""
    records = fields.whole("records")
    names = ("block_count", "filler_records")
    return Answer(
        aba.blocks(records)._asdict(), [aba.blocks_working(records)], {name: name for name in names}
    )


def banking_day(fields: Fields) -> Answer:
    """Whether money moves on a day, and which day it moves on instead."""
    day, count = fields.day("date"), 0
    op = fields.choice("op", "is_banking_day", "adjust_before", "adjust_after", "add")
    if op == "is_banking_day":
        result: bool | str = calendar.is_banking_day(day)
    elif op == "add":
        count = fields.value("banking_days")
        if isinstance(count, bool) or not isinstance(count, int) or abs(count) > TEN_YEARS:
            raise BadInput("banking_days is a whole number of at most ten years")
        result = calendar.add_banking_days(day, count).isoformat()
    else:
        moved = calendar.adjust_before(day) if op == "adjust_before" else calendar.adjust_after(day)
        result = moved.isoformat()
    years = range(
        day.year - abs(count) // DAYS_PER_YEAR_MIN - 1, day.year + abs(count) // DAYS_PER_YEAR_MIN + 2
    )
    closed = [each.isoformat() for year in years for each in calendar.holidays(year)]
    working = ("banking_day", day.isoformat(), op, count, closed)
    return Answer({"result": result}, [working], {"result": "result"})


def paydays(fields: Fields) -> Answer:
    """The paydays of a year."""
    year, first = fields.whole("year"), fields.day("first_payday")
    frequency = fields.choice("pay_frequency", *PERIODS_PER_YEAR)
    return Answer(
        {"paydays_in_year": calendar.paydays_in_year(year, frequency, first)},
        [calendar.paydays_working(year, frequency, first)],
        {"paydays_in_year": "paydays_in_year"},
    )


def semiweekly_deposit(fields: Fields) -> Answer:
    """When a semiweekly depositor owes the taxes of a payday."""
    payday = fields.day("payday")
    return Answer(
        {"due": calendar.semiweekly_due(payday).isoformat()},
        [calendar.semiweekly_working(payday)],
        {"due": "due"},
    )
