"""What a bank sends back about payments: which kind of file it is, and what a file of returns or changes says.

    read.py           the records of a file of returns (addenda 99) and notifications of change (addenda 98)
    records.py        what reading gives
    corrected.py      what a notification of change puts right, cut by its code
    return_codes.py   what each return code means, how long it may take, and what follows for the account

Pure, and strict: a file with one finding is imported in no part, because what is wrong in one record may be wrong in
the next. Findings name line and field, never a value. Nothing here is raised; nothing is shared with the writer.

An acknowledgement, a settlement report and a list of returns are JSON documents with a "type"; whoever defines them
reads them (payments/reports.py).
"""

import json

from payroll.payments.came_back.corrected import Corrected
from payroll.payments.came_back.read import read
from payroll.payments.came_back.records import CameBack, Change, Finding, Original, Return
from payroll.payments.came_back.return_codes import RETURN_CODES, ReturnCode, return_code

RETURNS, ACKNOWLEDGEMENT, SETTLEMENT, UNKNOWN = "returns", "acknowledgement", "settlement", ""
LISTED_RETURN = "return"  # of payments that went out as a list, each by its key
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

__all__ = [
    "ACKNOWLEDGEMENT",
    "LISTED_RETURN",
    "RETURNS",
    "RETURN_CODES",
    "SETTLEMENT",
    "UNKNOWN",
    "CameBack",
    "Change",
    "Corrected",
    "Finding",
    "Original",
    "Return",
    "ReturnCode",
    "kind_of",
    "read",
    "return_code",
]


def kind_of(content: bytes) -> str:
    """Tell what a file is by how it begins: RETURNS for NACHA records, else the "type" of the JSON document.

    Returns and notifications of change share a file as often as not, so they are one kind; see `read`.
    UNKNOWN is everything else; nothing is raised.
    """
    if content.startswith(b"101"):
        return RETURNS
    if content.lstrip()[:1] != b"{" or len(content) > MAX_DOCUMENT_BYTES:
        return UNKNOWN
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return UNKNOWN
    kind = document.get("type") if isinstance(document, dict) else None
    return kind if kind in (ACKNOWLEDGEMENT, SETTLEMENT, LISTED_RETURN) else UNKNOWN
