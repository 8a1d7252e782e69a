"""Prepare the database: migrate, grant, and on the embedded default create the two people of the demo."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.management import BaseCommand, call_command

from deploy import grants, sessions

STEER = (
    "pause_payrun",
    "cancel_payrun",
    "halt_payments",
    "decide_payorder",
    "import_bankfile",
    "change_payaccount",
)


class Command(BaseCommand):
    """Everything a fresh machine needs before its first run; safe to repeat."""

    help = "Start the embedded database, migrate, and create the users maker and checker. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        verbosity = 0 if options["verbosity"] <= 1 else options["verbosity"]
        call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
        grants.apply()
        sessions.settle()
        for username, password in settings.DEMO_PASSWORDS.items():
            _user(username, password)
        self.stdout.write("the database is ready")


def _user(username: str, password: str) -> None:
    """A person of the demo, who may look at everything and do what their half of a payday is."""
    user, created = User.objects.get_or_create(username=username, defaults={"is_staff": True})
    if created or not user.check_password(password):
        user.set_password(password)
        user.save()
    may = Permission.objects.filter(codename__startswith="view_")
    doing = {
        "maker": ("redrive_deadletter", "dismiss_deadletter", "send_again_delivery", "revoke_apikey", *STEER),
        "checker": ("approve_employerrun", *STEER),
    }
    user.user_permissions.set(may | Permission.objects.filter(codename__in=doing.get(username, ())))
