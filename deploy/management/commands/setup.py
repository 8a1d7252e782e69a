"""Prepare the database: migrate, grant, make the groups, and on the embedded default the two people of the demo."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.management import BaseCommand, call_command

from deploy import grants, sessions

STEER = (
    "open_payrun",
    "pause_payrun",
    "cancel_payrun",
    "undo_payrun",
    "halt_payments",
    "resume_payments",
    "decide_payorder",
    "import_bankfile",
    "change_payaccount",
    "settle_by_hand",
    "correct_payrun",
)
# What each group may do, beside looking at everything. What takes two people, both groups may: the two are never one.
GROUPS = {
    "Payroll clerks": (
        "redrive_deadletter",
        "dismiss_deadletter",
        "release_employerrun",
        "send_again_delivery",
        "revoke_apikey",
        *STEER,
    ),
    "Payroll approvers": ("approve_employerrun", *STEER),
    "Payroll auditors": (),
}
DEMO = {"maker": "Payroll clerks", "checker": "Payroll approvers"}


class Command(BaseCommand):
    """Everything a fresh machine needs before its first run; safe to repeat."""

    help = "Start the embedded database, migrate, make the groups, and the users maker and checker. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        verbosity = 0 if options["verbosity"] <= 1 else options["verbosity"]
        call_command("migrate", database="owner", interactive=False, verbosity=verbosity)
        grants.apply()
        sessions.settle()
        for name, may in GROUPS.items():
            _group(name, may)
        for username, password in settings.DEMO_PASSWORDS.items():
            _user(username, password)
        self.stdout.write("the database is ready")


def _group(name: str, may: tuple[str, ...]) -> None:
    """A group as this version has it: whoever wants another cut makes a group of their own."""
    group, _ = Group.objects.get_or_create(name=name)
    looking = Permission.objects.filter(codename__startswith="view_")
    group.permissions.set(looking | Permission.objects.filter(codename__in=may))


def _user(username: str, password: str) -> None:
    """A person of the demo, whose group is one half of a payday."""
    user, created = User.objects.get_or_create(username=username, defaults={"is_staff": True})
    if created or not user.check_password(password):
        user.set_password(password)
        user.save()
    user.groups.set(Group.objects.filter(name=DEMO.get(username, "")))
    user.user_permissions.clear()
