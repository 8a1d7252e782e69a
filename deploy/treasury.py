"""Where federal tax is deposited by ACH credit, from the environment: both, or neither to deposit by other means.

PAYROLL_TAX_ROUTING, PAYROLL_TAX_ACCOUNT   the Treasury's routing and account number, as EFTPS tells who enrolls for it
"""

import re
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from payroll.calc.aba import is_routing_number

NAMES = ("PAYROLL_TAX_ROUTING", "PAYROLL_TAX_ACCOUNT")
ACCOUNT = re.compile(r"[0-9]{1,17}")


def configured(environ: Mapping[str, str]) -> tuple[str, str]:
    """The routing and account number; both empty when tax is not deposited from here.

    raises   ImproperlyConfigured
    """
    routing, account = (environ.get(name, "") for name in NAMES)
    if bool(routing) != bool(account):
        raise ImproperlyConfigured(f"of {NAMES[0]} and {NAMES[1]} only one is set: they belong together")
    if routing and not is_routing_number(routing):
        raise ImproperlyConfigured(f"{NAMES[0]} is not nine digits with a right check digit")
    if account and not (ACCOUNT.fullmatch(account) and account.strip("0")):
        raise ImproperlyConfigured(f"{NAMES[1]} is not 1 to 17 digits")
    return routing, account
