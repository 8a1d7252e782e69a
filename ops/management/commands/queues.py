"""The queues that the workers of PAYROLL_DOORBELL=celery listen at."""

import json
from argparse import ArgumentParser
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from events import saga
from events.doorbells import bell, sqs
from events.doorbells.sqs import Depth, QueueMissing


class Command(BaseCommand):
    help = "Create or show the queues, their dead-letter queues and redrive policies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="create what is missing, and mend attributes that differ")
        show = verbs.add_parser("show", help="depth, oldest message, dead letters, attributes that differ")
        for verb in (create, show):
            verb.add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, json: bool, **options: Any) -> None:
        if not bell().HAS_BEAT:
            raise CommandError("PAYROLL_DOORBELL is not celery: the table is the only queue there is")
        try:
            getattr(self, f"do_{verb}")(json)
        except QueueMissing as missing:
            raise CommandError(str(missing)) from None
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"the queues do not answer: {error}") from None

    def do_create(self, as_json: bool) -> None:
        if not sqs.is_sqs(settings.EVENTS_BROKER_URL):
            names = [f"{settings.EVENTS_QUEUE_PREFIX}:{queue}" for queue in saga.queues()]
            self._say(as_json, {"queues": names}, ["Redis makes a queue when it is used: nothing to create"])
            return
        names = sqs.create()
        self._say(as_json, {"queues": names}, [*names, f"{len(names)} queues, each with a dead-letter queue"])

    def do_show(self, as_json: bool) -> None:
        found = list(sqs.show() if sqs.is_sqs(settings.EVENTS_BROKER_URL) else _on_redis())
        self._say(as_json, {"queues": [depth._asdict() for depth in found]}, list(map(line, found)))

    def _say(self, as_json: bool, facts: dict[str, Any], lines: list[str]) -> None:
        self.stdout.write(json.dumps(facts) if as_json else "\n".join(lines))


def line(depth: Depth) -> str:
    """One queue for people."""
    oldest = "" if depth.oldest_s is None else f", the oldest for {depth.oldest_s} s"
    text = f"{depth.name:<32} {depth.waiting:>6} waiting{oldest}, {depth.in_flight} being answered, {depth.dead} dead"
    wrong = [f"    {key} is {now}, should be {wanted}" for key, (now, wanted) in depth.differs.items()]
    return "\n".join([text, *wrong])


def _on_redis() -> list[Depth]:
    from events.doorbells import celery

    return [Depth(queue, waiting, 0, None, 0, {}) for queue, waiting in celery.depths().items()]
