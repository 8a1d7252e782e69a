"""What a notification of change puts right: 29 characters, cut by the change code.

source   Nacha Operating Rules, appendix 5 (change codes); the positions are those of the corrected data field
"""

import re
from dataclasses import dataclass, field

from payroll.calc.aba import is_routing_number

CHANGE_CODES = {
    "C01": "account number",
    "C02": "routing number",
    "C03": "routing number and account number",
    "C05": "kind of account",
    "C06": "account number and kind of account",
    "C07": "routing number, account number and kind of account",
    "C09": "individual id",
}

_ACCOUNT = re.compile(r"[0-9A-Z-]{1,17}")
_INDIVIDUAL_ID = re.compile(r"[!-~](?:[ -~]{0,13}[!-~])?")
# By the first digit of a transaction code; general ledger and loan accounts are nobody's pay account.
_ACCOUNT_TYPES = {"2": "checking", "3": "savings"}
_TRANSACTION_CODE = re.compile(r"[23][2378]")


@dataclass(frozen=True, slots=True)
class Corrected:
    """The fields that a notification changes; "" leaves one as it is. Its repr shows no account."""

    routing: str = ""
    account: str = field(default="", repr=False)
    account_type: str = ""
    individual_id: str = field(default="", repr=False)


def corrected(code: str, data: str) -> Corrected | str:
    """Cut the corrected data, or say why it cannot be applied.

    code   one of CHANGE_CODES: C04 is withdrawn in all but name, C08 and above are for other kinds of entry, and C61
           to C69 refuse a notification, which nobody sends to an originator
    data   29 characters
    """
    if code not in CHANGE_CODES:
        return "a change code that payroll cannot apply: ask the bank what is to change"
    routing, account, kind = _cut(code, data)
    wrong = (
        (code in {"C02", "C03", "C07"} and not is_routing_number(routing), "the routing number"),
        (code in {"C01", "C03", "C06", "C07"} and not _sound_account(account), "the account number"),
        (code in {"C05", "C06", "C07"} and not _TRANSACTION_CODE.fullmatch(kind), "the transaction code"),
        (code == "C09" and not _INDIVIDUAL_ID.fullmatch(data.strip()), "the individual id"),
    )
    if at_fault := next((what for is_wrong, what in wrong if is_wrong), ""):
        return f"{at_fault} in the corrected data is not one, or not where code {code} has it"
    individual_id = data.strip() if code == "C09" else ""
    return Corrected(routing, account, _ACCOUNT_TYPES[kind[0]] if kind else "", individual_id)


def _cut(code: str, data: str) -> tuple[str, str, str]:
    """Routing number, account number and transaction code, as far as the code has them.

    Between two of them stand blanks, three by the rules and more from banks that set the last one to the right; only
    where C07 has an account of all seventeen characters does nothing stand between.
    """
    if code == "C07":
        rest = data[9:].split()
        account, kind = rest if len(rest) == 2 else (data[9:26], data[26:])
        return data[:9], account.strip(), kind.strip()
    if code == "C06":
        account, _, kind = data.strip().rpartition(" ")
        return "", account.strip(), kind
    if code == "C03":
        return data[:9], data[9:].strip(), ""
    alone = data.strip()
    return alone if code == "C02" else "", alone if code == "C01" else "", alone if code == "C05" else ""


def _sound_account(account: str) -> bool:
    return bool(_ACCOUNT.fullmatch(account)) and account.strip("0-") != ""
