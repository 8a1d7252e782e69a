"""What one cell of a roster file may hold: text in, value out, or `Refused` with what to do.

Each check takes the text without surrounding spaces, never empty. The message does not repeat the value:
whoever reports it decides how much of it may be shown.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NoReturn

from payroll.calc import aba

NUMBER = re.compile(r"[0-9]{1,15}(?:\.([0-9]+))?")
KEY = re.compile(r"[A-Za-z0-9_-]{1,32}")
REFERENCE = re.compile(r"[A-Za-z0-9 _/.-]{1,40}")
EIN = re.compile(r"[0-9]{2}-[0-9]{7}")
SSN = re.compile(r"([0-9]{3})-([0-9]{2})-([0-9]{4})")
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ACCOUNT = re.compile(r"[A-Za-z0-9]{1,17}")
DIGITS = re.compile(r"[0-9]+")
SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
BIDI_CONTROLS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
FIRST_YEAR, LAST_YEAR = 1900, 2100
# fmt: off
STATES = frozenset({
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID",
    "IL", "IN", "IA", "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO",
    "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA",
    "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
})
# fmt: on
AS_TEXT = "format the column as text in the spreadsheet and export again"

Check = Callable[[str], object]


class Refused(ValueError):
    """A cell that cannot be taken; the message reads "problem - what to do"."""


def key(text: str) -> str:
    """Key of an employer, an employee or an order: 1 to 32 of A-Z a-z 0-9 - _."""
    if KEY.fullmatch(text):
        return text
    refuse_scientific(text)
    raise Refused("is not a key - use 1 to 32 letters, digits, hyphens and underscores")


def reference(text: str) -> str:
    """A number or note that someone finds a payment by: 1 to 40 letters, digits, spaces and - _ / ."""
    if REFERENCE.fullmatch(text):
        return text
    raise Refused("is not a reference - use up to 40 letters, digits, spaces and - _ / .")


def words(most: int) -> Check:
    """Check of free text of at most `most` characters, without characters that change how a line is shown."""

    def check(text: str) -> str:
        if len(text) > most:
            raise Refused(f"has {len(text)} characters - at most {most} fit")
        if not text.isascii() or not text.isprintable():
            refuse_invisible(text)
        return text

    return check


def refuse_invisible(text: str) -> None:
    """Refuse control characters, bidirectional controls, lone surrogates and signs of a wrong conversion."""
    for char in text:
        kind = unicodedata.category(char)
        if kind in {"Cc", "Zl", "Zp"} or char in BIDI_CONTROLS:
            raise Refused(f"holds the invisible character U+{ord(char):04X} - type the text again without it")
        if kind == "Cs":
            raise Refused(f"holds half a character (U+{ord(char):04X}) - type the text again")
        if char == "\ufffd":
            raise Refused("holds U+FFFD, left by an earlier wrong conversion - type the text again")


def choice(*allowed: str) -> Check:
    """Check of a word out of a list, in exactly this spelling."""
    listed = ", ".join(allowed)

    def check(text: str) -> str:
        if text in allowed:
            return text
        raise Refused(f"is not one of the allowed words - write {listed}")

    return check


def flag(text: str) -> bool:
    """true or false; the capitals that spreadsheets make of them are taken as well."""
    lowered = text.lower()
    if lowered not in {"true", "false"}:
        raise Refused("is neither true nor false - write one of them")
    return lowered == "true"


def state(text: str) -> str:
    """USPS code of one of the 50 states or DC."""
    if text in STATES:
        return text
    if text.upper() in STATES:
        raise Refused("is not in capitals - write the two-letter postal code in capitals")
    raise Refused("is not the postal code of a state or DC - write two letters, like IL")


def ein(text: str) -> str:
    """Employer identification number, NN-NNNNNNN."""
    if EIN.fullmatch(text):
        return text
    refuse_scientific(text)
    if DIGITS.fullmatch(text) and len(text) < 9:
        raise Refused(f"lost its leading zero - {AS_TEXT}")
    raise Refused("is not an EIN - write NN-NNNNNNN")


def ssn(text: str) -> str:
    """Social security number, AAA-GG-SSSS; numbers that can never be one are refused.

    The 9xx areas are taken: they are taxpayer numbers of people without an SSN, and what test data uses.
    """
    parts = SSN.fullmatch(text)
    if parts is None:
        refuse_scientific(text)
        if DIGITS.fullmatch(text):
            lost = f"lost its leading zeros and hyphens - {AS_TEXT}"
            raise Refused(lost if len(text) < 9 else "has no hyphens - write AAA-GG-SSSS")
        raise Refused("is not an SSN - write AAA-GG-SSSS")
    area, group, serial = parts.groups()
    if area in {"000", "666"} or group == "00" or (serial == "0000" and area < "900"):
        raise Refused("was never issued as an SSN - check it against the person's card")
    return text


def routing(text: str) -> str:
    """ABA routing number: nine digits whose check digit holds."""
    if len(text) != 9 or not DIGITS.fullmatch(text):
        refuse_scientific(text)
        if DIGITS.fullmatch(text) and len(text) < 9:
            raise Refused(f"has {len(text)} digits: it lost its leading zero - {AS_TEXT}")
        raise Refused("is not a routing number - write its nine digits")
    if text == "000000000" or not aba.is_routing_number(text):
        raise Refused("has a wrong check digit - copy it again from a check or the bank's letter")
    return text


def account(text: str) -> str:
    """Bank account number: 1 to 17 letters and digits, as it goes into an ACH entry."""
    if not ACCOUNT.fullmatch(text):
        refuse_scientific(text)
        raise Refused("is not an account number - write 1 to 17 digits or letters, no spaces or hyphens")
    if not text.strip("0"):
        raise Refused("is all zeros - copy it again from the bank's letter")
    return text


def refuse_scientific(text: str) -> None:
    """Refuse a number that a spreadsheet turned into 1.23E+08 or #####."""
    if SCIENTIFIC.fullmatch(text):
        raise Refused(f"is a number as a spreadsheet shows it, with digits lost - {AS_TEXT}")
    if text.startswith("#"):
        raise Refused("is a spreadsheet's error mark - put the value itself there")


