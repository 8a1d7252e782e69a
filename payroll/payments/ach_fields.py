"""The columns of NACHA records and the reading of single fields; for `ach_reader` alone.

Kept apart from the writer's on purpose: check digit, calendar and columns are stated a second time here, so
that one mistake cannot hide another.

source   Nacha Operating Rules, appendix 3; Federal Reserve holiday schedule (Saturday holidays are not moved)
"""

import re
from datetime import date, datetime, timedelta
from functools import cache

WIDTH = 94
PAYROLL_RULE_FROM = date(2026, 3, 20)

CREDIT, DEBIT = "credit", "debit"
ACCOUNT_TYPES = {"2": "checking", "3": "savings", "4": "ledger", "5": "loan"}
LIVE = dict.fromkeys(("22", "32", "42", "52"), CREDIT) | dict.fromkeys(("27", "37", "47", "55"), DEBIT)
PRENOTES = dict.fromkeys(("23", "33", "43", "53"), CREDIT) | dict.fromkeys(("28", "38", "48"), DEBIT)
ZERO_DOLLAR = dict.fromkeys(("24", "34"), CREDIT) | dict.fromkeys(
    ("29", "39"), DEBIT
)  # corporate, with addenda
DIRECTIONS = LIVE | PRENOTES | ZERO_DOLLAR
ALLOWED = {"200": {CREDIT, DEBIT}, "220": {CREDIT}, "225": {DEBIT}}
SEC_CODES = {"PPD", "CCD"}
NEXT = {
    "": "1",
    "1": "5",
    "5": "6",
    "6": "678",
    "7": "678",
    "8": "59",
    "9": "",
}  # what may follow which record


def _layout(text: str) -> dict[str, slice]:
    """Read "name 2-3; name 4-13": first and last column of each field, from 1 as the rules print them."""
    columns: dict[str, slice] = {}
    for part in text.split(";"):
        name, _, span = part.strip().rpartition(" ")
        first, _, last = span.partition("-")
        columns[name] = slice(int(first) - 1, int(last))
    return columns


FILE_HEADER = _layout(
    "priority code 2-3; immediate destination 4-13; immediate origin 14-23; file creation date 24-29;"
    "file creation time 30-33; file id modifier 34-34; record size 35-37; blocking factor 38-39;"
    "format code 40-40"
)
BATCH_HEADER = _layout(
    "service class 2-4; company name 5-20; company identification 41-50; standard entry class 51-53;"
    "entry description 54-63; descriptive date 64-69; effective entry date 70-75; settlement date 76-78;"
    "originator status 79-79; odfi identification 80-87; batch number 88-94"
)
ENTRY = _layout(
    "transaction code 2-3; routing number 4-12; account number 13-29; amount 30-39; individual id 40-54;"
    "name 55-76; addenda indicator 79-79; trace number 80-94"
)
ADDENDA = _layout(
    "addenda type 2-3; payment information 4-83; addenda sequence 84-87; entry detail sequence 88-94"
)
BATCH_CONTROL = _layout(
    "service class 2-4; entry count 5-10; entry hash 11-20; total debits 21-32; total credits 33-44;"
    "company identification 45-54; message authentication code 55-73; reserved 74-79;"
    "odfi identification 80-87; batch number 88-94"
)
FILE_CONTROL = _layout(
    "batch count 2-7; block count 8-13; entry count 14-21; entry hash 22-31; total debits 32-43;"
    "total credits 44-55; reserved 56-94"
)

FOREIGN = re.compile(r"[^ -`{-~]")
ACCOUNT = re.compile(r"[0-9A-Z-]([0-9A-Z -]{0,16})")
CLOCK = re.compile(r"([01][0-9]|2[0-3])[0-5][0-9]")
MODIFIER = re.compile(r"[A-Z0-9]")
SAME_DAY = re.compile(r"SD([01][0-9]|2[0-3])[0-5][0-9]")
SAME_DAY_MOST_CENTS = 1_000_000_00
LOAN_REVERSAL = "55"
TAX = re.compile(  # a deposit by ACH credit: TXP segment of a CCD+ addenda, for Form 941, up to three kinds of amount
    r"TXP\*[0-9]{9}\*94105\*[0-9]{2}(03|06|09|12)01"
    r"(\*1\*(?P<one>[0-9]{1,10}))?(\*2\*(?P<two>[0-9]{1,10}))?(\*3\*(?P<three>[0-9]{1,10}))?\\"
)
SUPPORT = (
    re.compile(  # child support: DED segment of a CCD+ addenda; what follows the medical flag may be dropped
        r"DED\*CS\*[^*\\]{1,20}\*(?P<day>[0-9]{6})\*(?P<cents>[0-9]{1,10})\*[0-9]{9}\*[YNW]"
        r"(\*[^*\\]{0,10}(\*([0-9]{5,7})?(\*Y?)?)?)?\\"
    )
)


def cut(layout: dict[str, slice], line: str) -> dict[str, str]:
    return {name: line[columns] for name, columns in layout.items()}


def digits(text: str, width: int) -> bool:
    return len(text) == width and text.isascii() and text.isdigit()


def number_of(text: str) -> int:
    """The digits as a number, or -1, which no control can equal."""
    return int(text) if digits(text, len(text)) else -1


def is_routing(text: str) -> bool:
    """Nine digits, not all zero, whose ninth makes the 3-7-1 weighted sum a multiple of ten."""
    if not digits(text, 9) or text == "0" * 9:
        return False
    return sum(int(digit) * weight for digit, weight in zip(text, (3, 7, 1) * 3, strict=True)) % 10 == 0


def day_of(text: str) -> date | None:
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:])) if digits(text, 6) else None
    except ValueError:
        return None


def moment_of(day: str, at: str) -> datetime | None:
    """Date and minute as written, in no time zone; None when the date cannot be read."""
    on = day_of(day)
    if on is None:
        return None
    minutes = int(at[:2]) * 60 + int(at[2:]) if CLOCK.fullmatch(at) else 0
    return datetime(on.year, on.month, on.day) + timedelta(minutes=minutes)  # noqa: DTZ001


def is_banking_day(day: date) -> bool:
    return day.weekday() < 5 and day not in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    """Days the Reserve Banks close: a Sunday holiday closes the Monday, a Saturday holiday nothing."""
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    moved = [day + timedelta(1) if day.weekday() == 6 else day for day in fixed]
    mondays = [_nth(year, 1, 3), _nth(year, 2, 3), _nth(year, 9, 1), _nth(year, 10, 2)]
    memorial = _nth(year, 6, 1) - timedelta(7)  # the last Monday of May is a week before the first of June
    return frozenset([*moved, *mondays, memorial, _nth(year, 11, 4, weekday=3)])


def _nth(year: int, month: int, n: int, weekday: int = 0) -> date:
    """The n-th given weekday of a month, Monday by default."""
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (n - 1))
