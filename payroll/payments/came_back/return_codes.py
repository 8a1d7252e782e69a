"""What a return code means, how long a bank has for it, and what payroll does: data, with its source.

source   Nacha Operating Rules, appendix 4 (return reason codes, time frames)
"""

from dataclasses import dataclass
from datetime import date, timedelta

from payroll.calc.calendar import add_banking_days

TWO_BANKING_DAYS, SIXTY_DAYS, NO_FIXED_LIMIT = "2 banking days", "60 days", "no fixed limit"


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One code.

    limit   how long after settlement a return under it may come
    hold    nothing more is paid into the account until its details are renewed and approved
    again   the same entry may be sent again as it was: lawful for a debit that found no funds, never for a credit
    known   whether it is in the table
    """

    code: str
    meaning: str
    limit: str = TWO_BANKING_DAYS
    hold: bool = True
    again: bool = False
    known: bool = True

    def latest(self, settled: date) -> date | None:
        """The last day for a return of what settled on a day, None without one; a later one is contested."""
        if self.limit == NO_FIXED_LIMIT:
            return None
        return settled + timedelta(days=60) if self.limit == SIXTY_DAYS else add_banking_days(settled, 2)


# hold: about an account nothing was learnt from a return at our own request, of a duplicate, or of a file's mistake.
RETURN_CODES = {
    row.code: row
    for row in (
        ReturnCode("R01", "insufficient funds", hold=False, again=True),
        ReturnCode("R02", "account closed"),
        ReturnCode("R03", "no account, or unable to locate it"),
        ReturnCode("R04", "invalid account number"),
        ReturnCode("R05", "company debit to a consumer account", SIXTY_DAYS),
        ReturnCode("R06", "returned at the request of the sending bank", NO_FIXED_LIMIT, hold=False),
        ReturnCode("R07", "authorization revoked", SIXTY_DAYS),
        ReturnCode("R08", "payment stopped"),
        ReturnCode("R09", "uncollected funds", hold=False, again=True),
        ReturnCode("R10", "originator not known, or not authorized", SIXTY_DAYS),
        ReturnCode("R11", "not in accordance with the authorization", SIXTY_DAYS),
        ReturnCode("R12", "branch sold to another bank"),
        ReturnCode("R13", "bank does not take part in ACH"),
        ReturnCode("R14", "representative payee deceased or unable to continue"),
        ReturnCode("R15", "beneficiary or account holder deceased"),
        ReturnCode("R16", "account frozen, or returned by order of OFAC"),
        ReturnCode("R17", "file record edit criteria, or questionable circumstances"),
        ReturnCode("R18", "improper effective entry date", hold=False),
        ReturnCode("R19", "amount field error", hold=False),
        ReturnCode("R20", "account takes no such transactions"),
        ReturnCode("R21", "invalid company identification", hold=False),
        ReturnCode("R22", "invalid individual identification"),
        ReturnCode("R23", "credit refused by the receiver", NO_FIXED_LIMIT),
        ReturnCode("R24", "duplicate entry", hold=False),
        ReturnCode("R25", "addenda error", hold=False),
        ReturnCode("R26", "mandatory field error", hold=False),
        ReturnCode("R27", "trace number error", hold=False),
        ReturnCode("R28", "routing number or check digit error"),
        ReturnCode("R29", "company has not authorized the debit"),
        ReturnCode("R31", "permissible return of a company entry", NO_FIXED_LIMIT),
        ReturnCode("R32", "bank cannot settle"),
        ReturnCode("R34", "bank's participation limited by its supervisor"),
    )
}


def return_code(code: str) -> ReturnCode:
    """Look a code up. One that is not in the table holds the account and is for a person to look at."""
    return RETURN_CODES.get(code) or ReturnCode(code, "not in the table", NO_FIXED_LIMIT, known=False)