def day(text: str) -> date:
    """ISO date of the years 1900 to 2100."""
    if not ISO_DATE.fullmatch(text):
        if "/" in text or "." in text or text.count("-") == 2:
            raise Refused("could be read in more than one way - write the date as YYYY-MM-DD")
        if DIGITS.fullmatch(text) and len(text) == 5:
            raise Refused("is a date as a spreadsheet counts it - format the column as YYYY-MM-DD")
        raise Refused("is not a date - write YYYY-MM-DD")
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Refused("is not a day of the calendar - write YYYY-MM-DD") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Refused(f"is outside the years {FIRST_YEAR} to {LAST_YEAR} - check the year")
    return found


def amount(least: str, most: str, places: int, unit: str) -> Check:
    """Check of a plain decimal number between `least` and `most`, with at most `places` decimals."""
    low, high = Decimal(least), Decimal(most)

    def check(text: str) -> Decimal:
        parts = NUMBER.fullmatch(text)
        if parts is None:
            refuse_number(text, unit)
        elif len(parts[1] or "") > places:
            raise Refused(f"has {len(parts[1])} decimals - at most {places} are kept")
        found = Decimal(text)
        if not low <= found <= high:
            raise Refused(f"is outside {low:,} to {high:,} {unit} - check the number")
        return found

    return check


def refuse_number(text: str, unit: str) -> NoReturn:
    """Say why `text` is not a plain number; always raises Refused."""
    refuse_scientific(text)
    if text.startswith("-"):
        raise Refused(f"is below zero - write {unit} without a sign")
    if text.startswith("$") or "," in text:
        raise Refused("has a dollar sign or commas - write a plain number like 1234.50")
    if ":" in text:
        raise Refused("is a time of day or a duration - write decimal hours like 7.50")
    raise Refused("is not a number - write a plain one like 1234.50")


def count(most: int) -> Callable[[str], int]:
    """Check of a whole number from 0 to `most`."""

    def check(text: str) -> int:
        if not DIGITS.fullmatch(text) or len(text) > 9:
            refuse_number(text, "a whole number")
        if int(text) > most:
            raise Refused(f"is above {most} - check the number")
        return int(text)

    return check
