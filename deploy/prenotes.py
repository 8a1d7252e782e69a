"""Whether accounts that are new to an employer are asked before they are paid into, from the environment.

PAYROLL_PRENOTES   off (default), or new-accounts: a prenotification goes out in the first payment file, and pay for the
                   account is by check until that has stood three banking days. Only a payment file carries one
"""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

OFF, NEW_ACCOUNTS = "off", "new-accounts"
HTTP = "http"


def configured(environ: Mapping[str, str], gateway: str) -> str:
    """Which of the two; raises ImproperlyConfigured, also where the gateway takes no files."""
    value = environ.get("PAYROLL_PRENOTES") or OFF
    if value not in {OFF, NEW_ACCOUNTS}:
        raise ImproperlyConfigured(f"PAYROLL_PRENOTES is {value!r}; it is {OFF} or {NEW_ACCOUNTS}")
    if value != OFF and gateway == HTTP:
        raise ImproperlyConfigured(
            "PAYROLL_PRENOTES is new-accounts, and PAYROLL_GATEWAY is http: payments over HTTP carry no prenotes"
        )
    return value
