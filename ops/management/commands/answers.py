"""Take the answers of downstream systems from the response queue."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from events import responses


class Command(BaseCommand):
    help = "Take answers to task tokens from the response queue of SQS, until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queue",
            default=settings.EVENTS_RESPONSE_QUEUE,
            help="default: %(default)s, PAYROLL_RESPONSE_QUEUE",
        )
        parser.add_argument("--threads", type=int, default=2, help="that poll; default: %(default)s")

    def handle(self, *args: Any, queue: str, threads: int, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            responses.serve(queue, stop, threads=max(1, threads))
        except responses.NoQueue as missing:
            raise CommandError(f"{missing}. Make it with manage.py queues create") from None
