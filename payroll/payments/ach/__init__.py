"""The writer of NACHA files: pay to people, funding debits, child support, federal tax, prenotes, reversals.

Pure functions of the payment set: the same entries, in any order, give the same bytes, so a file rebuilt after a
crash has the sha256 that was recorded before it. `ach_reader` checks the finished file and shares no code with this.

    entries.py   Entry, Batch, the two parties, the ceilings       kinds.py    the batches that payroll sends
    checks.py    what is refused                                   divide.py   over the limits: several files
    write.py     batches to bytes, and each payment's trace        support.py  the addenda of child support
                                                                  txp.py      the addenda of federal tax

source   Nacha Operating Rules, appendix 3 (record layouts); PAYROLL description rule, from 2026-03-20
"""

from payroll.payments.ach.divide import split
from payroll.payments.ach.entries import (
    ACCOUNT_TYPES,
    CCD,
    CREDIT,
    DEBIT,
    MAX_ENTRY_CENTS,
    MAX_TOTAL_CENTS,
    PPD,
    SAME_DAY_MAX_CENTS,
    SAME_DAY_WINDOWS,
    Bank,
    Batch,
    Entry,
    FileRefused,
    FundingAccount,
    Limits,
    Originator,
    Window,
)
from payroll.payments.ach.kinds import (
    child_support,
    federal_tax,
    funding,
    live_from,
    payroll,
    prenote,
    reversal,
    reversible_until,
    same_day,
    same_day_window,
)
from payroll.payments.ach.text import fitted
from payroll.payments.ach.write import File, build

__all__ = [
    "ACCOUNT_TYPES",
    "CCD",
    "CREDIT",
    "DEBIT",
    "MAX_ENTRY_CENTS",
    "MAX_TOTAL_CENTS",
    "PPD",
    "SAME_DAY_MAX_CENTS",
    "SAME_DAY_WINDOWS",
    "Bank",
    "Batch",
    "Entry",
    "File",
    "FileRefused",
    "FundingAccount",
    "Limits",
    "Originator",
    "Window",
    "build",
    "child_support",
    "federal_tax",
    "fitted",
    "funding",
    "live_from",
    "payroll",
    "prenote",
    "reversal",
    "reversible_until",
    "same_day",
    "same_day_window",
    "split",
]
