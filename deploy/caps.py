"""How much pay may leave, from the environment: dollars, or nothing for any amount.

PAYROLL_CAP_RUN, PAYROLL_CAP_DAY, PAYROLL_CAP_EMPLOYER   the most of one run, of one day, of one employer's day
PAYROLL_CAP_FACTOR   a run this many times the mean of the employer's last ones, or this part of it, needs a second look
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import ImproperlyConfigured

NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?\Z")
KINDS = ("RUN", "DAY", "EMPLOYER")
Caps = tuple[int | None, int | None, int | None, Decimal | None]


def configured(environ: Mapping[str, str]) -> Caps:
    """The caps in cents, and the factor. Raises ImproperlyConfigured."""
    run, day, employer = (_number(environ, f"PAYROLL_CAP_{kind}") for kind in KINDS)
    factor = _number(environ, "PAYROLL_CAP_FACTOR")
    if factor is not None and factor <= 1:
        raise ImproperlyConfigured("PAYROLL_CAP_FACTOR must be above 1: it is how many times the mean is odd")
    return _cents(run), _cents(day), _cents(employer), factor


def _number(environ: Mapping[str, str], name: str) -> Decimal | None:
    text = environ.get(name, "")
    if text and not NUMBER.match(text):
        raise ImproperlyConfigured(f"{name} must be a number such as 250000 or 250000.00")
    return Decimal(text) if text else None


def _cents(dollars: Decimal | None) -> int | None:
    return None if dollars is None else int(dollars * 100)
