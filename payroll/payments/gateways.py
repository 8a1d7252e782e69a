"""The configured payment gateway, and where the sandbox bank is found."""

from pathlib import Path

from django.conf import settings

from events.failures import TryAgain
from payroll import objects
from payroll.payments import ach, bank_process
from payroll.payments.gateway import AchFolder, PaymentGateway, SandboxBank
from payroll.payments.gateway_http import HttpGateway

NAMES = {"ach": AchFolder.name, "http": HttpGateway.name, "sandbox": SandboxBank.name}


def configured() -> str:
    """The name of the gateway that new orders are made for, as PAYROLL_GATEWAY says: `ach`, `http` or `sandbox`."""
    return NAMES[settings.PAYROLL_GATEWAY]


def named(name: str) -> PaymentGateway:
    """The gateway that an order was made for, whatever is configured by now.

    raises   TryAgain when the sandbox bank does not come up
    """
    if name == AchFolder.name:
        return AchFolder(objects.put_once, objects.get)
    if name == HttpGateway.name:
        return HttpGateway(settings.PAYROLL_GATEWAY_URL, settings.PAYROLL_GATEWAY_TOKEN)
    try:
        address = bank_process.ensure_running(bank_dir())
    except bank_process.BankNotRunning as down:
        raise TryAgain(f"the sandbox bank does not answer: {down}", after_s=5) from down
    return SandboxBank(address.url, address.token)


def odfi() -> ach.Bank:
    """The bank that payment files go to."""
    return ach.Bank(routing=settings.PAYROLL_ODFI_ROUTING, name=settings.PAYROLL_ODFI_NAME)


def bank_dir() -> Path:
    """Where the sandbox bank keeps its books."""
    return Path(settings.STATE_DIR) / "bank"
