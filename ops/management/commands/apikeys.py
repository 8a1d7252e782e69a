"""Make, list and revoke the keys of the API."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from ops.api import keys
from ops.api.keys import Scope
from ops.models import ApiKey
from ops.permitted import check
from payroll.runs import Refused


class Command(BaseCommand):
    help = "Make, list and revoke the keys of programs that call the API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key; its secret is shown this once")
        create.add_argument("name", help="what the log will call it, such as hr-portal")
        create.add_argument(
            "--scope", nargs="+", action="extend", required=True, metavar="SCOPE", help=", ".join(Scope)
        )
        create.add_argument("--expires-days", type=int, metavar="N", help="default: never")
        create.add_argument("--json", action="store_true")
        revoke = verbs.add_parser("revoke", help="take a key out of force at once")
        revoke.add_argument("id")
        revoke.add_argument("--as", dest="user", default="cli", metavar="USER")
        verbs.add_parser("list", help="all keys, without their secrets").add_argument(
            "--json", action="store_true"
        )

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{verb}")(**options)
        except Refused as refused:
            raise CommandError(str(refused)) from None

    def do_create(
        self, *, name: str, scope: list[str], expires_days: int | None, json: bool, **_: Any
    ) -> None:
        key, secret = keys.create(name, scope, expires_days=expires_days)
        if json:
            self.stdout.write(to_json(facts(key) | {"secret": secret}))
            return
        self.stdout.write(f"key     {key.id}\nsecret  {secret}\nKeep the secret now: it is not shown again.")

    def do_revoke(self, *, id: str, user: str, **_: Any) -> None:
        check(user, "ops.revoke_apikey", "revoke a key")
        key = keys.revoke(id, by=user)
        self.stdout.write(
            f"{key.name} is out of force since {key.revoked_at:%Y-%m-%d %H:%M:%S} UTC, by {key.revoked_by}"
        )

    def do_list(self, *, json: bool, **_: Any) -> None:
        found = list(ApiKey.objects.all())
        if json:
            self.stdout.write(to_json({"keys": [facts(key) for key in found]}))
            return
        for key in found:
            self.stdout.write(f"{key.id}  {key.name:<24} {in_force(key)}  {' '.join(key.scopes)}")
        self.stdout.write(f"{len(found)} keys")


def in_force(key: ApiKey) -> str:
    """Until when a key may be used, or why it may not, in words."""
    if key.revoked_at:
        return "revoked"
    if key.expires_at is None:
        return "until revoked"
    return (
        f"{'until' if timezone.now() < key.expires_at else 'expired'} {key.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def facts(key: ApiKey) -> dict[str, Any]:
    """A key for a program; never its secret."""
    shown = ("id", "name", "scopes", "created_at", "expires_at", "revoked_at", "revoked_by", "last_used_at")
    return {name: getattr(key, name) for name in shown}


def to_json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, default=str)
