"""E-mail, through Django's EMAIL_* settings."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

from events.models import Publication
from events.outbox import Undelivered
from payroll.subscribers import message


def send(mailbox: str, publication: Publication) -> None:
    """One message, with the publication's id as Message-ID. Raises Undelivered."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("<> ") or "localhost"
    told = message.envelope(publication)
    said = {name: value for name, value in told.items() if name != "data"} | told["data"]
    employer = publication.attributes.get("employer", "")
    mail = EmailMessage(
        subject=f"[payroll {told['environment']}] {publication.topic} {employer}".strip(),
        body="\n".join(f"{name}: {value}" for name, value in said.items()),
        to=[mailbox],
        headers={"Message-ID": f"<{publication.id}@{domain}>", "Payroll-Event-Id": str(publication.id)},
    )
    try:
        mail.send()
    except (smtplib.SMTPException, OSError) as error:
        raise Undelivered(f"the mail server does not take it ({type(error).__name__})") from error
