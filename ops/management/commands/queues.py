"""The queues that the workers of PAYROLL_DOORBELL=celery listen at."""

import json
from argparse import ArgumentParser
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from events import queues
from events.queues import Depth, QueueMissing

NOTHING = (
    "no queue has to be created: Redis makes its own, and with django_q or polling the table is the only one"
)


class Command(BaseCommand):
    help = "Create or show the queues, their dead-letter queues and redrive policies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="create what is missing, and mend attributes that differ")
        show = verbs.add_parser("show", help="depth, oldest message, dead letters, attributes that differ")
        for verb in (create, show):
            verb.add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, json: bool, **options: Any) -> None:
        try:
            getattr(self, f"do_{verb}")(json)
        except QueueMissing as missing:
            raise CommandError(str(missing)) from None
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"the queues do not answer: {error}") from None

    def do_create(self, as_json: bool) -> None:
        names = queues.create()
        lines = [*names, f"{len(names)} queues, each with a dead-letter queue"]
        self._say(as_json, {"queues": names}, lines if names else [NOTHING])

    def do_show(self, as_json: bool) -> None:
        found = [*queues.show(), *_on_redis()]
        lines = list(map(line, found))
        self._say(as_json, {"queues": [depth._asdict() for depth in found]}, lines or [NOTHING])

    def _say(self, as_json: bool, facts: dict[str, Any], lines: list[str]) -> None:
        self.stdout.write(json.dumps(facts) if as_json else "\n".join(lines))


def line(depth: Depth) -> str:
    """One queue for people."""
    oldest = "" if depth.oldest_s is None else f", the oldest for {depth.oldest_s} s"
    text = f"{depth.name:<32} {depth.waiting:>6} waiting{oldest}, {depth.in_flight} being answered, {depth.dead} dead"
    wrong = [f"    {key} is {now}, should be {wanted}" for key, (now, wanted) in depth.differs.items()]
    return "\n".join([text, *wrong])


def _on_redis() -> list[Depth]:
    if settings.EVENTS_DOORBELL != "celery" or queues.rings_on_sqs():
        return []
    from events.doorbells import celery

    return [Depth(queue, waiting, 0, None, 0, {}) for queue, waiting in celery.depths().items()]
