"""What a child support payment says of itself: the DED segment in the addenda of a CCD entry.

source   Nacha banking convention for child support (CCD+); Virginia DSS and Treasury FMS pages on the DED segment
"""

import re
from dataclasses import dataclass, field
from datetime import date

from payroll.payments.ach.entries import MAX_ADDENDA, MAX_ENTRY_CENTS, FileRefused
from payroll.payments.ach.text import plain

SURNAME_LETTERS, FIRST_NAME_LETTERS = 7, 3
_CASE = re.compile(r"[0-9A-Z](?:[0-9A-Z ./-]{0,18}[0-9A-Z])?")
_FIPS = re.compile(r"[0-9A-Z]{5,7}")
_MEDICAL = {"Y", "N", "W"}


@dataclass(frozen=True, slots=True)
class Withheld:
    """One order's withholding from one pay. Its repr shows nobody.

    case_id        the agency's number, 1-20 capitals and digits
    pay_date       of the pay it was withheld from
    ssn            nine digits, of the parent who pays
    medical        Y or N: whether medical support is available through the employer; W where the state has waived it
    fips           of the place that issued the order, 5 to 7 characters; "" where the agency wants none
    terminated     the employment has ended, and this is the last payment
    """

    case_id: str = field(repr=False)
    pay_date: date
    amount_cents: int
    ssn: str = field(repr=False)
    medical: str
    surname: str = field(repr=False)
    first_name: str = field(repr=False)
    fips: str = ""
    terminated: bool = False


def addenda(withheld: Withheld) -> str:
    """Write the segment: ten elements between asterisks, empty ones at the end dropped, closed by a backslash.

    raises   FileRefused; it names the element and shows no value
    """
    if why := _fault(withheld):
        raise FileRefused(f"child support: {why}")
    elements = [
        "DED",
        "CS",
        withheld.case_id,
        f"{withheld.pay_date:%y%m%d}",
        str(withheld.amount_cents),
        withheld.ssn,
        withheld.medical,
        _name(withheld.surname, withheld.first_name),
        withheld.fips,
        "Y" if withheld.terminated else "",
    ]
    segment = "*".join(elements).rstrip("*") + "\\"
    assert len(segment) <= MAX_ADDENDA, "the elements at their longest are 79 characters"
    return segment


def is_case_id(text: str) -> bool:
    """Whether an addenda can carry it: 1 to 20 of A-Z, 0-9, blank, point, hyphen, slash, no blank at an end."""
    return bool(_CASE.fullmatch(text))


def is_fips(text: str) -> bool:
    """Whether it is 5 to 7 of A-Z, 0-9."""
    return bool(_FIPS.fullmatch(text))


def _fault(withheld: Withheld) -> str:
    cents = withheld.amount_cents
    checks = (
        (
            is_case_id(withheld.case_id),
            "the case id is not 1 to 20 of A-Z, 0-9, blank, point, hyphen, slash",
        ),
        (2000 <= withheld.pay_date.year <= 2099, "the pay date is outside 2000-2099"),
        (type(cents) is int and 1 <= cents <= MAX_ENTRY_CENTS, "the amount is not 0.01 to 99,999,999.99"),
        (re.fullmatch(r"[0-9]{9}", withheld.ssn), "the social security number is not nine digits"),
        (withheld.medical in _MEDICAL, "the medical support indicator is not Y, N or W"),
        (_letters(withheld.surname), "the surname has no letter"),
        (not withheld.fips or is_fips(withheld.fips), "the FIPS code is not 5 to 7 of A-Z, 0-9"),
    )
    return next((why for sound, why in checks if not sound), "")


def _name(surname: str, first_name: str) -> str:
    """Seven letters of the surname and three of the first name, with a comma between only after a shorter surname."""
    last, first = _letters(surname)[:SURNAME_LETTERS], _letters(first_name)[:FIRST_NAME_LETTERS]
    return last + ("," if first and len(last) < SURNAME_LETTERS else "") + first


def _letters(name: str) -> str:
    return re.sub(r"[^A-Z]", "", plain(name))
