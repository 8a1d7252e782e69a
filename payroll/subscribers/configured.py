"""The subscribers of PAYROLL_SUBSCRIBERS, ready to be told."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from events.models import Publication
from events.outbox import Subscriber
from payroll.subscribers.addresses import Address

# Imported when the first is sent: the SDK of AWS takes a tenth of a second, which few commands need to spend.
SENDS = {
    "console": "payroll.subscribers.console.send",
    "sns": "payroll.subscribers.aws.send_to_topic",
    "sqs": "payroll.subscribers.aws.send_to_queue",
    "webhook": "payroll.subscribers.webhook.send",
    "mail": "payroll.subscribers.mail.send",
}


@dataclass(frozen=True, slots=True)
class Configured:
    """A subscriber of the settings."""

    address: Address

    @property
    def name(self) -> str:
        return self.address.name

    def takes(self, topic: str) -> bool:
        return self.address.takes(topic)

    def send(self, publication: Publication) -> None:
        import_string(SENDS[self.address.kind])(self.address.target, publication)


def subscribers() -> list[Subscriber]:
    """Everybody who is told."""
    return [Configured(address) for address in settings.PAYROLL_SUBSCRIBERS]
