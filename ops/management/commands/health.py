"""Whether the machinery works, for a person or a monitor."""

import json as _json
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from ops import health


class Command(BaseCommand):
    help = "Say what is wrong with queues, workers, read models and deliveries; exit 1 when something is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        troubles = list(health.troubles())
        self.stdout.write(
            _json.dumps({"troubles": troubles}) if json else "\n".join(troubles or ["all is well"])
        )
        if troubles:
            raise CommandError(f"{len(troubles)} things are wrong")
