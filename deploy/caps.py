"""How much pay may leave, and how much is taken back, from the environment: dollars, or nothing for any amount.

PAYROLL_CAP_RUN, PAYROLL_CAP_DAY, PAYROLL_CAP_EMPLOYER   the most of one run, of one day, of one employer's day
PAYROLL_CAP_FACTOR   a run this many times the mean of the employer's last ones, or this part of it, needs a second look
PAYROLL_RECOVERY_PERCENT   the most of one paycheck's disposable earnings that is taken for net pay owed back (15).
                           States differ in what an employer may take, and most want the employee's written consent,
                           which is the employer's to have: where even this is too much, set less; 0 takes nothing
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import ImproperlyConfigured

NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?\Z")
KINDS = ("RUN", "DAY", "EMPLOYER")
RECOVERY_BP = 15_00  # below the 25 % that an ordinary creditor may have by 15 USC 1673, beside whom it comes
PERCENT_MAX = 100
Caps = tuple[int | None, int | None, int | None, Decimal | None]


def configured(environ: Mapping[str, str]) -> Caps:
    """The caps in cents, and the factor. Raises ImproperlyConfigured."""
    run, day, employer = (_number(environ, f"PAYROLL_CAP_{kind}") for kind in KINDS)
    factor = _number(environ, "PAYROLL_CAP_FACTOR")
    if factor is not None and factor <= 1:
        raise ImproperlyConfigured("PAYROLL_CAP_FACTOR must be above 1: it is how many times the mean is odd")
    return _cents(run), _cents(day), _cents(employer), factor


def recovery_bp(environ: Mapping[str, str]) -> int:
    """The share of disposable earnings that may be taken back, in hundredths of a percent.

    raises   ImproperlyConfigured
    """
    percent = _number(environ, "PAYROLL_RECOVERY_PERCENT")
    if percent is None:
        return RECOVERY_BP
    if percent > PERCENT_MAX:
        raise ImproperlyConfigured("PAYROLL_RECOVERY_PERCENT must be from 0 to 100")
    return int(percent * 100)


def _number(environ: Mapping[str, str], name: str) -> Decimal | None:
    text = environ.get(name, "")
    if text and not NUMBER.match(text):
        raise ImproperlyConfigured(f"{name} must be a number such as 250000 or 250000.00")
    return Decimal(text) if text else None


def _cents(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * 100)
