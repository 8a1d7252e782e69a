"""What a federal tax deposit says of itself: the TXP segment in the addenda of a CCD entry to the Treasury.

source   EFTPS Financial Institution Handbook, ACH credit: CCD + TXP addenda record format, IRS tax form numbers;
         Nacha banking convention for tax payments (TXP)
"""

import re
from dataclasses import dataclass
from datetime import date

from payroll.payments.ach.entries import MAX_ADDENDA, MAX_ENTRY_CENTS, FileRefused

FORM_941 = "94105"  # a federal tax deposit of what Form 941 reports
SOCIAL_SECURITY, MEDICARE, WITHHOLDING = "1", "2", "3"  # its amount types
_EIN = re.compile(r"[0-9]{2}-?[0-9]{7}")


@dataclass(frozen=True, slots=True)
class Deposit:
    """One employer's deposit for one quarter.

    ein                     "12-3456789", with its hyphen or without
    period_end              the last day of the quarter in which the wages were paid
    social_security_cents   both shares; medicare_cents both shares and the additional tax
    """

    ein: str
    period_end: date
    social_security_cents: int
    medicare_cents: int
    withholding_cents: int

    @property
    def amounts(self) -> tuple[tuple[str, int], ...]:
        """Cents by amount type, in the order of the types."""
        return (
            (SOCIAL_SECURITY, self.social_security_cents),
            (MEDICARE, self.medicare_cents),
            (WITHHOLDING, self.withholding_cents),
        )

    @property
    def cents(self) -> int:
        """What its entry moves."""
        return sum(cents for _, cents in self.amounts)


def addenda(deposit: Deposit) -> str:
    """Write the segment: who deposits, for which form and quarter, and how much of each tax.

    The quarter stands as its year, its last month, and 01 for the day. A tax of nothing is left out.

    raises   FileRefused; it names the element and shows no value
    """
    if why := _fault(deposit):
        raise FileRefused(f"federal tax deposit: {why}")
    amounts = [f"{kind}*{cents}" for kind, cents in deposit.amounts if cents]
    head = ("TXP", deposit.ein.replace("-", ""), FORM_941, f"{deposit.period_end:%y%m}01")
    segment = "*".join((*head, *amounts)) + "\\"
    assert len(segment) <= MAX_ADDENDA, "the elements at their longest are 66 characters"
    return segment


def _fault(deposit: Deposit) -> str:
    end, amounts = deposit.period_end, [cents for _, cents in deposit.amounts]
    sound = all(type(cents) is int and cents >= 0 for cents in amounts)  # a bool or a float is no amount
    checks = (
        (_EIN.fullmatch(deposit.ein), "the employer's EIN is not nine digits"),
        (2000 <= end.year <= 2099, "the quarter is outside 2000-2099"),
        (end.month % 3 == 0, "the period does not end with a quarter"),
        (sound, "an amount is below 0, or not in whole cents"),
        (sound and 1 <= sum(amounts) <= MAX_ENTRY_CENTS, "the total is not 0.01 to 99,999,999.99"),
    )
    return next((why for holds, why in checks if not holds), "")
