"""Run workers under a supervisor that sweeps, folds the read models and restarts what makes no progress."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from events.doorbells import bell
from events.supervisor import Supervisor, worker_command


class Command(BaseCommand):
    help = "Run workers of the configured doorbell (PAYROLL_DOORBELL) until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=2, help="how many workers (default: 2)")
        parser.add_argument(
            "--serve", type=int, metavar="N", help="be the worker process itself, without a supervisor"
        )

    def handle(self, *args: Any, workers: int, serve: int | None, **options: Any) -> None:
        if serve:
            bell().serve(serve)
        else:
            Supervisor(workers, worker_command()).run()
